//! A private Kafka keeps its data through a crash and a restart.

use std::io::{Read, Write};
use std::net::TcpStream;

use impresario_services::{Kafka, shared};

use crate::is_alive;

/// Asks which requests it understands (`ApiVersions` 0): whether it serves.
fn serves(port: u16) -> bool {
    let ask = || -> std::io::Result<[u8; 10]> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff])?;
        let mut answer = [0; 10];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    // After the length: the number that we gave the request, and no error.
    ask().is_ok_and(|answer| answer[4..] == [0, 0, 0, 7, 0, 0])
}

#[test]
fn it_serves_again_at_the_same_address_after_a_crash() {
    if !shared::kafka().unwrap() {
        return;
    }
    let mut kafka = Kafka::temporary().unwrap();
    let (port, pid) = (kafka.port(), kafka.pid().unwrap());
    assert!(serves(port));

    kafka.kill9().unwrap();
    assert!(!is_alive(pid));
    assert!(!serves(port));

    kafka.restart().unwrap();
    assert_eq!(kafka.port(), port);
    assert!(serves(port));
}
