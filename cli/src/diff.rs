//! `impresario diff OLD NEW`: what a new version changes, and whether running sagas could go on under it.

use std::path::PathBuf;

use clap::Args;
use impresario_workflows::Definition;
use impresario_workflows::definition::diff::{Diff, Difference, Kind, diff};
use impresario_workflows::definition::render;
use serde_json::{Value, json};

use crate::exit::{Code, coded};
use crate::output::{self, Format};

#[derive(Debug, Args)]
pub(crate) struct DiffOptions {
    /// The definition that sagas run under.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The one that is to follow it.
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

pub(crate) fn run(options: &DiffOptions, format: Format) -> anyhow::Result<()> {
    let (old, new) = (parsed(&options.old)?, parsed(&options.new)?);
    if old.name != new.name {
        let text = format!("`{}` and `{}` are different sagas", old.name, new.name);
        return Err(coded(Code::Usage, text));
    }
    let found = diff(&old, &new);
    match format {
        Format::Json => output::json(&document(&old, &new, &found))?,
        Format::Table => output::line(&told(&old, &new, &found)),
    }
    // A version never changes: the same number with other content would be refused when it is uploaded.
    if found.kind().is_some() && old.version == new.version {
        let text = format!(
            "both are version {}, with different content\nfix: give the new one `version: {}`",
            old.version,
            old.version.saturating_add(1)
        );
        return Err(coded(Code::Conflict, text));
    }
    Ok(())
}

fn parsed(path: &PathBuf) -> anyhow::Result<Definition> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| coded(Code::NotFound, format!("cannot read {name}: {error}")))?;
    Definition::parse(&name, &text).map_err(|found| {
        let text = format!("{name} is refused\n{}", render(&found, &name, &text));
        coded(Code::Failed, text)
    })
}

fn told(old: &Definition, new: &Definition, found: &Diff) -> String {
    let mut lines: Vec<String> = found.differences.iter().map(line).collect();
    lines.push(format!(
        "{} v{} -> v{}: {}",
        old.name,
        old.version,
        new.version,
        verdict(found)
    ));
    lines.join("\n")
}

fn line(found: &Difference) -> String {
    let side = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
    format!(
        "{:<9}  {}: {} -> {}",
        found.kind.as_str(),
        found.place,
        side(&found.was),
        side(&found.is)
    )
}

fn verdict(found: &Diff) -> String {
    match found.kind() {
        None => "the same content".to_owned(),
        Some(Kind::Words) => "only words; running sagas could go on under it".to_owned(),
        Some(Kind::Tuning) => {
            "only limits and retries; running sagas could go on under it".to_owned()
        }
        Some(Kind::Structure) if found.touched.is_empty() => {
            "structure; no step that there was does something else".to_owned()
        }
        Some(Kind::Structure) => {
            let steps: Vec<&str> = found.touched.iter().map(String::as_str).collect();
            format!(
                "structure; a running saga that has come to {} could not go on under it",
                steps.join(", ")
            )
        }
    }
}

fn document(old: &Definition, new: &Definition, found: &Diff) -> Value {
    let differences: Vec<Value> = found
        .differences
        .iter()
        .map(|one| {
            json!({ "kind": one.kind.as_str(), "place": one.place, "was": one.was, "is": one.is })
        })
        .collect();
    json!({
        "saga": old.name,
        "old": { "version": old.version, "hash": old.hash },
        "new": { "version": new.version, "hash": new.hash },
        "kind": found.kind().map(Kind::as_str),
        "touched": found.touched,
        "differences": differences,
    })
}
