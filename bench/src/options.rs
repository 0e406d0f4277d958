//! What is measured, and for how long.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measure Impresario on this machine.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
pub(crate) struct Options {
    /// The saga that is run.
    #[arg(long, value_enum, default_value_t = Variant::Trivial)]
    pub(crate) variant: Variant,

    /// Levels of sagas in flight, one connection each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256, 512])]
    in_flight: Vec<usize>,

    /// Seconds measured at each level.
    #[arg(long, default_value_t = 10)]
    seconds: u64,

    /// Seconds of warm-up before each level.
    #[arg(long, default_value_t = 3)]
    warm_up: u64,

    /// Two short levels, to see that it works: no figures to quote.
    #[arg(long)]
    quick: bool,

    /// Processes for each pool of workers.
    #[arg(long)]
    workers: Option<usize>,

    /// Slots of each worker; the worker's own default without it.
    #[arg(long)]
    pub(crate) slots: Option<usize>,

    /// Seats of the event that is booked; each booking takes one of its own.
    #[arg(long, default_value_t = 200_000)]
    pub(crate) seats: usize,

    /// Also write the figures here.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// The program that is measured.
    #[arg(long, default_value = "target/release/impresario")]
    pub(crate) impresario: PathBuf,

    /// Counts the completed sagas in Postgres.
    #[arg(
        long,
        default_value = "select count(*) from impresario.saga where status = 'completed'"
    )]
    pub(crate) completed_sql: String,

    /// Counts the sagas that are still under way in Postgres.
    #[arg(
        long,
        default_value = "select count(*) from impresario.saga where status in ('running', 'compensating')"
    )]
    pub(crate) open_sql: String,
}

/// The sagas that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Variant {
    /// Three steps that do nothing: the engine alone.
    Trivial,
    /// The shipped booking: seats, a charge, a confirmation, a mail.
    Booking,
}

impl Variant {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Trivial => "trivial",
            Self::Booking => "booking",
        }
    }

    /// The pools whose workers the saga needs.
    pub(crate) fn pools(self) -> &'static [&'static str] {
        match self {
            Self::Trivial => &["echo"],
            Self::Booking => &["catalog", "payment", "booking", "notification"],
        }
    }
}

impl Options {
    pub(crate) fn levels(&self) -> Vec<usize> {
        if self.quick {
            vec![1, 16]
        } else {
            self.in_flight.clone()
        }
    }

    pub(crate) fn seconds(&self) -> u64 {
        if self.quick { 2 } else { self.seconds }
    }

    pub(crate) fn warm_up(&self) -> u64 {
        if self.quick { 1 } else { self.warm_up }
    }

    /// Two workers share the one pool of the trivial saga; the booking saga has four pools already.
    pub(crate) fn workers(&self) -> usize {
        self.workers.unwrap_or(match self.variant {
            Variant::Trivial => 2,
            Variant::Booking => 1,
        })
    }
}
