//! The committed OpenAPI document is the one that is served; `UPDATE_OPENAPI=1` writes it anew.

use impresario_orchestrator::api::openapi;
use impresario_workflows::Definition;
use impresario_workflows::definition::SHIPPED;
use serde_json::Value;

fn document() -> Value {
    let definitions: Vec<Definition> = SHIPPED
        .iter()
        .map(|(name, text)| Definition::parse(name, text).unwrap())
        .collect();
    openapi::document(&definitions)
}

#[test]
fn the_committed_document_is_fresh() {
    let document = document();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
        std::fs::write(path, text).unwrap();
    }
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(
        committed == document,
        "run this test with UPDATE_OPENAPI=1 and review the difference"
    );
}

#[test]
fn every_reference_leads_somewhere_and_operations_have_names_of_their_own() {
    let document = document();
    let (mut references, mut operations) = (Vec::new(), Vec::new());
    walk(&document, &mut references, &mut operations);
    for reference in &references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let count = operations.len();
    operations.sort();
    operations.dedup();
    assert!(
        references.len() > 20 && count > 10 && operations.len() == count,
        "{operations:?}"
    );
}

fn walk(value: &Value, references: &mut Vec<String>, operations: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("$ref", Value::String(reference)) => references.push(reference.clone()),
                    ("operationId", Value::String(operation)) => operations.push(operation.clone()),
                    (_, value) => walk(value, references, operations),
                }
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| walk(item, references, operations)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
