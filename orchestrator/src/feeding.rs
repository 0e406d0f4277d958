//! Telling the journal on Kafka: the wiring between the table of what is to be told and the feed.
//!
//! The replica that leases a results partition tells of its sagas. For speed alone, as everywhere: two that believe it
//! at the same time tell the same events twice, each saga's in their order.

use std::sync::Arc;

use async_trait::async_trait;
use impresario_feed::{
    Behind, Event, Key, Parcel, Publisher, Settings, Source, SourceError, measure, topic,
};
use impresario_workflows::SagaId;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::feed::{self, Decided, Row, Untellable};
use crate::fresh::{self, Fresh};
use crate::store::{self, Database};

/// What the topic of sagas is about.
pub const ABOUT: &str = "sagas";

/// `ce_source` of its events.
const ORIGIN: &str = "/impresario/sagas";

/// Connections of all publishers of a process together: a turn takes milliseconds, and partitions take turns.
const CONNECTIONS_MAX: u32 = 2;

/// How the journal is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Kafka, `host:port,host:port`.
    pub brokers: String,
    /// What the topics' names begin with.
    pub prefix: String,
    /// Seals what may be about people; without it, that is left out.
    pub key: Option<Key>,
}

/// What is told.
pub struct Told<'a> {
    /// The journal.
    pub database: &'a Database,
    /// Number of results partitions.
    pub partitions: u16,
    /// Those of this replica.
    pub held: &'a watch::Sender<Vec<u16>>,
    /// What need not be read again.
    pub fresh: Arc<Fresh>,
}

/// Turns the feed on in the database, and tells of the partitions that are held until `stop`.
pub async fn start(
    options: Options,
    told: Told<'_>,
    stop: &CancellationToken,
    tasks: &mut JoinSet<()>,
) -> Result<(), store::Error> {
    let Told {
        database,
        partitions,
        held,
        fresh,
    } = told;
    if store::feed::turn_on(&database.pool).await? {
        tracing::info!("the feed is on: from now on every commit is told");
    }
    let topic = topic(&options.prefix, ABOUT);
    let pool = database.keyed_pool(CONNECTIONS_MAX);
    for partition in 0..partitions {
        let journal = Journal {
            pool: pool.clone(),
            partition,
            held: held.subscribe(),
            fresh: Arc::clone(&fresh),
            key: options.key.clone(),
        };
        let settings = Settings {
            brokers: options.brokers.clone(),
            topic: topic.clone(),
            origin: ORIGIN.to_owned(),
        };
        tasks.spawn(Publisher::new(Arc::new(journal), settings).run(stop.clone()));
    }
    let pool = database.pool.clone();
    tasks.spawn(measure(topic, stop.clone(), move || behind(pool.clone())));
    Ok(())
}

/// A replica that tells nothing says so when the database wants it told: rows would pile up.
pub(crate) async fn warn_if_on(database: &Database) -> Result<(), store::Error> {
    if store::feed::is_on(&database.pool).await? {
        tracing::warn!(
            "the feed of this database is on, and this replica has no --kafka: what it leases is not told"
        );
    }
    Ok(())
}

async fn behind(pool: PgPool) -> Result<Behind, SourceError> {
    let (rows, age) = store::feed::behind(&pool).await?;
    Ok(Behind { rows, age })
}

/// What a results partition has to tell.
struct Journal {
    pool: PgPool,
    partition: u16,
    held: watch::Receiver<Vec<u16>>,
    fresh: Arc<Fresh>,
    key: Option<Key>,
}

impl Journal {
    /// The events of these journal rows, in their order, each or why it cannot be told.
    async fn events(
        &self,
        numbers: &[(SagaId, i32)],
    ) -> Result<Vec<Result<Event, Untellable>>, store::Error> {
        let key = self.key.as_ref();
        let fresh = self.fresh.take(numbers);
        let forgotten = || numbers.iter().zip(&fresh).filter(|(_, row)| row.is_none());
        let sagas: Vec<Uuid> = forgotten().map(|((saga, _), _)| saga.0).collect();
        let seqs: Vec<i32> = forgotten().map(|((_, seq), _)| *seq).collect();
        let mut read = store::feed::facts(&self.pool, &sagas, &seqs)
            .await?
            .into_iter();
        let events = numbers
            .iter()
            .zip(fresh)
            .filter_map(|((saga, seq), row)| match row {
                Some(row) => Some(feed::tell(row_in_hand(*saga, *seq, &row), key)),
                None => read.next().map(|fact| feed::event(stored_row(&fact), key)),
            });
        Ok(events.collect())
    }
}

#[async_trait]
impl Source for Journal {
    async fn next(&self) -> Result<Vec<Parcel>, SourceError> {
        if !self.held.borrow().contains(&self.partition) {
            return Ok(Vec::new());
        }
        let rows = store::feed::next(&self.pool, self.partition).await?;
        let numbers: Vec<(SagaId, i32)> = rows
            .iter()
            .flat_map(|row| row.numbers.iter().copied())
            .collect();
        let mut events = self.events(&numbers).await?.into_iter();
        let mut parcels = Vec::with_capacity(rows.len());
        for row in rows {
            let told = events.by_ref().take(row.numbers.len());
            match told.collect::<Result<Vec<_>, _>>() {
                Ok(events) => parcels.push(Parcel { id: row.id, events }),
                // What comes before it can be told.
                Err(error) if !parcels.is_empty() => {
                    tracing::error!(%error, "the feed ends here");
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(parcels)
    }

    async fn delivered(&self, rows: &[i64]) -> Result<u64, SourceError> {
        Ok(store::feed::delivered(&self.pool, self.partition, rows).await?)
    }
}

/// The events that tell of these journal rows.
pub fn events(facts: &[store::feed::Fact], key: Option<&Key>) -> Result<Vec<Event>, Untellable> {
    facts
        .iter()
        .map(|fact| feed::event(stored_row(fact), key))
        .collect()
}

fn stored_row(fact: &store::feed::Fact) -> Row<'_> {
    Row {
        saga: fact.saga,
        seq: fact.seq,
        body: &fact.body,
        tenant: &fact.tenant,
        definition: &fact.definition,
    }
}

fn row_in_hand(saga: SagaId, seq: i32, row: &fresh::Row) -> Decided<'_> {
    Decided {
        row: Row {
            saga,
            seq,
            body: &row.body,
            tenant: &row.tenant,
            definition: &row.definition.name,
        },
        commit: &row.commit,
        at: row.at,
        events: &row.events,
    }
}
