//! `cargo xtask cluster-test`: the manifests on a real control plane.
//!
//! Builds it (Go, some ten minutes the first time; then it is kept), starts it, runs the tests of `k8s/tests/cluster`
//! against it, and stops it. A lane of its own: `cargo xtask test` needs neither Go nor `kubectl`.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;

use crate::{Outcome, cargo};

const HELP: &str = "\
cargo xtask cluster-test [filter...]

  filter         only tests whose names contain it

Needs Go 1.26, kubectl 1.27 and curl. The first build takes some ten minutes; the control plane is kept in target/cluster.
";

/// The first of the eight ports that it listens on, and the one where tests choose what pods use.
const PORT: u16 = 26443;
const METRICS: u16 = PORT + 2;

pub(crate) fn run(words: &[String]) -> Outcome<ExitCode> {
    if words.iter().any(|word| word.starts_with('-')) {
        print!("{HELP}");
        let asked = words.iter().all(|word| word == "--help" || word == "-h");
        return Ok(ExitCode::from(if asked { 0 } else { 2 }));
    }
    let folder = cargo::root().join("k8s/cluster");
    let kept = cargo::root().join("target/cluster");
    let program = kept.join("control-plane");
    if is_stale(&program, &folder)? {
        println!("building the control plane; the first time takes some ten minutes");
        build(&program, &folder)?;
    }
    // Before it starts: nobody waits for a compiler with a control plane in memory.
    cargo::check(tests().arg("--no-run"))?;
    let state = kept.join("state");
    let plane = Plane::start(&program, &folder, &state)?;
    let mut tests = tests();
    tests.args(["--", "--test-threads=1", "--nocapture"]);
    tests.args(words);
    tests.env("KUBECONFIG", state.join("pki/admin.kubeconfig"));
    tests.env(
        "CONTROL_PLANE_METRICS",
        format!("http://127.0.0.1:{METRICS}"),
    );
    let outcome = cargo::check(&mut tests);
    plane.stop()?;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Of the whole workspace, so that what other lanes have built serves here too.
fn tests() -> Command {
    let mut tests = cargo::cargo(["test", "--locked", "--workspace"]);
    tests.args(["--features", "impresario-k8s/cluster"]);
    tests.args(["--test", "cluster"]);
    tests
}

/// Whether the program is missing, or older than what it is made of.
fn is_stale(program: &Path, folder: &Path) -> Outcome<bool> {
    let Ok(made) = program.metadata().and_then(|data| data.modified()) else {
        return Ok(true);
    };
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        let is_source = path
            .extension()
            .is_some_and(|kind| kind == "go" || kind == "mod" || kind == "sum");
        if is_source && changed(&path)? > made {
            return Ok(true);
        }
    }
    Ok(false)
}

fn changed(path: &Path) -> Outcome<SystemTime> {
    let data = path.metadata().and_then(|data| data.modified());
    data.map_err(|error| format!("{}: {error}", path.display()))
}

/// Without cgo, so that every machine builds the same; the version is what clients are told.
fn build(program: &Path, folder: &Path) -> Outcome {
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-o"]).arg(program);
    go.arg("-ldflags=-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3");
    go.arg(".").env("CGO_ENABLED", "0").current_dir(folder);
    cargo::check(&mut go)
}

/// A control plane that runs, and is stopped when it goes.
#[derive(Debug)]
struct Plane {
    down: PathBuf,
    state: PathBuf,
    is_up: bool,
}

impl Plane {
    fn start(program: &Path, folder: &Path, state: &Path) -> Outcome<Plane> {
        let mut plane = Plane {
            down: folder.join("down.sh"),
            state: state.to_owned(),
            is_up: true,
        };
        // What an earlier run has left behind, killed before it could stop its own.
        plane.take_down()?;
        let mut up = Command::new(folder.join("up.sh"));
        up.arg(state).env("CONTROL_PLANE", program);
        up.env("CONTROL_PLANE_PORT", PORT.to_string());
        plane.is_up = true;
        cargo::check(&mut up)?;
        Ok(plane)
    }

    fn stop(mut self) -> Outcome {
        self.take_down()
    }

    fn take_down(&mut self) -> Outcome {
        self.is_up = false;
        cargo::check(Command::new(&self.down).arg(&self.state))
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        if self.is_up {
            let _best_effort = self.take_down();
        }
    }
}
