//! A signal: something happened outside.
//!
//! It may come before anybody waits for it, so it is kept first and taken then. While the saga goes back it is kept as
//! evidence. A signal that the definition never waits for is refused, or a misspelt name would be lost silently.

use std::sync::Arc;

use super::advance::advance;
use super::{Draft, Ignored, Refusal};
use crate::definition::Kind;
use crate::saga::state::SIGNALS_MAX;
use crate::saga::{Event, Message, Phase};

pub(super) fn signal(draft: &mut Draft<'_>, message: &Message) -> Result<Option<Ignored>, Refusal> {
    if draft.state.stamps.contains(&message.key) {
        return Ok(Some(Ignored::Known));
    }
    match draft.state.phase {
        Phase::New => return Err(Refusal::NotStarted { command: "signal" }),
        Phase::Completed { .. } | Phase::Compensated { .. } => return Ok(Some(Ignored::Ended)),
        Phase::Forward { .. } | Phase::Compensating { .. } => {}
    }
    let known = draft.definition.steps.iter().any(|step| match &step.kind {
        Kind::Wait(wait) => wait.signal == message.name,
        Kind::Task(_) | Kind::Saga(_) | Kind::Sleep { .. } | Kind::Approve { .. } => false,
    });
    if !known {
        return Err(Refusal::NoSuchSignal {
            name: message.name.clone(),
        });
    }
    if draft.state.signals.len() >= SIGNALS_MAX {
        return Err(Refusal::TooManySignals { limit: SIGNALS_MAX });
    }
    draft.emit(Event::Signalled {
        key: message.key.clone(),
        name: message.name.clone(),
        payload: Arc::new(message.payload.clone()),
    })?;
    // A saga that was set aside only remembers it.
    if draft.state.quarantine.is_none() {
        advance(draft)?;
    }
    Ok(None)
}
