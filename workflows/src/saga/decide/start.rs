//! A start: the first fact, and the first steps.

use std::sync::Arc;

use super::advance::advance;
use super::{Draft, Ignored, Refusal};
use crate::saga::{Cause, Event, Start};

pub(super) fn start(draft: &mut Draft<'_>, start: &Start) -> Result<Option<Ignored>, Refusal> {
    draft.emit(Event::Started {
        at: draft.now(),
        input: Arc::new(start.input.clone()),
        traceparent: start.traceparent.as_deref().map(Arc::from),
        parent: start.parent.clone(),
    })?;
    if let Some(stamp) = &start.stillborn {
        let cause = Cause::Cancelled {
            by: stamp.by.clone(),
            reason: stamp.reason.clone(),
        };
        draft.emit(Event::Turned {
            cause,
            stamp: Some(stamp.key.clone()),
        })?;
    }
    advance(draft)?;
    Ok(None)
}
