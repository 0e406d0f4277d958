//! The transport over AMQP 0-9-1 (RabbitMQ).
//!
//! A supervisor keeps one session alive: a connection with one channel to consume and one to publish. When
//! anything of it breaks, all of it is thrown away and built from scratch after a backoff. So a delivery tag
//! can never be acknowledged on a channel that did not deliver it: its acker dies with its connection, and the
//! broker delivers again.
//!
//! Subtle: prefetch counts messages, each with up to 128 tasks, hence `max(8, slots / 8)`.

mod session;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use impresario_protocol::Queues;
use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Channel, Confirmation};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Delivery, PublishError, Transport};

/// How long a publish waits for a session before it says that it could not.
const SESSION_WAIT: Duration = Duration::from_secs(5);
/// How long a confirm may take; then the message may or may not be there and is published again.
const CONFIRM_WAIT: Duration = Duration::from_secs(10);
/// AMQP delivery mode of a message that survives a broker restart in a durable queue.
const PERSISTENT: u8 = 2;

/// Kind of the task queue; must be what the engine declares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueType {
    /// Durable classic queue, declared without arguments: the default on one broker.
    #[default]
    Classic,
    /// Replicated queue: the default on a cluster.
    Quorum,
}

/// Where to connect and what to consume.
#[derive(Clone, Debug)]
pub struct AmqpSettings {
    /// `amqp://user:password@host:port/vhost`; the nodes of a cluster separated by commas.
    pub url: String,
    /// Names of the queues; must be the engine's.
    pub queues: Queues,
    /// The pool whose task queue is consumed.
    pub pool: String,
    /// Kind of that queue.
    pub queue_type: QueueType,
    /// Unacknowledged messages at most.
    pub prefetch: u16,
    /// Shown in the broker's console.
    pub connection_name: String,
}

impl AmqpSettings {
    /// Settings for a worker with that many slots.
    pub fn new(url: impl Into<String>, pool: impl Into<String>, slots: usize) -> Self {
        let pool = pool.into();
        AmqpSettings {
            url: url.into(),
            queues: Queues::default(),
            connection_name: format!("worker {pool}"),
            pool,
            queue_type: QueueType::default(),
            prefetch: u16::try_from((slots / 8).max(8)).unwrap_or(u16::MAX),
        }
    }
}

/// State shared between the transport's handle and its supervisor.
struct Shared {
    settings: AmqpSettings,
    /// Where among the broker's addresses the first session begins.
    first_address: u64,
    /// The publishing channel of the live session and its number, `None` while there is no session.
    publisher: watch::Sender<Option<(u64, Channel)>>,
    /// Take no more deliveries.
    stop: CancellationToken,
    /// Let go of everything.
    close: CancellationToken,
    /// Number of the youngest session that a publisher found dead, so that it is rebuilt at once. A number,
    /// because late news about an old session must not end the new one.
    broken: watch::Sender<u64>,
}

/// A pool's connection to RabbitMQ.
pub struct AmqpTransport {
    shared: Arc<Shared>,
    deliveries: Mutex<mpsc::Receiver<Delivery>>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

impl AmqpTransport {
    /// Starts the supervisor and returns at once; connecting goes on in the background.
    pub fn open(settings: AmqpSettings) -> Self {
        let shared = Arc::new(Shared {
            settings,
            first_address: anywhere(),
            publisher: watch::Sender::new(None),
            stop: CancellationToken::new(),
            close: CancellationToken::new(),
            broken: watch::Sender::new(0),
        });
        // A handover, not a buffer: what is not received yet stays with the consumer and can go back.
        let (sender, deliveries) = mpsc::channel(1);
        let supervisor = tokio::spawn(session::supervise(shared.clone(), sender));
        AmqpTransport {
            shared,
            deliveries: Mutex::new(deliveries),
            supervisor: Mutex::new(Some(supervisor)),
        }
    }

    fn broken(&self, session: u64) {
        self.shared
            .broken
            .send_modify(|youngest| *youngest = session.max(*youngest));
    }

    async fn publisher(&self) -> Option<(u64, Channel)> {
        let mut sessions = self.shared.publisher.subscribe();
        let found = tokio::time::timeout(SESSION_WAIT, sessions.wait_for(Option::is_some)).await;
        match found {
            Ok(Ok(session)) => session.clone(),
            Ok(Err(_)) | Err(_) => None,
        }
    }
}

/// A number by chance: the seed of a hash map is the randomness that is at hand.
fn anywhere() -> u64 {
    RandomState::new().hash_one(())
}

impl Drop for AmqpTransport {
    fn drop(&mut self) {
        self.shared.close.cancel();
    }
}

#[async_trait]
impl Transport for AmqpTransport {
    async fn receive(&self) -> Option<Delivery> {
        let mut deliveries = self.deliveries.lock().await;
        tokio::select! {
            biased;
            () = self.shared.stop.cancelled() => None,
            delivery = deliveries.recv() => delivery,
        }
    }

    async fn publish(&self, partition: u16, body: &[u8]) -> Result<(), PublishError> {
        let unconfirmed = |reason: String| PublishError::Unconfirmed { partition, reason };
        let Some((session, channel)) = self.publisher().await else {
            return Err(unconfirmed("no connection".into()));
        };
        let published = tokio::time::timeout(CONFIRM_WAIT, async {
            channel
                .basic_publish(
                    "".into(),
                    self.shared.settings.queues.results(partition).into(),
                    // Mandatory: an unroutable message is confirmed too, only returned before.
                    BasicPublishOptions {
                        mandatory: true,
                        ..BasicPublishOptions::default()
                    },
                    body,
                    BasicProperties::default()
                        .with_content_type("application/json".into())
                        .with_type("impresario.results.v1".into())
                        .with_delivery_mode(PERSISTENT),
                )
                .await?
                .await
        })
        .await;
        match published {
            Ok(Ok(Confirmation::Ack(None))) => Ok(()),
            Ok(Ok(Confirmation::Ack(Some(_)))) => Err(PublishError::Unroutable { partition }),
            Ok(Ok(Confirmation::Nack(_))) => Err(PublishError::Refused { partition }),
            Ok(Ok(Confirmation::NotRequested)) => {
                self.broken(session);
                Err(unconfirmed("the channel gives no confirms".into()))
            }
            Ok(Err(error)) => {
                self.broken(session);
                Err(unconfirmed(error.to_string()))
            }
            Err(_) => {
                self.broken(session);
                Err(unconfirmed("no confirm in time".into()))
            }
        }
    }

    async fn stop(&self) {
        self.shared.stop.cancel();
        // What was handed over but not received: dropped here, it comes again when the channel ends.
        let mut deliveries = self.deliveries.lock().await;
        deliveries.close();
    }

    async fn close(&self) {
        self.shared.stop.cancel();
        self.shared.close.cancel();
        if let Some(supervisor) = self.supervisor.lock().await.take()
            && let Err(error) = supervisor.await
        {
            tracing::error!(%error, "the AMQP supervisor did not end by itself");
        }
    }

    fn connected(&self) -> bool {
        self.shared
            .publisher
            .borrow()
            .as_ref()
            .is_some_and(|(_, channel)| channel.status().connected())
    }
}
