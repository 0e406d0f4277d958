//! A database that a measured system keeps its state in: questions to it, and what a saga costs there.
//!
//! Asked through `psql`, before and after a level, never within. Postgres brings its own statistics up to date about
//! once a second, which is late by the same at both ends.

use std::process::Command;

use impresario_services::Postgres;
use serde::Serialize;

use crate::Outcome;

/// One database of a private server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Database<'s> {
    server: &'s Postgres,
    name: &'static str,
}

/// What the server has counted since it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counters {
    wal_bytes: f64,
    wal_records: f64,
    commits: f64,
    rows_written: f64,
    /// None without `pg_stat_statements`.
    statements: Option<f64>,
}

/// The same, of one saga.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct PerSaga {
    pub(crate) wal_bytes: f64,
    pub(crate) wal_records: f64,
    pub(crate) commits: f64,
    pub(crate) rows_written: f64,
    /// Statements are round trips: none is sent before the one before is answered.
    pub(crate) round_trips: Option<f64>,
}

/// The module that counts statements: a part of most distributions' server package, but not of all.
const STATEMENTS: &str = "pg_stat_statements";

/// The settings of a measured server: its defaults, with statements counted where that is possible.
pub(crate) fn settings() -> Vec<(String, String)> {
    let there = Postgres::installed().is_some_and(|bin| {
        let library = format!("../lib/{STATEMENTS}.so");
        bin.join(&library).is_file()
            || bin
                .join("..")
                .join(format!("lib/postgresql/{STATEMENTS}.so"))
                .is_file()
    });
    if there {
        vec![("shared_preload_libraries".to_owned(), STATEMENTS.to_owned())]
    } else {
        Vec::new()
    }
}

impl<'s> Database<'s> {
    /// Makes it.
    pub(crate) fn create(server: &'s Postgres, name: &'static str) -> Outcome<Self> {
        server.create_database(name).map_err(|e| e.to_string())?;
        let database = Self { server, name };
        if !settings().is_empty() {
            database.execute(&format!("create extension if not exists {STATEMENTS}"))?;
        }
        Ok(database)
    }

    /// One that is there.
    pub(crate) fn of(server: &'s Postgres, name: &'static str) -> Self {
        Self { server, name }
    }

    /// What Postgres answers, one row a line and columns between bars.
    pub(crate) fn query(self, sql: &str) -> Outcome<String> {
        let mut psql: Command = self.server.psql(self.name);
        let ran = psql
            .args(["-c", sql])
            .output()
            .map_err(|e| format!("psql: {e}"))?;
        if !ran.status.success() {
            let problem = String::from_utf8_lossy(&ran.stderr).trim().to_owned();
            return Err(format!("`{sql}` failed: {problem}"));
        }
        Ok(String::from_utf8_lossy(&ran.stdout).trim().to_owned())
    }

    pub(crate) fn execute(self, sql: &str) -> Outcome {
        self.query(sql).map(drop)
    }

    /// The answer to a query for one number.
    pub(crate) fn count(self, sql: &str) -> Outcome<u64> {
        let said = self.query(sql)?;
        said.parse()
            .map_err(|_| format!("`{sql}` gave no number: {said}"))
    }

    pub(crate) fn counters(self) -> Outcome<Counters> {
        let statements = if settings().is_empty() {
            "null".to_owned()
        } else {
            format!(
                "(select sum(calls) from {STATEMENTS} s join pg_database b on b.oid = s.dbid
                  where b.datname = current_database())"
            )
        };
        let said = self.query(&format!(
            "select w.wal_bytes, w.wal_records, d.xact_commit,
                    d.tup_inserted + d.tup_updated + d.tup_deleted, {statements}
               from pg_stat_wal w, pg_stat_database d where d.datname = current_database()"
        ))?;
        let figures: Vec<Option<f64>> = said.split('|').map(|word| word.parse().ok()).collect();
        match figures.as_slice() {
            [
                Some(wal_bytes),
                Some(wal_records),
                Some(commits),
                Some(rows_written),
                statements,
            ] => Ok(Counters {
                wal_bytes: *wal_bytes,
                wal_records: *wal_records,
                commits: *commits,
                rows_written: *rows_written,
                statements: *statements,
            }),
            _ => Err(format!("could not read the counters of Postgres: {said}")),
        }
    }
}

impl Counters {
    /// What was counted since `before`, shared out among these sagas.
    pub(crate) fn since(self, before: Self, sagas: u64) -> PerSaga {
        let share = |after: f64, before: f64| (after - before) / sagas as f64;
        PerSaga {
            wal_bytes: share(self.wal_bytes, before.wal_bytes),
            wal_records: share(self.wal_records, before.wal_records),
            commits: share(self.commits, before.commits),
            rows_written: share(self.rows_written, before.rows_written),
            round_trips: self
                .statements
                .zip(before.statements)
                .map(|(after, before)| share(after, before)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_shared_out_among_the_sagas_of_the_level() {
        let at = |wal_bytes, statements| Counters {
            wal_bytes,
            wal_records: 0.0,
            commits: 0.0,
            rows_written: 0.0,
            statements,
        };
        let cost = at(5000.0, Some(30.0)).since(at(1000.0, Some(10.0)), 10);
        assert!((cost.wal_bytes - 400.0).abs() < 1e-9);
        assert_eq!(cost.round_trips, Some(2.0));
        let unknown = at(1.0, None).since(at(0.0, None), 1);
        assert_eq!(unknown.round_trips, None);
    }
}
