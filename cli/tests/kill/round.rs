//! One round: a platform, a crowd, each fault once, rest, and the end check.

use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::dump::Dump;
use crate::end_check::{Case, Counts, Violation, report};
use crate::faults;
use crate::history::Operation;
use crate::load::{Crowd, Load};
use crate::platform::Platform;
use crate::support::Stuck;
use crate::{diagnose, dump, planted, quiet};

const CROWD: Crowd = Crowd {
    clients: 24,
    tokens: &[
        ("tok_ok", 68),
        ("tok_declined", 7),
        ("tok_declined@capture", 2),
        ("tok_flaky", 6),
        ("tok_timeout_charged", 4),
        ("tok_timeout_uncharged", 4),
        ("tok_timeout_charged@authorize", 2),
        ("tok_timeout_uncharged@authorize", 2),
        ("tok_slow", 2),
        ("tok_slow@capture", 1),
        ("tok_refund_fails", 2),
    ],
    contended: 15,
    cancelled: 12,
    wait: 3,
    watch: Duration::from_secs(4),
    pause: (50, 300),
};

/// Less than this did not try anything.
const COMPLETED_AT_LEAST: usize = 100;
const COMPENSATED_AT_LEAST: usize = 20;

/// So many stories are printed; the first ones are enough to find a cause.
const STORIES: usize = 6;

pub(crate) fn run(seed: u64, clients: usize, check_the_checker: bool) {
    eprintln!("KILL_SEED={seed}");
    let began = Instant::now();
    let mut chance = Chance::new(seed);
    let mut platform = Platform::start("round");
    let crowd = Crowd { clients, ..CROWD };
    let load = Load::start(
        &platform.runtime,
        &platform.client,
        &platform.events,
        crowd,
        seed,
    );
    faults::recovered(&load).unwrap_or_else(|why| fail(&platform, &format!("at first: {why}")));
    eprintln!("{:6.1} s it runs", began.elapsed().as_secs_f64());
    let mut redelivered = 0;
    for fault in faults::all(&mut chance) {
        let remark = fault.happen(&mut platform, &mut chance);
        let back = faults::recovered(&load)
            .unwrap_or_else(|why| fail(&platform, &format!("after {fault:?} ({remark}): {why}")));
        // What waits for the provider to be mended must not wait into the night.
        let _next_time = platform.runtime.block_on(platform.client.heal());
        redelivered = redelivered.max(dump::redelivered(&platform));
        let booked = load.history.len();
        let at = began.elapsed().as_secs_f64();
        eprintln!("{at:6.1} s {fault:?}: {remark}, back after {back:.1?}, {booked} bookings");
    }
    let history = load.stop(&platform.runtime);
    let metrics = metrics(&platform);
    let stuck = quiet::wait(&mut platform).unwrap_or_else(|why| fail(&platform, &why));
    let (operations, odd) = history.close();
    let dump = Dump::take(&platform);
    eprintln!("{:6.1} s at rest", began.elapsed().as_secs_f64());
    let mut violations = judge(&platform, &dump, &operations, &stuck);
    for answer in odd {
        report(&mut violations, "no odd answers", None, answer);
    }
    let case = Case::new(&dump, &operations);
    let counts = case.counts();
    eprintln!(
        "seed {seed}: {} bookings, {counts}, {redelivered} tasks redelivered, {} stuck; {metrics}",
        operations.len(),
        stuck.len()
    );
    if !violations.is_empty() {
        tell(&case, &violations);
        fail(&platform, &format!("{} violations", violations.len()));
    }
    something_happened(counts);
    assert!(redelivered > 0, "no task was redelivered");
    if check_the_checker {
        planted::each_is_found(&dump, &operations);
    }
    eprintln!("{:6.1} s all is well", began.elapsed().as_secs_f64());
    platform.went_well();
}

/// The end check, and what only the platform itself can tell.
pub(crate) fn judge(
    platform: &Platform,
    dump: &Dump,
    operations: &[Operation],
    stuck: &[Stuck],
) -> Vec<Violation> {
    let case = Case::new(dump, operations);
    let mut violations = case.violations();
    for Stuck { saga, explanation } in stuck {
        let token = case
            .by_saga
            .get(saga.as_str())
            .map_or("", |operation| operation.token);
        if token != "tok_refund_fails" {
            let what = format!("stuck with {token}: {explanation}");
            report(
                &mut violations,
                "stuck only where it must be",
                Some(saga),
                what,
            );
        }
    }
    for end in &platform.programs.ended_by_themselves {
        report(&mut violations, "processes go on", None, end.clone());
    }
    violations
}

/// The first stories of each rule.
pub(crate) fn tell(case: &Case<'_>, violations: &[Violation]) {
    let mut told = std::collections::BTreeMap::<&str, usize>::new();
    for violation in violations {
        let count = told.entry(violation.rule).or_default();
        *count += 1;
        if *count <= 2 && told.values().sum::<usize>() <= STORIES * 4 {
            eprintln!("{}", case.tell(violation));
        }
    }
    eprintln!("violations by rule: {told:?}");
}

/// A run in which nothing happened proves nothing.
fn something_happened(counts: Counts) {
    assert!(counts.completed >= COMPLETED_AT_LEAST, "{counts}");
    assert!(counts.compensated >= COMPENSATED_AT_LEAST, "{counts}");
    assert!(
        counts.attempts_repeated > 0,
        "no attempt was repeated: {counts}"
    );
    assert!(counts.reconciled > 0, "nothing was reconciled: {counts}");
    assert!(counts.cancelled > 0, "nothing was cancelled: {counts}");
}

/// Ends the test with what is needed to find out why.
pub(crate) fn fail(platform: &Platform, why: &str) -> ! {
    eprintln!("{}", diagnose::hang(platform));
    panic!("{why}");
}

/// What the replicas counted since their last start, of what shows that faults were met.
fn metrics(platform: &Platform) -> String {
    let wanted = [
        "impresario_commits_lost_total",
        "impresario_commit_unknown_total",
        "impresario_outbox_repeated_total",
        "impresario_publish_failed_total",
        "impresario_engine_faults_total",
    ];
    let mut told = Vec::new();
    for replica in 0..2 {
        let text = platform.runtime.block_on(platform.client.metrics(replica));
        for line in text.unwrap_or_default().lines() {
            if wanted.iter().any(|name| line.starts_with(name)) {
                told.push(format!("{replica}: {line}"));
            }
        }
    }
    told.join(", ")
}
