//! Conditions that are one choice: what one of them turned out to be, the others are.
//!
//! The rule is small, so that it is right. Two conditions are one choice when they are written the same, or when one
//! is `not` before the other (a plain path, or something in parentheses). What they read never changes once it was
//! read: the input, and outputs of finished steps. Except for steps that the saga may have gone on without, whose
//! answer may come later; conditions that read those stay choices of their own. All others are independent of each
//! other, so more is explored than can happen, never less.
//!
//! `not x` is false for whatever counts as true, while `x` has to be true or false. So a `not` that was evaluated says
//! what `x` is, if `x` is anything.

use super::{Fate, Unit, UnitFacts};
use crate::definition::{Definition, OnFailure, Step};
use crate::expression::{Condition, Reference};
use crate::saga::{Forward, State};

/// For each step which choice its condition is.
#[derive(Clone, Debug)]
pub(super) struct Choices(Vec<Option<Choice>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Choice {
    /// What is asked, in the words of the definition.
    about: String,
    /// Whether the condition is the opposite of it.
    negated: bool,
}

impl Choices {
    pub(super) fn of(definition: &Definition) -> Choices {
        let choice = |step: &Step| {
            let when = step.when.as_ref()?;
            is_steady(definition, when).then(|| {
                let (about, negated) = when.about();
                Choice { about, negated }
            })
        };
        Choices(definition.steps.iter().map(choice).collect())
    }

    /// What may become of a unit that agrees with every condition that was evaluated before: in an earlier decision, or with
    /// these fates in this one.
    pub(super) fn narrow(
        &self,
        unit: Unit,
        facts: &UnitFacts,
        saga: &State,
        fates: &[(Unit, Fate)],
    ) -> Vec<Fate> {
        let mut options = facts.forward.clone();
        let Some(Some(own)) = self.0.get(unit) else {
            return options;
        };
        for (other, choice) in self.0.iter().enumerate() {
            let Some(choice) = choice.as_ref().filter(|choice| choice.about == own.about) else {
                continue;
            };
            let Some(holds) = evaluated(other, saga, fates).filter(|_| other != unit) else {
                continue;
            };
            let holds = holds == (own.negated == choice.negated);
            // What is left to go wrong is the input, or that `x` is neither true nor false.
            let is_sure = own.negated || !choice.negated;
            options.retain(|fate| match fate {
                Fate::Made => holds,
                Fate::Skipped => !holds,
                Fate::Unmappable => (holds && facts.input_may_fail) || !is_sure,
            });
        }
        options
    }
}

/// What a step's condition turned out to be. A step that was blocked does not tell: its condition may have failed, or
/// its input.
fn evaluated(step: Unit, saga: &State, fates: &[(Unit, Fate)]) -> Option<bool> {
    if let Some((_, fate)) = fates.iter().find(|(unit, _)| *unit == step) {
        return match fate {
            Fate::Made => Some(true),
            Fate::Skipped => Some(false),
            Fate::Unmappable => None,
        };
    }
    match saga.steps[step].forward {
        Forward::Pending | Forward::Blocked { .. } => None,
        Forward::Skipped => Some(false),
        Forward::Waiting { .. }
        | Forward::FannedOut
        | Forward::Open { .. }
        | Forward::Succeeded { .. }
        | Forward::Closed { .. }
        | Forward::GivenUp { .. } => Some(true),
    }
}

/// Whether what it reads is the same whenever it is read.
fn is_steady(definition: &Definition, when: &Condition) -> bool {
    when.references().iter().all(|reference| match reference {
        Reference::Input(_) | Reference::Saga(_) => true,
        Reference::Output { step, path: _ } => definition
            .step_index(step)
            .is_some_and(|step| definition.steps[step].on_failure != OnFailure::Continue),
        Reference::Item(_) | Reference::Signal(_) => false,
    })
}
