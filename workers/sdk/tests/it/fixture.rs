//! A small pool whose effect is a counter per name, so that doing something twice shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use impresario_protocol::{Outcome, Task};
use impresario_worker_sdk::testing::TestDatabase;
use impresario_worker_sdk::{
    Batch, BatchItem, Compensation, Database, DatabaseSettings, ForwardEffect, HandlerError, Pool,
    PoolBuilder, TaskContext, Transactional, Undo, Verdict,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;

#[derive(Deserialize)]
pub(crate) struct Input {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) then: String,
}

#[derive(Serialize)]
pub(crate) struct Output {
    name: String,
    count: i64,
}

pub(crate) async fn add(tx: &mut PgConnection, name: &str, by: i64) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "insert into counter as c (name, count) values ($1, $2)
         on conflict (name) do update set count = c.count + $2
         returning count",
    )
    .bind(name)
    .bind(by)
    .fetch_one(tx)
    .await
}

async fn count(tx: &mut PgConnection, name: &str) -> Result<i64, sqlx::Error> {
    let count = sqlx::query_scalar("select count from counter where name = $1");
    Ok(count.bind(name).fetch_optional(tx).await?.unwrap_or(0))
}

/// Adds one; `then` says what happens after.
pub(crate) struct Add;

#[async_trait]
impl Transactional for Add {
    type Input = Input;
    type Output = Output;

    async fn run(
        &self,
        tx: &mut PgConnection,
        _task: &TaskContext,
        input: Input,
    ) -> Result<Verdict<Output>, HandlerError> {
        let count = add(tx, &input.name, 1).await?;
        match input.then.as_str() {
            "reject" => Ok(Verdict::rejected("no", "asked to reject")),
            "fail" => Ok(Verdict::failed("oops", "asked to fail")),
            "panic" => panic!("asked to panic"),
            "slow" => {
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok(Verdict::Done(Output {
                    name: input.name,
                    count,
                }))
            }
            "huge" => Ok(Verdict::Done(Output {
                name: "x".repeat(300 * 1024),
                count,
            })),
            _ => Ok(Verdict::Done(Output {
                name: input.name,
                count,
            })),
        }
    }
}

/// Takes one away again.
pub(crate) struct Subtract;

#[async_trait]
impl Compensation for Subtract {
    async fn undo(
        &self,
        tx: &mut PgConnection,
        _task: &TaskContext,
        forward: ForwardEffect,
    ) -> Result<Undo, HandlerError> {
        let input: Input = forward.input()?;
        let left = add(tx, &input.name, -1).await?;
        Ok(Undo::Undone(
            json!({ "left": left, "was": forward.output["count"] }),
        ))
    }
}

/// Adds one for each item; a `break` among several items breaks the statement for all of them.
pub(crate) struct AddAll {
    pub(crate) sets: Arc<AtomicUsize>,
}

#[async_trait]
impl Batch for AddAll {
    type Input = Input;
    type Output = Output;

    async fn run(
        &self,
        tx: &mut PgConnection,
        items: &[BatchItem<Input>],
    ) -> Result<Vec<Verdict<Output>>, HandlerError> {
        self.sets.fetch_add(1, Ordering::SeqCst);
        let mut verdicts = Vec::new();
        for item in items {
            verdicts.push(match item.input.then.as_str() {
                "reject" => Verdict::rejected("no", "asked to reject"),
                "break" => {
                    sqlx::query("select 1 / 0").execute(&mut *tx).await?;
                    Verdict::failed("unreachable", "divided by zero")
                }
                "panic" => panic!("asked to panic"),
                "once" if count(tx, &item.input.name).await? > 0 => {
                    Verdict::failed("oops", "the name is there already")
                }
                then => {
                    let count = add(tx, &item.input.name, 1).await?;
                    if then == "slow" {
                        tokio::time::sleep(Duration::from_millis(300)).await;
                    }
                    Verdict::Done(Output {
                        name: item.input.name.clone(),
                        count,
                    })
                }
            });
        }
        Ok(verdicts)
    }
}

/// A pool over a schema of its own.
pub(crate) struct Fixture {
    pub(crate) pool: Pool,
    pub(crate) database: Database,
    pub(crate) sets: Arc<AtomicUsize>,
    _keep: TestDatabase,
}

/// A migrated schema with the counter's table.
pub(crate) async fn database(keep: &TestDatabase) -> Database {
    let mut settings = DatabaseSettings::new("test");
    settings.lock_timeout = Duration::from_millis(1000);
    let database = Database::open(keep.url(), settings).unwrap();
    database
        .migrate(sqlx::migrate::Migrator::with_migrations(Vec::new()))
        .await
        .unwrap();
    sqlx::query(
        "create table if not exists counter (name text primary key, count bigint not null)",
    )
    .execute(database.pool())
    .await
    .unwrap();
    database
}

pub(crate) async fn fixture() -> Fixture {
    fixture_with(|pool| pool).await
}

pub(crate) async fn fixture_with(
    more: impl FnOnce(PoolBuilder<Database>) -> PoolBuilder<Database>,
) -> Fixture {
    let keep = TestDatabase::create().await;
    let database = database(&keep).await;
    let sets = Arc::new(AtomicUsize::new(0));
    Fixture {
        pool: more(pool(&database, &sets)).build(),
        database,
        sets,
        _keep: keep,
    }
}

fn pool(database: &Database, sets: &Arc<AtomicUsize>) -> PoolBuilder<Database> {
    Pool::with_database("test", database.clone())
        .transactional("add", Add)
        .batch("add-all", AddAll { sets: sets.clone() })
        .compensation("subtract", Subtract)
        .reconcile("look")
}

impl Fixture {
    /// The same pool in another process: nothing shared but the schema.
    pub(crate) async fn another(&self) -> Pool {
        pool(&database(&self._keep).await, &self.sets).build()
    }

    pub(crate) async fn run(&self, task: Task) -> Outcome {
        self.pool.run(task.into()).await
    }

    pub(crate) async fn count(&self, name: &str) -> i64 {
        sqlx::query_scalar("select count from counter where name = $1")
            .bind(name)
            .fetch_optional(self.database.pool())
            .await
            .unwrap()
            .unwrap_or(0)
    }
}

pub(crate) fn input(name: &str, then: &str) -> Value {
    json!({ "name": name, "then": then })
}

pub(crate) fn succeeded(output: Value) -> Outcome {
    Outcome::Succeeded { output }
}

/// The code of whatever problem an outcome carries.
pub(crate) fn code(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Rejected(problem)
        | Outcome::Failed(problem)
        | Outcome::Unknown(problem)
        | Outcome::Closed(problem)
        | Outcome::StillOpen(problem) => &problem.code,
        Outcome::Succeeded { .. } | Outcome::Applied { .. } => "",
        Outcome::Refused | Outcome::Expired | Outcome::Heartbeat => "",
    }
}
