//! The pool with a sandbox server of its own.

use std::sync::Arc;
use std::time::Duration;

use impresario_payment::Provider;
use impresario_payment::ledger::{self, Balance};
use impresario_payment::provider::sandbox::SandboxProvider;
use impresario_payment::sandbox::{self, Config};
use impresario_protocol::{Outcome, Task};
use impresario_worker_sdk::testing::{TestDatabase, TestSaga, compensation, forward, reconcile};
use impresario_worker_sdk::{Database, Pool};
use serde_json::{Value, json};

pub(crate) struct Payments {
    pub(crate) pool: Pool,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) database: Database,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    server: tokio::task::JoinHandle<()>,
    background: tokio_util::sync::CancellationToken,
    _keep: TestDatabase,
}

impl Drop for Payments {
    fn drop(&mut self) {
        self.server.abort();
        self.background.cancel();
    }
}

pub(crate) async fn payments() -> Payments {
    payments_with(Config {
        slow_by: Duration::from_millis(400),
        ..Config::default()
    })
    .await
}

pub(crate) async fn payments_with(config: Config) -> Payments {
    let keep = TestDatabase::create().await;
    let provider = sandbox::database(keep.url()).unwrap();
    sandbox::migrate(&provider).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let key_life = config.key_life;
    let background = tokio_util::sync::CancellationToken::new();
    tokio::spawn(sandbox::run_background(
        provider.clone(),
        config.clone(),
        background.clone(),
    ));
    let router = sandbox::router(provider, config);
    let server = tokio::spawn(async move {
        sandbox::serve(listener, router, std::future::pending())
            .await
            .unwrap();
    });
    let database = impresario_payment::database(keep.url()).unwrap();
    impresario_payment::migrate(&database).await.unwrap();
    let client = SandboxProvider::new(url.clone(), key_life).unwrap();
    let provider: Arc<dyn Provider> = Arc::new(client);
    let pool = impresario_payment::pool(&database, provider.clone());
    Payments {
        pool,
        provider,
        database,
        url,
        client: reqwest::Client::new(),
        server,
        background,
        _keep: keep,
    }
}

pub(crate) fn authorize(saga: &TestSaga, token: &str) -> Task {
    let amount = json!({ "amount": 12_000, "currency": "EUR" });
    let mut task = forward(
        saga,
        "authorize",
        "authorize",
        json!({ "amount": amount, "token": token }),
    );
    task.timeout_ms = 700;
    task
}

pub(crate) fn capture(saga: &TestSaga, authorized: &Value) -> Task {
    let id = &authorized["authorization_id"];
    let mut task = forward(
        saga,
        "capture",
        "capture",
        json!({ "authorization_id": id }),
    );
    task.timeout_ms = 700;
    task
}

pub(crate) fn request(saga: &TestSaga, token: &str) -> Task {
    let amount = json!({ "amount": 12_000, "currency": "EUR" });
    let input = json!({ "amount": amount, "payment_token": token });
    let mut task = forward(saga, "request", "request-payment", input);
    task.timeout_ms = 700;
    task
}

pub(crate) fn collect(saga: &TestSaga, requested: &Value) -> Task {
    let input = json!({ "request_id": requested["request_id"] });
    let mut task = forward(saga, "collect", "collect-payment", input);
    task.timeout_ms = 700;
    task
}

pub(crate) fn cancel_request(saga: &TestSaga) -> Task {
    compensation(saga, "request", "cancel-request")
}

/// Gives this much of a charge back, as a step of its own.
pub(crate) fn give_back(saga: &TestSaga, charge: &Value, amount: i64) -> Task {
    let input = json!({
        "charge_id": charge["charge_id"],
        "amount": { "amount": amount, "currency": "EUR" },
    });
    let mut task = forward(saga, "refund", "refund-charge", input);
    task.timeout_ms = 700;
    task
}

pub(crate) fn void(saga: &TestSaga) -> Task {
    compensation(saga, "authorize", "void")
}

pub(crate) fn refund(saga: &TestSaga) -> Task {
    compensation(saga, "capture", "refund")
}

pub(crate) fn ask_authorization(saga: &TestSaga) -> Task {
    reconcile(saga, "authorize", "reconcile-authorization")
}

pub(crate) fn ask_capture(saga: &TestSaga) -> Task {
    reconcile(saga, "capture", "reconcile-capture")
}

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

impl Payments {
    pub(crate) async fn run(&self, task: Task) -> Outcome {
        self.pool.run(task.into()).await
    }

    pub(crate) async fn done(&self, task: Task) -> Value {
        match self.run(task).await {
            Outcome::Succeeded { output } => output,
            other => panic!("not done: {other:?}"),
        }
    }

    /// What the provider says that it did, as words.
    pub(crate) async fn log(&self) -> Vec<String> {
        let body: Value = self
            .client
            .get(format!("{}/v1/log", self.url))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let operation = |entry: &Value| entry["operation"].as_str().unwrap().to_owned();
        body["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(operation)
            .collect()
    }

    /// The customer transfers the money of a request.
    pub(crate) async fn settle(&self, requested: &Value) {
        let id = requested["request_id"].as_str().unwrap();
        let settled = self
            .client
            .post(format!("{}/sandbox/settle/{id}", self.url))
            .send()
            .await
            .unwrap();
        assert!(settled.status().is_success());
    }

    /// Looks for late money once.
    pub(crate) async fn look_for_late_money(&self) -> usize {
        impresario_payment::late::round(&self.database, &self.provider)
            .await
            .unwrap()
    }

    pub(crate) async fn heal(&self) {
        let healed = self
            .client
            .post(format!("{}/sandbox/heal", self.url))
            .send()
            .await
            .unwrap();
        assert!(healed.status().is_success());
    }

    /// Balances that are not zero; and all of them sum to zero.
    pub(crate) async fn balances(&self) -> Vec<(String, i64)> {
        let balances = ledger::balances(&self.database).await.unwrap();
        assert_eq!(
            balances
                .iter()
                .map(|balance| balance.money.amount)
                .sum::<i64>(),
            0
        );
        let open = |balance: &Balance| balance.money.amount != 0;
        balances
            .into_iter()
            .filter(open)
            .map(|balance| (balance.account, balance.money.amount))
            .collect()
    }
}
