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

#[cfg(test)]
mod tests {
    use impresario_workflows::saga::{Moment, Start, decide};
    use serde_json::json;

    use super::*;

    const ONE_STEP: &str = r#"
saga: one
version: 1
steps:
  hold: { task: seats/hold, timeout: 5s, compensate: { task: seats/release } }
"#;

    #[test]
    fn a_heartbeat_that_came_while_its_row_waited_for_a_commit_is_news() {
        let definition = Definition::parse("one", ONE_STEP).unwrap();
        let start = Input::Start(Start::with(json!({})));
        let moment = Moment {
            now: 10_000,
            jitter_permille: 0,
        };
        let unborn = State::unborn("one", &definition);
        let state = decide(&definition, &unborn, &start, moment).unwrap().next;
        let heartbeat = Input::Result(impresario_workflows::saga::StepResult {
            step: "hold".to_owned(),
            operation: Operation::Forward,
            generation: 1,
            attempt: 1,
            outcome: impresario_workflows::saga::Outcome::Heartbeat,
        });
        // Before the wait is over, and long after the row was begun.
        let span = Span::between(10_010, Some(13_000));
        let is_news = |now| {
            let moment = Moment { now, ..moment };
            let decided = decide(&definition, &state, &heartbeat, moment).unwrap();
            !decided.events.is_empty()
        };
        assert!(!is_news(10_010), "when the row was begun");
        assert!(instants(&definition, &state, &[], &span).any(is_news));
    }
}
