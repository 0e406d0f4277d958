//! A worker answered: find what it is about, then hand it to its direction.

use super::{Draft, Ignored, Refusal, compensation, forward};
use crate::saga::{Operation, StepResult};

pub(super) fn result(draft: &mut Draft<'_>, news: &StepResult) -> Result<Option<Ignored>, Refusal> {
    let Some(index) = draft.state.unit(draft.definition, &news.step) else {
        return Ok(Some(Ignored::Foreign));
    };
    // An older generation is closed: that is why there is a newer one. A newer one than ours was never asked.
    if news.generation != draft.state.steps[index].generation {
        return Ok(Some(Ignored::Stale));
    }
    match news.operation {
        Operation::Forward | Operation::Reconcile => forward::answered(draft, index, news),
        Operation::Compensate => compensation::answered(draft, index, news),
    }
}
