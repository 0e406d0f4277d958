//! One server process that we started: its output in a log, an orderly stop, and a kill for crash tests.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::error::Error;
use crate::process::{self, ProcessId};

/// A child process that serves.
#[derive(Debug)]
pub(crate) struct Daemon {
    name: String,
    child: Child,
    id: ProcessId,
    stop_signal: &'static str,
    patience: Duration,
}

impl Daemon {
    /// Starts a server. `stop_signal` asks it to stop, and `patience` is how long that may take.
    pub(crate) fn spawn(
        name: &str,
        mut command: Command,
        log: &Path,
        stop_signal: &'static str,
        patience: Duration,
    ) -> Result<Self, Error> {
        let output = crate::log::open(log)?;
        let errors = output
            .try_clone()
            .map_err(|e| Error::io("open the log", log, &e))?;
        // A group of its own: Ctrl-C in the terminal must not reach it before its clients are done.
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let mut child = command
            .spawn()
            .map_err(|e| Error::new(format!("could not start {name} with {command:?}: {e}")))?;
        let Some(id) = ProcessId::of(child.id()) else {
            let status = child.wait();
            return Err(Error::new(format!("{name} ended at once: {status:?}")).log(log));
        };
        Ok(Self {
            name: name.to_owned(),
            child,
            id,
            stop_signal,
            patience,
        })
    }

    pub(crate) fn id(&self) -> &ProcessId {
        &self.id
    }

    pub(crate) fn stop_signal(&self) -> &'static str {
        self.stop_signal
    }

    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Fails, with its log, when it has ended by itself.
    pub(crate) fn must_run(&mut self, log: &Path) -> Result<(), Error> {
        match self.ended() {
            None => Ok(()),
            Some(status) => Err(Error::new(format!("{} has ended: {status}", self.name)).log(log)),
        }
    }

    /// Waits until `ready` holds. A server that ends before, or never gets ready, is an error with its log.
    pub(crate) fn wait_ready(
        &mut self,
        log: &Path,
        patience: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Result<(), Error> {
        let mut ended = None;
        let settled = process::wait_until(patience, || {
            ended = self.ended();
            ended.is_some() || ready()
        });
        match ended {
            Some(status) => {
                Err(Error::new(format!("{} ended while starting: {status}", self.name)).log(log))
            }
            None if settled => Ok(()),
            None => {
                let seconds = patience.as_secs();
                self.kill9();
                Err(Error::new(format!("{} was not ready after {seconds} s", self.name)).log(log))
            }
        }
    }

    /// Asks it to stop; what does not stop in time is killed, and that is told.
    pub(crate) fn stop(&mut self) -> Result<(), Error> {
        if self.ended().is_some() {
            return Ok(());
        }
        process::signal(self.stop_signal, &[self.id.pid]);
        let stopped = process::wait_until(self.patience, || self.ended().is_some());
        if stopped {
            return Ok(());
        }
        self.kill9();
        Err(Error::new(format!(
            "{} (process {}) did not stop within {} s and was killed",
            self.name,
            self.id.pid,
            self.patience.as_secs()
        )))
    }

    /// Kills it with all that it started, without a warning, and waits until they are gone.
    pub(crate) fn kill9(&mut self) {
        if self.ended().is_some() {
            return;
        }
        let pids = process::tree(self.id.pid);
        let family: Vec<ProcessId> = pids.iter().filter_map(|pid| ProcessId::of(*pid)).collect();
        process::signal("KILL", &pids);
        let _reaped = self.child.wait();
        for process in family {
            let _gone = process.wait_gone(Duration::from_secs(10));
        }
    }
}

impl Drop for Daemon {
    /// Nothing that we started outlives its handle: the orderly way is `stop`.
    fn drop(&mut self) {
        self.kill9();
    }
}
