//! `GET /v1/definitions` and `GET /v1/definitions/{name}`: what new sagas are made of.
//!
//! The list names them; one tells its canonical content and a drawing of its steps (Mermaid).

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use impresario_workflows::Definition;
use impresario_workflows::graph::mermaid;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Api;
use super::problem::{Code, Problem};

#[derive(Serialize)]
struct List<'d> {
    data: Vec<Item<'d>>,
}

#[derive(Serialize)]
struct Item<'d> {
    name: &'d str,
    version: u32,
    hash: &'d str,
    rest: Option<&'d str>,
    steps: Vec<&'d str>,
}

#[derive(Serialize)]
struct One<'d> {
    #[serde(flatten)]
    item: Item<'d>,
    /// The content as it is stored and hashed.
    canonical: &'d RawValue,
    mermaid: String,
}

fn item(definition: &Definition) -> Item<'_> {
    Item {
        name: &definition.name,
        version: definition.version,
        hash: &definition.hash,
        rest: definition.rest.as_deref(),
        steps: definition
            .steps
            .iter()
            .map(|step| step.id.as_str())
            .collect(),
    }
}

pub(super) async fn list(State(api): State<Api>) -> Response {
    let current = api.engine.catalogue().all_current();
    let data = current
        .iter()
        .map(|stored| item(&stored.definition))
        .collect();
    Json(List { data }).into_response()
}

pub(super) async fn one(
    State(api): State<Api>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let stored = name
        .ok()
        .and_then(|Path(name)| api.engine.catalogue().current(&name));
    let Some(stored) = stored else {
        return Err(Problem::new(
            Code::NotFound,
            "There is no definition of this name.",
        ));
    };
    let definition = &stored.definition;
    let canonical: &RawValue =
        serde_json::from_str(&definition.canonical).map_err(Problem::internal)?;
    let one = One {
        item: item(definition),
        canonical,
        mermaid: mermaid(definition),
    };
    Ok(Json(one).into_response())
}
