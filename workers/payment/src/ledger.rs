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
//! The table above is data (`posting`); an entry is a transfer seen through it. Written in the transaction that stores
//! the step's answer, under the effect key: a repeated step finds its transfer and adds nothing. Balances are sums, so no
//! row is hot.

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

/// Writes transfers with different effect keys, each once. Their entries follow from what moved, by the rules of the
/// table `posting`, so there is nothing to write them to and nothing that could fail to balance.
pub async fn record(tx: &mut PgConnection, transfers: &[Transfer]) -> Result<(), sqlx::Error> {
    if transfers.is_empty() {
        return Ok(());
    }
    let column = |of: fn(&Transfer) -> &str| transfers.iter().map(of).collect::<Vec<_>>();
    sqlx::query(
        "insert into transfer (transfer_id, saga, kind, currency, amount)
         select t.id, t.saga, t.kind, t.currency, t.amount
           from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int8[])
                as t(id, saga, kind, currency, amount)
          order by t.id
         on conflict (transfer_id) do nothing",
    )
    .bind(column(|transfer| &transfer.effect))
    .bind(column(|transfer| &transfer.saga))
    .bind(column(|transfer| transfer.movement.as_str()))
    .bind(column(|transfer| &transfer.money.currency))
    .bind(
        transfers
            .iter()
            .map(|transfer| transfer.money.amount)
            .collect::<Vec<_>>(),
    )
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
