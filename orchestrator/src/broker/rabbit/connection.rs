//! Opens connections, again and again, with bounded patience.
//!
//! lapin's own recovery is not used: it revives a connection, but not a channel that the broker closed, and
//! it hides which deliveries belong to which channel. Here a lost connection is thrown away with all that
//! hangs on it, and the next one starts from nothing.
//!
//! A cluster has several addresses. One call goes through all of them, so a node that is gone costs no pause.
//!
//! Subtle: an attempt against a broker that accepts and then says nothing cannot be abandoned, lapin's I/O
//! thread waits on that socket. So old attempts stay in the race, a few at most for each address (one that is
//! silent must not take the others' places), and the first to answer wins.

use std::collections::HashMap;
use std::time::Duration;

use impresario_protocol::{Brokers, BrokersError};
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, ErrorKind};
use tokio::task::{Id, JoinSet};
use tokio::time::timeout;

use super::options::{BACKOFF_MAX, BACKOFF_MIN, Options, REQUEST_LIMIT};

/// Attempts in the race at once to one address, and so the most I/O threads that a silent broker can hold.
const ATTEMPTS_MAX: usize = 4;

/// What went wrong with the broker while we were doing something.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The address is no AMQP URL.
    #[error("the broker's URL cannot be read: {0}")]
    Url(String),
    /// No answer in time.
    #[error("{doing}: no answer within {limit:?}")]
    Silent {
        /// What we were doing.
        doing: String,
        /// How long we waited.
        limit: Duration,
    },
    /// The broker, the channel or the connection said no.
    #[error("{doing}")]
    Amqp {
        /// What we were doing.
        doing: String,
        /// What it said.
        #[source]
        source: lapin::Error,
    },
}

impl Error {
    /// The error and its causes in one line: logged once, at the edge.
    pub(super) fn chain(&self) -> String {
        match self {
            Error::Url(_) | Error::Silent { .. } => self.to_string(),
            Error::Amqp { doing, source } => format!("{doing}: {source}"),
        }
    }

    /// AMQP reply code, when the broker gave one.
    pub(super) fn reply_code(&self) -> Option<u16> {
        match self {
            Error::Url(_) | Error::Silent { .. } => None,
            Error::Amqp { source, .. } => reply_code(source),
        }
    }
}

fn reply_code(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(amqp) => Some(amqp.get_id()),
        // Every other kind is the client's own; the enum is not exhaustive, so it cannot be listed.
        _ => None,
    }
}

/// Bounds one request to the broker, and says what it was when it fails.
pub(super) async fn request<T>(
    doing: impl FnOnce() -> String,
    answer: impl Future<Output = Result<T, lapin::Error>>,
) -> Result<T, Error> {
    match timeout(REQUEST_LIMIT, answer).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(Error::Amqp {
            doing: doing(),
            source,
        }),
        Err(_elapsed) => Err(Error::Silent {
            doing: doing(),
            limit: REQUEST_LIMIT,
        }),
    }
}

/// The pause before the next attempt: doubled each time, with jitter so that replicas do not come back in step.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Backoff { next: BACKOFF_MIN }
    }

    /// The connection worked: start from the shortest pause again.
    pub(super) fn reset(&mut self) {
        self.next = BACKOFF_MIN;
    }

    pub(super) fn pause(&mut self) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(BACKOFF_MAX);
        // Half fixed, half random; a v4 UUID is the randomness that is at hand.
        let random = (uuid::Uuid::new_v4().as_u128() & 0xff) as u32;
        full / 2 + full * random / 512
    }
}

/// Opens connections for one purpose.
#[derive(Debug)]
pub(super) struct Connector {
    uris: Vec<AMQPUri>,
    /// The address that is tried next.
    next: usize,
    name: String,
    limit: Duration,
    attempts: JoinSet<Result<Connection, lapin::Error>>,
    /// Which address each of them is to.
    places: HashMap<Id, usize>,
}

impl Connector {
    /// `purpose` is appended to the name that the broker's connection list shows.
    pub(super) fn new(options: &Options, purpose: &str) -> Result<Self, Error> {
        let brokers: Brokers = options
            .url
            .parse()
            .map_err(|error: BrokersError| Error::Url(error.to_string()))?;
        // A v4 UUID is the randomness that is at hand: processes spread over the nodes.
        let first = uuid::Uuid::new_v4().as_fields().0 as usize;
        let uris = brokers
            .beginning_at(first)
            .map(|url| with_heartbeat(url, options.heartbeat))
            .collect::<Result<_, _>>()?;
        Ok(Connector {
            uris,
            next: 0,
            name: format!("{} {purpose}", options.name),
            limit: options.connect_timeout,
            attempts: JoinSet::new(),
            places: HashMap::new(),
        })
    }

    /// One bounded attempt at each address until one answers; the last error when none does.
    pub(super) async fn connect(&mut self) -> Result<Connection, Error> {
        let mut answer = self.attempt().await;
        for _further in 1..self.uris.len() {
            let Err(error) = &answer else { break };
            tracing::debug!(error = error.chain(), "the next address is tried");
            answer = self.attempt().await;
        }
        answer
    }

    /// One bounded attempt at the next address (together with earlier ones that are still unanswered).
    async fn attempt(&mut self) -> Result<Connection, Error> {
        let place = self.next;
        self.next = (place + 1) % self.uris.len();
        let waiting = self.places.values().filter(|other| **other == place);
        if waiting.count() < ATTEMPTS_MAX {
            let properties =
                ConnectionProperties::default().with_connection_name(self.name.as_str().into());
            let connecting = Connection::connect_uri(self.uris[place].clone(), properties);
            let attempt = self.attempts.spawn(connecting);
            self.places.insert(attempt.id(), place);
        }
        let ended = timeout(self.limit, self.attempts.join_next_with_id()).await;
        match &ended {
            Ok(Some(Ok((id, _)))) => self.places.remove(id),
            Ok(Some(Err(panicked))) => self.places.remove(&panicked.id()),
            Ok(None) | Err(_) => None,
        };
        let doing = || format!("connecting `{}`", self.name);
        match ended {
            Ok(Some(Ok((_, Ok(connection))))) if connection.status().connected() => {
                // Those still unanswered close themselves when they are answered and nobody wants them.
                self.attempts = JoinSet::new();
                self.places.clear();
                Ok(connection)
            }
            Ok(Some(Ok((_, Err(source))))) => Err(Error::Amqp {
                doing: doing(),
                source,
            }),
            // A connection of an old attempt that died before we took it, an attempt that panicked, or time up.
            Ok(Some(Ok((_, Ok(_))) | Err(_)) | None) | Err(_) => Err(Error::Silent {
                doing: doing(),
                limit: self.limit,
            }),
        }
    }
}

fn with_heartbeat(url: &str, heartbeat: Duration) -> Result<AMQPUri, Error> {
    let mut uri: AMQPUri = url.parse().map_err(Error::Url)?;
    if uri.query.heartbeat.is_none() {
        // Whole seconds on the wire, and zero would switch heartbeats off: a half-open connection would
        // then never be noticed.
        let seconds = u16::try_from(heartbeat.as_secs()).unwrap_or(u16::MAX);
        uri.query.heartbeat = Some(seconds.max(1));
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_start_again() {
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..12).map(|_| backoff.pause()).collect();
        assert!(pauses[0] >= BACKOFF_MIN / 2 && pauses[0] <= BACKOFF_MIN);
        assert!(pauses.iter().all(|pause| *pause <= BACKOFF_MAX));
        assert!(pauses[11] >= BACKOFF_MAX / 2);
        backoff.reset();
        assert!(backoff.pause() <= BACKOFF_MIN);
    }

    #[test]
    fn a_url_that_is_none_is_refused_at_once() {
        let options = Options::new("postgres://somewhere");
        assert!(matches!(
            Connector::new(&options, "test"),
            Err(Error::Url(_))
        ));
    }
}
