//! Topics: their names, and making them.
//!
//! A topic keeps its number of partitions for ever: with another number a key would go on in another partition, beside
//! what it has in the old one, and a reader would no longer see its events in order.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use crate::error::Error;

/// What the names of all topics begin with, unless a user has other wishes.
pub const PREFIX: &str = "impresario";

/// So many consumers of one group can share the work.
const PARTITIONS: i32 = 6;

/// As many copies as the cluster gives topics by default: it knows how large it is.
const CLUSTERS_OWN: i32 = -1;

/// For the answer of a cluster that is up.
const PATIENCE: Duration = Duration::from_secs(15);

/// `impresario.sagas.v1`: the version goes up when old consumers could not read what is told any more.
pub fn topic(prefix: &str, about: &str) -> String {
    format!("{prefix}.{about}.v1")
}

/// Makes the topic if it is not there.
pub(crate) async fn ensure(brokers: &str, topic: &str) -> Result<(), Error> {
    let failed = |source| Error::Topic {
        doing: "make",
        topic: topic.to_owned(),
        source: Box::new(source),
    };
    let admin: AdminClient<DefaultClientContext> = client(brokers).create().map_err(failed)?;
    let wanted = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(CLUSTERS_OWN));
    let options = AdminOptions::new()
        .request_timeout(Some(PATIENCE))
        .operation_timeout(Some(PATIENCE));
    let made = admin.create_topics([&wanted], &options).await;
    for answer in made.map_err(failed)? {
        match answer {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(failed(KafkaError::AdminOp(code))),
        }
    }
    Ok(())
}

/// What every client of ours is told.
pub(crate) fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("client.id", "impresario")
        .set("socket.keepalive.enable", "true")
        // A cluster that comes back is seen soon; the default is ten seconds.
        .set("reconnect.backoff.max.ms", "2000");
    config
}
