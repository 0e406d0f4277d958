//! `void-tickets` and `restore-tickets`: a booking is claimed for a refund, and its tickets open no door any more.
//!
//! One saga at a time: a second one that wants the same booking waits, and is told afterwards that it was refunded.
//! Until the refund is recorded the seats belong to the booking still, so restoring finds them free of other tickets.

use async_trait::async_trait;
use impresario_metrics::table::TICKETS;
use impresario_worker_sdk::{
    Compensation, ForwardEffect, HandlerError, TaskContext, Transactional, Undo, Verdict,
};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row};

/// The handler of `void-tickets`.
pub(crate) struct VoidTickets;
/// The handler of `restore-tickets`.
pub(crate) struct RestoreTickets;

/// What the task asks.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    booking_ref: String,
    /// That it was given back before is no failure: there is just nothing to do.
    #[serde(default)]
    accept_refunded: bool,
}

/// What is needed to give the rest back.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Output {
    /// False when it was given back before.
    voided: bool,
    booking_ref: String,
    event_id: String,
    hold_id: String,
    seats: Vec<String>,
    charge_id: String,
    price: Price,
    customer_email: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Price {
    amount: i64,
    currency: String,
}

#[async_trait]
impl Transactional for VoidTickets {
    type Input = Input;
    type Output = Output;

    async fn run(
        &self,
        tx: &mut PgConnection,
        task: &TaskContext,
        input: Input,
    ) -> Result<Verdict<Output>, HandlerError> {
        let Some((state, mut output)) = load(tx, task.tenant(), &input.booking_ref).await? else {
            return Ok(Verdict::rejected(
                "unknown_booking",
                "there is no such booking",
            ));
        };
        if output.hold_id.is_empty() {
            let sentence = "this booking does not say which hold its seats have";
            return Ok(Verdict::rejected("no_hold", sentence));
        }
        match state.as_str() {
            "confirmed" => {}
            "refunding" => {
                let sentence = "another refund of this booking is under way";
                return Ok(Verdict::failed("refund_under_way", sentence));
            }
            _ if input.accept_refunded => return Ok(Verdict::Done(output)),
            _ => {
                let sentence = "this booking was given back already";
                return Ok(Verdict::rejected("already_refunded", sentence));
            }
        }
        set(tx, &output.booking_ref, "refunding", Some(task.saga())).await?;
        tickets(tx, &output.booking_ref, "void").await?;
        output.voided = true;
        Ok(Verdict::Done(output))
    }
}

/// The booking, locked, and what it says.
async fn load(
    tx: &mut PgConnection,
    tenant: &str,
    booking_ref: &str,
) -> Result<Option<(String, Output)>, sqlx::Error> {
    let row = sqlx::query(
        "select b.state, b.event_id, coalesce(b.hold_id, '') as hold_id, b.charge_id, b.amount,
                b.currency, b.customer_email,
                array(select t.seat from ticket t where t.booking_ref = b.booking_ref order by t.seat)
                    as seats
           from booking b
          where b.booking_ref = $1 and b.tenant = $2
            for update of b",
    )
    .bind(booking_ref)
    .bind(tenant)
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let output = Output {
        voided: false,
        booking_ref: booking_ref.to_owned(),
        event_id: row.try_get("event_id")?,
        hold_id: row.try_get("hold_id")?,
        seats: row.try_get("seats")?,
        charge_id: row.try_get("charge_id")?,
        price: Price {
            amount: row.try_get("amount")?,
            currency: row.try_get("currency")?,
        },
        customer_email: row.try_get("customer_email")?,
    };
    Ok(Some((row.try_get("state")?, output)))
}

async fn set(
    tx: &mut PgConnection,
    booking_ref: &str,
    state: &str,
    refund_saga: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query("update booking set state = $2, refund_saga = $3 where booking_ref = $1")
        .bind(booking_ref)
        .bind(state)
        .bind(refund_saga)
        .execute(tx)
        .await?;
    Ok(())
}

async fn tickets(tx: &mut PgConnection, booking_ref: &str, state: &str) -> Result<(), sqlx::Error> {
    let changed = sqlx::query("update ticket set state = $2 where booking_ref = $1")
        .bind(booking_ref)
        .bind(state)
        .execute(tx)
        .await?;
    if state == "void" {
        TICKETS.with(["voided"]).increment(changed.rows_affected());
    }
    Ok(())
}

#[async_trait]
impl Compensation for RestoreTickets {
    async fn undo(
        &self,
        tx: &mut PgConnection,
        _task: &TaskContext,
        forward: ForwardEffect,
    ) -> Result<Undo, HandlerError> {
        let output: Output = forward.output()?;
        if output.voided {
            set(tx, &output.booking_ref, "confirmed", None).await?;
            tickets(tx, &output.booking_ref, "live").await?;
        }
        Ok(Undo::done())
    }
}
