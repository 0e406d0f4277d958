//! H26: 100,000 timers in one second. They are served in their turn, and nobody else waits for the last of them.

use std::time::{Duration, Instant};

use impresario_protocol::Operation;
use impresario_workflows::SagaId;
use serde_json::json;
use sqlx::PgPool;

use crate::fixture::{Replica, Setup, database, success};

/// One step that waits for an answer, and a deadline that ends the saga: one transition a timer.
const STORM: &str = r#"
saga: storm
version: 1
description: sagas that end together
deadline: 1h
input: { type: object, additionalProperties: true }
steps:
  hold:
    task: seats/hold
    timeout: 2h
    input: {}
    compensate: none
    reason: holds end by themselves
  charge:
    task: money/charge
    needs: [hold]
    pivot: true
    on_unknown: operator
    input: {}
"#;

const TIMERS: usize = 100_000;

/// A busy machine serves some thousands a second.
const STORM_MAX: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn h26_a_hundred_thousand_timers_in_one_second_starve_nobody() {
    let setup = Setup {
        definition: Some(STORM),
        ..Setup::default()
    };
    let replica = Replica::start_with("a", &database().await, setup).await;
    // So that the definition is stored, and the paths are warm.
    through(&replica, "warm-up").await;
    let pool = replica.engine.database().pool.clone();
    seed(&pool).await;

    let began = Instant::now();
    let (mut longest, mut served) = (Duration::ZERO, 0);
    let left = loop {
        let left = open(&pool).await;
        if left == 0 || began.elapsed() > STORM_MAX {
            break left;
        }
        // Somebody who starts a saga in the middle of it.
        longest = longest.max(through(&replica, &format!("through the storm {served}")).await);
        served += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let storm = began.elapsed();
    eprintln!(
        "{TIMERS} timers in {storm:.1?}; {served} sagas beside them, the slowest {longest:.1?}"
    );
    assert_eq!(left, 0, "after {storm:?}");
    assert!(served >= 5, "only {served} sagas got through");
    assert!(
        longest < storm / 3,
        "a saga waited {longest:?} in a storm of {storm:?}"
    );
}

/// Starts a saga, answers its first task, and waits for what follows; how long that took.
async fn through(replica: &Replica, key: &str) -> Duration {
    let began = Instant::now();
    let saga = replica.start_saga(key, json!({})).await.unwrap().id;
    let hold = replica.task(saga, "hold", Operation::Forward, 1).await;
    replica.answer(&hold, success(json!({}))).await;
    replica.task(saga, "charge", Operation::Forward, 1).await;
    began.elapsed()
}

/// Sagas as an engine has left them an hour ago, with one deadline at one instant: a moment ago.
async fn seed(pool: &PgPool) {
    let now = impresario_orchestrator::clock::now();
    let started = now - 3_600_000;
    let ids: Vec<uuid::Uuid> = (0..TIMERS)
        .map(|number| SagaId::derive(now, "main", "storm", &format!("storm {number}")).0)
        .collect();
    let body = json!({"c": "seed.1", "at": started, "by": ["start"], "ev": [
        {"event": "started", "at": started, "input": {}},
        {"event": "dispatched", "step": "hold", "operation": "forward", "attempt": 1,
         "at": started, "until": started + 7_200_000},
    ]});
    let insert = "with ids as (select id, n from unnest($1::uuid[]) with ordinality as i (id, n)),
        sagas as (
            insert into saga (id, tenant, definition_id, partition, status, started_at, wake_at)
            select id, 'main', (select id from definition where name = 'storm'), n % 4, 'running',
                   clock_timestamp() - interval '1 hour', now()
            from ids)
        insert into journal (saga_id, seq, body) select id, 1, $2 from ids";
    sqlx::query(insert)
        .bind(&ids)
        .bind(body.to_string().into_bytes())
        .execute(pool)
        .await
        .unwrap();
    sqlx::query("analyze saga, journal")
        .execute(pool)
        .await
        .unwrap();
}

async fn open(pool: &PgPool) -> i64 {
    // The warm-up and those who come through are past their hold, with an hour to their deadline.
    sqlx::query_scalar("select count(*) from saga where wake_at <= clock_timestamp()")
        .fetch_one(pool)
        .await
        .unwrap()
}
