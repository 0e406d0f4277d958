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
