//! A closed loop of customers against both replicas, some of them impatient, some who press twice, some cancelled
//! by support staff at any moment.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::chance::Chance;
use crate::client::Client;
use crate::customer::Customer;
use crate::history::History;

/// What kind of customers come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    pub(crate) clients: usize,
    /// Tokens and how often each is used.
    pub(crate) tokens: &'static [(&'static str, usize)],
    /// What a booking with this token can never come to.
    pub(crate) never: fn(&str) -> Vec<&'static str>,
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

pub(crate) struct Shared {
    pub(crate) crowd: Crowd,
    pub(crate) client: Client,
    pub(crate) history: Arc<History>,
    events: Vec<String>,
    next_seat: AtomicUsize,
    next_key: AtomicUsize,
    stop: AtomicBool,
    /// Answers to starts, by replica: what shows that a replica is back.
    answered: [AtomicUsize; 2],
    seed: u64,
}

/// What a customer wants.
pub(crate) struct Wish {
    pub(crate) key: String,
    pub(crate) body: Value,
    pub(crate) never: Vec<&'static str>,
}

impl Load {
    /// Lets them come; what they do is written into `records`.
    pub(crate) fn start(
        runtime: &Runtime,
        client: &Client,
        events: &[String],
        crowd: Crowd,
        seed: u64,
        records: &Path,
    ) -> Load {
        let history = Arc::new(History::new(&records.join("ops.ndjson")));
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
                runtime.spawn(come(shared.clone(), number, chance))
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

    /// Nobody gets another answer: the platform is gone, and they with it.
    pub(crate) fn abandon(self, runtime: &Runtime) -> Arc<History> {
        for client in self.clients {
            client.abort();
            // Aborted, or just through.
            let _either = runtime.block_on(client);
        }
        self.history.flush();
        self.history
    }

    /// Customers of before press the button again, one after the other.
    pub(crate) fn ask_again(&self, runtime: &Runtime, wishes: &[Wish]) {
        runtime.block_on(async {
            for wish in wishes {
                let mut customer = Customer::new(&self.shared, wish, "again".to_owned());
                let until = Instant::now() + STUBBORN;
                while customer.saga.is_none() && Instant::now() < until {
                    customer.start(0, self.shared.crowd.wait).await;
                }
            }
        });
    }

    /// Lets everybody finish what they are at.
    pub(crate) fn stop(self, runtime: &Runtime) -> Arc<History> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            runtime.block_on(client).unwrap();
        }
        self.history.flush();
        self.history
    }
}

async fn come(shared: Arc<Shared>, number: usize, mut chance: Chance) {
    while !shared.has_stopped() {
        let wish = shared.wish(&mut chance);
        book(&shared, number, &wish, &mut chance).await;
        shared.history.wish_ended();
        let (from, to) = shared.crowd.pause;
        tokio::time::sleep(chance.millis(from, to)).await;
    }
}

async fn book(shared: &Shared, number: usize, wish: &Wish, chance: &mut Chance) {
    let cancel = chance
        .percent(shared.crowd.cancelled)
        .then(|| chance.millis(0, 400));
    let impatient = chance.percent(10);
    // Who is going to cancel wants to know the booking's number at once.
    let wait = if cancel.is_some() {
        0
    } else {
        shared.crowd.wait
    };
    let stop_asking = Instant::now() + STUBBORN;
    let mut customer = Customer::new(shared, wish, format!("customer-{number}"));
    let mut replica = chance.below(2);
    loop {
        if chance.percent(5) {
            // The double click, at both replicas at once.
            let mut twin = Customer::new(shared, wish, format!("customer-{number}-twin"));
            tokio::join!(customer.start(replica, wait), twin.start(1 - replica, wait));
            customer.learn(twin);
        } else {
            customer.start(replica, wait).await;
        }
        if let Some(saga) = customer.saga.clone() {
            if let Some(after) = cancel {
                tokio::time::sleep(after).await;
                customer.cancel(&saga, replica).await;
            }
            customer.watch(&saga, replica).await;
            return;
        }
        if impatient || Instant::now() > stop_asking {
            return;
        }
        tokio::time::sleep(chance.millis(50, 400)).await;
        replica = 1 - replica;
    }
}

impl Shared {
    fn wish(&self, chance: &mut Chance) -> Wish {
        let number = self.next_key.fetch_add(1, Ordering::Relaxed);
        let key = format!("kill-{}-{number}", self.seed);
        let token = chance.weighted(self.crowd.tokens);
        let count = 1 + chance.below(2);
        let own = self.next_seat.fetch_add(count, Ordering::Relaxed);
        let (event, seats) = if own + count > OWN_SEATS || chance.percent(self.crowd.contended) {
            // The quartet: six rows of ten. Neighbours, so that wishes overlap without being equal.
            let row = ["A", "B", "C", "D", "E", "F"][chance.below(6)];
            let first = 1 + chance.below(9);
            let seats = first..first + count;
            (2, seats.map(|n| format!("{row}{n}")).collect::<Vec<_>>())
        } else {
            (3, (own..own + count).map(own_seat).collect())
        };
        Wish {
            body: json!({
                "event_id": self.events[event],
                "seats": seats,
                "customer_email": format!("{key}@example.org"),
                "payment_token": token,
            }),
            key,
            never: (self.crowd.never)(token),
        }
    }

    pub(crate) fn was_answered(&self, replica: usize) {
        self.answered[replica].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
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
