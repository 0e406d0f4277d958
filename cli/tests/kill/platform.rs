//! Everything that is started: the servers, the processes, the seeded events. Ends with its handle.
//!
//! Logs are kept in a folder of their own, which is removed after a good end and named after a bad one.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use impresario_services::{Folder, Postgres, RabbitMq, postgres, rabbitmq};
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::runtime::Runtime;

use crate::client::Client;
use crate::programs::{Addresses, Programs, ROLES};

const DATABASE: &str = "impresario";

/// Eight processes with a pool each, some twice for a moment: when one was killed and its sessions linger.
const CONNECTIONS_MAX: u16 = 300;

/// The running platform. Programs end before the servers they use.
pub(crate) struct Platform {
    pub(crate) programs: Programs,
    pub(crate) postgres: Postgres,
    pub(crate) rabbitmq: RabbitMq,
    pub(crate) client: Client,
    /// Of the test itself, outside the processes under test.
    pub(crate) pool: PgPool,
    /// The seeded events: three small ones, then the one that everybody wants.
    pub(crate) events: Vec<String>,
    pub(crate) runtime: Runtime,
    logs: PathBuf,
    went_well: bool,
}

impl Platform {
    pub(crate) fn start(name: &str) -> Platform {
        let folder = Folder::temporary(&format!("kill-{name}"));
        let logs = folder.path().to_owned();
        std::fs::create_dir_all(&logs).unwrap();
        let broker = rabbitmq::Options::at(Folder::temporary("kill-rabbitmq"));
        let broker = RabbitMq::start_in_background(broker);
        let mut options = postgres::Options::at(Folder::temporary("kill-postgres"));
        options.max_connections = CONNECTIONS_MAX;
        let postgres = Postgres::start(options).unwrap();
        postgres.create_database(DATABASE).unwrap();
        let database = postgres.url(DATABASE);
        let events = seed(&database);
        let rabbitmq = broker.wait().unwrap();
        let [serve_0, serve_1, provider] = free_ports();
        let addresses = Addresses {
            database: database.clone(),
            amqp: rabbitmq.url(),
            serve: [serve_0, serve_1],
            provider,
        };
        let mut programs = Programs::new(addresses, &logs);
        for role in ROLES {
            programs.start(role);
            programs.wait_ready(role);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let pool = {
            let _inside = runtime.enter();
            PgPoolOptions::new()
                .max_connections(4)
                .connect_lazy(&database)
                .unwrap()
        };
        Platform {
            programs,
            postgres,
            rabbitmq,
            client: Client::new([serve_0, serve_1], provider),
            pool,
            events,
            runtime,
            logs,
            went_well: false,
        }
    }

    pub(crate) fn logs(&self) -> &Path {
        &self.logs
    }

    /// Nobody will need the logs.
    pub(crate) fn went_well(mut self) {
        self.went_well = true;
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        if self.went_well {
            let _disk_only = std::fs::remove_dir_all(&self.logs);
        } else {
            eprintln!("logs are kept in {}", self.logs.display());
        }
    }
}

/// Seeds the demo events; their ids.
fn seed(database: &str) -> Vec<String> {
    let seeded = Command::new(env!("CARGO_BIN_EXE_impresario"))
        .args(["seed", "--hot", "--database-url", database])
        .output()
        .unwrap();
    assert!(
        seeded.status.success(),
        "seed: {}",
        String::from_utf8_lossy(&seeded.stderr)
    );
    let printed = String::from_utf8_lossy(&seeded.stdout).into_owned();
    printed.lines().map(str::to_owned).collect()
}

/// Looked for at the same time, so that they differ.
fn free_ports() -> [u16; 3] {
    let sockets = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    sockets.map(|socket| socket.local_addr().unwrap().port())
}
