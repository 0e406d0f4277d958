//! A TCP proxy in front of the broker that can cut its connections, hold them half open, and let go again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::fixture::amqp_url;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mode {
    /// Connections of an earlier epoch are dead.
    epoch: u64,
    /// Bytes are swallowed up and nothing comes back, but the sockets stay open.
    holding: bool,
}

pub(crate) struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    pub(crate) async fn start() -> Proxy {
        let uri: lapin::uri::AMQPUri = amqp_url().parse().unwrap();
        let target = format!("{}:{}", uri.authority.host, uri.authority.port);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, _) = watch::channel(Mode {
            epoch: 0,
            holding: false,
        });
        let connections = Arc::new(AtomicUsize::new(0));
        let (modes, count) = (mode.clone(), connections.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(forward(client, target.clone(), modes.subscribe()));
            }
        });
        Proxy {
            address,
            mode,
            connections,
        }
    }

    /// The broker's URL by way of this proxy.
    pub(crate) fn url(&self) -> String {
        let mut uri: lapin::uri::AMQPUri = amqp_url().parse().unwrap();
        let user = std::mem::take(&mut uri.authority.userinfo);
        let vhost = uri.vhost.replace('/', "%2f");
        format!(
            "amqp://{}:{}@{}/{vhost}",
            user.username, user.password, self.address
        )
    }

    /// Resets every connection; new ones work.
    pub(crate) fn cut(&self) {
        self.mode.send_modify(|mode| mode.epoch += 1);
    }

    /// Holds every connection, present and new, half open.
    pub(crate) fn hold(&self) {
        self.mode.send_modify(|mode| mode.holding = true);
    }

    /// Lets bytes through again, also those that waited.
    pub(crate) fn release(&self) {
        self.mode.send_modify(|mode| mode.holding = false);
    }

    /// Connections accepted so far.
    pub(crate) fn accepted(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn forward(mut client: TcpStream, target: String, mut mode: watch::Receiver<Mode>) {
    let epoch = mode.borrow().epoch;
    let Ok(mut broker) = TcpStream::connect(target).await else {
        return;
    };
    client.set_nodelay(true).unwrap();
    broker.set_nodelay(true).unwrap();
    // A reset, not an orderly end: what is on its way is lost.
    client.set_zero_linger().unwrap();
    broker.set_zero_linger().unwrap();
    let (mut from_client, mut from_broker) = (vec![0; 16_384], vec![0; 16_384]);
    loop {
        let now = *mode.borrow_and_update();
        if now.epoch != epoch {
            return;
        }
        tokio::select! {
            changed = mode.changed() => if changed.is_err() { return },
            read = client.read(&mut from_client), if !now.holding => {
                let Ok(count @ 1..) = read else { return };
                if broker.write_all(&from_client[..count]).await.is_err() { return }
            }
            read = broker.read(&mut from_broker), if !now.holding => {
                let Ok(count @ 1..) = read else { return };
                if client.write_all(&from_broker[..count]).await.is_err() { return }
            }
        }
    }
}
