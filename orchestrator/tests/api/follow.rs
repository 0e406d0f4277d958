//! Following a saga by server-sent events, here and from another process.

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode};
use futures::StreamExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::bench::{Bench, LIMIT, booking, good, start};

/// One event.
#[derive(Debug, PartialEq)]
struct Event {
    id: String,
    event: String,
    data: Value,
}

struct Stream {
    body: BodyDataStream,
    text: String,
}

impl Stream {
    async fn open(bench: &Bench, id: &str, seen: Option<&str>) -> Stream {
        let response = bench
            .router
            .clone()
            .oneshot(request(id, seen))
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let body = response.into_body().into_data_stream();
        let text = String::new();
        Stream { body, text }
    }

    /// The next event; none at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = parse(block);
                self.text = rest.to_owned();
                match event {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let chunk = tokio::time::timeout(LIMIT, self.body.next())
                .await
                .expect("an event in time");
            self.text += std::str::from_utf8(&chunk?.unwrap()).unwrap();
        }
    }

    async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| {
        block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    Some(Event {
        id: field("id")?.to_owned(),
        event: field("event")?.to_owned(),
        data: serde_json::from_str(field("data")?).unwrap(),
    })
}

fn request(id: &str, seen: Option<&str>) -> Request<Body> {
    let mut request = Request::get(format!("/v1/bookings/{id}/events"));
    if let Some(seen) = seen {
        request = request.header("last-event-id", seen);
    }
    request.body(Body::empty()).unwrap()
}

async fn slow(bench: &Bench) -> String {
    let body = booking("A1", "tok_slow", "ana@example.org").to_string();
    let started = bench.send(start("/v1/bookings", "k1", body, &[])).await;
    let id = started.json()["id"].as_str().unwrap().to_owned();
    let at_two = |answer: &crate::bench::Answer| answer.header("etag") == "\"seq-2\"";
    bench.until(&format!("/v1/bookings/{id}"), at_two).await;
    id
}

async fn cancel(bench: &Bench, id: &str, seq: &str) {
    let body = r#"{"type":"cancel","reason":"test"}"#;
    let tag = format!("\"seq-{seq}\"");
    let request = start(
        &format!("/v1/sagas/{id}/commands"),
        "c1",
        body,
        &[("if-match", &tag)],
    );
    let answer = bench.send(request).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_what_is_and_what_comes_and_ends() {
    let bench = Bench::start().await;
    let id = slow(&bench).await;
    let mut stream = Stream::open(&bench, &id, None).await;
    let first = stream.next().await.unwrap();
    assert_eq!(
        (first.id.as_str(), first.event.as_str()),
        ("2", "processing")
    );
    assert_eq!(first.data["sentence"], "We are checking your payment.");
    // A reader who has seen it waits for the next.
    let resumed = Stream::open(&bench, &id, Some("2")).await;
    cancel(&bench, &id, "2").await;
    for events in [stream.rest().await, resumed.rest().await] {
        let last = events.last().unwrap();
        assert_eq!(
            (last.event.as_str(), &last.data["status"]),
            ("end", &Value::from("cancelled"))
        );
        let ids: Vec<i32> = events
            .iter()
            .map(|event| event.id.parse().unwrap())
            .collect();
        assert!(ids.is_sorted() && ids[0] > 2, "{events:?}");
    }
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_comes_late_gets_the_end_once() {
    let bench = Bench::start().await;
    let booked = bench.book("k1", &good()).await.json();
    let id = booked["id"].as_str().unwrap();
    let events = Stream::open(&bench, id, None).await.rest().await;
    let [end] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!((end.event.as_str(), &end.data), ("end", &booked));
    let seen = bench.send(request(id, Some(&end.id))).await;
    assert_eq!(seen.status, StatusCode::NO_CONTENT);
    assert_eq!(
        bench.send(request(id, Some("x"))).await.code(),
        "malformed_header"
    );
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_commits_is_told_too() {
    let bench = Bench::start().await;
    let twin = bench.twin().await;
    let id = slow(&bench).await;
    let stream = Stream::open(&twin, &id, Some("2")).await;
    let body = booking("A1", "tok_slow", "ana@example.org").to_string();
    let waiting = start("/v1/bookings", "k1", body, &[("prefer", "wait=20")]);
    let waiting = tokio::spawn(twin.router.clone().oneshot(waiting));
    cancel(&bench, &id, "2").await;
    let events = stream.rest().await;
    assert_eq!(events.last().unwrap().event, "end", "{events:?}");
    assert_eq!(waiting.await.unwrap().unwrap().status(), StatusCode::OK);
    twin.engine.stop().await;
    bench.end().await;
}
