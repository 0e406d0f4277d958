//! Our platform while it is measured, with the account of what was run on it.

use std::sync::Arc;

use super::series::{self, Loads};
use crate::load::{Level, Load, Times};
use crate::options::{Options, Variant};
use crate::platform::{Platform, Setup};
use crate::results::{Results, Series};
use crate::work::Work;
use crate::{Outcome, conservation, machine, report, stored, work};

/// Our platform while it is measured.
pub(super) struct Stage<'o> {
    options: &'o Options,
    pub(super) platform: Platform,
    works: Vec<Arc<Work>>,
    /// Completed sagas that are in the tables, but were not run.
    pub(super) filled: u64,
}

impl<'o> Stage<'o> {
    pub(super) fn start(
        options: &'o Options,
        variant: Variant,
        orchestrators: usize,
        results: &mut Results,
    ) -> Outcome<Self> {
        Self::start_with(options, variant, orchestrators, false, results)
    }

    pub(super) fn start_with(
        options: &'o Options,
        variant: Variant,
        orchestrators: usize,
        feed: bool,
        results: &mut Results,
    ) -> Outcome<Self> {
        let platform = Platform::start(Setup {
            impresario: options.impresario.clone(),
            orchestrators,
            pools: variant.pools(),
            workers: options.workers.unwrap_or(variant.workers()),
            slots: options.slots,
            feed,
        })?;
        stored::keep_days(platform.database(), options.days)?;
        if results.machine.is_null() {
            results.machine = machine::describe(options, &platform);
            report::print_machine(&results.machine);
        }
        Ok(Self {
            options,
            platform,
            works: Vec::new(),
            filled: 0,
        })
    }

    pub(super) async fn series(
        &mut self,
        system: &str,
        variant: Variant,
        work: Arc<Work>,
        loads: Loads,
    ) -> Outcome<Series> {
        self.works.push(work.clone());
        let name = format!("{system}: {}", variant.name());
        let target = self.platform.target();
        let database = Some(self.platform.database());
        let levels = series::series(self.options, &target, database, &name, &work, loads).await;
        if levels.is_err() {
            // A program that has died explains a failure better than the request that it left without an answer.
            self.platform.must_run()?;
        }
        Ok(Series {
            system: system.to_owned(),
            version: String::new(),
            variant,
            levels: levels?,
        })
    }

    pub(super) async fn level(&self, work: &Arc<Work>, load: Load, times: Times) -> Outcome<Level> {
        let database = Some(self.platform.database());
        series::level(&self.platform.target(), database, work, load, times).await
    }

    /// Sagas to make copies of.
    pub(super) async fn warm(&mut self, work: Arc<Work>) -> Outcome {
        self.works.push(work.clone());
        let apis = self.platform.target().apis;
        work::probe(&work, *apis.first().ok_or("there is nobody to ask")?).await
    }

    pub(super) async fn settle(self, what: &str, results: &mut Results) -> Outcome {
        let bookings = self.platform.has_pool("catalog");
        let works = self.works.iter().map(AsRef::as_ref);
        let database = self.platform.database();
        let balance = conservation::check(database, works, self.filled, bookings).await?;
        report::print_balance(what, &balance);
        results.balances.push((what.to_owned(), balance));
        Ok(())
    }
}
