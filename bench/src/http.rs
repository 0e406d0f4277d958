//! The client's side: one kept connection per saga in flight, HTTP/1.1, nothing between us and hyper.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;

use crate::Outcome;

/// For a question that any server answers at once.
const PLAIN_PATIENCE: Duration = Duration::from_secs(5);

/// Where a measured system listens, on loopback.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Api {
    pub(crate) port: u16,
    pub(crate) dialect: Dialect,
}

/// What a start says beside its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `Idempotency-Key` makes a start repeatable, and `Prefer` asks for the end.
    Impresario,
    /// The key is in path or body, and the end is waited for anyway.
    Plain,
}

impl Api {
    pub(crate) fn address(self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// A kept connection.
#[derive(Debug)]
pub(crate) struct Connection {
    host: String,
    dialect: Dialect,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(crate) async fn open(api: Api) -> Outcome<Self> {
        let stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, api.port))
            .await
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
            .map_err(|e| format!("could not connect to {}: {e}", api.address()))?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|e| format!("could not speak HTTP with {}: {e}", api.address()))?;
        // It ends with the sender; what went wrong on it is told to the request in hand.
        tokio::spawn(connection);
        Ok(Self {
            host: api.address(),
            dialect: api.dialect,
            sender,
        })
    }

    /// Starts a saga and waits for its end, as a frontend does.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        key: &str,
        body: Vec<u8>,
    ) -> Outcome<(StatusCode, Bytes)> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("host", &self.host)
            .header("content-type", "application/json");
        if self.dialect == Dialect::Impresario {
            request = request
                .header("idempotency-key", key)
                .header("prefer", "wait=30");
        }
        let request = request.body(Full::new(Bytes::from(body)));
        self.send(request.map_err(|e| format!("POST {path}: {e}"))?)
            .await
    }

    /// Asks how a saga stands.
    pub(crate) async fn get(&mut self, path: &str) -> Outcome<(StatusCode, Bytes)> {
        let request = Request::builder()
            .uri(path)
            .header("host", &self.host)
            .body(Full::default());
        self.send(request.map_err(|e| format!("GET {path}: {e}"))?)
            .await
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Outcome<(StatusCode, Bytes)> {
        let failed = |e: hyper::Error| format!("request failed: {e}");
        self.sender.ready().await.map_err(failed)?;
        let answer = self.sender.send_request(request).await.map_err(failed)?;
        let status = answer.status();
        let body = answer
            .into_body()
            .collect()
            .await
            .map_err(failed)?
            .to_bytes();
        Ok((status, body))
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> Outcome<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|e| format!("could not find a free port: {e}"))
}

/// Whether a server says at this path that it can work.
pub(crate) fn is_ready(api: Api, path: &str) -> bool {
    plain(api, "GET", path, "").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// Posts a JSON document to a server's own administration; anything but a success is an error.
pub(crate) fn post_once(api: Api, path: &str, body: &str) -> Outcome {
    let answer = plain(api, "POST", path, body).map_err(|e| format!("POST {path}: {e}"))?;
    match answer.strip_prefix("HTTP/1.1 2") {
        Some(_) => Ok(()),
        None => Err(format!("POST {path}: {answer}")),
    }
}

/// One request on a connection of its own. These are few and outside what is measured: plain sockets will do.
fn plain(api: Api, method: &str, path: &str, body: &str) -> std::io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, api.port));
    let mut stream = std::net::TcpStream::connect_timeout(&address, PLAIN_PATIENCE)?;
    stream.set_read_timeout(Some(PLAIN_PATIENCE))?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
