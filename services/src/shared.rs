//! One server of each kind for a whole test program, at the address that tests ask for.
//!
//! `cargo xtask test` starts the servers once and names them in `DATABASE_URL`, `AMQP_URL` and `REDIS_URL`. A test
//! program that is run by hand has none of these; then the first test that asks starts a private one, and it ends
//! with the program. A server that is named in `IMPRESARIO_WITHOUT` (as `rabbitmq,redis`) is not to be had, and the
//! answer is `None`: the test then says that it is skipped.

use std::env;
use std::sync::OnceLock;

use crate::error::Error;
use crate::{Postgres, RabbitMq, Redis};

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

fn address<T>(
    variable: &str,
    name: &str,
    server: &'static Shared<T>,
    start: impl FnOnce() -> Result<T, Error>,
    url: impl FnOnce(&T) -> String,
) -> Result<Option<String>, Error> {
    let without = env::var("IMPRESARIO_WITHOUT").unwrap_or_default();
    if without.split(',').any(|word| word.trim() == name) {
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
