//! Requests that arrive side by side, decided together: one transaction for what arrived while the last one was being
//! committed. Nothing lingers: a request that is alone is a set of one.
//!
//! A set does what is plain: an authorization that goes well or is declined, a capture of a live authorization, each
//! under a key that nobody has used. Everything else (a key that is there, a token that misbehaves, an object in
//! another state, a set that failed) is decided alone, by [`operation`](super::operation); the key's row makes that
//! safe whatever became of the set.
//!
//! Subtle: as everywhere keys come before objects, and both in sorted order, so that nobody waits in a circle.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use impresario_worker_sdk::Database;
use sqlx::PgConnection;
use tokio::sync::{mpsc, oneshot};

use super::answer::Answer;
use super::operation::{Request, authorize_answer, capture_answer, declined, new_id, readable};
use super::store;
use super::token::{Behaviour, Operation, behaviour};

/// Requests in one set at most: past it, transactions grow longer without growing cheaper.
const SET_MAX: usize = 128;
/// Requests waiting for the next set at most; more wait with their connections.
const WAITING_MAX: usize = 4 * SET_MAX;

struct Waiting {
    request: Arc<Request>,
    answer: oneshot::Sender<Option<Answer>>,
}

/// The way into the sets. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Sets {
    waiting: mpsc::Sender<Waiting>,
}

impl Sets {
    /// Starts the loop; it ends when the last clone is gone. Must be called inside a tokio runtime.
    pub(super) fn start(database: Database) -> Self {
        let (waiting, arrivals) = mpsc::channel(WAITING_MAX);
        tokio::spawn(serve(database, arrivals));
        Sets { waiting }
    }

    /// Decides a request in the next set; `None` when it has to be decided alone.
    pub(super) async fn ask(&self, request: &Arc<Request>) -> Option<Answer> {
        match request.operation {
            Operation::Authorize | Operation::Capture => {}
            Operation::Void
            | Operation::Refund
            | Operation::Request
            | Operation::CancelRequest
            | Operation::Collect => return None,
        }
        let (answer, answered) = oneshot::channel();
        let request = request.clone();
        self.waiting.send(Waiting { request, answer }).await.ok()?;
        answered.await.ok()?
    }
}

async fn serve(database: Database, mut arrivals: mpsc::Receiver<Waiting>) {
    let mut set = Vec::with_capacity(SET_MAX);
    while arrivals.recv_many(&mut set, SET_MAX).await > 0 {
        let requests: Vec<&Request> = set.iter().map(|waiting| waiting.request.as_ref()).collect();
        let mut answers = match decide(&database, &requests).await {
            Ok(answers) => answers,
            Err(error) => {
                tracing::info!(requests = set.len(), %error, "a set failed; its requests go alone");
                HashMap::new()
            }
        };
        for waiting in set.drain(..) {
            // Of two requests under one key the second finds no answer here, and goes alone.
            let answer = answers.remove(&waiting.request.key);
            drop(waiting.answer.send(answer));
        }
    }
}

/// A request that is plain, and what comes of it if its key is new.
struct Plain<'a> {
    request: &'a Request,
    answer: Answer,
    act: Act,
}

enum Act {
    Nothing,
    Authorize {
        id: String,
        amount: i64,
        currency: String,
        token: String,
        reference: Option<String>,
    },
    Capture {
        charge: String,
        amount: i64,
        currency: String,
    },
}

/// The answers of those requests that were decided, by key.
async fn decide(
    database: &Database,
    requests: &[&Request],
) -> Result<HashMap<String, Answer>, sqlx::Error> {
    let mut plain = Vec::with_capacity(requests.len());
    let (mut keys, mut objects) = (HashSet::new(), HashSet::new());
    let captured: Vec<&str> = requests
        .iter()
        .filter(|request| request.operation == Operation::Capture)
        .map(|request| request.object.as_str())
        .collect();
    let mut tx = database.begin().await?;
    let authorizations = store::authorizations_live(&mut tx, &captured).await?;
    for request in requests {
        let found = match request.operation {
            Operation::Authorize => authorize(request),
            Operation::Capture if objects.insert(&request.object) => authorizations
                .get(&request.object)
                .and_then(|found| capture(request, found)),
            Operation::Capture
            | Operation::Void
            | Operation::Refund
            | Operation::Request
            | Operation::CancelRequest
            | Operation::Collect => None,
        };
        plain.extend(found.filter(|_| keys.insert(&request.key)));
    }
    if plain.is_empty() {
        tx.rollback().await?;
        return Ok(HashMap::new());
    }
    let new = keys_insert(&mut tx, &plain).await?;
    plain.retain(|plain| new.contains(&plain.request.key));
    authorizations_insert(&mut tx, &plain).await?;
    if !charges_insert(&mut tx, &plain).await? {
        // Somebody was at one of the authorizations meanwhile.
        tx.rollback().await?;
        return Ok(HashMap::new());
    }
    tx.commit().await?;
    let answers = plain
        .into_iter()
        .map(|plain| (plain.request.key.clone(), plain.answer));
    Ok(answers.collect())
}

fn authorize(request: &Request) -> Option<Plain<'_>> {
    let body = readable(&request.body).ok()?;
    match behaviour(&body.token, Operation::Authorize)? {
        Behaviour::Good => {}
        Behaviour::Declined => {
            return Some(Plain {
                request,
                answer: declined(),
                act: Act::Nothing,
            });
        }
        Behaviour::Slow
        | Behaviour::TimeoutActed
        | Behaviour::TimeoutIdle
        | Behaviour::Flaky
        | Behaviour::Failing => return None,
    }
    let id = new_id("auth");
    Some(Plain {
        request,
        answer: authorize_answer(&id, body.amount, &body.currency),
        act: Act::Authorize {
            id,
            amount: body.amount,
            currency: body.currency,
            token: body.token,
            reference: body.reference,
        },
    })
}

fn capture<'a>(request: &'a Request, found: &store::Authorization) -> Option<Plain<'a>> {
    if behaviour(&found.token, Operation::Capture)? != Behaviour::Good {
        return None;
    }
    let charge = new_id("ch");
    Some(Plain {
        request,
        answer: capture_answer(&charge, found.amount, &found.currency),
        act: Act::Capture {
            charge,
            amount: found.amount,
            currency: found.currency.clone(),
        },
    })
}

/// Inserts the keys that are not there yet, with their answers; which they were. Waits for whoever is at one of them.
async fn keys_insert(
    tx: &mut PgConnection,
    plain: &[Plain<'_>],
) -> Result<HashSet<String>, sqlx::Error> {
    let new: Vec<String> = sqlx::query_scalar(
        "insert into key (key, operation, body_hash, state, status, answer, attempts)
         select k.key, k.operation, k.hash, k.state, k.status, k.answer::json, 1
           from unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::int4[], $6::text[])
                as k(key, operation, hash, state, status, answer)
          order by k.key
         on conflict (key) do nothing
         returning key",
    )
    .bind(
        plain
            .iter()
            .map(|one| one.request.key.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        plain
            .iter()
            .map(|one| one.request.operation.as_str())
            .collect::<Vec<_>>(),
    )
    .bind(
        plain
            .iter()
            .map(|one| one.request.hash())
            .collect::<Vec<_>>(),
    )
    .bind(
        plain
            .iter()
            .map(|one| one.answer.key_state())
            .collect::<Vec<_>>(),
    )
    .bind(
        plain
            .iter()
            .map(|one| i32::from(one.answer.status))
            .collect::<Vec<_>>(),
    )
    .bind(
        plain
            .iter()
            .map(|one| one.answer.body.to_string())
            .collect::<Vec<_>>(),
    )
    .fetch_all(tx)
    .await?;
    Ok(new.into_iter().collect())
}

async fn authorizations_insert(
    tx: &mut PgConnection,
    plain: &[Plain<'_>],
) -> Result<(), sqlx::Error> {
    let (mut ids, mut amounts, mut currencies) = (Vec::new(), Vec::new(), Vec::new());
    let (mut tokens, mut references, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    for one in plain {
        let Act::Authorize {
            id,
            amount,
            currency,
            token,
            reference,
        } = &one.act
        else {
            continue;
        };
        ids.push(id);
        amounts.push(*amount);
        currencies.push(currency);
        tokens.push(token);
        references.push(reference.as_deref());
        keys.push(&one.request.key);
    }
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "with asked as (
             select * from unnest($1::text[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::text[])
                        as a(id, amount, currency, token, reference, key)
         ), made as (
             insert into authorization_
                    (authorization_id, amount, currency, token, reference, state, key)
             select id, amount, currency, token, reference, 'authorized', key from asked)
         insert into log (key, operation, authorization_id, amount, currency)
         select key, 'authorize', id, amount, currency from asked",
    )
    .bind(ids)
    .bind(amounts)
    .bind(currencies)
    .bind(tokens)
    .bind(references)
    .bind(keys)
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes the money; false when an authorization is not there to be captured any more.
async fn charges_insert(tx: &mut PgConnection, plain: &[Plain<'_>]) -> Result<bool, sqlx::Error> {
    let (mut charges, mut ids, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    let (mut amounts, mut currencies) = (Vec::new(), Vec::new());
    for one in plain {
        let Act::Capture {
            charge,
            amount,
            currency,
        } = &one.act
        else {
            continue;
        };
        charges.push(charge);
        ids.push(&one.request.object);
        keys.push(&one.request.key);
        amounts.push(*amount);
        currencies.push(currency);
    }
    if charges.is_empty() {
        return Ok(true);
    }
    let asked = charges.len() as u64;
    let taken = sqlx::query(
        "with live as (
             select authorization_id
               from authorization_
              where authorization_id = any($2) and state = 'authorized'
              order by authorization_id
                for update
         ), moved as (
             update authorization_ a
                set state = 'captured'
               from live
              where a.authorization_id = live.authorization_id
             returning a.authorization_id
         ), asked as (
             select c.*
               from unnest($1::text[], $2::text[], $3::int8[], $4::text[], $5::text[])
                    as c(id, authorization_id, amount, currency, key)
               join moved on moved.authorization_id = c.authorization_id
         ), made as (
             insert into charge (charge_id, authorization_id, amount, currency, state, key)
             select id, authorization_id, amount, currency, 'charged', key from asked)
         insert into log (key, operation, authorization_id, charge_id, amount, currency)
         select key, 'capture', authorization_id, id, amount, currency from asked",
    )
    .bind(charges)
    .bind(ids)
    .bind(amounts)
    .bind(currencies)
    .bind(keys)
    .execute(tx)
    .await?;
    Ok(taken.rows_affected() == asked)
}
