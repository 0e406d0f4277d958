//! A private PostgreSQL: durable like a real one, listening on loopback only, with data in one folder.
//!
//! `fsync` and `synchronous_commit` stay on: what is tried here about durability must be true in production.
//! `kill9` and `restart` are for crash tests: everything that was committed is there again. `base_backup` and
//! `go_back_to` are for tests of a lost tail: what was committed last is gone. With a `synchronous_standby` it is not.

mod backup;
mod cluster;
mod standby;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::account::Account;
use crate::background::Starting;
use crate::binaries;
use crate::claim;
use crate::error::Error;
use crate::folder::Folder;
use crate::supervisor::{Manners, Supervisor};
pub use backup::Backup;
use cluster::Cluster;

/// Recovery after a crash is part of a start, and syncs every file first: hence more than the usual half second, and
/// minutes on a disk that others are busy with.
const START_PATIENCE: Duration = Duration::from_secs(180);
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// SIGINT is Postgres's fast shutdown: it breaks off the sessions and writes a checkpoint.
const FAST_SHUTDOWN: &str = "INT";

/// How a private Postgres is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it lives.
    pub folder: Folder,
    /// Its port on 127.0.0.1; 0 picks a free one.
    pub port: u16,
    /// Room for a test run with several pools at once; the server's own default is 100.
    pub max_connections: u16,
    /// Further settings, `name` and `value`, as in `postgresql.conf`.
    pub settings: Vec<(String, String)>,
}

impl Options {
    /// The usual: a free port and 200 connections.
    #[must_use]
    pub fn at(folder: Folder) -> Self {
        Self {
            folder,
            port: 0,
            max_connections: 200,
            settings: Vec::new(),
        }
    }
}

/// A running private PostgreSQL. Dropping it stops it.
#[derive(Debug)]
pub struct Postgres {
    options: Options,
    account: Account,
    cluster: Cluster,
    port: u16,
    supervisor: Supervisor,
}

impl Postgres {
    /// Whether the server is installed, and where.
    #[must_use]
    pub fn installed() -> Option<PathBuf> {
        binaries::postgres_folders().into_iter().next()
    }

    /// Starts a server, making its cluster when the folder has none.
    ///
    /// # Errors
    /// When the binaries are missing or do not fit the data, or the server does not come up.
    pub fn start(mut options: Options) -> Result<Self, Error> {
        let account = Account::unprivileged()?;
        let wanted = options.folder.absolute()?;
        let place = wanted.moved(account.reachable(wanted.path()));
        options.folder = place.create()?;
        let folder = options.folder.clone();
        let mut supervisor = Supervisor::claim("Postgres", folder, FAST_SHUTDOWN)?;
        if place.path() != wanted.path() {
            supervisor.note(format!(
                "Postgres data are in {}: the account it runs under cannot enter {}",
                place.path().display(),
                wanted.path().display()
            ));
        }
        let cluster = Cluster::open_or_make(&options.folder, &account)?;
        let borrowed = supervisor.borrowed_port();
        let port = borrowed.unwrap_or(options.port);
        let mut postgres = Self {
            options,
            account,
            cluster,
            port,
            supervisor,
        };
        if borrowed.is_none() {
            postgres.stop_unrecorded();
            postgres.run()?;
        }
        Ok(postgres)
    }

    /// Starts a server with fresh data that vanish with it.
    ///
    /// # Errors
    /// As `start`.
    pub fn temporary() -> Result<Self, Error> {
        Self::start(Options::at(Folder::temporary("postgres")))
    }

    /// Starts a server while the caller does something else.
    #[must_use]
    pub fn start_in_background(options: Options) -> Starting<Self> {
        Starting::begin("Postgres", || Self::start(options))
    }

    /// The URL of a database on this server.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the user should know: data elsewhere, a server borrowed or cleaned up.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        self.supervisor.notes()
    }

    /// The postmaster's process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.supervisor.pids().first().copied()
    }

    /// The folder of its client programs, `psql` among them.
    #[must_use]
    pub fn bin(&self) -> &Path {
        &self.cluster.bin
    }

    /// Where the server writes what it has to say.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.options.folder.path().join("postgres.log")
    }

    /// A command for `psql` on a database: no start-up file, stop at the first error, bare output.
    #[must_use]
    pub fn psql(&self, database: &str) -> Command {
        let mut psql = Command::new(self.cluster.bin.join("psql"));
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .arg(self.url(database));
        psql
    }

    /// Makes a database, unless it is there.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn create_database(&self, name: &str) -> Result<(), Error> {
        let quoted = name.replace('"', "\"\"");
        let mut psql = self.psql("postgres");
        psql.args(["-c", &format!("create database \"{quoted}\"")]);
        let made = psql
            .output()
            .map_err(|e| Error::new(format!("could not run psql to create {name}: {e}")))?;
        let said = String::from_utf8_lossy(&made.stderr);
        if made.status.success() || said.contains("already exists") {
            return Ok(());
        }
        Err(Error::new(format!("could not create the database {name}")).output(&made.stderr))
    }

    /// Stops it: sessions are broken off, data are complete on disk. A borrowed server is left alone.
    ///
    /// # Errors
    /// When it had to be killed.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.supervisor.stop()
    }

    /// Kills the postmaster and its children without a warning, as a power cut would.
    ///
    /// # Errors
    /// When the server is only borrowed.
    pub fn kill9(&mut self) -> Result<(), Error> {
        self.supervisor.kill9()
    }

    /// Starts it again on the same port and data, stopping it first when it runs.
    ///
    /// # Errors
    /// When the server is only borrowed or does not come up.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.supervisor.must_be_ours()?;
        self.stop()?;
        self.run()
    }

    /// A server of these data that is in no record: its owner died between starting it and writing it down.
    fn stop_unrecorded(&mut self) {
        let Some(pid) = self.cluster.serving() else {
            return;
        };
        self.supervisor.note(format!(
            "stopped a Postgres (process {pid}) that nobody owned"
        ));
        claim::stop_orphan(pid, FAST_SHUTDOWN);
    }

    fn run(&mut self) -> Result<(), Error> {
        let log = self.log();
        let pid_file = self.cluster.data.join("postmaster.pid");
        let commands = Commands {
            options: &self.options,
            account: &self.account,
            cluster: &self.cluster,
        };
        self.port = self.supervisor.on_port(self.port, |supervisor, port| {
            let server = supervisor.spawn(
                commands.serve(port),
                Manners {
                    name: "Postgres",
                    log: &log,
                    stop_signal: FAST_SHUTDOWN,
                    stop_patience: STOP_PATIENCE,
                },
            )?;
            let pid = server.id().pid;
            server.wait_ready(&log, START_PATIENCE, || is_ready(&pid_file, pid))
        })?;
        Ok(())
    }
}

/// What the server's command line is made of.
struct Commands<'a> {
    options: &'a Options,
    account: &'a Account,
    cluster: &'a Cluster,
}

impl Commands<'_> {
    fn serve(&self, port: u16) -> Command {
        let mut command = self.account.command(self.cluster.bin.join("postgres"));
        command
            .arg("-D")
            .arg(&self.cluster.data)
            .current_dir(&self.cluster.data);
        let mut set = |name: &str, value: &str| {
            command.arg("-c").arg(format!("{name}={value}"));
        };
        set("listen_addresses", "127.0.0.1");
        set("port", &port.to_string());
        // No unix socket: its path has a length limit that a deep folder breaks, and one way in is enough.
        set("unix_socket_directories", "");
        set("max_connections", &self.options.max_connections.to_string());
        set("fsync", "on");
        set("synchronous_commit", "on");
        set("timezone", "UTC");
        set("log_timezone", "UTC");
        for (name, value) in &self.options.settings {
            set(name, value);
        }
        command
    }
}

/// Postgres writes its state into the eighth line of its pid file, for just this question. The first line is its
/// process id: a file that a killed server left says "ready" too.
fn is_ready(pid_file: &Path, pid: u32) -> bool {
    let Ok(text) = fs::read_to_string(pid_file) else {
        return false;
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.first() == Some(&pid.to_string().as_str()) && lines.get(7) == Some(&"ready")
}
