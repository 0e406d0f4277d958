//! One AMQP session after the other: connect, declare, consume, hand over, rebuild.
//!
//! A session is one connection, and nothing of it survives it: acknowledgements go to the acker that the
//! delivery brought along, which is dead when its connection is. lapin's own recovery stays off, because it
//! replays half of this and leaves channel errors to us anyway.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use impresario_protocol::{Brokers, BrokersError};
use lapin::Acker;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, Consumer, ErrorKind};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{QueueType, Shared};
use crate::{Delivery, Receipt};

/// Per address.
const CONNECT_WAIT: Duration = Duration::from_secs(10);
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// How long deliveries already on their way are given back after the consumer was cancelled.
const GIVE_BACK_WAIT: Duration = Duration::from_millis(500);
/// Looks for a queue that is missing, and the pause after each: ten times as long as an engine that is there
/// needs to make it (it looks every 500 ms).
const LOOKS_MAX: u32 = 20;
const LOOK_PAUSE: Duration = Duration::from_millis(250);
/// The engine's `x-delivery-limit`: never, in effect.
const QUORUM_DELIVERY_LIMIT: i32 = 1_000_000;

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("closed on request")]
    Closed,
    #[error("the broker cancelled the consumer")]
    Cancelled,
    #[error("a publisher found it broken")]
    Broken,
    #[error("could not connect in time")]
    ConnectTimeout,
    #[error(transparent)]
    Addresses(#[from] BrokersError),
    #[error(transparent)]
    Amqp(#[from] lapin::Error),
}

/// Keeps a session alive until the transport is closed.
pub(super) async fn supervise(shared: Arc<Shared>, deliveries: mpsc::Sender<Delivery>) {
    let mut backoff = BACKOFF_FIRST;
    for number in 1.. {
        let mut lived = false;
        let ended = run(&shared, number, &deliveries, &mut lived).await;
        shared.publisher.send_replace(None);
        match ended {
            Ended::Closed => return,
            Ended::Cancelled
            | Ended::Broken
            | Ended::ConnectTimeout
            | Ended::Addresses(_)
            | Ended::Amqp(_) => {
                tracing::warn!(pool = shared.settings.pool, reason = %ended, "AMQP session ended");
            }
        }
        backoff = if lived {
            BACKOFF_FIRST
        } else {
            (backoff * 2).min(BACKOFF_MAX)
        };
        tokio::select! {
            () = shared.close.cancelled() => return,
            () = tokio::time::sleep(backoff) => {}
        }
    }
}

async fn run(
    shared: &Shared,
    number: u64,
    deliveries: &mpsc::Sender<Delivery>,
    lived: &mut bool,
) -> Ended {
    let opened = tokio::select! {
        () = shared.close.cancelled() => return Ended::Closed,
        opened = open_any(shared, number) => opened,
    };
    let (connection, publish) = match opened {
        Ok(opened) => opened,
        Err(ended) => return ended,
    };
    *lived = true;
    tracing::info!(pool = shared.settings.pool, "AMQP session opened");
    shared.publisher.send_replace(Some((number, publish)));
    let ended = match consuming(shared, number, &connection, deliveries).await {
        Ok(never) => match never {},
        Err(ended) => ended,
    };
    // A courtesy: the broker requeues what is unacknowledged whether or not it gets this.
    let goodbye = connection.close(200, "bye".into());
    drop(tokio::time::timeout(Duration::from_secs(2), goodbye).await);
    ended
}

/// Goes through the addresses until one answers, so that a node of a cluster that is gone costs no pause. Each session
/// begins at the next one, and each process somewhere else.
async fn open_any(shared: &Shared, number: u64) -> Result<(Connection, Channel), Ended> {
    let brokers: Brokers = shared.settings.url.parse()?;
    let place = shared.first_address.wrapping_add(number);
    let mut ended = Ended::ConnectTimeout;
    for url in brokers.beginning_at(usize::try_from(place).unwrap_or_default()) {
        match tokio::time::timeout(CONNECT_WAIT, open(shared, url)).await {
            Ok(Ok(opened)) => return Ok(opened),
            Ok(Err(error)) => ended = Ended::Amqp(error),
            Err(_) => ended = Ended::ConnectTimeout,
        }
    }
    Err(ended)
}

async fn open(shared: &Shared, url: &str) -> Result<(Connection, Channel), lapin::Error> {
    let settings = &shared.settings;
    let properties = ConnectionProperties::default()
        .with_connection_name(settings.connection_name.clone().into());
    let connection = Connection::connect(url, properties).await?;
    let publish = connection.create_channel().await?;
    publish
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    Ok((connection, publish))
}

/// Consumes the task queue, which is the engine's: whoever makes it anew is the one who sees that it was lost
/// with what was in it, and that should be the engine. Only when none is there to make it does the worker.
async fn subscribe(
    shared: &Shared,
    connection: &Connection,
) -> Result<(Channel, Consumer), lapin::Error> {
    let queue = shared.settings.queues.tasks(&shared.settings.pool);
    for look in 1.. {
        // A look at a queue that is missing ends its channel, so each has its own.
        let channel = connection.create_channel().await?;
        let prefetch = channel.basic_qos(shared.settings.prefetch, BasicQosOptions::default());
        prefetch.await?;
        let name = queue.clone().into();
        let found = if look <= LOOKS_MAX {
            let passive = QueueDeclareOptions {
                passive: true,
                ..QueueDeclareOptions::durable()
            };
            channel
                .queue_declare(name, passive, FieldTable::default())
                .await
        } else {
            let arguments = arguments(shared.settings.queue_type);
            channel
                .queue_declare(name, QueueDeclareOptions::durable(), arguments)
                .await
        };
        match found {
            Ok(_) => {
                let name = queue.into();
                // An empty tag: the broker names the consumer, so two workers never share one.
                let (tag, options) = ("".into(), BasicConsumeOptions::default());
                let arguments = FieldTable::default();
                let consumer = channel.basic_consume(name, tag, options, arguments).await?;
                return Ok((channel, consumer));
            }
            Err(error) if look <= LOOKS_MAX && is_missing(&error) => {
                tracing::debug!(queue, "waiting for the engine to make the queue");
                tokio::time::sleep(LOOK_PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
    unreachable!("the loop ends by its answers")
}

fn is_missing(error: &lapin::Error) -> bool {
    const NOT_FOUND: u16 = 404;
    match error.kind() {
        ErrorKind::ProtocolError(error) => error.get_id() == NOT_FOUND,
        // Not exhaustive over there; everything else is trouble of another kind.
        _ => false,
    }
}

/// What the engine declares; a difference would be a conflict for whoever comes second.
fn arguments(queue_type: QueueType) -> FieldTable {
    let mut arguments = FieldTable::default();
    let kind = match queue_type {
        QueueType::Classic => "classic",
        QueueType::Quorum => "quorum",
    };
    arguments.insert("x-queue-type".into(), AMQPValue::LongString(kind.into()));
    match queue_type {
        QueueType::Classic => {}
        QueueType::Quorum => {
            // Never dropped by the broker: starts are counted durably by the workers instead.
            let limit = AMQPValue::LongInt(QUORUM_DELIVERY_LIMIT);
            arguments.insert("x-delivery-limit".into(), limit);
        }
    }
    arguments
}

enum Never {}

async fn consuming(
    shared: &Shared,
    number: u64,
    connection: &Connection,
    deliveries: &mpsc::Sender<Delivery>,
) -> Result<Never, Ended> {
    // The number of unacknowledged deliveries is bounded by prefetch, and so is this queue.
    let (acks, acked) = mpsc::unbounded_channel();
    let flush = CancellationToken::new();
    let acknowledging = tokio::spawn(acknowledge(acked, flush.clone()));
    // Kept until the acknowledgements have left: lapin closes a channel with its last handle.
    let mut consuming = None;
    let ended = deliver(shared, number, connection, deliveries, acks, &mut consuming).await;
    // The acknowledgements given so far leave before the connection is closed.
    flush.cancel();
    if let Err(error) = acknowledging.await {
        tracing::error!(%error, "acknowledging ended badly");
    }
    ended
}

async fn deliver(
    shared: &Shared,
    number: u64,
    connection: &Connection,
    deliveries: &mpsc::Sender<Delivery>,
    acks: mpsc::UnboundedSender<Acker>,
    consuming: &mut Option<Channel>,
) -> Result<Never, Ended> {
    let subscribed = tokio::select! {
        biased;
        () = shared.close.cancelled() => return Err(Ended::Closed),
        () = found_broken(shared, number) => return Err(Ended::Broken),
        () = shared.stop.cancelled() => None,
        subscribed = subscribe(shared, connection) => Some(subscribed?),
    };
    if let Some((channel, mut consumer)) = subscribed {
        let channel = &*consuming.insert(channel);
        loop {
            let delivery = tokio::select! {
                biased;
                () = shared.close.cancelled() => return Err(Ended::Closed),
                () = shared.stop.cancelled() => break,
                () = found_broken(shared, number) => return Err(Ended::Broken),
                delivery = consumer.next() => delivery,
            };
            let Some(delivery) = delivery else {
                return Err(Ended::Cancelled);
            };
            let delivery = delivery?;
            let (acker, acks) = (delivery.acker.clone(), acks.clone());
            let handed = Delivery {
                redelivered: delivery.redelivered,
                body: delivery.data,
                // The receiver is gone only when the session is: then the delivery comes again.
                receipt: Receipt::new(move || drop(acks.send(delivery.acker))),
            };
            tokio::select! {
                biased;
                sent = deliveries.send(handed) => if sent.is_err() {
                    give_back(&acker).await;
                    break;
                },
                () = shared.close.cancelled() => return Err(Ended::Closed),
                () = shared.stop.cancelled() => {
                    give_back(&acker).await;
                    break;
                }
            }
        }
        return_unreceived(channel, consumer).await?;
    }
    // Stopped: the session only publishes and acknowledges for what still runs.
    tokio::select! {
        () = shared.close.cancelled() => Err(Ended::Closed),
        () = found_broken(shared, number) => Err(Ended::Broken),
    }
}

/// Resolves when a publisher found this session, or a later one, dead.
async fn found_broken(shared: &Shared, number: u64) {
    let mut broken = shared.broken.subscribe();
    // The sender lives as long as `shared`: this ends only by the number.
    drop(broken.wait_for(|found| *found >= number).await);
}

async fn acknowledge(mut acked: mpsc::UnboundedReceiver<Acker>, flush: CancellationToken) {
    loop {
        let acker = tokio::select! {
            biased;
            acker = acked.recv() => acker,
            // Receipts of unanswered messages are still held, so the channel does not end by itself.
            () = flush.cancelled() => return,
        };
        let Some(acker) = acker else { return };
        if let Err(error) = acker.ack(BasicAckOptions::default()).await {
            tracing::debug!(%error, "not acknowledged, so it will be delivered again");
        }
    }
}

async fn give_back(acker: &Acker) {
    let requeue = BasicNackOptions {
        requeue: true,
        ..BasicNackOptions::default()
    };
    if let Err(error) = acker.nack(requeue).await {
        tracing::debug!(%error, "not given back: the end of the channel does that");
    }
}

/// Cancels the consumer and gives back what the broker had already sent, so that other workers need not wait
/// until this one has drained.
async fn return_unreceived(channel: &Channel, mut consumer: Consumer) -> Result<(), lapin::Error> {
    channel
        .basic_cancel(consumer.tag(), BasicCancelOptions::default())
        .await?;
    while let Ok(Some(Ok(delivery))) = tokio::time::timeout(GIVE_BACK_WAIT, consumer.next()).await {
        give_back(&delivery.acker).await;
    }
    Ok(())
}
