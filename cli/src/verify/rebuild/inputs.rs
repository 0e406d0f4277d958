//! From the words of a journal row to the inputs that they may have been.
//!
//! The words say what came; what it carried is in the facts that followed, or made no difference. Where several
//! things may have been (what the engine knew of its pools when a timer came), all of them are tried.

use std::collections::BTreeMap;

use impresario_workflows::Definition;
use impresario_workflows::definition::Undo;
use impresario_workflows::saga::{
    Cause, Event, Input, Lost, Operation, Outcome, Problem, Served, Stamp, Start, State, StepResult,
};
use serde_json::Value;

use crate::verify::checks::policy;

/// Pools whose state is tried in every combination: 64 of them.
const POOLS_MAX: usize = 6;

/// Whether these words can be made into inputs at all.
pub(crate) fn is_known(note: &str) -> bool {
    let first = note.split(' ').next().unwrap_or_default();
    [
        "start",
        "found",
        "result",
        "timer",
        "redispatch",
        "cancel",
        "retry",
    ]
    .contains(&first)
}

/// Every input that these words may mean, in this state, when these facts followed.
pub(crate) fn inputs(
    definition: &Definition,
    state: &State,
    note: &str,
    rest: &[Event],
) -> Vec<Input> {
    // Whatever came, `decide` erred on it.
    if let Some(Event::Quarantined { problem }) = rest.first() {
        return vec![Input::EngineFault(problem.clone())];
    }
    let words: Vec<&str> = note.split(' ').collect();
    match words[..] {
        ["start"] => start(rest),
        ["found"] => found(rest),
        ["result", step, operation, attempt, outcome, ..] => {
            result(definition, state, [step, operation, attempt, outcome], rest)
        }
        ["timer"] => timers(definition, state),
        ["redispatch"] => definition
            .pools()
            .into_iter()
            .map(Some)
            .chain([None])
            .map(|pool| Input::Redispatch { pool })
            .collect(),
        ["cancel"] => cancel(rest),
        ["retry"] => retry(rest),
        _ => Vec::new(),
    }
}

fn start(rest: &[Event]) -> Vec<Input> {
    let Some(Event::Started {
        input,
        traceparent,
        parent,
        ..
    }) = rest.first()
    else {
        return Vec::new();
    };
    // Nothing but its parent's order turns a saga around in the moment of its start.
    let stillborn = match rest.get(1) {
        Some(Event::Turned {
            cause: Cause::Cancelled { by, reason },
            stamp: Some(key),
        }) => Some(stamp(key, by, reason)),
        Some(_) | None => None,
    };
    vec![Input::Start(Start {
        input: (**input).clone(),
        traceparent: traceparent.as_deref().map(str::to_owned),
        parent: parent.clone(),
        stillborn,
    })]
}

/// What may have been sent and left no trace is among the effects by now: it is found the same again.
fn found(rest: &[Event]) -> Vec<Input> {
    let Some(Event::Found {
        at,
        input,
        items,
        effects,
        stamp: key,
        by,
        reason,
    }) = rest.first()
    else {
        return Vec::new();
    };
    vec![Input::Found(Lost {
        at: *at,
        input: (**input).clone(),
        items: items.clone(),
        effects: effects.clone(),
        stamp: stamp(key, by, reason),
    })]
}

fn result(
    definition: &Definition,
    state: &State,
    [step, operation, attempt, outcome]: [&str; 4],
    rest: &[Event],
) -> Vec<Input> {
    let operations = [
        Operation::Forward,
        Operation::Compensate,
        Operation::Reconcile,
    ];
    let named = operations
        .into_iter()
        .find(|known| known.as_str() == operation);
    let number = attempt
        .strip_prefix('#')
        .and_then(|number| number.parse().ok());
    let (Some(operation), Some(attempt)) = (named, number) else {
        return Vec::new();
    };
    let generation = crate::verify::case::unit(definition, state, step)
        .map_or(1, |index| state.steps[index].generation);
    outcomes(definition, step, operation, outcome, rest)
        .into_iter()
        .map(|outcome| {
            Input::Result(StepResult {
                step: step.to_owned(),
                operation,
                generation,
                attempt,
                outcome,
            })
        })
        .collect()
}

fn outcomes(
    definition: &Definition,
    step: &str,
    operation: Operation,
    outcome: &str,
    rest: &[Event],
) -> Vec<Outcome> {
    let output = || {
        let found = rest.iter().find_map(|event| match event {
            Event::Succeeded { step: of, output } if of == step => Some((**output).clone()),
            _ => None,
        });
        found.unwrap_or(Value::Null)
    };
    let problems = problems(definition, step, operation, rest).into_iter();
    match outcome {
        "succeeded" => vec![Outcome::Succeeded(output())],
        "applied" => vec![Outcome::Applied(output())],
        "rejected" => problems.map(Outcome::Rejected).collect(),
        "closed" => problems.map(Outcome::Closed).collect(),
        "failed" => problems.map(Outcome::Failed).collect(),
        "unknown" => problems.map(Outcome::Unknown).collect(),
        "still_open" => problems.map(Outcome::StillOpen).collect(),
        "refused" => vec![Outcome::Refused],
        "expired" => vec![Outcome::Expired],
        "heartbeat" => vec![Outcome::Heartbeat],
        _ => Vec::new(),
    }
}

/// What may have been wrong: what the facts say, or, where they do not, any code that would make a difference.
fn problems(
    definition: &Definition,
    step: &str,
    operation: Operation,
    rest: &[Event],
) -> Vec<Problem> {
    let said = rest.iter().find_map(|event| match event {
        Event::Closed { step: of, problem }
        | Event::GaveUp {
            step: of, problem, ..
        }
        | Event::Parked {
            step: of, problem, ..
        }
        | Event::RetryScheduled {
            step: of, problem, ..
        } if of == step => Some(problem.clone()),
        _ => None,
    });
    let final_codes = policy(definition, step, operation)
        .map(|(retry, _)| retry.unless.clone())
        .unwrap_or_default();
    let made = |code: String| Problem::new(code, "not told by the journal");
    said.into_iter()
        .chain([made("not_told".to_owned())])
        .chain(final_codes.into_iter().map(made))
        .collect()
}

/// A look at the clock, with every combination of what the engine may have known of pools and results.
fn timers(definition: &Definition, state: &State) -> Vec<Input> {
    let mut pools: Vec<&str> = state
        .open_work()
        .filter_map(|(index, operation, _)| pool(definition, index, operation))
        .collect();
    pools.sort_unstable();
    pools.dedup();
    pools.truncate(POOLS_MAX);
    let mut inputs = Vec::new();
    for chosen in 0..1_u32 << pools.len() {
        let drained_at: BTreeMap<String, u64> = pools
            .iter()
            .enumerate()
            .filter(|(place, _)| chosen & (1 << place) != 0)
            .map(|(_, pool)| ((*pool).to_owned(), u64::MAX))
            .collect();
        for results_read_until in [u64::MAX, 0] {
            inputs.push(Input::Timer(Served {
                results_read_until,
                drained_at: drained_at.clone(),
                // Always past: whether the look was too early is told by what followed.
                stored_wake: Some(0),
            }));
        }
    }
    inputs
}

fn pool(definition: &Definition, index: usize, operation: Operation) -> Option<&str> {
    let step = definition.steps.get(index)?;
    match (operation, &step.reconcile, &step.undo) {
        (Operation::Reconcile, Some(reconcile), _) => Some(&reconcile.task.pool),
        (Operation::Compensate, _, Undo::Compensate(undo)) => Some(&undo.task.pool),
        (Operation::Forward | Operation::Reconcile | Operation::Compensate, _, _) => {
            step.task().map(|task| task.pool.as_str())
        }
    }
}

fn cancel(rest: &[Event]) -> Vec<Input> {
    let found = rest.iter().find_map(|event| match event {
        Event::Turned {
            cause: Cause::Cancelled { by, reason },
            stamp: Some(key),
        }
        | Event::TurnRequested {
            cause: Cause::Cancelled { by, reason },
            stamp: Some(key),
        } => Some(stamp(key, by, reason)),
        _ => None,
    });
    found.map(Input::Cancel).into_iter().collect()
}

fn retry(rest: &[Event]) -> Vec<Input> {
    match rest.first() {
        Some(Event::Released {
            stamp: key,
            by,
            reason,
        }) => vec![Input::Retry {
            step: None,
            stamp: stamp(key, by, reason),
        }],
        Some(Event::Retried {
            step,
            stamp: key,
            by,
            reason,
            ..
        }) => [None, Some(step.clone())]
            .into_iter()
            .map(|step| Input::Retry {
                step,
                stamp: stamp(key, by, reason),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn stamp(key: &str, by: &str, reason: &str) -> Stamp {
    Stamp {
        key: key.to_owned(),
        by: by.to_owned(),
        reason: reason.to_owned(),
    }
}
