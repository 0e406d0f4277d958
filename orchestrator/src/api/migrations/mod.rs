//! `POST /v1/definitions/{name}/migrations`: running sagas go on under another version of their definition.
//!
//! One request is one page of sagas: those of version `from` that have not ended, filtered like `GET /v1/sagas`, or the
//! one that `saga` names. Each must be proved to end well from where it stands; the others are told with the reason and
//! stay what they are. `dry_run` only tells. The answer is a table: one row for each place at which sagas stand.
//!
//! - `order`: the body;
//! - `page`: finding, judging and moving the sagas of one page;
//! - `answer`: the table.
//!
//! `Idempotency-Key` names the order, over all its pages: a saga that has followed it is not asked again.

mod answer;
mod order;
mod page;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use impresario_workflows::saga::Stamp;

pub(super) use order::schema;

use super::problem::{Code, Problem};
use super::sagas::operator;
use super::schema::Schema;
use super::{Api, body, idempotency_key, reads};
use crate::store::definitions::{Stored, Version};
use order::Order;
use page::Migration;

pub(super) async fn migrate(
    State(api): State<Api>,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Ok(Path(name)) = name else {
        return Err(no_such_version("this name"));
    };
    let (parts, content) = request.into_parts();
    let by = operator(&parts.headers)?;
    let content = body::read(&parts.headers, content).await?;
    Schema::compile(&schema())
        .map_err(Problem::internal)?
        .check(&content)?;
    let order: Order = serde_json::from_value(content).map_err(Problem::internal)?;
    let stamp = if order.dry_run {
        None
    } else {
        Some(Stamp {
            key: idempotency_key::read(&parts.headers)?.into_owned(),
            by,
            reason: order.reason.clone(),
        })
    };
    let from = version(&api, &name, order.from.clone().into()).await?;
    let to = version(&api, &name, order.to.clone().into()).await?;
    if from.id == to.id {
        let detail = "`from` and `to` are the same version.";
        return Err(Problem::new(Code::InvalidInput, detail));
    }
    let input = Schema::compile(&to.definition.input_schema).map_err(Problem::internal)?;
    let migration = Migration {
        api,
        from,
        to,
        input,
        stamp,
    };
    let table = migration.page(&name, order).await?;
    Ok(Json(table).into_response())
}

async fn version(api: &Api, name: &str, version: Version) -> Result<Stored, Problem> {
    let (engine, of, wanted) = (api.engine.clone(), name.to_owned(), version.clone());
    let found = reads::detached(async move { engine.version(&of, &wanted).await });
    found.await?.ok_or_else(|| match version {
        Version::Number(number) => no_such_version(&format!("version {number} and this name")),
        Version::Hash(_) => no_such_version("this hash and name"),
    })
}

fn no_such_version(of: &str) -> Problem {
    Problem::new(Code::NotFound, format!("There is no definition of {of}."))
}
