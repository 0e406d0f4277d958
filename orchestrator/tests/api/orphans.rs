//! H15: sagas that participants remember and the database does not know are judged, and undone when that is ordered.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use impresario_orchestrator::clock::now;
use impresario_workflows::definition::SHIPPED;
use impresario_workflows::{Definition, SagaId};
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, booking, good, start};

const DAY_MS: u64 = 86_400_000;

const POOLS: [&str; 4] = ["booking", "catalog", "notification", "payment"];

fn version_of(name: &str) -> String {
    let (_, text) = SHIPPED
        .iter()
        .find(|(shipped, _)| *shipped == name)
        .unwrap();
    Definition::parse(name, text).unwrap().hash[..16].to_owned()
}

/// A booking that was started so long ago, with these effects.
struct Remembered {
    id: SagaId,
    body: Value,
}

impl Remembered {
    fn booking(key: &str, ago_ms: u64) -> Remembered {
        let started = now() - ago_ms;
        let id = SagaId::derive(started, "main", "booking", key);
        let body = json!({
            "id": id,
            "definition": "booking",
            "version": version_of("booking"),
            "started_at": started,
            "effects": [],
        });
        Remembered { id, body }
    }

    fn with(mut self, pool: &str, step: &str, task: &str, state: &str, input: Value) -> Remembered {
        let outcome = match step {
            "hold" => {
                json!({ "hold_id": "h1", "price": { "amount": 8400, "currency": "EUR" }, "seats": ["A1"] })
            }
            "authorize" => json!({ "authorization_id": "a1" }),
            _ => json!({}),
        };
        let effect = json!({
            "effect": format!("{}/{step}/forward/1", self.id.effect_part()),
            "pool": pool, "task": task, "state": state, "at": self.body["started_at"],
            "input": input, "outcome": outcome,
        });
        self.body["effects"].as_array_mut().unwrap().push(effect);
        self
    }

    fn held(self) -> Remembered {
        let input = json!({ "event_id": good()["event_id"], "seats": ["A1"] });
        self.with("catalog", "hold", "hold-seats", "succeeded", input)
    }

    fn authorized(self, state: &str) -> Remembered {
        let input =
            json!({ "amount": { "amount": 8400, "currency": "EUR" }, "payment_token": "tok_visa" });
        self.with("payment", "authorize", "authorize", state, input)
    }

    fn captured(self, state: &str) -> Remembered {
        let input =
            json!({ "authorization_id": "a1", "amount": { "amount": 8400, "currency": "EUR" } });
        self.with("payment", "capture", "capture", state, input)
    }

    fn but(mut self, field: &str, value: Value) -> Remembered {
        self.body[field] = value;
        self
    }
}

async fn ordered(bench: &Bench, body: &Value) -> Answer {
    let request = Request::post("/v1/orphans")
        .header("content-type", "application/json")
        .header("x-impresario-operator", "ana")
        .body(Body::from(body.to_string()))
        .unwrap();
    bench.send(request).await
}

async fn dry(bench: &Bench, sagas: &[&Remembered]) -> Value {
    let sagas: Vec<&Value> = sagas.iter().map(|saga| &saga.body).collect();
    let body = json!({ "pools": POOLS, "sagas": sagas, "dry_run": true });
    let answer = ordered(bench, &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn h15_a_lost_booking_is_undone_and_known_from_then_on() {
    let bench = Bench::start().await;
    // Of a day that has no partitions: the database went back far.
    let lost = Remembered::booking("lost", 9 * DAY_MS)
        .held()
        .authorized("intent");
    let before = bench.rows().await;
    let told = dry(&bench, &[&lost]).await;
    let orphan = json!({
        "id": lost.id, "verdict": "undo", "why": null, "undoes": ["authorize", "hold"], "made_anew": false,
    });
    assert_eq!(
        told,
        json!({ "dry_run": true, "known": 0, "orphans": [orphan] })
    );
    assert_eq!(bench.rows().await, before, "telling changes nothing");

    let order = json!({ "pools": POOLS, "sagas": [lost.body], "reason": "restored" });
    let undone = ordered(&bench, &order).await;
    assert_eq!(undone.status, StatusCode::OK, "{undone:?}");
    assert_eq!(undone.json()["orphans"][0]["made_anew"], true, "{undone:?}");
    let path = format!("/v1/sagas/{}", lost.id);
    let saga = bench
        .until(&path, |answer| answer.json()["status"] == "compensated")
        .await
        .json();
    let facts: Vec<&str> = saga["journal"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row["events"].as_array().unwrap())
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(facts[..3], ["found", "turned", "dispatched"], "{saga:#}");

    let again = ordered(&bench, &order).await.json();
    assert_eq!(
        again,
        json!({ "dry_run": false, "known": 1, "orphans": [] })
    );
    let audit = bench.get("/v1/audit").await.json();
    let deed = &audit["data"][0];
    assert_eq!(
        (&deed["action"], &deed["who"]),
        (&json!("orphans.undone"), &json!("ana")),
        "{audit}"
    );
    bench.end().await;
}

#[tokio::test]
async fn h15_a_start_that_comes_after_all_is_the_saga_that_was_undone() {
    let bench = Bench::start().await;
    let lost = Remembered::booking("pressed-again", 6_000).held();
    let order = json!({ "pools": POOLS, "sagas": [lost.body], "reason": "restored" });
    let undone = ordered(&bench, &order).await.json();
    assert_eq!(undone["orphans"][0]["made_anew"], true, "{undone}");
    let pressed = bench.book("pressed-again", &good()).await;
    assert_eq!(pressed.json()["id"], json!(lost.id), "{pressed:?}");
    bench
        .until(&format!("/v1/sagas/{}", lost.id), |answer| {
            answer.json()["status"] == "compensated"
        })
        .await;
    bench.end().await;
}

#[tokio::test]
async fn h15_what_the_database_knows_is_no_orphan_whichever_day_it_was_started_on() {
    let bench = Bench::start().await;
    let started = bench.book("known", &good()).await.json();
    let today = Remembered::booking("known", 0).held();
    assert_eq!(started["id"], json!(today.id));
    let before = Remembered::booking("known", 3 * DAY_MS).held();
    assert_ne!(before.id, today.id);
    let told = dry(&bench, &[&today, &before]).await;
    assert_eq!(told, json!({ "dry_run": true, "known": 2, "orphans": [] }));
    bench.end().await;
}

#[tokio::test]
async fn h15_each_lost_saga_has_its_verdict() {
    let bench = Bench::start().await;
    let old = |key: &str| Remembered::booking(key, DAY_MS);
    let hold_input = json!({ "event_id": "e", "seats": ["A1"] });
    let cases = [
        ("undo", old("a").held()),
        (
            "undo",
            old("b").held().authorized("succeeded").captured("rejected"),
        ),
        ("young", Remembered::booking("c", 0).held()),
        (
            "past_the_pivot",
            old("d").held().authorized("succeeded").captured("intent"),
        ),
        ("past_the_pivot", old("e").captured("succeeded")),
        (
            "no_definition",
            old("f").held().but("version", json!("0000000000000000")),
        ),
        (
            "no_definition",
            old("g").held().but("definition", json!(null)),
        ),
        (
            "no_definition",
            old("h").with(
                "catalog",
                "keep",
                "hold-seats",
                "succeeded",
                hold_input.clone(),
            ),
        ),
        (
            "no_definition",
            old("i").with("catalog", "hold", "other", "succeeded", hold_input),
        ),
        (
            "no_definition",
            old("j").with(
                "catalog",
                "hold",
                "hold-seats",
                "succeeded",
                json!({ "x": 1 }),
            ),
        ),
        (
            "related",
            old("k")
                .held()
                .but("parent", json!("00512c93-0000-8000-8000-000000000000")),
        ),
    ];
    let sagas: Vec<&Remembered> = cases.iter().map(|(_, saga)| saga).collect();
    let told = dry(&bench, &sagas).await;
    let orphans = told["orphans"].as_array().unwrap();
    for ((wanted, saga), orphan) in cases.iter().zip(orphans) {
        assert_eq!(
            (&orphan["id"], &orphan["verdict"]),
            (&json!(saga.id), &json!(wanted)),
            "{orphan}"
        );
        assert_eq!(orphan["why"].is_null(), *wanted == "undo", "{orphan}");
    }
    // Nothing left to undo, and so nothing to tell.
    let undone = old("l").with("catalog", "hold", "hold-seats", "compensated", json!({}));
    assert_eq!(dry(&bench, &[&undone]).await["orphans"], json!([]));
    // A pool that was not read may remember more.
    let body = json!({ "pools": ["catalog"], "sagas": [old("a").held().body], "dry_run": true });
    let partly = ordered(&bench, &body).await.json();
    assert_eq!(partly["orphans"][0]["verdict"], "not_looked", "{partly}");
    bench.end().await;
}

#[tokio::test]
async fn h15_a_day_that_was_dropped_is_not_lost() {
    let bench = Bench::start().await;
    let old = Remembered::booking("old", 500 * DAY_MS).held();
    sqlx::query("insert into day_dropped (day, sagas) values ($1, 7)")
        .bind(i32::try_from(old.id.day()).unwrap())
        .execute(&bench.engine.database().pool)
        .await
        .unwrap();
    assert_eq!(
        dry(&bench, &[&old]).await["orphans"][0]["verdict"],
        "forgotten"
    );
    bench.end().await;
}

#[tokio::test]
async fn an_order_that_says_too_little_or_mixes_sagas_up_is_refused() {
    let bench = Bench::start().await;
    let saga = Remembered::booking("x", DAY_MS).held();
    let other = Remembered::booking("y", DAY_MS);
    let mut mixed = saga.body.clone();
    mixed["id"] = json!(other.id);
    for body in [
        json!({ "pools": POOLS, "sagas": [saga.body] }),
        json!({ "pools": POOLS, "sagas": [mixed], "dry_run": true }),
        json!({ "pools": POOLS, "sagas": [{ "id": "x" }], "dry_run": true }),
        json!({ "sagas": [], "dry_run": true }),
    ] {
        let answer = ordered(&bench, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(answer.code(), "invalid_input");
    }
    bench.end().await;
}

#[tokio::test]
async fn h15_a_start_whose_saga_was_lost_under_a_running_engine_starts_it_again() {
    let bench = Bench::start().await;
    let slow = booking("B2", "tok_slow", "ana@example.org");
    let started = bench
        .send(start("/v1/bookings", "slow", slow.to_string(), &[]))
        .await;
    let id = started.json()["id"].as_str().unwrap().to_owned();
    // The engine has it in memory, the database does not have it any more.
    for table in [
        "journal where saga_id",
        "saga where id",
        "saga_key where saga_id",
    ] {
        sqlx::query(sqlx::AssertSqlSafe(format!("delete from {table} = '{id}'")))
            .execute(&bench.engine.database().pool)
            .await
            .unwrap();
    }
    let again = bench
        .send(start("/v1/bookings", "slow", slow.to_string(), &[]))
        .await;
    assert!(again.status.is_success(), "{again:?}");
    assert_eq!(again.json()["id"], id.as_str());
    let there = bench.get(&format!("/v1/sagas/{id}")).await;
    assert_eq!(there.status, StatusCode::OK, "{there:?}");
    bench.end().await;
}
