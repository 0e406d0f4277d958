//! What can go wrong between us and a server, and which exit code it is.
//!
//! Problem documents (RFC 9457) are told in the server's words: title, detail, and what is wrong where.

use std::fmt::Write as _;

use reqwest::Response;
use serde::Deserialize;
use serde_json::Value;

use crate::exit::{Code, coded};
use crate::output::tame;

/// A request that did not give what was asked for.
#[derive(Debug)]
pub(crate) enum Error {
    /// The address is none.
    Address { base: String },
    /// Our own client could not be made.
    Client { source: reqwest::Error },
    /// No answer.
    Unreachable {
        base: String,
        source: reqwest::Error,
    },
    /// The server said no.
    Refused { status: u16, problem: Box<Problem> },
    /// The answer is not what this version of the program understands.
    Unreadable { source: serde_json::Error },
}

/// A problem document, as far as it is one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    pub(crate) code: String,
    title: String,
    detail: String,
    errors: Vec<Field>,
    pub(crate) current: Option<Value>,
    instance: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Field {
    pointer: String,
    detail: String,
}

impl Error {
    pub(super) async fn of_answer(answer: Response) -> Error {
        let status = answer.status();
        let body = answer.bytes().await.unwrap_or_default();
        let mut problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
        if problem.title.is_empty() {
            problem.title = format!("the server answered {status}");
        }
        Error::Refused {
            status: status.as_u16(),
            problem: Box::new(problem),
        }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Error::Address { .. } => Code::Usage,
            Error::Client { .. } | Error::Unreadable { .. } => Code::Failed,
            Error::Unreachable { .. } => Code::Unavailable,
            Error::Refused { status, .. } => match status {
                400 | 413 | 422 => Code::Usage,
                404 => Code::NotFound,
                409 | 412 | 428 => Code::Conflict,
                408 | 429 | 502 | 503 | 504 => Code::Unavailable,
                _ => Code::Failed,
            },
        }
    }

    /// Whether the same request may be answered in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        self.code() == Code::Unavailable
    }

    fn text(&self) -> String {
        match self {
            Error::Address { base } => {
                format!(
                    "`{}` is no address of a server\n  fix: --server http://host:port",
                    tame(base)
                )
            }
            Error::Client { source } => format!("the HTTP client cannot be made: {source}"),
            Error::Unreachable { base, source } => format!(
                "{base} does not answer\n  | {}\n  fix: start one with `impresario dev`, or name another with --server",
                root(source)
            ),
            Error::Refused { problem, .. } => problem.text(),
            Error::Unreadable { source } => {
                format!(
                    "the answer cannot be read: {source}\n  fix: is the server of the same version?"
                )
            }
        }
    }
}

impl Problem {
    fn text(&self) -> String {
        let mut text = tame(&self.title);
        // Writing to a String cannot fail, hence the `ok()`s.
        if !self.detail.is_empty() {
            write!(text, ": {}", tame(&self.detail)).ok();
        }
        for field in &self.errors {
            write!(
                text,
                "\n  | {}: {}",
                tame(&field.pointer),
                tame(&field.detail)
            )
            .ok();
        }
        if let Some(sentence) = self
            .current
            .as_ref()
            .and_then(|now| now["explanation"].as_str())
        {
            write!(text, "\n  | now: {}", tame(sentence)).ok();
        }
        if let Some(instance) = &self.instance {
            write!(
                text,
                "\n  | the server's log has more about {}",
                tame(instance)
            )
            .ok();
        }
        text
    }
}

/// The innermost cause: what the system said. The layers above only repeat the address.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        cause.to_string()
    }
}

impl From<Error> for anyhow::Error {
    fn from(error: Error) -> anyhow::Error {
        coded(error.code(), error.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_exit_codes() {
        let code = |status| {
            Error::Refused {
                status,
                problem: Box::default(),
            }
            .code()
        };
        assert_eq!(code(404), Code::NotFound);
        assert_eq!([code(409), code(412)], [Code::Conflict; 2]);
        assert_eq!(code(422), Code::Usage);
        assert_eq!(code(503), Code::Unavailable);
        assert_eq!(code(500), Code::Failed);
    }

    #[test]
    fn a_problem_is_told_with_everything_that_helps() {
        let problem: Problem = serde_json::from_value(serde_json::json!({
            "title": "The body does not say what is needed", "detail": "2 values are wrong.",
            "errors": [{ "pointer": "/seats/0", "code": "pattern", "detail": "is no seat" }],
            "current": { "explanation": "Completed." },
        }))
        .unwrap();
        assert_eq!(
            problem.text(),
            "The body does not say what is needed: 2 values are wrong.\n  | /seats/0: is no seat\n  | now: Completed."
        );
    }
}
