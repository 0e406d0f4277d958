//! Who does what in which order: one file for each way of keeping an effect at most once.
//!
//! [`transactional`] one task in the barrier's transaction · [`set`] many · [`external`] intent, call, answer ·
//! [`compensate`] and [`reconcile`] for effects of the first two. [`sets`] is the loop that forms sets. All database work runs in tasks of its own
//! that are joined, never cancelled: whoever stops waiting for an answer does not stop the transaction.

pub(crate) mod batch_queue;
pub(crate) mod compensate;
pub(crate) mod external;
pub(crate) mod external_sets;
pub(crate) mod external_undo;
pub(crate) mod reconcile;
pub(crate) mod set;
pub(crate) mod sets;
pub(crate) mod transactional;

use std::future::Future;

use impresario_protocol::{OUTPUT_BYTES_MAX, Outcome, Problem};
use serde_json::Value;

use crate::answer::database_sentence;
use crate::current;
use crate::{HandlerError, Verdict};

/// Runs database work to its end, whatever becomes of the caller; a panic is a `failed`.
pub(crate) async fn joined(
    work: impl Future<Output = Result<Outcome, HandlerError>> + Send + 'static,
) -> Outcome {
    let work = current::working(current::current_task(), work);
    match tokio::spawn(work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => {
            tracing::warn!(error = %error, "a task failed");
            Outcome::Failed(error.problem())
        }
        // The transaction of a panicking handler was dropped, and so rolled back.
        Err(_) => Outcome::Failed(panicked()),
    }
}

pub(crate) fn panicked() -> Problem {
    Problem::new(
        "worker_panic",
        "the worker's code panicked; nothing was committed",
    )
}

/// After an error from COMMIT nothing is known: it may have arrived.
pub(crate) fn commit_unknown(error: &sqlx::Error) -> Outcome {
    tracing::warn!(%error, "commit without an answer");
    Outcome::Unknown(Problem::new(
        "commit_unknown",
        format!("no answer to the commit: {}", database_sentence(error)),
    ))
}

/// An output that no message could carry must not be committed.
pub(crate) fn bounded(verdict: Verdict<Value>) -> Verdict<Value> {
    match verdict {
        Verdict::Done(output) if output.to_string().len() > OUTPUT_BYTES_MAX => Verdict::failed(
            "output_too_large",
            format!("the output is larger than {OUTPUT_BYTES_MAX} bytes"),
        ),
        Verdict::Done(_) | Verdict::Rejected(_) | Verdict::Failed(_) | Verdict::Unknown(_) => {
            verdict
        }
    }
}

pub(crate) fn bad_input(error: &serde_json::Error) -> Problem {
    Problem::new("bad_input", format!("the input cannot be read: {error}"))
}
