//! One of our own programs as a child process: an orchestrator or a worker that a demo, a measurement or a crash
//! test starts, kills and starts again. It ends with us, like the servers.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::daemon::Daemon;
use crate::error::Error;
use crate::guardian::Guardian;

/// An orderly end includes draining the work in hand.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// A running child process. Dropping it stops it.
#[derive(Debug)]
pub struct Program {
    daemon: Daemon,
    log: PathBuf,
    _guardian: Guardian,
}

impl Program {
    /// Starts a program with its output in `log`. SIGTERM asks it to stop.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(name: &str, command: Command, log: &Path) -> Result<Self, Error> {
        let daemon = Daemon::spawn(name, command, log, "TERM", STOP_PATIENCE)?;
        let guardian = Guardian::watch(&[&daemon], None)?;
        Ok(Self {
            daemon,
            log: log.to_owned(),
            _guardian: guardian,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.daemon.id().pid
    }

    /// Waits until `ready` holds; a program that ends before, or takes longer, is an error with its log.
    ///
    /// # Errors
    /// When it ended or was not ready in time.
    pub fn wait_ready(
        &mut self,
        patience: Duration,
        ready: impl FnMut() -> bool,
    ) -> Result<(), Error> {
        self.daemon.wait_ready(&self.log, patience, ready)
    }

    /// Fails, with its log, when the program has ended by itself.
    ///
    /// # Errors
    /// When it has ended.
    pub fn must_run(&mut self) -> Result<(), Error> {
        self.daemon.must_run(&self.log)
    }

    /// Asks it to stop, and waits.
    ///
    /// # Errors
    /// When it had to be killed.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.daemon.stop()
    }

    /// Kills it and all its children without a warning.
    pub fn kill9(&mut self) {
        self.daemon.kill9();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _nobody_left_to_tell = self.daemon.stop();
    }
}
