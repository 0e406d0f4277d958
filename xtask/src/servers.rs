//! The private servers of a run: started together, named to the tests by environment variables, stopped by drop.
//!
//! RabbitMQ takes seconds to start, so all of them start in the background while cargo compiles.

use std::path::{Path, PathBuf};
use std::process::Command;

use impresario_services::{Folder, Kafka, Postgres, RabbitMq, Redis, Starting};
use impresario_services::{postgres, rabbitmq, redis};

use crate::{Outcome, cargo, setup};

/// The servers of a run on their way up.
#[derive(Debug)]
pub(crate) struct Soon {
    postgres: Starting<Postgres>,
    rabbitmq: Starting<RabbitMq>,
    redis: Starting<Redis>,
    /// Only fetched: the few tests that need a Kafka start one themselves.
    kafka: Option<Starting<PathBuf>>,
}

/// The servers of a run: those that could be had.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    pub(crate) postgres: Option<Postgres>,
    rabbitmq: Option<RabbitMq>,
    redis: Option<Redis>,
    /// Names and reasons of those that could not.
    pub(crate) missing: Vec<(&'static str, String)>,
}

impl Soon {
    /// Starts servers whose data vanish with them.
    pub(crate) fn temporary() -> Self {
        Self {
            kafka: Some(Kafka::install_in_background()),
            ..Self::start(&|name| Folder::temporary(name))
        }
    }

    /// Starts servers whose data are kept for the next time.
    fn kept(below: &Path) -> Self {
        Self::start(&|name| Folder::kept(below.join(name)))
    }

    fn start(folder: &dyn Fn(&str) -> Folder) -> Self {
        Self {
            postgres: Postgres::start_in_background(postgres::Options::at(folder("postgres"))),
            rabbitmq: RabbitMq::start_in_background(rabbitmq::Options::at(folder("rabbitmq"))),
            redis: Redis::start_in_background(redis::Options::at(folder("redis"))),
            kafka: None,
        }
    }

    /// Waits for all of them.
    pub(crate) fn wait(self) -> Servers {
        let mut missing = Vec::new();
        let postgres = kept_or_missing("postgres", self.postgres.wait(), &mut missing);
        let rabbitmq = kept_or_missing("rabbitmq", self.rabbitmq.wait(), &mut missing);
        let redis = kept_or_missing("redis", self.redis.wait(), &mut missing);
        if let Some(kafka) = self.kafka {
            kept_or_missing("kafka", kafka.wait(), &mut missing);
        }
        let servers = Servers {
            postgres,
            rabbitmq,
            redis,
            missing,
        };
        for note in servers.notes() {
            println!("  note: {note}");
        }
        servers
    }
}

fn kept_or_missing<T>(
    name: &'static str,
    started: Result<T, impresario_services::Error>,
    missing: &mut Vec<(&'static str, String)>,
) -> Option<T> {
    started
        .map_err(|error| missing.push((name, error.to_string())))
        .ok()
}

impl Servers {
    /// The variables that name the servers to tests and programs.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let without: Vec<&str> = self.missing.iter().map(|(name, _)| *name).collect();
        let mut variables = Vec::new();
        variables.extend(
            self.postgres
                .as_ref()
                .map(|pg| ("DATABASE_URL", pg.url("postgres"))),
        );
        variables.extend(
            self.rabbitmq
                .as_ref()
                .map(|rabbit| ("AMQP_URL", rabbit.url())),
        );
        variables.extend(self.redis.as_ref().map(|redis| ("REDIS_URL", redis.url())));
        if !without.is_empty() {
            variables.push(("IMPRESARIO_WITHOUT", without.join(",")));
        }
        variables
    }

    /// Names the servers to a command.
    pub(crate) fn name_to(&self, command: &mut Command) {
        // What the user's own shell names must not leak into a run with private servers.
        for variable in ["DATABASE_URL", "AMQP_URL", "REDIS_URL", "KAFKA_URL"] {
            command.env_remove(variable);
        }
        command.envs(self.variables());
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        notes.extend(self.postgres.iter().flat_map(Postgres::notes).cloned());
        notes.extend(self.rabbitmq.iter().flat_map(RabbitMq::notes).cloned());
        notes.extend(self.redis.iter().flat_map(Redis::notes).cloned());
        notes
    }
}

/// `cargo xtask services up`.
pub(crate) fn run(words: &[String]) -> Outcome {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["up"] => up(false),
        ["up", "--yes"] => up(true),
        _ => Err("say: cargo xtask services up [--yes]".to_owned()),
    }
}

fn up(yes: bool) -> Outcome {
    setup::ensure(&setup::SERVERS, yes)?;
    println!("starting PostgreSQL, RabbitMQ and Redis below .impresario/services");
    let servers = Soon::kept(&cargo::root().join(".impresario/services")).wait();
    if let Some((_, problem)) = servers.missing.first() {
        return Err(problem.clone());
    }
    for (name, value) in servers.variables() {
        println!("export {name}='{value}'");
    }
    println!("\nCtrl-C stops them; the data are kept.");
    // Ctrl-C ends this process at once, and the guardians of the servers stop them in order.
    loop {
        std::thread::park();
    }
}
