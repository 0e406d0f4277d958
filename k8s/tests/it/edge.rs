//! The edge of `staging` on a real Traefik, where there is one (`traefik` in PATH, or TRAEFIK names it): what customers
//! reach, what they do not, the rate limit, CORS and TLS.
//!
//! Rules and middlewares are those of the rendering; only how they are told is Traefik's file instead of the cluster.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use impresario_k8s::manifest::{Manifest, items};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::files::overlay;

const HOST: &str = "book.example.org";

/// A running Traefik with its upstream; killed at the end.
struct Edge {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Drop for Edge {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Edge {
    fn start(manifest: &Manifest) -> Option<Edge> {
        let program = std::env::var("TRAEFIK").unwrap_or_else(|_| "traefik".to_owned());
        let asked = Command::new(&program).arg("version").output();
        if !asked.is_ok_and(|output| output.status.success()) {
            eprintln!("SKIPPED: no Traefik");
            return None;
        }
        let folder = TempDir::new().unwrap();
        let rules = folder.path().join("rules.yaml");
        std::fs::write(&rules, told(manifest, upstream()).to_string()).unwrap();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = Command::new(program)
            .arg(format!("--entrypoints.websecure.address=127.0.0.1:{port}"))
            .arg(format!("--providers.file.filename={}", rules.display()))
            .args([
                "--global.checknewversion=false",
                "--global.sendanonymoususage=false",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let edge = Edge {
            child,
            port,
            _folder: folder,
        };
        let end = Instant::now() + Duration::from_secs(60);
        while !edge.curl("/v1/events", &[]).starts_with("HTTP/2 200") {
            assert!(Instant::now() < end, "{}", edge.curl("/v1/events", &[]));
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(edge)
    }

    /// Head and body of an answer. The certificate is Traefik's own: cert-manager brings the real one.
    fn curl(&self, path: &str, more: &[&str]) -> String {
        let output = Command::new("curl")
            .args(["-sk", "-D", "-", "--noproxy", "*"])
            .args(["--resolve", &format!("{HOST}:{}:127.0.0.1", self.port)])
            .args(more)
            .arg(format!("https://{HOST}:{}{path}", self.port))
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout)
            .to_lowercase()
            .replace("http/2", "HTTP/2")
    }
}

/// The Ingress and its middlewares, as Traefik's file provider reads them.
fn told(manifest: &Manifest, upstream: u16) -> Value {
    let ingress = manifest.get("Ingress", "edge").unwrap();
    let named = "/metadata/annotations/traefik.ingress.kubernetes.io~1router.middlewares";
    let own = format!("{}-", manifest.namespace());
    let order: Vec<&str> = ingress
        .text(named)
        .split(',')
        .map(|name| {
            name.trim_start_matches(&own)
                .trim_end_matches("@kubernetescrd")
        })
        .collect();
    let mut middlewares = Map::new();
    for name in &order {
        let spec = manifest
            .get("Middleware", name)
            .unwrap()
            .at("/spec")
            .clone();
        middlewares.insert((*name).to_owned(), spec);
    }
    let mut routers = Map::new();
    for rule in ingress.list("/spec/rules") {
        let host = rule["host"].as_str().unwrap();
        for path in items(&rule["http"]["paths"]) {
            assert_eq!(path["pathType"], "Prefix");
            let prefix = path["path"].as_str().unwrap();
            let router = json!({ "rule": format!("Host(`{host}`) && PathPrefix(`{prefix}`)"),
                "entryPoints": ["websecure"], "middlewares": order, "service": "orchestrator", "tls": {} });
            routers.insert(prefix.replace('/', "-"), router);
        }
    }
    let servers = json!([{ "url": format!("http://127.0.0.1:{upstream}") }]);
    json!({ "http": { "middlewares": middlewares, "routers": routers,
        "services": { "orchestrator": { "loadBalancer": { "servers": servers } } } } })
}

/// Something that answers; its port.
fn upstream() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    port
}

fn answer(mut stream: TcpStream) {
    let mut head = [0; 4096];
    if stream.read(&mut head).is_ok_and(|length| length > 0) {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";
        drop(stream.write_all(text));
    }
}

#[test]
fn customers_reach_bookings_and_events_over_tls_at_a_human_rate() {
    let Some(edge) = Edge::start(&overlay("staging")) else {
        return;
    };
    assert!(
        edge.curl("/v1/bookings/4711", &[])
            .starts_with("HTTP/2 200")
    );
    for path in [
        "/v1/sagas",
        "/v1/definitions",
        "/v1/webhooks/payments",
        "/metrics",
        "/healthz",
        "/",
    ] {
        assert!(
            edge.curl(path, &[]).starts_with("HTTP/2 404"),
            "{path} is open"
        );
    }
    let events = edge.curl("/v1/events", &[]);
    assert!(
        events.contains("strict-transport-security: max-age=31536000"),
        "{events}"
    );

    let preflight = |origin: &str| {
        let header = format!("Origin: {origin}");
        edge.curl(
            "/v1/bookings",
            &[
                "-X",
                "OPTIONS",
                "-H",
                &header,
                "-H",
                "Access-Control-Request-Method: POST",
                "-H",
                "Access-Control-Request-Headers: idempotency-key",
            ],
        )
    };
    let ours = preflight("https://book.example.org");
    assert!(
        ours.contains("access-control-allow-origin: https://book.example.org"),
        "{ours}"
    );
    assert!(
        ours.contains("access-control-allow-headers: content-type,idempotency-key"),
        "{ours}"
    );
    let others = preflight("https://elsewhere.example");
    assert!(!others.contains("access-control-allow-origin"), "{others}");

    // All at once: the burst goes through, the rest is told to come later.
    let codes = Command::new("curl")
        .args([
            "-sk",
            "-Z",
            "--parallel-max",
            "50",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}\n",
            "--noproxy",
            "*",
        ])
        .args(["--resolve", &format!("{HOST}:{}:127.0.0.1", edge.port)])
        .arg(format!(
            "https://{HOST}:{}/v1/events?page=[1-300]",
            edge.port
        ))
        .output()
        .unwrap();
    let codes = String::from_utf8_lossy(&codes.stdout).into_owned();
    let of = |code: &str| codes.lines().filter(|line| *line == code).count();
    assert!(
        of("200") >= 20 && of("429") >= 50,
        "{} fine, {} refused",
        of("200"),
        of("429")
    );
    assert_eq!(of("200") + of("429"), 300, "{codes}");
}
