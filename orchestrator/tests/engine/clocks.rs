//! H14: engines and a database whose clocks differ. Nothing that is right depends on a clock; what is due is due by the
//! database's, which all replicas follow.

use std::time::{Duration, Instant};

use impresario_orchestrator::clock;
use impresario_protocol::Operation;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::fixture::{PATIENCE, Replica, STORY, Setup, database, seat, success};

/// More than a day: the replicas do not even agree about the date.
const FAR_MS: i64 = 30 * 3_600_000;

/// A timeout of the story, and what a busy machine needs to notice it.
const SOON_MS: u64 = 20_000;

/// Its clock is wrong by so much; attempts take a little longer than elsewhere.
async fn replica_that_is_off(name: &str, url: &str, off_by_ms: i64) -> Replica {
    let setup = Setup {
        clock_off_by_ms: off_by_ms,
        definition: Some(Box::leak(
            STORY.replace("timeout: 1s", "timeout: 4s").into_boxed_str(),
        )),
        ..Setup::default()
    };
    Replica::start_with(name, url, setup).await
}

#[tokio::test]
async fn h14_replicas_days_apart_agree_on_keys_on_limits_and_on_what_is_due() {
    let url = database().await;
    let early = replica_that_is_off("early", &url, -FAR_MS).await;
    let late = replica_that_is_off("late", &url, FAR_MS).await;

    // One key at both is one saga.
    let (one, other) = tokio::join!(
        early.start_saga("k1", seat()),
        late.start_saga("k1", seat()),
    );
    let (saga, other) = (one.unwrap().id, other.unwrap().id);
    assert_eq!(saga, other);

    // Whoever sends a task, its limit is right for a worker whose clock is.
    let second = late.start_saga("k2", seat()).await.unwrap().id;
    let hold = late.task(second, "hold", Operation::Forward, 1).await;
    let limit = hold.not_after.unwrap();
    let now = clock::now();
    assert!(
        limit > now - SOON_MS && limit < now + SOON_MS,
        "a limit of {limit} at {now}"
    );

    // What one has set is due for the other when it is due, not a day later: nobody answers the first attempt.
    late.engine.stop().await;
    early.task(second, "hold", Operation::Forward, 2).await;
    let hold = early.task(second, "hold", Operation::Forward, 2).await;
    early.answer(&hold, success(json!({"id": 7}))).await;
    early.task(second, "charge", Operation::Forward, 1).await;
    let facts = early.facts(second).await;
    assert_eq!(
        facts,
        [
            "started",
            "dispatched hold",
            "retry_scheduled hold",
            "dispatched hold",
            "succeeded hold",
            "dispatched charge"
        ],
        "it neither turned around nor gave up"
    );
}

/// A database whose clock can be set: its `clock_timestamp()` is ours.
async fn set_clock(url: &str, off_by: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let made: bool = sqlx::query_scalar("select to_regclass('public.off_by') is not null")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    if !made {
        let make = "set allow_system_table_mods = on;
            create table public.off_by (off_by interval not null);
            insert into public.off_by values ('0');
            alter function pg_catalog.clock_timestamp() rename to true_clock_timestamp;
            create function pg_catalog.clock_timestamp() returns timestamptz language sql volatile
                as 'select pg_catalog.true_clock_timestamp() + (select off_by from public.off_by)';";
        sqlx::raw_sql(make).execute(&mut connection).await.unwrap();
    }
    sqlx::query("update public.off_by set off_by = $1::text::interval")
        .bind(off_by)
        .execute(&mut connection)
        .await
        .unwrap();
}

/// Who holds how many partitions.
async fn held(replica: &Replica, name: &str) -> i64 {
    sqlx::query_scalar("select count(*) from lease where owner = $1")
        .bind(name)
        .fetch_one(&replica.engine.database().pool)
        .await
        .unwrap()
}

type Left = (Vec<(i16, Option<String>, String)>, Vec<(String, String)>);

/// The leases, and who was seen alive when.
async fn what_it_holds(url: &str) -> Left {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let leases = "select partition, owner, until::text from impresario.lease";
    let leases = sqlx::query_as(leases).fetch_all(&mut connection).await;
    let replicas = "select name, seen_at::text from impresario.replica";
    let replicas = sqlx::query_as(replicas).fetch_all(&mut connection).await;
    (leases.unwrap(), replicas.unwrap())
}

async fn put_back(url: &str, (leases, replicas): &Left) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    for (partition, owner, until) in leases {
        let set = "update impresario.lease set owner = $2, until = $3::text::timestamptz where partition = $1";
        let set = sqlx::query(set).bind(partition).bind(owner).bind(until);
        set.execute(&mut connection).await.unwrap();
    }
    for (name, seen_at) in replicas {
        let insert =
            "insert into impresario.replica (name, seen_at) values ($1, $2::text::timestamptz)";
        let insert = sqlx::query(insert).bind(name).bind(seen_at);
        insert.execute(&mut connection).await.unwrap();
    }
}

#[tokio::test]
async fn h14_a_database_set_back_by_an_hour_keeps_nobody_from_what_a_dead_replica_held() {
    let url = database().await;
    set_clock(&url, "1 hour").await;
    let dead = Replica::start("dead", &url).await;
    let saga = dead.start_saga("k1", seat()).await.unwrap().id;
    let hold = dead.task(saga, "hold", Operation::Forward, 1).await;
    while held(&dead, "dead").await < 4 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let left = what_it_holds(&url).await;
    dead.engine.stop().await;
    set_clock(&url, "0").await;
    // As if it had died instead: its leases, and its last sign of life, are an hour in the future now.
    put_back(&url, &left).await;

    let alive = Replica::start("alive", &url).await;
    let began = Instant::now();
    while held(&alive, "alive").await < 4 {
        assert!(
            began.elapsed() < PATIENCE,
            "{} of 4 partitions",
            held(&alive, "alive").await
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    alive.answer(&hold, success(json!({"id": 7}))).await;
    let charge = alive.task(saga, "charge", Operation::Forward, 1).await;
    alive.answer(&charge, success(json!({"id": 8}))).await;
    let issue = alive.task(saga, "issue", Operation::Forward, 1).await;
    alive.answer(&issue, success(json!({}))).await;
    alive.wait_status(saga, "completed").await;
}
