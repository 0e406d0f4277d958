//! A saga that the store has lost, made anew from what participants remember, and undone.

use std::collections::BTreeMap;
use std::sync::Arc;

use impresario_workflows::Definition;
use impresario_workflows::definition::Undo;
use impresario_workflows::saga::{Input, Left, Lost, Operation, Status, Trace};
use serde_json::{Value, json};

use crate::bench::definitions::{booking, diamond, parsed, trip};
use crate::bench::outcomes::succeeded;
use crate::bench::{BEGINNING, Bench, MINUTE, stamp, start};

fn happened() -> Left {
    Left::Happened {
        output: Arc::new(json!({ "ok": true })),
    }
}

fn closed() -> Left {
    Left::Closed {
        code: "no".to_owned(),
    }
}

fn lost(effects: &[(&str, Left)]) -> Lost {
    Lost {
        at: BEGINNING - MINUTE,
        input: json!({ "seats": 2 }),
        items: BTreeMap::new(),
        effects: effects
            .iter()
            .map(|(step, left)| Trace {
                step: (*step).to_owned(),
                generation: 1,
                left: left.clone(),
            })
            .collect(),
        stamp: stamp("found"),
    }
}

fn found(definition: Definition, effects: &[(&str, Left)]) -> (Bench, Vec<String>) {
    let mut saga = Bench::unborn(definition);
    let said = saga.put(Input::Found(lost(effects)));
    (saga, said)
}

/// Answers everything that is out, and says in which order.
fn to_its_end(saga: &mut Bench) -> Vec<String> {
    let mut asked = Vec::new();
    for _ in 0..64 {
        let Some((unit, operation, _)) = saga.state.open_work().next() else {
            return asked;
        };
        assert_eq!(operation, Operation::Compensate, "it only goes back");
        let name = saga.state.unit_name(&saga.definition, unit);
        saga.answer(&name, succeeded());
        asked.push(name);
    }
    panic!("it does not end");
}

#[test]
fn h15_it_begins_by_turning_around() {
    let (mut saga, said) = found(trip(), &[("seat", happened()), ("card", Left::Open {})]);
    assert_eq!(
        said,
        [
            "ana found it after it was lost",
            "turned: cancelled",
            "sent card compensate 1"
        ]
    );
    assert_eq!(saga.status(), Status::Compensating);
    assert_eq!(saga.state.started_at, BEGINNING - MINUTE);
    assert_eq!(to_its_end(&mut saga), ["card", "seat"]);
    assert_eq!(saga.status(), Status::Compensated);
}

#[test]
fn h15_what_left_no_trace_but_may_have_been_sent_meets_a_tombstone() {
    let (mut saga, _) = found(trip(), &[("seat", happened())]);
    assert_eq!(to_its_end(&mut saga), ["card", "seat"]);
    // The card was sent only once the seat was held.
    let (mut saga, _) = found(trip(), &[("seat", Left::Open {})]);
    assert_eq!(to_its_end(&mut saga), ["seat"]);
    let (mut saga, _) = found(diamond(), &[("base", happened()), ("left", happened())]);
    assert_eq!(to_its_end(&mut saga), ["left", "right", "base"]);
}

#[test]
fn h15_a_saga_that_may_be_past_its_pivot_is_left_alone() {
    let refused =
        "refused: cannot cancel: step `capture` is done, and after it the saga only goes forward";
    let before = [("seat", happened()), ("card", happened())];
    for (step, left) in [
        ("capture", happened()),
        ("capture", Left::Open {}),
        ("ticket", Left::Open {}),
        ("ticket", closed()),
    ] {
        let effects = [before.as_slice(), &[(step, left)]].concat();
        let (saga, said) = found(trip(), &effects);
        assert_eq!(said, [refused]);
        assert!(saga.rows.is_empty());
    }
    // A pivot that will never happen is none that was passed.
    let effects = [before.as_slice(), &[("capture", closed())]].concat();
    let (mut saga, _) = found(trip(), &effects);
    assert_eq!(to_its_end(&mut saga), ["card", "seat"]);
}

#[test]
fn h15_a_saga_without_a_pivot_that_may_have_completed_is_left_alone() {
    let all = ["base", "left", "right", "join"].map(|step| (step, happened()));
    let (saga, said) = found(diamond(), &all);
    let refused =
        "refused: cannot undo: every step may have been done, and the saga may have completed";
    assert_eq!(said, [refused]);
    assert!(saga.rows.is_empty());
    let (mut saga, _) = found(diamond(), &all[..3]);
    assert_eq!(to_its_end(&mut saga), ["join", "left", "right", "base"]);
}

#[test]
fn h15_a_saga_that_is_there_is_not_found() {
    let mut saga = Bench::started(trip());
    let lost = Input::Found(lost(&[("seat", happened())]));
    assert_eq!(saga.put(lost.clone()), ["ignored: already started"]);
    let (mut saga, _) = found(trip(), &[("seat", happened())]);
    assert_eq!(saga.put(lost), ["ignored: already started"]);
    assert_eq!(saga.put(start(json!({}))), ["ignored: already started"]);
}

#[test]
fn h15_an_undoing_that_cannot_be_asked_for_stands_before_a_human() {
    let definition = parsed(
        "
saga: seat
version: 1
deadline: 15m
input: { type: object, properties: { kind: { type: string } } }
steps:
  seat:
    task: work/hold
    timeout: 5s
    compensate: { task: work/release, timeout: 5s, input: { kind: \"${{ input.kind }}\" } }
  join: { needs: [seat], task: work/join, timeout: 5s, compensate: none, reason: it is a test }
",
    );
    let (saga, _) = found(definition, &[("seat", happened())]);
    assert_eq!(saga.status(), Status::Stuck, "its input is not known");
}

#[test]
fn h15_items_are_undone_each_by_itself() {
    let definition = parsed(
        "
saga: parts
version: 1
deadline: 15m
defaults: { timeout: 5s, retry: { max_attempts: 1 } }
input: { type: object, properties: { parts: { type: array } } }
steps:
  hold:
    each: ${{ input.parts }}
    task: work/hold
    compensate: { task: work/release, timeout: 5s, retry: { max_attempts: 1 } }
  join: { needs: [hold], task: work/join, compensate: none, reason: it is a test }
",
    );
    let mut saga = Bench::unborn(definition);
    let lost = Lost {
        items: BTreeMap::from([(
            "hold".to_owned(),
            Arc::new(vec![json!("a"), json!("b"), json!("c")]),
        )]),
        ..lost(&[("hold:0", happened()), ("hold:1", closed())])
    };
    saga.put(Input::Found(lost));
    assert_eq!(to_its_end(&mut saga), ["hold:0", "hold:2"]);
    assert_eq!(saga.status(), Status::Compensated);
}

/// Every way in which effects may have been left: it is refused, or everything that may have happened is undone. The
/// bench checks each decision against the laws of the heart.
#[test]
fn h15_whatever_is_left_it_ends_undone_or_is_not_touched() {
    let booking_input = json!({
        "event_id": "e", "seats": ["A1"], "customer_email": "ana@example.org", "payment_token": "t",
    });
    let output = json!({ "hold_id": "h", "price": { "amount": 1, "currency": "EUR" }, "seats": ["A1"],
        "authorization_id": "a", "charge_id": "c", "booking_ref": "b", "tickets": [] });
    for (definition, input) in [
        (trip(), json!({})),
        (diamond(), json!({})),
        (booking(), booking_input),
    ] {
        let steps = definition.steps.len();
        let mut undone = 0;
        for world in 0..4_usize.pow(u32::try_from(steps).unwrap()) {
            let mut effects = Vec::new();
            for (place, step) in definition.steps.iter().enumerate() {
                let left = match world / 4_usize.pow(u32::try_from(place).unwrap()) % 4 {
                    0 => continue,
                    1 => Left::Happened {
                        output: Arc::new(output.clone()),
                    },
                    2 => Left::Open {},
                    _ => closed(),
                };
                effects.push((step.id.as_str(), left));
            }
            undone += usize::from(ends_well(&definition, &input, &effects));
        }
        assert!(undone > 4, "{} of {}", undone, definition.name);
    }
}

/// Whether it was undone.
fn ends_well(definition: &Definition, input: &Value, effects: &[(&str, Left)]) -> bool {
    let mut saga = Bench::unborn(definition.clone());
    let said = saga.put(Input::Found(Lost {
        input: input.clone(),
        ..lost(effects)
    }));
    if said[0].starts_with("refused") {
        assert!(saga.rows.is_empty());
        return false;
    }
    let asked = to_its_end(&mut saga);
    assert_eq!(saga.status(), Status::Compensated, "{effects:?}");
    for (id, left) in effects {
        let step = &definition.steps[definition.step_index(id).unwrap()];
        let undo = matches!(step.undo, Undo::Compensate(_));
        let unclosed = !matches!(left, Left::Closed { .. });
        assert_eq!(
            asked.iter().any(|name| name == id),
            undo && unclosed,
            "{id} of {effects:?}"
        );
    }
    true
}
