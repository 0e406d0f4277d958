//! Recorded sagas against a definition: the same one changes nothing, a changed one is told with the first
//! difference, and what the recording cannot tell is not judged.

use impresario_workflows::replay::{ReplayReport, replay};

use crate::fixture::{BOOKING_TABLE, changed, recorded, shipped};
use crate::tables::TABLES;

/// `verdict: what (sagas)`, for each group.
fn told(report: &ReplayReport) -> Vec<String> {
    let groups = report.groups.iter();
    groups
        .map(|group| format!("{}: {} ({})", group.verdict, group.what, group.sagas))
        .collect()
}

#[test]
fn under_its_own_definition_every_saga_lives_the_same_life() {
    let booking = shipped("booking");
    let recorded = recorded(&booking, BOOKING_TABLE);
    let report = replay(&booking, &recorded).unwrap();
    let not_ended = report
        .groups
        .iter()
        .find(|group| group.what == "it had not ended");
    let others = report
        .groups
        .iter()
        .filter(|group| group.verdict == "different");
    assert_eq!(others.count(), 0, "{:#?}", told(&report));
    insta::assert_debug_snapshot!(told(&report));
    assert!(
        not_ended.is_some_and(|group| group.sagas == 2),
        "{:#?}",
        told(&report)
    );
}

/// Some lives for the questions below.
const LIVES: &str = "
definition: booking.yaml
input: { event_id: 6f0f7f8e-0d0e-4a0b-9d0c-1f2e3d4c5b6a, seats: [A1], customer_email: a@b.c, payment_token: t }
cases:
  - { name: well, expect: { end: completed } }
  - { name: declined, given: { authorize: rejected(card_declined) }, expect: { end: compensated } }
  - { name: thrice, given: { hold: failed x 3 }, expect: { end: completed } }
  - { name: for good, given: { hold: failed always }, expect: { end: compensated } }
  - { name: nobody knows, given: { authorize: timeout but acted always, authorize.reconcile: still open x 4 },
      expect: { end: completed } }
";

#[test]
fn fewer_attempts_end_otherwise_and_more_cannot_be_judged() {
    let booking = shipped("booking");
    let lives = recorded(&booking, LIVES);
    let retry = "retry:\n      unless: [seats_taken";
    let fewer = changed(
        "booking",
        retry,
        "retry:\n      max_attempts: 2\n      unless: [seats_taken",
    );
    assert_eq!(
        told(&replay(&fewer, &lives).unwrap()),
        [
            "same:  (3)",
            "different: completed -> compensated: hold: attempt to be tried again (failed), \
             would be: given up, failed (failed) (1)",
            "other_way: hold: attempt to be tried again (failed), would be: given up, failed (failed) (1)",
        ]
    );
    let more = changed(
        "booking",
        retry,
        "retry:\n      max_attempts: 9\n      unless: [seats_taken",
    );
    assert_eq!(
        told(&replay(&more, &lives).unwrap()),
        [
            "same:  (4)",
            "not_judged: attempt 6 of hold was never made (1)"
        ]
    );
}

#[test]
fn a_step_that_is_new_was_never_asked() {
    let booking = shipped("booking");
    let lives = recorded(&booking, LIVES);
    let new = "steps:\n  look: { task: catalog/look, readonly: true }\n";
    let more = changed("booking", "steps:\n", new);
    assert_eq!(
        told(&replay(&more, &lives).unwrap()),
        ["not_judged: attempt 1 of look was never made (5)"]
    );
}

#[test]
fn a_way_that_is_dropped_is_told_with_what_would_be_undone() {
    let booking = shipped("booking");
    let lives = recorded(&booking, LIVES);
    let without = changed(
        "booking",
        "    on_unknown: reconcile
    reconcile:
      task: payment/reconcile-authorization
      timeout: 2s
",
        "    on_unknown: compensate\n",
    );
    let report = replay(&without, &lives).unwrap();
    let saga = report
        .sagas
        .iter()
        .find(|saga| saga.id == "nobody knows")
        .unwrap();
    assert_eq!(
        saga.assumed,
        [
            "the undoing of authorize succeeds",
            "the undoing of hold succeeds"
        ]
    );
    assert_eq!(
        told(&report)[1..],
        [
            "different: completed -> compensated: authorize: reconcile 1 sent, \
          would be: given up, unknown (timeout) (1)"
        ]
    );
}

#[test]
fn another_output_is_another_end() {
    let booking = shipped("booking");
    let lives = recorded(&booking, LIVES);
    let other = changed("booking", "output:\n  booking_ref:", "output:\n  ref:");
    let report = told(&replay(&other, &lives).unwrap());
    assert_eq!(
        report,
        [
            "different: completed -> completed: completed, would be: completed with another output (3)",
            "same:  (2)"
        ]
    );
}

/// The tables of definitions whose sagas wait for signals and people, run other sagas, and do a step for each item.
#[test]
fn waits_children_and_items_live_the_same_life_again() {
    let mut all = Vec::new();
    for (name, text) in TABLES {
        let definition = shipped(name);
        let report = replay(&definition, &recorded(&definition, text)).unwrap();
        all.extend(told(&report).iter().map(|group| format!("{name}: {group}")));
    }
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_shorter_wait_would_have_missed_an_answer() {
    let waitlist = shipped("waitlist-promotion");
    let lives = "
definition: waitlist-promotion.yaml
input: { event_id: 6f0f7f8e-0d0e-4a0b-9d0c-1f2e3d4c5b6a, seats: [A1] }
outputs: { hold: { hold_id: h, price: { amount: 1, currency: EUR }, seats: [A1] }, accepted: { payment_token: t } }
cases:
  - { name: soon, given: { accepted: comes after 2m }, expect: { end: completed } }
  - { name: late, given: { accepted: comes after 8m }, expect: { end: completed } }
  - { name: never, given: { accepted: nothing }, expect: { end: compensated } }
";
    let lives = recorded(&waitlist, lives);
    let shorter = changed("waitlist-promotion", "timeout: 10m", "timeout: 5m");
    assert_eq!(
        told(&replay(&shorter, &lives).unwrap()),
        [
            "same:  (2)",
            "different: completed -> compensated: accepted: has its signal, would be: closed (signal_timeout) (1)",
        ]
    );
}

#[test]
fn one_more_decision_is_not_told() {
    let cancellation = shipped("event-cancellation");
    let lives = "
definition: event-cancellation.yaml
outputs: { close: { title: T }, sold: { holds: [] }, list: { bookings: [{ booking_ref: B, amount: 1 }], count: 1, total: 1 } }
cases:
  - { name: small, expect: { end: completed } }
";
    let lives = recorded(&cancellation, lives);
    let always = changed(
        "event-cancellation",
        "output.total > 500000",
        "output.total > 0",
    );
    assert_eq!(
        told(&replay(&always, &lives).unwrap()),
        ["different: completed -> compensated: approve: skipped, would be: waits (1)",]
    );
}
