//! The hash of a request's body: equal for bodies that say the same, whatever their spaces and key order.
//!
//! SHA-256 over JSON with sorted keys and no spaces. It is stored with every idempotency key, so the form never
//! changes. `1` and `1.0` are different bodies.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Hash of the canonical form.
pub(super) fn hash(value: &Value) -> [u8; 32] {
    let mut text = Vec::with_capacity(512);
    write(value, &mut text);
    Sha256::digest(&text).into()
}

/// Sorts by itself: whether the JSON library keeps keys sorted depends on what else is compiled in.
fn write(value: &Value, text: &mut Vec<u8>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => scalar(value, text),
        Value::Array(items) => {
            text.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    text.push(b',');
                }
                write(item, text);
            }
            text.push(b']');
        }
        Value::Object(fields) => {
            let mut entries: Vec<(&String, &Value)> = fields.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            text.push(b'{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    text.push(b',');
                }
                scalar(key, text);
                text.push(b':');
                write(value, text);
            }
            text.push(b'}');
        }
    }
}

fn scalar<T: serde::Serialize + ?Sized>(value: &T, text: &mut Vec<u8>) {
    // Writing text and numbers into memory cannot fail.
    serde_json::to_writer(text, value).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> String {
        let value: Value = serde_json::from_str(text).unwrap();
        hash(&value)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    #[test]
    fn the_form_never_changes() {
        let stored = "43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777";
        assert_eq!(hex(r#"{"b":2,"a":1}"#), stored);
        assert_eq!(hex(" { \"a\" : 1 ,\n\"b\" : 2 } "), stored);
        assert_ne!(hex(r#"{"a":1,"b":2.0}"#), stored);
        assert_ne!(hex(r#"{"a":1,"b":[2]}"#), stored);
    }
}
