//! A profile as a file: what was learned, for people to look at and change.

use std::fmt::{self, Write as _};

use serde_json::Value;

use super::awaits::Awaits;
use super::latency::Latency;
use super::profile::{Chance, Manner, Profile, StepProfile};
use super::units::{Share, Span};
use crate::definition::{Definition, Kind, Step, Undo};

/// The names of quantiles by their share, as profiles are written.
const NAMES: [(u32, &str); 10] = [
    (0, "min"),
    (100_000, "p10"),
    (250_000, "p25"),
    (500_000, "p50"),
    (750_000, "p75"),
    (900_000, "p90"),
    (950_000, "p95"),
    (990_000, "p99"),
    (999_000, "p999"),
    (1_000_000, "max"),
];

impl Profile {
    /// Writes it for its definition; read back, it is the same profile.
    pub fn to_yaml(&self, definition: &Definition) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        self.write(definition, &mut text).ok();
        text
    }

    fn write(&self, definition: &Definition, text: &mut String) -> fmt::Result {
        writeln!(
            text,
            "# What a simulation of {} assumes; see docs/simulation.md.",
            definition.name
        )?;
        writeln!(text, "overhead: {}", Span(self.overhead))?;
        values(text, "", "input", &self.inputs)?;
        if !self.slots.is_empty() {
            writeln!(text, "slots:")?;
        }
        for (pool, slots) in &self.slots {
            writeln!(text, "  {pool}: {slots}")?;
        }
        writeln!(text, "steps:")?;
        for (step, assumed) in definition.steps.iter().zip(&self.steps) {
            // Nothing is assumed about time that only goes by.
            if matches!(step.kind, Kind::Sleep { .. }) {
                continue;
            }
            writeln!(text, "  {}:", step.id)?;
            match step.kind {
                Kind::Task(_) => self.task(definition, step, assumed, text)?,
                Kind::Saga(_) => child(step, assumed, text)?,
                Kind::Wait(_) | Kind::Approve { .. } | Kind::Sleep { .. } => {
                    outside(assumed, text)?;
                }
            }
        }
        Ok(())
    }

    fn task(
        &self,
        definition: &Definition,
        step: &Step,
        assumed: &StepProfile,
        text: &mut String,
    ) -> fmt::Result {
        manner(text, "    ", &assumed.forward)?;
        rejected(text, &assumed.forward)?;
        values(text, "    ", "output", &assumed.outputs)?;
        if let Some(pinned) = &assumed.pinned_by {
            writeln!(text, "    pinned_by: {}", definition.steps[pinned.by].id)?;
            writeln!(text, "    lapsed: {}", pinned.lapsed)?;
        }
        if matches!(step.undo, Undo::Compensate(_)) {
            writeln!(text, "    undo:")?;
            manner(text, "      ", &assumed.undo)?;
        }
        if step.reconcile.is_some() {
            writeln!(text, "    reconcile:")?;
            manner(text, "      ", &assumed.reconcile)?;
            writeln!(
                text,
                "      still_open: {}",
                Share(assumed.reconcile.still_open)
            )?;
        }
        Ok(())
    }
}

/// A child saga: it ends, is undone, or stands before a human.
fn child(step: &Step, assumed: &StepProfile, text: &mut String) -> fmt::Result {
    writeln!(text, "    latency: {}", latency(&assumed.forward.latency))?;
    rejected(text, &assumed.forward)?;
    writeln!(text, "    stuck: {}", Share(assumed.forward.lost.share))?;
    values(text, "    ", "output", &assumed.outputs)?;
    if matches!(step.undo, Undo::Compensate(_)) {
        writeln!(text, "    undo:")?;
        manner(text, "      ", &assumed.undo)?;
    }
    Ok(())
}

/// What comes to a step that asks nobody.
fn outside(assumed: &StepProfile, text: &mut String) -> fmt::Result {
    let (first, second, after) = match &assumed.awaits {
        Awaits::Nothing => return Ok(()),
        Awaits::Signal {
            comes,
            early,
            after,
        } => (("comes", comes), ("early", early), after),
        Awaits::Decision {
            approved,
            denied,
            after,
        } => (("approved", approved), ("denied", denied), after),
    };
    for (name, share) in [first, second] {
        writeln!(text, "    {name}: {}", Share(*share))?;
    }
    writeln!(text, "    latency: {}", latency(&after.latency))?;
    match assumed.awaits {
        Awaits::Signal { .. } => values(text, "    ", "output", &assumed.outputs),
        Awaits::Nothing | Awaits::Decision { .. } => Ok(()),
    }
}

fn rejected(text: &mut String, manner: &Manner) -> fmt::Result {
    let codes: Vec<String> = manner
        .rejected
        .iter()
        .map(|(code, share)| format!("{}: {}", Value::from(code.as_str()), Share(*share)))
        .collect();
    writeln!(text, "    rejected: {}", flow(&codes))
}

fn manner(text: &mut String, indent: &str, manner: &Manner) -> fmt::Result {
    writeln!(text, "{indent}latency: {}", latency(&manner.latency))?;
    writeln!(text, "{indent}failed: {}", Share(manner.failed))?;
    for (name, Chance { share, acted }) in [("unknown", manner.unknown), ("lost", manner.lost)] {
        writeln!(
            text,
            "{indent}{name}: {{ share: {}, acted: {} }}",
            Share(share),
            Share(acted)
        )?;
    }
    writeln!(text, "{indent}broken: {}", Share(manner.broken))
}

fn latency(latency: &Latency) -> String {
    match latency {
        Latency::Constant(takes) => Span(*takes).to_string(),
        Latency::Exponential { mean } => format!("{{ mean: {} }}", Span(*mean)),
        Latency::Quantiles(points) => {
            let named: Vec<String> = points
                .iter()
                .filter_map(|(share, takes)| {
                    let (_, name) = NAMES.iter().find(|(of, _)| of == share)?;
                    Some(format!("{name}: {}", Span(*takes)))
                })
                .collect();
            flow(&named)
        }
    }
}

/// A map on one line.
fn flow(entries: &[String]) -> String {
    if entries.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ {} }}", entries.join(", "))
    }
}

/// `input: …`, or `inputs:` with a line for each. JSON is YAML.
fn values(text: &mut String, indent: &str, name: &str, values: &[Value]) -> fmt::Result {
    if let [value] = values {
        return writeln!(text, "{indent}{name}: {value}");
    }
    writeln!(text, "{indent}{name}s:")?;
    for value in values {
        writeln!(text, "{indent}  - {value}")?;
    }
    Ok(())
}
