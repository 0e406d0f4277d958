//! Inputs made again from what a journal row says of them, and facts compared without their chance and their clock.

mod inputs;
mod same;

use impresario_workflows::saga::{Event, Input, Operation, State, Wait};
use impresario_workflows::{Definition, Millis};

use super::checks::SKEW_MS;

pub(crate) use inputs::{inputs, is_known};
pub(crate) use same::same;

/// An input that may have been the one.
pub(crate) type Rebuilt = Input;

/// A commit takes no longer: the engine's statements are cut off after 30 s.
const COMMIT_MAX_MS: Millis = 60_000;

/// When the decisions of a row were made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    from: Millis,
    until: Millis,
}

impl Span {
    /// From the first decision of a row to the row after it.
    pub(crate) fn between(at: Millis, next: Option<Millis>) -> Span {
        let longest = at.saturating_add(COMMIT_MAX_MS);
        // The next row may be another replica's, whose clock is another.
        let until = next.map_or(longest, |next| {
            next.saturating_add(SKEW_MS).clamp(at, longest)
        });
        Span { from: at, until }
    }

    fn holds(&self, now: Millis) -> bool {
        self.from <= now && now <= self.until
    }
}

/// The instants at which the next decision may have been made: what the facts say, and where a clock would make a
/// difference.
pub(crate) fn instants<'s>(
    definition: &'s Definition,
    state: &'s State,
    rest: &'s [Event],
    span: &'s Span,
) -> impl Iterator<Item = Millis> + 's {
    let said = rest.iter().find_map(|event| match event {
        Event::Started { at, .. } | Event::Dispatched { at, .. } => Some(*at),
        _ => None,
    });
    let waits = state
        .open_work()
        .filter_map(|(index, operation, work)| match work.wait {
            Wait::Backoff { until } => Some(vec![until]),
            // A wait is over at its end; it is moved out a timeout later. In its second half a heartbeat is news.
            Wait::Answer { until, .. } => {
                let timeout = timeout_ms(definition, state, index, operation);
                let silence = silence_ms(definition, state, index, operation).unwrap_or(timeout);
                let half = until.saturating_sub(silence / 2);
                Some(vec![half, until, until.saturating_add(timeout)])
            }
            Wait::Operator { .. } => None,
        });
    let deadline = definition
        .deadline_ms
        .map(|after| state.started_at.saturating_add(after));
    [Some(span.from), said, deadline]
        .into_iter()
        .flatten()
        .chain(waits.flatten())
        .filter(|now| span.holds(*now))
}

/// How long a worker may be silent, when the definition says that.
fn silence_ms(
    definition: &Definition,
    state: &State,
    index: usize,
    operation: Operation,
) -> Option<Millis> {
    let step = definition.steps.get(state.step_of(index))?;
    step.heartbeat_ms
        .filter(|_| operation == Operation::Forward)
}

fn timeout_ms(
    definition: &Definition,
    state: &State,
    index: usize,
    operation: Operation,
) -> Millis {
    use impresario_workflows::definition::Undo;
    let Some(step) = definition.steps.get(state.step_of(index)) else {
        return 0;
    };
    match (operation, &step.reconcile, &step.undo) {
        (Operation::Reconcile, Some(reconcile), _) => reconcile.timeout_ms,
        (Operation::Compensate, _, Undo::Compensate(undo)) => undo.timeout_ms,
        (Operation::Forward | Operation::Reconcile | Operation::Compensate, _, _) => {
            step.timeout_ms
        }
    }
}
