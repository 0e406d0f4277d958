//! An outage spends nothing: silence counts only when a worker surely had the task and somebody surely read
//! the results. What comes too late to a worker comes back unspent, and what may be lost is sent again.

use impresario_workflows::saga::{Outcome, Status};

use crate::bench::definitions::trip;
use crate::bench::outcomes::{failed, succeeded};
use crate::bench::{BEGINNING, Bench, SECOND};

#[test]
fn silence_of_a_pool_without_workers_spends_nothing() {
    let mut saga = Bench::unborn(trip()).without_pool("catalog");
    saga.put(crate::bench::start(serde_json::json!({ "seats": 2 })));
    assert_eq!(
        saga.passes(5 * SECOND),
        ["ignored: not due"],
        "a little late is nothing yet"
    );
    assert_eq!(
        saga.passes(5 * SECOND),
        ["postponed seat forward"],
        "one timeout more"
    );
    assert_eq!(
        saga.wake(),
        Some(20 * SECOND),
        "as long again as it has lasted"
    );
    for _ in 0..100 {
        let lines = saga.passes(10 * SECOND);
        let patient = lines[0].starts_with("postponed seat") || lines == ["ignored: not due"];
        assert!(patient || lines[0] == "turned: deadline", "{lines:?}");
    }
    assert_eq!(saga.sent[0].attempt, 1);
    assert!(
        saga.sent.iter().skip(1).all(|task| task.task == "release"),
        "no second attempt"
    );
}

#[test]
fn once_workers_are_there_silence_counts_again() {
    let mut saga = Bench::unborn(trip()).without_pool("catalog");
    saga.put(crate::bench::start(serde_json::json!({ "seats": 2 })));
    saga.passes(10 * SECOND);
    saga.pools_are_back();
    assert_eq!(
        saga.passes(9 * SECOND),
        ["ignored: not due"],
        "its own patience first"
    );
    assert_eq!(
        saga.passes(SECOND),
        ["later seat forward, 1 spent, in doubt"]
    );
}

#[test]
fn workers_that_left_after_they_took_the_task_are_no_excuse() {
    let mut saga = Bench::started(trip());
    saga.now += SECOND;
    saga.pool_goes("catalog");
    assert_eq!(
        saga.passes(4 * SECOND),
        ["later seat forward, 1 spent, in doubt"]
    );
    // But they never saw the second attempt.
    assert_eq!(saga.passes(SECOND), ["sent seat forward 2"]);
    assert_eq!(saga.passes(10 * SECOND), ["postponed seat forward"]);
}

#[test]
fn silence_means_nothing_while_results_are_not_read() {
    let mut saga = Bench::started(trip());
    saga.results_pile_up();
    assert_eq!(saga.passes(5 * SECOND), ["ignored: not due"]);
    assert_eq!(saga.passes(5 * SECOND), ["postponed seat forward"]);
    saga.results_are_read();
    assert_eq!(
        saga.passes(10 * SECOND),
        ["later seat forward, 1 spent, in doubt"]
    );
}

#[test]
fn an_answer_is_taken_however_long_the_outage_was() {
    let mut saga = Bench::started(trip());
    saga.results_pile_up();
    saga.passes(60 * SECOND);
    assert_eq!(
        saga.answer("seat", succeeded()),
        ["succeeded seat", "sent card forward 1"]
    );
}

#[test]
fn undoing_is_spared_by_an_outage_too() {
    let mut saga = Bench::started(trip());
    saga.now += SECOND;
    saga.pool_goes("catalog");
    saga.cancel();
    for _ in 0..500 {
        saga.passes(10 * SECOND);
    }
    assert_eq!(
        saga.status(),
        Status::Compensating,
        "it waits, and is not stuck"
    );
    assert_eq!(saga.last_sent().attempt, 1);
}

#[test]
fn an_outage_of_an_hour_costs_a_saga_few_facts() {
    let mut saga = Bench::started(trip());
    saga.now += SECOND;
    saga.pool_goes("catalog");
    saga.cancel();
    let before = saga.rows.len();
    for _ in 0..3_600 {
        saga.passes(SECOND);
    }
    let facts = saga.rows.len() - before;
    assert!((50..75).contains(&facts), "{facts}");
    saga.pools_are_back();
    assert_eq!(
        saga.passes(60 * SECOND),
        ["later seat compensate, 1 spent, in doubt"]
    );
}

#[test]
fn a_task_that_comes_too_late_to_a_worker_is_sent_anew_and_spends_nothing() {
    let mut saga = Bench::started(trip());
    for attempt in 1..30 {
        let lines = saga.answer("seat", Outcome::Expired);
        assert_eq!(lines, ["later seat forward, 0 spent"], "attempt {attempt}");
        assert_eq!(
            saga.passes(SECOND),
            [format!("sent seat forward {}", attempt + 1)]
        );
    }
    assert_eq!(
        saga.answer("seat", failed()),
        ["later seat forward, 1 spent"]
    );
}

#[test]
fn expired_counts_only_from_the_current_attempt() {
    let mut saga = Bench::started(trip());
    saga.answer("seat", failed());
    saga.passes(SECOND);
    let lines = saga.late(
        "seat",
        impresario_workflows::saga::Operation::Forward,
        1,
        Outcome::Expired,
    );
    assert_eq!(lines, ["ignored: stale"]);
}

#[test]
fn an_undoing_that_comes_too_late_to_a_worker_spends_nothing() {
    let mut saga = Bench::started(trip());
    saga.cancel();
    assert_eq!(
        saga.answer("seat", Outcome::Expired),
        ["later seat compensate, 0 spent"]
    );
    assert_eq!(saga.passes(SECOND), ["sent seat compensate 2"]);
}

#[test]
fn what_may_be_lost_is_sent_again_under_the_same_number() {
    let mut saga = Bench::started(trip());
    saga.now += 2 * SECOND;
    assert_eq!(saga.redispatch(), ["sent seat forward 1"]);
    assert_eq!((saga.last_sent().attempt, saga.sent.len()), (1, 2));
    assert_eq!(
        saga.last_sent().not_after,
        BEGINNING + 7 * SECOND,
        "with a whole timeout"
    );
    assert_eq!(saga.passes(4 * SECOND), ["wake moved to 7000 ms"]);
    assert_eq!(
        saga.passes(SECOND),
        ["later seat forward, 1 spent, in doubt"]
    );
    assert_eq!(
        saga.redispatch(),
        ["ignored: known"],
        "what waits for its time is not out"
    );
}

#[test]
fn only_the_pool_that_lost_its_tasks_gets_them_again() {
    let mut saga = Bench::started(trip());
    let other = impresario_workflows::saga::Input::Redispatch {
        pool: Some("payment".to_owned()),
    };
    assert_eq!(saga.put(other), ["ignored: known"]);
    let its = impresario_workflows::saga::Input::Redispatch {
        pool: Some("catalog".to_owned()),
    };
    assert_eq!(saga.put(its.clone()), ["sent seat forward 1"]);
    saga.cancel();
    assert_eq!(
        saga.put(its),
        ["sent seat compensate 1"],
        "not the forward task any more"
    );
}

#[test]
fn h30_a_heartbeat_moves_the_wait_out_and_spends_nothing() {
    let mut saga = Bench::started(trip());
    saga.now += 4 * SECOND;
    assert_eq!(
        saga.answer("seat", Outcome::Heartbeat),
        ["postponed seat forward"]
    );
    assert_eq!(saga.wake(), Some(9 * SECOND));
    assert_eq!(
        saga.answer("seat", Outcome::Heartbeat),
        ["ignored: known"],
        "one fact is enough"
    );
    assert_eq!(saga.passes(4 * SECOND), ["wake moved to 9000 ms"]);
    assert_eq!(
        saga.passes(SECOND),
        ["later seat forward, 1 spent, in doubt"]
    );
    let lines = saga.late(
        "seat",
        impresario_workflows::saga::Operation::Forward,
        1,
        Outcome::Heartbeat,
    );
    assert_eq!(lines, ["ignored: stale"], "its attempt is over");
}
