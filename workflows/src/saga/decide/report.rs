//! A child saga tells its parent how it ended.
//!
//! The end itself is the answer: completed means that the parent's step happened, compensated that it never will.
//! Whoever undid it is told that it is undone; an answer to a question that nobody asked is ignored by the parent.

use super::Draft;
use crate::definition::Definition;
use crate::saga::{Command, Operation, Outcome, Phase, Problem, Report, State};

/// The saga ended: whoever runs it as a step is told.
pub(super) fn ended(draft: &mut Draft<'_>) {
    for report in reports(&draft.state) {
        draft.command(Command::Report(report));
    }
}

fn reports(state: &State) -> Vec<Report> {
    let Some(parent) = &state.parent else {
        return Vec::new();
    };
    [Operation::Forward, Operation::Compensate]
        .into_iter()
        .filter_map(|operation| {
            Some(Report {
                parent: parent.clone(),
                operation,
                outcome: end(state, operation)?,
            })
        })
        .collect()
}

fn end(state: &State, operation: Operation) -> Option<Outcome> {
    match (&state.phase, operation) {
        (Phase::Completed { output }, Operation::Forward | Operation::Reconcile) => {
            Some(Outcome::Succeeded(output.as_ref().clone()))
        }
        (Phase::Compensated { cause }, Operation::Forward | Operation::Reconcile) => {
            let sentence = "the child saga was undone";
            Some(Outcome::Rejected(Problem::new(cause.code(), sentence)))
        }
        (Phase::Compensated { .. }, Operation::Compensate) => {
            Some(Outcome::Succeeded(serde_json::Value::Null))
        }
        (
            Phase::New
            | Phase::Forward { .. }
            | Phase::Compensating { .. }
            | Phase::Completed { .. },
            _,
        ) => None,
    }
}

impl State {
    /// What a child answers when its parent asks (again): its end, or that it is still at it. `None` when this saga
    /// cannot be undone any more, so that the parent's undoing fails.
    pub fn answer_to_parent(&self, definition: &Definition, operation: Operation) -> Outcome {
        if let Some(outcome) = end(self, operation) {
            return outcome;
        }
        match operation {
            Operation::Compensate if self.past_pivot(definition) => Outcome::Failed(Problem::new(
                "past_pivot",
                "the child saga is past its point of no return",
            )),
            Operation::Forward | Operation::Reconcile | Operation::Compensate => Outcome::Heartbeat,
        }
    }
}
