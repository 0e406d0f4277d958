//! A private Redis keeps its append-only file through a restart.

use std::io::{Read, Write};
use std::net::TcpStream;

use impresario_services::Redis;

use crate::{is_alive, is_there};

fn say(redis: &Redis, words: &str, answer: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    stream.write_all(words.as_bytes()).unwrap();
    let mut said = vec![0; answer.len()];
    stream.read_exact(&mut said).unwrap();
    assert_eq!(String::from_utf8_lossy(&said), answer);
}

#[test]
fn a_value_survives_a_restart() {
    if !is_there("Redis", Redis::installed()) {
        return;
    }
    let mut redis = Redis::temporary().unwrap();
    say(&redis, "SET seat A1\r\n", "+OK\r\n");
    redis.restart().unwrap();
    say(&redis, "GET seat\r\n", "$2\r\nA1\r\n");
    let pid = redis.pid().unwrap();
    redis.kill9().unwrap();
    assert!(!is_alive(pid));
}
