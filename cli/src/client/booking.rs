//! Bookings and what can be booked: the customer's side of the API.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Error, Server};

/// What a customer orders.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Order {
    pub(crate) event_id: String,
    pub(crate) seats: Vec<String>,
    pub(crate) customer_email: String,
    pub(crate) payment_token: String,
}

/// What a customer may read about a booking.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Booking {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) sentence: String,
    #[serde(default)]
    pub(crate) facts: BTreeMap<String, Value>,
}

/// The answer to an order.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) booking: Booking,
    /// Whether the key had been used for the same order before.
    pub(crate) replayed: bool,
}

/// An event on sale.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Event {
    pub(crate) event_id: String,
    pub(crate) title: String,
    pub(crate) seats: i64,
    pub(crate) seats_free: i64,
}

/// A place in a seat map.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Seat {
    pub(crate) seat: String,
    pub(crate) status: String,
}

/// Minor units of a currency.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Money {
    pub(crate) amount: i64,
    pub(crate) currency: String,
}

/// What an account of the ledger holds.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Balance {
    pub(crate) account: String,
    #[serde(flatten)]
    pub(crate) money: Money,
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}.{:02} {}",
            self.amount / 100,
            self.amount % 100,
            self.currency
        )
    }
}

impl Booking {
    /// The price, once the seats are held.
    pub(crate) fn price(&self) -> Option<Money> {
        self.facts
            .get("price")
            .and_then(|price| serde_json::from_value(price.clone()).ok())
    }

    /// Whether nothing happens any more by itself.
    pub(crate) fn is_settled(&self) -> bool {
        !matches!(self.status.as_str(), "processing" | "undoing")
    }
}

impl Server {
    /// Orders; the same key orders once, however often it is sent. Waits so long for the end.
    pub(crate) async fn book(
        &self,
        order: &Order,
        key: &str,
        wait: Duration,
    ) -> Result<Made, Error> {
        let request = self
            .request(Method::POST, "/v1/bookings")
            .header("idempotency-key", key)
            .header("prefer", format!("wait={}", wait.as_secs()))
            .json(order);
        let answer = self.send(request).await?;
        let replayed = answer.headers().contains_key("idempotent-replayed");
        Ok(Made {
            booking: self.read(answer).await?,
            replayed,
        })
    }

    /// The events on sale, soonest first; the first page is all that demos have.
    pub(crate) async fn events(&self) -> Result<Vec<Event>, Error> {
        Ok(self.get::<Page<Event>>("/v1/events").await?.data)
    }

    /// The payment pool's ledger.
    pub(crate) async fn balances(&self) -> Result<Vec<Balance>, Error> {
        Ok(self.get::<Page<Balance>>("/v1/ledger/balances").await?.data)
    }

    /// The whole seat map of an event.
    pub(crate) async fn seats(&self, event_id: &str) -> Result<Vec<Seat>, Error> {
        let mut seats = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/events/{event_id}/seats?limit=500{cursor}");
            let page: Page<Seat> = self.get(&path).await?;
            seats.extend(page.data);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(seats),
            }
        }
    }
}
