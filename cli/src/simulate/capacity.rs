//! A capacity plan as a table.

use impresario_workflows::simulate::{CapacityPlan, PoolPlan};

use crate::output;

pub(super) fn told(plan: &CapacityPlan) -> String {
    let rows: Vec<Vec<String>> = plan.pools.iter().map(pool).collect();
    let head = [
        "POOL",
        "TASKS",
        "TAKES",
        "BUSY",
        "WORKERS",
        "SLOTS",
        "REPLICAS",
        "MIN",
        "MAX",
        "BACKLOG",
        "WAIT BY FORMULA",
        "SIMULATED",
    ];
    let mut text = format!(
        "Workers for {} starts, {} of tasks waiting at most {}, up to {} times that at the peak\n{}",
        plan.rate,
        plan.target_share,
        plan.target_wait,
        plan.peak,
        output::table(&head, &rows)
    );
    for pool in plan.pools.iter().filter(|pool| !pool.kept) {
        text.push_str(&format!(
            "\n{}: the simulation does not keep the target with {} workers",
            pool.pool, pool.workers
        ));
    }
    text
}

fn pool(pool: &PoolPlan) -> Vec<String> {
    let workers = if pool.workers == pool.formula_workers {
        pool.workers.to_string()
    } else {
        format!("{} (formula {})", pool.workers, pool.formula_workers)
    };
    vec![
        pool.pool.clone(),
        pool.tasks.rounded(),
        pool.takes.rounded(),
        format!(
            "{}.{}",
            pool.busy_milli / 1000,
            pool.busy_milli % 1000 / 100
        ),
        workers,
        pool.slots.to_string(),
        pool.replicas.to_string(),
        pool.replicas_min.to_string(),
        pool.replicas_max.to_string(),
        pool.backlog_per_replica.to_string(),
        pool.formula.at_share.rounded(),
        pool.simulated.at_share.rounded(),
    ]
}
