//! Tells the other replicas which sagas have moved, and hears it from them: clients wait there, too.
//!
//! Best effort, one transient message for a commit, unconfirmed: a lost one costs what the poll behind it
//! (`catch_up`) takes. Costs nothing where nobody can be listening: alone on the database, nothing is sent. And
//! what is told is told sparingly, only that a saga's status has changed (it ended, turned around, stands before
//! a human, goes on); the steps in between come by the poll.
//!
//! A body names sagas and says nothing about them: who hears it reads what is stored, so it can neither be out
//! of date nor forged into an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use impresario_metrics::table::ANNOUNCED;
use impresario_workflows::SagaId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::broker::Broker;
use crate::catch_up::Net;

/// First byte of a body. Replicas of another version say it differently; the poll serves those.
const VERSION: u8 = 1;

/// Sagas in one message at most: as many as one commit has rows.
const SAGAS_MAX: usize = crate::lane::BATCH_ROWS_MAX;

/// Sagas that are waited for and read in one query at most.
const READ_MAX: usize = 1024;

/// Bytes of an id.
const ID_BYTES: usize = 16;

/// The telling half.
pub struct Announcer {
    broker: Arc<dyn Broker>,
    others: AtomicBool,
}

impl Announcer {
    /// Silent until it is known that there are others.
    pub(crate) fn new(broker: Arc<dyn Broker>) -> Arc<Announcer> {
        let others = AtomicBool::new(false);
        Arc::new(Announcer { broker, others })
    }

    /// Whether other replicas were alive at the last look.
    pub(crate) fn set_others(&self, others: bool) {
        self.others.store(others, Ordering::Relaxed);
    }

    /// Whether anybody can hear it.
    pub(crate) fn is_heard(&self) -> bool {
        self.others.load(Ordering::Relaxed)
    }

    /// Tells that these have moved.
    pub(crate) fn tell(&self, moved: &[SagaId]) {
        for sagas in moved.chunks(SAGAS_MAX) {
            self.broker.announce(encode(sagas));
        }
    }
}

fn encode(sagas: &[SagaId]) -> Vec<u8> {
    let mut body = Vec::with_capacity(1 + sagas.len() * ID_BYTES);
    body.push(VERSION);
    for saga in sagas {
        body.extend_from_slice(saga.0.as_bytes());
    }
    body
}

/// The sagas of a body; nothing of one that is not ours.
fn decode(body: &[u8]) -> impl Iterator<Item = SagaId> {
    let ids = match body.split_first() {
        Some((&VERSION, ids)) if ids.len() <= SAGAS_MAX * ID_BYTES => ids,
        Some(_) | None => &[],
    };
    ids.chunks_exact(ID_BYTES)
        .filter_map(|bytes| Uuid::from_slice(bytes).ok().map(SagaId))
}

/// The hearing half: wakes those who wait here for what others have committed, until `stop`.
pub(crate) async fn listen(
    net: Net,
    mut announced: mpsc::Receiver<Vec<u8>>,
    stop: CancellationToken,
) {
    loop {
        let first = tokio::select! {
            body = announced.recv() => body,
            () = stop.cancelled() => None,
        };
        let Some(first) = first else { return };
        let mut waited = waited_for(&net, &first);
        // What came meanwhile is read with it.
        while waited.len() < READ_MAX
            && let Ok(body) = announced.try_recv()
        {
            waited.extend(waited_for(&net, &body));
        }
        if waited.is_empty() {
            continue;
        }
        waited.sort_unstable();
        waited.dedup();
        ANNOUNCED.add(waited.len() as u64);
        if let Err(error) = net.tell(&waited).await {
            tracing::debug!(error = ?error, "cannot read what others have announced; the poll will");
        }
    }
}

fn waited_for(net: &Net, body: &[u8]) -> Vec<SagaId> {
    decode(body)
        .filter(|id| net.hub.is_waited_for(*id))
        .collect()
}

impl std::fmt::Debug for Announcer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Announcer")
            .field("others", &self.others)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: usize) -> Vec<SagaId> {
        (0..count)
            .map(|n| SagaId::derive(0, "main", "trivial", &n.to_string()))
            .collect()
    }

    #[test]
    fn what_is_told_is_heard() {
        for count in [0, 1, 2, SAGAS_MAX] {
            let told = ids(count);
            assert_eq!(decode(&encode(&told)).collect::<Vec<_>>(), told);
        }
    }

    #[test]
    fn other_bytes_say_nothing() {
        let mut newer = encode(&ids(2));
        newer[0] = VERSION + 1;
        let huge = encode(&ids(SAGAS_MAX + 1));
        for body in [b"".as_slice(), b"hello", &newer, &huge] {
            assert_eq!(decode(body).count(), 0);
        }
        // A torn tail is no id.
        let torn = &encode(&ids(2))[..20];
        assert_eq!(decode(torn).collect::<Vec<_>>(), ids(1));
    }
}
