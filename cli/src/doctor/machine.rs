//! The machine itself: the port, room on the disk, how many files a process may open.

use rustix::process::{Resource, getrlimit};

use super::finding::Finding;
use crate::dev::port;

/// A fresh private Postgres takes 40 MB, a day of trying things some hundreds.
const DISK_MIN_GIB: u64 = 2;

/// One handle for each connection, and the server takes up to 8192 of them.
const FILES_MIN: u64 = 10_240;

pub(super) fn look() -> Vec<Finding> {
    vec![port(), disk(), files()]
}

fn port() -> Finding {
    if port::free(port::DEFAULT).is_some() {
        return Finding::ok("port", format!("{} is free", port::DEFAULT));
    }
    let owner = port::owner(port::DEFAULT)
        .map(|owner| format!(": {owner}"))
        .unwrap_or_default();
    let found = format!(
        "{} is taken{owner}; `impresario dev` takes the next free one",
        port::DEFAULT
    );
    Finding::warn("port", found, "impresario dev --port 0")
}

fn disk() -> Finding {
    let Ok(room) = rustix::fs::statvfs(".") else {
        return Finding::warn("disk", "cannot be looked at", "df -h .");
    };
    let gib = room.f_bavail.saturating_mul(room.f_frsize) >> 30;
    let found = format!("{gib} GiB free here");
    if gib < DISK_MIN_GIB {
        return Finding::warn(
            "disk",
            found,
            "make room, or use --data-dir on another disk",
        );
    }
    Finding::ok("disk", found)
}

fn files() -> Finding {
    // No limit is the best limit.
    let Some(limit) = getrlimit(Resource::Nofile).current else {
        return Finding::ok("open files", "no limit");
    };
    let found = format!("{limit} at most");
    if limit < FILES_MIN {
        let found = format!("{found}: fewer connections than the server would take");
        return Finding::warn("open files", found, format!("ulimit -n {FILES_MIN}"));
    }
    Finding::ok("open files", found)
}
