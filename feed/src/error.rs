//! What can go wrong between us and Kafka.

use rdkafka::error::KafkaError;

/// The feed cannot be told, or not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings of a client.
    #[error("cannot set up a client for Kafka at {brokers}")]
    Client {
        /// Where Kafka was to be found.
        brokers: String,
        /// Why not.
        #[source]
        source: Box<KafkaError>,
    },
    /// Making a topic, or asking for its partitions.
    #[error("cannot {doing} topic {topic}")]
    Topic {
        /// What we were doing.
        doing: &'static str,
        /// With which one.
        topic: String,
        /// Why not.
        #[source]
        source: Box<KafkaError>,
    },
    /// Telling one event.
    #[error("cannot tell event {id} to {topic}")]
    Tell {
        /// Which one.
        id: String,
        /// Where.
        topic: String,
        /// Why not.
        #[source]
        source: Box<KafkaError>,
    },
    /// The client is gone, and nobody will say what became of the event.
    #[error("nobody says whether {topic} has event {id}")]
    Unanswered {
        /// Which one.
        id: String,
        /// Where.
        topic: String,
    },
    /// Reading.
    #[error("cannot read from Kafka")]
    Read(#[source] KafkaError),
    /// A record that is none of ours.
    #[error(
        "record {offset} of {topic}, partition {partition}, has no {missing}: it is no event of this feed"
    )]
    Foreign {
        /// Where.
        topic: String,
        /// Where.
        partition: i32,
        /// Where.
        offset: i64,
        /// What an event has.
        missing: &'static str,
    },
    /// A key to seal with that is none.
    #[error("a key is `name:` and 32 bytes in base64; this is {what}")]
    Key {
        /// What it is instead.
        what: &'static str,
    },
    /// Something sealed that does not open.
    #[error("cannot open what was sealed with key {key}")]
    Sealed {
        /// Its name.
        key: String,
    },
}
