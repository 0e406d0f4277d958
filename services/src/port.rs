//! Ports on loopback: a free one, and whether one answers.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::time::Duration;

use crate::error::Error;

/// Below those that systems give to connections (from 32768 on Linux): a server that is down for a moment does not find
/// its port taken by somebody's connection when it comes back.
const OURS: Range<u16> = 10_240..32_768;

/// Looks before we give up: that many taken ones in a row are no chance.
const LOOKS: usize = 200;

/// A free port. It is free when we look; a server that loses the race for it says so and is started on another.
pub fn free() -> Result<u16, Error> {
    let taken = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_err();
    let mut looked = std::iter::repeat_with(by_chance).take(LOOKS);
    looked.find(|port| !taken(port)).ok_or_else(|| {
        let (from, to) = (OURS.start, OURS.end);
        Error::new(format!(
            "found no free port on 127.0.0.1 between {from} and {to}"
        ))
    })
}

/// Different in each process and at each call.
fn by_chance() -> u16 {
    let chance = RandomState::new().hash_one(());
    let span = u64::from(OURS.end - OURS.start);
    // Less than the span, so it fits.
    OURS.start + u16::try_from(chance % span).unwrap_or_default()
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
