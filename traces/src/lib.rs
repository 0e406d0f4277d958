//! Traces: one for each saga, through every process that has a part in it, told to an OpenTelemetry collector.
//!
//! A saga outlives processes, so no span is held open anywhere. Who learns that something is over says the whole of it:
//! a [`Span`] with its beginning, its end, and an identity that follows from what it is about ([`SpanId::of`]). Told
//! twice after a crash, it is the same span; told by another process, it has the parent that everybody expects.
//!
//! Off unless [`begin`] was called: then [`is_on`] is one load of an atomic, and nobody does anything else. On, nobody
//! waits for it: what finds no room or no collector is dropped and counted (`saga_spans_total`).
//!
//! Not here: what the engine and the workers have to tell.

mod context;
mod export;
mod id;
mod otlp;
mod sampling;
mod settings;
mod span;

pub use context::Context;
pub use export::{Exporter, begin, emit, is_on, sampler};
pub use id::{SpanId, TraceId};
pub use sampling::Sampler;
pub use settings::{Settings, SettingsError};
pub use span::{Kind, Link, Span, Value, now};
