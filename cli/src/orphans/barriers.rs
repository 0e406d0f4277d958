//! What the pools remember, saga by saga: their barriers are lists in the order of effect keys, which begin with their
//! saga's hash, so the lists of several pools are merged while they are read.

use std::collections::VecDeque;
use std::str::FromStr;

use anyhow::Context;
use impresario_worker_sdk::{Barrier, Database, DatabaseSettings, EffectRecord, EffectState};
use serde_json::{Value, json};

/// The pools that this program brings.
const POOLS: [&str; 4] = ["catalog", "payment", "booking", "notification"];

/// Rows read at once.
const PAGE: i64 = 200;

/// A pool and its database.
#[derive(Clone, Debug)]
pub(super) struct PoolAt {
    name: String,
    url: String,
}

impl FromStr for PoolAt {
    type Err = String;

    fn from_str(text: &str) -> Result<PoolAt, String> {
        let (name, url) = text.split_once('=').ok_or("write NAME=URL")?;
        Ok(PoolAt {
            name: name.to_owned(),
            url: url.to_owned(),
        })
    }
}

/// All barriers, read side by side.
pub(super) struct Barriers {
    lists: Vec<List>,
}

/// One pool's barrier, as far as it was read.
struct List {
    pool: String,
    barrier: Barrier,
    rows: VecDeque<EffectRecord>,
    after: String,
    over: bool,
}

impl Barriers {
    /// The barriers of our pools in this database, but for those that are elsewhere.
    pub(super) fn open(url: &str, elsewhere: &[PoolAt]) -> anyhow::Result<Barriers> {
        let here = POOLS
            .iter()
            .filter(|name| elsewhere.iter().all(|pool| pool.name != **name))
            .map(|name| (*name, url));
        let elsewhere = elsewhere
            .iter()
            .map(|pool| (pool.name.as_str(), pool.url.as_str()));
        let lists = here.chain(elsewhere).map(|(pool, url)| {
            let database = Database::open(url, DatabaseSettings::new(pool))
                .with_context(|| format!("read the database of pool {pool}"))?;
            Ok(List {
                pool: pool.to_owned(),
                barrier: Barrier::new(database),
                rows: VecDeque::new(),
                after: String::new(),
                over: false,
            })
        });
        Ok(Barriers {
            lists: lists.collect::<anyhow::Result<_>>()?,
        })
    }

    /// Whose barriers these are.
    pub(super) fn pools(&self) -> Vec<&str> {
        self.lists.iter().map(|list| list.pool.as_str()).collect()
    }

    /// The next saga that has left something, with all its effects, as the server wants it.
    pub(super) async fn next_saga(&mut self) -> anyhow::Result<Option<Value>> {
        loop {
            let mut first: Option<String> = None;
            for list in &mut self.lists {
                if let Some(row) = list.head().await? {
                    let part = part(row);
                    if first.as_deref().is_none_or(|first| part < first) {
                        first = Some(part.to_owned());
                    }
                }
            }
            let Some(saga) = first else { return Ok(None) };
            let mut effects = Vec::new();
            for list in &mut self.lists {
                while list.head().await?.is_some_and(|row| part(row) == saga) {
                    let row = list.rows.pop_front();
                    effects.extend(row.map(|row| (list.pool.clone(), row)));
                }
            }
            if effects.iter().any(|(_, row)| is_unclosed(row.state)) {
                return Ok(Some(remembered(&effects)));
            }
        }
    }
}

impl List {
    async fn head(&mut self) -> anyhow::Result<Option<&EffectRecord>> {
        if self.rows.is_empty() && !self.over {
            let page = self
                .barrier
                .effects(&self.after, PAGE)
                .await
                .with_context(|| format!("read what pool {} remembers", self.pool))?;
            match page.last() {
                Some(last) => self.after.clone_from(&last.effect),
                None => self.over = true,
            }
            self.rows.extend(page);
        }
        Ok(self.rows.front())
    }
}

/// The part of an effect key that is its saga's.
fn part(row: &EffectRecord) -> &str {
    row.effect.split('/').next().unwrap_or_default()
}

fn is_unclosed(state: EffectState) -> bool {
    match state {
        EffectState::Intent
        | EffectState::Succeeded
        | EffectState::Closing
        | EffectState::Undoing => true,
        EffectState::Rejected | EffectState::Tombstone | EffectState::Compensated => false,
    }
}

/// What is said of the saga itself is the same in all rows that say it; a start that was repeated on a later day has a later
/// id, and the first one is asked for.
fn remembered(effects: &[(String, EffectRecord)]) -> Value {
    let told =
        |of: fn(&EffectRecord) -> Option<&String>| effects.iter().find_map(|(_, row)| of(row));
    let rows: Vec<Value> = effects
        .iter()
        .map(|(pool, row)| {
            json!({
                "effect": row.effect,
                "pool": pool,
                "task": row.task,
                "state": row.state.as_str(),
                "at": row.at_ms.max(0),
                "input": row.input,
                "outcome": row.outcome,
            })
        })
        .collect();
    let first = effects
        .iter()
        .map(|(_, row)| row)
        .min_by(|a, b| a.saga.cmp(&b.saga));
    json!({
        "id": first.map(|row| &row.saga),
        "definition": told(|row| row.definition.as_ref()),
        "version": told(|row| row.version.as_ref()),
        "parent": told(|row| row.parent.as_ref()),
        "started_at": first.map(|row| row.saga_started_at.max(0)),
        "effects": rows,
    })
}
