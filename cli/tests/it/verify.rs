//! `impresario verify` on records and on a platform at rest.

use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Dev, run, text};

#[test]
fn what_cannot_be_judged_is_told_by_its_code() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().to_str().unwrap();
    let code = || run(&["verify", path]).status.code();
    let about = folder.path().join("about.json");
    let verdicts = [
        (run(&["verify"]).status.code(), 2, "nothing named"),
        (run(&["verify", "nowhere"]).status.code(), 3, "no folder"),
        (code(), 3, "no about.json"),
        (
            {
                std::fs::write(&about, r#"{"format": 99}"#).unwrap();
                code()
            },
            1,
            "another format",
        ),
        (
            {
                std::fs::write(&about, r#"{"format": 1}"#).unwrap();
                code()
            },
            3,
            "nothing to judge must not look like a proof",
        ),
        (
            {
                std::fs::write(folder.path().join("outbox.ndjson"), "{}\n").unwrap();
                code()
            },
            1,
            "a line that cannot be read",
        ),
        (
            {
                std::fs::write(folder.path().join("outbox.ndjson"), "").unwrap();
                code()
            },
            0,
            "an empty outbox is right",
        ),
    ];
    for (is, expected, what) in verdicts {
        assert_eq!(is, Some(expected), "{what}");
    }
    let away = "postgres://nobody@127.0.0.1:1/nothing";
    let unreachable = run(&["verify", "--database-url", away]);
    assert_eq!(
        unreachable.status.code(),
        Some(5),
        "{}",
        text(&unreachable.stderr)
    );
}

/// Takes the records of a `dev` that has served a booking, and judges them twice: as they are, and with one line more.
pub(crate) fn a_served_booking_is_judged(dev: &Dev) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().to_str().unwrap();
    let [database, provider] =
        ["database_url", "provider_url"].map(|url| dev.told[url].as_str().unwrap());
    let live = [
        "verify",
        path,
        "--database-url",
        database,
        "--provider-url",
        provider,
        "-o",
        "json",
    ];
    // What was confirmed is taken out of the outbox a moment later.
    let until = Instant::now() + Duration::from_secs(20);
    let mut judged = run(&live);
    while !judged.status.success() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(300));
        judged = run(&live);
    }
    let report: Value = serde_json::from_slice(&judged.stdout).unwrap();
    assert_eq!(judged.status.code(), Some(0), "{report:#}");
    let names = |list: &Value| list.as_array().unwrap().clone();
    assert!(
        names(&report["judged"]).contains(&"money fits the end".into()),
        "{report}"
    );
    let not = names(&report["not_judged"]);
    let missing = |rule: &str| not.iter().any(|not| not["rule"] == rule);
    assert!(
        missing("no odd answers") && missing("queues empty"),
        "{report}"
    );

    let saga = std::fs::read_to_string(folder.path().join("saga.ndjson")).unwrap();
    let forged = saga.replacen("\"completed\"", "\"compensated\"", 1);
    assert_ne!(saga, forged, "a booking was completed");
    std::fs::write(folder.path().join("saga.ndjson"), forged).unwrap();
    let again = run(&["verify", path]);
    let told = text(&again.stdout);
    assert_eq!(again.status.code(), Some(1), "{told}");
    // The rule, and the story with its witnesses.
    for word in [
        "stored is folded (I12)",
        "journal",
        "provider",
        "capture",
        "books",
        "in the end",
    ] {
        assert!(told.contains(word), "no `{word}` in {told}");
    }
}
