//! One input, one decision. This page only sends each input to its file.
//!
//! `decide` is total: every input has an answer in every state. What the answer means is part of the decision
//! ([`Meaning`]), because the caller's acknowledgement rests on it; an operator's command that cannot be
//! followed is a [`Refusal`] that names both the command and what stands against it.

mod advance;
mod attempts;
mod cancel;
mod compensation;
mod draft;
mod failure;
mod fan;
mod fault;
mod forward;
mod found;
mod migrate;
mod redispatch;
mod report;
mod result;
mod retry;
mod signal;
mod start;
mod timer;
mod undo;
mod verdict;
mod waiting;

use draft::Draft;

use super::{Command, Event, Input, Phase, State, Status, Unfoldable};
use crate::Millis;
use crate::definition::Definition;

/// The instant and the chance that a decision is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Now.
    pub now: Millis,
    /// 0..=1000, for the jitter of backoffs.
    pub jitter_permille: u16,
}

/// What follows from an input.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// New facts, in order; empty when the input changes nothing.
    pub events: Vec<Event>,
    /// To be done once the events are committed.
    pub commands: Vec<Command>,
    /// The state with the events folded in.
    pub next: State,
    /// What the input was.
    pub meaning: Meaning,
}

/// What an input meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// It changed the saga.
    News,
    /// It changed nothing, for this reason. Believed only on the stored head.
    Ignored(Ignored),
}

/// Why an input changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// The saga was started before.
    AlreadyStarted,
    /// The saga does not exist (yet).
    NotStarted,
    /// The saga has ended.
    Ended,
    /// The answer belongs to an attempt, generation or operation that no longer counts.
    Stale,
    /// The same was known already.
    Known,
    /// The definition has no such step: a forged or foreign answer.
    Foreign,
    /// Nothing is due.
    NotDue,
    /// Set aside until an operator lets it go on.
    Quarantined,
}

/// A command that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The pivot is behind: only forward.
    #[error("cannot cancel: step `{pivot}` is done, and after it the saga only goes forward")]
    PastPivot {
        /// The pivot step.
        pivot: String,
    },
    /// Every step of a lost saga may have been done: what it answered may have been promised.
    #[error("cannot undo: every step may have been done, and the saga may have completed")]
    MayHaveCompleted,
    /// Nothing is in front of a human.
    #[error("cannot retry: nothing is parked, the saga is {status}")]
    NothingParked {
        /// The saga's status.
        status: &'static str,
    },
    /// That step is not in front of a human.
    #[error("cannot retry step `{step}`: it is not parked")]
    NotParked {
        /// The step.
        step: String,
    },
    /// No such saga.
    #[error("cannot {command}: the saga does not exist")]
    NotStarted {
        /// The command.
        command: &'static str,
    },
    /// No step of the definition waits for it.
    #[error("cannot take signal `{name}`: no step of the definition waits for it")]
    NoSuchSignal {
        /// Its name.
        name: String,
    },
    /// Too many signals were kept already.
    #[error("cannot keep another signal: {limit} wait to be taken")]
    TooManySignals {
        /// How many are kept.
        limit: usize,
    },
    /// That step does not wait for a decision.
    #[error("cannot decide about step `{step}`: it does not wait for a decision")]
    NotWaiting {
        /// The step.
        step: String,
    },
    /// Somebody else decides that.
    #[error("cannot decide about step `{step}`: that takes the role {roles}")]
    NotAllowed {
        /// The step.
        step: String,
        /// Who may.
        roles: String,
    },
    /// A saga goes on as what it is.
    #[error("cannot migrate: `{to}` is another definition than `{from}`")]
    OtherDefinition {
        /// What it is.
        from: String,
        /// What it is not.
        to: String,
    },
    /// The other version does not know a step, or not as the same.
    #[error(
        "cannot migrate: the saga has come to step `{step}`, which is another one in version {version}, or none"
    )]
    CameTo {
        /// The step.
        step: String,
        /// The other version.
        version: u32,
    },
    /// The saga cannot be folded or decided: data of another definition, or damaged.
    #[error("cannot decide: {0}")]
    Unfoldable(#[from] Unfoldable),
}

/// Decides what `input` means for `state`.
pub fn decide(
    definition: &Definition,
    state: &State,
    input: &Input,
    moment: Moment,
) -> Result<Decision, Refusal> {
    let mut draft = Draft::new(definition, state, moment);
    let ignored = match (&state.phase, input) {
        (Phase::New, Input::Start(start)) => start::start(&mut draft, start)?,
        (Phase::New, Input::Found(lost)) => found::found(&mut draft, lost)?,
        (_, Input::Start(_) | Input::Found(_)) => Some(Ignored::AlreadyStarted),
        (Phase::New, Input::Cancel(_)) => return Err(Refusal::NotStarted { command: "cancel" }),
        (Phase::New, Input::Retry { .. }) => return Err(Refusal::NotStarted { command: "retry" }),
        (Phase::New, Input::Migrate(_)) => {
            return Err(Refusal::NotStarted { command: "migrate" });
        }
        (
            Phase::New,
            Input::Result(_) | Input::Timer(_) | Input::Redispatch { .. } | Input::EngineFault(_),
        ) => Some(Ignored::NotStarted),
        (_, Input::Retry { step, stamp }) => retry::retry(&mut draft, step.as_deref(), stamp)?,
        (_, Input::Cancel(stamp)) => cancel::cancel(&mut draft, stamp)?,
        (_, Input::Undo(stamp)) => undo::undo(&mut draft, stamp)?,
        (_, Input::Signal(message)) => signal::signal(&mut draft, message)?,
        (_, Input::Decide(verdict)) => verdict::decide(&mut draft, verdict)?,
        (Phase::Completed { .. } | Phase::Compensated { .. }, _) => Some(Ignored::Ended),
        // Also one that was set aside: it stays so, under the other version.
        (Phase::Forward { .. } | Phase::Compensating { .. }, Input::Migrate(migration)) => {
            migrate::migrate(&mut draft, migration)?
        }
        (Phase::Forward { .. } | Phase::Compensating { .. }, Input::EngineFault(problem)) => {
            fault::quarantine(&mut draft, problem)?
        }
        // A saga that could not be decided takes no news until an operator looks: answers stay true, and the
        // retry sends the open attempts again. Only its wake-up is moved out, or it would be looked at for ever.
        (Phase::Forward { .. } | Phase::Compensating { .. }, Input::Timer(served))
            if state.quarantine.is_some() =>
        {
            timer::move_wake(&mut draft, served, Ignored::Quarantined)?
        }
        (Phase::Forward { .. } | Phase::Compensating { .. }, _) if state.quarantine.is_some() => {
            Some(Ignored::Quarantined)
        }
        (Phase::Forward { .. } | Phase::Compensating { .. }, Input::Result(news)) => {
            result::result(&mut draft, news)?
        }
        (Phase::Forward { .. } | Phase::Compensating { .. }, Input::Timer(served)) => {
            timer::timer(&mut draft, served)?
        }
        (Phase::Forward { .. } | Phase::Compensating { .. }, Input::Redispatch { pool }) => {
            redispatch::redispatch(&mut draft, pool.as_deref())?
        }
    };
    Ok(draft.finish(ignored))
}

impl Meaning {
    /// Whether the input changed the saga.
    pub fn is_news(self) -> bool {
        match self {
            Meaning::News => true,
            Meaning::Ignored(_) => false,
        }
    }
}

/// The refusal of a retry in a state that has nothing parked.
fn nothing_parked(status: Status) -> Refusal {
    Refusal::NothingParked {
        status: status.as_str(),
    }
}
