//! One AMQP session after the other: connect, declare, consume, hand over, rebuild.
//!
//! A session is one connection, and nothing of it survives it: acknowledgements go to the acker that the
//! delivery brought along, which is dead when its connection is. lapin's own recovery stays off, because it
//! replays half of this and leaves channel errors to us anyway.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use impresario_protocol::task_queue;
use lapin::Acker;
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties, Consumer};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{QueueType, Shared};
use crate::{Delivery, Receipt};

const CONNECT_WAIT: Duration = Duration::from_secs(10);
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// How long deliveries already on their way are given back after the consumer was cancelled.
const GIVE_BACK_WAIT: Duration = Duration::from_millis(500);

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
            Ended::Cancelled | Ended::Broken | Ended::ConnectTimeout | Ended::Amqp(_) => {
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
        opened = tokio::time::timeout(CONNECT_WAIT, open(shared)) => opened,
    };
    let (connection, publish, consume) = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return Ended::Amqp(error),
        Err(_) => return Ended::ConnectTimeout,
    };
    *lived = true;
    tracing::info!(pool = shared.settings.pool, "AMQP session opened");
    shared.publisher.send_replace(Some((number, publish)));
    let ended = match consuming(shared, number, &consume, deliveries).await {
        Ok(never) => match never {},
        Err(ended) => ended,
    };
    // A courtesy: the broker requeues what is unacknowledged whether or not it gets this.
    let goodbye = connection.close(200, "bye".into());
    drop(tokio::time::timeout(Duration::from_secs(2), goodbye).await);
    ended
}

async fn open(shared: &Shared) -> Result<(Connection, Channel, Channel), lapin::Error> {
    let settings = &shared.settings;
    let properties = ConnectionProperties::default()
        .with_connection_name(settings.connection_name.clone().into());
    let connection = Connection::connect(&settings.url, properties).await?;
    let publish = connection.create_channel().await?;
    publish
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    let consume = connection.create_channel().await?;
    consume
        .basic_qos(settings.prefetch, BasicQosOptions::default())
        .await?;
    Ok((connection, publish, consume))
}

/// Declares the task queue exactly as the engine does (other arguments would be a channel error) and consumes.
async fn subscribe(shared: &Shared, channel: &Channel) -> Result<Consumer, lapin::Error> {
    let queue = task_queue(&shared.settings.pool);
    let mut arguments = FieldTable::default();
    match shared.settings.queue_type {
        QueueType::Classic => {}
        QueueType::Quorum => {
            arguments.insert(
                "x-queue-type".into(),
                AMQPValue::LongString("quorum".into()),
            );
        }
    }
    channel
        .queue_declare(
            queue.clone().into(),
            QueueDeclareOptions::durable(),
            arguments,
        )
        .await?;
    channel
        .basic_consume(
            queue.into(),
            // Empty: the broker names the consumer, so two workers never share a tag.
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await
}

enum Never {}

async fn consuming(
    shared: &Shared,
    number: u64,
    channel: &Channel,
    deliveries: &mpsc::Sender<Delivery>,
) -> Result<Never, Ended> {
    // The number of unacknowledged deliveries is bounded by prefetch, and so is this queue.
    let (acks, acked) = mpsc::unbounded_channel();
    let flush = CancellationToken::new();
    let acknowledging = tokio::spawn(acknowledge(acked, flush.clone()));
    let ended = deliver(shared, number, channel, deliveries, acks).await;
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
    channel: &Channel,
    deliveries: &mpsc::Sender<Delivery>,
    acks: mpsc::UnboundedSender<Acker>,
) -> Result<Never, Ended> {
    if !shared.stop.is_cancelled() {
        let mut consumer = subscribe(shared, channel).await?;
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
