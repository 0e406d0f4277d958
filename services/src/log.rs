//! Log files of the servers: opened for appending, kept from growing for ever, and read back as evidence.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::Error;

/// Past this size a log is set aside when the server starts; one older generation is kept.
const BYTES_MAX: u64 = 8 << 20;

/// How much of the end is read for evidence: enough for a stack trace, never a whole log.
const TAIL_BYTES: u64 = 16 << 10;

/// Opens a server's log for its output.
pub(crate) fn open(path: &Path) -> Result<File, Error> {
    if fs::metadata(path).is_ok_and(|meta| meta.len() > BYTES_MAX) {
        fs::rename(path, path.with_extension("log.old"))
            .map_err(|e| Error::io("set aside the log", path, &e))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|e| Error::io("open the log", path, &e))
}

/// The last lines of a log. A log that cannot be read is itself part of the evidence.
pub(crate) fn tail(path: &Path, lines: usize) -> Vec<String> {
    match end_of(path) {
        Ok(text) if text.trim().is_empty() => vec!["(empty)".to_owned()],
        Ok(text) => {
            let all: Vec<&str> = text.lines().collect();
            all[all.len().saturating_sub(lines)..]
                .iter()
                .map(|line| (*line).to_owned())
                .collect()
        }
        Err(error) => vec![format!("(not readable: {error})")],
    }
}

fn end_of(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
