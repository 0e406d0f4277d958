//! The four stories. Each makes a booking with a payment token that goes wrong in its own way.

use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::Utc;
use uuid::Uuid;

use super::check::{Check, End, conserved};
use super::stage::Stage;
use crate::client::{Booking, Order, Saga};
use crate::dev::banner::seconds;
use crate::dev::buyer::buy;
use crate::timeline::Timeline;

pub(super) const COUNT: usize = 4;

/// Seats of each booking.
const SEATS: usize = 2;

/// How long a request may be on its way to the provider before we pull the plug: it is there by then.
const ON_ITS_WAY: Duration = Duration::from_millis(400);

/// The engine is a few milliseconds from the step that we wait for.
const STEP_PATIENCE: Duration = Duration::from_secs(10);

/// A story that has happened.
pub(super) struct Told {
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) saga: Saga,
    pub(super) timeline: Timeline,
    pub(super) checks: Vec<Check>,
}

/// Lets a story happen.
pub(super) async fn tell(number: usize, stage: &mut Stage) -> anyhow::Result<Told> {
    let told = match number {
        1 => confirmed(stage).await,
        2 => declined(stage).await,
        3 => unknown(stage).await,
        _ => killed(stage).await,
    };
    told.with_context(|| format!("story {number}"))
}

async fn confirmed(stage: &mut Stage) -> anyhow::Result<Told> {
    let order = stage.buyer.order("tok_ok", SEATS).await?;
    let booking = book(stage, &order).await?;
    let mut told = ended(stage, &order, &booking, End::Sold).await?;
    told.title = "A booking that confirms";
    told.about =
        "hold the seats, authorize, pin the hold, charge (the pivot), confirm, tell the customer";
    Ok(told)
}

async fn declined(stage: &mut Stage) -> anyhow::Result<Told> {
    let order = stage.buyer.order("tok_declined", SEATS).await?;
    let booking = book(stage, &order).await?;
    let mut told = ended(stage, &order, &booking, End::Undone).await?;
    told.title = "A card that is declined: what was done is undone";
    told.about = "tok_declined: the bank says no, so the seats are released";
    Ok(told)
}

async fn unknown(stage: &mut Stage) -> anyhow::Result<Told> {
    let order = stage.buyer.order("tok_timeout_charged", SEATS).await?;
    let booking = book(stage, &order).await?;
    let mut told = ended(stage, &order, &booking, End::Sold).await?;
    let asked = has_dispatched(&told.saga, "capture", "reconcile");
    told.title = "A charge whose answer never comes: the outcome is unknown, and is found out";
    told.about = "tok_timeout_charged: the provider charges and stays silent; nobody guesses, nobody charges again";
    told.checks.push(Check::of(
        asked,
        "the engine asked the provider what had become of the charge",
    ));
    Ok(told)
}

async fn killed(stage: &mut Stage) -> anyhow::Result<Told> {
    let order = stage.buyer.order("tok_slow", SEATS).await?;
    let key = Uuid::new_v4().to_string();
    let first = stage
        .server()
        .book(&order, &key, Duration::ZERO)
        .await?
        .booking;
    under_way(stage, &first, "authorize").await?;
    tokio::time::sleep(ON_ITS_WAY).await;

    let killed_at = Utc::now();
    let dead = stage
        .platform
        .kill_node()
        .context("there is no node to kill")?;
    let begun = Instant::now();
    stage
        .platform
        .start_node()
        .await
        .context("start the node again")?;
    let (back_at, took) = (Utc::now(), seconds(begun.elapsed()));
    let alive = stage.platform.node_pid().unwrap_or_default();

    let again = stage.server().book(&order, &key, Duration::ZERO).await?;
    let booking = buy(stage.server(), &order, &key).await?.booking;
    let mut told = ended(stage, &order, &booking, End::Sold).await?;
    told.title = "kill -9 in the middle of a payment";
    told.about =
        "tok_slow: the bank takes 3 s; meanwhile engine and workers are killed and started again";
    told.timeline.insert(
        killed_at,
        format!("kill -9 {dead}: engine and workers are gone"),
    );
    told.timeline.insert(
        back_at,
        format!("started again as {alive}, ready after {took}"),
    );
    told.checks.push(Check::of(
        again.replayed && again.booking.id == first.id && booking.id == first.id,
        "the same order under the same Idempotency-Key gives the same booking",
    ));
    Ok(told)
}

async fn book(stage: &Stage, order: &Order) -> anyhow::Result<Booking> {
    let key = Uuid::new_v4().to_string();
    Ok(buy(stage.server(), order, &key).await?.booking)
}

/// The end of a story: its saga, its timeline, and what must hold.
async fn ended(
    stage: &mut Stage,
    order: &Order,
    booking: &Booking,
    end: End,
) -> anyhow::Result<Told> {
    let (saga, _) = stage.server().saga(&booking.id).await?;
    let checks = conserved(stage, order, booking, &saga, end).await?;
    Ok(Told {
        title: "",
        about: "",
        timeline: Timeline::of(&saga),
        saga,
        checks,
    })
}

/// Waits until a step is with its worker.
async fn under_way(stage: &Stage, booking: &Booking, step: &str) -> anyhow::Result<()> {
    let end = Instant::now() + STEP_PATIENCE;
    loop {
        let (saga, _) = stage.server().saga(&booking.id).await?;
        let state = saga
            .steps
            .iter()
            .find(|found| found.id == step)
            .map(|found| &found.state);
        if state.is_some_and(|state| state == "running") {
            return Ok(());
        }
        anyhow::ensure!(
            Instant::now() < end && !saga.is_settled(),
            "`{step}` is not under way: {}",
            saga.explanation
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn has_dispatched(saga: &Saga, step: &str, operation: &str) -> bool {
    saga.journal
        .iter()
        .flat_map(|entry| &entry.events)
        .any(|event| {
            event["event"] == "dispatched"
                && event["step"] == step
                && event["operation"] == operation
        })
}
