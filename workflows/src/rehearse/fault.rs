//! The faults that a definition is rehearsed with: one place, one way in which it goes wrong, for good.
//!
//! "For good" is what decides: a fault that passes is what retries are for, and the table would say nothing but
//! "completed". The simulator's matrix and the enumerated test table are made of the same faults.

use super::fate::problem;
use super::{Fate, MILLI, Order, Plan, Says, Times, Turn, What, When};
use crate::StepIndex;
use crate::definition::{Definition, Undo};
use crate::saga::Operation;

/// What every task of a rehearsal without chances takes.
pub(crate) const TAKES: u64 = 10 * MILLI;

/// One way in which a step goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The participant says no.
    Rejected,
    /// Every attempt fails.
    Fails,
    /// Every attempt is answered "unknown"; nothing was done.
    Unknown,
    /// Every attempt is answered "unknown"; it was done.
    UnknownActed,
    /// No attempt is answered; nothing was done.
    Silent,
    /// No attempt is answered; it was done.
    SilentActed,
    /// As [`Fault::SilentActed`], and whoever is asked cannot tell.
    NobodyKnows,
    /// Cancelled once it is done, and every attempt to undo it fails.
    UndoFails,
    /// Cancelled while its answer is out.
    CancelledDuring,
    /// Cancelled once it is done.
    CancelledAfter,
}

/// A fault in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PlacedFault {
    pub(crate) step: StepIndex,
    pub(crate) fault: Fault,
}

impl Fault {
    pub(crate) const ALL: [Fault; 10] = [
        Fault::Rejected,
        Fault::Fails,
        Fault::Unknown,
        Fault::UnknownActed,
        Fault::Silent,
        Fault::SilentActed,
        Fault::NobodyKnows,
        Fault::UndoFails,
        Fault::CancelledDuring,
        Fault::CancelledAfter,
    ];

    /// Whether somebody orders something; the step itself goes well.
    fn is_order(self) -> bool {
        match self {
            Fault::UndoFails | Fault::CancelledDuring | Fault::CancelledAfter => true,
            Fault::Rejected
            | Fault::Fails
            | Fault::Unknown
            | Fault::UnknownActed
            | Fault::Silent
            | Fault::SilentActed
            | Fault::NobodyKnows => false,
        }
    }

    /// In words, after the step's id.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Fault::Rejected => "rejected",
            Fault::Fails => "fails",
            Fault::Unknown => "unknown",
            Fault::UnknownActed => "unknown, acted",
            Fault::Silent => "no answer",
            Fault::SilentActed => "no answer, acted",
            Fault::NobodyKnows => "no answer, nobody knows",
            Fault::UndoFails => "cancelled after, undo fails",
            Fault::CancelledDuring => "cancelled during",
            Fault::CancelledAfter => "cancelled after",
        }
    }
}

impl PlacedFault {
    /// Every fault that can happen to a definition, in the order of its steps.
    pub(crate) fn of(definition: &Definition) -> Vec<PlacedFault> {
        (0..definition.steps.len())
            .flat_map(|step| Fault::ALL.map(|fault| PlacedFault { step, fault }))
            .filter(|placed| placed.is_possible(definition))
            .collect()
    }

    fn is_possible(self, definition: &Definition) -> bool {
        let step = &definition.steps[self.step];
        match self.fault {
            Fault::NobodyKnows => step.reconcile.is_some(),
            Fault::UndoFails => match step.undo {
                Undo::Compensate(_) => true,
                Undo::Nothing { .. } | Undo::Readonly | Undo::OnlyForward => false,
            },
            Fault::Rejected
            | Fault::Fails
            | Fault::Unknown
            | Fault::UnknownActed
            | Fault::Silent
            | Fault::SilentActed
            | Fault::CancelledDuring
            | Fault::CancelledAfter => true,
        }
    }

    /// Whether both can be planned at once: they are about different operations, or one is an order.
    pub(crate) fn goes_with(self, other: PlacedFault) -> bool {
        self.step != other.step || self.fault.is_order() != other.fault.is_order()
    }

    /// Adds it to a plan. Of two faults of one operation the first counts.
    pub(crate) fn plan(self, plan: &mut Plan) {
        let always = |acts, says| {
            vec![Turn {
                fate: Fate {
                    acts,
                    says,
                    lag: 0,
                    takes: TAKES,
                },
                times: Times::Always,
            }]
        };
        let forward = match self.fault {
            Fault::Rejected => Some((false, Says::Rejected(problem("rejected")))),
            Fault::Fails => Some((false, Says::Failed(problem("failed")))),
            Fault::Unknown => Some((false, Says::Unknown(problem("unknown")))),
            Fault::UnknownActed => Some((true, Says::Unknown(problem("unknown")))),
            Fault::Silent => Some((false, Says::Nothing)),
            Fault::SilentActed | Fault::NobodyKnows => Some((true, Says::Nothing)),
            Fault::UndoFails | Fault::CancelledDuring | Fault::CancelledAfter => None,
        };
        let mut turn = |operation, acts, says| {
            let key = (self.step, operation);
            plan.turns.entry(key).or_insert_with(|| always(acts, says));
        };
        if let Some((acts, says)) = forward {
            turn(Operation::Forward, acts, says);
        }
        if self.fault == Fault::NobodyKnows {
            turn(
                Operation::Reconcile,
                false,
                Says::StillOpen(problem("still_open")),
            );
        }
        if self.fault == Fault::UndoFails {
            turn(
                Operation::Compensate,
                false,
                Says::Failed(problem("failed")),
            );
        }
        let when = match self.fault {
            Fault::CancelledDuring => When::While(self.step),
            Fault::CancelledAfter | Fault::UndoFails => When::After(self.step),
            Fault::Rejected
            | Fault::Fails
            | Fault::Unknown
            | Fault::UnknownActed
            | Fault::Silent
            | Fault::SilentActed
            | Fault::NobodyKnows => return,
        };
        plan.orders.push(Order {
            when,
            what: What::Cancel,
        });
    }
}
