//! The task that owns the commit connection: one batch in, one answer out, never cancelled half-way.
//!
//! An unclear answer is resolved here: it re-reads until the database answers, however long that takes, and
//! tells the lane to empty its cache. Everything else about a failed batch is the lane's to decide.

use std::time::{Duration, Instant};

use impresario_metrics::table::{COMMIT_DURATION, COMMITS_UNKNOWN};
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tokio::sync::mpsc;

use crate::store::Database;
use crate::store::commit::{self, Answer, Batch, Committed};
use crate::store::error;

/// What became of a batch, with no doubt left.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Committed, with these winners.
    Committed {
        committed: Committed,
        /// The connection was lost meanwhile: what the cache believes may be old.
        doubted: bool,
    },
    /// Rolled back; the same may work now.
    Transient,
    /// Rolled back; some row of it is bad.
    Definite(String),
}

/// Waits between attempts to reach the database: short, for every caller waits too.
const REACH_WAIT: Duration = Duration::from_millis(200);

/// Serves batches until the lane hangs up.
pub(super) async fn run(
    database: Database,
    mut batches: mpsc::Receiver<Batch>,
    verdicts: mpsc::Sender<Verdict>,
) {
    let mut connection: Option<PgConnection> = None;
    while let Some(batch) = batches.recv().await {
        let verdict = settle(&database, &mut connection, &batch).await;
        if verdicts.send(verdict).await.is_err() {
            break;
        }
    }
    if let Some(connection) = connection
        && let Err(error) = connection.close().await
    {
        tracing::debug!(%error, "closing the commit connection");
    }
}

async fn settle(
    database: &Database,
    connection: &mut Option<PgConnection>,
    batch: &Batch,
) -> Verdict {
    let mut doubted = false;
    let open = loop {
        match connection.take() {
            Some(open) => break connection.insert(open),
            None => match database.commit_connection().await {
                Ok(fresh) => *connection = Some(fresh),
                Err(error) => {
                    tracing::warn!(%error, "cannot reach the database to commit");
                    doubted = true;
                    tokio::time::sleep(REACH_WAIT).await;
                }
            },
        }
    };
    let begun = Instant::now();
    let answer = commit::commit(open, batch).await;
    COMMIT_DURATION.record(begun.elapsed().as_secs_f64());
    match answer {
        Answer::Committed(committed) => Verdict::Committed { committed, doubted },
        Answer::Transient(problem) => {
            tracing::info!(error = %problem, "a commit was rolled back and is tried again");
            if error::is_read_only(&problem) {
                // Not this connection again: the primary may be elsewhere by now.
                *connection = None;
                tokio::time::sleep(REACH_WAIT).await;
            }
            Verdict::Transient
        }
        Answer::Definite(error) => Verdict::Definite(error.to_string()),
        Answer::Unknown(error) => {
            tracing::warn!(%error, nonce = batch.nonce, "the answer of a commit was lost; re-reading");
            COMMITS_UNKNOWN.add(1);
            *connection = None;
            Verdict::Committed {
                committed: written(database, batch).await,
                doubted: true,
            }
        }
    }
}

async fn written(database: &Database, batch: &Batch) -> Committed {
    loop {
        match commit::written(&database.pool, batch).await {
            Ok(committed) => return committed,
            Err(error) => {
                tracing::warn!(%error, "cannot re-read a commit yet");
                tokio::time::sleep(REACH_WAIT).await;
            }
        }
    }
}
