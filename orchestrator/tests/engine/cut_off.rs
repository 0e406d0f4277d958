//! H22: an engine that reaches its broker and its workers, but not its database.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use impresario_orchestrator::api;
use impresario_protocol::Operation;
use serde_json::json;
use tower::ServiceExt;

use crate::faults::Proxy;
use crate::fixture::{PATIENCE, Replica, database, seat, success};

/// Far longer than a commit takes, far shorter than anybody's patience.
const OUTAGE: Duration = Duration::from_millis(1500);

#[tokio::test]
async fn h22_without_its_database_nothing_is_acknowledged_sent_or_answered() {
    let direct = database().await;
    let proxy = Proxy::before(&direct).await;
    let replica = Replica::start("a", &proxy.url(&direct)).await;
    let saga = replica.start_saga("k1", seat()).await.unwrap().id;
    let hold = replica.task(saga, "hold", Operation::Forward, 1).await;

    let api = api_of(&replica);
    assert_eq!(status(&api, "/readyz").await, 200);

    proxy.hold(true);
    let mut acknowledged = replica.deliver(&hold, success(json!({"id": 7}))).await;
    let starting = async {
        let started = replica.start_saga("k2", seat()).await;
        (started, tokio::time::Instant::now())
    };
    let outage = async {
        tokio::time::sleep(OUTAGE).await;
        let (alive, ready) = (
            status(&api, "/healthz").await,
            status(&api, "/readyz").await,
        );
        assert_eq!((alive, ready), (200, 503), "alive, and not ready");
        assert!(
            acknowledged.try_recv().is_err(),
            "a result was acknowledged that rests on nothing"
        );
        let sent = replica.wire.sent();
        assert_eq!(sent.len(), 1, "sent without a commit: {sent:?}");
        let over = tokio::time::Instant::now();
        proxy.hold(false);
        over
    };
    let ((started, answered), over) = tokio::join!(starting, outage);
    assert!(answered >= over, "a start was answered without a commit");

    // What waited goes on by itself.
    let received = tokio::time::timeout(PATIENCE, acknowledged.recv()).await;
    assert_eq!(received.expect("acknowledged in time"), Some((1, 1)));
    replica.task(saga, "charge", Operation::Forward, 1).await;
    let second = started.expect("it was only late").id;
    replica.task(second, "hold", Operation::Forward, 1).await;
    replica.facts(saga).await;
    assert_eq!(status(&api, "/readyz").await, 200, "ready again");
}

fn api_of(replica: &Replica) -> Router {
    let options = api::Options {
        webhook_secret: None,
        orphan_grace: Duration::ZERO,
    };
    api::router(replica.engine.clone(), options)
}

async fn status(api: &Router, path: &str) -> u16 {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = api.clone().oneshot(request).await.unwrap();
    answer.status().as_u16()
}
