//! Pages that are kept for a moment, with a real Redis and a real PostgreSQL: one read for many, never older than is
//! promised, and a Redis that is killed under load, or members of a cluster, cost nothing but reads.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../it/fixture.rs"]
#[expect(dead_code, reason = "the other tests' tasks")]
mod fixture;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures::future::join_all;
use http_body_util::BodyExt;
use impresario_catalog::Cache;
use impresario_metrics::Role;
use impresario_protocol::Outcome;
use impresario_services::Redis;
use impresario_services::redis::cluster::Cluster;
use impresario_worker_sdk::testing::TestSaga;
use serde_json::Value;
use tower::ServiceExt;

use fixture::{Catalog, EVENT, catalog, hold, pin, sell};

/// What `docs/api.md` promises.
const AGE_MAX: Duration = Duration::from_secs(1);

/// The counters are the process's: one test at a time.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn map() -> String {
    format!("/v1/events/{EVENT}/seats?limit=500")
}

async fn get(catalog: &Catalog, cache: &Cache, path: &str) -> Value {
    let router = impresario_catalog::router(catalog.database.clone(), cache.clone());
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = router.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

fn statuses(map: &Value) -> HashMap<&str, &str> {
    let seats = map["data"].as_array().unwrap();
    seats
        .iter()
        .map(|seat| {
            let (name, status) = (&seat["seat"], &seat["status"]);
            (name.as_str().unwrap(), status.as_str().unwrap())
        })
        .collect()
}

/// A counter of this process.
fn count(series: &str) -> u64 {
    let text = impresario_metrics::render();
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(0, |value| value.trim().parse().unwrap())
}

fn taken(source: &str) -> u64 {
    count(&format!("catalog_pages_total{{source=\"{source}\"}}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_look_in_two_processes_one_reads() {
    let _alone = ALONE.lock().await;
    impresario_metrics::begin(Role::Orchestrator);
    let redis = Redis::temporary().unwrap();
    let catalog = catalog().await;
    let caches = [0, 1].map(|_| Cache::at(&redis.url()).unwrap());
    // Both are connected, so that nobody's patience ends while the machine is busy.
    for cache in &caches {
        get(&catalog, cache, "/v1/events?limit=1").await;
    }
    let (database, shared) = (taken("database"), taken("redis"));
    let path = map();
    let looks = (0..200).map(|number| get(&catalog, &caches[number % 2], &path));
    let maps = join_all(looks).await;
    assert!(maps.iter().all(|map| *map == maps[0]));
    assert_eq!(taken("database") - database, 1, "one reads for all");
    assert_eq!(
        taken("redis") - shared,
        1,
        "the other process takes its page"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_about_one_page_are_in_one_slot_and_end() {
    let _alone = ALONE.lock().await;
    let redis = Redis::temporary().unwrap();
    let catalog = catalog().await;
    let cache = Cache::at(&redis.url()).unwrap();
    get(&catalog, &cache, &map()).await;
    let client = redis::Client::open(redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let ask = redis::cmd("KEYS").arg("*").to_owned();
    let keys: Vec<String> = ask.query_async(&mut connection).await.unwrap();
    assert!(!keys.is_empty());
    assert!(
        keys.iter().all(|key| key.contains(&format!("{{{EVENT}}}"))),
        "{keys:?}"
    );
    tokio::time::sleep(AGE_MAX + Duration::from_millis(100)).await;
    let keys: Vec<String> = ask.query_async(&mut connection).await.unwrap();
    assert!(keys.is_empty(), "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_killed_under_load_costs_no_seat_and_no_truth() {
    let _alone = ALONE.lock().await;
    impresario_metrics::begin(Role::Orchestrator);
    let mut redis = Redis::temporary().unwrap();
    let urls = redis.url();
    let kills = async move {
        for _ in 0..3 {
            until(sharing()).await;
            let silence = silence();
            tokio::task::block_in_place(|| redis.kill9()).unwrap();
            until(silence).await;
            tokio::task::block_in_place(|| redis.restart()).unwrap();
        }
        until(sharing()).await;
    };
    under_load(&urls, Duration::from_millis(15), kills).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_cluster_killed_under_load_cost_no_seat_and_no_truth() {
    let _alone = ALONE.lock().await;
    impresario_metrics::begin(Role::Orchestrator);
    let mut cluster = tokio::task::block_in_place(Cluster::temporary).unwrap();
    let urls = cluster.urls();
    let kills = async move {
        let members = cluster.members();
        // Who has the hall's pages goes; who takes over goes, when the one before is back; and so on.
        for round in 1..=3 {
            until(sharing()).await;
            let owner = owner(members).await;
            let silence = silence();
            let killed_at = Instant::now();
            tokio::task::block_in_place(|| members[owner].kill9()).unwrap();
            until(silence).await;
            until(sharing()).await;
            println!("{round}: shared again after {:?}", killed_at.elapsed());
            tokio::task::block_in_place(|| members[owner].restart()).unwrap();
            until_it_follows(&members[owner]).await;
        }
        let silence = silence();
        tokio::task::block_in_place(|| members.iter_mut().try_for_each(Redis::kill9)).unwrap();
        until(silence).await;
        tokio::task::block_in_place(|| members.iter_mut().try_for_each(Redis::restart)).unwrap();
        until(sharing()).await;
    };
    under_load(&urls, Duration::from_millis(100), kills).await;
}

/// Whether pages come from Redis, from now on.
fn sharing() -> impl Fn() -> bool {
    let shared = taken("redis");
    move || taken("redis") > shared
}

/// Whether Redis has left a question unanswered, from now on.
fn silence() -> impl Fn() -> bool {
    let errors = count("catalog_cache_errors_total");
    move || count("catalog_cache_errors_total") > errors
}

/// Which member has the slot of the hall's pages.
async fn owner(members: &[Redis]) -> usize {
    for (at, member) in members.iter().enumerate() {
        let key = format!("probe:{{{EVENT}}}");
        let kept: Option<String> = say(member, redis::cmd("SET").arg(key).arg("1")).await;
        if kept.is_some() {
            return at;
        }
    }
    panic!("nobody has the slot");
}

/// Until a member that came back has what its primary has: before that it could not take over.
async fn until_it_follows(member: &Redis) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let said: Option<String> = say(member, redis::cmd("INFO").arg("replication")).await;
        if said.is_some_and(|said| said.contains("master_link_status:up")) {
            return;
        }
        assert!(Instant::now() < end, "it does not follow its successor");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What this member says itself, if it is there and does not send us on.
async fn say<T: redis::FromRedisValue>(member: &Redis, command: &redis::Cmd) -> Option<T> {
    let client = redis::Client::open(member.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.ok()?;
    command.query_async(&mut connection).await.ok()
}

/// While members are killed, two buy seats one after the other and always want the same, and six look at the hall through
/// two processes' caches: no seat is sold twice, and what was sold a second before a look began is sold in it.
async fn under_load(urls: &str, pace: Duration, kills: impl Future<Output = ()> + Send + 'static) {
    let catalog = catalog().await;
    let caches = [0, 1].map(|_| Cache::at(urls).unwrap());
    let free: Vec<String> = {
        let map = get(&catalog, &Cache::none(), &map()).await;
        statuses(&map).into_keys().map(str::to_owned).collect()
    };
    let sold: Mutex<HashMap<String, Instant>> = Mutex::default();
    let over = AtomicBool::new(false);
    let (catalog, free, sold, over) = (&catalog, &free, &sold, &over);

    let buy = async |buyer: u32| {
        for (number, seat) in (0u32..).zip(free) {
            if over.load(Ordering::Relaxed) {
                break;
            }
            let saga = TestSaga::new(buyer * 1_000 + number);
            match catalog.run(hold(&saga, &[seat])).await {
                Outcome::Succeeded { output } => {
                    catalog.done(pin(&saga, &output["hold_id"])).await;
                    catalog.done(sell(&saga, &output["hold_id"])).await;
                    let before = sold.lock().unwrap().insert(seat.clone(), Instant::now());
                    assert!(before.is_none(), "{seat} is sold twice");
                }
                Outcome::Rejected(_) => {}
                other => panic!("{seat}: {other:?}"),
            }
            tokio::time::sleep(pace).await;
        }
    };
    let look = async |cache: &Cache| {
        let mut looks = Looks::default();
        while !over.load(Ordering::Relaxed) {
            let asked_at = Instant::now();
            let map = get(catalog, cache, &map()).await;
            looks.count += 1;
            looks.longest = looks.longest.max(asked_at.elapsed());
            let statuses = statuses(&map);
            assert_eq!(statuses.len(), 400);
            for (seat, sold_at) in sold.lock().unwrap().iter() {
                let old = asked_at.saturating_duration_since(*sold_at) > AGE_MAX;
                assert!(
                    !old || statuses[seat.as_str()] == "sold",
                    "{seat} is shown too late"
                );
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        looks
    };
    let kill = async {
        // A task of its own: starting servers takes its thread away, and the load must not wait for that.
        tokio::spawn(kills).await.unwrap();
        over.store(true, Ordering::Relaxed);
    };
    let readers = join_all(caches.iter().cycle().take(6).map(look));
    let (_, looks, ()) = tokio::join!(join_all([1, 2].map(buy)), readers, kill);

    let map = get(catalog, &Cache::none(), &map()).await;
    let now_sold = statuses(&map).values().filter(|s| **s == "sold").count();
    let bought = sold.lock().unwrap().len();
    assert_eq!(now_sold, bought, "sold is what was bought");
    println!(
        "{bought} bought, {} looks, the longest {:?}",
        looks.iter().map(|looks| looks.count).sum::<u32>(),
        looks.iter().map(|looks| looks.longest).max(),
    );
}

/// How somebody fared who looked all the time.
#[derive(Default)]
struct Looks {
    count: u32,
    longest: Duration,
}

/// Waits for what must come, for a minute at most.
async fn until(come: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !come() {
        assert!(Instant::now() < end, "it did not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
