//! The canonical form of a definition's content, and its hash.
//!
//! Content is what was parsed, not what was typed: comments, the order of keys and the way a text is quoted make
//! no difference; every value does. The form is JSON with sorted keys and no spaces. It is what is stored, and
//! a stored form must give the same hash forever.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Canonical JSON text of a value.
pub(crate) fn text(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

/// SHA-256 of a canonical text, lower-case hexadecimal.
pub(crate) fn hash(canonical: &str) -> String {
    let digest = Sha256::digest(canonical.as_bytes());
    digest
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a String cannot fail.
            write!(text, "{byte:02x}").ok();
            text
        })
}

/// Sorts by itself: whether the JSON library keeps keys sorted depends on what else is compiled in.
fn write(value: &Value, text: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            write!(text, "{value}").ok();
        }
        Value::Array(items) => {
            text.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort();
            text.push('{');
            for (at, key) in keys.into_iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write!(text, "{}:", Value::from(key.as_str())).ok();
                write(&fields[key], text);
            }
            text.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_values_are_not_touched() {
        let value = json!({"b": [1, 1.0, -2, "ä\n", null], "a": {"z": u64::MAX, "y": true}});
        let expected = r#"{"a":{"y":true,"z":18446744073709551615},"b":[1,1.0,-2,"ä\n",null]}"#;
        assert_eq!(text(&value), expected);
        assert_eq!(
            hash("{}"),
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
    }
}
