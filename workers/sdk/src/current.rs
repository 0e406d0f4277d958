//! Which task the running code works on: so that what it logs says so, and what it calls carries its trace further.
//!
//! Known in the task's own future and in the database work that it joins; not in what a handler spawns itself, nor in
//! work that is done for many tasks at once.

use std::future::Future;

use impresario_traces::Context;

use crate::TaskContext;

tokio::task_local! {
    static TASK: TaskContext;
    static CALL: Context;
}

/// The task that this code works on.
pub fn current_task() -> Option<TaskContext> {
    TASK.try_with(TaskContext::clone).ok()
}

/// What a call at somebody else's carries as `traceparent`; none when the task is not traced.
pub fn traceparent() -> Option<String> {
    CALL.try_with(Context::to_string).ok()
}

/// Runs code that works on this task.
pub(crate) async fn working<T>(task: Option<TaskContext>, work: impl Future<Output = T>) -> T {
    match task {
        Some(task) => TASK.scope(task, work).await,
        None => work.await,
    }
}

/// Runs a call that is this span.
pub(crate) async fn calling<T>(span: Context, call: impl Future<Output = T>) -> T {
    CALL.scope(span, call).await
}
