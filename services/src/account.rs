//! Under which account a server runs.
//!
//! Postgres refuses to run as root. When we are root (containers, CI) it is started as `postgres`, or `nobody`,
//! by `setpriv`, and its data folder is given to that account. Everyone else runs it as themselves.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// The account of a server that must not be root.
#[derive(Debug, Clone)]
pub(crate) enum Account {
    /// We are not root: as ourselves.
    Own,
    /// We are root: dropped to this user and group.
    Dropped { name: String, uid: u32, gid: u32 },
}

impl Account {
    /// Finds an account for a server that refuses root.
    pub(crate) fn unprivileged() -> Result<Self, Error> {
        if !is_root() {
            return Ok(Self::Own);
        }
        let users = fs::read_to_string("/etc/passwd")
            .map_err(|e| Error::io("read", Path::new("/etc/passwd"), &e))?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| in_passwd(&users, name))
            .ok_or_else(|| {
                Error::new(
                    "Postgres refuses to run as root and there is no user `postgres` or `nobody`",
                )
                .fix("run this as an ordinary user")
            })
    }

    /// A command that runs a program under this account.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        match self {
            Self::Own => Command::new(program),
            Self::Dropped { uid, gid, .. } => {
                let mut command = Command::new("setpriv");
                command
                    .arg(format!("--reuid={uid}"))
                    .arg(format!("--regid={gid}"));
                command.args(["--clear-groups", "--"]).arg(program);
                command
            }
        }
    }

    /// Gives a folder and all in it to the account, when it is not its own already.
    pub(crate) fn own(&self, path: &Path) -> Result<(), Error> {
        let Self::Dropped { uid, gid, .. } = self else {
            return Ok(());
        };
        let meta = fs::symlink_metadata(path).map_err(|e| Error::io("look at", path, &e))?;
        if meta.uid() == *uid {
            return Ok(());
        }
        chown(path, Some(*uid), Some(*gid))
            .map_err(|e| Error::io("change the owner of", path, &e))?;
        if !meta.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(path).map_err(|e| Error::io("list", path, &e))? {
            self.own(&entry.map_err(|e| Error::io("list", path, &e))?.path())?;
        }
        Ok(())
    }

    /// Where the data can really live: an account that we dropped to cannot enter, say, `/root`.
    /// Then a folder below /var/tmp is used, always the same one for the same wish.
    pub(crate) fn reachable(&self, wanted: &Path) -> PathBuf {
        let Self::Dropped { uid, .. } = self else {
            return wanted.to_owned();
        };
        let may_enter = |folder: &Path| {
            fs::metadata(folder)
                .is_ok_and(|meta| meta.uid() == *uid || meta.permissions().mode() & 0o001 == 0o001)
        };
        let existing = wanted
            .ancestors()
            .find_map(|folder| folder.canonicalize().ok());
        if existing.is_some_and(|folder| folder.ancestors().all(may_enter)) {
            return wanted.to_owned();
        }
        let name = format!(
            "impresario-{:016x}",
            fnv1a(wanted.as_os_str().as_encoded_bytes())
        );
        Path::new("/var/tmp").join(name)
    }

    /// For messages: `as postgres`, or nothing.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Own => None,
            Self::Dropped { name, .. } => Some(name),
        }
    }
}

fn is_root() -> bool {
    let printed = Command::new("id").arg("-u").output();
    printed.is_ok_and(|id| String::from_utf8_lossy(&id.stdout).trim() == "0")
}

fn in_passwd(users: &str, wanted: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| *name == wanted)?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account::Dropped {
            name: name.to_owned(),
            uid,
            gid,
        })
    })
}

/// A hash that is the same in every build, for a folder's name; nothing secret hangs on it.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name_only() {
        let users = "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104:,,,:/var/lib:/bin/bash\n";
        let Some(Account::Dropped { name, uid, gid }) = in_passwd(users, "postgres") else {
            panic!("postgres is in the list");
        };
        assert_eq!((name.as_str(), uid, gid), ("postgres", 101, 104));
        assert!(in_passwd(users, "post").is_none());
    }
}
