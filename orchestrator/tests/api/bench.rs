//! What the tests share: an engine with its API on a fresh database, and requests to it.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use impresario_orchestrator::store::{self, Database};
use impresario_orchestrator::{Engine, Options, api};
use impresario_workflows::Definition;
use impresario_workflows::definition::SHIPPED;
use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};
use std::sync::Arc;
use tokio::sync::mpsc;
use tower::ServiceExt;
use uuid::Uuid;

use crate::workers::Workers;

/// Longest wait for anything that must happen.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// What webhooks are signed with.
pub(crate) const SECRET: &str = "a secret for tests";

/// An engine with its API.
pub(crate) struct Bench {
    pub(crate) router: Router,
    pub(crate) engine: Engine,
    url: String,
    name: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Bench {
    pub(crate) async fn start() -> Bench {
        let server = std::env::var("DATABASE_URL").unwrap_or_else(|_| {
            panic!("DATABASE_URL is not set: these tests need a PostgreSQL, for example postgres://postgres@localhost/postgres")
        });
        let name = format!("api_{}", Uuid::new_v4().simple());
        run(&server, &format!("create database {name}")).await;
        let options: sqlx::postgres::PgConnectOptions = server.parse().unwrap();
        let url = options.database(&name).to_url_lossy().to_string();
        Bench::on(url, name).await
    }

    /// Another process on the same database.
    pub(crate) async fn twin(&self) -> Bench {
        Bench::on(self.url.clone(), self.name.clone()).await
    }

    async fn on(url: String, name: String) -> Bench {
        let database = Database::open(&store::Options::new(&url)).await.unwrap();
        let definitions = SHIPPED
            .iter()
            .map(|(name, text)| Definition::parse(name, text).unwrap())
            .collect();
        let (arrivals, arrivals_in) = mpsc::channel(1024);
        let options = Options::new(Uuid::new_v4().simple().to_string());
        let workers = Arc::new(Workers::new(arrivals));
        let engine = Engine::start(options, database, definitions, workers, arrivals_in)
            .await
            .unwrap();
        let options = api::Options {
            webhook_secret: Some(SECRET.to_owned()),
            orphan_grace: Duration::ZERO,
        };
        let router = api::router(engine.clone(), options);
        Bench {
            router,
            engine,
            url,
            name,
        }
    }

    /// Stops the engine and removes the database.
    pub(crate) async fn end(self) {
        self.engine.stop().await;
        self.engine.database().pool.close().await;
        let server = std::env::var("DATABASE_URL").unwrap();
        run(
            &server,
            &format!("drop database if exists {} with (force)", self.name),
        )
        .await;
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    /// Starts a booking and waits for its end.
    pub(crate) async fn book(&self, key: &str, body: &Value) -> Answer {
        self.send(start(
            "/v1/bookings",
            key,
            body.to_string(),
            &[("prefer", "wait=20")],
        ))
        .await
    }

    /// Asks again until the answer is as wanted.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        let from = Instant::now();
        loop {
            let answer = self.get(path).await;
            if wanted(&answer) {
                return answer;
            }
            assert!(from.elapsed() < LIMIT, "still {answer:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Rows of the tables that a start writes.
    pub(crate) async fn rows(&self) -> i64 {
        sqlx::query_scalar(
            "select (select count(*) from saga) + (select count(*) from saga_key)
                  + (select count(*) from journal) + (select count(*) from outbox)",
        )
        .fetch_one(&self.engine.database().pool)
        .await
        .unwrap()
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The code of a problem document, which must be one.
    pub(crate) fn code(&self) -> String {
        let body = self.json();
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        assert_eq!(body["status"], self.status.as_u16(), "{self:?}");
        for inside in ["sqlx", "postgres", "select ", ".rs", "panicked"] {
            assert!(!self.text.contains(inside), "{self:?}");
        }
        body["code"].as_str().unwrap().to_owned()
    }
}

async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection
        .execute(sqlx::AssertSqlSafe(sql.to_owned()))
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// A start with a key and further headers.
pub(crate) fn start(
    path: &str,
    key: &str,
    body: impl Into<Body>,
    headers: &[(&str, &str)],
) -> Request<Body> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("content-type", "application/json")
        .header("idempotency-key", key);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

/// A booking's body.
pub(crate) fn booking(seat: &str, token: &str, email: &str) -> Value {
    json!({
        "event_id": "0a3f8a52-3d3e-4f0e-9d3c-0d4b9f6f7a11",
        "seats": [seat],
        "customer_email": email,
        "payment_token": token,
    })
}

/// A booking that works.
pub(crate) fn good() -> Value {
    booking("A1", "tok_visa", "ana@example.org")
}
