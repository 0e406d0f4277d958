//! A private Kafka: one node that is broker and controller (KRaft), started from its jars with the installed Java.
//!
//! Distributions have no package of it, so Maven fetches it once (`jars.rs`). Not here: what a power cut does. A
//! killed broker loses nothing, because the page cache outlives it.

mod jars;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::background::Starting;
use crate::binaries;
use crate::error::Error;
use crate::folder::Folder;
use crate::port;
use crate::supervisor::{Manners, Supervisor};

const PROPERTIES: &str = include_str!("server.properties");

/// Any 22 characters that are sixteen bytes in base64: private brokers never meet.
const CLUSTER: &str = "aW1wcmVzYXJpby1rYWZrYQ";

/// What the broker says last when it starts: its node is let in and its listeners serve.
const IS_UP: &str = "Kafka Server started";

/// Four seconds on two quiet cores. Java compiles as it starts, so beside compilers and other brokers it takes minutes.
const START_PATIENCE: Duration = Duration::from_secs(300);
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// How a private Kafka is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it lives.
    pub folder: Folder,
    /// Its port on 127.0.0.1; 0 picks a free one.
    pub port: u16,
    /// How Java compiles it.
    pub compiler: Compiler,
}

/// How Java compiles the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiler {
    /// Quickly: it starts in two thirds of the time and takes less memory.
    Quick,
    /// Well: as in production, for those who measure.
    Thorough,
}

impl Options {
    /// The usual: a free port, quick to start.
    #[must_use]
    pub fn at(folder: Folder) -> Self {
        Self {
            folder,
            port: 0,
            compiler: Compiler::Quick,
        }
    }
}

/// A running private Kafka. Dropping it stops it.
#[derive(Debug)]
pub struct Kafka {
    java: PathBuf,
    lib: PathBuf,
    compiler: Compiler,
    port: u16,
    supervisor: Supervisor,
}

impl Kafka {
    /// Whether everything is there to start one, and where its jars are.
    #[must_use]
    pub fn installed() -> Option<PathBuf> {
        binaries::java().ok()?;
        jars::found()
    }

    /// Whether there is a Java to run it with.
    #[must_use]
    pub fn has_java() -> bool {
        binaries::java().is_ok()
    }

    /// Whether there is a Maven to fetch it with.
    #[must_use]
    pub fn has_maven() -> bool {
        binaries::maven().is_ok()
    }

    /// Fetches what is missing; without Java or Maven an error that says which.
    ///
    /// # Errors
    /// When a program is missing or the download fails.
    pub fn install() -> Result<PathBuf, Error> {
        binaries::java()?;
        jars::fetched()
    }

    /// The same while the caller does something else: a download takes longer than most compilations.
    #[must_use]
    pub fn install_in_background() -> Starting<PathBuf> {
        Starting::begin("Kafka's download", Self::install)
    }

    /// Starts a server; it takes several seconds, see `start_in_background`.
    ///
    /// # Errors
    /// When it cannot be installed or does not come up.
    pub fn start(options: Options) -> Result<Self, Error> {
        let (java, lib) = (binaries::java()?, jars::fetched()?);
        let supervisor = Supervisor::claim("Kafka", options.folder.create()?, "TERM")?;
        let borrowed = supervisor.borrowed_port();
        let port = borrowed.unwrap_or(options.port);
        let mut kafka = Self {
            java,
            lib,
            compiler: options.compiler,
            port,
            supervisor,
        };
        if borrowed.is_none() {
            kafka.run()?;
        }
        Ok(kafka)
    }

    /// Starts a server with a folder that vanishes with it.
    ///
    /// # Errors
    /// As `start`.
    pub fn temporary() -> Result<Self, Error> {
        Self::start(Options::at(Folder::temporary("kafka")))
    }

    /// Starts a server while the caller does something else.
    #[must_use]
    pub fn start_in_background(options: Options) -> Starting<Self> {
        Starting::begin("Kafka", || Self::start(options))
    }

    /// The address for clients, `host:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("127.0.0.1:{}", self.port)
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
        let folder = self.supervisor.folder().path().to_owned();
        let log = folder.join("kafka.log");
        let (java, lib, compiler) = (&self.java, &self.lib, self.compiler);
        self.port = self.supervisor.on_port(self.port, |supervisor, port| {
            let properties = configure(&folder, port)?;
            if !folder.join("data/meta.properties").exists() {
                format_data(java, lib, &properties)?;
            }
            // A log of its own for each run: that it is up is read from it.
            set_aside(&log)?;
            let mut command = java_on(java, lib);
            command.args(["-Xms64m", "-Xmx256m"]);
            if compiler == Compiler::Quick {
                command.arg("-XX:TieredStopAtLevel=1");
            }
            command.arg("-Dorg.slf4j.simpleLogger.showDateTime=true");
            command.arg("-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS");
            command
                .arg("kafka.Kafka")
                .arg(&properties)
                .current_dir(&folder);
            let server = supervisor.spawn(
                command,
                Manners {
                    name: "Kafka",
                    log: &log,
                    stop_signal: "TERM",
                    stop_patience: STOP_PATIENCE,
                },
            )?;
            server.wait_ready(&log, START_PATIENCE, || says_it_is_up(&log, port))
        })?;
        Ok(())
    }
}

fn java_on(java: &Path, lib: &Path) -> Command {
    let mut command = Command::new(java);
    command.arg("-XX:+UseSerialGC");
    command.arg("-cp").arg(lib.join("*"));
    command
}

/// The controller's port may be another one at each start: only the broker itself asks for it.
fn configure(folder: &Path, port: u16) -> Result<PathBuf, Error> {
    let path = folder.join("server.properties");
    let text = PROPERTIES
        .replace("@PORT@", &port.to_string())
        .replace("@CONTROLLER@", &port::free()?.to_string())
        .replace("@DATA@", &folder.join("data").display().to_string());
    fs::write(&path, text).map_err(|e| Error::io("write", &path, &e))?;
    Ok(path)
}

fn format_data(java: &Path, lib: &Path, properties: &Path) -> Result<(), Error> {
    let mut format = java_on(java, lib);
    format.args(["-Xmx128m", "-XX:TieredStopAtLevel=1"]);
    format.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
    format.args(["kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"]);
    let printed = format
        .arg(properties)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Error::new(format!("could not format Kafka's data folder: {e}")))?;
    if printed.status.success() {
        return Ok(());
    }
    let mut said = printed.stdout;
    said.extend(printed.stderr);
    Err(Error::new("could not format Kafka's data folder").output(&said))
}

fn set_aside(log: &Path) -> Result<(), Error> {
    if !log.exists() {
        return Ok(());
    }
    fs::rename(log, log.with_extension("log.old"))
        .map_err(|e| Error::io("set aside the log", log, &e))
}

fn says_it_is_up(log: &Path, port: u16) -> bool {
    port::connect(port).is_ok() && fs::read_to_string(log).is_ok_and(|text| text.contains(IS_UP))
}
