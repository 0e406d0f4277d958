//! The client's side of the API: one kept connection per saga in flight, HTTP/1.1, nothing between us and hyper.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;

use crate::Outcome;

/// Where the orchestrator listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Api {
    pub(crate) port: u16,
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
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("host", &self.host)
            .header("content-type", "application/json")
            .header("idempotency-key", key)
            .header("prefer", "wait=30")
            .body(Full::new(Bytes::from(body)));
        self.send(request.map_err(|e| format!("POST {path}: {e}"))?)
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

/// Whether the orchestrator says that it can work. Asked before there is a runtime, so with plain sockets.
pub(crate) fn is_ready(api: Api) -> bool {
    let ask = || -> std::io::Result<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, api.port));
        let mut stream = std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream
            .write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut start = [0; 12];
        stream.read_exact(&mut start)?;
        Ok(String::from_utf8_lossy(&start).into_owned())
    };
    ask().is_ok_and(|start| start == "HTTP/1.1 200")
}
