//! A customer who books the next free seat through the public API, and does not give up when nobody answers:
//! the same order under the same key is sent again, which books once.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context;
use tokio::time::Instant;

use crate::client::{Booking, Error, Made, Order, Server};

/// One wait of the server.
const WAIT: Duration = Duration::from_secs(20);

/// How long a customer tries: longer than a restart, and than the worst token.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between tries when nobody answers.
const PAUSE: Duration = Duration::from_millis(50);

/// A customer.
#[derive(Clone, Debug)]
pub(crate) struct Buyer {
    server: Server,
    count: u32,
    /// Seats that were ordered before: orders that follow each other at once must not want the same ones.
    ordered: HashSet<String>,
}

impl Buyer {
    pub(crate) fn new(server: Server) -> Buyer {
        Buyer {
            server,
            count: 0,
            ordered: HashSet::new(),
        }
    }

    /// An order for the next free seats of the largest event, paid with this token.
    pub(crate) async fn order(&mut self, token: &str, seats: usize) -> anyhow::Result<Order> {
        let events = self.server.events().await?;
        let event = events
            .into_iter()
            .filter(|event| event.seats_free > 0)
            .max_by_key(|event| event.seats)
            .context("every event is sold out: `impresario dev reset` makes new ones")?;
        let map = self.server.seats(&event.event_id).await?;
        let mut free: Vec<String> = map
            .into_iter()
            .filter(|seat| seat.status == "free")
            .map(|seat| seat.seat)
            .collect();
        // A stable sort: fresh seats in the order of the map, then those that have been given back.
        free.sort_by_key(|seat| self.ordered.contains(seat));
        free.truncate(seats);
        let seats = free;
        anyhow::ensure!(
            !seats.is_empty(),
            "somebody took the last seat of {}",
            event.title
        );
        self.ordered.extend(seats.iter().cloned());
        self.count += 1;
        Ok(Order {
            event_id: event.event_id,
            seats,
            customer_email: format!("guest-{}@example.org", self.count),
            payment_token: token.to_owned(),
        })
    }
}

/// Sends an order until it is answered, and waits for its end.
pub(crate) async fn buy(server: &Server, order: &Order, key: &str) -> Result<Made, Error> {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = server.book(order, key, WAIT).await;
        let again = match &answer {
            Ok(made) => !made.booking.is_settled(),
            Err(error) => error.is_passing(),
        };
        if !again || Instant::now() >= end {
            return answer;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One line about how a booking ended.
pub(crate) fn told(booking: &Booking) -> String {
    let price = booking
        .price()
        .map(|price| format!("  {price}"))
        .unwrap_or_default();
    format!(
        "{}  {}{price}  {}",
        booking.id, booking.status, booking.sentence
    )
}
