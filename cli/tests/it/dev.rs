//! `impresario dev` serves, refuses a second one beside it, drains, and keeps its data; `saga` talks to it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Dev, postgres_is_missing, run, text};
use crate::verify::a_served_booking_is_judged;

const EVENT: &str = "0e7e0000-0000-4000-8000-000000000002";

pub(crate) fn book(url: &str, seat: &str, key: &str, token: &str, wait: u8) -> Value {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let answer = reqwest::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
            .post(format!("{url}/v1/bookings"))
            .header("idempotency-key", key)
            .header("prefer", format!("wait={wait}"))
            .json(&json!({
                "event_id": EVENT, "seats": [seat], "customer_email": "a@example.org", "payment_token": token,
            }))
            .send()
            .await
            .unwrap();
        answer.json().await.unwrap()
    })
}

#[test]
fn dev_serves_and_drains_and_keeps_what_it_has() {
    if postgres_is_missing() {
        return;
    }
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path());
    let booking = book(dev.url(), "A1", "once", "tok_ok", 20);
    assert_eq!(booking["status"], "confirmed", "{booking}");
    let id = booking["id"].as_str().unwrap().to_owned();

    a_second_one_is_refused(&data, &dev);
    sagas_are_found_and_told(dev.url(), &id);
    sagas_are_commanded(dev.url(), &id);
    assert!(dev.terminate().success());

    let again = Dev::start(data.path());
    let replayed = book(again.url(), "A1", "once", "tok_ok", 20);
    assert_eq!(
        (&replayed["id"], &replayed["status"]),
        (&booking["id"], &booking["status"])
    );
    a_served_booking_is_judged(&again);
    assert!(again.terminate().success());

    // Removed only when it is agreed to.
    let path = data.path().to_str().unwrap();
    assert_eq!(
        run(&["dev", "reset", "--data-dir", path]).status.code(),
        Some(2)
    );
    assert_eq!(
        run(&["dev", "reset", "--yes", "--data-dir", path])
            .status
            .code(),
        Some(0)
    );
    assert!(!data.path().exists());
}

fn a_second_one_is_refused(data: &TempDir, dev: &Dev) {
    let path = data.path().to_str().unwrap();
    let second = run(&["dev", "--port", "0", "--no-open", "--data-dir", path]);
    let said = text(&second.stderr);
    assert_eq!(second.status.code(), Some(4), "{said}");
    assert!(
        said.contains("already running") && said.contains(dev.url()),
        "{said}"
    );
    let reset = run(&["dev", "reset", "--yes", "--data-dir", path]);
    assert_eq!(reset.status.code(), Some(4), "{}", text(&reset.stderr));
}

fn sagas_are_found_and_told(url: &str, id: &str) {
    let list = run(&[
        "saga",
        "list",
        "--server",
        url,
        "--status",
        "completed",
        "-o",
        "json",
    ]);
    let found: Value = serde_json::from_slice(&list.stdout).unwrap();
    let ids: Vec<&Value> = found["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|saga| &saga["id"])
        .collect();
    assert!(ids.contains(&&json!(id)), "{found}");

    let show = run(&["saga", "show", id, "--server", url]);
    let told = text(&show.stdout);
    assert!(show.status.success() && told.contains("capture"), "{told}");
    assert!(told.contains("ended: completed"), "{told}");

    let missing = ["00000000-0000-8000-8000-000000000000", "../bookings", "x"];
    for other in missing {
        let show = run(&["saga", "show", other, "--server", url]);
        assert_eq!(
            show.status.code(),
            Some(3),
            "{other}: {}",
            text(&show.stderr)
        );
        assert!(show.stdout.is_empty());
    }
    let filter = run(&["saga", "list", "--server", url, "--status", "wonderful"]);
    assert_eq!(filter.status.code(), Some(2), "{}", text(&filter.stderr));
}

fn sagas_are_commanded(url: &str, id: &str) {
    let act = |arguments: &[&str]| {
        let mut all = vec!["saga"];
        all.extend(arguments);
        all.extend(["--server", url, "--reason", "a test", "-o", "json"]);
        run(&all)
    };
    // The bank takes its time: it can still be undone.
    let slow = book(url, "A2", "slow", "tok_slow", 0);
    let slow = slow["id"].as_str().unwrap();
    until_authorizing(url, slow);
    let cancelled = act(&["cancel", slow]);
    let told = text(&cancelled.stderr);
    assert!(cancelled.status.success(), "{told}");
    assert!(
        told.contains("turns around") && told.contains("a test"),
        "{told}"
    );
    let after: Value = serde_json::from_slice(&cancelled.stdout).unwrap();
    assert_eq!(
        (&after["changed"], &after["after"]["status"]),
        (&json!(true), &json!("compensated"))
    );

    let refused = act(&["cancel", id]);
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused.stderr));
    let nothing = act(&["retry", id]);
    assert_eq!(nothing.status.code(), Some(4), "{}", text(&nothing.stderr));
}

/// A command insists on what was seen: it is given while the saga stands still.
fn until_authorizing(url: &str, id: &str) {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let show = run(&["saga", "show", id, "--server", url, "-o", "json"]);
        let saga: Value = serde_json::from_slice(&show.stdout).unwrap();
        let authorize = &saga["steps"][1];
        if authorize["id"] == "authorize" && authorize["state"] == "running" {
            return;
        }
        assert!(Instant::now() < end, "{saga}");
    }
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let output = run(&["saga", "list", "--server", "http://127.0.0.1:1"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("impresario dev"), "{said}");
    assert_eq!(
        run(&["saga", "list", "--server", "nonsense"]).status.code(),
        Some(2)
    );
}
