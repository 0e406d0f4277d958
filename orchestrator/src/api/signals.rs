//! Signals: something happened outside that a saga waits for, or will.
//!
//! - `POST /v1/sagas/{id}/signals` names the saga;
//! - `POST /v1/signals` finds it by its definition and business key: there must be one that has not ended.
//!
//! `Idempotency-Key` names the event: the same one twice is one signal. A signal that comes before its wait is kept.
//! Answers 202 when it is taken or kept, 200 when it was known already or the saga has ended; 409 with the reason when
//! the definition never waits for it, or too many are kept.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use impresario_workflows::SagaId;
use impresario_workflows::saga::Message;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::problem::{Code, Problem};
use super::sagas::{COMMAND_WAIT, refused};
use super::schema::Schema;
use super::{Api, TENANT, body, etag, idempotency_key, reads};
use crate::lane::{CommandAnswer, CommandError};
use crate::store::sagas::open_by_key;

#[derive(Deserialize)]
struct Body {
    name: String,
    #[serde(default)]
    payload: Value,
}

#[derive(Deserialize)]
struct Correlated {
    definition: String,
    business_key: String,
    #[serde(flatten)]
    signal: Body,
}

#[derive(Serialize)]
struct Answer {
    saga: SagaId,
    status: &'static str,
    seq: i32,
    changed: bool,
}

/// What the body must be for a saga that the path names.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["name"],
        "additionalProperties": false,
        "properties": {
            "name": { "type": "string", "pattern": "^[a-z][a-z0-9.-]{0,62}$" },
            "payload": { "description": "What it says: the output of the step that takes it" },
        },
    })
}

/// What the body must be when the saga is found by its key.
pub(super) fn correlated_schema() -> Value {
    let mut schema = schema();
    schema["required"] = json!(["definition", "business_key", "name"]);
    schema["properties"]["definition"] =
        json!({ "type": "string", "minLength": 1, "maxLength": 63 });
    schema["properties"]["business_key"] =
        json!({ "type": "string", "minLength": 1, "maxLength": 255 });
    schema
}

/// To the saga that the path names.
pub(super) async fn to_one(
    State(api): State<Api>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let id = reads::saga_id(path)?;
    let (parts, content) = request.into_parts();
    let key = idempotency_key::read(&parts.headers)?.into_owned();
    let content = body::read(&parts.headers, content).await?;
    Schema::compile(&schema())
        .map_err(Problem::internal)?
        .check(&content)?;
    let Body { name, payload } = serde_json::from_value(content).map_err(Problem::internal)?;
    api.load(id).await?;
    send(&api, id, Message { key, name, payload }).await
}

/// To the one open saga with this business key.
pub(super) async fn to_key(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let (parts, content) = request.into_parts();
    let key = idempotency_key::read(&parts.headers)?.into_owned();
    let content = body::read(&parts.headers, content).await?;
    Schema::compile(&correlated_schema())
        .map_err(Problem::internal)?
        .check(&content)?;
    let Correlated {
        definition,
        business_key,
        signal,
    } = serde_json::from_value(content).map_err(Problem::internal)?;
    let pool = api.engine.database().pool.clone();
    let found =
        reads::detached(
            async move { open_by_key(&pool, TENANT, &definition, &business_key).await },
        )
        .await?;
    match found.as_slice() {
        [id] => {
            let Body { name, payload } = signal;
            send(&api, *id, Message { key, name, payload }).await
        }
        [] => Err(Problem::new(
            Code::NotFound,
            "No saga of this definition and business key is open.",
        )),
        _ => Err(Problem::new(
            Code::CommandRefused,
            "Several open sagas have this business key: name the one that is meant.",
        )),
    }
}

/// Gives a signal to a saga, and answers once that is durable.
pub(super) async fn send(api: &Api, id: SagaId, message: Message) -> Result<Response, Problem> {
    let given = api.engine.signal(id, message);
    match tokio::time::timeout(COMMAND_WAIT, given).await {
        Ok(Ok(answer)) => Ok(answered(id, answer)),
        Ok(Err(error)) => Err(refused(api, id, error).await),
        Err(_) => Err(refused(api, id, CommandError::Unavailable).await),
    }
}

fn answered(saga: SagaId, answer: CommandAnswer) -> Response {
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
    let answer = Answer {
        saga,
        status: status.as_str(),
        seq,
        changed,
    };
    (code, [(header::ETAG, etag::tag(seq))], Json(answer)).into_response()
}
