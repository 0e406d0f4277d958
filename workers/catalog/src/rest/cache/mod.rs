//! Pages of the catalogue, kept for a moment: a hall that goes on sale is looked at by everybody at once.
//!
//! A page that is answered was read from the database at most [`AGE_MAX`] before it was asked for. In a process
//! one request reads a page while the others wait for what it brings; among processes Redis (`shelf`) keeps it, and
//! lets one of them read. Without an answer of Redis each process goes on alone: that costs reads, and nothing else.
//! Errors are never kept.
//!
//! Nothing is decided from here: whether a seat can be held is the database's word alone.

mod shelf;
mod way;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use impresario_metrics::table::PAGES_TAKEN;
use serde::Serialize;

use super::problem::Problem;
use shelf::{Look, Shelf};
pub use way::CacheError;

/// The oldest that a page may be: less than the time in which a person chooses a seat.
const AGE_MAX: Duration = Duration::from_secs(1);
/// Pages that a process keeps: the halls that are looked at now. What comes beyond is read and not kept.
const PAGES_MAX: usize = 1_024;
/// How often it is looked whether another process has brought the page.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long another process is waited for, before the page is read here as well.
const OTHER_PATIENCE: Duration = Duration::from_millis(200);

/// Where pages are kept; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Cache(Option<Arc<Pages>>);

#[derive(Debug)]
struct Pages {
    shelf: Shelf,
    places: Mutex<HashMap<String, Arc<Place>>>,
}

/// Where one page lies: who has the lock reads it, the others wait for him.
type Place = tokio::sync::Mutex<Option<Page>>;

#[derive(Clone, Debug)]
struct Page {
    bytes: Bytes,
    good_until: Instant,
}

/// A page's name: `tag` is hashed by a cluster, so that all keys about a page are in one slot.
pub(super) struct Name {
    pub(super) tag: String,
    pub(super) page: String,
}

impl Cache {
    /// Keeps nothing: every page is read for who asks.
    pub fn none() -> Self {
        Cache(None)
    }

    /// Keeps pages in this process, and in the Redis at `urls` when it answers: `redis://host:port/`, or several with
    /// commas between them, members of a cluster. It need not be there yet. Call it inside a tokio runtime.
    pub fn at(urls: &str) -> Result<Self, CacheError> {
        Ok(Cache(Some(Arc::new(Pages {
            shelf: Shelf::at(urls)?,
            places: Mutex::default(),
        }))))
    }

    /// The page, kept or read.
    pub(super) async fn page<T, F>(&self, name: Name, read: F) -> Result<Response, Problem>
    where
        T: Serialize,
        F: Future<Output = Result<T, Problem>> + Send,
    {
        let bytes = match &self.0 {
            None => written(&read.await?)?,
            Some(pages) => pages.page(&name, read).await?,
        };
        Ok(([(header::CONTENT_TYPE, "application/json")], bytes).into_response())
    }
}

impl Pages {
    async fn page<T, F>(&self, name: &Name, read: F) -> Result<Bytes, Problem>
    where
        T: Serialize,
        F: Future<Output = Result<T, Problem>> + Send,
    {
        let Some(place) = self.place(name) else {
            PAGES_TAKEN.with(["database"]).increment(1);
            return written(&read.await?);
        };
        // Who waited for a slow read takes what it brings: by when it was asked for, not by when it came.
        let asked_at = Instant::now();
        // Who is dropped in here (a client that went away) leaves the place as it was, and the next one reads.
        let mut place = place.lock().await;
        if let Some(page) = place.as_ref().filter(|page| asked_at < page.good_until) {
            PAGES_TAKEN.with(["process"]).increment(1);
            return Ok(page.bytes.clone());
        }
        let page = self.bring(name, read).await?;
        let bytes = page.bytes.clone();
        *place = Some(page);
        Ok(bytes)
    }

    /// From Redis, or else from the database.
    async fn bring<T, F>(&self, name: &Name, read: F) -> Result<Page, Problem>
    where
        T: Serialize,
        F: Future<Output = Result<T, Problem>> + Send,
    {
        let give_up = Instant::now() + OTHER_PATIENCE;
        let turn = loop {
            match self.shelf.look(name).await {
                Look::Page(page) => {
                    PAGES_TAKEN.with(["redis"]).increment(1);
                    return Ok(page);
                }
                Look::Ours(turn) => break Some(turn),
                Look::Others if Instant::now() < give_up => tokio::time::sleep(LOOK_EVERY).await,
                Look::Others | Look::Gone => break None,
            }
        };
        // The age counts from before the statement: what it sees is not older than this.
        let good_until = Instant::now() + AGE_MAX;
        PAGES_TAKEN.with(["database"]).increment(1);
        let bytes = written(&read.await?)?;
        if let Some(turn) = turn {
            self.shelf.put(name, turn, &bytes).await;
        }
        Ok(Page { bytes, good_until })
    }

    /// The page's place, if there is room for it.
    fn place(&self, name: &Name) -> Option<Arc<Place>> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let key = name.key();
        if let Some(place) = places.get(&key) {
            return Some(place.clone());
        }
        if places.len() >= PAGES_MAX {
            let now = Instant::now();
            // What somebody reads or waits for stays, and what may still be answered.
            places.retain(|_, place| {
                Arc::strong_count(place) > 1
                    || place
                        .try_lock()
                        .is_ok_and(|page| page.as_ref().is_some_and(|page| now < page.good_until))
            });
        }
        if places.len() >= PAGES_MAX {
            return None;
        }
        Some(places.entry(key).or_default().clone())
    }
}

impl Name {
    fn key(&self) -> String {
        format!("impresario:1:{{{}}}:{}", self.tag, self.page)
    }
}

fn written(page: &impl Serialize) -> Result<Bytes, Problem> {
    serde_json::to_vec(page)
        .map(Bytes::from)
        .map_err(|error| Problem::unavailable(&error))
}
