//! Entity tags: `"seq-N"`, where N is the saga's last journal row.
//!
//! A saga's representation changes only with its journal, so the number is a strong tag.

use axum::http::{HeaderMap, HeaderValue, header};

use super::problem::{Code, Problem};

/// The tag of a saga at this row.
pub(super) fn tag(seq: i32) -> HeaderValue {
    // Digits and quotes are what a header value may hold.
    HeaderValue::from_str(&format!("\"seq-{seq}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

/// Whether the caller has the representation at this row already (`If-None-Match`, weak comparison).
pub(super) fn is_known(headers: &HeaderMap, seq: i32) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|given| given == "*" || parse(given.strip_prefix("W/").unwrap_or(given)) == Some(seq))
}

/// The row that the caller insists on (`If-Match`): exactly one strong tag, for a command on a saga that has
/// moved on is a command on something else.
pub(super) fn insisted(headers: &HeaderMap) -> Result<i32, Problem> {
    let mut given = headers.get_all(header::IF_MATCH).iter();
    let Some(value) = given.next() else {
        return Err(Problem::new(
            Code::IfMatchMissing,
            "Send the ETag of the saga as you have seen it in an If-Match header.",
        ));
    };
    match (value.to_str().ok().and_then(parse), given.next()) {
        (Some(seq), None) => Ok(seq),
        (Some(_), Some(_)) | (None, _) => Err(Problem::new(
            Code::MalformedHeader,
            "If-Match takes one tag: \"seq-N\".",
        )),
    }
}

fn parse(tag: &str) -> Option<i32> {
    let digits = tag.strip_prefix("\"seq-")?.strip_suffix('"')?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_known_representation_is_recognised() {
        for known in ["\"seq-4\"", "W/\"seq-4\"", "\"seq-3\", \"seq-4\"", "*"] {
            assert!(
                is_known(&headers(header::IF_NONE_MATCH, known), 4),
                "{known}"
            );
        }
        for other in ["\"seq-3\"", "seq-4", "\"seq-04x\"", ""] {
            assert!(
                !is_known(&headers(header::IF_NONE_MATCH, other), 4),
                "{other}"
            );
        }
    }

    #[test]
    fn commands_need_one_strong_tag() {
        let insist = |value| insisted(&headers(header::IF_MATCH, value)).ok();
        assert_eq!(insist("\"seq-7\""), Some(7));
        for bad in [
            "*",
            "W/\"seq-7\"",
            "\"seq-7\", \"seq-8\"",
            "\"seq--7\"",
            "seq-7",
            "\"seq-99999999999\"",
        ] {
            assert_eq!(insist(bad), None, "{bad}");
        }
        assert!(insisted(&HeaderMap::new()).is_err());
    }
}
