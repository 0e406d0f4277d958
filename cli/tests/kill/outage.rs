//! Outages of which no customer may notice more than that it takes longer: an outage spends no attempts.
//!
//! The timeouts of payment are 2 s and three attempts, those of the catalogue 5 s and five: whoever counted
//! silence as an answer would give up within the outage, and some of these bookings would be undone.

use std::thread::sleep;
use std::time::Duration;

use crate::chance;
use crate::load::Crowd;
use crate::platform::Platform;
use crate::programs::Role;
use crate::round::under;

/// Nobody cancels, nobody wants another's seat: each end is known beforehand.
const CROWD: Crowd = Crowd {
    clients: 8,
    tokens: &[("tok_ok", 90), ("tok_declined", 10)],
    never,
    contended: 0,
    cancelled: 0,
    // Each goes on to the next at once: bookings pile up at every step.
    wait: 0,
    watch: Duration::ZERO,
    // Some hundreds pile up: what a returning pool makes of a herd of thousands is about its slots, not about
    // the outage.
    pause: (400, 800),
};

/// An outage changes no outcome, and nothing is given up for it.
fn never(token: &str) -> Vec<&'static str> {
    let other = if token == "tok_ok" {
        "compensated"
    } else {
        "completed"
    };
    vec![other, "gave_up", "parked", "stuck"]
}

/// Time for bookings to pile up at the next step before that one's pool goes too.
const PILE_UP: Duration = Duration::from_secs(2);

/// One pool after another, from the last step to the first, so that every step has bookings that wait for it.
pub(crate) fn pools_away(seconds: u64) {
    story("pools", &["wait postponed"], |platform| {
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
    // The other one reads after about nine seconds, shortly before waits are over: what shows is either that, or an owner that
    // wakes up with old beliefs.
    let marks = ["wait postponed", "compare-and-set lost"];
    story("owner", &marks, |platform| {
        platform.programs.freeze(Role::Serve(0));
        sleep(Duration::from_secs(seconds));
        platform.programs.thaw(Role::Serve(0));
    });
}

fn story(name: &str, marks: &[&str], outage: impl FnOnce(&mut Platform)) {
    let mut platform = Platform::start(name);
    let verdict = under(&mut platform, CROWD, chance::from_the_clock(), |run| {
        outage(run.platform);
        run.must_recover("after the outage");
    });
    eprintln!("{name}: {}", verdict.summary());
    assert!(
        marks.iter().any(|mark| verdict.mark(mark) > 0),
        "the outage was not noticed at all"
    );
    drop(platform.went_well());
}
