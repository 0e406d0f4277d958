//! A saga's steps as support staff read them: one word each, and what stands behind it.

use impresario_workflows::Definition;
use impresario_workflows::saga::{
    Forward, Operation, Problem, State, StepState, Undoing, Wait, Work,
};
use serde::Serialize;
use serde_json::Value;

use super::super::instant::Instant;

/// One step.
#[derive(Serialize)]
pub(super) struct StepView<'s> {
    id: &'s str,
    task: String,
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
pub(in super::super) const STATES: [&str; 10] = [
    "pending",
    "skipped",
    "blocked",
    "running",
    "reconciling",
    "succeeded",
    "closed",
    "given_up",
    "undoing",
    "undone",
];

/// A saga's steps, in the definition's order.
pub(super) fn steps<'s>(definition: &'s Definition, state: &'s State) -> Vec<StepView<'s>> {
    let name = |index: usize| definition.steps[index].id.as_str();
    definition
        .steps
        .iter()
        .zip(&state.steps)
        .map(|(step, state)| StepView {
            id: &step.id,
            task: format!("{}/{}", step.task.pool, step.task.task),
            needs: step.needs.iter().map(name).collect(),
            pivot: step.pivot,
            effect: step.effect.as_deref(),
            generation: state.generation,
            state: word(state),
            work: work(state).map(WorkView::of),
            problem: problem(state),
            output: output(state),
        })
        .collect()
}

fn word(step: &StepState) -> &'static str {
    match (&step.undoing, &step.forward) {
        (Undoing::Done, _) => "undone",
        (Undoing::Open(_), _) => "undoing",
        (Undoing::NotStarted, Forward::Pending) => "pending",
        (Undoing::NotStarted, Forward::Skipped) => "skipped",
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
        Forward::Pending | Forward::Skipped | Forward::Open { .. } | Forward::Succeeded { .. } => {
            None
        }
    }
}

fn output(step: &StepState) -> Option<&Value> {
    match &step.forward {
        Forward::Succeeded { output } => Some(output),
        Forward::Pending
        | Forward::Skipped
        | Forward::Blocked { .. }
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
