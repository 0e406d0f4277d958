//! Sagas of a real platform, recorded by `impresario saga export`: under their own definition they live the same
//! life again, under another one they do not, and a profile is learned from them.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::dev::book;
use crate::program::{Dev, postgres_is_missing, run, text};

const BOOKING: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../workflows/sagas/booking.yaml"
);

/// Tokens of the sandbox provider, and what becomes of a booking with them.
const BOOKINGS: [(&str, &str, &str); 4] = [
    ("A2", "tok_ok", "confirmed"),
    ("A3", "tok_declined", "declined"),
    ("A4", "tok_flaky", "confirmed"),
    ("A5", "tok_timeout_charged", "confirmed"),
];

#[test]
fn recorded_sagas_live_again() {
    if postgres_is_missing() {
        return;
    }
    let data = TempDir::new().unwrap();
    let dev = Dev::start(data.path());
    for (seat, token, status) in BOOKINGS {
        let booking = book(dev.url(), seat, token, token, 30);
        assert_eq!(booking["status"], status, "{token}: {booking}");
    }
    let recording = data.path().join("sagas.ndjson");
    export(dev.url(), &recording);
    assert!(dev.terminate().success());

    let replayed = replay(&recording, Path::new(BOOKING));
    let sagas = replayed["sagas"].as_array().unwrap();
    assert!(sagas.len() >= BOOKINGS.len(), "{replayed}");
    assert!(
        sagas.iter().all(|saga| saga["verdict"] == "same"),
        "{replayed}"
    );

    let hasty = data.path().join("hasty.yaml");
    let text_of = fs::read_to_string(BOOKING).unwrap();
    let once = text_of.replace(
        "max_attempts: 3\n      unless: [card_declined",
        "max_attempts: 1\n      unless: [card_declined",
    );
    assert_ne!(once, text_of);
    fs::write(&hasty, once).unwrap();
    let replayed = replay(&recording, &hasty);
    let otherwise = |saga: &&Value| saga["verdict"] != "same";
    assert!(
        replayed["sagas"]
            .as_array()
            .unwrap()
            .iter()
            .any(|saga| otherwise(&saga)),
        "{replayed}"
    );

    let recording = recording.to_str().unwrap();
    let learned = run(&[
        "simulate", BOOKING, "--learn", recording, "--sagas", "100", "--matrix", "0",
    ]);
    let said = text(&learned.stderr);
    assert!(learned.status.success(), "{said}");
    assert!(
        said.contains("learned from") && said.contains("taken to be healthy"),
        "{said}"
    );
}

fn export(url: &str, file: &Path) {
    let output = run(&["saga", "export", "--server", url, "--definition", "booking"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    fs::write(file, output.stdout).unwrap();
}

fn replay(recording: &Path, definition: &Path) -> Value {
    let (from, definition) = (recording.to_str().unwrap(), definition.to_str().unwrap());
    let output = run(&[
        "replay",
        "--from",
        from,
        "--definition",
        definition,
        "-o",
        "json",
    ]);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
}
