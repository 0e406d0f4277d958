//! The limits of a step: waiting for a worker, one attempt, all of them, a worker's silence.

use impresario_workflows::saga::Outcome;

use crate::bench::definitions::trip_with;
use crate::bench::outcomes::{failed, succeeded};
use crate::bench::{Bench, SECOND};

fn seat_out(lines: &str) -> Bench {
    Bench::started(trip_with(&[("seat", lines)]))
}

#[test]
fn all_attempts_together_have_their_time() {
    let mut saga =
        seat_out("timeout: { attempt: 5s, step: 8s }\nretry: { max_attempts: 9, initial: 4s }");
    assert_eq!(
        saga.answer("seat", failed()),
        ["later seat forward, 1 spent"]
    );
    assert_eq!(saga.passes(4 * SECOND), ["sent seat forward 2"]);
    assert_eq!(
        saga.wake(),
        Some(8 * SECOND),
        "before the attempt's own end"
    );
    assert_eq!(
        saga.passes(4 * SECOND),
        [
            "gave up seat, unknown (step_timeout)",
            "turned: unknown seat (step_timeout)",
            "sent seat compensate 1"
        ],
        "whoever was asked last may still act"
    );
}

#[test]
fn between_attempts_nobody_can_act_any_more() {
    let mut saga =
        seat_out("timeout: { attempt: 5s, step: 8s }\nretry: { max_attempts: 9, initial: 8s }");
    saga.now += 2 * SECOND;
    saga.answer("seat", failed());
    let lines = saga.wakes();
    assert_eq!(lines[0], "gave up seat, failed (step_timeout)");
}

#[test]
fn a_worker_that_never_comes_fails_the_step_when_the_definition_bounds_that() {
    let mut saga = seat_out("timeout: { attempt: 5s, queue: 20s }").without_pool("catalog");
    assert_eq!(saga.passes(5 * SECOND), ["ignored: not due"]);
    assert_eq!(saga.passes(5 * SECOND), ["postponed seat forward"]);
    let lines = saga.passes(10 * SECOND);
    assert_eq!(
        lines[0], "gave up seat, failed (queue_timeout)",
        "nothing is known to be done"
    );
}

#[test]
fn a_worker_that_is_always_too_late_is_one_that_never_comes() {
    let mut saga = seat_out("timeout: { attempt: 5s, queue: 20s }");
    saga.now += 21 * SECOND;
    let lines = saga.answer("seat", Outcome::Expired);
    assert_eq!(lines[0], "gave up seat, failed (queue_timeout)");
}

#[test]
fn an_outage_without_such_a_bound_spends_nothing() {
    let mut saga = seat_out("timeout: { attempt: 5s }").without_pool("catalog");
    saga.passes(5 * SECOND);
    for _ in 0..20 {
        let lines = saga.wakes();
        assert!(
            lines[0].starts_with("postponed") || lines[0].starts_with("ignored"),
            "{lines:?}"
        );
        saga.now += 30 * SECOND;
    }
}

#[test]
fn a_silent_worker_ends_its_attempt_early() {
    let mut saga = seat_out("timeout: { attempt: 60s, heartbeat: 4s }");
    assert_eq!(saga.last_sent().heartbeat_ms, Some(4 * SECOND));
    assert_eq!(saga.wake(), Some(4 * SECOND));
    saga.now += 3 * SECOND;
    assert_eq!(
        saga.answer("seat", Outcome::Heartbeat),
        ["postponed seat forward"]
    );
    assert_eq!(saga.wake(), Some(7 * SECOND));
    assert_eq!(
        saga.wakes(),
        ["later seat forward, 1 spent, in doubt"],
        "it said nothing for four seconds"
    );
}

#[test]
fn heartbeats_do_not_lengthen_an_attempt_beyond_its_timeout() {
    let mut saga = seat_out("timeout: { attempt: 10s, heartbeat: 4s }");
    for _ in 0..3 {
        saga.now += 3 * SECOND;
        saga.answer("seat", Outcome::Heartbeat);
    }
    assert_eq!(saga.wake(), Some(10 * SECOND));
    assert_eq!(saga.answer("seat", Outcome::Heartbeat), ["ignored: known"]);
    assert_eq!(
        saga.answer("seat", succeeded())[0],
        "succeeded seat",
        "and an answer counts as ever"
    );
}
