//! A folder of backups: `base/<moment>Z` and `wal/<file>`. Reading it never changes it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use crate::exit::{Code, coded};

/// How base backups are named: by the second at which they were complete.
const NAME: &str = "%Y-%m-%dT%H:%M:%SZ";

/// A file of the log is named by 24 hexadecimal digits: timeline, and where it begins.
const DIGITS: usize = 24;

/// Files of the log of one `4 GiB`; their size is a setting of the cluster.
const LOG_ID: u64 = 1 << 32;

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    path: PathBuf,
}

/// A base backup.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// When it was complete.
    pub(crate) at: DateTime<Utc>,
    /// The first file of the log that it needs.
    pub(crate) first: String,
    /// The major version of the server that it is of.
    pub(crate) version: String,
}

/// A file of the log.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    /// Its name without what says that it is not full.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) full: bool,
    pub(crate) written: SystemTime,
    pub(crate) bytes: u64,
}

impl Store {
    /// A folder that is there.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Store> {
        let store = Store {
            path: path.to_owned(),
        };
        if store.base().is_dir() {
            return Ok(store);
        }
        let text = format!(
            "{} is no folder of backups: it has no folder `base`",
            path.display()
        );
        Err(coded(Code::NotFound, text))
    }

    /// A folder that is made when it is not there.
    pub(crate) fn make(path: &Path) -> anyhow::Result<Store> {
        let store = Store {
            path: path.to_owned(),
        };
        for folder in [store.base(), store.wal()] {
            fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        }
        Ok(store)
    }

    pub(crate) fn base(&self) -> PathBuf {
        self.path.join("base")
    }

    pub(crate) fn wal(&self) -> PathBuf {
        self.path.join("wal")
    }

    /// The name of a base backup that is complete now: the next whole second, for one cannot go back into the making of it.
    pub(crate) fn name_now() -> String {
        (Utc::now() + TimeDelta::seconds(1))
            .format(NAME)
            .to_string()
    }

    /// The complete base backups, oldest first.
    pub(crate) fn bases(&self) -> anyhow::Result<Vec<Base>> {
        let mut bases = Vec::new();
        for path in listed(&self.base())? {
            let name = file_name(&path);
            // Anything else is half of one, or not ours.
            let Ok(at) = NaiveDateTime::parse_from_str(&name, NAME) else {
                continue;
            };
            bases.push(Base {
                first: first_file(&path)?,
                version: read(&path.join("PG_VERSION"))?.trim().to_owned(),
                at: at.and_utc(),
                name,
                path,
            });
        }
        bases.sort_by_key(|base| base.at);
        Ok(bases)
    }

    /// The log, in order.
    pub(crate) fn pieces(&self) -> anyhow::Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        if !self.wal().is_dir() {
            return Ok(pieces);
        }
        for path in listed(&self.wal())? {
            let file = file_name(&path);
            let (name, full) = match file.strip_suffix(".partial") {
                Some(name) => (name.to_owned(), false),
                None => (file, true),
            };
            if name.len() != DIGITS || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                continue;
            }
            let meta =
                fs::metadata(&path).with_context(|| format!("look at {}", path.display()))?;
            pieces.push(Piece {
                written: meta.modified()?,
                bytes: meta.len(),
                name,
                path,
                full,
            });
        }
        pieces.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(pieces)
    }
}

impl Piece {
    /// Its place in the log; pieces that follow each other have numbers that do.
    pub(crate) fn number(&self) -> u64 {
        let digits =
            |from: usize| u64::from_str_radix(&self.name[from..from + 8], 16).unwrap_or_default();
        digits(8) * (LOG_ID / self.bytes.max(1)).max(1) + digits(16)
    }
}

/// The first file of the log that a base backup needs, as its label says.
fn first_file(base: &Path) -> anyhow::Result<String> {
    let label = read(&base.join("backup_label"))?;
    let line = label
        .lines()
        .find(|line| line.starts_with("START WAL LOCATION"));
    let file = line.and_then(|line| line.split_once("(file ")?.1.strip_suffix(')'));
    match file {
        Some(file) => Ok(file.to_owned()),
        None => {
            let text = format!(
                "{} is no base backup: its label names no file of the log",
                base.display()
            );
            Err(coded(Code::Failed, text))
        }
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).map_err(|error| {
        coded(
            Code::Failed,
            format!("this is no base backup: {}: {error}", path.display()),
        )
    })
}

fn listed(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let doing = || format!("list {}", folder.display());
    let entries = fs::read_dir(folder).with_context(doing)?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.with_context(doing)?.path());
    }
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
