//! `impresario doctor` looks at what is named to it and says how to mend it.

use impresario_services::Postgres;
use serde_json::Value;

use crate::program::{postgres_is_missing, run, text};

#[test]
fn the_broker_is_signed_in_to_and_a_wrong_password_fails_with_a_remedy() {
    let Some(url) = impresario_services::shared::amqp_url().unwrap() else {
        return;
    };
    let broker = |url: &str| {
        let output = run(&["doctor", "--amqp-url", url, "-o", "json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = report.as_array().unwrap().clone();
        let found = |what: &str| findings.iter().find(|finding| finding["what"] == what);
        let (broker, sign_in) = (found("broker").unwrap(), found("sign-in").unwrap());
        assert_eq!(broker["verdict"], "ok", "{report}");
        sign_in.clone()
    };
    assert_eq!(broker(&url)["verdict"], "ok");
    let (before, after) = url.split_once("guest@").unwrap();
    let wrong = broker(&format!("{before}topsecret@{after}"));
    assert_eq!(wrong["verdict"], "fail", "{wrong}");
    assert!(
        wrong["fix"].as_str().unwrap().contains("password"),
        "{wrong}"
    );
    assert!(!wrong.to_string().contains("topsecret"), "{wrong}");
    let nowhere = broker(&url.replace("%2f", "nowhere"));
    assert_eq!(nowhere["verdict"], "fail", "{nowhere}");
    let fix = nowhere["fix"].as_str().unwrap();
    assert!(fix.contains("add_vhost 'nowhere'"), "{nowhere}");
}

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
