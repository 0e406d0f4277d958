//! Spans in the bytes of OTLP: protobuf's `ExportTraceServiceRequest`, written by hand.
//!
//! Six messages of the standard are all that we say, and their field numbers never change. The tests read it with the
//! standard's own definitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Context, Kind, Link, Span, Value};

/// Says who wrote the spans.
const SCOPE: &str = "impresario";

/// A request with these spans, by service; each service is described with `resource` besides its name.
pub(crate) fn request(spans: &[Span], resource: &[(String, String)]) -> Vec<u8> {
    let mut services: BTreeMap<&Arc<str>, Vec<&Span>> = BTreeMap::new();
    for span in spans {
        services.entry(&span.service).or_default().push(span);
    }
    let mut request = Message::default();
    for (service, spans) in services {
        request.message(1, |of_service| {
            of_service.message(1, |described| {
                attribute(
                    described,
                    1,
                    "service.name",
                    &Value::from(service.to_string()),
                );
                for (name, value) in resource {
                    attribute(described, 1, name, &Value::from(value.clone()));
                }
            });
            of_service.message(2, |of_scope| {
                of_scope.message(1, |scope| {
                    scope.text(1, SCOPE);
                    scope.text(2, env!("CARGO_PKG_VERSION"));
                });
                for span in spans {
                    of_scope.message(2, |message| write(message, span));
                }
            });
        });
    }
    request.bytes
}

fn write(message: &mut Message, span: &Span) {
    identity(message, &span.context);
    if let Some(parent) = span.parent {
        message.slice(4, &parent.0);
    }
    message.text(5, &span.name);
    message.number(6, kind(span.kind));
    message.fixed(7, span.start);
    message.fixed(8, span.end);
    for (name, value) in &span.attributes {
        attribute(message, 9, name, value);
    }
    for Link { to, why } in &span.links {
        message.message(13, |link| {
            identity(link, to);
            attribute(link, 4, "impresario.link", &Value::from(*why));
        });
    }
    if let Some(code) = &span.error {
        attribute(message, 9, "error.type", &Value::Text(code.clone()));
        message.message(15, |status| {
            status.text(2, code);
            status.number(3, 2);
        });
    }
    // Flags: sampled, and that it is known whether the parent is remote is left unsaid.
    message.fixed_short(16, u32::from(span.context.sampled));
}

fn identity(message: &mut Message, context: &Context) {
    message.slice(1, &context.trace.0);
    message.slice(2, &context.span.0);
}

fn kind(kind: Kind) -> u64 {
    match kind {
        Kind::Internal => 1,
        Kind::Server => 2,
        Kind::Client => 3,
        Kind::Producer => 4,
        Kind::Consumer => 5,
    }
}

fn attribute(message: &mut Message, field: u64, name: &str, value: &Value) {
    message.message(field, |pair| {
        pair.text(1, name);
        pair.message(2, |any| match value {
            Value::Text(text) => any.text(1, text),
            Value::Flag(flag) => any.number(2, u64::from(*flag)),
            Value::Number(number) => any.number(3, number.cast_unsigned()),
        });
    });
}

/// A message of protobuf, being written.
#[derive(Default)]
struct Message {
    bytes: Vec<u8>,
}

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn tag(&mut self, field: u64, wire: u64) {
        self.varint(field << 3 | wire);
    }

    fn number(&mut self, field: u64, number: u64) {
        self.tag(field, 0);
        self.varint(number);
    }

    fn fixed(&mut self, field: u64, number: u64) {
        self.tag(field, 1);
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    fn fixed_short(&mut self, field: u64, number: u32) {
        self.tag(field, 5);
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    fn slice(&mut self, field: u64, bytes: &[u8]) {
        self.tag(field, 2);
        self.varint(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    fn text(&mut self, field: u64, text: &str) {
        self.slice(field, text.as_bytes());
    }

    fn message(&mut self, field: u64, fill: impl FnOnce(&mut Message)) {
        let mut inner = Message::default();
        fill(&mut inner);
        self.slice(field, &inner.bytes);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::any_value;
    use opentelemetry_proto::tonic::trace::v1 as otlp;
    use prost::Message as _;

    use super::*;
    use crate::{SpanId, TraceId};

    fn context(span: u8) -> Context {
        Context {
            trace: TraceId([7; 16]),
            span: SpanId([span; 8]),
            sampled: true,
        }
    }

    #[test]
    fn the_standards_own_reader_reads_what_was_meant() {
        let services: [Arc<str>; 2] = ["one".into(), "two".into()];
        let spans = [
            Span::new(
                &services[0],
                "send",
                Kind::Producer,
                context(1),
                Some(SpanId([9; 8])),
                5,
            )
            .with("word", "seat")
            .with("count", 300_u32)
            .with("below", -1_i32)
            .with("flag", true)
            .linked(context(3), "retries")
            .failed("card_declined"),
            Span::new(&services[1], "saga", Kind::Internal, context(2), None, 6),
            Span::new(&services[0], "call", Kind::Client, context(4), None, 7),
        ];
        let resource = [("host.name".to_owned(), "here".to_owned())];
        let bytes = request(&spans, &resource);
        let read = ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap();

        let names: Vec<Vec<&str>> = read
            .resource_spans
            .iter()
            .map(|of| {
                of.scope_spans[0]
                    .spans
                    .iter()
                    .map(|one| &*one.name)
                    .collect()
            })
            .collect();
        assert_eq!(names, [vec!["send", "call"], vec!["saga"]]);
        let described = &read.resource_spans[1].resource.as_ref().unwrap().attributes;
        let said: Vec<String> = described.iter().map(|pair| format!("{pair:?}")).collect();
        assert!(
            said[0].contains("service.name") && said[0].contains("two"),
            "{said:?}"
        );
        assert!(
            said[1].contains("host.name") && said[1].contains("here"),
            "{said:?}"
        );

        let send = &read.resource_spans[0].scope_spans[0].spans[0];
        assert_eq!((&send.trace_id, &send.span_id), (&vec![7; 16], &vec![1; 8]));
        assert_eq!(send.parent_span_id, [9; 8]);
        assert_eq!(send.kind(), otlp::span::SpanKind::Producer);
        assert_eq!(
            (send.start_time_unix_nano, send.end_time_unix_nano),
            (5, spans[0].end)
        );
        assert_eq!((send.flags, &*send.trace_state), (1, ""));
        let values: Vec<(&str, any_value::Value)> = send
            .attributes
            .iter()
            .map(|pair| (&*pair.key, pair.value.clone().unwrap().value.unwrap()))
            .collect();
        assert_eq!(
            values,
            [
                ("word", any_value::Value::StringValue("seat".into())),
                ("count", any_value::Value::IntValue(300)),
                ("below", any_value::Value::IntValue(-1)),
                ("flag", any_value::Value::BoolValue(true)),
                (
                    "error.type",
                    any_value::Value::StringValue("card_declined".into())
                ),
            ]
        );
        assert_eq!(send.links[0].span_id, [3; 8]);
        assert_eq!(send.links[0].attributes[0].key, "impresario.link");
        let status = send.status.clone().unwrap();
        assert_eq!(
            (status.code(), &*status.message),
            (otlp::status::StatusCode::Error, "card_declined")
        );
        let call = &read.resource_spans[0].scope_spans[0].spans[1];
        assert!(call.parent_span_id.is_empty() && call.status.is_none());
    }
}
