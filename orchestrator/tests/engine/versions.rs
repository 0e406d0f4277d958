//! H19 and H29: definitions that change while sagas run, and sagas that a newer engine has written.

use std::time::Duration;

use impresario_orchestrator::lane::CommandError;
use impresario_orchestrator::store::definitions::Version;
use impresario_protocol::Operation;
use impresario_workflows::saga::Migration;
use serde_json::json;

use crate::fixture::{Replica, STORY, Setup, database, seat, stamp, success};

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

/// An order to go on under this version, as the engine knows it.
async fn order(replica: &Replica, version: u32, key: &str) -> Migration {
    let wanted = Version::Number(version);
    let to = replica.engine.version("story", &wanted).await.unwrap();
    Migration {
        to: to.expect("the version is stored").definition,
        stamp: stamp(key),
    }
}

#[tokio::test]
async fn h19_a_saga_goes_on_under_another_version_whoever_still_believes_in_the_old_one() {
    let url = database().await;
    let a = Replica::start("a", &url).await;
    let saga = a.start_saga("k", seat()).await.unwrap().id;
    let hold = a.task(saga, "hold", Operation::Forward, 1).await;
    a.answer(&hold, success(json!({"id": 7}))).await;
    let charge = a.task(saga, "charge", Operation::Forward, 1).await;

    let setup = Setup {
        definition: Some(second_version()),
        ..Setup::default()
    };
    let b = Replica::start_with("b", &url, setup).await;
    let seq = b.engine.load(saga).await.unwrap().unwrap().seq;
    let migration = order(&b, 2, "m").await;
    let stale = b
        .engine
        .migrate(saga, migration.clone(), Some(seq - 1))
        .await;
    assert!(
        matches!(stale, Err(CommandError::Stale { .. })),
        "{stale:?}"
    );
    // On a slow machine the charge times out meanwhile, and the saga moves on.
    let (moved, seq) = loop {
        let seq = b.engine.load(saga).await.unwrap().unwrap().seq;
        match b.engine.migrate(saga, migration.clone(), Some(seq)).await {
            Err(CommandError::Stale { now, .. }) if now < seq + 5 => {}
            moved => break (moved.unwrap(), seq),
        }
    };
    assert!(moved.changed);
    let again = b.engine.migrate(saga, migration, Some(seq)).await.unwrap();
    assert!(!again.changed, "the same key again");
    let row: (i32, String) = sqlx::query_as(
        "select d.version, s.status from saga s join definition d on d.id = s.definition_id where s.id = $1",
    )
    .bind(saga.0)
    .fetch_one(&a.engine.database().pool)
    .await
    .unwrap();
    assert_eq!(row, (2, "running".to_owned()));

    // What `a` remembers is a version behind: its decision loses, and what it reads then is the new one.
    a.answer(&charge, success(json!({"id": 8}))).await;
    let issue = a.task(saga, "issue", Operation::Forward, 1).await;
    a.answer(&issue, success(json!({}))).await;
    let thank = a.task(saga, "thank", Operation::Forward, 1).await;
    a.answer(&thank, success(json!({}))).await;
    a.wait_status(saga, "completed").await;
    let loaded = b.engine.load(saga).await.unwrap().unwrap();
    assert_eq!(loaded.definition.version, 2);
    let facts = a.facts(saga).await;
    assert_eq!(
        facts.iter().filter(|fact| *fact == "migrated").count(),
        1,
        "{facts:?}"
    );
}

#[tokio::test]
async fn h19_a_saga_that_stands_before_a_human_is_mended_by_a_version_and_survives_every_process() {
    let broken = STORY.replace("retry: { max_attempts: unlimited, initial: 10ms, max: 20ms }\n    input: {}", "retry: { max_attempts: unlimited, initial: 10ms, max: 20ms }\n    input: { at: \"${{ steps.hold.output.row.seat }}\" }");
    assert_ne!(broken, STORY);
    let mended = broken
        .replace("version: 1", "version: 2")
        .replace("output.row.seat", "output.id");
    let [broken, mended] = [broken, mended].map(|text| &*Box::leak(text.into_boxed_str()));
    let url = database().await;
    let with = |definition| Setup {
        definition: Some(definition),
        ..Setup::default()
    };
    let a = Replica::start_with("a", &url, with(broken)).await;
    let saga = a.start_saga("k", seat()).await.unwrap().id;
    for (step, output) in [("hold", json!({"id": 7})), ("charge", json!({"id": 8}))] {
        let task = a.task(saga, step, Operation::Forward, 1).await;
        a.answer(&task, success(output)).await;
    }
    a.wait_status(saga, "stuck").await;
    a.engine.stop().await;

    let b = Replica::start_with("b", &url, with(mended)).await;
    let migration = order(&b, 2, "m").await;
    b.engine.migrate(saga, migration, None).await.unwrap();
    let issue = b.task(saga, "issue", Operation::Forward, 1).await;
    assert_eq!(issue.input, json!({"at": 7}));
    b.engine.stop().await;

    // A process that has only the first one in hand folds the journal under each in its turn.
    let c = Replica::start_with("c", &url, with(broken)).await;
    c.answer(&issue, success(json!({}))).await;
    c.wait_status(saga, "completed").await;
}
