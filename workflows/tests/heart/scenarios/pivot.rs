//! The pivot: while it is out every wish to turn around waits; after it there is only forward.

use impresario_workflows::saga::{Operation, Status};

use crate::bench::definitions::{parsed, trip, trip_with};
use crate::bench::outcomes::{applied, closed, failed, rejected, still_open, succeeded, unknown};
use crate::bench::{Bench, MINUTE, SECOND};

fn at_the_pivot() -> Bench {
    let mut saga = Bench::started(trip());
    saga.until_out("capture");
    saga
}

fn past_the_pivot() -> Bench {
    let mut saga = Bench::started(trip());
    saga.until_out("ticket");
    saga
}

#[test]
fn h21_a_cancel_waits_for_the_pivot_and_is_void_when_it_succeeds() {
    let mut saga = at_the_pivot();
    assert_eq!(saga.cancel(), ["wants to turn: cancelled"]);
    assert_eq!(saga.status(), Status::Running);
    assert_eq!(
        saga.answer("capture", succeeded()),
        ["succeeded capture", "sent ticket forward 1"]
    );
    assert_eq!(
        saga.answer("ticket", succeeded()),
        ["succeeded ticket", "completed"]
    );
}

#[test]
fn a_cancel_that_waited_is_followed_when_the_pivot_says_no() {
    let mut saga = at_the_pivot();
    saga.cancel();
    assert_eq!(
        saga.answer("capture", rejected("declined")),
        [
            "closed capture (declined)",
            "turned: cancelled",
            "sent card compensate 1"
        ],
        "because it was cancelled: that came first",
    );
}

#[test]
fn the_deadline_waits_for_the_pivot_too() {
    let mut saga = at_the_pivot();
    saga.now += 15 * MINUTE;
    let lines = saga.looks();
    assert_eq!(
        lines,
        [
            "wants to turn: deadline",
            "later capture forward, 1 spent, in doubt"
        ]
    );
    assert_eq!(
        saga.cancel(),
        ["ignored: known"],
        "it wants to turn already"
    );
    saga.wakes();
    assert_eq!(
        saga.answer("capture", succeeded()),
        ["succeeded capture", "sent ticket forward 1"]
    );
}

#[test]
fn the_pivots_own_attempts_go_on_while_a_wish_waits() {
    let mut saga = at_the_pivot();
    saga.cancel();
    assert_eq!(
        saga.passes(5 * SECOND),
        ["later capture forward, 1 spent, in doubt"]
    );
    assert_eq!(saga.passes(SECOND), ["sent capture forward 2"]);
    assert_eq!(saga.passes(5 * SECOND), ["sent capture reconcile 1"]);
    assert_eq!(
        saga.answer("capture", closed()),
        [
            "closed capture (not_found)",
            "turned: cancelled",
            "sent card compensate 1"
        ],
    );
}

#[test]
fn a_pivot_that_says_no_turns_around() {
    let mut saga = at_the_pivot();
    assert_eq!(
        saga.answer("capture", rejected("declined")),
        [
            "closed capture (declined)",
            "turned: rejected capture (declined)",
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
fn a_pivot_that_only_failed_is_asked_about_for_a_failure_closes_nothing() {
    let mut saga = at_the_pivot();
    saga.answer("capture", failed());
    saga.passes(SECOND);
    assert_eq!(
        saga.answer("capture", failed()),
        ["sent capture reconcile 1"]
    );
    assert_eq!(
        saga.answer("capture", applied()),
        ["succeeded capture", "sent ticket forward 1"]
    );
}

#[test]
fn a_pivot_that_nobody_can_tell_about_stands_before_a_human() {
    let mut saga = at_the_pivot();
    saga.passes(5 * SECOND);
    saga.passes(SECOND);
    assert_eq!(saga.passes(5 * SECOND), ["sent capture reconcile 1"]);
    saga.answer("capture", still_open());
    saga.passes(SECOND);
    assert_eq!(
        saga.answer("capture", unknown()),
        ["parked capture reconcile (no_idea)"]
    );
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(
        saga.cancel(),
        ["wants to turn: cancelled"],
        "not before it is known"
    );
    assert_eq!(
        saga.retry(),
        [
            "retried capture reconcile, generation 1",
            "sent capture reconcile 3"
        ],
    );
    assert_eq!(
        saga.answer("capture", applied()),
        ["succeeded capture", "sent ticket forward 1"]
    );
}

#[test]
fn a_late_answer_to_the_pivot_ends_the_wait_for_a_human() {
    let definition = trip_with(&[("capture", "on_unknown: operator")]);
    let mut saga = Bench::started(definition);
    saga.until_out("capture").passes(5 * SECOND);
    saga.passes(SECOND);
    assert_eq!(
        saga.passes(5 * SECOND),
        ["parked capture forward (timeout)"]
    );
    let lines = saga.late("capture", Operation::Forward, 1, rejected("declined"));
    assert_eq!(lines[1], "turned: rejected capture (declined)");
}

#[test]
fn a_pivot_with_retry_is_tried_until_it_answers_and_no_deadline_stops_it() {
    let retry = "on_unknown: retry\nretry: { max_attempts: unlimited, initial: 1s, max: 8s }";
    let mut saga = Bench::started(trip_with(&[("capture", retry)]));
    saga.until_out("capture");
    for _ in 0..500 {
        saga.wakes();
        assert_eq!(saga.status(), Status::Running);
    }
    assert!(saga.now > crate::bench::BEGINNING + 15 * MINUTE);
    let lines = saga.late("capture", Operation::Forward, 3, succeeded());
    assert_eq!(lines, ["succeeded capture", "sent ticket forward 1"]);
}

#[test]
fn past_the_pivot_a_cancel_is_refused_with_the_reason() {
    let mut saga = past_the_pivot();
    assert_eq!(
        saga.cancel(),
        ["refused: cannot cancel: step `capture` is done, and after it the saga only goes forward"],
    );
    saga.answer("ticket", succeeded());
    assert_eq!(
        saga.cancel(),
        ["ignored: ended"],
        "at the end there is nothing to refuse"
    );
}

#[test]
fn past_the_pivot_the_deadline_is_nothing() {
    let mut saga = past_the_pivot();
    saga.now += 15 * MINUTE;
    assert_eq!(saga.looks(), ["later ticket forward, 1 spent, in doubt"]);
    assert_eq!(saga.status(), Status::Running);
}

#[test]
fn past_the_pivot_attempts_go_on_without_bound() {
    let mut saga = past_the_pivot();
    for attempt in 2..40 {
        saga.answer("ticket", failed());
        assert_eq!(saga.wakes(), [format!("sent ticket forward {attempt}")]);
    }
    assert_eq!(
        saga.answer("ticket", succeeded()),
        ["succeeded ticket", "completed"]
    );
}

#[test]
fn a_no_past_the_pivot_stands_before_a_human_who_opens_the_next_generation() {
    let mut saga = past_the_pivot();
    assert_eq!(
        saga.answer("ticket", rejected("sold_out")),
        ["closed ticket (sold_out)"]
    );
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(saga.state.next_wake(&saga.definition), None);
    assert_eq!(
        saga.retry(),
        [
            "retried ticket forward, generation 2",
            "sent ticket forward 1"
        ]
    );
    assert_eq!(
        saga.last_sent().generation,
        2,
        "the first key is closed for ever"
    );
    assert_eq!(
        saga.answer("ticket", succeeded()),
        ["succeeded ticket", "completed"]
    );
}

#[test]
fn attempts_that_end_past_the_pivot_stand_before_a_human_and_go_on_under_the_same_key() {
    let retry = "retry: { max_attempts: unlimited, initial: 1s, max: 8s, unless: [broken] }";
    let mut saga = Bench::started(trip_with(&[("ticket", retry)]));
    saga.until_out("ticket");
    assert_eq!(
        saga.answer("ticket", failed()),
        ["parked ticket forward (broken)"]
    );
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(
        saga.retry(),
        [
            "retried ticket forward, generation 1",
            "sent ticket forward 2"
        ]
    );
    assert_eq!(saga.last_sent().generation, 1);
}

/// A pivot that is only there for people who pay.
const OPTIONAL: &str = "
saga: optional
version: 1
deadline: 15m
input: { type: object, required: [vip], properties: { vip: { type: boolean } } }
steps:
  seat: { task: catalog/hold, compensate: { task: catalog/release } }
  capture:
    needs: [seat]
    task: payment/capture
    when: input.vip
    pivot: true
    on_unknown: operator
  ticket: { needs: [capture], task: booking/issue, retry: { max_attempts: unlimited } }
";

#[test]
fn past_a_pivot_that_was_skipped_there_is_only_forward() {
    let input = serde_json::json!({ "vip": false });
    let mut saga = Bench::started_with(parsed(OPTIONAL), input);
    assert_eq!(
        saga.answer("seat", succeeded()),
        ["succeeded seat", "skipped capture", "sent ticket forward 1"],
    );
    assert!(saga.cancel()[0].starts_with("refused: cannot cancel"));
    assert_eq!(
        saga.answer("ticket", rejected("no")),
        ["closed ticket (no)"]
    );
    assert_eq!(saga.status(), Status::Stuck, "it does not turn around");
    saga.now += 16 * MINUTE;
    assert_eq!(saga.looks(), ["wake moved to never"]);
}
