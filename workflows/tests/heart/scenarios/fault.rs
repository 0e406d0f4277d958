//! A saga that the engine cannot decide is set aside in front of a human; nothing is sent for it meanwhile,
//! and an operator's retry lets it go on with everything that it missed asked again.

use impresario_workflows::saga::{Outcome, Status};

use crate::bench::definitions::{diamond, trip};
use crate::bench::outcomes::{failed, rejected, succeeded};
use crate::bench::{Bench, MINUTE, SECOND};

#[test]
fn h25_it_stands_before_a_human_and_takes_no_news() {
    let mut saga = Bench::started(trip());
    assert_eq!(saga.engine_fault(), ["quarantined (engine_error)"]);
    assert_eq!(saga.engine_fault(), ["ignored: known"]);
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(saga.wake(), None);
    assert_eq!(saga.answer("seat", succeeded()), ["ignored: quarantined"]);
    assert_eq!(saga.redispatch(), ["ignored: quarantined"]);
}

#[test]
fn let_go_it_asks_again_for_what_it_missed() {
    let mut saga = Bench::started(trip());
    saga.engine_fault();
    saga.now += MINUTE;
    assert_eq!(saga.retry(), ["released", "sent seat forward 1"]);
    assert_eq!(saga.status(), Status::Running);
    assert_eq!(
        saga.answer("seat", succeeded()),
        ["succeeded seat", "sent card forward 1"]
    );
}

#[test]
fn let_go_on_its_way_back_it_goes_on_undoing() {
    let mut saga = Bench::started(diamond());
    saga.until_out("join").answer("join", rejected("no"));
    saga.answer("left", failed());
    saga.engine_fault();
    assert_eq!(saga.retry(), ["released", "sent right compensate 1"]);
    assert_eq!(saga.status(), Status::Stuck, "left is still parked");
    assert_eq!(
        saga.retry(),
        [
            "retried left compensate, generation 1",
            "sent left compensate 2"
        ],
    );
}

#[test]
fn a_cancel_is_remembered_and_followed_once_it_is_let_go() {
    let mut saga = Bench::started(trip());
    saga.engine_fault();
    assert_eq!(saga.cancel(), ["turned: cancelled"], "but nothing is sent");
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(saga.retry(), ["released", "sent seat compensate 1"]);
    assert_eq!(
        saga.answer("seat", succeeded()),
        ["undone seat", "compensated"]
    );
}

#[test]
fn a_cancel_at_the_pivot_waits_for_its_answer_as_ever() {
    let mut saga = Bench::started(trip());
    saga.until_out("capture").engine_fault();
    assert_eq!(saga.cancel(), ["wants to turn: cancelled"]);
    assert_eq!(saga.retry(), ["released", "sent capture forward 1"]);
    assert_eq!(
        saga.answer("capture", succeeded()),
        ["succeeded capture", "sent ticket forward 1"]
    );
}

#[test]
fn a_backoff_that_ended_meanwhile_is_followed_at_the_next_look() {
    let mut saga = Bench::started(trip());
    saga.answer("seat", failed());
    saga.engine_fault();
    saga.now += MINUTE;
    assert_eq!(saga.retry(), ["released"]);
    assert_eq!(saga.wake(), Some(SECOND), "it is due");
    assert_eq!(saga.looks(), ["sent seat forward 2"]);
    assert_eq!(saga.answer("seat", Outcome::Heartbeat), ["ignored: known"]);
}

#[test]
fn a_deadline_that_passed_meanwhile_is_followed_at_the_next_look() {
    let mut saga = Bench::started(trip());
    saga.engine_fault();
    saga.now += 20 * MINUTE;
    assert_eq!(saga.retry(), ["released", "sent seat forward 1"]);
    assert_eq!(saga.looks(), ["turned: deadline", "sent seat compensate 1"]);
}
