//! The definitions that come with the program are good, and mean what they say.

use impresario_workflows::Definition;
use impresario_workflows::definition::{Kind, OnUnknown, SHIPPED, Undo, render};

fn shipped(name: &str) -> Definition {
    let (_, text) = SHIPPED
        .iter()
        .find(|(shipped, _)| *shipped == name)
        .unwrap();
    Definition::parse(name, text)
        .unwrap_or_else(|diagnostics| panic!("{}", render(&diagnostics, name, text)))
}

#[test]
fn none_has_as_much_as_a_warning() {
    for (name, text) in SHIPPED {
        let checked = Definition::check(name, text);
        assert!(
            checked.diagnostics.is_empty(),
            "{}",
            render(&checked.diagnostics, name, text)
        );
        assert_eq!(checked.definition.unwrap().name, *name);
    }
}

#[test]
fn stored_content_gives_the_same_definition_and_hash() {
    for (name, _) in SHIPPED {
        let definition = shipped(name);
        let again = Definition::from_canonical(&definition.canonical).unwrap();
        assert_eq!(format!("{definition:?}"), format!("{again:?}"));
    }
}

#[test]
fn booking_can_be_undone_up_to_the_capture_and_only_goes_forward_from_there() {
    let booking = shipped("booking");
    let undos: Vec<String> = booking
        .steps
        .iter()
        .map(|step| {
            let how = match &step.undo {
                Undo::Compensate(undo) => format!("{}/{}", undo.task.pool, undo.task.task),
                Undo::Nothing { .. } => "nothing".to_owned(),
                Undo::Readonly => "read-only".to_owned(),
                Undo::OnlyForward => "only forward".to_owned(),
            };
            format!("{}: {how}", step.id)
        })
        .collect();
    let expected = [
        "hold: catalog/release-seats",
        "authorize: payment/void",
        "pin: nothing",
        "capture: only forward",
        "confirm: only forward",
        "notify: only forward",
        "sell: only forward",
    ];
    assert_eq!(undos, expected);
    let capture = &booking.steps[booking.pivot.unwrap()];
    assert_eq!(capture.id, "capture");
    assert_eq!(
        (capture.retry.attempts_max, capture.on_unknown),
        (Some(2), OnUnknown::Reconcile)
    );
    assert_eq!(booking.deadline_ms, Some(900_000));
    for step in booking.steps.iter().filter(|step| step.after_pivot) {
        assert_eq!(step.retry.attempts_max, None, "{}", step.id);
    }
}

#[test]
fn trivial_is_three_steps_in_a_row() {
    let trivial = shipped("trivial");
    let ids: Vec<&str> = trivial.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["reserve", "charge", "confirm"]);
    assert_eq!(trivial.steps[2].ancestors.len(), 2);
    assert_eq!(trivial.pivot, None);
}

#[test]
fn the_example_of_the_reference_is_a_good_definition() {
    let reference = include_str!("../../../docs/definitions.md");
    let example = reference.split("```yaml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let checked = Definition::check("definitions.md", example);
    assert!(
        checked.diagnostics.is_empty(),
        "{}",
        render(&checked.diagnostics, "definitions.md", example)
    );
}

/// How each step of a shipped definition is undone, the pivot marked.
fn undoing(name: &str) -> Vec<String> {
    let definition = shipped(name);
    let steps = definition.steps.iter().enumerate();
    steps
        .map(|(at, step)| match &step.undo {
            Undo::Compensate(undo) => format!("{}: {}", step.id, undo.task.task),
            Undo::Nothing { .. } => format!("{}: nothing", step.id),
            Undo::Readonly => format!("{}: read-only", step.id),
            Undo::OnlyForward if definition.pivot == Some(at) => format!("{}: pivot", step.id),
            Undo::OnlyForward => format!("{}: only forward", step.id),
        })
        .collect()
}

#[test]
fn what_cannot_be_undone_comes_after_everything_that_can() {
    let expected: [(&str, &[&str]); 5] = [
        (
            "booking-by-transfer",
            &[
                "hold: release-seats",
                "request: cancel-request",
                "paid: read-only",
                "pin: nothing",
                "collect: pivot",
                "confirm: only forward",
                "notify: only forward",
                "sell: only forward",
            ],
        ),
        (
            "group-booking",
            &[
                "hold: release-seats",
                "authorize: void",
                "pin: nothing",
                "capture: pivot",
                "confirm: only forward",
                "notify: only forward",
                "sell: only forward",
            ],
        ),
        (
            "refund",
            &[
                "void: restore-tickets",
                "refund: pivot",
                "free: only forward",
                "record: only forward",
                "notify: only forward",
            ],
        ),
        (
            "event-cancellation",
            &[
                "close: reopen-event",
                "sold: read-only",
                "list: read-only",
                "approve: read-only",
                "cancel: pivot",
                "refunds: only forward",
                "notify: only forward",
            ],
        ),
        (
            "waitlist-promotion",
            &[
                "hold: release-seats",
                "take: waitlist-return",
                "offer: nothing",
                "accepted: read-only",
                "authorize: void",
                "pin: nothing",
                "capture: pivot",
                "confirm: only forward",
                "leave: only forward",
                "notify: only forward",
                "sell: only forward",
            ],
        ),
    ];
    for (name, undos) in expected {
        assert_eq!(undoing(name), undos, "{name}");
    }
}

/// A hold that could end before the saga asks for it to be kept would be lost in good order.
#[test]
fn holds_outlast_what_is_waited_for() {
    for name in ["booking-by-transfer", "waitlist-promotion"] {
        let definition = shipped(name);
        let hold = &definition.steps[definition.step_index("hold").unwrap()];
        let waits = definition.steps.iter().filter_map(|step| match &step.kind {
            Kind::Wait(wait) => Some(wait.within_ms),
            Kind::Task(_) | Kind::Saga(_) | Kind::Sleep { .. } | Kind::Approve { .. } => None,
        });
        let longest = waits.max().unwrap();
        let expires = hold.expires_ms.unwrap();
        assert!(
            longest + 300_000 <= expires,
            "{name}: five minutes to spare"
        );
        assert!(longest < definition.deadline_ms.unwrap(), "{name}");
        let (_, text) = SHIPPED.iter().find(|(is, _)| *is == name).unwrap();
        let seconds = format!("hold_seconds: {}", expires / 1_000);
        assert!(
            text.contains(&seconds),
            "{name}: the worker is told the same"
        );
    }
}
