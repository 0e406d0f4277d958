//! Steps that wait: their timers fire, signals and decisions are durable when they are answered.

use impresario_orchestrator::lane::CommandError;
use impresario_workflows::SagaId;
use impresario_workflows::saga::{Message, Refusal, Verdict};
use serde_json::{Value, json};

use crate::fixture::{Replica, database, stamp};

fn settled(key: &str, amount: u64) -> Message {
    Message {
        key: key.to_owned(),
        name: "payment.settled".to_owned(),
        payload: json!({ "amount": amount }),
    }
}

fn verdict(key: &str, role: &str) -> Verdict {
    Verdict {
        step: "release".to_owned(),
        approved: true,
        roles: vec![role.to_owned()],
        stamp: stamp(key),
    }
}

async fn until(replica: &Replica, saga: SagaId, fact: &str) {
    for _ in 0..600 {
        if replica.facts(saga).await.iter().any(|known| known == fact) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{fact} never came: {:?}", replica.facts(saga).await);
}

#[tokio::test]
async fn a_saga_waits_for_time_then_a_signal_then_a_person() {
    let replica = Replica::start("a", &database().await).await;
    let saga = replica
        .start_of("patient", "k1", json!({}))
        .await
        .unwrap()
        .id;
    until(&replica, saga, "waiting paid").await;
    replica.wait_status(saga, "waiting").await;

    let other = replica.engine.signal(saga, settled("e1", 4)).await.unwrap();
    assert!(other.changed, "kept, though it is not meant");
    replica.engine.signal(saga, settled("e2", 5)).await.unwrap();
    let again = replica.engine.signal(saga, settled("e2", 5)).await.unwrap();
    assert!(!again.changed, "the same signal twice is one");
    until(&replica, saga, "waiting release").await;

    let refused = replica
        .engine
        .decide(saga, verdict("d1", "sales"), None)
        .await;
    assert!(
        matches!(
            refused,
            Err(CommandError::Refused(Refusal::NotAllowed { .. }))
        ),
        "{refused:?}"
    );
    replica
        .engine
        .decide(saga, verdict("d2", "finance"), None)
        .await
        .unwrap();
    replica.wait_status(saga, "completed").await;
    let ended = replica.journal(saga).await.pop().unwrap();
    let output: &Value = &ended["ev"].as_array().unwrap().last().unwrap()["output"];
    assert_eq!(output, &json!({ "amount": 5 }));
}

#[tokio::test]
async fn a_signal_reaches_a_saga_that_another_process_drives() {
    let url = database().await;
    let (a, b) = (
        Replica::start("a", &url).await,
        Replica::start("b", &url).await,
    );
    let saga = a.start_of("patient", "k1", json!({})).await.unwrap().id;
    until(&a, saga, "waiting paid").await;
    b.engine.signal(saga, settled("e1", 5)).await.unwrap();
    until(&a, saga, "waiting release").await;
    a.engine
        .decide(saga, verdict("d1", "finance"), None)
        .await
        .unwrap();
    a.wait_status(saga, "completed").await;
}

#[tokio::test]
async fn a_misspelt_signal_is_refused_and_writes_nothing() {
    let replica = Replica::start("a", &database().await).await;
    let saga = replica
        .start_of("patient", "k1", json!({}))
        .await
        .unwrap()
        .id;
    until(&replica, saga, "waiting paid").await;
    let rows = replica.journal(saga).await.len();
    let message = Message {
        name: "payment.setled".to_owned(),
        ..settled("e1", 5)
    };
    let refused = replica.engine.signal(saga, message).await;
    assert!(
        matches!(
            refused,
            Err(CommandError::Refused(Refusal::NoSuchSignal { .. }))
        ),
        "{refused:?}"
    );
    assert_eq!(replica.journal(saga).await.len(), rows);
}
