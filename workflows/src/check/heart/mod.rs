//! The production heart, asked once for each pair of saga and question.
//!
//! Sagas that are the same to the explorer ([`canon`]) have one number, and what the heart said about them is
//! remembered: worlds that differ only in what their participants may have done cost a look-up.
//!
//! Here too is what each decision has to keep by itself, whatever the world around it looks like: nothing is sent
//! forward on the way back, nothing before what it needs, and no saga falls silent.

mod ask;
mod canon;
mod conduct;
mod fate;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::rc::Rc;

pub use ask::{Ask, Budget, Idle, Spending};
pub(crate) use canon::is_unmappable;
pub use fate::Site;

use super::hash::Hashes;
use super::properties::Breach;
use super::skeleton::{Fate, Skeleton, Unit};
use crate::saga::{Command, Decision, Dispatch, Event, Forward, Operation, State};

/// Number of a canonical saga.
pub type SagaId = u32;

/// A question that the heart did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// The question.
    pub ask: Ask,
    /// What it did instead.
    pub reason: String,
}

/// One thing that may follow from a question.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Conditions and inputs that made the difference.
    pub fates: Vec<(Site, Fate)>,
    /// The saga afterwards.
    pub next: SagaId,
    /// What was sent.
    pub sent: Vec<(Unit, Operation)>,
    /// Units whose effect is asked for under a new key.
    pub renewed: Vec<Unit>,
    /// Units whose effects no longer go by themselves.
    pub pinned: Vec<Unit>,
    /// What the decision broke by itself.
    pub breach: Option<Breach>,
}

/// All sagas that were met, and all answers.
#[derive(Debug)]
pub struct Heart {
    skeleton: Skeleton,
    sagas: Vec<State>,
    codes: Vec<Box<[u16]>>,
    numbers: HashMap<Box<[u16]>, SagaId, Hashes>,
    known: HashMap<(SagaId, Ask), Rc<[Outcome]>, Hashes>,
}

impl Heart {
    /// A heart that was not asked yet.
    pub fn new(skeleton: Skeleton) -> Heart {
        Heart {
            skeleton,
            sagas: Vec::new(),
            codes: Vec::new(),
            numbers: HashMap::default(),
            known: HashMap::default(),
        }
    }

    /// The saga that nobody has started.
    pub fn unborn(&mut self) -> SagaId {
        let unborn = self.skeleton.unborn();
        self.number(unborn)
    }

    /// A saga that somebody else has brought to where it is.
    pub fn meet(&mut self, state: State) -> SagaId {
        self.number(state)
    }

    /// The definition that it runs.
    pub fn skeleton(&self) -> &Skeleton {
        &self.skeleton
    }

    /// How many sagas it has met.
    pub fn met(&self) -> usize {
        self.sagas.len()
    }

    /// The saga with this number.
    pub fn saga(&self, saga: SagaId) -> &State {
        &self.sagas[saga as usize]
    }

    /// What tells each unit of a saga from other units of its step, apart from what its participant may have done.
    pub(super) fn codes(&self, saga: SagaId) -> &[u16] {
        // The first word is the saga's own.
        self.codes[saga as usize].get(1..).unwrap_or_default()
    }

    /// The saga whose units are those of another one in this order.
    pub(super) fn reordered(&mut self, saga: SagaId, order: &[Unit]) -> SagaId {
        let old = &self.codes[saga as usize];
        let words = order.iter().map(|unit| old[unit + 1]);
        let code: Box<[u16]> = old.first().copied().into_iter().chain(words).collect();
        if let Some(number) = self.numbers.get(&code) {
            return *number;
        }
        let old = self.saga(saga);
        let steps = order.iter().map(|unit| old.steps[*unit].clone()).collect();
        let saga = State {
            steps,
            ..old.clone()
        };
        self.new_number(saga, code)
    }

    /// Everything that may follow.
    pub fn ask(&mut self, saga: SagaId, ask: Ask) -> Rc<[Outcome]> {
        if let Some(known) = self.known.get(&(saga, ask)) {
            return Rc::clone(known);
        }
        let outcomes: Rc<[Outcome]> = match fate::every(&self.skeleton, self.saga(saga), ask) {
            Ok(decided) => decided
                .into_iter()
                .map(|decided| self.outcome(saga, decided))
                .collect(),
            Err(unanswered) => Rc::new([Outcome {
                breach: Some(Breach::unanswered(&self.skeleton, &unanswered)),
                ..Outcome::nothing(saga)
            }]),
        };
        self.known.insert((saga, ask), Rc::clone(&outcomes));
        outcomes
    }

    /// The facts of one outcome, for whoever tells the story.
    pub fn facts(&self, saga: SagaId, ask: Ask, outcome: &Outcome) -> (Vec<Event>, Vec<Dispatch>) {
        let decided = fate::once(&self.skeleton, self.saga(saga), ask, &outcome.fates);
        match decided {
            Ok(Some(decision)) => (decision.events, dispatches(&decision.commands)),
            Ok(None) | Err(_) => (Vec::new(), Vec::new()),
        }
    }

    fn outcome(&mut self, saga: SagaId, decided: fate::Decided) -> Outcome {
        let Some(decision) = decided.decision else {
            return Outcome {
                fates: decided.fates,
                ..Outcome::nothing(saga)
            };
        };
        let before = self.saga(saga);
        let breach = conduct::breach(&self.skeleton, before, &decision);
        let sent = dispatches(&decision.commands)
            .iter()
            .map(|task| (task.step, task.operation))
            .collect();
        let renewed = renewed(before, &decision);
        let pinned = self.pinned(&decision);
        let next = self.number(decision.next);
        Outcome {
            fates: decided.fates,
            next,
            sent,
            renewed,
            pinned,
            breach,
        }
    }

    fn number(&mut self, state: State) -> SagaId {
        let canonical = canon::canonical(&self.skeleton, state);
        let code = canon::code(&canonical);
        if let Some(number) = self.numbers.get(&code) {
            return *number;
        }
        self.new_number(canonical, code)
    }

    fn new_number(&mut self, canonical: State, code: Box<[u16]>) -> SagaId {
        let number = SagaId::try_from(self.sagas.len()).unwrap_or(SagaId::MAX);
        self.sagas.push(canonical);
        self.codes.push(code.clone());
        self.numbers.insert(code, number);
        number
    }

    /// Units that stay now. A step with `each` pins when all its items have succeeded: nobody says which item pins
    /// which, so until then none is safe.
    fn pinned(&self, decision: &Decision) -> Vec<Unit> {
        let succeeded = decision.events.iter().filter_map(|event| match event {
            Event::Succeeded { step, output: _ } => self.skeleton.definition.step_index(step),
            Event::SignalTaken { step, key: _ } => self.skeleton.definition.step_index(step),
            Event::Started { .. }
            | Event::Found { .. }
            | Event::Waiting { .. }
            | Event::FannedOut { .. }
            | Event::Signalled { .. }
            | Event::Decided { .. }
            | Event::PassedOver { .. }
            | Event::Skipped { .. }
            | Event::Blocked { .. }
            | Event::Dispatched { .. }
            | Event::Postponed { .. }
            | Event::RetryScheduled { .. }
            | Event::Closed { .. }
            | Event::GaveUp { .. }
            | Event::Parked { .. }
            | Event::Undone { .. }
            | Event::TurnRequested { .. }
            | Event::Turned { .. }
            | Event::Retried { .. }
            | Event::Quarantined { .. }
            | Event::Released { .. }
            | Event::Migrated { .. }
            | Event::WakeMoved { .. }
            | Event::Completed { .. }
            | Event::Compensated {} => None,
        });
        let made =
            |unit: Unit| matches!(decision.next.steps[unit].forward, Forward::Succeeded { .. });
        succeeded
            .filter(|step| self.skeleton.units_of(*step).all(made))
            .flat_map(|step| self.skeleton.units[step].pins.iter())
            .flat_map(|pinned| self.skeleton.units_of(pinned))
            .collect()
    }
}

impl Outcome {
    /// Nothing follows.
    fn nothing(saga: SagaId) -> Outcome {
        Outcome {
            fates: Vec::new(),
            next: saga,
            sent: Vec::new(),
            renewed: Vec::new(),
            pinned: Vec::new(),
            breach: None,
        }
    }
}

fn dispatches(commands: &[Command]) -> Vec<Dispatch> {
    commands
        .iter()
        .filter_map(|command| match command {
            Command::Dispatch(task) => Some(task.clone()),
            Command::Report(_) => None,
        })
        .collect()
}

/// Units with another generation than before.
fn renewed(before: &State, decision: &Decision) -> Vec<Unit> {
    let units = before.steps.iter().zip(&decision.next.steps);
    units
        .enumerate()
        .filter(|(_, (before, after))| before.generation != after.generation)
        .map(|(unit, _)| unit)
        .collect()
}
