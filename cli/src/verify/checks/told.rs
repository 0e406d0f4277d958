//! What clients were told is what became of it.

use impresario_workflows::saga::Event;

use super::Check;
use crate::verify::case::{Case, Findings};
use crate::verify::history::{Cancelled, Wish};
use crate::verify::rule::Rule;
use crate::verify::table::Table;
use crate::verify::world::Saga;

pub(super) const CHECK: Check = Check {
    needs: &[Table::Ops, Table::Saga, Table::SagaKey, Table::Journal],
    rules: &[
        Rule::EndStays,
        Rule::CancelIsHonest,
        Rule::NeverIsNever,
        Rule::NoOddAnswers,
    ],
    run: check,
};

fn check(case: &Case<'_>, found: &mut Findings) {
    for wish in case.world.history.wishes.values() {
        let told = wish.sagas.first().map(String::as_str);
        for answer in &wish.odd {
            let what = format!("{}: {answer}", wish.key);
            found.report(Rule::NoOddAnswers, told, what);
        }
    }
    for (id, wish) in &case.by_saga {
        if let Some(saga) = case.world.sagas.get(*id) {
            same_end(wish, id, saga, found);
            honest(wish, id, saga, found);
            never(wish, id, saga, found);
        }
    }
}

/// Whatever end anybody read, at whatever time, is the end that is stored.
fn same_end(wish: &Wish, id: &str, saga: &Saga, found: &mut Findings) {
    for read in wish.reads.iter().filter(|read| read.is_final()) {
        let fits = match read.status.as_str() {
            "confirmed" => saga.is("completed"),
            _ => saga.is("compensated"),
        };
        if !fits {
            let what = format!(
                "{} read `{}` and it is {}",
                read.process, read.status, saga.row.status
            );
            found.report(Rule::EndStays, Some(id), what);
        }
    }
}

fn honest(wish: &Wish, id: &str, saga: &Saga, found: &mut Findings) {
    let waited_for_pivot = || {
        saga.events()
            .any(|event| matches!(event, Event::TurnRequested { .. }))
    };
    match &wish.cancelled {
        Some(Cancelled::Refused(why)) if !saga.is("completed") => {
            let what = format!("cancel was refused ({why}) and it is {}", saga.row.status);
            found.report(Rule::CancelIsHonest, Some(id), what);
        }
        Some(Cancelled::Accepted) if saga.is("completed") && !waited_for_pivot() => {
            let what = "cancel was accepted and it completed";
            found.report(Rule::CancelIsHonest, Some(id), what);
        }
        Some(
            Cancelled::Refused(_) | Cancelled::Accepted | Cancelled::NothingToDo | Cancelled::Info,
        )
        | None => {}
    }
}

/// A client may know that its wish cannot come to something: a card that never pays, an outage that changes nothing.
fn never(wish: &Wish, id: &str, saga: &Saga, found: &mut Findings) {
    for word in &wish.never {
        let kind = |event: &Event| {
            serde_json::to_value(event).is_ok_and(|event| event["event"] == word.as_str())
        };
        if saga.is(word) {
            found.report(Rule::NeverIsNever, Some(id), format!("it is {word}"));
        } else if let Some(event) = saga.events().find(|event| kind(event)) {
            let what = serde_json::to_string(event).unwrap_or_default();
            found.report(Rule::NeverIsNever, Some(id), what);
        }
    }
}
