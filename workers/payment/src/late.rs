//! Money that nobody wants any more, given back: it came after its payment request was cancelled, or just before.
//!
//! A saga that was undone is over, so no saga can look after such money; this does, for ever. The charge is written
//! down first, then given back under a key of its own, then booked: whoever dies in between, the next round goes on
//! from the row. The key is made of the request's, which has one charge at most: the saga's undoing and this loop may
//! both try.

use std::sync::Arc;
use std::time::Duration;

use impresario_protocol::Problem;
use impresario_worker_sdk::{Database, Undo};
use sqlx::Row;
use tokio_util::sync::CancellationToken;

use crate::ledger::{self, Money, Movement, Transfer};
use crate::provider::{Charge, Provider};

/// Charges given back in one round at most.
const ROUND_MAX: i64 = 100;
/// One request to the provider.
const PATIENCE: Duration = Duration::from_secs(5);

/// A charge to give back.
#[derive(Clone, Debug)]
pub(crate) struct Unwanted {
    pub(crate) charge: Charge,
    pub(crate) saga: String,
    /// The effect key of the request that it came for.
    pub(crate) key: String,
}

/// How giving back went.
#[derive(Debug)]
pub(crate) enum GivenBack {
    /// It is with the customer, and in the books.
    Done,
    /// To be tried again; never [`Undo::Undone`].
    NotYet(Undo),
}

/// Why a round could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LateError {
    /// The pool's database.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The provider would not say what came late.
    #[error("{}: {}", .0.code, .0.message)]
    Provider(Problem),
}

pub(crate) fn problem(error: &sqlx::Error) -> Problem {
    tracing::warn!(%error, "late money cannot be booked");
    Problem::new("database", "the books could not be written")
}

pub(crate) async fn run(
    database: Database,
    provider: Arc<dyn Provider>,
    every: Duration,
    shutdown: CancellationToken,
) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        match round(&database, &provider).await {
            Ok(0) => {}
            Ok(returned) => tracing::info!(returned, "late money was given back"),
            Err(error) => tracing::warn!(%error, "late money could not be looked for"),
        }
    }
}

/// Looks for late money once and gives it back; how many charges it was.
pub async fn round(database: &Database, provider: &Arc<dyn Provider>) -> Result<usize, LateError> {
    let Some(requests) = provider.clone().requests() else {
        return Ok(0);
    };
    let late = requests
        .late_charges(PATIENCE)
        .await
        .map_err(LateError::Provider)?;
    for found in late {
        let saga = found.metadata.get("saga").and_then(|saga| saga.as_str());
        let unwanted = Unwanted {
            charge: found.charge,
            saga: saga.unwrap_or_default().to_owned(),
            key: found.key,
        };
        write_down(database, &unwanted).await?;
    }
    let mut returned = 0;
    for unwanted in open(database).await? {
        match give_back(database, provider.as_ref(), &unwanted, PATIENCE).await? {
            GivenBack::Done => returned += 1,
            GivenBack::NotYet(why) => {
                let charge = &unwanted.charge.charge_id;
                tracing::warn!(charge, ?why, "late money could not be given back yet");
            }
        }
    }
    Ok(returned)
}

async fn open(database: &Database) -> Result<Vec<Unwanted>, sqlx::Error> {
    let rows = sqlx::query(
        "select charge_id, saga, key, amount, currency
           from late_charge
          where returned_at is null
          order by found_at
          limit $1",
    )
    .bind(ROUND_MAX)
    .fetch_all(database.pool())
    .await?;
    rows.iter()
        .map(|row| {
            let money = Money {
                amount: row.try_get("amount")?,
                currency: row.try_get("currency")?,
            };
            let charge = Charge {
                charge_id: row.try_get("charge_id")?,
                money,
            };
            let (saga, key) = (row.try_get("saga")?, row.try_get("key")?);
            Ok(Unwanted { charge, saga, key })
        })
        .collect()
}

async fn write_down(database: &Database, unwanted: &Unwanted) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into late_charge (charge_id, saga, key, amount, currency)
         values ($1, $2, $3, $4, $5)
         on conflict (charge_id) do nothing",
    )
    .bind(&unwanted.charge.charge_id)
    .bind(&unwanted.saga)
    .bind(&unwanted.key)
    .bind(unwanted.charge.money.amount)
    .bind(&unwanted.charge.money.currency)
    .execute(database.pool())
    .await?;
    Ok(())
}

/// Writes the charge down, gives it back, and books both its coming and its going.
pub(crate) async fn give_back(
    database: &Database,
    provider: &dyn Provider,
    unwanted: &Unwanted,
    within: Duration,
) -> Result<GivenBack, sqlx::Error> {
    write_down(database, unwanted).await?;
    let charge = &unwanted.charge;
    // The transfers' ids; the second is the provider's key too.
    let settle = format!("{}/late/settle", unwanted.key);
    let refund = format!("{}/late/refund", unwanted.key);
    match provider.refund(&refund, &charge.charge_id, within).await {
        Undo::Undone(_) => {}
        undo @ (Undo::Failed(_) | Undo::Unknown(_)) => return Ok(GivenBack::NotYet(undo)),
    }
    let mut tx = database.begin().await?;
    let transfer = |effect: String, movement| Transfer {
        effect,
        saga: unwanted.saga.clone(),
        movement,
        money: charge.money.clone(),
    };
    let transfers = [
        transfer(settle, Movement::Settle),
        transfer(refund, Movement::Refund),
    ];
    ledger::record(&mut tx, &transfers).await?;
    sqlx::query("update late_charge set returned_at = clock_timestamp() where charge_id = $1")
        .bind(&charge.charge_id)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(GivenBack::Done)
}
