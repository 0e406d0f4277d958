//! What the instances of the engine tell each other over the broker: what was committed (to wake waiting
//! clients), and which pool's queue was lost.
//!
//! Hints only: unconfirmed, transient, dropped wherever something is full. Behind the first stands a poll,
//! behind the second the timeouts. One's own come back too and are left out by the instance's name.

use futures::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection};
use tokio::sync::mpsc;

use super::connection::{Error, request};
use super::topology::{COMMITTED_EXCHANGE, LOST_EXCHANGE, bind_fanouts, declare_fanouts};

/// Something to tell the other instances.
#[derive(Debug)]
pub(super) enum Announcement {
    /// The engine's own words about a commit.
    Committed(Vec<u8>),
    /// What was in the queue of this pool is lost.
    Lost(String),
}

/// Sends announcements until the channel breaks, which is what it returns.
pub(super) async fn send(
    connection: &Connection,
    announcements: &mut mpsc::Receiver<Announcement>,
    instance: &str,
) -> Error {
    match try_send(connection, announcements, instance).await {
        // Nobody is left who could announce anything; the link lives on for its confirms.
        Ok(()) => std::future::pending().await,
        Err(error) => error,
    }
}

async fn try_send(
    connection: &Connection,
    announcements: &mut mpsc::Receiver<Announcement>,
    instance: &str,
) -> Result<(), Error> {
    // A channel of its own: what goes wrong here must not cost the confirms of tasks.
    let channel = open(connection).await?;
    while let Some(announcement) = announcements.recv().await {
        let (exchange, body) = match announcement {
            Announcement::Committed(body) => (COMMITTED_EXCHANGE, body),
            Announcement::Lost(pool) => (LOST_EXCHANGE, pool.into_bytes()),
        };
        let properties = BasicProperties::default().with_app_id(instance.into());
        // Neither mandatory nor immediate: without listeners it may vanish.
        let options = BasicPublishOptions {
            mandatory: false,
            immediate: false,
        };
        let sent = channel.basic_publish(exchange.into(), "".into(), options, &body, properties);
        match sent.await {
            Ok(_) => {}
            Err(source) => {
                return Err(Error::Amqp {
                    doing: format!("announcing on `{exchange}`"),
                    source,
                });
            }
        }
    }
    Ok(())
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
    listeners: &Listeners,
) -> Result<(), Error> {
    let channel = open(connection).await?;
    let exchanges: &[&str] = match &listeners.committed {
        Some(_) => &[COMMITTED_EXCHANGE, LOST_EXCHANGE],
        None => &[LOST_EXCHANGE],
    };
    let queue = bind_fanouts(&channel, exchanges).await?;
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
        if delivery.exchange.as_str() == LOST_EXCHANGE {
            if let Ok(pool) = String::from_utf8(delivery.data) {
                drop(listeners.lost.try_send(pool));
            }
        } else if let Some(committed) = &listeners.committed {
            drop(committed.try_send(delivery.data));
        }
    }
    Ok(())
}

async fn open(connection: &Connection) -> Result<Channel, Error> {
    let opening = connection.create_channel();
    let channel = request(|| "opening a channel for announcements".into(), opening).await?;
    declare_fanouts(&channel).await?;
    Ok(channel)
}
