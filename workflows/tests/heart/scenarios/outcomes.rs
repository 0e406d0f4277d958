//! The four outcomes: what each says about the effect, and from which attempt it counts.

use impresario_workflows::saga::{Operation, Status};

use crate::bench::definitions::{trip, trip_with};
use crate::bench::outcomes::{failed, rejected, succeeded, unknown};
use crate::bench::{Bench, SECOND};

#[test]
fn a_saga_in_which_all_goes_well_completes() {
    let mut saga = Bench::unborn(trip());
    let input = serde_json::json!({ "seats": 2 });
    assert_eq!(
        saga.put(crate::bench::start(input)),
        ["started", "sent seat forward 1"]
    );
    assert_eq!(
        saga.answer("seat", succeeded()),
        ["succeeded seat", "sent card forward 1"]
    );
    assert_eq!(
        saga.answer("card", succeeded()),
        ["succeeded card", "sent capture forward 1"]
    );
    assert_eq!(
        saga.answer("capture", succeeded()),
        ["succeeded capture", "sent ticket forward 1"]
    );
    assert_eq!(
        saga.answer("ticket", succeeded()),
        ["succeeded ticket", "completed"]
    );
    assert_eq!(saga.status(), Status::Completed);
}

#[test]
fn h07_a_success_counts_from_any_attempt() {
    let mut saga = Bench::started(trip());
    assert_eq!(
        saga.passes(5 * SECOND),
        ["later seat forward, 1 spent, in doubt"]
    );
    assert_eq!(saga.passes(SECOND), ["sent seat forward 2"]);
    let lines = saga.late("seat", Operation::Forward, 1, succeeded());
    assert_eq!(lines, ["succeeded seat", "sent card forward 1"]);
    let lines = saga.late("seat", Operation::Forward, 2, succeeded());
    assert_eq!(
        lines,
        ["ignored: known"],
        "the other attempt has the same effect"
    );
}

#[test]
fn a_success_counts_while_the_next_attempt_waits_for_its_time() {
    let mut saga = Bench::started(trip());
    saga.passes(5 * SECOND);
    let lines = saga.late("seat", Operation::Forward, 1, succeeded());
    assert_eq!(lines, ["succeeded seat", "sent card forward 1"]);
}

#[test]
fn a_rejection_counts_from_any_attempt_and_leaves_nothing_to_undo_of_its_own_step() {
    let mut saga = Bench::started(trip());
    saga.until_out("card").passes(5 * SECOND);
    saga.passes(SECOND);
    assert_eq!(
        saga.late("card", Operation::Forward, 1, rejected("declined")),
        [
            "closed card (declined)",
            "turned: rejected card (declined)",
            "sent seat compensate 1"
        ],
    );
    assert_eq!(
        saga.answer("seat", succeeded()),
        ["undone seat", "compensated"]
    );
}

#[test]
fn a_rejection_of_the_first_step_ends_the_saga_at_once() {
    let mut saga = Bench::started(trip());
    assert_eq!(
        saga.answer("seat", rejected("taken")),
        [
            "closed seat (taken)",
            "turned: rejected seat (taken)",
            "compensated"
        ],
    );
    assert_eq!(saga.status(), Status::Compensated);
}

#[test]
fn a_failure_counts_only_from_the_current_attempt() {
    let mut saga = Bench::started(trip());
    assert_eq!(
        saga.answer("seat", failed()),
        ["later seat forward, 1 spent"]
    );
    let again = saga.late("seat", Operation::Forward, 1, failed());
    assert_eq!(again, ["ignored: stale"], "its attempt was spent already");
    assert_eq!(saga.passes(SECOND), ["sent seat forward 2"]);
    assert_eq!(
        saga.late("seat", Operation::Forward, 1, failed()),
        ["ignored: stale"]
    );
    assert_eq!(
        saga.late("seat", Operation::Forward, 1, unknown()),
        ["ignored: stale"]
    );
    assert_eq!(
        saga.late("seat", Operation::Forward, 3, failed()),
        ["ignored: stale"]
    );
}

#[test]
fn a_failed_step_is_undone_too_for_a_failure_closes_nothing() {
    let mut saga = Bench::started(trip());
    saga.until_out("card").answer("card", failed());
    saga.passes(SECOND);
    assert_eq!(
        saga.answer("card", failed()),
        [
            "gave up card, failed (broken)",
            "turned: failed card (broken)",
            "sent card compensate 1",
        ],
    );
    assert_eq!(
        saga.answer("card", succeeded()),
        ["undone card", "sent seat compensate 1"]
    );
    assert_eq!(
        saga.answer("seat", succeeded()),
        ["undone seat", "compensated"]
    );
}

#[test]
fn a_code_that_is_not_worth_a_retry_ends_the_attempts_at_once() {
    let saga = trip_with(&[("card", "retry: { max_attempts: 5, unless: [broken] }")]);
    let mut saga = Bench::started(saga);
    saga.until_out("card");
    assert_eq!(
        saga.answer("card", failed()),
        [
            "gave up card, failed (broken)",
            "turned: failed card (broken)",
            "sent card compensate 1",
        ],
    );
}

#[test]
fn an_answer_that_does_not_know_spends_the_attempt_and_leaves_a_doubt() {
    let mut saga = Bench::started(trip());
    assert_eq!(
        saga.answer("seat", unknown()),
        ["later seat forward, 1 spent, in doubt"]
    );
    saga.passes(SECOND);
    assert_eq!(
        saga.answer("seat", failed()),
        [
            "gave up seat, unknown (broken)",
            "turned: unknown seat (broken)",
            "sent seat compensate 1"
        ],
        "one attempt in doubt makes the outcome unknown, whatever the last one said",
    );
}

#[test]
fn a_refusal_says_that_the_key_is_closed() {
    let mut saga = Bench::started(trip());
    saga.until_out("card");
    assert_eq!(
        saga.answer("card", impresario_workflows::saga::Outcome::Refused),
        [
            "closed card (refused)",
            "turned: rejected card (refused)",
            "sent seat compensate 1"
        ],
    );
}
