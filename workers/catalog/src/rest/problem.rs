//! Errors as RFC 9457 problem documents: a stable code, a sentence, nothing from the inside.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// One error answer.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
}

impl Problem {
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Problem {
            status: StatusCode::BAD_REQUEST,
            code: "bad_request",
            title: "The request cannot be understood",
            detail: detail.into(),
        }
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Problem {
            status: StatusCode::NOT_FOUND,
            code: "not_found",
            title: "There is no such thing",
            detail: detail.into(),
        }
    }

    /// What is wrong is for the log alone.
    pub(super) fn unavailable(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "the catalogue could not be read");
        Problem {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "unavailable",
            title: "The catalogue cannot be read at the moment",
            detail: "Try again in a moment.".into(),
        }
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        Problem::unavailable(&error)
    }
}

impl From<axum::extract::rejection::QueryRejection> for Problem {
    fn from(rejection: axum::extract::rejection::QueryRejection) -> Self {
        Problem::bad_request(rejection.body_text())
    }
}

impl From<axum::extract::rejection::JsonRejection> for Problem {
    fn from(rejection: axum::extract::rejection::JsonRejection) -> Self {
        Problem::bad_request(rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": format!("urn:impresario:problem:{}", self.code),
            "title": self.title,
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        (self.status, kind, body.to_string()).into_response()
    }
}
