//! What the feed costs: the trivial saga at full load, without and with it, in turns on fresh platforms.
//!
//! In turns, because a machine that others use changes while we measure. The ratio is what counts, and of CPU more than of
//! speed.

use std::time::{Duration, Instant};

use super::series::Loads;
use super::stage::Stage;
use super::{TRIVIALS, of};
use crate::Outcome;
use crate::load::Level;
use crate::options::{Options, Variant};
use crate::platform::Platform;
use crate::results::{OURS, Results, Series, TELLING};

/// Turns of both.
const TURNS: usize = 3;

/// The feed has caught up within this, or something is wrong.
const PATIENCE: Duration = Duration::from_secs(300);

/// Measures both, and prints the ratios.
pub(super) async fn measure(options: &Options, results: &mut Results) -> Outcome {
    let turns = if options.quick { 1 } else { TURNS };
    for _ in 0..turns {
        for (system, feed) in [(OURS, false), (TELLING, true)] {
            let mut stage =
                Stage::start_with(options, Variant::Trivial, options.replicas, feed, results)?;
            let work = of(Variant::Trivial, TRIVIALS)?;
            let loads = Loads::closed(vec![options.full()]);
            let series = stage.series(system, Variant::Trivial, work, loads).await?;
            results.series.push(series);
            if feed {
                catch_up(&stage.platform)?;
            }
            stage.settle(system, results).await?;
        }
    }
    let speed = ratio(results, Level::per_second)?;
    let cpu = ratio(results, Level::cpu_per_thousand)?;
    println!("with the feed: {speed:.3} of the sagas a second, {cpu:.3} of the CPU a saga");
    Ok(())
}

/// How long what waits takes once nothing else is going on.
fn catch_up(platform: &Platform) -> Outcome {
    let facts = "select coalesce(sum(cardinality(seqs)), 0) from impresario.feed";
    let (began, waited) = (Instant::now(), platform.database().count(facts)?);
    while platform.database().count(facts)? > 0 {
        if began.elapsed() > PATIENCE {
            return Err("the feed does not catch up".to_owned());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("  {waited} facts were waiting at the end of the load; told in {seconds:.2} s");
    Ok(())
}

/// With the feed by without it: the medians of the turns.
fn ratio(results: &Results, figure: fn(&Level) -> f64) -> Outcome<f64> {
    let median = |system: &str| {
        let mut figures: Vec<f64> = results
            .series
            .iter()
            .filter(|series| series.system == system)
            .filter_map(Series::full)
            .map(figure)
            .collect();
        figures.sort_by(f64::total_cmp);
        figures.get(figures.len() / 2).copied()
    };
    match (median(TELLING), median(OURS)) {
        (Some(with), Some(without)) if without > 0.0 => Ok(with / without),
        _ => Err("one of the two was not measured".to_owned()),
    }
}
