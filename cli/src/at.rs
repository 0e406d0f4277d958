//! Which server a command talks to.

use clap::Args;

use crate::client::Server;

#[derive(Clone, Debug, Args)]
pub(crate) struct At {
    /// The server.
    #[arg(
        id = "server",
        long = "server",
        env = "IMPRESARIO_SERVER",
        default_value = "http://127.0.0.1:7070",
        global = true
    )]
    url: String,
}

impl At {
    /// Nothing is asked yet.
    pub(crate) fn server(&self) -> anyhow::Result<Server> {
        Ok(Server::new(&self.url)?)
    }
}
