//! The requests that move money, under their idempotency keys; those about payment requests are in [`request`].
//!
//! Plain requests are decided together with their neighbours ([`sets`](super::sets)), all others here, one by one.
//! The decision is made in a task of its own: a client that hangs up never stops it halfway. "Never answers"
//! means that the connection is held until the client gives up.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::Sandbox;
use super::answer::Answer;
use super::request;
use super::store::{self, KeyState};
use super::token::{Behaviour, Operation, behaviour};

/// Technical errors of `tok_flaky` before it goes well.
const FLAKY_FAILURES: i32 = 2;
/// A client that is still there after this is gone in all but name.
const NEVER: Duration = Duration::from_secs(600);

#[derive(Debug, Deserialize)]
pub(super) struct AuthorizeBody {
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) token: String,
    pub(super) reference: Option<String>,
}

#[derive(Debug, Deserialize)]
struct WithToken {
    token: String,
}

/// How much to give back; all that is left of the charge when it does not say.
#[derive(Debug, Deserialize)]
struct RefundBody {
    amount: Option<i64>,
}

/// A request, whatever it asks for.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) key: String,
    pub(super) operation: Operation,
    /// Id in the path; empty for what is made anew.
    pub(super) object: String,
    pub(super) body: Bytes,
}

impl Request {
    /// By which another request under the same key is recognised. The object in the path is part of what is asked.
    pub(super) fn hash(&self) -> Vec<u8> {
        let hash = Sha256::new()
            .chain_update(self.object.as_bytes())
            .chain_update(b"\n")
            .chain_update(&self.body)
            .finalize();
        hash.to_vec()
    }
}

/// How a decision ended.
enum Decided {
    Answer(Answer),
    /// Whatever was decided, the client does not hear of it.
    Silence,
    /// To be decided again after a while.
    Later,
}

pub(super) async fn authorize(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    serve(sandbox, &headers, Operation::Authorize, String::new(), body).await
}

pub(super) async fn capture(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    serve(sandbox, &headers, Operation::Capture, id, body).await
}

pub(super) async fn void(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    serve(sandbox, &headers, Operation::Void, id, body).await
}

pub(super) async fn refund(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    serve(sandbox, &headers, Operation::Refund, id, body).await
}

pub(super) async fn serve(
    sandbox: Sandbox,
    headers: &HeaderMap,
    operation: Operation,
    object: String,
    body: Bytes,
) -> Answer {
    let key = headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok());
    let Some(key) = key.filter(|key| !key.is_empty() && key.len() <= 255) else {
        let sentence = "an Idempotency-Key of 1 to 255 characters is required";
        return Answer::problem(StatusCode::BAD_REQUEST, "key_missing", sentence);
    };
    let request = Arc::new(Request {
        key: key.to_owned(),
        operation,
        object,
        body,
    });
    let decided = tokio::spawn(async move {
        if let Some(answer) = sandbox.sets.ask(&request).await {
            return Ok(Decided::Answer(answer));
        }
        match decide(&sandbox, &request, false).await? {
            Decided::Later => {
                tokio::time::sleep(sandbox.config.slow_by).await;
                decide(&sandbox, &request, true).await
            }
            decided => Ok(decided),
        }
    });
    match decided.await {
        Ok(Ok(Decided::Answer(answer))) => answer,
        Ok(Ok(Decided::Silence | Decided::Later)) => {
            // Dropped when the client hangs up.
            tokio::time::sleep(NEVER).await;
            Answer::problem(
                StatusCode::GATEWAY_TIMEOUT,
                "never",
                "this request has no answer",
            )
        }
        Ok(Err(error)) => error.into(),
        Err(_) => {
            let sentence = "the provider's code panicked";
            Answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "panic", sentence)
        }
    }
}

async fn decide(
    sandbox: &Sandbox,
    request: &Request,
    waited: bool,
) -> Result<Decided, sqlx::Error> {
    let mut tx = sandbox.database.begin().await?;
    let hash = request.hash();
    let asked = Some((request.operation, &hash[..]));
    let key = store::key_lock(&mut tx, &request.key, asked, sandbox.config.key_life).await?;
    let same = key.operation.as_deref() == Some(request.operation.as_str())
        && key.body_hash.as_deref() == Some(&hash[..]);
    let decided = match key.state {
        KeyState::Cancelled => Decided::Answer(Answer::key_cancelled()),
        KeyState::Open | KeyState::Acted(_) | KeyState::Refused(_) if !same => {
            let sentence = "this key was used for another request";
            Decided::Answer(Answer::problem(
                StatusCode::CONFLICT,
                "key_conflict",
                sentence,
            ))
        }
        KeyState::Acted(answer) | KeyState::Refused(answer) => {
            match behaviour_of(&mut tx, request).await?.0 {
                // Also repetitions stay without an answer; only the key itself can be asked.
                Behaviour::TimeoutActed | Behaviour::TimeoutIdle => Decided::Silence,
                Behaviour::Good
                | Behaviour::Declined
                | Behaviour::Slow
                | Behaviour::Flaky
                | Behaviour::Failing => Decided::Answer(answer),
            }
        }
        KeyState::Open => first_time(sandbox, &mut tx, request, key.attempts, waited).await?,
    };
    tx.commit().await?;
    Ok(decided)
}

async fn first_time(
    sandbox: &Sandbox,
    tx: &mut PgConnection,
    request: &Request,
    attempts: i32,
    waited: bool,
) -> Result<Decided, sqlx::Error> {
    store::key_attempt(tx, &request.key).await?;
    let technical = |sentence: &str| {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Decided::Answer(Answer::problem(status, "technical_error", sentence))
    };
    let (behaviour, healed) = behaviour_of(tx, request).await?;
    let answer = match behaviour {
        Behaviour::Slow if !waited => return Ok(Decided::Later),
        Behaviour::TimeoutIdle => return Ok(Decided::Silence),
        Behaviour::Flaky if attempts < FLAKY_FAILURES => {
            return Ok(technical("try again, it will work in a moment"));
        }
        Behaviour::Failing if !healed => {
            return Ok(technical("this fails until the sandbox is healed"));
        }
        Behaviour::Declined => declined(),
        Behaviour::Good
        | Behaviour::Slow
        | Behaviour::TimeoutActed
        | Behaviour::Flaky
        | Behaviour::Failing => act(tx, request, sandbox).await?,
    };
    store::key_answer(tx, &request.key, &answer).await?;
    Ok(match behaviour {
        Behaviour::TimeoutActed => Decided::Silence,
        Behaviour::Good
        | Behaviour::Declined
        | Behaviour::Slow
        | Behaviour::TimeoutIdle
        | Behaviour::Flaky
        | Behaviour::Failing => Decided::Answer(answer),
    })
}

/// The behaviour that the request's token asks for here, and whether it was healed. Requests about nothing
/// that exists behave well: they are refused.
async fn behaviour_of(
    tx: &mut PgConnection,
    request: &Request,
) -> Result<(Behaviour, bool), sqlx::Error> {
    let (authorization, asked) = match request.operation {
        Operation::Authorize | Operation::Request => {
            let token = serde_json::from_slice(&request.body).map(|body: WithToken| body.token);
            let behaviour = token
                .ok()
                .and_then(|token| behaviour(&token, request.operation));
            return Ok((behaviour.unwrap_or(Behaviour::Good), false));
        }
        Operation::Capture | Operation::Void => (Some(request.object.clone()), None),
        Operation::CancelRequest | Operation::Collect => (None, Some(request.object.clone())),
        Operation::Refund => store::charge_lock(tx, &request.object)
            .await?
            .map_or((None, None), |charge| {
                (charge.authorization_id, charge.request_id)
            }),
    };
    let token = match (authorization, asked) {
        (Some(id), _) => store::authorization_lock(tx, &id)
            .await?
            .map(|found| (found.token, found.healed)),
        (None, Some(id)) => request::lock(tx, &id)
            .await?
            .map(|found| (found.token, found.healed)),
        (None, None) => None,
    };
    Ok(token.map_or((Behaviour::Good, false), |(token, healed)| {
        let behaviour = behaviour(&token, request.operation);
        (behaviour.unwrap_or(Behaviour::Good), healed)
    }))
}

async fn act(
    tx: &mut PgConnection,
    request: &Request,
    sandbox: &Sandbox,
) -> Result<Answer, sqlx::Error> {
    match request.operation {
        Operation::Authorize => act_authorize(tx, request).await,
        Operation::Capture => act_capture(tx, request).await,
        Operation::Void => act_void(tx, request).await,
        Operation::Refund => act_refund(tx, request).await,
        Operation::Request => request::act(tx, request, sandbox.config.pays_after).await,
        Operation::CancelRequest => request::act_cancel(tx, request).await,
        Operation::Collect => request::act_collect(tx, request).await,
    }
}

pub(super) fn new_id(prefix: &str) -> String {
    format!("{prefix}_{}", uuid::Uuid::new_v4().simple())
}

pub(super) fn refuse(code: &str, message: &str) -> Answer {
    Answer::problem(StatusCode::CONFLICT, code, message)
}

pub(super) fn unknown(what: &str) -> Answer {
    Answer::problem(
        StatusCode::NOT_FOUND,
        "not_found",
        &format!("there is no such {what}"),
    )
}

pub(super) fn unprocessable(code: &str, text: &str) -> Answer {
    Answer::problem(StatusCode::UNPROCESSABLE_ENTITY, code, text)
}

pub(super) fn declined() -> Answer {
    let sentence = "the card was declined";
    Answer::problem(StatusCode::PAYMENT_REQUIRED, "card_declined", sentence)
}

pub(super) fn authorize_answer(id: &str, amount: i64, currency: &str) -> Answer {
    Answer::done(json!({ "authorization_id": id, "amount": amount, "currency": currency }))
}

pub(super) fn capture_answer(id: &str, amount: i64, currency: &str) -> Answer {
    Answer::done(json!({ "charge_id": id, "amount": amount, "currency": currency }))
}

/// What an authorization asks for, or why it cannot be understood.
pub(super) fn readable(body: &[u8]) -> Result<AuthorizeBody, Answer> {
    let body: AuthorizeBody = serde_json::from_slice(body)
        .map_err(|error| unprocessable("bad_body", &error.to_string()))?;
    if body.amount <= 0 || body.currency.len() != 3 {
        let sentence = "an amount is positive and in a currency";
        return Err(unprocessable("bad_amount", sentence));
    }
    Ok(body)
}

async fn act_authorize(tx: &mut PgConnection, request: &Request) -> Result<Answer, sqlx::Error> {
    let body = match readable(&request.body) {
        Ok(body) => body,
        Err(answer) => return Ok(answer),
    };
    if behaviour(&body.token, request.operation).is_none() {
        return Ok(unprocessable(
            "invalid_token",
            "there is no such payment token",
        ));
    }
    let id = new_id("auth");
    sqlx::query(
        "with made as (
             insert into authorization_
                    (authorization_id, amount, currency, token, reference, state, key)
             values ($1, $2, $3, $4, $5, 'authorized', $6))
         insert into log (key, operation, authorization_id, amount, currency)
         values ($6, 'authorize', $1, $2, $3)",
    )
    .bind(&id)
    .bind(body.amount)
    .bind(&body.currency)
    .bind(&body.token)
    .bind(&body.reference)
    .bind(&request.key)
    .execute(tx)
    .await?;
    Ok(authorize_answer(&id, body.amount, &body.currency))
}

async fn act_capture(tx: &mut PgConnection, request: &Request) -> Result<Answer, sqlx::Error> {
    let Some(found) = store::authorization_lock(tx, &request.object).await? else {
        return Ok(unknown("authorization"));
    };
    match found.state.as_str() {
        "authorized" => {}
        "captured" => return Ok(refuse("already_captured", "this money was taken already")),
        _ => {
            return Ok(refuse(
                "authorization_voided",
                "this authorization was given back",
            ));
        }
    }
    let id = new_id("ch");
    sqlx::query(
        "with made as (
             insert into charge (charge_id, authorization_id, amount, currency, state, key)
             values ($1, $2, $3, $4, 'charged', $5)
         ), moved as (
             update authorization_ set state = 'captured' where authorization_id = $2)
         insert into log (key, operation, authorization_id, charge_id, amount, currency)
         values ($5, 'capture', $2, $1, $3, $4)",
    )
    .bind(&id)
    .bind(&found.authorization_id)
    .bind(found.amount)
    .bind(&found.currency)
    .bind(&request.key)
    .execute(tx)
    .await?;
    Ok(capture_answer(&id, found.amount, &found.currency))
}

async fn act_void(tx: &mut PgConnection, request: &Request) -> Result<Answer, sqlx::Error> {
    let Some(found) = store::authorization_lock(tx, &request.object).await? else {
        return Ok(unknown("authorization"));
    };
    match found.state.as_str() {
        "authorized" => {}
        "captured" => {
            return Ok(refuse(
                "already_captured",
                "taken money can only be refunded",
            ));
        }
        _ => return Ok(Answer::done(voided(&found))),
    }
    sqlx::query(
        "with moved as (
             update authorization_ set state = 'voided' where authorization_id = $1)
         insert into log (key, operation, authorization_id, amount, currency)
         values ($4, 'void', $1, $2, $3)",
    )
    .bind(&found.authorization_id)
    .bind(found.amount)
    .bind(&found.currency)
    .bind(&request.key)
    .execute(tx)
    .await?;
    Ok(Answer::done(voided(&found)))
}

fn voided(authorization: &store::Authorization) -> Value {
    json!({ "authorization_id": authorization.authorization_id, "state": "voided" })
}

async fn act_refund(tx: &mut PgConnection, request: &Request) -> Result<Answer, sqlx::Error> {
    let Some(charge) = store::charge_lock(tx, &request.object).await? else {
        return Ok(unknown("charge"));
    };
    let Ok(body) = serde_json::from_slice::<RefundBody>(&request.body) else {
        return Ok(unprocessable("bad_body", "a refund has an amount, or none"));
    };
    let left = charge.amount - charge.refunded;
    if left == 0 {
        return Ok(refuse(
            "already_refunded",
            "all of it was given back already",
        ));
    }
    let part = body.amount.unwrap_or(left);
    if part <= 0 {
        return Ok(unprocessable("bad_amount", "an amount is positive"));
    }
    if part > left {
        let sentence = format!("only {left} of this charge are left");
        return Ok(refuse("refund_too_large", &sentence));
    }
    let state = if part == left { "refunded" } else { "charged" };
    sqlx::query(
        "with moved as (
             update charge set state = $3, refunded = refunded + $4 where charge_id = $1
             returning charge_id, coalesce(authorization_id, request_id) as of, currency)
         insert into log (key, operation, authorization_id, charge_id, amount, currency)
         select $2, 'refund', of, charge_id, $4, currency from moved",
    )
    .bind(&charge.charge_id)
    .bind(&request.key)
    .bind(state)
    .bind(part)
    .execute(tx)
    .await?;
    Ok(Answer::done(json!({
        "charge_id": charge.charge_id,
        "state": state,
        "amount": part,
        "currency": charge.currency,
    })))
}
