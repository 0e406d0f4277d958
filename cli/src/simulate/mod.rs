//! `impresario simulate FILE`: sagas of a definition by the hundred thousand, before there is a single one.
//!
//! Assumptions come from a profile, from recorded sagas, or are those of healthy participants; which of the three is
//! said on standard error. The result is on standard output, and the same for the same seed everywhere.

mod capacity;
mod report;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use impresario_workflows::Definition;
use impresario_workflows::record::recordings;
use impresario_workflows::simulate::{
    CapacityPlan, Demand, Learned, Options, Profile, Rate, Report, SAGAS_MAX, Share, Span,
    plan_capacity, simulate,
};
use serde::Serialize;

use crate::args::PoolName;
use crate::exit::{Code, coded};
use crate::file;
use crate::output::{self, Format};

#[derive(Debug, Args)]
pub(crate) struct SimulateOptions {
    /// The definition.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How participants behave.
    #[arg(long, value_name = "FILE", conflicts_with = "learn")]
    profile: Option<PathBuf>,
    /// Learn how participants behave from recorded sagas (`impresario saga export`).
    #[arg(long, value_name = "FILE")]
    learn: Option<PathBuf>,
    /// Write what was learned, or assumed, as a profile.
    #[arg(long, value_name = "FILE")]
    write_profile: Option<PathBuf>,
    /// Where all chances come from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// So many sagas.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=SAGAS_MAX))]
    sagas: u64,
    /// So many sagas for each fault at each step; 0 leaves that table out.
    #[arg(long, default_value_t = 100)]
    matrix: u64,
    /// Plan the workers for so many starts: 50/s, 3000/m, 100/h.
    #[arg(long)]
    rate: Option<Rate>,
    /// How long a task may wait for a worker.
    #[arg(long, default_value = "200ms", requires = "rate")]
    target_wait: Span,
    /// The share of tasks that must keep it.
    #[arg(long, default_value = "95%", requires = "rate")]
    target_share: Share,
    /// The peak is so many times the rate.
    #[arg(long, default_value_t = 3, requires = "rate", value_parser = clap::value_parser!(u32).range(1..=1000))]
    peak: u32,
}

/// Sagas that a capacity plan is checked with: enough for a steady 99th percentile.
const CROWD: u64 = 20_000;

/// Everything, for programs.
#[derive(Serialize)]
struct Document<'r> {
    #[serde(flatten)]
    report: &'r Report,
    capacity: Option<&'r CapacityPlan>,
}

pub(crate) fn run(options: &SimulateOptions, format: Format) -> anyhow::Result<()> {
    let definition = file::definition(&options.file)?;
    let mut profile = profile(&definition, options)?;
    let asked = definition.pools();
    for pool in PoolName::value_variants() {
        if let (Some(name), Ok(slots)) = (pool.to_possible_value(), u32::try_from(pool.slots()))
            && asked.iter().any(|pool| pool == name.get_name())
        {
            profile.default_slots(name.get_name(), slots);
        }
    }
    if let Some(path) = &options.write_profile {
        write(path, &profile.to_yaml(&definition))?;
    }
    let report = simulate(&definition, &profile, of(options))?;
    let demand = options.rate.map(|rate| demand(options, rate));
    let capacity = demand
        .map(|demand| plan_capacity(&definition, &profile, demand))
        .transpose()?;
    match format {
        Format::Json => output::json(&Document {
            report: &report,
            capacity: capacity.as_ref(),
        })?,
        Format::Table => {
            output::line(&report::told(&report));
            if let Some(plan) = &capacity {
                output::line(&format!("\n{}", capacity::told(plan)));
            }
        }
    }
    Ok(())
}

fn of(options: &SimulateOptions) -> Options {
    Options {
        seed: options.seed,
        sagas: options.sagas,
        matrix_sagas: options.matrix,
    }
}

fn demand(options: &SimulateOptions, rate: Rate) -> Demand {
    Demand {
        rate,
        peak: options.peak,
        target_wait: options.target_wait,
        target_share: options.target_share,
        seed: options.seed,
        sagas: CROWD,
    }
}

fn profile(definition: &Definition, options: &SimulateOptions) -> anyhow::Result<Profile> {
    if let Some(path) = &options.profile {
        let (name, text) = (path.display().to_string(), file::text(path)?);
        return Profile::parse(definition, &name, &text)
            .map_err(|problems| file::refused(&name, &text, &problems));
    }
    if let Some(path) = &options.learn {
        return learned(definition, path);
    }
    eprintln!("no --profile and no --learn: participants are taken to be healthy");
    Ok(Profile::healthy(definition))
}

fn learned(definition: &Definition, path: &Path) -> anyhow::Result<Profile> {
    let learned = Learned::from_recordings(definition, &recordings(&file::text(path)?)?);
    if learned.sagas == 0 {
        let name = &definition.name;
        let text = format!("{} has no saga of {name} to learn from", path.display());
        return Err(coded(Code::Failed, text));
    }
    eprintln!("learned from {} sagas", learned.sagas);
    for (operation, often) in &learned.seldom {
        eprintln!("  {operation}: seen {often} times, taken to be healthy");
    }
    Ok(learned.profile)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).map_err(|error| {
        coded(
            Code::Failed,
            format!("cannot write {}: {error}", path.display()),
        )
    })?;
    eprintln!("wrote {}", path.display());
    Ok(())
}
