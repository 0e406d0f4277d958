//! Child sagas that run: whoever asks one again hears that it is still at it, as in production.

use super::{Fate, Micros, Says, Task};
use crate::saga::{Operation, Outcome, UnitIndex};

/// The children of one saga, with the instant at which each ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Children {
    running: Vec<(UnitIndex, u32, Micros)>,
}

impl Children {
    /// Forgets everything, for the next saga.
    pub(crate) fn clear(&mut self) {
        self.running.clear();
    }

    /// What a child that was asked before says now, unless it has ended.
    pub(crate) fn asked_again(&self, task: &Task, now: Micros) -> Option<Fate> {
        let asks = task.child && task.operation == Operation::Forward;
        let still = |(unit, generation, ends): &(UnitIndex, u32, Micros)| {
            *unit == task.unit && *generation == task.generation && *ends > now
        };
        (asks && self.running.iter().any(still)).then(|| Fate {
            acts: false,
            says: Says::Verbatim(Box::new(Outcome::Heartbeat)),
            lag: 0,
            takes: 0,
        })
    }

    /// A child is asked for the first time. One that says nothing stands before a human, and never ends.
    pub(crate) fn begins(&mut self, task: &Task, fate: &Fate, now: Micros) {
        if task.child && task.operation == Operation::Forward {
            let ends = match fate.says {
                Says::Nothing => Micros::MAX,
                Says::Truth
                | Says::Rejected(_)
                | Says::Failed(_)
                | Says::Unknown(_)
                | Says::StillOpen(_)
                | Says::Expired
                | Says::Verbatim(_) => now + fate.lag + fate.takes,
            };
            self.running.push((task.unit, task.generation, ends));
        }
    }
}
