//! The schema of a saga's input, as far as a definition depends on it.
//!
//! Objects are closed unless they say otherwise: a misspelt field of a request should be refused, not ignored.
//! And because they are closed, a misspelt field in an expression can be found before anything runs.
//!
//! Not here: validating requests against the schema; that is the API's.

use serde_json::{Map, Value, json};

/// A closed schema.
#[derive(Clone, Debug)]
pub(crate) struct InputSchema(Value);

/// Whether a path exists in what the schema allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    /// It is always there.
    Always,
    /// It may be absent.
    Maybe,
    /// It cannot be there: the object above declares these fields and no others.
    Never {
        /// The field that is not declared.
        field: String,
        /// The fields that are.
        fields: Vec<String>,
    },
    /// The schema does not say.
    Unknown,
}

/// Keywords beside which an object cannot be closed without looking into other schemas.
const OPEN_KEYWORDS: [&str; 8] = [
    "$ref",
    "allOf",
    "anyOf",
    "oneOf",
    "if",
    "dependentSchemas",
    "unevaluatedProperties",
    "patternProperties",
];

impl InputSchema {
    /// The schema of a saga that takes nothing.
    pub(crate) fn empty() -> InputSchema {
        InputSchema(json!({ "type": "object", "properties": {}, "additionalProperties": false }))
    }

    /// Closes a schema as it stands in the file.
    pub(crate) fn closing(schema: &Value) -> InputSchema {
        InputSchema(closed(schema))
    }

    /// The schema itself.
    pub(crate) fn into_value(self) -> Value {
        self.0
    }

    /// Looks a path up.
    pub(crate) fn declares(&self, path: &[String]) -> Declared {
        let mut schema = &self.0;
        let mut always = true;
        for name in path {
            let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
                return Declared::Unknown;
            };
            let Some(next) = properties.get(name) else {
                return undeclared(schema, properties, name);
            };
            always &= is_required(schema, name);
            schema = next;
        }
        if always {
            Declared::Always
        } else {
            Declared::Maybe
        }
    }
}

fn undeclared(schema: &Value, properties: &Map<String, Value>, name: &str) -> Declared {
    if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
        let fields = properties.keys().cloned().collect();
        return Declared::Never {
            field: name.to_owned(),
            fields,
        };
    }
    Declared::Unknown
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|required| required.iter().any(|field| field.as_str() == Some(name)))
}

/// Closes every object that lists its properties and does not say what else it takes.
fn closed(schema: &Value) -> Value {
    let Value::Object(keywords) = schema else {
        return schema.clone();
    };
    let mut keywords: Map<String, Value> = keywords
        .iter()
        .map(|(keyword, value)| (keyword.clone(), closed_keyword(keyword, value)))
        .collect();
    let is_object = keywords.get("type").is_some_and(|kind| kind == "object");
    let open = OPEN_KEYWORDS
        .iter()
        .any(|keyword| keywords.contains_key(*keyword));
    if is_object && !open && !keywords.contains_key("additionalProperties") {
        keywords.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    Value::Object(keywords)
}

fn closed_keyword(keyword: &str, value: &Value) -> Value {
    match (keyword, value) {
        ("properties" | "$defs", Value::Object(schemas)) => Value::Object(
            schemas
                .iter()
                .map(|(name, schema)| (name.clone(), closed(schema)))
                .collect(),
        ),
        ("items", schema) => closed(schema),
        (_, value) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(dotted: &str) -> Vec<String> {
        dotted.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn objects_are_closed_unless_they_say_otherwise() {
        let schema = InputSchema::closing(&json!({
            "type": "object",
            "required": ["who"],
            "properties": {
                "who": { "type": "object", "properties": { "name": { "type": "string" } } },
                "extra": { "type": "object", "additionalProperties": true },
                "either": { "type": "object", "anyOf": [] },
                "list": { "type": "array", "items": { "type": "object", "properties": {} } },
            },
        }));
        assert_eq!(schema.declares(&path("who")), Declared::Always);
        assert_eq!(schema.declares(&path("who.name")), Declared::Maybe);
        assert_eq!(schema.declares(&path("extra.anything")), Declared::Unknown);
        assert_eq!(schema.declares(&path("either.a")), Declared::Unknown);
        let typo = schema.declares(&path("who.nmae"));
        let fields = vec!["name".to_owned()];
        assert_eq!(
            typo,
            Declared::Never {
                field: "nmae".to_owned(),
                fields
            }
        );
        let value = schema.into_value();
        assert_eq!(value["additionalProperties"], json!(false));
        assert_eq!(
            value["properties"]["list"]["items"]["additionalProperties"],
            json!(false)
        );
        assert_eq!(
            value["properties"]["extra"]["additionalProperties"],
            json!(true)
        );
        assert!(
            value["properties"]["either"]
                .get("additionalProperties")
                .is_none()
        );
    }
}
