//! A saga that goes on under another version of its definition is judged like any other: `apply`, `saga migrate`,
//! `verify`, against one `dev`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Dev, postgres_is_missing, run, text};

/// Two letters with a word waited for between them; from version 2 on there is a third.
fn letters(version: u32) -> String {
    let letter = |name: &str, after: &str| {
        format!(
            "  {name}: {{ needs: [{after}], task: notification/booking-confirmed, effect: {name}, \
             compensate: none, reason: a letter is read, \
             input: {{ customer_email: \"${{{{ input.email }}}}\", booking_ref: {name} }} }}\n"
        )
    };
    let third = if version > 1 {
        letter("third", "second")
    } else {
        String::new()
    };
    format!(
        "saga: letters\nversion: {version}\nrest: letters\n\
         input: {{ type: object, required: [email], properties: {{ email: {{ type: string }} }} }}\n\
         steps:\n{}  word: {{ needs: [first], wait: {{ signal: go, timeout: 10m }} }}\n{}{third}",
        letter("first", ""),
        letter("second", "word"),
    )
}

#[test]
fn a_migrated_saga_is_judged_under_both_versions() {
    if postgres_is_missing() {
        return;
    }
    let (data, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let dev = Dev::start(data.path());
    for version in [1, 2] {
        let file = folder.path().join(format!("letters-{version}.yaml"));
        std::fs::write(&file, letters(version)).unwrap();
        told(&dev, &["apply", file.to_str().unwrap()]);
        if version == 1 {
            start(dev.url());
        }
    }
    let waits = until(&dev, "waiting");

    let order = ["--definition", "letters", "--from", "1", "--to", "2"];
    let moved = told(
        &dev,
        &[
            &["saga", "migrate", "--reason", "a third letter"],
            &order[..],
        ]
        .concat(),
    );
    assert!(moved.contains("proved"), "{moved}");
    let id = waits["id"].as_str().unwrap();
    told(&dev, &["saga", "signal", id, "go", "--key", "once"]);
    let ended = until(&dev, "completed");
    assert_eq!(ended["version"], 2, "{ended}");

    let records = folder.path().join("records");
    let records = records.to_str().unwrap();
    let database = dev.told["database_url"].as_str().unwrap();
    let live = ["verify", records, "--database-url", database];
    let patience = Instant::now() + Duration::from_secs(20);
    let mut judged = run(&live);
    // What was confirmed is taken out of the outbox a moment later.
    while !judged.status.success() && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(300));
        judged = run(&live);
    }
    assert_eq!(judged.status.code(), Some(0), "{}", text(&judged.stdout));

    // Had the order never been given, there would be no third letter.
    let journal = std::path::Path::new(records).join("journal.ndjson");
    let kept = std::fs::read_to_string(&journal).unwrap();
    let without: Vec<&str> = kept
        .lines()
        .filter(|line| !line.contains("migrated"))
        .collect();
    assert_eq!(
        without.len() + 1,
        kept.lines().count(),
        "one fact is the order"
    );
    std::fs::write(&journal, without.join("\n") + "\n").unwrap();
    let again = run(&["verify", records]);
    assert_eq!(again.status.code(), Some(1), "{}", text(&again.stdout));
    assert!(dev.terminate().success());
}

fn start(url: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let status = runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.post(format!("{url}/v1/letters"));
        let request = request.header("idempotency-key", "letters");
        request
            .json(&json!({ "email": "ana@example.org" }))
            .send()
            .await
            .unwrap()
            .status()
    });
    assert_eq!(status, 202);
}

/// What a command says that works.
fn told(dev: &Dev, words: &[&str]) -> String {
    let output = run(&[words, &["--server", dev.url()]].concat());
    assert!(
        output.status.success(),
        "{words:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// The only saga, once it stands so.
fn until(dev: &Dev, status: &str) -> Value {
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        let list = told(
            dev,
            &["saga", "list", "--definition", "letters", "-o", "json"],
        );
        let found: Value = serde_json::from_str(&list).unwrap();
        let saga = found["data"][0].clone();
        if saga["status"] == status {
            return saga;
        }
        assert!(Instant::now() < patience, "not {status}: {found:#}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
