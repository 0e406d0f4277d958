//! What the engine tells of its sagas in spans (`impresario-traces`): one trace for each, whichever replicas drive it.
//!
//! ```text
//! POST /v1/bookings           the replica that took the start            (api::traced)
//! └ booking                   who commits the end                        (decided)
//!   ├ commit 1, 2, …          who commits the journal row                (decided)
//!   ├ hold, authorize, …      who commits what an attempt came to        (decided)
//!   │ ├ send                  who publishes its task                     (sent)
//!   │ └ process, …            the worker                                 (the SDK)
//!   └ undo hold               linked to the attempt that it undoes
//! ```
//!
//! A saga that is traced carries a `traceparent` in its first fact: the trace, and the span of the start. Everything
//! else follows from the saga's id, so replicas need not know each other. A saga without one costs one look at it.

mod decided;
mod sent;

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use impresario_traces::{Context, SpanId, TraceId};
use impresario_workflows::saga::{Operation, State};

pub(crate) use decided::{Committed, Decided, decided};
pub(crate) use sent::Sending;

/// The engine's name in traces.
pub const SERVICE: &str = "impresario-orchestrator";

/// The same, as spans have it.
pub(crate) fn service() -> &'static Arc<str> {
    static NAME: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from(SERVICE));
    &NAME
}

/// The span of the saga as a whole.
pub(crate) fn of_saga(id: &str) -> SpanId {
    SpanId::of(&["saga", id])
}

/// The span of one attempt; the task carries it to the worker.
fn of_attempt(
    saga: &str,
    unit: &str,
    operation: Operation,
    generation: u32,
    attempt: u32,
) -> SpanId {
    let (generation, attempt) = (generation.to_string(), attempt.to_string());
    let operation = operation.as_str();
    SpanId::of(&["attempt", saga, unit, operation, &generation, &attempt])
}

/// Where the start stood in its trace, when the saga is traced.
pub(crate) fn traced(state: &State) -> Option<Context> {
    Context::sampled(state.traceparent.as_deref()?)
}

/// The trace that a saga belongs to, whether it is told or not: for logs.
pub(crate) fn trace_id(state: &State) -> Option<TraceId> {
    Some(Context::parse(state.traceparent.as_deref()?)?.trace)
}

/// What the task of an attempt carries: its own span, in a saga that is traced here; otherwise what the start brought.
pub(crate) fn on_task<'s>(
    state: &'s State,
    unit: &str,
    operation: Operation,
    generation: u32,
    attempt: u32,
) -> Option<Cow<'s, str>> {
    let carried = state.traceparent.as_deref()?;
    let context = Context::sampled(carried).filter(|_| impresario_traces::is_on());
    Some(match context {
        Some(context) => {
            let span = of_attempt(&state.id, unit, operation, generation, attempt);
            Cow::Owned(context.at(span).to_string())
        }
        None => Cow::Borrowed(carried),
    })
}
