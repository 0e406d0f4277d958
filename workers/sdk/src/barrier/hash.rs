//! The hash of an input, by which another input under the same key is recognised.
//!
//! Over a canonical form (keys sorted, no spaces), because two encoders of one mapping may order keys
//! differently and that is no difference.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 over the canonical JSON of `input`.
pub(crate) fn input_hash(input: &Value) -> Vec<u8> {
    let mut text = String::new();
    write_canonical(input, &mut text);
    Sha256::digest(text.as_bytes()).to_vec()
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        // serde_json writes these four the same way every time.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push_str(&value.to_string());
        }
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            // The map's own order depends on a feature that any crate of the build may switch on.
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(b.0));
            out.push('{');
            for (position, (key, field)) in sorted.into_iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(field, out);
            }
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_keys_is_no_difference_and_everything_else_is() {
        let hash = |text: &str| input_hash(&serde_json::from_str(text).unwrap());
        assert_eq!(
            hash(r#"{"a":1,"b":[1,{"c":2,"d":3}]}"#),
            hash(r#"{"b":[1,{"d":3,"c":2}],"a":1}"#)
        );
        for other in [
            r#"{"a":1}"#,
            r#"{"a":"1"}"#,
            r#"{"a":[1]}"#,
            r#"{"a":null}"#,
            "{}",
            "[]",
        ] {
            for another in [r#"{"a":2}"#, r#"{"b":1}"#, r#"{"a":[1,1]}"#, "null"] {
                assert_ne!(hash(other), hash(another), "{other} {another}");
            }
        }
    }
}
