//! A private Redis on loopback. In Impresario it only makes things faster, so its data are never precious; the
//! append-only file is on all the same, so that a restart behaves like a real one's. Six of them make a `cluster`.

pub mod cluster;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::background::Starting;
use crate::binaries;
use crate::error::Error;
use crate::folder::Folder;
use crate::port;
use crate::supervisor::{Manners, Supervisor};

const START_PATIENCE: Duration = Duration::from_secs(20);
const STOP_PATIENCE: Duration = Duration::from_secs(10);
/// A member that is silent for so long is gone for the others: long enough for a busy machine, short enough for a test.
const MEMBER_TIMEOUT_MS: &str = "2000";

/// How a private Redis is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it lives.
    pub folder: Folder,
    /// Its port on 127.0.0.1; 0 picks a free one.
    pub port: u16,
    /// Whether it is to be a member of a cluster; it has no slots before the cluster is made.
    pub member: bool,
}

impl Options {
    /// The usual: a free port.
    #[must_use]
    pub fn at(folder: Folder) -> Self {
        Self {
            folder,
            port: 0,
            member: false,
        }
    }
}

/// A running private Redis. Dropping it stops it.
#[derive(Debug)]
pub struct Redis {
    binary: PathBuf,
    port: u16,
    /// Where the other members of its cluster speak to it: not 10,000 above, which may be somebody's connection.
    bus: Option<u16>,
    supervisor: Supervisor,
}

impl Redis {
    /// Whether the server is installed, and where.
    #[must_use]
    pub fn installed() -> Option<PathBuf> {
        binaries::redis().ok()
    }

    /// Starts a server.
    ///
    /// # Errors
    /// When it is not installed or does not come up.
    pub fn start(options: Options) -> Result<Self, Error> {
        let binary = binaries::redis()?;
        let supervisor = Supervisor::claim("Redis", options.folder.create()?, "TERM")?;
        let borrowed = supervisor.borrowed_port();
        let port = borrowed.unwrap_or(options.port);
        let mut redis = Self {
            binary,
            port,
            bus: if options.member {
                Some(port::free()?)
            } else {
                None
            },
            supervisor,
        };
        if borrowed.is_none() {
            redis.run()?;
        }
        Ok(redis)
    }

    /// Starts a server with a folder that vanishes with it.
    ///
    /// # Errors
    /// As `start`.
    pub fn temporary() -> Result<Self, Error> {
        Self::start(Options::at(Folder::temporary("redis")))
    }

    /// Starts a server while the caller does something else.
    #[must_use]
    pub fn start_in_background(options: Options) -> Starting<Self> {
        Starting::begin("Redis", || Self::start(options))
    }

    /// The URL for clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.supervisor.pids().first().copied()
    }

    /// What the user should know: a server borrowed or cleaned up.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        self.supervisor.notes()
    }

    /// Stops it in order. A borrowed server is left alone.
    ///
    /// # Errors
    /// When it had to be killed.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.supervisor.stop()
    }

    /// Kills it without a warning.
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

    fn run(&mut self) -> Result<(), Error> {
        let binary = &self.binary;
        let folder = self.supervisor.folder().path().to_owned();
        let log = folder.join("redis.log");
        let bus = self.bus.map(|bus| bus.to_string());
        self.port = self.supervisor.on_port(self.port, |supervisor, port| {
            let mut command = Command::new(binary);
            command.args(["--bind", "127.0.0.1", "--port", &port.to_string()]);
            command.args(["--daemonize", "no", "--appendonly", "yes", "--save", ""]);
            if let Some(bus) = &bus {
                command.args(["--cluster-enabled", "yes", "--cluster-port", bus]);
                command.args(["--cluster-node-timeout", MEMBER_TIMEOUT_MS]);
            }
            command.arg("--dir").arg(&folder).current_dir(&folder);
            let server = supervisor.spawn(
                command,
                Manners {
                    name: "Redis",
                    log: &log,
                    stop_signal: "TERM",
                    stop_patience: STOP_PATIENCE,
                },
            )?;
            server.wait_ready(&log, START_PATIENCE, || answers(port))
        })?;
        Ok(())
    }
}

/// While it loads its data Redis answers with an error instead of PONG.
fn answers(port: u16) -> bool {
    let ask = || -> std::io::Result<[u8; 5]> {
        let mut stream = port::connect(port)?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| &answer == b"+PONG")
}
