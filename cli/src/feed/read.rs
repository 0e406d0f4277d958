//! `impresario feed tail` and `replay`: events as lines.

use chrono::DateTime;
use impresario_feed::{From, Key, Reader, Sealed, Told};
use serde_json::{Value, json};

use super::{ReadOptions, brokers, topics};
use crate::output::{self, Format};

/// `beginning`, or an instant.
pub(super) fn from(text: &str) -> Result<From, String> {
    if text == "beginning" {
        return Ok(From::Beginning);
    }
    DateTime::parse_from_rfc3339(text)
        .map(|at| From::Instant(at.timestamp_millis()))
        .map_err(|error| format!("{error}; an instant is 2026-11-27T20:15:00Z, or `beginning`"))
}

pub(super) async fn tail(options: ReadOptions, format: Format) -> anyhow::Result<()> {
    let topics = topics(&options.kafka, &options.about);
    let mut reader = Reader::open(brokers(&options.kafka)?, &topics, From::End).await?;
    loop {
        print(&options, &reader.next().await?, format)?;
    }
}

pub(super) async fn replay(options: ReadOptions, from: From, format: Format) -> anyhow::Result<()> {
    let topics = topics(&options.kafka, &options.about);
    let mut reader = Reader::open(brokers(&options.kafka)?, &topics, from).await?;
    let ends = reader.ends().await?;
    while !reader.has_reached(&ends) {
        print(&options, &reader.next().await?, format)?;
    }
    Ok(())
}

fn print(options: &ReadOptions, told: &Told, format: Format) -> anyhow::Result<()> {
    if options.key.as_ref().is_some_and(|key| *key != told.key) {
        return Ok(());
    }
    let mut data: Value = serde_json::from_slice(&told.data)?;
    if let Some(key) = &options.feed_key {
        open(key, told, &mut data);
    }
    match format {
        Format::Json => output::json_line(&json!({
            "topic": told.topic,
            "partition": told.partition,
            "offset": told.offset,
            "type": told.kind,
            "subject": told.key,
            "sequence": told.sequence,
            "time": told.at,
            "data": data,
        })),
        Format::Table => {
            let line = format!(
                "{}  {}  {} #{}  {data}",
                told.at, told.kind, told.key, told.sequence
            );
            output::line(&output::tame(&line));
            Ok(())
        }
    }
}

/// Puts what was sealed in its place; what does not open with this key stays as it is.
fn open(key: &Key, told: &Told, data: &mut Value) {
    let sealed = data
        .get("sealed")
        .and_then(|sealed| serde_json::from_value::<Sealed>(sealed.clone()).ok());
    let about = format!("{}.{}", told.key, told.sequence);
    let opened = sealed.and_then(|sealed| key.open(&about, &sealed).ok());
    if let Some(value) = opened.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        data["sealed"] = value;
    }
}
