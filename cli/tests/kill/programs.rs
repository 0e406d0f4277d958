//! The platform's own processes: what each is called, how it is started, killed, stopped and continued.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use impresario_services::Program;

use crate::wires::{Far, Wires};

/// A process of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// One of the two orchestrators.
    Serve(usize),
    /// A worker: its pool, and which of them.
    Worker(&'static str, usize),
    /// The sandbox payment provider.
    Provider,
}

/// Every process; two workers for payment.
pub(crate) const ROLES: [Role; 8] = [
    Role::Serve(0),
    Role::Serve(1),
    Role::Worker("catalog", 0),
    Role::Worker("payment", 0),
    Role::Worker("payment", 1),
    Role::Worker("booking", 0),
    Role::Worker("notification", 0),
    Role::Provider,
];

impl Role {
    pub(crate) fn name(self) -> String {
        match self {
            Role::Serve(number) => format!("serve-{number}"),
            Role::Worker(pool, number) => format!("{pool}-{number}"),
            Role::Provider => "provider".to_owned(),
        }
    }
}

/// Where everything listens.
#[derive(Debug)]
pub(crate) struct Addresses {
    pub(crate) database: String,
    /// The provider's, which is somebody else's.
    pub(crate) provider_database: String,
    pub(crate) amqp: String,
    /// Their kind, when it is not the usual.
    pub(crate) queues: Option<&'static str>,
    pub(crate) serve: [u16; 2],
    pub(crate) provider: u16,
    /// What stands between the processes and the servers, if anything does.
    pub(crate) wires: Wires,
}

/// Starting creates tables, on a machine that is busy.
const READY_PATIENCE: Duration = Duration::from_secs(60);

/// The running processes.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) addresses: Addresses,
    logs: PathBuf,
    running: Vec<(Role, Program)>,
    /// Processes that ended although nobody killed them.
    pub(crate) ended_by_themselves: Vec<String>,
}

impl Programs {
    pub(crate) fn new(addresses: Addresses, logs: &Path) -> Self {
        Programs {
            addresses,
            logs: logs.to_owned(),
            running: Vec::new(),
            ended_by_themselves: Vec::new(),
        }
    }

    pub(crate) fn start(&mut self, role: Role) {
        assert!(
            self.place(role).is_none(),
            "{} is running already",
            role.name()
        );
        let log = self.logs.join(format!("{}.log", role.name()));
        let program = Program::start(&role.name(), self.command(role), &log).unwrap();
        self.running.push((role, program));
    }

    /// Waits until an orchestrator or the provider answers.
    pub(crate) fn wait_ready(&mut self, role: Role) {
        let (port, path) = match role {
            Role::Serve(number) => (self.addresses.serve[number], "/readyz"),
            Role::Provider => (self.addresses.provider, "/v1/log?limit=1"),
            Role::Worker(..) => return,
        };
        let place = self.place(role).expect("it runs");
        self.running[place]
            .1
            .wait_ready(READY_PATIENCE, || answers(port, path))
            .unwrap();
    }

    pub(crate) fn kill9(&mut self, role: Role) {
        let place = self.place(role).expect("it runs");
        let (_, mut program) = self.running.swap_remove(place);
        if let Err(error) = program.must_run() {
            self.ended_by_themselves.push(error.to_string());
        }
        program.kill9();
    }

    /// Freezes a process where it is.
    pub(crate) fn freeze(&self, role: Role) {
        self.signal(role, "STOP");
    }

    pub(crate) fn thaw(&self, role: Role) {
        self.signal(role, "CONT");
    }

    /// What ended although nobody killed it is a finding.
    pub(crate) fn look(&mut self) {
        let mut gone = Vec::new();
        for (place, (_, program)) in self.running.iter_mut().enumerate() {
            if let Err(error) = program.must_run() {
                self.ended_by_themselves.push(error.to_string());
                gone.push(place);
            }
        }
        for place in gone.into_iter().rev() {
            drop(self.running.swap_remove(place));
        }
    }

    /// Starts what is missing.
    pub(crate) fn start_missing(&mut self) {
        self.look();
        for role in ROLES {
            if self.place(role).is_none() {
                self.start(role);
            }
        }
        for role in ROLES {
            self.wait_ready(role);
        }
    }

    /// Ends all of them at once: what they keep is in their databases.
    pub(crate) fn end(&mut self) {
        for (_, program) in &mut self.running {
            program.kill9();
        }
        self.running.clear();
    }

    fn place(&self, role: Role) -> Option<usize> {
        self.running
            .iter()
            .position(|(running, _)| *running == role)
    }

    fn signal(&self, role: Role, name: &str) {
        let place = self.place(role).expect("it runs");
        let pid = self.running[place].1.pid().to_string();
        // The shell's own `kill`: the program of that name is missing on small images.
        let sent = Command::new("sh")
            .args(["-c", r#"kill -s "$1" "$2""#, "kill", name, &pid])
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(sent.success(), "SIG{name} to {} ({pid})", role.name());
    }

    fn command(&self, role: Role) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impresario"));
        for variable in ["WEBHOOK_URL", "WEBHOOK_SECRET", "IMPRESARIO_LOG_FORMAT"] {
            command.env_remove(variable);
        }
        let Addresses {
            database,
            provider_database,
            amqp,
            queues,
            serve,
            provider,
            wires,
        } = &self.addresses;
        let through = |far, url: &str| wires.url(role, far, url);
        let amqp = through(Far::Broker, amqp);
        let provider = format!("http://127.0.0.1:{provider}");
        let database = match role {
            Role::Provider => provider_database,
            Role::Serve(_) | Role::Worker(..) => database,
        };
        let mut database = through(Far::Database, database);
        match role {
            Role::Serve(number) => {
                // For the witness: whose connection it is that repeats an outbox row.
                let mark = if database.contains('?') { '&' } else { '?' };
                let name = role.name();
                database += &format!("{mark}options=-c%20witness.replica%3D{name}");
                command
                    .args(["serve", "--replica", &name, "--amqp-url", &amqp])
                    .args(["--listen", &format!("127.0.0.1:{}", serve[number])])
            }
            Role::Worker(pool, _) => command
                .args(["worker", pool, "--amqp-url", &amqp])
                .args(["--provider-url", &through(Far::Provider, &provider)]),
            Role::Provider => command.args([
                "provider",
                "--listen",
                provider.trim_start_matches("http://"),
            ]),
        };
        command.args(["--database-url", &database]);
        if let Some(kind) = queues {
            command.env("IMPRESARIO_QUEUES", kind);
        }
        command.env("RUST_LOG", "info,sqlx=warn,lapin=warn");
        command.env("RUST_BACKTRACE", "1").env("NO_COLOR", "1");
        command
    }
}

impl Drop for Programs {
    /// Their data are not needed: at once, not one patient stop after another. A frozen process is killed too.
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether a GET is answered with 200.
fn answers(port: u16, path: &str) -> bool {
    use std::io::{Read as _, Write as _};
    let ask = || -> std::io::Result<String> {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let mut stream = std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        let host = "Host: localhost\r\nConnection: close";
        write!(stream, "GET {path} HTTP/1.1\r\n{host}\r\n\r\n")?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok(String::from_utf8_lossy(&head).into_owned())
    };
    ask().is_ok_and(|head| head.ends_with(" 200"))
}
