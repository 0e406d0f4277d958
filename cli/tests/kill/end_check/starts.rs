//! What customers were told is what became of it: each acknowledged start once, each unsure one at most once.

use std::collections::{HashMap, HashSet};

use impresario_workflows::saga::Event;

use super::{Case, Violation, report};
use crate::history::{Cancelled, Operation, Told};

/// Tokens with which no booking can be paid.
const NEVER_PAID: [&str; 4] = [
    "tok_declined",
    "tok_declined@capture",
    "tok_timeout_uncharged",
    "tok_timeout_uncharged@authorize",
];

pub(super) fn check(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut by_key: HashMap<&str, Vec<&str>> = HashMap::new();
    for (key, saga) in &case.dump.keys {
        by_key.entry(key).or_default().push(saga);
    }
    for operation in case.operations {
        let stored = by_key
            .get(operation.key.as_str())
            .map_or(&[][..], Vec::as_slice);
        one_saga(operation, stored, found);
        if let &[saga] = stored {
            same_end(case, operation, saga, found);
        }
    }
    let asked: HashSet<&str> = case.operations.iter().map(|op| op.key.as_str()).collect();
    for (key, saga) in &case.dump.keys {
        if !asked.contains(key.as_str()) {
            report(
                found,
                "no phantom",
                Some(saga),
                format!("nobody asked for {key}"),
            );
        }
        if !case.dump.sagas.contains_key(saga) {
            report(
                found,
                "acknowledged exists",
                Some(saga),
                format!("{key} has no saga"),
            );
        }
    }
    let keyed: HashSet<&str> = case
        .dump
        .keys
        .iter()
        .map(|(_, saga)| saga.as_str())
        .collect();
    for (id, saga) in &case.dump.sagas {
        if !keyed.contains(id.as_str()) {
            report(found, "no phantom", Some(id), "a saga without a key");
        }
        if !matches!(saga.status.as_str(), "completed" | "compensated") {
            report(
                found,
                "every saga ends",
                Some(id),
                format!("it is {}", saga.status),
            );
        }
    }
}

/// Starts that nobody was told about, and that exist.
pub(super) fn unsure(case: &Case<'_>) -> usize {
    case.by_saga
        .values()
        .filter(|operation| operation.told != Told::Acknowledged)
        .count()
}

fn one_saga(operation: &Operation, stored: &[&str], found: &mut Vec<Violation>) {
    let key = &operation.key;
    let told = operation.sagas.first().map(String::as_str);
    if operation.sagas.len() > 1 || stored.len() > 1 {
        let what = format!("{key} was told {:?} and has {stored:?}", operation.sagas);
        report(
            found,
            "one saga a key",
            stored.first().copied().or(told),
            what,
        );
    } else if operation.told == Told::Acknowledged && stored.is_empty() {
        report(
            found,
            "acknowledged exists",
            told,
            format!("{key} is not there"),
        );
    } else if let (Some(told), Some(stored)) = (told, stored.first())
        && told != *stored
    {
        report(
            found,
            "one saga a key",
            Some(stored),
            format!("{key} was told {told}"),
        );
    }
}

fn same_end(case: &Case<'_>, operation: &Operation, id: &str, found: &mut Vec<Violation>) {
    let Some(saga) = case.dump.sagas.get(id) else {
        return;
    };
    let completed = saga.status == "completed";
    for word in &operation.settled {
        if (word == "confirmed") != completed {
            let what = format!("the customer read `{word}` and it is {}", saga.status);
            report(found, "an end stays", Some(id), what);
        }
    }
    if operation.settled.len() > 1 {
        let what = format!("the customer read {:?}", operation.settled);
        report(found, "an end stays", Some(id), what);
    }
    if completed && NEVER_PAID.contains(&operation.token) {
        let what = format!("completed with {}", operation.token);
        report(found, "the token decides", Some(id), what);
    }
    let waited_for_pivot = || {
        let mut events = saga.journal.iter().flat_map(|row| &row.events);
        events.any(|event| matches!(event, Event::TurnRequested { .. }))
    };
    match &operation.cancelled {
        Some(Cancelled::Refused(why)) if !completed => {
            let what = format!("cancel was refused ({why}) and it is {}", saga.status);
            report(found, "cancel is honest", Some(id), what);
        }
        Some(Cancelled::Taken(202)) if completed && !waited_for_pivot() => {
            report(
                found,
                "cancel is honest",
                Some(id),
                "cancel was accepted and it completed",
            );
        }
        _ => {}
    }
}
