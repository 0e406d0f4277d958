//! A link between two processes that can be cut, held and slowed down: a TCP relay that knows nothing but bytes.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mode {
    /// Connections of an earlier epoch are dead.
    epoch: u64,
    /// Nothing passes in either direction, but the sockets stay open: nobody is told anything.
    held: bool,
    /// Whatever passes is this late.
    late: Duration,
}

/// The relay in front of one server, for one process.
#[derive(Debug)]
pub(crate) struct Link {
    port: u16,
    mode: watch::Sender<Mode>,
}

impl Link {
    /// A relay to a port of this machine.
    pub(crate) fn to(runtime: &Runtime, target: u16) -> Link {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let (mode, _) = watch::channel(Mode {
            epoch: 0,
            held: false,
            late: Duration::ZERO,
        });
        let modes = mode.clone();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(relay(near, target, modes.subscribe()));
            }
        });
        Link { port, mode }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Resets every connection; new ones work.
    pub(crate) fn cut(&self) {
        self.mode.send_modify(|mode| mode.epoch += 1);
    }

    /// Holds every connection, present and new, half open; or lets them go on with what has waited.
    pub(crate) fn hold(&self, held: bool) {
        self.mode.send_modify(|mode| mode.held = held);
    }

    /// Makes everything late.
    pub(crate) fn delay(&self, late: Duration) {
        self.mode.send_modify(|mode| mode.late = late);
    }
}

async fn relay(mut near: TcpStream, target: u16, mut mode: watch::Receiver<Mode>) {
    let epoch = mode.borrow().epoch;
    let Ok(mut far) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], target))).await else {
        return;
    };
    for end in [&near, &far] {
        end.set_nodelay(true).unwrap();
        // A reset, not an orderly end: what is on its way is lost.
        end.set_zero_linger().unwrap();
    }
    let (mut out, mut back) = (vec![0; 16_384], vec![0; 16_384]);
    loop {
        let now = *mode.borrow_and_update();
        if now.epoch != epoch {
            return;
        }
        tokio::select! {
            changed = mode.changed() => if changed.is_err() { return },
            read = near.read(&mut out), if !now.held => {
                let Ok(count @ 1..) = read else { return };
                tokio::time::sleep(now.late).await;
                if far.write_all(&out[..count]).await.is_err() { return }
            }
            read = far.read(&mut back), if !now.held => {
                let Ok(count @ 1..) = read else { return };
                tokio::time::sleep(now.late).await;
                if near.write_all(&back[..count]).await.is_err() { return }
            }
        }
    }
}
