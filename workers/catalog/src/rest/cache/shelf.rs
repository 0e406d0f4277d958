//! What processes share of the catalogue's pages: Redis.
//!
//! A page ends by Redis' own clock, [`AGE_MAX`](super::AGE_MAX) after somebody was given the turn to read it. A write
//! that comes late (a server that was stopped and goes on, a connection that was made again) is about a moment that
//! is over, and keeps nothing. Both keys of a page have one hash tag, so every script stays in one slot of a cluster.
//!
//! A Redis that does not answer is left alone for a while, so that it costs one request its patience and not all.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use impresario_metrics::table::CACHE_ERRORS;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{RedisResult, Script, Value, from_redis_value};

use super::{AGE_MAX, Name, Page};

/// How long Redis may take for an answer: it must not cost more than reading from the database.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long it is left alone after it did not answer.
const LEFT_ALONE: Duration = Duration::from_secs(1);
/// How long one process has the turn: after that it is taken for dead.
const TURN_MS: u64 = 500;

/// The page and how long it stays; or whether the turn is ours, and Redis' time in milliseconds.
const LOOK: &str = "
    local page = redis.call('GET', KEYS[1])
    if page then return {page, redis.call('PTTL', KEYS[1])} end
    local ours = redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[1])
    local now = redis.call('TIME')
    return {ours and 1 or 0, now[1] * 1000 + math.floor(now[2] / 1000)}";

/// Keeps the page unless its end has come: said here, because what old servers do with an end that is over differs.
const PUT: &str = "
    local now = redis.call('TIME')
    local left = ARGV[2] - (now[1] * 1000 + math.floor(now[2] / 1000))
    if left > 0 then redis.call('SET', KEYS[1], ARGV[1], 'PX', left) end
    return left";

/// Why there can be no cache.
#[derive(Debug, thiserror::Error)]
#[error("not the address of a Redis: {0}")]
pub struct CacheError(#[from] redis::RedisError);

pub(super) struct Shelf {
    connection: ConnectionManager,
    look: Script,
    put: Script,
    left_alone_until: Mutex<Option<Instant>>,
}

/// What a look at the shelf found.
pub(super) enum Look {
    Page(Page),
    /// Nothing, and it is ours to read it.
    Ours(Turn),
    /// Nothing, and another process reads it.
    Others,
    /// Redis does not answer.
    Gone,
}

/// The permission to read a page for everybody.
pub(super) struct Turn {
    /// When the page ends, in milliseconds of Redis' clock.
    ends_at: u64,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shelf").finish_non_exhaustive()
    }
}

impl Shelf {
    pub(super) fn at(url: &str) -> Result<Self, CacheError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            // Being left alone is the wait between two tries.
            .set_number_of_retries(0);
        Ok(Shelf {
            connection: ConnectionManager::new_lazy_with_config(redis::Client::open(url)?, config)?,
            look: Script::new(LOOK),
            put: Script::new(PUT),
            left_alone_until: Mutex::default(),
        })
    }

    pub(super) async fn look(&self, name: &Name) -> Look {
        if self.is_left_alone() {
            return Look::Gone;
        }
        let asked_at = Instant::now();
        let mut look = self.look.key(name.key());
        look.key(format!("{}:turn", name.key())).arg(TURN_MS);
        let mut connection = self.connection.clone();
        let answer = self.patiently(look.invoke_async(&mut connection)).await;
        match answer.and_then(|(what, number)| found(what, number, asked_at)) {
            Ok(look) => look,
            Err(error) => self.failed(&error),
        }
    }

    pub(super) async fn put(&self, name: &Name, turn: Turn, page: &Bytes) {
        if self.is_left_alone() {
            return;
        }
        let mut put = self.put.key(name.key());
        put.arg(page.as_ref()).arg(turn.ends_at);
        let mut connection = self.connection.clone();
        let kept: RedisResult<i64> = self.patiently(put.invoke_async(&mut connection)).await;
        if let Err(error) = kept {
            self.failed(&error);
        }
    }

    /// With a bound around all of it: connecting, a script that the server does not know yet, the answer.
    async fn patiently<T>(&self, asked: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        tokio::time::timeout(2 * PATIENCE, asked)
            .await
            .unwrap_or_else(|_| Err((redis::ErrorKind::Io, "no answer in time").into()))
    }

    fn is_left_alone(&self) -> bool {
        let until = self.left_alone_until.lock();
        until
            .unwrap_or_else(PoisonError::into_inner)
            .is_some_and(|until| Instant::now() < until)
    }

    fn failed(&self, error: &redis::RedisError) -> Look {
        CACHE_ERRORS.with([]).increment(1);
        tracing::warn!(%error, "Redis does not keep pages; they are read from the database");
        let until = self.left_alone_until.lock();
        *until.unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + LEFT_ALONE);
        Look::Gone
    }
}

/// What the script's answer means. A page's rest counts from before the question, so it is never good for too long.
fn found(what: Value, number: i64, asked_at: Instant) -> RedisResult<Look> {
    let number = u64::try_from(number).unwrap_or(0);
    Ok(match what {
        Value::Int(0) => Look::Others,
        Value::Int(_) => Look::Ours(Turn {
            ends_at: number.saturating_add(AGE_MAX.as_millis() as u64),
        }),
        page => Look::Page(Page {
            bytes: Bytes::from(from_redis_value::<Vec<u8>>(page)?),
            good_until: asked_at + Duration::from_millis(number).min(AGE_MAX),
        }),
    })
}
