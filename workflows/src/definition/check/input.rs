//! Is the input's schema one that a start can be checked against?

use serde_json::Value;

use super::super::code;
use super::super::diagnostic::Diagnostic;
use super::super::file::SagaFile;
use super::super::input_schema::InputSchema;
use super::super::node::Node;
use super::super::read::Reader;

/// The schema of a file, closed.
pub(crate) fn input_schema(reader: &mut Reader<'_>, file: &SagaFile) -> InputSchema {
    let Some(node) = &file.input else {
        return InputSchema::empty();
    };
    let schema = node.to_json();
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        let message = "`input` must be a JSON Schema with `type: object`";
        reader.note(Diagnostic::error(code::WRONG_VALUE, node.place, message));
    }
    local(reader, node);
    undeclared_required(reader, node, &schema);
    InputSchema::closing(&schema)
}

/// A definition is complete in itself: it never fetches a schema from elsewhere.
fn local(reader: &mut Reader<'_>, node: &Node) {
    for (key, value) in node.children() {
        if key == Some("$ref")
            && let Some(target) = value.to_json().as_str()
            && !target.starts_with('#')
        {
            let message = format!("`{target}` is outside of this file");
            let help = "put the schema under `$defs` and refer to it as `#/$defs/…`";
            reader.note(Diagnostic::error(code::WRONG_VALUE, value.place, message).with_help(help));
        }
        local(reader, value);
    }
}

/// A required field that is not declared can never be sent, because the object is closed.
fn undeclared_required(reader: &mut Reader<'_>, node: &Node, schema: &Value) {
    let (Some(Value::Array(required)), Some(properties)) =
        (schema.get("required"), schema.get("properties"))
    else {
        return;
    };
    for (at, name) in required.iter().enumerate() {
        let Some(name) = name.as_str().filter(|name| properties.get(name).is_none()) else {
            continue;
        };
        let place = node.place_of(&format!("/required/{at}"));
        let message = format!("`{name}` is required and not declared under `properties`");
        reader.note(Diagnostic::error(code::UNKNOWN_INPUT, place, message));
    }
}
