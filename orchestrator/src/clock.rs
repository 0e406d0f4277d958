//! The engine's clock, in its unit. No safety rests on it: order is by seq, never by time.
//!
//! It goes by the machine's monotonic clock, so that nobody who sets the time moves it, and follows the database's:
//! replicas on machines that differ agree about what is due. A database whose clock jumps makes timers late or early by
//! as much, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use impresario_workflows::Millis;

use crate::store::{Database, Error};

/// The database's clock is believed to differ only by more than this: a busy machine reads it that much too late, and
/// a clock that goes back and forth all the time is worse than one that is a little wrong.
const TOLERANCE_MS: u64 = 100;

/// From here on somebody should look after the machine's clock.
const FAR_OFF_MS: u64 = 5_000;

/// Now by the machine's own clock, in milliseconds since the Unix epoch.
pub fn now() -> Millis {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    millis(since)
}

/// What time it is for an engine. Clones are the same clock.
#[derive(Clone)]
pub struct Clock(Arc<Hands>);

struct Hands {
    local: Box<dyn Fn() -> Millis + Send + Sync>,
    /// By so much the database's clock is ahead of the local one.
    ahead_ms: AtomicI64,
}

impl Default for Clock {
    fn default() -> Self {
        let (at_first, since) = (now(), Instant::now());
        Clock::on(move || at_first.saturating_add(millis(since.elapsed())))
    }
}

impl Clock {
    /// A clock that goes by this one, until it knows the database's.
    pub fn on(local: impl Fn() -> Millis + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(Hands {
            local: Box::new(local),
            ahead_ms: AtomicI64::new(0),
        }))
    }

    /// Now.
    pub fn now(&self) -> Millis {
        let ahead = self.0.ahead_ms.load(Ordering::Relaxed);
        (self.0.local)().saturating_add_signed(ahead)
    }

    /// By how much the database's clock is believed to be ahead of the machine's.
    pub(crate) fn ahead_seconds(&self) -> f64 {
        self.ahead_ms() as f64 / 1_000.0
    }

    /// The same in milliseconds.
    pub(crate) fn ahead_ms(&self) -> i64 {
        self.0.ahead_ms.load(Ordering::Relaxed)
    }

    /// Reads the database's clock, and goes by it when it differs from this one.
    pub(crate) async fn follow(&self, database: &Database) -> Result<(), Error> {
        let before = (self.0.local)();
        let theirs = database.now().await?;
        let after = (self.0.local)();
        self.learn(before, theirs, after);
        Ok(())
    }

    /// They said what time it was at some moment between `before` and `after`.
    fn learn(&self, before: Millis, theirs: Millis, after: Millis) {
        let ahead = theirs.cast_signed() - before.midpoint(after).cast_signed();
        let unsure = TOLERANCE_MS + after.saturating_sub(before) / 2;
        let believed = self.0.ahead_ms.load(Ordering::Relaxed);
        if ahead.abs_diff(believed) <= unsure {
            return;
        }
        self.0.ahead_ms.store(ahead, Ordering::Relaxed);
        if ahead.unsigned_abs() >= FAR_OFF_MS {
            tracing::warn!(
                ahead_ms = ahead,
                "the database's clock differs from this machine's; going by the database's"
            );
        }
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").field("now", &self.now()).finish()
    }
}

fn millis(time: std::time::Duration) -> Millis {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h14_it_follows_what_differs_by_more_than_reading_it_takes() {
        let clock = Clock::on(|| 1_000_000);
        clock.learn(1_000_000, 1_000_050, 1_000_000);
        assert_eq!(clock.now(), 1_000_000, "a little");
        clock.learn(1_000_000, 1_000_900, 1_002_000);
        assert_eq!(clock.now(), 1_000_000, "the answer took two seconds");
        clock.learn(1_000_000, 4_600_000, 1_000_000);
        assert_eq!(clock.now(), 4_600_000, "an hour ahead");
        clock.learn(1_000_000, 4_600_080, 1_000_000);
        assert_eq!(clock.now(), 4_600_000, "no trembling");
        clock.learn(1_000_000, 400_000, 1_000_000);
        assert_eq!(clock.now(), 400_000, "and back again");
    }
}
