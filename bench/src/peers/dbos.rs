//! DBOS Transact for Node: a library in our program, with its state in a private Postgres like ours.

use std::process::Command;
use std::time::Duration;

use impresario_services::{Folder, Postgres, Program, postgres};

use super::{DATABASE, Peer, install};
use crate::Outcome;
use crate::database::{self, Database};
use crate::http::{self, Api, Dialect, free_port};
use crate::machine::first_line;

/// It makes its tables first.
const READY_PATIENCE: Duration = Duration::from_secs(60);

/// Starts Postgres and the program.
pub(super) fn start() -> Outcome<Peer> {
    let folder = install::node_packages("dbos")?;
    install::copy(&install::source("dbos"), &folder, "app.mjs")?;
    let mut options = postgres::Options::at(Folder::temporary("bench-dbos"));
    options.settings = database::settings();
    let postgres = Postgres::start(options).map_err(|e| e.to_string())?;
    Database::create(&postgres, DATABASE)?;

    let api = Api {
        port: free_port()?,
        dialect: Dialect::Plain,
    };
    let mut command = Command::new("node");
    command
        .arg("app.mjs")
        .arg(api.port.to_string())
        .arg(postgres.url(DATABASE))
        .current_dir(&folder);
    let log = postgres.log().with_file_name("dbos.log");
    let mut app = Program::start("dbos", command, &log).map_err(|e| e.to_string())?;
    app.wait_ready(READY_PATIENCE, || http::is_ready(api, "/ready"))
        .map_err(|e| e.to_string())?;
    let version = format!(
        "{}, node {}",
        version(&folder.join("node_modules/@dbos-inc/dbos-sdk/package.json")),
        first_line(Command::new("node").arg("--version"))
    );
    Ok(Peer {
        programs: vec![("app", app)],
        postgres: Some(postgres),
        data: None,
        api,
        path: "/run",
        version,
    })
}

fn version(package: &std::path::Path) -> String {
    let text = std::fs::read(package).unwrap_or_default();
    let package: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    package["version"].as_str().unwrap_or("unknown").to_owned()
}
