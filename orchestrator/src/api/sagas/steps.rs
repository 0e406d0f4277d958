//! A saga's steps as support staff read them: one word each, and what stands behind it.

use impresario_workflows::Definition;
use impresario_workflows::saga::{
    Forward, Operation, Problem, State, StepState, Undoing, UnitIndex, Wait, Work,
};
use serde::Serialize;
use serde_json::Value;

use super::super::instant::Instant;

/// One step, or one item of an `each` step (`step:item`), which stands behind the steps.
#[derive(Serialize)]
pub(super) struct StepView<'s> {
    id: String,
    /// `task`, `saga`, `sleep`, `wait` or `approve`.
    kind: &'static str,
    /// Who is asked: `pool/task`.
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    needs: Vec<&'s str>,
    pivot: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<&'s str>,
    generation: u32,
    state: &'static str,
    /// The attempts under way, forward or back.
    #[serde(skip_serializing_if = "Option::is_none")]
    work: Option<WorkView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'s Problem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'s Value>,
}

#[derive(Serialize)]
struct WorkView {
    attempt: u32,
    spent: u32,
    /// `answer`, `backoff` or `operator`.
    waits_for: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Instant>,
}

/// Every word of [`StepView::state`].
pub(in super::super) const STATES: [&str; 13] = [
    "pending",
    "skipped",
    "blocked",
    "waiting",
    "fanned_out",
    "passed_over",
    "running",
    "reconciling",
    "succeeded",
    "closed",
    "given_up",
    "undoing",
    "undone",
];

/// A saga's steps, in the definition's order, and then the items of those that were fanned out.
pub(super) fn steps<'s>(definition: &'s Definition, state: &'s State) -> Vec<StepView<'s>> {
    (0..state.steps.len())
        .map(|unit| view(definition, state, unit))
        .collect()
}

fn view<'s>(definition: &'s Definition, state: &'s State, unit: UnitIndex) -> StepView<'s> {
    let step = &definition.steps[state.step_of(unit)];
    let stands = &state.steps[unit];
    StepView {
        id: state.unit_name(definition, unit),
        kind: step.kind.word(),
        task: step
            .task()
            .map(|task| format!("{}/{}", task.pool, task.task)),
        needs: step
            .needs
            .iter()
            .map(|need| definition.steps[need].id.as_str())
            .collect(),
        pivot: step.pivot,
        effect: step.effect.as_deref(),
        generation: stands.generation,
        state: word(stands),
        work: work(stands).map(WorkView::of),
        problem: problem(stands),
        output: output(stands),
    }
}

fn word(step: &StepState) -> &'static str {
    match (&step.undoing, &step.forward) {
        (Undoing::Done, _) => "undone",
        (Undoing::Open(_), _) => "undoing",
        (Undoing::NotStarted, Forward::Pending) => "pending",
        (Undoing::NotStarted, Forward::Skipped) => "skipped",
        (
            Undoing::NotStarted,
            Forward::Blocked { .. } | Forward::Closed { .. } | Forward::GivenUp { .. },
        ) if step.passed => "passed_over",
        (Undoing::NotStarted, Forward::Waiting { .. }) => "waiting",
        (Undoing::NotStarted, Forward::FannedOut) => "fanned_out",
        (Undoing::NotStarted, Forward::Blocked { .. }) => "blocked",
        (Undoing::NotStarted, Forward::Open { operation, .. }) => match operation {
            Operation::Reconcile => "reconciling",
            Operation::Forward | Operation::Compensate => "running",
        },
        (Undoing::NotStarted, Forward::Succeeded { .. }) => "succeeded",
        (Undoing::NotStarted, Forward::Closed { .. }) => "closed",
        (Undoing::NotStarted, Forward::GivenUp { .. }) => "given_up",
    }
}

fn work(step: &StepState) -> Option<&Work> {
    match (&step.undoing, &step.forward) {
        (Undoing::Open(work), _) => Some(work),
        (Undoing::NotStarted, Forward::Open { work, .. }) => Some(work),
        (
            Undoing::Done | Undoing::NotStarted,
            Forward::Pending
            | Forward::Skipped
            | Forward::Blocked { .. }
            | Forward::Waiting { .. }
            | Forward::FannedOut
            | Forward::Open { .. }
            | Forward::Succeeded { .. }
            | Forward::Closed { .. }
            | Forward::GivenUp { .. },
        ) => None,
    }
}

fn problem(step: &StepState) -> Option<&Problem> {
    if let Some(Work {
        wait: Wait::Operator { problem },
        ..
    }) = work(step)
    {
        return Some(problem);
    }
    match &step.forward {
        Forward::Blocked { problem }
        | Forward::Closed { problem }
        | Forward::GivenUp { problem } => Some(problem),
        Forward::Pending
        | Forward::Skipped
        | Forward::Waiting { .. }
        | Forward::FannedOut
        | Forward::Open { .. }
        | Forward::Succeeded { .. } => None,
    }
}

fn output(step: &StepState) -> Option<&Value> {
    match &step.forward {
        Forward::Succeeded { output } => Some(output),
        Forward::Pending
        | Forward::Skipped
        | Forward::Blocked { .. }
        | Forward::Waiting { .. }
        | Forward::FannedOut
        | Forward::Open { .. }
        | Forward::Closed { .. }
        | Forward::GivenUp { .. } => None,
    }
}

impl WorkView {
    fn of(work: &Work) -> WorkView {
        let (waits_for, until) = match &work.wait {
            Wait::Answer { until, .. } => ("answer", Some(Instant::of(*until))),
            Wait::Backoff { until } => ("backoff", Some(Instant::of(*until))),
            Wait::Operator { .. } => ("operator", None),
        };
        WorkView {
            attempt: work.attempt,
            spent: work.spent,
            waits_for,
            until,
        }
    }
}
