//! Lines of the log, for machines: one JSON object each, with the saga and the trace that they are about.
//!
//! ```text
//! {"timestamp":"…","level":"WARN","target":"…","message":"…","saga_id":"…","trace_id":"…","span_id":"…", …}
//! ```
//!
//! What is said of a task of a worker is completed here: code down there need not know whose task it works on. A saga that
//! has no trace has no `trace_id`. What customers have given (inputs, outputs, their words) is never logged.

use std::fmt;
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use impresario_traces::Context;
use impresario_worker_sdk::current_task;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes a line.
pub(crate) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _spans: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Line(Map::new());
        let now = DateTime::<Utc>::from(SystemTime::now());
        line.put(
            "timestamp",
            now.to_rfc3339_opts(SecondsFormat::Micros, true),
        );
        line.put("level", event.metadata().level().as_str());
        line.put("target", event.metadata().target());
        line.about_a_task();
        event.record(&mut line);
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

struct Line(Map<String, Value>);

impl Line {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Whose task this thread works on, when it does.
    fn about_a_task(&mut self) {
        let Some(task) = current_task() else {
            return;
        };
        self.put("saga_id", task.saga());
        let carried = task.task().traceparent.as_deref();
        if let Some(attempt) = carried.and_then(Context::parse) {
            self.put("trace_id", attempt.trace.to_string());
            if attempt.sampled {
                self.put("span_id", attempt.part("process").span.to_string());
            }
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value);
    }
}
