//! `impresario lint` and `schema`: exit codes and what is on standard output.

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
    assert!(
        told.contains("parsed and checked; not yet explored"),
        "{told}"
    );
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
fn usage_and_missing_files_have_their_codes() {
    assert_eq!(run(&["lint"]).status.code(), Some(2));
    assert_eq!(run(&["lint", "/nowhere/saga.yaml"]).status.code(), Some(3));
}

#[test]
fn the_schema_is_json_on_standard_output() {
    let schema: Value = serde_json::from_slice(&run(&["schema"]).stdout).unwrap();
    assert!(schema["properties"]["steps"].is_object(), "{schema}");
}
