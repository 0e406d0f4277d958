//! What runs in a folder, written down for the next one who comes: ports and processes, as plain lines.
//!
//! It is written when a server is up and removed when it is stopped. Found by a later start, it names the
//! processes that a killed parent left behind.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::process::ProcessId;

/// A running server: who started it, where it listens, which processes it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The process that started it and will stop it.
    pub(crate) owner: u32,
    /// The port that clients use.
    pub(crate) port: u16,
    /// Its processes, in the order in which they are stopped.
    pub(crate) processes: Vec<ProcessId>,
}

fn file(folder: &Path) -> PathBuf {
    folder.join("running")
}

impl Record {
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Error> {
        let mut text = format!("owner {}\nport {}\n", self.owner, self.port);
        for process in &self.processes {
            text.push_str(&format!("process {} {}\n", process.pid, process.started));
        }
        // By way of another name, so that nobody reads half of it.
        let (half, whole) = (folder.join("running.new"), file(folder));
        fs::write(&half, text).map_err(|e| Error::io("write", &half, &e))?;
        fs::rename(&half, &whole).map_err(|e| Error::io("write", &whole, &e))
    }

    /// A record that is missing or not readable is no record.
    pub(crate) fn read(folder: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(file(folder)).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut record = Self {
            owner: 0,
            port: 0,
            processes: Vec::new(),
        };
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["owner", pid] => record.owner = pid.parse().ok()?,
                ["port", port] => record.port = port.parse().ok()?,
                ["process", pid, started] => record.processes.push(ProcessId {
                    pid: pid.parse().ok()?,
                    started: (*started).to_owned(),
                }),
                _ => return None,
            }
        }
        (record.port != 0 && !record.processes.is_empty()).then_some(record)
    }

    pub(crate) fn remove(folder: &Path) -> Result<(), Error> {
        match fs::remove_file(file(folder)) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                Err(Error::io("remove", &file(folder), &e))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.processes.iter().any(ProcessId::is_alive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_written_and_half_a_record_is_none() {
        let process = ProcessId {
            pid: 42,
            started: "1234".to_owned(),
        };
        let record = Record {
            owner: 7,
            port: 5432,
            processes: vec![process],
        };
        let folder = crate::Folder::temporary("record").create().unwrap();
        record.write(folder.path()).unwrap();
        assert_eq!(Record::read(folder.path()), Some(record));
        Record::remove(folder.path()).unwrap();
        Record::remove(folder.path()).unwrap();
        assert_eq!(Record::read(folder.path()), None);
        assert_eq!(Record::parse("owner 7\nport 54"), None);
        folder.remove_if_temporary();
    }
}
