//! A collector: takes OTLP over HTTP, reads it with the standard's own definitions, and keeps it. It can be told to take
//! nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use impresario_traces::{SpanId, TraceId};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1 as otlp;
use prost::Message as _;

/// What is not told by then is not told.
const PATIENCE: Duration = Duration::from_secs(90);

/// A span as it was told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) service: String,
    /// The process that told it.
    pub(crate) process: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) name: String,
    pub(crate) kind: otlp::span::SpanKind,
    pub(crate) attributes: BTreeMap<String, String>,
    /// Why, and to which span of which trace.
    pub(crate) links: Vec<(String, String, String)>,
    pub(crate) error: Option<String>,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

#[derive(Clone, Default)]
pub(crate) struct Sink {
    told: Arc<Mutex<Vec<Told>>>,
    bodies: Arc<Mutex<Vec<Bytes>>>,
    takes_nothing: Arc<AtomicBool>,
    pub(crate) url: String,
}

impl Sink {
    pub(crate) async fn start() -> Sink {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Sink {
            url: format!("http://{}", listener.local_addr().unwrap()),
            ..Sink::default()
        };
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(sink.clone());
        tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        sink
    }

    pub(crate) fn take_nothing(&self, nothing: bool) {
        self.takes_nothing.store(nothing, Ordering::Relaxed);
    }

    /// Everything so far, once of each telling.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    /// Every request as it came, those that were not taken included.
    pub(crate) fn bodies(&self) -> Vec<Bytes> {
        self.bodies.lock().unwrap().clone()
    }

    /// The trace, as soon as `is_whole` holds of it.
    pub(crate) async fn wait_for(&self, trace: &str, is_whole: impl Fn(&Trace) -> bool) -> Trace {
        let until = Instant::now() + PATIENCE;
        loop {
            let spans = self.told().into_iter().filter(|one| one.trace == trace);
            let found = Trace(spans.collect());
            if is_whole(&found) {
                return found;
            }
            assert!(Instant::now() < until, "not whole: {trace}\n{found}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn take(State(sink): State<Sink>, headers: HeaderMap, body: Bytes) -> StatusCode {
    // Compressed, they could not be searched.
    assert!(!headers.contains_key("content-encoding"));
    sink.bodies.lock().unwrap().push(body.clone());
    if sink.takes_nothing.load(Ordering::Relaxed) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let request = ExportTraceServiceRequest::decode(body).expect("OTLP");
    let mut told = sink.told.lock().unwrap();
    for of_service in request.resource_spans {
        let resource = pairs(of_service.resource.unwrap().attributes);
        for span in of_service.scope_spans.into_iter().flat_map(|one| one.spans) {
            told.push(Told::read(&resource, span));
        }
    }
    StatusCode::OK
}

fn pairs(pairs: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value| match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(flag) => flag.to_string(),
        other => panic!("{other:?}"),
    };
    let value = |pair: KeyValue| (pair.key, text(pair.value.unwrap().value.unwrap()));
    pairs.into_iter().map(value).collect()
}

fn trace_id(bytes: &[u8]) -> String {
    TraceId(bytes.try_into().unwrap()).to_string()
}

fn span_id(bytes: &[u8]) -> String {
    SpanId(bytes.try_into().unwrap()).to_string()
}

impl Told {
    fn read(resource: &BTreeMap<String, String>, span: otlp::Span) -> Told {
        let links = span.links.into_iter().map(|link| {
            let why = pairs(link.attributes)["impresario.link"].clone();
            (why, trace_id(&link.trace_id), span_id(&link.span_id))
        });
        Told {
            service: resource["service.name"].clone(),
            process: resource["service.instance.id"].clone(),
            trace: trace_id(&span.trace_id),
            id: span_id(&span.span_id),
            parent: (!span.parent_span_id.is_empty()).then(|| span_id(&span.parent_span_id)),
            links: links.collect(),
            kind: otlp::span::SpanKind::try_from(span.kind).unwrap(),
            name: span.name,
            attributes: pairs(span.attributes),
            error: span.status.map(|status| status.message),
            start: span.start_time_unix_nano,
            end: span.end_time_unix_nano,
        }
    }
}

/// The spans of one trace, told twice where they were.
pub(crate) struct Trace(pub(crate) Vec<Told>);

impl Trace {
    /// The one span of this name. Told twice, it is the same.
    pub(crate) fn one(&self, name: &str) -> &Told {
        let mut named = self.0.iter().filter(|one| one.name == name);
        let first = named
            .next()
            .unwrap_or_else(|| panic!("no `{name}` in\n{self}"));
        assert!(named.all(|one| one.id == first.id), "{name}:\n{self}");
        first
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|one| one.name == name)
    }

    /// The attempt of a step with this number; names of undoing and asking begin with their word.
    pub(crate) fn attempt(&self, name: &str, number: u32) -> &Told {
        let is = |one: &&Told| {
            one.name == name && one.attributes.get("saga.attempt") == Some(&number.to_string())
        };
        let found = self.0.iter().find(is);
        found.unwrap_or_else(|| panic!("no attempt {number} of `{name}` in\n{self}"))
    }

    /// The child of a span with this name.
    pub(crate) fn child(&self, parent: &Told, name: &str) -> &Told {
        let is = |one: &&Told| one.name == name && one.parent.as_ref() == Some(&parent.id);
        let found = self.0.iter().find(is);
        found.unwrap_or_else(|| panic!("no `{name}` below `{}` in\n{self}", parent.name))
    }

    /// A tree: every parent is there, but for what is above the root; every id means one span, in every process.
    pub(crate) fn assert_a_tree(&self, above: Option<&str>) {
        let mut known: BTreeMap<&str, &Told> = BTreeMap::new();
        for one in &self.0 {
            assert!(one.start > 0 && one.end >= one.start, "{one:?}");
            let first = known.entry(&one.id).or_insert(one);
            let same = first.name == one.name && first.parent == one.parent;
            assert!(same && first.service == one.service, "{first:?}\n{one:?}");
        }
        let roots: BTreeSet<&str> = known
            .values()
            .filter(|one| one.parent.as_deref() == above)
            .map(|one| one.id.as_str())
            .collect();
        assert_eq!(roots.len(), 1, "{self}");
        for one in known.values() {
            let parent = one.parent.as_deref();
            let placed = parent == above || parent.is_some_and(|id| known.contains_key(id));
            assert!(placed, "an orphan: {one:?}\n{self}");
        }
    }

    /// Which services tell of it.
    pub(crate) fn services(&self) -> Vec<&str> {
        let services: BTreeSet<&str> = self.0.iter().map(|one| one.service.as_str()).collect();
        services.into_iter().collect()
    }
}

impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for one in &self.0 {
            let Told {
                service, name, id, ..
            } = one;
            let parent = one.parent.as_deref().unwrap_or("-");
            let number = one.attributes.get("saga.attempt");
            writeln!(
                f,
                "{parent} > {id} {service}: {name} {number:?} {:?}",
                one.links
            )?;
        }
        Ok(())
    }
}
