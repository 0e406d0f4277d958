//! The paths that the catalogue's worker pool serves beside the engine's: events and seat maps to choose from, and the
//! waitlist.
//!
//! The engine does not compile the pool; this is the description of the surface that a process serves as a whole.

use serde_json::{Map, Value, json};

use super::parts::{problems, refer};

pub(super) fn paths() -> Map<String, Value> {
    let event_id = json!({ "name": "event_id", "in": "path", "required": true,
                           "schema": { "type": "string", "format": "uuid" } });
    let pages = [refer("parameters", "Limit"), refer("parameters", "Cursor")];
    let mut of_event = vec![event_id.clone()];
    of_event.extend(pages.clone());
    [
        (
            "/v1/events",
            get(
                "listEvents",
                "Events on sale, soonest first",
                &pages,
                page("Event"),
            ),
        ),
        (
            "/v1/events/{event_id}",
            get(
                "getEvent",
                "One event",
                &[event_id],
                refer("schemas", "Event"),
            ),
        ),
        (
            "/v1/events/{event_id}/seats",
            get(
                "listSeats",
                "The seat map, by seat",
                &of_event,
                page("Seat"),
            ),
        ),
        ("/v1/events/{event_id}/waitlist", waitlist()),
    ]
    .into_iter()
    .map(|(path, item)| (path.to_owned(), item))
    .collect()
}

pub(super) fn schemas() -> Map<String, Value> {
    let text = json!({ "type": "string" });
    let count = json!({ "type": "integer", "minimum": 0 });
    let event = object(&[
        ("event_id", json!({ "type": "string", "format": "uuid" })),
        ("title", text.clone()),
        ("venue", text.clone()),
        (
            "starts_at",
            json!({ "type": "string", "format": "date-time" }),
        ),
        (
            "currency",
            json!({ "type": "string", "pattern": "^[A-Z]{3}$" }),
        ),
        (
            "state",
            json!({ "enum": ["on_sale", "closed", "cancelled"] }),
        ),
        ("seats", count.clone()),
        ("seats_free", count),
        (
            "price_from",
            json!({ "type": ["integer", "null"], "description": "Lowest price in minor units" }),
        ),
    ]);
    let seat = object(&[
        ("seat", text.clone()),
        ("section", text.clone()),
        ("price", refer("schemas", "Money")),
        ("status", json!({ "enum": ["free", "held", "sold"] })),
    ]);
    let money = object(&[
        (
            "amount",
            json!({ "type": "integer", "description": "Minor units of the currency" }),
        ),
        ("currency", text),
    ]);
    [("Event", event), ("Seat", seat), ("Money", money)]
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect()
}

fn get(operation: &str, what: &str, parameters: &[Value], schema: Value) -> Value {
    let mut responses = problems(&["400", "404", "500", "503"]);
    responses.insert(
        "200".to_owned(),
        json!({ "description": what, "content": { "application/json": { "schema": schema } } }),
    );
    json!({ "get": {
        "operationId": operation,
        "tags": ["catalogue"],
        "parameters": parameters,
        "responses": responses,
    } })
}

/// Joining is the one thing that a customer changes here.
fn waitlist() -> Value {
    let mut responses = problems(&["400", "404", "500", "503"]);
    let entry = object(&[("entry_id", json!({ "type": "string", "format": "uuid" }))]);
    responses.insert(
        "200".to_owned(),
        json!({ "description": "The entry; the same one when asked again",
                "content": { "application/json": { "schema": entry } } }),
    );
    let seats = json!({ "type": "integer", "minimum": 1, "maximum": 8 });
    let wish = object(&[
        (
            "customer_email",
            json!({ "type": "string", "maxLength": 254 }),
        ),
        ("seats", seats),
    ]);
    json!({ "post": {
        "operationId": "joinWaitlist",
        "summary": "Wait for seats of an event that has no free ones",
        "tags": ["catalogue"],
        "parameters": [{ "name": "event_id", "in": "path", "required": true,
                         "schema": { "type": "string", "format": "uuid" } }],
        "requestBody": { "required": true,
                         "content": { "application/json": { "schema": wish } } },
        "responses": responses,
    } })
}

fn page(item: &str) -> Value {
    json!({
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": { "type": "array", "items": refer("schemas", item) },
            "next_cursor": { "type": "string", "description": "Absent on the last page" },
        },
    })
}

fn object(properties: &[(&str, Value)]) -> Value {
    let required: Vec<&str> = properties.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> = properties
        .iter()
        .map(|(name, schema)| ((*name).to_owned(), schema.clone()))
        .collect();
    json!({ "type": "object", "required": required, "properties": properties })
}
