//! A commit has landed: winners are released, losers decide again on the stored head.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use impresario_metrics::table::COMMITS_LOST;
use impresario_workflows::saga::{Input, Problem};
use impresario_workflows::{Millis, SagaId};

use super::SLOTS_MAX;
use super::batch::{Entries, Entry, Task};
use super::message::Origin;
use super::release::Release;
use super::run::Lane;
use super::settle::{self, Settled, Standing};
use super::slot::{Pending, Place, Saga};
use super::told;
use crate::broker::TaskList;
use crate::fresh;
use crate::hub::Progress;
use crate::spans;
use crate::store::commit::Committed;

/// A timer that found nothing due while its instant has passed (an outage) looks again after this.
const LOOK_AGAIN_MS: Millis = 250;

impl Lane {
    /// Settles every entry of a committed batch and gathers what it asks of the world.
    /// In doubt, what the batch rested on may be old.
    pub(super) fn committed(
        &mut self,
        entries: Entries,
        commit: &Arc<str>,
        since: Option<u64>,
        committed: Committed,
        doubted: bool,
    ) -> Release {
        let sagas = entries.len();
        let won: HashSet<SagaId> = committed.won.iter().copied().collect();
        let mut release = Release::default();
        let mut lists: HashMap<(String, u16), Vec<Bytes>> = HashMap::new();
        for (id, entry) in entries {
            if won.contains(&id) {
                let told = since.map(|since| spans::Committed {
                    seq: entry.seq,
                    since,
                    sagas,
                });
                self.won(id, *entry, commit, told, &mut release, &mut lists);
            } else {
                COMMITS_LOST.add(1);
                self.lost(id, *entry, doubted);
            }
        }
        self.parts.announcer.tell(&release.moved);
        for (outbox, pool, partition) in committed.outbox {
            if let Some(tasks) = lists.remove(&(pool.clone(), partition)) {
                release.lists.push((
                    outbox,
                    TaskList {
                        pool,
                        partition,
                        tasks,
                    },
                ));
            }
        }
        release
    }

    fn won(
        &mut self,
        id: SagaId,
        entry: Entry,
        commit: &Arc<str>,
        told: Option<spans::Committed>,
        release: &mut Release,
        lists: &mut HashMap<(String, u16), Vec<Bytes>>,
    ) {
        for Task {
            pool,
            partition,
            body,
        } in entry.tasks
        {
            lists.entry((pool, partition)).or_default().push(body);
        }
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        let mut saga = match std::mem::replace(&mut slot.place, Place::Loading) {
            Place::InFlight(saga) | Place::InBatch(saga) | Place::Idle(saga) => saga,
            Place::Loading => return,
        };
        saga.stored = entry.wanted;
        let status = saga.status();
        self.meters.won(
            &saga.definition,
            entry.start.is_some(),
            entry.before.status,
            status,
            entry.samples,
        );
        told::tell(id, &saga, &entry.events);
        if let Some(told) = told.filter(|_| saga.state.traceparent.is_some()) {
            let inputs: Vec<&str> = entry
                .inputs
                .iter()
                .map(|(pending, _)| pending.input.name())
                .collect();
            told.tell(&saga.state, inputs.join(","), entry.spans);
        }
        if let Some(fresh) = self
            .parts
            .fresh
            .as_ref()
            .filter(|_| self.leased.contains(&entry.partition))
        {
            let row = fresh::Row {
                body: entry.body,
                commit: Arc::clone(commit),
                at: entry.at,
                events: entry.events,
                tenant: Arc::clone(&saga.tenant),
                definition: Arc::clone(&saga.definition),
            };
            fresh.keep((id, entry.seq), row);
        }
        let standing = Standing {
            saga: id,
            status,
            seq: saga.seq,
        };
        // Others may wait for it: for its outcome, most of all. A start is news to nobody yet.
        if entry.before.status != status && self.parts.announcer.is_heard() {
            release.moved.push(id);
        }
        if self.parts.hub.is_waited_for(id) {
            let progress = Progress {
                seq: saga.seq,
                definition: saga.definition.clone(),
                state: Arc::clone(&saga.state),
            };
            self.parts.hub.publish(id, progress);
        }
        for (pending, settled) in entry.inputs {
            if let Settled::Done { changed: true } = settled {
                self.meters.input(&pending.input);
            }
            let reads = &self.parts.database.pool;
            release
                .receipts
                .extend(settle::settle(pending.origin, settled, standing, reads));
        }
        let ended = status.is_final() && slot.waiting.is_empty();
        if ended {
            self.slots.remove(&id);
        } else {
            slot.place = Place::Idle(saga);
            self.go_on(id);
        }
    }

    /// Somebody else was first: what we believed is old. The inputs are decided again, in their order and
    /// before what came later.
    ///
    /// A start whose commit was in doubt and is not there lost to nobody: it was not committed. The store knows.
    fn lost(&mut self, id: SagaId, entry: Entry, doubted: bool) {
        let lost_its_key = entry.start.is_some() && !doubted;
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        slot.place = Place::Loading;
        for (pending, _) in entry.inputs.into_iter().rev() {
            match pending.origin {
                // The key was taken: the key table knows by whom.
                Origin::Start(wait) if lost_its_key => {
                    settle::compare_key(*wait, self.parts.database.pool.clone(), None);
                }
                origin => slot.waiting.push_front(Pending {
                    origin,
                    verified: true,
                    ..pending
                }),
            }
        }
        if slot.waiting.is_empty() {
            self.slots.remove(&id);
        } else {
            self.want_load(id);
        }
    }

    /// A decision that the store refuses for good: the saga is set aside, and what waited hears of it.
    pub(super) fn unstorable(&mut self, id: SagaId, entry: Entry, why: &str) {
        let was_fault = entry
            .inputs
            .iter()
            .any(|(pending, _)| matches!(pending.input, Input::EngineFault(_)));
        let started_here = entry.start.is_some();
        for (pending, _) in entry.inputs {
            settle::fail(pending.origin, why);
        }
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        slot.place = Place::Loading;
        if was_fault || started_here {
            if let Some(slot) = self.slots.remove(&id) {
                slot.waiting
                    .into_iter()
                    .for_each(|pending| settle::fail(pending.origin, why));
            }
            return;
        }
        let fault = Input::EngineFault(Problem::new("engine_error", why));
        slot.waiting.push_front(Pending::engine(fault));
        self.want_load(id);
    }

    /// An unclear answer: what is cached may be old, and sagas that nothing is going on with are forgotten.
    pub(super) fn forget_idle(&mut self) {
        self.slots.retain(|_, slot| match slot.place {
            Place::Idle(_) => !slot.waiting.is_empty(),
            Place::Loading | Place::InBatch(_) | Place::InFlight(_) => true,
        });
    }

    /// Keeps memory bounded: the journal knows what is forgotten here.
    pub(super) fn forget_surplus(&mut self) {
        if self.slots.len() > SLOTS_MAX {
            self.forget_idle();
        }
    }

    /// Keeps a timer for what the saga waits for.
    pub(super) fn rearm(&mut self, id: SagaId) {
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        let idle = matches!(slot.place, Place::Idle(_)) && slot.waiting.is_empty();
        let (Place::Idle(saga) | Place::InBatch(saga)) = &mut slot.place else {
            return;
        };
        // A saga whose results others read moves on without us: remembering it would only make old decisions.
        let others = !self.leased.contains(&saga.partition);
        if idle && (others || saga.status().is_final()) {
            self.slots.remove(&id);
            return;
        }
        let Some(wake) = saga.state.next_wake(&saga.definition) else {
            return;
        };
        let now = self.parts.clock.now();
        let at = if wake <= now {
            now + LOOK_AGAIN_MS
        } else {
            wake
        };
        if armed_early_enough(saga, at, now) {
            return;
        }
        saga.armed = Some(at);
        self.arm(id, at);
    }

    /// A timer of this lane came due.
    pub(super) fn timer_fired(&mut self, id: SagaId, at: Millis) {
        let now = self.parts.clock.now();
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        let (Place::Idle(saga) | Place::InBatch(saga) | Place::InFlight(saga)) = &mut slot.place
        else {
            return;
        };
        if saga.armed != Some(at) {
            return;
        }
        saga.armed = None;
        let due = saga
            .state
            .next_wake(&saga.definition)
            .is_some_and(|wake| wake <= now);
        if due { self.look(id) } else { self.rearm(id) }
    }
}

fn armed_early_enough(saga: &Saga, at: Millis, now: Millis) -> bool {
    saga.armed.is_some_and(|armed| armed <= at && armed > now)
}
