//! `list-bookings`: the bookings of an event that are not given back, once every sold hold has one. Changes nothing.
//!
//! A sale is confirmed a moment before or after its seats are sold, so a hold without a booking means that the list
//! would miss somebody: it fails, and is asked again.

use async_trait::async_trait;
use impresario_worker_sdk::{HandlerError, TaskContext, Transactional, Verdict};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

/// Bookings in one list at most; a saga fans out over no more either.
const BOOKINGS_MAX: usize = 1_000;

/// The handler.
pub(crate) struct ListBookings;

/// What the task asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    event_id: String,
    /// The sold holds, as the catalogue knows them.
    holds: Vec<String>,
}

/// What it gets.
#[derive(Debug, Serialize)]
pub(crate) struct Output {
    bookings: Vec<Booking>,
    count: usize,
    /// What they have cost together, in minor units of the event's currency.
    total: i64,
}

#[derive(Debug, Serialize, sqlx::FromRow)]
struct Booking {
    booking_ref: String,
    amount: i64,
}

#[async_trait]
impl Transactional for ListBookings {
    type Input = Input;
    type Output = Output;

    async fn run(
        &self,
        tx: &mut PgConnection,
        task: &TaskContext,
        input: Input,
    ) -> Result<Verdict<Output>, HandlerError> {
        let missing: i64 = sqlx::query_scalar(
            "select count(*)
               from unnest($1::text[]) as h(hold_id)
              where not exists (select from booking b where b.hold_id = h.hold_id)",
        )
        .bind(&input.holds)
        .fetch_one(&mut *tx)
        .await?;
        if missing > 0 {
            let sentence = format!("{missing} sold holds have no booking yet");
            return Ok(Verdict::failed("bookings_missing", sentence));
        }
        let bookings: Vec<Booking> = sqlx::query_as(
            "select booking_ref, amount
               from booking
              where event_id = $1 and tenant = $2 and state in ('confirmed', 'refunding')
              order by booking_ref
              limit $3",
        )
        .bind(&input.event_id)
        .bind(task.tenant())
        .bind(i64::try_from(BOOKINGS_MAX + 1).unwrap_or(i64::MAX))
        .fetch_all(tx)
        .await?;
        if bookings.len() > BOOKINGS_MAX {
            let sentence = format!("more than {BOOKINGS_MAX} bookings; too many at once");
            return Ok(Verdict::rejected("too_many_bookings", sentence));
        }
        Ok(Verdict::Done(Output {
            count: bookings.len(),
            total: bookings.iter().map(|booking| booking.amount).sum(),
            bookings,
        }))
    }
}
