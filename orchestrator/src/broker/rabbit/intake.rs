//! The intake link: one connection for everything that comes from the broker (results, depths,
//! announcements), apart from publishing, because a broker under alarm stops reading a connection that
//! publishes, and acknowledgements must still get through.
//!
//! Each part has its own channel and survives its own channel errors; when the connection goes, all start
//! over on the next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use impresario_protocol::Queues;
use lapin::Connection;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::announce;
use super::connection::{Backoff, Connector, Error};
use super::consume::Reader;
use super::pools::Pools;

/// Between a broken channel and the next one on the same connection.
const CHANNEL_PAUSE: Duration = Duration::from_millis(100);

/// A connection that lived this long was a good one: the next loss starts from the shortest pause.
pub(super) const GOOD_AFTER: Duration = Duration::from_secs(1);

/// Everything that the intake link owns.
pub(super) struct Intake {
    pub(super) connector: Connector,
    pub(super) instance: Arc<str>,
    pub(super) queues: Queues,
    pub(super) reader: Reader,
    pub(super) pools: Pools,
    pub(super) listeners: announce::Listeners,
    pub(super) closing: CancellationToken,
}

impl Intake {
    /// Reads until `closing`.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::new();
        let closing = self.closing.clone();
        loop {
            let connected = tokio::select! {
                () = closing.cancelled() => return,
                connected = self.connector.connect() => connected,
            };
            let reason = match connected {
                Ok(connection) => {
                    tracing::info!("reading from the broker");
                    let since = Instant::now();
                    self.session(&connection).await;
                    if closing.is_cancelled() {
                        super::close(&connection).await;
                        return;
                    }
                    if since.elapsed() > GOOD_AFTER {
                        backoff.reset();
                    }
                    "the connection was lost".to_owned()
                }
                Err(error) => error.chain(),
            };
            let pause = backoff.pause();
            tracing::warn!(%reason, ?pause, "cannot read from the broker; connecting again");
            tokio::select! {
                () = closing.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }

    /// All parts on one connection, until it is lost or `closing`. The reader decides when that is: it must
    /// come to its end to tell what it no longer reads and to flush its acknowledgements.
    async fn session(&mut self, connection: &Connection) {
        let Intake {
            instance,
            queues,
            reader,
            pools,
            listeners,
            closing,
            ..
        } = self;
        // The looks at the depths are our pulse: one that stays unanswered condemns the connection, long before
        // its heartbeat would. While results are not read the engine must know it, for it spends attempts.
        let given_up = CancellationToken::new();
        let alive = || connection.status().connected() && !given_up.is_cancelled();
        let reading = async {
            while alive() && !closing.is_cancelled() {
                let ended = reader.session(connection, &given_up).await;
                again("reading results", connection, ended, closing).await;
            }
        };
        let watching = async {
            loop {
                let ended = pools.session(connection).await;
                match &ended {
                    Err(Error::Silent { .. }) => given_up.cancel(),
                    Err(Error::Amqp { .. } | Error::Url(_)) | Ok(()) => {}
                }
                again("watching the pools", connection, ended, closing).await;
            }
        };
        let listening = async {
            loop {
                let ended = announce::listen(connection, instance, queues, listeners).await;
                again("listening for announcements", connection, ended, closing).await;
            }
        };
        tokio::select! {
            () = reading => {}
            ((), ()) = futures::future::join(watching, listening) => {}
        }
    }
}

/// A channel broke. The pause bounds how often a broker that says no is asked again.
async fn again(
    what: &str,
    connection: &Connection,
    ended: Result<(), Error>,
    closing: &CancellationToken,
) {
    if let Err(error) = ended
        && connection.status().connected()
    {
        tracing::warn!(error = %error.chain(), "{what} failed; trying again on a new channel");
    }
    tokio::select! {
        () = closing.cancelled() => {}
        () = sleep(CHANNEL_PAUSE) => {}
    }
}
