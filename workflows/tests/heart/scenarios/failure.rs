//! What a failure means: the saga turns around, goes on without the step, or a human looks.

use impresario_workflows::Definition;
use impresario_workflows::saga::{Operation, Status};

use crate::bench::definitions::trip_with;
use crate::bench::outcomes::{failed, rejected, succeeded};
use crate::bench::{Bench, SECOND};

/// The message after the ticket does not matter so much.
fn ticket_says(lines: &str) -> Definition {
    trip_with(&[("ticket", lines)])
}

fn card_out(lines: &str) -> Bench {
    let mut saga = Bench::started(trip_with(&[("card", lines)]));
    saga.until_out("card");
    saga
}

#[test]
fn a_rejection_may_be_passed_over() {
    let mut saga = card_out("on_failure: continue");
    assert_eq!(
        saga.answer("card", rejected("declined")),
        [
            "closed card (declined)",
            "passed over card",
            "sent capture forward 1"
        ]
    );
}

#[test]
fn what_was_given_up_and_passed_over_is_still_undone_later() {
    let mut saga = card_out("on_failure: continue");
    saga.passes(5 * SECOND);
    saga.passes(SECOND);
    assert_eq!(
        saga.passes(5 * SECOND),
        [
            "gave up card, unknown (timeout)",
            "passed over card",
            "sent capture forward 1"
        ]
    );
    let lines = saga.answer("capture", rejected("no"));
    assert_eq!(
        lines[2], "sent card compensate 1",
        "it may have happened: {lines:?}"
    );
}

#[test]
fn a_late_success_of_what_was_passed_over_is_a_fact() {
    let mut saga = card_out("on_failure: continue");
    saga.answer("card", failed());
    saga.wakes();
    saga.answer("card", failed());
    assert_eq!(
        saga.late("card", Operation::Forward, 1, succeeded()),
        ["succeeded card"]
    );
    assert_eq!(
        saga.late("card", Operation::Forward, 2, succeeded()),
        ["ignored: known"]
    );
}

#[test]
fn a_failure_may_stand_before_a_human_before_the_pivot() {
    let mut saga = card_out("on_failure: park");
    assert_eq!(
        saga.answer("card", rejected("declined")),
        ["closed card (declined)"]
    );
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(
        saga.retry(),
        ["retried card forward, generation 2", "sent card forward 1"]
    );
    saga.answer("card", rejected("declined"));
    assert_eq!(
        saga.cancel(),
        ["turned: cancelled", "sent seat compensate 1"],
        "or the human cancels"
    );
}

#[test]
fn past_the_pivot_a_failure_may_be_passed_over() {
    let mut saga = Bench::started(ticket_says(
        "on_failure: continue\nretry: { max_attempts: 2, initial: 1s }",
    ));
    saga.until_out("ticket");
    saga.answer("ticket", failed());
    saga.wakes();
    assert_eq!(
        saga.answer("ticket", failed()),
        [
            "gave up ticket, failed (broken)",
            "passed over ticket",
            "completed"
        ]
    );
}

#[test]
fn past_the_pivot_it_may_stand_before_a_human_after_so_many_attempts() {
    let mut saga = Bench::started(ticket_says("on_failure: park\nretry: { max_attempts: 1 }"));
    saga.until_out("ticket");
    assert_eq!(
        saga.answer("ticket", failed()),
        ["gave up ticket, failed (broken)"]
    );
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(
        saga.retry(),
        [
            "retried ticket forward, generation 1",
            "sent ticket forward 2"
        ]
    );
    saga.answer("ticket", succeeded());
    assert_eq!(saga.status(), Status::Completed);
}

#[test]
fn h27_a_step_that_is_sent_once_is_not_sent_again() {
    let mut saga = card_out("dispatch: once\non_unknown: operator");
    assert_eq!(saga.redispatch(), ["ignored: known"]);
    assert_eq!(
        saga.passes(5 * SECOND),
        ["parked card forward (timeout)"],
        "a human finds out"
    );
}
