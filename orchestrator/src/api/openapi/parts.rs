//! Parameters, headers and responses that several operations share.

use serde_json::{Map, Value, json};

use super::super::body::BYTES_MAX;
use super::super::prefer::WAIT_SECONDS_MAX;
use super::super::sagas::{LIMIT_MAX, OPERATOR_HEADER};

/// A reference to a component.
pub(super) fn refer(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// A JSON answer.
pub(super) fn answer(description: &str, schema: &str, headers: &[&str]) -> Value {
    let headers: Map<String, Value> = headers
        .iter()
        .map(|name| ((*name).to_owned(), refer("headers", name)))
        .collect();
    json!({
        "description": description,
        "headers": headers,
        "content": { "application/json": { "schema": refer("schemas", schema) } },
    })
}

/// The answers to each of these statuses, all problem documents.
pub(super) fn problems(statuses: &[&str]) -> Map<String, Value> {
    statuses
        .iter()
        .map(|status| ((*status).to_owned(), refer("responses", "Problem")))
        .collect()
}

/// Shared parameters.
pub(super) fn parameters() -> Value {
    let header = |name: &str, required: bool, schema: Value, description: &str| json!({ "name": name, "in": "header", "required": required, "schema": schema, "description": description });
    json!({
        "Id": {
            "name": "id", "in": "path", "required": true,
            "schema": { "type": "string", "format": "uuid" },
        },
        "IdempotencyKey": header(
            "Idempotency-Key", true, json!({ "type": "string", "minLength": 1, "maxLength": 255 }),
            "Your name for this one intention; bare or quoted. The same key with the same body is the same request.",
        ),
        "Prefer": header(
            "Prefer", false, json!({ "type": "string", "examples": ["wait=10"] }),
            &format!("wait=N: answer when it has settled, after N seconds (0 to {WAIT_SECONDS_MAX}) at the latest."),
        ),
        "IfMatch": header(
            "If-Match", true, json!({ "type": "string", "examples": ["\"seq-4\""] }),
            "The ETag of the saga as you have seen it.",
        ),
        "IfNoneMatch": header(
            "If-None-Match", false, json!({ "type": "string" }), "Answer 304 when nothing has changed.",
        ),
        "LastEventId": header(
            "Last-Event-ID", false, json!({ "type": "integer", "minimum": 0 }),
            "The last event that you have seen.",
        ),
        "Operator": header(
            OPERATOR_HEADER, false, json!({ "type": "string", "maxLength": 100 }),
            "Who commands, until there is sign-in.",
        ),
        "Limit": {
            "name": "limit", "in": "query",
            "schema": { "type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": 50 },
        },
        "Cursor": {
            "name": "cursor", "in": "query", "schema": { "type": "string" },
            "description": "next_cursor of the page before, with the same filters.",
        },
    })
}

/// Shared answer headers.
pub(super) fn headers() -> Value {
    let text =
        |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    json!({
        "ETag": text("\"seq-N\": changes whenever the saga does."),
        "Location": text("Where to read it."),
        "Retry-After": text("Seconds to wait before asking again."),
        "Preference-Applied": text("The wait that was applied."),
        "Idempotent-Replayed": text("true when an earlier request with this key started it."),
    })
}

/// Shared answers.
pub(super) fn responses() -> Value {
    json!({
        "Problem": {
            "description": format!(
                "A problem document (RFC 9457); `code` tells which. Bodies have at most {BYTES_MAX} bytes."
            ),
            "content": { "application/problem+json": { "schema": refer("schemas", "Problem") } },
        },
    })
}
