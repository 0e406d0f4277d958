//! `confirm`: writes the booking and its tickets. And `cancel-booking`, which voids them.
//!
//! Two bookings of one seat cannot both be live: the set looks first, and the unique index decides a race.
//! When it does, the set rolls back and its items come again one by one; who loses even then answers `failed`,
//! and the next attempt finds the winner.

use std::collections::HashSet;

use async_trait::async_trait;
use impresario_metrics::table::TICKETS;
use impresario_worker_sdk::{
    Batch, BatchItem, Compensation, ForwardEffect, HandlerError, TaskContext, Undo, Verdict,
};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use crate::code;

/// The handler of `confirm`.
pub(crate) struct Confirm;
/// The handler of `cancel-booking`.
pub(crate) struct CancelBooking;

/// What the task asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    event_id: String,
    seats: Vec<String>,
    hold_id: Option<String>,
    customer_email: String,
    charge_id: String,
    price: Price,
}

#[derive(Debug, Deserialize)]
struct Price {
    amount: i64,
    currency: String,
}

/// What it gets.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Output {
    booking_ref: String,
    tickets: Vec<Ticket>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Ticket {
    seat: String,
    code: String,
}

type SeatKey = (String, String);

fn seat_keys(input: &Input) -> impl Iterator<Item = SeatKey> {
    input
        .seats
        .iter()
        .map(|seat| (input.event_id.clone(), seat.clone()))
}

#[async_trait]
impl Batch for Confirm {
    type Input = Input;
    type Output = Output;

    async fn run(
        &self,
        tx: &mut PgConnection,
        items: &[BatchItem<Input>],
    ) -> Result<Vec<Verdict<Output>>, HandlerError> {
        let wanted: HashSet<SeatKey> = items
            .iter()
            .flat_map(|item| seat_keys(&item.input))
            .collect();
        let wanted: Vec<SeatKey> = wanted.into_iter().collect();
        let mut taken = live_tickets(tx, &wanted).await?;
        let mut confirmed = Vec::new();
        let mut verdicts = Vec::with_capacity(items.len());
        for item in items {
            let keys: HashSet<SeatKey> = seat_keys(&item.input).collect();
            if keys.is_empty() || keys.len() != item.input.seats.len() {
                verdicts.push(Verdict::rejected(
                    "bad_seats",
                    "a booking is for different seats",
                ));
                continue;
            }
            if let Some((_, seat)) = keys.iter().find(|key| taken.contains(*key)) {
                let sentence = format!("seat {seat} has a ticket already");
                verdicts.push(Verdict::rejected("seat_already_ticketed", sentence));
                continue;
            }
            taken.extend(keys);
            let output = output(item);
            confirmed.push((item, output.booking_ref.clone()));
            verdicts.push(Verdict::Done(output));
        }
        if !confirmed.is_empty() {
            insert(tx, &confirmed).await?;
        }
        Ok(verdicts)
    }
}

fn output(item: &BatchItem<Input>) -> Output {
    let effect = item.task.effect().to_string();
    let event = &item.input.event_id;
    let ticket = |seat: &String| Ticket {
        seat: seat.clone(),
        code: code::ticket_code(&effect, event, seat),
    };
    Output {
        booking_ref: code::booking_ref(&effect),
        tickets: item.input.seats.iter().map(ticket).collect(),
    }
}

async fn live_tickets(
    tx: &mut PgConnection,
    keys: &[SeatKey],
) -> Result<HashSet<SeatKey>, sqlx::Error> {
    // Seat by seat: a plain join that is planned while the table is small reads all live tickets for each set, and goes
    // on to do so when there are many.
    let found: Vec<SeatKey> = sqlx::query_as(
        "select k.event_id, k.seat
           from unnest($1::text[], $2::text[]) as k(event_id, seat),
                lateral (select from ticket t
                          where t.event_id = k.event_id and t.seat = k.seat and t.state = 'live'
                          limit 1) as live",
    )
    .bind(keys.iter().map(|key| key.0.as_str()).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.1.as_str()).collect::<Vec<_>>())
    .fetch_all(tx)
    .await?;
    Ok(found.into_iter().collect())
}

type Confirmed<'a> = (&'a BatchItem<Input>, String);

/// Writes bookings with their tickets.
async fn insert(tx: &mut PgConnection, bookings: &[Confirmed<'_>]) -> Result<(), sqlx::Error> {
    let text = |of: fn(&Input) -> &str| -> Vec<&str> {
        bookings.iter().map(|(item, _)| of(&item.input)).collect()
    };
    let tickets = tickets(bookings);
    sqlx::query(
        "with booked as (
             insert into booking (booking_ref, saga, tenant, event_id, hold_id, customer_email,
                                  charge_id, amount, currency)
             select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
                                  $6::text[], $7::text[], $8::int8[], $9::text[]))
         insert into ticket (event_id, seat, booking_ref, code)
         select * from unnest($10::text[], $11::text[], $12::text[], $13::text[])",
    )
    .bind(
        bookings
            .iter()
            .map(|(_, reference)| reference.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        bookings
            .iter()
            .map(|(item, _)| item.task.saga())
            .collect::<Vec<_>>(),
    )
    .bind(
        bookings
            .iter()
            .map(|(item, _)| item.task.tenant())
            .collect::<Vec<_>>(),
    )
    .bind(text(|input| &input.event_id))
    .bind(
        bookings
            .iter()
            .map(|(item, _)| item.input.hold_id.as_deref())
            .collect::<Vec<_>>(),
    )
    .bind(text(|input| &input.customer_email))
    .bind(text(|input| &input.charge_id))
    .bind(
        bookings
            .iter()
            .map(|(item, _)| item.input.price.amount)
            .collect::<Vec<_>>(),
    )
    .bind(text(|input| &input.price.currency))
    .bind(tickets.iter().map(|row| row.0).collect::<Vec<_>>())
    .bind(tickets.iter().map(|row| row.1).collect::<Vec<_>>())
    .bind(tickets.iter().map(|row| row.2).collect::<Vec<_>>())
    .bind(tickets.iter().map(|row| row.3.as_str()).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    TICKETS.with(["issued"]).increment(tickets.len() as u64);
    Ok(())
}

/// Event, seat, booking and code of each ticket, in the order of the unique index: two sets that share seats wait
/// instead of deadlocking.
fn tickets<'a>(bookings: &'a [Confirmed<'_>]) -> Vec<(&'a str, &'a str, &'a str, String)> {
    let mut rows = Vec::new();
    for (item, reference) in bookings {
        let effect = item.task.effect().to_string();
        let event = item.input.event_id.as_str();
        for seat in &item.input.seats {
            let code = code::ticket_code(&effect, event, seat);
            rows.push((event, seat.as_str(), reference.as_str(), code));
        }
    }
    rows.sort_unstable();
    rows
}

#[async_trait]
impl Compensation for CancelBooking {
    async fn undo(
        &self,
        tx: &mut PgConnection,
        _task: &TaskContext,
        forward: ForwardEffect,
    ) -> Result<Undo, HandlerError> {
        let booked: Output = forward.output()?;
        let voided = sqlx::query("update ticket set state = 'void' where booking_ref = $1")
            .bind(&booked.booking_ref)
            .execute(&mut *tx)
            .await?;
        TICKETS.with(["voided"]).increment(voided.rows_affected());
        sqlx::query("update booking set state = 'cancelled' where booking_ref = $1")
            .bind(&booked.booking_ref)
            .execute(tx)
            .await?;
        Ok(Undo::done())
    }
}
