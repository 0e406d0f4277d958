//! One trace for each booking, told by every process that has a part in it, to a collector of ours; and logs that say
//! whose saga and which trace a line is about, and nothing of the customer.
//!
//! Two orchestrators, four workers, the payment provider, PostgreSQL, RabbitMQ. Killed processes and a collector that
//! takes nothing are part of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod platform;
mod sink;
mod words;

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use platform::{MARKS, Order, Platform};
use serde_json::Value;
use sink::{Sink, Told, Trace};
use words::{Leak, leaks, lines};

const CALLERS: &str = "0af7651916cd43dd8448eb211c80319c";
const REPEATERS: &str = "2af7651916cd43dd8448eb211c80319c";
const QUIET: &str = "1af7651916cd43dd8448eb211c80319c";

/// A booking that was told to its end: everything below the saga's own span.
fn is_whole(trace: &Trace) -> bool {
    let ends = [
        "booking",
        "POST /v1/bookings",
        "process booking-confirmed",
        "process sell-seats",
    ];
    ends.iter().all(|name| trace.has(name))
        && trace
            .0
            .iter()
            .filter(|one| one.name == "send results")
            .count()
            >= 7
}

fn links<'a>(span: &'a Told, why: &str) -> Vec<&'a str> {
    let of = span.links.iter().filter(|(own, ..)| own == why);
    of.map(|(_, trace, id)| {
        assert_eq!(*trace, span.trace);
        id.as_str()
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_one_trace_through_all_processes_and_no_log_knows_the_customer() {
    let sink = Sink::start().await;
    let Some(mut platform) = Platform::start(&sink.url).await else {
        return;
    };
    confirmed(&platform, &sink).await;
    of_a_caller(&platform, &sink).await;
    tried_again(&platform, &sink).await;
    undone(&platform, &sink).await;
    asked_about(&platform, &sink).await;
    killed(&mut platform, &sink).await;
    without_a_collector(&platform, &sink).await;
    platform.must_run();
    nobody_is_named(&platform, &sink);
}

/// From the customer's request to the provider's books and back, and the request that repeats it.
async fn confirmed(platform: &Platform, sink: &Sink) {
    let order = Order::new("plain", "A1", "tok_ok");
    let booked = platform.book("serve-0", &order).await;
    assert_eq!(booked.status, "confirmed");
    let trace = sink.wait_for(&booked.trace(), is_whole).await;
    trace.assert_a_tree(None);
    assert_eq!(
        trace.services(),
        [
            "impresario-booking",
            "impresario-catalog",
            "impresario-notification",
            "impresario-orchestrator",
            "impresario-payment",
            "impresario-provider"
        ]
    );

    let asked = trace.one("POST /v1/bookings");
    assert_eq!((asked.kind, &asked.parent), (SpanKind::Server, &None));
    // 202 where the machine is slow.
    assert!(asked.attributes["http.response.status_code"].starts_with("20"));
    let saga = trace.child(asked, "booking");
    assert_eq!(saga.attributes["saga.outcome"], "completed");
    assert_eq!(saga.attributes["saga.id"], booked.saga);

    // Down to the provider, and back to the results.
    let attempt = trace.child(saga, "authorize");
    assert_eq!(attempt.attributes["saga.outcome"], "succeeded");
    assert!(attempt.links.is_empty() && attempt.error.is_none());
    assert_eq!(
        trace.child(attempt, "send payment").kind,
        SpanKind::Producer
    );
    let process = trace.child(attempt, "process authorize");
    assert_eq!(
        (process.kind, process.service.as_str()),
        (SpanKind::Consumer, "impresario-payment")
    );
    let call = trace.child(process, "call authorize");
    assert_eq!(call.kind, SpanKind::Client);
    let answered = trace.child(call, "POST /v1/authorizations");
    assert_eq!(
        (answered.kind, answered.service.as_str()),
        (SpanKind::Server, "impresario-provider")
    );
    assert_eq!(
        trace.child(process, "send results").kind,
        SpanKind::Producer
    );

    // Every journal row, in order and without a gap.
    let commits = trace.0.iter().filter(|one| one.name == "commit");
    let mut rows: Vec<u32> = commits
        .map(|one| one.attributes["saga.seq"].parse().unwrap())
        .collect();
    rows.sort_unstable();
    assert!(
        rows.len() >= 5 && rows.iter().copied().eq(1..=rows.len() as u32),
        "{rows:?}"
    );

    let again = platform.book("serve-1", &order).await;
    assert_eq!(again.saga, booked.saga);
    let repeats = |trace: &Trace| trace.0.iter().any(|one| !links(one, "repeats").is_empty());
    let trace = sink.wait_for(&booked.trace(), repeats).await;
    let repeated = trace
        .0
        .iter()
        .find(|one| !links(one, "repeats").is_empty())
        .unwrap();
    assert_eq!(
        links(repeated, "repeats"),
        [trace.one("booking").id.as_str()]
    );
    trace.assert_a_tree(None);

    // Out of another trace it is found as well.
    let traceparent = format!("00-{REPEATERS}-b7ad6b7169203331-01");
    let order = Order {
        traceparent: Some(&traceparent),
        ..order
    };
    platform.book("serve-0", &order).await;
    let trace = sink.wait_for(REPEATERS, |trace| !trace.0.is_empty()).await;
    let (_, to, span) = &trace.one("POST /v1/bookings").links[0];
    assert_eq!((to, span), (&booked.trace(), &saga.id));
}

/// Who has a trace finds the saga in it; who is not told is not told here either.
async fn of_a_caller(platform: &Platform, sink: &Sink) {
    let above = "b7ad6b7169203331";
    let traceparent = format!("00-{CALLERS}-{above}-01");
    let mut order = Order::new("callers", "A2", "tok_ok");
    order.traceparent = Some(&traceparent);
    assert_eq!(platform.book("serve-1", &order).await.status, "confirmed");
    let trace = sink.wait_for(CALLERS, is_whole).await;
    trace.assert_a_tree(Some(above));

    let quiet = format!("00-{QUIET}-{above}-00");
    let mut order = Order::new("quiet", "A3", "tok_ok");
    order.traceparent = Some(&quiet);
    let booked = platform.book("serve-1", &order).await;
    assert_eq!(booked.status, "confirmed");
    // Told later, so whatever could have been told of the other has been by then.
    let order = Order::new("later", "A4", "tok_ok");
    let later = platform.book("serve-1", &order).await;
    sink.wait_for(&later.trace(), is_whole).await;
    let of_it =
        |one: &Told| one.trace == QUIET || one.attributes.get("saga.id") == Some(&booked.saga);
    assert!(!sink.told().iter().any(of_it));
}

/// Each further attempt is linked to the one before.
async fn tried_again(platform: &Platform, sink: &Sink) {
    let booked = platform
        .book("serve-0", &Order::new("flaky", "A5", "tok_flaky"))
        .await;
    assert_eq!(booked.status, "confirmed");
    let trace = sink.wait_for(&booked.trace(), is_whole).await;
    trace.assert_a_tree(None);
    let (first, second) = (trace.attempt("authorize", 1), trace.attempt("authorize", 2));
    assert_eq!(first.attributes["saga.outcome"], "failed");
    assert!(first.error.is_some() && first.links.is_empty());
    assert_eq!(links(second, "retries"), [first.id.as_str()]);
    assert_ne!(first.id, second.id);
    trace.child(first, "process authorize");
    trace.child(second, "process authorize");
}

/// Undoing is linked to what it undoes.
async fn undone(platform: &Platform, sink: &Sink) {
    let booked = platform
        .book("serve-0", &Order::new("declined", "A6", "tok_declined"))
        .await;
    let ended = |trace: &Trace| {
        trace.has("booking") && trace.has("undo hold") && trace.has("process release-seats")
    };
    let trace = sink.wait_for(&booked.trace(), ended).await;
    let saga = trace.one("booking");
    assert_eq!(saga.attributes["saga.outcome"], "compensated");
    assert_eq!(saga.attributes["saga.cause"], "card_declined");
    assert!(saga.error.is_none(), "a declined card is no fault of ours");
    let (hold, undo) = (trace.one("hold"), trace.one("undo hold"));
    assert_eq!(links(undo, "undoes"), [hold.id.as_str()]);
    assert_eq!(undo.parent, hold.parent);
    trace.child(undo, "process release-seats");
    assert_eq!(
        trace.one("authorize").attributes["saga.outcome"],
        "rejected"
    );

    // The log tells the same story.
    let line = line_about(platform, &booked.saga, "turned around");
    assert_eq!(line["trace_id"], booked.trace());
    assert_eq!(
        (&line["code"], &line["level"]),
        (&"card_declined".into(), &"DEBUG".into())
    );
    let line = line_about(platform, &booked.saga, "a task has run");
    assert_eq!(line["trace_id"], booked.trace());
    let process = trace
        .0
        .iter()
        .find(|one| Some(one.id.as_str()) == line["span_id"].as_str());
    assert!(process.unwrap().name.starts_with("process "));
}

/// A charge that was never answered is asked about.
async fn asked_about(platform: &Platform, sink: &Sink) {
    let booked = platform
        .book(
            "serve-1",
            &Order::new("unknown", "A7", "tok_timeout_charged"),
        )
        .await;
    assert_eq!(booked.status, "confirmed");
    let trace = sink.wait_for(&booked.trace(), is_whole).await;
    trace.assert_a_tree(None);
    let asked = trace.one("reconcile capture");
    let last = trace
        .0
        .iter()
        .filter(|one| one.name == "capture")
        .max_by_key(|one| one.start)
        .unwrap();
    assert_eq!(links(asked, "asks_about"), [last.id.as_str()]);
    assert!(last.error.is_some(), "{last:?}");
}

/// The worker dies with the payment in its hands, the orchestrator with the saga: others tell the rest, under the same
/// ids.
async fn killed(platform: &mut Platform, sink: &Sink) {
    let mut order = Order::new("killed", "A8", "tok_slow");
    order.waits = false;
    let booked = platform.book("serve-0", &order).await;
    let under_way = |trace: &Trace| trace.has("POST /v1/bookings") && trace.has("send payment");
    let before = sink.wait_for(&booked.trace(), under_way).await;
    platform.kill("payment");
    platform.kill("serve-0");
    platform.add("payment").await;
    let trace = sink.wait_for(&booked.trace(), is_whole).await;
    platform.add("serve-0").await;
    trace.assert_a_tree(None);
    let (asked, saga) = (before.one("POST /v1/bookings"), trace.one("booking"));
    assert_eq!(saga.parent.as_ref(), Some(&asked.id));
    assert!(asked.process.starts_with("serve-0") && saga.process.starts_with("serve-1"));
    // The new worker has done it again, under the id that the dead one would have told.
    let process = trace.child(trace.attempt("authorize", 1), "process authorize");
    assert!(process.process.starts_with("payment-"), "{process:?}");
    // What the dead one has sent has the parent that the living one tells.
    let sent = before.one("send payment");
    let attempt = trace.attempt("authorize", 1);
    assert_eq!(
        (sent.parent.as_ref(), saga.process.clone()),
        (Some(&attempt.id), attempt.process.clone())
    );
    assert_ne!(sent.process, attempt.process);
}

/// Spans are lost, counted, and nothing else.
async fn without_a_collector(platform: &Platform, sink: &Sink) {
    sink.take_nothing(true);
    let lost = platform.spans("serve-1", "failed").await;
    let booked = platform
        .book("serve-1", &Order::new("lost", "B1", "tok_ok"))
        .await;
    assert_eq!(booked.status, "confirmed");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while platform.spans("serve-1", "failed").await == lost {
        assert!(std::time::Instant::now() < until, "nothing was lost");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert_eq!(platform.spans("serve-1", "no_room").await, 0);
    sink.take_nothing(false);
    let booked = platform
        .book("serve-1", &Order::new("found", "B2", "tok_ok"))
        .await;
    sink.wait_for(&booked.trace(), is_whole).await;
    assert!(platform.spans("serve-1", "exported").await > 0);
    // An operator's words are the journal's.
    let mut order = Order::new("cancelled", "B3", "tok_slow");
    order.waits = false;
    let booked = platform.book("serve-1", &order).await;
    platform.cancel("serve-1", &booked.saga).await;
    sink.wait_for(&booked.trace(), |trace| trace.has("booking"))
        .await;
}

fn line_about(platform: &Platform, saga: &str, message: &str) -> Value {
    let is = |line: &Value| line["saga_id"] == saga && line["message"] == message;
    let found = lines(&platform.logs).into_iter().find(|(_, line)| is(line));
    found
        .unwrap_or_else(|| panic!("no line of {saga}: {message}"))
        .1
}

fn nobody_is_named(platform: &Platform, sink: &Sink) {
    let lines = lines(&platform.logs);
    let about = lines.iter().filter(|(_, line)| line["saga_id"].is_string());
    assert!(
        about.count() > 50,
        "{} lines say little of sagas",
        lines.len()
    );
    let told = sink.told();
    assert!(told.len() > 300, "{} spans", told.len());
    // What may be told is found in both, so the search sees what it should see.
    let saga = told.iter().find_map(|one| one.attributes.get("saga.id"));
    let found = leaks(saga.unwrap(), &platform.logs, &sink.bodies());
    assert!(
        matches!(&found[..], [Leak::Logged(_), Leak::Told(_)]),
        "{found:?}"
    );
    for mark in MARKS {
        let named = leaks(mark, &platform.logs, &sink.bodies());
        assert!(named.is_empty(), "{mark} is in {named:?}");
    }
}
