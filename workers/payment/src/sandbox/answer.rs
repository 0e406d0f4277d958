//! Answers of the server: a status and a JSON body, which is also how they are stored under a key.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn done(body: Value) -> Self {
        Answer { status: 200, body }
    }

    pub(crate) fn problem(status: StatusCode, code: &str, message: &str) -> Self {
        Answer {
            status: status.as_u16(),
            body: json!({ "code": code, "message": message }),
        }
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The state of a key whose answer this is.
    pub(crate) fn key_state(&self) -> &'static str {
        if self.is_success() {
            "acted"
        } else {
            "refused"
        }
    }

    pub(crate) fn key_cancelled() -> Self {
        let sentence = "this key was cancelled and will never act";
        Answer::problem(StatusCode::CONFLICT, "key_cancelled", sentence)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (status, kind, self.body.to_string()).into_response()
    }
}

impl From<sqlx::Error> for Answer {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "the sandbox provider's store failed");
        let sentence = "the provider's store failed; the request may or may not have acted";
        Answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "store_failed", sentence)
    }
}
