//! One saga, one replica: forward, back, in front of a human and on.

use impresario_orchestrator::lane::CommandError;
use impresario_protocol::{Operation, Outcome, Problem};
use impresario_workflows::saga::Refusal;
use serde_json::json;

use crate::fixture::{Replica, database, seat, stamp, success};

#[tokio::test]
async fn a_saga_runs_forward_and_leaves_nothing_in_the_outbox() {
    let replica = Replica::start("a", &database().await).await;
    let saga = replica.start_saga("k1", seat()).await.unwrap().id;
    for (step, output) in [
        ("hold", json!({"id": 7})),
        ("charge", json!({"id": 8})),
        ("issue", json!({})),
    ] {
        let task = replica.task(saga, step, Operation::Forward, 1).await;
        assert_eq!(
            task.effect.to_string(),
            format!("{}/{step}/forward/1", saga.effect_part())
        );
        replica.answer(&task, success(output)).await;
    }
    replica.wait_status(saga, "completed").await;
    let facts = replica.facts(saga).await;
    assert_eq!(
        facts,
        [
            "started",
            "dispatched hold",
            "succeeded hold",
            "dispatched charge",
            "succeeded charge",
            "dispatched issue",
            "succeeded issue",
            "completed",
        ]
    );
    assert_eq!(
        replica.journal(saga).await.len(),
        4,
        "four transitions for three steps"
    );
    replica.wait_outbox_empty().await;
}

#[tokio::test]
async fn a_rejected_pivot_undoes_what_was_done() {
    let replica = Replica::start("a", &database().await).await;
    let saga = replica.start_saga("k1", seat()).await.unwrap().id;
    let hold = replica.task(saga, "hold", Operation::Forward, 1).await;
    replica.answer(&hold, success(json!({"id": 7}))).await;
    let charge = replica.task(saga, "charge", Operation::Forward, 1).await;
    replica
        .answer(
            &charge,
            Outcome::Rejected(Problem::new("card_declined", "no")),
        )
        .await;
    let release = replica.task(saga, "hold", Operation::Compensate, 1).await;
    assert_eq!(
        release.effect.opposite(),
        hold.effect,
        "the undoing is found by the effect's key"
    );
    replica.answer(&release, success(json!({}))).await;
    replica.wait_status(saga, "compensated").await;
}

#[tokio::test]
async fn h10_an_undoing_that_fails_for_good_stands_before_a_human_until_it_is_retried() {
    let replica = Replica::start("a", &database().await).await;
    let saga = replica.start_saga("k1", seat()).await.unwrap().id;
    let hold = replica.task(saga, "hold", Operation::Forward, 1).await;
    replica.answer(&hold, success(json!({"id": 7}))).await;
    let charge = replica.task(saga, "charge", Operation::Forward, 1).await;
    replica
        .answer(
            &charge,
            Outcome::Rejected(Problem::new("card_declined", "no")),
        )
        .await;
    for attempt in 1..=2 {
        let release = replica
            .task(saga, "hold", Operation::Compensate, attempt)
            .await;
        replica
            .answer(
                &release,
                Outcome::Failed(Problem::new("away", "no seats today")),
            )
            .await;
    }
    replica.wait_status(saga, "stuck").await;
    let answer = replica
        .engine
        .retry(saga, None, stamp("r1"), None)
        .await
        .unwrap();
    assert!(answer.changed);
    // The button pressed twice.
    let again = replica
        .engine
        .retry(saga, None, stamp("r1"), None)
        .await
        .unwrap();
    assert!(!again.changed);
    let release = replica.task(saga, "hold", Operation::Compensate, 3).await;
    replica.answer(&release, success(json!({}))).await;
    replica.wait_status(saga, "compensated").await;
}

#[tokio::test]
async fn commands_that_cannot_be_followed_say_why() {
    let replica = Replica::start("a", &database().await).await;
    let saga = replica.start_saga("k1", seat()).await.unwrap().id;
    let nothing = replica.engine.retry(saga, None, stamp("r1"), None).await;
    assert_eq!(
        nothing,
        Err(CommandError::Refused(Refusal::NothingParked {
            status: "running"
        }))
    );
    let stale = replica.engine.cancel(saga, stamp("c1"), Some(9)).await;
    assert_eq!(
        stale,
        Err(CommandError::Stale {
            expected: 9,
            now: 1
        })
    );
    for step in ["hold", "charge"] {
        let task = replica.task(saga, step, Operation::Forward, 1).await;
        replica.answer(&task, success(json!({"id": 1}))).await;
    }
    replica.task(saga, "issue", Operation::Forward, 1).await;
    let late = replica.engine.cancel(saga, stamp("c2"), None).await;
    assert_eq!(
        late,
        Err(CommandError::Refused(Refusal::PastPivot {
            pivot: "charge".into()
        }))
    );
    let nobody = impresario_workflows::SagaId::derive(0, "main", "story", "nobody");
    let missing = replica.engine.cancel(nobody, stamp("c3"), None).await;
    assert_eq!(missing, Err(CommandError::NotFound(nobody)));
}

#[tokio::test]
async fn h01_the_same_key_is_the_same_saga_and_another_body_is_a_mistake() {
    use impresario_orchestrator::lane::StartError;
    let replica = Replica::start("a", &database().await).await;
    let first = replica.start_saga("k1", seat()).await.unwrap();
    let again = replica.start_saga("k1", seat()).await.unwrap();
    assert_eq!(
        (first.id, first.created, again.created),
        (again.id, true, false)
    );
    let other = replica.start_saga("k1", json!({"seat": "B2"})).await;
    assert_eq!(other, Err(StartError::KeyReused));
}
