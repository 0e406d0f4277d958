//! Running the binary and waiting for what it does.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Whether Postgres is to be had; a run of all tests may say that it is not (`docs/testing.md`).
pub(crate) fn postgres_is_missing() -> bool {
    let without = std::env::var("IMPRESARIO_WITHOUT").unwrap_or_default();
    let missing = without.split(',').any(|name| name == "postgres");
    if missing {
        eprintln!("SKIPPED: no Postgres");
    }
    missing
}

/// The binary, with nothing of the caller's environment that it would listen to.
pub(crate) fn impresario(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impresario"));
    command.args(arguments).stdin(Stdio::null());
    for variable in [
        "DATABASE_URL",
        "AMQP_URL",
        "IMPRESARIO_QUEUE_PREFIX",
        "IMPRESARIO_SERVER",
        "KAFKA_URL",
        "RUST_LOG",
    ] {
        command.env_remove(variable);
    }
    command
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    impresario(arguments).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A running `impresario dev`; killed when the test ends before it does.
pub(crate) struct Dev {
    child: Child,
    /// What it has said on standard error so far.
    said: Arc<Mutex<String>>,
    /// What it told on standard output once it was up.
    pub(crate) told: Value,
}

impl Dev {
    pub(crate) fn start(data: &Path) -> Dev {
        Dev::start_with(data, &[])
    }

    /// With more arguments.
    pub(crate) fn start_with(data: &Path, more: &[&str]) -> Dev {
        let data = data.to_str().unwrap();
        let arguments = [
            "dev",
            "--port",
            "0",
            "--no-open",
            "-o",
            "json",
            "--data-dir",
            data,
        ];
        let mut child = impresario(&[&arguments[..], more].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        if line.is_empty() {
            let mut text = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            panic!("dev did not come up: {text}");
        }
        let (stderr, kept) = (child.stderr.take().unwrap(), said.clone());
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        Dev {
            child,
            said,
            told: serde_json::from_str(&line).unwrap(),
        }
    }

    /// Waits until it says this on standard error, and takes what it said up to there.
    pub(crate) fn until_said(&self, text: &str) -> String {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let mut said = self.said.lock().unwrap();
            if let Some(place) = said.find(text) {
                let rest = said.split_off(place + text.len());
                return std::mem::replace(&mut said, rest);
            }
            assert!(Instant::now() < end, "`{text}` is not in\n{said}");
            drop(said);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn url(&self) -> &str {
        self.told["url"].as_str().unwrap()
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        let end = Instant::now() + Duration::from_secs(40);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "dev has not ended after SIGTERM");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // It has ended already, or the test has failed: its own guardians stop what it has started.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
