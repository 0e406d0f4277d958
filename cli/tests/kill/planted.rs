//! The checker is checked: each defect, planted into a world that was found right, must be found.

use impresario_workflows::saga::Event;

use crate::dump::{Dump, Saga};
use crate::end_check::Case;
use crate::history::Operation;

type Plant = fn(&mut Dump, &mut Vec<Operation>);

/// What is wrong, which rule must find it, and how it comes about.
const DEFECTS: [(&str, &str, Plant); 16] = [
    (
        "an acknowledged booking is lost",
        "acknowledged exists",
        |dump, _| {
            let id = some(dump, "completed");
            dump.sagas.remove(&id);
            dump.keys.retain(|(_, saga)| *saga != id);
        },
    ),
    (
        "a booking that nobody asked for",
        "no phantom",
        |_, operations| {
            operations.pop();
        },
    ),
    ("two sagas for one key", "one saga a key", |dump, _| {
        let other = dump.keys[1].1.clone();
        let key = dump.keys[0].0.clone();
        dump.keys.push((key, other));
    }),
    ("a journal row is missing", "journal gapless", |dump, _| {
        saga(dump, "completed").journal.remove(1);
    }),
    (
        "the stored status is another one",
        "stored is folded",
        |dump, _| {
            saga(dump, "completed").status = "compensated".to_owned();
        },
    ),
    (
        "a forward dispatch after the turn",
        "no forward after the turn",
        |dump, _| {
            let journal = &mut saga(dump, "compensated").journal;
            let first = journal[0]
                .events
                .iter()
                .find(|e| matches!(e, Event::Dispatched { .. }));
            let first = first.cloned().unwrap();
            let turn = |e: &Event| matches!(e, Event::Turned { .. });
            let row = journal
                .iter_mut()
                .find(|row| row.events.iter().any(turn))
                .unwrap();
            let place = row.events.iter().position(turn).unwrap();
            row.events.insert(place + 1, first);
        },
    ),
    (
        "undone in the wrong order",
        "undo in reverse order",
        |dump, _| undone_early(dump),
    ),
    ("charged twice", "money fits the end", |dump, _| {
        let mut again = charge(dump);
        again.charge_id = Some("ch_again".to_owned());
        dump.provider.push(again);
    }),
    (
        "a refund nobody asked for",
        "money fits the end",
        |dump, _| {
            let mut refund = charge(dump);
            refund.operation = "refund".to_owned();
            dump.provider.push(refund);
        },
    ),
    ("a transfer out of balance", "books balance", |dump, _| {
        dump.entries[0].amount += 1
    }),
    (
        "a sold seat is free again",
        "sold to the completed",
        |dump, _| {
            let seat = dump.seats.iter_mut().find(|seat| seat.sold).unwrap();
            (seat.sold, seat.hold) = (false, None);
        },
    ),
    (
        "an undone booking keeps its seat",
        "no seat held after the end",
        |dump, _| {
            let hold = dump
                .holds
                .values()
                .find(|hold| hold.state == "released")
                .unwrap()
                .id
                .clone();
            dump.seats
                .iter_mut()
                .find(|seat| seat.hold.is_none())
                .unwrap()
                .hold = Some(hold);
        },
    ),
    (
        "a ticket is missing",
        "a ticket for each seat",
        |dump, _| {
            dump.tickets.pop();
        },
    ),
    (
        "a success that the participant does not know",
        "no success is invented",
        |dump, _| {
            let effect = dump.barriers.values().find(|row| row.state == "succeeded");
            let effect = effect.unwrap().effect.clone();
            dump.barriers.remove(&effect);
        },
    ),
    (
        "an effect that was never undone",
        "effects fit the end",
        |dump, _| {
            let undone = dump
                .barriers
                .values_mut()
                .find(|row| row.state == "compensated");
            undone.unwrap().state = "succeeded".to_owned();
        },
    ),
    ("a row stays in the outbox", "outbox empty", |dump, _| {
        dump.outbox.push(("payment".to_owned(), 3));
    }),
];

/// Plants each defect into a copy of the world.
pub(crate) fn each_is_found(dump: &Dump, operations: &[Operation]) {
    for (defect, rule, plant) in DEFECTS {
        let (mut dump, mut operations) = (dump.clone(), operations.to_vec());
        plant(&mut dump, &mut operations);
        let found = Case::new(&dump, &operations).violations();
        let rules: Vec<&str> = found.iter().map(|violation| violation.rule).collect();
        assert!(
            rules.contains(&rule),
            "{defect}: not found by `{rule}`, found {rules:?}"
        );
    }
}

fn some(dump: &Dump, status: &str) -> String {
    let found = dump.sagas.iter().find(|(_, saga)| saga.status == status);
    found.unwrap().0.clone()
}

fn saga<'d>(dump: &'d mut Dump, status: &str) -> &'d mut Saga {
    let id = some(dump, status);
    dump.sagas.get_mut(&id).unwrap()
}

fn charge(dump: &Dump) -> crate::dump::Movement {
    dump.provider
        .iter()
        .find(|line| line.operation == "capture")
        .unwrap()
        .clone()
}

/// Moves the undoing of `hold` before that of `authorize`.
fn undone_early(dump: &mut Dump) {
    let undo = |event: &Event, wanted: &str| {
        let word = serde_json::to_value(event).unwrap();
        word["event"] == "dispatched" && word["operation"] == "compensate" && word["step"] == wanted
    };
    for saga in dump.sagas.values_mut() {
        let events = || saga.journal.iter().flat_map(|row| &row.events);
        let Some(hold) = events().find(|event| undo(event, "hold")).cloned() else {
            continue;
        };
        for row in &mut saga.journal {
            if let Some(place) = row.events.iter().position(|event| undo(event, "authorize")) {
                row.events.insert(place, hold);
                return;
            }
        }
    }
    panic!("no saga undid both");
}
