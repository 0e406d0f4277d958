//! `POST /v1/orphans`: effects that participants remember, and whose sagas the database has lost.
//!
//! One request is one page of what was read from the barriers: sagas with all their effects. Those that the database knows
//! are no orphans; each of the others is answered with its verdict. Unless `dry_run` only tells, those that can be undone
//! are made anew and undone. Sending the same again is harmless: what was made anew is known from then on.
//!
//! - `order`: the body;
//! - `answer`: the answer.

mod answer;
mod order;

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use impresario_workflows::SagaId;
use impresario_workflows::saga::Stamp;
use serde_json::json;

pub(super) use order::schema;

use super::problem::Problem;
use super::sagas::operator;
use super::schema::Schema;
use super::{Api, TENANT, body};
use crate::orphans::{self, Terms, UndoError, Verdict};
use crate::store;
use crate::store::audit::{self, Deed};
use answer::Answer;
use order::Order;

/// A page at most: inputs and outputs of a hundred sagas.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is not made anew by then is left for the next time, so that the answer comes before the caller gives up.
const PAGE_TIME: Duration = Duration::from_secs(20);

/// Why a page was not followed to its end.
enum Failed {
    Store(store::Error),
    Undo(UndoError),
}

pub(super) async fn orphans(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let (parts, content) = request.into_parts();
    let by = operator(&parts.headers)?;
    let content = body::read_up_to(BYTES_MAX, &parts.headers, content).await?;
    Schema::compile(&schema())
        .map_err(Problem::internal)?
        .check(&content)?;
    let order = Order::read(content)?;
    // To its end, whether or not the caller waits for it: what is written must not be cut off.
    let answered = tokio::spawn(async move { follow(&api, order, by).await });
    match answered.await {
        Ok(Ok(answer)) => Ok(Json(answer).into_response()),
        Ok(Err(Failed::Store(error))) => {
            tracing::warn!(error = ?error, "cannot judge lost sagas");
            Err(Problem::unavailable(
                "The database does not answer; try again in a moment.",
            ))
        }
        Ok(Err(Failed::Undo(error))) => {
            tracing::warn!(error = ?error, "cannot undo a lost saga");
            Err(Problem::unavailable(
                "It is not known whether all were made anew. Send the same again.",
            ))
        }
        Err(error) => Err(Problem::internal(error)),
    }
}

async fn follow(api: &Api, order: Order, by: String) -> Result<Answer, Failed> {
    let stamp = Stamp {
        key: String::new(),
        by,
        reason: order.reason,
    };
    let terms = Terms {
        pools: &order.pools,
        grace: api.orphan_grace,
        now: api.engine.clock().now(),
    };
    let (judged, known) = {
        let live = api.engine.database().live_connection().await;
        let mut connection = live.map_err(Failed::Store)?;
        let judged = orphans::judge(&mut connection, &order.sagas, terms, &stamp).await;
        let (judged, known) = judged.map_err(Failed::Store)?;
        let undone: Vec<SagaId> = judged
            .iter()
            .filter(|saga| saga.verdict == Verdict::Undo)
            .map(|saga| saga.id)
            .collect();
        if !order.dry_run && !undone.is_empty() {
            let detail = json!({ "sagas": undone });
            let deed = Deed {
                tenant: TENANT,
                who: &stamp.by,
                action: "orphans.undone",
                subject: "sagas that were lost",
                reason: &stamp.reason,
                detail: &detail,
            };
            // Before the first of them: what becomes of each is in its journal.
            let recorded = audit::record(&mut connection, &deed).await;
            recorded.map_err(Failed::Store)?;
        }
        (judged, known)
    };
    let begun = Instant::now();
    let mut answer = Answer::new(order.dry_run, known);
    for saga in judged {
        let late = begun.elapsed() > PAGE_TIME;
        let undone = if order.dry_run || late {
            false
        } else {
            let undone = orphans::undo(&api.engine, TENANT, &saga).await;
            undone.map_err(Failed::Undo)?
        };
        answer.add(saga, undone);
    }
    Ok(answer)
}
