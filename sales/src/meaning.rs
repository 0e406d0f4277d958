//! What one event means for the sums.
//!
//! Each key (a hold, a booking) adds something to its event as long as it is what it is, and its last event alone says
//! what. So it does not matter by which way it came there, or whether its beginning was seen.

use impresario_feed::Told;
use serde::Deserialize;

use crate::error::Error;

/// What the last event of a key says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A hold keeps so many seats, now.
    Hold {
        /// Of which event.
        event_id: String,
        /// How many.
        taken: i64,
    },
    /// A booking counts, or does not any more.
    Booking {
        /// Of which event.
        event_id: String,
        /// One or none.
        bookings: i64,
        /// What it brings, in minor units.
        revenue: i64,
    },
    /// An event is in this state.
    Event(EventData, &'static str),
    /// An event has more seats.
    Seats {
        /// Which.
        event_id: String,
        /// So many more.
        more: i64,
    },
    /// Nothing for the sums.
    Nothing,
}

/// What an event is called.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct EventData {
    pub(crate) event_id: String,
    pub(crate) title: String,
    pub(crate) starts_at: String,
    pub(crate) currency: String,
}

#[derive(Deserialize)]
struct HoldData {
    event_id: String,
    seats: Vec<String>,
}

#[derive(Deserialize)]
struct BookingData {
    event_id: String,
    amount: i64,
}

#[derive(Deserialize)]
struct SeatsData {
    event_id: String,
    seats: i64,
}

/// Reads an event. A type that it does not know means nothing: newer pools tell more.
pub(crate) fn of(told: &Told) -> Result<Meaning, Error> {
    Ok(match told.kind.as_str() {
        "impresario.catalog.seats-held.v1"
        | "impresario.catalog.seats-pinned.v1"
        | "impresario.catalog.seats-sold.v1" => hold(told, true)?,
        "impresario.catalog.seats-released.v1" | "impresario.catalog.seats-expired.v1" => {
            hold(told, false)?
        }
        "impresario.catalog.seats-added.v1" => {
            let SeatsData { event_id, seats } = read(told)?;
            let more = seats;
            Meaning::Seats { event_id, more }
        }
        "impresario.catalog.event-on-sale.v1" => Meaning::Event(read(told)?, "on_sale"),
        "impresario.catalog.event-closed.v1" => Meaning::Event(read(told)?, "closed"),
        "impresario.catalog.event-cancelled.v1" => Meaning::Event(read(told)?, "cancelled"),
        // The money of a booking that is being given back is there until it is gone.
        "impresario.booking.confirmed.v1" | "impresario.booking.refunding.v1" => {
            booking(told, true)?
        }
        "impresario.booking.cancelled.v1" | "impresario.booking.refunded.v1" => {
            booking(told, false)?
        }
        _ => Meaning::Nothing,
    })
}

fn hold(told: &Told, keeps: bool) -> Result<Meaning, Error> {
    let HoldData { event_id, seats } = read(told)?;
    let many = i64::try_from(seats.len()).unwrap_or(i64::MAX);
    let taken = if keeps { many } else { 0 };
    Ok(Meaning::Hold { event_id, taken })
}

fn booking(told: &Told, counts: bool) -> Result<Meaning, Error> {
    let BookingData { event_id, amount } = read(told)?;
    Ok(Meaning::Booking {
        event_id,
        bookings: i64::from(counts),
        revenue: if counts { amount } else { 0 },
    })
}

fn read<'a, T: Deserialize<'a>>(told: &'a Told) -> Result<T, Error> {
    serde_json::from_slice(&told.data).map_err(|source| Error::Unreadable {
        key: told.key.clone(),
        sequence: told.sequence,
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: &str, data: &str) -> Told {
        Told {
            topic: "t".into(),
            partition: 0,
            offset: 0,
            kind: kind.into(),
            key: "k".into(),
            sequence: 1,
            at: String::new(),
            data: data.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_hold_takes_its_seats_until_it_is_released_and_a_booking_counts_until_it_is_refunded() {
        let data = r#"{"event_id":"e","seats":["A1","A2"]}"#;
        for (kind, taken) in [
            ("held", 2),
            ("pinned", 2),
            ("sold", 2),
            ("released", 0),
            ("expired", 0),
        ] {
            let meaning = of(&told(&format!("impresario.catalog.seats-{kind}.v1"), data)).unwrap();
            let event_id = "e".to_owned();
            assert_eq!(meaning, Meaning::Hold { event_id, taken }, "{kind}");
        }
        let data = r#"{"event_id":"e","amount":900}"#;
        for (kind, bookings) in [
            ("confirmed", 1),
            ("refunding", 1),
            ("refunded", 0),
            ("cancelled", 0),
        ] {
            let meaning = of(&told(&format!("impresario.booking.{kind}.v1"), data)).unwrap();
            let booking = Meaning::Booking {
                event_id: "e".to_owned(),
                bookings,
                revenue: bookings * 900,
            };
            assert_eq!(meaning, booking, "{kind}");
        }
        assert_eq!(
            of(&told("impresario.booking.moved.v1", "")).unwrap(),
            Meaning::Nothing
        );
    }
}
