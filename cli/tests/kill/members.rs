//! RabbitMQ as three nodes with quorum queues: each is killed under load and comes back before the next one is. Processes
//! reach the cluster by one address, behind which is whichever node answers, as a Service of Kubernetes does it.

use std::thread::sleep;

use impresario_services::rabbitmq::Cluster;

use crate::chance::Chance;
use crate::crowd::CROWD;
use crate::link::Link;
use crate::load::Crowd;
use crate::platform::{Beside, Platform, Wiring};
use crate::round::under;
use crate::servers::Servers;

/// Three nodes beside them leave the machine less.
const CROWD_OF_THREE_NODES: Crowd = Crowd {
    clients: 8,
    ..CROWD
};

/// A majority of two stays when one is gone.
const NODES: usize = 3;

/// Bookings that must have completed for it to prove anything.
const COMPLETED_AT_LEAST: u64 = 20;

pub(crate) fn run(seed: u64) {
    let mut chance = Chance::new(seed);
    let mut cluster = Cluster::start(NODES).unwrap();
    let ports = cluster.members.iter().map(|member| member.port()).collect();
    let first = cluster.members.remove(0);
    let relays = tokio::runtime::Runtime::new().unwrap();
    let door = Link::among(&relays, ports);
    let beside = Beside {
        amqp: Some(format!("amqp://guest:guest@127.0.0.1:{}/%2f", door.port())),
        queues: Some("quorum"),
        ..Beside::default()
    };
    let servers = Servers::with(|| first);
    let mut platform = Platform::beside(servers, "members", Wiring::Direct, beside);
    let verdict = under(&mut platform, CROWD_OF_THREE_NODES, seed, |run| {
        for lost in 0..NODES {
            sleep(chance.millis(2_000, 4_000));
            let member = match lost.checked_sub(1) {
                None => &mut run.platform.servers.rabbitmq,
                Some(number) => &mut cluster.members[number],
            };
            member.kill9().unwrap();
            let back = run.must_recover(&format!("without node {lost}"));
            eprintln!("without node {lost}: answered again after {back:.1} s");
            let member = match lost.checked_sub(1) {
                None => &mut run.platform.servers.rabbitmq,
                Some(number) => &mut cluster.members[number],
            };
            member.restart().unwrap();
            run.must_recover(&format!("node {lost} is back"));
        }
    });
    println!("members {seed}: {}", verdict.summary());
    assert!(verdict.count("completed") >= COMPLETED_AT_LEAST);
    drop(platform.went_well());
}
