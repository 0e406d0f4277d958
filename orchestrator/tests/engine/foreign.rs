//! H28: answers that belong to nobody here, and answers that somebody made up.

use impresario_protocol::{EffectKey, Operation, Outcome, Problem};
use impresario_workflows::SagaId;
use serde_json::json;

use crate::fixture::{PATIENCE, Replica, database, seat, success};

#[tokio::test]
async fn h28_an_answer_that_was_not_asked_for_changes_nothing_and_blocks_nobody() {
    let replica = Replica::start("a", &database().await).await;
    let saga = replica.start_saga("k1", seat()).await.unwrap().id;
    let hold = replica.task(saga, "hold", Operation::Forward, 1).await;
    let another = SagaId::derive(0, "somebody else", "story", "k1").to_string();
    let generation = |generation| EffectKey {
        generation,
        ..hold.effect.clone()
    };
    let no = || Outcome::Rejected(Problem::new("no", "forged"));
    let forged = [
        // A saga that does not exist: after a lost tail, or made up.
        (
            "another saga",
            impresario_protocol::Task {
                saga: another,
                ..hold.clone()
            },
            success(json!({})),
        ),
        (
            "no saga at all",
            impresario_protocol::Task {
                saga: "../etc".into(),
                ..hold.clone()
            },
            success(json!({})),
        ),
        (
            "a step that was not sent",
            impresario_protocol::Task {
                step: "charge".into(),
                ..hold.clone()
            },
            success(json!({"id": 9})),
        ),
        (
            "a step that is not there",
            impresario_protocol::Task {
                step: "steal".into(),
                ..hold.clone()
            },
            no(),
        ),
        (
            "another generation",
            impresario_protocol::Task {
                effect: generation(2),
                ..hold.clone()
            },
            no(),
        ),
        (
            "an undoing that nobody asked for",
            impresario_protocol::Task {
                operation: Operation::Compensate,
                ..hold.clone()
            },
            success(json!({})),
        ),
        (
            "an attempt that was never made",
            impresario_protocol::Task {
                attempt: 7,
                ..hold.clone()
            },
            Outcome::Failed(Problem::new("no", "forged")),
        ),
    ];
    let before = replica.facts(saga).await;
    for (what, task, outcome) in forged {
        let mut acknowledged = replica.deliver(&task, outcome).await;
        let received = tokio::time::timeout(PATIENCE, acknowledged.recv()).await;
        assert!(
            received.is_ok(),
            "{what} was never acknowledged: it would come for ever"
        );
        assert_eq!(replica.facts(saga).await, before, "{what} changed the saga");
    }
    replica.answer(&hold, success(json!({"id": 7}))).await;
    replica.task(saga, "charge", Operation::Forward, 1).await;
}
