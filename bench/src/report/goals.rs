//! The figures of the goals, in the order in which docs/benchmarks.md tells them, each found in the results of a run.

use super::goal::Goal;
use crate::conservation::Balance;
use crate::database::PerSaga;
use crate::load::Level;
use crate::options::Variant;
use crate::results::{OURS, Results, Series, TWO};

/// One figure, and what is wanted of it.
pub(super) struct Row {
    pub(super) figure: &'static str,
    pub(super) of: fn(&Results, &str) -> Option<f64>,
    pub(super) decimals: usize,
    pub(super) goal: Goal,
}

pub(super) const ROWS: [Row; 17] = [
    Row {
        figure: "sagas/s at full load",
        of: |results, system| trivial(results, system, Series::full, Level::per_second),
        decimals: 0,
        goal: Goal::RatioAtLeast(5.0),
    },
    Row {
        figure: "CPU s per 1,000 sagas at full load, all processes",
        of: |results, system| trivial(results, system, Series::full, Level::cpu_per_thousand),
        decimals: 3,
        goal: Goal::RatioAtMost(0.2),
    },
    Row {
        figure: "p50 alone, ms",
        of: |results, system| {
            trivial(results, system, Series::alone, |level| {
                level.latencies.quantile_ms(0.5)
            })
        },
        decimals: 1,
        goal: Goal::RatioAtMost(0.8),
    },
    Row {
        figure: "p99 of the open loop, ms",
        of: |results, system| {
            trivial(results, system, Series::open, |level| {
                level.latencies.quantile_ms(0.99)
            })
        },
        decimals: 1,
        goal: Goal::RatioAtMost(0.5),
    },
    Row {
        figure: "its rate, sagas/s",
        of: |results, system| trivial(results, system, Series::open, Level::per_second),
        decimals: 0,
        goal: Goal::Known,
    },
    Row {
        figure: "failing sagas/s at full load",
        of: |results, system| {
            of(
                results,
                system,
                Variant::Failing,
                Series::full,
                Level::per_second,
            )
        },
        decimals: 0,
        goal: Goal::RatioAtLeast(5.0),
    },
    Row {
        figure: "peak memory of orchestrator, server or app, MB",
        of: memory,
        decimals: 0,
        goal: Goal::RatioAtMost(0.2),
    },
    Row {
        figure: "CPU per saga, most stored to fewest",
        of: |results, system| growth(results, system, Level::cpu_per_thousand),
        decimals: 2,
        goal: Goal::AtMost(1.2),
    },
    Row {
        figure: "p99, most stored to fewest",
        of: |results, system| growth(results, system, |level| level.latencies.quantile_ms(0.99)),
        decimals: 2,
        goal: Goal::AtMost(1.2),
    },
    Row {
        figure: "bookings/s",
        of: |results, system| best(results, system, Variant::Booking),
        decimals: 0,
        goal: Goal::AtLeast(2000.0),
    },
    Row {
        figure: "flash sale, decisions/s",
        of: |results, system| best(results, system, Variant::FlashSale),
        decimals: 0,
        goal: Goal::AtLeast(2000.0),
    },
    Row {
        figure: "flash sale, seats sold twice",
        of: |results, system| {
            sale(results, system, |account| {
                account.sold.as_ref().map(|sold| sold.oversold)
            })
        },
        decimals: 0,
        goal: Goal::AtMost(0.0),
    },
    Row {
        figure: "flash sale, sagas lost or without an end",
        of: |results, system| {
            sale(results, system, |account| {
                let answered = account.answered_completed + account.answered_compensated;
                let stored = account.completed + account.compensated;
                Some(answered.saturating_sub(stored) + account.open)
            })
        },
        decimals: 0,
        goal: Goal::AtMost(0.0),
    },
    Row {
        figure: "two orchestrators to one, sagas/s",
        of: |results, system| {
            let two = trivial(results, TWO, Series::full, Level::per_second)?;
            let one = trivial(results, OURS, Series::full, Level::per_second)?;
            (system == OURS).then_some(two / one)
        },
        decimals: 2,
        goal: Goal::AtLeast(0.8),
    },
    Row {
        figure: "WAL bytes a saga at full load",
        of: |results, system| postgres(results, system, |cost| Some(cost.wal_bytes)),
        decimals: 0,
        goal: Goal::Known,
    },
    Row {
        figure: "round trips to Postgres a saga at full load",
        of: |results, system| postgres(results, system, |cost| cost.round_trips),
        decimals: 3,
        goal: Goal::Known,
    },
    Row {
        figure: "commits a saga at full load",
        of: |results, system| postgres(results, system, |cost| Some(cost.commits)),
        decimals: 3,
        goal: Goal::Known,
    },
];

fn trivial(
    results: &Results,
    system: &str,
    level: fn(&Series) -> Option<&Level>,
    figure: fn(&Level) -> f64,
) -> Option<f64> {
    of(results, system, Variant::Trivial, level, figure)
}

fn of(
    results: &Results,
    system: &str,
    variant: Variant,
    level: fn(&Series) -> Option<&Level>,
    figure: fn(&Level) -> f64,
) -> Option<f64> {
    level(results.series(system, variant)?).map(figure)
}

fn best(results: &Results, system: &str, variant: Variant) -> Option<f64> {
    Some(results.series(system, variant)?.best())
}

fn memory(results: &Results, system: &str) -> Option<f64> {
    let levels = &results.series(system, Variant::Trivial)?.levels;
    let peak = |group: &str| {
        levels
            .iter()
            .filter_map(|level| level.memory_mb(group))
            .reduce(f64::max)
    };
    ["orchestrator", "server", "app"].into_iter().find_map(peak)
}

fn growth(results: &Results, system: &str, figure: fn(&Level) -> f64) -> Option<f64> {
    let (first, last) = (results.stored.first()?, results.stored.last()?);
    let grew = system == OURS && first.sagas < last.sagas;
    grew.then(|| figure(&last.level) / figure(&first.level))
}

fn sale(results: &Results, system: &str, figure: fn(&Balance) -> Option<u64>) -> Option<f64> {
    let name = Variant::FlashSale.name();
    let (_, account) = results.balances.iter().find(|(what, _)| what == name)?;
    figure(account)
        .filter(|_| system == OURS)
        .map(|figure| figure as f64)
}

fn postgres(results: &Results, system: &str, figure: fn(&PerSaga) -> Option<f64>) -> Option<f64> {
    let level = results.series(system, Variant::Trivial)?.full()?;
    level.database.as_ref().and_then(figure)
}
