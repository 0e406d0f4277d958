//! How many messages a second the broker takes and gives, one by one, when each is durable and confirmed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::sync::Semaphore;

use crate::Outcome;

const QUEUE: &str = "bench.limit";

/// As large as a task of a small saga.
const BODY: [u8; 300] = [b'x'; 300];

/// Messages in the queue at most: the consumer is to keep up, as workers do.
const IN_QUEUE: usize = 4000;

/// Confirms that may be awaited.
const UNCONFIRMED: usize = 512;

/// Acknowledged at once.
const ACKNOWLEDGED: u64 = 64;

/// AMQP's mark for a message that survives a restart.
const PERSISTENT: u8 = 2;

/// Messages that were published, confirmed, consumed and acknowledged, a second.
pub(super) async fn through(url: &str, time: Duration) -> Outcome<f64> {
    measure(url, time)
        .await
        .map_err(|e| format!("could not measure messages: {e}"))
}

async fn measure(url: &str, time: Duration) -> Result<f64, lapin::Error> {
    let publishing = Connection::connect(url, ConnectionProperties::default()).await?;
    let consuming = Connection::connect(url, ConnectionProperties::default()).await?;
    let publisher = publishing.create_channel().await?;
    let consumer = consuming.create_channel().await?;
    let durable = QueueDeclareOptions {
        durable: true,
        ..QueueDeclareOptions::default()
    };
    consumer
        .queue_declare(QUEUE.into(), durable, FieldTable::default())
        .await?;
    let room = Arc::new(Semaphore::new(IN_QUEUE));
    let began = Instant::now();
    let taken = tokio::spawn(consume(consumer, room.clone(), began + time));
    let given = publish(&publisher, &room, began + time).await?;
    let taken = taken
        .await
        .map_err(|e| lapin::Error::from(std::io::Error::other(e)))??;
    let seconds = began.elapsed().as_secs_f64();
    publisher
        .queue_delete(QUEUE.into(), QueueDeleteOptions::default())
        .await?;
    Ok(given.min(taken) as f64 / seconds)
}

async fn publish(channel: &Channel, room: &Semaphore, until: Instant) -> Result<u64, lapin::Error> {
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    let persistent = BasicProperties::default().with_delivery_mode(PERSISTENT);
    let mut open = VecDeque::new();
    let mut confirmed = 0;
    while Instant::now() < until {
        // The consumer ends a little after us; without a bound we would wait for room that nobody makes.
        let Ok(Ok(place)) = tokio::time::timeout_at(until.into(), room.acquire()).await else {
            break;
        };
        place.forget();
        let options = BasicPublishOptions::default();
        let sent =
            channel.basic_publish("".into(), QUEUE.into(), options, &BODY, persistent.clone());
        open.push_back(sent.await?);
        if open.len() >= UNCONFIRMED
            && let Some(oldest) = open.pop_front()
        {
            oldest.await?;
            confirmed += 1;
        }
    }
    for sent in open {
        sent.await?;
        confirmed += 1;
    }
    Ok(confirmed)
}

async fn consume(
    channel: Channel,
    room: Arc<Semaphore>,
    until: Instant,
) -> Result<u64, lapin::Error> {
    channel
        .basic_qos(UNCONFIRMED as u16, BasicQosOptions::default())
        .await?;
    let options = BasicConsumeOptions::default();
    let mut deliveries = channel
        .basic_consume(QUEUE.into(), "".into(), options, FieldTable::default())
        .await?;
    let mut taken = 0;
    while let Ok(Some(delivery)) = tokio::time::timeout_at(until.into(), deliveries.next()).await {
        let delivery = delivery?;
        taken += 1;
        if taken % ACKNOWLEDGED == 0 {
            delivery.ack(BasicAckOptions { multiple: true }).await?;
            room.add_permits(ACKNOWLEDGED as usize);
        }
    }
    Ok(taken)
}
