//! The queues and the exchange, each flag with its why, and how they are declared.
//!
//! Tasks and results go through the default exchange: the routing key is the queue's name, so there are no
//! bindings that somebody could remove. A queue is looked for before it is declared, because whether it had
//! to be created tells whether the broker lost what was in it.
//!
//! Not here: who needs which queue (`pools`, `consume`), what a loss means (the lane).

use std::collections::BTreeSet;

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ExchangeKind, Queue};

use super::connection::{Error, request};
use super::options::QueueKind;

/// Fan-out of what was committed, to wake waiting clients on other instances.
pub(super) const COMMITTED: &str = "committed";

/// Fan-out of the pools whose queue was lost: the instance that makes the queue again is the only one that
/// sees that it was gone, and the others' tasks were in it too.
pub(super) const LOST: &str = "lost";

/// Redeliveries after which a quorum queue would drop a message: never, in effect. Workers count durably how
/// often they started a task, and the engine repeats what was lost; RabbitMQ 4 would drop after 20, silently
/// where no dead-letter exchange is set. (-1 says it better, and 3.x refuses it.)
const DELIVERY_LIMIT: i32 = 1_000_000;

const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;

/// What a queue holds, and so how it is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Tasks for a pool.
    Tasks,
    /// Results for a partition.
    Results,
}

/// Whether a queue was there when we looked.
#[derive(Clone, Debug)]
pub(super) enum Presence {
    /// It was there.
    Found,
    /// It had to be created: whatever was in it, if anything, is lost.
    Created,
}

/// Why a queue could not be made sure of.
#[derive(Debug, thiserror::Error)]
pub(super) enum TopologyError {
    /// It exists with other arguments; only a human can decide what becomes of it.
    #[error(
        "queue `{queue}` exists with other arguments than {wanted}: {difference}; \
         drain and delete it, or configure the queue kind that it has"
    )]
    Conflict {
        /// The queue.
        queue: String,
        /// The arguments that we declare.
        wanted: String,
        /// The broker's sentence: it names the argument and both values.
        difference: String,
    },
    /// Anything else; trying again may help.
    #[error("{}", .0.chain())]
    Broker(Error),
}

fn arguments(role: Role, kind: QueueKind) -> FieldTable {
    let mut arguments = FieldTable::default();
    // Said even where it is the default: what the default is depends on the virtual host, and a difference
    // would be a conflict.
    let kind_name = match kind {
        QueueKind::Classic => "classic",
        QueueKind::Quorum => "quorum",
    };
    arguments.insert(
        "x-queue-type".into(),
        AMQPValue::LongString(kind_name.into()),
    );
    match kind {
        QueueKind::Classic => {}
        QueueKind::Quorum => {
            arguments.insert(
                "x-delivery-limit".into(),
                AMQPValue::LongInt(DELIVERY_LIMIT),
            );
        }
    }
    match role {
        Role::Tasks => {}
        // Only one subscriber gets deliveries, the next one takes over when it goes. This fences the moment in
        // which a partition changes hands; who *should* read it is decided by the lease.
        Role::Results => {
            arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
        }
    }
    // No length limit: what may wait is bounded by credit before it is published, and the default overflow
    // behaviour (dropping the oldest) would lose tasks silently.
    arguments
}

const QUEUE: QueueDeclareOptions = QueueDeclareOptions {
    // A declaration that creates; the look before it sets this.
    passive: false,
    // Survives a broker restart, with the persistent messages in it.
    durable: true,
    // Several instances and the workers use it, over many connections.
    exclusive: false,
    // A pool without workers for a moment must not lose its tasks.
    auto_delete: false,
    // We need the answer: it says whether the queue is as we want it.
    nowait: false,
};

/// A look that creates nothing. Also the source of the depths.
pub(super) async fn look(channel: &Channel, queue: &str) -> Result<Queue, Error> {
    let passive = QueueDeclareOptions {
        passive: true,
        ..QUEUE
    };
    let answer = channel.queue_declare(queue.into(), passive, FieldTable::default());
    request(|| format!("looking at queue `{queue}`"), answer).await
}

/// Whether the broker says that there is no such queue.
pub(super) fn is_missing(error: &Error) -> bool {
    error.reply_code() == Some(NOT_FOUND)
}

/// Declares queues on a channel of its own, because the broker closes the channel on every "no".
pub(super) struct Declarer<'c> {
    connection: &'c Connection,
    kind: QueueKind,
    channel: Option<Channel>,
    /// Queues whose arguments were compared with ours on this connection.
    compared: BTreeSet<String>,
}

impl<'c> Declarer<'c> {
    pub(super) fn new(connection: &'c Connection, kind: QueueKind) -> Self {
        Declarer {
            connection,
            kind,
            channel: None,
            compared: BTreeSet::new(),
        }
    }

    /// The present channel, or a new one when the broker closed the last.
    pub(super) async fn channel(&mut self) -> Result<Channel, Error> {
        match &self.channel {
            Some(channel) if channel.status().connected() => Ok(channel.clone()),
            Some(_) | None => {
                let opened = request(
                    || "opening a channel".into(),
                    self.connection.create_channel(),
                );
                let channel = opened.await?;
                self.channel = Some(channel.clone());
                Ok(channel)
            }
        }
    }

    /// Makes sure that the queue exists as we want it.
    pub(super) async fn ensure(
        &mut self,
        queue: &str,
        role: Role,
    ) -> Result<Presence, TopologyError> {
        let looked = look(&self.channel().await.map_err(TopologyError::Broker)?, queue).await;
        let presence = match looked {
            // A declaration would make the queue again if it went since the look, and nobody would know that it
            // had gone. So it is declared no more than it takes to compare its arguments.
            Ok(_) if self.compared.contains(queue) => return Ok(Presence::Found),
            Ok(_) => Presence::Found,
            // If another instance makes it before we do, a loss is told twice, which only repeats tasks.
            Err(error) if is_missing(&error) => Presence::Created,
            Err(error) => return Err(TopologyError::Broker(error)),
        };
        let channel = self.channel().await.map_err(TopologyError::Broker)?;
        let wanted = arguments(role, self.kind);
        let answer = channel.queue_declare(queue.into(), QUEUE, wanted.clone());
        match request(|| format!("declaring queue `{queue}`"), answer).await {
            Ok(_) => {
                self.compared.insert(queue.to_owned());
                Ok(presence)
            }
            Err(error) if error.reply_code() == Some(PRECONDITION_FAILED) => {
                self.compared.remove(queue);
                Err(TopologyError::Conflict {
                    queue: queue.to_owned(),
                    wanted: describe(&wanted),
                    difference: error.chain(),
                })
            }
            Err(error) => Err(TopologyError::Broker(error)),
        }
    }
}

fn describe(arguments: &FieldTable) -> String {
    let one = |(name, value): (&lapin::types::ShortString, &AMQPValue)| match value {
        AMQPValue::LongString(text) => format!("{name}={text}"),
        AMQPValue::Boolean(flag) => format!("{name}={flag}"),
        // Numbers; the other kinds are never used in `arguments`.
        other => format!("{name}={other:?}"),
    };
    let named: Vec<_> = arguments.inner().iter().map(one).collect();
    format!("durable, {}", named.join(", "))
}

/// Declares fan-out exchanges.
pub(super) async fn declare_fanouts(channel: &Channel, names: &[String]) -> Result<(), Error> {
    let options = ExchangeDeclareOptions {
        // We create it when it is missing.
        passive: false,
        // Its messages are hints; nothing of it has to survive the broker.
        durable: false,
        // Stays while no instance listens: publishing to a missing exchange would close the channel.
        auto_delete: false,
        // We publish to it.
        internal: false,
        // We wait, so that the first announcement finds it.
        nowait: false,
    };
    for name in names {
        let arguments = FieldTable::default();
        let answer = channel.exchange_declare(
            name.as_str().into(),
            ExchangeKind::Fanout,
            options,
            arguments,
        );
        request(|| format!("declaring exchange `{name}`"), answer).await?;
    }
    Ok(())
}

/// Declares this instance's own queue, binds it to the given fan-outs, and gives its name.
pub(super) async fn bind_fanouts(channel: &Channel, exchanges: &[String]) -> Result<String, Error> {
    let options = QueueDeclareOptions {
        // We create it, under a name that the broker chooses.
        passive: false,
        // It goes with this connection.
        durable: false,
        // Nobody else reads our hints.
        exclusive: true,
        // And it goes when we stop reading.
        auto_delete: true,
        // We need the name.
        nowait: false,
    };
    let mut arguments = FieldTable::default();
    // An instance that cannot keep up loses the oldest hints; its clients poll every 250 ms anyway.
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(1_024));
    // Quorum queues cannot be exclusive, and a virtual host may make them its default.
    arguments.insert(
        "x-queue-type".into(),
        AMQPValue::LongString("classic".into()),
    );
    let answer = channel.queue_declare("".into(), options, arguments);
    let queue = request(|| "declaring the queue for announcements".into(), answer).await?;
    for exchange in exchanges {
        let bound = channel.queue_bind(
            queue.name().clone(),
            exchange.as_str().into(),
            "".into(),
            // We wait: an announcement after this must arrive.
            QueueBindOptions { nowait: false },
            FieldTable::default(),
        );
        request(
            || format!("binding the queue for announcements to `{exchange}`"),
            bound,
        )
        .await?;
    }
    Ok(queue.name().to_string())
}
