//! The tables, row by row as JSON made by the database itself: no reader of the engine's lies between.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use futures::TryStreamExt;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::dev::platform::masked;
use crate::exit::{Code, coded};
use crate::queues::Names;
use crate::verify::table::Table;

const PATIENCE: Duration = Duration::from_secs(10);

/// All of it is held in memory while it is judged: some kilobytes a saga.
const SAGAS_MAX: i64 = 500_000;

/// The participants, each with a barrier in its schema.
const POOLS: [&str; 4] = ["catalog", "payment", "booking", "notification"];

/// File, the tables that it needs, and the rows.
const TABLES: [(Table, &str, &str); 16] = [
    (
        Table::Definition,
        "impresario.definition",
        "select hash, name, version, canonical from impresario.definition order by id",
    ),
    (
        Table::Saga,
        "impresario.saga",
        "select s.id, s.tenant, d.hash as definition, s.partition, s.status, s.business_key, s.attributes,
                (extract(epoch from s.started_at) * 1000000)::int8 as started_at_us,
                (extract(epoch from s.ended_at) * 1000000)::int8 as ended_at_us,
                (extract(epoch from s.wake_at) * 1000000)::int8 as wake_at_us
         from impresario.saga s join impresario.definition d on d.id = s.definition_id
         order by s.started_at, s.id",
    ),
    (
        Table::Journal,
        "impresario.journal",
        "select saga_id, seq, convert_from(body, 'utf8')::json as body
         from impresario.journal order by saga_id, seq",
    ),
    (
        Table::SagaKey,
        "impresario.saga_key",
        "select tenant, definition, key, saga_id from impresario.saga_key order by 1, 2, 3",
    ),
    (
        Table::Outbox,
        "impresario.outbox",
        "select id, pool, partition, nonce, tries, cardinality(tasks) as tasks from impresario.outbox order by id",
    ),
    (
        Table::Seat,
        "catalog.seat",
        "select event_id, seat, price_amount, hold_id, sold_at is not null as sold
         from catalog.seat order by event_id, seat",
    ),
    (
        Table::Hold,
        "catalog.hold",
        "select hold_id, saga, event_id, seats, amount, currency, state from catalog.hold order by created_at",
    ),
    (
        Table::Transfer,
        "payment.transfer",
        "select transfer_id, saga, kind, (extract(epoch from at) * 1000000)::int8 as at_us
         from payment.transfer order by at",
    ),
    (
        Table::Entry,
        "payment.entry",
        "select transfer_id, account, currency, amount from payment.entry order by 1, 2, 3",
    ),
    (
        Table::Booking,
        "booking.booking",
        "select booking_ref, saga, event_id, hold_id, charge_id, amount, currency, state
         from booking.booking order by created_at",
    ),
    (
        Table::Ticket,
        "booking.ticket",
        "select code, booking_ref, event_id, seat, state from booking.ticket order by 2, 4",
    ),
    (
        Table::Delivery,
        "notification.delivery",
        "select delivery_id, saga, kind, state, attempts from notification.delivery order by created_at",
    ),
    (
        Table::Restored,
        "payment.restored_effect",
        "select effect, saga from payment.restored_effect order by at",
    ),
    (
        Table::Effect,
        "witness.effect",
        "select id, (extract(epoch from at) * 1000000)::int8 as at_us, pool, effect, saga, was, now
         from witness.effect order by id",
    ),
    (
        Table::Redelivery,
        "witness.redelivery",
        "select id, (extract(epoch from at) * 1000000)::int8 as at_us, pool, effect, operation, attempt, starts
         from witness.redelivery order by id",
    ),
    (
        Table::Repeat,
        "witness.repeat",
        "select id, (extract(epoch from at) * 1000000)::int8 as at_us, nonce, pool, tries, by
         from witness.repeat order by id",
    ),
];

/// Writes every table that exists.
pub(super) async fn take(url: &str, folder: &Path) -> anyhow::Result<Names> {
    let options: PgConnectOptions = url.parse().context("read --database-url")?;
    let options = options.application_name("impresario verify");
    let connecting = tokio::time::timeout(PATIENCE, options.connect());
    let mut connection = match connecting.await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return Err(away(url, &error.to_string())),
        Err(_) => return Err(away(url, "no answer in 10 s")),
    };
    let mut snapshot = connection
        .begin_with("begin transaction isolation level repeatable read read only")
        .await?;
    bounded(&mut snapshot).await?;
    for (table, needed, rows) in TABLES {
        if exists(&mut snapshot, needed).await? {
            write(&mut snapshot, folder, table, rows).await?;
        }
    }
    barriers(&mut snapshot, folder).await?;
    let names = Names::read(&mut snapshot).await?;
    snapshot.rollback().await?;
    connection.close().await?;
    Ok(names)
}

fn away(url: &str, why: &str) -> anyhow::Error {
    coded(
        Code::Unavailable,
        format!("{} does not answer: {why}", masked(url)),
    )
}

async fn bounded(connection: &mut PgConnection) -> anyhow::Result<()> {
    if !exists(connection, "impresario.saga").await? {
        return Err(coded(
            Code::NotFound,
            "this database has no table impresario.saga",
        ));
    }
    let sagas: i64 = sqlx::query_scalar("select count(*) from impresario.saga")
        .fetch_one(connection)
        .await?;
    anyhow::ensure!(
        sagas <= SAGAS_MAX,
        "{sagas} sagas are more than can be judged at once ({SAGAS_MAX})"
    );
    Ok(())
}

async fn exists(connection: &mut PgConnection, table: &str) -> anyhow::Result<bool> {
    let found = sqlx::query_scalar("select to_regclass($1) is not null")
        .bind(table)
        .fetch_one(connection)
        .await?;
    Ok(found)
}

/// All barriers in one file, each row with its pool.
async fn barriers(connection: &mut PgConnection, folder: &Path) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for pool in POOLS {
        if exists(connection, &format!("{pool}.barrier")).await? {
            rows.push(format!(
                "select '{pool}' as pool, effect, saga, task, state, outcome,
                        (extract(epoch from claimed_at) * 1000000)::int8 as claimed_at_us,
                        (extract(epoch from at) * 1000000)::int8 as at_us
                 from {pool}.barrier"
            ));
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    write(
        connection,
        folder,
        Table::Barrier,
        &rows.join(" union all "),
    )
    .await
}

async fn write(
    connection: &mut PgConnection,
    folder: &Path,
    table: Table,
    rows: &str,
) -> anyhow::Result<()> {
    let path = folder.join(table.file());
    let doing = || format!("write {}", path.display());
    let mut file = BufWriter::new(File::create(&path).with_context(doing)?);
    let sql = format!("select row_to_json(t)::text from ({rows}) t");
    let mut lines = sqlx::query_scalar::<_, String>(AssertSqlSafe(sql)).fetch(connection);
    while let Some(line) = lines.try_next().await.with_context(doing)? {
        writeln!(file, "{line}").with_context(doing)?;
    }
    file.flush().with_context(doing)
}
