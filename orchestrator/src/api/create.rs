//! `POST /v1/<plural>`: starts a saga, once for each idempotency key.
//!
//! 202 with where to look, or with `Prefer: wait=N` 201 as soon as the saga has ended or stands before a human.
//! The same key with the same body answers the same saga, marked `Idempotent-Replayed: true` (200 when it has
//! settled); with another body it is refused.
//!
//! This is the hot path: a request that waits is answered from what the engine has just committed, without a
//! read of the store, and without a task or a poll of its own.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use impresario_workflows::SagaId;
use impresario_workflows::saga::Start;

use super::follow::{Follower, Stopping};
use super::prefer::Wait;
use super::problem::{Code, Problem};
use super::surface::Surface;
use super::traced::{self, Asked};
use super::view::{self, Address};
use super::{TENANT, body, canonical, idempotency_key, prefer};
use crate::hub::{Interest, Progress};
use crate::lane::StartError;

/// A start that is not durable by then is answered with 503: the caller knows nothing and asks again.
const START_WAIT: Duration = Duration::from_secs(10);

pub(super) async fn create(
    State(surface): State<Arc<Surface>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let key = idempotency_key::read(&parts.headers)?;
    let wait = prefer::wait(&parts.headers)?;
    let input = body::read(&parts.headers, body).await?;
    let compiled = surface.current()?;
    compiled.schema.check(&input)?;

    let engine = &surface.api.engine;
    let hash = canonical::hash(&input).to_vec();
    let now = engine.clock().now();
    let expected = SagaId::derive(now, TENANT, &surface.definition, &key);
    // Before the start, so that its first commit is heard of.
    let mut follower = Follower::new(engine, expected, Interest::Settled);
    let asked = parts.extensions.get::<Arc<Asked>>();
    let traceparent = match asked {
        Some(asked) => asked.start(expected, &surface.plural),
        None => traced::caller(&parts.headers).map(|caller| caller.to_string()),
    };
    let start = engine.start_saga(
        TENANT,
        compiled.stored.clone(),
        &key,
        hash,
        Start {
            traceparent,
            ..Start::with(input)
        },
    );
    let started = match tokio::time::timeout(START_WAIT, start).await {
        Ok(started) => started.map_err(refused)?,
        Err(_) => return Err(refused(StartError::Unavailable)),
    };
    if started.id != expected {
        // The key was used on another day.
        follower = Follower::new(engine, started.id, Interest::Settled);
    }
    let known = match follower.heard() {
        Some(heard) if started.created => heard,
        Some(_) | None => {
            let found = surface.api.load_of(&surface.definition, started.id).await;
            let stored = found.map_err(|problem| forgotten(started.created, problem))?;
            engine.hub().publish(started.id, Arc::clone(&stored));
            stored
        }
    };
    if let Some(asked) = asked.filter(|_| !started.created) {
        asked.found(&known.state);
    }
    let stopping = Stopping::of(&parts.extensions);
    let progress = follower.settled(known, wait.duration(), &stopping).await;
    answer(&surface, started.id, started.created, wait, &progress)
}

fn answer(
    surface: &Surface,
    id: SagaId,
    created: bool,
    wait: Wait,
    progress: &Progress,
) -> Result<Response, Problem> {
    let waited = wait.duration() > Duration::ZERO;
    let status = match (waited && progress.is_settled(), created) {
        (true, true) => StatusCode::CREATED,
        (true, false) => StatusCode::OK,
        (false, _) => StatusCode::ACCEPTED,
    };
    let mut response = view::answer(status, surface, id, progress)?;
    let headers = response.headers_mut();
    let address = Address {
        plural: &surface.plural,
        id,
        below: "",
    };
    if let Ok(location) = HeaderValue::try_from(address.to_string()) {
        headers.insert(header::LOCATION, location);
    }
    if status == StatusCode::ACCEPTED {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if let Some(applied) = wait.applied() {
        headers.insert("preference-applied", applied);
    }
    if !created {
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// The key outlives the saga: what it has started is not there any more, and another start would meet its effects.
fn forgotten(created: bool, problem: Problem) -> Problem {
    if created || problem.code() != Code::NotFound {
        return problem;
    }
    Problem::new(
        Code::Gone,
        "What this idempotency key had started ended long ago. Make a new key for a new request.",
    )
}

fn refused(error: StartError) -> Problem {
    match error {
        StartError::KeyReused => Problem::new(
            Code::IdempotencyKeyReused,
            "This idempotency key was used with another body. Make a new key for a new request.",
        ),
        StartError::Unavailable => Problem::unavailable(
            "It is not known whether it was started. Send the same request with the same key again.",
        ),
        StartError::Engine(why) => Problem::internal(why),
    }
}
