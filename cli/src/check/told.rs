//! What the explorer found, for people.

use impresario_workflows::check::{Counterexample, End, Line, Report, SET_ASIDE, Verdict};
use impresario_workflows::definition::render;

use super::{Checked, Explored};
use crate::definition::counted;
use crate::output::{self, Ink};

/// Everything about one file.
pub(crate) fn told(file: &Checked, ends: bool, ink: Ink) -> String {
    let mut text = render(&file.diagnostics, &file.name, &file.text);
    let name = ink.bold(&file.name);
    let Some(explored) = &file.explored else {
        return format!("{text}{name}: {}", ink.bad("refused"));
    };
    let report = &explored.report;
    match &report.verdict {
        Verdict::Proved => {
            text.push_str(&format!("{name}: {}", proved(explored, ink)));
            if ends {
                text.push_str(&format!("\n{}", ends_table(report)));
            }
        }
        Verdict::Disproved(found) => {
            text.push_str(&format!("{name}: {}", disproved(found, ink)));
        }
        Verdict::NotProved { walks, seed } => text.push_str(&format!(
            "{name}: {}: explored {} and {} (seed {seed}) in {}; nothing was found, and not everything was looked at{}",
            ink.bad("not proved"),
            counted(report.states, "state"),
            counted(*walks, "random walk"),
            span(explored),
            items_before(report)
        )),
    }
    text
}

fn proved(explored: &Explored, ink: Ink) -> String {
    let report = &explored.report;
    let ways = match report.ends.len() {
        1 => "1 way to end".to_owned(),
        many => format!("{many} ways to end"),
    };
    format!(
        "{}: {} in {}, {ways}{}",
        ink.good("proved"),
        counted(report.states, "state"),
        span(explored),
        items(report)
    )
}

/// Fan-outs are proved for few interchangeable items, which is said.
fn items(report: &Report) -> String {
    report.items.map_or(String::new(), |most| {
        format!(", `each` over up to {}", counted(most, "item"))
    })
}

/// With fewer items everything may have been looked at.
fn items_before(report: &Report) -> String {
    report.items.map_or(String::new(), |most| {
        format!("; proved for `each` over up to {}", counted(most, "item"))
    })
}

fn span(explored: &Explored) -> String {
    match explored.took.as_millis() {
        ms @ 0..10_000 => format!("{ms} ms"),
        ms => format!("{} s", ms / 1_000),
    }
}

fn disproved(found: &Counterexample, ink: Ink) -> String {
    let mut text = format!(
        "{}: {}\n  {}\n\n",
        ink.bad("disproved"),
        found.property.as_str(),
        ink.bold(&found.said)
    );
    let width = found
        .story
        .lines
        .iter()
        .map(|line| who(line).chars().count());
    let width = width.max().unwrap_or(0);
    for (number, line) in found.story.lines.iter().enumerate() {
        let who = format!("{:width$}", who(line));
        let who = if line.to.is_some() {
            who
        } else {
            ink.dim(&who)
        };
        text.push_str(&format!("  {:>3}  {who}  {}\n", number + 1, line.text));
    }
    text.push_str(&format!("       {}", ink.bad(&format!("✘ {}", found.said))));
    text
}

fn who(line: &Line) -> String {
    match &line.to {
        Some(to) => format!("{} → {}", line.who.name(), to.name()),
        None => line.who.name().to_owned(),
    }
}

fn ends_table(report: &Report) -> String {
    let rows: Vec<Vec<String>> = report.ends.iter().map(end).collect();
    let table = output::table(&["END", "EFFECTS", "PERHAPS", "FAULTS"], &rows);
    table
        .lines()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn end(end: &End) -> Vec<String> {
    let list = |names: &[String], none: &str| {
        if names.is_empty() {
            none.to_owned()
        } else {
            names.join(", ")
        }
    };
    let none = match end.status {
        SET_ASIDE => "as far as it was",
        _ => "none",
    };
    vec![
        where_it_stands(end),
        list(&end.there, none),
        list(&end.open, ""),
        end.faults.to_string(),
    ]
}

fn where_it_stands(end: &End) -> String {
    let parked: Vec<String> = end
        .parked
        .iter()
        .map(|parked| match parked.operation {
            "compensate" => format!("undo {}", parked.step),
            "reconcile" => format!("reconcile {}", parked.step),
            _ => parked.step.clone(),
        })
        .collect();
    if parked.is_empty() {
        end.status.to_owned()
    } else {
        format!("{}: {}", end.status, parked.join(", "))
    }
}
