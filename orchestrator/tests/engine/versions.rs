//! H19 and H29: definitions that change while sagas run, and sagas that a newer engine has written.

use std::time::Duration;

use impresario_protocol::Operation;
use serde_json::json;

use crate::fixture::{Replica, STORY, Setup, database, seat, success};

/// The story's second version: one more step at the end, and other words for an old one.
fn second_version() -> &'static str {
    let text = STORY.replace("version: 1", "version: 2").replace(
        "output: {",
        "  thank:\n    task: seats/thank\n    needs: [issue]\n    retry: { max_attempts: unlimited }\n    input: {}\noutput: {",
    );
    Box::leak(text.into_boxed_str())
}

#[tokio::test]
async fn h19_running_sagas_keep_their_definition_and_new_ones_get_the_new_one() {
    let url = database().await;
    let a = Replica::start("a", &url).await;
    let old = a.start_saga("old", seat()).await.unwrap().id;
    let hold = a.task(old, "hold", Operation::Forward, 1).await;
    a.answer(&hold, success(json!({"id": 7}))).await;
    let charge = a.task(old, "charge", Operation::Forward, 1).await;
    a.wait_outbox_empty().await;
    a.engine.stop().await;

    let setup = Setup {
        definition: Some(second_version()),
        ..Setup::default()
    };
    let b = Replica::start_with("b", &url, setup).await;
    b.answer(&charge, success(json!({"id": 8}))).await;
    let issue = b.task(old, "issue", Operation::Forward, 1).await;
    b.answer(&issue, success(json!({}))).await;
    b.wait_status(old, "completed").await;

    let new = b.start_saga("new", seat()).await.unwrap().id;
    for (step, output) in [
        ("hold", json!({"id": 1})),
        ("charge", json!({"id": 2})),
        ("issue", json!({})),
    ] {
        let task = b.task(new, step, Operation::Forward, 1).await;
        b.answer(&task, success(output)).await;
    }
    b.task(new, "thank", Operation::Forward, 1).await;
    let sent = b.wire.sent();
    let old = old.to_string();
    assert!(
        sent.iter()
            .all(|task| task.saga != old || task.step != "thank"),
        "a step of another version: {sent:?}"
    );
}

#[tokio::test]
async fn h19_replicas_that_came_with_different_versions_drive_each_others_sagas() {
    let url = database().await;
    let a = Replica::start("a", &url).await;
    let setup = Setup {
        definition: Some(second_version()),
        ..Setup::default()
    };
    let old = a.start_saga("old", seat()).await.unwrap().id;
    let b = Replica::start_with("b", &url, setup).await;
    let new = b.start_saga("new", seat()).await.unwrap().id;

    // Each answer comes to the replica that did not ask.
    for (saga, asked, told) in [(old, &a, &b), (new, &b, &a)] {
        let hold = asked.task(saga, "hold", Operation::Forward, 1).await;
        told.answer(&hold, success(json!({"id": 1}))).await;
        let charge = told.task(saga, "charge", Operation::Forward, 1).await;
        asked.answer(&charge, success(json!({"id": 2}))).await;
        let issue = asked.task(saga, "issue", Operation::Forward, 1).await;
        told.answer(&issue, success(json!({}))).await;
    }
    let thank = a.task(new, "thank", Operation::Forward, 1).await;
    b.answer(&thank, success(json!({}))).await;
    for saga in [old, new] {
        a.wait_status(saga, "completed").await;
    }
    let facts = a.facts(old).await;
    assert!(
        facts.iter().all(|fact| !fact.contains("thank")),
        "a step of another version: {facts:?}"
    );
}

#[tokio::test]
async fn h29_a_saga_that_a_newer_engine_has_written_is_left_to_it_unharmed() {
    let url = database().await;
    let replica = Replica::start("a", &url).await;
    let theirs = replica.start_saga("theirs", seat()).await.unwrap().id;
    let ours = replica.start_saga("ours", seat()).await.unwrap().id;
    let hold = replica.task(theirs, "hold", Operation::Forward, 1).await;
    // A newer replica of a rolling upgrade takes the saga a step further, in words that we do not know.
    let body = json!({"c": "newer.1", "at": 1, "by": ["blessing"], "ev": [{"event": "blessed", "by": "a newer engine"}]});
    let insert = "insert into journal (saga_id, seq, body) values ($1, 2, $2)";
    sqlx::query(insert)
        .bind(theirs.0)
        .bind(body.to_string().into_bytes())
        .execute(&replica.engine.database().pool)
        .await
        .unwrap();

    // Our cache is a row behind: the commit loses, and what is read then cannot be understood.
    let mut acknowledged = replica.deliver(&hold, success(json!({"id": 7}))).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(
        replica.engine.load(theirs).await.is_err(),
        "it is understood"
    );
    assert!(
        acknowledged.try_recv().is_err(),
        "a result of a saga that we cannot read was taken away from those who can"
    );
    let sent = replica.wire.sent();
    let theirs_text = theirs.to_string();
    assert!(
        sent.iter()
            .all(|task| task.saga != theirs_text || task.step == "hold"),
        "decided on what we do not understand: {sent:?}"
    );
    assert_eq!(
        replica.journal(theirs).await.len(),
        2,
        "nothing was written over it"
    );

    // Its neighbour goes on.
    let hold = replica.task(ours, "hold", Operation::Forward, 1).await;
    replica.answer(&hold, success(json!({"id": 7}))).await;
    replica.task(ours, "charge", Operation::Forward, 1).await;
}
