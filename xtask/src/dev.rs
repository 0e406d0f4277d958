//! `cargo xtask dev` and `demo`: from a fresh clone to the running platform.
//!
//! The private Postgres and everything else is started by the program itself; here it is only built and run.

use std::process::{Command, ExitCode};

use crate::{Outcome, cargo, setup};

/// Builds the program and hands over to it.
pub(crate) fn run(command: &str, words: &[String]) -> Outcome<ExitCode> {
    // Only Postgres: RabbitMQ and Redis are used by `impresario dev` when asked for.
    let needs: &[setup::Need] = &[setup::POSTGRES];
    if !words.iter().any(|word| word.starts_with("--database-url")) {
        setup::ensure(needs, words.iter().any(|word| word == "--yes"))?;
    }
    println!("building impresario (some minutes the first time)");
    cargo::check(&mut cargo::cargo([
        "build",
        "--locked",
        "--package",
        "impresario-cli",
    ]))?;
    let mut program = Command::new(binary()?);
    program
        .arg(command)
        .args(words.iter().filter(|word| *word != "--yes"));
    let status = program
        .status()
        .map_err(|e| format!("could not run {}: {e}", cargo::shown(&program)))?;
    Ok(cargo::exit_code(status))
}

/// Where cargo has put the program: beside us, for we were built by the same cargo.
fn binary() -> Outcome<std::path::PathBuf> {
    let ourselves =
        std::env::current_exe().map_err(|e| format!("could not tell where we are: {e}"))?;
    let path = ourselves.with_file_name(format!("impresario{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("cargo built no {}", path.display()))
    }
}
