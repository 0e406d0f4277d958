//! The books: every movement of money as a transfer whose entries sum to zero.
//!
//! ```text
//!              authorized  promised  provider  sales
//! authorize        +a         -a
//! void             -a         +a
//! capture          -a         +a        +a       -a
//! settle                                +a       -a
//! refund                                -a       +a
//! ```
//!
//! Written in the transaction that stores the step's answer, under the effect key: a repeated step finds its
//! transfer and adds nothing. Balances are sums, so no row is hot.

use impresario_metrics::table::{MONEY_MOVED, MONEY_MOVEMENTS};
use impresario_worker_sdk::Database;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, Row};

/// An amount in minor units of a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Minor units (cents).
    pub amount: i64,
    /// ISO 4217 code.
    pub currency: String,
}

/// A movement of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// A customer's bank promised the money.
    Authorize,
    /// The promise was given back.
    Void,
    /// The money was taken.
    Capture,
    /// The money was given back.
    Refund,
    /// The customer transferred the money: taken without having been promised.
    Settle,
}

impl Movement {
    fn as_str(self) -> &'static str {
        match self {
            Movement::Authorize => "authorize",
            Movement::Void => "void",
            Movement::Capture => "capture",
            Movement::Refund => "refund",
            Movement::Settle => "settle",
        }
    }

    /// Account and sign of each entry.
    fn entries(self) -> &'static [(&'static str, i64)] {
        match self {
            Movement::Authorize => &[("authorized", 1), ("promised", -1)],
            Movement::Void => &[("authorized", -1), ("promised", 1)],
            Movement::Capture => &[
                ("authorized", -1),
                ("promised", 1),
                ("provider", 1),
                ("sales", -1),
            ],
            Movement::Refund => &[("provider", -1), ("sales", 1)],
            Movement::Settle => &[("provider", 1), ("sales", -1)],
        }
    }
}

/// One movement about to be written.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// The effect key: one transfer per effect, however often it is told.
    pub effect: String,
    /// The saga that it belongs to.
    pub saga: String,
    /// What moved.
    pub movement: Movement,
    /// How much.
    pub money: Money,
}

/// Writes transfers with different effect keys, each once, with all their entries in one statement: the database
/// refuses a statement whose entries do not sum to zero.
pub async fn record(tx: &mut PgConnection, transfers: &[Transfer]) -> Result<(), sqlx::Error> {
    if transfers.is_empty() {
        return Ok(());
    }
    let column = |of: fn(&Transfer) -> &str| transfers.iter().map(of).collect::<Vec<_>>();
    let entries: Vec<(&Transfer, &str, i64)> = transfers
        .iter()
        .flat_map(|transfer| {
            let entries = transfer.movement.entries().iter();
            entries.map(move |(account, sign)| (transfer, *account, sign * transfer.money.amount))
        })
        .collect();
    sqlx::query(
        "with made as (
             insert into transfer (transfer_id, saga, kind)
             select t.id, t.saga, t.kind
               from unnest($1::text[], $2::text[], $3::text[]) as t(id, saga, kind)
              order by t.id
             on conflict (transfer_id) do nothing
             returning transfer_id
         )
         insert into entry (transfer_id, account, currency, amount)
         select e.id, e.account, e.currency, e.amount
           from unnest($4::text[], $5::text[], $6::text[], $7::int8[])
                as e(id, account, currency, amount)
           join made on made.transfer_id = e.id",
    )
    .bind(column(|transfer| &transfer.effect))
    .bind(column(|transfer| &transfer.saga))
    .bind(column(|transfer| transfer.movement.as_str()))
    .bind(
        entries
            .iter()
            .map(|entry| entry.0.effect.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(entries.iter().map(|entry| entry.1).collect::<Vec<_>>())
    .bind(
        entries
            .iter()
            .map(|entry| entry.0.money.currency.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(entries.iter().map(|entry| entry.2).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    for Transfer {
        movement, money, ..
    } in transfers
    {
        MONEY_MOVEMENTS.with([movement.as_str()]).increment(1);
        MONEY_MOVED
            .with([movement.as_str(), &money.currency])
            .increment(u64::try_from(money.amount).unwrap_or_default());
    }
    Ok(())
}

/// What an account holds in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// The account.
    pub account: String,
    /// Minor units and currency.
    #[serde(flatten)]
    pub money: Money,
}

/// The balance of every account and currency that has entries.
pub async fn balances(database: &Database) -> Result<Vec<Balance>, sqlx::Error> {
    let rows = sqlx::query(
        "select account, currency, sum(amount)::int8 as amount
           from entry
          group by account, currency
          order by account, currency",
    )
    .fetch_all(database.pool())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Balance {
                account: row.try_get("account")?,
                money: Money {
                    amount: row.try_get("amount")?,
                    currency: row.try_get("currency")?,
                },
            })
        })
        .collect()
}
