//! `impresario saga signal ID NAME`: tells a saga that something happened outside.

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use crate::client::Server;
use crate::output::{self, Format};

#[derive(Debug, Args)]
pub(super) struct SignalOptions {
    /// Its id.
    id: String,
    /// Name of the signal, for example `payment.settled`.
    name: String,
    /// What it says, JSON.
    #[arg(long, default_value = "null")]
    payload: String,
    /// Name of the event: the same one twice is one signal. Made up when it is not given.
    #[arg(long)]
    key: Option<String>,
}

pub(super) async fn run(
    server: &Server,
    options: &SignalOptions,
    format: Format,
) -> anyhow::Result<()> {
    let payload: Value =
        serde_json::from_str(&options.payload).context("--payload must be JSON")?;
    let key = options
        .key
        .clone()
        .unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let body = json!({ "name": options.name, "payload": payload });
    let answer = server.signal(&options.id, &key, &body).await?;
    match format {
        Format::Json => output::json(&answer),
        Format::Table => {
            let taken = if answer["changed"] == true {
                "taken, or kept for later"
            } else {
                "known already, or the saga has ended"
            };
            output::line(&format!(
                "{}  {} (seq {})  {taken}",
                options.id,
                answer["status"].as_str().unwrap_or_default(),
                answer["seq"]
            ));
            Ok(())
        }
    }
}
