//! Between the heart's words and the wire's: the only place that sees both.

use std::fmt::Write as _;

use bytes::Bytes;
use impresario_protocol as wire;
use impresario_workflows::saga::{
    Dispatch, Input, Operation, Outcome, Problem, Report, StepResult,
};
use impresario_workflows::{Definition, SagaId};

use super::batch::USUAL_BYTES;
use super::slot::Saga;
use crate::spans;

/// Words and numbers of a note, beside the names in it.
const NOTE_BYTES: usize = 48;

/// A worker's answer as an input, with the note for the journal.
pub(super) fn result(result: wire::TaskResult) -> (Input, String) {
    let operation = operation_in(result.operation);
    let (step, worker) = (&result.step, &result.worker);
    let mut note = String::with_capacity(NOTE_BYTES + step.len() + worker.len());
    let (way, outcome) = (operation.as_str(), result.outcome.as_str());
    let written = write!(
        note,
        "result {step} {way} #{} {outcome} by {worker}",
        result.attempt
    );
    // Writing to a text cannot fail.
    written.ok();
    let input = Input::Result(StepResult {
        step: result.step,
        operation,
        generation: result.generation,
        attempt: result.attempt,
        outcome: outcome_in(result.outcome),
    });
    (input, note)
}

/// A dispatch as an encoded task. Every step of every saga comes through here: nothing is copied on its way.
pub(super) fn task(
    id: SagaId,
    saga: &Saga,
    dispatch: &Dispatch,
) -> Result<Bytes, serde_json::Error> {
    let direction = match dispatch.operation {
        Operation::Forward | Operation::Reconcile => wire::Direction::Forward,
        Operation::Compensate => wire::Direction::Compensate,
    };
    let (unit, generation) = (dispatch.unit.as_str(), dispatch.generation);
    let (operation, attempt) = (dispatch.operation, dispatch.attempt);
    let traceparent = spans::on_task(&saga.state, unit, operation, generation, attempt);
    let mut body = Vec::with_capacity(USUAL_BYTES);
    serde_json::to_writer(
        &mut body,
        &wire::TaskRef {
            saga: format_args!("{}", saga.state.id),
            definition: &saga.definition.name,
            version: Some(version(&saga.definition)),
            parent: saga.state.parent.as_ref().map(|parent| &*parent.saga),
            tenant: &saga.tenant,
            step: unit,
            task: &dispatch.task,
            operation: operation_out(operation),
            effect: format_args!(
                "{}/{unit}/{}/{generation}",
                id.effect_part(),
                direction.as_str()
            ),
            attempt,
            not_after: Some(dispatch.not_after),
            timeout_ms: dispatch.timeout_ms,
            heartbeat_ms: dispatch.heartbeat_ms,
            saga_started_at: saga.state.started_at,
            input: &dispatch.input,
            traceparent: traceparent.as_deref(),
        },
    )?;
    Ok(Bytes::from(body))
}

/// Enough digits of a definition's hash to tell its versions apart: tasks are many, and hashes are long.
const VERSION_DIGITS: usize = 16;

/// What participants are told of the version that a saga runs under, so that they can say it of a saga that is lost.
pub(crate) fn version(definition: &Definition) -> &str {
    let hash = &definition.hash;
    hash.get(..VERSION_DIGITS).unwrap_or(hash)
}

/// A child's end as an encoded answer to its parent's step. Its attempt does not matter: an end is final from any.
pub(super) fn report(report: Report) -> Result<Bytes, serde_json::Error> {
    let answer = crate::children::answer(report.parent, report.operation, report.outcome);
    serde_json::to_vec(&answer).map(Bytes::from)
}

pub(crate) fn operation_in(operation: wire::Operation) -> Operation {
    match operation {
        wire::Operation::Forward => Operation::Forward,
        wire::Operation::Compensate => Operation::Compensate,
        wire::Operation::Reconcile => Operation::Reconcile,
    }
}

pub(crate) fn operation_out(operation: Operation) -> wire::Operation {
    match operation {
        Operation::Forward => wire::Operation::Forward,
        Operation::Compensate => wire::Operation::Compensate,
        Operation::Reconcile => wire::Operation::Reconcile,
    }
}

fn outcome_in(outcome: wire::Outcome) -> Outcome {
    match outcome {
        wire::Outcome::Succeeded { output } => Outcome::Succeeded(output),
        wire::Outcome::Rejected(problem) => Outcome::Rejected(problem_in(problem)),
        wire::Outcome::Failed(problem) => Outcome::Failed(problem_in(problem)),
        wire::Outcome::Unknown(problem) => Outcome::Unknown(problem_in(problem)),
        wire::Outcome::Refused => Outcome::Refused,
        wire::Outcome::Expired => Outcome::Expired,
        wire::Outcome::Heartbeat => Outcome::Heartbeat,
        wire::Outcome::Applied { output } => Outcome::Applied(output),
        wire::Outcome::Closed(problem) => Outcome::Closed(problem_in(problem)),
        wire::Outcome::StillOpen(problem) => Outcome::StillOpen(problem_in(problem)),
    }
}

pub(crate) fn outcome_out(outcome: Outcome) -> wire::Outcome {
    match outcome {
        Outcome::Succeeded(output) => wire::Outcome::Succeeded { output },
        Outcome::Rejected(problem) => wire::Outcome::Rejected(problem_out(problem)),
        Outcome::Failed(problem) => wire::Outcome::Failed(problem_out(problem)),
        Outcome::Unknown(problem) => wire::Outcome::Unknown(problem_out(problem)),
        Outcome::Refused => wire::Outcome::Refused,
        Outcome::Expired => wire::Outcome::Expired,
        Outcome::Heartbeat => wire::Outcome::Heartbeat,
        Outcome::Applied(output) => wire::Outcome::Applied { output },
        Outcome::Closed(problem) => wire::Outcome::Closed(problem_out(problem)),
        Outcome::StillOpen(problem) => wire::Outcome::StillOpen(problem_out(problem)),
    }
}

fn problem_out(problem: Problem) -> wire::Problem {
    wire::Problem {
        code: problem.code,
        message: problem.message,
    }
}

fn problem_in(problem: wire::Problem) -> Problem {
    Problem {
        code: problem.code,
        message: problem.message,
    }
}
