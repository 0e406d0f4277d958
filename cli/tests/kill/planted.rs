//! The checker is checked: each defect, planted into records that were found right, must be found; and no rule is
//! without a defect that shows that it can be broken.

mod effects;
mod journal;
mod platform;
mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::records::{self, Verdict};
use crate::sample;

/// The lines of all files, by file.
pub(crate) struct Records(pub(crate) BTreeMap<String, Vec<Value>>);

/// What is wrong, which rule must find it, and how it comes about.
struct Defect(&'static str, &'static str, fn(&mut Records));

/// All of them, by what they are in.
const DEFECTS: [&[Defect]; 4] = [
    told::DEFECTS,
    journal::DEFECTS,
    effects::DEFECTS,
    platform::DEFECTS,
];

/// Plants each defect into a copy of some of the records.
pub(crate) fn each_is_found(all: &Path) {
    let (right, copy) = (all.with_file_name("some"), all.with_file_name("planted"));
    sample::take(all, &right);
    let verdict = records::judge_again(&right);
    assert!(
        verdict.holds(),
        "a sample of what is right: {}",
        verdict.told
    );
    for Defect(defect, rule, plant) in DEFECTS.into_iter().flatten() {
        let mut world = Records::read(&right);
        plant(&mut world);
        world.write(&right, &copy);
        let verdict: Verdict = records::judge_again(&copy);
        let broken = verdict.broken();
        let found = broken.iter().any(|broken| broken == *rule);
        assert!(found, "{defect}: not found by `{rule}`, but by {broken:?}");
    }
    for rule in verdict.report["judged"].as_array().unwrap() {
        let breaks = |defect: &&Defect| *rule == defect.1;
        let planted = DEFECTS.into_iter().flatten().any(|defect| breaks(&defect));
        assert!(planted, "no defect breaks {rule}");
    }
}

impl Records {
    pub(crate) fn read(folder: &Path) -> Records {
        let mut files = BTreeMap::new();
        for path in list(folder) {
            let text = std::fs::read_to_string(&path).unwrap();
            let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            files.insert(name, rows.collect());
        }
        Records(files)
    }

    pub(crate) fn write(&self, right: &Path, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::copy(right.join("about.json"), folder.join("about.json")).unwrap();
        for (name, rows) in &self.0 {
            records::lines(&folder.join(format!("{name}.ndjson")), rows);
        }
    }

    pub(crate) fn rows(&mut self, file: &str) -> &mut Vec<Value> {
        self.0.get_mut(file).unwrap_or_else(|| panic!("no {file}"))
    }

    pub(crate) fn keep(&mut self, file: &str, wanted: impl Fn(&Value) -> bool) {
        self.rows(file).retain(wanted);
    }

    fn find(&mut self, file: &str, wanted: impl Fn(&Value) -> bool) -> &mut Value {
        let found = self.rows(file).iter_mut().find(|row| wanted(row));
        found.unwrap_or_else(|| panic!("no such row in {file}"))
    }

    fn one(&mut self, file: &str, column: &str, value: &str) -> &mut Value {
        self.find(file, |row| row[column] == value)
    }

    /// A saga that ended so.
    fn saga(&mut self, status: &str) -> String {
        let row = self.find("saga", |row| row["status"] == status);
        row["id"].as_str().unwrap().to_owned()
    }

    /// The key of a saga that ended so.
    fn key_of(&mut self, status: &str) -> String {
        let id = self.saga(status);
        let key = &self.one("saga_key", "saga_id", &id)["key"];
        key.as_str().unwrap().to_owned()
    }

    fn row(&mut self, saga: &str, seq: i64) -> &mut Value {
        self.find("journal", |row| row["saga_id"] == saga && row["seq"] == seq)
    }
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "ndjson")
        })
        .collect()
}

/// Where the first fact of a kind stands in a journal row.
fn place(row: &Value, event: &str) -> Option<usize> {
    let events = row["body"]["ev"].as_array()?;
    events.iter().position(|fact| fact["event"] == event)
}

/// The first fact of some saga.
fn started(world: &mut Records) -> &mut Value {
    &mut world.find("journal", |row| row["seq"] == 1)["body"]["ev"][0]
}

/// Some attempt that is put off, of a step whose attempts are bounded.
fn scheduled(world: &mut Records) -> &mut Value {
    let of = |fact: &Value| fact["event"] == "retry_scheduled" && fact["step"] == "authorize";
    let facts = |row: &Value| row["body"]["ev"].as_array().unwrap().clone();
    let row = world.find("journal", |row| facts(row).iter().any(of));
    let events = row["body"]["ev"].as_array_mut().unwrap();
    events.iter_mut().find(|fact| of(fact)).unwrap()
}

/// Moves the undoing of `hold` before that of `authorize`.
fn undone_early(world: &mut Records) {
    let undo = |fact: &Value, step: &str| {
        fact["event"] == "dispatched" && fact["operation"] == "compensate" && fact["step"] == step
    };
    let facts = |row: &Value| row["body"]["ev"].as_array().unwrap().clone();
    let holds: Vec<(String, Value)> = world
        .rows("journal")
        .iter()
        .filter_map(|row| {
            let fact = facts(row).into_iter().find(|fact| undo(fact, "hold"))?;
            Some((row["saga_id"].as_str()?.to_owned(), fact))
        })
        .collect();
    for (saga, hold) in holds {
        let of = |row: &&mut Value| row["saga_id"] == saga.as_str();
        for row in world.rows("journal").iter_mut().filter(of) {
            let events = row["body"]["ev"].as_array_mut().unwrap();
            if let Some(place) = events.iter().position(|fact| undo(fact, "authorize")) {
                events.insert(place, hold);
                return;
            }
        }
    }
    panic!("no saga undid both");
}

/// Takes the first fact of a kind about a step away.
fn drop_fact(world: &mut Records, event: &str, step: &str) {
    let of = |fact: &Value| fact["event"] == event && fact["step"] == step;
    let facts = |row: &Value| row["body"]["ev"].as_array().unwrap().clone();
    let row = world.find("journal", |row| facts(row).iter().any(of));
    row["body"]["ev"]
        .as_array_mut()
        .unwrap()
        .retain(|fact| !of(fact));
}

/// A saga that has such a fact, of this operation.
fn fact_of(world: &mut Records, event: &str, operation: &str) -> String {
    let of = |fact: &Value| fact["event"] == event && fact["operation"] == operation;
    let facts = |row: &Value| row["body"]["ev"].as_array().unwrap().clone();
    let row = world.find("journal", |row| facts(row).iter().any(of));
    row["saga_id"].as_str().unwrap().to_owned()
}
