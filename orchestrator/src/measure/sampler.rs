//! What only the database knows, looked at by one replica: the one that leases the first results partition.
//!
//! A sample that is old is not shown: whoever loses the lease, or the database, says nothing rather than something wrong.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use impresario_metrics::Readings;
use impresario_metrics::table::{
    OUTBOX_AGE, OUTBOX_PENDING, PG_ARCHIVE_FAILURES, PG_BLOCKS, PG_BYTES, PG_CONNECTIONS,
    PG_DEADLOCKS, PG_LAG, PG_OLDEST, PG_STANDBYS, PG_TRANSACTIONS, PG_WAL, PHASES, SAGA_IN_FLIGHT,
    SAGA_OLDEST_AGE, SAGA_STUCK, SAMPLE_DURATION, SAMPLED_AT, TIMERS_OVERDUE,
};
use impresario_workflows::SagaId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::store::definitions::Catalogue;
use crate::store::vitals::{self, Held, Open, Server};
use crate::store::{Database, Error, sagas};

/// As often as a Prometheus usually looks.
const BEAT: Duration = Duration::from_secs(15);

/// A new sampler is asked for soon: an empty board for a quarter of a minute looks like an outage.
const FIRST: Duration = Duration::from_secs(1);

/// Two beats may fail.
const KEPT: Duration = Duration::from_secs(50);

/// Journals read in one query at most, as in the lane.
const LOAD_MAX: usize = 128;

/// The last sample, shared with whoever shows it.
#[derive(Clone, Default)]
pub(crate) struct Sampler {
    last: Arc<RwLock<Option<Sample>>>,
}

struct Sample {
    at: Instant,
    wall: f64,
    took: f64,
    /// The definitions that new sagas use: shown at zero when they have none.
    current: Vec<String>,
    open: Vec<Open>,
    stuck: BTreeMap<(String, String), u64>,
    overdue: i64,
    held: Vec<Held>,
    server: Server,
}

impl Sampler {
    /// Samples at each beat for which the first partition is leased here, until `stop`.
    pub(crate) async fn run(
        self,
        database: Database,
        catalogue: Arc<Catalogue>,
        held: watch::Receiver<Vec<u16>>,
        stop: CancellationToken,
    ) {
        let mut wait = FIRST;
        loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => return,
            }
            if !held.borrow().contains(&0) {
                self.keep(None);
                wait = FIRST;
                continue;
            }
            wait = BEAT;
            match take(&database, &catalogue).await {
                Ok(sample) => self.keep(Some(sample)),
                Err(error) => {
                    tracing::warn!(error = ?error, "cannot sample how the platform stands")
                }
            }
        }
    }

    fn keep(&self, sample: Option<Sample>) {
        *self.last.write().unwrap_or_else(PoisonError::into_inner) = sample;
    }

    /// Tasks that the outbox holds back, by pool.
    pub(crate) fn held_back(&self) -> BTreeMap<String, i64> {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        let held = last.iter().flat_map(|sample| &sample.held);
        held.map(|held| (held.pool.clone(), held.tasks)).collect()
    }

    /// Shows the last sample, unless it is old. `pools` are shown at zero when nothing is held back for them.
    pub(crate) fn show(&self, pools: &[String], readings: &mut Readings) {
        let last = self.last.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(sample) = last.as_ref().filter(|sample| sample.at.elapsed() < KEPT) {
            sample.show(pools, readings);
        }
    }
}

async fn take(database: &Database, catalogue: &Catalogue) -> Result<Sample, Error> {
    let begun = Instant::now();
    let pool = &database.pool;
    let current = catalogue.all_current().into_iter();
    let current = current
        .map(|stored| stored.definition.name.clone())
        .collect();
    let open = vitals::open(pool).await?;
    let stuck = reasons(database, catalogue, &vitals::stuck(pool).await?).await?;
    let overdue = vitals::overdue(pool).await?;
    let held = vitals::held(pool).await?;
    let server = vitals::server(pool).await?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(Sample {
        at: Instant::now(),
        wall: since.unwrap_or_default().as_secs_f64(),
        took: begun.elapsed().as_secs_f64(),
        current,
        open,
        stuck,
        overdue,
        held,
        server,
    })
}

/// Why they stand before a human: the first of what is parked in each, or what set it aside.
async fn reasons(
    database: &Database,
    catalogue: &Catalogue,
    stuck: &[SagaId],
) -> Result<BTreeMap<(String, String), u64>, Error> {
    let mut reasons = BTreeMap::new();
    for ids in stuck.chunks(LOAD_MAX) {
        let loaded = sagas::load(&database.pool, catalogue, ids).await?;
        for saga in loaded.into_values().flatten() {
            let definition = &saga.definition;
            let mut parked = saga.state.parked(definition);
            let code = match (&saga.state.quarantine, parked.next()) {
                (Some(problem), _) => problem.code.clone(),
                (None, Some((_, _, problem))) => problem.code.clone(),
                // Somebody has helped it meanwhile.
                (None, None) => continue,
            };
            *reasons.entry((definition.name.clone(), code)).or_default() += 1;
        }
    }
    Ok(reasons)
}

impl Sample {
    fn show(&self, pools: &[String], readings: &mut Readings) {
        let mut oldest = BTreeMap::new();
        for name in &self.current {
            for phase in PHASES {
                readings.gauge(&SAGA_IN_FLIGHT, [name, phase], 0.0);
            }
            oldest.insert(name.as_str(), 0.0_f64);
        }
        for open in &self.open {
            let name = open.definition.as_str();
            let phase = match open.status.as_str() {
                "running" => "forward",
                status => status,
            };
            readings.gauge(&SAGA_IN_FLIGHT, [name, phase], open.sagas as f64);
            let age = oldest.entry(name).or_insert(0.0_f64);
            if matches!(phase, "forward" | "compensating") {
                *age = age.max(open.oldest);
            }
        }
        for (name, age) in oldest {
            readings.gauge(&SAGA_OLDEST_AGE, [name], age);
        }
        for ((name, code), sagas) in &self.stuck {
            readings.gauge(&SAGA_STUCK, [name, code], *sagas as f64);
        }
        readings.gauge(&TIMERS_OVERDUE, [], self.overdue as f64);
        for pool in pools {
            readings.gauge(&OUTBOX_PENDING, [pool], 0.0);
        }
        let mut age = 0.0_f64;
        for held in &self.held {
            readings.gauge(&OUTBOX_PENDING, [&held.pool], held.tasks as f64);
            age = age.max(held.oldest);
        }
        readings.gauge(&OUTBOX_AGE, [], age);
        readings.gauge(&SAMPLED_AT, [], self.wall);
        readings.gauge(&SAMPLE_DURATION, [], self.took);
        self.show_server(readings);
    }

    fn show_server(&self, readings: &mut Readings) {
        let server = &self.server;
        readings.gauge(&PG_CONNECTIONS, ["active"], server.active as f64);
        readings.gauge(&PG_CONNECTIONS, ["idle"], server.idle as f64);
        let in_transaction = server.idle_in_transaction as f64;
        readings.gauge(&PG_CONNECTIONS, ["idle_in_transaction"], in_transaction);
        readings.gauge(&PG_CONNECTIONS, ["max"], server.max_connections as f64);
        readings.tally(&PG_TRANSACTIONS, ["committed"], server.committed as f64);
        readings.tally(&PG_TRANSACTIONS, ["rolled_back"], server.rolled_back as f64);
        readings.tally(&PG_BLOCKS, ["memory"], server.blocks_hit as f64);
        readings.tally(&PG_BLOCKS, ["disk"], server.blocks_read as f64);
        readings.tally(&PG_DEADLOCKS, [], server.deadlocks as f64);
        readings.gauge(&PG_BYTES, [], server.bytes as f64);
        readings.gauge(&PG_OLDEST, [], server.oldest_transaction);
        readings.gauge(&PG_STANDBYS, [], server.standbys as f64);
        readings.gauge(&PG_LAG, [], server.lag);
        readings.tally(&PG_WAL, [], server.wal_bytes);
        readings.tally(&PG_ARCHIVE_FAILURES, [], server.archive_failures as f64);
    }
}
