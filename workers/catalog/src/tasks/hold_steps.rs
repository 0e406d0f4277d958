//! `pin-hold` and `sell-seats`: what only the owner of a living hold may do.
//!
//! Pinning takes the expiry away; selling makes it final. A hold that expired or belongs to another saga is
//! `hold_lost`, also when its seats happen to be free still: whoever holds them next may be faster.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use impresario_worker_sdk::{Batch, BatchItem, HandlerError, Verdict};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::rows::{self, Hold, SeatKey};
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
        let kept = keep(tx, items, HoldState::Pinned).await?;
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
        let kept = keep(tx, items, HoldState::Sold).await?;
        Ok(answer(kept, |hold| Sold {
            seats: hold.seats.clone(),
        }))
    }
}

/// The set's holds, and for each item the one it may have.
struct Kept {
    holds: HashMap<Uuid, Hold>,
    items: Vec<Option<Uuid>>,
}

fn answer<O>(kept: Kept, output: impl Fn(&Hold) -> O) -> Vec<Verdict<O>> {
    kept.items
        .iter()
        .map(|id| match id.and_then(|id| kept.holds.get(&id)) {
            Some(hold) => Verdict::Done(output(hold)),
            None => Verdict::rejected("hold_lost", "the hold expired or belongs to another saga"),
        })
        .collect()
}

/// Moves every item's hold that is its saga's and alive to `state`.
async fn keep(
    tx: &mut PgConnection,
    items: &[BatchItem<Input>],
    state: HoldState,
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
    // another saga may take them over.
    let owners: HashMap<SeatKey, Option<Uuid>> = rows::seats_lock(tx, &keys)
        .await?
        .into_iter()
        .map(|seat| (seat.key, seat.hold_id))
        .collect();
    let alive = |hold: &Hold| {
        let open = match hold.state {
            HoldState::Held => !hold.expired,
            HoldState::Pinned => true,
            HoldState::Sold => state == HoldState::Sold,
            HoldState::Released | HoldState::Expired => false,
        };
        open && hold
            .seat_keys()
            .all(|key| owners.get(&key) == Some(&Some(hold.hold_id)))
    };
    let items: Vec<Option<Uuid>> = items
        .iter()
        .map(|item| {
            let hold = holds.get(&item.input.hold_id)?;
            (hold.saga == item.task.saga() && alive(hold)).then_some(hold.hold_id)
        })
        .collect();
    let kept: HashSet<Uuid> = items.iter().flatten().copied().collect();
    if !kept.is_empty() {
        let keys: Vec<SeatKey> = kept
            .iter()
            .filter_map(|id| holds.get(id))
            .flat_map(Hold::seat_keys)
            .collect();
        let ids: Vec<Uuid> = kept.into_iter().collect();
        rows::holds_set_state(tx, &ids, state).await?;
        rows::seats_keep(tx, &keys, state == HoldState::Sold).await?;
    }
    Ok(Kept { holds, items })
}
