//! The durable count of a task's starts, by which a task that kills its worker is recognised.
//!
//! Only redelivered tasks are counted, just before they start; the delivery before counts as the first start.
//! The third start without an answer is not made: it is answered `unknown`, for the second may have acted.

use impresario_protocol::{Outcome, Problem, Task};

use crate::Database;

/// Starts without an answer that a task may have.
const STARTS_MAX: i32 = 2;

/// Counts one more start; `Some` is the answer of a task that has had enough.
pub(crate) async fn count(
    database: &Database,
    task: &Task,
) -> Result<Option<Outcome>, sqlx::Error> {
    let starts: i32 = sqlx::query_scalar(
        "insert into task_start as t (effect, operation, attempt, starts)
         values ($1, $2, $3, 2)
         on conflict (effect, operation, attempt)
            do update set starts = t.starts + 1, at = clock_timestamp()
         returning starts",
    )
    .bind(task.effect.to_string())
    .bind(task.operation.as_str())
    .bind(i64::from(task.attempt))
    .fetch_one(database.pool())
    .await?;
    Ok((starts > STARTS_MAX).then(|| {
        let sentence = format!("started {STARTS_MAX} times without an answer; not started again");
        Outcome::Unknown(Problem::new("poisoned", sentence))
    }))
}

/// Forgets the count of a task that was answered.
pub(crate) async fn forget(database: &Database, task: &Task) -> Result<(), sqlx::Error> {
    sqlx::query("delete from task_start where effect = $1 and operation = $2 and attempt = $3")
        .bind(task.effect.to_string())
        .bind(task.operation.as_str())
        .bind(i64::from(task.attempt))
        .execute(database.pool())
        .await?;
    Ok(())
}
