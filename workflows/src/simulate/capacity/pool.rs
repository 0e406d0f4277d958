//! A pool of workers in a crowd: first come, first served.

use std::collections::VecDeque;

use crate::Millis;
use crate::rehearse::{Fate, MILLI, Micros, Says, Task};

/// A task on its way through a pool.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Number of its saga.
    pub(crate) saga: usize,
    /// Number of its pool.
    pub(crate) pool: usize,
    pub(crate) task: Task,
    pub(crate) fate: Fate,
}

/// Workers, and the tasks that wait for them.
#[derive(Debug)]
pub(crate) struct Pool {
    workers: u32,
    busy: u32,
    queue: VecDeque<(Micros, Job)>,
    /// When the queue was last seen empty.
    drained_at: Micros,
}

/// A task that a worker has taken: for how long, and how long it had waited.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) job: Job,
    pub(crate) waited: Micros,
}

impl Pool {
    pub(crate) fn of(workers: u32) -> Pool {
        Pool {
            workers,
            busy: 0,
            queue: VecDeque::new(),
            drained_at: 0,
        }
    }

    /// A task comes in.
    pub(crate) fn arrives(&mut self, job: Job, now: Micros) -> Option<Taken> {
        self.queue.push_back((now, job));
        self.next(now)
    }

    /// A worker is free again.
    pub(crate) fn frees(&mut self, now: Micros) -> Option<Taken> {
        self.busy = self.busy.saturating_sub(1);
        self.next(now)
    }

    fn next(&mut self, now: Micros) -> Option<Taken> {
        if self.busy == self.workers {
            return None;
        }
        let (since, mut job) = self.queue.pop_front()?;
        self.busy += 1;
        if self.queue.is_empty() {
            self.drained_at = now;
        }
        // Past its time a worker does not begin it, and says so at once.
        if now / MILLI > job.task.not_after {
            job.fate = Fate {
                acts: false,
                says: Says::Expired,
                lag: 0,
                takes: 0,
            };
        }
        Some(Taken {
            job,
            waited: now - since,
        })
    }

    /// The last instant at which nothing waited: everything sent before it was taken.
    pub(crate) fn drained_at(&self, now: Micros) -> Millis {
        let drained = if self.queue.is_empty() {
            now
        } else {
            self.drained_at
        };
        drained / MILLI
    }
}
