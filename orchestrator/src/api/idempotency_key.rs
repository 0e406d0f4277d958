//! `Idempotency-Key`: the caller's name for one intention, so that pressing the button twice is safe.
//!
//! Taken bare (`abc`) or as a quoted string (`"abc"`), which are the same key: 1 to 255 visible ASCII characters.

use std::borrow::Cow;

use axum::http::HeaderMap;

use super::problem::{Code, Problem};

const NAME: &str = "idempotency-key";
const LENGTH_MAX: usize = 255;

/// The key of a request; it must have one.
pub(super) fn read(headers: &HeaderMap) -> Result<Cow<'_, str>, Problem> {
    let mut given = headers.get_all(NAME).iter();
    let Some(value) = given.next() else {
        return Err(Problem::new(
            Code::IdempotencyKeyMissing,
            "Send an Idempotency-Key header, made once for each thing you want done.",
        ));
    };
    let key = value.to_str().ok().and_then(parse);
    match (key, given.next()) {
        (Some(key), None) => Ok(key),
        (Some(_), Some(_)) | (None, _) => Err(Problem::new(
            Code::MalformedHeader,
            "An Idempotency-Key is given once and has 1 to 255 visible ASCII characters.",
        )),
    }
}

fn parse(value: &str) -> Option<Cow<'_, str>> {
    let key = match value.strip_prefix('"') {
        Some(rest) => unquoted(rest.strip_suffix('"')?)?,
        None => Cow::Borrowed(value),
    };
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    (visible && (1..=LENGTH_MAX).contains(&key.len())).then_some(key)
}

/// The inside of a quoted string, where a backslash stands before `"` and `\` only.
fn unquoted(inside: &str) -> Option<Cow<'_, str>> {
    if !inside.contains(['"', '\\']) {
        return Some(Cow::Borrowed(inside));
    }
    let mut key = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return None,
            '\\' => key.push(
                characters
                    .next()
                    .filter(|next| ['"', '\\'].contains(next))?,
            ),
            other => key.push(other),
        }
    }
    Some(Cow::Owned(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_and_quoted_are_the_same_key() {
        assert_eq!(parse("abc"), parse("\"abc\""));
        assert_eq!(parse(r#""a\"b\\c""#).as_deref(), Some(r#"a"b\c"#));
        assert!(parse(&"k".repeat(255)).is_some());
    }

    #[test]
    fn other_texts_are_refused() {
        let long = "k".repeat(256);
        for bad in [
            "", "\"\"", "\"", "\"a", "a b", "\"a b\"", "\"a\"b\"", r#""a\b""#, "a\tb", &long,
        ] {
            assert!(parse(bad).is_none(), "{bad:?}");
        }
    }
}
