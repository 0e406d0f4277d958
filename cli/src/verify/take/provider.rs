//! The provider's own log, page by page, exactly as it tells it.

use std::path::Path;

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use crate::client::Server;
use crate::verify::folder;
use crate::verify::table::Table;

/// A page; the provider gives no more at once.
const PAGE: usize = 10_000;

#[derive(Deserialize)]
struct Log {
    entries: Vec<Value>,
}

pub(super) async fn take(url: &str, folder: &Path) -> anyhow::Result<()> {
    let server = Server::new(url)?;
    let (mut text, mut after) = (String::new(), 0);
    loop {
        let path = format!("/v1/log?after={after}&limit={PAGE}");
        let Log { entries } = server.get(&path).await.map_err(anyhow::Error::from)?;
        let Some(last) = entries.last() else { break };
        after = last["id"]
            .as_i64()
            .context("an entry of the provider's log has no id")?;
        for entry in &entries {
            text.push_str(&entry.to_string());
            text.push('\n');
        }
    }
    folder::write(folder, Table::Provider.file(), &text)
}
