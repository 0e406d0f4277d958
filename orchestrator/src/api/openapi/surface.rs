//! The paths of one definition: start, read, follow.

use impresario_workflows::Definition;
use serde_json::{Map, Value, json};

use super::parts::{answer, problems, refer};

/// Name of the schema of a definition's input: `refund-all` as `RefundAllInput`.
pub(super) fn input_name(definition: &Definition) -> String {
    format!("{}Input", pascal(&definition.name))
}

fn pascal(name: &str) -> String {
    name.split('-')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
        })
        .collect()
}

pub(super) fn paths(definition: &Definition, plural: &str) -> Map<String, Value> {
    let name = pascal(&definition.name);
    let one = format!("/v1/{plural}/{{id}}");
    let mut paths = Map::new();
    paths.insert(
        format!("/v1/{plural}"),
        json!({ "post": start(definition, &name) }),
    );
    paths.insert(one.clone(), json!({ "get": read(definition, &name) }));
    paths.insert(
        format!("{one}/events"),
        json!({ "get": follow(definition, &name) }),
    );
    paths
}

fn start(definition: &Definition, name: &str) -> Value {
    let mut responses = problems(&[
        "400", "408", "409", "410", "413", "415", "422", "500", "503",
    ]);
    let headers = ["ETag", "Location", "Preference-Applied"];
    let settled = answer(
        "Started, and settled within the wait",
        "CustomerView",
        &headers,
    );
    responses.insert("201".to_owned(), settled);
    let headers = [
        "ETag",
        "Location",
        "Preference-Applied",
        "Idempotent-Replayed",
    ];
    let replayed = answer(
        "Started earlier, and settled within the wait",
        "CustomerView",
        &headers,
    );
    responses.insert("200".to_owned(), replayed);
    let headers = [
        "ETag",
        "Location",
        "Retry-After",
        "Preference-Applied",
        "Idempotent-Replayed",
    ];
    let accepted = answer("Started, and still under way", "CustomerView", &headers);
    responses.insert("202".to_owned(), accepted);
    json!({
        "operationId": format!("start{name}"),
        "summary": definition.description,
        "tags": [definition.name],
        "parameters": [refer("parameters", "IdempotencyKey"), refer("parameters", "Prefer")],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": refer("schemas", &input_name(definition)) } },
        },
        "responses": responses,
    })
}

fn read(definition: &Definition, name: &str) -> Value {
    let mut responses = problems(&["404", "500", "503"]);
    responses.insert(
        "200".to_owned(),
        answer("What a customer may know", "CustomerView", &["ETag"]),
    );
    responses.insert(
        "304".to_owned(),
        json!({ "description": "Nothing has changed" }),
    );
    json!({
        "operationId": format!("get{name}"),
        "tags": [definition.name],
        "parameters": [refer("parameters", "Id"), refer("parameters", "IfNoneMatch")],
        "responses": responses,
    })
}

fn follow(definition: &Definition, name: &str) -> Value {
    let mut responses = problems(&["400", "404", "500", "503"]);
    let stream = json!({
        "description": "Server-sent events: id is the saga's seq, event its status word or `end`, data the view",
        "content": { "text/event-stream": { "schema": refer("schemas", "CustomerView") } },
    });
    responses.insert("200".to_owned(), stream);
    responses.insert(
        "204".to_owned(),
        json!({ "description": "You have seen the end" }),
    );
    json!({
        "operationId": format!("follow{name}"),
        "tags": [definition.name],
        "parameters": [refer("parameters", "Id"), refer("parameters", "LastEventId")],
        "responses": responses,
    })
}
