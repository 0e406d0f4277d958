//! What processes share of the catalogue's pages: Redis.
//!
//! A page ends by Redis' own clock, [`AGE_MAX`](super::AGE_MAX) after somebody was given the turn to read it. A write
//! that comes late (a server that was stopped and goes on, a connection that was made again) is about a moment that
//! is over, and keeps nothing. Both keys of a page have one hash tag, so every script stays in one slot of a cluster.

use std::time::{Duration, Instant};

use axum::body::Bytes;

use super::way::{CacheError, Redis};
use super::{AGE_MAX, Name, Page};

/// How long one process has the turn: after that it is taken for dead.
const TURN_MS: u64 = 500;

/// The page and how long it stays; or none, whether the turn is ours, and Redis' time. In milliseconds.
const LOOK: &str = "
    local page = redis.call('GET', KEYS[1])
    if page then return {page, redis.call('PTTL', KEYS[1]), 0} end
    local ours = redis.call('SET', KEYS[2], '1', 'NX', 'PX', ARGV[1])
    local now = redis.call('TIME')
    return {false, ours and 1 or 0, now[1] * 1000 + math.floor(now[2] / 1000)}";

/// Keeps the page unless its end has come: said here, because what old servers do with an end that is over differs.
const PUT: &str = "
    local now = redis.call('TIME')
    local left = ARGV[2] - (now[1] * 1000 + math.floor(now[2] / 1000))
    if left > 0 then redis.call('SET', KEYS[1], ARGV[1], 'PX', left) end
    return left";

#[derive(Debug)]
pub(super) struct Shelf(Redis);

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

impl Shelf {
    pub(super) fn at(urls: &str) -> Result<Self, CacheError> {
        Ok(Shelf(Redis::at(urls)?))
    }

    pub(super) async fn look(&self, name: &Name) -> Look {
        let asked_at = Instant::now();
        let key = name.key();
        let mut look = script(LOOK, &[&key, &format!("{key}:turn")]);
        look.arg(TURN_MS);
        let answer: Option<(Option<Vec<u8>>, i64, i64)> = self.0.ask(&look).await;
        match answer {
            None => Look::Gone,
            // The rest counts from before the question, so the page is never good for too long.
            Some((Some(page), rest, _)) => Look::Page(Page {
                bytes: Bytes::from(page),
                good_until: asked_at + Duration::from_millis(positive(rest)).min(AGE_MAX),
            }),
            Some((None, 0, _)) => Look::Others,
            Some((None, _, now)) => Look::Ours(Turn {
                ends_at: positive(now).saturating_add(AGE_MAX.as_millis() as u64),
            }),
        }
    }

    pub(super) async fn put(&self, name: &Name, turn: Turn, page: &Bytes) {
        let mut put = script(PUT, &[&name.key()]);
        put.arg(page.as_ref()).arg(turn.ends_at);
        // What is left to the page is of no use here: who looks next is told.
        let _left: Option<i64> = self.0.ask(&put).await;
    }
}

/// A script with its text, which is as long as the shortest page: one question even after a server has forgotten what it
/// knew, or after another member has taken over. Loading it in a cluster would ask every primary, and wait for a dead one.
fn script(text: &str, keys: &[&str]) -> redis::Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(text).arg(keys.len()).arg(keys);
    command
}

fn positive(milliseconds: i64) -> u64 {
    u64::try_from(milliseconds).unwrap_or(0)
}
