//! Everything that became true: the persisted facts of a saga.
//!
//! These bytes outlive every binary, so each shape has a golden file in `tests/golden/events` that must load
//! for ever. A new fact is a new variant; an old one is never given another meaning. Steps are named by id,
//! because a person reads journals too.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Cause, Operation, Parent, Problem, Trace};
use crate::Millis;

/// What attempts that ran out have shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Each was answered `failed`.
    Failed,
    /// Some went without an answer: the effect may have happened.
    Unknown,
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The saga began.
    Started {
        /// When.
        at: Millis,
        /// With what.
        input: Arc<Value>,
        /// W3C trace context.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        traceparent: Option<Arc<str>>,
        /// The saga that runs it as a step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<Parent>,
    },
    /// The store had lost it: it is made anew from what participants know, and undone.
    Found {
        /// When it was started.
        at: Millis,
        /// What can be told of its input.
        input: Arc<Value>,
        /// The lists of its `each` steps, as far as they can be told.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        items: BTreeMap<String, Arc<Vec<Value>>>,
        /// Its effects, and those that it may have asked for.
        effects: Vec<Trace>,
        /// Idempotency key of the command.
        stamp: String,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A step's condition was false.
    Skipped {
        /// The step.
        step: String,
    },
    /// A step's input or condition could not be made; it was not dispatched.
    Blocked {
        /// The step.
        step: String,
        /// Which expression, which path.
        problem: Problem,
    },
    /// A step waits for time, a signal or a person.
    Waiting {
        /// The step.
        step: String,
        /// From when.
        at: Millis,
        /// The end of a sleep; for a signal or a decision the last moment.
        until: Millis,
    },
    /// A step is done once for each of these items; item number `n` is the unit `step:n`, from 0.
    FannedOut {
        /// The step.
        step: String,
        /// The items.
        items: Arc<Vec<Value>>,
    },
    /// A signal came.
    Signalled {
        /// Its idempotency key.
        key: String,
        /// Its name.
        name: String,
        /// What it says.
        payload: Arc<Value>,
    },
    /// A step that waits took a signal: its payload is the step's output.
    SignalTaken {
        /// The step.
        step: String,
        /// The signal's idempotency key.
        key: String,
    },
    /// A person decided.
    Decided {
        /// The step that waited for it.
        step: String,
        /// Yes or no.
        approved: bool,
        /// Idempotency key of the command.
        stamp: String,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// A step failed for good, and the saga goes on without it.
    PassedOver {
        /// The step.
        step: String,
    },
    /// An attempt is sent (again, when the number is not new).
    Dispatched {
        /// The step.
        step: String,
        /// What is asked.
        operation: Operation,
        /// Attempt number.
        attempt: u32,
        /// When.
        at: Millis,
        /// How long the engine waits for the answer.
        until: Millis,
    },
    /// The wait for an answer is moved out: an outage, or a heartbeat.
    Postponed {
        /// The step.
        step: String,
        /// What was asked.
        operation: Operation,
        /// The new instant.
        until: Millis,
    },
    /// Another attempt will be made.
    RetryScheduled {
        /// The step.
        step: String,
        /// What will be asked again.
        operation: Operation,
        /// Why.
        problem: Problem,
        /// Attempts spent now.
        spent: u32,
        /// Whether some attempt went without an answer.
        doubtful: bool,
        /// When.
        until: Millis,
    },
    /// The step's effect happened.
    Succeeded {
        /// The step.
        step: String,
        /// Its output.
        output: Arc<Value>,
    },
    /// No effect, ever: rejected, refused by a tombstone, or closed by reconciling.
    Closed {
        /// The step.
        step: String,
        /// Why.
        problem: Problem,
    },
    /// Forward attempts ran out; that closes nothing.
    GaveUp {
        /// The step.
        step: String,
        /// What they showed.
        known: Known,
        /// The last reason.
        problem: Problem,
    },
    /// Attempts ran out and a human must look.
    Parked {
        /// The step.
        step: String,
        /// What would be asked again.
        operation: Operation,
        /// Why.
        problem: Problem,
    },
    /// The step is undone, or made never to happen.
    Undone {
        /// The step.
        step: String,
    },
    /// Wanted to turn around, but the pivot's answer is out.
    TurnRequested {
        /// Why.
        cause: Cause,
        /// Idempotency key of the command, when it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stamp: Option<String>,
    },
    /// Turned around: compensation begins.
    Turned {
        /// Why.
        cause: Cause,
        /// Idempotency key of the command, when it was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stamp: Option<String>,
    },
    /// An operator lets parked work try again.
    Retried {
        /// The step.
        step: String,
        /// What is asked again.
        operation: Operation,
        /// Generation from now on.
        generation: u32,
        /// Idempotency key of the command.
        stamp: String,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// The engine could not decide; set aside.
    Quarantined {
        /// Which error.
        problem: Problem,
    },
    /// An operator lets a quarantined saga go on.
    Released {
        /// Idempotency key of the command.
        stamp: String,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// An operator let it go on under another version of its definition.
    Migrated {
        /// Hash of the version that it leaves.
        from: String,
        /// Hash of the version that it goes on under.
        to: String,
        /// The steps of the one that it leaves, in its order: what places in the state have meant.
        steps: Vec<String>,
        /// Idempotency key of the command.
        stamp: String,
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Looked too early: the stored wake-up moves out.
    WakeMoved {
        /// To here; none when nothing is due by itself.
        until: Option<Millis>,
    },
    /// Ended well.
    Completed {
        /// What the saga answers.
        output: Arc<Value>,
        /// Why the output could not be made, if so (it is null then).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        problem: Option<Problem>,
    },
    /// Ended undone.
    Compensated {},
}

impl Event {
    /// The hashes of the definitions that a saga leaves and goes on under. Whoever folds a journal folds this fact, and
    /// what comes after it, under the second.
    pub fn versions(&self) -> Option<(&str, &str)> {
        match self {
            Event::Migrated { from, to, .. } => Some((from, to)),
            Event::Started { .. }
            | Event::Found { .. }
            | Event::Skipped { .. }
            | Event::Blocked { .. }
            | Event::Waiting { .. }
            | Event::FannedOut { .. }
            | Event::Signalled { .. }
            | Event::SignalTaken { .. }
            | Event::Decided { .. }
            | Event::PassedOver { .. }
            | Event::Dispatched { .. }
            | Event::Postponed { .. }
            | Event::RetryScheduled { .. }
            | Event::Succeeded { .. }
            | Event::Closed { .. }
            | Event::GaveUp { .. }
            | Event::Parked { .. }
            | Event::Undone { .. }
            | Event::TurnRequested { .. }
            | Event::Turned { .. }
            | Event::Retried { .. }
            | Event::Quarantined { .. }
            | Event::Released { .. }
            | Event::WakeMoved { .. }
            | Event::Completed { .. }
            | Event::Compensated {} => None,
        }
    }
}
