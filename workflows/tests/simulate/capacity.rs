//! The capacity plan: the formula agrees with the simulation where its assumptions hold, and the plan keeps its
//! target where they do not.

use impresario_workflows::Definition;
use impresario_workflows::simulate::{CapacityPlan, Demand, Profile, plan_capacity};

use crate::fixture::{BOOKING_PROFILE, parsed, profile, shipped};

fn demand(rate: &str, target: &str) -> Demand {
    Demand {
        rate: rate.parse().unwrap(),
        peak: 3,
        target_wait: target.parse().unwrap(),
        target_share: "95%".parse().unwrap(),
        seed: 7,
        sagas: 20_000,
    }
}

/// One step, and tasks whose duration remembers nothing: M/M/c to the letter.
fn memoryless(mean: &str) -> (Definition, Profile) {
    let definition = parsed(
        "one",
        "saga: one\nversion: 1\nsteps:\n  look: { task: desk/look, readonly: true, timeout: 10m }\n",
    );
    let text = format!(
        "overhead: 0ms\nsteps:\n  look: {{ latency: {{ mean: {mean} }}, failed: 0%, unknown: 0%, lost: 0%, broken: 0% }}\n"
    );
    let profile = profile(&definition, &text);
    (definition, profile)
}

#[test]
fn the_formula_is_what_the_simulation_sees() {
    // One worker or two; some; many.
    for (rate, mean, target) in [
        ("5/s", "100ms", "300ms"),
        ("40/s", "100ms", "150ms"),
        ("60/s", "250ms", "60ms"),
    ] {
        let (definition, profile) = memoryless(mean);
        let plan = plan_capacity(&definition, &profile, demand(rate, target)).unwrap();
        let pool = &plan.pools[0];
        // Few congestions in one run: the formula is held to it more closely beside the queue itself.
        let near = |one: u64, other: u64| one.abs_diff(other) <= one.max(other) / 3 + 500;
        let (formula, simulated) = (pool.formula, pool.simulated);
        assert!(
            near(formula.mean.micros(), simulated.mean.micros()),
            "{rate}: {pool:?}"
        );
        assert!(
            near(formula.at_share.micros(), simulated.at_share.micros()),
            "{rate}: {pool:?}"
        );
        assert!(
            pool.kept && pool.workers <= pool.formula_workers + 1,
            "{rate}: {pool:?}"
        );
    }
}

fn booking(rate: &str, target: &str) -> CapacityPlan {
    let booking = shipped("booking");
    let profile = profile(&booking, BOOKING_PROFILE);
    let demand = Demand {
        sagas: 2_000,
        ..demand(rate, target)
    };
    plan_capacity(&booking, &profile, demand).unwrap()
}

#[test]
fn a_plan_keeps_its_target_and_grows_with_the_rate() {
    let (small, large) = (booking("5/s", "50ms"), booking("200/s", "50ms"));
    let names: Vec<&str> = small.pools.iter().map(|pool| pool.pool.as_str()).collect();
    assert_eq!(names, ["booking", "catalog", "notification", "payment"]);
    for (small, large) in small.pools.iter().zip(&large.pools) {
        assert!(small.kept && large.kept, "{small:?} {large:?}");
        assert!(small.workers <= large.workers, "{small:?} {large:?}");
        assert!(
            small.replicas_min >= 2 && small.replicas_max > small.replicas_min,
            "{small:?}"
        );
    }
    // Two payments a booking, some 300 ms each: over a hundred workers busy, five replicas of 32.
    let payment = &large.pools[3];
    assert!(
        (95_000..135_000).contains(&payment.busy_milli),
        "{payment:?}"
    );
    assert!((4..=6).contains(&payment.replicas), "{payment:?}");
    assert_eq!(
        booking("200/s", "50ms"),
        large,
        "the same seed, the same plan"
    );
}
