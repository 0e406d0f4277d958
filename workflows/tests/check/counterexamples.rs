//! Definitions that are accepted and wrong: the rule that is broken, and the story as people read it.

use impresario_workflows::Definition;
use impresario_workflows::check::{
    Counterexample, Limits, Property, Verdict, explore, mermaid, svg,
};

/// The charge is not undone, and the ticket may be refused.
const BY_HAND: &str = "
saga: by-hand
version: 1
deadline: 15m
steps:
  pay:
    task: payment/charge
    effect: charge
    compensate: none
    reason: support refunds by hand
  print:
    task: booking/print
    needs: [pay]
    effect: ticket
    compensate: { task: booking/void }
invariants:
  - charge implies ticket
";

/// A seat that is held for ten minutes, and a charge that may come later.
const UNPINNED: &str = "
saga: unpinned
version: 1
deadline: 15m
steps:
  hold:
    task: catalog/hold
    effect: seat
    expires: 10m
    compensate: { task: catalog/release }
  pay:
    task: payment/charge
    needs: [hold]
    effect: charge
    pivot: true
    retry: { max_attempts: unlimited }
invariants:
  - charge implies seat
";

/// The same, and the hold is made to stay before the money moves.
const PINNED: &str = "
saga: pinned
version: 1
deadline: 15m
steps:
  hold:
    task: catalog/hold
    effect: seat
    expires: 10m
    compensate: { task: catalog/release }
  pin:
    task: catalog/pin
    needs: [hold]
    pins: [hold]
    compensate: none
    reason: releasing the hold undoes it
  pay:
    task: payment/charge
    needs: [pin]
    effect: charge
    pivot: true
    retry: { max_attempts: unlimited }
invariants:
  - charge implies seat
";

/// A condition that may be false.
const PERHAPS: &str = "
saga: perhaps
version: 1
deadline: 15m
input: { type: object, required: [vip], properties: { vip: { type: boolean } } }
steps:
  sell: { task: shop/sell, effect: sale, compensate: { task: shop/take-back } }
  gift:
    task: shop/gift
    needs: [sell]
    when: input.vip
    effect: gift
    compensate: { task: shop/take-gift }
invariants:
  - sale implies gift
";

/// Two steps that are for the same case, and one that is for the other.
const ONE_CHOICE: &str = "
saga: one-choice
version: 1
input: { type: object, required: [vip], properties: { vip: { type: boolean } } }
steps:
  sell: { task: shop/sell, effect: sale, compensate: { task: shop/take-back } }
  gift: { task: shop/gift, needs: [sell], when: input.vip, effect: gift, compensate: { task: shop/take-gift } }
  card: { task: shop/card, needs: [gift], when: input.vip, effect: card, compensate: { task: shop/take-card } }
  bill:
    task: shop/bill
    needs: [sell]
    when: not (input.vip)
    effect: bill
    compensate: { task: shop/take-bill }
invariants:
  - gift implies card
  - card implies gift
  - sale implies (gift or bill)
  - not (gift and bill)
";

/// Of two seats one may be missing.
const TOLERANT: &str = "
saga: tolerant
version: 1
input: { type: object, required: [list], properties: { list: { type: array, minItems: 2, maxItems: 2 } } }
steps:
  pay: { task: shop/pay, effect: charge, pivot: true, retry: { max_attempts: unlimited } }
  seat:
    needs: [pay]
    each: ${{ input.list }}
    task: shop/seat
    tolerate: 1
    on_failure: park
    effect: seat
    retry: { max_attempts: 2 }
invariants:
  - seat implies charge
";

fn disproved(text: &str) -> Option<Counterexample> {
    let definition = Definition::parse("test", text).unwrap();
    match explore(&definition, Limits::default()).verdict {
        Verdict::Proved => None,
        Verdict::Disproved(found) => Some(*found),
        Verdict::NotProved { .. } => panic!("there are not so many states"),
    }
}

fn told(found: &Counterexample) -> String {
    let mut text = format!("{}: {}\n\n", found.property.as_str(), found.said);
    for line in &found.story.lines {
        let to = line
            .to
            .as_ref()
            .map_or(String::new(), |to| format!(" -> {}", to.name()));
        text.push_str(&format!("{}{to}: {}\n", line.who.name(), line.text));
    }
    text
}

#[test]
fn what_is_left_to_people_is_left_over() {
    let found = disproved(BY_HAND).unwrap();
    assert_eq!(found.property, Property::Invariant);
    insta::assert_snapshot!(told(&found));
}

#[test]
fn a_hold_that_expires_is_no_seat() {
    let found = disproved(UNPINNED).unwrap();
    assert_eq!(found.property, Property::Invariant);
    insta::assert_snapshot!(told(&found));
    assert!(disproved(PINNED).is_none());
}

#[test]
fn a_condition_is_false_once() {
    let found = disproved(PERHAPS).unwrap();
    insta::assert_snapshot!(told(&found));
    let always = PERHAPS.replace("    when: input.vip\n", "");
    assert!(disproved(&always).is_none());
}

#[test]
fn conditions_that_ask_the_same_are_one_choice() {
    assert_eq!(disproved(ONE_CHOICE).map(|found| told(&found)), None);
    let other = ONE_CHOICE.replace(
        "needs: [gift], when: input.vip",
        "needs: [gift], when: input.vip == true",
    );
    let found = disproved(&other).unwrap();
    assert_eq!(found.property, Property::Invariant);
}

#[test]
fn an_effect_of_many_is_meant_of_each() {
    assert_eq!(disproved(TOLERANT).map(|found| told(&found)), None);
    let every = TOLERANT.replace("seat implies charge", "charge implies seat");
    let found = disproved(&every).unwrap();
    insta::assert_snapshot!(told(&found));
    // When all may fail there may be none at all; when none may, there are all.
    let strict = every.replace("    tolerate: 1\n", "");
    assert_eq!(disproved(&strict).map(|found| told(&found)), None);
}

/// One seat after the other; an operator may let one go on while another one is under way.
const ONE_BY_ONE: &str = "
saga: one-by-one
version: 1
input: { type: object, required: [list], properties: { list: { type: array } } }
steps:
  seat:
    each: ${{ input.list }}
    task: shop/seat
    max_parallel: 1
    on_failure: park
    retry: { max_attempts: 1 }
    effect: seat
    compensate: { task: shop/take-seat }
";

#[test]
fn an_item_that_waits_for_its_turn_again_is_not_forgotten() {
    assert_eq!(disproved(ONE_BY_ONE).map(|found| told(&found)), None);
}

#[test]
fn drawings_tell_the_same() {
    let found = disproved(BY_HAND).unwrap();
    insta::assert_snapshot!("mermaid", mermaid(&found));
    insta::assert_snapshot!("svg", svg(&found, "by-hand.yaml"));
}

#[test]
fn beyond_the_bound_nothing_is_proved() {
    let limits = Limits {
        states_max: 20,
        walks: 50,
        seed: 7,
    };
    let definition = Definition::parse("test", PINNED).unwrap();
    let report = explore(&definition, limits);
    assert!(matches!(
        report.verdict,
        Verdict::NotProved { walks: 50, seed: 7 }
    ));
    assert!(
        report.ends.is_empty(),
        "ends are those of all states, or none"
    );
}

#[test]
fn random_walks_find_what_is_wrong_and_the_seed_finds_it_again() {
    let limits = Limits {
        states_max: 2,
        walks: 1_000,
        seed: 7,
    };
    let definition = Definition::parse("test", BY_HAND).unwrap();
    let story = || match explore(&definition, limits).verdict {
        Verdict::Disproved(found) => (found.property, told(&found)),
        Verdict::Proved | Verdict::NotProved { .. } => panic!("not found"),
    };
    let (property, told) = story();
    assert_eq!(property, Property::Invariant);
    assert_eq!(story().1, told);
}
