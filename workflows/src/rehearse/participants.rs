//! The made-up participants of one saga: a barrier row for each effect key, kept with the effect.
//!
//! As in the real ones the first write wins: an effect that happened is answered with its output again, a stored
//! rejection stays one, and after an undoing there is a tombstone that refuses a late task. So whatever a world
//! makes them say, what they did is one consistent history ([`Participants::changes`]).

use serde_json::Value;

use super::fate::{Fate, Says, problem};
use super::{Micros, Task};
use crate::StepIndex;
use crate::saga::{Operation, Outcome, Problem, UnitIndex};

/// What is kept about one effect key, for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    Applied,
    Rejected(Problem),
    /// Undone, or made never to happen.
    Gone,
}

/// An effect came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) at: Micros,
    /// The step that the unit belongs to.
    pub(crate) step: StepIndex,
    pub(crate) came: bool,
}

/// All participants of one saga.
#[derive(Clone, Debug, Default)]
pub(crate) struct Participants {
    /// A saga has few keys: looking through them is faster than hashing.
    kept: Vec<((UnitIndex, u32), Kept)>,
    changes: Vec<Change>,
}

impl Participants {
    /// Forgets everything, for the next saga.
    pub(crate) fn clear(&mut self) {
        self.kept.clear();
        self.changes.clear();
    }

    /// A participant has worked on `task`: what happens at `at`, and what it answers, if it does. `output` is
    /// asked for when the effect is there.
    pub(crate) fn serve(
        &mut self,
        task: &Task,
        fate: &Fate,
        at: Micros,
        output: impl FnOnce() -> Value,
    ) -> Option<Outcome> {
        match task.operation {
            Operation::Forward => self.forward(task, fate, at),
            Operation::Compensate => self.compensate(task, fate, at),
            Operation::Reconcile => self.reconcile(task, fate),
        }
        match &fate.says {
            Says::Nothing => None,
            Says::Expired => Some(Outcome::Expired),
            Says::Verbatim(outcome) => Some(Outcome::clone(outcome)),
            Says::Failed(why) => Some(Outcome::Failed(why.clone())),
            Says::Unknown(why) => Some(Outcome::Unknown(why.clone())),
            Says::StillOpen(why) => Some(Outcome::StillOpen(why.clone())),
            Says::Truth | Says::Rejected(_) => Some(self.truth(task, output)),
        }
    }

    fn forward(&mut self, task: &Task, fate: &Fate, at: Micros) {
        if self.find(task).is_some() {
            return;
        }
        if let Says::Rejected(why) = &fate.says {
            self.keep(task, Kept::Rejected(why.clone()));
        } else if fate.acts {
            self.keep(task, Kept::Applied);
            self.changed(task, at, true);
        }
    }

    fn compensate(&mut self, task: &Task, fate: &Fate, at: Micros) {
        if !fate.acts {
            return;
        }
        if self.find(task) == Some(&Kept::Applied) {
            self.changed(task, at, false);
        }
        if !matches!(self.find(task), Some(Kept::Rejected(_))) {
            self.keep(task, Kept::Gone);
        }
    }

    /// Whoever is asked for an effect that is not there makes sure that it never will be.
    fn reconcile(&mut self, task: &Task, fate: &Fate) {
        if fate.acts && self.find(task).is_none() {
            self.keep(task, Kept::Gone);
        }
    }

    /// What the books say about what was asked.
    fn truth(&self, task: &Task, output: impl FnOnce() -> Value) -> Outcome {
        match (task.operation, self.find(task)) {
            (Operation::Forward, None) => Outcome::Failed(problem("not_done")),
            (Operation::Forward, Some(Kept::Applied)) => Outcome::Succeeded(output()),
            (Operation::Forward, Some(Kept::Rejected(why))) => Outcome::Rejected(why.clone()),
            (Operation::Forward, Some(Kept::Gone)) => Outcome::Refused,
            (Operation::Compensate, Some(Kept::Gone | Kept::Rejected(_))) => {
                Outcome::Succeeded(Value::Null)
            }
            (Operation::Compensate, None | Some(Kept::Applied)) => {
                Outcome::Failed(problem("not_undone"))
            }
            (Operation::Reconcile, None) => Outcome::StillOpen(problem("not_looked_up")),
            (Operation::Reconcile, Some(Kept::Applied)) => Outcome::Applied(output()),
            (Operation::Reconcile, Some(Kept::Rejected(why))) => Outcome::Closed(why.clone()),
            (Operation::Reconcile, Some(Kept::Gone)) => Outcome::Closed(problem("not_found")),
        }
    }

    /// Effects in the order in which they came and went.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Whether an effect of this unit is there, under any of its keys.
    pub(crate) fn is_there(&self, unit: UnitIndex) -> bool {
        self.kept
            .iter()
            .any(|((kept, _), state)| *kept == unit && *state == Kept::Applied)
    }

    fn find(&self, task: &Task) -> Option<&Kept> {
        self.kept
            .iter()
            .find(|(key, _)| *key == (task.unit, task.generation))
            .map(|(_, kept)| kept)
    }

    fn keep(&mut self, task: &Task, kept: Kept) {
        let key = (task.unit, task.generation);
        match self.kept.iter_mut().find(|(known, _)| *known == key) {
            Some((_, state)) => *state = kept,
            None => self.kept.push((key, kept)),
        }
    }

    fn changed(&mut self, task: &Task, at: Micros, came: bool) {
        self.changes.push(Change {
            at,
            step: task.step,
            came,
        });
    }
}
