//! `impresario doctor` looks at what is named to it and says how to mend it.

use impresario_services::Postgres;
use serde_json::Value;

use crate::program::{postgres_is_missing, run, text};

#[test]
fn a_private_postgres_is_well_and_a_missing_one_fails_with_a_remedy() {
    if postgres_is_missing() {
        return;
    }
    let postgres = Postgres::temporary().unwrap();
    let url = postgres.url("postgres");
    let output = run(&["doctor", "--database-url", &url, "-o", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "{report}");
    let of = |what: &str| {
        let findings = report.as_array().unwrap();
        findings
            .iter()
            .find(|finding| finding["what"] == what)
            .unwrap()
            .clone()
    };
    for what in ["postgres", "database", "durability", "connections", "clock"] {
        assert_eq!(of(what)["verdict"], "ok", "{report}");
    }
    drop(postgres);

    let output = run(&[
        "doctor",
        "--database-url",
        "postgres://me:secret@127.0.0.1:1/x",
    ]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("fail  database") && told.contains("fix:"),
        "{told}"
    );
    assert!(!told.contains("secret"), "{told}");
}
