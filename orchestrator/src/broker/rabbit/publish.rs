//! The publishing link: one connection, one confirm channel, one task that publishes for everybody.
//!
//! All calls go through this one task, because the client library numbers confirms when a publish begins and
//! sends it afterwards: two tasks on one channel could swap their confirms. Calls overlap all the same: each
//! is written out at once and answered when its own confirms are in.
//!
//! While the link is down, calls wait in the queue until their own time limit. Calls that were in flight
//! when it broke are answered "unconfirmed" at once. Not here: what a queue is (`topology`), repeating (the
//! outbox).

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{FutureExt, Stream};
use impresario_protocol::Queues;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection, Event};
use tokio::sync::mpsc;
use tokio::time::{sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::announce;
use super::connection::{Backoff, Connector, Error, request};
use super::intake::GOOD_AFTER;
pub(super) use super::ledger::Call;
use super::ledger::{Ledger, Verdict};
use super::options::IN_FLIGHT_MAX;
use super::state::State;

/// How often an idle link checks that its connection still lives (events tell sooner, when they come).
const LIVENESS_EVERY: Duration = Duration::from_millis(250);

/// One message, ready to be sent.
#[derive(Debug)]
pub(super) struct Message {
    /// Routing key: the queue.
    pub(super) queue: String,
    /// Where the results go, for workers that look at properties only.
    pub(super) reply_to: String,
    /// The body.
    pub(super) body: Vec<u8>,
}

/// A call of `publish` and its messages.
#[derive(Debug)]
pub(super) struct Job {
    /// Whom to answer, and how.
    pub(super) call: Call,
    /// As many as `call.list_of`.
    pub(super) messages: Vec<Message>,
}

/// Everything that the publishing link owns.
pub(super) struct Publisher {
    pub(super) connector: Connector,
    pub(super) instance: Arc<str>,
    pub(super) queues: Queues,
    pub(super) jobs: mpsc::Receiver<Job>,
    pub(super) outgoing: mpsc::Receiver<announce::Outgoing>,
    /// Pools whose queue turned out to be missing.
    pub(super) unroutable: mpsc::Sender<String>,
    pub(super) state: Arc<State>,
    pub(super) closing: CancellationToken,
}

/// What one published message came to: its number, and the confirm.
type Settled = (u64, Result<Confirmation, lapin::Error>);
type InFlight = FuturesUnordered<BoxFuture<'static, Settled>>;

/// Why a session ended.
enum End {
    Closing,
    Broken(String),
}

impl Publisher {
    /// Publishes until `closing`.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new();
        let closing = self.closing.clone();
        loop {
            let opened = tokio::select! {
                () = closing.cancelled() => return,
                opened = self.open() => opened,
            };
            let reason = match opened {
                Ok((connection, channel)) => {
                    tracing::info!("publishing to the broker");
                    let since = Instant::now();
                    let end = self.session(&connection, &channel).await;
                    if since.elapsed() > GOOD_AFTER {
                        backoff.reset();
                    }
                    self.state.set_publishing(false);
                    match end {
                        End::Closing => {
                            super::close(&connection).await;
                            return;
                        }
                        End::Broken(reason) => reason,
                    }
                }
                Err(error) => error.chain(),
            };
            let pause = backoff.pause();
            tracing::warn!(%reason, ?pause, "cannot publish to the broker; connecting again");
            tokio::select! {
                () = closing.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }

    async fn open(&mut self) -> Result<(Connection, Channel), Error> {
        let connection = self.connector.connect().await?;
        let channel = request(
            || "opening the publishing channel".into(),
            connection.create_channel(),
        )
        .await?;
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        request(|| "switching on publisher confirms".into(), confirms).await?;
        Ok((connection, channel))
    }

    async fn session(&mut self, connection: &Connection, channel: &Channel) -> End {
        let mut ledger = Ledger::default();
        let mut in_flight = InFlight::new();
        let mut events = Box::pin(connection.events_listener());
        self.state.set_publishing(true);
        let end = {
            let hinting = announce::send_for_ever(
                connection,
                &mut self.outgoing,
                &self.instance,
                &self.queues,
            );
            let window = Window {
                instance: &self.instance,
                jobs: &mut self.jobs,
                state: &self.state,
                closing: &self.closing,
                unroutable: &self.unroutable,
            };
            tokio::select! {
                end = window.run(channel, &mut ledger, &mut in_flight, &mut events) => end,
                never = hinting => match never {},
            }
        };
        let reason = match &end {
            End::Closing => "the broker part is closing",
            End::Broken(reason) => reason.as_str(),
        };
        for pool in ledger.abandon(reason) {
            drop(self.unroutable.try_send(pool));
        }
        end
    }
}

/// The confirm window of one channel.
struct Window<'p> {
    instance: &'p str,
    jobs: &'p mut mpsc::Receiver<Job>,
    state: &'p State,
    closing: &'p CancellationToken,
    unroutable: &'p mpsc::Sender<String>,
}

impl Window<'_> {
    async fn run(
        self,
        channel: &Channel,
        ledger: &mut Ledger,
        in_flight: &mut InFlight,
        events: &mut (impl Stream<Item = Event> + Unpin),
    ) -> End {
        loop {
            let closing = self.closing.is_cancelled();
            if closing && ledger.is_idle() && self.jobs.is_empty() {
                return End::Closing;
            }
            let accepts = ledger.accepts(IN_FLIGHT_MAX) || self.state.blocked().is_some();
            let deadline = ledger.deadline().map(tokio::time::Instant::from_std);
            tokio::select! {
                // Confirms first: they free the room that new calls need.
                biased;
                Some(settled) = in_flight.next(), if !in_flight.is_empty() => {
                    self.settle(ledger, settled);
                    // All that is here before anything is answered, see `ledger`.
                    while let Some(Some(settled)) = in_flight.next().now_or_never() {
                        self.settle(ledger, settled);
                    }
                    self.report(ledger.answer());
                    if !channel.status().connected() {
                        return End::Broken("the publishing channel was closed".into());
                    }
                }
                event = events.next() => match event {
                    Some(Event::ConnectionBlocked(reason)) => {
                        tracing::warn!(%reason, "the broker has stopped taking messages");
                        self.state.set_blocked(Some(reason));
                    }
                    Some(Event::ConnectionUnblocked) => {
                        tracing::info!("the broker takes messages again");
                        self.state.set_blocked(None);
                    }
                    Some(Event::Error(error)) => return End::Broken(error.to_string()),
                    // Connected, flow control, and kinds that this version does not know: nothing to do.
                    Some(_) => {}
                    None => return End::Broken("the connection's events ended".into()),
                },
                job = self.jobs.recv(), if accepts => match job {
                    Some(job) => match self.state.blocked() {
                        // What is written now would leave at the end of the alarm, long after the caller
                        // has given up on it.
                        Some(reason) => job.call.refuse(&blocked_because(&reason)),
                        None => {
                            self.start(channel, ledger, in_flight, job);
                            self.report(ledger.answer());
                        }
                    },
                    // Every handle is gone, and nothing is in flight that anybody waits for.
                    None => return End::Closing,
                },
                () = sleep_until(deadline.unwrap_or_else(tokio::time::Instant::now)), if deadline.is_some() => {
                    let blocked = self.state.blocked();
                    let reason = match &blocked {
                        Some(reason) => blocked_because(reason),
                        None => "no confirm in time".to_owned(),
                    };
                    if let Some(unroutable) = ledger.expire(Instant::now(), &reason) {
                        self.report(unroutable);
                        // A broker that blocks us will confirm later; a new connection would be blocked too.
                        if blocked.is_none() {
                            return End::Broken(reason);
                        }
                    }
                }
                () = sleep(LIVENESS_EVERY) => {
                    if !channel.status().connected() {
                        return End::Broken("the publishing channel was closed".into());
                    }
                }
                () = self.closing.cancelled(), if !closing => {}
            }
        }
    }

    fn start(&self, channel: &Channel, ledger: &mut Ledger, in_flight: &InFlight, job: Job) {
        // The caller gave up while we were connecting: it has told the outbox so.
        if job.call.reply.is_closed() {
            return;
        }
        let first = ledger.open(job.call);
        for (number, message) in (first..).zip(job.messages) {
            let (channel, properties) = (channel.clone(), self.properties(number, &message));
            let publishing = async move {
                let options = BasicPublishOptions {
                    // Without it a message for a queue that is gone is confirmed, and lost.
                    mandatory: true,
                    // Not implemented by RabbitMQ; it would close the connection.
                    immediate: false,
                };
                let queue = message.queue.as_str().into();
                let sent =
                    channel.basic_publish("".into(), queue, options, &message.body, properties);
                let settled = match sent.await {
                    Ok(confirm) => confirm.await,
                    Err(error) => Err(error),
                };
                (number, settled)
            };
            // First polled in this order, by this task: that is what keeps confirms and messages together.
            in_flight.push(publishing.boxed());
        }
    }

    fn properties(&self, number: u64, message: &Message) -> BasicProperties {
        BasicProperties::default()
            .with_content_type("application/json".into())
            .with_type("impresario.task.v1".into())
            // Persistent: with a durable queue it survives a broker restart.
            .with_delivery_mode(2)
            .with_message_id(format!("{}-{number}", self.instance).into())
            .with_reply_to(message.reply_to.as_str().into())
    }

    fn settle(&self, ledger: &mut Ledger, (number, outcome): Settled) {
        let (verdict, returned) = match outcome {
            Ok(Confirmation::Ack(returned)) => (Verdict::Stored, returned),
            Ok(Confirmation::Nack(returned)) => (Verdict::Refused, returned),
            // Confirms are on; without one nothing is known.
            Ok(Confirmation::NotRequested) | Err(_) => (Verdict::Unconfirmed, None),
        };
        if let Some(message) = returned {
            let id = message
                .delivery
                .properties
                .message_id()
                .as_ref()
                .map(ToString::to_string);
            match id
                .as_deref()
                .and_then(|id| id.rsplit_once('-'))
                .map(|(_, number)| number.parse())
            {
                Some(Ok(returned)) => ledger.returned(returned),
                Some(Err(_)) | None => {
                    tracing::error!(?id, "the broker returned a message that is not ours")
                }
            }
        }
        ledger.settled(number, verdict);
    }

    fn report(&self, unroutable: impl IntoIterator<Item = String>) {
        for pool in unroutable {
            // Full means that many are reported already; the next look at the depths finds the rest.
            drop(self.unroutable.try_send(pool));
        }
    }
}

fn blocked_because(reason: &str) -> String {
    format!("the broker has stopped taking messages: {reason}")
}
