//! `hold-seats`: makes free seats one saga's for a while. The price is what they cost here.
//!
//! A whole set of tasks locks its seats with one statement and is then decided in memory, in the order of the
//! set: of two tasks that want the same seat the first gets it and the second is told which were taken.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use impresario_worker_sdk::{Batch, BatchItem, HandlerError, Verdict};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::rows::{self, NewHold, Seat, SeatKey};
use crate::model::Money;

/// Seats in one hold at most; definitions usually ask for less.
const SEATS_MAX: usize = 64;
/// A hold lasts at most a day, whatever the task says.
const HOLD_SECONDS_MAX: u64 = 24 * 60 * 60;

/// The handler.
pub(crate) struct HoldSeats {
    pub(crate) hold_for: Duration,
}

/// What the task asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    event_id: String,
    seats: Vec<String>,
    /// How long, instead of the configured time.
    hold_seconds: Option<u64>,
}

/// What it gets.
#[derive(Debug, Serialize)]
pub(crate) struct Output {
    hold_id: Uuid,
    event_id: Uuid,
    price: Money,
    seats: Vec<String>,
    expires_at: String,
}

#[async_trait]
impl Batch for HoldSeats {
    type Input = Input;
    type Output = Output;

    async fn run(
        &self,
        tx: &mut PgConnection,
        items: &[BatchItem<Input>],
    ) -> Result<Vec<Verdict<Output>>, HandlerError> {
        let wanted: BTreeSet<SeatKey> = items.iter().filter_map(seat_keys).flatten().collect();
        let wanted: Vec<SeatKey> = wanted.into_iter().collect();
        let seats: HashMap<SeatKey, Seat> = rows::seats_lock(tx, &wanted)
            .await?
            .into_iter()
            .map(|seat| (seat.key.clone(), seat))
            .collect();
        let events = if seats.len() == wanted.len() {
            HashSet::new()
        } else {
            // Only when something is missing: is it the seat or the whole event?
            let asked: Vec<Uuid> = wanted.iter().map(|key| key.0).collect();
            rows::events_known(tx, &asked).await?.into_iter().collect()
        };
        let mut plan = Plan {
            seats,
            events,
            given: HashSet::new(),
            holds: Vec::new(),
        };
        let verdicts: Vec<_> = items
            .iter()
            .map(|item| plan.decide(item, self.hold_for))
            .collect();
        if !plan.holds.is_empty() {
            rows::holds_insert(tx, &plan.holds).await?;
        }
        Ok(verdicts)
    }
}

/// The seats of a well-formed input.
fn seat_keys(item: &BatchItem<Input>) -> Option<Vec<SeatKey>> {
    let event = item.input.event_id.parse().ok()?;
    Some(
        item.input
            .seats
            .iter()
            .take(SEATS_MAX)
            .map(|seat| (event, seat.clone()))
            .collect(),
    )
}

struct Plan {
    seats: HashMap<SeatKey, Seat>,
    events: HashSet<Uuid>,
    /// Given away earlier in this set.
    given: HashSet<SeatKey>,
    holds: Vec<NewHold>,
}

impl Plan {
    fn decide(&mut self, item: &BatchItem<Input>, hold_for: Duration) -> Verdict<Output> {
        let unknown_event = || Verdict::rejected("unknown_event", "there is no such event");
        let Ok(event_id) = item.input.event_id.parse::<Uuid>() else {
            return unknown_event();
        };
        let names: BTreeSet<&String> = item.input.seats.iter().collect();
        if names.is_empty() || names.len() != item.input.seats.len() || names.len() > SEATS_MAX {
            let sentence = format!("a hold is for 1 to {SEATS_MAX} different seats");
            return Verdict::rejected("bad_seats", sentence);
        }
        let keys: Vec<SeatKey> = names
            .iter()
            .map(|seat| (event_id, (*seat).clone()))
            .collect();
        let missing: Vec<&str> = keys
            .iter()
            .filter(|key| !self.seats.contains_key(*key))
            .map(|key| key.1.as_str())
            .collect();
        if !missing.is_empty() {
            if missing.len() == keys.len() && !self.events.contains(&event_id) {
                return unknown_event();
            }
            let sentence = format!("this event has no seat {}", missing.join(", "));
            return Verdict::rejected("unknown_seat", sentence);
        }
        let seats: Vec<&Seat> = keys.iter().filter_map(|key| self.seats.get(key)).collect();
        let Some(first) = seats.first() else {
            return unknown_event();
        };
        if !first.on_sale {
            return Verdict::rejected("event_closed", "the sale for this event is closed");
        }
        let taken: Vec<&str> = seats
            .iter()
            .filter(|seat| !seat.free || self.given.contains(&seat.key))
            .map(|seat| seat.key.1.as_str())
            .collect();
        if !taken.is_empty() {
            let sentence = format!("already taken: {}", taken.join(", "));
            return Verdict::rejected("seats_taken", sentence);
        }
        let seconds = item.input.hold_seconds.unwrap_or(hold_for.as_secs());
        let lasts = chrono::TimeDelta::seconds(
            i64::try_from(seconds.min(HOLD_SECONDS_MAX)).unwrap_or_default(),
        );
        let hold = NewHold {
            hold_id: Uuid::new_v4(),
            saga: item.task.saga().to_owned(),
            event_id,
            // In the order asked for.
            seats: item.input.seats.clone(),
            amount: seats.iter().map(|seat| seat.price_amount).sum(),
            currency: first.currency.clone(),
            expires_at: first.now + lasts,
        };
        self.given.extend(keys);
        let output = Output {
            hold_id: hold.hold_id,
            event_id,
            price: Money {
                amount: hold.amount,
                currency: hold.currency.clone(),
            },
            seats: hold.seats.clone(),
            expires_at: rfc3339(hold.expires_at),
        };
        self.holds.push(hold);
        Verdict::Done(output)
    }
}

fn rfc3339(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}
