//! An input that cannot be made: before the pivot the saga turns around, past it a human must look.

use impresario_workflows::saga::{Outcome, Status};
use serde_json::json;

use crate::bench::Bench;
use crate::bench::definitions::{parsed, trip_with};
use crate::bench::outcomes::succeeded;

const NUMBER: &str = "input: { id: \"${{ steps.seat.output.number }}\" }";

#[test]
fn before_the_pivot_it_turns_around_and_the_step_is_not_undone() {
    let mut saga = Bench::started(trip_with(&[("card", NUMBER)]));
    let lines = saga.answer("seat", Outcome::Succeeded(json!({})));
    assert_eq!(
        lines,
        [
            "succeeded seat",
            "blocked card (unmappable)",
            "turned: unmappable card",
            "sent seat compensate 1",
        ],
    );
    assert_eq!(
        saga.answer("seat", succeeded()),
        ["undone seat", "compensated"]
    );
}

#[test]
fn a_pivot_that_cannot_be_asked_turns_around_too() {
    let more = format!("{NUMBER}\non_unknown: operator");
    let mut saga = Bench::started(trip_with(&[("capture", &more)]));
    saga.answer("seat", Outcome::Succeeded(json!({})));
    assert_eq!(
        saga.answer("card", succeeded()),
        [
            "succeeded card",
            "blocked capture (unmappable)",
            "turned: unmappable capture",
            "sent card compensate 1",
        ],
    );
}

#[test]
fn past_the_pivot_a_human_looks_and_may_try_again() {
    let more = format!("{NUMBER}\nretry: {{ max_attempts: unlimited }}");
    let mut saga = Bench::started(trip_with(&[("ticket", &more)]));
    saga.answer("seat", Outcome::Succeeded(json!({})));
    saga.answer("card", succeeded());
    assert_eq!(
        saga.answer("capture", succeeded()),
        ["succeeded capture", "blocked ticket (unmappable)"],
    );
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(
        saga.retry(),
        [
            "retried ticket forward, generation 1",
            "blocked ticket (unmappable)"
        ],
        "it was never asked for: the same key",
    );
    assert_eq!(saga.status(), Status::Stuck);
}

#[test]
fn a_condition_that_is_neither_true_nor_false_is_the_same() {
    let mut saga = Bench::started(trip_with(&[("card", "when: steps.seat.output.seats")]));
    let lines = saga.answer("seat", succeeded());
    assert_eq!(
        lines[1..3],
        ["blocked card (unmappable)", "turned: unmappable card"]
    );
}

#[test]
fn a_condition_that_is_false_skips_the_step_and_its_undoing() {
    let definition = || trip_with(&[("card", "when: input.vip")]);
    let mut saga = Bench::started_with(definition(), json!({ "vip": false }));
    assert_eq!(
        saga.answer("seat", succeeded()),
        ["succeeded seat", "skipped card", "sent capture forward 1"],
    );
    let lines = saga.answer("capture", crate::bench::outcomes::rejected("no"));
    assert_eq!(lines[2], "sent seat compensate 1");
}

#[test]
fn an_undoing_that_cannot_be_asked_for_stands_before_a_human() {
    let definition = parsed(
        "
saga: reading
version: 1
steps:
  seat: { task: catalog/hold, compensate: { task: catalog/release } }
  card:
    needs: [seat]
    task: payment/authorize
    compensate: { task: payment/void, input: { number: \"${{ steps.seat.output.number }}\" } }
",
    );
    let mut saga = Bench::started(definition);
    saga.answer("seat", Outcome::Succeeded(json!({})));
    assert_eq!(
        saga.cancel(),
        [
            "turned: cancelled",
            "sent card compensate 1",
            "parked card compensate (unmappable)"
        ],
    );
    assert_eq!(saga.status(), Status::Stuck);
    assert!(
        saga.sent.iter().all(|task| task.task != "void"),
        "there was nothing to send"
    );
    assert_eq!(
        saga.retry(),
        [
            "retried card compensate, generation 1",
            "parked card compensate (unmappable)"
        ],
    );
}

#[test]
fn an_output_that_cannot_be_made_does_not_keep_a_saga_from_ending() {
    let definition = parsed(
        "
saga: ends
version: 1
steps:
  read: { task: catalog/read, readonly: true }
output: ${{ steps.read.output.title }}
",
    );
    let mut saga = Bench::started(definition);
    assert_eq!(
        saga.answer("read", Outcome::Succeeded(json!({}))),
        ["succeeded read", "completed without output (unmappable)"],
    );
    assert_eq!(saga.status(), Status::Completed);
}

#[test]
fn a_saga_without_anything_to_do_ends_at_once() {
    let definition = parsed(
        "
saga: nothing
version: 1
input: { type: object, required: [go], properties: { go: { type: boolean } } }
steps:
  read: { task: catalog/read, readonly: true, when: input.go }
",
    );
    let mut saga = Bench::unborn(definition);
    let lines = saga.put(crate::bench::start(json!({ "go": false })));
    assert_eq!(lines, ["started", "skipped read", "completed"]);
}

/// `left` and `right` become ready at the same instant; one of them cannot be asked.
fn one_of_two(unmappable: &str) -> Vec<String> {
    let step = |id: &str| {
        let input = if id == unmappable {
            "${{ steps.base.output.number }}"
        } else {
            ""
        };
        format!(
            "  {id}:
    needs: [base]
    task: work/{id}
    input: {{ number: \"{input}\" }}
    compensate: {{ task: work/un{id} }}
"
        )
    };
    let text = format!(
        "saga: two\nversion: 1\nsteps:\n  base: {{ task: work/base, readonly: true }}\n{}{}",
        step("left"),
        step("right"),
    );
    let mut saga = Bench::started(parsed(&text));
    saga.answer("base", Outcome::Succeeded(json!({})))
}

#[test]
fn what_is_ready_at_the_same_instant_is_not_sent_after_turning() {
    assert_eq!(
        one_of_two("left"),
        [
            "succeeded base",
            "blocked left (unmappable)",
            "turned: unmappable left",
            "compensated",
        ],
    );
}

#[test]
fn what_was_sent_in_the_same_instant_is_undone() {
    assert_eq!(
        one_of_two("right"),
        [
            "succeeded base",
            "sent left forward 1",
            "blocked right (unmappable)",
            "turned: unmappable right",
            "sent left compensate 1",
        ],
    );
}

#[test]
fn h18_an_input_that_fits_into_no_message_is_one_that_cannot_be_made() {
    // Two outputs as large as they may be, and a little more.
    let both = "input: { a: \"${{ steps.seat.output }}\", b: \"${{ steps.seat.output }}\" }";
    let largest = |bytes: usize| Outcome::Succeeded(json!("x".repeat(bytes)));
    let mut saga = Bench::started(trip_with(&[("card", both)]));
    let lines = saga.answer("seat", largest(256 * 1024));
    assert_eq!(
        lines[1..],
        [
            "blocked card (input_too_large)",
            "turned: unmappable card",
            "sent seat compensate 1",
        ],
    );
    assert_eq!(
        saga.answer("seat", succeeded()),
        ["undone seat", "compensated"]
    );

    let mut saga = Bench::started(trip_with(&[("card", both)]));
    let lines = saga.answer("seat", largest(250 * 1024));
    assert_eq!(lines, ["succeeded seat", "sent card forward 1"]);
}
