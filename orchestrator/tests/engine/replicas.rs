//! Two replicas on one database: whoever is second decides again on what is stored.

use std::collections::HashSet;
use std::sync::Arc;

use impresario_orchestrator::lane::StartError;
use impresario_protocol::{Operation, Outcome, Problem};
use serde_json::json;

use crate::fixture::{Replica, database, eventually, seat, stamp, success};

#[tokio::test]
async fn h13_a_stale_cache_loses_its_seq_and_decides_again() {
    let url = database().await;
    let (a, b) = (
        Replica::start("a", &url).await,
        Replica::start("b", &url).await,
    );
    let saga = a.start_saga("k1", seat()).await.unwrap().id;
    let hold = a.task(saga, "hold", Operation::Forward, 1).await;
    // B turns the saga around; A still believes that it goes forward.
    b.engine.cancel(saga, stamp("c1"), None).await.unwrap();
    let release = b.task(saga, "hold", Operation::Compensate, 1).await;
    a.answer(&hold, success(json!({"id": 7}))).await;
    b.answer(&release, success(json!({}))).await;
    b.wait_status(saga, "compensated").await;
    assert!(
        a.wire.sent().iter().all(|task| task.step != "charge"),
        "a loser's command was shipped: the charge of a cancelled saga"
    );
    a.facts(saga).await;
}

#[tokio::test]
async fn h21_cancel_against_the_pivot_has_one_outcome() {
    let url = database().await;
    let (a, b) = (
        Replica::start("a", &url).await,
        Replica::start("b", &url).await,
    );
    for round in 0..20 {
        let saga = a.start_saga(&format!("k{round}"), seat()).await.unwrap().id;
        let hold = a.task(saga, "hold", Operation::Forward, 1).await;
        // The hold's answer (which dispatches the charge) and the cancel meet.
        let (_, cancelled) = tokio::join!(
            a.answer(&hold, success(json!({"id": 7}))),
            b.engine.cancel(saga, stamp("c1"), None)
        );
        cancelled.unwrap();
        let charge = format!("{} charge", saga);
        let charged = || {
            a.wire
                .sent()
                .into_iter()
                .find(|t| t.saga == saga.to_string() && t.step == "charge")
        };
        let undone = || {
            let sent = a.wire.sent().into_iter().chain(b.wire.sent());
            sent.into_iter()
                .find(|t| t.saga == saga.to_string() && t.operation == Operation::Compensate)
        };
        let next = eventually(&charge, || charged().or_else(undone)).await;
        if next.step == "charge" {
            // The pivot's answer is out: the cancel waits for it, and its success ends the wish.
            a.answer(&next, success(json!({"id": 8}))).await;
            let issue = eventually("issue", || {
                let sent = a.wire.sent().into_iter().chain(b.wire.sent());
                sent.into_iter()
                    .find(|t| t.saga == saga.to_string() && t.step == "issue")
            })
            .await;
            a.answer(&issue, success(json!({}))).await;
            a.wait_status(saga, "completed").await;
        } else {
            b.answer(&next, success(json!({}))).await;
            b.wait_status(saga, "compensated").await;
            assert!(charged().is_none(), "a charge after the turn");
        }
    }
}

#[tokio::test]
async fn h13_a_decision_that_writes_nothing_is_made_again_on_the_stored_head() {
    let url = database().await;
    let (a, b) = (
        Replica::start("a", &url).await,
        Replica::start("b", &url).await,
    );
    let saga = a.start_saga("k1", seat()).await.unwrap().id;
    let first = a.task(saga, "hold", Operation::Forward, 1).await;
    // A result of a saga that another replica drives: B spends attempt 1 and sends attempt 2.
    b.answer(&first, Outcome::Failed(Problem::new("away", "first")))
        .await;
    let second = eventually("attempt 2", || {
        let sent = a.wire.sent().into_iter().chain(b.wire.sent());
        sent.into_iter()
            .find(|t| t.saga == saga.to_string() && t.step == "hold" && t.attempt == 2)
    })
    .await;
    // For A, attempt 2 is stale news of an attempt it never made: it must look before it believes that.
    a.answer(&second, Outcome::Failed(Problem::new("away", "second")))
        .await;
    a.wait_status(saga, "compensating").await;
}

#[tokio::test]
async fn a_refusal_is_believed_only_on_the_stored_head() {
    let url = database().await;
    let (a, b) = (
        Replica::start("a", &url).await,
        Replica::start("b", &url).await,
    );
    let saga = a.start_saga("k1", seat()).await.unwrap().id;
    let hold = a.task(saga, "hold", Operation::Forward, 1).await;
    a.answer(&hold, success(json!({"id": 7}))).await;
    let charge = a.task(saga, "charge", Operation::Forward, 1).await;
    // Through B the charge runs out of attempts and stands before a human. A knows nothing of it.
    b.answer(&charge, Outcome::Unknown(Problem::new("away", "first")))
        .await;
    let second = eventually("attempt 2", || {
        let sent = a.wire.sent().into_iter().chain(b.wire.sent());
        sent.into_iter()
            .find(|t| t.saga == saga.to_string() && t.step == "charge" && t.attempt == 2)
    })
    .await;
    b.answer(&second, Outcome::Unknown(Problem::new("away", "second")))
        .await;
    b.wait_status(saga, "stuck").await;
    let answer = a.engine.retry(saga, None, stamp("r1"), None).await;
    assert!(
        answer.as_ref().is_ok_and(|answer| answer.changed),
        "{answer:?}"
    );
}

#[tokio::test]
async fn h01_the_same_start_at_two_replicas_at_once_is_one_saga() {
    let url = database().await;
    let replicas = [
        Arc::new(Replica::start("a", &url).await),
        Arc::new(Replica::start("b", &url).await),
    ];
    let mut calls = tokio::task::JoinSet::new();
    for turn in 0..64 {
        let replica = replicas[turn % 2].clone();
        calls.spawn(async move {
            loop {
                match replica.start_saga("k1", seat()).await {
                    // "Not known to be started, use the key again" is an answer that clients follow.
                    Err(StartError::Unavailable) => {}
                    other => return other.unwrap(),
                }
            }
        });
    }
    let started = calls.join_all().await;
    let ids: HashSet<_> = started.iter().map(|started| started.id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(started.iter().filter(|started| started.created).count(), 1);
    let sent: usize = replicas
        .iter()
        .map(|replica| replica.wire.sent().len())
        .sum();
    assert!(sent <= 1, "one saga, one first task; saw {sent}");
}
