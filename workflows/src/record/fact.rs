//! A fact in its bare form: what it is about and what it says, without instants and outputs.
//!
//! Two lives of a saga are compared by these. Bookkeeping (a wake-up moved out, a wait postponed by an outage) is no
//! part of it.

use crate::saga::{Cause, Event, Known, Operation};

/// A bare fact.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Fact {
    /// The step that it is about; none when it is about the whole saga.
    pub(crate) step: Option<String>,
    pub(crate) says: String,
}

impl Fact {
    /// The bare fact of an event, unless it is bookkeeping.
    pub(crate) fn of(event: &Event) -> Option<Fact> {
        let about = |step: &String, says: String| {
            Some(Fact {
                step: Some(step.clone()),
                says,
            })
        };
        let whole = |says: String| Some(Fact { step: None, says });
        match event {
            Event::Postponed { .. } | Event::WakeMoved { .. } | Event::Migrated { .. } => None,
            Event::Started { .. } => whole("started".to_owned()),
            Event::Found { .. } => whole("found after it was lost".to_owned()),
            Event::Skipped { step } => about(step, "skipped".to_owned()),
            Event::Waiting { step, .. } => about(step, "waits".to_owned()),
            Event::FannedOut { step, items } => {
                about(step, format!("done for each of {} items", items.len()))
            }
            Event::Signalled { name, .. } => whole(format!("signal {name} came")),
            Event::SignalTaken { step, .. } => about(step, "has its signal".to_owned()),
            Event::Decided { step, approved, .. } => {
                let word = if *approved { "approved" } else { "denied" };
                about(step, word.to_owned())
            }
            Event::PassedOver { step } => about(step, "passed over".to_owned()),
            Event::Blocked { step, problem } => {
                about(step, format!("cannot be sent ({})", problem.code))
            }
            Event::Dispatched {
                step,
                operation,
                attempt,
                ..
            } => about(step, format!("{} {attempt} sent", noun(*operation))),
            Event::RetryScheduled {
                step,
                operation,
                problem,
                ..
            } => about(
                step,
                format!("{} to be tried again ({})", noun(*operation), problem.code),
            ),
            Event::Succeeded { step, .. } => about(step, "succeeded".to_owned()),
            Event::Closed { step, problem } => about(step, format!("closed ({})", problem.code)),
            Event::GaveUp {
                step,
                known,
                problem,
            } => {
                let known = match known {
                    Known::Failed => "failed",
                    Known::Unknown => "unknown",
                };
                about(step, format!("given up, {known} ({})", problem.code))
            }
            Event::Parked {
                step,
                operation,
                problem,
            } => about(
                step,
                format!("{} before a human ({})", noun(*operation), problem.code),
            ),
            Event::Undone { step } => about(step, "undone".to_owned()),
            Event::TurnRequested { cause, .. } => whole(format!("wants to turn ({})", why(cause))),
            Event::Turned { cause, .. } => whole(format!("turned ({})", why(cause))),
            Event::Retried {
                step, operation, ..
            } => about(step, format!("{} let try again", noun(*operation))),
            Event::Quarantined { problem } => whole(format!("set aside ({})", problem.code)),
            Event::Released { .. } => whole("let go on".to_owned()),
            Event::Completed { .. } => whole("completed".to_owned()),
            Event::Compensated {} => whole("compensated".to_owned()),
        }
    }
}

/// In words, after a step's id.
pub(crate) fn noun(operation: Operation) -> &'static str {
    match operation {
        Operation::Forward => "attempt",
        Operation::Compensate => "undo",
        Operation::Reconcile => "reconcile",
    }
}

fn why(cause: &Cause) -> String {
    match cause {
        Cause::Rejected { step, problem } => format!("{step} rejected, {}", problem.code),
        Cause::Failed { step, problem } => format!("{step} failed, {}", problem.code),
        Cause::Unknown { step, problem } => format!("{step} unknown, {}", problem.code),
        Cause::Unmappable { step, .. } => format!("{step} unmappable"),
        Cause::Cancelled { .. } => "cancelled".to_owned(),
        Cause::Deadline => "deadline".to_owned(),
    }
}
