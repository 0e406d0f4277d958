//! Clients wait at one replica for what another drives. The poll that stands behind the announcements looks once
//! an hour here, so whoever is woken was woken by an announcement: nothing is measured by time.

use std::time::Duration;

use impresario_orchestrator::hub::Interest;
use impresario_protocol::{Operation, Outcome, Problem};
use impresario_workflows::SagaId;
use impresario_workflows::saga::Status;
use serde_json::json;
use tokio::sync::mpsc;

use crate::fixture::{PATIENCE, Replica, Setup, database, eventually, seat, stamp, success};

async fn without_poll(name: &str, url: &str) -> Replica {
    let setup = Setup {
        look_every: Some(Duration::from_secs(3600)),
        ..Setup::default()
    };
    Replica::start_with(name, url, setup).await
}

/// Drives a saga to its end at `replica`.
async fn complete(replica: &Replica, saga: SagaId) {
    for step in ["hold", "charge", "issue"] {
        let task = replica.task(saga, step, Operation::Forward, 1).await;
        replica.answer(&task, success(json!({"id": 1}))).await;
    }
    replica.wait_status(saga, "completed").await;
}

/// What the others were told about a saga.
fn told(replica: &Replica, saga: SagaId) -> Vec<Vec<u8>> {
    let about = |message: &Vec<u8>| message.windows(16).any(|id| id == saga.0.as_bytes());
    replica.wire.announced().into_iter().filter(about).collect()
}

/// Every replica knows of the others with its next renewal of leases: every third of nine seconds.
async fn knows_of_others(replica: &Replica) {
    let mut turn = 0;
    while replica.wire.announced().is_empty() {
        turn += 1;
        let saga = replica.start_saga(&format!("warm{turn}"), seat()).await;
        let saga = saga.unwrap().id;
        replica.engine.cancel(saga, stamp("c"), None).await.unwrap();
        assert!(turn < 1000, "nobody was told of {turn} cancelled sagas");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_announced_outcome_wakes_those_who_wait_elsewhere() {
    let url = database().await;
    let (a, b) = (without_poll("a", &url).await, without_poll("b", &url).await);
    let (announcements, announced) = mpsc::channel(8);
    b.engine.listen(announced).await;
    knows_of_others(&a).await;

    let saga = a.start_saga("k1", seat()).await.unwrap().id;
    let mut waiting = b.engine.hub().subscribe(saga, Interest::Settled);
    complete(&a, saga).await;
    // One message for its end, and none for the steps before.
    let message = eventually("an announcement", || told(&a, saga).pop()).await;
    assert!(waiting.borrow().is_none(), "the poll looks once an hour");

    announcements.send(message).await.unwrap();
    let heard = waiting.wait_for(|news| news.as_ref().is_some_and(|news| news.is_settled()));
    let heard = tokio::time::timeout(PATIENCE, heard).await.expect("woken");
    let heard = heard.unwrap().clone().unwrap();
    assert_eq!(heard.seq, 4);
    assert_eq!(heard.state.status(&heard.definition), Status::Completed);
    assert_eq!(told(&a, saga).len(), 1);
}

#[tokio::test]
async fn what_turns_around_or_stands_before_a_human_is_told_too() {
    let url = database().await;
    let (a, _b) = (without_poll("a", &url).await, without_poll("b", &url).await);
    knows_of_others(&a).await;
    let saga = a.start_saga("k1", seat()).await.unwrap().id;
    let hold = a.task(saga, "hold", Operation::Forward, 1).await;
    a.answer(&hold, success(json!({"id": 7}))).await;
    let charge = a.task(saga, "charge", Operation::Forward, 1).await;
    let no = Outcome::Rejected(Problem::new("card_declined", "no"));
    a.answer(&charge, no).await;
    for attempt in 1..=2 {
        let release = a.task(saga, "hold", Operation::Compensate, attempt).await;
        let away = Outcome::Failed(Problem::new("away", "no seats today"));
        a.answer(&release, away).await;
    }
    a.wait_status(saga, "stuck").await;
    // Turned around, stuck: two messages with this saga in them.
    eventually("two announcements", || {
        (told(&a, saga).len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_replica_that_is_alone_tells_nobody() {
    let a = without_poll("a", &database().await).await;
    for turn in 0..20 {
        let saga = a.start_saga(&format!("k{turn}"), seat()).await.unwrap().id;
        complete(&a, saga).await;
    }
    assert!(a.wire.announced().is_empty());
}
