//! What runs: a private Postgres (or a given one), the sandbox provider, and the node as a child process.
//!
//! Each part ends with us, also when we are killed: the servers and the child are watched over by
//! `impresario-services`. Waiting on processes blocks, so it is done on threads that may.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use impresario_payment::sandbox::{Secret, Webhook};
use impresario_protocol::Queues;
use impresario_services::{Folder, Postgres, Program, postgres};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::banner::Banner;
use crate::client::Server;
use crate::exit::{Code, coded};
use crate::process;

/// The database in the private Postgres.
const DATABASE: &str = "impresario";

/// A node that is not ready by then will not be.
const NODE_PATIENCE: Duration = Duration::from_secs(60);

/// Where and on what to run.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) port: u16,
    pub(crate) database_url: Option<String>,
    pub(crate) amqp_url: Option<String>,
    pub(crate) queue_prefix: Queues,
    pub(crate) data: PathBuf,
    /// Data vanish with us.
    pub(crate) temporary: bool,
}

/// Everything that runs. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Platform {
    // Fields are dropped in this order: who uses before what is used.
    node: Option<Program>,
    provider: SandboxProvider,
    postgres: Option<Postgres>,
    place: Place,
    database_url: String,
    /// Shared by the provider and the node, and by nobody else: made anew each time.
    webhook_secret: String,
    server: Server,
    log: PathBuf,
    /// The node's name. On a database of our own there is only one, ever; on another's we know of no others.
    replica: String,
}

impl Platform {
    /// Starts everything and waits until it takes bookings.
    pub(crate) async fn boot(place: Place, banner: &mut Banner) -> anyhow::Result<Platform> {
        let (postgres, database_url) = open_database(&place, banner).await?;
        let secret = uuid::Uuid::new_v4().simple().to_string();
        let webhook = Webhook {
            url: format!("http://127.0.0.1:{}/v1/webhooks/payments", place.port),
            secret: Secret::new(secret.clone()),
        };
        let provider = SandboxProvider::start(&database_url, webhook).await?;
        let log = match (&postgres, place.temporary) {
            // Beside the data, so that it vanishes with them.
            (Some(postgres), true) => postgres.log().with_file_name("node.log"),
            _ => place.data.join("node.log"),
        };
        let replica = match &postgres {
            Some(_) => "dev".to_owned(),
            None => process::unique_name("dev"),
        };
        let server = Server::new(&format!("http://127.0.0.1:{}", place.port))?;
        let mut platform = Platform {
            node: None,
            provider,
            postgres,
            place,
            database_url,
            webhook_secret: secret,
            server,
            log,
            replica,
        };
        platform.start_node().await?;
        let transport = match &platform.place.amqp_url {
            Some(urls) => {
                let shown: Vec<_> = urls.split(',').map(masked).collect();
                format!("RabbitMQ {}", shown.join(", "))
            }
            None => "in process".to_owned(),
        };
        banner.up("Engine", &format!("{}  tasks {transport}", platform.url()));
        banner.also("Workers", "catalog  payment  booking  notification  echo");
        let provider = &platform.provider.url;
        banner.also("Provider", &format!("{provider}  sandbox, moves no money"));
        banner.also("Events", &format!("{}/v1/events", platform.url()));
        banner.say(&format!("log {}", platform.log.display()));
        Ok(platform)
    }

    /// Starts the child, and waits until it takes bookings.
    pub(crate) async fn start_node(&mut self) -> anyhow::Result<()> {
        let command = self.node_command()?;
        let mut node = Program::start("node", command, &self.log).map_err(told)?;
        let end = Instant::now() + NODE_PATIENCE;
        while !self.server.is_ready().await {
            node.must_run().map_err(told)?;
            if Instant::now() >= end {
                let text = format!(
                    "the node is not ready after {} s\n  | {}\n  fix: impresario doctor",
                    NODE_PATIENCE.as_secs(),
                    self.log.display()
                );
                return Err(coded(Code::Unavailable, text));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.node = Some(node);
        Ok(())
    }

    /// Signal 9 to the node: no warning, no last word. Gives its process id.
    pub(crate) fn kill_node(&mut self) -> Option<u32> {
        let mut node = self.node.take()?;
        let pid = node.pid();
        tokio::task::block_in_place(|| node.kill9());
        Some(pid)
    }

    /// Whether the node has ended by itself, with the end of its log.
    pub(crate) fn node_fault(&mut self) -> Option<anyhow::Error> {
        let fault = self.node.as_mut()?.must_run().err()?;
        self.node = None;
        Some(told(fault))
    }

    /// Stops everything in order: the node finishes what it has, then the database goes.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        tokio::task::block_in_place(|| {
            let node = self.node.take().map_or(Ok(()), |mut node| node.stop());
            self.provider.stop.cancel();
            let postgres = self
                .postgres
                .take()
                .map_or(Ok(()), |mut postgres| postgres.stop());
            node.and(postgres).map_err(told)
        })
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.place.port)
    }

    pub(crate) fn provider_url(&self) -> &str {
        &self.provider.url
    }

    pub(crate) fn database_url(&self) -> &str {
        &self.database_url
    }

    pub(crate) fn node_pid(&self) -> Option<u32> {
        self.node.as_ref().map(Program::pid)
    }

    /// Where the node writes what it has to say.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Turns the provider off or on again; whether it is on now.
    pub(crate) fn toggle_provider(&self) -> bool {
        // It was down before, so it is up now.
        self.provider.down.fetch_not(Ordering::Relaxed)
    }

    /// Where the private Postgres keeps its data.
    pub(crate) fn postgres_folder(&self) -> Option<PathBuf> {
        self.postgres
            .as_ref()
            .and_then(|postgres| postgres.log().parent().map(Path::to_owned))
    }

    fn node_command(&self) -> anyhow::Result<Command> {
        let ourselves = std::env::current_exe().context("find our own program")?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, self.place.port));
        let mut command = Command::new(ourselves);
        command
            .arg("node")
            .args([
                "--database-url",
                &self.database_url,
                "--provider-url",
                &self.provider.url,
            ])
            .args(["--listen", &listen.to_string(), "--replica", &self.replica]);
        // Said on the command line or not at all.
        command.env_remove("DATABASE_URL").env_remove("AMQP_URL");
        command.env("IMPRESARIO_WEBHOOK_SECRET", &self.webhook_secret);
        if let Some(url) = &self.place.amqp_url {
            command.args(["--amqp-url", url]);
            command.args(["--queue-prefix", &self.place.queue_prefix.to_string()]);
        }
        Ok(command)
    }
}

async fn open_database(
    place: &Place,
    banner: &mut Banner,
) -> anyhow::Result<(Option<Postgres>, String)> {
    if let Some(url) = &place.database_url {
        banner.up("Postgres", &masked(url));
        return Ok((None, url.clone()));
    }
    let folder = match place.temporary {
        true => Folder::temporary("demo"),
        false => Folder::kept(place.data.join("pg")),
    };
    let started = tokio::task::spawn_blocking(move || {
        let postgres = Postgres::start(postgres::Options::at(folder))?;
        postgres.create_database(DATABASE)?;
        Ok::<_, impresario_services::Error>(postgres)
    });
    let postgres = started.await.context("start Postgres")?.map_err(told)?;
    for note in postgres.notes() {
        banner.say(note);
    }
    let url = postgres.url(DATABASE);
    banner.up(
        "Postgres",
        &format!("private, fsync on, port {}", postgres.port()),
    );
    Ok((Some(postgres), url))
}

/// The provider inside this process: it stands for somebody else's, so it must not die with the node.
#[derive(Debug)]
struct SandboxProvider {
    url: String,
    down: Arc<AtomicBool>,
    stop: CancellationToken,
    _serving: JoinHandle<()>,
}

impl SandboxProvider {
    async fn start(database_url: &str, webhook: Webhook) -> anyhow::Result<SandboxProvider> {
        let doing = || format!("open the provider's books in {}", masked(database_url));
        let stop = CancellationToken::new();
        let router = crate::provider::start(database_url, Some(webhook), &stop)
            .await
            .with_context(doing)?;
        let down = Arc::new(AtomicBool::new(false));
        let router = router.layer(middleware::from_fn_with_state(
            down.clone(),
            refuse_while_down,
        ));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("listen")?;
        let url = format!("http://{}", listener.local_addr()?);
        let shutdown = stop.clone().cancelled_owned();
        let _serving = tokio::spawn(async move {
            if let Err(error) = impresario_payment::sandbox::serve(listener, router, shutdown).await
            {
                eprintln!("  the sandbox provider has ended: {error}");
            }
        });
        Ok(SandboxProvider {
            url,
            down,
            stop,
            _serving,
        })
    }
}

impl Drop for SandboxProvider {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What a gateway in front of a provider answers when there is nothing behind it. The log stays readable.
async fn refuse_while_down(
    State(down): State<Arc<AtomicBool>>,
    request: Request,
    next: Next,
) -> Response {
    if down.load(Ordering::Relaxed) && request.uri().path() != "/v1/log" {
        let body = r#"{"code":"provider_down","message":"the provider is turned off"}"#;
        return (StatusCode::SERVICE_UNAVAILABLE, body).into_response();
    }
    next.run(request).await
}

/// A URL without its password.
pub(crate) fn masked(url: &str) -> String {
    let Ok(mut parsed) = reqwest::Url::parse(url) else {
        return "(no URL)".to_owned();
    };
    if parsed.password().is_some() && parsed.set_password(Some("***")).is_err() {
        return "(no URL)".to_owned();
    }
    parsed.to_string()
}

/// Errors of services are texts with cause, evidence and fix already.
fn told(error: impresario_services::Error) -> anyhow::Error {
    coded(Code::Failed, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(
            masked("postgres://u:secret@h:1/d"),
            "postgres://u:***@h:1/d"
        );
        assert_eq!(masked("postgres://u@h/d"), "postgres://u@h/d");
        assert_eq!(masked("secret"), "(no URL)");
    }
}
