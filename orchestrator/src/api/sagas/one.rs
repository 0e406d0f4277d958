//! `GET /v1/sagas/{id}`: everything about one saga, for support staff.
//!
//! Its row, one sentence that explains it, its steps, and its journal as recorded. The entity tag is what
//! commands insist on.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use impresario_workflows::SagaId;
use impresario_workflows::saga::explain;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::super::instant::Instant;
use super::super::problem::Problem;
use super::super::reads::{self, detached};
use super::super::{Api, TENANT, etag};
use super::steps::{StepView, steps};
use crate::clock;
use crate::store::listing::{self, JournalRow, Row};
use crate::store::sagas::Loaded;

/// Journal rows that are told at most: the last ones. A saga has four to some dozens.
const JOURNAL_MAX: i32 = 500;

#[derive(Serialize)]
struct Saga<'s> {
    id: SagaId,
    definition: DefinitionView<'s>,
    status: &'static str,
    seq: i32,
    explanation: String,
    business_key: Option<&'s str>,
    attributes: Option<&'s Value>,
    started_at: Instant,
    ended_at: Option<Instant>,
    wake_at: Option<Instant>,
    partition: u16,
    input: &'s Value,
    steps: Vec<StepView<'s>>,
    journal: Vec<Entry<'s>>,
}

#[derive(Serialize)]
struct DefinitionView<'s> {
    name: &'s str,
    version: u32,
    hash: &'s str,
}

#[derive(Serialize)]
struct Entry<'s> {
    seq: i32,
    at: Instant,
    by: &'s [String],
    events: &'s RawValue,
}

pub(super) async fn one(
    State(api): State<Api>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = reads::saga_id(path)?;
    let loaded = api.load(id).await?;
    let tag = etag::tag(loaded.seq);
    if etag::is_known(&headers, loaded.seq) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let (row, journal) = background(&api, &loaded).await?;
    let body = Json(told(&loaded, &row, &journal)).into_response();
    let headers = [
        (header::ETAG, tag),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, body).into_response())
}

/// The row, and the journal up to what was folded: what came since belongs to the next answer.
async fn background(api: &Api, loaded: &Loaded) -> Result<(Row, Vec<JournalRow>), Problem> {
    let pool = api.engine.database().pool.clone();
    let (id, seq) = (loaded.id, loaded.seq);
    let (row, journal) = detached(async move {
        let row = listing::one(&pool, TENANT, id).await?;
        Ok((row, listing::journal(&pool, id, seq, JOURNAL_MAX).await?))
    })
    .await?;
    Ok((row.ok_or_else(reads::no_such_saga)?, journal))
}

fn told<'s>(loaded: &'s Loaded, row: &'s Row, journal: &'s [JournalRow]) -> Saga<'s> {
    let Loaded {
        definition, state, ..
    } = loaded;
    Saga {
        id: loaded.id,
        definition: DefinitionView {
            name: &definition.name,
            version: definition.version,
            hash: &definition.hash,
        },
        status: state.status(definition).as_str(),
        seq: loaded.seq,
        explanation: explain(definition, state, clock::now()),
        business_key: row.business_key.as_deref(),
        attributes: row.attributes.as_ref(),
        started_at: Instant(row.started_at),
        ended_at: row.ended_at.map(Instant),
        wake_at: row.wake_at.map(Instant),
        partition: loaded.partition,
        input: &state.input,
        steps: steps(definition, state),
        journal: journal
            .iter()
            .map(|entry| Entry {
                seq: entry.seq,
                at: Instant::of(entry.at),
                by: &entry.by,
                events: &entry.events,
            })
            .collect(),
    }
}
