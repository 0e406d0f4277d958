//! One sentence: what a saga does, waits for, or why it stands before a human, with the next action.

use super::{Cause, Operation, Phase, State, UnitIndex, Wait};
use crate::Millis;
use crate::definition::{Definition, Kind};

/// Explains a saga to support staff.
pub fn explain(definition: &Definition, state: &State, now: Millis) -> String {
    if let Some(problem) = &state.quarantine {
        return format!(
            "Set aside by the engine ({}: {}): retry it once the cause is mended.",
            problem.code, problem.message
        );
    }
    if let Some((index, operation, problem)) = state.parked(definition).next() {
        return format!(
            "Stuck at {} of `{}` ({}: {}): look at the participant, then retry the step.",
            verb(operation),
            state.unit_name(definition, index),
            problem.code,
            problem.message
        );
    }
    match &state.phase {
        Phase::New => "Not started.".to_owned(),
        Phase::Completed { .. } => "Completed.".to_owned(),
        Phase::Compensated { cause } => format!("Undone, because {}.", because(cause)),
        Phase::Compensating { cause } => {
            format!(
                "Undoing, because {}; {}.",
                because(cause),
                waits(definition, state, now)
            )
        }
        Phase::Forward { turn: None } => {
            format!("Going forward; {}.", waits(definition, state, now))
        }
        Phase::Forward { turn: Some(cause) } => format!(
            "Wants to turn around, because {}, once the pivot has answered; {}.",
            because(cause),
            waits(definition, state, now)
        ),
    }
}

fn waits(definition: &Definition, state: &State, now: Millis) -> String {
    let parts: Vec<String> = state
        .open_work()
        .map(|(index, operation, work)| {
            let id = state.unit_name(definition, index);
            match &work.wait {
                Wait::Answer { sent_at, .. } => format!(
                    "{} of `{id}` waits for an answer to attempt {} ({})",
                    verb(operation),
                    work.attempt,
                    span(now.saturating_sub(*sent_at))
                ),
                Wait::Backoff { until } => format!(
                    "{} of `{id}` is tried again in {}",
                    verb(operation),
                    span(until.saturating_sub(now))
                ),
                Wait::Operator { problem } => {
                    format!(
                        "{} of `{id}` waits for a person ({})",
                        verb(operation),
                        problem.code
                    )
                }
            }
        })
        .chain(
            state
                .waiting()
                .map(|(unit, until)| named_wait(definition, state, unit, until, now)),
        )
        .collect();
    if parts.is_empty() {
        "nothing is out".to_owned()
    } else {
        parts.join("; ")
    }
}

fn named_wait(
    definition: &Definition,
    state: &State,
    unit: UnitIndex,
    until: Millis,
    now: Millis,
) -> String {
    let id = state.unit_name(definition, unit);
    let left = span(until.saturating_sub(now));
    match &definition.steps[state.step_of(unit)].kind {
        Kind::Sleep { .. } => format!("`{id}` sleeps for {left} more"),
        Kind::Wait(wait) => {
            format!(
                "`{id}` waits for the signal `{}`, at most {left}",
                wait.signal
            )
        }
        Kind::Approve { roles, .. } if roles.is_empty() => {
            format!("`{id}` waits for a person to decide, at most {left}")
        }
        Kind::Approve { roles, .. } => format!(
            "`{id}` waits for the decision of {}, at most {left}",
            roles.join(" or ")
        ),
        Kind::Task(_) | Kind::Saga(_) => format!("`{id}` waits"),
    }
}

fn verb(operation: Operation) -> &'static str {
    match operation {
        Operation::Forward => "the run",
        Operation::Compensate => "the undoing",
        Operation::Reconcile => "the reconciling",
    }
}

fn because(cause: &Cause) -> String {
    match cause {
        Cause::Rejected { step, problem } => format!("`{step}` was rejected ({})", problem.code),
        Cause::Failed { step, problem } => format!("`{step}` failed for good ({})", problem.code),
        Cause::Unknown { step, problem } => {
            format!("the outcome of `{step}` stayed unknown ({})", problem.code)
        }
        Cause::Unmappable { step, problem } => {
            format!(
                "the input of `{step}` could not be made ({})",
                problem.message
            )
        }
        Cause::Cancelled { by, reason } => format!("{by} cancelled it ({reason})"),
        Cause::Deadline => "its deadline passed".to_owned(),
    }
}

fn span(ms: Millis) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min", ms / 60_000),
    }
}
