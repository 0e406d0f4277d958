//! `impresario test`, `simulate` and `replay` on files: exit codes, and what is on standard output.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{run, text};

const SAGAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../workflows/sagas");

fn shipped(name: &str) -> String {
    format!("{SAGAS}/{name}")
}

#[test]
fn the_shipped_table_passes() {
    let output = run(&["test", &shipped("booking.test.yaml")]);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    assert!(
        told.contains("cases passed") && !told.contains("FAILED"),
        "{told}"
    );
}

#[test]
fn a_case_that_fails_tells_what_came_and_how() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("wrong.test.yaml");
    let table = format!(
        "definition: {}
cases:
  - name: declined
    given: {{ authorize: rejected(card_declined) }}
    expect: {{ end: compensated, undone: [authorize, hold] }}
",
        shipped("booking.yaml")
    );
    fs::write(&file, &table).unwrap();
    let file = file.to_str().unwrap();
    let output = run(&["test", file]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for part in [
        "FAILED declined",
        r#"expected  ["authorize","hold"]"#,
        r#"found     ["hold"]"#,
        "authorize  no effect, ever: card_declined",
        "ended: everything is undone",
        "0 of 1 cases passed",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let output = run(&["test", "-o", "json", file]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told[0]["cases"][0]["passed"], false);
    assert_eq!(
        told[0]["cases"][0]["case"]["mismatches"][0]["key"],
        "undone"
    );
}

#[test]
fn a_table_that_is_none_is_refused_with_its_place() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("odd.test.yaml");
    let table = format!(
        "definition: {}\ncases:\n  - name: one\n    given: {{ hodl: failed }}\n    expect: {{ end: stuck }}\n",
        shipped("booking.yaml")
    );
    fs::write(&file, table).unwrap();
    let output = run(&["test", file.to_str().unwrap()]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("did you mean `hold`?") && said.contains("^"),
        "{said}"
    );
    assert_eq!(
        run(&["test", "/nowhere/x.test.yaml"]).status.code(),
        Some(3)
    );
    assert_eq!(run(&["test"]).status.code(), Some(2));
}

#[test]
fn faults_are_enumerated_for_a_table_and_for_a_definition() {
    for file in ["booking.test.yaml", "trivial.yaml"] {
        let output = run(&["test", "--enumerate", &shipped(file)]);
        let told = text(&output.stdout);
        assert!(output.status.success(), "{told}{}", text(&output.stderr));
        for section in ["no fault", "one fault", "two faults", "no answer, acted"] {
            assert!(told.contains(section), "{told}");
        }
    }
}

#[test]
fn a_simulation_is_the_same_for_the_same_seed() {
    let (definition, profile) = (shipped("booking.yaml"), shipped("booking.profile.yaml"));
    let simulated = |seed: &str| -> Value {
        let output = run(&[
            "simulate",
            &definition,
            "--profile",
            &profile,
            "--sagas",
            "500",
            "--matrix",
            "1",
            "--seed",
            seed,
            "--rate",
            "20/s",
            "-o",
            "json",
        ]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let one = simulated("5");
    assert_eq!(one, simulated("5"));
    assert_ne!(one["digest"], simulated("6")["digest"]);
    assert_eq!(one["sagas"], 500);
    assert_eq!(one["capacity"]["pools"][3]["pool"], "payment");
    assert_eq!(one["capacity"]["pools"][3]["slots"], 32);
}

#[test]
fn a_profile_is_written_and_read_again() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("profile.yaml");
    let file = file.to_str().unwrap();
    let definition = shipped("trivial.yaml");
    let few = ["--sagas", "200", "--matrix", "0", "-o", "json"];
    let healthy = run(&[
        &["simulate", &definition, "--write-profile", file],
        &few[..],
    ]
    .concat());
    assert!(healthy.status.success(), "{}", text(&healthy.stderr));
    assert!(text(&healthy.stderr).contains("healthy"));
    let again = run(&[&["simulate", &definition, "--profile", file], &few[..]].concat());
    assert_eq!(text(&healthy.stdout), text(&again.stdout));
}

#[test]
fn what_cannot_be_simulated_has_its_code() {
    let definition = shipped("booking.yaml");
    let code = |arguments: &[&str]| run(&[&["simulate"], arguments].concat()).status.code();
    assert_eq!(code(&["/nowhere/saga.yaml"]), Some(3));
    assert_eq!(
        code(&[&definition, "--profile", "/nowhere/profile.yaml"]),
        Some(3)
    );
    assert_eq!(code(&[&definition, "--target-wait", "1s"]), Some(2));
    assert_eq!(code(&[&definition, "--rate", "many"]), Some(2));
    assert_eq!(code(&[&definition, "--profile", &definition]), Some(1));
    assert_eq!(code(&[&definition, "--learn", &definition]), Some(1));
    let replay = run(&[
        "replay",
        "--from",
        "/nowhere/sagas.ndjson",
        "--definition",
        &definition,
    ]);
    assert_eq!(replay.status.code(), Some(3));
}
