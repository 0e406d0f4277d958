//! The engine of one process: opens the store, starts the lane and its upkeep, and takes orders.
//!
//! Stopping is in order: no new orders, what is decided is committed and released, leases are given back. A
//! process that is killed instead loses nothing either; others merely wait for its leases to end.

use std::sync::Arc;
use std::time::Duration;

use impresario_metrics::Source;
use impresario_workflows::saga::{
    Input, Lost, Message as Signal, Migration, Stamp, Start, Verdict,
};
use impresario_workflows::{Definition, SagaId};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::announce::{self, Announcer};
use crate::broker::{Arrival, Broker};
use crate::catch_up::{self, Net};
use crate::children::Children;
use crate::clock::Clock;
use crate::feeding;
use crate::fresh::Fresh;
use crate::hub::Hub;
use crate::lane::{
    CommandAnswer, CommandError, CommandOrder, INBOX_MAX, Lane, Message, Parts, Releaser,
    StartError, StartOrder, Started,
};
use crate::measure::{Sampler, Standing, Watched};
use crate::orphans;
use crate::retention;
use crate::store::audit::Deed;
use crate::store::definitions::{Catalogue, Stored, Version};
use crate::store::sagas::{Loaded, load_one};
use crate::store::{self, Database, days, leases};
use crate::upkeep::{self, Upkeep};

/// How an engine is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Name of this process, unique among the replicas of a database.
    pub replica: String,
    /// Number of results partitions: the same for all replicas of a database. Few keep lists full.
    pub partitions: u16,
    /// Whether the transport forgets tasks when it stops: then open attempts are sent again at the start.
    pub transport_forgets: bool,
    /// How often the store is asked whether others have moved a saga that somebody waits for here: what a lost
    /// announcement costs.
    pub look_every: Duration,
    /// Days for which sagas are kept after their end; for ever without it.
    pub retain_days: Option<u32>,
    /// The machine's clock, which follows the database's.
    pub clock: Clock,
    /// Tells the journal on Kafka; not without it.
    pub feed: Option<feeding::Options>,
}

impl Options {
    /// The usual options of a replica.
    pub fn new(replica: impl Into<String>) -> Options {
        Options {
            replica: replica.into(),
            partitions: 4,
            transport_forgets: false,
            look_every: Duration::from_millis(250),
            retain_days: None,
            clock: Clock::default(),
            feed: None,
        }
    }
}

/// The engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// A running engine; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    catalogue: Arc<Catalogue>,
    broker: Arc<dyn Broker>,
    hub: Arc<Hub>,
    lane: mpsc::Sender<Message>,
    stop: CancellationToken,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
    replica: String,
    clock: Clock,
    /// Ends with us.
    _shown: Source,
}

impl Engine {
    /// Starts an engine on an open database with a broker whose arrivals come through `arrivals`.
    pub async fn start(
        options: Options,
        database: Database,
        definitions: Vec<Definition>,
        broker: Arc<dyn Broker>,
        arrivals: mpsc::Receiver<Arrival>,
    ) -> Result<Engine, EngineError> {
        let clock = options.clock.clone();
        clock.follow(&database).await?;
        days::ensure(&database.pool, clock.now()).await?;
        leases::ensure(&database.pool, options.partitions).await?;
        let catalogue = Arc::new(Catalogue::default());
        for definition in definitions {
            catalogue.register(&database.pool, definition).await?;
        }
        catalogue.look_for_new(&database.pool).await?;
        broker.serve_pools(catalogue.pools()).await;
        let hub = Arc::new(Hub::default());
        let (lane, inbox) = mpsc::channel(INBOX_MAX);
        let broker: Arc<dyn Broker> = Arc::new(Children::new(
            broker,
            database.clone(),
            Arc::clone(&catalogue),
            lane.clone(),
            clock.clone(),
        ));
        let releaser = Releaser::new(Arc::clone(&broker), database.pool.clone());
        let stop = CancellationToken::new();
        let announcer = Announcer::new(Arc::clone(&broker));
        let standing = Standing::default();
        let sampler = Sampler::default();
        let watched = Watched {
            standing: standing.clone(),
            sampler: sampler.clone(),
            database: database.clone(),
            broker: Arc::clone(&broker),
            releaser: releaser.clone(),
            lane: lane.clone(),
            clock: clock.clone(),
        };
        let fresh = options.feed.is_some().then(Arc::<Fresh>::default);
        let parts = Parts {
            replica: incarnation(&options.replica),
            database: database.clone(),
            catalogue: Arc::clone(&catalogue),
            broker: Arc::clone(&broker),
            releaser: releaser.clone(),
            hub: Arc::clone(&hub),
            announcer: Arc::clone(&announcer),
            partitions: options.partitions,
            clock: clock.clone(),
            fresh: fresh.clone(),
            standing: standing.clone(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(Lane::new(parts).run(inbox, stop.clone()));
        let upkeep = Upkeep {
            replica: options.replica.clone(),
            partitions: options.partitions,
            database: database.clone(),
            catalogue: Arc::clone(&catalogue),
            broker: Arc::clone(&broker),
            releaser,
            announcer,
            lane: lane.clone(),
            stop: stop.clone(),
            clock: clock.clone(),
            standing: standing.clone(),
            held: Arc::new(tokio::sync::watch::channel(Vec::new()).0),
        };
        let sampling = sampler.run(
            database.clone(),
            Arc::clone(&catalogue),
            upkeep.held.subscribe(),
            stop.clone(),
        );
        tasks.spawn(sampling);
        match options.feed.zip(fresh) {
            Some((feed, fresh)) => {
                let told = feeding::Told {
                    database: &database,
                    partitions: options.partitions,
                    held: &upkeep.held,
                    fresh,
                };
                feeding::start(feed, told, &stop, &mut tasks).await?;
            }
            None => feeding::warn_if_on(&database).await?,
        }
        tasks.spawn(upkeep::forward(arrivals, lane.clone(), stop.clone()));
        tasks.spawn(upkeep.clone().hold_leases(options.transport_forgets));
        tasks.spawn(upkeep.clone().watch_timers());
        tasks.spawn(upkeep.clone().repeat_outbox());
        tasks.spawn(upkeep.clone().watch_definitions());
        tasks.spawn(upkeep.make_days());
        let net = Net {
            hub: Arc::clone(&hub),
            database: database.clone(),
            catalogue: Arc::clone(&catalogue),
        };
        tasks.spawn(catch_up::run(net, options.look_every, stop.clone()));
        tasks.spawn(retention::run(
            database.clone(),
            clock.clone(),
            options.retain_days,
            standing,
            stop.clone(),
        ));
        let inner = Inner {
            database,
            catalogue,
            broker,
            hub,
            lane,
            stop,
            tasks: tokio::sync::Mutex::new(tasks),
            replica: options.replica,
            clock,
            _shown: watched.show(),
        };
        Ok(Engine {
            inner: Arc::new(inner),
        })
    }

    /// Hears what other replicas announce, to wake those who wait here; without it they wait for the poll.
    pub async fn listen(&self, announced: mpsc::Receiver<Vec<u8>>) {
        let net = Net {
            hub: Arc::clone(&self.inner.hub),
            database: self.inner.database.clone(),
            catalogue: Arc::clone(&self.inner.catalogue),
        };
        let stop = self.inner.stop.clone();
        let mut tasks = self.inner.tasks.lock().await;
        tasks.spawn(announce::listen(net, announced, stop));
    }

    /// Starts a saga, or finds the one that this key has started. Durable when it returns `Ok`.
    pub async fn start_saga(
        &self,
        tenant: &str,
        stored: Stored,
        key: &str,
        body_hash: Vec<u8>,
        start: Start,
    ) -> Result<Started, StartError> {
        let id = SagaId::derive(self.inner.clock.now(), tenant, &stored.definition.name, key);
        let (reply, answer) = oneshot::channel();
        let order = StartOrder {
            id,
            tenant: tenant.to_owned(),
            stored,
            key: key.to_owned(),
            body_hash,
            begin: Input::Start(start),
            reply,
        };
        self.send(Message::Start(Box::new(order)))
            .await
            .map_err(|()| StartError::Unavailable)?;
        answer.await.unwrap_or(Err(StartError::Unavailable))
    }

    /// Makes a saga anew that the store has lost, under its own id, to undo it. Whether it may be undone is judged
    /// before (`orphans`); its day has its partitions.
    pub(crate) async fn make_anew(
        &self,
        tenant: &str,
        stored: Stored,
        id: SagaId,
        lost: Lost,
    ) -> Result<Started, StartError> {
        self.inner
            .broker
            .serve_pools(stored.definition.pools())
            .await;
        let (reply, answer) = oneshot::channel();
        let order = StartOrder {
            id,
            tenant: tenant.to_owned(),
            stored,
            key: orphans::key_of(id),
            // The key alone says what is meant.
            body_hash: Vec::new(),
            begin: Input::Found(lost),
            reply,
        };
        self.send(Message::Start(Box::new(order)))
            .await
            .map_err(|()| StartError::Unavailable)?;
        answer.await.unwrap_or(Err(StartError::Unavailable))
    }

    /// Tells a saga that something happened outside.
    pub async fn signal(&self, id: SagaId, signal: Signal) -> Result<CommandAnswer, CommandError> {
        self.command(id, Input::Signal(signal), None).await
    }

    /// A person decides about a step that waits for it.
    pub async fn decide(
        &self,
        id: SagaId,
        verdict: Verdict,
        if_seq: Option<i32>,
    ) -> Result<CommandAnswer, CommandError> {
        self.command(id, Input::Decide(verdict), if_seq).await
    }

    /// Cancels a saga.
    pub async fn cancel(
        &self,
        id: SagaId,
        stamp: Stamp,
        if_seq: Option<i32>,
    ) -> Result<CommandAnswer, CommandError> {
        self.command(id, Input::Cancel(stamp), if_seq).await
    }

    /// Lets what stands before a human try again.
    pub async fn retry(
        &self,
        id: SagaId,
        step: Option<String>,
        stamp: Stamp,
        if_seq: Option<i32>,
    ) -> Result<CommandAnswer, CommandError> {
        self.command(id, Input::Retry { step, stamp }, if_seq).await
    }

    /// A version of a definition; from here on its pools are served, whatever new sagas use.
    pub async fn version(
        &self,
        name: &str,
        version: &Version,
    ) -> Result<Option<Stored>, store::Error> {
        let pool = &self.inner.database.pool;
        let found = self.inner.catalogue.find(pool, name, version).await?;
        if let Some(stored) = &found {
            self.inner
                .broker
                .serve_pools(stored.definition.pools())
                .await;
        }
        Ok(found)
    }

    /// Lets a saga go on under another version of its definition, which [`Engine::version`] has found. Whether it ends well
    /// from there is asked before (`migrations`).
    pub async fn migrate(
        &self,
        id: SagaId,
        migration: Migration,
        if_seq: Option<i32>,
    ) -> Result<CommandAnswer, CommandError> {
        self.command(id, Input::Migrate(migration), if_seq).await
    }

    async fn command(
        &self,
        id: SagaId,
        input: Input,
        if_seq: Option<i32>,
    ) -> Result<CommandAnswer, CommandError> {
        let (reply, answer) = oneshot::channel();
        let order = CommandOrder {
            id,
            input,
            if_seq,
            reply,
        };
        self.send(Message::Command(Box::new(order)))
            .await
            .map_err(|()| CommandError::Unavailable)?;
        answer.await.unwrap_or(Err(CommandError::Unavailable))
    }

    /// Reads a saga from the store.
    pub async fn load(&self, id: SagaId) -> Result<Option<Loaded>, store::Error> {
        load_one(&self.inner.database.pool, &self.inner.catalogue, id).await
    }

    /// Stores a definition that somebody uploads, serves its pools, and uses it for new sagas.
    pub async fn upload(
        &self,
        definition: Definition,
        deed: Option<Deed<'_>>,
    ) -> Result<(Stored, bool), store::Error> {
        let pool = &self.inner.database.pool;
        let uploaded = self
            .inner
            .catalogue
            .upload(pool, definition, deed.as_ref())
            .await?;
        let pools = self.inner.catalogue.pools();
        self.inner.broker.serve_pools(pools).await;
        Ok(uploaded)
    }

    /// The definitions.
    pub fn catalogue(&self) -> &Catalogue {
        &self.inner.catalogue
    }

    /// The database, for reads.
    pub fn database(&self) -> &Database {
        &self.inner.database
    }

    /// What time it is for the engine.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Where to wait for sagas.
    pub fn hub(&self) -> &Hub {
        &self.inner.hub
    }

    /// Whether the broker can publish at the moment.
    pub fn broker_connected(&self) -> bool {
        self.inner.broker.connected()
    }

    /// Depths of the pools' queues, for people.
    pub fn depths(&self) -> std::collections::BTreeMap<String, crate::broker::PoolDepth> {
        self.inner.broker.depths()
    }

    /// Stops in order; returns when everything decided is committed and released.
    pub async fn stop(&self) {
        self.inner.stop.cancel();
        let mut tasks = self.inner.tasks.lock().await;
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "an engine task ended badly");
            }
        }
        if let Err(error) = leases::give_back(&self.inner.database.pool, &self.inner.replica).await
        {
            tracing::warn!(%error, "cannot give leases back; others wait for their end");
        }
    }

    /// Resolves when the engine is stopping.
    pub async fn stopping(&self) {
        self.inner.stop.cancelled().await;
    }

    async fn send(&self, message: Message) -> Result<(), ()> {
        if self.inner.stop.is_cancelled() {
            return Err(());
        }
        self.inner.lane.send(message).await.map_err(|_| ())
    }
}

/// The replica's name with this life of it: a restarted process counts its commits from 1 again, and a commit
/// whose answer was lost must not find the outbox rows of the one before.
fn incarnation(replica: &str) -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{replica}-{}", &random[..6])
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("replica", &self.inner.replica)
            .finish_non_exhaustive()
    }
}
