//! `impresario test FILE.test.yaml`: scripted outcomes against expected ends.
//!
//! A case that fails is told with what was expected, what came, and its whole life as a timeline.

use std::path::{Path, PathBuf};

use clap::Args;
use impresario_workflows::Definition;
use impresario_workflows::script::{CaseResult, Table, definition_named, enumerate};
use serde_json::json;

use crate::exit::{Code, coded};
use crate::file;
use crate::output::{self, Format, Ink};
use crate::timeline::Timeline;

#[derive(Debug, Args)]
pub(crate) struct TestOptions {
    /// Test tables; with --enumerate definitions too.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Instead of running cases: print what every single fault, and every pair of faults, leads to.
    #[arg(long)]
    enumerate: bool,
}

/// A table, and the definition that it is about.
struct Tabled {
    name: String,
    definition: Definition,
    table: Table,
}

pub(crate) fn run(options: &TestOptions, format: Format) -> anyhow::Result<()> {
    let tables = options
        .files
        .iter()
        .map(|path| read(path, options.enumerate))
        .collect::<anyhow::Result<Vec<_>>>()?;
    if options.enumerate {
        return enumerated(&tables, format);
    }
    let results = tables
        .iter()
        .map(|tabled| Ok((tabled, tabled.table.run(&tabled.definition)?)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    match format {
        Format::Json => output::json(&results.iter().map(document).collect::<Vec<_>>())?,
        Format::Table => results
            .iter()
            .for_each(|result| output::line(&told(result))),
    }
    let cases = || results.iter().flat_map(|(_, cases)| cases);
    match cases().filter(|case| !case.passed()).count() {
        0 => Ok(()),
        failed => Err(coded(
            Code::Failed,
            format!("{failed} of {} cases failed", cases().count()),
        )),
    }
}

/// Reads a table and its definition, which lies where the table says.
fn read(path: &Path, definitions_too: bool) -> anyhow::Result<Tabled> {
    let name = path.display().to_string();
    if definitions_too && !name.ends_with(".test.yaml") {
        let definition = file::definition(path)?;
        let table = Table::of_placeholders(&definition);
        return Ok(Tabled {
            name,
            definition,
            table,
        });
    }
    let text = file::text(path)?;
    let refused = |problems: &[_]| file::refused(&name, &text, problems);
    let named = definition_named(&name, &text).map_err(|problem| refused(&[problem]))?;
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let definition = file::definition(&folder.join(named))?;
    let table = Table::parse(&definition, &name, &text).map_err(|problems| refused(&problems))?;
    Ok(Tabled {
        name,
        definition,
        table,
    })
}

fn enumerated(tables: &[Tabled], format: Format) -> anyhow::Result<()> {
    for tabled in tables {
        let text = enumerate(&tabled.definition, &tabled.table)?;
        match format {
            Format::Json => output::json_line(&json!({ "file": tabled.name, "table": text }))?,
            Format::Table => output::line(text.trim_end()),
        }
    }
    Ok(())
}

fn told((tabled, cases): &(&Tabled, Vec<CaseResult>)) -> String {
    let failed = cases.iter().filter(|case| !case.passed());
    let mut parts: Vec<String> = failed.map(|case| failure(tabled, case)).collect();
    let passed = cases.iter().filter(|case| case.passed()).count();
    parts.push(format!(
        "{}: {passed} of {} cases passed",
        tabled.name,
        cases.len()
    ));
    parts.join("\n\n")
}

/// Expected, found, and how it came to that.
fn failure(tabled: &Tabled, case: &CaseResult) -> String {
    let ink = Ink::stdout();
    let mut lines = vec![format!(
        "{} {} ({}:{})",
        ink.bad("FAILED"),
        ink.bold(&case.name),
        tabled.name,
        case.line
    )];
    for wrong in &case.mismatches {
        lines.push(format!("  {}", wrong.key));
        lines.push(format!("    expected  {}", wrong.expected));
        lines.push(format!("    found     {}", wrong.found));
    }
    lines.push(Timeline::rehearsed(&tabled.definition, &case.moments).render(ink));
    lines.join("\n")
}

fn document((tabled, cases): &(&Tabled, Vec<CaseResult>)) -> serde_json::Value {
    let cases: Vec<serde_json::Value> = cases
        .iter()
        .map(|case| json!({ "passed": case.passed(), "case": case }))
        .collect();
    json!({ "file": tabled.name, "definition": tabled.definition.name, "cases": cases })
}
