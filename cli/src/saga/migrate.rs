//! `impresario saga migrate`: running sagas go on under another version of their definition.
//!
//! The server judges page by page where sagas stand; pages are put together to one table, a row for each place. Exit
//! code 4 when some of them stay what they are.

use clap::Args;
use serde_json::{Map, Value, json};

use super::list::Search;
use crate::client::{Migrations, Place, Server};
use crate::exit::{Code, coded};
use crate::operator::Operator;
use crate::output::{self, Format, tame};

#[derive(Debug, Args)]
pub(super) struct MigrateOptions {
    /// Name of the definition.
    #[arg(long)]
    definition: String,
    /// The version that sagas leave: its number, or the hash of its content.
    #[arg(long, value_name = "VERSION|HASH")]
    from: String,
    /// The version that they go on under.
    #[arg(long, value_name = "VERSION|HASH")]
    to: String,
    /// Only this saga.
    #[arg(long, value_name = "ID", conflicts_with = "search")]
    saga: Option<String>,
    #[command(flatten)]
    search: Search,
    /// Only tell where they stand and what would become of them.
    #[arg(long)]
    dry_run: bool,
    /// Why, for the journals and the audit records; needed unless it is a dry run.
    #[arg(long, required_unless_present = "dry_run")]
    reason: Option<String>,
    #[command(flatten)]
    operator: Operator,
    /// Names the order: the same one again only asks those that have not followed it. Made up when it is not given.
    #[arg(long)]
    key: Option<String>,
}

pub(super) async fn run(
    server: &Server,
    options: MigrateOptions,
    format: Format,
) -> anyhow::Result<()> {
    let made_up = || uuid::Uuid::new_v4().to_string();
    let key = options.key.clone().unwrap_or_else(made_up);
    let mut whole: Option<Migrations> = None;
    loop {
        let cursor = whole.as_ref().and_then(|whole| whole.next_cursor.clone());
        let body = order(&options, cursor);
        let page = server
            .migrate(&options.definition, &key, &options.operator.name, &body)
            .await?;
        let more = page.next_cursor.is_some();
        let together = match whole {
            None => page,
            Some(before) => before.and(page),
        };
        whole = Some(together);
        if !more {
            break;
        }
    }
    // The loop asks once at least.
    let Some(found) = whole else { return Ok(()) };
    match format {
        Format::Json => output::json(&found)?,
        Format::Table if found.positions.is_empty() => eprintln!("none found"),
        Format::Table => output::line(&table(&found)),
    }
    let staying: u64 = found
        .positions
        .iter()
        .filter(|place| place.verdict != "proved")
        .map(|place| place.sagas)
        .sum();
    match (staying, options.dry_run) {
        (0, _) => Ok(()),
        (many, true) => Err(coded(
            Code::Conflict,
            format!("{many} would stay what they are"),
        )),
        (many, false) => Err(coded(Code::Conflict, format!("{many} stay what they are"))),
    }
}

fn order(options: &MigrateOptions, cursor: Option<String>) -> Value {
    let filters: Map<String, Value> = options
        .search
        .pairs()
        .into_iter()
        .map(|(name, value)| (name, Value::from(value)))
        .collect();
    let mut body = json!({
        "from": version(&options.from),
        "to": version(&options.to),
        "filters": filters,
        "dry_run": options.dry_run,
    });
    let optional = [
        ("saga", &options.saga),
        ("cursor", &cursor),
        ("reason", &options.reason),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    body
}

/// A number is a version's; anything else is a hash, or the server says that it is none.
fn version(text: &str) -> Value {
    match text.parse::<u32>() {
        Ok(number) => json!(number),
        Err(_) => json!(text),
    }
}

fn table(found: &Migrations) -> String {
    let rows: Vec<Vec<String>> = found
        .positions
        .iter()
        .map(|place| {
            vec![
                place.sagas.to_string(),
                place.migrated.to_string(),
                place.verdict.clone(),
                place.examples.first().cloned().unwrap_or_default(),
                tame(&place.position),
            ]
        })
        .collect();
    let head = [
        "SAGAS",
        "MIGRATED",
        "VERDICT",
        "FOR EXAMPLE",
        "WHERE THEY STAND",
    ];
    let reasons = found.positions.iter().filter_map(reason);
    std::iter::once(output::table(&head, &rows))
        .chain(reasons)
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// Why those at a place stay what they are, with the way there when the explorer has found one.
fn reason(place: &Place) -> Option<String> {
    let why = place.why.as_ref()?;
    let mut text = format!("{}\n  {}", tame(&place.position), tame(why));
    for (number, line) in place.story.iter().flatten().enumerate() {
        let to = line
            .to
            .as_ref()
            .map_or(String::new(), |to| format!(" → {to}"));
        let told = tame(&format!("{}{to}: {}", line.who, line.text));
        text.push_str(&format!("\n  {:>3}  {told}", number + 1));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(sagas: u64, next_cursor: Option<&str>) -> Migrations {
        serde_json::from_value(json!({
            "from": { "version": 1, "hash": "a" }, "to": { "version": 2, "hash": "b" },
            "dry_run": true, "migrated": 0, "has_more": next_cursor.is_some(), "next_cursor": next_cursor,
            "positions": [{
                "position": "forward: paid waiting", "verdict": "disproved", "sagas": sagas, "migrated": 0,
                "examples": ["i1"], "states": 7, "property": "invariant", "why": "`a` does not hold",
                "story": [{ "who": "engine", "to": "payment", "text": "sends `charge`" }],
            }],
        }))
        .unwrap()
    }

    #[test]
    fn pages_become_one_table_with_the_reasons_below() {
        let whole = page(2, Some("c")).and(page(1, None));
        assert_eq!(whole.next_cursor, None);
        assert_eq!(
            table(&whole),
            "SAGAS  MIGRATED  VERDICT    FOR EXAMPLE  WHERE THEY STAND\n\
             3      0         disproved  i1           forward: paid waiting\n\n\
             forward: paid waiting\n  `a` does not hold\n    1  engine → payment: sends `charge`"
        );
    }
}
