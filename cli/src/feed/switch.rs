//! `impresario feed status` and `off`: the switches in a database, of the engine and of the pools that live there, and what
//! waits behind them. What is not in this database is left out.

use std::collections::BTreeMap;

use anyhow::Context;
use clap::Args;
use impresario_orchestrator::store::{self, feed};
use impresario_worker_sdk::{Database, telling};
use serde::Serialize;
use sqlx::{Connection, PgConnection};

use super::About;
use crate::output::{self, Format};

#[derive(Clone, Debug, Args)]
pub(super) struct DatabaseOptions {
    /// PostgreSQL of the engine, of pools, or of all of them.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
}

/// One of those who tell.
#[derive(Debug, Serialize)]
struct Status {
    on: bool,
    rows_waiting: i64,
    age_seconds: f64,
}

/// Whose rows are in a schema.
enum Place {
    Engine(store::Database),
    Pool(Database),
}

impl Place {
    async fn open(url: &str, about: About) -> anyhow::Result<Place> {
        Ok(match about {
            About::Sagas => Place::Engine(store::Database::open(&store::Options::new(url)).await?),
            About::Catalog => Place::Pool(impresario_catalog::database(url)?),
            About::Payment => Place::Pool(impresario_payment::database(url)?),
            About::Booking => Place::Pool(impresario_booking::database(url)?),
        })
    }

    async fn turn_off(&self) -> anyhow::Result<()> {
        match self {
            Place::Engine(database) => feed::turn_off(&database.pool).await.map(drop)?,
            Place::Pool(database) => telling::turn_off(database).await.map(drop)?,
        }
        Ok(())
    }

    async fn status(&self) -> anyhow::Result<Status> {
        let (on, (rows_waiting, age_seconds)) = match self {
            Place::Engine(database) => {
                let pool = &database.pool;
                (feed::is_on(pool).await?, feed::behind(pool).await?)
            }
            Place::Pool(database) => {
                let behind = telling::behind(database).await?;
                (telling::is_on(database).await?, (behind.rows, behind.age))
            }
        };
        Ok(Status {
            on,
            rows_waiting,
            age_seconds,
        })
    }
}

pub(super) async fn status(options: DatabaseOptions, format: Format) -> anyhow::Result<()> {
    show(&places(&options).await?, format).await
}

pub(super) async fn off(options: DatabaseOptions, format: Format) -> anyhow::Result<()> {
    let places = places(&options).await?;
    for (about, place) in &places {
        let turned = place.turn_off().await;
        turned.with_context(|| format!("turn {about} off"))?;
    }
    show(&places, format).await
}

/// Those whose tables are in this database: looked for first, because opening the engine's would make it.
async fn places(options: &DatabaseOptions) -> anyhow::Result<BTreeMap<&'static str, Place>> {
    let url = &options.database_url;
    let mut connection = PgConnection::connect(url).await?;
    let mut places = BTreeMap::new();
    for about in About::ALL {
        let schema = match about {
            About::Sagas => store::SCHEMA,
            About::Catalog | About::Payment | About::Booking => about.as_str(),
        };
        let is_there: bool = sqlx::query_scalar("select to_regclass($1) is not null")
            .bind(format!("{schema}.feed"))
            .fetch_one(&mut connection)
            .await?;
        if is_there {
            places.insert(about.as_str(), Place::open(url, about).await?);
        }
    }
    connection.close().await?;
    Ok(places)
}

async fn show(places: &BTreeMap<&'static str, Place>, format: Format) -> anyhow::Result<()> {
    let mut found = BTreeMap::new();
    for (about, place) in places {
        found.insert(about, place.status().await?);
    }
    match format {
        Format::Json => output::json(&found)?,
        Format::Table if found.is_empty() => output::line("nobody in this database tells"),
        Format::Table => {
            for (about, status) in found {
                let word = if status.on { "on" } else { "off" };
                output::line(&match status.rows_waiting {
                    0 => format!("{about}: {word}; nothing waits"),
                    rows => format!(
                        "{about}: {word}; {rows} row(s) wait, the oldest for {:.0} s",
                        status.age_seconds
                    ),
                });
            }
        }
    }
    Ok(())
}
