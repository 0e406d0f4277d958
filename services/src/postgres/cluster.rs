//! The data of a private Postgres: finding the binaries that fit it, and making it when it is not there.
//!
//! A cluster is made under another name and renamed when complete, so that an interrupted `initdb` leaves nothing
//! that looks like a cluster. Trust authentication is safe here only because the server listens on loopback and
//! on nothing else; a local user of the machine can connect, which is why this is for development and tests.

use std::fs;
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::binaries;
use crate::error::Error;
use crate::folder::Folder;
use crate::process;

/// A complete cluster and the binaries that can serve it.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) data: PathBuf,
    pub(crate) bin: PathBuf,
}

impl Cluster {
    /// Opens the cluster in a folder, or makes one.
    pub(crate) fn open_or_make(folder: &Folder, account: &Account) -> Result<Self, Error> {
        let data = folder.path().join("data");
        if data.join("PG_VERSION").is_file() {
            account.own(&data)?;
            let bin = fitting_binaries(&data)?;
            return Ok(Self { data, bin });
        }
        let bin = binaries::postgres_folders()
            .into_iter()
            .next()
            .ok_or_else(|| binaries::missing("PostgreSQL (initdb, postgres)", "postgresql"))?;
        make(folder, &bin, &data, account)?;
        Ok(Self { data, bin })
    }

    /// The process that serves these data, going by Postgres's own pid file. The number may long belong to another
    /// program, so its command line must name the data.
    pub(crate) fn serving(&self) -> Option<u32> {
        let text = fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        let pid = text.lines().next()?.trim().parse().ok()?;
        let line = process::command_line(pid)?;
        line.contains(self.data.to_str()?).then_some(pid)
    }
}

/// A cluster is only read by the major version that made it.
fn fitting_binaries(data: &Path) -> Result<PathBuf, Error> {
    let file = data.join("PG_VERSION");
    let version = fs::read_to_string(&file).map_err(|e| Error::io("read", &file, &e))?;
    let version = version.trim();
    let installed = binaries::postgres_folders();
    installed
        .iter()
        .find(|bin| binaries::postgres_major(bin).as_deref() == Some(version))
        .cloned()
        .ok_or_else(|| {
            let have: Vec<String> = installed
                .iter()
                .filter_map(|bin| binaries::postgres_major(bin))
                .collect();
            Error::new(format!(
                "the data in {} were made by PostgreSQL {version}; installed: {}",
                data.display(),
                if have.is_empty() {
                    "none".to_owned()
                } else {
                    have.join(", ")
                }
            ))
            .fix(format!(
                "install postgresql-{version}, or drop the data: rm -r {}",
                data.display()
            ))
        })
}

fn make(folder: &Folder, bin: &Path, data: &Path, account: &Account) -> Result<(), Error> {
    let fresh = folder.path().join("data.new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)
            .map_err(|e| Error::io("remove the unfinished cluster", &fresh, &e))?;
    }
    fs::create_dir(&fresh).map_err(|e| Error::io("create", &fresh, &e))?;
    account.own(&fresh)?;
    // Sorting by code point: the same on every machine. macOS before 15 has no C.UTF-8, but C sorts alike.
    let locale = if cfg!(target_os = "macos") {
        "--locale=C"
    } else {
        "--locale=C.UTF-8"
    };
    let mut initdb = account.command(bin.join("initdb"));
    initdb.args([
        "--encoding=UTF8",
        locale,
        "--auth=trust",
        "--username=postgres",
    ]);
    if folder.is_temporary() {
        // Only the making is unsynced; the server that runs on it syncs every commit.
        initdb.arg("--no-sync");
    }
    initdb
        .arg("--pgdata")
        .arg(&fresh)
        .current_dir(&fresh)
        .env("HOME", &fresh);
    initdb.env_remove("LC_ALL").env_remove("LANG");
    let made = initdb
        .output()
        .map_err(|e| Error::new(format!("could not run initdb with {initdb:?}: {e}")))?;
    if !made.status.success() {
        let printed = [made.stdout, made.stderr].concat();
        let who = account
            .name()
            .map_or_else(String::new, |name| format!(" as {name}"));
        return Err(Error::new(format!(
            "initdb{who} failed in {}: {}",
            fresh.display(),
            made.status
        ))
        .output(&printed)
        .fix("free some disk, or choose a folder that this account can enter"));
    }
    fs::rename(&fresh, data).map_err(|e| Error::io("rename the finished cluster to", data, &e))
}
