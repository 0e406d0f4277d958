//! The folder below which a private server keeps everything.
//!
//! A kept folder (for development) survives its server; a temporary one (for tests and measurements) is removed
//! with it, also when the process that made it is killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::Error;

/// Where a server lives, and whether the place outlives it.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    /// Keeps its data: the next start finds them again.
    #[must_use]
    pub fn kept(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            temporary: false,
        }
    }

    /// A fresh folder of its own, removed when the server ends.
    #[must_use]
    pub fn temporary(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let nanos = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.subsec_nanos());
        let unique = format!(
            "impresario-{name}-{}-{}-{nanos:x}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        Self {
            path: std::env::temp_dir().join(unique),
            temporary: true,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn is_temporary(&self) -> bool {
        self.temporary
    }

    pub(crate) fn moved(&self, path: PathBuf) -> Self {
        Self {
            path,
            temporary: self.temporary,
        }
    }

    /// The same place, named from the root.
    pub(crate) fn absolute(&self) -> Result<Self, Error> {
        let path =
            std::path::absolute(&self.path).map_err(|e| Error::io("resolve", &self.path, &e))?;
        Ok(self.moved(path))
    }

    /// Makes it, and makes its path absolute: the servers have other working directories than we do.
    pub(crate) fn create(&self) -> Result<Self, Error> {
        fs::create_dir_all(&self.path).map_err(|e| Error::io("create", &self.path, &e))?;
        let path =
            fs::canonicalize(&self.path).map_err(|e| Error::io("resolve", &self.path, &e))?;
        Ok(self.moved(path))
    }

    /// Removes a temporary folder; what is left behind costs disk, not correctness.
    pub(crate) fn remove_if_temporary(&self) {
        if self.temporary {
            let _disk_only = fs::remove_dir_all(&self.path);
        }
    }
}
