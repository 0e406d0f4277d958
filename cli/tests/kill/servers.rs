//! The servers that a platform runs on. They take seconds to start, so one platform after another uses them: each has
//! a database of its own, and leaves the queues empty.

use std::process::Command;

use impresario_services::{Folder, Postgres, RabbitMq, postgres, rabbitmq};

/// Eight processes with a pool each, some twice for a moment: when one was killed and its sessions linger.
const CONNECTIONS_MAX: u16 = 300;

/// The database that the others are copies of: migrated and seeded.
const TEMPLATE: &str = "template_of_all";

/// PostgreSQL, RabbitMQ, and the seeded events.
#[derive(Debug)]
pub(crate) struct Servers {
    pub(crate) postgres: Postgres,
    pub(crate) rabbitmq: RabbitMq,
    /// Three small ones, then the one that everybody wants.
    pub(crate) events: Vec<String>,
    databases: usize,
}

impl Servers {
    pub(crate) fn start() -> Servers {
        let broker = rabbitmq::Options::at(Folder::temporary("kill-rabbitmq"));
        let broker = RabbitMq::start_in_background(broker);
        Servers::with(|| broker.wait().unwrap())
    }

    /// With this broker.
    pub(crate) fn with(broker: impl FnOnce() -> RabbitMq) -> Servers {
        let mut options = postgres::Options::at(Folder::temporary("kill-postgres"));
        options.max_connections = CONNECTIONS_MAX;
        let postgres = Postgres::start(options).unwrap();
        postgres.create_database(TEMPLATE).unwrap();
        let events = seed(&postgres.url(TEMPLATE));
        Servers {
            postgres,
            rabbitmq: broker(),
            events,
            databases: 0,
        }
    }

    /// A fresh database with the seeded events; its URL. The one before it is done with: a server that crashes reads
    /// every file of every database when it comes back.
    pub(crate) fn database(&mut self) -> String {
        let done = format!("impresario_{}", self.databases);
        self.run(&format!("drop database if exists {done} with (force)"));
        self.databases += 1;
        let name = format!("impresario_{}", self.databases);
        self.run(&format!("create database {name} template {TEMPLATE}"));
        self.postgres.url(&name)
    }

    fn run(&self, sql: &str) {
        let ran = self.postgres.psql("postgres").args(["-c", sql]).output();
        let ran = ran.unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(ran.status.success(), "{sql}: {said}");
    }
}

/// Seeds the demo events; their ids.
fn seed(database: &str) -> Vec<String> {
    let seeded = Command::new(env!("CARGO_BIN_EXE_impresario"))
        .args(["seed", "--hot", "--database-url", database])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&seeded.stderr).into_owned();
    assert!(seeded.status.success(), "seed: {said}");
    let printed = String::from_utf8_lossy(&seeded.stdout).into_owned();
    printed.lines().map(str::to_owned).collect()
}
