//! Reading the feed: from where somebody wishes, partition by partition, and knowing when the end is reached.
//!
//! Without a consumer group: who reads keeps its own place, with what it has made of the events, in one transaction of
//! its own. That is what makes a reader exact.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::error::Error;
use crate::topic;

/// For the answer of a cluster that is up.
const PATIENCE: Duration = Duration::from_secs(15);

/// A cluster that is just electing a leader answers right a moment later.
const TRIES: u32 = 10;

/// Between two tries.
const AGAIN: Duration = Duration::from_millis(500);

/// An event that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Where.
    pub topic: String,
    /// Where.
    pub partition: i32,
    /// Where.
    pub offset: i64,
    /// What happened.
    pub kind: String,
    /// To what.
    pub key: String,
    /// Its place among the events with this key.
    pub sequence: i64,
    /// When, as it was written.
    pub at: String,
    /// JSON.
    pub data: Vec<u8>,
}

/// Where to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// With the oldest that the topics hold.
    Beginning,
    /// With the first one that became true at this instant or later, in milliseconds since the Unix epoch.
    Instant(i64),
    /// With what comes next.
    End,
    /// With these offsets, by topic and partition; from the beginning where there is none.
    Places(BTreeMap<(String, i32), i64>),
}

/// Reads topics from one place on.
pub struct Reader {
    consumer: StreamConsumer,
    /// Per topic and partition the offset of the next one to be read.
    places: BTreeMap<(String, i32), i64>,
}

impl Reader {
    /// Begins to read. A topic that is not there yet has no partitions, and is not waited for.
    pub async fn open(brokers: &str, topics: &[String], from: From) -> Result<Reader, Error> {
        let consumer: StreamConsumer = topic::client(brokers)
            // Assigned by hand, and nothing is ever committed to it; the client wants one all the same.
            .set("group.id", "impresario-reader")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .create()
            .map_err(|source| Error::Client {
                brokers: brokers.to_owned(),
                source: Box::new(source),
            })?;
        let topics = topics.to_vec();
        // The client's questions block.
        let opened = tokio::task::spawn_blocking(move || {
            let places = places(&consumer, &topics, &from)?;
            let mut list = TopicPartitionList::new();
            for ((topic, partition), offset) in &places {
                list.add_partition_offset(topic, *partition, Offset::Offset(*offset))
                    .map_err(Error::Read)?;
            }
            consumer.assign(&list).map_err(Error::Read)?;
            Ok(Reader { consumer, places })
        });
        opened
            .await
            .unwrap_or(Err(Error::Read(KafkaError::Canceled)))
    }

    /// The next event; it waits for it, and for Kafka.
    pub async fn next(&mut self) -> Result<Told, Error> {
        let told = loop {
            match self.consumer.recv().await {
                Ok(message) => break told(&message)?,
                // The client goes on by itself.
                Err(KafkaError::MessageConsumption(
                    RDKafkaErrorCode::AllBrokersDown
                    | RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::OperationTimedOut,
                )) => {}
                Err(error) => return Err(Error::Read(error)),
            }
        };
        self.places
            .insert((told.topic.clone(), told.partition), told.offset + 1);
        Ok(told)
    }

    /// Where the topics end now: an event with a smaller offset exists, or has existed.
    pub async fn ends(&self) -> Result<BTreeMap<(String, i32), i64>, Error> {
        self.places
            .keys()
            .map(|(topic, partition)| {
                let found = tokio::task::block_in_place(|| {
                    patiently(|| self.consumer.fetch_watermarks(topic, *partition, PATIENCE))
                });
                let (_, end) = found.map_err(|source| Error::Topic {
                    doing: "find the end of",
                    topic: topic.clone(),
                    source: Box::new(source),
                })?;
                Ok(((topic.clone(), *partition), end))
            })
            .collect()
    }

    /// Whether everything before these ends has been read.
    pub fn has_reached(&self, ends: &BTreeMap<(String, i32), i64>) -> bool {
        ends.iter()
            .all(|(place, end)| self.places.get(place).is_none_or(|next| next >= end))
    }

    /// Per topic and partition the offset of the next one to be read.
    pub fn places(&self) -> &BTreeMap<(String, i32), i64> {
        &self.places
    }
}

/// Asks again while the answer is an error. Blocks.
fn patiently<T>(mut ask: impl FnMut() -> Result<T, KafkaError>) -> Result<T, KafkaError> {
    for _ in 1..TRIES {
        if let Ok(answer) = ask() {
            return Ok(answer);
        }
        std::thread::sleep(AGAIN);
    }
    ask()
}

fn places(
    consumer: &StreamConsumer,
    topics: &[String],
    from: &From,
) -> Result<BTreeMap<(String, i32), i64>, Error> {
    let mut found = BTreeMap::new();
    for topic in topics {
        let failed = |source| Error::Topic {
            doing: "find the partitions of",
            topic: topic.clone(),
            source: Box::new(source),
        };
        let metadata = consumer
            .fetch_metadata(Some(topic), PATIENCE)
            .map_err(failed)?;
        let partitions = metadata
            .topics()
            .iter()
            .flat_map(|topic| topic.partitions());
        for partition in partitions.map(|partition| partition.id()) {
            let (low, high) = patiently(|| consumer.fetch_watermarks(topic, partition, PATIENCE))
                .map_err(failed)?;
            let offset = match from {
                From::Beginning => low,
                From::End => high,
                From::Instant(at) => since(consumer, topic, partition, *at)?.unwrap_or(high),
                From::Places(known) => known
                    .get(&(topic.clone(), partition))
                    .copied()
                    .unwrap_or(low)
                    .max(low),
            };
            found.insert((topic.clone(), partition), offset);
        }
    }
    Ok(found)
}

/// The offset of the first one at this instant or later.
fn since(
    consumer: &StreamConsumer,
    topic: &str,
    partition: i32,
    at: i64,
) -> Result<Option<i64>, Error> {
    let mut question = TopicPartitionList::new();
    question
        .add_partition_offset(topic, partition, Offset::Offset(at))
        .map_err(Error::Read)?;
    let answer = consumer
        .offsets_for_times(question, PATIENCE)
        .map_err(Error::Read)?;
    Ok(answer
        .elements()
        .iter()
        .find_map(|found| match found.offset() {
            Offset::Offset(offset) => Some(offset),
            Offset::Beginning
            | Offset::End
            | Offset::Stored
            | Offset::Invalid
            | Offset::OffsetTail(_) => None,
        }))
}

fn told(message: &BorrowedMessage<'_>) -> Result<Told, Error> {
    let foreign = |missing| Error::Foreign {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        missing,
    };
    let attribute = |name: &'static str| {
        let headers = message.headers().ok_or_else(|| foreign("headers"))?;
        headers
            .iter()
            .find(|header| header.key == name)
            .and_then(|header| std::str::from_utf8(header.value?).ok())
            .ok_or_else(|| foreign(name))
    };
    let sequence = attribute("ce_sequence")?
        .parse()
        .map_err(|_| foreign("ce_sequence"))?;
    Ok(Told {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        kind: attribute("ce_type")?.to_owned(),
        key: attribute("ce_subject")?.to_owned(),
        sequence,
        at: attribute("ce_time")?.to_owned(),
        data: message.payload().ok_or_else(|| foreign("value"))?.to_vec(),
    })
}
