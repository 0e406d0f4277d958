//! The net under the hub: tells waiters what this process did not commit itself.
//!
//! One loop for all waiters of a process, so a waiting request polls nothing. It asks for the last journal row
//! of the sagas that were quiet, in one query, and reads only those that have moved. Sagas that this process
//! drives have news of their own and are not asked about. What other replicas announce (`announce`) is read by
//! the same way, sooner.

use std::sync::Arc;
use std::time::Duration;

use impresario_workflows::SagaId;
use tokio_util::sync::CancellationToken;

use crate::hub::{Hub, Progress};
use crate::store::definitions::Catalogue;
use crate::store::{Database, Error, heads, sagas};

/// Sagas in one look at most; the others are first in the next.
const LOOK_MAX: usize = 1024;

/// From the store to the hub.
#[derive(Clone)]
pub(crate) struct Net {
    pub(crate) hub: Arc<Hub>,
    pub(crate) database: Database,
    pub(crate) catalogue: Arc<Catalogue>,
}

/// Looks every `every` until `stop`.
pub(crate) async fn run(net: Net, every: Duration, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => return,
        }
        let quiet = net.hub.quiet(LOOK_MAX);
        if quiet.is_empty() {
            continue;
        }
        if let Err(error) = net.look(&quiet).await {
            tracing::warn!(error = ?error, "cannot look for what others have committed");
        }
    }
}

impl Net {
    /// Tells about those that have gone on past the row that is known of them.
    async fn look(&self, quiet: &[(SagaId, i32)]) -> Result<(), Error> {
        let moved = heads::moved(&self.database.pool, quiet).await?;
        if moved.is_empty() {
            return Ok(());
        }
        self.tell(&moved).await
    }

    /// Tells those who wait for these sagas what is stored of them.
    pub(crate) async fn tell(&self, moved: &[SagaId]) -> Result<(), Error> {
        for (id, loaded) in sagas::load(&self.database.pool, &self.catalogue, moved).await? {
            match loaded {
                Ok(loaded) => {
                    let progress = Progress {
                        seq: loaded.seq,
                        definition: loaded.definition,
                        state: Arc::new(loaded.state),
                    };
                    self.hub.publish(id, progress);
                }
                Err(error) => {
                    tracing::debug!(saga_id = %id, %error, "cannot read what others have committed")
                }
            }
        }
        Ok(())
    }
}
