//! Everything that can happen to a saga: one closed enum, readable on one screen.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Lost, Operation, Parent, Problem};
use crate::{Definition, Millis};

/// Something happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Somebody starts it.
    Start(Start),
    /// Somebody lets a saga that the store has lost be made anew, and undone.
    Found(Lost),
    /// A worker answered.
    Result(StepResult),
    /// An instant came (or was thought to have come): look at what is due.
    Timer(Served),
    /// Tasks may have been lost on their way: send the unanswered attempts again, unspent.
    Redispatch {
        /// Only those of this pool; all without it.
        pool: Option<String>,
    },
    /// Somebody wants it undone.
    Cancel(Stamp),
    /// The saga that runs it as a step undoes that step: also when it has completed.
    Undo(Stamp),
    /// Something happened outside that a step waits for, or will.
    Signal(Message),
    /// A person decides about a step that waits for a decision.
    Decide(Verdict),
    /// An operator lets something that stands before a human try again.
    Retry {
        /// Only this step; all that are parked without it.
        step: Option<String>,
        /// Who and why.
        stamp: Stamp,
    },
    /// An operator lets it go on under another version of its definition.
    Migrate(Migration),
    /// The engine could not decide: the saga is set aside in front of a human, its neighbours go on.
    EngineFault(Problem),
}

impl Input {
    /// The word in journals and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Input::Start(_) => "start",
            Input::Found(_) => "found",
            Input::Result(_) => "result",
            Input::Timer(_) => "timer",
            Input::Redispatch { .. } => "redispatch",
            Input::Cancel(_) => "cancel",
            Input::Undo(_) => "undo",
            Input::Signal(_) => "signal",
            Input::Decide(_) => "decide",
            Input::Retry { .. } => "retry",
            Input::Migrate(_) => "migrate",
            Input::EngineFault(_) => "engine_fault",
        }
    }
}

/// The start of a saga; its input has been checked against the definition's schema.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// What it is started with.
    pub input: Value,
    /// W3C trace context, when the caller sent one.
    pub traceparent: Option<String>,
    /// The saga that runs it as a step.
    pub parent: Option<Parent>,
    /// Its parent undid the step before the start came: the saga is made and undone at once, so that a start that
    /// comes late finds it ended (the tombstone of a child).
    pub stillborn: Option<Stamp>,
}

impl Start {
    /// A start with nothing but its input.
    pub fn with(input: Value) -> Self {
        Start {
            input,
            traceparent: None,
            parent: None,
            stillborn: None,
        }
    }
}

/// A signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Idempotency key.
    pub key: String,
    /// Name.
    pub name: String,
    /// What it says.
    pub payload: Value,
}

/// A person's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The step that waits for it.
    pub step: String,
    /// Yes or no.
    pub approved: bool,
    /// What the person may decide about.
    pub roles: Vec<String>,
    /// Who and why.
    pub stamp: Stamp,
}

/// The version of its definition that a saga shall go on under.
#[derive(Clone, Debug)]
pub struct Migration {
    /// The version.
    pub to: Arc<Definition>,
    /// Who and why.
    pub stamp: Stamp,
}

impl PartialEq for Migration {
    fn eq(&self, other: &Migration) -> bool {
        self.to.hash == other.to.hash && self.stamp == other.stamp
    }
}

/// An answer to one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct StepResult {
    /// Step id.
    pub step: String,
    /// Which operation was asked.
    pub operation: Operation,
    /// Generation of the effect.
    pub generation: u32,
    /// Number of the attempt.
    pub attempt: u32,
    /// What is known.
    pub outcome: Outcome,
}

/// What an answer says about the effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It happened (or, asked to compensate: it is undone).
    Succeeded(Value),
    /// Business no; closed.
    Rejected(Problem),
    /// Technical failure; closes nothing.
    Failed(Problem),
    /// It may have happened.
    Unknown(Problem),
    /// It met a tombstone: closed.
    Refused,
    /// Received too late to be started: unspent.
    Expired,
    /// Still working.
    Heartbeat,
    /// Asked to reconcile: it happened.
    Applied(Value),
    /// Asked to reconcile: closed.
    Closed(Problem),
    /// Asked to reconcile: cannot be told yet.
    StillOpen(Problem),
}

impl Outcome {
    /// The word in journals and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Succeeded(_) => "succeeded",
            Outcome::Rejected(_) => "rejected",
            Outcome::Failed(_) => "failed",
            Outcome::Unknown(_) => "unknown",
            Outcome::Refused => "refused",
            Outcome::Expired => "expired",
            Outcome::Heartbeat => "heartbeat",
            Outcome::Applied(_) => "applied",
            Outcome::Closed(_) => "closed",
            Outcome::StillOpen(_) => "still_open",
        }
    }
}

/// What is known about the world's chance to have answered: an outage spends nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Served {
    /// Every result that was in the queue of the saga's partition before this instant has been read and
    /// decided on. Silence up to an instant means something only once this has passed it.
    pub results_read_until: Millis,
    /// For each pool the last instant at which it was seen with a consumer and with nothing waiting in its
    /// queue: what was sent before that was taken by a worker. Missing: never seen so.
    pub drained_at: BTreeMap<String, Millis>,
    /// What the store holds as the saga's `wake_at`, when it is due by that.
    pub stored_wake: Option<Millis>,
}

/// Who commands, and why; kept in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Idempotency key of the command.
    pub key: String,
    /// Principal.
    pub by: String,
    /// In their words.
    pub reason: String,
}
