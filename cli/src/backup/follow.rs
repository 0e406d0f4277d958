//! Copying the log as it is written. Each write is on disk here before the server hears that it is, so what is lost with
//! the server is what was on its way. The slot keeps what was not copied yet: whoever comes back goes on where the last
//! full file ends. `pg_receivewal` itself waits for a server that is away.

use super::store::Store;
use super::tools::{Tools, run};
use crate::exit::{Code, coded};
use crate::process;

pub(super) async fn follow(
    tools: &Tools,
    store: &Store,
    database_url: &str,
    slot: &str,
) -> anyhow::Result<()> {
    let stop = process::stop_on_signals()?;
    let receive = || {
        let mut command = tools.command("pg_receivewal");
        command.args(["--no-password", "--slot", slot, "--dbname", database_url]);
        command
    };
    run(receive().args(["--create-slot", "--if-not-exists"])).await?;
    let mut command = receive();
    command
        .arg("--synchronous")
        .arg("--directory")
        .arg(store.wal());
    let mut receiving = command.spawn()?;
    tokio::select! {
        ended = receiving.wait() => {
            Err(coded(Code::Failed, format!("pg_receivewal ended by itself: {}", ended?)))
        }
        // Each write is on disk already, so there is nothing to wait for.
        () = stop.cancelled() => {
            receiving.kill().await?;
            Ok(())
        }
    }
}
