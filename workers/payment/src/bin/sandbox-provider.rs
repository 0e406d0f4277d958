//! The sandbox provider as a process of its own: `DATABASE_URL`, `LISTEN` (default 127.0.0.1:7080),
//! `KEY_LIFE_SECONDS`, and `PROVIDER_WEBHOOK_URL` with `IMPRESARIO_WEBHOOK_SECRET` from the environment; stops on
//! Ctrl-C.

use std::process::ExitCode;
use std::time::Duration;

use impresario_payment::sandbox::{self, Config, Secret, Webhook};
use tokio_util::sync::CancellationToken;

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("DATABASE_URL is not set")]
    NoDatabase,
    #[error("KEY_LIFE_SECONDS is not a number of seconds")]
    KeyLife,
    #[error(
        "PROVIDER_WEBHOOK_URL needs IMPRESARIO_WEBHOOK_SECRET, so that the receiver can check who calls"
    )]
    NoSecret,
    #[error("{0}: {1}")]
    Database(&'static str, impresario_worker_sdk::DatabaseError),
    #[error("listening: {0}")]
    Listen(#[from] std::io::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sandbox-provider: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failed> {
    let url = std::env::var("DATABASE_URL").map_err(|_| Failed::NoDatabase)?;
    let listen = std::env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:7080".into());
    let mut config = Config::default();
    if let Ok(seconds) = std::env::var("KEY_LIFE_SECONDS") {
        config.key_life = Duration::from_secs(seconds.parse().map_err(|_| Failed::KeyLife)?);
    }
    if let Ok(url) = std::env::var("PROVIDER_WEBHOOK_URL") {
        let secret = std::env::var("IMPRESARIO_WEBHOOK_SECRET").map_err(|_| Failed::NoSecret)?;
        config.webhook = Some(Webhook {
            url,
            secret: Secret::new(secret),
        });
    }
    let database = sandbox::database(&url).map_err(|error| Failed::Database("opening", error))?;
    sandbox::migrate(&database)
        .await
        .map_err(|error| Failed::Database("migrating", error))?;
    let listener = tokio::net::TcpListener::bind(&listen).await?;
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    let background = CancellationToken::new();
    let _until_the_end = background.clone().drop_guard();
    tokio::spawn(sandbox::run_background(
        database.clone(),
        config.clone(),
        background,
    ));
    Ok(sandbox::serve(listener, sandbox::router(database, config), stop).await?)
}
