//! A proxy in front of PostgreSQL that can lose one answer (the statement gets through and is carried out, and then
//! the connection is cut), and that can hold everything back, as a partitioned network does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

#[derive(Default)]
struct Shared {
    /// Answers to be lost.
    armed: AtomicUsize,
    lost: AtomicUsize,
    /// Nothing passes, and nobody is told.
    held: AtomicBool,
}

impl Shared {
    async fn pass(&self) {
        while self.held.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// A proxy in front of the server of a database URL.
    pub(crate) async fn before(url: &str) -> Proxy {
        let server = authority(url).to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let state = shared.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(&server).await {
                    tokio::spawn(relay(client, server, state.clone()));
                }
            }
        });
        Proxy { port, shared }
    }

    /// The URL with the proxy in place of the server.
    pub(crate) fn url(&self, url: &str) -> String {
        url.replace(authority(url), &format!("127.0.0.1:{}", self.port))
    }

    /// The next commit is carried out, and its answer lost.
    pub(crate) fn lose_next_commit_answer(&self) {
        self.shared.armed.store(1, Ordering::SeqCst);
    }

    /// Holds everything back, on connections present and new; or lets it go on.
    pub(crate) fn hold(&self, held: bool) {
        self.shared.held.store(held, Ordering::SeqCst);
    }

    pub(crate) fn lost(&self) -> usize {
        self.shared.lost.load(Ordering::SeqCst)
    }
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").expect("a URL").1;
    let host = rest.split_once('@').map_or(rest, |(_, host)| host);
    host.split('/').next().expect("an authority")
}

async fn relay(client: TcpStream, server: TcpStream, shared: Arc<Shared>) {
    let (client_in, client_out) = client.into_split();
    let (server_in, server_out) = server.into_split();
    let cut = Arc::new(tokio::sync::Notify::new());
    let back = tokio::spawn(answers(server_in, client_out, shared.clone(), cut.clone()));
    tokio::select! {
        () = statements(client_in, server_out, shared) => {}
        () = cut.notified() => {}
    }
    back.abort();
}

/// A marker that only a commit's parameters carry: the journal body's first key.
const JOURNAL_BODY: &[u8] = b"{\"c\":\"";

async fn statements(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: Arc<Shared>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let carries = buffer[..read]
            .windows(JOURNAL_BODY.len())
            .any(|window| window == JOURNAL_BODY);
        if carries && shared.armed.load(Ordering::SeqCst) == 1 {
            // From now on the answer is on its way to nowhere.
            shared.armed.store(2, Ordering::SeqCst);
        }
        shared.pass().await;
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: Arc<Shared>,
    cut: Arc<tokio::sync::Notify>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        // `Z` ends an answer: the server has committed.
        let ends = buffer[..read].ends_with(b"Z\0\0\0\x05I");
        if ends
            && shared
                .armed
                .compare_exchange(2, 0, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
        {
            shared.lost.fetch_add(1, Ordering::SeqCst);
            cut.notify_one();
            return;
        }
        shared.pass().await;
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
