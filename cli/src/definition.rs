//! `impresario lint` and `impresario schema`: for people who write definitions.
//!
//! Lint tells everything that reading and checking a file finds. That is not a proof: no interleaving of the
//! saga is explored here (that is `check`), and the last line says so.

use std::path::{Path, PathBuf};

use clap::Args;
use impresario_workflows::Definition;
use impresario_workflows::definition::{
    Checked, Diagnostic, SHIPPED, json_schema_of_files, render,
};
use serde_json::json;

use crate::exit::{Code, coded};
use crate::file;
use crate::output::{self, Format};

#[derive(Debug, Args)]
pub(crate) struct LintOptions {
    /// Definition files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

struct Linted {
    name: String,
    text: String,
    /// Name, version and number of steps, when it is a definition.
    definition: Option<(String, u32, usize)>,
    diagnostics: Vec<Diagnostic>,
}

impl Linted {
    fn errors(&self) -> usize {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.is_error())
            .count()
    }
}

pub(crate) fn lint(options: &LintOptions, format: Format) -> anyhow::Result<()> {
    let files = checked_together(&options.files)?
        .into_iter()
        .map(linted)
        .collect::<Vec<_>>();
    match format {
        Format::Json => output::json(&files.iter().map(document).collect::<Vec<_>>())?,
        Format::Table => files.iter().for_each(|file| output::line(&told(file))),
    }
    let refused = files.iter().filter(|file| file.errors() > 0).count();
    if refused > 0 {
        let text = format!("{refused} of {} refused", counted(files.len(), "file"));
        return Err(coded(Code::Failed, text));
    }
    Ok(())
}

/// Prints the JSON Schema of definition files.
pub(crate) fn schema() -> anyhow::Result<()> {
    output::json(&json_schema_of_files())
}

/// Name and text of a file.
pub(crate) fn read_text(path: &Path) -> anyhow::Result<(String, String)> {
    let name = path.display().to_string();
    let text = file::text(path)?;
    Ok((name, text))
}

/// Name and text of each file, and what was found in it. Each knows the others, and the sagas that come with the
/// program, as children that it may run.
pub(crate) fn checked_together(
    paths: &[PathBuf],
) -> anyhow::Result<Vec<(String, String, Checked)>> {
    let texts = definitions(paths)?
        .into_iter()
        .map(read_text)
        .collect::<anyhow::Result<Vec<_>>>()?;
    let alone = |name: &str, text: &str| Definition::check_among(name, text, &|_| None);
    let own = texts
        .iter()
        .map(|(name, text)| alone(name, text).definition);
    let shipped = SHIPPED
        .iter()
        .map(|(name, text)| alone(name, text).definition);
    // A file stands for the shipped saga of its name.
    let known: Vec<Definition> = own.chain(shipped).flatten().collect();
    let pivot_of = |saga: &str| {
        let child = known.iter().find(|child| child.name == saga)?;
        Some(child.pivot.is_some())
    };
    Ok(texts
        .into_iter()
        .map(|(name, text)| {
            let checked = Definition::check_among(&name, &text, &pivot_of);
            (name, text, checked)
        })
        .collect())
}

/// What `*.yaml` names beside definitions, by the ends of their names.
const OTHERS: [(&str, &str); 2] = [
    (".test.yaml", "a test table (impresario test)"),
    (".profile.yaml", "a profile (impresario simulate --profile)"),
];

/// The files that are definitions: `sagas/*.yaml` names their tables and profiles too, and those are left out, saying
/// so. None at all is a mistake.
fn definitions(paths: &[PathBuf]) -> anyhow::Result<Vec<&Path>> {
    let mut definitions = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        match OTHERS.iter().find(|(end, _)| name.ends_with(end)) {
            Some((_, what)) => eprintln!("{name}: left out, it is {what}"),
            None => definitions.push(path.as_path()),
        }
    }
    if definitions.is_empty() {
        return Err(coded(Code::Usage, "none of these files is a definition"));
    }
    Ok(definitions)
}

fn linted((name, text, checked): (String, String, Checked)) -> Linted {
    let definition = checked
        .definition
        .map(|definition| (definition.name, definition.version, definition.steps.len()));
    Linted {
        name,
        text,
        definition,
        diagnostics: checked.diagnostics,
    }
}

fn told(file: &Linted) -> String {
    let mut text = render(&file.diagnostics, &file.name, &file.text);
    text.push_str(&match &file.definition {
        Some((name, version, steps)) => format!(
            "{}: {name} v{version}, {}: parsed and checked; not explored (impresario check)",
            file.name,
            counted(*steps, "step")
        ),
        None => format!("{}: refused", file.name),
    });
    text
}

fn document(file: &Linted) -> serde_json::Value {
    json!({
        "file": file.name,
        "accepted": file.errors() == 0,
        "explored": false,
        "definition": file.definition.as_ref().map(|(name, version, steps)| {
            json!({ "name": name, "version": version, "steps": steps })
        }),
        "diagnostics": file.diagnostics,
    })
}

/// A number and a word, in the plural where it is one.
pub(crate) fn counted(count: usize, word: &str) -> String {
    if count == 1 {
        format!("1 {word}")
    } else {
        format!("{count} {word}s")
    }
}
