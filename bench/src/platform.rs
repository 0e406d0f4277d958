//! Impresario, started as it is shipped: the servers, orchestrators, workers, the payment provider.
//!
//! Durability is on everywhere and the servers' settings are their defaults, but for ports, connections and the
//! counting of statements: figures that need a tuned machine are of no use to others.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use impresario_services::{Folder, Kafka, Postgres, Program, RabbitMq};
use impresario_services::{kafka, postgres, rabbitmq};

use crate::Outcome;
use crate::database::{self, Database};
use crate::http::{self, Api, Dialect, free_port};
use crate::load::Target;
use crate::usage::Groups;

/// Creating the tables is part of the first start.
const READY_PATIENCE: Duration = Duration::from_secs(60);

/// The database that the platform lives in.
const DATABASE: &str = "impresario";

/// What is started.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// The program.
    pub(crate) impresario: PathBuf,
    pub(crate) orchestrators: usize,
    pub(crate) pools: &'static [&'static str],
    /// Processes for each pool.
    pub(crate) workers: usize,
    /// Slots of each worker; the worker's own default without it.
    pub(crate) slots: Option<usize>,
    /// Whether what happens is told on Kafka.
    pub(crate) feed: bool,
}

/// The running platform. Dropping it stops all of it, clients before servers.
#[derive(Debug)]
pub(crate) struct Platform {
    setup: Setup,
    programs: Vec<(String, Program)>,
    apis: Vec<Api>,
    pub(crate) postgres: Postgres,
    pub(crate) rabbitmq: RabbitMq,
    kafka: Option<Kafka>,
}

impl Platform {
    pub(crate) fn start(setup: Setup) -> Outcome<Self> {
        if !setup.impresario.is_file() {
            return Err(format!(
                "there is no program {}; run this as `cargo xtask bench`, which builds it",
                setup.impresario.display()
            ));
        }
        let rabbit = rabbitmq::Options::at(Folder::temporary("bench-rabbitmq"));
        let rabbit = RabbitMq::start_in_background(rabbit);
        let mut postgres = postgres::Options::at(Folder::temporary("bench-postgres"));
        postgres.settings = database::settings();
        let kafka = setup.feed.then(|| {
            let mut kafka = kafka::Options::at(Folder::temporary("bench-kafka"));
            kafka.compiler = kafka::Compiler::Thorough;
            Kafka::start_in_background(kafka)
        });
        let postgres = Postgres::start(postgres).map_err(|e| e.to_string())?;
        Database::create(&postgres, DATABASE)?;
        let rabbitmq = rabbit.wait().map_err(|e| e.to_string())?;
        let kafka = kafka.map(|kafka| kafka.wait().map_err(|e| e.to_string()));
        let kafka = kafka.transpose()?;
        let mut platform = Self {
            setup,
            programs: Vec::new(),
            apis: Vec::new(),
            postgres,
            rabbitmq,
            kafka,
        };
        for number in 1..=platform.setup.orchestrators {
            platform.start_orchestrator(number)?;
        }
        platform.start_workers()?;
        Ok(platform)
    }

    fn start_orchestrator(&mut self, number: usize) -> Outcome {
        let api = Api {
            port: free_port()?,
            dialect: Dialect::Impresario,
        };
        let name = format!("orchestrator {number}");
        let mut words = vec!["serve".to_owned(), "--listen".to_owned(), api.address()];
        if let Some(kafka) = &self.kafka {
            words.extend(["--kafka".to_owned(), kafka.url()]);
        }
        let program = self.program(&name, &words, true)?;
        program
            .wait_ready(READY_PATIENCE, || http::is_ready(api, "/readyz"))
            .map_err(|e| e.to_string())?;
        self.apis.push(api);
        Ok(())
    }

    fn start_workers(&mut self) -> Outcome {
        let pools = self.setup.pools;
        let mut provider_url = None;
        if pools.contains(&"payment") {
            let listen = format!("127.0.0.1:{}", free_port()?);
            let words = ["provider".to_owned(), "--listen".to_owned(), listen.clone()];
            self.program("provider", &words, false)?;
            provider_url = Some(format!("http://{listen}"));
        }
        for pool in pools {
            for number in 1..=self.setup.workers {
                let mut words = vec!["worker".to_owned(), (*pool).to_owned()];
                if let Some(slots) = self.setup.slots {
                    words.extend(["--slots".to_owned(), slots.to_string()]);
                }
                if let Some(url) = provider_url.as_ref().filter(|_| *pool == "payment") {
                    words.extend(["--provider-url".to_owned(), url.clone()]);
                }
                self.program(&format!("worker {pool} {number}"), &words, true)?;
            }
        }
        Ok(())
    }

    fn program(&mut self, name: &str, words: &[String], amqp: bool) -> Outcome<&mut Program> {
        let impresario = &self.setup.impresario;
        let absolute = std::path::absolute(impresario)
            .map_err(|e| format!("could not resolve {}: {e}", impresario.display()))?;
        let mut command = Command::new(absolute);
        command
            .args(words)
            .arg("--database-url")
            .arg(self.postgres.url(DATABASE));
        if amqp {
            command.arg("--amqp-url").arg(self.rabbitmq.url());
        }
        // A line for every saga would measure the terminal.
        command.env("RUST_LOG", "warn");
        let log = self
            .folder()
            .join(format!("{}.log", name.replace(' ', "-")));
        let program = Program::start(name, command, &log).map_err(|e| e.to_string())?;
        self.programs.push((name.to_owned(), program));
        let started = self.programs.last_mut().map(|(_, program)| program);
        started.ok_or_else(|| "no program was started".to_owned())
    }

    /// The folder of Postgres, which vanishes with it: our logs lie there too.
    pub(crate) fn folder(&self) -> PathBuf {
        let log = self.postgres.log();
        log.parent().unwrap_or(Path::new(".")).to_owned()
    }

    pub(crate) fn target(&self) -> Target {
        Target {
            apis: self.apis.clone(),
            groups: self.groups(),
        }
    }

    pub(crate) fn has_pool(&self, pool: &str) -> bool {
        self.setup.pools.contains(&pool)
    }

    pub(crate) fn database(&self) -> Database<'_> {
        Database::of(&self.postgres, DATABASE)
    }

    pub(crate) fn database_url(&self) -> String {
        self.postgres.url(DATABASE)
    }

    fn groups(&self) -> Groups {
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
        if let Some(kafka) = &self.kafka {
            groups.push(("kafka", kafka.pid().into_iter().collect()));
        }
        let provider = pids("provider");
        if !provider.is_empty() {
            groups.push(("provider", provider));
        }
        groups
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
