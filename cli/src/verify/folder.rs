//! The folder on disk: lines of JSON, one thing a line, and `about.json` that says which format they are in.
//!
//! A line that cannot be read is an error with its file and number, never skipped: a checker that looks away from
//! what it does not understand proves nothing.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::table::Table;
use crate::exit::{Code, coded};

/// What the lines mean; another number is another meaning.
const FORMAT: u32 = 1;

const ABOUT: &str = "about.json";

#[derive(Deserialize)]
struct About {
    format: u32,
}

/// A folder that is read, and what was found in it.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    pub(crate) present: BTreeSet<Table>,
}

impl Folder {
    /// Opens a folder that somebody has filled.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Folder> {
        let shown = path.display();
        if !path.is_dir() {
            return Err(coded(Code::NotFound, format!("there is no folder {shown}")));
        }
        let about = path.join(ABOUT);
        let text = std::fs::read_to_string(&about).map_err(|error| {
            let fix =
                format!("fix: a folder to judge has an {ABOUT} with {{\"format\": {FORMAT}}}");
            coded(
                Code::NotFound,
                format!("{}: {error}\n  {fix}", about.display()),
            )
        })?;
        let About { format } =
            serde_json::from_str(&text).with_context(|| format!("read {}", about.display()))?;
        anyhow::ensure!(
            format == FORMAT,
            "{shown} is in format {format}; this program reads format {FORMAT}"
        );
        Ok(Folder {
            path: path.to_owned(),
            present: BTreeSet::new(),
        })
    }

    /// All lines of a file; none when it is not there, which is noted.
    pub(crate) fn rows<T: DeserializeOwned>(&mut self, table: Table) -> anyhow::Result<Vec<T>> {
        let path = self.path.join(table.file());
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("read {}", path.display())),
        };
        self.present.insert(table);
        let mut rows = Vec::new();
        for (number, line) in (1..).zip(BufReader::new(file).lines()) {
            let doing = || format!("read line {number} of {}", path.display());
            let line = line.with_context(doing)?;
            if !line.trim().is_empty() {
                rows.push(serde_json::from_str(&line).with_context(doing)?);
            }
        }
        Ok(rows)
    }
}

/// Makes a folder that is going to be filled. What is in it already stays: a history, the depths of queues.
pub(crate) fn prepare(path: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(path).with_context(|| format!("make {}", path.display()))?;
    let about =
        json!({ "format": FORMAT, "by": concat!("impresario ", env!("CARGO_PKG_VERSION")) });
    write(path, ABOUT, &format!("{about}\n"))
}

/// Writes one file of the folder.
pub(crate) fn write(folder: &Path, file: &str, text: &str) -> anyhow::Result<()> {
    let path = folder.join(file);
    std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))
}
