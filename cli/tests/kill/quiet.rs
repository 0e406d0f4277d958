//! Coming to rest: what is open must get less and less, or the platform hangs.
//!
//! A watchdog of progress, not of time: it bites when nothing has moved for a while, however long all of it takes.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::platform::Platform;
use crate::records;
use crate::support;

/// Without progress for so long, it hangs.
const NO_PROGRESS: Duration = Duration::from_secs(60);

/// What is not at rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) sagas: i64,
    pub(crate) stuck: i64,
    pub(crate) outbox: i64,
    pub(crate) messages: u64,
}

impl Open {
    fn measure(self) -> u64 {
        u64::try_from(self.sagas + self.stuck + self.outbox).unwrap_or(u64::MAX) + self.messages
    }
}

/// What it was like when it had come to rest.
pub(crate) struct Rest {
    /// What stood before a human meanwhile, and why.
    pub(crate) stood: Vec<String>,
    /// The queues as they were seen, all empty. A later look may find one of the engine's own probes on its way.
    pub(crate) queues: Vec<(String, u64)>,
}

/// Waits until everything has ended. Support staff looks after what stands before a human.
pub(crate) fn wait(platform: &mut Platform) -> Result<Rest, String> {
    let began = Instant::now();
    mend(platform);
    let (mut best, mut since) = (u64::MAX, Instant::now());
    let mut stood: Vec<String> = Vec::new();
    for round in 0.. {
        platform.programs.look();
        let mut open = look(platform);
        let mut queues = Vec::new();
        if open.sagas + open.outbox + open.stuck == 0 {
            // Listing queues takes a second of the broker's: only at the end.
            queues = records::queues(platform);
            open.messages = queues.iter().map(|(_, messages)| messages).sum();
        } else if open.sagas == 0 && open.stuck > 0 {
            stood.extend(help(platform, round));
        }
        if open.measure() == 0 {
            return Ok(Rest { stood, queues });
        }
        if open.measure() < best {
            (best, since) = (open.measure(), Instant::now());
        }
        if since.elapsed() > NO_PROGRESS {
            return Err(format!(
                "{open:?} after {:?}, stuck before: {stood:?}",
                began.elapsed()
            ));
        }
        sleep(Duration::from_millis(500));
    }
    Err("looked for ever".to_owned())
}

/// Lets everything authorized so far be given back: whoever waits for that does not hang.
fn mend(platform: &Platform) {
    let healed = platform.runtime.block_on(platform.client.heal());
    assert!(healed.is_ok(), "the provider is up: {healed:?}");
}

fn help(platform: &Platform, round: usize) -> Vec<String> {
    let client = &platform.client;
    platform.runtime.block_on(async {
        let mut helped = Vec::new();
        for saga in support::stuck(platform).await {
            helped.extend(support::retry(client, &saga, round).await);
        }
        helped
    })
}

fn look(platform: &Platform) -> Open {
    let query = sqlx::query_as(
        "select count(*) filter (where status in ('running', 'compensating')),
                count(*) filter (where status = 'stuck'),
                (select count(*) from impresario.outbox)
         from impresario.saga",
    );
    let counted: Result<(i64, i64, i64), _> =
        platform.runtime.block_on(query.fetch_one(&platform.pool));
    // Not to be had is not at rest.
    let (sagas, stuck, outbox) = counted.unwrap_or((i64::MAX / 4, 0, 0));
    Open {
        sagas,
        stuck,
        outbox,
        messages: 0,
    }
}
