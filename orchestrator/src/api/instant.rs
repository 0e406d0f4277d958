//! Instants in answers: RFC 3339, UTC, always with milliseconds, so that they sort as text.

use chrono::{DateTime, SecondsFormat, Utc};
use impresario_workflows::Millis;
use serde::{Serialize, Serializer};

use crate::store::sagas::instant;

/// An instant as callers read it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instant(pub(super) DateTime<Utc>);

impl Instant {
    /// From the engine's unit.
    pub(super) fn of(ms: Millis) -> Instant {
        Instant(instant(ms))
    }

    /// Now.
    pub(super) fn now() -> Instant {
        Instant(Utc::now())
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}
