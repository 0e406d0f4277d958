//! The platform as real processes that tell their traces to a collector of ours and write their logs as JSON.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use impresario_services::{Folder, Program, port, shared};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};

/// Starting creates tables, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who is not to be found in anything that is told or logged.
pub(crate) const MARKS: [&str; 3] = ["Wilhelmina-Marks", "marked-7f3a.example", "tok_"];

struct Process {
    name: &'static str,
    port: u16,
    program: Program,
}

/// The running platform.
pub(crate) struct Platform {
    processes: Vec<Process>,
    database: String,
    amqp: String,
    queues: String,
    provider: u16,
    sink: String,
    http: reqwest::Client,
    pub(crate) logs: PathBuf,
    event: String,
}

impl Platform {
    /// None where a server cannot be had, which is told.
    pub(crate) async fn start(sink: &str) -> Option<Platform> {
        let (server, amqp) = (
            shared::database_url().unwrap()?,
            shared::amqp_url().unwrap()?,
        );
        let name = format!("traced_{}", uuid::Uuid::new_v4().simple());
        let mut connection = PgConnection::connect(&server).await.unwrap();
        let create = sqlx::raw_sql(sqlx::AssertSqlSafe(format!("create database {name}")));
        connection.execute(create).await.unwrap();
        let (head, tail) = server.rsplit_once('/').unwrap();
        let query = tail
            .split_once('?')
            .map_or(String::new(), |(_, query)| format!("?{query}"));
        let logs = Folder::temporary("traced").path().to_owned();
        std::fs::create_dir_all(&logs).unwrap();
        let mut platform = Platform {
            processes: Vec::new(),
            database: format!("{head}/{name}{query}"),
            amqp,
            queues: name,
            provider: port::free().unwrap(),
            sink: sink.to_owned(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            logs,
            event: String::new(),
        };
        let seeded = platform.impresario().arg("seed").output().unwrap();
        assert!(
            seeded.status.success(),
            "{}",
            String::from_utf8_lossy(&seeded.stderr)
        );
        for name in [
            "provider",
            "serve-0",
            "serve-1",
            "catalog",
            "payment",
            "booking",
            "notification",
        ] {
            platform.add(name).await;
        }
        let events = platform.get("serve-0", "/v1/events").await;
        let events = events["data"].as_array().unwrap();
        let largest = events
            .iter()
            .max_by_key(|event| event["seats"].as_u64())
            .unwrap();
        platform.event = largest["event_id"].as_str().unwrap().to_owned();
        Some(platform)
    }

    fn impresario(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impresario"));
        for variable in [
            "WEBHOOK_URL",
            "WEBHOOK_SECRET",
            "OTEL_SDK_DISABLED",
            "OTEL_TRACES_EXPORTER",
        ] {
            command.env_remove(variable);
        }
        command
            .env("DATABASE_URL", &self.database)
            .env("AMQP_URL", &self.amqp);
        command.env("IMPRESARIO_QUEUE_PREFIX", &self.queues);
        command
    }

    /// Starts a process, or starts it again.
    pub(crate) async fn add(&mut self, name: &'static str) {
        let port = match name {
            "provider" => self.provider,
            _ => port::free().unwrap(),
        };
        let listen = format!("127.0.0.1:{port}");
        let provider = format!("http://127.0.0.1:{}", self.provider);
        let mut command = self.impresario();
        command.args(["--log", "json"]);
        match name {
            "provider" => command.args(["provider", "--listen", &listen]),
            "serve-0" | "serve-1" => {
                command.args(["serve", "--replica", name, "--listen", &listen])
            }
            pool => command
                .args(["worker", pool, "--health", &listen])
                .args(["--provider-url", &provider]),
        };
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &self.sink)
            .env("OTEL_RESOURCE_ATTRIBUTES", format!("service.instance.id={name}-{port}"))
            // Everything that our own code has to say, and what libraries warn of.
            .env("RUST_LOG", "warn,impresario=debug,impresario_orchestrator=debug,impresario_worker_sdk=debug,impresario_catalog=debug,impresario_payment=debug,impresario_booking=debug,impresario_notification=debug");
        let log = self.logs.join(format!("{name}-{port}.log"));
        let mut program = Program::start(name, command, &log).unwrap();
        let answers = || std::net::TcpStream::connect(&listen).is_ok();
        program.wait_ready(PATIENCE, answers).unwrap();
        self.processes.push(Process {
            name,
            port,
            program,
        });
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, name: &str) {
        let place = self
            .processes
            .iter()
            .position(|one| one.name == name)
            .unwrap();
        self.processes.remove(place).program.kill9();
    }

    /// Nobody has ended by himself.
    pub(crate) fn must_run(&mut self) {
        for process in &mut self.processes {
            process.program.must_run().unwrap();
        }
    }

    fn url(&self, name: &str, path: &str) -> String {
        let process = self.processes.iter().find(|one| one.name == name).unwrap();
        format!("http://127.0.0.1:{}{path}", process.port)
    }

    pub(crate) async fn get(&self, name: &str, path: &str) -> Value {
        let answer = self.http.get(self.url(name, path)).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// How many spans of a process came to this.
    pub(crate) async fn spans(&self, name: &str, result: &str) -> u64 {
        let answer = self
            .http
            .get(self.url(name, "/metrics"))
            .send()
            .await
            .unwrap();
        let text = answer.text().await.unwrap();
        let series = format!("saga_spans_total{{result=\"{result}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap_or_else(|| panic!("no {series}in\n{text}"))
            .parse()
            .unwrap()
    }

    /// Books a seat of one's own, as somebody who is marked; with `wait`, until it is settled.
    pub(crate) async fn book(&self, at: &str, order: &Order<'_>) -> Booked {
        let body = json!({
            "event_id": self.event,
            "seats": [order.seat],
            "customer_email": format!("{}@{}", MARKS[0], MARKS[1]),
            "payment_token": order.token,
        });
        let mut request = self
            .http
            .post(self.url(at, "/v1/bookings"))
            .header("idempotency-key", order.key)
            .timeout(Duration::from_secs(90))
            .json(&body);
        if order.waits {
            request = request.header("prefer", "wait=30");
        }
        if let Some(traceparent) = order.traceparent {
            request = request.header("traceparent", traceparent);
        }
        let answer = request.send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let saga = answer["id"].as_str().unwrap_or_else(|| panic!("{answer}"));
        let saga = saga.to_owned();
        let mut status = answer["status"].as_str().unwrap_or_default().to_owned();
        let until = Instant::now() + PATIENCE;
        while order.waits && matches!(status.as_str(), "processing" | "undoing") {
            assert!(Instant::now() < until, "{saga} is still {status}");
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now = self.get(at, &format!("/v1/bookings/{saga}")).await;
            status = now["status"].as_str().unwrap_or_default().to_owned();
        }
        Booked { saga, status }
    }

    /// Cancels a booking, in the name of somebody who is marked.
    pub(crate) async fn cancel(&self, at: &str, saga: &str) {
        let seen = self
            .http
            .get(self.url(at, &format!("/v1/sagas/{saga}")))
            .send()
            .await
            .unwrap();
        let tag = seen.headers()["etag"].to_str().unwrap().to_owned();
        let answer = self
            .http
            .post(self.url(at, &format!("/v1/sagas/{saga}/cancel")))
            .header("idempotency-key", format!("cancel-{saga}"))
            .header("if-match", tag)
            .header("x-impresario-operator", MARKS[0])
            .json(&json!({ "reason": format!("{} does not want it", MARKS[0]) }))
            .send()
            .await
            .unwrap();
        assert!(answer.status().as_u16() < 500, "{answer:?}");
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        for process in &mut self.processes {
            process.program.kill9();
        }
    }
}

/// What a customer orders.
pub(crate) struct Order<'a> {
    pub(crate) key: &'a str,
    pub(crate) seat: &'a str,
    pub(crate) token: &'a str,
    pub(crate) traceparent: Option<&'a str>,
    pub(crate) waits: bool,
}

impl<'a> Order<'a> {
    pub(crate) fn new(key: &'a str, seat: &'a str, token: &'a str) -> Order<'a> {
        Order {
            key,
            seat,
            token,
            traceparent: None,
            waits: true,
        }
    }
}

/// What became of it.
pub(crate) struct Booked {
    pub(crate) saga: String,
    pub(crate) status: String,
}

impl Booked {
    /// The trace of a saga whose customer had none.
    pub(crate) fn trace(&self) -> String {
        self.saga.replace('-', "")
    }
}
