//! The faults that a definition is rehearsed with: one place, one way in which it goes wrong, for good.
//!
//! "For good" is what decides: a fault that passes is what retries are for, and the table would say nothing but
//! "completed". The simulator's matrix and the enumerated test table are made of the same faults.

use super::fate::problem;
use super::{
    Comes, Coming, Fate, MILLI, Micros, Order, Part, Plan, Says, Times, Turn, What, When, latest,
};
use crate::StepIndex;
use crate::definition::{Definition, Kind, Step, Undo};
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
    /// The signal that it waits for never comes.
    NoSignal,
    /// It comes when the wait is over.
    SignalLate,
    /// It comes before the wait has begun.
    SignalEarly,
    /// A person says no.
    Denied,
    /// Nobody decides.
    NobodyDecides,
    /// Somebody decides when the wait is over.
    DecidedLate,
    /// The child saga stands before a human.
    ChildStuck,
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
    pub(crate) const ALL: [Fault; 17] = [
        Fault::Rejected,
        Fault::Fails,
        Fault::Unknown,
        Fault::UnknownActed,
        Fault::Silent,
        Fault::SilentActed,
        Fault::NobodyKnows,
        Fault::NoSignal,
        Fault::SignalLate,
        Fault::SignalEarly,
        Fault::Denied,
        Fault::NobodyDecides,
        Fault::DecidedLate,
        Fault::ChildStuck,
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
            | Fault::NobodyKnows
            | Fault::NoSignal
            | Fault::SignalLate
            | Fault::SignalEarly
            | Fault::Denied
            | Fault::NobodyDecides
            | Fault::DecidedLate
            | Fault::ChildStuck => false,
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
            Fault::NoSignal => "no signal",
            Fault::SignalLate => "signal too late",
            Fault::SignalEarly => "signal early",
            Fault::Denied => "denied",
            Fault::NobodyDecides => "nobody decides",
            Fault::DecidedLate => "decided too late",
            Fault::ChildStuck => "child before a human",
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
            Fault::Fails
            | Fault::Unknown
            | Fault::UnknownActed
            | Fault::Silent
            | Fault::SilentActed => matches!(step.kind, Kind::Task(_)),
            Fault::Rejected => step.task().is_some(),
            Fault::NobodyKnows => step.reconcile.is_some(),
            Fault::NoSignal | Fault::SignalLate => matches!(step.kind, Kind::Wait(_)),
            Fault::SignalEarly => matches!(step.kind, Kind::Wait(_)) && !step.needs.is_empty(),
            Fault::Denied | Fault::NobodyDecides | Fault::DecidedLate => {
                matches!(step.kind, Kind::Approve { .. })
            }
            Fault::ChildStuck => matches!(step.kind, Kind::Saga(_)),
            Fault::UndoFails => can_be_undone(step),
            Fault::CancelledDuring | Fault::CancelledAfter => true,
        }
    }

    /// The step in words; of one with `each` the item that goes wrong.
    pub(crate) fn place(self, definition: &Definition) -> String {
        let step = &definition.steps[self.step];
        match self.part(definition).item {
            Some(item) => format!("{}:{item}", step.id),
            None => step.id.clone(),
        }
    }

    /// With `each` it is the first item that goes wrong: what becomes of the others beside it is the question. An
    /// order is about the whole step.
    fn part(self, definition: &Definition) -> Part {
        let cancels = matches!(self.fault, Fault::CancelledDuring | Fault::CancelledAfter);
        let each = definition.steps[self.step].each.is_some();
        Part {
            step: self.step,
            item: (each && !cancels).then_some(0),
        }
    }

    /// Whether both can be planned at once: they are about different operations, or one is an order.
    pub(crate) fn goes_with(self, other: PlacedFault) -> bool {
        self.step != other.step || self.fault.is_order() != other.fault.is_order()
    }

    /// Adds it to a plan. Of two faults of one operation the first counts.
    pub(crate) fn plan(self, definition: &Definition, plan: &mut Plan) {
        let mut turn = |operation, acts, says| {
            let key = (self.part(definition), operation);
            plan.turns.entry(key).or_insert_with(|| always(acts, says));
        };
        match self.fault {
            Fault::Rejected => turn(
                Operation::Forward,
                false,
                Says::Rejected(problem("rejected")),
            ),
            Fault::Fails => turn(Operation::Forward, false, Says::Failed(problem("failed"))),
            Fault::Unknown => turn(Operation::Forward, false, Says::Unknown(problem("unknown"))),
            Fault::UnknownActed => {
                turn(Operation::Forward, true, Says::Unknown(problem("unknown")));
            }
            Fault::Silent | Fault::ChildStuck => turn(Operation::Forward, false, Says::Nothing),
            Fault::SilentActed => turn(Operation::Forward, true, Says::Nothing),
            Fault::NobodyKnows => {
                turn(Operation::Forward, true, Says::Nothing);
                let open = Says::StillOpen(problem("still_open"));
                turn(Operation::Reconcile, false, open);
            }
            Fault::UndoFails => {
                turn(
                    Operation::Compensate,
                    false,
                    Says::Failed(problem("failed")),
                );
                self.cancels(When::After(self.step), plan);
            }
            Fault::CancelledDuring => self.cancels(When::While(self.step), plan),
            Fault::CancelledAfter => self.cancels(When::After(self.step), plan),
            Fault::NoSignal | Fault::NobodyDecides => self.comes(Comes::Nothing, 0, plan),
            Fault::SignalEarly => self.comes(Comes::Early, 0, plan),
            Fault::Denied => self.comes(Comes::Denied, TAKES, plan),
            Fault::SignalLate => self.comes(Comes::Signal, too_late(definition, self), plan),
            Fault::DecidedLate => self.comes(Comes::Approved, too_late(definition, self), plan),
        }
    }

    fn cancels(self, when: When, plan: &mut Plan) {
        plan.orders.push(Order {
            when,
            what: What::Cancel,
        });
    }

    fn comes(self, what: Comes, after: Micros, plan: &mut Plan) {
        let coming = (Coming { what, after }, Times::Always);
        plan.comings
            .entry(self.step)
            .or_insert_with(|| vec![coming]);
    }
}

fn can_be_undone(step: &Step) -> bool {
    match step.undo {
        Undo::Compensate(_) => true,
        Undo::Nothing { .. } | Undo::Readonly | Undo::OnlyForward => false,
    }
}

/// A second after the wait is over.
fn too_late(definition: &Definition, placed: PlacedFault) -> Micros {
    latest(definition, placed.step) + 1_000 * MILLI
}

fn always(acts: bool, says: Says) -> Vec<Turn> {
    vec![Turn {
        fate: Fate {
            acts,
            says,
            lag: 0,
            takes: TAKES,
        },
        times: Times::Always,
    }]
}
