//! Settling inputs: acknowledging, answering and refusing, only once what they rest on is committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use impresario_workflows::SagaId;
use impresario_workflows::saga::{Refusal, Status};
use sqlx::PgPool;

use super::message::{CommandAnswer, CommandError, Origin, StartError, StartWait, Started};
use crate::broker::Receipt;
use crate::store::Error;
use crate::store::keys::{self, Taken};

/// A delivered result message with items that are not settled yet.
#[derive(Debug)]
pub(super) struct Delivery {
    open: AtomicUsize,
    receipt: Receipt,
}

impl Delivery {
    /// A delivery of `items` results.
    pub(super) fn new(items: usize, receipt: Receipt) -> Arc<Delivery> {
        Arc::new(Delivery {
            open: AtomicUsize::new(items),
            receipt,
        })
    }

    /// One item rests on a commit; the last one gives the right to acknowledge the message.
    fn settle_one(&self) -> Option<Receipt> {
        (self.open.fetch_sub(1, Ordering::AcqRel) == 1).then(|| self.receipt.clone())
    }

    /// One item is about nothing that exists: it holds its message back no longer.
    pub(super) fn drop_item(delivery: &Delivery) {
        if let Some(receipt) = delivery.settle_one() {
            receipt.acknowledge();
        }
    }
}

/// What an input came to.
#[derive(Clone, Debug)]
pub(super) enum Settled {
    /// It is part of what was committed (or changed nothing, on the stored head).
    Done {
        /// Whether it changed anything.
        changed: bool,
    },
    /// A command that the heart refuses.
    Refused(Refusal),
}

/// Where the saga stands when an input is settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) saga: SagaId,
    pub(super) status: Status,
    pub(super) seq: i32,
}

/// Settles one input; returns the receipt of its delivery when that was its last item.
pub(super) fn settle(
    origin: Origin,
    settled: Settled,
    standing: Standing,
    reads: &PgPool,
) -> Option<Receipt> {
    match (origin, settled) {
        (Origin::Delivery(delivery), Settled::Done { .. } | Settled::Refused(_)) => {
            delivery.settle_one()
        }
        (Origin::Start(wait), Settled::Done { changed: true }) => {
            answer(
                wait.reply,
                Ok(Started {
                    id: standing.saga,
                    created: true,
                }),
            );
            None
        }
        (Origin::Start(wait), Settled::Done { changed: false } | Settled::Refused(_)) => {
            compare_key(*wait, reads.clone(), Some(standing.saga));
            None
        }
        (Origin::Command(wait), Settled::Done { changed }) => {
            answer(
                wait.reply,
                Ok(CommandAnswer {
                    status: standing.status,
                    seq: standing.seq,
                    changed,
                }),
            );
            None
        }
        (Origin::Command(wait), Settled::Refused(refusal)) => {
            answer(wait.reply, Err(CommandError::Refused(refusal)));
            None
        }
        (Origin::Engine, Settled::Done { .. } | Settled::Refused(_)) => None,
    }
}

/// A start whose key was taken: the same body gives the same saga, another body is the caller's mistake. The
/// key table is the authority, so it is asked, not the cache. `stored_saga` is the one of its id, when the store has one: one
/// that was lost and made anew is not under its key, and what it was asked with is not known.
pub(super) fn compare_key(wait: StartWait, reads: PgPool, stored_saga: Option<SagaId>) {
    let StartWait {
        tenant,
        stored,
        key,
        body_hash,
        reply,
    } = wait;
    tokio::spawn(async move {
        let name = &stored.definition.name;
        let verdict = match look_up(&reads, &tenant, name, &key).await {
            Ok(Some(taken)) if taken.body_hash == body_hash => Ok(Started {
                id: taken.saga,
                created: false,
            }),
            Ok(Some(_)) => Err(StartError::KeyReused),
            // Without a saga the twin was rolled back, and the caller may try again.
            Ok(None) => match stored_saga {
                Some(id) => Ok(Started { id, created: false }),
                None => Err(StartError::Unavailable),
            },
            Err(error) => {
                tracing::warn!(error = %error, "cannot look an idempotency key up");
                Err(StartError::Unavailable)
            }
        };
        answer(reply, verdict);
    });
}

/// Once the database has been away, each connection may be dead and say so when it is used: looking again is safe.
const LOOKS_FOR: Duration = Duration::from_secs(2);

async fn look_up(
    reads: &PgPool,
    tenant: &str,
    definition: &str,
    key: &str,
) -> Result<Option<Taken>, Error> {
    let begun = Instant::now();
    loop {
        match keys::find(reads, tenant, definition, key).await {
            Err(error) if begun.elapsed() < LOOKS_FOR => {
                tracing::debug!(%error, "looking an idempotency key up again");
                tokio::time::sleep(LOOK_WAIT).await;
            }
            found => return found,
        }
    }
}

/// Between two looks.
const LOOK_WAIT: Duration = Duration::from_millis(20);

/// Answers an input whose commit can never work. Its delivery stays unacknowledged: it comes again.
pub(super) fn fail(origin: Origin, why: &str) {
    match origin {
        Origin::Start(wait) => answer(wait.reply, Err(StartError::Engine(why.to_owned()))),
        Origin::Command(wait) => answer(wait.reply, Err(CommandError::Unavailable)),
        Origin::Delivery(_) | Origin::Engine => {}
    }
}

/// A caller that went away needs no answer.
pub(super) fn answer<T>(reply: tokio::sync::oneshot::Sender<T>, value: T) {
    drop(reply.send(value));
}
