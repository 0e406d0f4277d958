//! Outages of which no customer may notice more than that it takes longer: an outage spends no attempts.
//!
//! The timeouts of payment are 2 s and three attempts, those of the catalogue 5 s and five: whoever counted
//! silence as an answer would give up within the outage, and some of these bookings would be undone.

use std::thread::sleep;
use std::time::Duration;

use impresario_workflows::saga::Event;

use crate::dump::Dump;
use crate::end_check::{Case, report};
use crate::load::{Crowd, Load};
use crate::platform::Platform;
use crate::programs::Role;
use crate::round::{fail, judge, tell};
use crate::{chance, faults, quiet};

/// Nobody cancels, nobody wants another's seat: each end is known beforehand.
const CROWD: Crowd = Crowd {
    clients: 8,
    tokens: &[("tok_ok", 90), ("tok_declined", 10)],
    contended: 0,
    cancelled: 0,
    // Each goes on to the next at once: bookings pile up at every step.
    wait: 0,
    watch: Duration::ZERO,
    // Some hundreds pile up: what a returning pool makes of a herd of thousands is about its slots, not about
    // the outage.
    pause: (400, 800),
};

/// Time for bookings to pile up at the next step before that one's pool goes too.
const PILE_UP: Duration = Duration::from_secs(2);

/// One pool after another, from the last step to the first, so that every step has bookings that wait for it.
pub(crate) fn pools_away(seconds: u64) {
    story("pools", |platform| {
        let workers = [
            Role::Worker("notification", 0),
            Role::Worker("booking", 0),
            Role::Worker("payment", 0),
            Role::Worker("payment", 1),
            Role::Worker("catalog", 0),
        ];
        for role in workers {
            platform.programs.kill9(role);
            if role != Role::Worker("payment", 0) {
                sleep(PILE_UP);
            }
        }
        sleep(Duration::from_secs(seconds));
        platform.programs.start_missing();
    });
}

/// The owner of half of the partitions is frozen: nobody reads those results, and the other one must know it.
pub(crate) fn owner_stopped(seconds: u64) {
    story("owner", |platform| {
        platform.programs.freeze(Role::Serve(0));
        sleep(Duration::from_secs(seconds));
        platform.programs.thaw(Role::Serve(0));
    });
}

fn story(name: &str, outage: impl FnOnce(&mut Platform)) {
    let seed = chance::from_the_clock();
    let mut platform = Platform::start(name);
    let load = Load::start(
        &platform.runtime,
        &platform.client,
        &platform.events,
        CROWD,
        seed,
    );
    let up = faults::recovered(&load);
    up.unwrap_or_else(|why| fail(&platform, &format!("at first: {why}")));
    outage(&mut platform);
    let up = faults::recovered(&load);
    up.unwrap_or_else(|why| fail(&platform, &format!("after the outage: {why}")));
    let history = load.stop(&platform.runtime);
    let stuck = quiet::wait(&mut platform).unwrap_or_else(|why| fail(&platform, &why));
    let (operations, odd) = history.close();
    let dump = Dump::take(&platform);
    let mut violations = judge(&platform, &dump, &operations, &stuck);
    for answer in odd {
        report(&mut violations, "no odd answers", None, answer);
    }
    let case = Case::new(&dump, &operations);
    for (saga, operation) in &case.by_saga {
        let stored = &dump.sagas[*saga];
        let expected = if operation.token == "tok_ok" {
            "completed"
        } else {
            "compensated"
        };
        if stored.status != expected {
            let what = format!("{} with {}", stored.status, operation.token);
            report(
                &mut violations,
                "an outage changes no outcome",
                Some(saga),
                what,
            );
        }
        for event in stored.journal.iter().flat_map(|row| &row.events) {
            if let Event::GaveUp { step, problem, .. } = event {
                let what = format!("gave `{step}` up: {}", problem.code);
                report(
                    &mut violations,
                    "an outage changes no outcome",
                    Some(saga),
                    what,
                );
            }
        }
    }
    let postponed = dump
        .sagas
        .values()
        .flat_map(|saga| &saga.journal)
        .flat_map(|row| &row.events)
        .filter(|event| matches!(event, Event::Postponed { .. }))
        .count();
    eprintln!(
        "{name}: {} bookings, {}, {postponed} waits postponed",
        operations.len(),
        case.counts()
    );
    if !violations.is_empty() {
        tell(&case, &violations);
        fail(&platform, &format!("{} violations", violations.len()));
    }
    assert!(postponed > 0, "the outage was not noticed at all");
    platform.went_well();
}
