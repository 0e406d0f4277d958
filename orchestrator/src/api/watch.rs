//! `GET /v1/<plural>/{id}/events`: a saga's progress as server-sent events.
//!
//! Each event carries the customer's whole view (`data`), its status word (`event`) and its journal row (`id`);
//! the last one is called `end`. A reader that comes back with `Last-Event-ID` gets what is newer than that; one
//! that has seen the end gets 204, which tells browsers to stop. Views in between may be left out for slow
//! readers: each view says everything, so nothing is lost.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;

use super::follow::{Follower, Stopping};
use super::problem::{Code, Problem};
use super::surface::Surface;
use super::{reads, view};
use crate::hub::{Interest, Progress};

/// Streams of one process at most: each holds a connection.
pub(super) const STREAMS_MAX: usize = 2048;

/// A comment at least this often, so that proxies do not think the stream dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A browser comes back after this.
const RETRY: Duration = Duration::from_millis(2000);

pub(super) async fn watch(
    State(surface): State<Arc<Surface>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let id = reads::saga_id(path)?;
    let seen = last_event_id(request.headers())?;
    let Ok(permit) = Arc::clone(&surface.api.streams).try_acquire_owned() else {
        return Err(Problem::new(
            Code::TooManyStreams,
            "Ask for the view itself now and then instead.",
        ));
    };
    let follower = Follower::new(&surface.api.engine, id, Interest::Every);
    let known = surface.api.load_of(&surface.definition, id).await?;
    surface.api.engine.hub().publish(id, Arc::clone(&known));
    if known.is_final() && known.seq <= seen {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let reader = Reader {
        surface,
        follower,
        stopping: Stopping::of(request.extensions()),
        seen,
        next: Next::Open(known),
        _permit: permit,
    };
    let events = futures::stream::unfold(reader, Reader::turn);
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response();
    response
        .headers_mut()
        .insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// The row that the reader has seen; 0 without one.
fn last_event_id(headers: &HeaderMap) -> Result<i32, Problem> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(0);
    };
    let seen = value
        .to_str()
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|seen| *seen >= 0);
    seen.ok_or_else(|| {
        Problem::new(
            Code::MalformedHeader,
            "Last-Event-ID takes the id of an event.",
        )
    })
}

/// One open stream.
struct Reader {
    surface: Arc<Surface>,
    follower: Follower,
    stopping: Stopping,
    /// The last row that was sent.
    seen: i32,
    next: Next,
    _permit: OwnedSemaphorePermit,
}

enum Next {
    /// Say how to come back; then this, if it is news.
    Open(Arc<Progress>),
    /// This.
    Send(Arc<Progress>),
    /// What happens next.
    Wait,
    /// Nothing.
    Close,
}

impl Reader {
    async fn turn(mut self) -> Option<(Result<Event, Infallible>, Reader)> {
        let progress = match std::mem::replace(&mut self.next, Next::Wait) {
            Next::Open(known) => {
                if known.seq > self.seen {
                    self.next = Next::Send(known);
                }
                return Some((Ok(Event::default().comment("").retry(RETRY)), self));
            }
            Next::Send(progress) => progress,
            Next::Wait => {
                let seen = self.seen;
                tokio::select! {
                    news = self.follower.next(seen, |_| true) => news?,
                    () = self.stopping.0.cancelled() => return None,
                }
            }
            Next::Close => return None,
        };
        let event = self.event(&progress)?;
        self.seen = progress.seq;
        if progress.is_final() {
            self.next = Next::Close;
        }
        Some((Ok(event), self))
    }

    fn event(&self, progress: &Progress) -> Option<Event> {
        let (word, body) = view::of(&self.surface.plural, self.follower.id(), progress).ok()?;
        let word = if progress.is_final() { "end" } else { word };
        let data = String::from_utf8(body).ok()?;
        Some(
            Event::default()
                .id(progress.seq.to_string())
                .event(word)
                .data(data),
        )
    }
}
