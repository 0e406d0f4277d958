//! `POST /v1/sagas/{id}/commands`: a person lets a stuck saga try again, or cancels one.
//!
//! `Idempotency-Key` makes pressing twice safe, `If-Match` makes sure that the person has seen what they act on.
//! Answers 202 with status and seq, 200 when there was nothing to do; 409 with the reason when the saga cannot
//! follow; 412 with what the saga is now when it has moved on. Who commands and why is kept in the journal.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use impresario_workflows::SagaId;
use impresario_workflows::saga::{Refusal, Stamp, Verdict, explain};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::problem::{Code, Problem};
use super::super::reads;
use super::super::schema::Schema;
use super::super::{Api, body, etag, idempotency_key};
use crate::clock;
use crate::lane::{CommandAnswer, CommandError};

/// Who commands, until there is sign-in: taken on trust, so it proves nothing.
pub(in super::super) const OPERATOR_HEADER: &str = "x-impresario-operator";

/// What they may decide about, comma-separated: taken on trust as well.
pub(in super::super) const ROLES_HEADER: &str = "x-impresario-roles";

/// A command that is not durable by then is answered with 503; its key makes asking again safe.
pub(in super::super) const COMMAND_WAIT: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Command {
    Retry {
        step: Option<String>,
        reason: String,
    },
    Cancel {
        reason: String,
    },
    Approve {
        step: String,
        reason: String,
    },
    Deny {
        step: String,
        reason: String,
    },
}

#[derive(Serialize)]
struct Answer {
    id: SagaId,
    status: &'static str,
    seq: i32,
    changed: bool,
}

/// What the body must be.
pub(in super::super) fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["type", "reason"],
        "additionalProperties": false,
        "properties": {
            "type": { "enum": ["retry", "cancel", "approve", "deny"] },
            "step": {
                "type": "string", "minLength": 1, "maxLength": 70,
                "description": "Retry only this step (everything that stands before a human without it), or decide about it",
            },
            "reason": { "type": "string", "minLength": 1, "maxLength": 500, "description": "Why, in your words" },
        },
        "allOf": [
            {
                "if": { "properties": { "type": { "const": "cancel" } } },
                "then": { "properties": { "step": false } },
            },
            {
                "if": { "properties": { "type": { "enum": ["approve", "deny"] } } },
                "then": { "required": ["step"] },
            },
        ],
    })
}

pub(super) async fn command(
    State(api): State<Api>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let id = reads::saga_id(path)?;
    let (parts, body) = request.into_parts();
    let key = idempotency_key::read(&parts.headers)?.into_owned();
    let seen = etag::insisted(&parts.headers)?;
    let by = operator(&parts.headers)?;
    let roles = roles(&parts.headers)?;
    let body = body::read(&parts.headers, body).await?;
    Schema::compile(&schema())
        .map_err(Problem::internal)?
        .check(&body)?;
    let command: Command = serde_json::from_value(body).map_err(Problem::internal)?;
    // The tenant's saga, or none.
    api.load(id).await?;

    let given = async {
        match command {
            Command::Retry { step, reason } => {
                api.engine
                    .retry(id, step, Stamp { key, by, reason }, Some(seen))
                    .await
            }
            Command::Cancel { reason } => {
                api.engine
                    .cancel(id, Stamp { key, by, reason }, Some(seen))
                    .await
            }
            Command::Approve { step, reason } => {
                let stamp = Stamp { key, by, reason };
                decide(&api, id, (step, true), roles, stamp, seen).await
            }
            Command::Deny { step, reason } => {
                let stamp = Stamp { key, by, reason };
                decide(&api, id, (step, false), roles, stamp, seen).await
            }
        }
    };
    match tokio::time::timeout(COMMAND_WAIT, given).await {
        Ok(Ok(answer)) => Ok(answered(id, answer)),
        Ok(Err(error)) => Err(refused(&api, id, error).await),
        Err(_) => Err(refused(&api, id, CommandError::Unavailable).await),
    }
}

/// A person's yes or no to a step.
async fn decide(
    api: &Api,
    id: SagaId,
    (step, approved): (String, bool),
    roles: Vec<String>,
    stamp: Stamp,
    seen: i32,
) -> Result<CommandAnswer, CommandError> {
    let verdict = Verdict {
        step,
        approved,
        roles,
        stamp,
    };
    api.engine.decide(id, verdict, Some(seen)).await
}

fn answered(id: SagaId, answer: CommandAnswer) -> Response {
    let CommandAnswer {
        status,
        seq,
        changed,
    } = answer;
    let code = if changed {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    let body = Answer {
        id,
        status: status.as_str(),
        seq,
        changed,
    };
    (code, [(header::ETAG, etag::tag(seq))], Json(body)).into_response()
}

pub(in super::super) async fn refused(api: &Api, id: SagaId, error: CommandError) -> Problem {
    match error {
        CommandError::NotFound(_) | CommandError::Refused(Refusal::NotStarted { .. }) => {
            reads::no_such_saga()
        }
        CommandError::Stale { .. } => stale(api, id).await,
        CommandError::Refused(Refusal::Unfoldable(error)) => Problem::internal(error),
        CommandError::Refused(
            refusal @ (Refusal::PastPivot { .. }
            | Refusal::MayHaveCompleted
            | Refusal::NothingParked { .. }
            | Refusal::NotParked { .. }
            | Refusal::NoSuchSignal { .. }
            | Refusal::TooManySignals { .. }
            | Refusal::NotWaiting { .. }
            | Refusal::NotAllowed { .. }
            | Refusal::OtherDefinition { .. }
            | Refusal::CameTo { .. }),
        ) => Problem::new(Code::CommandRefused, format!("{refusal}.")),
        CommandError::Unavailable => Problem::unavailable(
            "It is not known whether the command was followed. Send the same with the same key again.",
        ),
    }
}

/// The saga moved on: here is what it is now, so that the person can decide again.
async fn stale(api: &Api, id: SagaId) -> Problem {
    let loaded = match api.load(id).await {
        Ok(loaded) => loaded,
        Err(problem) => return problem,
    };
    let detail = "Look at what it is now, and decide again.";
    Problem::new(Code::Stale, detail).with_current(json!({
        "id": id,
        "status": loaded.state.status(&loaded.definition).as_str(),
        "seq": loaded.seq,
        "explanation": explain(&loaded.definition, &loaded.state, clock::now()),
    }))
}

pub(in super::super) fn operator(headers: &HeaderMap) -> Result<String, Problem> {
    let Some(value) = headers.get(OPERATOR_HEADER) else {
        return Ok("anonymous".to_owned());
    };
    let name = value.to_str().ok().filter(|name| {
        (1..=100).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
    });
    name.map(str::to_owned).ok_or_else(|| {
        Problem::new(
            Code::MalformedHeader,
            "X-Impresario-Operator takes 1 to 100 visible ASCII characters.",
        )
    })
}

fn roles(headers: &HeaderMap) -> Result<Vec<String>, Problem> {
    let Some(value) = headers.get(ROLES_HEADER) else {
        return Ok(Vec::new());
    };
    let text = value.to_str().ok().filter(|text| text.len() <= 500);
    let text = text.ok_or_else(|| {
        Problem::new(
            Code::MalformedHeader,
            "X-Impresario-Roles takes names separated by commas, 500 characters at most.",
        )
    })?;
    Ok(text
        .split(',')
        .map(|role| role.trim().to_owned())
        .filter(|role| !role.is_empty())
        .collect())
}
