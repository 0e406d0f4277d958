//! Tasks may have been lost on their way (a transport that forgets, a queue declared anew): the attempts that
//! wait for an answer are sent again under the same number, so nothing is spent and either copy may answer.

use super::{Draft, Ignored, Refusal};
use crate::saga::{Operation, UnitIndex, Wait};

pub(super) fn redispatch(
    draft: &mut Draft<'_>,
    pool: Option<&str>,
) -> Result<Option<Ignored>, Refusal> {
    let open: Vec<(UnitIndex, Operation, u32)> = draft
        .state
        .open_work()
        .filter(|(_, _, work)| matches!(work.wait, Wait::Answer { .. }))
        .map(|(index, operation, work)| (index, operation, work.attempt))
        .collect();
    for (index, operation, attempt) in open {
        // A task that is sent once is not sent again because it may be lost: it may as well have arrived.
        let once = draft.step(index).once && operation == Operation::Forward;
        if !once && pool.is_none_or(|pool| pool_of(draft, index, operation) == Some(pool)) {
            // The mapping was evaluated once already, over facts that have not changed since.
            drop(draft.dispatch(index, operation, attempt)?);
        }
    }
    Ok(None)
}

fn pool_of<'a>(draft: &Draft<'a>, index: UnitIndex, operation: Operation) -> Option<&'a str> {
    let step = draft.step(index);
    match operation {
        Operation::Forward => step.task().map(|task| task.pool.as_str()),
        Operation::Reconcile => step.reconcile.as_ref().map(|r| r.task.pool.as_str()),
        Operation::Compensate => super::draft::compensation(step).map(|c| c.task.pool.as_str()),
    }
}
