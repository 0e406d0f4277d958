//! The way to Redis: one server, or the members of a cluster.
//!
//! Every question has one patience around all that it needs (connecting, being sent on to another member, the answer),
//! and after one without an answer Redis is left alone for a while: it costs one request its patience and not all.
//! What is asked, and what it means, is not here.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use impresario_metrics::table::CACHE_ERRORS;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::cluster::{ClusterClient, ClusterConfig};
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, FromRedisValue, RedisError, RedisResult};

/// How long Redis may take for an answer: it must not cost more than reading from the database.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long it is left alone after it did not answer.
const LEFT_ALONE: Duration = Duration::from_secs(1);
/// How often a cluster's client may ask again in one question: a member that sends us on, and one that has just gone.
const SENT_ON_MAX: u32 = 3;
/// Between two of those, in milliseconds: all of them fit into the patience.
const SENT_ON_WAIT_MS: (u64, u64) = (2, 10);

/// Why there can be no cache.
#[derive(Debug, thiserror::Error)]
#[error("not the address of a Redis, nor those of a cluster's members: {0}")]
pub struct CacheError(#[from] RedisError);

pub(super) struct Redis {
    way: Way,
    left_alone_until: Mutex<Option<Instant>>,
}

enum Way {
    Server(ConnectionManager),
    Cluster(Box<Cluster>),
}

/// A connection that failed is thrown away with whatever its task is mending: the client's reading of the slots has no
/// bound and no pause when its last member goes in the midst of it. The next connects while Redis is left alone.
struct Cluster {
    client: ClusterClient,
    connection: Mutex<ClusterConnection>,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Redis").finish_non_exhaustive()
    }
}

impl Redis {
    /// At one URL, or at several with commas between them: members of a cluster, from which it learns the others.
    pub(super) fn at(urls: &str) -> Result<Self, CacheError> {
        let way = if urls.contains(',') {
            Way::Cluster(Box::new(Cluster::at(urls.split(','))?))
        } else {
            Way::Server(server(urls)?)
        };
        Ok(Redis {
            way,
            left_alone_until: Mutex::default(),
        })
    }

    /// The answer, if there is one in time. A cluster finds the member by the command's first key.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        if self.is_left_alone() {
            return None;
        }
        let answer = match &self.way {
            Way::Server(server) => patiently(command.query_async(&mut server.clone())).await,
            Way::Cluster(cluster) => {
                let mut connection = cluster.connection().clone();
                patiently(command.query_async(&mut connection)).await
            }
        };
        answer.map_err(|error| self.failed(&error)).ok()
    }

    fn is_left_alone(&self) -> bool {
        self.left_alone_until()
            .is_some_and(|until| Instant::now() < until)
    }

    fn failed(&self, error: &RedisError) {
        CACHE_ERRORS.with([]).increment(1);
        tracing::warn!(%error, "Redis does not keep pages; they are read from the database");
        let mut left_alone_until = self.left_alone_until();
        let now = Instant::now();
        // Of many questions that fail at once, the first throws the connection away.
        if left_alone_until.is_none_or(|until| until <= now) {
            *left_alone_until = Some(now + LEFT_ALONE);
            match &self.way {
                Way::Server(_) => {}
                Way::Cluster(cluster) => cluster.connect_anew(),
            }
        }
    }

    fn left_alone_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.left_alone_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cluster {
    fn at<'u>(urls: impl Iterator<Item = &'u str>) -> Result<Self, CacheError> {
        let (shortest, longest) = SENT_ON_WAIT_MS;
        let client = ClusterClient::builder(urls)
            .connection_timeout(PATIENCE)
            .overall_response_timeout(Some(2 * PATIENCE))
            .retries(SENT_ON_MAX)
            .min_retry_wait(shortest)
            .max_retry_wait(longest)
            .build()?;
        let connection = Mutex::new(connecting(&client));
        Ok(Cluster { client, connection })
    }

    fn connect_anew(&self) {
        *self.connection() = connecting(&self.client);
    }

    fn connection(&self) -> MutexGuard<'_, ClusterConnection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connects to a server when it is first asked, and again when that is lost.
fn server(url: &str) -> Result<ConnectionManager, CacheError> {
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE))
        // Being left alone is the wait between two tries.
        .set_number_of_retries(0);
    let client = redis::Client::open(url)?;
    Ok(ConnectionManager::new_lazy_with_config(client, config)?)
}

/// Connects to the members in the background.
fn connecting(client: &ClusterClient) -> ClusterConnection {
    let config = ClusterConfig::new().set_response_timeout(PATIENCE);
    client.get_pending_async_connection_with_config(config)
}

/// With a bound around all of it.
async fn patiently<T>(asked: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    tokio::time::timeout(2 * PATIENCE, asked)
        .await
        .unwrap_or_else(|_| Err((redis::ErrorKind::Io, "no answer in time").into()))
}
