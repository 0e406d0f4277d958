//! Looks for a customer's words in everything that was logged and told, and is itself looked at: a word that is put
//! into any place of a log or a span has to be found.
//!
//! What was told is searched as it came over the wire, where texts stand as they are: nothing can hide in a part of it
//! that is read by nobody here (events, resources, states of traces). Not here: which words.

use std::path::Path;

use axum::body::Bytes;
use serde_json::Value;

/// Letters that are shown around a word that was told.
const AROUND: usize = 120;

/// Where a word stands that should stand nowhere.
#[derive(Debug)]
pub(crate) enum Leak {
    /// In this line of a log.
    Logged(String),
    /// In a request to the collector, with this around it.
    Told(String),
}

/// The first line and the first request that a word is in.
pub(crate) fn leaks(word: &str, logs: &Path, told: &[Bytes]) -> Vec<Leak> {
    let mut logged = lines(logs).into_iter().map(|(line, _)| line);
    let logged = logged.find(|line| line.contains(word)).map(Leak::Logged);
    let told = told.iter().find_map(|body| around(word, body));
    logged.into_iter().chain(told.map(Leak::Told)).collect()
}

fn around(word: &str, body: &[u8]) -> Option<String> {
    let at = body
        .windows(word.len())
        .position(|part| part == word.as_bytes())?;
    let end = body.len().min(at + word.len() + AROUND);
    let part = &body[at.saturating_sub(AROUND)..end];
    Some(String::from_utf8_lossy(part).into_owned())
}

/// The lines of every log in a folder, each of them JSON.
pub(crate) fn lines(logs: &Path) -> Vec<(String, Value)> {
    let mut lines = Vec::new();
    for file in std::fs::read_dir(logs).unwrap() {
        let file = file.unwrap();
        for line in std::fs::read_to_string(file.path()).unwrap().lines() {
            let read = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
            lines.push((line.to_owned(), read));
        }
    }
    lines
}

mod planted {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
    use prost::Message as _;

    use super::*;
    use crate::platform::MARKS;
    use crate::sink::Sink;

    fn pair(key: &str, text: &str) -> KeyValue {
        let value = any_value::Value::StringValue(text.to_owned());
        KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        }
    }

    /// A span that says nothing of anybody, with every part that a span can have.
    fn blameless() -> ResourceSpans {
        let span = Span {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            name: "call authorize".to_owned(),
            attributes: vec![pair("saga.step", "authorize")],
            events: vec![Event {
                name: "retried".to_owned(),
                attributes: vec![pair("why", "timeout")],
                ..Event::default()
            }],
            links: vec![Link {
                trace_id: vec![1; 16],
                span_id: vec![3; 8],
                attributes: vec![pair("impresario.link", "retries")],
                ..Link::default()
            }],
            status: Some(Status {
                message: "no answer".to_owned(),
                ..Status::default()
            }),
            ..Span::default()
        };
        let of = [
            ("service.name", "impresario-payment"),
            ("service.instance.id", "payment-1"),
        ];
        ResourceSpans {
            resource: Some(Resource {
                attributes: of.map(|(key, text)| pair(key, text)).to_vec(),
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans: vec![span],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }
    }

    /// Puts a customer's word somewhere.
    type Plant = fn(&mut ResourceSpans, &str);

    fn span(told: &mut ResourceSpans) -> &mut Span {
        &mut told.scope_spans[0].spans[0]
    }

    const PLACES: [(&str, Plant); 10] = [
        ("a name", |told, word| span(told).name += word),
        ("an attribute", |told, word| {
            span(told).attributes.push(pair("customer", word));
        }),
        ("an attribute's key", |told, word| {
            span(told).attributes.push(pair(word, "x"));
        }),
        ("an event", |told, word| span(told).events[0].name += word),
        ("an event's attribute", |told, word| {
            span(told).events[0].attributes.push(pair("body", word));
        }),
        ("a link's attribute", |told, word| {
            span(told).links[0].attributes.push(pair("to", word));
        }),
        ("an error", |told, word| {
            let status = span(told).status.as_mut().unwrap();
            status.message = format!("{word} was refused");
        }),
        ("a state", |told, word| {
            word.clone_into(&mut span(told).trace_state);
        }),
        ("a scope", |told, word| {
            let scope = told.scope_spans[0].scope.get_or_insert_default();
            word.clone_into(&mut scope.name);
        }),
        ("a resource", |told, word| {
            let resource = told.resource.as_mut().unwrap();
            resource.attributes.push(pair("host.owner", word));
        }),
    ];

    /// What the collector got, from the door that the platform uses.
    async fn told(spans: ResourceSpans) -> Vec<Bytes> {
        let sink = Sink::start().await;
        let request = ExportTraceServiceRequest {
            resource_spans: vec![spans],
        };
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let sent = http
            .post(format!("{}/v1/traces", sink.url))
            .header("content-type", "application/x-protobuf")
            .body(request.encode_to_vec())
            .send();
        assert!(sent.await.unwrap().status().is_success());
        sink.bodies()
    }

    #[tokio::test]
    async fn a_customers_word_is_found_wherever_it_is_told() {
        let logs = tempfile::tempdir().unwrap();
        for word in MARKS {
            let clean = leaks(word, logs.path(), &told(blameless()).await);
            assert!(clean.is_empty(), "{clean:?}");
            for (place, plant) in PLACES {
                let mut spans = blameless();
                plant(&mut spans, word);
                let found = leaks(word, logs.path(), &told(spans).await);
                assert!(
                    matches!(&found[..], [Leak::Told(part)] if part.contains(word)),
                    "{word} in {place}: {found:?}"
                );
            }
        }
    }

    #[test]
    fn a_customers_word_is_found_wherever_it_is_logged() {
        let clean = r#"{"level":"INFO","message":"a task has run","saga_id":"1"}"#;
        let inside = |word: &str| {
            [
                format!(r#"{{"level":"WARN","message":"{word} was refused"}}"#),
                format!(r#"{{"level":"INFO","message":"booked","customer":"{word}"}}"#),
                format!(
                    r#"{{"level":"DEBUG","message":"sent","body":"{{\"email\":\"{word}\"}}"}}"#
                ),
                format!(r#"{{"level":"DEBUG","message":"x","span":{{"input":["{word}"]}}}}"#),
            ]
        };
        for word in MARKS {
            for line in inside(word) {
                let logs = tempfile::tempdir().unwrap();
                let (first, second) = (logs.path().join("a.log"), logs.path().join("b.log"));
                std::fs::write(first, format!("{clean}\n{clean}\n")).unwrap();
                assert!(leaks(word, logs.path(), &[]).is_empty());
                std::fs::write(second, format!("{clean}\n{line}\n{clean}\n")).unwrap();
                let found = leaks(word, logs.path(), &[]);
                assert!(
                    matches!(&found[..], [Leak::Logged(found)] if *found == line),
                    "{line}: {found:?}"
                );
            }
        }
    }
}
