//! A parent that is killed: its guardian stops the server, and when even the guardian is killed the next start does.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use impresario_services::postgres::Options;
use impresario_services::{Folder, Postgres};

use crate::{eventually, is_alive, is_there};

/// In the child: starts a Postgres in the folder that it is given and waits to be killed.
/// As a test of its own, without the folder, it has nothing to do.
#[test]
fn child_that_owns_a_server() {
    let Some(folder) = std::env::var_os("IMPRESARIO_TEST_FOLDER") else {
        return;
    };
    let _server = Postgres::start(Options::at(Folder::kept(folder))).unwrap();
    loop {
        std::thread::park();
    }
}

fn parent_with_a_server(folder: &Path) -> (Child, u32) {
    let parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "orphan::child_that_owns_a_server", "--nocapture"])
        .env("IMPRESARIO_TEST_FOLDER", folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut server = None;
    eventually("the child has started its server", || {
        server = recorded(folder);
        server.is_some()
    });
    (parent, server.unwrap())
}

fn recorded(folder: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(folder.join("running")).ok()?;
    text.lines().find_map(|line| {
        line.strip_prefix("process ")?
            .split(' ')
            .next()?
            .parse()
            .ok()
    })
}

#[cfg(target_os = "linux")]
fn guardians_of(parent: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{parent}/task")).unwrap() {
        let path = task.unwrap().path().join("children");
        let pids = std::fs::read_to_string(path).unwrap_or_default();
        found.extend(
            pids.split_whitespace()
                .filter_map(|pid| pid.parse::<u32>().ok()),
        );
    }
    found.retain(|pid| {
        std::fs::read_to_string(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.contains("impresario-guardian"))
    });
    found
}

#[test]
fn the_guardian_stops_the_server_of_a_killed_parent() {
    if !is_there("Postgres", Postgres::installed()) {
        return;
    }
    let place = Folder::temporary("it-guardian");
    let (mut parent, server) = parent_with_a_server(place.path());
    parent.kill().unwrap();
    parent.wait().unwrap();
    eventually("the server is gone", || !is_alive(server));
    std::fs::remove_dir_all(place.path()).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn the_next_start_stops_what_parent_and_guardian_left_behind() {
    if !is_there("Postgres", Postgres::installed()) {
        return;
    }
    let place = Folder::temporary("it-orphan");
    let (mut parent, server) = parent_with_a_server(place.path());
    let guardians = guardians_of(parent.id());
    assert_eq!(guardians.len(), 1, "one guardian watches one server");
    for pid in guardians {
        assert!(
            Command::new("sh")
                .args(["-c", &format!("kill -9 {pid}")])
                .status()
                .unwrap()
                .success()
        );
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(is_alive(server), "nobody is left to stop it");

    let next = Postgres::start(Options::at(Folder::kept(place.path()))).unwrap();
    assert!(!is_alive(server));
    assert!(
        next.notes()
            .iter()
            .any(|note| note.contains("left running")),
        "{:?}",
        next.notes()
    );
    drop(next);
    std::fs::remove_dir_all(place.path()).unwrap();
}
