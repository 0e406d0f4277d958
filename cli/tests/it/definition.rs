//! `impresario lint`, `check` and `schema`: exit codes and what is on standard output.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{run, text};

const BOOKING: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../workflows/sagas/booking.yaml"
);

#[test]
fn a_shipped_definition_is_accepted_and_no_proof_is_claimed() {
    let output = run(&["lint", BOOKING]);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    assert!(told.contains("parsed and checked; not explored"), "{told}");
}

#[test]
fn everything_that_is_wrong_is_told() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("bad.yaml");
    let good = fs::read_to_string(BOOKING).unwrap();
    fs::write(
        &file,
        good.replace("pivot: true", "pivto: true")
            .replace("timeout: 5s", "timeout: soon"),
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let output = run(&["lint", BOOKING, file]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("pivto") && told.contains("soon"), "{told}");

    let output = run(&["lint", "-o", "json", BOOKING, file]);
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!([&told[0]["accepted"], &told[1]["accepted"]], [true, false]);
    assert!(
        told[1]["diagnostics"].as_array().unwrap().len() >= 2,
        "{told}"
    );
}

#[test]
fn a_shipped_definition_is_proved() {
    let output = run(&["check", BOOKING, "--ends"]);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{told}{}", text(&output.stderr));
    assert!(told.contains("booking.yaml: proved: "), "{told}");
    assert!(told.contains("stuck: reconcile capture"), "{told}");

    let output = run(&["check", "-o", "json", BOOKING]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told[0]["verdict"], "proved", "{told}");
    assert_eq!(told[0]["ends"][0]["status"], "completed", "{told}");
}

#[test]
fn tables_and_profiles_beside_definitions_are_left_out() {
    let table = BOOKING.replace(".yaml", ".test.yaml");
    let output = run(&["lint", BOOKING, &table]);
    let (told, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{told}{said}");
    assert!(
        said.contains("booking.test.yaml: left out, it is a test table"),
        "{said}"
    );
    assert_eq!(run(&["check", &table]).status.code(), Some(2));
}

#[test]
fn a_definition_that_goes_wrong_is_disproved_and_drawn() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let good = fs::read_to_string(BOOKING).unwrap();
    fs::write(path("bad.yaml"), good.replace("    pins: [hold]\n", "")).unwrap();
    let (bad, svg, mermaid) = (path("bad.yaml"), path("bad.svg"), path("bad.mmd"));
    let output = run(&["check", BOOKING, &bad, "--svg", &svg, "--mermaid", &mermaid]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(6), "{told}");
    assert!(told.contains("disproved: invariant"), "{told}");
    assert!(
        told.contains("`charge implies seat` does not hold"),
        "{told}"
    );
    assert!(told.contains("hold: lets it expire"), "{told}");
    assert!(fs::read_to_string(svg).unwrap().starts_with("<svg"));
    assert!(
        fs::read_to_string(mermaid)
            .unwrap()
            .starts_with("sequenceDiagram")
    );

    let output = run(&["check", "-o", "json", &bad]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = &told[0]["counterexample"];
    assert_eq!(found["property"], "invariant", "{told}");
    assert_eq!(found["timeline"][0]["who"], "customer", "{told}");
}

#[test]
fn what_is_too_large_or_refused_is_not_proved() {
    let output = run(&["check", BOOKING, "--states-max", "100", "--seed", "7"]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(7), "{told}");
    assert!(
        told.contains("not proved") && told.contains("seed 7"),
        "{told}"
    );

    let folder = TempDir::new().unwrap();
    let file = folder.path().join("refused.yaml");
    fs::write(&file, "saga: order\nversion: 1\nsteps: {}\n").unwrap();
    let output = run(&["check", file.to_str().unwrap()]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("SG006") && told.contains("refused"), "{told}");
    assert_eq!(run(&["check", "/nowhere/saga.yaml"]).status.code(), Some(3));
}

#[test]
fn usage_and_missing_files_have_their_codes() {
    assert_eq!(run(&["lint"]).status.code(), Some(2));
    assert_eq!(run(&["lint", "/nowhere/saga.yaml"]).status.code(), Some(3));
}

#[test]
fn the_schema_is_json_on_standard_output() {
    let schema: Value = serde_json::from_slice(&run(&["schema"]).stdout).unwrap();
    assert!(schema["properties"]["steps"].is_object(), "{schema}");
}
