//! Following one saga: what it was last seen in, and waiting for more.
//!
//! Subscribe before reading or starting: then nothing falls between. The hub tells what this process commits;
//! what others commit comes by the hub's own net (`catch_up`), so nobody polls here.

use std::sync::Arc;
use std::time::Duration;

use impresario_workflows::SagaId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Engine;
use crate::hub::{Interest, Progress};

/// The server is stopping: waits end and streams close. Set by `serve` on every request.
#[derive(Clone, Debug)]
pub(super) struct Stopping(pub(super) CancellationToken);

impl Stopping {
    /// From a request's extensions; a request that came another way never sees a stop.
    pub(super) fn of(extensions: &axum::http::Extensions) -> Stopping {
        extensions
            .get()
            .cloned()
            .unwrap_or_else(|| Stopping(CancellationToken::new()))
    }
}

/// A subscription to one saga that ends with its owner.
pub(super) struct Follower {
    engine: Engine,
    id: SagaId,
    interest: Interest,
    /// Gone only while being dropped.
    receiver: Option<watch::Receiver<Option<Arc<Progress>>>>,
}

impl Follower {
    pub(super) fn new(engine: &Engine, id: SagaId, interest: Interest) -> Follower {
        Follower {
            receiver: Some(engine.hub().subscribe(id, interest)),
            engine: engine.clone(),
            id,
            interest,
        }
    }

    pub(super) fn id(&self) -> SagaId {
        self.id
    }

    /// The last that was heard of, if anything.
    pub(super) fn heard(&self) -> Option<Arc<Progress>> {
        self.receiver
            .as_ref()
            .and_then(|receiver| receiver.borrow().clone())
    }

    /// The next progress after row `seq` for which `enough` holds.
    pub(super) async fn next(
        &mut self,
        seq: i32,
        enough: impl Fn(&Progress) -> bool,
    ) -> Option<Arc<Progress>> {
        let newer = |heard: &Option<Arc<Progress>>| {
            heard
                .as_ref()
                .is_some_and(|progress| progress.seq > seq && enough(progress))
        };
        let heard = self.receiver.as_mut()?.wait_for(newer).await;
        heard.ok().and_then(|progress| progress.clone())
    }

    /// Waits until nothing more happens by itself, or until the time is up; answers the newest that is known.
    pub(super) async fn settled(
        &mut self,
        known: Arc<Progress>,
        wait: Duration,
        stopping: &Stopping,
    ) -> Arc<Progress> {
        if wait.is_zero() || known.is_settled() {
            return known;
        }
        let settled = tokio::select! {
            settled = tokio::time::timeout(wait, self.next(known.seq, Progress::is_settled)) => settled,
            () = stopping.0.cancelled() => Ok(None),
        };
        match settled {
            Ok(Some(settled)) => settled,
            Ok(None) | Err(_) => self
                .heard()
                .filter(|heard| heard.seq > known.seq)
                .unwrap_or(known),
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // The receiver first: the hub forgets a saga when nobody is left.
        drop(self.receiver.take());
        self.engine.hub().release(self.id, self.interest);
    }
}
