//! Tasks may have been lost on their way (a transport that forgets, a queue declared anew): the attempts that
//! wait for an answer are sent again under the same number, so nothing is spent and either copy may answer.

use super::{Draft, Ignored, Refusal};
use crate::StepIndex;
use crate::saga::{Operation, Wait};

pub(super) fn redispatch(
    draft: &mut Draft<'_>,
    pool: Option<&str>,
) -> Result<Option<Ignored>, Refusal> {
    let open: Vec<(StepIndex, Operation, u32)> = draft
        .state
        .open_work()
        .filter(|(_, _, work)| matches!(work.wait, Wait::Answer { .. }))
        .map(|(index, operation, work)| (index, operation, work.attempt))
        .collect();
    for (index, operation, attempt) in open {
        if pool.is_none_or(|pool| pool_of(draft, index, operation) == Some(pool)) {
            // The mapping was evaluated once already, over facts that have not changed since.
            drop(draft.dispatch(index, operation, attempt)?);
        }
    }
    Ok(None)
}

fn pool_of<'a>(draft: &Draft<'a>, index: StepIndex, operation: Operation) -> Option<&'a str> {
    let step = draft.step(index);
    match operation {
        Operation::Forward => Some(step.task.pool.as_str()),
        Operation::Reconcile => step.reconcile.as_ref().map(|r| r.task.pool.as_str()),
        Operation::Compensate => super::draft::compensation(step).map(|c| c.task.pool.as_str()),
    }
}
