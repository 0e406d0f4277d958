//! What the servers have in common: the claim on a folder, the processes in it, and their end.
//!
//! A supervisor owns its processes or has merely borrowed a running server. A borrowed one is never stopped here:
//! `stop` leaves it alone, and the crash-test verbs refuse.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::claim::{self, Claim};
use crate::daemon::Daemon;
use crate::error::Error;
use crate::folder::Folder;
use crate::guardian::Guardian;
use crate::port;
use crate::record::Record;

/// The processes of one private server.
#[derive(Debug)]
pub(crate) struct Supervisor {
    name: &'static str,
    folder: Folder,
    ownership: Ownership,
    /// In the order in which they were started; stopped in reverse.
    daemons: Vec<Daemon>,
    guardian: Option<Guardian>,
    notes: Vec<String>,
}

#[derive(Debug)]
enum Ownership {
    Ours { _lock: File },
    Borrowed { record: Record },
}

/// How a process is started and asked to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manners<'a> {
    pub(crate) name: &'static str,
    pub(crate) log: &'a Path,
    pub(crate) stop_signal: &'static str,
    pub(crate) stop_patience: Duration,
}

impl Supervisor {
    /// Takes the folder, or finds the server of another process in it.
    pub(crate) fn claim(
        name: &'static str,
        folder: Folder,
        stop_signal: &str,
    ) -> Result<Self, Error> {
        let (ownership, note) = match claim::claim(folder.path(), name, stop_signal)? {
            Claim::Ours { lock, note } => (Ownership::Ours { _lock: lock }, note),
            Claim::Borrowed { record, note } => (Ownership::Borrowed { record }, Some(note)),
        };
        let notes = note.into_iter().collect();
        Ok(Self {
            name,
            folder,
            ownership,
            daemons: Vec::new(),
            guardian: None,
            notes,
        })
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// The port of a server that another process runs.
    pub(crate) fn borrowed_port(&self) -> Option<u16> {
        match &self.ownership {
            Ownership::Ours { .. } => None,
            Ownership::Borrowed { record } => Some(record.port),
        }
    }

    /// The process ids, the server proper first.
    pub(crate) fn pids(&self) -> Vec<u32> {
        match &self.ownership {
            Ownership::Ours { .. } => self.daemons.iter().rev().map(|d| d.id().pid).collect(),
            Ownership::Borrowed { record } => record.processes.iter().map(|p| p.pid).collect(),
        }
    }

    /// Starts a process under watch.
    pub(crate) fn spawn(
        &mut self,
        command: Command,
        manners: Manners<'_>,
    ) -> Result<&mut Daemon, Error> {
        let Manners {
            name,
            log,
            stop_signal,
            stop_patience,
        } = manners;
        let daemon = Daemon::spawn(name, command, log, stop_signal, stop_patience)?;
        self.daemons.push(daemon);
        let watched: Vec<&Daemon> = self.daemons.iter().rev().collect();
        self.guardian = Some(Guardian::watch(&watched, Some(&self.folder))?);
        self.daemons
            .last_mut()
            .ok_or_else(|| Error::new(format!("{name} was not kept")))
    }

    /// Writes down what is up, for those who come later.
    pub(crate) fn up(&self, port: u16) -> Result<(), Error> {
        let processes = self
            .daemons
            .iter()
            .rev()
            .map(|daemon| daemon.id().clone())
            .collect();
        Record {
            owner: std::process::id(),
            port,
            processes,
        }
        .write(self.folder.path())
    }

    /// Stops all processes in order. Every one is stopped, whatever becomes of the others.
    pub(crate) fn stop(&mut self) -> Result<(), Error> {
        let mut outcome = Ok(());
        while let Some(mut daemon) = self.daemons.pop() {
            outcome = outcome.and(daemon.stop());
        }
        outcome.and(self.settle())
    }

    /// Kills all processes without a warning.
    pub(crate) fn kill9(&mut self) -> Result<(), Error> {
        self.must_be_ours()?;
        while let Some(mut daemon) = self.daemons.pop() {
            daemon.kill9();
        }
        self.settle()
    }

    /// Nothing runs any more: no watch and no record.
    fn settle(&mut self) -> Result<(), Error> {
        self.guardian = None;
        match &self.ownership {
            Ownership::Ours { .. } => Record::remove(self.folder.path()),
            Ownership::Borrowed { .. } => Ok(()),
        }
    }

    pub(crate) fn must_be_ours(&self) -> Result<(), Error> {
        match &self.ownership {
            Ownership::Ours { .. } => Ok(()),
            Ownership::Borrowed { record } => Err(Error::new(format!(
                "the {} in {} belongs to process {} and is not ours to stop",
                self.name,
                self.folder.path().display(),
                record.owner
            ))),
        }
    }

    /// Runs `start` on a port. Another program may take a free port between our look and its use, so it is tried up to
    /// three times: with 0 on other ports, and otherwise because a server may have further ports that it picks itself.
    pub(crate) fn on_port(
        &mut self,
        wanted: u16,
        mut start: impl FnMut(&mut Self, u16) -> Result<(), Error>,
    ) -> Result<u16, Error> {
        let mut tries = 3;
        loop {
            let port = port::pick(wanted)?;
            tries -= 1;
            match start(self, port).and_then(|()| self.up(port)) {
                Ok(()) => return Ok(port),
                Err(error) => {
                    // The other processes of a server that did not come up must not stay.
                    let _first_error_counts = self.kill9();
                    if tries == 0 || !lost_the_port(&error) {
                        return Err(error);
                    }
                }
            }
        }
    }
}

/// Words of Postgres, Erlang, Redis and Java for a port that is taken.
fn lost_the_port(error: &Error) -> bool {
    let text = error.to_string().to_lowercase();
    [
        "already in use",
        // The port of Erlang's distribution, in the words of RabbitMQ.
        "port_already_used",
        "eaddrinuse",
        "could not bind",
        "failed to bind",
    ]
    .iter()
    .any(|words| text.contains(words))
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if matches!(self.ownership, Ownership::Borrowed { .. }) {
            return;
        }
        // Nobody needs the data of a temporary folder: no orderly stop.
        let _nobody_left_to_tell = if self.folder.is_temporary() {
            self.kill9()
        } else {
            self.stop()
        };
        self.folder.remove_if_temporary();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_another_program_took_is_told_from_other_trouble() {
        let taken = [
            "FATAL:  could not bind IPv4 address \"127.0.0.1\": Address already in use",
            "{failed_to_start_child,prelaunch,{dist_port_already_used,36257,not_erlang,\"localhost\"}}",
            "Failed to start TCP listener: eaddrinuse",
        ];
        for words in taken {
            assert!(lost_the_port(&Error::new(words)), "{words}");
        }
        assert!(!lost_the_port(&Error::new("No space left on device")));
    }
}
