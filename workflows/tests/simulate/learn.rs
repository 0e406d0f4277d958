//! Learning from recorded sagas: what was put in comes out.

use impresario_workflows::simulate::Learned;

use crate::fixture::{profile, recorded, shipped};

/// A hundred sagas of three steps: `reserve` takes 10 to 109 ms, every tenth `charge` fails once, every twentieth is
/// not answered once, every twenty-fifth `confirm` says no.
fn table() -> String {
    let mut text = "definition: trivial.yaml\ninput: { id: x }\ncases:\n".to_owned();
    for number in 0..100 {
        let charge = match (number % 10, number % 20) {
            (3, _) => "failed after 40ms",
            (_, 7) => "timeout",
            _ => "succeeded after 40ms",
        };
        let confirm = if number % 25 == 11 {
            "rejected(no) after 5ms"
        } else {
            "succeeded after 5ms"
        };
        text.push_str(&format!(
            "  - name: saga {number}\n    given:\n      reserve: succeeded after {}ms\n      \
             charge: {charge}\n      confirm: {confirm}\n    expect: {{ end: completed }}\n",
            10 + number
        ));
    }
    text
}

#[test]
fn shares_and_latencies_are_those_that_were_recorded() {
    let trivial = shipped("trivial");
    let learned = Learned::from_recordings(&trivial, &recorded(&trivial, &table()));
    assert_eq!(learned.sagas, 100);
    let text = learned.profile.to_yaml(&trivial);
    insta::assert_snapshot!(text);
    assert_eq!(profile(&trivial, &text), learned.profile);
    // Four undoings are too few to learn from.
    let seldom = [
        ("reserve compensate".to_owned(), 4),
        ("charge compensate".to_owned(), 4),
    ];
    assert_eq!(learned.seldom, seldom);
}

#[test]
fn sagas_of_another_definition_teach_nothing() {
    let (trivial, booking) = (shipped("trivial"), shipped("booking"));
    let learned = Learned::from_recordings(&booking, &recorded(&trivial, &table()));
    assert_eq!(learned.sagas, 0);
}

/// Sixty offers: half of them are taken after one to thirty minutes of which ten count, every tenth answer is there
/// before it is waited for, and the rest never comes.
fn offers() -> String {
    let mut text = "definition: waitlist-promotion.yaml
input: { event_id: 6f0f7f8e-0d0e-4a0b-9d0c-1f2e3d4c5b6a, seats: [A1] }
outputs: { hold: { hold_id: h, price: { amount: 1, currency: EUR }, seats: [A1] }, accepted: { payment_token: t } }
cases:
"
    .to_owned();
    for number in 0..60 {
        let accepted = match number % 10 {
            0 => "comes early".to_owned(),
            1..6 => format!("comes after {}s", 30 * (number + 1)),
            _ => "nothing".to_owned(),
        };
        text.push_str(&format!(
            "  - {{ name: offer {number}, given: {{ offer: succeeded after 50ms, accepted: {accepted} }}, \
             expect: {{ end: completed }} }}\n"
        ));
    }
    text
}

#[test]
fn signals_are_learned() {
    let waitlist = shipped("waitlist-promotion");
    let learned = Learned::from_recordings(&waitlist, &recorded(&waitlist, &offers()));
    let text = learned.profile.to_yaml(&waitlist);
    let accepted = part(&text, "  accepted:", "  authorize:");
    insta::assert_snapshot!(accepted);
    assert_eq!(profile(&waitlist, &text), learned.profile);
}

/// Forty cancelled events with three bookings each: decisions after one to forty hours, every fifth a no and every
/// eighth none; every tenth first refund is undone, the second one takes some minutes.
#[test]
fn decisions_children_and_items_are_learned() {
    let mut text = "definition: event-cancellation.yaml
outputs:
  close: { title: T }
  list: { bookings: [{ booking_ref: A, amount: 1 }, { booking_ref: B, amount: 1 }], count: 2, total: 900000 }
cases:
"
    .to_owned();
    for number in 0..40 {
        let approve = match (number % 5, number % 8) {
            (4, _) => format!("denied after {}h", number + 1),
            (_, 3) => "nothing".to_owned(),
            _ => format!("approved after {}h", number + 1),
        };
        let first = match number % 10 {
            0 => "rejected(refund_refused) after 1s",
            _ => "succeeded after 2s",
        };
        text.push_str(&format!(
            "  - {{ name: event {number}, given: {{ approve: {approve}, \"refunds:0\": {first}, \
             \"refunds:1\": succeeded after {}m }}, expect: {{ end: completed }} }}\n",
            1 + number % 7
        ));
    }
    let cancellation = shipped("event-cancellation");
    let learned = Learned::from_recordings(&cancellation, &recorded(&cancellation, &text));
    let yaml = learned.profile.to_yaml(&cancellation);
    let told = [
        part(&yaml, "  approve:", "  cancel:"),
        part(&yaml, "  refunds:", "  notify:"),
    ];
    insta::assert_snapshot!(told.concat());
    assert!(
        learned
            .seldom
            .iter()
            .all(|(what, _)| !what.starts_with("approve"))
    );
}

/// What stands between two lines.
fn part<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let begin = text.find(from).unwrap();
    let end = text[begin..].find(to).unwrap();
    &text[begin..begin + end]
}
