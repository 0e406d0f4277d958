//! Payment requests: money that the customer transfers later.
//!
//! A request is open until the money comes or it is cancelled, whichever is first; that order is decided under the
//! request's row lock. To *collect* is to ask which it was: money that is there is the asker's, and a request that is
//! still open is closed by the question, so that the answer no is final.
//!
//! Subtle: cancelling stops nobody from transferring. Such money is taken, marked late, and waits to be given back.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::Sandbox;
use super::answer::Answer;
use super::operation::{self, Request, new_id, refuse, unknown, unprocessable};
use super::token::{self, Operation, behaviour};

/// Late charges told at once: what is left comes with the next question.
const LATE_MAX: i64 = 100;

#[derive(Debug, Deserialize)]
struct Body {
    amount: i64,
    currency: String,
    token: String,
    reference: Option<String>,
    #[serde(default)]
    metadata: serde_json::Map<String, Value>,
}

/// A payment request, locked, with the charge that its money has become.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Found {
    pub(super) request_id: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) token: String,
    pub(super) metadata: Json<serde_json::Map<String, Value>>,
    pub(super) state: String,
    pub(super) key: String,
    pub(super) charge_id: Option<String>,
    /// Made before the sandbox was healed last.
    pub(super) healed: bool,
}

impl Found {
    /// What the asker reads. Late money is no charge of the request: it is on its way back.
    fn describe(&self) -> Value {
        let charge = self.charge().filter(|_| self.state == "settled");
        json!({
            "request_id": self.request_id,
            "amount": self.amount,
            "currency": self.currency,
            "state": self.state,
            "charge": charge,
        })
    }

    fn charge(&self) -> Option<Value> {
        let id = self.charge_id.as_ref()?;
        Some(json!({ "charge_id": id, "amount": self.amount, "currency": self.currency }))
    }
}

pub(super) async fn lock(tx: &mut PgConnection, id: &str) -> Result<Option<Found>, sqlx::Error> {
    // Two statements: the charge is read after the lock is had, when nobody can add it any more.
    let locked = sqlx::query("select from payment_request where request_id = $1 for update")
        .bind(id)
        .fetch_optional(&mut *tx)
        .await?;
    if locked.is_none() {
        return Ok(None);
    }
    sqlx::query_as(
        "select r.request_id, r.amount, r.currency, r.token, r.metadata, r.state, r.key, c.charge_id,
                coalesce(r.at <= (select h.at from healed h), false) as healed
           from payment_request r
           left join charge c on c.request_id = r.request_id
          where r.request_id = $1",
    )
    .bind(id)
    .fetch_optional(tx)
    .await
}

pub(super) async fn create(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    operation::serve(sandbox, &headers, Operation::Request, String::new(), body).await
}

pub(super) async fn cancel(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    operation::serve(sandbox, &headers, Operation::CancelRequest, id, body).await
}

pub(super) async fn collect(
    State(sandbox): State<Sandbox>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    operation::serve(sandbox, &headers, Operation::Collect, id, body).await
}

/// Makes a request.
pub(super) async fn act(
    tx: &mut PgConnection,
    request: &Request,
    pays_after: Duration,
) -> Result<Answer, sqlx::Error> {
    let body: Body = match serde_json::from_slice(&request.body) {
        Ok(body) => body,
        Err(error) => return Ok(unprocessable("bad_body", &error.to_string())),
    };
    if body.amount <= 0 || body.currency.len() != 3 {
        let sentence = "an amount is positive and in a currency";
        return Ok(unprocessable("bad_amount", sentence));
    }
    if behaviour(&body.token, Operation::Request).is_none() {
        let sentence = "there is no such payment token";
        return Ok(unprocessable("invalid_token", sentence));
    }
    let id = new_id("req");
    let pays_after = (body.token == token::PAYS).then_some(pays_after.as_secs_f64());
    sqlx::query(
        "insert into payment_request
                (request_id, amount, currency, token, reference, metadata, state, key, pays_at)
         values ($1, $2, $3, $4, $5, $6, 'open', $7, clock_timestamp() + make_interval(secs => $8))",
    )
    .bind(&id)
    .bind(body.amount)
    .bind(&body.currency)
    .bind(&body.token)
    .bind(&body.reference)
    .bind(Json(&body.metadata))
    .bind(&request.key)
    .bind(pays_after)
    .execute(tx)
    .await?;
    Ok(Answer::done(json!({
        "request_id": id,
        "amount": body.amount,
        "currency": body.currency,
        "state": "open",
        "charge": null,
    })))
}

/// Cancels a request, unless the money was faster: the answer says which.
pub(super) async fn act_cancel(
    tx: &mut PgConnection,
    request: &Request,
) -> Result<Answer, sqlx::Error> {
    let Some(mut found) = lock(tx, &request.object).await? else {
        return Ok(unknown("payment request"));
    };
    if found.state == "open" {
        close(tx, &mut found).await?;
    }
    Ok(Answer::done(found.describe()))
}

/// Gives the asker the money that came, or closes the request without it.
pub(super) async fn act_collect(
    tx: &mut PgConnection,
    request: &Request,
) -> Result<Answer, sqlx::Error> {
    let Some(mut found) = lock(tx, &request.object).await? else {
        return Ok(unknown("payment request"));
    };
    match (found.state.as_str(), found.charge()) {
        ("settled", Some(charge)) => Ok(Answer::done(charge)),
        ("open", _) => {
            close(tx, &mut found).await?;
            let sentence = "no money has come, and the request is closed now";
            let status = StatusCode::PAYMENT_REQUIRED;
            Ok(Answer::problem(status, "payment_not_received", sentence))
        }
        _ => Ok(refuse("request_cancelled", "this request was cancelled")),
    }
}

async fn close(tx: &mut PgConnection, found: &mut Found) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update payment_request
            set state = 'cancelled', pays_at = case when $2 then clock_timestamp() end
          where request_id = $1",
    )
    .bind(&found.request_id)
    .bind(found.token == token::PAYS_LATE)
    .execute(tx)
    .await?;
    found.state = "cancelled".into();
    Ok(())
}

/// `GET /v1/payment-requests/{id}`.
pub(super) async fn one(State(sandbox): State<Sandbox>, Path(id): Path<String>) -> Answer {
    let read = async {
        let mut tx = sandbox.database.begin().await?;
        let found = lock(&mut tx, &id).await?;
        tx.rollback().await?;
        Ok::<_, sqlx::Error>(found)
    };
    match read.await {
        Ok(Some(found)) => Answer::done(found.describe()),
        Ok(None) => unknown("payment request"),
        Err(error) => error.into(),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    limit: Option<i64>,
}

/// `GET /v1/late-charges`: money for cancelled requests that was not given back yet.
pub(super) async fn late(State(sandbox): State<Sandbox>, Query(page): Query<Page>) -> Answer {
    let charges: Result<Vec<Json<Value>>, sqlx::Error> = sqlx::query_scalar(
        "select json_build_object('charge_id', c.charge_id, 'request_id', r.request_id,
                                  'amount', c.amount, 'currency', c.currency,
                                  'key', r.key, 'metadata', r.metadata)
           from charge c
           join payment_request r on r.request_id = c.request_id
          where c.late and c.refunded < c.amount
          order by c.at
          limit $1",
    )
    .bind(page.limit.unwrap_or(LATE_MAX).clamp(1, LATE_MAX))
    .fetch_all(sandbox.database.pool())
    .await;
    match charges {
        Ok(charges) => {
            let charges: Vec<Value> = charges.into_iter().map(|charge| charge.0).collect();
            Answer::done(json!({ "charges": charges }))
        }
        Err(error) => error.into(),
    }
}

/// `POST /sandbox/settle/{id}`: the customer transfers the money, in time or not. A second time changes nothing.
pub(super) async fn settle(State(sandbox): State<Sandbox>, Path(id): Path<String>) -> Answer {
    // In a task of its own: a client that hangs up must not leave a transaction behind.
    match tokio::spawn(async move { pay(&sandbox, &id).await }).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => error.into(),
        Err(_) => {
            let sentence = "the provider's code panicked";
            Answer::problem(StatusCode::INTERNAL_SERVER_ERROR, "panic", sentence)
        }
    }
}

/// The money of one request comes.
pub(super) async fn pay(sandbox: &Sandbox, id: &str) -> Result<Answer, sqlx::Error> {
    let mut tx = sandbox.database.begin().await?;
    let Some(mut found) = lock(&mut tx, id).await? else {
        return Ok(unknown("payment request"));
    };
    if found.charge_id.is_none() {
        take(&mut tx, &mut found).await?;
    }
    tx.commit().await?;
    Ok(Answer::done(found.charge().unwrap_or_default()))
}

/// Turns the money into a charge, and writes down who is to be told, in one transaction.
async fn take(tx: &mut PgConnection, found: &mut Found) -> Result<(), sqlx::Error> {
    let late = found.state != "open";
    let charge_id = new_id("ch");
    sqlx::query(
        "with made as (
             insert into charge (charge_id, request_id, amount, currency, state, key, late)
             values ($1, $2, $3, $4, 'charged', $5, $6)
         ), moved as (
             update payment_request
                set state = case when $6 then state else 'settled' end, pays_at = null
              where request_id = $2)
         insert into log (key, operation, authorization_id, charge_id, amount, currency)
         values ($5, 'settle', $2, $1, $3, $4)",
    )
    .bind(&charge_id)
    .bind(&found.request_id)
    .bind(found.amount)
    .bind(&found.currency)
    .bind(&found.key)
    .bind(late)
    .execute(&mut *tx)
    .await?;
    if let Some(saga) = found.metadata.get("saga") {
        let event_id = new_id("evt");
        let body = json!({
            "id": event_id,
            "type": "payment.settled",
            "saga": saga,
            "data": {
                "request_id": found.request_id,
                "charge_id": charge_id,
                "amount": found.amount,
                "currency": found.currency,
                "late": late,
            },
        });
        sqlx::query("insert into webhook (event_id, body) values ($1, $2)")
            .bind(&event_id)
            .bind(body.to_string())
            .execute(tx)
            .await?;
    }
    if !late {
        found.state = "settled".into();
    }
    found.charge_id = Some(charge_id);
    Ok(())
}
