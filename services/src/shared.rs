//! One server of each kind for a whole test program, at the address that tests ask for.
//!
//! `cargo xtask test` starts the servers once and names them in `DATABASE_URL`, `AMQP_URL` and `REDIS_URL`. A test
//! program that is run by hand has none of these; then the first test that asks starts a private one, and it ends
//! with the program. A server that is named in `IMPRESARIO_WITHOUT` (as `rabbitmq,redis`) is not to be had, and the
//! answer is `None`: the test then says that it is skipped.

use std::env;
use std::sync::OnceLock;

use crate::error::Error;
use crate::{Kafka, Postgres, RabbitMq, Redis};

type Shared<T> = OnceLock<Result<T, Error>>;

/// The URL of a Postgres database that tests may fill with databases or schemas of their own.
///
/// # Errors
/// When no server is named and none can be started.
pub fn database_url() -> Result<Option<String>, Error> {
    static SERVER: Shared<Postgres> = OnceLock::new();
    address(
        "DATABASE_URL",
        "postgres",
        &SERVER,
        Postgres::temporary,
        |pg| pg.url("postgres"),
    )
}

/// The URL of a RabbitMQ whose queues tests may name as they like, each test its own names.
///
/// # Errors
/// When no server is named and none can be started.
pub fn amqp_url() -> Result<Option<String>, Error> {
    static SERVER: Shared<RabbitMq> = OnceLock::new();
    address(
        "AMQP_URL",
        "rabbitmq",
        &SERVER,
        RabbitMq::temporary,
        RabbitMq::url,
    )
}

/// The URL of a Redis.
///
/// # Errors
/// When no server is named and none can be started.
pub fn redis_url() -> Result<Option<String>, Error> {
    static SERVER: Shared<Redis> = OnceLock::new();
    address("REDIS_URL", "redis", &SERVER, Redis::temporary, Redis::url)
}

/// The address of a Kafka whose topics tests may name as they like, each test its own names. The few test programs that
/// need one start it themselves: nobody else waits for it, or gives it memory.
///
/// # Errors
/// When none can be started although everything is there for it.
pub fn kafka_url() -> Result<Option<String>, Error> {
    static SERVER: Shared<Kafka> = OnceLock::new();
    if !kafka()? {
        return Ok(None);
    }
    address("KAFKA_URL", "kafka", &SERVER, Kafka::temporary, Kafka::url)
}

/// Whether a test may start a Kafka of its own. It is the one server that a distribution does not bring: where it cannot
/// be had, its tests are skipped, loudly, and in CI they fail.
///
/// # Errors
/// When it cannot be had, in CI.
pub fn kafka() -> Result<bool, Error> {
    static CAN_BE_HAD: Shared<bool> = OnceLock::new();
    if is_left_out("kafka") {
        return Ok(false);
    }
    CAN_BE_HAD
        .get_or_init(|| match Kafka::install() {
            Ok(_) => Ok(true),
            Err(error) if env::var_os("CI").is_some() => Err(error),
            Err(error) => {
                eprintln!("skipped: tests that need Kafka: {error}");
                Ok(false)
            }
        })
        .clone()
}

fn is_left_out(name: &str) -> bool {
    let without = env::var("IMPRESARIO_WITHOUT").unwrap_or_default();
    without.split(',').any(|word| word.trim() == name)
}

fn address<T>(
    variable: &str,
    name: &str,
    server: &'static Shared<T>,
    start: impl FnOnce() -> Result<T, Error>,
    url: impl FnOnce(&T) -> String,
) -> Result<Option<String>, Error> {
    if is_left_out(name) {
        return Ok(None);
    }
    if let Some(named) = env::var(variable).ok().filter(|url| !url.is_empty()) {
        return Ok(Some(named));
    }
    // It lies in a static, which is never dropped: the guardian stops it when the program ends.
    match server.get_or_init(start) {
        Ok(server) => Ok(Some(url(server))),
        Err(error) => Err(error.clone()),
    }
}
