//! The loop that tells a source's rows: the oldest, in their order, until there are none.
//!
//! A publisher that dies at any instant has told some rows that are still there: they are told again, with the same
//! ids. One that only believes it is alone does the same. In both cases each key's events are seen for the first time in
//! their order: whoever tells event n+1 has told n just before, or n was gone and so had been confirmed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::event::Event;
use crate::measure::Meters;
use crate::producer::{Outcome, Producer};
use crate::source::{Parcel, Source};

/// A turn lasts this long, unless it is full: what an event waits at most when Kafka is there. Whoever tells a few events at a
/// time, as soon as there are some, does ten times the work for each.
const BEAT: Duration = Duration::from_millis(250);

/// So many events are worth a turn of their own.
const FULL: usize = 1_000;

/// After trouble, and doubled up to [`BACKOFF_MAX`] while it lasts.
const BACKOFF: Duration = Duration::from_millis(250);

/// A Kafka or a database that is back is noticed within this.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Where to tell what.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Kafka, `host:port,host:port`.
    pub brokers: String,
    /// The topic; it is made if it is not there.
    pub topic: String,
    /// `ce_source` of all its events.
    pub origin: String,
}

/// Tells the rows of one source.
pub struct Publisher<S> {
    source: Arc<S>,
    settings: Settings,
    producer: Producer,
    meters: Meters,
    backoff: Duration,
}

impl<S: Source> Publisher<S> {
    /// Nothing happens before [`Publisher::run`].
    pub fn new(source: Arc<S>, settings: Settings) -> Publisher<S> {
        let producer = Producer::new(&settings.brokers, &settings.topic, &settings.origin);
        let meters = Meters::of(&settings.topic);
        Publisher {
            source,
            settings,
            producer,
            meters,
            backoff: BACKOFF,
        }
    }

    /// Tells what there is until `stop`, and then still hears what is on its way.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let wait = self.turn(&stop).await;
            if !wait.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = stop.cancelled() => {}
                }
            }
        }
    }

    /// One batch; says how long to wait for the next.
    async fn turn(&mut self, stop: &CancellationToken) -> Duration {
        let began = Instant::now();
        let parcels = match self.source.next().await {
            Ok(parcels) => parcels,
            Err(error) => {
                tracing::warn!(%error, topic = self.settings.topic, "cannot read what is to be told");
                return self.longer();
            }
        };
        if parcels.is_empty() {
            return BEAT;
        }
        let events: Vec<&Event> = parcels.iter().flat_map(|parcel| &parcel.events).collect();
        let Outcome { confirmed, problem } = self.producer.tell(&events, stop).await;
        self.meters.told.increment(confirmed as u64);
        let rows = whole(&parcels, confirmed);
        let forgotten = self.forget(&rows, stop).await;
        match problem {
            Some(problem) => {
                self.complain(&problem);
                self.longer()
            }
            None if forgotten => {
                self.backoff = BACKOFF;
                match confirmed {
                    FULL.. => Duration::ZERO,
                    _ => BEAT.saturating_sub(began.elapsed()),
                }
            }
            None => self.longer(),
        }
    }

    /// Rows that are told and cannot be forgotten would be told again: worth a few tries.
    async fn forget(&mut self, rows: &[i64], stop: &CancellationToken) -> bool {
        if rows.is_empty() {
            return true;
        }
        loop {
            match self.source.delivered(rows).await {
                Ok(there) => {
                    let gone = (rows.len() as u64).saturating_sub(there);
                    if gone > 0 {
                        // Somebody else tells the same: it takes an owner that was frozen, or a lease that ran out.
                        self.meters.contended.increment(gone);
                    }
                    return true;
                }
                Err(error) => {
                    tracing::warn!(%error, topic = self.settings.topic, "cannot forget what is told");
                    if stop.is_cancelled() {
                        return false;
                    }
                    tokio::time::sleep(self.longer()).await;
                }
            }
        }
    }

    fn complain(&self, problem: &Error) {
        tracing::warn!(error = ?problem, topic = self.settings.topic, "the feed waits for Kafka");
        self.meters.problems.increment(1);
    }

    fn longer(&mut self) -> Duration {
        let wait = self.backoff;
        self.backoff = (self.backoff * 2).min(BACKOFF_MAX);
        wait
    }
}

/// The rows of which every event is confirmed.
fn whole(parcels: &[Parcel], confirmed: usize) -> Vec<i64> {
    let mut left = confirmed;
    parcels
        .iter()
        .take_while(|parcel| {
            let fits = parcel.events.len() <= left;
            left = left.saturating_sub(parcel.events.len());
            fits
        })
        .map(|parcel| parcel.id)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(id: i64, events: usize) -> Parcel {
        let event = Event {
            kind: "kind".into(),
            key: "key".into(),
            sequence: 1,
            at: chrono::DateTime::UNIX_EPOCH,
            data: Vec::new(),
        };
        Parcel {
            id,
            events: vec![event; events],
        }
    }

    #[test]
    fn a_row_is_forgotten_when_all_its_events_are_confirmed_and_none_before_it_is_missing() {
        let parcels = [parcel(7, 2), parcel(8, 3), parcel(9, 0), parcel(10, 1)];
        assert_eq!(whole(&parcels, 0), Vec::<i64>::new());
        assert_eq!(whole(&parcels, 1), Vec::<i64>::new());
        assert_eq!(whole(&parcels, 2), [7]);
        assert_eq!(whole(&parcels, 4), [7]);
        assert_eq!(whole(&parcels, 5), [7, 8, 9]);
        assert_eq!(whole(&parcels, 6), [7, 8, 9, 10]);
    }
}
