//! What a worker tells of its tasks in spans: taking a task, calling somebody else for it, sending its answer.
//!
//! Each follows from the attempt that the task names, so a task that is done again by another worker is the same span.

use std::future::Future;
use std::sync::Arc;

use impresario_protocol::{Outcome, Task};
use impresario_traces::{Context, Kind, Span, now};

use crate::answer::Said;
use crate::{TaskContext, current};

/// A pool's name in traces.
pub(crate) fn service(pool: &str) -> Arc<str> {
    Arc::from(format!("impresario-{pool}"))
}

/// The attempt that a task belongs to, when it is traced; one load while traces are off.
pub(crate) fn attempt(task: &Task) -> Option<Context> {
    if !impresario_traces::is_on() {
        return None;
    }
    Context::sampled(task.traceparent.as_deref()?)
}

/// A task was taken off its queue, and is answered.
pub(crate) fn processed(service: &Arc<str>, task: &Task, arrived: u64, outcome: &Outcome) {
    let Some(attempt) = attempt(task) else {
        return;
    };
    let name = format!("process {}", task.task);
    let context = attempt.part("process");
    let parent = Some(attempt.span);
    let span = Span::new(service, name, Kind::Consumer, context, parent, arrived)
        .with("saga.id", task.saga.clone())
        .with("saga.step", task.step.clone())
        .with("saga.operation", task.operation.as_str())
        .with("saga.attempt", task.attempt)
        .with("saga.outcome", outcome.as_str())
        .with("messaging.system", "rabbitmq")
        .with("messaging.operation.name", "process");
    impresario_traces::emit(match outcome {
        Outcome::Failed(problem) | Outcome::Unknown(problem) => span.failed(problem.code.clone()),
        Outcome::Succeeded { .. }
        | Outcome::Rejected(_)
        | Outcome::Refused
        | Outcome::Expired
        | Outcome::Heartbeat
        | Outcome::Applied { .. }
        | Outcome::Closed(_)
        | Outcome::StillOpen(_) => span,
    });
}

/// The answer of an attempt is stored at the broker.
pub(crate) fn answered(service: &Arc<str>, attempt: Context, saga: &str, since: u64) {
    let context = attempt.part("answer");
    let parent = Some(attempt.part("process").span);
    let span = Span::new(
        service,
        "send results",
        Kind::Producer,
        context,
        parent,
        since,
    )
    .with("saga.id", saga.to_owned())
    .with("messaging.system", "rabbitmq")
    .with("messaging.operation.name", "send")
    .with("messaging.destination.name", "results");
    impresario_traces::emit(span);
}

/// Makes a call for a task; `ask` is what is asked of the other side.
pub(crate) async fn called<T: Said>(
    service: &Arc<str>,
    task: &TaskContext,
    ask: &'static str,
    call: impl Future<Output = T>,
) -> T {
    let Some(attempt) = attempt(task.task()) else {
        return call.await;
    };
    let process = attempt.part("process");
    let (context, since) = (process.part(ask), now());
    let answer = current::calling(context, call).await;
    let name = format!("{ask} {}", task.task().task);
    let parent = Some(process.span);
    let (word, code) = answer.said();
    let span = Span::new(service, name, Kind::Client, context, parent, since)
        .with("saga.id", task.saga().to_owned())
        .with("saga.outcome", word);
    impresario_traces::emit(match code {
        Some(code) => span.failed(code.to_owned()),
        None => span,
    });
    answer
}
