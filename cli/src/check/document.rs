//! What the explorer found, for programs.

use impresario_workflows::check::Verdict;
use serde_json::{Value, json};

use super::Checked;

/// One file.
pub(super) fn of(file: &Checked) -> Value {
    let Some(explored) = &file.explored else {
        return json!({
            "file": file.name,
            "verdict": "refused",
            "diagnostics": file.diagnostics,
        });
    };
    let report = &explored.report;
    let mut document = json!({
        "file": file.name,
        "definition": {
            "name": explored.definition.name,
            "version": explored.definition.version,
            "hash": explored.definition.hash,
        },
        "verdict": word(&report.verdict),
        "states": report.states,
        "steps": report.steps,
        "items": report.items,
        "milliseconds": u64::try_from(explored.took.as_millis()).unwrap_or(u64::MAX),
        "diagnostics": file.diagnostics,
    });
    match &report.verdict {
        Verdict::Proved => document["ends"] = json!(report.ends),
        Verdict::Disproved(found) => {
            document["counterexample"] = json!({
                "property": found.property,
                "sentence": found.said,
                "timeline": found.story,
            });
        }
        Verdict::NotProved { walks, seed } => {
            document["walks"] = json!(walks);
            document["seed"] = json!(seed);
        }
    }
    document
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Proved => "proved",
        Verdict::Disproved(_) => "disproved",
        Verdict::NotProved { .. } => "not_proved",
    }
}
