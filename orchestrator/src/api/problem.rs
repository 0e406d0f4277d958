//! Errors as RFC 9457 problem documents: a stable code, a sentence, nothing from the inside.
//!
//! One closed enum knows status, title and whether trying again helps. What went wrong inside is logged under
//! an instance id, and the document carries only that id.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Everything that a request can be answered with instead of what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    MalformedJson,
    MalformedHeader,
    MalformedQuery,
    InvalidCursor,
    IdempotencyKeyMissing,
    NotFound,
    MethodNotAllowed,
    BodyTimeout,
    CommandRefused,
    Undone,
    Gone,
    Stale,
    BodyTooLarge,
    UnsupportedMediaType,
    InvalidInput,
    IdempotencyKeyReused,
    SearchTooWide,
    IfMatchMissing,
    DefinitionRefused,
    VersionTaken,
    SignatureRefused,
    TooManyStreams,
    Internal,
    Unavailable,
}

impl Code {
    /// Every code, for the documentation.
    pub(super) const ALL: [Code; 24] = [
        Code::MalformedJson,
        Code::MalformedHeader,
        Code::MalformedQuery,
        Code::InvalidCursor,
        Code::IdempotencyKeyMissing,
        Code::NotFound,
        Code::MethodNotAllowed,
        Code::BodyTimeout,
        Code::CommandRefused,
        Code::Undone,
        Code::Gone,
        Code::Stale,
        Code::BodyTooLarge,
        Code::UnsupportedMediaType,
        Code::InvalidInput,
        Code::IdempotencyKeyReused,
        Code::SearchTooWide,
        Code::IfMatchMissing,
        Code::DefinitionRefused,
        Code::VersionTaken,
        Code::SignatureRefused,
        Code::TooManyStreams,
        Code::Internal,
        Code::Unavailable,
    ];

    /// The word that clients branch on.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Code::MalformedJson => "malformed_json",
            Code::MalformedHeader => "malformed_header",
            Code::MalformedQuery => "malformed_query",
            Code::InvalidCursor => "invalid_cursor",
            Code::IdempotencyKeyMissing => "idempotency_key_missing",
            Code::NotFound => "not_found",
            Code::MethodNotAllowed => "method_not_allowed",
            Code::BodyTimeout => "body_timeout",
            Code::CommandRefused => "command_refused",
            Code::Undone => "undone",
            Code::Gone => "gone",
            Code::Stale => "stale",
            Code::BodyTooLarge => "body_too_large",
            Code::UnsupportedMediaType => "unsupported_media_type",
            Code::InvalidInput => "invalid_input",
            Code::IdempotencyKeyReused => "idempotency_key_reused",
            Code::SearchTooWide => "search_too_wide",
            Code::IfMatchMissing => "if_match_missing",
            Code::DefinitionRefused => "definition_refused",
            Code::VersionTaken => "version_taken",
            Code::SignatureRefused => "signature_refused",
            Code::TooManyStreams => "too_many_streams",
            Code::Internal => "internal",
            Code::Unavailable => "unavailable",
        }
    }

    pub(super) fn status(self) -> StatusCode {
        match self {
            Code::MalformedJson
            | Code::MalformedHeader
            | Code::MalformedQuery
            | Code::InvalidCursor
            | Code::IdempotencyKeyMissing => StatusCode::BAD_REQUEST,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Code::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Code::CommandRefused | Code::VersionTaken | Code::Undone => StatusCode::CONFLICT,
            Code::SignatureRefused => StatusCode::UNAUTHORIZED,
            Code::Gone => StatusCode::GONE,
            Code::Stale => StatusCode::PRECONDITION_FAILED,
            Code::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::InvalidInput
            | Code::DefinitionRefused
            | Code::IdempotencyKeyReused
            | Code::SearchTooWide => StatusCode::UNPROCESSABLE_ENTITY,
            Code::IfMatchMissing => StatusCode::PRECONDITION_REQUIRED,
            Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Code::TooManyStreams | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Code::MalformedJson => "The body is not JSON that can be taken exactly",
            Code::MalformedHeader => "A header cannot be understood",
            Code::MalformedQuery => "The query cannot be understood",
            Code::InvalidCursor => "The cursor does not belong to this query",
            Code::IdempotencyKeyMissing => "An Idempotency-Key header is needed",
            Code::NotFound => "There is no such thing",
            Code::MethodNotAllowed => "The method is not allowed here",
            Code::BodyTimeout => "The body did not arrive in time",
            Code::CommandRefused => "The saga cannot follow this command",
            Code::Undone => "What this key had started was lost, and has been undone",
            Code::Gone => "It ended long ago and is no longer kept",
            Code::Stale => "The saga has moved on",
            Code::BodyTooLarge => "The body is too large",
            Code::UnsupportedMediaType => "The body is not application/json",
            Code::InvalidInput => "The body does not say what is needed",
            Code::IdempotencyKeyReused => "The idempotency key belongs to another request",
            Code::SearchTooWide => "The search takes too long",
            Code::IfMatchMissing => "An If-Match header is needed",
            Code::DefinitionRefused => "The definition is refused",
            Code::VersionTaken => "This version exists with other content",
            Code::SignatureRefused => "The signature is missing or does not fit",
            Code::TooManyStreams => "Too many streams are open",
            Code::Internal => "Something went wrong on our side",
            Code::Unavailable => "The service cannot answer at the moment",
        }
    }

    /// Whether the same request may succeed later.
    pub(super) fn retryable(self) -> bool {
        match self {
            Code::BodyTimeout | Code::TooManyStreams | Code::Internal | Code::Unavailable => true,
            Code::MalformedJson
            | Code::MalformedHeader
            | Code::MalformedQuery
            | Code::InvalidCursor
            | Code::DefinitionRefused
            | Code::VersionTaken
            | Code::SignatureRefused
            | Code::IdempotencyKeyMissing
            | Code::NotFound
            | Code::MethodNotAllowed
            | Code::CommandRefused
            | Code::Undone
            | Code::Gone
            | Code::Stale
            | Code::BodyTooLarge
            | Code::UnsupportedMediaType
            | Code::InvalidInput
            | Code::IdempotencyKeyReused
            | Code::SearchTooWide
            | Code::IfMatchMissing => false,
        }
    }
}

/// One thing that is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct FieldError {
    /// JSON pointer to the value.
    pub(super) pointer: String,
    /// Stable word.
    pub(super) code: String,
    /// One sentence that repeats no value of the request.
    pub(super) detail: String,
}

/// An error answer. Boxed, so that results on the good path stay small.
#[derive(Debug)]
pub(super) struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    current: Option<Value>,
    instance: Option<String>,
}

impl Problem {
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem(Box::new(Parts {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            current: None,
            instance: None,
        }))
    }

    /// Our mistake: the cause goes to the log, the caller gets the id that finds it there.
    pub(super) fn internal(cause: impl std::fmt::Display) -> Problem {
        let instance = format!("urn:uuid:{}", Uuid::new_v4());
        tracing::error!(instance, %cause, "a request could not be answered");
        let mut problem = Problem::new(Code::Internal, "Tell us the instance if it happens again.");
        problem.0.instance = Some(instance);
        problem
    }

    pub(super) fn code(&self) -> Code {
        self.0.code
    }

    pub(super) fn unavailable(detail: impl Into<String>) -> Problem {
        Problem::new(Code::Unavailable, detail)
    }

    /// Everything that is wrong with the body.
    pub(super) fn with_errors(mut self, errors: Vec<FieldError>) -> Problem {
        self.0.errors = errors;
        self
    }

    /// What the caller should have known.
    pub(super) fn with_current(mut self, current: Value) -> Problem {
        self.0.current = Some(current);
        self
    }
}

#[derive(Serialize)]
struct Document<'p> {
    r#type: String,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'p str,
    retryable: bool,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'p [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    current: Option<&'p Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'p str>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Parts {
            code,
            detail,
            errors,
            current,
            instance,
        } = *self.0;
        let document = Document {
            r#type: format!("urn:impresario:problem:{}", code.as_str()),
            title: code.title(),
            status: code.status().as_u16(),
            code: code.as_str(),
            detail: &detail,
            retryable: code.retryable(),
            errors: &errors,
            current: current.as_ref(),
            instance: instance.as_deref(),
        };
        // Strings, numbers and values that came from JSON: writing them cannot fail.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (code.status(), body).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if code.status() == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_once() {
        let words: std::collections::BTreeSet<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(words.len(), Code::ALL.len());
    }
}
