//! The process's clock in the engine's unit. No safety rests on it: order is by seq, never by time.

use std::time::{SystemTime, UNIX_EPOCH};

use impresario_workflows::Millis;

/// Now, in milliseconds since the Unix epoch.
pub fn now() -> Millis {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
