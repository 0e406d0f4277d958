//! Stops the servers of a process that was killed before it could do so.
//!
//! The guardian is a small shell that waits on a pipe from us. While we live, the pipe is open. When we stop our
//! servers ourselves we send it a word and it leaves. When we die, by any signal, the pipe closes without the word,
//! and it stops the servers (and removes a temporary folder).
//!
//! Why not the kernel's parent-death signal: it fires when the starting *thread* ends, and here servers are started
//! from threads that end while the process goes on.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::daemon::Daemon;
use crate::error::Error;
use crate::folder::Folder;

/// `same` compares the start time, so that a number given to another process meanwhile is left alone.
/// Where there is no /proc, the number alone has to do.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
folder=$1
shift
if read -r word; then exit 0; fi
same() {
    [ -d /proc/self ] || { kill -0 "$pid" 2>/dev/null; return; }
    read -r line 2>/dev/null <"/proc/$pid/stat" || return 1
    set -- ${line##*) }
    [ "$1" != Z ] && [ "${20}" = "$started" ]
}
while [ $# -gt 0 ]; do
    pid=$1 started=$2 signal=$3 naps=$4
    shift 4
    same || continue
    kill -s "$signal" "$pid"
    while same && [ "$naps" -gt 0 ]; do sleep 0.1; naps=$((naps - 1)); done
    # What does not stop is killed with its process group.
    if same; then kill -s KILL -- "-$pid"; kill -s KILL "$pid"; fi
done
[ -z "$folder" ] || rm -rf -- "$folder"
"#;

/// The watch over some servers. Dropping it ends the watch, not the servers.
#[derive(Debug)]
pub(crate) struct Guardian {
    shell: Child,
}

impl Guardian {
    /// Watches over servers, which are stopped in this order. A temporary folder is removed after them.
    pub(crate) fn watch(daemons: &[&Daemon], folder: Option<&Folder>) -> Result<Self, Error> {
        let temporary = folder.filter(|folder| folder.is_temporary());
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "impresario-guardian"]);
        shell.arg(temporary.map_or(OsStr::new(""), |folder| folder.path().as_os_str()));
        for daemon in daemons {
            // Nobody needs the data of a temporary folder: no orderly stop.
            let signal = if temporary.is_some() {
                "KILL"
            } else {
                daemon.stop_signal()
            };
            let naps = daemon.patience().as_millis() / 100;
            shell
                .arg(daemon.id().pid.to_string())
                .arg(&daemon.id().started);
            shell.arg(signal).arg(naps.to_string());
        }
        // A group of its own: Ctrl-C in the terminal is for us, not for it.
        shell
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let shell = shell
            .current_dir("/")
            .spawn()
            .map_err(|e| Error::new(format!("could not start the guardian shell: {e}")))?;
        Ok(Self { shell })
    }
}

impl Drop for Guardian {
    /// Sends it away: we stopped the servers ourselves.
    fn drop(&mut self) {
        if let Some(mut pipe) = self.shell.stdin.take() {
            let _it_left_already = pipe.write_all(b"done\n");
        }
        let _reaped = self.shell.wait();
    }
}
