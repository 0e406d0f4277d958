//! Pages that are kept for a moment, with a real Redis and a real PostgreSQL: one read for many, never older than is
//! promised, and a Redis that is killed under load costs nothing but reads.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../it/fixture.rs"]
#[expect(dead_code, reason = "the other tests' tasks")]
mod fixture;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use futures::future::join_all;
use http_body_util::BodyExt;
use impresario_catalog::Cache;
use impresario_metrics::Role;
use impresario_services::Redis;
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
    let catalog = catalog().await;
    let caches = [0, 1].map(|_| Cache::at(&redis.url()).unwrap());
    let free: Vec<String> = {
        let map = get(&catalog, &Cache::none(), &map()).await;
        statuses(&map).into_keys().map(str::to_owned).collect()
    };
    let sold: Arc<Mutex<HashMap<String, Instant>>> = Arc::default();
    let (over, looks) = (AtomicBool::new(false), AtomicUsize::new(0));

    // Buys seat after seat until the kills are over.
    let buy = async {
        let mut bought = 0u32;
        while !over.load(Ordering::Relaxed) && (bought as usize) < free.len() {
            let seat = &free[bought as usize];
            let saga = TestSaga::new(bought);
            let held = catalog.done(hold(&saga, &[seat])).await;
            catalog.done(pin(&saga, &held["hold_id"])).await;
            catalog.done(sell(&saga, &held["hold_id"])).await;
            sold.lock().unwrap().insert(seat.clone(), Instant::now());
            bought += 1;
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        bought
    };
    // Looks all the time: what was sold a second before a look began is sold in it, always.
    let look = |cache: &'_ Cache| {
        let cache = cache.clone();
        let (catalog, sold, over, looks) = (&catalog, &sold, &over, &looks);
        async move {
            while !over.load(Ordering::Relaxed) {
                let asked_at = Instant::now();
                let map = get(catalog, &cache, &map()).await;
                let statuses = statuses(&map);
                assert_eq!(statuses.len(), 400);
                for (seat, sold_at) in sold.lock().unwrap().iter() {
                    let old = asked_at.saturating_duration_since(*sold_at) > AGE_MAX;
                    assert!(
                        !old || statuses[seat.as_str()] == "sold",
                        "{seat} is shown too late"
                    );
                }
                looks.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    let kill = async {
        for _ in 0..3 {
            let shared = taken("redis");
            until(|| taken("redis") > shared).await;
            let errors = count("catalog_cache_errors_total");
            tokio::task::block_in_place(|| redis.kill9()).unwrap();
            until(|| count("catalog_cache_errors_total") > errors).await;
            tokio::task::block_in_place(|| redis.restart()).unwrap();
        }
        let shared = taken("redis");
        until(|| taken("redis") > shared).await;
        over.store(true, Ordering::Relaxed);
    };
    let readers = join_all(caches.iter().cycle().take(6).map(look));
    let (bought, _, ()) = tokio::join!(buy, readers, kill);

    let map = get(&catalog, &Cache::none(), &map()).await;
    let now_sold = statuses(&map).values().filter(|s| **s == "sold").count();
    assert_eq!(now_sold, bought as usize, "sold is what was bought");
    println!(
        "{bought} bought, {} looks, Redis killed 3 times",
        looks.load(Ordering::Relaxed)
    );
}

/// Waits for what must come, for a minute at most.
async fn until(come: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !come() {
        assert!(Instant::now() < end, "it did not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
