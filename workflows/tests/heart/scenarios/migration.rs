//! An operator lets a saga go on under another version of its definition.

use impresario_workflows::Definition;
use impresario_workflows::saga::{Input, Migration, State, Status, evolve, position};
use serde_json::json;
use std::sync::Arc;

use crate::bench::outcomes::{rejected, succeeded};
use crate::bench::{Bench, stamp};

/// The ticket reads what the hold does not answer.
const FIRST: &str = "
saga: order
version: 1
deadline: 15m
input: { type: object, additionalProperties: true }
steps:
  hold: { task: catalog/hold, compensate: { task: catalog/release } }
  charge: { needs: [hold], task: payment/charge, pivot: true, on_unknown: operator }
  ticket:
    needs: [charge]
    task: booking/print
    input: { at: '${{ steps.hold.output.row.seat }}' }
    retry: { max_attempts: unlimited }
";

fn parsed(text: &str) -> Definition {
    Definition::parse("test", text).unwrap()
}

fn first() -> Definition {
    parsed(FIRST)
}

/// The first version with its mistake mended, and what else is wanted.
fn second(edits: &[(&str, &str)]) -> Definition {
    let mended = FIRST
        .replace("version: 1", "version: 2")
        .replace("output.row.seat", "output.hold_id");
    parsed(&edits.iter().fold(mended, |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    }))
}

fn stuck_at_the_ticket() -> Bench {
    let mut saga = Bench::started(first());
    saga.until_out("charge").answer("charge", succeeded());
    assert_eq!(saga.status(), Status::Stuck);
    saga
}

#[test]
fn h19_what_could_not_be_made_is_made_as_the_new_version_says() {
    let mut saga = stuck_at_the_ticket();
    let stands = position(&saga.definition, &saga.state);
    assert_eq!(
        stands,
        "forward: hold done, charge done, ticket cannot be asked"
    );
    let lines = saga.migrate(&second(&[]));
    assert_eq!(
        lines,
        [
            "ana lets it go on under another version",
            "sent ticket forward 1"
        ]
    );
    assert_eq!(saga.last_sent().input, json!({ "at": "h-1" }));
    saga.answer("ticket", succeeded());
    assert_eq!(saga.status(), Status::Completed);
}

#[test]
fn h19_a_step_that_the_saga_has_not_come_to_may_come_go_and_change() {
    let thanks = "  thank: { needs: [ticket], task: notification/thank, retry: { max_attempts: unlimited } }\n";
    let more = second(&[("  ticket:", &format!("{thanks}  ticket:"))]);
    let mut saga = Bench::started(more.clone());
    saga.until_out("charge");
    assert_eq!(
        saga.migrate(&first()),
        ["ana lets it go on under another version"]
    );
    assert_eq!(saga.state.steps.len(), 3, "the thanks are gone");
    assert_eq!(
        saga.migrate(&more),
        ["ana lets it go on under another version"]
    );
    saga.until_out("thank");
    saga.answer("thank", succeeded());
    assert_eq!(saga.status(), Status::Completed);
}

#[test]
fn h19_a_step_that_the_saga_has_come_to_stays_what_it_is() {
    let cases = [
        ("catalog/hold,", "catalog/reserve,"),
        ("catalog/release", "catalog/drop"),
        ("hold: {", "keep: {"),
    ];
    for (from, to) in cases {
        let text = if from == "hold: {" {
            FIRST.replace("hold", "keep")
        } else {
            FIRST.replace(from, to)
        };
        let other = parsed(&text.replace("version: 1", "version: 2"));
        let mut saga = Bench::started(first());
        let refused = "refused: cannot migrate: the saga has come to step `hold`, which is another one in version 2, or none";
        assert_eq!(saga.migrate(&other), [refused], "{to}");
        assert_eq!(saga.definition.version, 1);
    }
    let elsewhere = parsed(&FIRST.replace("saga: order", "saga: other"));
    let refused = "refused: cannot migrate: `other` is another definition than `order`";
    assert_eq!(Bench::started(first()).migrate(&elsewhere), [refused]);
}

#[test]
fn h19_the_same_order_twice_is_one_and_an_end_is_an_end() {
    let mut saga = Bench::started(first());
    let order = Input::Migrate(Migration {
        to: Arc::new(second(&[])),
        stamp: stamp("once"),
    });
    assert_eq!(saga.put(order.clone()).len(), 1);
    let rows = saga.rows.len();
    let again = saga.put(order.clone());
    assert!(again[0].starts_with("ignored"), "{again:?}");
    let other_key = saga.migrate(&second(&[]));
    assert!(other_key[0].starts_with("ignored"), "{other_key:?}");
    saga.answer("hold", rejected("sold_out"));
    assert_eq!(saga.status(), Status::Compensated);
    let ended = saga.migrate(&first());
    assert!(ended[0].starts_with("ignored"), "{ended:?}");
    assert_eq!(saga.rows.len(), rows + 1);
    let refused = "refused: cannot migrate: the saga does not exist";
    assert_eq!(Bench::unborn(first()).migrate(&second(&[])), [refused]);
}

#[test]
fn h19_what_is_undone_is_undone_under_the_new_version() {
    let slower = second(&[(
        "catalog/release }",
        "catalog/release, retry: { max_attempts: 2 } }",
    )]);
    let mut saga = Bench::started(first());
    saga.until_out("charge")
        .answer("charge", rejected("card_declined"));
    assert_eq!(saga.status(), Status::Compensating);
    assert_eq!(
        saga.migrate(&slower),
        ["ana lets it go on under another version"]
    );
    saga.answer("hold", succeeded());
    assert_eq!(saga.status(), Status::Compensated);
}

#[test]
fn h19_a_saga_that_was_set_aside_stays_so_until_somebody_lets_it_go_on() {
    let mut saga = stuck_at_the_ticket();
    saga.engine_fault();
    assert_eq!(saga.migrate(&second(&[])).len(), 1, "nothing is sent");
    assert_eq!(saga.status(), Status::Stuck);
    saga.retry();
    saga.answer("ticket", succeeded());
    assert_eq!(saga.status(), Status::Completed);
}

#[test]
fn h19_items_keep_their_names_when_places_move() {
    let each = "
saga: many
version: 1
deadline: 15m
input: { type: object, additionalProperties: true }
steps:
  zone:
    each: '${{ input.list }}'
    task: catalog/hold
    input: { seat: '${{ item }}' }
    compensate: { task: catalog/release }
";
    let more = each.replace("version: 1", "version: 2").replace(
        "steps:\n",
        "steps:\n  a: { task: catalog/look, readonly: true }\n",
    );
    let mut saga = Bench::started_with(parsed(each), json!({ "list": ["A1", "A2"] }));
    saga.answer("zone:0", succeeded());
    let lines = saga.migrate(&parsed(&more));
    assert_eq!(
        lines,
        [
            "ana lets it go on under another version",
            "sent a forward 1"
        ]
    );
    assert_eq!(
        position(&saga.definition, &saga.state),
        "forward: a open, zone under way, 1 done and 1 open of zone"
    );
    saga.answer("zone:1", succeeded());
    saga.answer("a", succeeded());
    assert_eq!(saga.status(), Status::Completed);
}

#[test]
fn h19_a_journal_is_folded_under_each_version_in_its_turn() {
    let versions = [first(), second(&[])];
    let mut saga = stuck_at_the_ticket();
    saga.migrate(&versions[1]);
    saga.answer("ticket", succeeded());

    let of = |hash: &str| versions.iter().find(|known| known.hash == hash).unwrap();
    let facts = || saga.rows.iter().flatten();
    let (begun, _) = facts().find_map(|fact| fact.versions()).unwrap();
    let mut definition = of(begun);
    let mut state = State::unborn(&saga.state.id, definition);
    for fact in facts() {
        if let Some((_, to)) = fact.versions() {
            assert!(
                evolve(definition, &mut state.clone(), fact).is_err(),
                "under the old one"
            );
            definition = of(to);
        }
        evolve(definition, &mut state, fact).unwrap();
    }
    assert_eq!(state, saga.state);
}
