//! The table that nobody has to write: every single fault, and every pair of faults that ends in a way of its own.
//!
//! A text for review, to be kept beside the definition: a change of the definition shows as a change of lines. A
//! pair is left out when it ends as its first or its second fault does alone, for then it teaches nothing; how many
//! were left out is said.

use std::fmt::Write as _;

use super::run::{Found, run};
use super::table::Table;
use crate::definition::Definition;
use crate::rehearse::{Limits, PlacedFault, Plan, Stage};
use crate::saga::Unfoldable;

/// One line: faults, and what came of them.
struct Line {
    faults: String,
    end: String,
    undone: String,
    left: String,
}

/// The table of all single and double faults of a definition.
pub fn enumerate(definition: &Definition, table: &Table) -> Result<String, Unfoldable> {
    let mut stage = Stage::new(definition);
    let mut outcome = |faults: &[PlacedFault]| -> Result<Found, Unfoldable> {
        let mut plan = Plan::default();
        faults
            .iter()
            .for_each(|fault| fault.plan(definition, &mut plan));
        let (found, _) = run(
            definition,
            &mut stage,
            &table.input,
            &table.outputs,
            &plan,
            Limits::of(definition),
        )?;
        Ok(found)
    };
    let calm = outcome(&[])?;
    let faults = PlacedFault::of(definition);
    let singles = faults
        .iter()
        .map(|fault| Ok((*fault, outcome(&[*fault])?)))
        .collect::<Result<Vec<_>, Unfoldable>>()?;
    let mut pairs = Vec::new();
    let mut left_out = 0;
    for (place, (first, alone)) in singles.iter().enumerate() {
        for (second, other) in singles[place + 1..]
            .iter()
            .filter(|(second, _)| second.goes_with(*first))
        {
            let both = outcome(&[*first, *second])?;
            if same_end(&both, alone) || same_end(&both, other) {
                left_out += 1;
            } else {
                pairs.push(line(
                    &format!(
                        "{} + {}",
                        words(definition, *first),
                        words(definition, *second)
                    ),
                    &both,
                ));
            }
        }
    }
    let mut text = format!("{} v{}\n", definition.name, definition.version);
    section(&mut text, "no fault", &[line("-", &calm)]);
    let singles: Vec<Line> = singles
        .iter()
        .map(|(fault, found)| line(&words(definition, *fault), found))
        .collect();
    section(&mut text, "one fault", &singles);
    section(&mut text, "two faults", &pairs);
    // Writing to a String cannot fail.
    writeln!(
        text,
        "\n{left_out} pairs end as one of their faults does alone"
    )
    .ok();
    Ok(text)
}

fn words(definition: &Definition, placed: PlacedFault) -> String {
    format!("{}: {}", placed.place(definition), placed.fault.as_str())
}

/// Whether two lives came to the same, whatever the way and the time.
fn same_end(one: &Found, other: &Found) -> bool {
    one.end == other.end
        && one.because == other.because
        && one.undone == other.undone
        && one.effects == other.effects
        && one.stuck == other.stuck
}

fn line(faults: &str, found: &Found) -> Line {
    let why = found
        .because
        .as_ref()
        .map_or(String::new(), |code| format!(" ({code})"));
    let stuck = if found.stuck.is_empty() {
        String::new()
    } else {
        format!(" at {}", found.stuck.join(", "))
    };
    Line {
        faults: faults.to_owned(),
        end: format!("{}{stuck}{why}", found.end),
        undone: list(&found.undone),
        left: list(&found.effects),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "-".to_owned()
    } else {
        names.join(", ")
    }
}

/// A section with columns as wide as their widest cell.
fn section(text: &mut String, title: &str, lines: &[Line]) {
    let width = |cell: fn(&Line) -> &String| {
        lines
            .iter()
            .map(|line| cell(line).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (faults, end, undone) = (
        width(|l| &l.faults),
        width(|l| &l.end),
        width(|l| &l.undone),
    );
    writeln!(text, "\n{title}").ok();
    for line in lines {
        writeln!(
            text,
            "  {:faults$}  {:end$}  undone: {:undone$}  effects: {}",
            line.faults, line.end, line.undone, line.left
        )
        .ok();
    }
}
