//! What every long-running role does the same: logging, telling traces, and stopping on SIGTERM or Ctrl-C.

use std::io::IsTerminal;

use anyhow::Context;
use impresario_traces::{Exporter, Settings};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;
use crate::log::Json;

/// Logs to standard error; `RUST_LOG` filters.
pub(crate) fn log(format: LogFormat) {
    // lapin logs as errors what we ask for and expect (a queue that is not there); losses are told by our own parts.
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,lapin=off"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let installed = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.event_format(Json).try_init(),
    };
    if let Err(error) = installed {
        eprintln!("logging was set up before: {error}");
    }
}

/// The spans of this process on their way to a collector, if one is named.
pub(crate) struct Traces(Option<Exporter>);

/// Tells traces from now on, as OpenTelemetry's variables say. Before anything that has something to tell.
pub(crate) fn traces() -> anyhow::Result<Traces> {
    let read = Settings::read(|name| std::env::var(name).ok())?;
    let Some(mut settings) = read else {
        return Ok(Traces(None));
    };
    // Each part of us has a name of its own, also where several are one process.
    settings.resource.retain(|(name, _)| name != "service.name");
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "local".to_owned());
    for (name, value) in [
        ("service.namespace", "impresario".to_owned()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        (
            "service.instance.id",
            format!("{host}-{}", std::process::id()),
        ),
        ("host.name", host.clone()),
        ("process.pid", std::process::id().to_string()),
    ] {
        if settings.resource.iter().all(|(own, _)| own != name) {
            settings.resource.push((name.to_owned(), value));
        }
    }
    tracing::info!(sampler = ?settings.sampler, "telling traces");
    Ok(Traces(Some(impresario_traces::begin(settings)?)))
}

impl Traces {
    /// The last ones too, within two seconds.
    pub(crate) async fn finish(self) {
        if let Some(exporter) = self.0 {
            exporter.finish().await;
        }
    }
}

/// A token that the first SIGTERM or Ctrl-C cancels; the second ends the process at once.
pub(crate) fn stop_on_signals() -> anyhow::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for Ctrl-C")?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping; once more to stop at once");
        token.cancel();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        crate::terminal::restore();
        std::process::exit(130);
    });
    Ok(stop)
}

/// A name for this process that no other one has.
pub(crate) fn unique_name(role: &str) -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "local".to_owned());
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{role}-{host}-{}-{}", std::process::id(), &random[..6])
}
