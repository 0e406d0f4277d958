//! The JSON Schema that editors use is the one of the types, and knows the keys that the parser knows.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use impresario_workflows::Definition;
use impresario_workflows::definition::json_schema_of_files;
use serde_json::Value;

#[test]
fn the_committed_schema_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sagas/saga.schema.json");
    let fresh = serde_json::to_string_pretty(&json_schema_of_files()).unwrap() + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&path, &fresh).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == fresh,
        "sagas/saga.schema.json is stale: run the tests with UPDATE_SCHEMA=1"
    );
}

/// The parser lists the keys of a map when it meets one that is like none of them.
#[test]
fn schema_and_parser_know_the_same_keys() {
    let text = "
saga: order
version: 1
xxxxxxxxxxxxxxxx: 1
defaults: { xxxxxxxxxxxxxxxx: 1 }
customer: { xxxxxxxxxxxxxxxx: 1 }
steps:
  a:
    task: a/b
    xxxxxxxxxxxxxxxx: 1
    retry: { xxxxxxxxxxxxxxxx: 1 }
    compensate: { task: a/b, xxxxxxxxxxxxxxxx: 1 }
    reconcile: { task: a/b, xxxxxxxxxxxxxxxx: 1 }
  b:
    wait: { signal: a, timeout: 1s, xxxxxxxxxxxxxxxx: 1 }
  c:
    approve: { timeout: 1s, xxxxxxxxxxxxxxxx: 1 }
";
    let diagnostics = Definition::parse("keys.yaml", text).unwrap_err();
    let parser: BTreeSet<BTreeSet<String>> = diagnostics
        .iter()
        .filter(|found| found.code == "SG001")
        .filter_map(|found| found.help.as_deref()?.strip_prefix("there are: "))
        .map(|keys| keys.split(", ").map(str::to_owned).collect())
        .collect();
    assert_eq!(parser.len(), 9, "{diagnostics:#?}");
    let schema = json_schema_of_files();
    let definitions = schema["$defs"].as_object().unwrap().values();
    let editor: BTreeSet<BTreeSet<String>> =
        definitions.chain([&schema]).filter_map(keys_of).collect();
    assert_eq!(parser, editor);
}

fn keys_of(schema: &Value) -> Option<BTreeSet<String>> {
    Some(
        schema
            .get("properties")?
            .as_object()?
            .keys()
            .cloned()
            .collect(),
    )
}
