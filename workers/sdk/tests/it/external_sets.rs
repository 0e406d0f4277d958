//! Effects at somebody else's in sets: shared transactions, and what happens when one of a set is different.

use futures::future::join_all;
use impresario_protocol::{Outcome, Task};
use impresario_worker_sdk::testing::{TestSaga, compensation, forward, reconcile};

use crate::external::external;
use crate::fixture::{Fixture, code, input};

fn buy(number: u32, then: &str) -> Task {
    let name = format!("n{number}");
    forward(&TestSaga::new(number), "s", "buy", input(&name, then))
}

async fn run_all(test: &Fixture, tasks: Vec<Task>) -> Vec<Outcome> {
    join_all(tasks.into_iter().map(|task| test.run(task))).await
}

async fn transactions(test: &Fixture) -> i64 {
    // Rows written by one transaction share its number.
    sqlx::query_scalar("select count(distinct xmin::text) from barrier")
        .fetch_one(test.database.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn what_arrives_together_is_intended_and_answered_together() {
    let (test, provider) = external().await;
    let tasks = || (0..50).map(|number| buy(number, "")).collect();
    let answers = run_all(&test, tasks()).await;
    for answer in &answers {
        assert!(matches!(answer, Outcome::Succeeded { .. }), "{answer:?}");
    }
    assert_eq!(provider.calls().len(), 50);
    let booked = std::mem::take(&mut *provider.booked.lock().unwrap());
    assert_eq!(booked.iter().sum::<usize>(), 50);
    assert!(booked.len() <= 25, "50 answers took {booked:?}");
    assert_eq!(transactions(&test).await, booked.len() as i64);
    // Repeated, all of them answer the same; nobody is asked and nothing is booked again.
    assert_eq!(run_all(&test, tasks()).await, answers);
    assert!(provider.calls().is_empty() && provider.booked.lock().unwrap().is_empty());
    assert_eq!(test.count("n7").await, 1);
}

#[tokio::test]
async fn books_that_fail_for_one_cost_its_siblings_nothing() {
    let (test, provider) = external().await;
    let tasks = (0..6).map(|number| buy(number, if number == 2 { "break" } else { "" }));
    let answers = run_all(&test, tasks.collect()).await;
    for (number, answer) in answers.iter().enumerate() {
        match number {
            // The call was made, so this is no "no".
            2 => assert!(matches!(answer, Outcome::Unknown(_)), "{answer:?}"),
            _ => assert!(matches!(answer, Outcome::Succeeded { .. }), "{answer:?}"),
        }
        assert_eq!(
            test.count(&format!("n{number}")).await,
            i64::from(number != 2)
        );
    }
    // Its intent stands, so it is found.
    let asked = test.run(reconcile(&TestSaga::new(2), "s", "ask")).await;
    assert!(!matches!(asked, Outcome::Closed(_)), "{asked:?}");
    assert_eq!(
        provider
            .calls()
            .iter()
            .filter(|call| **call == "act")
            .count(),
        6
    );
}

#[tokio::test]
async fn what_was_seen_before_is_answered_from_its_row_beside_its_siblings() {
    let (test, provider) = external().await;
    // 0 succeeded, 1 declined, 2 buried, 3 an open intent.
    let before = test.run(buy(0, "")).await;
    provider.behave("decline");
    test.run(buy(1, "")).await;
    test.run(compensation(&TestSaga::new(2), "s", "return"))
        .await;
    provider.behave("silent");
    test.run(buy(3, "")).await;
    provider.behave("");
    provider.calls();
    let mut tasks: Vec<Task> = (0..6).map(|number| buy(number, "")).collect();
    tasks.push(buy(0, "another input"));
    tasks.push(buy(5, ""));
    let answers = run_all(&test, tasks).await;
    assert_eq!(answers[0], before);
    assert_eq!(code(&answers[1]), "declined");
    assert_eq!(answers[2], Outcome::Refused);
    for answer in &answers[3..6] {
        assert!(matches!(answer, Outcome::Succeeded { .. }), "{answer:?}");
    }
    assert_eq!(code(&answers[6]), "input_mismatch");
    assert_eq!(answers[7], answers[5], "twins in one set answer the same");
    for (number, count) in [(0, 1), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1)] {
        assert_eq!(test.count(&format!("n{number}")).await, count, "n{number}");
    }
}
