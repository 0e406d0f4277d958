//! What the figures were measured on: without it they mean nothing to others.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::Outcome;
use crate::options::Options;
use crate::platform::Platform;

/// Machine, versions and settings.
pub(crate) fn describe(options: &Options, platform: &Platform) -> Value {
    let settings = [
        "fsync",
        "synchronous_commit",
        "shared_buffers",
        "max_connections",
    ];
    let postgres: Vec<String> = settings
        .iter()
        .map(|name| format!("{name}={}", setting(platform, name).unwrap_or_default()))
        .collect();
    json!({
        "cpu": cpu_model(),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "memory_gb": memory_gb(),
        "kernel": first_line(Command::new("uname").arg("-sr")),
        "postgres": first_line(Command::new(platform.postgres.bin().join("postgres")).arg("--version")),
        "postgres_settings": postgres.join(" "),
        "rabbitmq": rabbitmq_version(platform),
        "impresario": first_line(Command::new(&options.impresario).arg("--version")),
        "commit": first_line(Command::new("git").args(["describe", "--always", "--dirty"])),
        "times": format!("{:?}", options.times()),
    })
}

fn setting(platform: &Platform, name: &str) -> Option<String> {
    let mut psql = platform.postgres.psql("postgres");
    Some(first_line(psql.args(["-c", &format!("show {name}")])))
}

fn rabbitmq_version(platform: &Platform) -> String {
    let asked = platform
        .rabbitmq
        .ctl()
        .map(|mut ctl| first_line(ctl.arg("version")));
    asked.unwrap_or_default()
}

fn cpu_model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(": "))
        .map_or("unknown", |(_, name)| name)
        .to_owned()
}

fn memory_gb() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes: u64 = text
        .split_whitespace()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .unwrap_or(0);
    kilobytes >> 20
}

/// What is left on the disk of a folder.
pub(crate) fn free_bytes(folder: &Path) -> Outcome<u64> {
    let ran = Command::new("df").arg("-Pk").arg(folder).output();
    let printed = ran.map_err(|e| format!("could not run df: {e}"))?.stdout;
    let printed = String::from_utf8_lossy(&printed).into_owned();
    let kilobytes = printed
        .lines()
        .nth(1)
        .and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    kilobytes
        .map(|kilobytes| kilobytes * 1024)
        .ok_or_else(|| format!("df said about {}: {printed}", folder.display()))
}

/// The first line that a program prints; empty when it cannot be run.
pub(crate) fn first_line(command: &mut Command) -> String {
    let Ok(ran) = command.output() else {
        return String::new();
    };
    String::from_utf8_lossy(&ran.stdout)
        .lines()
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned()
}
