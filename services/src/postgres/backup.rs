//! A base backup of a private Postgres, and going back to it: what a restore, or a failover to a standby that was
//! behind, does to those who use the server. What was committed after the backup is gone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Postgres;
use crate::error::Error;

/// A complete copy of a server's data at one moment; it lies in the server's folder, and goes with it.
#[derive(Debug)]
pub struct Backup {
    data: PathBuf,
}

impl Backup {
    pub(super) fn data(&self) -> &Path {
        &self.data
    }
}

impl Postgres {
    /// Copies all data while the server works, by `pg_basebackup`, together with the log that makes them whole.
    ///
    /// # Errors
    /// When the server does not give it.
    pub fn base_backup(&self, name: &str) -> Result<Backup, Error> {
        let data = self.options.folder.path().join(format!("backup-{name}"));
        let program = self.cluster.bin.join("pg_basebackup");
        let mut backup = self.account.command(program);
        backup
            .args(["--checkpoint=fast", "--wal-method=stream", "--no-sync"])
            .arg("--dbname")
            .arg(self.url("postgres"))
            .arg("--pgdata")
            .arg(&data)
            .current_dir(&self.cluster.data);
        // Made here: the account may not make a folder beside its own. Postgres wants it to be nobody else's.
        fs::create_dir(&data).map_err(|e| Error::io("create", &data, &e))?;
        let private = fs::Permissions::from_mode(0o700);
        fs::set_permissions(&data, private).map_err(|e| Error::io("protect", &data, &e))?;
        self.account.own(&data)?;
        let taken = backup
            .output()
            .map_err(|e| Error::new(format!("could not run pg_basebackup: {e}")))?;
        if taken.status.success() {
            return Ok(Backup { data });
        }
        Err(Error::new("the base backup failed").output(&taken.stderr))
    }

    /// Ends the server without a warning, drops its data, lets `lay` put others in their place (and beside them, in a
    /// folder whose name ends with `.log`, what they are to replay), and starts on those, on the same port.
    ///
    /// # Errors
    /// When the server is only borrowed or does not come up.
    pub fn start_on(&mut self, lay: impl FnOnce(&Path)) -> Result<(), Error> {
        self.supervisor.must_be_ours()?;
        self.supervisor.kill9()?;
        let data = self.cluster.data.clone();
        fs::remove_dir_all(&data).map_err(|e| Error::io("remove", &data, &e))?;
        lay(&data);
        self.account.own(&data)?;
        let log = data.with_extension("log");
        if log.exists() {
            self.account.own(&log)?;
        }
        self.run()
    }

    /// Puts the data of a backup in place of those that are there, and starts the server on them, on the same port.
    /// The server ends without a warning, as one does whose machine is lost.
    ///
    /// # Errors
    /// When the server is only borrowed or does not come up.
    pub fn go_back_to(&mut self, backup: Backup) -> Result<(), Error> {
        self.supervisor.must_be_ours()?;
        self.supervisor.kill9()?;
        let data = &self.cluster.data;
        fs::remove_dir_all(data).map_err(|e| Error::io("remove", data, &e))?;
        rename(&backup.data, data)?;
        self.run()
    }
}

pub(super) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(|e| Error::io("rename a backup to", to, &e))
}
