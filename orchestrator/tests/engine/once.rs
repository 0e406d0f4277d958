//! H27: a participant without a barrier, for whom a second task would be a second effect (`dispatch: once`).

use impresario_orchestrator::broker::Arrival;
use impresario_protocol::Operation;
use serde_json::json;

use crate::fixture::{Replica, Setup, database, success};

const BELL: &str = r#"
saga: bell
version: 1
description: a bell that rings once
deadline: 1h
steps:
  ring:
    task: seats/ring
    dispatch: once
    timeout: 1s
    on_unknown: operator
    input: {}
    compensate: none
    reason: nobody can take a ring back
"#;

#[tokio::test]
async fn h27_what_is_sent_once_is_not_sent_again_whoever_dies_or_forgets() {
    let url = database().await;
    let setup = Setup {
        definition: Some(BELL),
        transport_forgets: true,
        ..Setup::default()
    };
    let a = Replica::start_with("a", &url, setup.clone()).await;
    let saga = a.start_saga("k1", json!({})).await.unwrap().id;
    let ring = a.task(saga, "ring", Operation::Forward, 1).await;
    a.wait_outbox_empty().await;
    a.engine.stop().await;

    // The transport forgets, the next replica starts anew, the queue is lost: each a reason to send it again.
    let b = Replica::start_with("b", &url, setup).await;
    let pool = "seats".to_owned();
    b.arrive(Arrival::Lost { pool }).await;
    b.wait_status(saga, "stuck").await;
    assert!(b.wire.sent().is_empty(), "again: {:?}", b.wire.sent());
    // Nobody has said that nothing happened; the worker comes back and says what did.
    b.answer(&ring, success(json!({}))).await;
    b.wait_status(saga, "completed").await;
    assert_eq!(
        b.facts(saga).await,
        [
            "started",
            "dispatched ring",
            "parked ring",
            "succeeded ring",
            "completed"
        ]
    );
}
