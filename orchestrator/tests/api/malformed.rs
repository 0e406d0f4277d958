//! What must not start anything: each with its 4xx, and not one row written.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::bench::{Bench, booking, good, start};

/// Name, body, and the places and codes of what is wrong with it.
type Case = (
    &'static str,
    String,
    &'static [(&'static str, &'static str)],
);

fn with(field: &str, value: Value) -> String {
    let mut body = good();
    body[field] = value;
    body.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_not_json_or_not_exact() {
    let bench = Bench::start().await;
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
    let twice = good()
        .to_string()
        .replacen('{', "{\"payment_token\":\"x\",", 1);
    let nul = with("payment_token", json!("a\u{0}b"));
    let surrogate = good().to_string().replace("tok_visa", "\\ud800");
    let cases: [(&str, Vec<u8>); 13] = [
        ("empty", vec![]),
        ("half", b"{\"event_id\":".to_vec()),
        ("two", b"{} {}".to_vec()),
        ("latin-1", b"{\"a\":\"\xe9\"}".to_vec()),
        (
            "byte order mark",
            [b"\xef\xbb\xbf", good().to_string().as_bytes()].concat(),
        ),
        ("NUL", nul.into()),
        ("lone surrogate", surrogate.into()),
        ("duplicate key", twice.into()),
        ("deep", deep.into()),
        ("1e400", b"{\"a\":1e400}".to_vec()),
        ("1e130000", b"{\"a\":1e130000}".to_vec()),
        ("2^64", b"{\"a\":18446744073709551616}".to_vec()),
        (
            "2^53 + 1 as a double",
            b"{\"a\":9007199254740993.0}".to_vec(),
        ),
    ];
    for (name, body) in cases {
        let answer = bench.send(start("/v1/bookings", "k1", body, &[])).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}: {answer:?}");
        assert_eq!(answer.code(), "malformed_json", "{name}");
        assert!(answer.json()["errors"][0]["code"].is_string(), "{name}");
    }
    assert_eq!(bench.rows().await, 0);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_say_what_is_needed() {
    let bench = Bench::start().await;
    let cases: [Case; 12] = [
        ("null", "null".into(), &[("", "type")]),
        ("list", "[]".into(), &[("", "type")]),
        ("text", "\"x\"".into(), &[("", "type")]),
        ("nothing", "{}".into(), &[("", "required"); 4]),
        (
            "unknown field",
            with("status", json!("completed")),
            &[("", "additional_properties")],
        ),
        ("type", with("seats", json!("A1")), &[("/seats", "type")]),
        (
            "no seats",
            with("seats", json!([])),
            &[("/seats", "min_items")],
        ),
        (
            "the same seat twice",
            with("seats", json!(["A1", "A1"])),
            &[("/seats", "unique_items")],
        ),
        (
            "no uuid",
            with("event_id", json!("e1")),
            &[("/event_id", "format")],
        ),
        (
            "no seat name",
            with("seats", json!(["A1", "'; --"])),
            &[("/seats/1", "pattern")],
        ),
        (
            "too long",
            with("payment_token", json!("t".repeat(201))),
            &[("/payment_token", "max_length")],
        ),
        (
            "two at once",
            booking("a", "", "ana@example.org").to_string(),
            &[("/payment_token", "min_length"), ("/seats/0", "pattern")],
        ),
    ];
    for (name, body, expected) in cases {
        let answer = bench.send(start("/v1/bookings", "k1", body, &[])).await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{name}: {answer:?}"
        );
        assert_eq!(answer.code(), "invalid_input", "{name}");
        let body = answer.json();
        let errors = body["errors"].as_array().unwrap();
        let found: Vec<(&str, &str)> = errors
            .iter()
            .map(|error| {
                (
                    error["pointer"].as_str().unwrap(),
                    error["code"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(found, expected, "{name}: {body}");
        // What was sent may be a secret.
        assert!(!answer.text.contains("ana@example.org"), "{name}: {body}");
    }
    assert_eq!(bench.rows().await, 0);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h18_bodies_that_are_too_large_or_something_else() {
    let bench = Bench::start().await;
    let most = 256 * 1024;
    let padded = |length: usize| {
        let body = good().to_string();
        " ".repeat(length - body.len()) + &body
    };
    let over = bench
        .send(start("/v1/bookings", "k1", padded(most + 1), &[]))
        .await;
    assert_eq!(
        (over.status.as_u16(), over.code().as_str()),
        (413, "body_too_large")
    );
    for kind in [
        "text/plain",
        "application/json; charset=utf-16",
        "multipart/form-data",
        "",
    ] {
        let mut request = start("/v1/bookings", "k1", good().to_string(), &[]);
        request
            .headers_mut()
            .insert("content-type", kind.parse().unwrap());
        let answer = bench.send(request).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (415, "unsupported_media_type")
        );
    }
    let zipped = start(
        "/v1/bookings",
        "k1",
        good().to_string(),
        &[("content-encoding", "gzip")],
    );
    assert_eq!(
        bench.send(zipped).await.status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(bench.rows().await, 0);

    let just = bench
        .send(start("/v1/bookings", "k1", padded(most), &[]))
        .await;
    assert_eq!(just.status, StatusCode::ACCEPTED, "{just:?}");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_addresses_that_are_wrong() {
    let bench = Bench::start().await;
    let mut without = start("/v1/bookings", "k1", good().to_string(), &[]);
    without.headers_mut().remove("idempotency-key");
    let answer = bench.send(without).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (400, "idempotency_key_missing")
    );
    for key in ["", "\"\"", "a b", "\"open", &"k".repeat(256)] {
        let answer = bench
            .send(start("/v1/bookings", key, good().to_string(), &[]))
            .await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (400, "malformed_header"),
            "{key}"
        );
    }
    let twice = start(
        "/v1/bookings",
        "k1",
        good().to_string(),
        &[("idempotency-key", "k2")],
    );
    assert_eq!(bench.send(twice).await.code(), "malformed_header");
    for prefer in ["wait=31", "wait=x", "wait=-1"] {
        let request = start(
            "/v1/bookings",
            "k1",
            good().to_string(),
            &[("prefer", prefer)],
        );
        assert_eq!(
            bench.send(request).await.code(),
            "malformed_header",
            "{prefer}"
        );
    }
    for path in [
        "/",
        "/v1/nothing",
        "/v1/bookings/",
        "/v1/bookings/1",
        "/v1/bookings/%00",
        "/v1/bookings/%ff",
        "/v1/bookings/urn:uuid:0a3f8a52-3d3e-4f0e-9d3c-0d4b9f6f7a11",
        "/v1/bookings/0a3f8a52-3d3e-4f0e-9d3c-0d4b9f6f7a11",
        "/v1/bookings/0a3f8a52-3d3e-4f0e-9d3c-0d4b9f6f7a11/events",
        "/v1/sagas/0a3f8a52-3d3e-4f0e-9d3c-0d4b9f6f7a11",
        "/v1/definitions/nothing",
    ] {
        let answer = bench.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (404, "not_found"),
            "{path}"
        );
    }
    for (method, path) in [
        ("DELETE", "/v1/bookings"),
        ("GET", "/v1/bookings"),
        ("TRACE", "/v1/sagas"),
        ("OPTIONS", "/v1/sagas"),
        ("POST", "/healthz"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap();
        let answer = bench.send(request).await;
        assert_eq!(answer.code(), "method_not_allowed", "{method} {path}");
        assert!(!answer.header("allow").is_empty(), "{method} {path}");
    }
    assert_eq!(bench.rows().await, 0);
    bench.end().await;
}
