//! After a restore: the provider's log against a barrier that has forgotten.
//!
//! The database went back to an earlier moment, the money did not. What the provider's log says and no row knows is
//!
//! - **adopted** before anything runs ([`adopt`]): written back as an effect that stands, or that was undone. Its saga
//!   meets it as it would have met its own row;
//! - **undone** ([`give_back`]) when no saga wants it: its saga is lost, or ended without it.
//!
//! Both may be repeated, and interrupted anywhere. Not here: which sagas the engine knows, and how long a lost one is left
//! to its customer. Authorizations and charges only: transfers and refunds that are steps are counted and left alone.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use impresario_protocol::{Direction, EffectKey, Problem};
use impresario_worker_sdk::adopt::{self, Adopted, AdoptedAs};
use impresario_worker_sdk::{Database, EffectState, HandlerError, Undo};
use serde::Deserialize;
use serde_json::json;
use sqlx::PgConnection;

use crate::ledger::{self, Money, Movement, Transfer};
use crate::provider::Provider;

/// Keys asked for in one statement.
const KEYS_MAX: usize = 1_000;

/// One movement, as the provider's log tells it.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    /// Grows with every movement.
    pub id: i64,
    /// When, by the provider's clock.
    pub at: DateTime<Utc>,
    /// The key of the request that moved it.
    pub key: String,
    /// What moved.
    pub operation: String,
    /// Of which authorization.
    pub authorization_id: String,
    /// Of which charge.
    pub charge_id: Option<String>,
    /// How much, with its currency.
    #[serde(flatten)]
    pub money: Money,
}

/// What an effect made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// Money promised; whether a charge has used the promise.
    Authorization {
        /// Its id.
        id: String,
        /// Nothing is left to give back.
        used: bool,
    },
    /// Money taken.
    Charge {
        /// Its id.
        id: String,
        /// Of which authorization.
        authorization: String,
    },
}

/// An effect, as the whole log tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Its key, forward.
    pub effect: EffectKey,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// What it made.
    pub made: Made,
    /// How much.
    pub money: Money,
    /// It was given back.
    pub undone: bool,
}

/// Why a restored effect could not be looked after.
#[derive(Debug, thiserror::Error)]
pub enum RestoredError {
    /// The pool's database.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// Its barrier.
    #[error("barrier: {0}")]
    Barrier(#[from] HandlerError),
    /// The provider did not give the money back.
    #[error("{}: {}", .0.code, .0.message)]
    Provider(Problem),
}

impl Deed {
    /// Whether money is with us, or promised to us, that only giving it back moves.
    pub fn is_live(&self) -> bool {
        let used = match &self.made {
            Made::Authorization { used, .. } => *used,
            Made::Charge { .. } => false,
        };
        !self.undone && !used
    }

    fn adopted(&self, saga: &Saga) -> Adopted {
        let (task, input, output) = match &self.made {
            // The token is gone; nothing that undoes an authorization asks for it.
            Made::Authorization { id, .. } => (
                "authorize",
                json!({ "amount": self.money, "payment_token": "lost" }),
                json!({ "authorization_id": id }),
            ),
            Made::Charge { id, authorization } => (
                "capture",
                json!({ "authorization_id": authorization }),
                json!({ "charge_id": id, "amount": self.money.amount, "currency": self.money.currency }),
            ),
        };
        Adopted {
            effect: self.effect.clone(),
            saga: saga.id.clone(),
            saga_started_at: saga.started_at,
            task,
            input,
            output,
        }
    }

    /// In the books: its making, and its undoing when money was given back by that.
    fn transfers(&self, saga: &Saga, given_back: bool) -> Vec<Transfer> {
        let (there, back) = match self.made {
            Made::Authorization { .. } => (Movement::Authorize, Movement::Void),
            Made::Charge { .. } => (Movement::Capture, Movement::Refund),
        };
        let transfer = |effect: String, movement| Transfer {
            effect,
            saga: saga.id.clone(),
            movement,
            money: self.money.clone(),
        };
        let mut transfers = vec![transfer(self.effect.to_string(), there)];
        if given_back {
            transfers.push(transfer(self.effect.opposite().to_string(), back));
        }
        transfers
    }
}

/// Whose effect it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saga {
    /// Its id: the engine's, or what it must have been.
    pub id: String,
    /// When it was started, in milliseconds.
    pub started_at: u64,
}

/// Why nobody wants an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwanted {
    /// The engine does not know its saga. Somebody may start it again at any moment.
    Lost,
    /// Its saga has ended without it.
    Ended,
}

/// The effects that a log tells of, and how many movements it has that are looked after elsewhere.
pub fn deeds(log: &[Entry]) -> (Vec<Deed>, usize) {
    let of = |operation: &'static str| log.iter().filter(move |entry| entry.operation == operation);
    let used: HashSet<&str> = of("capture")
        .map(|entry| entry.authorization_id.as_str())
        .collect();
    let voided: HashSet<&str> = of("void")
        .map(|entry| entry.authorization_id.as_str())
        .collect();
    let refunded: HashSet<&str> = of("refund")
        .filter_map(|entry| entry.charge_id.as_deref())
        .collect();
    let mut others = 0;
    let mut deeds = Vec::new();
    for entry in log {
        let effect = entry.key.parse::<EffectKey>().ok();
        let Some(effect) = effect.filter(|effect| effect.direction == Direction::Forward) else {
            others += usize::from(!matches!(entry.operation.as_str(), "void" | "refund"));
            continue;
        };
        let (made, undone) = match (entry.operation.as_str(), &entry.charge_id) {
            ("authorize", _) => {
                let id = entry.authorization_id.clone();
                let (used, undone) = (used.contains(id.as_str()), voided.contains(id.as_str()));
                (Made::Authorization { id, used }, undone)
            }
            ("capture", Some(charge)) => {
                let undone = refunded.contains(charge.as_str());
                let (id, authorization) = (charge.clone(), entry.authorization_id.clone());
                (Made::Charge { id, authorization }, undone)
            }
            _ => {
                others += 1;
                continue;
            }
        };
        deeds.push(Deed {
            effect,
            at: entry.at,
            made,
            money: entry.money.clone(),
            undone,
        });
    }
    (deeds, others)
}

/// Those of the deeds that no barrier row knows.
pub async fn forgotten(database: &Database, deeds: Vec<Deed>) -> Result<Vec<Deed>, sqlx::Error> {
    let mut forgotten = Vec::new();
    let mut rest = deeds.into_iter().peekable();
    while rest.peek().is_some() {
        let page: Vec<Deed> = rest.by_ref().take(KEYS_MAX).collect();
        let known = states(database, &page).await?;
        let missing = page
            .into_iter()
            .filter(|deed| !known.contains_key(&deed.effect.to_string()));
        forgotten.extend(missing);
    }
    Ok(forgotten)
}

async fn states(
    database: &Database,
    deeds: &[Deed],
) -> Result<HashMap<String, String>, sqlx::Error> {
    let keys: Vec<String> = deeds.iter().map(|deed| deed.effect.to_string()).collect();
    let rows: Vec<(String, String)> =
        sqlx::query_as("select effect, state from barrier where effect = any($1)")
            .bind(keys)
            .fetch_all(database.pool())
            .await?;
    Ok(rows.into_iter().collect())
}

/// Writes a forgotten effect back, as its saga's. False: somebody was faster.
pub async fn adopt(database: &Database, deed: &Deed, saga: &Saga) -> Result<bool, RestoredError> {
    let come_to = if deed.undone {
        AdoptedAs::Undone
    } else {
        AdoptedAs::Standing
    };
    write_back(database, deed, saga, come_to).await
}

/// Gives back what no saga wants: closes its key for whoever may still ask for it, undoes it at the provider under the key
/// of its own undoing, and books both. False: there was nothing to give back.
pub async fn give_back(
    database: &Database,
    provider: &dyn Provider,
    deed: &Deed,
    saga: &Saga,
    unwanted: Unwanted,
    within: Duration,
) -> Result<bool, RestoredError> {
    if !deed.is_live() {
        // A promise that a charge has used ends with that charge; a later start must not find it standing.
        return write_back(database, deed, saga, AdoptedAs::Undone).await;
    }
    if !write_back(database, deed, saga, AdoptedAs::Undoing).await? {
        let mut tx = database.begin().await?;
        let state = adopt::state(&mut tx, &deed.effect).await?;
        match (unwanted, state) {
            // What was begun here before, or by a compensation: the same key at the provider, so the same undoing.
            (Unwanted::Lost | Unwanted::Ended, Some(EffectState::Undoing)) => {}
            // The saga was started again meanwhile: it is its own now.
            (Unwanted::Lost, _) => return Ok(false),
            (Unwanted::Ended, Some(EffectState::Succeeded)) => {
                adopt::begin_undoing(&mut tx, &deed.effect).await?;
            }
            (Unwanted::Ended, _) => {}
        }
        tx.commit().await?;
    }
    let key = deed.effect.opposite().to_string();
    let undo = match &deed.made {
        Made::Authorization { id, .. } => provider.void(&key, id, within).await,
        Made::Charge { id, .. } => provider.refund(&key, id, within).await,
    };
    match undo {
        Undo::Undone(_) => {}
        Undo::Failed(problem) | Undo::Unknown(problem) => {
            return Err(RestoredError::Provider(problem));
        }
    }
    let mut tx = database.begin().await?;
    match adopt::state(&mut tx, &deed.effect).await? {
        Some(EffectState::Undoing) => adopt::undone(&mut tx, &deed.effect).await?,
        // The provider acted late, under a key that was closed here: the row is right already.
        Some(
            EffectState::Intent
            | EffectState::Succeeded
            | EffectState::Rejected
            | EffectState::Closing
            | EffectState::Tombstone
            | EffectState::Compensated,
        )
        | None => {}
    }
    ledger::record(&mut tx, &deed.transfers(saga, true)).await?;
    note(&mut tx, deed, saga, true).await?;
    tx.commit().await?;
    Ok(true)
}

async fn write_back(
    database: &Database,
    deed: &Deed,
    saga: &Saga,
    come_to: AdoptedAs,
) -> Result<bool, RestoredError> {
    let mut tx = database.begin().await?;
    if !adopt::adopt(&mut tx, &deed.adopted(saga), come_to).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    let undone = come_to == AdoptedAs::Undone;
    ledger::record(&mut tx, &deed.transfers(saga, undone && deed.undone)).await?;
    note(&mut tx, deed, saga, undone).await?;
    tx.commit().await?;
    Ok(true)
}

async fn note(
    tx: &mut PgConnection,
    deed: &Deed,
    saga: &Saga,
    undone: bool,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into restored_effect (effect, saga, undone_at)
         values ($1, $2, case when $3 then clock_timestamp() end)
         on conflict (effect) do update
            set undone_at = coalesce(restored_effect.undone_at, excluded.undone_at)",
    )
    .bind(deed.effect.to_string())
    .bind(&saga.id)
    .bind(undone)
    .execute(tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: i64, key: &str, operation: &str, charge: Option<&str>) -> Entry {
        let entry = json!({
            "id": id, "at": "2026-11-27T10:00:00Z", "key": key, "operation": operation,
            "authorization_id": "a1", "charge_id": charge, "amount": 500, "currency": "EUR",
        });
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn a_log_is_read_as_effects_with_what_became_of_them() {
        let mut log = vec![
            entry(1, "9f/authorize/forward/1", "authorize", None),
            entry(2, "9f/capture/forward/1", "capture", Some("c1")),
            entry(3, "9f/rest/forward/1/late/settle", "settle", Some("c9")),
        ];
        let (told, others) = deeds(&log);
        assert_eq!((told.len(), others), (2, 1));
        assert!(!told[0].is_live(), "the charge has used it");
        assert!(told[1].is_live());

        log.push(entry(4, "9f/capture/compensate/1", "refund", Some("c1")));
        let (told, _) = deeds(&log);
        assert!(told[1].undone && !told[1].is_live());
    }
}
