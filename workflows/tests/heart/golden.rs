//! Yesterday's bytes: each kind of fact that was ever written still loads, and yesterday's sagas still fold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use impresario_workflows::Definition;
use impresario_workflows::saga::{
    Cause, Event, Forward, Input, Known, Moment, Operation, Phase, Served, State, Undoing, decide,
    evolve,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
}

/// Name and text of each file with this ending.
fn files(name: &str, ending: &str) -> BTreeMap<String, String> {
    fs::read_dir(folder(name))
        .expect("the golden folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .map(|path| {
            let stem = path
                .file_name()
                .expect("a file")
                .to_string_lossy()
                .into_owned();
            (
                stem.trim_end_matches(ending).to_owned(),
                fs::read_to_string(&path).expect("text"),
            )
        })
        .collect()
}

#[test]
fn each_kind_of_fact_still_loads_and_is_written_the_same() {
    for (name, text) in files("events", ".json") {
        let event: Event = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let written = serde_json::to_value(&event).expect("a fact is JSON");
        let stored: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(written, stored, "{name}");
        let kind = stored["event"].as_str().expect("a kind");
        assert_eq!(
            name.split('-').next(),
            Some(kind),
            "a file is named after its kind"
        );
    }
}

#[test]
fn no_kind_of_fact_is_without_a_file() {
    let named: BTreeSet<String> = files("events", ".json")
        .keys()
        .map(|name| name.split('-').next().unwrap_or_default().to_owned())
        .collect();
    let kinds = kinds_of_facts();
    assert_eq!(named, kinds, "golden files and kinds of facts");
}

#[test]
fn no_cause_no_operation_and_no_finding_is_without_a_file() {
    let text: String = files("events", ".json").into_values().collect();
    let missing = |kinds: BTreeSet<String>, key: &str| -> Vec<String> {
        kinds
            .into_iter()
            .filter(|kind| !text.contains(&format!("\"{key}\": \"{kind}\"")))
            .collect()
    };
    assert_eq!(missing(causes(), "cause"), [""; 0]);
    assert_eq!(
        missing(variants::<Operation>(&json!("?")), "operation"),
        [""; 0]
    );
    assert_eq!(missing(variants::<Known>(&json!("?")), "known"), [""; 0]);
}

pub(crate) fn kinds_of_facts() -> BTreeSet<String> {
    variants::<Event>(&json!({ "event": "?" }))
}

pub(crate) fn causes() -> BTreeSet<String> {
    variants::<Cause>(&json!({ "cause": "?" }))
}

/// The names of an enum's variants, as its reader lists them when it meets one that it does not know.
fn variants<T: DeserializeOwned>(unknown: &Value) -> BTreeSet<String> {
    let Err(error) = T::deserialize(unknown) else {
        panic!("`?` is no variant")
    };
    let text = error.to_string();
    let names: BTreeSet<String> = text
        .split('`')
        .skip(3)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    assert!(names.len() > 1, "{text}");
    names
}

#[test]
fn h29_a_fact_of_a_newer_binary_is_an_error_and_not_something_else() {
    for text in [
        r#"{ "event": "teleported", "step": "hold" }"#,
        r#"{ "event": "undone", "step": "hold", "by": "magic" }"#,
        r#"{ "event": "undone" }"#,
        r#"{ "step": "hold" }"#,
    ] {
        assert!(serde_json::from_str::<Event>(text).is_err(), "{text}");
    }
}

/// A whole saga.
#[derive(Deserialize)]
struct History {
    /// File of the definition that it is pinned to.
    definition: String,
    /// The facts of each commit.
    rows: Vec<Vec<Event>>,
    /// What it came to.
    end: Value,
}

#[test]
fn h29_yesterdays_sagas_come_to_their_end() {
    let histories = files("histories", ".history.json");
    assert!(histories.len() >= 4);
    for (name, text) in histories {
        let history: History =
            serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let definition = stored_definition(&history.definition);
        let mut state = State::unborn("00000000-0000-8000-8000-000000000001", &definition);
        for row in &history.rows {
            for event in row {
                evolve(&definition, &mut state, event).unwrap_or_else(|e| panic!("{name}: {e}"));
            }
            can_be_decided(&definition, &state);
        }
        assert_eq!(end(&definition, &state), history.end, "{name}");
    }
}

fn stored_definition(name: &str) -> Definition {
    let text = fs::read_to_string(folder("histories").join(name)).expect("a stored definition");
    Definition::from_canonical(text.trim_end()).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// A saga that was left here by yesterday's binary goes on under this one.
fn can_be_decided(definition: &Definition, state: &State) {
    let moment = Moment {
        now: state.started_at + 60_000,
        jitter_permille: 0,
    };
    for input in [
        Input::Timer(Served::default()),
        Input::Redispatch { pool: None },
    ] {
        let decision = decide(definition, state, &input, moment).expect("a decision");
        crate::bench::laws::hold(definition, state, &input, &decision);
    }
}

/// What a saga came to, as JSON.
fn end(definition: &Definition, state: &State) -> Value {
    let steps: BTreeMap<&str, Value> = definition
        .steps
        .iter()
        .zip(&state.steps)
        .map(|(step, at)| {
            let mut stands = vec![forward(&at.forward)];
            if at.undoing == Undoing::Done {
                stands.push("undone".to_owned());
            }
            if at.generation > 1 {
                stands.push(format!("generation {}", at.generation));
            }
            (step.id.as_str(), json!(stands.join(", ")))
        })
        .collect();
    let (output, cause) = match &state.phase {
        Phase::Completed { output } => (json!(output), Value::Null),
        Phase::Compensated { cause } | Phase::Compensating { cause } => (Value::Null, json!(cause)),
        Phase::New | Phase::Forward { .. } => (Value::Null, Value::Null),
    };
    let status = state.status(definition).as_str();
    json!({ "status": status, "steps": steps, "output": output, "cause": cause })
}

fn forward(forward: &Forward) -> String {
    match forward {
        Forward::Pending => "pending".to_owned(),
        Forward::Skipped => "skipped".to_owned(),
        Forward::Waiting { .. } => "waiting".to_owned(),
        Forward::FannedOut => "fanned out".to_owned(),
        Forward::Blocked { problem } => format!("blocked ({})", problem.code),
        Forward::Open { operation, .. } => format!("open ({})", operation.as_str()),
        Forward::Succeeded { .. } => "succeeded".to_owned(),
        Forward::Closed { problem } => format!("closed ({})", problem.code),
        Forward::GivenUp { problem } => format!("given up ({})", problem.code),
    }
}
