//! The OpenAPI document: what is fixed, and the paths of every definition with its own input schema.
//!
//! Served at `/openapi.json` for the definitions of the process; the one for the shipped definitions is committed
//! as `openapi.json`, so that a change of the API is a change that people review.

mod catalogue;
mod fixed;
mod parts;
mod schemas;
mod surface;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use impresario_workflows::Definition;
use serde_json::{Map, Value, json};

use super::RESERVED;

/// The document for these definitions.
pub fn document<'d>(definitions: impl IntoIterator<Item = &'d Definition>) -> Value {
    let mut paths = fixed::paths();
    paths.extend(catalogue::paths());
    let mut inputs = Map::new();
    for definition in definitions {
        if let Some(plural) = definition
            .rest
            .as_deref()
            .filter(|it| !RESERVED.contains(it))
        {
            paths.extend(surface::paths(definition, plural));
            inputs.insert(
                surface::input_name(definition),
                definition.input_schema.clone(),
            );
        }
    }
    let mut components = schemas::schemas();
    components.extend(catalogue::schemas());
    components.extend(inputs);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Impresario",
            "version": "1",
            "description": "Bookings that must not go wrong. Conventions are described in docs/api.md.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "parameters": parts::parameters(),
            "headers": parts::headers(),
            "responses": parts::responses(),
        },
    })
}

/// For the definitions that there are when it is asked for.
pub(super) async fn served(text: Bytes) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
