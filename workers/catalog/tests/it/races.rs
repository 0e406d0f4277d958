//! Many sagas for the same seats, through several pools as several processes would be.

use std::collections::HashSet;

use futures::future::join_all;
use impresario_catalog::Config;
use impresario_protocol::Outcome;
use impresario_worker_sdk::testing::TestSaga;

use crate::fixture::{catalog, hold, release};

#[tokio::test(flavor = "multi_thread")]
async fn of_all_who_want_a_seat_exactly_one_gets_it() {
    let catalog = catalog().await;
    // A second pool has its own batches, so the two really meet in the database.
    let other = impresario_catalog::pool(&catalog.database, &Config::default());
    let tasks = (0..200u32).map(|number| {
        // Pairs that overlap with their neighbours', asked for in both orders.
        let (left, right) = (number % 10 + 1, (number + 1) % 10 + 1);
        let (left, right) = (format!("H{left}"), format!("H{right}"));
        let seats = if number % 3 == 0 {
            [right, left]
        } else {
            [left, right]
        };
        let seats: Vec<&str> = seats.iter().map(String::as_str).collect();
        let task = hold(&TestSaga::new(number), &seats);
        let pool = if number % 2 == 0 {
            catalog.pool.clone()
        } else {
            other.clone()
        };
        async move { pool.run(task.into()).await }
    });
    let mut sold = HashSet::new();
    for outcome in join_all(tasks).await {
        match outcome {
            Outcome::Succeeded { output } => {
                for seat in output["seats"].as_array().unwrap() {
                    assert!(sold.insert(seat.to_string()), "{seat} was given away twice");
                }
            }
            Outcome::Rejected(problem) => assert_eq!(problem.code, "seats_taken"),
            other => panic!("no deadlock, no timeout: {other:?}"),
        }
    }
    assert!(
        sold.len() >= 8,
        "pairs of ten seats leave at most every third one: {sold:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_and_releases_beside_the_sweeper_never_deadlock() {
    let catalog = catalog().await;
    let other = impresario_catalog::pool(&catalog.database, &Config::default());
    let sagas = (0..60u32).map(|number| {
        let saga = TestSaga::new(number);
        let pool = if number % 2 == 0 {
            catalog.pool.clone()
        } else {
            other.clone()
        };
        let seats = [
            format!("J{}", number % 5 + 1),
            format!("I{}", number % 4 + 1),
        ];
        async move {
            let seats: Vec<&str> = seats.iter().map(String::as_str).collect();
            let mut task = hold(&saga, &seats);
            task.input["hold_seconds"] = serde_json::json!(0);
            let held = pool.run(task.into()).await;
            let accepted = matches!(&held, Outcome::Succeeded { .. })
                || matches!(&held, Outcome::Rejected(problem) if problem.code == "seats_taken");
            assert!(accepted, "{held:?}");
            let released = pool.run(release(&saga).into()).await;
            assert!(
                matches!(released, Outcome::Succeeded { .. }),
                "{released:?}"
            );
        }
    });
    let sweeps = async {
        for _ in 0..20 {
            impresario_catalog::sweep(&catalog.database).await.unwrap();
        }
    };
    tokio::join!(join_all(sagas), sweeps);
    let left: i64 = sqlx::query_scalar("select count(*) from seat where hold_id is not null")
        .fetch_one(catalog.database.pool())
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_holds_that_meet_in_the_database_never_both_win() {
    let catalog = catalog().await;
    let other = impresario_catalog::pool(&catalog.database, &Config::default());
    for number in 1..=20u32 {
        for row in ["K", "L", "M"] {
            // Nothing else runs, so the two transactions go step by step beside each other.
            let seat = format!("{row}{number}");
            let id = number * 100 + u32::from(row.as_bytes()[0]);
            let mine = catalog.pool.run(hold(&TestSaga::new(id), &[&seat]).into());
            let theirs = other.run(hold(&TestSaga::new(id + 50_000), &[&seat]).into());
            let (mine, theirs) = tokio::join!(mine, theirs);
            let winners = [&mine, &theirs]
                .into_iter()
                .filter(|outcome| matches!(outcome, Outcome::Succeeded { .. }))
                .count();
            assert_eq!(winners, 1, "{seat}: {mine:?} {theirs:?}");
        }
    }
}
