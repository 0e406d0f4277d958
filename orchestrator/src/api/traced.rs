//! A request's own span, for every router of ours: in the trace of whoever asks, or in that of the saga that it starts.
//!
//! A handler that starts a saga says so ([`Asked::start`]); otherwise a request is told when its caller has a trace that
//! is. While traces are off, none of this is there.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::HeaderMap;
use axum::middleware::{self, Next};
use axum::response::Response;
use impresario_traces::{Context, Kind, Span, SpanId, TraceId, now};
use impresario_workflows::SagaId;
use impresario_workflows::saga::State as Saga;

use super::measured::PROBES;
use crate::spans;

/// Where a request stands in a trace.
#[derive(Debug)]
pub(super) struct Asked {
    id: SpanId,
    caller: Option<Context>,
    start: OnceLock<Start>,
    /// The saga that an earlier request with its key has started.
    found: OnceLock<Context>,
}

#[derive(Debug)]
struct Start {
    saga: String,
    name: String,
    context: Context,
}

/// The router, whose requests are told under the name of this service.
pub fn traced(router: Router, service: &str) -> Router {
    if !impresario_traces::is_on() {
        return router;
    }
    let service: Arc<str> = Arc::from(service);
    router.layer(middleware::from_fn_with_state(service, trace))
}

impl Asked {
    /// The request starts this saga, by `plural`, unless an earlier one has: what the saga then carries. The decision
    /// whether it is told is made here, for all of its life.
    pub(super) fn start(&self, saga: SagaId, plural: &str) -> Option<String> {
        let trace = self
            .caller
            .map_or_else(|| TraceId::of_saga(saga.0), |caller| caller.trace);
        let sampler = impresario_traces::sampler()?;
        let context = Context {
            trace,
            span: self.id,
            sampled: sampler.decides(self.caller.as_ref(), trace),
        };
        let start = Start {
            saga: saga.to_string(),
            name: format!("POST /v1/{plural}"),
            context,
        };
        // A request starts one saga at most.
        drop(self.start.set(start));
        if context.sampled {
            return Some(context.to_string());
        }
        // Whoever has a trace is to find it behind us too, as one that is not told.
        let caller = self.caller?;
        let sampled = false;
        Some(Context { sampled, ..caller }.to_string())
    }

    /// An earlier request has started it, perhaps in another trace.
    pub(super) fn found(&self, saga: &Saga) {
        if let Some(context) = spans::traced(saga) {
            // A request finds one saga at most.
            self.found.set(context.at(spans::of_saga(&saga.id))).ok();
        }
    }

    /// Its span, if it has a trace that is told.
    fn span(&self, service: &Arc<str>, name: &str, from: u64) -> Option<Span> {
        let parent = self.caller.map(|caller| caller.span);
        match (self.start.get(), self.caller) {
            (Some(start), _) if start.context.sampled => {
                let found = self.found.get();
                // Without a caller it belongs to the saga, if that is where its trace is.
                let inside = found.filter(|saga| saga.trace == start.context.trace);
                let parent = parent.or_else(|| inside.map(|saga| saga.span));
                let name = start.name.clone();
                let span = Span::new(service, name, Kind::Server, start.context, parent, from);
                let span = span.with("saga.id", start.saga.clone());
                Some(match found {
                    Some(saga) => span.linked(*saga, "repeats"),
                    None => span,
                })
            }
            (None, Some(caller)) if caller.sampled => {
                let context = caller.at(self.id);
                let name = name.to_owned();
                Some(Span::new(
                    service,
                    name,
                    Kind::Server,
                    context,
                    parent,
                    from,
                ))
            }
            (Some(_) | None, _) => None,
        }
    }
}

/// A request under way. It is told when it is over, also when whoever asked has gone before the answer: his saga goes
/// on, below this span.
struct UnderWay {
    asked: Arc<Asked>,
    service: Arc<str>,
    name: String,
    from: u64,
    status: Option<u16>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Some(span) = self.asked.span(&self.service, &self.name, self.from) else {
            return;
        };
        impresario_traces::emit(match self.status {
            None => span.failed("client_gone"),
            Some(status) => {
                let span = span.with("http.response.status_code", i32::from(status));
                match status {
                    500.. => span.failed(status.to_string()),
                    _ => span,
                }
            }
        });
    }
}

async fn trace(State(service): State<Arc<str>>, mut request: Request, next: Next) -> Response {
    if PROBES.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let asked = Arc::new(Asked {
        id: SpanId::random(),
        caller: caller(request.headers()),
        start: OnceLock::new(),
        found: OnceLock::new(),
    });
    // Never the address itself: it is full of ids.
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map_or("", MatchedPath::as_str);
    let name = format!("{} {path}", request.method()).trim_end().to_owned();
    request.extensions_mut().insert(Arc::clone(&asked));
    let mut under_way = UnderWay {
        asked,
        service,
        name,
        from: now(),
        status: None,
    };
    let response = next.run(request).await;
    under_way.status = Some(response.status().as_u16());
    response
}

/// The caller's trace context (W3C), when it is one: it is stored, so it is not taken on trust.
pub(super) fn caller(headers: &HeaderMap) -> Option<Context> {
    Context::parse(headers.get("traceparent")?.to_str().ok()?)
}
