//! A private Redis keeps its append-only file through a restart; in a private cluster a replica takes over.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use impresario_services::Redis;
use impresario_services::redis::cluster::Cluster;

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

fn cli(redis: &Redis, words: &str) -> String {
    let mut command = Command::new("redis-cli");
    command.args(["-p", &redis.port().to_string()]);
    let said = command.args(words.split(' ')).output().unwrap();
    String::from_utf8(said.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_replica_takes_over_from_a_primary_that_is_killed() {
    if !is_there("Redis", Redis::installed()) {
        return;
    }
    let mut cluster = Cluster::temporary().unwrap();
    assert_eq!(cluster.urls().split(',').count(), 6);
    let members = cluster.members();
    let owner = members
        .iter()
        .position(|member| cli(member, "SET seat A1") == "OK")
        .unwrap();
    members[owner].kill9().unwrap();

    let give_up = Instant::now() + Duration::from_secs(60);
    let others = || members.iter().enumerate().filter(|(at, _)| *at != owner);
    while !others().any(|(_, member)| cli(member, "SET seat A2") == "OK") {
        assert!(Instant::now() < give_up, "nobody took the slot over");
        std::thread::sleep(Duration::from_millis(100));
    }
    members[owner].restart().unwrap();
    while !cli(&members[owner], "ROLE").starts_with("slave") {
        assert!(Instant::now() < give_up, "it does not follow its successor");
        std::thread::sleep(Duration::from_millis(100));
    }
}
