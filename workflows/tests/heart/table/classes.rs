//! Which states are alike: `kind` for the search, the others for what is printed.

use impresario_workflows::Definition;
use impresario_workflows::definition::{OnUnknown, Retry, Undo};
use impresario_workflows::saga::{Forward, Operation, Phase, State, Wait, Work};

/// Fine enough for the search: what each step stands at, without numbers and times.
pub(crate) fn kind(definition: &Definition, state: &State) -> String {
    let mut parts = vec![phase(state).to_owned()];
    for (index, step) in state.steps.iter().enumerate() {
        let forward = match &step.forward {
            Forward::Pending => "pending".to_owned(),
            Forward::Skipped => "skipped".to_owned(),
            Forward::Blocked { .. } => "blocked".to_owned(),
            Forward::Waiting { .. } => "waiting".to_owned(),
            Forward::FannedOut => "fanned out".to_owned(),
            Forward::Succeeded { .. } => "succeeded".to_owned(),
            Forward::Closed { .. } => "closed".to_owned(),
            Forward::GivenUp { .. } => "given up".to_owned(),
            Forward::Open { .. } => "open".to_owned(),
        };
        let work = state
            .open_work()
            .find(|(open, _, _)| *open == index)
            .map(|(_, operation, work)| counted(definition, index, operation, work));
        // On the way back only what is still to be done tells states apart.
        let owes = state.owes_undo(definition, index);
        let back = matches!(state.phase, Phase::Compensating { .. });
        parts.push(match (back, work) {
            (true, work) => format!("{owes} {}", work.unwrap_or_default()),
            (false, Some(work)) => work,
            (false, None) => forward,
        });
    }
    parts.join(" | ")
}

/// Steps by their place: before the pivot, the pivot, after it.
pub(crate) fn by_place(definition: &Definition, state: &State) -> Option<String> {
    let phase = phase(state);
    if state.quarantine.is_some() {
        return Some(format!("# {phase}"));
    }
    let mut parts: Vec<String> = state
        .open_work()
        .map(|(index, operation, work)| {
            let wish = matches!(state.phase, Phase::Forward { turn: Some(_) });
            let stands = if wish {
                format!("{} {}", operation.as_str(), waits(work))
            } else {
                stands(definition, index, operation, work)
            };
            match operation {
                Operation::Compensate => stands,
                Operation::Forward | Operation::Reconcile => {
                    format!("{}: {stands}", place(definition, index))
                }
            }
        })
        .collect();
    parts.extend(
        state
            .parked(definition)
            .filter(|(index, _, _)| matches!(state.steps[*index].forward, Forward::Closed { .. }))
            .map(|_| "after the pivot: closed".to_owned()),
    );
    parts.sort();
    parts.dedup();
    Some(
        std::iter::once(format!("# {phase}"))
            .chain(parts)
            .collect::<Vec<_>>()
            .join(" | "),
    )
}

/// On the way back: how many undoings stand at what, how many steps still wait for them.
pub(crate) fn undoing(definition: &Definition, state: &State) -> Option<String> {
    if state.quarantine.is_some() || !matches!(state.phase, Phase::Compensating { .. }) {
        return None;
    }
    let mut parts: Vec<&str> = state.open_work().map(|(_, _, work)| waits(work)).collect();
    parts.sort_unstable();
    let owing = (0..definition.steps.len()).filter(|index| state.owes_undo(definition, *index));
    let waiting = owing.count() - parts.len();
    Some(format!(
        "# undoing: {} | steps behind them: {waiting}",
        parts.join(", ")
    ))
}

fn phase(state: &State) -> &'static str {
    match (&state.phase, state.quarantine.is_some()) {
        (Phase::New, _) => "not started",
        (Phase::Forward { .. }, true) => "set aside on the way forward",
        (Phase::Compensating { .. }, true) => "set aside on the way back",
        (Phase::Forward { turn: None }, false) => "going forward",
        (Phase::Forward { turn: Some(_) }, false) => "going forward, wants to turn",
        (Phase::Compensating { .. }, false) => "undoing",
        (Phase::Completed { .. }, _) => "completed",
        (Phase::Compensated { .. }, _) => "compensated",
    }
}

fn place(definition: &Definition, index: usize) -> &'static str {
    let step = &definition.steps[index];
    match (step.pivot, step.after_pivot) {
        (true, _) => "the pivot",
        (false, true) => "after the pivot",
        (false, false) => "before the pivot",
    }
}

/// What an attempt waits for, and what comes after it.
fn stands(definition: &Definition, index: usize, operation: Operation, work: &Work) -> String {
    let step = &definition.steps[index];
    let retry = retry(definition, index, operation);
    let last = match work.wait {
        Wait::Answer { .. } if is_last(retry, work) => match (operation, work.doubtful) {
            (Operation::Forward, true) => {
                format!(", last attempt, in doubt, then {}", then(step.on_unknown))
            }
            (Operation::Forward | Operation::Compensate | Operation::Reconcile, _) => {
                ", last attempt".to_owned()
            }
        },
        Wait::Answer { .. } | Wait::Backoff { .. } | Wait::Operator { .. } => String::new(),
    };
    format!("{} {}{last}", operation.as_str(), waits(work))
}

/// With the attempts that are spent, where they have an end: the search must come to it.
fn counted(definition: &Definition, index: usize, operation: Operation, work: &Work) -> String {
    let bounded = retry(definition, index, operation).attempts_max.is_some();
    let spent = if bounded { work.spent } else { 0 };
    let doubt = if work.doubtful { ", in doubt" } else { "" };
    format!(
        "{}, {spent} spent{doubt}",
        stands(definition, index, operation, work)
    )
}

fn retry(definition: &Definition, index: usize, operation: Operation) -> &Retry {
    let step = &definition.steps[index];
    match (operation, &step.reconcile, &step.undo) {
        (Operation::Reconcile, Some(reconcile), _) => &reconcile.retry,
        (Operation::Compensate, _, Undo::Compensate(undo)) => &undo.retry,
        _ => &step.retry,
    }
}

fn is_last(retry: &Retry, work: &Work) -> bool {
    retry.exhausted(work.spent.saturating_add(1))
}

fn waits(work: &Work) -> &'static str {
    match work.wait {
        Wait::Answer { .. } => "awaited",
        Wait::Backoff { .. } => "later",
        Wait::Operator { .. } => "parked",
    }
}

fn then(on_unknown: OnUnknown) -> &'static str {
    match on_unknown {
        OnUnknown::Retry => "retry",
        OnUnknown::Reconcile => "reconcile",
        OnUnknown::Compensate => "compensate",
        OnUnknown::Operator => "a human",
    }
}
