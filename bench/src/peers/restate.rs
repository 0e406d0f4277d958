//! Restate: its server from npm, and our workflow with its Rust SDK as the service that it calls.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use impresario_services::Program;

use super::{Peer, install};
use crate::Outcome;
use crate::http::{self, Api, Dialect, free_port};
use crate::machine::first_line;

/// Making its log and electing itself is part of the first start.
const READY_PATIENCE: Duration = Duration::from_secs(60);

/// Starts both, with its own default of partitions or with so many.
pub(super) fn start(partitions: Option<u32>) -> Outcome<Peer> {
    let server = server(&install::node_packages("restate")?)?;
    let service = install::rust_program("restate", "impresario-bench-restate")?;
    let data = std::env::temp_dir().join(format!(
        "impresario-bench-restate-{}-{}",
        std::process::id(),
        partitions.unwrap_or_default()
    ));
    std::fs::create_dir_all(&data)
        .map_err(|e| format!("could not create {}: {e}", data.display()))?;

    let plain = |port| Api {
        port,
        dialect: Dialect::Plain,
    };
    let (ingress, admin, ours) = (
        plain(free_port()?),
        plain(free_port()?),
        plain(free_port()?),
    );
    let mut command = Command::new(&service);
    command.arg(ours.address());
    let log = data.join("service.log");
    let service = Program::start("restate's service", command, &log).map_err(|e| e.to_string())?;

    let mut command = Command::new(&server);
    command
        .args(["--node-name", "bench", "--no-logo", "--base-dir"])
        .arg(data.join("data"))
        .env("RESTATE_DISABLE_TELEMETRY", "true")
        .env("RESTATE_LISTEN_MODE", "tcp")
        .env("RESTATE_BIND_IP", "127.0.0.1")
        .env("RESTATE_BIND_PORT", free_port()?.to_string())
        .env("RESTATE_INGRESS__BIND_PORT", ingress.port.to_string())
        .env("RESTATE_ADMIN__BIND_PORT", admin.port.to_string());
    if let Some(partitions) = partitions {
        command.env("RESTATE_DEFAULT_NUM_PARTITIONS", partitions.to_string());
    }
    let log = data.join("server.log");
    let mut running = Program::start("restate", command, &log).map_err(|e| e.to_string())?;
    running
        .wait_ready(READY_PATIENCE, || {
            http::is_ready(admin, "/health") && http::is_ready(ingress, "/restate/health")
        })
        .map_err(|e| e.to_string())?;
    let deployment = format!(r#"{{"uri":"http://{}"}}"#, ours.address());
    http::post_once(admin, "/deployments", &deployment)?;
    Ok(Peer {
        programs: vec![("server", running), ("service", service)],
        postgres: None,
        data: Some(data),
        api: ingress,
        path: "/Trivial/{id}/run",
        version: first_line(Command::new(server).arg("--version")),
    })
}

/// The program is in the package of this machine's kind, the only one that npm has installed.
fn server(folder: &Path) -> Outcome<PathBuf> {
    let packages = folder.join("node_modules/@restatedev");
    let entries = std::fs::read_dir(&packages)
        .map_err(|e| format!("could not list {}: {e}", packages.display()))?;
    entries
        .filter_map(|entry| Some(entry.ok()?.path().join("bin/restate-server")))
        .find(|program| program.is_file())
        .ok_or_else(|| "npm has no server for this kind of machine".to_owned())
}
