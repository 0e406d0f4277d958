//! Which port everything is on, and who has it when we cannot.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};

use crate::exit::{Code, coded};

/// Where people look first.
pub(crate) const DEFAULT: u16 = 7070;

/// How far we look for a free one.
const TRIES: u16 = 20;

/// The port that was asked for, or the first free one from the default on.
///
/// It is free when we look, and bound a moment later by the child; losing that race is an error that says so.
pub(super) fn choose(wanted: Option<u16>) -> anyhow::Result<u16> {
    match wanted {
        Some(port) => free(port).ok_or_else(|| taken(port)),
        None => (DEFAULT..DEFAULT + TRIES)
            .find_map(free)
            .or_else(|| free(0))
            .ok_or_else(|| taken(DEFAULT)),
    }
}

/// The port when it is free; any free one for 0.
pub(crate) fn free(port: u16) -> Option<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
    Some(listener.local_addr().ok()?.port())
}

fn taken(port: u16) -> anyhow::Error {
    let evidence = match owner(port) {
        Some(owner) => format!("\n  | {owner}"),
        None => String::new(),
    };
    let text =
        format!("port {port} cannot be used{evidence}\n  fix: --port 0 takes any that is free");
    coded(Code::Conflict, text)
}

/// Which process listens on a port of this machine, where the system tells us (Linux, our own processes).
pub(crate) fn owner(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .find_map(|table| listening_inode(&fs::read_to_string(table).ok()?, port))?;
    let wanted = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        // Numbers are processes; `self` is just another name of ours.
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let path = process.path();
        let mut handles = fs::read_dir(path.join("fd")).ok()?.flatten();
        let found = handles.any(|handle| {
            fs::read_link(handle.path()).is_ok_and(|target| target.as_os_str() == wanted.as_str())
        });
        let name = fs::read_to_string(path.join("comm"))
            .ok()
            .filter(|_| found)?;
        Some(format!("process {pid} ({}) listens there", name.trim()))
    })
}

/// The tables of /proc/net: `sl local_address rem_address st … inode`, addresses in hexadecimal, 0A for listening.
fn listening_inode(table: &str, port: u16) -> Option<String> {
    let suffix = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let listens = fields.get(1)?.ends_with(&suffix) && *fields.get(3)? == "0A";
        listens
            .then(|| fields.get(9).map(|inode| (*inode).to_owned()))
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_passed_over_unless_it_was_asked_for() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(free(port), None);
        let refused = choose(Some(port)).unwrap_err().to_string();
        assert!(refused.contains("--port 0"), "{refused}");
        if cfg!(target_os = "linux") {
            let name = owner(port).unwrap();
            assert!(name.contains(&std::process::id().to_string()), "{name}");
        }
    }
}
