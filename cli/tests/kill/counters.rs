//! What the replicas count, gathered over their lives: a killed process takes its counters with it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::records;

/// Seldom enough to cost nothing, often enough that little is lost with a killed process.
const PAUSE: Duration = Duration::from_millis(500);

/// The one who looks.
pub(crate) struct Counters {
    stop: Arc<AtomicBool>,
    looking: JoinHandle<BTreeMap<String, u64>>,
}

/// A counter of one replica: what it showed last, and what went before its process was started anew.
#[derive(Default)]
struct Seen {
    last: u64,
    before: u64,
}

impl Counters {
    pub(crate) fn start(runtime: &Runtime, client: &Client) -> Counters {
        let stop = Arc::new(AtomicBool::new(false));
        let looking = runtime.spawn(look(client.clone(), stop.clone()));
        Counters { stop, looking }
    }

    /// Ends the looking, and writes the sums.
    pub(crate) fn stop(self, runtime: &Runtime, records: &Path) {
        self.stop.store(true, Ordering::Relaxed);
        let sums = runtime.block_on(self.looking).unwrap();
        let lines: Vec<Value> = sums
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect();
        records::lines(&records.join("counters.ndjson"), &lines);
    }
}

async fn look(client: Client, stop: Arc<AtomicBool>) -> BTreeMap<String, u64> {
    let mut seen = BTreeMap::<(usize, String), Seen>::new();
    let mut last_look = false;
    while !last_look {
        last_look = stop.load(Ordering::Relaxed);
        for replica in 0..2 {
            let text = client.metrics(replica).await.unwrap_or_default();
            for (name, value) in text.lines().filter_map(counter) {
                let seen = seen.entry((replica, name)).or_default();
                if value < seen.last {
                    seen.before += seen.last;
                }
                seen.last = value;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    let mut sums = BTreeMap::new();
    for ((_, name), seen) in seen {
        *sums.entry(name).or_default() += seen.before + seen.last;
    }
    sums
}

/// A line of a counter: its name with its labels, and its value.
fn counter(line: &str) -> Option<(String, u64)> {
    let (series, value) = line.rsplit_once(' ')?;
    let name = series.split('{').next()?;
    let counts = name.starts_with("saga_") && name.ends_with("_total");
    counts.then_some((series.to_owned(), value.parse().ok()?))
}
