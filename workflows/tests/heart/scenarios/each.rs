//! `each`: one step for every item of a list, each item a unit of its own.

use impresario_workflows::Definition;
use impresario_workflows::saga::{Operation, Status};
use serde_json::json;

use crate::bench::definitions::parsed;
use crate::bench::outcomes::{failed, rejected, succeeded};
use crate::bench::{Bench, SECOND};

/// Every seat of the group is held, then the tickets are issued.
fn group(more: &str) -> Definition {
    parsed(&format!(
        "
saga: group
version: 1
deadline: 15m
input: {{ type: object, properties: {{ seats: {{}} }} }}
steps:
  seat:
    task: catalog/hold
    each: ${{{{ input.seats | default([]) }}}}
    input: {{ seat: \"${{{{ item.name }}}}\" }}
    retry: {{ max_attempts: 2, initial: 1s }}
    compensate: {{ task: catalog/release, timeout: 5s, input: {{ seat: \"${{{{ item.name }}}}\" }} }}
    {more}
  ticket:
    needs: [seat]
    task: booking/issue
    compensate: {{ task: booking/void, timeout: 5s }}
output: ${{{{ steps.seat.output }}}}
"
    ))
}

fn of(definition: Definition, seats: &[&str]) -> Bench {
    let seats: Vec<_> = seats.iter().map(|name| json!({ "name": name })).collect();
    Bench::started_with(definition, json!({ "seats": seats }))
}

#[test]
fn each_item_has_its_own_task_and_effect_key() {
    let saga = of(group(""), &["A1", "A2"]);
    let sent: Vec<_> = saga
        .sent
        .iter()
        .map(|task| (task.unit.as_str(), task.input["seat"].clone()))
        .collect();
    assert_eq!(sent, [("seat:0", json!("A1")), ("seat:1", json!("A2"))]);
}

#[test]
fn the_outputs_are_a_list_in_the_order_of_the_items() {
    let mut saga = of(group(""), &["A1", "A2"]);
    saga.answer("seat:1", succeeded());
    let lines = saga.answer("seat:0", succeeded());
    assert_eq!(
        lines,
        [
            "succeeded seat:0",
            "succeeded seat",
            "sent ticket forward 1"
        ]
    );
    let output = saga.state.output(0).unwrap();
    assert_eq!(output.as_array().map(Vec::len), Some(2));
}

#[test]
fn an_empty_list_is_done_at_once() {
    let saga = of(group(""), &[]);
    assert_eq!(
        saga.sent.last().map(|task| task.unit.as_str()),
        Some("ticket")
    );
}

#[test]
fn no_more_than_allowed_run_side_by_side() {
    let mut saga = of(group("max_parallel: 2"), &["A1", "A2", "A3", "A4"]);
    assert_eq!(saga.state.open_work().count(), 2);
    let lines = saga.answer("seat:0", succeeded());
    assert_eq!(lines, ["succeeded seat:0", "sent seat:2 forward 1"]);
    // One that waits for its next attempt is under way as well.
    let lines = saga.answer("seat:1", failed());
    assert_eq!(lines, ["later seat:1 forward, 1 spent"]);
}

#[test]
fn all_or_nothing_without_tolerance() {
    let mut saga = of(group("max_parallel: 2"), &["A1", "A2", "A3"]);
    saga.answer("seat:0", succeeded());
    let lines = saga.answer("seat:1", rejected("taken"));
    assert_eq!(
        lines,
        [
            "closed seat:1 (taken)",
            "turned: rejected seat:1 (taken)",
            "sent seat:0 compensate 1",
            "sent seat:2 compensate 1",
        ],
        "what was closed owes nothing, what is still out does"
    );
    let undone: Vec<_> = saga
        .sent
        .iter()
        .filter(|task| task.operation == Operation::Compensate)
        .map(|task| task.input["seat"].clone())
        .collect();
    assert_eq!(undone, [json!("A1"), json!("A3")], "each with its item");
    saga.answer("seat:0", succeeded());
    saga.answer("seat:2", succeeded());
    assert_eq!(saga.status(), Status::Compensated);
}

#[test]
fn a_fan_out_that_has_succeeded_is_undone_item_by_item() {
    let mut saga = of(group(""), &["A1", "A2"]);
    saga.answer("seat:0", succeeded());
    saga.answer("seat:1", succeeded());
    let lines = saga.answer("ticket", rejected("no"));
    assert_eq!(
        lines,
        [
            "closed ticket (no)",
            "turned: rejected ticket (no)",
            "sent seat:0 compensate 1",
            "sent seat:1 compensate 1",
        ],
        "the step itself has done nothing"
    );
    saga.answer("seat:0", succeeded());
    assert_eq!(
        saga.answer("seat:1", succeeded()),
        ["undone seat:1", "compensated"]
    );
}

#[test]
fn some_may_fail_when_the_definition_says_so() {
    let mut saga = of(group("tolerate: 1"), &["A1", "A2", "A3"]);
    assert_eq!(
        saga.answer("seat:0", rejected("taken")),
        ["closed seat:0 (taken)", "passed over seat:0"]
    );
    saga.answer("seat:1", succeeded());
    let lines = saga.answer("seat:2", succeeded());
    assert_eq!(lines[1], "succeeded seat");
    assert_eq!(saga.state.output(0).unwrap()[0], json!(null));
}

#[test]
fn one_more_than_tolerated_fails_the_step() {
    let mut saga = of(group("tolerate: 1"), &["A1", "A2", "A3"]);
    saga.answer("seat:0", rejected("taken"));
    let lines = saga.answer("seat:1", rejected("taken"));
    assert_eq!(lines[1], "turned: rejected seat:1 (taken)");
}

#[test]
fn a_late_success_of_an_item_is_covered_by_its_undoing() {
    let mut saga = of(group(""), &["A1", "A2"]);
    saga.answer("seat:0", rejected("taken"));
    let lines = saga.late("seat:1", Operation::Forward, 1, succeeded());
    assert_eq!(lines, ["succeeded seat:1"]);
    assert_eq!(
        saga.answer("seat:1", succeeded()),
        ["undone seat:1", "compensated"]
    );
}

#[test]
fn news_of_an_item_that_does_not_exist_is_foreign() {
    let mut saga = of(group(""), &["A1"]);
    for name in [
        "seat:1",
        "seat:x",
        "seat:",
        "ticket:0",
        "seat:00000000000000000000",
    ] {
        let news = impresario_workflows::saga::StepResult {
            step: name.to_owned(),
            operation: Operation::Forward,
            generation: 1,
            attempt: 1,
            outcome: succeeded(),
        };
        let lines = saga.put(impresario_workflows::saga::Input::Result(news));
        assert_eq!(lines, ["ignored: foreign"], "{name}");
    }
}

#[test]
fn what_is_no_list_blocks_the_step() {
    let saga = Bench::started_with(group(""), json!({ "seats": "A1" }));
    assert_eq!(saga.status(), Status::Compensated);
    let many: Vec<_> = (0..1001).map(|name| json!({ "name": name })).collect();
    let saga = Bench::started_with(group(""), json!({ "seats": many }));
    assert_eq!(saga.status(), Status::Compensated);
}

#[test]
fn items_that_stand_before_a_human_are_tried_again_one_or_all() {
    let mut saga = of(group("on_failure: park"), &["A1", "A2"]);
    saga.answer("seat:0", rejected("taken"));
    saga.answer("seat:1", rejected("taken"));
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(
        saga.retry_step("seat:1"),
        [
            "retried seat:1 forward, generation 2",
            "sent seat:1 forward 1"
        ]
    );
    assert_eq!(
        saga.retry_step("seat"),
        [
            "retried seat:0 forward, generation 2",
            "sent seat:0 forward 1"
        ]
    );
    saga.now += SECOND;
    saga.answer("seat:0", succeeded());
    saga.answer("seat:1", succeeded());
    saga.answer("ticket", succeeded());
    assert_eq!(saga.status(), Status::Completed);
}

#[test]
fn an_item_that_waits_for_its_turn_again_is_undone_for_what_it_may_have_done() {
    let mut saga = of(
        group("on_failure: park\n    max_parallel: 1"),
        &["A1", "A2"],
    );
    saga.answer("seat:0", failed());
    saga.wakes();
    saga.answer("seat:0", failed());
    assert_eq!(saga.status(), Status::Stuck, "both attempts are spent");
    // The other one is under way, so this one has to wait.
    assert_eq!(
        saga.retry_step("seat:0"),
        ["retried seat:0 forward, generation 1"]
    );
    let lines = saga.cancel();
    assert!(
        lines.contains(&"sent seat:0 compensate 1".to_owned()),
        "{lines:?}"
    );
    assert!(
        lines.contains(&"sent seat:1 compensate 1".to_owned()),
        "{lines:?}"
    );
}
