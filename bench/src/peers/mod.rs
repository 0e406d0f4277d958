//! Other durable engines, measured beside ours: the same three steps, the same client, the same machine, the same run.
//!
//! Each comes through its own package manager into a folder below `target/`, listens on loopback, keeps its data in a
//! temporary folder, and ends with this process. What it runs is in `bench/peers/`. Each is measured as it comes, and
//! with the settings that make it fastest, where we know better ones.

mod dbos;
mod install;
mod restate;
mod temporal;

use std::path::PathBuf;

use clap::ValueEnum;
use impresario_services::{Postgres, Program};

use crate::Outcome;
use crate::database::Database;
use crate::http::Api;
use crate::load::Target;
use temporal::Steps;

/// The engines that we know how to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// One program with a log of its own, and a Rust service that it calls.
    Restate,
    /// A library for Node, with its state in Postgres.
    Dbos,
    /// A server with its state in Postgres, and a Go worker; takes ten minutes to build.
    Temporal,
}

/// One engine with one set of settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// As the report calls it.
    pub(crate) name: &'static str,
    start: fn() -> Outcome<Peer>,
}

/// A running peer. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Peer {
    /// By group; whoever calls another one comes first, and stops first.
    programs: Vec<(&'static str, Program)>,
    postgres: Option<Postgres>,
    /// Its data, removed with it.
    data: Option<PathBuf>,
    pub(crate) api: Api,
    /// Where its saga is posted; `{id}` stands for the saga's key.
    pub(crate) path: &'static str,
    pub(crate) version: String,
}

/// The database of a peer that has one.
const DATABASE: &str = "peer";

impl Engine {
    /// As it comes, then as fast as we know.
    pub(crate) fn settings(self) -> Vec<Setting> {
        let setting = |name, start| Setting { name, start };
        match self {
            Self::Restate => vec![
                setting("Restate", || restate::start(None)),
                setting("Restate, 4 partitions", || restate::start(Some(4))),
            ],
            Self::Dbos => vec![setting("DBOS (Node)", dbos::start)],
            Self::Temporal => vec![
                setting("Temporal", || temporal::start(Steps::Activities)),
                setting("Temporal, local activities", || {
                    temporal::start(Steps::Local)
                }),
            ],
        }
    }
}

impl Setting {
    /// Installs it, the first time, and starts it.
    pub(crate) fn start(&self) -> Outcome<Peer> {
        (self.start)()
    }
}

impl Peer {
    pub(crate) fn target(&self) -> Target {
        let mut groups: Vec<(&'static str, Vec<u32>)> = self
            .programs
            .iter()
            .map(|(group, program)| (*group, vec![program.pid()]))
            .collect();
        if let Some(pid) = self.postgres.as_ref().and_then(Postgres::pid) {
            groups.push(("postgres", vec![pid]));
        }
        groups.push(("client", vec![std::process::id()]));
        Target {
            apis: vec![self.api],
            groups,
        }
    }

    pub(crate) fn database(&self) -> Option<Database<'_>> {
        let server = self.postgres.as_ref()?;
        Some(Database::of(server, DATABASE))
    }

    /// Fails, with its log, when one of its programs has ended by itself.
    pub(crate) fn must_run(&mut self) -> Outcome {
        for (_, program) in &mut self.programs {
            program.must_run().map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}

impl Drop for Peer {
    /// As with ours: the data are not needed.
    fn drop(&mut self) {
        for (_, program) in &mut self.programs {
            program.kill9();
        }
        if let Some(data) = &self.data {
            let _disk_only = std::fs::remove_dir_all(data);
        }
    }
}
