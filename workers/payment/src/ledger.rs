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

/// Writes a transfer under its effect key, once.
pub async fn record(
    tx: &mut PgConnection,
    effect: &str,
    saga: &str,
    movement: Movement,
    money: &Money,
) -> Result<(), sqlx::Error> {
    let entries = movement.entries();
    sqlx::query(
        "with t as (
             insert into transfer (transfer_id, saga, kind)
             values ($1, $2, $3)
             on conflict (transfer_id) do nothing
             returning transfer_id
         )
         insert into entry (transfer_id, account, currency, amount)
         select t.transfer_id, e.account, $4, e.sign * $5
           from t, unnest($6::text[], $7::int8[]) as e(account, sign)",
    )
    .bind(effect)
    .bind(saga)
    .bind(movement.as_str())
    .bind(&money.currency)
    .bind(money.amount)
    .bind(entries.iter().map(|entry| entry.0).collect::<Vec<_>>())
    .bind(entries.iter().map(|entry| entry.1).collect::<Vec<_>>())
    .execute(tx)
    .await?;
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
