//! Sets: many tasks in one transaction, and what happens when one of them is bad.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use impresario_protocol::Outcome;
use impresario_worker_sdk::testing::{TestSaga, compensation, forward};

use crate::fixture::{Fixture, code, fixture, input, succeeded};

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

#[tokio::test]
async fn two_workers_at_the_same_set_have_one_effect_and_one_answer() {
    let test = fixture().await;
    let other = test.another().await;
    let task = |number: u32| {
        let input = input(&format!("n{number}"), if number == 0 { "slow" } else { "" });
        forward(&TestSaga::new(number), "s", "add-all", input)
    };
    let (ours, theirs) = tokio::join!(
        join_all((0..4).map(|number| test.run(task(number)))),
        join_all((0..4).map(|number| other.run(task(number).into()))),
    );
    assert_eq!(ours, theirs);
    for (number, answer) in ours.iter().enumerate() {
        assert!(matches!(answer, Outcome::Succeeded { .. }), "{answer:?}");
        assert_eq!(test.count(&format!("n{number}")).await, 1);
    }
}

#[tokio::test]
async fn h08_a_set_that_a_compensation_overtakes_is_done_again_without_it() {
    let test = fixture().await;
    let undone = TestSaga::new(1);
    let set = run_all(&test, &["slow", "slow", "slow"]);
    let undo = async {
        // The set is at work: the name of its first item is written, and nobody else can see it yet.
        for _ in 0..200 {
            if test.sets.load(Ordering::SeqCst) > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        test.run(compensation(&undone, "s", "subtract")).await
    };
    let (answers, undo) = tokio::join!(set, undo);
    assert_eq!(undo, succeeded(serde_json::json!({ "null": true })));
    assert_eq!(answers[1], Outcome::Refused);
    for number in [0, 2] {
        assert!(
            matches!(answers[number], Outcome::Succeeded { .. }),
            "{answers:?}"
        );
    }
    for (name, count) in [("n0", 1), ("n1", 0), ("n2", 1)] {
        assert_eq!(test.count(name).await, count, "{name}");
    }
}

#[tokio::test]
async fn h02_a_repeated_task_that_would_fail_now_has_its_first_answer() {
    let test = fixture().await;
    let saga = TestSaga::new(1);
    let first = test
        .run(forward(&saga, "s", "add-all", input("a", "once")))
        .await;
    assert!(matches!(first, Outcome::Succeeded { .. }), "{first:?}");
    let again = test
        .run(forward(&saga, "s", "add-all", input("a", "once")))
        .await;
    assert_eq!(again, first);
    assert_eq!(test.count("a").await, 1);
}
