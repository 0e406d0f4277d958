//! The net under the hub: tells waiters what this process did not commit itself.
//!
//! One loop for all waiters of a process, so a waiting request polls nothing. It asks for the last journal row
//! of the sagas that were quiet, in one query, and reads only those that have moved. Sagas that this process
//! drives have news of their own and are not asked about.

use std::sync::Arc;
use std::time::Duration;

use impresario_workflows::SagaId;
use tokio_util::sync::CancellationToken;

use crate::hub::{Hub, Progress};
use crate::store::definitions::Catalogue;
use crate::store::{Database, Error, heads, sagas};

/// What a lost wake-up costs.
const LOOK: Duration = Duration::from_millis(250);

/// Sagas in one look at most; the others are first in the next.
const LOOK_MAX: usize = 1024;

/// Looks until `stop`.
pub(crate) async fn run(
    hub: Arc<Hub>,
    database: Database,
    catalogue: Arc<Catalogue>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
        let quiet = hub.quiet(LOOK_MAX);
        if quiet.is_empty() {
            continue;
        }
        if let Err(error) = look(&hub, &database, &catalogue, &quiet).await {
            tracing::warn!(error = ?error, "cannot look for what others have committed");
        }
    }
}

async fn look(
    hub: &Hub,
    database: &Database,
    catalogue: &Catalogue,
    quiet: &[(SagaId, i32)],
) -> Result<(), Error> {
    let moved = heads::moved(&database.pool, quiet).await?;
    if moved.is_empty() {
        return Ok(());
    }
    for (id, loaded) in sagas::load(&database.pool, catalogue, &moved).await? {
        match loaded {
            Ok(loaded) => {
                let progress = Progress {
                    seq: loaded.seq,
                    definition: loaded.definition,
                    state: loaded.state,
                };
                hub.publish(id, progress);
            }
            Err(error) => {
                tracing::debug!(saga = %id, %error, "cannot read what others have committed")
            }
        }
    }
    Ok(())
}
