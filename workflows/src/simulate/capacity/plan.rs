//! The capacity plan: workers, replicas and autoscaling bounds for each pool.

use super::super::hold::holds;
use super::super::profile::Profile;
use super::super::run::{Error, Run};
use super::super::spread::Spread;
use super::super::units::{Rate, Share, Span};
use super::crowd::{Crowd, CrowdOptions, Seen};
use super::erlang::{Load, Staffed, WORKERS_MAX};
use crate::definition::Definition;
use crate::rehearse::Micros;

/// Tasks that a replica works on at the same time when neither the profile nor the caller says.
const SLOTS: u32 = 16;

/// A pool never has fewer replicas: one of them may be replaced at any moment.
const REPLICAS_MIN: u32 = 2;

/// The simulation may ask for more workers this many times; then what it saw is reported as it is.
const ROUNDS_MAX: usize = 12;

/// Of the backlog that a replica could work off within the target: this much, in hundredths. The rest is for tasks
/// that arrive meanwhile.
const BACKLOG_PERCENT: u64 = 70;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Starts.
    pub rate: Rate,
    /// At the peak so many times the rate, at least 1.
    pub peak: u32,
    /// How long a task may wait for a worker.
    pub target_wait: Span,
    /// The share of tasks that must keep it.
    pub target_share: Share,
    /// Where all chances come from.
    pub seed: u64,
    /// Sagas that the plan is checked with.
    pub sagas: u64,
}

/// Workers for a start rate.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CapacityPlan {
    /// Starts.
    pub rate: Rate,
    /// At the peak so many times that.
    pub peak: u32,
    /// How long a task may wait.
    pub target_wait: Span,
    /// The share of tasks that must keep it.
    pub target_share: Share,
    /// By pool, in alphabetical order.
    pub pools: Vec<PoolPlan>,
}

/// One pool.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PoolPlan {
    /// Its name.
    pub pool: String,
    /// Its tasks.
    pub tasks: Rate,
    /// Mean duration of a task.
    pub takes: Span,
    /// Workers that are busy on average, in thousandths.
    pub busy_milli: u64,
    /// Workers that the formula asks for.
    pub formula_workers: u32,
    /// Workers with which the simulation keeps the target.
    pub workers: u32,
    /// Tasks that a replica works on at the same time.
    pub slots: u32,
    /// Replicas for these workers.
    pub replicas: u32,
    /// Lower bound for the autoscaler.
    pub replicas_min: u32,
    /// Upper bound: what the peak needs.
    pub replicas_max: u32,
    /// Tasks in the queue, for each replica, at which another one is worth starting.
    pub backlog_per_replica: u64,
    /// Waits by the formula, with `workers`.
    pub formula: Waits,
    /// Waits in the simulation, with `workers`.
    pub simulated: Waits,
    /// Quantiles of the simulated waits.
    pub spread: Spread,
    /// Whether the simulation keeps the target.
    pub kept: bool,
}

/// Waits for a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Waits {
    /// Over all tasks, those that do not wait included.
    pub mean: Span,
    /// What the target's share of tasks stays under.
    pub at_share: Span,
}

/// Plans the pools of a definition.
pub fn plan_capacity(
    definition: &Definition,
    profile: &Profile,
    demand: Demand,
) -> Result<CapacityPlan, Error> {
    Run::new(definition, profile).completes_without_faults()?;
    let crowd = Crowded {
        definition,
        profile,
        demand,
    };
    let names = definition.pools();
    let (free, counted) = crowd.run(&vec![u32::MAX; names.len()])?;
    let loads: Vec<Load> = free.iter().map(|seen| load(seen, counted)).collect();
    let fewest = |load: &Load| load.fewest(demand.target_wait.0, demand.target_share.0);
    let formula: Vec<u32> = loads.iter().map(|load| workers(fewest(load))).collect();
    let (staffed, mut seen) = crowd.until_kept(formula.clone())?;
    let pools = names
        .into_iter()
        .enumerate()
        .map(|(place, pool)| {
            let slots = profile.slots.get(&pool).copied().unwrap_or(SLOTS);
            let peak = loads[place].times(demand.peak);
            PoolPlan::of(
                pool,
                loads[place],
                slots,
                &demand,
                Found {
                    formula: formula[place],
                    staffed: staffed[place],
                    peak: workers(fewest(&peak)),
                    seen: &mut seen[place],
                },
            )
        })
        .collect();
    Ok(CapacityPlan {
        rate: demand.rate,
        peak: demand.peak,
        target_wait: demand.target_wait,
        target_share: demand.target_share,
        pools,
    })
}

fn workers(staffed: Option<Staffed>) -> u32 {
    staffed.map_or(WORKERS_MAX, Staffed::workers)
}

/// The load that a pool with more workers than tasks has seen.
fn load(seen: &Seen, counted: Micros) -> Load {
    let tasks = seen.waits.len() as u64;
    let per_megasecond = u128::from(tasks) * 1_000_000_000_000 / u128::from(counted.max(1));
    Load {
        per_megasecond: u64::try_from(per_megasecond).unwrap_or(u64::MAX),
        takes: seen.worked / tasks.max(1),
    }
}

/// The simulation that a plan is checked with.
#[derive(Clone, Copy)]
struct Crowded<'d> {
    definition: &'d Definition,
    profile: &'d Profile,
    demand: Demand,
}

impl Crowded<'_> {
    fn run(&self, workers: &[u32]) -> Result<(Vec<Seen>, Micros), Error> {
        let options = CrowdOptions {
            seed: self.demand.seed,
            sagas: self.demand.sagas,
            rate: self.demand.rate,
        };
        let holds = holds(self.definition, self.profile);
        let crowd = Crowd::new(self.definition, self.profile, &holds, options, workers);
        Ok(crowd.run()?)
    }

    /// Adds workers where the target is missed until it is kept.
    fn until_kept(&self, mut workers: Vec<u32>) -> Result<(Vec<u32>, Vec<Seen>), Error> {
        for _ in 0..ROUNDS_MAX {
            let (mut seen, _) = self.run(&workers)?;
            let missed: Vec<bool> = seen
                .iter_mut()
                .map(|seen| !keeps(seen, &self.demand))
                .collect();
            if !missed.contains(&true) {
                return Ok((workers, seen));
            }
            for (workers, missed) in workers.iter_mut().zip(missed) {
                // A twentieth more, at least one: a big pool must not need a hundred rounds.
                *workers += if missed { (*workers / 20).max(1) } else { 0 };
            }
        }
        let (seen, _) = self.run(&workers)?;
        Ok((workers, seen))
    }
}

fn keeps(seen: &mut Seen, demand: &Demand) -> bool {
    at_share(&mut seen.waits, demand.target_share) <= demand.target_wait
}

/// The wait that a share of the tasks stays under, by nearest rank.
fn at_share(waits: &mut [Micros], share: Share) -> Span {
    waits.sort_unstable();
    let rank = (waits.len() as u128 * u128::from(share.0)).div_ceil(1_000_000) as usize;
    Span(
        rank.checked_sub(1)
            .and_then(|place| waits.get(place))
            .copied()
            .unwrap_or(0),
    )
}

/// What was found out about a pool.
struct Found<'s> {
    formula: u32,
    staffed: u32,
    peak: u32,
    seen: &'s mut Seen,
}

impl PoolPlan {
    fn of(pool: String, load: Load, slots: u32, demand: &Demand, found: Found<'_>) -> PoolPlan {
        let by_formula = load
            .staffed(found.staffed)
            .map_or_else(Waits::default, |staffed| Waits {
                mean: Span(staffed.mean_wait()),
                at_share: Span(staffed.wait_at(demand.target_share.0)),
            });
        let waits = &mut found.seen.waits;
        let mean = waits.iter().sum::<Micros>() / (waits.len() as u64).max(1);
        let replicas = found.staffed.div_ceil(slots);
        let replicas_min = replicas.max(REPLICAS_MIN);
        let backlog =
            u128::from(demand.target_wait.0) * u128::from(slots) * u128::from(BACKLOG_PERCENT)
                / (100 * u128::from(load.takes.max(1)));
        PoolPlan {
            pool,
            tasks: Rate {
                per_kilosecond: load.per_megasecond / 1000,
            },
            takes: Span(load.takes),
            busy_milli: load.offered_milli(),
            formula_workers: found.formula,
            workers: found.staffed,
            slots,
            replicas,
            replicas_min,
            replicas_max: found
                .peak
                .max(found.staffed)
                .div_ceil(slots)
                .max(replicas_min + 1),
            backlog_per_replica: u64::try_from(backlog).unwrap_or(u64::MAX).max(1),
            formula: by_formula,
            kept: keeps(found.seen, demand),
            simulated: Waits {
                mean: Span(mean),
                at_share: at_share(&mut found.seen.waits, demand.target_share),
            },
            spread: Spread::of(&mut found.seen.waits),
        }
    }
}
