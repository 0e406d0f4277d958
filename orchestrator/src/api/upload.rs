//! `POST /v1/definitions`: a definition is stored, and new sagas use it.
//!
//! The body has the file's text (`source`), YAML or JSON. Everything that is wrong is told at once, each problem with
//! its code and its place (`line:column`). A definition is known by its content: the same again is 200 and changes
//! nothing; a version that exists with other content is refused, for sagas are pinned to it.
//!
//! A definition that the explorer disproves is refused, with the sentence of the counterexample. `force` stores it all the same, for people who know better;
//! who did that and why is kept in the audit records, together with what stood against it.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use impresario_workflows::Definition;
use impresario_workflows::check::{Limits, Verdict, explore};
use impresario_workflows::definition::{Checked, Diagnostic};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::problem::{Code, FieldError, Problem};
use super::sagas::operator;
use super::schema::Schema;
use super::{Api, TENANT, body, reads};
use crate::store;
use crate::store::audit::Deed;

/// The problem that authors know by this code (`docs/definitions.md`).
const CHILD_PAST_PIVOT: &str = "SG063";

/// Worlds that an upload is worth: seconds. `impresario check` goes further.
const STATES_MAX: usize = 200_000;

#[derive(Deserialize)]
struct Body {
    source: String,
    #[serde(default)]
    force: bool,
    #[serde(default)]
    reason: String,
}

#[derive(Serialize)]
struct Stored<'d> {
    name: &'d str,
    version: u32,
    hash: &'d str,
    /// What is not wrong, and may not be meant.
    warnings: Vec<FieldError>,
}

/// What the body must be.
pub(super) fn schema() -> Value {
    json!({
        "type": "object",
        "required": ["source"],
        "additionalProperties": false,
        "properties": {
            "source": { "type": "string", "minLength": 1, "description": "The file, YAML or JSON" },
            "force": { "type": "boolean", "description": "Store it although it is disproved" },
            "reason": { "type": "string", "minLength": 1, "maxLength": 500, "description": "Why, when forced" },
        },
        "if": { "properties": { "force": { "const": true } }, "required": ["force"] },
        "then": { "required": ["reason"] },
    })
}

pub(super) async fn upload(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let (parts, content) = request.into_parts();
    let who = operator(&parts.headers)?;
    let content = body::read(&parts.headers, content).await?;
    Schema::compile(&schema())
        .map_err(Problem::internal)?
        .check(&content)?;
    let Body {
        source,
        force,
        reason,
    } = serde_json::from_value(content).map_err(Problem::internal)?;
    let Checked {
        definition,
        diagnostics,
    } = Definition::check_among("definition", &source, &|saga| pivot_of(&api, saga));
    let told: Vec<FieldError> = diagnostics.iter().map(place).collect();
    let Some(definition) = definition else {
        let detail = format!("{} problems were found.", told.len());
        return Err(Problem::new(Code::DefinitionRefused, detail).with_errors(told));
    };
    if let Some(parent) = undoing_parent(&api, &definition) {
        return Err(
            Problem::new(Code::DefinitionRefused, parent.detail.clone()).with_errors(vec![parent])
        );
    }
    let forced = force.then_some((who, reason));
    let against = disproof(&definition).await?;
    if let (Some(found), None) = (&against, &forced) {
        let detail = format!("It is disproved ({}): {}", found.code, found.detail);
        return Err(Problem::new(Code::DefinitionRefused, detail).with_errors(vec![found.clone()]));
    }
    let (name, version, hash) = (
        definition.name.clone(),
        definition.version,
        definition.hash.clone(),
    );
    let is_new = store(&api, definition, forced, against).await?;
    let stored = Stored {
        name: &name,
        version,
        hash: &hash,
        warnings: told,
    };
    let code = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((code, Json(stored)).into_response())
}

/// Whether the newest version of a saga has a pivot; none when there is no such saga yet.
fn pivot_of(api: &Api, saga: &str) -> Option<bool> {
    let stored = api.engine.catalogue().current(saga)?;
    Some(stored.definition.pivot.is_some())
}

/// The saga that runs this one as a child and has it undone, which nothing can once it is past its pivot.
fn undoing_parent(api: &Api, definition: &Definition) -> Option<FieldError> {
    definition.pivot?;
    let parents = api.engine.catalogue().all_current();
    parents.iter().find_map(|parent| {
        let step = parent.definition.step_that_undoes(&definition.name)?;
        Some(FieldError {
            pointer: String::new(),
            code: CHILD_PAST_PIVOT.to_owned(),
            detail: format!(
                "It has a pivot, and saga `{}` runs it as step `{}`, which it may have to undo.",
                parent.definition.name, step.id
            ),
        })
    })
}

/// What the explorer finds against it: the property, and the shortest way there in words. It computes for a while, so
/// it does so beside the tasks that serve.
async fn disproof(definition: &Definition) -> Result<Option<FieldError>, Problem> {
    let definition = definition.clone();
    let limits = Limits {
        states_max: STATES_MAX,
        walks: Limits::walks_for(STATES_MAX),
        ..Limits::default()
    };
    let report = tokio::task::spawn_blocking(move || explore(&definition, limits))
        .await
        .map_err(Problem::internal)?;
    Ok(match report.verdict {
        Verdict::Proved | Verdict::NotProved { .. } => None,
        Verdict::Disproved(found) => Some(FieldError {
            pointer: String::new(),
            code: found.property.as_str().to_owned(),
            detail: found.said,
        }),
    })
}

/// Stores it in a task of its own: a caller who leaves does not leave a half-done transaction behind.
async fn store(
    api: &Api,
    definition: Definition,
    forced: Option<(String, String)>,
    against: Option<FieldError>,
) -> Result<bool, Problem> {
    let engine = api.engine.clone();
    let (name, version) = (definition.name.clone(), definition.version);
    let subject = format!("{name} v{version}");
    let stored = reads::detached(async move {
        let detail = json!({ "hash": definition.hash, "disproof": against });
        let deed = forced.as_ref().map(|(who, reason)| Deed {
            tenant: TENANT,
            who,
            action: "definition.forced",
            subject: &subject,
            reason,
            detail: &detail,
        });
        match engine.upload(definition, deed).await {
            Ok((_, is_new)) => Ok(Some(is_new)),
            Err(store::Error::VersionTaken { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    })
    .await?;
    stored.ok_or_else(|| {
        Problem::new(
            Code::VersionTaken,
            format!(
                "{name} version {version} exists with other content: give this one a new version."
            ),
        )
    })
}

fn place(found: &Diagnostic) -> FieldError {
    FieldError {
        pointer: format!("{}:{}", found.line, found.column),
        code: found.code.to_owned(),
        detail: match &found.help {
            Some(help) => format!("{} ({help})", found.message),
            None => found.message.clone(),
        },
    }
}
