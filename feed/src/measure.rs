//! The feed in numbers: what has been told, and how far Kafka is behind.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use impresario_metrics::table::{FEED_AGE, FEED_CONTENDED, FEED_PENDING, FEED_PROBLEMS, FEED_TOLD};
use impresario_metrics::{Count, pull};
use tokio_util::sync::CancellationToken;

use crate::source::{Behind, SourceError};

/// How often it is measured how far behind Kafka is.
const MEASURE: Duration = Duration::from_secs(5);

/// What one publisher counts.
pub(crate) struct Meters {
    pub(crate) told: Count,
    pub(crate) problems: Count,
    pub(crate) contended: Count,
}

impl Meters {
    pub(crate) fn of(topic: &str) -> Meters {
        Meters {
            told: FEED_TOLD.with([topic]),
            problems: FEED_PROBLEMS.with([topic]),
            contended: FEED_CONTENDED.with([topic]),
        }
    }
}

/// Measures how far behind Kafka is, until `stop`. Whoever could publish measures, also while another one does: the age
/// of what nobody tells must be seen. What cannot be measured is not shown, instead of something old.
pub async fn measure<Ask, Answer>(topic: String, stop: CancellationToken, ask: Ask)
where
    Ask: Fn() -> Answer,
    Answer: Future<Output = Result<Behind, SourceError>>,
{
    let seen = Arc::new(Mutex::new(None::<Behind>));
    let (shown, label) = (Arc::clone(&seen), topic.clone());
    let _source = pull(move |readings| {
        let behind = *shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(behind) = behind {
            readings.gauge(&FEED_PENDING, [&label], behind.rows as f64);
            readings.gauge(&FEED_AGE, [&label], behind.age);
        }
    });
    loop {
        let behind = match ask().await {
            Ok(behind) => Some(behind),
            Err(error) => {
                tracing::warn!(%error, topic, "cannot measure how old the feed is");
                None
            }
        };
        *seen.lock().unwrap_or_else(PoisonError::into_inner) = behind;
        tokio::select! {
            () = tokio::time::sleep(MEASURE) => {}
            () = stop.cancelled() => return,
        }
    }
}
