//! Everything that is measured, started by us: the servers, one orchestrator, the workers, the payment provider.
//!
//! Durability is on everywhere and the servers' settings are their defaults, but for ports and connections: figures
//! that need a tuned machine are of no use to others.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use impresario_services::{Folder, Postgres, Program, RabbitMq};
use impresario_services::{postgres, rabbitmq};

use crate::Outcome;
use crate::http::{self, Api};
use crate::options::{Options, Variant};

/// Creating the tables is part of the first start.
const READY_PATIENCE: Duration = Duration::from_secs(60);

/// The running platform. Dropping it stops all of it, clients before servers.
#[derive(Debug)]
pub(crate) struct Platform {
    programs: Vec<(String, Program)>,
    api: Api,
    pub(crate) postgres: Postgres,
    pub(crate) rabbitmq: RabbitMq,
}

/// The database that the platform lives in.
const DATABASE: &str = "impresario";

impl Platform {
    pub(crate) fn start(options: &Options) -> Outcome<Self> {
        if !options.impresario.is_file() {
            return Err(format!(
                "there is no program {}; run this as `cargo xtask bench`, which builds it",
                options.impresario.display()
            ));
        }
        let rabbit = rabbitmq::Options::at(Folder::temporary("bench-rabbitmq"));
        let rabbit = RabbitMq::start_in_background(rabbit);
        let postgres = postgres::Options::at(Folder::temporary("bench-postgres"));
        let postgres = Postgres::start(postgres).map_err(|e| e.to_string())?;
        postgres
            .create_database(DATABASE)
            .map_err(|e| e.to_string())?;
        let rabbitmq = rabbit.wait().map_err(|e| e.to_string())?;
        let api = Api { port: free_port()? };
        let mut platform = Self {
            programs: Vec::new(),
            api,
            postgres,
            rabbitmq,
        };
        platform.start_programs(options)?;
        Ok(platform)
    }

    pub(crate) fn api(&self) -> Api {
        self.api
    }

    fn start_programs(&mut self, options: &Options) -> Outcome {
        let serve = [
            "serve".to_owned(),
            "--listen".to_owned(),
            self.api.address(),
        ];
        self.program(options, "orchestrator", &serve, true)?;
        let api = self.api;
        self.last()?
            .wait_ready(READY_PATIENCE, || http::is_ready(api))
            .map_err(|e| e.to_string())?;

        let mut provider_url = None;
        if options.variant == Variant::Booking {
            let listen = format!("127.0.0.1:{}", free_port()?);
            let provider = ["provider".to_owned(), "--listen".to_owned(), listen.clone()];
            self.program(options, "provider", &provider, false)?;
            provider_url = Some(format!("http://{listen}"));
        }
        for pool in options.variant.pools() {
            for number in 1..=options.workers() {
                let mut words = vec!["worker".to_owned(), (*pool).to_owned()];
                if let Some(slots) = options.slots {
                    words.extend(["--slots".to_owned(), slots.to_string()]);
                }
                if let Some(url) = provider_url.as_ref().filter(|_| *pool == "payment") {
                    words.extend(["--provider-url".to_owned(), url.clone()]);
                }
                self.program(options, &format!("worker {pool} {number}"), &words, true)?;
            }
        }
        Ok(())
    }

    fn program(&mut self, options: &Options, name: &str, words: &[String], amqp: bool) -> Outcome {
        let mut command = Command::new(absolute(&options.impresario)?);
        command
            .args(words)
            .arg("--database-url")
            .arg(self.postgres.url(DATABASE));
        if amqp {
            command.arg("--amqp-url").arg(self.rabbitmq.url());
        }
        // A line for every saga would measure the terminal.
        command.env("RUST_LOG", "warn");
        let log = self.log(name);
        let program = Program::start(name, command, &log).map_err(|e| e.to_string())?;
        self.programs.push((name.to_owned(), program));
        Ok(())
    }

    fn last(&mut self) -> Outcome<&mut Program> {
        self.programs
            .last_mut()
            .map(|(_, program)| program)
            .ok_or_else(|| "no program was started".to_owned())
    }

    /// Beside the log of Postgres, whose folder vanishes with it.
    fn log(&self, name: &str) -> PathBuf {
        let folder = self.postgres.log();
        let folder = folder.parent().unwrap_or(Path::new("."));
        folder.join(format!("{}.log", name.replace(' ', "-")))
    }

    /// The processes whose cost is reported, by group: their roots; what is below belongs to them.
    pub(crate) fn groups(&self) -> Vec<(&'static str, Vec<u32>)> {
        let pids = |start: &str| -> Vec<u32> {
            let chosen = self
                .programs
                .iter()
                .filter(|(name, _)| name.starts_with(start));
            chosen.map(|(_, program)| program.pid()).collect()
        };
        let mut groups = vec![
            ("orchestrator", pids("orchestrator")),
            ("workers", pids("worker")),
            ("postgres", self.postgres.pid().into_iter().collect()),
            ("rabbitmq", self.rabbitmq.pids()),
            ("client", vec![std::process::id()]),
        ];
        let provider = pids("provider");
        if !provider.is_empty() {
            groups.push(("provider", provider));
        }
        groups
    }

    /// What Postgres answers, one row a line.
    pub(crate) fn query(&self, sql: &str) -> Outcome<String> {
        let mut psql = self.postgres.psql(DATABASE);
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

    pub(crate) fn execute(&self, sql: &str) -> Outcome {
        self.query(sql).map(drop)
    }

    /// The answer of Postgres to a query for one number.
    pub(crate) fn count(&self, sql: &str) -> Outcome<u64> {
        let said = self.query(sql)?;
        said.parse()
            .map_err(|_| format!("`{sql}` gave no number: {said}"))
    }

    /// Fails, with its log, when a program has ended by itself.
    pub(crate) fn must_run(&mut self) -> Outcome {
        for (_, program) in &mut self.programs {
            program.must_run().map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}

impl Drop for Platform {
    /// Their data are not needed and their drain is not measured: all at once, not one patient stop after another.
    fn drop(&mut self) {
        for (_, program) in &mut self.programs {
            program.kill9();
        }
    }
}

fn absolute(path: &Path) -> Outcome<PathBuf> {
    std::path::absolute(path).map_err(|e| format!("could not resolve {}: {e}", path.display()))
}

fn free_port() -> Outcome<u16> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|e| format!("could not find a free port: {e}"))
}
