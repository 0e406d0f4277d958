//! The records of a run and the verdict on them: what only the test can tell is written into the folder, then the
//! program under test's own `impresario verify` takes the rest and judges all of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::platform::Platform;

/// What `impresario verify -o json` said.
pub(crate) struct Verdict {
    pub(crate) report: Value,
    /// The same for people, when something does not hold.
    pub(crate) told: String,
}

/// Takes the records of a platform at rest, with its queues as they were seen, and judges them.
pub(crate) fn judge(platform: &Platform, queues: &[(String, u64)]) -> Verdict {
    let folder = platform.records();
    let queues: Vec<Value> = queues
        .iter()
        .map(|(name, messages)| json!({ "name": name, "messages": messages }))
        .collect();
    lines(&folder.join("queue.ndjson"), &queues);
    let (database, provider) = (platform.database(), platform.client.provider());
    verify(&[
        folder.to_str().unwrap(),
        "--database-url",
        database,
        "--provider-url",
        provider,
    ])
}

/// Judges records that are there.
pub(crate) fn judge_again(folder: &Path) -> Verdict {
    verify(&[folder.to_str().unwrap()])
}

fn verify(arguments: &[&str]) -> Verdict {
    let run = |format: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impresario"));
        command.args(["-o", format, "verify"]).args(arguments);
        command.output().unwrap()
    };
    let judged = run("json");
    let said = String::from_utf8_lossy(&judged.stderr).into_owned();
    let report: Value = serde_json::from_slice(&judged.stdout)
        .unwrap_or_else(|error| panic!("no verdict: {error}\n{said}"));
    let holds = report["holds"] == true;
    assert_eq!(judged.status.code(), Some(i32::from(!holds)), "{said}");
    let told = if holds {
        String::new()
    } else {
        let folder = [arguments[0]];
        let mut command = Command::new(env!("CARGO_BIN_EXE_impresario"));
        let told = command.arg("verify").args(folder).output().unwrap();
        String::from_utf8_lossy(&told.stdout).into_owned()
    };
    Verdict { report, told }
}

impl Verdict {
    pub(crate) fn holds(&self) -> bool {
        self.report["holds"] == true
    }

    pub(crate) fn count(&self, name: &str) -> u64 {
        let count = &self.report["counts"][name];
        count.as_u64().unwrap_or_else(|| panic!("no count {name}"))
    }

    pub(crate) fn mark(&self, name: &str) -> u64 {
        let mark = &self.report["marks"][name];
        mark.as_u64().unwrap_or_else(|| panic!("no mark {name}"))
    }

    /// The rules that do not hold, each once.
    pub(crate) fn broken(&self) -> Vec<String> {
        let violations = self.report["violations"].as_array().unwrap();
        let mut rules: Vec<String> = violations
            .iter()
            .map(|violation| violation["rule"].as_str().unwrap().to_owned())
            .collect();
        rules.sort();
        rules.dedup();
        rules
    }

    /// One line.
    pub(crate) fn summary(&self) -> String {
        let [sagas, completed, compensated, unsure] =
            ["sagas", "completed", "compensated", "unsure"].map(|name| self.count(name));
        let marks = self.report["marks"].as_object().unwrap();
        let marks: Vec<String> = marks
            .iter()
            .map(|(name, times)| format!("{times} {name}"))
            .collect();
        format!(
            "{sagas} sagas, {completed} completed, {compensated} undone, {unsure} without a customer's knowing; {}",
            marks.join(", ")
        )
    }
}

/// Writes things as lines.
pub(crate) fn lines(path: &PathBuf, things: &[Value]) {
    let text: String = things.iter().map(|thing| format!("{thing}\n")).collect();
    std::fs::write(path, text).unwrap();
}

/// Queues of tasks and results with what is in them, unacknowledged messages too.
pub(crate) fn queues(platform: &Platform) -> Vec<(String, u64)> {
    let mut list = platform.servers.rabbitmq.ctl().unwrap();
    list.args([
        "-q",
        "list_queues",
        "name",
        "messages",
        "--no-table-headers",
    ]);
    let listed = list.output().unwrap();
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.status.success(), "list_queues: {text}");
    text.lines()
        .filter_map(|line| line.split_once('\t'))
        .filter(|(name, _)| name.starts_with("impresario."))
        .filter_map(|(name, messages)| Some((name.to_owned(), messages.trim().parse().ok()?)))
        .collect()
}
