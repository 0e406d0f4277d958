//! Sets: many tasks in one transaction, and what happens when one of them is bad.

use std::sync::atomic::Ordering;

use futures::future::join_all;
use impresario_protocol::Outcome;
use impresario_worker_sdk::testing::{TestSaga, compensation, forward};

use crate::fixture::{Fixture, code, fixture, input};

async fn run_all(test: &Fixture, thens: &[&str]) -> Vec<Outcome> {
    let tasks = thens.iter().enumerate().map(|(number, then)| {
        let saga = TestSaga::new(u32::try_from(number).unwrap());
        test.run(forward(
            &saga,
            "s",
            "add-all",
            input(&format!("n{number}"), then),
        ))
    });
    join_all(tasks).await
}

#[tokio::test]
async fn a_set_commits_together_and_rejections_are_stored_beside_successes() {
    let test = fixture().await;
    let thens: Vec<&str> = (0..50)
        .map(|number| if number % 10 == 0 { "reject" } else { "" })
        .collect();
    let answers = run_all(&test, &thens).await;
    for (number, answer) in answers.iter().enumerate() {
        match number % 10 {
            0 => assert!(matches!(answer, Outcome::Rejected(_)), "{answer:?}"),
            _ => assert!(matches!(answer, Outcome::Succeeded { .. }), "{answer:?}"),
        }
    }
    let sets = test.sets.load(Ordering::SeqCst);
    assert!(sets <= 10, "50 tasks took {sets} sets");
    // Repeated, all of them answer the same, and nothing happens twice.
    assert_eq!(run_all(&test, &thens).await, answers);
    assert_eq!(test.count("n1").await, 1);
    assert_eq!(test.count("n10").await, 0);
}

#[tokio::test]
async fn a_bad_item_costs_its_siblings_nothing() {
    for bad in ["break", "panic"] {
        let test = fixture().await;
        let answers = run_all(&test, &["", "", bad, "", "reject", ""]).await;
        for (number, answer) in answers.iter().enumerate() {
            match number {
                2 => assert!(matches!(answer, Outcome::Failed(_)), "{bad}: {answer:?}"),
                4 => assert!(matches!(answer, Outcome::Rejected(_)), "{bad}: {answer:?}"),
                _ => assert!(
                    matches!(answer, Outcome::Succeeded { .. }),
                    "{bad}: {answer:?}"
                ),
            }
        }
        assert_eq!(test.count("n0").await, 1, "{bad}");
    }
}

#[tokio::test]
async fn twins_in_one_set_answer_the_same() {
    let test = fixture().await;
    let saga = TestSaga::new(1);
    let tasks = (0..8).map(|_| test.run(forward(&saga, "s", "add-all", input("a", ""))));
    let answers = join_all(tasks).await;
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    assert!(matches!(answers[0], Outcome::Succeeded { .. }));
    assert_eq!(test.count("a").await, 1);
}

#[tokio::test]
async fn a_set_meets_tombstones_other_inputs_and_unreadable_ones() {
    let test = fixture().await;
    let (buried, known) = (TestSaga::new(100), TestSaga::new(101));
    test.run(compensation(&buried, "s", "subtract")).await;
    test.run(forward(&known, "s", "add-all", input("k", "")))
        .await;
    let tasks = [
        forward(&buried, "s", "add-all", input("b", "")),
        forward(&known, "s", "add-all", input("other", "")),
        forward(&TestSaga::new(102), "s", "add-all", serde_json::json!(7)),
        forward(&TestSaga::new(103), "s", "add-all", input("d", "")),
    ];
    let answers = join_all(tasks.into_iter().map(|task| test.run(task))).await;
    assert_eq!(answers[0], Outcome::Refused);
    assert_eq!(code(&answers[1]), "input_mismatch");
    assert_eq!(code(&answers[2]), "bad_input");
    assert!(matches!(answers[3], Outcome::Succeeded { .. }));
    // What failed was not stored.
    let retried = test
        .run(forward(&TestSaga::new(102), "s", "add-all", input("c", "")))
        .await;
    assert!(matches!(retried, Outcome::Succeeded { .. }), "{retried:?}");
}
