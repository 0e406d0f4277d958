//! The loop: every cause of work is one arm of one select.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use impresario_metrics::table::{BATCH_SIZE, TIMER_LATE};
use impresario_workflows::saga::Input;
use impresario_workflows::{Millis, SagaId};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::batch::{Entries, columns};
use super::committer::{self, Verdict};
use super::message::{Message, StartError};
use super::release::Releaser;
use super::served::Proofs;
use super::slot::{Pending, Place, Slot};
use super::{BATCH_ROWS_MAX, settle};
use crate::announce::Announcer;
use crate::broker::{Arrival, Broker};
use crate::clock::Clock;
use crate::fresh::Fresh;
use crate::hub::Hub;
use crate::measure::{Meters, Standing};
use crate::store::definitions::Catalogue;
use crate::store::sagas::{self, Loaded};
use crate::store::{Database, Error};

/// How often the lane looks at queues, probes its partitions and flushes when idle.
const TICK: Duration = Duration::from_millis(250);

/// Timers fired in one turn at most: results are served in between.
const TIMERS_PER_TURN: usize = 256;

/// Sagas loaded in one query at most.
const LOAD_MAX: usize = 256;

/// What a lane is made of.
#[derive(Clone)]
pub struct Parts {
    /// Name of this replica; part of every commit's nonce.
    pub replica: String,
    /// The database.
    pub database: Database,
    /// The definitions.
    pub catalogue: Arc<Catalogue>,
    /// The broker.
    pub broker: Arc<dyn Broker>,
    /// The releaser.
    pub releaser: Releaser,
    /// Those who wait.
    pub hub: Arc<Hub>,
    /// Those who wait elsewhere.
    pub announcer: Arc<Announcer>,
    /// Number of results partitions.
    pub partitions: u16,
    /// What time it is.
    pub clock: Clock,
    /// For who tells the journal, when it is told.
    pub(crate) fresh: Option<Arc<Fresh>>,
    /// For whoever asks how things stand.
    pub(crate) standing: Standing,
}

/// The loop's state.
pub struct Lane {
    pub(super) parts: Parts,
    pub(super) slots: HashMap<SagaId, Slot>,
    /// The batch that is being filled.
    pub(super) open: Entries,
    /// The batch that is being committed.
    in_flight: Option<InFlight>,
    /// Batches to be committed again (rolled back, or halves of a bad one), before the open one.
    again: Vec<Entries>,
    to_load: Vec<SagaId>,
    loading: bool,
    pub(super) proofs: Proofs,
    timers: BinaryHeap<Reverse<(Millis, SagaId)>>,
    pub(super) leased: Vec<u16>,
    pub(super) rotation: usize,
    commits: u64,
    jitter: u64,
    pub(super) meters: Meters,
    /// Whether spans are told. For the life of the process: they are set up before the lane.
    pub(super) tells: bool,
}

struct InFlight {
    entries: Entries,
    /// Its nonce.
    commit: Arc<str>,
    /// When it was submitted, if somebody is told.
    since: Option<u64>,
    delivered: Vec<i64>,
}

type LoadAnswer = Result<HashMap<SagaId, Result<Loaded, Error>>, Error>;

/// One turn's cause.
enum Wake {
    Message(Option<Message>),
    Verdict(Option<Verdict>),
    Loaded(Option<(Vec<SagaId>, LoadAnswer)>),
    Timer,
    Tick,
    Stop,
}

impl Lane {
    /// A lane with nothing in it.
    pub(crate) fn new(parts: Parts) -> Lane {
        let current = parts.catalogue.all_current();
        let meters = Meters::new(current.iter().map(|stored| &*stored.definition));
        Lane {
            meters,
            tells: impresario_traces::is_on(),
            parts,
            slots: HashMap::new(),
            open: Entries::new(),
            in_flight: None,
            again: Vec::new(),
            to_load: Vec::new(),
            loading: false,
            proofs: Proofs::default(),
            timers: BinaryHeap::new(),
            leased: Vec::new(),
            rotation: 0,
            commits: 0,
            jitter: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// Runs until `stop`; then what is decided is still committed and released, and callers that wait get
    /// their answer.
    pub async fn run(mut self, mut inbox: mpsc::Receiver<Message>, stop: CancellationToken) {
        let (batches, batches_in) = mpsc::channel(1);
        let (verdicts_out, mut verdicts) = mpsc::channel(1);
        let (loads_out, mut loads) = mpsc::channel(1);
        let committer = tokio::spawn(committer::run(
            self.parts.database.clone(),
            batches_in,
            verdicts_out,
        ));
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stopping = false;
        loop {
            self.submit(&batches);
            self.start_loading(&loads_out);
            if stopping && self.in_flight.is_none() && self.open.is_empty() && self.again.is_empty()
            {
                break;
            }
            let takes = self.open.len() < BATCH_ROWS_MAX && !stopping;
            let next_timer = self.until_next_timer();
            let wake = tokio::select! {
                biased;
                verdict = verdicts.recv() => Wake::Verdict(verdict),
                loaded = loads.recv() => Wake::Loaded(loaded),
                message = inbox.recv(), if takes => Wake::Message(message),
                () = tokio::time::sleep(next_timer), if takes => Wake::Timer,
                _ = ticks.tick() => Wake::Tick,
                () = stop.cancelled(), if !stopping => Wake::Stop,
            };
            match wake {
                Wake::Message(Some(message)) => self.drain(message, &mut inbox),
                Wake::Verdict(Some(verdict)) => self.answered(verdict, &batches),
                Wake::Loaded(Some((ids, answer))) => self.loaded(ids, answer),
                Wake::Timer => self.fire_timers(),
                Wake::Tick => self.tick(),
                Wake::Message(None) | Wake::Stop => stopping = true,
                // Both ends live in this function.
                Wake::Verdict(None) | Wake::Loaded(None) => stopping = true,
            }
        }
        drop(batches);
        if let Err(error) = committer.await {
            tracing::error!(%error, "the commit task ended badly");
        }
        self.refuse_waiting();
    }

    /// Takes what has arrived without waiting: that is the batch.
    fn drain(&mut self, first: Message, inbox: &mut mpsc::Receiver<Message>) {
        self.accept(first);
        while self.open.len() < BATCH_ROWS_MAX {
            let Ok(message) = inbox.try_recv() else { break };
            self.accept(message);
        }
    }

    fn accept(&mut self, message: Message) {
        match message {
            Message::Arrival(arrival) => self.arrived(arrival),
            Message::Start(order) => self.start(*order),
            Message::Command(order) => self.command(*order),
            Message::Due(sagas) => sagas.into_iter().for_each(|id| self.look(id)),
            Message::Redispatch { sagas, pool } => {
                for id in sagas {
                    self.consider(
                        id,
                        Pending::engine(Input::Redispatch { pool: pool.clone() }),
                    );
                }
            }
            Message::Leased(partitions) => self.leased = partitions,
            Message::Behind(pools) => self.proofs.behind(pools),
        }
    }

    fn arrived(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Results {
                partition: _,
                results,
                receipt,
            } => self.results(results, receipt),
            Arrival::Probe { partition, sent_at } => self.proofs.echoed(partition, sent_at),
            Arrival::Reading { partition } => {
                self.parts.broker.probe(partition, self.parts.clock.now());
            }
            // Echoes stop by themselves.
            Arrival::Interrupted { partition: _ } => {}
            Arrival::Lost { pool } => self.redispatch_cached(&pool),
        }
    }

    /// A queue lost what was in it: the open attempts that this lane knows of are sent again; those that it
    /// does not know time out and are sent again too.
    fn redispatch_cached(&mut self, pool: &str) {
        let known: Vec<SagaId> = self.slots.keys().copied().collect();
        for id in known {
            let input = Input::Redispatch {
                pool: Some(pool.to_owned()),
            };
            self.consider(id, Pending::engine(input));
        }
    }

    /// Looks at a saga's clocks.
    pub(super) fn look(&mut self, id: SagaId) {
        // What it may rely on is filled in when it is decided.
        self.consider(id, Pending::engine(Input::Timer(Default::default())));
    }

    /// Submits the next batch when none is in flight.
    fn submit(&mut self, batches: &mpsc::Sender<crate::store::commit::Batch>) {
        if self.in_flight.is_some() {
            return;
        }
        let mut entries = match self.again.pop() {
            Some(entries) => entries,
            None => std::mem::take(&mut self.open),
        };
        if entries.is_empty() {
            return;
        }
        for id in entries.keys() {
            self.mark_in_flight(*id);
        }
        self.commits += 1;
        let nonce = format!("{}.{}", self.parts.replica, self.commits);
        let delivered = self.parts.releaser.take_delivered();
        BATCH_SIZE.record(entries.len() as f64);
        let commit: Arc<str> = Arc::from(nonce.as_str());
        let batch = match columns(nonce, &mut entries, delivered.clone()) {
            Ok(batch) => batch,
            Err(error) => {
                // Values that serde made cannot fail to be written; say so instead of losing them.
                tracing::error!(%error, "cannot encode a batch");
                self.parts.releaser.give_back(delivered);
                self.definite(entries, &error.to_string());
                return;
            }
        };
        // The channel holds one and none is in flight: there is room.
        if batches.try_send(batch).is_err() {
            tracing::error!("the commit task is gone");
        }
        let since = self.tells.then(impresario_traces::now);
        self.in_flight = Some(InFlight {
            entries,
            commit,
            since,
            delivered,
        });
    }

    fn mark_in_flight(&mut self, id: SagaId) {
        let Some(slot) = self.slots.get_mut(&id) else {
            return;
        };
        slot.place = match std::mem::replace(&mut slot.place, Place::Loading) {
            Place::InBatch(saga) | Place::InFlight(saga) => Place::InFlight(saga),
            Place::Idle(saga) => Place::InFlight(saga),
            Place::Loading => Place::Loading,
        };
    }

    /// The commit is answered: the next one goes first, then this one's effects are released.
    fn answered(&mut self, verdict: Verdict, batches: &mpsc::Sender<crate::store::commit::Batch>) {
        let Some(InFlight {
            entries,
            commit,
            since,
            delivered,
        }) = self.in_flight.take()
        else {
            return;
        };
        match verdict {
            Verdict::Committed { committed, doubted } => {
                self.submit(batches);
                let released = self.committed(entries, &commit, since, committed, doubted);
                self.parts.releaser.release(released);
                if doubted {
                    self.parts.releaser.give_back(delivered);
                    self.forget_idle();
                }
            }
            Verdict::Transient => {
                self.parts.releaser.give_back(delivered);
                self.again.push(entries);
            }
            Verdict::Definite(why) => {
                self.parts.releaser.give_back(delivered);
                self.definite(entries, &why);
            }
        }
    }

    /// Some row is bad: halves are tried until it stands alone. Its neighbours are not touched.
    fn definite(&mut self, mut entries: Entries, why: &str) {
        if entries.len() > 1 {
            let middle = entries.keys().nth(entries.len() / 2).copied();
            if let Some(middle) = middle {
                self.again.push(entries.split_off(&middle));
            }
            self.again.push(entries);
            return;
        }
        for (id, entry) in entries {
            tracing::error!(saga_id = %id, why, "a saga's decision cannot be stored");
            self.unstorable(id, *entry, why);
        }
    }

    fn start_loading(&mut self, loads: &mpsc::Sender<(Vec<SagaId>, LoadAnswer)>) {
        if self.loading || self.to_load.is_empty() {
            return;
        }
        self.loading = true;
        let keep = self.to_load.len().saturating_sub(LOAD_MAX);
        let ids = self.to_load.split_off(keep);
        let (database, catalogue) = (
            self.parts.database.clone(),
            Arc::clone(&self.parts.catalogue),
        );
        let loads = loads.clone();
        tokio::spawn(async move {
            let answer = sagas::load(&database.pool, &catalogue, &ids).await;
            drop(loads.send((ids, answer)).await);
        });
    }

    pub(super) fn want_load(&mut self, id: SagaId) {
        self.to_load.push(id);
    }

    fn loaded(&mut self, ids: Vec<SagaId>, answer: LoadAnswer) {
        self.loading = false;
        match answer {
            Ok(mut found) => {
                for id in ids {
                    self.place_loaded(id, found.remove(&id));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot load sagas; trying again");
                let again: HashSet<SagaId> = ids.into_iter().collect();
                self.to_load.extend(again);
            }
        }
    }

    /// Keeps a timer for a saga, unless an earlier one is kept already.
    pub(super) fn arm(&mut self, id: SagaId, at: Millis) {
        self.timers.push(Reverse((at, id)));
    }

    fn until_next_timer(&self) -> Duration {
        match self.timers.peek() {
            Some(Reverse((at, _))) => {
                Duration::from_millis(at.saturating_sub(self.parts.clock.now()))
            }
            None => Duration::from_secs(3600),
        }
    }

    fn fire_timers(&mut self) {
        let now = self.parts.clock.now();
        for _ in 0..TIMERS_PER_TURN {
            match self.timers.peek() {
                Some(Reverse((at, _))) if *at <= now => {}
                Some(_) | None => return,
            }
            if let Some(Reverse((at, id))) = self.timers.pop() {
                TIMER_LATE.record(now.saturating_sub(at) as f64 / 1_000.0);
                self.timer_fired(id, at);
            }
        }
    }

    fn tick(&mut self) {
        let now = self.parts.clock.now();
        self.rotation = self.rotation.wrapping_add(1);
        let depths = self.parts.broker.depths();
        self.proofs.looked(&depths, now);
        self.parts.standing.looked(&depths);
        self.parts.releaser.looked();
        for &partition in &self.leased {
            self.parts.broker.probe(partition, now);
        }
        self.parts
            .releaser
            .flush_when_idle(self.in_flight.is_none() && self.open.is_empty());
        self.forget_surplus();
        self.parts.standing.cached(self.slots.len());
    }

    /// Chance for backoffs: xorshift, seeded by nothing that matters.
    pub(super) fn jitter_permille(&mut self) -> u16 {
        self.jitter ^= self.jitter << 13;
        self.jitter ^= self.jitter >> 7;
        self.jitter ^= self.jitter << 17;
        u16::try_from(self.jitter % 1001).unwrap_or_default()
    }

    /// Everybody who still waits hears that the process stops; their keys may be used again.
    fn refuse_waiting(&mut self) {
        for (_, slot) in self.slots.drain() {
            for pending in slot.waiting {
                match pending.origin {
                    super::message::Origin::Start(wait) => {
                        settle::answer(wait.reply, Err(StartError::Unavailable));
                    }
                    other => settle::fail(other, "the process stops"),
                }
            }
        }
    }
}
