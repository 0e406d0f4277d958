//! Everything that runs: the processes on their servers, and who looks at them. Ends with its handle.
//!
//! Logs and records are kept in a folder of their own, which is removed after a good end and named after a bad one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use impresario_services::{Folder, port};
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::runtime::Runtime;

use crate::client::Client;
use crate::programs::{Addresses, Programs, ROLES};
use crate::servers::Servers;
use crate::wires::{Far, Wires};

/// Migrating takes a moment, on a machine that is busy.
const MIGRATED: Duration = Duration::from_secs(60);

/// How the processes reach the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wiring {
    /// As in production.
    Direct,
    /// Through links that can be cut.
    Linked,
}

/// What is not where it usually is.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// The provider's books.
    pub(crate) provider_database: Option<String>,
    /// The broker, for the processes: all nodes of a cluster.
    pub(crate) amqp: Option<String>,
    pub(crate) queues: Option<&'static str>,
}

/// The running platform. Programs end before the servers they use.
pub(crate) struct Platform {
    pub(crate) programs: Programs,
    pub(crate) servers: Servers,
    pub(crate) client: Client,
    /// Of the test itself, outside the processes under test.
    pub(crate) pool: PgPool,
    pub(crate) runtime: Runtime,
    logs: Logs,
}

/// The folder of a run: it goes after a good end.
struct Logs {
    folder: PathBuf,
    went_well: bool,
}

impl Drop for Logs {
    fn drop(&mut self) {
        if self.went_well {
            let _disk_only = std::fs::remove_dir_all(&self.folder);
        } else {
            eprintln!("logs and records are kept in {}", self.folder.display());
        }
    }
}

impl Platform {
    pub(crate) fn start(name: &str) -> Platform {
        Platform::on(Servers::start(), name, Wiring::Direct)
    }

    /// A fresh platform on servers that run.
    pub(crate) fn on(servers: Servers, name: &str, wiring: Wiring) -> Platform {
        Platform::beside(servers, name, wiring, Beside::default())
    }

    /// The same, with some of it elsewhere.
    pub(crate) fn beside(
        mut servers: Servers,
        name: &str,
        wiring: Wiring,
        beside: Beside,
    ) -> Platform {
        let folder = Folder::temporary(&format!("kill-{name}"));
        let logs = Logs {
            folder: folder.path().to_owned(),
            went_well: false,
        };
        std::fs::create_dir_all(logs.folder.join("records")).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let database = servers.database();
        let [serve_0, serve_1, provider] = [(); 3].map(|()| port::free().unwrap());
        let far = [
            (Far::Database, servers.postgres.port()),
            (Far::Broker, servers.rabbitmq.port()),
            (Far::Provider, provider),
        ];
        let wires = match wiring {
            Wiring::Direct => Wires::default(),
            Wiring::Linked => Wires::lay(&runtime, &far),
        };
        let addresses = Addresses {
            provider_database: beside.provider_database.unwrap_or_else(|| database.clone()),
            database: database.clone(),
            amqp: beside.amqp.unwrap_or_else(|| servers.rabbitmq.url()),
            queues: beside.queues,
            serve: [serve_0, serve_1],
            provider,
            wires,
        };
        let mut programs = Programs::new(addresses, &logs.folder);
        for role in ROLES {
            programs.start(role);
            programs.wait_ready(role);
        }
        let pool = {
            let _inside = runtime.enter();
            PgPoolOptions::new()
                .max_connections(4)
                .connect_lazy(&database)
                .unwrap()
        };
        let platform = Platform {
            programs,
            servers,
            client: Client::new([serve_0, serve_1], provider),
            pool,
            runtime,
            logs,
        };
        platform.install_witness();
        platform
    }

    /// From now on the participants keep an effect log: once all of them have made their tables.
    fn install_witness(&self) {
        let until = Instant::now() + MIGRATED;
        while self.barriers() < 4 {
            assert!(
                Instant::now() < until,
                "only {} pools are there",
                self.barriers()
            );
            sleep(Duration::from_millis(50));
        }
        let installed = Command::new(env!("CARGO_BIN_EXE_impresario"))
            .args([
                "verify",
                "--install-witness",
                "--database-url",
                self.database(),
            ])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&installed.stderr).into_owned();
        assert!(installed.status.success(), "witness: {said}");
    }

    /// Pools that are ready to work: the count of starts is the last table that each makes.
    fn barriers(&self) -> i64 {
        let count =
            "select count(*) from information_schema.tables where table_name = 'task_start'";
        let counted = sqlx::query_scalar(count).fetch_one(&self.pool);
        self.runtime.block_on(counted).unwrap_or_default()
    }

    /// Past all links.
    pub(crate) fn database(&self) -> &str {
        &self.programs.addresses.database
    }

    pub(crate) fn logs(&self) -> &Path {
        &self.logs.folder
    }

    /// Where the records of this run are.
    pub(crate) fn records(&self) -> PathBuf {
        self.logs.folder.join("records")
    }

    /// Nobody will need the logs. The servers are the next platform's.
    pub(crate) fn went_well(mut self) -> Servers {
        self.logs.went_well = true;
        self.programs.end();
        self.runtime.block_on(self.pool.close());
        self.servers
    }
}
