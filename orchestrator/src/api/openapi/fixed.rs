//! The paths that every process has: sagas, definitions, health.

use impresario_workflows::saga::Status;
use serde_json::{Map, Value, json};

use super::parts::{answer, problems, refer};

pub(super) fn paths() -> Map<String, Value> {
    [
        ("/v1/sagas", json!({ "get": list_sagas() })),
        ("/v1/sagas/{id}", json!({ "get": get_saga() })),
        ("/v1/sagas/{id}/commands", json!({ "post": command_saga() })),
        ("/v1/sagas/{id}/signals", json!({ "post": signal_saga() })),
        ("/v1/signals", json!({ "post": signal_by_key() })),
        (
            "/v1/webhooks/payments",
            json!({ "post": payment_webhook() }),
        ),
        ("/v1/audit", json!({ "get": list_audit() })),
        ("/v1/orphans", json!({ "post": undo_orphans() })),
        (
            "/v1/definitions",
            json!({ "get": list_definitions(), "post": upload_definition() }),
        ),
        ("/v1/definitions/{name}", json!({ "get": get_definition() })),
        (
            "/v1/definitions/{name}/migrations",
            json!({ "post": migrate_sagas() }),
        ),
        (
            "/healthz",
            json!({ "get": plain("getHealth", "The process lives", "application/json") }),
        ),
        ("/readyz", json!({ "get": readiness() })),
        (
            "/metrics",
            json!({ "get": plain("getMetrics", "Prometheus text", "text/plain") }),
        ),
        (
            "/openapi.json",
            json!({ "get": plain("getOpenApi", "This document", "application/json") }),
        ),
    ]
    .into_iter()
    .map(|(path, item)| (path.to_owned(), item))
    .collect()
}

fn list_sagas() -> Value {
    let filter =
        |name: &str, schema: Value| json!({ "name": name, "in": "query", "schema": schema });
    let text = json!({ "type": "string" });
    let instant = json!({ "type": "string", "format": "date-time" });
    let mut responses = problems(&["400", "422", "500", "503"]);
    responses.insert(
        "200".to_owned(),
        answer("A page, newest first", "SagaList", &[]),
    );
    json!({
        "operationId": "listSagas",
        "tags": ["sagas"],
        "description": "Filters by attribute are named `attribute.<name>`. An unknown filter is refused.",
        "parameters": [
            filter("status", json!({ "enum": Status::ALL.map(Status::as_str) })),
            filter("definition", text.clone()),
            filter("business_key", text),
            filter("started[gte]", instant.clone()),
            filter("started[lt]", instant),
            refer("parameters", "Limit"),
            refer("parameters", "Cursor"),
        ],
        "responses": responses,
    })
}

fn get_saga() -> Value {
    let mut responses = problems(&["404", "500", "503"]);
    responses.insert(
        "200".to_owned(),
        answer("Everything about it", "Saga", &["ETag"]),
    );
    responses.insert(
        "304".to_owned(),
        json!({ "description": "Nothing has changed" }),
    );
    json!({
        "operationId": "getSaga",
        "tags": ["sagas"],
        "parameters": [refer("parameters", "Id"), refer("parameters", "IfNoneMatch")],
        "responses": responses,
    })
}

fn command_saga() -> Value {
    let mut responses = problems(&[
        "400", "404", "408", "409", "412", "413", "415", "422", "428", "500", "503",
    ]);
    responses.insert(
        "202".to_owned(),
        answer("It is being followed", "CommandAnswer", &["ETag"]),
    );
    responses.insert(
        "200".to_owned(),
        answer("There was nothing to do", "CommandAnswer", &["ETag"]),
    );
    let parameters =
        ["Id", "IdempotencyKey", "IfMatch", "Operator"].map(|name| refer("parameters", name));
    json!({
        "operationId": "commandSaga",
        "tags": ["sagas"],
        "parameters": parameters,
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": refer("schemas", "Command") } },
        },
        "responses": responses,
    })
}

fn signal_saga() -> Value {
    signal(
        "signalSaga",
        super::super::signals::schema(),
        &["Id", "IdempotencyKey"],
    )
}

fn signal_by_key() -> Value {
    let schema = super::super::signals::correlated_schema();
    signal("signalByKey", schema, &["IdempotencyKey"])
}

fn signal(operation: &str, schema: Value, parameters: &[&str]) -> Value {
    let mut responses = problems(&[
        "400", "404", "408", "409", "413", "415", "422", "500", "503",
    ]);
    let taken = [
        ("202", "It is taken, or kept"),
        ("200", "It was known, or the saga has ended"),
    ];
    for (status, sentence) in taken {
        responses.insert(
            status.to_owned(),
            answer(sentence, "SignalAnswer", &["ETag"]),
        );
    }
    let parameters: Vec<Value> = parameters
        .iter()
        .map(|name| refer("parameters", name))
        .collect();
    json!({
        "operationId": operation,
        "tags": ["signals"],
        "parameters": parameters,
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": schema } },
        },
        "responses": responses,
    })
}

fn payment_webhook() -> Value {
    let mut responses = problems(&["400", "401", "404", "409", "413", "422", "500", "503"]);
    responses.insert(
        "202".to_owned(),
        answer("It is taken, or kept", "SignalAnswer", &["ETag"]),
    );
    responses.insert(
        "200".to_owned(),
        answer(
            "It was known, or the saga has ended",
            "SignalAnswer",
            &["ETag"],
        ),
    );
    json!({
        "operationId": "paymentWebhook",
        "tags": ["signals"],
        "description": "Signed: `Impresario-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of \"t.body\">`.",
        "parameters": [{
            "name": "Impresario-Signature", "in": "header", "required": true,
            "schema": { "type": "string" },
        }],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": {
                "type": "object",
                "required": ["id", "type", "saga"],
                "properties": {
                    "id": { "type": "string" }, "type": { "type": "string" },
                    "saga": { "type": "string", "format": "uuid" }, "data": {},
                },
            } } },
        },
        "responses": responses,
    })
}

fn list_audit() -> Value {
    let mut responses = problems(&["400", "500", "503"]);
    responses.insert("200".to_owned(), answer("Newest first", "AuditList", &[]));
    let number =
        |name: &str| json!({ "name": name, "in": "query", "schema": { "type": "integer" } });
    json!({
        "operationId": "listAudit",
        "tags": ["audit"],
        "parameters": [number("before"), number("limit")],
        "responses": responses,
    })
}

fn undo_orphans() -> Value {
    let mut responses = problems(&["400", "408", "413", "415", "422", "500", "503"]);
    responses.insert(
        "200".to_owned(),
        answer("What became, or would become, of them", "Orphans", &[]),
    );
    json!({
        "operationId": "undoOrphans",
        "tags": ["orphans"],
        "description": "Effects that participants remember, and whose sagas the database has lost. Sending the same again is harmless.",
        "parameters": [refer("parameters", "Operator")],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": super::super::orphans::schema() } },
        },
        "responses": responses,
    })
}

fn upload_definition() -> Value {
    let mut responses = problems(&["400", "408", "409", "413", "415", "422", "500", "503"]);
    responses.insert("201".to_owned(), answer("It is stored", "Uploaded", &[]));
    responses.insert(
        "200".to_owned(),
        answer("The same content was stored before", "Uploaded", &[]),
    );
    json!({
        "operationId": "uploadDefinition",
        "tags": ["definitions"],
        "parameters": [refer("parameters", "Operator")],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": super::super::upload::schema() } },
        },
        "responses": responses,
    })
}

fn list_definitions() -> Value {
    json!({
        "operationId": "listDefinitions",
        "tags": ["definitions"],
        "responses": { "200": answer("Those that new sagas use", "DefinitionList", &[]) },
    })
}

fn get_definition() -> Value {
    let mut responses = problems(&["404", "500"]);
    responses.insert(
        "200".to_owned(),
        answer("Its content and a drawing", "Definition", &[]),
    );
    json!({
        "operationId": "getDefinition",
        "tags": ["definitions"],
        "parameters": [{ "name": "name", "in": "path", "required": true, "schema": { "type": "string" } }],
        "responses": responses,
    })
}

fn migrate_sagas() -> Value {
    let mut responses = problems(&["400", "404", "408", "413", "415", "422", "500", "503"]);
    responses.insert(
        "200".to_owned(),
        answer("What became, or would become, of them", "Migrations", &[]),
    );
    let key = json!({
        "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
        "description": "Names the order, over all its pages; needed unless `dry_run`",
    });
    json!({
        "operationId": "migrateSagas",
        "tags": ["definitions"],
        "parameters": [
            { "name": "name", "in": "path", "required": true, "schema": { "type": "string" } },
            key,
            refer("parameters", "Operator"),
        ],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": super::super::migrations::schema() } },
        },
        "responses": responses,
    })
}

fn readiness() -> Value {
    json!({
        "operationId": "getReadiness",
        "tags": ["health"],
        "responses": {
            "200": answer("Ready", "Readiness", &[]),
            "503": answer("Not ready; the parts say which", "Readiness", &[]),
        },
    })
}

fn plain(operation: &str, description: &str, kind: &str) -> Value {
    json!({
        "operationId": operation,
        "tags": ["health"],
        "responses": { "200": { "description": description, "content": { kind: {} } } },
    })
}
