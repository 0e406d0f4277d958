//! A saga in memory: a cache of its journal, and the inputs that wait for it.

use std::collections::VecDeque;
use std::sync::Arc;

use impresario_workflows::saga::{Input, State, Status};
use impresario_workflows::{Definition, Millis};

use super::message::Origin;
use crate::store::sagas::Loaded;

/// One saga that the lane has something to do with.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) place: Place,
    /// Inputs that cannot be decided yet, in order of arrival.
    pub(super) waiting: VecDeque<Pending>,
}

/// Where the saga is in the lane's turn. Boxed, because it moves from place to place twice a turn.
#[derive(Debug)]
pub(super) enum Place {
    /// Being read from the store.
    Loading,
    /// As stored (as far as we know).
    Idle(Box<Saga>),
    /// With decisions in the next batch: the state is what it will be once that is committed.
    InBatch(Box<Saga>),
    /// In the batch that is being committed: decides nothing until that is answered.
    InFlight(Box<Saga>),
}

/// The cached saga.
#[derive(Debug)]
pub(super) struct Saga {
    pub(super) definition: Arc<Definition>,
    pub(super) tenant: Arc<str>,
    pub(super) partition: u16,
    /// Shared with those who wait for it: each decision makes a new one.
    pub(super) state: Arc<State>,
    /// Number of the last journal row that is (or in a batch: will be) in place.
    pub(super) seq: i32,
    pub(super) stored: StoredRow,
    /// The earliest timer that the lane holds for it.
    pub(super) armed: Option<Millis>,
}

/// What the saga's row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoredRow {
    pub(super) status: Status,
    pub(super) wake_at: Option<Millis>,
}

/// An input on its way to a decision.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) input: Input,
    pub(super) origin: Origin,
    /// For the journal: what it was, in words.
    pub(super) note: String,
    /// Whether the saga was read from the store after the input had arrived.
    pub(super) verified: bool,
}

impl Pending {
    /// An input from the lane itself.
    pub(super) fn engine(input: Input) -> Pending {
        let note = input.name().to_owned();
        Pending {
            input,
            origin: Origin::Engine,
            note,
            verified: false,
        }
    }
}

impl Slot {
    pub(super) fn loading() -> Slot {
        Slot {
            place: Place::Loading,
            waiting: VecDeque::new(),
        }
    }
}

impl Saga {
    /// A saga as read from the store.
    pub(super) fn from_store(loaded: Loaded) -> Saga {
        let status = loaded.state.status(&loaded.definition);
        Saga {
            definition: loaded.definition,
            tenant: Arc::from(loaded.tenant.as_str()),
            partition: loaded.partition,
            state: Arc::new(loaded.state),
            seq: loaded.seq,
            stored: StoredRow {
                status,
                wake_at: loaded.wake_at,
            },
            armed: None,
        }
    }

    pub(super) fn status(&self) -> Status {
        self.state.status(&self.definition)
    }

    /// What the saga's row should hold at `now`, for the decisions of its journal row `seq`. A wake-up that is stored
    /// already and early enough stays: too early a look is cheaper than a write per step. Quarantined and ended sagas
    /// have none.
    pub(super) fn row_wanted(&self, seq: i32, now: Millis) -> StoredRow {
        let need = self.state.next_wake(&self.definition);
        let wake_at = match (need, self.stored.wake_at) {
            (Some(need), Some(stored)) if stored <= need && stored > now => Some(stored),
            // So early that a later step has no need to pull it in, while the saga is as quick as it should be. One
            // that begins by sleeping is not: it would be looked at for nothing.
            (Some(need), None) if seq == 1 && self.state.waiting().next().is_none() => {
                Some(need.min(now + shortest_wait(&self.definition)))
            }
            (need, _) => need,
        };
        StoredRow {
            status: self.status(),
            wake_at,
        }
    }
}

/// Sagas are not looked at sooner than this for nothing: the look costs those that are still open a journal row.
const SHORTEST_WAIT_MIN: Millis = 1_000;

/// The shortest wait for an answer that a step going forward may begin.
fn shortest_wait(definition: &Definition) -> Millis {
    let waits = definition.steps.iter().map(|step| step.timeout_ms);
    waits
        .min()
        .unwrap_or(Millis::MAX / 2)
        .max(SHORTEST_WAIT_MIN)
}
