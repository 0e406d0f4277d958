//! One owner for each folder, and what to do with a server that is already there.
//!
//! The owner holds a lock on a file in the folder. The system releases it when the owner dies, however it dies, so
//! the lock tells the truth where a pid file can lie:
//! lock free, processes alive: left behind by a killed owner; they are stopped, and that is said;
//! lock held: somebody runs this server right now; it is borrowed, not started twice, and that is said.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::process::{self, ProcessId};
use crate::record::Record;

/// How long another owner may take to bring its server up before we give up on borrowing it.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// How long a server left behind may take to stop by itself before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(15);

/// Whose the folder is.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Ours while the file is open. The note tells what was cleaned up.
    Ours { lock: File, note: Option<String> },
    /// Someone else's: its server may be used, not stopped.
    Borrowed { record: Record, note: String },
}

/// Claims a folder. `stop_signal` is how the kind of server is asked to stop.
pub(crate) fn claim(folder: &Path, name: &str, stop_signal: &str) -> Result<Claim, Error> {
    let path = folder.join("lock");
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| Error::io("open", &path, &e))?;
    let deadline = Instant::now() + START_PATIENCE;
    loop {
        match lock.try_lock() {
            Ok(()) => {
                let note = clean_up(folder, name, stop_signal)?;
                return Ok(Claim::Ours { lock, note });
            }
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", &path, &e)),
            Err(TryLockError::WouldBlock) => {}
        }
        if let Some(record) = Record::read(folder).filter(Record::is_alive) {
            let note = format!(
                "using the {name} in {} that process {} runs",
                folder.display(),
                record.owner
            );
            return Ok(Claim::Borrowed { record, note });
        }
        if Instant::now() >= deadline {
            return Err(held_but_silent(folder, name));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn held_but_silent(folder: &Path, name: &str) -> Error {
    Error::new(format!(
        "another process holds {} but has not brought its {name} up within {} s",
        folder.display(),
        START_PATIENCE.as_secs()
    ))
    .fix(format!(
        "find it with `fuser {}` and stop it",
        folder.join("lock").display()
    ))
}

/// Stops what a killed owner left running.
fn clean_up(folder: &Path, name: &str, stop_signal: &str) -> Result<Option<String>, Error> {
    let Some(record) = Record::read(folder) else {
        return Ok(None);
    };
    let left: Vec<&ProcessId> = record.processes.iter().filter(|p| p.is_alive()).collect();
    for process in &left {
        stop_orphan(process.pid, stop_signal);
    }
    Record::remove(folder)?;
    Ok(left.first().map(|process| {
        format!(
            "stopped a {name} (process {}) that process {} left running in {}",
            process.pid,
            record.owner,
            folder.display()
        )
    }))
}

/// Stops a server that has no owner any more: asks, waits, kills.
pub(crate) fn stop_orphan(pid: u32, stop_signal: &str) {
    let Some(orphan) = ProcessId::of(pid) else {
        return;
    };
    process::signal(stop_signal, &[pid]);
    if !orphan.wait_gone(STOP_PATIENCE) {
        process::signal("KILL", &process::tree(pid));
        let _killed = orphan.wait_gone(STOP_PATIENCE);
    }
}
