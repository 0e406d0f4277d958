//! An operator's retry: once per stamp, only for what stands before a human, one step or all of them.

use impresario_workflows::saga::{Input, Status};

use crate::bench::definitions::{diamond, trip};
use crate::bench::outcomes::{failed, rejected, succeeded};
use crate::bench::{Bench, stamp};

/// Both sides of the diamond cannot be undone.
fn both_sides_stuck() -> Bench {
    let mut saga = Bench::started(diamond());
    saga.until_out("join").answer("join", rejected("no"));
    saga.answer("left", failed());
    saga.answer("right", failed());
    assert_eq!(saga.status(), Status::Stuck);
    saga
}

#[test]
fn a_retry_without_a_step_is_for_everything_that_is_parked() {
    let mut saga = both_sides_stuck();
    assert_eq!(
        saga.retry(),
        [
            "retried left compensate, generation 1",
            "sent left compensate 2",
            "retried right compensate, generation 1",
            "sent right compensate 2",
        ],
    );
    assert_eq!(saga.status(), Status::Compensating);
}

#[test]
fn a_retry_of_one_step_leaves_the_others_where_they_are() {
    let mut saga = both_sides_stuck();
    assert_eq!(
        saga.retry_step("right"),
        [
            "retried right compensate, generation 1",
            "sent right compensate 2"
        ],
    );
    assert_eq!(saga.status(), Status::Stuck, "left still is");
}

#[test]
fn a_retry_gives_the_undoing_all_its_attempts_again() {
    let mut saga = Bench::started(trip());
    saga.cancel();
    for round in 1..5 {
        assert_eq!(
            saga.answer("seat", failed()),
            ["later seat compensate, 1 spent"],
            "{round}"
        );
        saga.wakes();
        assert_eq!(
            saga.answer("seat", failed()),
            ["parked seat compensate (broken)"]
        );
        saga.retry();
    }
}

#[test]
fn the_same_command_twice_is_one_command() {
    let mut saga = both_sides_stuck();
    let retry = Input::Retry {
        step: None,
        stamp: stamp("once"),
    };
    assert_eq!(saga.put(retry.clone()).len(), 4);
    assert_eq!(saga.put(retry.clone()), ["ignored: known"]);
    saga.answer("left", failed());
    assert_eq!(
        saga.put(retry),
        ["ignored: known"],
        "even when there is something to retry again"
    );
    assert_eq!(saga.retry().len(), 2, "another command is another retry");
}

#[test]
fn what_is_not_parked_cannot_be_retried_and_the_refusal_says_so() {
    let mut saga = Bench::started(diamond());
    assert_eq!(
        saga.retry(),
        ["refused: cannot retry: nothing is parked, the saga is running"],
    );
    assert_eq!(
        saga.retry_step("base"),
        ["refused: cannot retry step `base`: it is not parked"],
    );
    assert_eq!(
        saga.retry_step("elsewhere"),
        ["refused: cannot retry step `elsewhere`: it is not parked"],
    );
    saga.answer("base", rejected("no"));
    assert_eq!(
        saga.retry(),
        ["refused: cannot retry: nothing is parked, the saga is compensated"],
    );
}

#[test]
fn a_refused_command_may_be_given_again_when_it_fits() {
    let mut saga = Bench::started(trip());
    let retry = Input::Retry {
        step: None,
        stamp: stamp("later"),
    };
    assert!(saga.put(retry.clone())[0].starts_with("refused"));
    saga.until_out("ticket").answer("ticket", rejected("no"));
    assert_eq!(
        saga.put(retry),
        [
            "retried ticket forward, generation 2",
            "sent ticket forward 1"
        ]
    );
}

#[test]
fn each_generation_is_opened_by_a_command_of_its_own() {
    let mut saga = Bench::started(trip());
    saga.until_out("ticket");
    for generation in 2..6 {
        assert_eq!(
            saga.answer("ticket", rejected("no")),
            ["closed ticket (no)"]
        );
        saga.retry();
        assert_eq!(saga.last_sent().generation, generation);
        assert_eq!(saga.last_sent().attempt, 1);
    }
    assert_eq!(
        saga.answer("ticket", succeeded()),
        ["succeeded ticket", "completed"]
    );
}

#[test]
fn a_cancel_given_twice_is_one_cancel() {
    let mut saga = Bench::started(trip());
    let cancel = Input::Cancel(stamp("stop"));
    assert_eq!(
        saga.put(cancel.clone()),
        ["turned: cancelled", "sent seat compensate 1"]
    );
    assert_eq!(saga.put(cancel), ["ignored: known"]);
    assert_eq!(saga.cancel(), ["ignored: known"], "and so is another one");
    saga.answer("seat", succeeded());
    assert_eq!(saga.cancel(), ["ignored: ended"]);
}
