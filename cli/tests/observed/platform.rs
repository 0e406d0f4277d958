//! Everything that runs, each process with a port where it is measured.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use impresario_services::{Folder, Postgres, Program, RabbitMq, port, postgres, rabbitmq};

/// Starting creates tables, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(180);

/// Under load a worker has a payment in its hands within parts of a second; this is for busy machines.
const TAKES_TASKS: Duration = Duration::from_secs(30);

/// A definition whose undoing fails for good: the only honest way to have something stuck.
const UNLUCKY: &str = include_str!("unlucky.yaml");

/// A process, and where it is measured.
struct Process {
    name: String,
    job: &'static str,
    port: u16,
    program: Program,
}

/// The running platform. Programs end before the servers that they use.
pub(crate) struct Platform {
    processes: Vec<Process>,
    rabbit_metrics: u16,
    _rabbitmq: RabbitMq,
    postgres: Postgres,
    pub(crate) folder: PathBuf,
}

impl Platform {
    pub(crate) fn start() -> Platform {
        let (rabbit_metrics, provider) = (port::free().unwrap(), port::free().unwrap());
        let mut broker = rabbitmq::Options::at(Folder::temporary("observed-rabbitmq"));
        broker.plugins = vec!["rabbitmq_prometheus"];
        broker.settings = vec![
            format!("prometheus.tcp.port = {rabbit_metrics}"),
            "prometheus.tcp.ip = 127.0.0.1".to_owned(),
        ];
        let broker = RabbitMq::start_in_background(broker);
        let mut options = postgres::Options::at(Folder::temporary("observed-postgres"));
        options.max_connections = 200;
        let postgres = Postgres::start(options).unwrap();
        postgres.create_database("impresario").unwrap();
        let database = postgres.url("impresario");
        let folder = Folder::temporary("observed").path().to_owned();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("unlucky.yaml"), UNLUCKY).unwrap();
        run(impresario(&database).args(["seed", "--hot"]));
        let rabbitmq = broker.wait().unwrap();

        let mut platform = Platform {
            processes: Vec::new(),
            rabbit_metrics,
            _rabbitmq: rabbitmq,
            postgres,
            folder,
        };
        let amqp = platform._rabbitmq.url();
        platform.add(
            "provider",
            "provider",
            provider,
            impresario(&database).args(["provider", "--listen", &format!("127.0.0.1:{provider}")]),
        );
        for number in 0..2 {
            let port = port::free().unwrap();
            let unlucky = platform.folder.join("unlucky.yaml");
            platform.add(
                &format!("serve-{number}"),
                "orchestrator",
                port,
                impresario(&database)
                    .args(["serve", "--amqp-url", &amqp])
                    .args(["--listen", &format!("127.0.0.1:{port}")])
                    .arg("--definition")
                    .arg(unlucky),
            );
        }
        for (number, pool) in ["catalog", "payment", "payment", "booking", "notification"]
            .into_iter()
            .enumerate()
        {
            let port = port::free().unwrap();
            platform.add(
                &format!("{pool}-{number}"),
                "pools",
                port,
                impresario(&database)
                    .args(["worker", pool, "--amqp-url", &amqp])
                    .args(["--provider-url", &format!("http://127.0.0.1:{provider}")])
                    .args(["--health", &format!("127.0.0.1:{port}")]),
            );
        }
        platform
    }

    fn add(&mut self, name: &str, job: &'static str, port: u16, command: &mut Command) {
        let log = self.folder.join(format!("{name}.log"));
        let command = std::mem::replace(command, Command::new("true"));
        let mut program = Program::start(name, command, &log).unwrap();
        program
            .wait_ready(PATIENCE, || get(port, "/metrics").is_some())
            .unwrap();
        self.processes.push(Process {
            name: name.to_owned(),
            job,
            port,
            program,
        });
    }

    /// Where the API of a replica is.
    pub(crate) fn api(&self, replica: usize) -> String {
        let mut replicas = self
            .processes
            .iter()
            .filter(|one| one.job == "orchestrator");
        format!("http://127.0.0.1:{}", replicas.nth(replica).unwrap().port)
    }

    /// What Prometheus scrapes: job and port.
    pub(crate) fn targets(&self) -> Vec<(&'static str, u16)> {
        let ours = self.processes.iter().map(|one| (one.job, one.port));
        ours.chain([("rabbitmq", self.rabbit_metrics)]).collect()
    }

    /// The metrics of every process that runs, by its name.
    pub(crate) fn metrics(&self) -> Vec<(String, String)> {
        let ours = self.processes.iter().map(|one| {
            let text = get(one.port, "/metrics").expect("a process that runs is measured");
            (one.name.clone(), text)
        });
        ours.collect()
    }

    /// What RabbitMQ says of itself.
    pub(crate) fn rabbit_metrics(&self) -> String {
        get(self.rabbit_metrics, "/metrics").expect("RabbitMQ's plugin answers")
    }

    /// Lets it run for so long.
    pub(crate) fn wait_until(&mut self, wait: Duration) {
        let end = Instant::now() + wait;
        while Instant::now() < end {
            for process in &mut self.processes {
                process.program.must_run().unwrap();
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// SIGTERM for one of the two while it has tasks in its hands. The provider says nothing meanwhile: they take until
    /// their attempts are over (two seconds), and Prometheus looks at the drain.
    pub(crate) fn drain_a_payment_worker(&mut self) {
        let provider = self.processes.iter().find(|one| one.name == "provider");
        let _silent = Silent::of(provider.unwrap().program.pid());
        let payment = |one: &Process| one.name.starts_with("payment");
        let place = self.processes.iter().position(payment).unwrap();
        let mut drained = self.processes.remove(place);
        let until = Instant::now() + TAKES_TASKS;
        while tasks_in_hand(drained.port) == 0.0 {
            let name = &drained.name;
            assert!(Instant::now() < until, "{name} was given no task");
            std::thread::sleep(Duration::from_millis(50));
        }
        drained.program.stop().unwrap();
    }

    /// What the replicas have counted is what is stored, to the last saga: no process was killed.
    pub(crate) fn assert_the_database_counts_the_same(&self) {
        let until = Instant::now() + PATIENCE;
        loop {
            let text: String = self.metrics().into_iter().map(|(_, text)| text).collect();
            let sum = |begins: &str, holds: &str| -> f64 {
                let series = text
                    .lines()
                    .filter(|line| line.starts_with(begins) && line.contains(holds));
                series
                    .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
                    .sum()
            };
            let undone = ["compensated", "cancelled", "failed"]
                .map(|outcome| sum("saga_completed_total{", &format!("outcome=\"{outcome}\"")));
            let counted = [
                sum("saga_started_total{", ""),
                sum("saga_completed_total{", "outcome=\"completed\""),
                undone.iter().sum(),
            ];
            let stored = self.stored();
            if counted == stored {
                return;
            }
            assert!(
                Instant::now() < until,
                "counted {counted:?}, stored {stored:?}"
            );
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Sagas, completed ones, undone ones.
    fn stored(&self) -> [f64; 3] {
        let sql = "select count(*), count(*) filter (where status = 'completed'), \
                   count(*) filter (where status = 'compensated') from impresario.saga";
        let said = run(self.postgres.psql("impresario").args(["-At", "-c", sql]));
        let numbers: Vec<f64> = said
            .trim()
            .split('|')
            .map(|word| word.parse().unwrap())
            .collect();
        numbers.try_into().unwrap()
    }

    /// `impresario top` says what the boards say.
    pub(crate) fn assert_top_shows_it(&self) {
        let mut top = Command::new(env!("CARGO_BIN_EXE_impresario"));
        top.args(["top", "--once"]);
        for process in &self.processes {
            top.args(["--scrape", &format!("http://127.0.0.1:{}", process.port)]);
        }
        let said = run(&mut top);
        for word in [
            "booking", "unlucky", "stuck", "payment", "catalog", "outbox",
        ] {
            assert!(said.contains(word), "top does not mention {word}:\n{said}");
        }
    }
}

fn impresario(database: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impresario"));
    for variable in [
        "WEBHOOK_URL",
        "WEBHOOK_SECRET",
        "IMPRESARIO_LOG_FORMAT",
        "AMQP_URL",
    ] {
        command.env_remove(variable);
    }
    command.env("DATABASE_URL", database);
    command
        .env("RUST_LOG", "info,sqlx=warn,lapin=warn")
        .env("NO_COLOR", "1");
    command
}

fn run(command: &mut Command) -> String {
    let ran = command.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

/// Tasks that run in a worker.
fn tasks_in_hand(port: u16) -> f64 {
    let text = get(port, "/metrics").expect("a process that runs is measured");
    let used = |line: &&str| line.starts_with("saga_worker_slots{") && line.contains("\"used\"");
    let line = text.lines().find(used).expect("a worker shows its slots");
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// A process that is frozen, until this is dropped: also when the test fails, for a frozen one does not end.
struct Silent(u32);

impl Silent {
    fn of(pid: u32) -> Silent {
        assert!(signal(pid, "STOP"), "process {pid} cannot be frozen");
        Silent(pid)
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let spoken = signal(self.0, "CONT");
        // A second panic would hide the first.
        assert!(
            spoken || std::thread::panicking(),
            "the provider stays frozen"
        );
    }
}

fn signal(pid: u32, word: &str) -> bool {
    let sent = Command::new("kill")
        .args([&format!("-{word}"), &pid.to_string()])
        .status();
    sent.is_ok_and(|status| status.success())
}

/// The body of a GET that is answered with 200.
pub(crate) fn get(port: u16, path: &str) -> Option<String> {
    let ask = || -> std::io::Result<String> {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        let mut stream = std::net::TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.lines()
        .next()?
        .contains(" 200")
        .then(|| body.to_owned())
}
