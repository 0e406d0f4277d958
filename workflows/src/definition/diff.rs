//! What a new version changes, and whether running sagas could go on under it.
//!
//! Compared is the canonical content, so comments and the order of keys are no change. Each difference is of one kind:
//! words that people read, tuning (how long, how often), or structure (what is done, in which order, and how it is
//! undone). Sagas stay pinned to the version that they started with; only for structure does it matter which steps a
//! running saga has come to.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Definition;

/// How much a difference means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// What people read.
    Words,
    /// How long and how often.
    Tuning,
    /// What is done, in which order, and how it is undone.
    Structure,
}

impl Kind {
    /// The word for people and for JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Words => "words",
            Kind::Tuning => "tuning",
            Kind::Structure => "structure",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// What it means.
    pub kind: Kind,
    /// Where: a dotted path, for example `steps.pin.timeout`.
    pub place: String,
    /// What it was; none when it is new.
    pub was: Option<Value>,
    /// What it is; none when it is gone.
    pub is: Option<Value>,
}

/// All differences between two definitions.
#[derive(Clone, Debug, PartialEq)]
pub struct Diff {
    /// In the order of their places.
    pub differences: Vec<Difference>,
    /// Steps of the old definition that are gone or do something else now: a saga that has come to one of them cannot
    /// go on under the new one.
    pub touched: BTreeSet<String>,
}

impl Diff {
    /// The strongest difference; none when the content is the same.
    pub fn kind(&self) -> Option<Kind> {
        self.differences.iter().map(|found| found.kind).max()
    }
}

/// Keys of the file that people read.
const WORDS: [&str; 4] = ["description", "owner", "runbook", "customer"];

/// Keys of the file about how long and how often.
const TUNING: [&str; 3] = ["deadline", "on_deadline", "defaults"];

/// Keys of a step that people read.
const WORDS_OF_A_STEP: [&str; 3] = ["describe", "reason", "importance"];

/// Keys of a step about how long and how often.
const TUNING_OF_A_STEP: [&str; 5] = ["timeout", "retry", "expires", "max_parallel", "tolerate"];

/// The mark of personal data, which stands in schemas.
const PERSONAL: &str = "x-pii";

/// What `new` changes.
pub fn diff(old: &Definition, new: &Definition) -> Diff {
    let content = |definition: &Definition| -> Value {
        // Canonical content is JSON by construction; null would show as everything being new.
        serde_json::from_str(&definition.canonical).unwrap_or(Value::Null)
    };
    let (old, new) = (leaves(&content(old)), leaves(&content(new)));
    let places: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differences: Vec<Difference> = places
        .into_iter()
        .filter(|place| place.as_str() != "version" && old.get(*place) != new.get(*place))
        .map(|place| Difference {
            kind: kind_of(place),
            place: place.clone(),
            was: old.get(place).cloned(),
            is: new.get(place).cloned(),
        })
        .collect();
    let known: BTreeSet<String> = old.keys().filter_map(|place| step_of(place)).collect();
    let touched = differences
        .iter()
        .filter(|found| found.kind == Kind::Structure)
        .filter_map(|found| step_of(&found.place))
        .filter(|step| known.contains(step))
        .collect();
    Diff {
        differences,
        touched,
    }
}

/// What kind it is hangs on where a key stands: below `input` or in a template, `timeout` is a name like any other.
fn kind_of(place: &str) -> Kind {
    let keys: Vec<&str> = place.split('.').collect();
    match keys.as_slice() {
        ["steps", _, "compensate" | "reconcile", key, ..] | ["steps", _, key, ..] => {
            one_of(key, &WORDS_OF_A_STEP, &TUNING_OF_A_STEP)
        }
        ["input", .., PERSONAL] => Kind::Words,
        [key, ..] => one_of(key, &WORDS, &TUNING),
        [] => Kind::Structure,
    }
}

fn one_of(key: &str, words: &[&str], tuning: &[&str]) -> Kind {
    if words.contains(&key) {
        Kind::Words
    } else if tuning.contains(&key) {
        Kind::Tuning
    } else {
        Kind::Structure
    }
}

fn step_of(place: &str) -> Option<String> {
    let mut keys = place.split('.');
    (keys.next() == Some("steps")).then(|| keys.next().map(str::to_owned))?
}

/// Every value that is no map, by its path. An empty map is a value too, or its key would be lost.
fn leaves(value: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    collect(value, String::new(), &mut found);
    found
}

fn collect(value: &Value, place: String, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                let below = if place.is_empty() {
                    name.clone()
                } else {
                    format!("{place}.{name}")
                };
                collect(field, below, found);
            }
        }
        Value::Object(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_) => {
            found.insert(place, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "
saga: order
version: 1
steps:
  look: { task: stock/look, readonly: true, timeout: 5s }
  charge:
    needs: [look]
    task: payment/charge
    pivot: true
    retry: { max_attempts: unlimited }
";

    fn changed(from: &str, to: &str) -> Diff {
        let new = OLD.replace("version: 1", "version: 2").replace(from, to);
        assert_ne!(new, OLD);
        let parse = |text: &str| Definition::parse("test", text).unwrap();
        diff(&parse(OLD), &parse(&new))
    }

    #[test]
    fn the_same_content_is_no_difference() {
        let diff = changed("saga: order", "# said\nsaga: order");
        assert_eq!(diff.kind(), None);
    }

    #[test]
    fn words_tuning_and_structure_are_told_apart() {
        let cases = [
            (
                "saga: order",
                "saga: order\ndescription: sells",
                Kind::Words,
            ),
            ("timeout: 5s", "timeout: 6s", Kind::Tuning),
            ("stock/look", "stock/see", Kind::Structure),
            ("needs: [look]", "needs: []", Kind::Structure),
            (
                "payment/charge",
                "payment/charge\n    input: { timeout: 5 }",
                Kind::Structure,
            ),
            (
                "payment/charge",
                "payment/charge\n    input: { reason: a }",
                Kind::Structure,
            ),
        ];
        for (from, to, kind) in cases {
            assert_eq!(changed(from, to).kind(), Some(kind), "{to}");
        }
    }

    #[test]
    fn steps_that_do_something_else_are_touched_and_new_ones_are_not() {
        let other = changed("stock/look", "stock/see");
        assert_eq!(other.touched, BTreeSet::from(["look".to_owned()]));
        let more = changed(
            "  charge:",
            "  check: { task: risk/score, readonly: true }\n  charge:",
        );
        assert_eq!(more.kind(), Some(Kind::Structure));
        assert!(more.touched.is_empty());
        let asked_otherwise = changed(
            "payment/charge",
            "payment/charge\n    input: { customer: a }",
        );
        assert_eq!(
            asked_otherwise.touched,
            BTreeSet::from(["charge".to_owned()])
        );
        let renamed = changed("charge:", "take:");
        assert_eq!(renamed.touched, BTreeSet::from(["charge".to_owned()]));
    }
}
