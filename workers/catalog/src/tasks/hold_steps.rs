//! `pin-hold` and `sell-seats`: what only the owner of a living hold may do.
//!
//! Pinning takes the expiry away; selling makes it final. A hold that expired or belongs to another saga is
//! `hold_lost`, also when its seats happen to be free still: whoever holds them next may be faster. Nothing of an event
//! that was closed is pinned any more; what was pinned before is sold.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use impresario_worker_sdk::{Batch, BatchItem, HandlerError, Verdict};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::rows::{self, Hold, Seat, SeatKey};
use crate::model::HoldState;

/// The handler of `pin-hold`.
pub(crate) struct PinHold;
/// The handler of `sell-seats`.
pub(crate) struct SellSeats;

/// What both ask.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    hold_id: Uuid,
}

#[derive(Debug, Serialize)]
pub(crate) struct Pinned {
    hold_id: Uuid,
}

#[derive(Debug, Serialize)]
pub(crate) struct Sold {
    seats: Vec<String>,
}

#[async_trait]
impl Batch for PinHold {
    type Input = Input;
    type Output = Pinned;

    async fn run(
        &self,
        tx: &mut PgConnection,
        items: &[BatchItem<Input>],
    ) -> Result<Vec<Verdict<Pinned>>, HandlerError> {
        let kept = keep(tx, items, Keep::Pinned).await?;
        Ok(answer(kept, |hold| Pinned {
            hold_id: hold.hold_id,
        }))
    }
}

#[async_trait]
impl Batch for SellSeats {
    type Input = Input;
    type Output = Sold;

    async fn run(
        &self,
        tx: &mut PgConnection,
        items: &[BatchItem<Input>],
    ) -> Result<Vec<Verdict<Sold>>, HandlerError> {
        let kept = keep(tx, items, Keep::Sold).await?;
        Ok(answer(kept, |hold| Sold {
            seats: hold.seats.clone(),
        }))
    }
}

/// What a hold becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Pinned,
    Sold,
}

/// Whether an item may have its hold.
#[derive(Clone, Copy)]
enum Fate {
    Kept(Uuid),
    Lost,
    EventClosed,
}

/// The set's holds, and for each item what becomes of it.
struct Kept {
    holds: HashMap<Uuid, Hold>,
    items: Vec<Fate>,
}

fn answer<O>(kept: Kept, output: impl Fn(&Hold) -> O) -> Vec<Verdict<O>> {
    let lost = || Verdict::rejected("hold_lost", "the hold expired or belongs to another saga");
    kept.items
        .iter()
        .map(|fate| match fate {
            Fate::Kept(id) => kept
                .holds
                .get(id)
                .map_or_else(lost, |hold| Verdict::Done(output(hold))),
            Fate::Lost => lost(),
            Fate::EventClosed => {
                Verdict::rejected("event_closed", "the sale for this event is closed")
            }
        })
        .collect()
}

/// Moves every item's hold that is its saga's and alive to another state.
async fn keep(
    tx: &mut PgConnection,
    items: &[BatchItem<Input>],
    to: Keep,
) -> Result<Kept, HandlerError> {
    let ids: BTreeSet<Uuid> = items.iter().map(|item| item.input.hold_id).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let holds: HashMap<Uuid, Hold> = rows::holds_lock(tx, &ids)
        .await?
        .into_iter()
        .map(|hold| (hold.hold_id, hold))
        .collect();
    let keys: BTreeSet<SeatKey> = holds.values().flat_map(Hold::seat_keys).collect();
    let keys: Vec<SeatKey> = keys.into_iter().collect();
    // Locked before they are judged: between a look at the hold and a write to its seats it may expire, and
    // another saga may take them over. The event is looked at after the hold is locked: see `sold-holds`.
    let seats: HashMap<SeatKey, Seat> = rows::seats_lock(tx, &keys)
        .await?
        .into_iter()
        .map(|seat| (seat.key.clone(), seat))
        .collect();
    let judge = |item: &BatchItem<Input>| {
        let hold = holds
            .get(&item.input.hold_id)
            .filter(|hold| hold.saga == item.task.saga());
        hold.map_or(Fate::Lost, |hold| fate(hold, &seats, to))
    };
    let items: Vec<Fate> = items.iter().map(judge).collect();
    let kept: HashSet<Uuid> = items
        .iter()
        .filter_map(|fate| match fate {
            Fate::Kept(id) => Some(*id),
            Fate::Lost | Fate::EventClosed => None,
        })
        .collect();
    if !kept.is_empty() {
        let keys: Vec<SeatKey> = kept
            .iter()
            .filter_map(|id| holds.get(id))
            .flat_map(Hold::seat_keys)
            .collect();
        let ids: Vec<Uuid> = kept.into_iter().collect();
        let state = match to {
            Keep::Pinned => HoldState::Pinned,
            Keep::Sold => HoldState::Sold,
        };
        rows::holds_set_state(tx, &ids, state).await?;
        rows::seats_keep(tx, &keys, to == Keep::Sold).await?;
    }
    Ok(Kept { holds, items })
}

fn fate(hold: &Hold, seats: &HashMap<SeatKey, Seat>, to: Keep) -> Fate {
    let open = match hold.state {
        HoldState::Held => !hold.expired,
        HoldState::Pinned => true,
        HoldState::Sold => to == Keep::Sold,
        HoldState::Released | HoldState::Expired => false,
    };
    let mut on_sale = true;
    for key in hold.seat_keys() {
        match seats.get(&key) {
            Some(seat) if open && seat.hold_id == Some(hold.hold_id) => on_sale &= seat.on_sale,
            Some(_) | None => return Fate::Lost,
        }
    }
    // A hold that was pinned in time stays so, whatever becomes of the sale.
    if to == Keep::Pinned && hold.state == HoldState::Held && !on_sale {
        return Fate::EventClosed;
    }
    Fate::Kept(hold.hold_id)
}
