//! `impresario dev reset`: removes the data folder, and with it every booking that was ever made in it.

use std::fs;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::folder::{DEFAULT, DataFolder};
use crate::exit::{Code, coded};

#[derive(Debug, Args)]
pub(super) struct ResetOptions {
    /// Where data are kept.
    #[arg(long, default_value = DEFAULT)]
    data_dir: PathBuf,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(options: &ResetOptions) -> anyhow::Result<()> {
    let path = &options.data_dir;
    if !path.exists() {
        eprintln!("there is nothing at {}", path.display());
        return Ok(());
    }
    if !is_ours(path) {
        let text = format!(
            "{} was not made by `impresario dev`; it stays",
            path.display()
        );
        return Err(coded(Code::Conflict, text));
    }
    // One that runs keeps its data: the claim fails and says who it is.
    let folder = DataFolder::claim(path)?;
    let elsewhere = folder.known().and_then(|known| known.postgres);
    if !options.yes && !agreed(folder.path())? {
        return Err(coded(Code::Failed, "nothing was removed"));
    }
    // A private Postgres of an account that cannot enter the folder has its data elsewhere.
    let elsewhere = elsewhere.filter(|other| !other.starts_with(folder.path()) && other.exists());
    for gone in elsewhere
        .iter()
        .map(PathBuf::as_path)
        .chain([folder.path()])
    {
        fs::remove_dir_all(gone).with_context(|| format!("remove {}", gone.display()))?;
        eprintln!("removed {}", gone.display());
    }
    Ok(())
}

/// Only what we have made is removed, whatever --data-dir says.
fn is_ours(path: &Path) -> bool {
    path.join("dev.lock").is_file()
}

fn agreed(path: &Path) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(coded(
            Code::Usage,
            "nobody can be asked here\n  fix: add --yes",
        ));
    }
    eprint!("remove {} with everything in it? [y/N] ", path.display());
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
