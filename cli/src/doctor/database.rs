//! A named PostgreSQL: reachable, new enough, durable, roomy, and with the same time as we have.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::finding::Finding;
use crate::dev::platform::masked;

const PATIENCE: Duration = Duration::from_secs(5);

/// The oldest that the SQL and the tests are made for.
const VERSION_MIN: i32 = 150_000;

/// The engine takes 11, each pool 8, the provider 8.
const CONNECTIONS_MIN: i32 = 60;

/// Timers are instants of the engine's clock; two replicas that differ by more than this are late by it.
const SKEW_MAX_MS: i64 = 500;

#[derive(sqlx::FromRow)]
struct Server {
    version: String,
    number: i32,
    fsync: String,
    synchronous_commit: String,
    connections: i32,
    now: DateTime<Utc>,
    read_only: bool,
}

pub(super) async fn look(url: &str) -> Vec<Finding> {
    let begun = Utc::now();
    match tokio::time::timeout(PATIENCE, ask(url)).await {
        Ok(Ok(server)) => judge(&server, begun, Utc::now()),
        Ok(Err(error)) => vec![unreachable(url, &error.to_string())],
        Err(_) => vec![unreachable(url, "no answer in 5 s")],
    }
}

fn unreachable(url: &str, why: &str) -> Finding {
    let fix = "is the server up, and is --database-url right (user, host, port, database)?";
    Finding::fail("database", format!("{}: {why}", masked(url)), fix)
}

async fn ask(url: &str) -> Result<Server, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    let mut connection: PgConnection = options
        .application_name("impresario doctor")
        .connect()
        .await?;
    let server = sqlx::query_as(
        "select current_setting('server_version') as version,
                current_setting('server_version_num')::int as number,
                current_setting('fsync') as fsync,
                current_setting('synchronous_commit') as synchronous_commit,
                current_setting('max_connections')::int as connections,
                clock_timestamp() as now,
                pg_is_in_recovery() as read_only",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    Ok(server)
}

fn judge(server: &Server, begun: DateTime<Utc>, ended: DateTime<Utc>) -> Vec<Finding> {
    vec![
        version(server),
        durable(server),
        connections(server),
        clock(server, begun, ended),
    ]
}

fn version(server: &Server) -> Finding {
    let found = format!("PostgreSQL {}", server.version);
    if server.read_only {
        return Finding::fail(
            "database",
            format!("{found}, a read-only standby"),
            "name the primary",
        );
    }
    if server.number < VERSION_MIN {
        return Finding::fail("database", found, "upgrade to PostgreSQL 15 or newer");
    }
    Finding::ok("database", found)
}

fn durable(server: &Server) -> Finding {
    let found = format!(
        "fsync {}, synchronous_commit {}",
        server.fsync, server.synchronous_commit
    );
    if server.fsync != "on" {
        let fix = "alter system set fsync = on; select pg_reload_conf();";
        return Finding::fail(
            "durability",
            format!("{found}: a crash loses bookings"),
            fix,
        );
    }
    if server.synchronous_commit == "off" {
        let fix = "alter system set synchronous_commit = on; select pg_reload_conf();";
        return Finding::fail(
            "durability",
            format!("{found}: a crash loses the last bookings"),
            fix,
        );
    }
    Finding::ok("durability", found)
}

fn connections(server: &Server) -> Finding {
    let found = format!("{} at most", server.connections);
    if server.connections < CONNECTIONS_MIN {
        let fix = "alter system set max_connections = 200; then restart PostgreSQL";
        return Finding::warn("connections", found, fix);
    }
    Finding::ok("connections", found)
}

/// The database told its time somewhere between our two looks at the clock.
fn clock(server: &Server, begun: DateTime<Utc>, ended: DateTime<Utc>) -> Finding {
    let ahead = server.now.signed_duration_since(ended).num_milliseconds();
    let behind = begun.signed_duration_since(server.now).num_milliseconds();
    let skew = ahead.max(behind).max(0);
    let found = format!("{skew} ms from the database's");
    if skew > SKEW_MAX_MS {
        return Finding::warn("clock", found, "timedatectl set-ntp true, on both machines");
    }
    Finding::ok("clock", found)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn server() -> Server {
        Server {
            version: "15.18".to_owned(),
            number: 150_018,
            fsync: "on".to_owned(),
            synchronous_commit: "on".to_owned(),
            connections: 200,
            now: "2026-11-22T10:00:00Z".parse().unwrap(),
            read_only: false,
        }
    }

    fn verdicts(server: &Server) -> Vec<Verdict> {
        let at = |text: &str| text.parse().unwrap();
        let (begun, ended) = (
            at("2026-11-22T09:59:59.990Z"),
            at("2026-11-22T10:00:00.010Z"),
        );
        judge(server, begun, ended)
            .iter()
            .map(|finding| finding.verdict)
            .collect()
    }

    #[test]
    fn what_would_lose_bookings_fails() {
        use Verdict::{Fail, Ok, Warn};
        assert_eq!(verdicts(&server()), [Ok, Ok, Ok, Ok]);
        let unsafe_ = Server {
            fsync: "off".to_owned(),
            ..server()
        };
        assert_eq!(verdicts(&unsafe_)[1], Fail);
        let late = Server {
            synchronous_commit: "off".to_owned(),
            connections: 20,
            ..server()
        };
        assert_eq!(verdicts(&late)[1..3], [Fail, Warn]);
        let skewed = Server {
            now: "2026-11-22T10:00:02Z".parse().unwrap(),
            ..server()
        };
        assert_eq!(verdicts(&skewed)[3], Warn);
        let old = Server {
            number: 140_001,
            ..server()
        };
        assert_eq!(verdicts(&old)[0], Fail);
    }
}
