//! `cargo xtask arrows`: the shape of the house, held by a check.
//!
//! Who may depend on whom (`crates.rs`), which modules may name each other (`modules.rs`), and the small rules for
//! every source file (`tidy.rs`). Each finding names the path that offends.

mod crates;
mod modules;
mod sources;
mod tidy;

use crate::{Outcome, cargo};

/// Runs all checks and reports all findings at once.
pub(crate) fn run() -> Outcome {
    let root = cargo::root();
    let mut findings = crates::findings()?;
    findings.extend(modules::findings(&root)?);
    findings.extend(tidy::findings(&root)?);
    if findings.is_empty() {
        println!("  arrows point down, sources are tidy");
        return Ok(());
    }
    for finding in &findings {
        println!("  {finding}");
    }
    Err(format!("{} finding(s), listed above", findings.len()))
}
