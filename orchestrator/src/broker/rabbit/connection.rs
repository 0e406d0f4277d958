//! Opens connections, again and again, with bounded patience.
//!
//! lapin's own recovery is not used: it revives a connection, but not a channel that the broker closed, and
//! it hides which deliveries belong to which channel. Here a lost connection is thrown away with all that
//! hangs on it, and the next one starts from nothing.
//!
//! Subtle: an attempt against a broker that accepts and then says nothing cannot be abandoned, lapin's I/O
//! thread waits on that socket. So old attempts stay in the race, a few at most, and the first to answer wins.

use std::time::Duration;

use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, ErrorKind};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::options::{BACKOFF_MAX, BACKOFF_MIN, Options, REQUEST_LIMIT};

/// Attempts in the race at once, and so the most I/O threads that a silent broker can hold.
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
    uri: AMQPUri,
    name: String,
    limit: Duration,
    attempts: JoinSet<Result<Connection, lapin::Error>>,
}

impl Connector {
    /// `purpose` is appended to the name that the broker's connection list shows.
    pub(super) fn new(options: &Options, purpose: &str) -> Result<Self, Error> {
        let mut uri: AMQPUri = options.url.parse().map_err(Error::Url)?;
        if uri.query.heartbeat.is_none() {
            // Whole seconds on the wire, and zero would switch heartbeats off: a half-open connection would
            // then never be noticed.
            let seconds = u16::try_from(options.heartbeat.as_secs()).unwrap_or(u16::MAX);
            uri.query.heartbeat = Some(seconds.max(1));
        }
        Ok(Connector {
            uri,
            name: format!("{} {purpose}", options.name),
            limit: options.connect_timeout,
            attempts: JoinSet::new(),
        })
    }

    /// One bounded attempt (together with earlier ones that are still unanswered).
    pub(super) async fn connect(&mut self) -> Result<Connection, Error> {
        if self.attempts.len() < ATTEMPTS_MAX {
            let properties =
                ConnectionProperties::default().with_connection_name(self.name.as_str().into());
            self.attempts
                .spawn(Connection::connect_uri(self.uri.clone(), properties));
        }
        let doing = || format!("connecting `{}`", self.name);
        match timeout(self.limit, self.attempts.join_next()).await {
            Ok(Some(Ok(Ok(connection)))) if connection.status().connected() => {
                // Those still unanswered close themselves when they are answered and nobody wants them.
                self.attempts = JoinSet::new();
                Ok(connection)
            }
            Ok(Some(Ok(Err(source)))) => Err(Error::Amqp {
                doing: doing(),
                source,
            }),
            // A connection of an old attempt that died before we took it, an attempt that panicked, or time up.
            Ok(Some(Ok(Ok(_)) | Err(_)) | None) | Err(_) => Err(Error::Silent {
                doing: doing(),
                limit: self.limit,
            }),
        }
    }
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
