//! Reads a body as JSON that means the same to everybody who reads it after us.
//!
//! Refused, beside what is no JSON: a key that comes twice (readers differ on which one counts), a NUL
//! character (Postgres cannot store it), nesting that is too deep, and a number that a 64-bit integer or
//! double would change. What passes can be stored, sent to any worker and read back as the same value.
//!
//! Lone surrogates and bytes that are not UTF-8 are refused by the JSON library.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Nesting of arrays and objects at most: deeper than any input a person would define.
const DEPTH_MAX: usize = 64;

/// Why a text cannot be taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// Stable word.
    pub(super) code: &'static str,
    /// One sentence.
    pub(super) detail: String,
}

/// The value that a text says.
pub(super) fn read(text: &[u8]) -> Result<Value, Malformed> {
    let notes = Notes::default();
    let seed = Strict {
        notes: &notes,
        depth: 0,
    };
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = seed
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| Malformed {
            code: notes.broken.get().map_or("syntax", Rule::as_str),
            detail: format!("{error}."),
        })?;
    // Integers that fit are exact; only a text with other numbers is looked through again.
    if notes.floats.get()
        && let Some(position) = inexact_number(text)
    {
        return Err(Malformed {
            code: "number_out_of_range",
            detail: format!("The number at byte {position} cannot be taken exactly."),
        });
    }
    Ok(value)
}

/// What was noticed on the way.
#[derive(Default)]
struct Notes {
    broken: Cell<Option<Rule>>,
    floats: Cell<bool>,
}

impl Notes {
    fn broken<E: serde::de::Error>(&self, rule: Rule) -> E {
        self.broken.set(Some(rule));
        E::custom(rule.sentence())
    }
}

#[derive(Clone, Copy)]
enum Rule {
    DuplicateKey,
    NulCharacter,
    TooDeep,
}

impl Rule {
    fn as_str(self) -> &'static str {
        match self {
            Rule::DuplicateKey => "duplicate_key",
            Rule::NulCharacter => "nul_character",
            Rule::TooDeep => "too_deep",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Rule::DuplicateKey => "a key comes twice in one object",
            Rule::NulCharacter => "a text contains the NUL character",
            Rule::TooDeep => "arrays and objects are nested more than 64 deep",
        }
    }
}

#[derive(Clone, Copy)]
struct Strict<'n> {
    notes: &'n Notes,
    depth: usize,
}

impl<'n> Strict<'n> {
    fn deeper<E: serde::de::Error>(self) -> Result<Strict<'n>, E> {
        if self.depth == DEPTH_MAX {
            return Err(self.notes.broken(Rule::TooDeep));
        }
        Ok(Strict {
            depth: self.depth + 1,
            ..self
        })
    }

    fn text<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        match text.contains('\0') {
            true => Err(self.notes.broken(Rule::NulCharacter)),
            false => Ok(()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        self.notes.floats.set(true);
        // Minus zero is zero: kept apart, it would be another body under the same key.
        let value = if value == 0.0 { 0.0 } else { value };
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.text(value)?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inside = self.deeper()?;
        let mut fields = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.text(&key)?;
            if fields.contains_key(&key) {
                return Err(self.notes.broken(Rule::DuplicateKey));
            }
            fields.insert(key, entries.next_value_seed(inside)?);
        }
        Ok(Value::Object(fields))
    }
}

/// Position of the first number in a well-formed text that is neither a 64-bit integer nor what the nearest
/// double is written as.
fn inexact_number(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'"' => at = after_string(text, at + 1),
            b'-' | b'0'..=b'9' => {
                let length = text[at..]
                    .iter()
                    .take_while(|byte| {
                        matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
                    })
                    .count();
                let literal = std::str::from_utf8(&text[at..at + length]).unwrap_or_default();
                if !is_exact(literal) {
                    return Some(at);
                }
                at += length;
            }
            _ => at += 1,
        }
    }
    None
}

fn after_string(text: &[u8], mut at: usize) -> usize {
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

fn is_exact(literal: &str) -> bool {
    if literal.parse::<i64>().is_ok() || literal.parse::<u64>().is_ok() {
        return true;
    }
    let Ok(double) = literal.parse::<f64>() else {
        return false;
    };
    decimal(literal).is_some_and(|said| decimal(&format!("{double:e}")) == Some(said))
}

/// A decimal as (digits without outer zeros, power of ten), so that `1.50` and `15e-1` are equal. The sign is
/// no part of it: it is never lost.
fn decimal(literal: &str) -> Option<(String, i64)> {
    let unsigned = literal.strip_prefix('-').unwrap_or(literal);
    let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, power)) => (mantissa, power.parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_end_matches('0');
    let dropped = i64::try_from(all.len() - digits.len()).ok()?;
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some((String::new(), 0));
    }
    let places = i64::try_from(fraction.len()).ok()?;
    let power = power.checked_sub(places)?.checked_add(dropped)?;
    Some((digits.to_owned(), power))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(text: &[u8]) -> &'static str {
        read(text).unwrap_err().code
    }

    #[test]
    fn what_passes_is_what_was_said() {
        let text = r#" {"a":[1,-2,18446744073709551615,0.1,1.50,1e22,null,true],"ä\n":{"\ud83d\ude00":""}} "#;
        let value = read(text.as_bytes()).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(read(b"-0").unwrap(), json!(0.0));
        assert_eq!(read(br#""\"1e999""#).unwrap(), json!("\"1e999"));
    }

    #[test]
    fn each_ambiguity_has_its_name() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        let cases: [(&[u8], &str); 13] = [
            (br#"{"a":1,"a":2}"#, "duplicate_key"),
            (br#"{"a":{"b":1,"\u0062":2}}"#, "duplicate_key"),
            (br#"["\u0000"]"#, "nul_character"),
            (br#"{"\u0000":1}"#, "nul_character"),
            (deep.as_bytes(), "too_deep"),
            (b"[18446744073709551616]", "number_out_of_range"),
            (b"[9007199254740993.0]", "number_out_of_range"),
            (b"[1e-400]", "number_out_of_range"),
            (b"[0.10000000000000000555]", "number_out_of_range"),
            (b"1e400", "syntax"),
            (br#""\ud800""#, "syntax"),
            (b"\"\xff\"", "syntax"),
            (b"\xef\xbb\xbf{}", "syntax"),
        ];
        for (text, code) in cases {
            assert_eq!(refused(text), code, "{}", String::from_utf8_lossy(text));
        }
        for text in ["", "{", "[1,]", "NaN", "{} {}", "01", "'a'"] {
            assert_eq!(refused(text.as_bytes()), "syntax", "{text}");
        }
    }
}
