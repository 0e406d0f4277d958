//! Definitions, profiles and recordings that the tests share.

use impresario_workflows::Definition;
use impresario_workflows::definition::{Diagnostic, SHIPPED, render};
use impresario_workflows::record::{Recording, recordings};
use impresario_workflows::script::{CaseResult, Table};
use impresario_workflows::simulate::Profile;
use serde_json::{Value, json};

/// The table that comes with the booking.
pub(crate) const BOOKING_TABLE: &str = include_str!("../../sagas/booking.test.yaml");

/// The profile that comes with the booking.
pub(crate) const BOOKING_PROFILE: &str = include_str!("../../sagas/booking.profile.yaml");

/// A definition that comes with the program.
pub(crate) fn shipped(name: &str) -> Definition {
    let (_, text) = SHIPPED
        .iter()
        .find(|(shipped, _)| *shipped == name)
        .unwrap();
    parsed(name, text)
}

/// A definition with something changed in its text.
pub(crate) fn changed(name: &str, from: &str, to: &str) -> Definition {
    let (_, text) = SHIPPED
        .iter()
        .find(|(shipped, _)| *shipped == name)
        .unwrap();
    assert!(text.contains(from), "{name} has no `{from}`");
    parsed(name, &text.replace(from, to))
}

pub(crate) fn parsed(name: &str, text: &str) -> Definition {
    Definition::parse(name, text)
        .unwrap_or_else(|problems| panic!("{}", render(&problems, name, text)))
}

/// A profile for it.
pub(crate) fn profile(definition: &Definition, text: &str) -> Profile {
    Profile::parse(definition, "profile.yaml", text)
        .unwrap_or_else(|problems| panic!("{}", rendered(&problems, "profile.yaml", text)))
}

/// A table for it.
pub(crate) fn table(definition: &Definition, text: &str) -> Table {
    Table::parse(definition, "test.yaml", text)
        .unwrap_or_else(|problems| panic!("{}", rendered(&problems, "test.yaml", text)))
}

pub(crate) fn rendered(problems: &[Diagnostic], name: &str, text: &str) -> String {
    render(problems, name, text)
}

/// The cases of a table as the API would tell them once they have run, one a line, without notes.
pub(crate) fn recorded(definition: &Definition, text: &str) -> Vec<Recording> {
    let cases = table(definition, text).run(definition).unwrap();
    let lines: Vec<String> = cases.iter().map(|case| line(definition, case)).collect();
    recordings(&lines.join("\n")).unwrap()
}

fn line(definition: &Definition, case: &CaseResult) -> String {
    let told: Vec<Value> = case
        .moments
        .iter()
        .filter(|moment| !moment.events.is_empty())
        .enumerate()
        .map(|(place, moment)| {
            json!({ "seq": place + 1, "at": instant(moment.at), "events": moment.events })
        })
        .collect();
    let started = serde_json::to_value(&case.moments[0].events[0]).unwrap();
    let status = match case.found.end {
        "endless" => "running",
        end => end,
    };
    let saga = json!({
        "id": case.name,
        "definition": {
            "name": definition.name, "version": definition.version, "hash": definition.hash,
        },
        "status": status,
        "input": started["input"],
        "journal": told,
    });
    saga.to_string()
}

/// An instant of 2027-01-15, from 08:00 on, as the API writes it; later days are counted in hours.
fn instant(at: u64) -> String {
    let since = at - 1_800_000_000_000;
    let (hour, minute) = (8 + since / 3_600_000, since / 60_000 % 60);
    let (day, hour) = (15 + hour / 24, hour % 24);
    let (second, milli) = (since / 1000 % 60, since % 1000);
    format!("2027-01-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}
