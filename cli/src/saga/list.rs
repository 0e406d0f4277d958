//! `impresario saga list`: finds sagas, newest first.
//!
//! Pages are fetched until `--limit` is reached; JSON is one document with what was found and whether there
//! is more.

use clap::Args;
use serde_json::json;

use crate::client::{Filter, Item, Server};
use crate::output::{self, Format, tame};

/// The server gives pages of this size at most.
const PAGE_MAX: usize = 200;

#[derive(Debug, Args)]
pub(super) struct ListOptions {
    /// Only of this definition.
    #[arg(long)]
    definition: Option<String>,
    #[command(flatten)]
    search: Search,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
}

/// What sagas are searched by, beside their definition.
#[derive(Debug, Args)]
#[group(id = "search", multiple = true)]
pub(super) struct Search {
    /// Only with this status: running, waiting, compensating, stuck, completed, compensated.
    #[arg(long)]
    status: Option<String>,
    /// Only with this business key.
    #[arg(long)]
    business_key: Option<String>,
    /// Only with this attribute; may be repeated.
    #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
    /// Only started at this instant or later, for example 2026-11-22T10:00:00Z.
    #[arg(long)]
    since: Option<String>,
    /// Only started before this instant.
    #[arg(long)]
    until: Option<String>,
}

impl Search {
    /// Names and values as the API takes them.
    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        let named = [
            ("status", &self.status),
            ("business_key", &self.business_key),
            ("started[gte]", &self.since),
            ("started[lt]", &self.until),
        ];
        let mut pairs: Vec<(String, String)> = named
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
            .collect();
        let attributes = self.attributes.iter();
        pairs.extend(attributes.map(|(name, value)| (format!("attribute.{name}"), value.clone())));
        pairs
    }
}

pub(super) async fn run(
    server: &Server,
    options: ListOptions,
    format: Format,
) -> anyhow::Result<()> {
    let (found, has_more) = fetch(server, &options).await?;
    match format {
        Format::Json => output::json(&json!({ "data": found, "has_more": has_more }))?,
        Format::Table if found.is_empty() => eprintln!("none found"),
        Format::Table => {
            output::line(&render(&found));
            if has_more {
                eprintln!("there are more: narrow the search or raise --limit");
            }
        }
    }
    Ok(())
}

/// What is found, up to the limit, and whether there is more.
pub(super) async fn fetch(
    server: &Server,
    options: &ListOptions,
) -> anyhow::Result<(Vec<Item>, bool)> {
    let limit = usize::try_from(options.limit)?;
    let mut found: Vec<Item> = Vec::new();
    let mut cursor = None;
    loop {
        let mut filter = filter(options);
        let room = (limit - found.len()).min(PAGE_MAX);
        filter.pairs.push(("limit".to_owned(), room.to_string()));
        filter
            .pairs
            .extend(cursor.map(|cursor| ("cursor".to_owned(), cursor)));
        let page = server.sagas(&filter).await?;
        found.extend(page.data);
        cursor = page.next_cursor;
        if found.len() >= limit || !page.has_more || cursor.is_none() {
            return Ok((found, page.has_more));
        }
    }
}

fn filter(options: &ListOptions) -> Filter {
    let mut pairs = options.search.pairs();
    let definition = options.definition.clone();
    pairs.extend(definition.map(|name| ("definition".to_owned(), name)));
    Filter { pairs }
}

fn attribute(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("give it as name=value".to_owned()),
    }
}

/// The table, also what `dev` shows.
pub(crate) fn render(items: &[Item]) -> String {
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    output::table(
        &["ID", "DEFINITION", "STATUS", "STARTED", "TOOK", "ABOUT"],
        &rows,
    )
}

fn row(item: &Item) -> Vec<String> {
    let took = item.ended_at.map(|end| {
        let ms = end
            .signed_duration_since(item.started_at)
            .num_milliseconds()
            .max(0);
        if ms < 10_000 {
            format!("{ms} ms")
        } else {
            format!("{} s", ms / 1000)
        }
    });
    vec![
        tame(&item.id),
        tame(&format!("{} v{}", item.definition, item.version)),
        tame(&item.status),
        item.started_at.format("%Y-%m-%d %H:%M:%S").to_string(),
        took.unwrap_or_default(),
        tame(&about(item)),
    ]
}

/// What a person would recognise it by: its business key, or its attributes.
fn about(item: &Item) -> String {
    if let Some(key) = &item.business_key {
        return key.clone();
    }
    let attributes = item.attributes.iter().flatten();
    let texts = attributes.map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name}={text}"),
        None => format!("{name}={value}"),
    });
    texts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_a_table() {
        let item: Item = serde_json::from_value(json!({
            "id": "i1", "definition": "booking", "version": 1, "status": "completed",
            "business_key": null, "attributes": { "customer_email": "a@b.c" },
            "started_at": "2026-11-22T10:00:00Z", "ended_at": "2026-11-22T10:00:00.212Z",
        }))
        .unwrap();
        assert_eq!(
            render(&[item]),
            "ID  DEFINITION  STATUS     STARTED              TOOK    ABOUT\n\
             i1  booking v1  completed  2026-11-22 10:00:00  212 ms  customer_email=a@b.c"
        );
    }
}
