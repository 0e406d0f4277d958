//! Ports on loopback: a free one, and whether one answers.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::error::Error;

/// A free port. It is free when we look; a server that loses the race for it says so and is started on another.
pub(crate) fn free() -> Result<u16, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|e| Error::new(format!("could not find a free port on 127.0.0.1: {e}")))
}

/// The port that was asked for, or a free one for 0.
pub(crate) fn pick(wanted: u16) -> Result<u16, Error> {
    if wanted == 0 { free() } else { Ok(wanted) }
}

/// A connection with short time limits: the answer of a server that is up comes at once.
pub(crate) fn connect(port: u16) -> std::io::Result<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, Duration::from_millis(500))?;
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    stream.set_write_timeout(Some(Duration::from_millis(500)))?;
    Ok(stream)
}
