//! Everything that is stored, read once all is at rest: the engine's tables, the pools', the provider's log.

use std::collections::BTreeMap;

use impresario_workflows::Definition;
use impresario_workflows::definition::SHIPPED;
use impresario_workflows::saga::Event;
use serde::Deserialize;
use serde_json::Value;
use sqlx::{FromRow, PgPool};

use crate::platform::Platform;

/// The whole world at rest.
#[derive(Clone)]
pub(crate) struct Dump {
    pub(crate) definition: Definition,
    pub(crate) sagas: BTreeMap<String, Saga>,
    /// (idempotency key, saga)
    pub(crate) keys: Vec<(String, String)>,
    /// (pool, tries)
    pub(crate) outbox: Vec<(String, i32)>,
    /// (queue, messages)
    pub(crate) queues: Vec<(String, u64)>,
    pub(crate) seats: Vec<Seat>,
    pub(crate) holds: BTreeMap<String, Hold>,
    pub(crate) provider: Vec<Movement>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) bookings: Vec<Booking>,
    pub(crate) tickets: Vec<Ticket>,
    /// (saga, kind)
    pub(crate) deliveries: Vec<(String, String)>,
    pub(crate) barriers: BTreeMap<String, Barrier>,
}

/// A saga's row and its journal.
#[derive(Clone)]
pub(crate) struct Saga {
    pub(crate) definition_hash: String,
    pub(crate) status: String,
    pub(crate) ended: bool,
    pub(crate) wakes: bool,
    pub(crate) journal: Vec<JournalRow>,
}

#[derive(Clone)]
pub(crate) struct JournalRow {
    pub(crate) seq: i32,
    pub(crate) nonce: String,
    pub(crate) at: u64,
    pub(crate) by: Vec<String>,
    pub(crate) events: Vec<Event>,
}

#[derive(Clone, FromRow)]
pub(crate) struct Seat {
    pub(crate) event: String,
    pub(crate) seat: String,
    pub(crate) price: i64,
    pub(crate) hold: Option<String>,
    pub(crate) sold: bool,
}

#[derive(Clone, FromRow)]
pub(crate) struct Hold {
    pub(crate) id: String,
    pub(crate) saga: String,
    pub(crate) amount: i64,
    pub(crate) state: String,
}

/// A line of the provider's log.
#[derive(Clone, Deserialize)]
pub(crate) struct Movement {
    pub(crate) id: i64,
    pub(crate) key: String,
    pub(crate) operation: String,
    pub(crate) authorization_id: String,
    pub(crate) charge_id: Option<String>,
    pub(crate) amount: i64,
}

#[derive(Clone, FromRow)]
pub(crate) struct Entry {
    pub(crate) transfer: String,
    pub(crate) saga: String,
    pub(crate) kind: String,
    pub(crate) account: String,
    pub(crate) currency: String,
    pub(crate) amount: i64,
}

#[derive(Clone, FromRow)]
pub(crate) struct Booking {
    pub(crate) reference: String,
    pub(crate) saga: String,
    pub(crate) charge: String,
    pub(crate) amount: i64,
    pub(crate) state: String,
}

#[derive(Clone, FromRow)]
pub(crate) struct Ticket {
    pub(crate) reference: String,
    pub(crate) event: String,
    pub(crate) seat: String,
    pub(crate) state: String,
}

#[derive(Clone, FromRow)]
pub(crate) struct Barrier {
    pub(crate) effect: String,
    pub(crate) saga: String,
    pub(crate) state: String,
    pub(crate) outcome: Option<Value>,
}

/// The body of a journal row, read without the engine's own reader.
#[derive(Deserialize)]
struct Body {
    c: String,
    at: u64,
    by: Vec<String>,
    ev: Vec<Event>,
}

const POOLS: [&str; 4] = ["catalog", "payment", "booking", "notification"];

impl Dump {
    pub(crate) fn take(platform: &Platform) -> Dump {
        let queues = queues(platform);
        platform.runtime.block_on(take(platform, queues))
    }
}

/// The shipped booking, as the processes under test serve it.
pub(crate) fn booking() -> Definition {
    let (name, text) = SHIPPED.iter().find(|(name, _)| *name == "booking").unwrap();
    Definition::parse(name, text).unwrap()
}

async fn take(platform: &Platform, queues: Vec<(String, u64)>) -> Dump {
    let pool = &platform.pool;
    let holds: Vec<Hold> = rows(
        pool,
        "select hold_id::text as id, saga, amount, state from catalog.hold",
    )
    .await;
    let mut barriers = BTreeMap::new();
    for name in POOLS {
        let found: Vec<Barrier> = rows(
            pool,
            format!("select effect, saga, state, outcome::jsonb as outcome from {name}.barrier"),
        )
        .await;
        barriers.extend(found.into_iter().map(|row| (row.effect.clone(), row)));
    }
    Dump {
        definition: booking(),
        sagas: sagas(pool).await,
        keys: rows(pool, "select key, saga_id::text from impresario.saga_key").await,
        outbox: rows(pool, "select pool, tries from impresario.outbox").await,
        queues,
        seats: rows(
            pool,
            "select event_id::text as event, seat, price_amount as price, hold_id::text as hold,
                    sold_at is not null as sold from catalog.seat",
        )
        .await,
        holds: holds.into_iter().map(|hold| (hold.id.clone(), hold)).collect(),
        provider: provider_log(platform).await,
        entries: rows(
            pool,
            "select e.transfer_id as transfer, t.saga, t.kind, e.account, e.currency, e.amount
             from payment.entry e join payment.transfer t using (transfer_id)",
        )
        .await,
        bookings: rows(
            pool,
            "select booking_ref as reference, saga, charge_id as charge, amount, state from booking.booking",
        )
        .await,
        tickets: rows(
            pool,
            "select booking_ref as reference, event_id as event, seat, state from booking.ticket",
        )
        .await,
        deliveries: rows(pool, "select saga, kind from notification.delivery").await,
        barriers,
    }
}

async fn sagas(pool: &PgPool) -> BTreeMap<String, Saga> {
    let found: Vec<(String, String, String, bool, bool)> = rows(
        pool,
        "select s.id::text, d.hash, s.status, s.ended_at is not null, s.wake_at is not null
         from impresario.saga s join impresario.definition d on d.id = s.definition_id",
    )
    .await;
    let mut sagas: BTreeMap<String, Saga> = found
        .into_iter()
        .map(|(id, definition_hash, status, ended, wakes)| {
            let saga = Saga {
                definition_hash,
                status,
                ended,
                wakes,
                journal: Vec::new(),
            };
            (id, saga)
        })
        .collect();
    let journal: Vec<(String, i32, Vec<u8>)> = rows(
        pool,
        "select saga_id::text, seq, body from impresario.journal order by saga_id, seq",
    )
    .await;
    for (id, seq, body) in journal {
        let Body { c, at, by, ev } = serde_json::from_slice(&body).unwrap();
        let row = JournalRow {
            seq,
            nonce: c,
            at,
            by,
            events: ev,
        };
        sagas
            .get_mut(&id)
            .unwrap_or_else(|| panic!("a journal without a saga: {id}"))
            .journal
            .push(row);
    }
    sagas
}

async fn provider_log(platform: &Platform) -> Vec<Movement> {
    let mut log: Vec<Movement> = Vec::new();
    loop {
        let after = log.last().map_or(0, |line| line.id);
        let page = platform.client.provider_log(after).await.unwrap();
        let page: Vec<Movement> = serde_json::from_value(page.body["entries"].clone()).unwrap();
        if page.is_empty() {
            return log;
        }
        log.extend(page);
    }
}

/// Queues of tasks and results with what is in them, unacknowledged messages too.
pub(crate) fn queues(platform: &Platform) -> Vec<(String, u64)> {
    let listed = platform
        .rabbitmq
        .ctl()
        .unwrap()
        .args([
            "-q",
            "list_queues",
            "name",
            "messages",
            "--no-table-headers",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.status.success(), "list_queues: {text}");
    text.lines()
        .filter_map(|line| line.split_once('\t'))
        .filter(|(name, _)| name.starts_with("impresario."))
        .filter_map(|(name, messages)| Some((name.to_owned(), messages.trim().parse().ok()?)))
        .collect()
}

async fn rows<T>(pool: &PgPool, sql: impl Into<String>) -> Vec<T>
where
    T: for<'r> FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    sqlx::query_as(sqlx::AssertSqlSafe(sql.into()))
        .fetch_all(pool)
        .await
        .unwrap()
}

/// Tasks that were delivered more than once, since Postgres started: a crash of it forgets.
pub(crate) fn redelivered(platform: &Platform) -> i64 {
    let counted = sqlx::query_scalar(
        "select coalesce(sum(n_tup_ins), 0)::int8 from pg_stat_user_tables where relname = 'task_start'",
    );
    platform
        .runtime
        .block_on(counted.fetch_one(&platform.pool))
        .unwrap_or_default()
}
