//! `cargo xtask bench`: builds the programs as they are shipped, and hands over to the measurement.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use crate::{Outcome, cargo, setup};

/// Builds in release and measures; all words are options of the measurement.
pub(crate) fn run(words: &[String]) -> Outcome<ExitCode> {
    setup::ensure(
        &[setup::POSTGRES, setup::RABBITMQ],
        words.iter().any(|word| word == "--yes"),
    )?;
    if words.iter().any(|word| word == "--feed") {
        setup::kafka(words.iter().any(|word| word == "--yes"))?;
    }
    println!("building in release (some minutes the first time)");
    let packages = [
        "--package",
        "impresario-cli",
        "--package",
        "impresario-bench",
    ];
    cargo::check(cargo::cargo(["build", "--release", "--locked"]).args(packages))?;
    let folder = release_folder()?;
    let mut bench = Command::new(folder.join("impresario-bench"));
    if !words.iter().any(|word| word.starts_with("--impresario")) {
        bench.arg("--impresario").arg(folder.join("impresario"));
    }
    bench.args(words.iter().filter(|word| *word != "--yes"));
    let status = bench
        .status()
        .map_err(|e| format!("could not run {}: {e}", cargo::shown(&bench)))?;
    Ok(cargo::exit_code(status))
}

/// Beside the folder that we were built into.
fn release_folder() -> Outcome<PathBuf> {
    let ourselves =
        std::env::current_exe().map_err(|e| format!("could not tell where we are: {e}"))?;
    let target = ourselves.parent().and_then(|profile| profile.parent());
    target
        .map(|target| target.join("release"))
        .ok_or_else(|| format!("{} is not below a target folder", ourselves.display()))
}
