//! Temporal: its server from Go modules on a private Postgres like ours, and our workflow with its Go SDK.
//!
//! Building the server takes ten minutes on two cores, so this peer is measured only when it is asked for by name.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use impresario_services::{Folder, Postgres, Program, postgres};

use super::{DATABASE, Peer, install};
use crate::Outcome;
use crate::database::{self, Database};
use crate::http::{self, Api, Dialect, free_port};

/// The release that is measured.
const SERVER: &str = "v1.32.1";

/// Its services, each with a port for the others and one for membership.
const SERVICES: [&str; 4] = ["FRONTEND", "MATCHING", "HISTORY", "WORKER"];

/// Four services hold a pool of connections each.
const CONNECTIONS: u16 = 300;

/// What the visibility store needs beside the main one.
const VISIBILITY: &str = "peer_visibility";

const READY_PATIENCE: Duration = Duration::from_secs(60);

/// How the steps are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Steps {
    /// As tasks of a queue, like anybody's.
    Activities,
    /// Within the workflow's own task: its fastest way.
    Local,
}

impl Steps {
    fn word(self) -> &'static str {
        match self {
            Self::Activities => "activities",
            Self::Local => "local",
        }
    }
}

/// Starts Postgres, the server and the program.
pub(super) fn start(steps: Steps) -> Outcome<Peer> {
    let bin = build()?;
    let mut options = postgres::Options::at(Folder::temporary("bench-temporal"));
    options.settings = database::settings();
    options.max_connections = CONNECTIONS;
    let postgres = Postgres::start(options).map_err(|e| e.to_string())?;
    Database::create(&postgres, DATABASE)?;
    Database::create(&postgres, VISIBILITY)?;
    make_tables(&bin, &postgres, DATABASE, "temporal")?;
    make_tables(&bin, &postgres, VISIBILITY, "visibility")?;

    let config = install::source("temporal").join("config");
    let mut command = Command::new(bin.join("server"));
    command
        .arg("--config-file")
        .arg(config.join("server.yaml"))
        .args(["--allow-no-auth", "start"])
        .env("BENCH_DYNAMIC", config.join("dynamic.yaml"))
        .env("BENCH_POSTGRES", format!("127.0.0.1:{}", postgres.port()));
    let mut frontend = 0;
    for service in SERVICES {
        let port = free_port()?;
        if service == "FRONTEND" {
            frontend = port;
        }
        command
            .env(format!("BENCH_{service}"), port.to_string())
            .env(format!("BENCH_{service}_MEMBER"), free_port()?.to_string());
    }
    let log = |name| postgres.log().with_file_name(name);
    let server = Program::start("temporal", command, &log("temporal.log"));
    let server = server.map_err(|e| e.to_string())?;
    let frontend = format!("127.0.0.1:{frontend}");
    install::run(Command::new(bin.join("app")).args([&frontend, "register"]))?;

    let api = Api {
        port: free_port()?,
        dialect: Dialect::Plain,
    };
    let mut command = Command::new(bin.join("app"));
    command.args([&frontend, &api.address(), steps.word()]);
    let app = Program::start("temporal's app", command, &log("app.log"));
    let mut app = app.map_err(|e| e.to_string())?;
    app.wait_ready(READY_PATIENCE, || http::is_ready(api, "/ready"))
        .map_err(|e| e.to_string())?;
    Ok(Peer {
        programs: vec![("service", app), ("server", server)],
        postgres: Some(postgres),
        data: None,
        api,
        path: "/run",
        version: format!("server {SERVER}"),
    })
}

/// The server, the tool that makes its tables, and our program.
fn build() -> Outcome<PathBuf> {
    let bin = install::cache("temporal")?.join("bin");
    if !bin.join("server").is_file() || !bin.join("sql").is_file() {
        println!(
            "building Temporal's server from its Go modules: some ten minutes, the first time"
        );
        let mut go = Command::new("go");
        go.arg("install")
            .arg(format!("go.temporal.io/server/cmd/server@{SERVER}"))
            .arg(format!("go.temporal.io/server/cmd/tools/sql@{SERVER}"))
            .env("GOBIN", &bin)
            .current_dir(install::cache("temporal")?);
        install::run(&mut go)?;
    }
    let mut go = Command::new("go");
    go.args(["build", "-o"])
        .arg(bin.join("app"))
        .arg(".")
        .current_dir(install::source("temporal"));
    install::run(&mut go)?;
    Ok(bin)
}

fn make_tables(bin: &Path, postgres: &Postgres, database: &str, schema: &str) -> Outcome {
    let tool = || {
        let mut tool = Command::new(bin.join("sql"));
        tool.args([
            "--plugin",
            "postgres12",
            "--ep",
            "127.0.0.1",
            "-u",
            "postgres",
        ])
        .args(["-p", &postgres.port().to_string(), "--db", database]);
        tool
    };
    let schema = format!("postgresql/v12/{schema}");
    install::run_quietly(tool().args(["setup-schema", "-v", "0.0"]))?;
    install::run_quietly(tool().args(["update-schema", "--schema-name", &schema]))
}
