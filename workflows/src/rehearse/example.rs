//! Inputs and outputs for sagas that nobody has given any: an input from the definition's schema, outputs from
//! what its expressions read.
//!
//! They are placeholders: right in shape, meaningless in content. A definition whose conditions look at values
//! needs real ones, and whoever rehearses says so when a rehearsal without any fault does not complete.

use serde_json::{Map, Value};

use crate::definition::{Definition, Undo};
use crate::expression::Reference;

/// Nesting of schemas that is followed; one that needs more refers to itself.
const DEPTH_MAX: usize = 16;

/// Items that are made of a list, whatever its schema asks for.
const ITEMS_MAX: u64 = 100;

/// An input that the schema describes: required fields only.
pub(crate) fn example_input(definition: &Definition) -> Value {
    of_schema(&definition.input_schema, "input", 0)
}

fn of_schema(schema: &Value, name: &str, depth: usize) -> Value {
    let given = ["const", "default"]
        .iter()
        .find_map(|keyword| schema.get(*keyword))
        .or_else(|| first(schema, "examples"))
        .or_else(|| first(schema, "enum"));
    if let Some(value) = given {
        return value.clone();
    }
    if depth == DEPTH_MAX {
        return Value::Null;
    }
    match kind(schema) {
        "object" => Value::Object(fields(schema, depth)),
        "array" => Value::Array(items(schema, name, depth)),
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(Value::from(1)),
        "boolean" => Value::Bool(false),
        "null" => Value::Null,
        _ => Value::from(text(schema, name)),
    }
}

fn first<'s>(schema: &'s Value, keyword: &str) -> Option<&'s Value> {
    schema.get(keyword)?.as_array()?.first()
}

fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str).unwrap_or("string"),
        Some(_) | None if schema.get("properties").is_some() => "object",
        Some(_) | None => "string",
    }
}

fn fields(schema: &Value, depth: usize) -> Map<String, Value> {
    let required = schema.get("required").and_then(Value::as_array);
    let names = required.into_iter().flatten().filter_map(Value::as_str);
    names
        .map(|name| {
            let below = schema
                .get("properties")
                .and_then(|properties| properties.get(name));
            let value = below.map_or(Value::Null, |below| of_schema(below, name, depth + 1));
            (name.to_owned(), value)
        })
        .collect()
}

fn items(schema: &Value, name: &str, depth: usize) -> Vec<Value> {
    let wanted = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1);
    let item = schema.get("items").unwrap_or(&Value::Null);
    (1..=wanted.clamp(1, ITEMS_MAX))
        // Numbered, because items may have to differ.
        .map(|number| of_schema(item, &format!("{name}-{number}"), depth + 1))
        .collect()
}

fn text(schema: &Value, name: &str) -> String {
    match schema.get("format").and_then(Value::as_str) {
        Some("uuid") => "00000000-0000-4000-8000-000000000000".to_owned(),
        Some("email") => "somebody@example.org".to_owned(),
        Some("date-time") => "2027-01-15T08:00:00Z".to_owned(),
        Some("date") => "2027-01-15".to_owned(),
        Some("uri") => "https://example.org/".to_owned(),
        Some(_) | None => name.to_owned(),
    }
}

/// An output for each step: an object with every field that some expression reads. Fields that a condition looks
/// at are the number 1, the others are texts that name themselves.
pub(crate) fn example_outputs(definition: &Definition) -> Vec<Value> {
    let mut outputs = vec![Value::Object(Map::new()); definition.steps.len()];
    let mut add = |reference: Reference, leaf: fn(&str) -> Value| {
        let Reference::Output { step, path } = reference else {
            return;
        };
        if let Some(index) = definition.step_index(&step) {
            grow(&mut outputs[index], &path, leaf(&path.join(".")));
        }
    };
    let named = |path: &str| Value::from(format!("<{path}>"));
    for step in &definition.steps {
        let undo = match &step.undo {
            Undo::Compensate(undo) => undo.input.references(),
            Undo::Nothing { .. } | Undo::Readonly | Undo::OnlyForward => Vec::new(),
        };
        let conditions = step.when.as_ref().map(|when| when.references());
        for reference in conditions.into_iter().flatten() {
            add(reference, |_| Value::from(1));
        }
        for reference in step.input.references().into_iter().chain(undo) {
            add(reference, named);
        }
    }
    for reference in definition.output.references() {
        add(reference, named);
    }
    outputs
}

/// Puts a leaf where a path leads, unless something is there.
fn grow(value: &mut Value, path: &[String], leaf: Value) {
    let Some((name, below)) = path.split_first() else {
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let Value::Object(fields) = value else {
        return;
    };
    let field = fields.entry(name.clone());
    if below.is_empty() {
        field.or_insert(leaf);
    } else {
        grow(field.or_insert(Value::Null), below, leaf);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::SHIPPED;
    use serde_json::json;

    fn booking() -> Definition {
        Definition::parse("booking", SHIPPED[0].1).unwrap()
    }

    #[test]
    fn an_input_has_what_is_required() {
        let input = example_input(&booking());
        let expected = json!({
            "event_id": "00000000-0000-4000-8000-000000000000",
            "seats": ["seats-1"],
            "customer_email": "customer_email",
            "payment_token": "payment_token",
        });
        assert_eq!(input, expected);
    }

    #[test]
    fn outputs_have_every_field_that_is_read() {
        let booking = booking();
        let outputs = example_outputs(&booking);
        let of = |id: &str| &outputs[booking.step_index(id).unwrap()];
        let hold = json!({ "hold_id": "<hold_id>", "price": "<price>", "seats": "<seats>" });
        assert_eq!(*of("hold"), hold);
        let confirm = json!({ "booking_ref": "<booking_ref>", "tickets": "<tickets>" });
        assert_eq!(*of("confirm"), confirm);
        assert_eq!(*of("pin"), json!({}));
    }

    #[test]
    fn a_field_below_a_field_makes_it_an_object() {
        let mut value = json!({ "price": "<price>" });
        let path = ["price".to_owned(), "amount".to_owned()];
        grow(&mut value, &path, json!(1));
        assert_eq!(value, json!({ "price": { "amount": 1 } }));
    }
}
