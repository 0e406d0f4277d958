//! Child sagas: the engine serves them behind the same port as every other pool.

use impresario_protocol::{Operation, Outcome, Problem, Task};
use impresario_workflows::SagaId;
use serde_json::json;

use crate::fixture::{Replica, database, eventually, stamp, success};

/// The task that the child of this replica's only parent was given.
async fn childs_task(replica: &Replica, operation: Operation) -> (SagaId, Task) {
    let task = eventually("the child's task", || {
        let sent = replica.wire.sent();
        sent.into_iter()
            .find(|task| task.definition == "inner" && task.operation == operation)
    })
    .await;
    (task.saga.parse().unwrap(), task)
}

#[tokio::test]
async fn a_child_runs_and_its_end_is_the_steps_output() {
    let replica = Replica::start("a", &database().await).await;
    let parent = replica.start_of("outer", "k1", json!({})).await.unwrap().id;
    let (child, hold) = childs_task(&replica, Operation::Forward).await;
    assert_ne!(child, parent);
    replica.answer(&hold, success(json!({ "id": 7 }))).await;
    replica.wait_status(child, "completed").await;
    let issue = replica.task(parent, "issue", Operation::Forward, 1).await;
    replica.answer(&issue, success(json!({}))).await;
    replica.wait_status(parent, "completed").await;
    let facts = replica.facts(parent).await;
    assert_eq!(facts[1..3], ["dispatched book", "succeeded book"]);
    replica.wait_outbox_empty().await;
}

#[tokio::test]
async fn a_completed_child_is_undone_with_its_step() {
    let replica = Replica::start("a", &database().await).await;
    let parent = replica.start_of("outer", "k1", json!({})).await.unwrap().id;
    let (child, hold) = childs_task(&replica, Operation::Forward).await;
    replica.answer(&hold, success(json!({ "id": 7 }))).await;
    let issue = replica.task(parent, "issue", Operation::Forward, 1).await;
    let no = Outcome::Rejected(Problem::new("printer", "no"));
    replica.answer(&issue, no).await;
    let (_, release) = childs_task(&replica, Operation::Compensate).await;
    assert_eq!(release.effect.opposite(), hold.effect);
    replica.answer(&release, success(json!({}))).await;
    replica.wait_status(child, "compensated").await;
    replica.wait_status(parent, "compensated").await;
    replica.wait_outbox_empty().await;
}

#[tokio::test]
async fn a_child_that_is_undone_by_itself_closes_the_step() {
    let replica = Replica::start("a", &database().await).await;
    let parent = replica.start_of("outer", "k1", json!({})).await.unwrap().id;
    let (child, hold) = childs_task(&replica, Operation::Forward).await;
    let no = Outcome::Rejected(Problem::new("taken", "no"));
    replica.answer(&hold, no).await;
    replica.wait_status(child, "compensated").await;
    replica.wait_status(parent, "compensated").await;
    let facts = replica.facts(parent).await;
    assert!(facts.contains(&"closed book".to_owned()), "{facts:?}");
}

#[tokio::test]
async fn a_cancelled_parent_undoes_the_child_that_is_under_way() {
    let replica = Replica::start("a", &database().await).await;
    let parent = replica.start_of("outer", "k1", json!({})).await.unwrap().id;
    let (child, _) = childs_task(&replica, Operation::Forward).await;
    replica
        .engine
        .cancel(parent, stamp("c1"), None)
        .await
        .unwrap();
    let (_, release) = childs_task(&replica, Operation::Compensate).await;
    replica.answer(&release, success(json!({}))).await;
    replica.wait_status(child, "compensated").await;
    replica.wait_status(parent, "compensated").await;
}

/// A process committed a child's end and died before it told anybody: its row is told by another process.
#[tokio::test]
async fn an_end_that_was_not_told_comes_out_of_the_outbox() {
    let url = database().await;
    let a = Replica::start("a", &url).await;
    let parent = a.start_of("outer", "k1", json!({})).await.unwrap().id;
    childs_task(&a, Operation::Forward).await;
    a.wait_outbox_empty().await;
    a.engine.stop().await;
    let end = json!({
        "saga": parent.to_string(), "step": "book", "operation": "forward", "generation": 1,
        "attempt": 1, "outcome": "succeeded", "output": { "id": 7 }, "worker": "sagas",
    });
    sqlx::query(
        "insert into outbox (pool, partition, tasks, nonce, due)
         values ('sagas.reports', 0, $1, 'dead.1', clock_timestamp())",
    )
    .bind(vec![serde_json::to_vec(&end).unwrap()])
    .execute(&a.engine.database().pool)
    .await
    .unwrap();
    let b = Replica::start("b", &url).await;
    b.task(parent, "issue", Operation::Forward, 1).await;
    b.wait_outbox_empty().await;
}
