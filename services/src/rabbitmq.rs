//! A private RabbitMQ: its own node, port mapper, cookie and data, so that nothing system-wide is touched.
//!
//! Two processes: `epmd`, Erlang's port mapper, on a port of its own, and the broker. Both listen on loopback only.
//! The node's name is always `impresario@localhost`: RabbitMQ ties its data to that name, and since every private
//! node asks its own port mapper, equal names never meet. Members of a [`Cluster`] share one mapper, and have numbers.

mod cluster;
mod files;

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
pub use cluster::Cluster;
use cluster::Member;
use files::{Files, Ports};

/// A cold start takes about seven seconds on two busy cores.
const START_PATIENCE: Duration = Duration::from_secs(120);
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// The name of a node that is alone.
const ALONE: &str = "impresario@localhost";

/// How a private RabbitMQ is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it lives.
    pub folder: Folder,
    /// Its AMQP port on 127.0.0.1; 0 picks a free one.
    pub port: u16,
    /// Further lines for `rabbitmq.conf`.
    pub settings: Vec<String>,
    /// Plugins to start with, for example `rabbitmq_prometheus`.
    pub plugins: Vec<&'static str>,
    /// Its place in a cluster.
    member: Option<Member>,
}

impl Options {
    /// The usual: a free port and the server's own defaults.
    #[must_use]
    pub fn at(folder: Folder) -> Self {
        Self {
            folder,
            port: 0,
            settings: Vec::new(),
            plugins: Vec::new(),
            member: None,
        }
    }
}

/// A running private RabbitMQ. Dropping it stops it.
#[derive(Debug)]
pub struct RabbitMq {
    bin: PathBuf,
    epmd: PathBuf,
    settings: Vec<String>,
    plugins: Vec<&'static str>,
    member: Option<Member>,
    port: u16,
    supervisor: Supervisor,
}

impl RabbitMq {
    /// Whether the server is installed, and where.
    #[must_use]
    pub fn installed() -> Option<PathBuf> {
        binaries::epmd()
            .and_then(|_| binaries::rabbitmq_folder())
            .ok()
    }

    /// Starts a server; it takes several seconds, see `start_in_background`.
    ///
    /// # Errors
    /// When it is not installed or does not come up.
    pub fn start(options: Options) -> Result<Self, Error> {
        let (bin, epmd) = (binaries::rabbitmq_folder()?, binaries::epmd()?);
        let supervisor = Supervisor::claim("RabbitMQ", options.folder.create()?, "TERM")?;
        let borrowed = supervisor.borrowed_port();
        let port = borrowed.unwrap_or(options.port);
        let mut rabbit = Self {
            bin,
            epmd,
            settings: options.settings,
            plugins: options.plugins,
            member: options.member,
            port,
            supervisor,
        };
        if borrowed.is_none() {
            rabbit.run()?;
        }
        Ok(rabbit)
    }

    /// Starts a server with a folder that vanishes with it.
    ///
    /// # Errors
    /// As `start`.
    pub fn temporary() -> Result<Self, Error> {
        Self::start(Options::at(Folder::temporary("rabbitmq")))
    }

    /// Starts a server while the caller does something else.
    #[must_use]
    pub fn start_in_background(options: Options) -> Starting<Self> {
        Starting::begin("RabbitMQ", || Self::start(options))
    }

    /// The URL of the default virtual host.
    #[must_use]
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Its AMQP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process ids while it runs: the broker, then its port mapper.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.supervisor.pids()
    }

    /// What the user should know: a server borrowed or cleaned up.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        self.supervisor.notes()
    }

    /// Where the server writes what it has to say.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.files().log()
    }

    /// A command for `rabbitmqctl` (or a sister of it) on this node.
    ///
    /// # Errors
    /// When the node's files are not readable.
    pub fn ctl(&self) -> Result<Command, Error> {
        let files = self.files();
        let ports = files.read_ports()?;
        let mut ctl = Command::new(self.bin.join("rabbitmqctl"));
        files.environment(&mut ctl, ports);
        Ok(ctl)
    }

    /// Stops the broker in order, then its port mapper. A borrowed server is left alone.
    ///
    /// # Errors
    /// When something had to be killed.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.supervisor.stop()
    }

    /// Kills the broker and its port mapper without a warning.
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

    fn files(&self) -> Files {
        let node = self.member.as_ref().map_or(ALONE.to_owned(), Member::node);
        Files::below(self.supervisor.folder().path(), &node)
    }

    fn run(&mut self) -> Result<(), Error> {
        let files = self.files();
        files.write(&self.settings, &self.plugins)?;
        let shared = self.member.as_ref().map(|member| member.mapper);
        if let Some(member) = &self.member {
            files.write_cookie(&member.cookie)?;
        }
        let (epmd, server) = (&self.epmd, self.bin.join("rabbitmq-server"));
        let log = files.log();
        let manners = |name, stop_patience| Manners {
            name,
            log: &log,
            stop_signal: "TERM",
            stop_patience,
        };
        self.port = self.supervisor.on_port(self.port, |supervisor, port| {
            let ports = Ports {
                amqp: port,
                mapper: shared.map_or_else(port::free, Ok)?,
                node: port::free()?,
            };
            files.write_ports(ports)?;

            if shared.is_none() {
                let mut mapper = Command::new(epmd);
                files.environment(&mut mapper, ports);
                let mapper = supervisor.spawn(mapper, manners("epmd", Duration::from_secs(5)))?;
                mapper.wait_ready(&log, START_PATIENCE, || port::connect(ports.mapper).is_ok())?;
            }

            let mut broker = Command::new(&server);
            files.environment(&mut broker, ports);
            let broker = supervisor.spawn(broker, manners("RabbitMQ", STOP_PATIENCE))?;
            broker.wait_ready(&log, START_PATIENCE, || answers(port))
        })?;
        Ok(())
    }
}

/// The port opens before the broker has booted: it is up when it greets a client as AMQP 0-9-1 says.
fn answers(port: u16) -> bool {
    let greet = || -> std::io::Result<[u8; 1]> {
        let mut stream = port::connect(port)?;
        stream.write_all(b"AMQP\x00\x00\x09\x01")?;
        let mut frame_kind = [0; 1];
        stream.read_exact(&mut frame_kind)?;
        Ok(frame_kind)
    };
    // A method frame is of kind 1: Connection.Start.
    greet().is_ok_and(|kind| kind == [1])
}
