//! Old days go as whole tables, and never with a saga in them that has not ended. Time is a parameter here.

use std::time::Duration;

use impresario_orchestrator::store::{Database, Options, days, retention};
use impresario_workflows::{Millis, SagaId};
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection, PgPool};

use crate::fixture::{PATIENCE, database};

const DAY_MS: Millis = 86_400_000;

/// Noon of this day.
fn noon(day: u32) -> Millis {
    Millis::from(day) * DAY_MS + DAY_MS / 2
}

/// A database with partitions for the days from `first`, and no engine on it.
async fn opened(first: u32) -> (Database, String) {
    let url = database().await;
    let database = Database::open(&Options::new(&url)).await.unwrap();
    days::ensure(&database.pool, noon(first)).await.unwrap();
    (database, url)
}

/// A saga that started on `day`, with a journal row; ended at `ended`, or in `status` still.
async fn saga(pool: &PgPool, day: u32, key: &str, status: &str, ended: Option<Millis>) -> SagaId {
    let key = format!("{key} {day}");
    let id = SagaId::derive(noon(day), "main", "story", &key);
    let wake = matches!(status, "running" | "compensating");
    sqlx::query(
        "with key as (
             insert into saga_key values ('main', 'story', $2, $1, ''::bytea)
         ), row as (
             insert into journal values ($1, 1, convert_to($6::text, 'utf8'))
         )
         insert into saga (id, tenant, definition_id, partition, status, started_at, ended_at, wake_at)
         values ($1, 'main', 1, 0, $3, to_timestamp($4 / 1000.0), to_timestamp($5 / 1000.0),
                 case when $7 then now() end)",
    )
    .bind(id.0)
    .bind(&key)
    .bind(status)
    .bind(noon(day) as f64)
    .bind(ended.map(|at| at as f64))
    .bind(json!({"c": "t.1", "at": 0, "by": [], "ev": []}).to_string())
    .bind(wake)
    .execute(pool)
    .await
    .unwrap();
    id
}

async fn sagas(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from saga s join journal j on j.saga_id = s.id")
        .fetch_one(pool)
        .await
        .unwrap()
}

/// Tables of this day, attached or not.
async fn tables(pool: &PgPool, day: u32) -> i64 {
    sqlx::query_scalar("select count(*) from pg_class where relname in ($1, $2)")
        .bind(format!("saga_{day}"))
        .bind(format!("journal_{day}"))
        .fetch_one(pool)
        .await
        .unwrap()
}

async fn turn(database: &Database, now: Millis) -> retention::Turn {
    retention::turn(database, now, 30)
        .await
        .unwrap()
        .expect("nobody else drops")
}

#[tokio::test]
async fn a_day_goes_when_its_last_saga_has_been_ended_for_long_enough() {
    let first = 20_000;
    let (database, _) = opened(first).await;
    let pool = &database.pool;
    saga(pool, first, "quick", "completed", Some(noon(first))).await;
    saga(pool, first, "undone", "compensated", Some(noon(first) + 1)).await;
    saga(pool, first + 1, "quick", "completed", Some(noon(first + 1))).await;
    // It ran for three weeks: its day is kept for thirty more.
    saga(pool, first + 1, "slow", "completed", Some(noon(first + 22))).await;

    // A day before the first there is an empty one, made for a replica whose clock is behind.
    let gone = turn(&database, noon(first + 30)).await;
    assert_eq!((gone.dropped, gone.kept_open), (vec![first - 1], vec![]));
    let gone = turn(&database, noon(first + 31)).await;
    assert_eq!((gone.dropped, gone.kept_open), (vec![first], vec![]));
    assert_eq!(
        (tables(pool, first).await, tables(pool, first + 1).await),
        (0, 2)
    );
    assert_eq!(sagas(pool).await, 2, "the other day is untouched");

    let gone = turn(&database, noon(first + 51)).await;
    assert!(!gone.dropped.contains(&(first + 1)), "{gone:?}");
    let gone = turn(&database, noon(first + 53)).await;
    assert!(gone.dropped.contains(&(first + 1)), "{gone:?}");
    assert_eq!(sagas(pool).await, 0);
    let keys: i64 = sqlx::query_scalar("select count(*) from saga_key")
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(keys, 4, "keys outlive their sagas");
}

#[tokio::test]
async fn an_open_saga_keeps_its_day_however_old() {
    let first = 20_000;
    let (database, _) = opened(first).await;
    let pool = &database.pool;
    let kept = [
        (first, "running"),
        (first + 1, "compensating"),
        (first + 2, "stuck"),
    ];
    for (day, status) in kept {
        saga(pool, day, "ended", "completed", Some(noon(day))).await;
        saga(pool, day, "open", status, None).await;
    }
    let year_later = noon(first + 400);
    let turn = turn(&database, year_later).await;
    assert_eq!(turn.kept_open, kept.map(|(day, _)| (day, 1)));
    assert_eq!(sagas(pool).await, 6);

    // A running saga without a wake-up must not exist. If one does, no index tells, and it still keeps its day.
    sqlx::query("update saga set wake_at = null")
        .execute(pool)
        .await
        .unwrap();
    self::turn(&database, year_later).await;
    assert_eq!(sagas(pool).await, 6);

    sqlx::query("update saga set status = 'completed', ended_at = to_timestamp($1 / 1000.0) where ended_at is null")
        .bind(noon(first + 3) as f64)
        .execute(pool)
        .await
        .unwrap();
    self::turn(&database, year_later).await;
    assert_eq!(sagas(pool).await, 0);
}

#[tokio::test]
async fn what_a_dead_replica_left_half_done_is_finished() {
    let first = 20_000;
    let (database, url) = opened(first).await;
    let pool = &database.pool;
    for day in first..first + 4 {
        saga(pool, day, "ended", "completed", Some(noon(day))).await;
    }
    // Decided, and then: nothing; one table gone; a table detached; a detach cut off by its timeout.
    sqlx::query("insert into day_dropped (day, sagas) select generate_series($1, $1 + 3), 1")
        .bind(i32::try_from(first).unwrap())
        .execute(pool)
        .await
        .unwrap();
    let run = async |sql: String| {
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let sql = format!("set search_path = impresario; {sql}");
        for part in sql.split(';') {
            let done = connection
                .execute(sqlx::raw_sql(sqlx::AssertSqlSafe(part.to_owned())))
                .await;
            done?;
        }
        Ok::<(), sqlx::Error>(())
    };
    run(format!("drop table saga_{}", first + 1)).await.unwrap();
    run(format!(
        "alter table saga detach partition saga_{}",
        first + 2
    ))
    .await
    .unwrap();
    let mut reader = pool.begin().await.unwrap();
    sqlx::query("select count(*) from saga")
        .execute(&mut *reader)
        .await
        .unwrap();
    let cut = format!(
        "set lock_timeout = '200ms';alter table saga detach partition saga_{} concurrently",
        first + 3
    );
    assert!(run(cut).await.is_err(), "the reader holds it up");
    reader.rollback().await.unwrap();
    let pending: i64 =
        sqlx::query_scalar("select count(*) from pg_inherits where inhdetachpending")
            .fetch_one(pool)
            .await
            .unwrap();
    assert_eq!(pending, 1, "the story needs a detach that was cut off");

    // Long before their retention is over: what was decided is decided.
    let done = turn(&database, noon(first + 1)).await;
    assert_eq!(done.dropped, (first..first + 4).collect::<Vec<_>>());
    for day in first..first + 4 {
        assert_eq!(tables(pool, day).await, 0, "day {day}");
    }
    assert!(turn(&database, noon(first + 1)).await.dropped.is_empty());
}

#[tokio::test]
async fn one_replica_at_a_time_and_nobody_who_reads_is_in_its_way_for_ever() {
    let first = 20_000;
    let (database, url) = opened(first).await;
    let pool = &database.pool;
    saga(pool, first, "ended", "completed", Some(noon(first))).await;
    let later = noon(first + 100);
    let mut other = PgConnection::connect(&url).await.unwrap();
    sqlx::query("select pg_advisory_lock(7105002)")
        .execute(&mut other)
        .await
        .unwrap();
    assert_eq!(retention::turn(&database, later, 30).await.unwrap(), None);
    other.close().await.unwrap();

    // A reader in the middle of a transaction is waited for; starts of new sagas are not held up meanwhile.
    let mut reader = pool.begin().await.unwrap();
    sqlx::query("select count(*) from saga")
        .execute(&mut *reader)
        .await
        .unwrap();
    let dropping = tokio::spawn({
        let database = database.clone();
        async move { retention::turn(&database, later, 30).await }
    });
    let waits = async {
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity
                 where query like 'alter table saga detach%' and wait_event_type = 'Lock'
                   and datname = current_database()",
            )
            .fetch_one(pool)
            .await
            .unwrap();
            if waiting == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waits)
        .await
        .expect("it waits for the reader");
    saga(pool, first + 2, "new", "running", None).await;
    reader.rollback().await.unwrap();
    let turn = dropping.await.unwrap().unwrap().unwrap();
    assert!(turn.dropped.contains(&first), "{turn:?}");
    assert_eq!(turn.kept_open, [(first + 2, 1)]);
}

#[tokio::test]
async fn a_day_is_kept_while_something_of_it_has_not_been_told() {
    let first = 20_000;
    let (database, _) = opened(first).await;
    let pool = &database.pool;
    let id = saga(pool, first, "quick", "completed", Some(noon(first))).await;
    sqlx::query(
        "insert into feed (partition, sagas, seqs, added_at)
         values (0, array[$1], array[1], to_timestamp($2 / 1000.0))",
    )
    .bind(id.0)
    .bind(noon(first) as f64)
    .execute(pool)
    .await
    .unwrap();

    let gone = turn(&database, noon(first + 31)).await;
    assert!(!gone.dropped.contains(&first), "{gone:?}");
    assert_eq!(sagas(pool).await, 1);

    pool.execute("delete from feed").await.unwrap();
    let gone = turn(&database, noon(first + 31)).await;
    assert!(gone.dropped.contains(&first), "{gone:?}");
    assert_eq!(sagas(pool).await, 0);
}
