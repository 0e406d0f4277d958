//! Time, a signal, a person: what a step waits for when it asks nobody.

use impresario_workflows::Definition;
use impresario_workflows::saga::Status;
use serde_json::json;

use crate::bench::definitions::parsed;
use crate::bench::outcomes::succeeded;
use crate::bench::{Bench, MINUTE, SECOND};

/// The seat is held, then `#pay` waits, then the ticket is issued.
fn paid_later(waits: &str) -> Definition {
    parsed(&format!(
        "
saga: paid-later
version: 1
deadline: 1h
steps:
  seat:
    task: catalog/hold
    compensate: {{ task: catalog/release, timeout: 5s }}
  pay:
    needs: [seat]
    {waits}
  ticket:
    needs: [pay]
    task: booking/issue
    compensate: {{ task: booking/void, timeout: 5s }}
output: ${{{{ steps.pay.output }}}}
"
    ))
}

const SETTLED: &str = "wait: { signal: payment.settled, match: signal.seat == steps.seat.output.hold_id, timeout: 10m }";

fn waiting(waits: &str) -> Bench {
    let mut saga = Bench::started(paid_later(waits));
    assert_eq!(
        saga.answer("seat", succeeded()),
        ["succeeded seat", "waits pay"]
    );
    assert_eq!(saga.status(), Status::Waiting);
    saga
}

#[test]
fn a_sleep_ends_by_itself_and_not_before() {
    let mut saga = waiting("sleep: 10m");
    assert_eq!(saga.wake(), Some(10 * MINUTE));
    assert_eq!(
        saga.passes(9 * MINUTE),
        ["wake moved to 600000 ms"],
        "somebody looked too early"
    );
    assert_eq!(
        saga.passes(MINUTE),
        ["succeeded pay", "sent ticket forward 1"]
    );
}

#[test]
fn a_signal_ends_the_wait_and_is_its_output() {
    let mut saga = waiting(SETTLED);
    let lines = saga.signal("payment.settled", json!({ "seat": "h-1", "amount": 5 }));
    assert_eq!(
        lines,
        [
            "signalled payment.settled",
            "taken by pay",
            "sent ticket forward 1"
        ]
    );
    let unit = saga.state.unit(&saga.definition, "pay").unwrap();
    assert_eq!(
        saga.state.output(unit),
        Some(&json!({ "seat": "h-1", "amount": 5 }))
    );
}

#[test]
fn a_signal_that_comes_before_its_wait_is_kept() {
    let mut saga = Bench::started(paid_later(SETTLED));
    let payload = json!({ "seat": "h-1" });
    assert_eq!(
        saga.signal("payment.settled", payload),
        ["signalled payment.settled"]
    );
    assert_eq!(
        saga.answer("seat", succeeded()),
        [
            "succeeded seat",
            "waits pay",
            "taken by pay",
            "sent ticket forward 1"
        ]
    );
    assert!(saga.state.signals.is_empty(), "taken once");
}

#[test]
fn the_match_says_which_signal_is_meant() {
    let mut saga = waiting(SETTLED);
    for other in [
        json!({ "seat": "h-2" }),
        json!({}),
        json!("text"),
        json!(null),
    ] {
        assert_eq!(
            saga.signal("payment.settled", other),
            ["signalled payment.settled"],
            "not meant, and kept"
        );
    }
    let lines = saga.signal("payment.settled", json!({ "seat": "h-1" }));
    assert!(lines.contains(&"taken by pay".to_owned()), "{lines:?}");
}

#[test]
fn the_same_signal_twice_is_one() {
    let mut saga = waiting("wait: { signal: payment.settled, timeout: 10m }");
    let key = "evt-1".to_owned();
    let signal = impresario_workflows::saga::Input::Signal(impresario_workflows::saga::Message {
        key,
        name: "payment.settled".to_owned(),
        payload: json!({}),
    });
    saga.put(signal.clone());
    assert_eq!(saga.put(signal), ["ignored: known"]);
}

#[test]
fn a_signal_that_nothing_waits_for_is_refused() {
    let mut saga = waiting(SETTLED);
    assert_eq!(
        saga.signal("payment.setled", json!({})),
        ["refused: cannot take signal `payment.setled`: no step of the definition waits for it"]
    );
}

#[test]
fn signals_that_nobody_takes_are_bounded() {
    let mut saga = Bench::started(paid_later(SETTLED));
    for _ in 0..64 {
        saga.signal("payment.settled", json!({}));
    }
    assert_eq!(
        saga.signal("payment.settled", json!({})),
        ["refused: cannot keep another signal: 64 wait to be taken"]
    );
}

#[test]
fn a_signal_that_does_not_come_turns_the_saga_around() {
    let mut saga = waiting(SETTLED);
    assert_eq!(
        saga.passes(10 * MINUTE),
        [
            "closed pay (signal_timeout)",
            "turned: rejected pay (signal_timeout)",
            "sent seat compensate 1"
        ]
    );
    // Too late: it is kept as evidence, and changes nothing.
    assert_eq!(
        saga.signal("payment.settled", json!({ "seat": "h-1" })),
        ["signalled payment.settled"]
    );
    saga.answer("seat", succeeded());
    assert_eq!(saga.status(), Status::Compensated);
    assert_eq!(
        saga.signal("payment.settled", json!({})),
        ["ignored: ended"]
    );
}

#[test]
fn a_person_with_the_role_decides() {
    let mut saga = waiting("approve: { roles: [finance], timeout: 10m }");
    assert_eq!(
        saga.decides("pay", true, "sales"),
        ["refused: cannot decide about step `pay`: that takes the role finance"]
    );
    assert_eq!(
        saga.decides("ticket", true, "finance"),
        ["refused: cannot decide about step `ticket`: it does not wait for a decision"]
    );
    assert_eq!(
        saga.decides("pay", true, "finance"),
        ["approved pay", "sent ticket forward 1"]
    );
}

#[test]
fn a_no_is_undone_like_any_rejection() {
    let mut saga = waiting("approve: { timeout: 10m }");
    assert_eq!(
        saga.decides("pay", false, "anybody"),
        [
            "denied pay",
            "turned: rejected pay (denied)",
            "sent seat compensate 1"
        ]
    );
}

#[test]
fn nobody_decides_in_time() {
    let mut saga = waiting("approve: { timeout: 10m }");
    assert_eq!(saga.passes(10 * MINUTE)[0], "closed pay (approval_timeout)");
}

#[test]
fn cancelling_ends_the_wait() {
    let mut saga = waiting(SETTLED);
    assert_eq!(
        saga.cancel(),
        ["turned: cancelled", "sent seat compensate 1"]
    );
    saga.answer("seat", succeeded());
    assert_eq!(saga.status(), Status::Compensated);
}

#[test]
fn a_saga_that_was_set_aside_remembers_what_it_heard() {
    let mut saga = waiting(SETTLED);
    saga.engine_fault();
    let payload = json!({ "seat": "h-1" });
    assert_eq!(
        saga.signal("payment.settled", payload),
        ["signalled payment.settled"]
    );
    let lines = saga.retry();
    assert_eq!(lines, ["released", "taken by pay", "sent ticket forward 1"]);
}

#[test]
fn a_wait_that_runs_out_may_be_passed_over() {
    let mut saga = waiting(&format!("{SETTLED}\n    on_failure: continue"));
    assert_eq!(
        saga.passes(10 * MINUTE),
        [
            "closed pay (signal_timeout)",
            "passed over pay",
            "sent ticket forward 1"
        ]
    );
    saga.now += SECOND;
    saga.answer("ticket", succeeded());
    assert_eq!(saga.status(), Status::Completed);
}

#[test]
fn a_wait_that_runs_out_may_stand_before_a_human() {
    let mut saga = waiting(&format!("{SETTLED}\n    on_failure: park"));
    assert_eq!(saga.passes(10 * MINUTE), ["closed pay (signal_timeout)"]);
    assert_eq!(saga.status(), Status::Stuck);
    assert_eq!(
        saga.retry(),
        ["retried pay forward, generation 2", "waits pay"]
    );
}
