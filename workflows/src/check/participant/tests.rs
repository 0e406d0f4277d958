//! What the tables of a participant promise to the sets that are made of them.

use super::*;

/// Every set of possibilities that may come about.
fn reachable(lapses: bool) -> Vec<Participant> {
    let operations = [
        Operation::Forward,
        Operation::Reconcile,
        Operation::Compensate,
    ];
    let mut found = vec![Participant::untouched()];
    let mut next = 0;
    while let Some(participant) = found.get(next).copied() {
        next += 1;
        let asked = operations.map(|operation| participant.asked(operation, lapses));
        let told = Answer::ALL
            .into_iter()
            .filter(|answer| participant.may_say(*answer))
            .map(|answer| participant.said(answer, lapses));
        let pinned = [participant.pinned()];
        for after in asked.into_iter().chain(told).chain(pinned) {
            if !after.possible.is_empty() && !found.contains(&after) {
                found.push(after);
            }
        }
    }
    found
}

#[test]
fn an_answer_takes_possibilities_away_and_adds_none() {
    for lapses in [false, true] {
        for participant in reachable(lapses) {
            for answer in Answer::ALL
                .into_iter()
                .filter(|answer| participant.may_say(*answer))
            {
                let told = participant.said(answer, lapses);
                let added = told.possible.filter(|kept| !participant.possible.has(kept));
                assert!(
                    added.is_empty(),
                    "{participant:?} said {answer:?}: {told:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_closed_stays_closed_and_nothing_comes_twice() {
    for participant in reachable(true) {
        assert!(!participant.possible.has(Kept::Twice), "{participant:?}");
        assert!(
            !participant.possible.has(Kept::UndoneTwice),
            "{participant:?}"
        );
    }
    let opened: Vec<&Move> = life()
        .filter(|step| step.from.is_closed() && !step.to.is_closed())
        .collect();
    assert!(opened.is_empty(), "{opened:?}");
}

#[test]
fn every_state_is_reached_but_those_of_broken_promises() {
    let mut never = KeptSet::EMPTY.with(Kept::Twice).with(Kept::UndoneTwice);
    for participant in reachable(true) {
        never = participant.possible.iter().fold(never, KeptSet::with);
    }
    assert_eq!(never.iter().count(), Kept::ALL.len());
}
