//! One fact, without anything that may be about a person.
//!
//! These words outlive every binary that says them, as the journal's do: a new kind of fact is a new variant here, and
//! what a word means never changes.

use std::borrow::Cow;

use impresario_workflows::Millis;
use impresario_workflows::saga::{Cause, Event, Known, Operation, Problem};
use schemars::JsonSchema;
use serde::Serialize;

/// What a fact is about. Instants are Unix milliseconds; a `code` is a lower-case word for programs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub(super) enum Fact<'a> {
    /// The saga began.
    Started {
        /// The saga that runs it as a step.
        #[serde(skip_serializing_if = "Option::is_none")]
        parent: Option<&'a str>,
    },
    /// The store had lost it: it is made anew from what participants know, and undone.
    Found {
        /// How many effects they know of, or may know of.
        effects: usize,
    },
    /// A step's condition was false.
    Skipped {
        /// The step.
        step: &'a str,
    },
    /// A step could not be asked: its input or condition could not be made.
    Blocked {
        /// The step.
        step: &'a str,
        /// Why.
        code: &'a str,
    },
    /// A step waits for time, a signal or a person.
    Waiting {
        /// The step.
        step: &'a str,
        /// At most until then.
        until: Millis,
    },
    /// A step is done once for each of so many items; item `n` is the step `step:n`, from 0.
    FannedOut {
        /// The step.
        step: &'a str,
        /// How many.
        items: usize,
    },
    /// A signal came.
    Signalled {
        /// Its name.
        name: &'a str,
    },
    /// A step that waits took a signal.
    SignalTaken {
        /// The step.
        step: &'a str,
    },
    /// A person decided.
    Decided {
        /// The step that waited for it.
        step: &'a str,
        /// Yes or no.
        approved: bool,
    },
    /// A step failed for good, and the saga goes on without it.
    PassedOver {
        /// The step.
        step: &'a str,
    },
    /// An attempt is sent.
    Dispatched {
        /// The step.
        step: &'a str,
        /// `forward`, `compensate` or `reconcile`.
        operation: &'static str,
        /// Its number.
        attempt: u32,
        /// How long the answer is waited for.
        until: Millis,
    },
    /// The wait for an answer is moved out.
    Postponed {
        /// The step.
        step: &'a str,
        /// What was asked.
        operation: &'static str,
        /// The new instant.
        until: Millis,
    },
    /// Another attempt will be made.
    RetryScheduled {
        /// The step.
        step: &'a str,
        /// What will be asked again.
        operation: &'static str,
        /// Why.
        code: &'a str,
        /// Attempts spent.
        spent: u32,
        /// Whether some attempt went without an answer.
        doubtful: bool,
        /// When.
        until: Millis,
    },
    /// The step's effect happened.
    Succeeded {
        /// The step.
        step: &'a str,
    },
    /// No effect, ever.
    Closed {
        /// The step.
        step: &'a str,
        /// Why.
        code: &'a str,
    },
    /// Forward attempts ran out; that closes nothing.
    GaveUp {
        /// The step.
        step: &'a str,
        /// Whether the effect may have happened all the same.
        doubtful: bool,
        /// The last reason.
        code: &'a str,
    },
    /// Attempts ran out and a person must look.
    Parked {
        /// The step.
        step: &'a str,
        /// What would be asked again.
        operation: &'static str,
        /// Why.
        code: &'a str,
    },
    /// The step is undone, or made never to happen.
    Undone {
        /// The step.
        step: &'a str,
    },
    /// Wanted to turn around, but the answer of the point of no return is out.
    TurnRequested {
        /// Why.
        cause: Why<'a>,
    },
    /// Turned around: what was done is being undone.
    Turned {
        /// Why.
        cause: Why<'a>,
    },
    /// An operator lets parked work try again.
    Retried {
        /// The step.
        step: &'a str,
        /// What is asked again.
        operation: &'static str,
        /// The effect's generation from now on.
        generation: u32,
    },
    /// Set aside: the engine could not decide.
    Quarantined {
        /// Which error.
        code: &'a str,
    },
    /// An operator lets it go on.
    Released {},
    /// It goes on under another version of its definition.
    Migrated {
        /// Hash of the one that it leaves.
        from: &'a str,
        /// Hash of the other.
        to: &'a str,
    },
    /// Its next look at the clock is moved out.
    WakeMoved {
        /// To here; none when nothing is due by itself.
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Millis>,
    },
    /// Ended well.
    Completed {},
    /// Ended undone.
    Compensated {},
}

/// Why a saga turned around.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Why<'a> {
    /// `rejected`, `failed`, `unknown`, `unmappable`, `cancelled` or `deadline`.
    pub(super) word: Cow<'static, str>,
    /// The step that it began with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) step: Option<&'a str>,
    /// Its reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'a str>,
}

impl<'a> Fact<'a> {
    /// What of a journal's fact may be told.
    pub(super) fn of(event: &'a Event) -> Fact<'a> {
        match event {
            Event::Started {
                parent,
                at: _,
                input: _,
                traceparent: _,
            } => Fact::Started {
                parent: parent.as_ref().map(|parent| parent.saga.as_str()),
            },
            Event::Found {
                effects,
                at: _,
                input: _,
                items: _,
                stamp: _,
                by: _,
                reason: _,
            } => Fact::Found {
                effects: effects.len(),
            },
            Event::Skipped { step } => Fact::Skipped { step },
            Event::Blocked { step, problem } => Fact::Blocked {
                step,
                code: &problem.code,
            },
            Event::Waiting { step, at: _, until } => Fact::Waiting {
                step,
                until: *until,
            },
            Event::FannedOut { step, items } => Fact::FannedOut {
                step,
                items: items.len(),
            },
            Event::Signalled {
                name,
                key: _,
                payload: _,
            } => Fact::Signalled { name },
            Event::SignalTaken { step, key: _ } => Fact::SignalTaken { step },
            Event::Decided {
                step,
                approved,
                stamp: _,
                by: _,
                reason: _,
            } => Fact::Decided {
                step,
                approved: *approved,
            },
            Event::PassedOver { step } => Fact::PassedOver { step },
            Event::Dispatched {
                step,
                operation,
                attempt,
                at: _,
                until,
            } => Fact::Dispatched {
                step,
                operation: operation.as_str(),
                attempt: *attempt,
                until: *until,
            },
            Event::Postponed {
                step,
                operation,
                until,
            } => Fact::Postponed {
                step,
                operation: operation.as_str(),
                until: *until,
            },
            Event::RetryScheduled {
                step,
                operation,
                problem,
                spent,
                doubtful,
                until,
            } => Fact::RetryScheduled {
                step,
                operation: operation.as_str(),
                code: &problem.code,
                spent: *spent,
                doubtful: *doubtful,
                until: *until,
            },
            Event::Succeeded { step, output: _ } => Fact::Succeeded { step },
            Event::Closed { step, problem } => Fact::Closed {
                step,
                code: &problem.code,
            },
            Event::GaveUp {
                step,
                known,
                problem,
            } => Fact::gave_up(step, *known, problem),
            Event::Parked {
                step,
                operation,
                problem,
            } => Fact::parked(step, *operation, problem),
            Event::Undone { step } => Fact::Undone { step },
            Event::TurnRequested { cause, stamp: _ } => Fact::TurnRequested {
                cause: Why::of(cause),
            },
            Event::Turned { cause, stamp: _ } => Fact::Turned {
                cause: Why::of(cause),
            },
            Event::Retried {
                step,
                operation,
                generation,
                stamp: _,
                by: _,
                reason: _,
            } => Fact::Retried {
                step,
                operation: operation.as_str(),
                generation: *generation,
            },
            Event::Quarantined { problem } => Fact::Quarantined {
                code: &problem.code,
            },
            Event::Released {
                stamp: _,
                by: _,
                reason: _,
            } => Fact::Released {},
            Event::Migrated {
                from,
                to,
                steps: _,
                stamp: _,
                by: _,
                reason: _,
            } => Fact::Migrated { from, to },
            Event::WakeMoved { until } => Fact::WakeMoved { until: *until },
            Event::Completed {
                output: _,
                problem: _,
            } => Fact::Completed {},
            Event::Compensated {} => Fact::Compensated {},
        }
    }

    fn gave_up(step: &'a str, known: Known, problem: &'a Problem) -> Fact<'a> {
        Fact::GaveUp {
            step,
            doubtful: match known {
                Known::Failed => false,
                Known::Unknown => true,
            },
            code: &problem.code,
        }
    }

    fn parked(step: &'a str, operation: Operation, problem: &'a Problem) -> Fact<'a> {
        Fact::Parked {
            step,
            operation: operation.as_str(),
            code: &problem.code,
        }
    }
}

impl<'a> Why<'a> {
    fn of(cause: &'a Cause) -> Why<'a> {
        let (word, step, problem) = match cause {
            Cause::Rejected { step, problem } => ("rejected", Some(step), Some(problem)),
            Cause::Failed { step, problem } => ("failed", Some(step), Some(problem)),
            Cause::Unknown { step, problem } => ("unknown", Some(step), Some(problem)),
            Cause::Unmappable { step, problem } => ("unmappable", Some(step), Some(problem)),
            Cause::Cancelled { by: _, reason: _ } => ("cancelled", None, None),
            Cause::Deadline => ("deadline", None, None),
        };
        Why {
            word: Cow::Borrowed(word),
            step: step.map(String::as_str),
            code: problem.map(|problem| problem.code.as_str()),
        }
    }
}
