//! The way to a collector that is busy, then away, then silent: nobody who tells something waits, and what is lost is
//! counted. One story, because a process has one way to a collector.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says so by panicking"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use impresario_traces::{Context, Kind, Sampler, Settings, Span, SpanId, TraceId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What is not counted by then is not counted.
const PATIENCE: Duration = Duration::from_secs(30);

/// More than may wait, and than is on its way.
const FLOOD: usize = 10_000;

const BUSY: &str = "503 Service Unavailable";
const ANSWERS: [&str; 7] = [BUSY, BUSY, "200 OK", "400 Bad Request", BUSY, BUSY, BUSY];

/// Answers request after request with these statuses, and the rest never.
async fn collector(statuses: &'static [&'static str]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut silent = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let place = counter.fetch_add(1, Ordering::SeqCst);
            let Some(status) = statuses.get(place) else {
                silent.push(stream);
                continue;
            };
            read_request(&mut stream).await;
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (url, asked)
}

/// To its last byte: a connection that is closed before is reset, and the answer lost.
async fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    loop {
        let mut some = [0; 4096];
        let read = stream.read(&mut some).await.unwrap();
        assert!(read > 0, "the request is cut off");
        request.extend_from_slice(&some[..read]);
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        let Some((head, _)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let (_, length) = head.split_once("content-length: ").unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if request.len() >= head.len() + 4 + length {
            return;
        }
    }
}

fn span(service: &Arc<str>) -> Span {
    let context = Context {
        trace: TraceId([1; 16]),
        span: SpanId::random(),
        sampled: true,
    };
    Span::new(service, "one", Kind::Internal, context, None, 1)
}

fn counted(result: &str) -> usize {
    let text = impresario_metrics::render();
    let series = format!("saga_spans_total{{result=\"{result}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&series));
    line.expect("shown from the start").parse().unwrap()
}

async fn wait_for(result: &str, spans: usize) {
    let until = Instant::now() + PATIENCE;
    while counted(result) < spans {
        assert!(Instant::now() < until, "{result}: {}", counted(result));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(counted(result), spans, "{result}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_collector_and_what_is_lost_is_counted() {
    let service: Arc<str> = Arc::from("tested");
    let (url, asked) = collector(&ANSWERS).await;
    impresario_metrics::begin(impresario_metrics::Role::Provider);

    // Off: nothing is told.
    assert!(!impresario_traces::is_on());
    impresario_traces::emit(span(&service));

    let exporter = impresario_traces::begin(Settings {
        url,
        headers: Vec::new(),
        timeout: Duration::from_secs(60),
        sampler: Sampler {
            parent_based: true,
            ratio: 1.0,
        },
        resource: Vec::new(),
    })
    .unwrap();
    assert!(impresario_traces::is_on());

    // Busy: the same batch again, until it is taken.
    impresario_traces::emit(span(&service));
    wait_for("exported", 1).await;
    assert_eq!(asked.load(Ordering::SeqCst), 3);

    // Refused for good: once is enough. Busy for too long: three times are.
    impresario_traces::emit(span(&service));
    wait_for("failed", 1).await;
    assert_eq!(asked.load(Ordering::SeqCst), 4);
    impresario_traces::emit(span(&service));
    wait_for("failed", 2).await;
    assert_eq!(asked.load(Ordering::SeqCst), 7);

    // Silent: so many wait, and the rest is dropped at once.
    for _ in 0..FLOOD {
        impresario_traces::emit(span(&service));
    }
    let dropped = counted("no_room");
    assert!((1..=FLOOD - 8_192).contains(&dropped), "{dropped}");
    assert_eq!((counted("exported"), counted("failed")), (1, 2));

    // The end does not wait for it either.
    let begun = Instant::now();
    exporter.finish().await;
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}
