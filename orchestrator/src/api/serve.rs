//! Serves a router on a listener: bounded connections, bounded waits, an orderly end.
//!
//! `axum::serve` installs no timer, so a client that sends its headers one byte at a time would hold a
//! connection for ever. Here a head must arrive within ten seconds, which also ends idle connections; proxies
//! in front should keep theirs for less. HTTP/1.1 only: nothing here gains by HTTP/2, and its attacks are many.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::follow::Stopping;

/// Connections at most; more wait in the listener's backlog.
const CONNECTIONS_MAX: usize = 8192;

/// A request's head arrives within this.
const HEAD_WAIT: Duration = Duration::from_secs(10);

/// A head has at most so many bytes; past them it is answered with 431.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What is being answered when the server stops gets so long.
const DRAIN: Duration = Duration::from_secs(10);

/// After a failed accept (no file handles left, most often): longer than nothing, shorter than anybody notices.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop`; then takes no more, ends waits and streams, and finishes what is being answered.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT)
        .max_buf_size(HEAD_BYTES_MAX);
    let builder = Arc::new(builder);
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let tracker = TaskTracker::new();
    while let Some((stream, permit)) = accept(&listener, &connections, &stop).await {
        let (builder, router, stop) = (Arc::clone(&builder), router.clone(), stop.clone());
        tracker.spawn(async move {
            talk(&builder, stream, router, stop).await;
            drop(permit);
        });
    }
    drop(listener);
    tracker.close();
    if tokio::time::timeout(DRAIN, tracker.wait()).await.is_err() {
        tracing::warn!(
            connections = tracker.len(),
            "connections are cut off while being answered"
        );
    }
}

/// The next connection, once there is room for it; nothing when the server stops.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let next = async {
        let permit = Arc::clone(connections).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return Some((stream, permit)),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        next = next => next,
        () = stop.cancelled() => None,
    }
}

/// Answers one connection's requests until it closes, or to the end of the current one after a stop.
async fn talk(
    builder: &Builder<TokioExecutor>,
    stream: TcpStream,
    router: Router,
    stop: CancellationToken,
) {
    // Answers are small and complete: waiting to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set nodelay");
    }
    let stopping = Stopping(stop.clone());
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(stopping.clone());
        router.clone().call(request)
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended badly");
    }
}
