//! `impresario check`: proves definitions, or tells how they go wrong.
//!
//! The work is the explorer's (`workflows/src/check`); here it is asked, timed, and told. What was found goes to
//! standard output; the exit code is that of the worst file.

mod document;
mod told;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use impresario_workflows::Definition;
use impresario_workflows::check::{Limits, Report, Verdict, explore, mermaid, svg};
use impresario_workflows::definition::{self, Diagnostic};

use crate::definition::{checked_together, counted};
use crate::exit::{Code, coded};
use crate::output::{self, Format, Ink};

pub(crate) use told::told;

#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    /// Definition files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Tell every way to end, what it leaves and how many faults it takes.
    #[arg(short = 'v', long)]
    ends: bool,
    /// Write the counterexample of the first disproved file there, as a Mermaid sequence diagram.
    #[arg(long, value_name = "PATH")]
    mermaid: Option<PathBuf>,
    /// Write the counterexample of the first disproved file there, as an SVG sequence diagram.
    #[arg(long, value_name = "PATH")]
    svg: Option<PathBuf>,
    /// Go through at most so many states; what has more is walked at random, and not proved.
    #[arg(long, value_name = "N", default_value_t = Limits::default().states_max)]
    states_max: usize,
    /// Makes the same random walks again.
    #[arg(long, value_name = "N", default_value_t = Limits::default().seed)]
    seed: u64,
}

/// A file, and what the explorer found.
pub(crate) struct Checked {
    name: String,
    text: String,
    diagnostics: Vec<Diagnostic>,
    /// None when the file is no definition.
    explored: Option<Explored>,
}

struct Explored {
    definition: Definition,
    report: Report,
    took: Duration,
}

impl Checked {
    /// What the explorer has to say; none when the file is no definition.
    pub(crate) fn verdict(&self) -> Option<&Verdict> {
        self.explored
            .as_ref()
            .map(|explored| &explored.report.verdict)
    }
}

pub(crate) fn run(options: &CheckOptions, format: Format) -> anyhow::Result<()> {
    let files: Vec<Checked> = checked_together(&options.files)?
        .into_iter()
        .map(|file| explored(file, options))
        .collect();
    match format {
        Format::Json => output::json(&files.iter().map(document::of).collect::<Vec<_>>())?,
        Format::Table => {
            let ink = Ink::stdout();
            files
                .iter()
                .for_each(|file| output::line(&told(file, options.ends, ink)));
        }
    }
    draw(&files, options)?;
    verdict(&files)
}

/// Writes the drawings that are asked for. Without a counterexample nothing is written, and that is said.
fn draw(files: &[Checked], options: &CheckOptions) -> anyhow::Result<()> {
    let found = files.iter().find_map(|file| match &file.explored {
        Some(Explored {
            report:
                Report {
                    verdict: Verdict::Disproved(found),
                    ..
                },
            ..
        }) => Some((file, found)),
        Some(_) | None => None,
    });
    for (path, as_svg) in [(&options.mermaid, false), (&options.svg, true)] {
        let Some(path) = path else { continue };
        let Some((file, found)) = found else {
            eprintln!("nothing is disproved: {} is not written", path.display());
            continue;
        };
        let drawing = if as_svg {
            svg(found, &format!("{}: {}", file.name, found.said))
        } else {
            mermaid(found)
        };
        std::fs::write(path, drawing)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn explored(
    (name, text, checked): (String, String, definition::Checked),
    options: &CheckOptions,
) -> Checked {
    let limits = Limits {
        states_max: options.states_max,
        walks: Limits::walks_for(options.states_max),
        seed: options.seed,
    };
    look_into(name, text, checked, limits)
}

/// Lints a text by itself, and explores the definition that it is.
pub(crate) fn look_at(name: String, text: String, limits: Limits) -> Checked {
    let checked = Definition::check(&name, &text);
    look_into(name, text, checked, limits)
}

fn look_into(name: String, text: String, checked: definition::Checked, limits: Limits) -> Checked {
    let explored = checked.definition.map(|definition| {
        let begun = Instant::now();
        let report = explore(&definition, limits);
        Explored {
            report,
            took: begun.elapsed(),
            definition,
        }
    });
    Checked {
        name,
        text,
        diagnostics: checked.diagnostics,
        explored,
    }
}

/// The exit code of the worst file: disproved, refused, not proved.
fn verdict(files: &[Checked]) -> anyhow::Result<()> {
    let count = |is: fn(&Checked) -> bool| files.iter().filter(|file| is(file)).count();
    let disproved = count(|file| matches!(file.verdict(), Some(Verdict::Disproved(_))));
    let refused = count(|file| file.explored.is_none());
    let not_proved = count(|file| matches!(file.verdict(), Some(Verdict::NotProved { .. })));
    let of = counted(files.len(), "file");
    if disproved > 0 {
        return Err(coded(
            Code::Disproved,
            format!("{disproved} of {of} disproved"),
        ));
    }
    if refused > 0 {
        return Err(coded(Code::Failed, format!("{refused} of {of} refused")));
    }
    if not_proved > 0 {
        return Err(coded(
            Code::NotProved,
            format!("{not_proved} of {of} not proved"),
        ));
    }
    Ok(())
}
