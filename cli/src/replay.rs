//! `impresario replay --from sagas.ndjson --definition NEW.yaml`: yesterday's sagas under tomorrow's definition.

use std::path::PathBuf;

use clap::Args;
use impresario_workflows::record::recordings;
use impresario_workflows::replay::{Group, ReplayReport, replay};

use crate::exit::{Code, coded};
use crate::file;
use crate::output::{self, Format, tame};

#[derive(Debug, Args)]
pub(crate) struct ReplayOptions {
    /// Recorded sagas (`impresario saga export`).
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// The new definition.
    #[arg(long, value_name = "FILE")]
    definition: PathBuf,
}

pub(crate) fn run(options: &ReplayOptions, format: Format) -> anyhow::Result<()> {
    let definition = file::definition(&options.definition)?;
    let recordings = recordings(&file::text(&options.from)?)?;
    let report = replay(&definition, &recordings)?;
    match format {
        Format::Json => output::json(&report)?,
        Format::Table => output::line(&told(&report)),
    }
    let different = report
        .groups
        .iter()
        .filter(|group| group.verdict == "different");
    match different.map(|group| group.sagas).sum::<usize>() {
        0 => Ok(()),
        different => Err(coded(
            Code::Failed,
            format!(
                "{different} of {} sagas would have ended otherwise",
                report.sagas.len()
            ),
        )),
    }
}

fn told(report: &ReplayReport) -> String {
    let rows: Vec<Vec<String>> = report.groups.iter().map(row).collect();
    format!(
        "{} v{}: {} recorded sagas\n{}",
        report.definition,
        report.version,
        report.sagas.len(),
        output::table(&["VERDICT", "SAGAS", "WHAT", "FOR EXAMPLE"], &rows)
    )
}

fn row(group: &Group) -> Vec<String> {
    let verdict = match group.verdict {
        "same" => "ends the same",
        "other_way" => "same end, other way",
        "different" => "ends otherwise",
        "not_judged" => "not judged",
        other => other,
    };
    vec![
        verdict.to_owned(),
        group.sagas.to_string(),
        tame(&group.what),
        tame(group.examples.first().map_or("", String::as_str)),
    ]
}
