//! The participants: one barrier row for each effect key, kept with the effect.
//!
//! They are honest about what they keep and bad at everything else: they act and say nothing, act and say
//! that they failed, do not know, come too late, begin an undoing and do not finish it.

use std::collections::BTreeMap;

use impresario_workflows::StepIndex;
use impresario_workflows::saga::{Dispatch, Operation, Outcome, StepResult};

use super::outcomes::{output, problem};

/// What a participant keeps about one effect key, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// The effect is there.
    Applied,
    /// It said no, for good.
    Rejected,
    /// The effect is there; an undoing was begun and is not through.
    HalfUndone,
    /// Undone, or made never to happen.
    Gone,
}

/// How a worker fares with one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    SaysNo,
    Fails,
    FailsAfterAll,
    DoesNotKnow,
    DoesNotKnowAfterAll,
    Silent,
    SilentAfterAll,
    TooLate,
    StillWorking,
}

impl Mood {
    pub(crate) const ALL: [Mood; 10] = [
        Mood::Well,
        Mood::SaysNo,
        Mood::Fails,
        Mood::FailsAfterAll,
        Mood::DoesNotKnow,
        Mood::DoesNotKnowAfterAll,
        Mood::Silent,
        Mood::SilentAfterAll,
        Mood::TooLate,
        Mood::StillWorking,
    ];

    fn acts(self) -> bool {
        match self {
            Mood::Well | Mood::FailsAfterAll | Mood::DoesNotKnowAfterAll | Mood::SilentAfterAll => {
                true
            }
            Mood::SaysNo
            | Mood::Fails
            | Mood::DoesNotKnow
            | Mood::Silent
            | Mood::TooLate
            | Mood::StillWorking => false,
        }
    }
}

/// All participants of one saga.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    kept: BTreeMap<(StepIndex, u32), Kept>,
    /// Effects in the order in which they came (true) and went (false).
    pub(crate) log: Vec<(StepIndex, bool)>,
}

impl World {
    /// A worker gets `task`: what happens in the world, and what it answers, if it does.
    pub(crate) fn serve(&mut self, task: &Dispatch, mood: Mood) -> Option<StepResult> {
        let outcome = match mood {
            Mood::TooLate => Some(Outcome::Expired),
            Mood::StillWorking => Some(Outcome::Heartbeat),
            _ => match task.operation {
                Operation::Forward => self.forward(task, mood),
                Operation::Compensate => self.compensate(task, mood),
                Operation::Reconcile => self.reconcile(task, mood),
            },
        }?;
        Some(StepResult {
            step: task.unit.clone(),
            operation: task.operation,
            generation: task.generation,
            attempt: task.attempt,
            outcome,
        })
    }

    fn forward(&mut self, task: &Dispatch, mood: Mood) -> Option<Outcome> {
        let key = (task.step, task.generation);
        match self.kept.get(&key) {
            None if mood.acts() => {
                self.kept.insert(key, Kept::Applied);
                self.log.push((task.step, true));
            }
            None if mood == Mood::SaysNo => {
                self.kept.insert(key, Kept::Rejected);
            }
            None | Some(_) => {}
        }
        let truth = match self.kept.get(&key) {
            None => Outcome::Failed(problem("broken")),
            Some(Kept::Applied) => Outcome::Succeeded(output()),
            Some(Kept::Rejected) => Outcome::Rejected(problem("no")),
            Some(Kept::HalfUndone | Kept::Gone) => Outcome::Refused,
        };
        said(mood, truth)
    }

    fn compensate(&mut self, task: &Dispatch, mood: Mood) -> Option<Outcome> {
        let key = (task.step, task.generation);
        let there = matches!(self.kept.get(&key), Some(Kept::Applied | Kept::HalfUndone));
        if mood.acts() {
            if there {
                self.log.push((task.step, false));
            }
            self.kept.insert(key, Kept::Gone);
        } else if there {
            self.kept.insert(key, Kept::HalfUndone);
        }
        let through = self.kept.get(&key) == Some(&Kept::Gone);
        let truth = if through {
            Outcome::Succeeded(serde_json::Value::Null)
        } else {
            Outcome::Failed(problem("broken"))
        };
        said(mood, truth)
    }

    fn reconcile(&mut self, task: &Dispatch, mood: Mood) -> Option<Outcome> {
        let key = (task.step, task.generation);
        if mood.acts() {
            self.kept.entry(key).or_insert(Kept::Gone);
        }
        let truth = match self.kept.get(&key) {
            None | Some(Kept::HalfUndone) => Outcome::StillOpen(problem("in_progress")),
            Some(Kept::Applied) => Outcome::Applied(output()),
            Some(Kept::Rejected | Kept::Gone) => Outcome::Closed(problem("not_found")),
        };
        said(mood, truth)
    }

    /// The keys of a step whose effect is there.
    pub(crate) fn there(&self, step: StepIndex) -> Vec<u32> {
        let there = |kept: &Kept| matches!(kept, Kept::Applied | Kept::HalfUndone);
        self.kept
            .iter()
            .filter(|((index, _), kept)| *index == step && there(kept))
            .map(|((_, generation), _)| *generation)
            .collect()
    }
}

/// What a worker in this mood says when this is the truth.
fn said(mood: Mood, truth: Outcome) -> Option<Outcome> {
    match mood {
        Mood::Well | Mood::SaysNo => Some(truth),
        Mood::Fails | Mood::FailsAfterAll => Some(Outcome::Failed(problem("broken"))),
        Mood::DoesNotKnow | Mood::DoesNotKnowAfterAll => Some(Outcome::Unknown(problem("no_idea"))),
        Mood::Silent | Mood::SilentAfterAll => None,
        Mood::TooLate => Some(Outcome::Expired),
        Mood::StillWorking => Some(Outcome::Heartbeat),
    }
}
