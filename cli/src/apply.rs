//! `impresario apply FILE...`: uploads definitions to a running server; new sagas use them.
//!
//! The server checks each as a whole and tells everything that is wrong. The same content again changes nothing.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::at::At;
use crate::exit::{Code, coded};
use crate::operator::Operator;
use crate::output::{self, Format};

#[derive(Debug, Args)]
pub(crate) struct ApplyOptions {
    /// Definition files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    at: At,
    /// Store it although it is disproved; that is kept on record.
    #[arg(long, requires = "reason")]
    force: bool,
    /// Why it is forced.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    operator: Operator,
}

pub(crate) async fn run(options: ApplyOptions, format: Format) -> anyhow::Result<()> {
    let server = options.at.server()?;
    let mut stored = Vec::new();
    for file in &options.files {
        let name = file.display().to_string();
        let source = std::fs::read_to_string(file)
            .map_err(|error| coded(Code::NotFound, format!("cannot read {name}: {error}")))?;
        let mut body = json!({ "source": source });
        if let (true, Some(reason)) = (options.force, &options.reason) {
            body["force"] = json!(true);
            body["reason"] = json!(reason);
        }
        let answer = server.upload(&body, &options.operator.name).await?;
        if format == Format::Table {
            output::line(&told(&name, &answer));
        }
        stored.push(answer);
    }
    match format {
        Format::Json => output::json(&stored),
        Format::Table => Ok(()),
    }
}

fn told(file: &str, stored: &Value) -> String {
    let text = |key: &str| stored[key].as_str().unwrap_or_default().to_owned();
    let warnings = stored["warnings"].as_array().into_iter().flatten();
    let mut lines: Vec<String> = warnings
        .map(|warning| {
            let part = |key: &str| warning[key].as_str().unwrap_or_default().to_owned();
            format!(
                "{file}:{} warning {}: {}",
                part("pointer"),
                part("code"),
                part("detail")
            )
        })
        .collect();
    lines.push(format!(
        "{file}: {} v{} ({})",
        text("name"),
        stored["version"],
        text("hash").get(..12).unwrap_or_default()
    ));
    lines.join("\n")
}
