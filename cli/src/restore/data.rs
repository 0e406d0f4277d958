//! Laying a moment out: the last base backup that was complete by then, and the log up to it. PostgreSQL replays when it
//! starts, and is a primary of a new timeline. Nothing that is there is touched: the folder must be empty.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use serde::Serialize;
use tokio::process::Command;

use crate::backup::Where;
use crate::backup::store::{Base, Piece, Store};
use crate::backup::tools::run as run_program;
use crate::exit::{Code, coded};
use crate::output::{self, Format};

#[derive(Clone, Debug, Args)]
pub(super) struct DataOptions {
    #[command(flatten)]
    at: Where,
    /// Where the data go; empty, or not there yet. The log that is replayed lies beside it, in a folder that ends with
    /// `.log`, which can go once the server runs.
    #[arg(long)]
    to: PathBuf,
    /// The moment, like 2026-11-27T09:30:00Z, or `latest`.
    #[arg(long)]
    moment: Target,
}

/// Up to where the log is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Latest,
    Moment(DateTime<Utc>),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        if text == "latest" {
            return Ok(Target::Latest);
        }
        let moment = DateTime::parse_from_rfc3339(text)
            .map_err(|_| "write a moment like 2026-11-27T09:30:00Z, or `latest`")?;
        Ok(Target::Moment(moment.to_utc()))
    }
}

/// What was done.
#[derive(Debug, Serialize)]
struct Laid {
    base: String,
    data: PathBuf,
    /// For `restore settle`: nothing that was committed later is here.
    moment: String,
}

pub(super) async fn run(options: &DataOptions, format: Format) -> anyhow::Result<()> {
    let store = Store::open(&options.at.folder)?;
    let to = std::path::absolute(&options.to)?;
    must_be_free(&to)?;
    let pieces = store.pieces()?;
    let (base, moment) = choose(&store.bases()?, &pieces, options.moment)?;
    let tools = options.at.tools()?;
    let version = tools.version().await?;
    if version != base.version {
        let text = format!(
            "{} is of PostgreSQL {}, and the programs here are of {version}: name others with --pg-bin",
            base.name, base.version
        );
        return Err(coded(Code::Conflict, text));
    }
    tools.verify(&base.path).await?;
    lay(&base, &pieces, &to, options.moment).await?;
    let laid = Laid {
        base: base.name,
        data: to,
        moment: moment.to_rfc3339_opts(SecondsFormat::Micros, true),
    };
    match format {
        Format::Json => output::json(&laid)?,
        Format::Table => output::line(&format!(
            "{} and the log up to {}, in {}: start PostgreSQL on it, then `impresario restore settle --moment {}`",
            laid.base,
            laid.moment,
            laid.data.display(),
            laid.moment
        )),
    }
    Ok(())
}

fn must_be_free(to: &Path) -> anyhow::Result<()> {
    // Both stand in a command that PostgreSQL gives to a shell.
    let plain =
        |c: char| c.is_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | ' ' | '+' | ':');
    if !to.to_string_lossy().chars().all(plain) {
        let text = format!(
            "{} has letters that a shell would read: choose a plain name",
            to.display()
        );
        return Err(coded(Code::Usage, text));
    }
    for path in [to.to_owned(), beside(to, "log"), beside(to, "part")] {
        let is_empty = match fs::read_dir(&path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(_) => !path.exists(),
        };
        if !is_empty {
            let text = format!(
                "{} is not empty: restore into a folder of its own",
                path.display()
            );
            return Err(coded(Code::Conflict, text));
        }
    }
    Ok(())
}

/// The base backup to begin with, and the moment that comes of it.
fn choose(
    bases: &[Base],
    pieces: &[Piece],
    target: Target,
) -> anyhow::Result<(Base, DateTime<Utc>)> {
    let Some(until) = pieces
        .iter()
        .map(|piece| DateTime::<Utc>::from(piece.written))
        .max()
    else {
        return Err(coded(
            Code::NotFound,
            "there is no log here: `impresario backup follow` copies it",
        ));
    };
    let moment = match target {
        Target::Latest => until,
        Target::Moment(moment) if moment <= until => moment,
        Target::Moment(moment) => {
            let text = format!(
                "{moment} is out of range: the log ends at {until}; `latest` takes all of it"
            );
            return Err(coded(Code::NotFound, text));
        }
    };
    match bases.iter().rfind(|base| base.at <= moment) {
        Some(base) => Ok((base.clone(), moment)),
        None => {
            let earliest = bases.first().map_or("there is none".to_owned(), |base| {
                format!("the earliest is {}", base.name)
            });
            let text = format!(
                "{moment} is out of range: no base backup was complete by then, {earliest}"
            );
            Err(coded(Code::NotFound, text))
        }
    }
}

async fn lay(base: &Base, pieces: &[Piece], to: &Path, target: Target) -> anyhow::Result<()> {
    let (part, log) = (beside(to, "part"), beside(to, "log"));
    fs::create_dir_all(&log).with_context(|| format!("make {}", log.display()))?;
    if part.is_dir() {
        fs::remove_dir(&part).with_context(|| format!("remove {}", part.display()))?;
    }
    run_program(Command::new("cp").arg("-a").arg(&base.path).arg(&part)).await?;
    for piece in pieces.iter().filter(|piece| piece.name >= base.first) {
        // The last file is not full, and has what was committed last. A full one of the same name says more.
        let there = log.join(&piece.name);
        if piece.full || !there.exists() {
            fs::copy(&piece.path, &there)
                .with_context(|| format!("copy {}", piece.path.display()))?;
        }
    }
    let settings = part.join("postgresql.auto.conf");
    let mut text = fs::read_to_string(&settings).unwrap_or_default();
    text += &format!("restore_command = 'cp \"{}/%f\" \"%p\"'\n", log.display());
    text += "recovery_target_action = promote\n";
    if let Target::Moment(moment) = target {
        text += &format!(
            "recovery_target_time = '{}'\n",
            moment.format("%Y-%m-%d %H:%M:%S%.6f+00")
        );
    }
    fs::write(&settings, text).with_context(|| format!("write {}", settings.display()))?;
    fs::write(part.join("recovery.signal"), "").context("ask for recovery")?;
    fs::rename(&part, to).with_context(|| format!("name {}", to.display()))
}

fn beside(to: &Path, what: &str) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(what);
    to.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn base(name: &str) -> Base {
        Base {
            name: name.to_owned(),
            path: PathBuf::new(),
            at: name.parse().unwrap(),
            first: String::new(),
            version: "15".to_owned(),
        }
    }

    #[test]
    fn the_last_base_backup_before_the_moment_is_taken_and_others_are_refused() {
        let bases = [base("2026-11-27T08:00:00Z"), base("2026-11-27T09:00:00Z")];
        let end: DateTime<Utc> = "2026-11-27T10:00:00Z".parse().unwrap();
        let pieces = [Piece {
            name: String::new(),
            path: PathBuf::new(),
            full: true,
            written: SystemTime::from(end),
            bytes: 1,
        }];
        let at = |text: &str| choose(&bases, &pieces, text.parse().unwrap());
        assert_eq!(at("2026-11-27T08:59:59.5Z").unwrap().0.name, bases[0].name);
        assert_eq!(at("2026-11-27T09:00:00Z").unwrap().0.name, bases[1].name);
        assert_eq!(at("latest").unwrap().1, end);
        assert!(
            at("2026-11-27T07:00:00Z")
                .unwrap_err()
                .to_string()
                .contains("the earliest is")
        );
        assert!(
            at("2026-11-27T10:00:01Z")
                .unwrap_err()
                .to_string()
                .contains("the log ends at")
        );
        assert!(choose(&bases, &[], Target::Latest).is_err());
        assert!("ten o'clock".parse::<Target>().is_err());
    }
}
