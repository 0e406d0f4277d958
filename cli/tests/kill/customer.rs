//! One customer's talk with the platform about one wish; every question and answer is taken down.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Answer, Silence};
use crate::history::Request;
use crate::load::{Shared, Wish};

/// Words of the customer's view after which there is nothing to watch.
const SETTLED: [&str; 4] = ["confirmed", "declined", "cancelled", "needs_attention"];

pub(crate) struct Customer<'a> {
    shared: &'a Shared,
    wish: &'a Wish,
    process: String,
    /// The booking's number, once an answer told it: it is durable.
    pub(crate) saga: Option<String>,
    settled: bool,
}

impl<'a> Customer<'a> {
    pub(crate) fn new(shared: &'a Shared, wish: &'a Wish, process: String) -> Customer<'a> {
        Customer {
            shared,
            wish,
            process,
            saga: None,
            settled: false,
        }
    }

    /// The twin is the same person.
    pub(crate) fn learn(&mut self, twin: Customer<'_>) {
        self.saga = self.saga.take().or(twin.saga);
        self.settled |= twin.settled;
    }

    fn ask(&self, op: &'static str, replica: usize) -> Request {
        Request {
            process: self.process.clone(),
            op,
            key: self.wish.key.clone(),
            replica,
        }
    }

    pub(crate) async fn start(&mut self, replica: usize, wait: u8) {
        let request = self.ask("start", replica);
        let Wish { key, body, never } = self.wish;
        let asked = json!({ "body": body, "never": never });
        self.shared.history.note("invoke", &request, asked);
        let answer = self.shared.client.book(replica, key, body, wait).await;
        if self.heard(&request, answer) {
            self.shared.was_answered(replica);
        }
    }

    /// Looks until it is settled, for a while: the end check looks once more at all of them.
    pub(crate) async fn watch(&mut self, saga: &str, mut replica: usize) {
        let until = Instant::now() + self.shared.crowd.watch;
        while !self.settled && Instant::now() < until && !self.shared.has_stopped() {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let request = self.ask("look", replica);
            self.shared.history.note("invoke", &request, json!({}));
            let answer = self.shared.client.look(replica, saga).await;
            if answer.is_err() {
                replica = 1 - replica;
            }
            self.heard(&request, answer);
        }
    }

    /// Support staff looks, and cancels what they saw; again when it has moved on meanwhile.
    pub(crate) async fn cancel(&mut self, saga: &str, mut replica: usize) {
        let key = format!("cancel-{}", self.wish.key);
        for _ in 0..20 {
            let client = &self.shared.client;
            let seen = match client.saga(replica, saga).await {
                Ok(Answer {
                    etag: Some(seen), ..
                }) => seen,
                Ok(_) | Err(_) => {
                    replica = 1 - replica;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            };
            let request = self.ask("cancel", replica);
            self.shared.history.note("invoke", &request, json!({}));
            match client.command(replica, saga, &seen, "cancel", &key).await {
                Ok(Answer { status, body, .. }) => {
                    let word = if status < 300 { "ok" } else { "fail" };
                    let said = json!({ "http": status, "why": body["detail"] });
                    self.shared.history.note(word, &request, said);
                    if status != 412 {
                        return;
                    }
                }
                Err(silence) => {
                    let said = json!({ "why": silence });
                    self.shared.history.note("info", &request, said);
                    replica = 1 - replica;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }

    /// Takes an answer down that shows the booking; whether it does.
    fn heard(&mut self, request: &Request, answer: Result<Answer, Silence>) -> bool {
        let history = &self.shared.history;
        match answer {
            Ok(Answer { status, body, etag }) if matches!(status, 200..=202) => {
                let word = body["status"].as_str().unwrap_or_default();
                self.settled |= SETTLED.contains(&word);
                self.saga = body["id"].as_str().map(str::to_owned).or(self.saga.take());
                let reference = body["facts"]["booking_ref"].as_str();
                let facts = reference.map_or(json!({}), |told| json!({ "booking_ref": told }));
                let said = json!({
                    "http": status,
                    "saga": body["id"],
                    "status": word,
                    "version": etag.as_deref().and_then(version),
                    "facts": facts,
                });
                history.note("ok", request, said);
                true
            }
            Ok(Answer { status, body, .. }) => {
                let said = json!({ "http": status, "why": body.to_string() });
                history.note("fail", request, said);
                false
            }
            Err(silence) => {
                history.note("info", request, json!({ "why": silence }));
                false
            }
        }
    }
}

/// The number in an entity tag, `"seq-N"`.
fn version(etag: &str) -> Option<Value> {
    let digits = etag.strip_prefix("\"seq-")?.strip_suffix('"')?;
    Some(json!(digits.parse::<i64>().ok()?))
}
