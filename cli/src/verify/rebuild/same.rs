//! Whether a stored fact is the one that was decided again: the same in everything but the millisecond and the
//! jitter, and those within what the row's time and the retry policy allow.

use impresario_workflows::saga::{Event, Operation};
use impresario_workflows::{Definition, Millis};

use super::Span;
use crate::verify::checks::policy;

/// Both facts are of one kind and differ in nothing that can be told.
pub(crate) fn same(definition: &Definition, decided: &Event, stored: &Event, span: &Span) -> bool {
    match (decided, stored) {
        (
            Event::Dispatched {
                at: a, until: b, ..
            },
            Event::Dispatched {
                at: c, until: d, ..
            },
        ) => {
            // The input could not be made: such a dispatch ends at once.
            span.holds(*c) && b - a == d - c && blurred(decided) == blurred(stored)
        }
        (Event::RetryScheduled { .. }, Event::RetryScheduled { .. }) => {
            blurred(decided) == blurred(stored) && within_backoff(definition, stored, span)
        }
        (Event::Started { .. }, Event::Started { at, .. }) => {
            span.holds(*at) && blurred(decided) == blurred(stored)
        }
        _ => blurred(decided) == blurred(stored),
    }
}

/// The fact without its instants.
fn blurred(event: &Event) -> Event {
    let mut event = event.clone();
    match &mut event {
        Event::Dispatched { at, until, .. } => (*at, *until) = (0, 0),
        Event::RetryScheduled { until, .. } | Event::Postponed { until, .. } => *until = 0,
        Event::Started { at, .. } => *at = 0,
        _ => {}
    }
    event
}

/// A backoff begins when it is decided and lasts between half of the policy's wait and all of it.
fn within_backoff(definition: &Definition, stored: &Event, span: &Span) -> bool {
    let Event::RetryScheduled {
        step,
        operation,
        spent,
        until,
        ..
    } = stored
    else {
        return false;
    };
    let Some((least, most)) = backoff(definition, step, *operation, *spent) else {
        return false;
    };
    span.from.saturating_add(least) <= *until && *until <= span.until.saturating_add(most)
}

fn backoff(
    definition: &Definition,
    step: &str,
    operation: Operation,
    spent: u32,
) -> Option<(Millis, Millis)> {
    let (retry, _) = policy(definition, step, operation)?;
    let spent = spent.max(1);
    Some((retry.backoff_ms(spent, 0), retry.backoff_ms(spent, 1000)))
}
