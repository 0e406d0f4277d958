//! Processes by id, without unsafe code: are they alive, who are their children, and signals to them.
//!
//! An id alone is a weak name: the system gives it again to others. `ProcessId` therefore carries the time at which
//! the process started, and a process is only signalled while both still agree. Linux tells all of it in `/proc`;
//! elsewhere `ps` does.

use std::collections::HashMap;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// One process, told apart from a later one with the same number by its start time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProcessId {
    pub(crate) pid: u32,
    pub(crate) started: String,
}

impl ProcessId {
    /// The process that has this number now.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let state = look(pid)?;
        Some(Self {
            pid,
            started: state.started,
        })
    }

    /// A zombie counts as gone: it holds no port, no memory and no file.
    pub(crate) fn is_alive(&self) -> bool {
        look(self.pid).is_some_and(|now| now.started == self.started && !now.zombie)
    }

    /// Waits until the process is gone; false when it is still there at the end.
    pub(crate) fn wait_gone(&self, patience: Duration) -> bool {
        wait_until(patience, || !self.is_alive())
    }
}

struct Look {
    started: String,
    parent: u32,
    zombie: bool,
}

fn look(pid: u32) -> Option<Look> {
    if cfg!(target_os = "linux") {
        look_in_proc(pid)
    } else {
        look_with_ps(pid)
    }
}

/// The fields after the command name, which is in brackets and may itself contain brackets and spaces.
fn look_in_proc(pid: u32) -> Option<Look> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    Some(Look {
        zombie: matches!(*fields.first()?, "Z" | "X"),
        parent: fields.get(1)?.parse().ok()?,
        started: (*fields.get(19)?).to_owned(),
    })
}

fn look_with_ps(pid: u32) -> Option<Look> {
    let printed = Command::new("ps")
        .args(["-o", "stat=,ppid=,lstart=", "-p", &pid.to_string()])
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let line = String::from_utf8_lossy(&printed.stdout).into_owned();
    let mut words = line.split_whitespace();
    Some(Look {
        zombie: words.next()?.starts_with('Z'),
        parent: words.next()?.parse().ok()?,
        started: words.collect::<Vec<_>>().join("_"),
    })
}

/// A process and everything below it, parents first.
pub(crate) fn tree(root: u32) -> Vec<u32> {
    let mut below: HashMap<u32, Vec<u32>> = HashMap::new();
    for (pid, parent) in all() {
        below.entry(parent).or_default().push(pid);
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(below.get(&parent).into_iter().flatten());
        next += 1;
    }
    found
}

fn all() -> Vec<(u32, u32)> {
    if cfg!(target_os = "linux") {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        return entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
            .filter_map(|pid| Some((pid, look_in_proc(pid)?.parent)))
            .collect();
    }
    let Ok(printed) = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output() else {
        return Vec::new();
    };
    String::from_utf8_lossy(&printed.stdout)
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
        })
        .collect()
}

/// The command line of a process, its words separated by spaces.
pub(crate) fn command_line(pid: u32) -> Option<String> {
    if cfg!(target_os = "linux") {
        let bytes = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        return Some(String::from_utf8_lossy(&bytes).replace('\0', " "));
    }
    let printed = Command::new("ps")
        .args(["-o", "command=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&printed.stdout).into_owned())
}

/// Sends a signal to processes that we started. One that is already gone is no error: gone is what we wanted.
pub(crate) fn signal(name: &str, pids: &[u32]) {
    // The shell's own `kill`: the program of that name is missing on small images.
    let mut kill = Command::new("sh");
    kill.args([
        "-c",
        r#"signal=$1; shift; for pid; do kill -s "$signal" "$pid"; done"#,
        "kill",
        name,
    ]);
    kill.args(pids.iter().map(u32::to_string));
    let _gone_already = kill.stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// Polls a condition; false when it never held. Short naps: what we wait for takes milliseconds to seconds.
pub(crate) fn wait_until(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_alive_until_it_is_killed_and_its_number_alone_does_not_revive_it() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let id = ProcessId::of(child.id()).unwrap();
        assert!(id.is_alive());
        assert!(tree(std::process::id()).contains(&id.pid));
        let other = ProcessId {
            pid: id.pid,
            started: "another time".to_owned(),
        };
        assert!(!other.is_alive());

        signal("KILL", &[id.pid]);
        assert!(
            id.wait_gone(Duration::from_secs(5)),
            "a zombie counts as gone"
        );
        child.wait().unwrap();
        assert!(ProcessId::of(id.pid).is_none_or(|now| now != id));
    }
}
