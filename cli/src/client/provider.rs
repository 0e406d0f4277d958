//! The sandbox payment provider's log: everything that moved money, told by the provider itself.
//!
//! It is the witness that does not know the engine: what a story claims about charges is checked against it.

use serde::Deserialize;

use super::{Error, Server};

/// The provider.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    server: Server,
}

/// One movement.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: i64,
    pub(crate) operation: String,
    pub(crate) authorization_id: String,
    pub(crate) amount: i64,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

impl Provider {
    pub(crate) fn new(base: &str) -> Result<Provider, Error> {
        Ok(Provider {
            server: Server::new(base)?,
        })
    }

    /// What moved after an entry; 0 for everything.
    pub(crate) async fn log_after(&self, id: i64) -> Result<Vec<Entry>, Error> {
        Ok(self
            .server
            .get::<Log>(&format!("/v1/log?after={id}&limit=10000"))
            .await?
            .entries)
    }
}
