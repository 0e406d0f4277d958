//! The roles as a cluster runs them: migrations by a process of their own, probes, and a stop that finishes its work.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use impresario_services::port;
use serde_json::{Value, json};
use sqlx::postgres::PgPool;
use tokio::runtime::Runtime;

use crate::program::{impresario, run, text};

/// For what takes a moment on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A database and queue names of its own, on the servers of all tests.
pub(crate) struct Ground {
    pub(crate) runtime: Runtime,
    pool: PgPool,
    pub(crate) database: String,
    amqp: String,
    pub(crate) prefix: String,
}

impl Ground {
    pub(crate) fn new(name: &str) -> Option<Ground> {
        let shared = impresario_services::shared::database_url().unwrap()?;
        let amqp = impresario_services::shared::amqp_url().unwrap()?;
        let runtime = Runtime::new().unwrap();
        let name = format!("roles_{name}_{}", std::process::id());
        let (before, _) = shared.rsplit_once('/').unwrap();
        let database = format!("{before}/{name}");
        let pool = runtime.block_on(async {
            let admin = PgPool::connect(&shared).await.unwrap();
            let create = sqlx::AssertSqlSafe(format!("create database {name}"));
            sqlx::query(create).execute(&admin).await.unwrap();
            PgPool::connect(&database).await.unwrap()
        });
        Some(Ground {
            runtime,
            pool,
            database,
            amqp,
            prefix: name.replace('_', "-"),
        })
    }

    pub(crate) fn start(&self, words: &[&str]) -> Role {
        let mut command = impresario(words);
        command
            .env("DATABASE_URL", &self.database)
            .env("AMQP_URL", &self.amqp)
            .env("IMPRESARIO_QUEUE_PREFIX", &self.prefix)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Role {
            child: command.spawn().unwrap(),
        }
    }

    /// The status of a page, and its text; nothing while nobody answers.
    pub(crate) fn get(&self, url: &str) -> Option<(u16, String)> {
        self.runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let answer = client.get(url).send().await.ok()?;
            Some((answer.status().as_u16(), answer.text().await.ok()?))
        })
    }

    pub(crate) fn wait_for(&self, url: &str, status: u16) {
        let end = Instant::now() + PATIENCE;
        loop {
            let seen = self.get(url);
            if seen.as_ref().is_some_and(|(code, _)| *code == status) {
                return;
            }
            assert!(Instant::now() < end, "{url}: {seen:?}, not {status}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn number(&self, sql: &'static str) -> i64 {
        let row = self
            .runtime
            .block_on(sqlx::query_as::<_, (i64,)>(sql).fetch_one(&self.pool));
        row.unwrap().0
    }

    /// How many rows a statement has changed.
    pub(crate) fn count(&self, sql: &str) -> u64 {
        let statement = sqlx::query(sqlx::AssertSqlSafe(sql.to_owned()));
        let done = self.runtime.block_on(statement.execute(&self.pool));
        done.unwrap().rows_affected()
    }

    pub(crate) fn start_sagas(&self, url: &str, from: usize, to: usize) {
        self.runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            for number in from..to {
                let answer = client
                    .post(format!("{url}/v1/trivials"))
                    .header("idempotency-key", format!("saga-{number}"))
                    .json(&json!({ "id": number.to_string() }))
                    .send()
                    .await
                    .unwrap();
                assert!(answer.status().is_success(), "{}", answer.status());
            }
        });
    }
}

/// A running role; killed when the test ends before it does.
pub(crate) struct Role {
    child: Child,
}

impl Role {
    /// A process that somebody else has started.
    pub(crate) fn of(child: Child) -> Role {
        Role { child }
    }

    /// As a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn terminate(&mut self) {
        let pid = self.child.id().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Its exit code, within the grace period that the manifests give.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let end = Instant::now() + Duration::from_secs(45);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "still there after SIGTERM");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn migrations_are_made_once_and_an_older_program_starts_on_a_newer_schema() {
    let Some(ground) = Ground::new("migrate") else {
        return;
    };
    let migrate = || {
        let output = run(&["migrate", "--database-url", &ground.database, "-o", "json"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let schemas = [
        "impresario",
        "catalog",
        "payment",
        "booking",
        "notification",
    ];
    assert_eq!(migrate(), json!(schemas));
    assert_eq!(migrate(), json!(schemas));
    // What a newer version has applied.
    for table in [
        "impresario._sqlx_migrations",
        "booking._sqlx_migrations",
        "booking.sdk_migrations",
    ] {
        let newer = format!(
            "insert into {table} (version, description, success, checksum, execution_time)
             values (9999, 'from tomorrow', true, 'x', 0)"
        );
        let newer = sqlx::query(sqlx::AssertSqlSafe(newer));
        ground
            .runtime
            .block_on(newer.execute(&ground.pool))
            .unwrap();
    }
    assert_eq!(migrate(), json!(schemas));
}

#[test]
fn roles_that_are_told_to_stop_under_load_end_well_and_lose_nothing() {
    let Some(ground) = Ground::new("stop") else {
        return;
    };
    let (api, probes) = (port::free().unwrap(), port::free().unwrap());
    let listen = format!("127.0.0.1:{api}");
    let url = format!("http://{listen}");
    let serve = ["serve", "--listen", &listen];
    let health = format!("127.0.0.1:{probes}");
    let work = ["worker", "echo", "--health", &health];

    let mut first_engine = ground.start(&serve);
    let mut first_worker = ground.start(&work);
    ground.wait_for(&format!("{url}/readyz"), 200);
    ground.wait_for(&format!("http://{health}/readyz"), 200);
    let (_, metrics) = ground.get(&format!("http://{health}/metrics")).unwrap();
    assert!(
        metrics.contains("saga_worker_slots{pool=\"echo\",state=\"total\"} 256"),
        "{metrics}"
    );
    assert!(
        metrics.contains("saga_worker_connected{pool=\"echo\"} 1"),
        "{metrics}"
    );

    // The worker stops in the middle, then the engine does; both with work in their hands.
    ground.start_sagas(&url, 0, 150);
    first_worker.terminate();
    ground.start_sagas(&url, 150, 200);
    first_engine.terminate();
    assert_eq!(first_worker.ended(), Some(0), "the worker");
    assert_eq!(first_engine.ended(), Some(0), "the engine");
    assert_eq!(ground.get(&format!("http://{health}/healthz")), None);

    let (_engine, _worker) = (ground.start(&serve), ground.start(&work));
    let end = Instant::now() + PATIENCE;
    let completed =
        || ground.number("select count(*) from impresario.saga where status = 'completed'");
    while completed() < 200 {
        assert!(Instant::now() < end, "{} of 200 completed", completed());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(ground.number("select count(*) from impresario.saga"), 200);
}
