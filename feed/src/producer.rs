//! The producer: events in, in order; how many Kafka surely has, out.
//!
//! Idempotent and confirmed by all replicas, so that what is sent again inside the client is neither doubled nor
//! reordered. Events do not grow old in the client: they wait for Kafka as long as it takes. One that Kafka refuses for
//! good must not be overtaken by a later one of its key, so a refusal ends this producer (`gapless`) and the next one
//! begins at the first event that is not confirmed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::event::Event;
use crate::topic;

/// After the stop, what is on its way may still be confirmed: it need not be told again then.
const GRACE: Duration = Duration::from_secs(5);

/// Between two tries when the client's queue is full and nothing is on its way that could be waited for.
const FULL_WAIT: Duration = Duration::from_millis(50);

/// Tells events to one topic.
pub(crate) struct Producer {
    brokers: String,
    topic: String,
    /// `ce_source`.
    origin: String,
    client: Option<FutureProducer>,
}

/// What became of some events.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The first so many are confirmed.
    pub(crate) confirmed: usize,
    /// Why not all are.
    pub(crate) problem: Option<Error>,
}

impl Producer {
    pub(crate) fn new(brokers: &str, topic: &str, origin: &str) -> Producer {
        Producer {
            brokers: brokers.to_owned(),
            topic: topic.to_owned(),
            origin: origin.to_owned(),
            client: None,
        }
    }

    /// Tells events in their order. It waits for Kafka until `stop`, and then a moment longer.
    pub(crate) async fn tell(&mut self, events: &[&Event], stop: &CancellationToken) -> Outcome {
        let confirmed = AtomicUsize::new(0);
        let told = tokio::select! {
            told = self.tell_counting(events, &confirmed) => told,
            () = given_up(stop) => Ok(()),
        };
        if told.is_err() {
            // Whatever it was: a fresh client knows the topic anew, and no refused event is behind it.
            self.client = None;
        }
        Outcome {
            confirmed: confirmed.into_inner(),
            problem: told.err(),
        }
    }

    /// Counts as it goes, because it may be left at any point.
    async fn tell_counting(
        &mut self,
        events: &[&Event],
        confirmed: &AtomicUsize,
    ) -> Result<(), Error> {
        let client = self.client().await?;
        let mut sent: VecDeque<(&Event, DeliveryFuture)> = VecDeque::with_capacity(events.len());
        let mut refused = Ok(());
        for event in events {
            refused = self.send(&client, event, &mut sent, confirmed).await;
            if refused.is_err() {
                break;
            }
        }
        // What was taken before a refusal may still be confirmed.
        while let Some((event, answer)) = sent.pop_front() {
            self.confirmed(event, answer).await?;
            confirmed.fetch_add(1, Ordering::Relaxed);
        }
        refused
    }

    /// Hands one event to the client. While its queue is full, the oldest that is on its way is waited for.
    async fn send<'e>(
        &self,
        client: &FutureProducer,
        event: &'e Event,
        sent: &mut VecDeque<(&'e Event, DeliveryFuture)>,
        confirmed: &AtomicUsize,
    ) -> Result<(), Error> {
        loop {
            let record = FutureRecord::to(&self.topic)
                .key(&event.key)
                .payload(&event.data)
                .timestamp(event.at.timestamp_millis())
                .headers(event.headers(&self.origin));
            match client.send_result(record) {
                Ok(answer) => {
                    sent.push_back((event, answer));
                    return Ok(());
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    match sent.pop_front() {
                        Some((oldest, answer)) => {
                            self.confirmed(oldest, answer).await?;
                            confirmed.fetch_add(1, Ordering::Relaxed);
                        }
                        None => tokio::time::sleep(FULL_WAIT).await,
                    }
                }
                Err((source, _)) => return Err(self.refused(event, source)),
            }
        }
    }

    async fn confirmed(&self, event: &Event, answer: DeliveryFuture) -> Result<(), Error> {
        match answer.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err((source, _))) => Err(self.refused(event, source)),
            Err(_) => Err(Error::Unanswered {
                id: event.id(),
                topic: self.topic.clone(),
            }),
        }
    }

    fn refused(&self, event: &Event, source: KafkaError) -> Error {
        Error::Tell {
            id: event.id(),
            topic: self.topic.clone(),
            source: Box::new(source),
        }
    }

    /// The client, made when there is none, on a topic that is there.
    async fn client(&mut self) -> Result<FutureProducer, Error> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        topic::ensure(&self.brokers, &self.topic).await?;
        let client: FutureProducer = topic::client(&self.brokers)
            .set("enable.idempotence", "true")
            .set("enable.gapless.guarantee", "true")
            .set("acks", "all")
            // For ever: Kafka may be away for hours, and the rows wait here or there.
            .set("message.timeout.ms", "0")
            // The partition that Java's clients choose for a key.
            .set("partitioner", "murmur2_random")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("queue.buffering.max.kbytes", "65536")
            .create()
            .map_err(|source| Error::Client {
                brokers: self.brokers.clone(),
                source: Box::new(source),
            })?;
        Ok(self.client.insert(client).clone())
    }
}

async fn given_up(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}
