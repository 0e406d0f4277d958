//! A Prometheus of our own, with the committed rules, that looks every second.

use std::io::{Read as _, Write as _};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use impresario_services::Program;
use serde_json::Value;

use crate::platform::{Platform, get};

const PATIENCE: Duration = Duration::from_secs(300);

/// The step of the answers: as often as it scrapes, so that nothing of a short life is missed.
const STEP_SECONDS: u32 = 1;

/// Whether Debian's (or another) Prometheus is in `PATH`.
pub(crate) fn installed() -> bool {
    let there = Command::new("prometheus").arg("--version").output();
    there.is_ok_and(|ran| ran.status.success())
}

pub(crate) struct Prometheus {
    port: u16,
    began: f64,
    _program: Program,
}

/// One line of an answer: its labels, and its points.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) labels: Vec<(String, String)>,
    /// Seconds since the beginning, and what it was.
    pub(crate) points: Vec<(f64, f64)>,
}

impl Prometheus {
    pub(crate) fn start(platform: &Platform) -> Prometheus {
        let port = impresario_services::port::free().unwrap();
        let folder = platform.folder.join("prometheus");
        std::fs::create_dir_all(&folder).unwrap();
        let rules = impresario_dashboards::folder().join("dashboards/alerts/*.yaml");
        let mut config = format!(
            "global:\n  scrape_interval: 1s\n  evaluation_interval: 5s\nrule_files: ['{}']\nscrape_configs:\n",
            rules.display()
        );
        let targets = platform.targets();
        for job in ["orchestrator", "pools", "provider", "rabbitmq"] {
            let own = targets.iter().filter(|(of, _)| *of == job);
            let ports: Vec<String> = own.map(|(_, port)| format!("'127.0.0.1:{port}'")).collect();
            config += &format!(
                "  - job_name: {job}\n    static_configs:\n      - targets: [{}]\n",
                ports.join(", ")
            );
        }
        std::fs::write(folder.join("prometheus.yaml"), config).unwrap();
        let mut command = Command::new("prometheus");
        command
            .arg(format!(
                "--config.file={}",
                folder.join("prometheus.yaml").display()
            ))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let log = folder.join("prometheus.log");
        let mut program = Program::start("prometheus", command, &log).unwrap();
        program
            .wait_ready(PATIENCE, || get(port, "/-/ready").is_some())
            .unwrap();
        Prometheus {
            port,
            began: now(),
            _program: program,
        }
    }

    /// Waits until a query answers something.
    pub(crate) fn wait_for(&self, expr: &str) {
        let until = Instant::now() + PATIENCE;
        while self.range(expr).is_empty() {
            assert!(Instant::now() < until, "never seen: {expr}");
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// What a query has answered from the beginning until now.
    pub(crate) fn range(&self, expr: &str) -> Vec<Line> {
        let (from, to) = (self.began, now());
        let body = format!(
            "query={}&start={from}&end={to}&step={STEP_SECONDS}",
            encoded(expr)
        );
        let answer = self.post("/api/v1/query_range", &body);
        assert_eq!(answer["status"], "success", "{expr}: {answer}");
        let result = answer["data"]["result"].as_array().unwrap();
        result.iter().map(|series| self.line(series)).collect()
    }

    fn line(&self, series: &Value) -> Line {
        let labels = series["metric"].as_object().unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let points = series["values"].as_array().unwrap().iter();
        Line {
            labels: labels
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            points: points
                .map(|point| {
                    let at = point[0].as_f64().unwrap() - self.began;
                    (at, point[1].as_str().unwrap().parse().unwrap())
                })
                .filter(|(_, value): &(f64, f64)| value.is_finite())
                .collect(),
        }
    }

    /// Every rule was evaluated, without an error.
    pub(crate) fn assert_rules_are_well(&self) {
        let answer = get(self.port, "/api/v1/rules").expect("Prometheus answers");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let mut seen = 0;
        for group in answer["data"]["groups"].as_array().unwrap() {
            for rule in group["rules"].as_array().unwrap() {
                assert_eq!(rule["health"], "ok", "{rule}");
                seen += 1;
            }
        }
        let wanted: usize = impresario_dashboards::alerts::groups()
            .iter()
            .map(|group| group.records.len() + group.alerts.len())
            .sum();
        assert_eq!(seen, wanted);
    }

    fn post(&self, path: &str, body: &str) -> Value {
        let ask = || -> std::io::Result<String> {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(60)))?;
            let kind = "Content-Type: application/x-www-form-urlencoded";
            let length = body.len();
            write!(
                stream,
                "POST {path} HTTP/1.0\r\nHost: localhost\r\n{kind}\r\nContent-Length: {length}\r\n\r\n{body}"
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = ask().unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs_f64()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
