//! `impresario dev` checks definitions while they are written: a real process, a real file, a real engine.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Dev, postgres_is_missing, run, text};

/// A nap: two steps of the pool that answers at once.
fn nap(version: u32, more: &str) -> String {
    format!(
        "saga: nap
version: {version}
description: A nap
rest: naps
key: ${{{{ input.id }}}}
input: {{ type: object, required: [id], properties: {{ id: {{ type: string }} }} }}
steps:
  first:
    task: echo/reserve
    input: {{ id: \"${{{{ input.id }}}}\" }}
    effect: one
    compensate: {{ task: echo/release, input: {{ id: \"${{{{ input.id }}}}\" }} }}
  second:
    needs: [first]
    task: echo/charge
    input: {{ id: \"${{{{ input.id }}}}\" }}
    effect: two
    compensate: {{ task: echo/refund, input: {{ id: \"${{{{ input.id }}}}\" }} }}
{more}output:
  version: {version}
"
    )
}

/// The second step may fail and be passed over, and then there is one effect without the other.
fn disproved(version: u32) -> String {
    nap(
        version,
        "    on_failure: continue\ninvariants:\n  - one implies two\n",
    )
}

/// Starts a nap and waits for its end; the version of the definition that it was pinned to.
fn nap_version(url: &str, id: &str) -> Value {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let nap: Value = runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client
            .post(format!("{url}/v1/naps"))
            .header("idempotency-key", id)
            .header("prefer", "wait=20")
            .json(&json!({ "id": id }))
            .send()
            .await
            .unwrap();
        answer.json().await.unwrap()
    });
    let saga = nap["id"].as_str().unwrap_or_else(|| panic!("{nap}"));
    let show = run(&["saga", "show", saga, "--server", url, "-o", "json"]);
    let saga: Value = serde_json::from_slice(&show.stdout).unwrap();
    assert_eq!(saga["status"], "completed", "{saga}");
    saga["definition"]["version"].clone()
}

#[test]
fn a_saved_definition_is_checked_and_loaded_once_it_is_proved() {
    if postgres_is_missing() {
        return;
    }
    let (data, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let file = folder.path().join("nap.yaml");
    fs::write(&file, nap(1, "")).unwrap();
    fs::write(folder.path().join("nap.test.yaml"), "not looked at").unwrap();
    let watched = folder.path().to_str().unwrap();
    let dev = Dev::start_with(data.path(), &["--definition", watched]);

    let said = dev.until_said("loaded nap v1");
    assert!(said.contains("nap.yaml: proved: "), "{said}");
    assert_eq!(nap_version(dev.url(), "one"), 1);

    // What is no definition, and what is disproved, stays outside: new sagas are still of the first version.
    fs::write(&file, "saga: nap\nversion: two\n").unwrap();
    dev.until_said("nap.yaml: refused");
    dev.until_said("not loaded");
    fs::write(&file, disproved(2)).unwrap();
    let said = dev.until_said("not loaded");
    assert!(
        said.contains("disproved: ") && said.contains("one implies two"),
        "{said}"
    );
    assert_eq!(nap_version(dev.url(), "two"), 1);

    // Another content under an old version is another definition.
    let readonly = "  third: { needs: [second], task: echo/confirm, readonly: true }\n";
    fs::write(&file, nap(1, readonly)).unwrap();
    let said = dev.until_said("not loaded");
    assert!(said.contains("proved: "), "{said}");
    dev.until_said("new version");

    fs::write(&file, nap(2, readonly)).unwrap();
    dev.until_said("loaded nap v2");
    assert_eq!(nap_version(dev.url(), "three"), 2);
    assert!(dev.terminate().success());
}

#[test]
fn a_definition_that_is_not_there_is_said_before_anything_starts() {
    let data = TempDir::new().unwrap();
    let path = data.path().to_str().unwrap();
    let output = run(&[
        "dev",
        "--no-open",
        "--data-dir",
        path,
        "--definition",
        "/nowhere/x.yaml",
    ]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
}
