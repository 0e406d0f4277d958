//! What the lane knows about the world's chance to have answered (see `workflows::saga::Served`).
//!
//! A results partition proves itself: the lane sends a probe through its queue, and the echo says that this
//! process reads the queue and has read everything that was in it before. A stopped process, a consumer that
//! is only registered, a cut connection: all show as an echo that does not come.

use std::collections::{BTreeMap, HashMap};

use impresario_workflows::Millis;
use impresario_workflows::saga::Served;

use crate::broker::PoolDepth;

/// Instants of the last proofs.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    read_until: HashMap<u16, Millis>,
    drained_at: BTreeMap<String, Millis>,
    behind: Vec<String>,
}

impl Proofs {
    /// These pools have tasks that wait in the outbox: an empty queue says nothing about them.
    pub(super) fn behind(&mut self, pools: Vec<String>) {
        self.behind = pools;
    }

    /// A probe that was sent at `sent_at` came back.
    pub(super) fn echoed(&mut self, partition: u16, sent_at: Millis) {
        let until = self.read_until.entry(partition).or_default();
        *until = (*until).max(sent_at);
    }

    /// The queues as they look now: a pool with a consumer and nothing waiting has taken all it was sent.
    pub(super) fn looked(&mut self, depths: &BTreeMap<String, PoolDepth>, now: Millis) {
        for (pool, depth) in depths {
            if depth.consumers > 0 && depth.messages == 0 && !self.behind.contains(pool) {
                self.drained_at.insert(pool.clone(), now);
            }
        }
    }

    /// What a saga of this partition may rely on.
    pub(super) fn served(&self, partition: u16, stored_wake: Option<Millis>) -> Served {
        Served {
            results_read_until: self.read_until.get(&partition).copied().unwrap_or_default(),
            drained_at: self.drained_at.clone(),
            stored_wake,
        }
    }
}
