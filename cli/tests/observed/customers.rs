//! Customers, all at once: most book, some are declined, one is never answered, one takes a seat that is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::platform::Platform;

/// Customers at the same time: a little load, so that the machine may be busy with other things.
const CUSTOMERS: usize = 8;

/// Between two orders of one customer. Together they take 40 seats a second at most, so the house lasts for eight
/// minutes; in one that is sold out nobody pays any more, and payment workers have nothing in their hands.
const PAUSE: Duration = Duration::from_millis(200);

/// The house that everybody wants: 200 rows of 100.
const ROWS: usize = 200;
const SEATS_PER_ROW: usize = 100;

/// What they pay with, in turn.
const TOKENS: [&str; 12] = [
    "tok_ok",
    "tok_ok",
    "tok_declined",
    "tok_ok",
    "tok_flaky",
    "tok_ok",
    "tok_slow",
    "tok_ok",
    "tok_timeout_charged",
    "tok_ok",
    "tok_timeout_uncharged",
    "tok_ok",
];

pub(crate) struct Customers {
    runtime: Runtime,
    tasks: JoinSet<()>,
    stop: Arc<AtomicBool>,
    booked: Arc<AtomicUsize>,
}

impl Customers {
    pub(crate) fn start(platform: &Platform) -> Customers {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (stop, booked) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let mut tasks = JoinSet::new();
        for number in 0..CUSTOMERS {
            let customer = Customer {
                number,
                api: platform.api(number % 2),
                http: reqwest::Client::builder().no_proxy().build().unwrap(),
                stop: stop.clone(),
                booked: Arc::clone(&booked),
            };
            tasks.spawn_on(customer.live(), runtime.handle());
        }
        Customers {
            runtime,
            tasks,
            stop,
            booked,
        }
    }

    /// How many bookings have come about so far.
    pub(crate) fn booked(&self) -> usize {
        self.booked.load(Ordering::Relaxed)
    }

    /// Lets them finish; how many bookings came about.
    pub(crate) fn stop(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.runtime.block_on(async {
            while let Some(ended) = self.tasks.join_next().await {
                ended.unwrap();
            }
        });
        self.booked()
    }
}

struct Customer {
    number: usize,
    api: String,
    http: reqwest::Client,
    stop: Arc<AtomicBool>,
    booked: Arc<AtomicUsize>,
}

impl Customer {
    async fn live(self) {
        let event = self.largest_event().await;
        if self.number == 0 {
            self.post("/v1/unluckies", "unlucky", &json!({}), false)
                .await;
        }
        for turn in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            // A seat of one's own, but for one in ten that somebody else has taken.
            let seat = if turn % 10 == 9 {
                0
            } else {
                turn * CUSTOMERS + self.number
            };
            let token = TOKENS[(turn + self.number) % TOKENS.len()];
            let body = json!({
                "event_id": event,
                "seats": [seat_name(seat)],
                "customer_email": format!("guest-{}@example.org", self.number),
                "payment_token": token,
            });
            // Who is never answered is not waited for.
            let waits = !token.starts_with("tok_timeout") && token != "tok_slow";
            let key = format!("{}-{turn}", self.number);
            let answer = self.post("/v1/bookings", &key, &body, waits).await;
            let confirmed = answer["status"] == "confirmed";
            self.booked
                .fetch_add(usize::from(confirmed), Ordering::Relaxed);
            // And now and then something that is no order at all.
            if turn % 16 == 3 {
                self.post(
                    "/v1/bookings",
                    &format!("{key}-bad"),
                    &json!({ "seats": [] }),
                    false,
                )
                .await;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn largest_event(&self) -> String {
        let url = format!("{}/v1/events", self.api);
        let events: Value = self
            .http
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let events = events["data"].as_array().unwrap().clone();
        let largest = events
            .iter()
            .max_by_key(|event| event["seats"].as_u64())
            .unwrap();
        largest["event_id"].as_str().unwrap().to_owned()
    }

    async fn post(&self, path: &str, key: &str, body: &Value, waits: bool) -> Value {
        let mut request = self
            .http
            .post(format!("{}{path}", self.api))
            .header("idempotency-key", key)
            .timeout(Duration::from_secs(30))
            .json(body);
        if waits {
            request = request.header("prefer", "wait=10");
        }
        match request.send().await {
            Ok(answer) => answer.json().await.unwrap_or_default(),
            Err(_gone) => Value::Null,
        }
    }
}

/// Rows are named A to Z, then AA to ZZ.
fn seat_name(number: usize) -> String {
    assert!(
        number < ROWS * SEATS_PER_ROW,
        "the house is sold out: nobody pays any more"
    );
    let (row, seat) = (number / SEATS_PER_ROW, number % SEATS_PER_ROW + 1);
    let letter = |place: usize| char::from(b'A' + u8::try_from(place).unwrap());
    match row / 26 {
        0 => format!("{}{seat}", letter(row)),
        more => format!("{}{}{seat}", letter(more - 1), letter(row % 26)),
    }
}
