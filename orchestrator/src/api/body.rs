//! Takes a request's body: JSON of a bounded size that arrives in bounded time.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;

use super::json;
use super::problem::{Code, FieldError, Problem};

/// A body at most: a saga's input is stored in its journal and travels to workers.
pub(super) const BYTES_MAX: usize = 256 * 1024;

/// A body that trickles in more slowly than this holds a connection for nothing.
const ARRIVES_WITHIN: Duration = Duration::from_secs(10);

/// The body as a JSON value.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Value, Problem> {
    read_up_to(BYTES_MAX, headers, body).await
}

/// The same with another limit, for what is neither stored nor sent on.
pub(super) async fn read_up_to(
    bytes_max: usize,
    headers: &HeaderMap,
    body: Body,
) -> Result<Value, Problem> {
    check_media_type(headers)?;
    let limited = Limited::new(body, bytes_max).collect();
    let collected = match tokio::time::timeout(ARRIVES_WITHIN, limited).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large(bytes_max)),
        Ok(Err(_)) => {
            return Err(Problem::new(
                Code::MalformedJson,
                "The body ended before its end.",
            ));
        }
        Err(_) => {
            return Err(Problem::new(
                Code::BodyTimeout,
                "Send the whole body within ten seconds.",
            ));
        }
    };
    json::read(&collected).map_err(|malformed| {
        let error = FieldError {
            pointer: String::new(),
            code: malformed.code.to_owned(),
            detail: malformed.detail.clone(),
        };
        Problem::new(Code::MalformedJson, malformed.detail).with_errors(vec![error])
    })
}

fn too_large(bytes_max: usize) -> Problem {
    let detail = format!("A body has at most {bytes_max} bytes.");
    Problem::new(Code::BodyTooLarge, detail)
}

/// `application/json`, in UTF-8, not compressed: anything else would be guessed at.
fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let refused = |detail: &str| Err(Problem::new(Code::UnsupportedMediaType, detail));
    if headers.contains_key(header::CONTENT_ENCODING) {
        return refused("Send the body without a content encoding.");
    }
    let mut given = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (given.next(), given.next()) else {
        return refused("Send one Content-Type header: application/json.");
    };
    if kind.as_bytes() == b"application/json" || is_json(kind.to_str().unwrap_or_default()) {
        return Ok(());
    }
    refused("Send the body as application/json.")
}

fn is_json(kind: &str) -> bool {
    let mut parts = kind.split(';').map(str::trim);
    let json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| {
        let parameter = parameter.to_ascii_lowercase();
        parameter == "charset=utf-8" || parameter == "charset=\"utf-8\""
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf_8_is_json() {
        for kind in [
            "application/json;charset=UTF-8",
            "Application/JSON; charset=\"utf-8\"",
        ] {
            assert!(is_json(kind), "{kind}");
        }
        for kind in [
            "",
            "text/plain",
            "application/json; charset=utf-16",
            "application/jsonp",
            "application/json;v=2",
        ] {
            assert!(!is_json(kind), "{kind}");
        }
    }
}
