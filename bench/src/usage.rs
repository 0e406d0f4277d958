//! What the processes cost while they are measured: CPU time, and memory at its peak.
//!
//! CPU comes from `/proc/PID/stat` over whole trees, with the time of children that have ended: Postgres serves
//! every connection with a process of its own. Memory is the proportional share (PSS), because Postgres processes
//! share most of theirs and adding up their resident sizes would count it many times over.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Linux reports CPU time in hundredths of a second on every architecture that we know.
const TICKS_PER_SECOND: f64 = 100.0;

/// Summing the memory of a process costs the kernel some work: once a second does not disturb the figures.
const MEMORY_EVERY: Duration = Duration::from_secs(1);

/// The processes whose cost is reported, by group: their roots; what is below belongs to them.
pub(crate) type Groups = Vec<(&'static str, Vec<u32>)>;

/// What one group of processes cost.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    pub(crate) group: &'static str,
    pub(crate) cpu_seconds: f64,
    pub(crate) memory_peak_mb: f64,
}

/// A measurement under way.
#[derive(Debug)]
pub(crate) struct Meter {
    groups: Groups,
    ticks_before: Vec<u64>,
    busy_before: u64,
    stop: Arc<AtomicBool>,
    memory: JoinHandle<BTreeMap<&'static str, f64>>,
}

impl Meter {
    pub(crate) fn start(groups: Groups) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let memory = std::thread::spawn({
            let (groups, stop) = (groups.clone(), stop.clone());
            move || memory_peaks(&groups, &stop)
        });
        let ticks_before = ticks_of(&groups);
        Self {
            groups,
            ticks_before,
            busy_before: machine_busy_ticks(),
            stop,
            memory,
        }
    }

    /// The costs by group, and the CPU seconds of all other programs on the machine.
    pub(crate) fn stop(self) -> (Vec<Cost>, f64) {
        let ticks_after = ticks_of(&self.groups);
        let busy = machine_busy_ticks().saturating_sub(self.busy_before) as f64 / TICKS_PER_SECOND;
        self.stop.store(true, Ordering::Relaxed);
        self.memory.thread().unpark();
        let peaks = self.memory.join().unwrap_or_default();
        let costs: Vec<Cost> = self
            .groups
            .iter()
            .zip(self.ticks_before.iter().zip(ticks_after))
            .map(|((group, _), (before, after))| Cost {
                group,
                cpu_seconds: after.saturating_sub(*before) as f64 / TICKS_PER_SECOND,
                memory_peak_mb: peaks.get(group).copied().unwrap_or_default(),
            })
            .collect();
        let ours: f64 = costs.iter().map(|cost| cost.cpu_seconds).sum();
        (costs, (busy - ours).max(0.0))
    }
}

fn memory_peaks(groups: &Groups, stop: &AtomicBool) -> BTreeMap<&'static str, f64> {
    let mut peaks = BTreeMap::new();
    loop {
        for ((group, _), pids) in groups.iter().zip(trees(groups)) {
            let kilobytes: u64 = pids.iter().map(|pid| memory_kb(*pid)).sum();
            let peak: &mut f64 = peaks.entry(*group).or_default();
            *peak = peak.max(kilobytes as f64 / 1024.0);
        }
        if stop.load(Ordering::Relaxed) {
            return peaks;
        }
        std::thread::park_timeout(MEMORY_EVERY);
    }
}

fn ticks_of(groups: &Groups) -> Vec<u64> {
    trees(groups)
        .iter()
        .map(|pids| pids.iter().filter_map(|pid| ticks(*pid)).sum())
        .collect()
}

/// The processes of each group: its roots and all below them. All of them are below the client, which started them;
/// its cost is only its own.
fn trees(groups: &Groups) -> Vec<Vec<u32>> {
    let mut below: HashMap<u32, Vec<u32>> = HashMap::new();
    for (pid, parent) in all_processes() {
        below.entry(parent).or_default().push(pid);
    }
    let ourselves = std::process::id();
    groups
        .iter()
        .map(|(_, roots)| {
            let mut found = roots.clone();
            let mut next = 0;
            while let Some(parent) = found.get(next).copied() {
                if parent != ourselves {
                    found.extend(below.get(&parent).into_iter().flatten());
                }
                next += 1;
            }
            found
        })
        .collect()
}

fn all_processes() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?.get(1)?.parse().ok()?)))
        .collect()
}

/// The fields of `/proc/PID/stat` after the command's name: state, parent, ...
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(
        text[text.rfind(')')? + 1..]
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
    )
}

/// User and system time, its own and that of children that it has waited for.
fn ticks(pid: u32) -> Option<u64> {
    let fields = stat(pid)?;
    let times = if pid == std::process::id() {
        11..13
    } else {
        11..15
    };
    Some(
        fields
            .get(times)?
            .iter()
            .filter_map(|field| field.parse::<u64>().ok())
            .sum(),
    )
}

fn memory_kb(pid: u32) -> u64 {
    let from = |file: &str, name: &str| -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    // Another user's PSS is not ours to read: then the resident size, which is too high for Postgres.
    from("smaps_rollup", "Pss:")
        .or_else(|| from("status", "VmRSS:"))
        .unwrap_or(0)
}

/// All CPU time of the machine but idling and waiting for disks.
fn machine_busy_ticks() -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let Some(line) = text.lines().next() else {
        return 0;
    };
    let fields: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; guest time is part of user.
    [0, 1, 2, 5, 6, 7]
        .iter()
        .filter_map(|place| fields.get(*place))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_cost_of_a_busy_loop_is_seen() {
        let meter = Meter::start(vec![("client", vec![std::process::id()])]);
        // By the thread's own clock: on a busy machine a busy loop gets little of the time on the wall.
        let (before, mut sum) = (nanoseconds_run(), 0_u64);
        while nanoseconds_run() < before + 200_000_000 {
            for _ in 0..10_000 {
                sum = std::hint::black_box(sum.wrapping_add(1));
            }
        }
        let (costs, _) = meter.stop();
        assert!(costs[0].cpu_seconds > 0.15, "{costs:?}");
        assert!(costs[0].memory_peak_mb > 0.5, "{costs:?}");
    }

    /// What the scheduler has given to this thread.
    #[cfg(target_os = "linux")]
    fn nanoseconds_run() -> u64 {
        let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        text.split_whitespace().next().unwrap().parse().unwrap()
    }
}
