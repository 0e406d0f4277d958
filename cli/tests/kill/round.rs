//! One round: a platform, a crowd, each fault once, rest, and the verdict.

use std::time::Instant;

use crate::chance::Chance;
use crate::counters::Counters;
use crate::crowd::CROWD;
use crate::faults::{self, Fault};
use crate::load::{Crowd, Load};
use crate::log::Log;
use crate::platform::Platform;
use crate::records::Verdict;
use crate::{diagnose, planted, quiet, records};

/// Less than this did not try anything.
const COMPLETED_AT_LEAST: u64 = 100;
const COMPENSATED_AT_LEAST: u64 = 20;

pub(crate) fn run(seed: u64, clients: usize, check_the_checker: bool) {
    eprintln!("KILL_SEED={seed}");
    let mut platform = Platform::start("round");
    let crowd = Crowd { clients, ..CROWD };
    let mut chance = Chance::new(seed);
    let all = faults::all(&mut chance);
    let verdict = under(&mut platform, crowd, seed, |run| {
        for fault in all {
            run.suffer(fault, &mut chance);
        }
    });
    eprintln!("seed {seed}: {}", verdict.summary());
    something_happened(&verdict);
    if check_the_checker {
        planted::each_is_found(&platform.records());
    }
    drop(platform.went_well());
}

/// What happens while the crowd is there.
pub(crate) struct Run<'r> {
    pub(crate) platform: &'r mut Platform,
    load: Load,
    log: Log,
    began: Instant,
}

/// Lets `happen` happen to a platform under load, brings it to rest, and judges what is left. Fails the test, with
/// the stories, when something does not hold.
pub(crate) fn under(
    platform: &mut Platform,
    crowd: Crowd,
    seed: u64,
    happen: impl FnOnce(&mut Run<'_>),
) -> Verdict {
    let began = Instant::now();
    let records = platform.records();
    let (runtime, client) = (&platform.runtime, &platform.client);
    let load = Load::start(
        runtime,
        client,
        &platform.servers.events,
        crowd,
        seed,
        &records,
    );
    let counters = Counters::start(runtime, client);
    let mut run = Run {
        log: Log::new(load.history.clone()),
        platform,
        load,
        began,
    };
    run.must_recover("at first");
    eprintln!("{:6.1} s it runs", run.seconds());
    happen(&mut run);
    let Run {
        platform,
        load,
        log,
        ..
    } = run;
    let _history = load.stop(&platform.runtime);
    log.write(&records);
    counters.stop(&platform.runtime, &records);
    let rest = quiet::wait(platform).unwrap_or_else(|why| fail(platform, &why));
    let verdict = records::judge(platform, &rest.queues);
    let seconds = began.elapsed().as_secs_f64();
    eprintln!(
        "{seconds:6.1} s at rest and judged; support helped {:?}",
        rest.stood
    );
    let ended = &platform.programs.ended_by_themselves;
    if !ended.is_empty() {
        fail(platform, &format!("ended by themselves: {ended:?}"));
    }
    if !verdict.holds() {
        eprintln!("{}", verdict.told);
        fail(platform, &format!("violations of {:?}", verdict.broken()));
    }
    verdict
}

impl Run<'_> {
    fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Lets a fault happen, and waits until the platform has recovered from it.
    pub(crate) fn suffer(&mut self, fault: Fault, chance: &mut Chance) {
        let from = self.load.history.now_us();
        let remark = fault.happen(self.platform, chance);
        let back = self.must_recover(&format!("after {fault:?} ({remark})"));
        self.log.note(from, format!("{fault:?}: {remark}"));
        // What waits for the provider to be mended must not wait into the night.
        let _next_time = self.platform.runtime.block_on(self.platform.client.heal());
        let (seconds, wishes) = (self.seconds(), self.load.history.len());
        eprintln!("{seconds:6.1} s {fault:?}: {remark}, back after {back:.1} s, {wishes} bookings");
    }

    /// Waits until both replicas answer again; how many seconds that took.
    pub(crate) fn must_recover(&self, when: &str) -> f64 {
        match faults::recovered(&self.load) {
            Ok(back) => back.as_secs_f64(),
            Err(why) => fail(self.platform, &format!("{when}: {why}")),
        }
    }
}

/// A run in which nothing happened proves nothing.
fn something_happened(verdict: &Verdict) {
    let enough = [
        ("completed", COMPLETED_AT_LEAST),
        ("compensated", COMPENSATED_AT_LEAST),
    ];
    for (end, least) in enough {
        assert!(verdict.count(end) >= least, "too few {end}");
    }
    for mark in [
        "attempt repeated",
        "step reconciled",
        "saga cancelled",
        "task redelivered",
    ] {
        assert!(verdict.mark(mark) > 0, "never seen: {mark}");
    }
}

/// Ends the test with what is needed to find out why.
pub(crate) fn fail(platform: &Platform, why: &str) -> ! {
    eprintln!("{}", diagnose::hang(platform));
    panic!("{why}");
}
