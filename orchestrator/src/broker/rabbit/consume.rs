//! Reads results: one channel, one consumer per partition, manual acknowledgement.
//!
//! One channel for all partitions, because a commit of the lane covers inputs of all of them: its
//! acknowledgements then fold into one frame, and a delivery of a partition that was given away stays valid,
//! since its channel stays. The price is that a channel error interrupts all partitions for one rebuild.
//!
//! `Reading` means that the consumer is *registered*. The queue has a single active consumer, and RabbitMQ
//! does not say which one that is: while another instance still holds on, nothing arrives. The lane takes it
//! as "may be reading from now on".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::stream::{BoxStream, SelectAll, StreamExt};
use impresario_protocol::Queues;
use lapin::message::Delivery;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::acks;
use super::connection::{Error, request};
use super::decode::{Body, decode};
use super::options::QueueKind;
use super::state::State;
use super::topology::{Declarer, Presence, Role, TopologyError};
use crate::broker::{Arrival, Receipt};

/// How often partitions that could not be read are looked at again, and an idle channel is checked.
const REVIEW_EVERY: Duration = Duration::from_millis(250);

/// What the reader of results owns over all its channels.
pub(super) struct Reader {
    pub(super) instance: Arc<str>,
    pub(super) queues: Queues,
    pub(super) wanted: watch::Receiver<BTreeSet<u16>>,
    pub(super) arrivals: mpsc::Sender<Arrival>,
    /// Told when a results queue had to be created although it was read before.
    pub(super) lost: mpsc::Sender<()>,
    pub(super) prefetch: u16,
    pub(super) kind: QueueKind,
    pub(super) conflict_retry: Duration,
    pub(super) state: Arc<State>,
    pub(super) stop_reading: CancellationToken,
    pub(super) closing: CancellationToken,
}

/// What a partition's stream says.
enum Heard {
    Delivery {
        tag: u64,
        body: Vec<u8>,
    },
    Failed(lapin::Error),
    /// The consumer is gone: cancelled by us, or by the broker because the queue was deleted.
    Ended,
}

/// One channel generation.
struct Session<'r> {
    reader: &'r Reader,
    declarer: Declarer<'r>,
    channel: Channel,
    generation: u64,
    acks: mpsc::UnboundedSender<(u64, u64)>,
    /// Partitions with a consumer, by its tag.
    consumers: BTreeMap<u16, String>,
    streams: SelectAll<BoxStream<'static, (u16, Heard)>>,
    not_before: BTreeMap<u16, Instant>,
    consumers_made: u64,
}

/// The engine is gone or the broker part closes: there is nobody to read for.
struct Over;

impl Reader {
    /// Reads on one channel until it breaks, the connection is `given_up`, or `closing`. Every `Reading` is
    /// followed by an `Interrupted`, except when closing: nobody listens then.
    pub(super) async fn session(
        &mut self,
        connection: &Connection,
        given_up: &CancellationToken,
    ) -> Result<(), Error> {
        let channel = request(
            || "opening the results channel".into(),
            connection.create_channel(),
        )
        .await?;
        // Per consumer, not for the channel together: a partition whose results are slow to commit must not
        // use up the others' share.
        let qos = channel.basic_qos(self.prefetch, BasicQosOptions { global: false });
        request(|| "limiting unacknowledged results".into(), qos).await?;
        let generation = self.state.next_generation();
        let (acks, acknowledged) = mpsc::unbounded_channel();
        let acker = tokio::spawn(acks::run(
            channel.clone(),
            generation,
            acknowledged,
            self.closing.clone(),
        ));
        let mut wanted = self.wanted.clone();
        let mut session = Session {
            reader: self,
            declarer: Declarer::new(connection, self.kind),
            channel,
            generation,
            acks,
            consumers: BTreeMap::new(),
            streams: SelectAll::new(),
            not_before: BTreeMap::new(),
            consumers_made: 0,
        };
        let ended = tokio::select! {
            ended = session.run(&mut wanted) => ended,
            () = given_up.cancelled() => Ok(()),
        };
        let reading: Vec<u16> = session.consumers.keys().copied().collect();
        drop(session);
        for partition in reading {
            if self.tell(Arrival::Interrupted { partition }).await.is_err() {
                break;
            }
        }
        // When closing, the acker flushes before the connection goes; otherwise its channel is gone already.
        if self.closing.is_cancelled() {
            drop(acker.await);
        } else {
            acker.abort();
        }
        ended
    }

    /// Hands an arrival to the engine; a full channel holds us back, and prefetch then holds the broker back.
    async fn tell(&self, arrival: Arrival) -> Result<(), Over> {
        tokio::select! {
            sent = self.arrivals.send(arrival) => sent.map_err(|_gone| Over),
            () = self.closing.cancelled() => Err(Over),
        }
    }
}

impl Session<'_> {
    async fn run(&mut self, wanted: &mut watch::Receiver<BTreeSet<u16>>) -> Result<(), Error> {
        wanted.mark_changed();
        loop {
            let stopping = self.reader.stop_reading.is_cancelled();
            tokio::select! {
                () = self.reader.closing.cancelled() => return Ok(()),
                changed = wanted.changed() => match changed {
                    Ok(()) => self.reconcile(wanted).await?,
                    // Every handle is gone.
                    Err(_) => return Ok(()),
                },
                () = self.reader.stop_reading.cancelled(), if !stopping => self.reconcile(wanted).await?,
                Some((partition, heard)) = self.streams.next(), if !self.streams.is_empty() => {
                    match self.hear(partition, heard).await? {
                        Ok(()) => {}
                        Err(Over) => return Ok(()),
                    }
                }
                () = sleep(REVIEW_EVERY) => {
                    if !self.channel.status().connected() {
                        let source = lapin::ErrorKind::InvalidChannel(self.channel.id()).into();
                        return Err(Error::Amqp { doing: "reading results".into(), source });
                    }
                    self.reconcile(wanted).await?;
                }
            }
        }
    }

    /// Adds and cancels consumers until they are those of the wanted partitions.
    async fn reconcile(
        &mut self,
        wanted: &mut watch::Receiver<BTreeSet<u16>>,
    ) -> Result<(), Error> {
        let wanted = if self.reader.stop_reading.is_cancelled() {
            BTreeSet::new()
        } else {
            wanted.borrow_and_update().clone()
        };
        let surplus: Vec<_> = self
            .consumers
            .iter()
            .filter(|(partition, _)| !wanted.contains(partition))
            .collect();
        for (partition, tag) in surplus {
            // What was delivered before the broker's answer is still in the stream, and the stream's end is
            // what tells `Interrupted`, after it.
            let cancelling = self
                .channel
                .basic_cancel(tag.as_str().into(), BasicCancelOptions { nowait: false });
            request(
                || format!("cancelling the consumer of partition {partition}"),
                cancelling,
            )
            .await?;
        }
        for partition in wanted {
            let waiting = self
                .not_before
                .get(&partition)
                .is_some_and(|at| *at > Instant::now());
            if !self.consumers.contains_key(&partition) && !waiting {
                self.add(partition).await?;
            }
        }
        Ok(())
    }

    async fn add(&mut self, partition: u16) -> Result<(), Error> {
        let queue = self.reader.queues.results(partition);
        match self.declarer.ensure(&queue, Role::Results).await {
            Ok(presence) => {
                let before = self.reader.state.serve(&queue);
                match presence {
                    // Results that nobody read went with it, and no other instance reads this partition: the
                    // only trace of a broker that lost its data may be this one.
                    Presence::Created if before => drop(self.reader.lost.try_send(())),
                    Presence::Created | Presence::Found => {}
                }
            }
            Err(error @ TopologyError::Conflict { .. }) => {
                if self.reader.state.conflict(&queue) {
                    tracing::error!(%error, partition, "results cannot be read");
                }
                self.not_before
                    .insert(partition, Instant::now() + self.reader.conflict_retry);
                return Ok(());
            }
            Err(TopologyError::Broker(error)) => return Err(error),
        }
        self.consumers_made += 1;
        let tag = format!(
            "results.{partition}.{}.{}",
            self.generation, self.consumers_made
        );
        let options = BasicConsumeOptions {
            // Not implemented by RabbitMQ.
            no_local: false,
            // A result is acknowledged when it rests on a commit, not before.
            no_ack: false,
            // The single active consumer fences, and unlike `exclusive` it lets the next one wait in line.
            exclusive: false,
            // We wait: `Reading` must not be told before the broker agreed.
            nowait: false,
        };
        let consuming = self.channel.basic_consume(
            queue.as_str().into(),
            tag.as_str().into(),
            options,
            FieldTable::default(),
        );
        let consumer = request(|| format!("consuming `{queue}`"), consuming).await?;
        let heard = consumer.map(|item| match item {
            Ok(Delivery {
                delivery_tag: tag,
                data: body,
                ..
            }) => Heard::Delivery { tag, body },
            Err(error) => Heard::Failed(error),
        });
        let ended = futures::stream::once(std::future::ready(Heard::Ended));
        self.streams.push(
            heard
                .chain(ended)
                .map(move |heard| (partition, heard))
                .boxed(),
        );
        self.consumers.insert(partition, tag);
        // Nobody to tell means that the engine is gone; the next delivery finds out, too.
        drop(self.reader.tell(Arrival::Reading { partition }).await);
        Ok(())
    }

    async fn hear(&mut self, partition: u16, heard: Heard) -> Result<Result<(), Over>, Error> {
        match heard {
            Heard::Delivery { tag, body } => {
                if self.reader.stop_reading.is_cancelled() {
                    // Unacknowledged, it goes to the next reader when this channel closes.
                    return Ok(Ok(()));
                }
                let receipt = Receipt::new(self.generation, tag, self.acks.clone());
                let arrival = match decode(&self.reader.queues.results(partition), &body) {
                    Body::Results(results) => Arrival::Results {
                        partition,
                        results,
                        receipt,
                    },
                    Body::Probe(probe) => {
                        // It rests on nothing. When it reaches us twice the later news is the same.
                        receipt.acknowledge();
                        if probe.by != *self.reader.instance {
                            return Ok(Ok(()));
                        }
                        Arrival::Probe {
                            partition,
                            sent_at: probe.sent_at,
                        }
                    }
                };
                Ok(self.reader.tell(arrival).await)
            }
            Heard::Failed(source) => Err(Error::Amqp {
                doing: format!("reading partition {partition}"),
                source,
            }),
            Heard::Ended => {
                self.consumers.remove(&partition);
                if !self.reader.wanted.borrow().contains(&partition) {
                    let queue = self.reader.queues.results(partition);
                    self.reader.state.release(&queue);
                }
                // If it is still wanted, the next review registers a new consumer.
                Ok(self.reader.tell(Arrival::Interrupted { partition }).await)
            }
        }
    }
}
