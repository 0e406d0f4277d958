//! What `dev` and `demo` say while they come up: one line for each part, with how long it took.

use std::time::{Duration, Instant};

use crate::client::Booking;
use crate::output::{Ink, tame};

/// The lines, on standard error.
#[derive(Debug)]
pub(crate) struct Banner {
    ink: Ink,
    since: Instant,
}

impl Banner {
    /// The head line.
    pub(crate) fn begin() -> Banner {
        let ink = Ink::stderr();
        let title = ink.bold(&format!("impresario {}", env!("CARGO_PKG_VERSION")));
        eprintln!("  {title}  development server, not for production");
        Banner {
            ink,
            since: Instant::now(),
        }
    }

    /// A part is up; the time is since the one before.
    pub(crate) fn up(&mut self, name: &str, what: &str) {
        let took = self.since.elapsed();
        self.since = Instant::now();
        let time = self.ink.dim(&seconds(took));
        eprintln!("  {} {name:<11} {what:<66} {time}", self.ink.good("✔"));
    }

    /// A part without a time of its own.
    pub(crate) fn also(&self, name: &str, what: &str) {
        eprintln!("  {} {name:<11} {what}", self.ink.good("✔"));
    }

    /// The first booking.
    pub(crate) fn booked(&self, booking: &Booking, took: Duration) {
        let mark = self.ink.good("●");
        let id = tame(&booking.id);
        let what = format!("{id} {} in {} ms", tame(&booking.status), took.as_millis());
        eprintln!("  {mark} {:<11} {what}", "1st booking");
    }

    /// Something did not work.
    pub(crate) fn fail(&self, name: &str, why: &str) {
        eprintln!("  {} {name:<11} {why}", self.ink.bad("✘"));
    }

    /// Something to know.
    pub(crate) fn say(&self, text: &str) {
        eprintln!("  {}", self.ink.dim(text));
    }
}

pub(crate) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}
