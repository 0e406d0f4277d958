//! Connections: slow ones are dropped, stopping is orderly, and a served request is like any other.

use std::time::{Duration, Instant};

use impresario_orchestrator::api;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::bench::{Bench, LIMIT, booking, good, start};

struct Served {
    bench: Bench,
    stop: CancellationToken,
    server: tokio::task::JoinHandle<()>,
    address: std::net::SocketAddr,
}

impl Served {
    async fn start() -> Served {
        let bench = Bench::start().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server = tokio::spawn(api::serve(listener, bench.router.clone(), stop.clone()));
        Served {
            bench,
            stop,
            server,
            address,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(LIMIT, self.server)
            .await
            .unwrap()
            .unwrap();
        self.bench.end().await;
    }
}

fn post(body: &str, headers: &str) -> String {
    format!(
        "POST /v1/bookings HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         idempotency-key: k1\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

async fn to_the_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    tokio::time::timeout(LIMIT, stream.read_to_end(&mut bytes))
        .await
        .unwrap()
        .ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_heads_are_dropped_and_others_served_meanwhile() {
    let served = Served::start().await;
    let from = Instant::now();
    let mut silent = served.connect().await;
    let mut dripping = served.connect().await;
    let drip = tokio::spawn(async move {
        let mut ends = 0;
        for byte in b"GET /healthz HTTP/1.1\r\nx: y\r\nx".iter().cycle() {
            if dripping.write_all(&[*byte]).await.is_err() {
                break;
            }
            let mut some = [0; 512];
            let read = tokio::time::timeout(Duration::from_millis(500), dripping.read(&mut some));
            if let Ok(Ok(0) | Err(_)) = read.await {
                ends += 1;
                break;
            }
            assert!(from.elapsed() < LIMIT, "a dripping connection lives");
        }
        ends
    });
    let mut good = served.connect().await;
    good.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(to_the_end(&mut good).await.contains("alive"));
    assert!(from.elapsed() < Duration::from_secs(5));
    to_the_end(&mut silent).await;
    drip.await.unwrap();
    let lasted = from.elapsed();
    assert!(
        lasted > Duration::from_secs(8) && lasted < Duration::from_secs(15),
        "{lasted:?}"
    );
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_served_booking_waits_and_smuggling_is_refused() {
    let served = Served::start().await;
    let mut stream = served.connect().await;
    let request = post(
        &good().to_string(),
        "prefer: wait=20\r\nconnection: close\r\n",
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let answer = to_the_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
    assert!(answer.contains("\"status\":\"confirmed\""), "{answer}");

    let rows = served.bench.rows().await;
    for headers in [
        "transfer-encoding: chunked, identity\r\n",
        "content-length: 4\r\n",
        "x : y\r\n",
    ] {
        let mut stream = served.connect().await;
        stream
            .write_all(post(&good().to_string(), headers).as_bytes())
            .await
            .unwrap();
        let answer = to_the_end(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{headers}: {answer}");
    }
    assert_eq!(served.bench.rows().await, rows);
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_answers_who_waits_and_closes_streams() {
    let served = Served::start().await;
    let slow = booking("A1", "tok_slow", "ana@example.org").to_string();
    let id = served
        .bench
        .send(start("/v1/bookings", "k1", slow.clone(), &[]))
        .await
        .json();
    let id = id["id"].as_str().unwrap();
    let mut waiting = served.connect().await;
    waiting
        .write_all(post(&slow, "prefer: wait=30\r\n").as_bytes())
        .await
        .unwrap();
    let mut streaming = served.connect().await;
    let request = format!("GET /v1/bookings/{id}/events HTTP/1.1\r\nhost: x\r\n\r\n");
    streaming.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 16];
    streaming.read_exact(&mut first).await.unwrap();

    let from = Instant::now();
    served.stop.cancel();
    let (waited, streamed) = tokio::join!(to_the_end(&mut waiting), to_the_end(&mut streaming));
    assert!(waited.starts_with("HTTP/1.1 202"), "{waited}");
    assert!(streamed.contains("processing"), "{streamed}");
    assert!(
        from.elapsed() < Duration::from_secs(5),
        "{:?}",
        from.elapsed()
    );
    served.end().await;
}
