//! One run: what is started for it, in which order, and what is measured on it.
//!
//! Every part has a platform of its own, so that no part is measured on the tables that another one has filled, and
//! ends with the conservation check of that platform. Only one system runs at a time.

mod feed;
mod series;
mod stage;

use std::sync::Arc;

use crate::options::{Options, Variant};
use crate::peers::Setting;
use crate::results::{OURS, Results, Series, Stored, TWO};
use crate::seats::{FLASH_SALE, HALL};
use crate::work::{Body, End, Work};
use crate::{Outcome, limits, machine, report, seats, stored};
use series::Loads;
use stage::Stage;

/// Where the trivial saga is posted.
const TRIVIALS: &str = "/v1/trivials";

/// Everything that the options ask for, part by part.
pub(crate) async fn run(options: &Options) -> Outcome<Results> {
    let variants = if options.goals {
        Variant::ALL.to_vec()
    } else {
        vec![options.variant]
    };
    let (bookings, echo): (Vec<Variant>, Vec<Variant>) =
        variants.into_iter().partition(|variant| variant.books());
    if echo.is_empty() && !options.peers().is_empty() {
        return Err("the peers run the trivial and the failing saga only".to_owned());
    }
    let mut results = Results::default();
    // The feed is measured against the plain engine in turns: that is a run of its own.
    if !echo.is_empty() && !options.feed {
        let done = engine(options, &echo, &mut results).await;
        end_part(options, &mut results, "the engine alone", done)?;
    }
    if !echo.is_empty() && !options.stored().is_empty() {
        let done = stored_sagas(options, &mut results).await;
        end_part(options, &mut results, "stored sagas", done)?;
    }
    if options.goals {
        let done = two_orchestrators(options, &mut results).await;
        end_part(options, &mut results, "two orchestrators", done)?;
    }
    if options.feed {
        let done = feed::measure(options, &mut results).await;
        end_part(options, &mut results, "the feed", done)?;
        return Ok(results);
    }
    for variant in bookings {
        let done = booking(options, variant, &mut results).await;
        end_part(options, &mut results, variant.name(), done)?;
    }
    for setting in options.peers() {
        let done = peer(options, setting, &echo, &mut results).await;
        end_part(options, &mut results, setting.name, done)?;
    }
    Ok(results)
}

/// A part that fails does not take the figures of the others with it, and neither does one that never comes.
fn end_part(options: &Options, results: &mut Results, part: &str, done: Outcome) -> Outcome {
    results.note(part, done);
    report::keep(options, results)
}

/// The engine alone: sagas whose steps do nothing, and the limits of the machine.
async fn engine(options: &Options, variants: &[Variant], results: &mut Results) -> Outcome {
    let mut stage = Stage::start(options, Variant::Trivial, options.replicas, results)?;
    for variant in variants {
        let work = of(*variant, TRIVIALS)?;
        let series = stage.series(OURS, *variant, work, curve(options)).await?;
        results.series.push(series);
    }
    results.limits = Some(limits::measure(&stage.platform, options.limit_time()).await?);
    report::print_limits(results);
    stage.settle("the engine alone", results).await
}

/// The same load again and again, with more and more ended sagas in the tables.
async fn stored_sagas(options: &Options, results: &mut Results) -> Outcome {
    let mut stage = Stage::start(options, Variant::Trivial, options.replicas, results)?;
    let work = of(Variant::Trivial, TRIVIALS)?;
    stage.warm(work.clone()).await?;
    report::print_stored_heading();
    for sagas in options.stored() {
        let database = stage.platform.database();
        let before = stored::stored(database)?;
        let free = machine::free_bytes(&stage.platform.folder())?;
        match stored::fill(database, sagas, options.days, options.fill_patience(), free)? {
            stored::Filled::Done => {}
            stored::Filled::Refused(why) => results.not_stored.push((sagas, why)),
        }
        let there = stored::stored(database)?;
        stage.filled += there - before;
        if there < sagas {
            report::print_not_stored(results);
            break;
        }
        let level = stage.level(&work, options.full(), options.times()).await?;
        results.stored.push(Stored {
            sagas: there,
            level,
        });
        report::print_stored(results);
    }
    stage.settle("stored sagas", results).await
}

/// Two orchestrators share what one can do.
async fn two_orchestrators(options: &Options, results: &mut Results) -> Outcome {
    let mut stage = Stage::start(options, Variant::Trivial, 2, results)?;
    let work = of(Variant::Trivial, TRIVIALS)?;
    let loads = Loads::closed(vec![options.full()]);
    let series = stage.series(TWO, Variant::Trivial, work, loads).await?;
    results.series.push(series);
    stage.settle("two orchestrators", results).await
}

/// Real bookings: a seat for each buyer, or fewer seats than buyers.
async fn booking(options: &Options, variant: Variant, results: &mut Results) -> Outcome {
    let mut stage = Stage::start(options, variant, options.replicas, results)?;
    let path = "/v1/bookings";
    let database = stage.platform.database();
    let (work, loads) = match variant {
        Variant::FlashSale => {
            let (buyers, sale) = options.sale();
            let seats = seats::build(database, FLASH_SALE, sale)?;
            let (event, wanted) = (FLASH_SALE, seats::rush(&seats, buyers));
            let work = Work::new(path, Body::Seats { event, wanted }, &End::ALL);
            let loads = Loads {
                until_done: true,
                ..Loads::closed(vec![options.full()])
            };
            (work, loads)
        }
        Variant::Trivial | Variant::Failing | Variant::Booking => {
            let wanted = seats::build(database, HALL, options.seats())?;
            let event = HALL;
            let work = Work::new(path, Body::Seats { event, wanted }, &[End::Completed]);
            (work, Loads::closed(options.loads()))
        }
    };
    let series = stage.series(OURS, variant, Arc::new(work), loads).await?;
    results.series.push(series);
    stage.settle(variant.name(), results).await
}

/// Another engine, with the same load.
async fn peer(
    options: &Options,
    setting: Setting,
    variants: &[Variant],
    results: &mut Results,
) -> Outcome {
    let mut peer = setting.start()?;
    for variant in variants {
        let work = of(*variant, peer.path)?;
        let name = format!("{}: {}", setting.name, variant.name());
        let measured = series::series(
            options,
            &peer.target(),
            peer.database(),
            &name,
            &work,
            curve(options),
        )
        .await;
        if measured.is_err() {
            peer.must_run()?;
        }
        results.series.push(Series {
            system: setting.name.to_owned(),
            version: peer.version.clone(),
            variant: *variant,
            levels: measured?,
        });
    }
    Ok(())
}

fn curve(options: &Options) -> Loads {
    Loads {
        rate: Some(options.rate).filter(|rate| *rate > 0.0),
        ..Loads::closed(options.loads())
    }
}

fn of(variant: Variant, path: &'static str) -> Outcome<Arc<Work>> {
    match variant {
        Variant::Trivial => Ok(Arc::new(Work::trivial(path))),
        Variant::Failing => Ok(Arc::new(Work::failing(path))),
        Variant::Booking | Variant::FlashSale => {
            Err(format!("only Impresario runs the {} saga", variant.name()))
        }
    }
}
