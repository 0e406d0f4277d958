//! A seeded catalogue, and its tasks by short names.

use std::time::Duration;

use impresario_catalog::{Config, SeedOptions};
use impresario_protocol::{Outcome, Task};
use impresario_worker_sdk::testing::{TestDatabase, TestSaga, compensation, forward};
use impresario_worker_sdk::{Database, Pool};
use serde_json::{Value, json};

/// "Midnight Orchestra".
pub(crate) const EVENT: &str = "0e7e0000-0000-4000-8000-000000000001";

pub(crate) struct Catalog {
    pub(crate) pool: Pool,
    pub(crate) database: Database,
    _keep: TestDatabase,
}

pub(crate) async fn catalog() -> Catalog {
    let keep = TestDatabase::create().await;
    let database = impresario_catalog::database(keep.url()).unwrap();
    impresario_catalog::migrate(&database).await.unwrap();
    impresario_catalog::seed(&database, SeedOptions::default())
        .await
        .unwrap();
    let config = Config {
        hold_for: Duration::from_secs(600),
        ..Config::default()
    };
    Catalog {
        pool: impresario_catalog::pool(&database, &config),
        database,
        _keep: keep,
    }
}

pub(crate) fn hold(saga: &TestSaga, seats: &[&str]) -> Task {
    forward(
        saga,
        "hold",
        "hold-seats",
        json!({ "event_id": EVENT, "seats": seats }),
    )
}

pub(crate) fn hold_seconds(saga: &TestSaga, seats: &[&str], seconds: u64) -> Task {
    let mut task = hold(saga, seats);
    task.input["hold_seconds"] = json!(seconds);
    task
}

pub(crate) fn release(saga: &TestSaga) -> Task {
    compensation(saga, "hold", "release-seats")
}

pub(crate) fn pin(saga: &TestSaga, hold_id: &Value) -> Task {
    forward(saga, "pin", "pin-hold", json!({ "hold_id": hold_id }))
}

pub(crate) fn sell(saga: &TestSaga, hold_id: &Value) -> Task {
    forward(saga, "sell", "sell-seats", json!({ "hold_id": hold_id }))
}

impl Catalog {
    pub(crate) async fn run(&self, task: Task) -> Outcome {
        self.pool.run(task.into()).await
    }

    /// Output of a task that must succeed.
    pub(crate) async fn done(&self, task: Task) -> Value {
        match self.run(task).await {
            Outcome::Succeeded { output } => output,
            other => panic!("not done: {other:?}"),
        }
    }

    /// Code of a task that must be rejected.
    pub(crate) async fn rejected(&self, task: Task) -> (String, String) {
        match self.run(task).await {
            Outcome::Rejected(problem) => (problem.code, problem.message),
            other => panic!("not rejected: {other:?}"),
        }
    }

    /// `hold_id` of a seat, or none.
    pub(crate) async fn owner(&self, seat: &str) -> Value {
        let owner: Option<String> = sqlx::query_scalar(
            "select hold_id::text from seat where event_id = $1::uuid and seat = $2",
        )
        .bind(EVENT)
        .bind(seat)
        .fetch_one(self.database.pool())
        .await
        .unwrap();
        json!(owner)
    }
}
