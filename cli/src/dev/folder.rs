//! The data folder of `impresario dev`: `./.impresario`, owned by one process at a time.
//!
//! The owner holds a lock, which the system releases however the owner ends; the file beside it only says who
//! and where, and is believed only while the lock is held.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::exit::{Code, coded};

/// Where data are kept when nothing else is said.
pub(super) const DEFAULT: &str = ".impresario";

/// A claimed folder; the claim ends when this is dropped.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    _lock: File,
}

/// What the owner tells about itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) url: String,
    /// Where the private Postgres really keeps its data: elsewhere when its account cannot enter the folder.
    pub(super) postgres: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
struct Note {
    pid: u32,
    running: bool,
    #[serde(flatten)]
    known: Known,
}

impl DataFolder {
    /// Claims a folder, making it when it is not there.
    pub(super) fn claim(path: &Path) -> anyhow::Result<DataFolder> {
        let doing = || format!("make the data folder {}", path.display());
        fs::create_dir_all(path).with_context(doing)?;
        let path = fs::canonicalize(path).with_context(doing)?;
        let file = path.join("dev.lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&file)
            .with_context(|| format!("open {}", file.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(DataFolder { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(taken(&path)),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("lock {}", file.display()))
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the last owner told.
    pub(super) fn known(&self) -> Option<Known> {
        note(&self.path).map(|note| note.known)
    }

    /// Tells others who and where we are.
    pub(super) fn tell(&self, known: &Known) -> anyhow::Result<()> {
        self.write(&Note {
            pid: std::process::id(),
            running: true,
            known: known.clone(),
        })
    }

    /// Says that nobody runs here any more; where Postgres's data are stays known.
    pub(super) fn forget(&self) {
        if let Some(known) = self.known() {
            // The lock tells the truth anyway.
            drop(self.write(&Note {
                pid: std::process::id(),
                running: false,
                known,
            }));
        }
    }

    fn write(&self, note: &Note) -> anyhow::Result<()> {
        let file = self.path.join("dev.json");
        fs::write(&file, serde_json::to_vec_pretty(note)?)
            .with_context(|| format!("write {}", file.display()))
    }
}

fn note(path: &Path) -> Option<Note> {
    serde_json::from_slice(&fs::read(path.join("dev.json")).ok()?).ok()
}

fn taken(path: &Path) -> anyhow::Error {
    let folder = path.display();
    let text = match note(path).filter(|note| note.running) {
        Some(note) => format!(
            "one is already running in {folder}\n  | process {}, {}\n  fix: use that one, stop it with `kill {}`, or take another folder with --data-dir",
            note.pid, note.known.url, note.pid
        ),
        None => format!(
            "one is just starting in {folder}\n  fix: wait for it, or take another folder with --data-dir"
        ),
    };
    coded(Code::Conflict, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner_and_the_second_is_told_who() {
        let path = std::env::temp_dir().join(format!("impresario-folder-{}", std::process::id()));
        let folder = DataFolder::claim(&path).unwrap();
        folder
            .tell(&Known {
                url: "http://127.0.0.1:1".to_owned(),
                postgres: None,
            })
            .unwrap();
        let refused = DataFolder::claim(&path).unwrap_err();
        assert_eq!(crate::exit::code_of(&refused), Code::Conflict);
        assert!(
            refused.to_string().contains("http://127.0.0.1:1"),
            "{refused}"
        );
        folder.forget();
        drop(folder);
        assert!(DataFolder::claim(&path).is_ok());
        fs::remove_dir_all(&path).unwrap();
    }
}
