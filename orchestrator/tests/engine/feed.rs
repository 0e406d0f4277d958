//! H24: what is committed is told on Kafka, each saga's rows in order and without a gap, whoever dies meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use impresario_feed::{From, Reader, Seen, Sequences};
use impresario_orchestrator::feeding::{self, ABOUT};
use impresario_orchestrator::store::{self, Database, Options as StoreOptions};
use impresario_services::{Kafka, Postgres, shared};
use impresario_workflows::SagaId;
use serde_json::json;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::fixture::{Replica, Setup, database};

/// Three moments: four rows, and nobody else is needed.
const QUICK: &str = r#"
saga: quick
version: 1
deadline: 1h
input: { type: object, additionalProperties: true }
steps:
  one: { sleep: 1ms }
  two: { needs: [one], sleep: 1ms }
  three: { needs: [two], sleep: 1ms }
output: {}
"#;

/// Sagas of a run; `FEED_SAGAS` asks for more.
const SAGAS: usize = 1_500;

/// Starts that wait for an answer at the same time.
const AT_ONCE: usize = 64;

/// Nothing here takes longer, with a broker that has to come back on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

fn sagas() -> usize {
    let asked = std::env::var("FEED_SAGAS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(SAGAS)
}

/// A feed with topics of its own.
fn feed(brokers: &str) -> feeding::Options {
    feeding::Options {
        brokers: brokers.to_owned(),
        prefix: format!("t{}", uuid::Uuid::new_v4().simple()),
        key: None,
    }
}

async fn replica(name: &str, url: &str, feed: &feeding::Options) -> Replica {
    let setup = Setup {
        definition: Some(QUICK),
        feed: Some(feed.clone()),
        ..Setup::default()
    };
    Replica::start_with(name, url, setup).await
}

/// Starts sagas, each until it is surely there.
async fn start(replica: &Replica, keys: std::ops::Range<usize>) -> Vec<SagaId> {
    futures::stream::iter(keys)
        .map(|key| async move {
            let until = Instant::now() + PATIENCE;
            loop {
                match replica.start_saga(&format!("k{key}"), json!({})).await {
                    Ok(started) => return started.id,
                    Err(error) => assert!(Instant::now() < until, "cannot start: {error}"),
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// Waits until so many have ended and, if asked for, everything is told. As long as that goes on, it may take as long as
/// it takes.
async fn at_rest(pool: &PgPool, sagas: usize, told: bool) {
    let (mut until, mut last) = (Instant::now() + PATIENCE, None);
    loop {
        let seen: Result<(i64, i64), _> = sqlx::query_as(
            "select (select count(*) from saga where ended_at is not null), (select count(*) from feed)",
        )
        .fetch_one(pool)
        .await;
        if let Ok((ended, waits)) = seen {
            if usize::try_from(ended) == Ok(sagas) && (waits == 0 || !told) {
                return;
            }
            if last.replace((ended, waits)) != Some((ended, waits)) {
                until = Instant::now() + PATIENCE;
            }
        }
        assert!(
            Instant::now() < until,
            "of {sagas} sagas, ended and rows that wait: {seen:?}"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What a reader of the topic has seen.
#[derive(Debug, Default)]
struct Account {
    new: usize,
    again: usize,
    last: BTreeMap<String, i64>,
}

/// Reads the topic from its beginning, and fails on a gap, a wrong order or other content under a known number.
async fn read(feed: &feeding::Options) -> Account {
    let topic = impresario_feed::topic(&feed.prefix, ABOUT);
    let mut reader = Reader::open(&feed.brokers, &[topic], From::Beginning)
        .await
        .expect("open the topic");
    let ends = reader.ends().await.expect("the topic's end");
    let mut sequences = Sequences::whole();
    let mut account = Account::default();
    while !reader.has_reached(&ends) {
        let told = tokio::time::timeout(PATIENCE, reader.next())
            .await
            .expect("the topic goes on to its end")
            .expect("an event");
        match sequences.see(&told) {
            Seen::New => account.new += 1,
            Seen::Again => account.again += 1,
            wrong @ (Seen::Gap { .. } | Seen::Differs) => panic!("{wrong:?}: {told:?}"),
        }
    }
    account.last = sequences
        .last()
        .map(|(key, last)| (key.to_owned(), last))
        .collect();
    account
}

/// The topic and the journal say the same: of every saga all rows, and no others.
async fn agrees(pool: &PgPool, account: &Account) {
    let rows: Vec<(uuid::Uuid, i32)> =
        sqlx::query_as("select saga_id, max(seq) from journal group by saga_id")
            .fetch_all(pool)
            .await
            .expect("read the journal");
    let journal: BTreeMap<String, i64> = rows
        .into_iter()
        .map(|(saga, last)| (SagaId(saga).to_string(), i64::from(last)))
        .collect();
    assert_eq!(account.last.len(), journal.len());
    assert_eq!(account.last, journal);
    println!(
        "{} sagas, {} events, {} told again",
        journal.len(),
        account.new,
        account.again
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn h24_all_that_is_committed_is_told_in_order_and_nothing_else() {
    let Some(brokers) = shared::kafka_url().unwrap() else {
        return;
    };
    let feed = feed(&brokers);
    let replica = replica("a", &database().await, &feed).await;
    start(&replica, 0..sagas()).await;
    let pool = replica.engine.database().pool.clone();
    at_rest(&pool, sagas(), true).await;

    let account = read(&feed).await;
    agrees(&pool, &account).await;
    assert_eq!(account.again, 0, "nobody died, and nothing was told twice");
    replica.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h24_kafka_is_killed_and_stays_away_and_the_feed_catches_up() {
    if !shared::kafka().unwrap() {
        return;
    }
    let mut kafka = Kafka::temporary().unwrap();
    let feed = feed(&kafka.url());
    let replica = replica("a", &database().await, &feed).await;
    let pool = replica.engine.database().pool.clone();
    let third = sagas() / 3;
    start(&replica, 0..third).await;

    // In mid-stream, and away for as long as it takes to run another third: sagas do not wait for it.
    let mut kafka = tokio::task::spawn_blocking(move || {
        kafka.kill9().unwrap();
        kafka
    })
    .await
    .unwrap();
    start(&replica, third..2 * third).await;
    at_rest(&pool, 2 * third, false).await;
    let (rows, age) = store::feed::behind(&pool).await.unwrap();
    assert!(rows > 0 && age > 0.0, "{rows} rows wait, for {age} s");
    kafka = tokio::task::spawn_blocking(move || {
        kafka.restart().unwrap();
        kafka
    })
    .await
    .unwrap();
    start(&replica, 2 * third..sagas()).await;
    at_rest(&pool, sagas(), true).await;

    agrees(&pool, &read(&feed).await).await;
    assert_eq!(store::feed::behind(&pool).await.unwrap(), (0, 0.0));
    replica.engine.stop().await;
    drop(kafka);
}

#[tokio::test(flavor = "multi_thread")]
async fn h24_postgres_is_killed_in_mid_stream() {
    let Some(brokers) = shared::kafka_url().unwrap() else {
        return;
    };
    let mut postgres = Postgres::temporary().unwrap();
    let feed = feed(&brokers);
    let url = postgres.url("postgres");
    let replica = replica("a", &url, &feed).await;
    let pool = replica.engine.database().pool.clone();
    let all = sagas();
    let (done, is_done) = watch::channel(false);
    let killer = tokio::task::spawn_blocking(move || {
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(700));
            if *is_done.borrow() {
                break;
            }
            postgres.kill9().unwrap();
            postgres.restart().unwrap();
        }
        postgres
    });
    start(&replica, 0..all).await;
    done.send_replace(true);
    let postgres = killer.await.unwrap();
    at_rest(&pool, all, true).await;

    agrees(&pool, &read(&feed).await).await;
    replica.engine.stop().await;
    drop(postgres);
}

/// Two at a time tell of everything, without asking anybody; each is cut off in the middle of whatever it does.
fn fighters(
    url: &str,
    feed: &feeding::Options,
    stop: &CancellationToken,
) -> Vec<tokio::task::JoinHandle<()>> {
    (0..2)
        .map(|place| {
            let (url, feed, stop) = (url.to_owned(), feed.clone(), stop.clone());
            tokio::spawn(async move {
                let held = watch::channel((0..4).collect::<Vec<u16>>()).0;
                while !stop.is_cancelled() {
                    let mut tasks = JoinSet::new();
                    let life = CancellationToken::new();
                    // There may be no database at the moment.
                    if let Ok(database) = Database::open(&StoreOptions::new(&url)).await {
                        // With nothing in hand: all is read from the journal.
                        let told = feeding::Told {
                            database: &database,
                            partitions: 4,
                            held: &held,
                            fresh: Arc::default(),
                        };
                        let begun = feeding::start(feed.clone(), told, &life, &mut tasks);
                        drop(begun.await);
                    }
                    let lives = Duration::from_millis(900 + 350 * place);
                    tokio::select! {
                        () = tokio::time::sleep(lives) => {}
                        () = stop.cancelled() => {}
                    }
                    tasks.abort_all();
                }
            })
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn h24_publishers_that_all_believe_to_be_alone_and_die_at_any_instant() {
    let Some(brokers) = shared::kafka_url().unwrap() else {
        return;
    };
    let feed = feed(&brokers);
    let url = database().await;
    let replica = Replica::start_with(
        "a",
        &url,
        Setup {
            definition: Some(QUICK),
            ..Setup::default()
        },
    )
    .await;
    let pool = replica.engine.database().pool.clone();
    store::feed::turn_on(&pool).await.unwrap();
    let stop = CancellationToken::new();
    let fighters = fighters(&url, &feed, &stop);
    start(&replica, 0..sagas()).await;
    at_rest(&pool, sagas(), true).await;
    stop.cancel();
    for fighter in fighters {
        fighter.await.unwrap();
    }

    let account = read(&feed).await;
    agrees(&pool, &account).await;
    assert!(account.again > 0, "they did not fight");
    replica.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h24_off_nothing_is_written_down_and_a_saga_may_begin_to_be_told_in_its_middle() {
    let url = database().await;
    let replica = Replica::start("a", &url).await;
    let pool = replica.engine.database().pool.clone();
    let saga = replica
        .start_saga("k", crate::fixture::seat())
        .await
        .unwrap()
        .id;
    let waiting = || async {
        let rows: Vec<(Vec<uuid::Uuid>, Vec<i32>)> =
            sqlx::query_as("select sagas, seqs from feed order by id")
                .fetch_all(&pool)
                .await
                .unwrap();
        rows
    };
    assert!(waiting().await.is_empty());

    assert!(store::feed::turn_on(&pool).await.unwrap());
    assert!(!store::feed::turn_on(&pool).await.unwrap(), "it was on");
    let task = replica
        .task(saga, "hold", impresario_protocol::Operation::Forward, 1)
        .await;
    replica
        .answer(&task, crate::fixture::success(json!({ "id": "h" })))
        .await;
    replica
        .task(saga, "charge", impresario_protocol::Operation::Forward, 1)
        .await;
    assert_eq!(waiting().await, [(vec![saga.0], vec![2])]);
    replica.engine.stop().await;
}

/// Everything at once: two replicas, two more publishers that fight with them, and broker and database are killed in turn
/// until the last saga has ended.
async fn storm(sagas: usize) {
    let mut kafka = Kafka::temporary().unwrap();
    let mut postgres = Postgres::temporary().unwrap();
    let feed = feed(&kafka.url());
    let url = postgres.url("postgres");
    let replicas = [
        replica("a", &url, &feed).await,
        replica("b", &url, &feed).await,
    ];
    let pool = replicas[0].engine.database().pool.clone();
    let stop = CancellationToken::new();
    let fighters = fighters(&url, &feed, &stop);
    let (done, is_done) = watch::channel(false);
    let killer = tokio::task::spawn_blocking(move || {
        let mut kills = 0;
        while !*is_done.borrow() {
            std::thread::sleep(Duration::from_secs(2));
            postgres.kill9().unwrap();
            postgres.restart().unwrap();
            std::thread::sleep(Duration::from_secs(2));
            kafka.kill9().unwrap();
            std::thread::sleep(Duration::from_secs(kills % 4));
            kafka.restart().unwrap();
            kills += 1;
        }
        (kafka, postgres, kills)
    });
    let began = Instant::now();
    let half = sagas / 2;
    tokio::join!(
        start(&replicas[0], 0..half),
        start(&replicas[1], half..sagas)
    );
    done.send_replace(true);
    let (kafka, postgres, kills) = killer.await.unwrap();
    let ended = began.elapsed();
    at_rest(&pool, sagas, true).await;
    println!(
        "{sagas} sagas within {ended:?}, told {:?} later; broker and database were killed {kills} times each",
        began.elapsed() - ended
    );
    stop.cancel();
    for fighter in fighters {
        fighter.await.unwrap();
    }
    let account = read(&feed).await;
    agrees(&pool, &account).await;
    assert!(account.again > 0, "nobody told anything twice");
    for replica in replicas {
        replica.engine.stop().await;
    }
    drop((kafka, postgres));
}

#[tokio::test(flavor = "multi_thread")]
async fn h24_everything_at_once() {
    if shared::kafka().unwrap() {
        storm(sagas()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "three minutes and more: cargo test --workspace --locked --test engine -- --ignored --nocapture h24_a_hundred"]
async fn h24_a_hundred_thousand_sagas_with_everything_at_once() {
    if shared::kafka().unwrap() {
        storm(100_000).await;
    }
}
