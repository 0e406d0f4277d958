//! What may be lost: what instances of the engine tell each other (what was committed, to wake waiting
//! clients; which pool's queue was lost), and the probes that an instance sends to itself through a results
//! queue.
//!
//! Unconfirmed, transient, dropped wherever something is full. Behind the first stands a poll, behind the
//! second the timeouts, behind a probe the next one. One's own announcements come back too and are left out
//! by the instance's name.

use std::convert::Infallible;
use std::time::Duration;

use futures::StreamExt;
use impresario_protocol::{PROTOCOL_VERSION, Probe, Queues, ResultMessage};
use lapin::options::{BasicConsumeOptions, BasicPublishOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::connection::{Error, request};
use super::options::PROBE_LIFE;
use super::topology::{COMMITTED, LOST, bind_fanouts, declare_fanouts};

/// Between a broken channel and the next.
const PAUSE: Duration = Duration::from_secs(1);

/// Something to send that may be lost.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// To the others: the engine's own words about a commit.
    Committed(Vec<u8>),
    /// To the others: what was in the queue of this pool is lost.
    Lost(String),
    /// To oneself, behind everything that is in the partition's queue now.
    Probe {
        partition: u16,
        /// Unix milliseconds.
        sent_at: u64,
    },
}

/// Sends, on a new channel whenever one breaks. Whatever goes wrong here costs hints and nothing else: tasks
/// are published meanwhile, on the same connection.
pub(super) async fn send_for_ever(
    connection: &Connection,
    outgoing: &mut mpsc::Receiver<Outgoing>,
    instance: &str,
    queues: &Queues,
) -> Infallible {
    loop {
        match send(connection, outgoing, instance, queues).await {
            // Nobody is left who could send anything.
            Ok(()) => return std::future::pending().await,
            Err(error) => {
                let error = error.chain();
                tracing::warn!(%error, "announcements and probes cannot be sent; trying again");
                sleep(PAUSE).await;
            }
        }
    }
}

async fn send(
    connection: &Connection,
    outgoing: &mut mpsc::Receiver<Outgoing>,
    instance: &str,
    queues: &Queues,
) -> Result<(), Error> {
    // Not the tasks' channel: the broker closes a channel on every mistake, with all confirms on it.
    let channel = open(connection, queues).await?;
    let (committed, lost) = (queues.fanout(COMMITTED), queues.fanout(LOST));
    while let Some(outgoing) = outgoing.recv().await {
        let properties = BasicProperties::default().with_app_id(instance.into());
        let (exchange, queue, properties, body) = match outgoing {
            Outgoing::Committed(body) => (committed.as_str(), String::new(), properties, body),
            Outgoing::Lost(pool) => (lost.as_str(), String::new(), properties, pool.into_bytes()),
            Outgoing::Probe { partition, sent_at } => {
                let Some(body) = probe(instance, sent_at) else {
                    continue;
                };
                let life = PROBE_LIFE.as_millis().to_string();
                let properties = properties
                    .with_content_type("application/json".into())
                    .with_expiration(life.into());
                ("", queues.results(partition), properties, body)
            }
        };
        // Neither mandatory nor immediate: without listeners it may vanish.
        let options = BasicPublishOptions {
            mandatory: false,
            immediate: false,
        };
        let sent = channel.basic_publish(exchange.into(), queue.into(), options, &body, properties);
        match sent.await {
            Ok(_) => {}
            Err(source) => {
                return Err(Error::Amqp {
                    doing: format!("sending a hint to `{exchange}`"),
                    source,
                });
            }
        }
    }
    Ok(())
}

fn probe(instance: &str, sent_at: u64) -> Option<Vec<u8>> {
    let probe = Some(Probe {
        by: instance.to_owned(),
        sent_at,
    });
    let message = ResultMessage {
        v: PROTOCOL_VERSION,
        results: Vec::new(),
        probe,
    };
    // Encoding two plain fields cannot fail; if it ever does, an unsent probe proves nothing, which is safe.
    serde_json::to_vec(&message).ok()
}

/// Where the announcements of others go.
#[derive(Debug)]
pub(super) struct Listeners {
    /// None: commits are not listened to, and not even delivered.
    pub(super) committed: Option<mpsc::Sender<Vec<u8>>>,
    pub(super) lost: mpsc::Sender<String>,
}

/// Hands the announcements of other instances on until the channel breaks.
pub(super) async fn listen(
    connection: &Connection,
    instance: &str,
    queues: &Queues,
    listeners: &Listeners,
) -> Result<(), Error> {
    let channel = open(connection, queues).await?;
    let lost = queues.fanout(LOST);
    let mut exchanges = vec![lost.clone()];
    if listeners.committed.is_some() {
        exchanges.push(queues.fanout(COMMITTED));
    }
    let queue = bind_fanouts(&channel, &exchanges).await?;
    let options = BasicConsumeOptions {
        // Would leave out one's own, but RabbitMQ does not implement it.
        no_local: false,
        // Hints are not worth an acknowledgement each.
        no_ack: true,
        // The queue is exclusive already.
        exclusive: false,
        // We wait, to notice when it fails.
        nowait: false,
    };
    let consuming = channel.basic_consume(
        queue.as_str().into(),
        "".into(),
        options,
        FieldTable::default(),
    );
    let mut consumer = request(|| "listening for announcements".into(), consuming).await?;
    while let Some(delivery) = consumer.next().await {
        let delivery = match delivery {
            Ok(delivery) => delivery,
            Err(source) => {
                return Err(Error::Amqp {
                    doing: "listening for announcements".into(),
                    source,
                });
            }
        };
        if delivery
            .properties
            .app_id()
            .as_ref()
            .is_some_and(|id| id.as_str() == instance)
        {
            continue;
        }
        // Full or gone: see the header.
        if delivery.exchange.as_str() == lost {
            if let Ok(pool) = String::from_utf8(delivery.data) {
                drop(listeners.lost.try_send(pool));
            }
        } else if let Some(committed) = &listeners.committed {
            drop(committed.try_send(delivery.data));
        }
    }
    Ok(())
}

async fn open(connection: &Connection, queues: &Queues) -> Result<Channel, Error> {
    let opening = connection.create_channel();
    let channel = request(|| "opening a channel for announcements".into(), opening).await?;
    declare_fanouts(&channel, &[queues.fanout(COMMITTED), queues.fanout(LOST)]).await?;
    Ok(channel)
}
