//! `GET /v1/<plural>/{id}`: what a customer may read about a saga; and that representation itself.
//!
//! Sentences and facts come from the definition; no engine words, no attempts, no error texts. Answers 200 with
//! an entity tag, 304 when `If-None-Match` has it, 404 for sagas of other definitions.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use impresario_workflows::SagaId;
use impresario_workflows::saga::customer_view;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::problem::Problem;
use super::surface::Surface;
use super::{etag, reads};
use crate::hub::Progress;

#[derive(Serialize)]
struct View<'v> {
    id: SagaId,
    status: &'static str,
    sentence: &'v str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'v str>,
    progress: Done,
    facts: &'v BTreeMap<String, Value>,
    links: Links<'v>,
}

#[derive(Serialize)]
struct Done {
    done: usize,
    of: usize,
}

#[derive(Serialize)]
struct Links<'v> {
    #[serde(rename = "self")]
    itself: Address<'v>,
    events: Address<'v>,
}

/// A path on a surface, written without a detour through memory.
#[derive(Clone, Copy)]
pub(super) struct Address<'v> {
    pub(super) plural: &'v str,
    pub(super) id: SagaId,
    pub(super) below: &'static str,
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/v1/{}/{}{}", self.plural, self.id, self.below)
    }
}

impl Serialize for Address<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The word for customers and the representation as JSON.
pub(super) fn of(
    plural: &str,
    id: SagaId,
    progress: &Progress,
) -> Result<(&'static str, Vec<u8>), Problem> {
    let view = customer_view(&progress.definition, &progress.state);
    let address = |below| Address { plural, id, below };
    let mut body = Vec::with_capacity(512);
    let document = View {
        id,
        status: view.status,
        sentence: &view.sentence,
        reason: view.reason.as_deref(),
        progress: Done {
            done: view.done,
            of: view.of,
        },
        facts: &view.facts,
        links: Links {
            itself: address(""),
            events: address("/events"),
        },
    };
    serde_json::to_writer(&mut body, &document).map_err(Problem::internal)?;
    Ok((view.status, body))
}

/// The representation as an answer.
pub(super) fn answer(
    status: StatusCode,
    surface: &Surface,
    id: SagaId,
    progress: &Progress,
) -> Result<Response, Problem> {
    let (_, body) = of(&surface.plural, id, progress)?;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::ETAG, etag::tag(progress.seq));
    // Names and seats are nobody else's business.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

pub(super) async fn read(
    State(surface): State<Arc<Surface>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = reads::saga_id(path)?;
    let progress = surface.api.load_of(&surface.definition, id).await?;
    if etag::is_known(&headers, progress.seq) {
        let tag = [(header::ETAG, etag::tag(progress.seq))];
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    answer(StatusCode::OK, &surface, id, &progress)
}
