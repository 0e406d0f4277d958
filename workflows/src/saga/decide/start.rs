//! A start: the first fact, and the first steps.

use std::sync::Arc;

use super::advance::advance;
use super::{Draft, Ignored, Refusal};
use crate::saga::{Event, Start};

pub(super) fn start(draft: &mut Draft<'_>, start: &Start) -> Result<Option<Ignored>, Refusal> {
    draft.emit(Event::Started {
        at: draft.now(),
        input: Arc::new(start.input.clone()),
        traceparent: start.traceparent.as_deref().map(Arc::from),
    })?;
    advance(draft)?;
    Ok(None)
}
