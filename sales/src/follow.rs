//! Following the feed: the generation that is served is kept up to date, whoever else does the same.
//!
//! What happens while nobody follows is read later: the places are in the database. After trouble it begins again where
//! those are. A gap is trouble that does not pass: it says so, and what is served stays as it was.

use std::time::Duration;

use impresario_feed::{From, Reader, Told, topic};
use impresario_worker_sdk::Database;
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::store::{self, Applied, Places};

/// Events counted in one transaction at most.
const BATCH: usize = 500;

/// How long nothing may come before what has come is counted.
const QUIET: Duration = Duration::from_millis(20);

/// How often it is looked whether another generation is served now.
const LOOK: Duration = Duration::from_secs(1);

/// After trouble.
const AGAIN: Duration = Duration::from_secs(1);

/// Where the feed is.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Kafka, `host:port,host:port`.
    pub brokers: String,
    /// What the topics' names begin with.
    pub prefix: String,
}

impl Feed {
    /// The topics that sales are made of.
    pub(crate) fn topics(&self) -> Vec<String> {
        ["catalog", "booking"]
            .map(|about| topic(&self.prefix, about))
            .to_vec()
    }
}

/// Keeps what is served up to date until `stop`.
pub async fn follow(database: Database, feed: Feed, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = follow_one(&database, &feed, &stop).await {
            tracing::warn!(error = ?error, "the sales are not brought up to date");
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// Follows the generation that is served, until it is another one.
async fn follow_one(
    database: &Database,
    feed: &Feed,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let generation = match store::served(database.pool()).await? {
        Some(generation) => generation,
        None => store::begin(database.pool()).await?,
    };
    let mut reading = Reading::open(database, feed, generation).await?;
    while !stop.is_cancelled() && store::served(database.pool()).await? == Some(generation) {
        let events = reading.some(LOOK).await?;
        if reading.count(database, events).await? == Applied::Overtaken {
            return Ok(());
        }
    }
    Ok(())
}

/// A generation, and where it is.
pub(crate) struct Reading {
    generation: i32,
    reader: Reader,
    places: Places,
}

impl Reading {
    pub(crate) async fn open(
        database: &Database,
        feed: &Feed,
        generation: i32,
    ) -> Result<Reading, Error> {
        let places = store::places(database.pool(), generation).await?;
        let from = From::Places(places.clone());
        let topics = feed.topics();
        let reader = Reader::open(&feed.brokers, &topics, from).await?;
        // A topic that is made later would never be read.
        for topic in topics {
            if !reader.places().keys().any(|(known, _)| *known == topic) {
                return Err(Error::Absent { topic });
            }
        }
        Ok(Reading {
            generation,
            reader,
            places,
        })
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// What comes within `patience`, up to a batch; it does not wait once something has come and then nothing more.
    pub(crate) async fn some(&mut self, patience: Duration) -> Result<Vec<Told>, Error> {
        let mut events = Vec::new();
        let mut wait = patience;
        while events.len() < BATCH {
            match tokio::time::timeout(wait, self.reader.next()).await {
                Ok(told) => events.push(told?),
                Err(_) => break,
            }
            wait = QUIET;
        }
        Ok(events)
    }

    /// Counts what has come.
    pub(crate) async fn count(
        &mut self,
        database: &Database,
        events: Vec<Told>,
    ) -> Result<Applied, Error> {
        if events.is_empty() {
            return Ok(Applied::Yes);
        }
        let next: Places = events
            .iter()
            .map(|told| ((told.topic.clone(), told.partition), told.offset + 1))
            .collect();
        let applied = store::apply(database, self.generation, &self.places, events).await?;
        self.places.extend(next);
        Ok(applied)
    }
}
