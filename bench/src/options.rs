//! What is measured, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::load::{Load, Times};
use crate::peers::{Engine, Setting};

/// Measure Impresario on this machine, alone or beside other engines.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
pub(crate) struct Options {
    /// The saga that is run.
    #[arg(long, value_enum, default_value_t = Variant::Trivial)]
    pub(crate) variant: Variant,

    /// Other engines to measure with the same load; they run the trivial and the failing saga.
    #[arg(long, value_enum, value_delimiter = ',')]
    peers: Vec<Engine>,

    /// All variants, replicas, stored sagas, limits and peers in one run, with the table of goals as Markdown.
    #[arg(long)]
    pub(crate) goals: bool,

    /// Measure the trivial saga at full load without and with the feed on Kafka, and how fast the feed catches up.
    #[arg(long)]
    pub(crate) feed: bool,

    /// Short levels, to see that it works: no figures to quote.
    #[arg(long)]
    pub(crate) quick: bool,

    /// Levels of sagas in flight, one connection each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256, 512])]
    in_flight: Vec<usize>,

    /// Starts a second of the open loop; 0 for none. A system that cannot do so many gets half of what it can.
    #[arg(long, default_value_t = 900.0)]
    pub(crate) rate: f64,

    /// Seconds measured at each level.
    #[arg(long, default_value_t = 10)]
    seconds: u64,

    /// Seconds of warm-up before each level.
    #[arg(long, default_value_t = 3)]
    warm_up: u64,

    /// Orchestrators that share the work.
    #[arg(long, default_value_t = 1)]
    pub(crate) replicas: usize,

    /// Also measure with so many ended sagas stored, one size after another.
    #[arg(long, value_delimiter = ',')]
    stored: Vec<u64>,

    /// Days that are kept beside today, as on a platform that runs for so long: empty, or with the stored sagas in them.
    #[arg(long, default_value_t = 0)]
    pub(crate) days: u32,

    /// Minutes that filling the tables up to one size may take.
    #[arg(long, default_value_t = 20)]
    fill_minutes: u64,

    /// Processes for each pool of workers; by default two for the trivial saga, one for each pool of a booking.
    #[arg(long)]
    pub(crate) workers: Option<usize>,

    /// Slots of each worker; the worker's own default without it.
    #[arg(long)]
    pub(crate) slots: Option<usize>,

    /// Seats of the event that is booked; each booking takes one of its own.
    #[arg(long, default_value_t = 200_000)]
    seats: usize,

    /// Buyers of the flash sale.
    #[arg(long, default_value_t = 50_000)]
    buyers: usize,

    /// Seats that they compete for.
    #[arg(long, default_value_t = 20_000)]
    sale: usize,

    /// Also write the figures here.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Also draw the figures as SVG files in this folder, with the tables as Markdown.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) plots: Option<PathBuf>,

    /// The program that is measured.
    #[arg(long, default_value = "target/release/impresario")]
    pub(crate) impresario: PathBuf,
}

/// The sagas that can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Variant {
    /// Three steps that do nothing: the engine alone.
    Trivial,
    /// The same, but the third step says no and the first two are undone.
    Failing,
    /// The shipped booking: seats, a charge, a confirmation, a mail.
    Booking,
    /// Bookings whose buyers compete for the seats of one event.
    FlashSale,
}

impl Variant {
    pub(crate) const ALL: [Self; 4] =
        [Self::Trivial, Self::Failing, Self::Booking, Self::FlashSale];

    /// Whether seats are booked: such sagas have pools of their own, which no other engine has.
    pub(crate) fn books(self) -> bool {
        match self {
            Self::Trivial | Self::Failing => false,
            Self::Booking | Self::FlashSale => true,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Trivial => "trivial",
            Self::Failing => "failing",
            Self::Booking => "booking",
            Self::FlashSale => "flash sale",
        }
    }

    /// The pools whose workers the saga needs.
    pub(crate) fn pools(self) -> &'static [&'static str] {
        match self {
            Self::Trivial | Self::Failing => &["echo"],
            Self::Booking | Self::FlashSale => &["catalog", "payment", "booking", "notification"],
        }
    }

    /// Two workers share the one pool of the trivial saga; the booking saga has four pools already.
    pub(crate) fn workers(self) -> usize {
        match self {
            Self::Trivial | Self::Failing => 2,
            Self::Booking | Self::FlashSale => 1,
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

    /// The closed loops of all levels.
    pub(crate) fn loads(&self) -> Vec<Load> {
        let levels = self.levels().into_iter();
        levels.map(|in_flight| Load::Closed { in_flight }).collect()
    }

    /// The highest level: what a system can do at most.
    pub(crate) fn full(&self) -> Load {
        Load::Closed {
            in_flight: self.levels().into_iter().max().unwrap_or(1),
        }
    }

    pub(crate) fn times(&self) -> Times {
        let (warm_up, measured) = if self.quick {
            (1, 2)
        } else {
            (self.warm_up, self.seconds)
        };
        Times::Timed {
            warm_up: Duration::from_secs(warm_up),
            measured: Duration::from_secs(measured),
        }
    }

    /// How long each physical limit is measured.
    pub(crate) fn limit_time(&self) -> Duration {
        Duration::from_millis(if self.quick { 500 } else { 3000 })
    }

    pub(crate) fn peers(&self) -> Vec<Setting> {
        self.peers
            .iter()
            .flat_map(|engine| engine.settings())
            .collect()
    }

    /// Sizes of the tables, the smallest first. The default of a run for the goals stops where filling takes minutes
    /// and gigabytes that not everybody has.
    pub(crate) fn stored(&self) -> Vec<u64> {
        let mut sizes = match (self.stored.is_empty(), self.goals, self.quick) {
            (false, ..) => self.stored.clone(),
            (true, true, true) => vec![1000, 5000],
            (true, true, false) => vec![1000, 100_000, 1_000_000],
            (true, false, _) => Vec::new(),
        };
        sizes.sort_unstable();
        sizes
    }

    pub(crate) fn fill_patience(&self) -> Duration {
        Duration::from_secs(self.fill_minutes * 60)
    }

    pub(crate) fn seats(&self) -> usize {
        if self.quick { 20_000 } else { self.seats }
    }

    /// Buyers, and the seats that they compete for.
    pub(crate) fn sale(&self) -> (usize, usize) {
        if self.quick {
            (500, 200)
        } else {
            (self.buyers, self.sale)
        }
    }
}
