//! Schemas of what is answered. Words may be added to enumerations: clients must tolerate new ones.

use impresario_workflows::saga::Status;
use serde_json::{Map, Value, json};

use super::super::problem::Code;
use super::super::sagas::{STEP_STATES, command_schema};
use super::parts::refer;
use crate::orphans::Verdict;

/// Words for customers.
const CUSTOMER_STATUSES: [&str; 6] = [
    "processing",
    "confirmed",
    "declined",
    "cancelled",
    "undoing",
    "needs_attention",
];

/// An object with all of these fields required but those that may be null or missing.
fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn nullable(kind: &str) -> Value {
    json!({ "type": [kind, "null"] })
}

fn instant() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn maybe_instant() -> Value {
    json!({ "type": ["string", "null"], "format": "date-time" })
}

fn integer() -> Value {
    json!({ "type": "integer" })
}

fn list_of(schema: Value) -> Value {
    json!({ "type": "array", "items": schema })
}

/// All of them, by name.
pub(super) fn schemas() -> Map<String, Value> {
    [
        ("Problem", problem()),
        ("CustomerView", customer_view()),
        ("SagaItem", saga_item()),
        ("SagaList", saga_list()),
        ("Saga", saga()),
        ("Step", step()),
        ("Command", command_schema()),
        ("CommandAnswer", command_answer()),
        ("DefinitionItem", definition_item()),
        (
            "DefinitionList",
            object(
                &["data"],
                json!({ "data": list_of(refer("schemas", "DefinitionItem")) }),
            ),
        ),
        ("Definition", definition()),
        ("Readiness", readiness()),
        ("SignalAnswer", signal_answer()),
        ("Uploaded", uploaded()),
        ("AuditList", audit_list()),
        ("Migrations", migrations()),
        ("Orphans", orphans()),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect()
}

fn problem() -> Value {
    object(
        &["type", "title", "status", "code", "detail", "retryable"],
        json!({
            "type": text(),
            "title": text(),
            "status": integer(),
            "code": { "enum": Code::ALL.map(Code::as_str) },
            "detail": text(),
            "retryable": { "type": "boolean", "description": "Whether the same request may succeed later" },
            "errors": list_of(object(
                &["pointer", "code", "detail"],
                json!({ "pointer": text(), "code": text(), "detail": text() }),
            )),
            "current": { "description": "With `stale`: what the saga is now" },
            "instance": { "type": "string", "description": "With `internal`: what finds it in our log" },
        }),
    )
}

fn customer_view() -> Value {
    object(
        &["id", "status", "sentence", "progress", "facts", "links"],
        json!({
            "id": { "type": "string", "format": "uuid" },
            "status": { "enum": CUSTOMER_STATUSES },
            "sentence": { "type": "string", "description": "To be shown as it is" },
            "reason": { "type": "string", "description": "Why it did not work out" },
            "progress": object(&["done", "of"], json!({ "done": integer(), "of": integer() })),
            "facts": { "type": "object", "additionalProperties": true },
            "links": object(&["self", "events"], json!({ "self": text(), "events": text() })),
        }),
    )
}

fn saga_item() -> Value {
    object(
        &[
            "id",
            "definition",
            "version",
            "status",
            "business_key",
            "attributes",
            "started_at",
            "ended_at",
        ],
        json!({
            "id": { "type": "string", "format": "uuid" },
            "definition": text(),
            "version": integer(),
            "status": { "enum": Status::ALL.map(Status::as_str) },
            "business_key": nullable("string"),
            "attributes": { "type": ["object", "null"], "additionalProperties": true },
            "started_at": instant(),
            "ended_at": maybe_instant(),
        }),
    )
}

fn saga_list() -> Value {
    object(
        &["data", "next_cursor", "has_more", "as_of"],
        json!({
            "data": list_of(refer("schemas", "SagaItem")),
            "next_cursor": nullable("string"),
            "has_more": { "type": "boolean" },
            "as_of": instant(),
        }),
    )
}

fn saga() -> Value {
    let definition = json!({ "name": text(), "version": integer(), "hash": text() });
    let row = json!({
        "seq": integer(), "at": instant(), "by": list_of(text()),
        "events": list_of(json!({ "type": "object", "additionalProperties": true })),
    });
    object(
        &[
            "id",
            "definition",
            "status",
            "seq",
            "explanation",
            "business_key",
            "attributes",
            "started_at",
            "ended_at",
            "wake_at",
            "partition",
            "input",
            "steps",
            "journal",
        ],
        json!({
            "id": { "type": "string", "format": "uuid" },
            "definition": object(&["name", "version", "hash"], definition),
            "status": { "enum": Status::ALL.map(Status::as_str) },
            "seq": integer(),
            "explanation": { "type": "string", "description": "One sentence: what it does, waits for, or why it is stuck" },
            "business_key": nullable("string"),
            "attributes": { "type": ["object", "null"], "additionalProperties": true },
            "started_at": instant(),
            "ended_at": maybe_instant(),
            "wake_at": maybe_instant(),
            "partition": integer(),
            "input": {},
            "steps": list_of(refer("schemas", "Step")),
            "journal": list_of(object(&["seq", "at", "by", "events"], row)),
        }),
    )
}

fn step() -> Value {
    let work = json!({
        "attempt": integer(), "spent": integer(), "until": instant(),
        "waits_for": { "enum": ["answer", "backoff", "operator"] },
    });
    object(
        &["id", "kind", "needs", "pivot", "generation", "state"],
        json!({
            "id": text(),
            "kind": { "enum": ["task", "saga", "sleep", "wait", "approve"] },
            "task": text(),
            "needs": list_of(text()),
            "pivot": { "type": "boolean" },
            "effect": text(),
            "generation": integer(),
            "state": { "enum": STEP_STATES },
            "work": object(&["attempt", "spent", "waits_for"], work),
            "problem": object(&["code", "message"], json!({ "code": text(), "message": text() })),
            "output": {},
        }),
    )
}

fn command_answer() -> Value {
    object(
        &["id", "status", "seq", "changed"],
        json!({
            "id": { "type": "string", "format": "uuid" },
            "status": { "enum": Status::ALL.map(Status::as_str) },
            "seq": integer(),
            "changed": { "type": "boolean" },
        }),
    )
}

fn signal_answer() -> Value {
    object(
        &["saga", "status", "seq", "changed"],
        json!({
            "saga": { "type": "string", "format": "uuid" },
            "status": { "enum": Status::ALL.map(Status::as_str) },
            "seq": integer(),
            "changed": { "type": "boolean" },
        }),
    )
}

fn uploaded() -> Value {
    let warning = object(
        &["pointer", "code", "detail"],
        json!({ "pointer": text(), "code": text(), "detail": text() }),
    );
    object(
        &["name", "version", "hash", "warnings"],
        json!({
            "name": text(),
            "version": integer(),
            "hash": text(),
            "warnings": list_of(warning),
        }),
    )
}

fn audit_list() -> Value {
    let record = object(
        &["id", "at", "who", "action", "subject", "reason"],
        json!({
            "id": integer(), "at": instant(), "who": text(), "action": text(), "subject": text(),
            "reason": text(), "detail": {},
        }),
    );
    object(&["data"], json!({ "data": list_of(record) }))
}

fn migrations() -> Value {
    let version = object(
        &["version", "hash"],
        json!({ "version": integer(), "hash": text() }),
    );
    let line = object(
        &["who", "text"],
        json!({ "who": text(), "to": text(), "text": text() }),
    );
    let row = object(
        &["position", "verdict", "sagas", "migrated", "examples"],
        json!({
            "position": { "type": "string", "description": "Where they stand, in words" },
            "verdict": { "enum": ["proved", "disproved", "not_proved", "refused"] },
            "sagas": integer(),
            "migrated": integer(),
            "examples": list_of(json!({ "type": "string", "format": "uuid" })),
            "states": { "type": ["integer", "null"], "description": "Worlds that were gone through" },
            "items": { "type": ["integer", "null"], "description": "How many items of each list were looked at, in the place of all" },
            "property": nullable("string"),
            "why": nullable("string"),
            "story": { "type": ["array", "null"], "items": line, "description": "How it can go wrong" },
        }),
    );
    object(
        &[
            "from",
            "to",
            "dry_run",
            "positions",
            "migrated",
            "next_cursor",
            "has_more",
        ],
        json!({
            "from": version,
            "to": version,
            "dry_run": { "type": "boolean" },
            "positions": list_of(row),
            "migrated": integer(),
            "next_cursor": nullable("string"),
            "has_more": { "type": "boolean" },
        }),
    )
}

fn orphans() -> Value {
    let orphan = object(
        &["id", "verdict", "undoes", "made_anew"],
        json!({
            "id": { "type": "string", "format": "uuid" },
            "verdict": { "enum": Verdict::ALL.map(Verdict::as_str) },
            "why": nullable("string"),
            "undoes": { "type": "array", "items": text(), "description": "Steps that are, or would be, undone, last first" },
            "made_anew": { "type": "boolean", "description": "From here on it is a saga like any other" },
        }),
    );
    object(
        &["dry_run", "known", "orphans"],
        json!({
            "dry_run": { "type": "boolean" },
            "known": { "type": "integer", "description": "Sagas of the page that the database knows" },
            "orphans": list_of(orphan),
        }),
    )
}

fn definition_item() -> Value {
    object(
        &["name", "version", "hash", "rest", "steps"],
        json!({
            "name": text(), "version": integer(), "hash": text(),
            "rest": nullable("string"), "steps": list_of(text()),
        }),
    )
}

fn definition() -> Value {
    json!({ "allOf": [
        refer("schemas", "DefinitionItem"),
        object(
            &["canonical", "mermaid"],
            json!({ "canonical": { "type": "object", "additionalProperties": true }, "mermaid": text() }),
        ),
    ] })
}

fn readiness() -> Value {
    let part = json!({ "type": "boolean" });
    object(
        &["ready", "database", "broker"],
        json!({ "ready": part, "database": part, "broker": part }),
    )
}
