//! A closed loop of customers against both replicas, some of them impatient, some who press twice, some cancelled
//! by support staff at any moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::chance::Chance;
use crate::client::{Answer, Client, Silence};
use crate::history::{Cancelled, History, Operation, Told};

/// What kind of customers come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    pub(crate) clients: usize,
    /// Tokens and how often each is used.
    pub(crate) tokens: &'static [(&'static str, usize)],
    /// In a hundred: bookings of seats that others want too.
    pub(crate) contended: usize,
    /// In a hundred: bookings that support staff cancels.
    pub(crate) cancelled: usize,
    /// Seconds that a start waits for the end.
    pub(crate) wait: u8,
    /// How long a customer watches a booking before going on to the next.
    pub(crate) watch: Duration,
    /// Milliseconds between two bookings of a customer, from and to.
    pub(crate) pause: (usize, usize),
}

/// The seats of the event that everybody wants: rows A..GR of 100, one after another.
const OWN_SEATS: usize = 20_000;

/// A customer who knows what he wants asks again for so long.
const STUBBORN: Duration = Duration::from_secs(60);

/// The running load.
pub(crate) struct Load {
    pub(crate) history: Arc<History>,
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

struct Shared {
    crowd: Crowd,
    client: Client,
    history: Arc<History>,
    events: Vec<String>,
    next_seat: AtomicUsize,
    next_key: AtomicUsize,
    stop: AtomicBool,
    /// Answers to starts, by replica: what shows that a replica is back.
    answered: [AtomicUsize; 2],
    seed: u64,
}

impl Load {
    pub(crate) fn start(
        runtime: &Runtime,
        client: &Client,
        events: &[String],
        crowd: Crowd,
        seed: u64,
    ) -> Load {
        let history = Arc::new(History::new());
        let shared = Arc::new(Shared {
            crowd,
            client: client.clone(),
            history: history.clone(),
            events: events.to_vec(),
            next_seat: AtomicUsize::new(0),
            next_key: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            answered: [AtomicUsize::new(0), AtomicUsize::new(0)],
            seed,
        });
        let clients = (0..crowd.clients)
            .map(|number| {
                let name = u64::try_from(number).unwrap_or_default();
                let chance = Chance::new(seed).branch(name + 1);
                runtime.spawn(customer(shared.clone(), chance))
            })
            .collect();
        Load {
            history,
            shared,
            clients,
        }
    }

    /// Answers to starts so far, by replica.
    pub(crate) fn answered(&self) -> [usize; 2] {
        [0, 1].map(|replica: usize| self.shared.answered[replica].load(Ordering::Relaxed))
    }

    /// Lets everybody finish what they are at.
    pub(crate) fn stop(self, runtime: &Runtime) -> Arc<History> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            runtime.block_on(client).unwrap();
        }
        self.history
    }
}

async fn customer(shared: Arc<Shared>, mut chance: Chance) {
    while !shared.stop.load(Ordering::Relaxed) {
        let operation = shared.wish(&mut chance);
        let operation = shared.book(operation, &mut chance).await;
        shared.history.keep(operation);
        let (from, to) = shared.crowd.pause;
        tokio::time::sleep(chance.millis(from, to)).await;
    }
}

impl Shared {
    fn wish(&self, chance: &mut Chance) -> Operation {
        let number = self.next_key.fetch_add(1, Ordering::Relaxed);
        let key = format!("kill-{}-{number}", self.seed);
        let token = chance.weighted(self.crowd.tokens);
        let count = 1 + chance.below(2);
        let own = self.next_seat.fetch_add(count, Ordering::Relaxed);
        if own + count > OWN_SEATS || chance.percent(self.crowd.contended) {
            // The quartet: six rows of ten. Neighbours, so that wishes overlap without being equal.
            let row = ["A", "B", "C", "D", "E", "F"][chance.below(6)];
            let first = 1 + chance.below(9);
            let seats = (first..first + count)
                .map(|n| format!("{row}{n}"))
                .collect();
            return Operation::new(key, self.events[2].clone(), seats, token);
        }
        let seats = (own..own + count).map(own_seat).collect();
        Operation::new(key, self.events[3].clone(), seats, token)
    }

    async fn book(&self, mut operation: Operation, chance: &mut Chance) -> Operation {
        let body = json!({
            "event_id": operation.event,
            "seats": operation.seats,
            "customer_email": format!("{}@example.org", operation.key),
            "payment_token": operation.token,
        });
        let cancel = chance
            .percent(self.crowd.cancelled)
            .then(|| chance.millis(0, 400));
        let impatient = chance.percent(10);
        // Who is going to cancel wants to know the booking's number at once.
        let wait = if cancel.is_some() { 0 } else { self.crowd.wait };
        let stop_asking = Instant::now() + STUBBORN;
        let mut replica = chance.below(2);
        loop {
            let post = |at| self.client.book(at, &operation.key, &body, wait);
            let answers = if chance.percent(5) {
                // The double click, at both replicas at once.
                let (one, two) = tokio::join!(post(replica), post(1 - replica));
                vec![(replica, one), (1 - replica, two)]
            } else {
                vec![(replica, post(replica).await)]
            };
            let mut settled = false;
            for (at, answer) in answers {
                settled |= self.heard(&mut operation, at, answer);
            }
            if operation.told == Told::Acknowledged {
                if let Some(after) = cancel {
                    tokio::time::sleep(after).await;
                    self.cancel(&mut operation, replica).await;
                }
                if !settled {
                    self.watch(&mut operation, replica).await;
                }
                return operation;
            }
            if impatient || Instant::now() > stop_asking {
                operation.told = Told::Info;
                return operation;
            }
            tokio::time::sleep(chance.millis(50, 400)).await;
            replica = 1 - replica;
        }
    }

    /// Takes an answer to a start down; whether it is settled.
    fn heard(
        &self,
        operation: &mut Operation,
        replica: usize,
        answer: Result<Answer, Silence>,
    ) -> bool {
        match answer {
            Ok(Answer { status, body, .. }) if matches!(status, 200..=202) => {
                self.answered[replica].fetch_add(1, Ordering::Relaxed);
                operation.told = Told::Acknowledged;
                let word = body["status"].as_str().unwrap_or_default().to_owned();
                operation.note(&self.history, format!("POST at {replica}: {status} {word}"));
                operation.saw(&body)
            }
            Ok(Answer { status, body, .. }) => {
                self.surprise(operation, "POST", replica, status, &body);
                false
            }
            Err(silence) => {
                operation.note(&self.history, format!("POST at {replica}: {silence}"));
                false
            }
        }
    }

    /// Looks until it is settled, for a while: the end check looks once more at all of them.
    async fn watch(&self, operation: &mut Operation, mut replica: usize) {
        let Some(saga) = operation.sagas.first().cloned() else {
            return;
        };
        let until = Instant::now() + self.crowd.watch;
        while Instant::now() < until && !self.stop.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(200)).await;
            match self.client.look(replica, &saga).await {
                Ok(Answer {
                    status: 200, body, ..
                }) => {
                    if operation.saw(&body) {
                        let word = body["status"].as_str().unwrap_or_default().to_owned();
                        operation.note(&self.history, format!("GET at {replica}: {word}"));
                        return;
                    }
                }
                Ok(Answer { status, body, .. }) => {
                    self.surprise(operation, "GET", replica, status, &body);
                }
                Err(silence) => {
                    operation.note(&self.history, format!("GET at {replica}: {silence}"));
                    replica = 1 - replica;
                }
            }
        }
    }

    /// Support staff looks, and cancels what they saw; again when it has moved on meanwhile.
    async fn cancel(&self, operation: &mut Operation, mut replica: usize) {
        let Some(saga) = operation.sagas.first().cloned() else {
            return;
        };
        operation.cancelled = Some(Cancelled::Info);
        let key = format!("cancel-{}", operation.key);
        for _ in 0..20 {
            let seen = match self.client.saga(replica, &saga).await {
                Ok(Answer {
                    etag: Some(seen),
                    status: 200,
                    ..
                }) => seen,
                Ok(Answer { status, body, .. }) => {
                    self.surprise(operation, "GET saga", replica, status, &body);
                    return;
                }
                Err(silence) => {
                    operation.note(&self.history, format!("GET saga at {replica}: {silence}"));
                    replica = 1 - replica;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            };
            match self
                .client
                .command(replica, &saga, &seen, "cancel", &key)
                .await
            {
                Ok(Answer {
                    status: status @ (200 | 202),
                    ..
                }) => {
                    operation.note(
                        &self.history,
                        format!("cancel at {replica} {seen}: {status}"),
                    );
                    operation.cancelled = Some(Cancelled::Taken(status));
                    return;
                }
                Ok(Answer { status: 412, .. }) => {}
                Ok(Answer {
                    status: 409, body, ..
                }) => {
                    let why = body["detail"].as_str().unwrap_or_default().to_owned();
                    operation.note(
                        &self.history,
                        format!("cancel at {replica} {seen}: 409 {why}"),
                    );
                    operation.cancelled = Some(Cancelled::Refused(why));
                    return;
                }
                Ok(Answer { status, body, .. }) => {
                    self.surprise(operation, "cancel", replica, status, &body);
                    return;
                }
                Err(silence) => {
                    operation.note(&self.history, format!("cancel at {replica}: {silence}"));
                    replica = 1 - replica;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    fn surprise(
        &self,
        operation: &mut Operation,
        what: &str,
        replica: usize,
        status: u16,
        body: &Value,
    ) {
        let at = self.history.seconds();
        let told = format!("{what} at {replica}: {status} {body}");
        self.history
            .odd(format!("{at:.3} s {} {told}", operation.key));
        operation.note(&self.history, told);
    }
}

/// `A1` to `A100`, `B1` …, `Z100`, `AA1` …: as they are seeded.
fn own_seat(number: usize) -> String {
    let (row, place) = (number / 100, number % 100 + 1);
    let letter = |n: usize| char::from(b'A' + u8::try_from(n).unwrap_or_default());
    let last = letter(row % 26);
    match row / 26 {
        0 => format!("{last}{place}"),
        more => format!("{}{last}{place}", letter(more - 1)),
    }
}
