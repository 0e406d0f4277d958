//! For whoever scales: do workers keep up, and would more of them help?

use impresario_metrics::table::{
    QUEUE_AGE, QUEUE_BACKLOG, QUEUE_CONSUMERS, QUEUE_READY, SCHEDULE_TO_START, TASK_DURATION,
    WORKER_CONNECTED, WORKER_DRAINING, WORKER_REDELIVERED, WORKER_RESENT, WORKER_SLOTS,
    WORKER_TASKS,
};

use crate::panel::{Board, Draw, Panel, Row, Scale, panel};

pub(super) fn board() -> Board {
    Board {
        uid: "impresario-workers",
        title: "Worker pools",
        description: "Do workers keep up, and would more of them help?",
        traces: None,
        rows: vec![
            Row {
                title: "Load",
                panels: load(),
            },
            Row {
                title: "Backlog",
                panels: backlog(),
            },
            Row {
                title: "Work",
                panels: work(),
            },
            Row {
                title: "Scaling and drain",
                panels: scaling(),
            },
        ],
    }
}

fn load() -> Vec<Panel> {
    vec![
        panel(
            Draw::Lines,
            Scale::Share,
            "Slots in use",
            "The signal that workers are scaled by: rises before a backlog does. 70 % is the target.",
            "{{pool}}",
            format!(
                r#"sum by (pool) ({WORKER_SLOTS}{{pool=~"$pool",state="used"}}) / sum by (pool) ({WORKER_SLOTS}{{pool=~"$pool",state="total"}})"#
            ),
        ),
        panel(
            Draw::Lines,
            Scale::Count,
            "Slots",
            "Tasks that may run at the same time.",
            "{{pool}} {{state}}",
            format!(r#"sum by (pool, state) ({WORKER_SLOTS}{{pool=~"$pool"}})"#),
        ),
        panel(
            Draw::Lines,
            Scale::Count,
            "Workers connected",
            "To the broker; what the broker itself counts beside it.",
            "{{pool}}",
            format!(r#"sum by (pool) ({WORKER_CONNECTED}{{pool=~"$pool"}})"#),
        )
        .and(
            "{{queue}} consumers",
            format!(r#"max by (queue) ({QUEUE_CONSUMERS}{{queue=~"$pool"}})"#),
        ),
    ]
}

fn backlog() -> Vec<Panel> {
    vec![
        panel(
            Draw::Lines,
            Scale::Count,
            "Backlog in tasks",
            "In the queue and held back by the outbox.",
            "{{queue}}",
            format!(r#"max by (queue) ({QUEUE_BACKLOG}{{queue=~"$pool"}})"#),
        )
        .and(
            "{{queue}} messages",
            format!(r#"max by (queue) ({QUEUE_READY}{{queue=~"$pool"}})"#),
        ),
        panel(
            Draw::Lines,
            Scale::Seconds,
            "Age of what waits, at most",
            "Time since the queue was last seen empty.",
            "{{queue}}",
            format!(r#"max by (queue) ({QUEUE_AGE}{{queue=~"$pool"}})"#),
        ),
        panel(
            Draw::Lines,
            Scale::Seconds,
            "Schedule to start, p99",
            "From a task's publication to its start in a slot. The objective is 99 % within half a second.",
            "{{queue}}",
            format!(
                r#"histogram_quantile(0.99, sum by (queue, le) (rate({SCHEDULE_TO_START}_bucket{{queue=~"$pool"}}[$__rate_interval])))"#
            ),
        ),
    ]
}

fn work() -> Vec<Panel> {
    vec![
        panel(
            Draw::Lines,
            Scale::PerSecond,
            "Tasks, by pool",
            "Answered, whatever the answer.",
            "{{pool}}",
            format!(r#"sum by (pool) (rate({WORKER_TASKS}{{pool=~"$pool"}}[$__rate_interval]))"#),
        ),
        panel(
            Draw::Stacked,
            Scale::PerSecond,
            "Tasks that did not succeed",
            "rejected is business; expired came too late to be started.",
            "{{pool}} {{outcome}}",
            format!(
                r#"sum by (pool, outcome) (rate({WORKER_TASKS}{{pool=~"$pool",outcome=~"rejected|failed|unknown|refused|expired|still_open"}}[$__rate_interval]))"#
            ),
        ),
        panel(
            Draw::Lines,
            Scale::Seconds,
            "Task, p95",
            "From its start in a slot to its answer.",
            "{{pool}}",
            format!(
                r#"histogram_quantile(0.95, sum by (pool, le) (rate({TASK_DURATION}_bucket{{pool=~"$pool"}}[$__rate_interval])))"#
            ),
        ),
    ]
}

fn scaling() -> Vec<Panel> {
    vec![
        panel(
            Draw::Lines,
            Scale::Count,
            "Autoscaler: wanted and there",
            "From kube-state-metrics. Wanted at the most, and slots full: raise the most.",
            "{{horizontalpodautoscaler}} wanted",
            "max by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_desired_replicas)".to_owned(),
        )
        .and(
            "{{horizontalpodautoscaler}} there",
            "max by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_current_replicas)".to_owned(),
        )
        .fed_by("kube-state-metrics"),
        panel(
            Draw::Lines,
            Scale::Count,
            "Draining",
            "Workers that finish what they have, and tasks that they still have.",
            "{{pool}} workers",
            format!(r#"sum by (pool) ({WORKER_DRAINING}{{pool=~"$pool"}})"#),
        )
        .and(
            "{{pool}} tasks",
            format!(
                r#"sum by (pool) ({WORKER_SLOTS}{{pool=~"$pool",state="used"}} and on (instance, pool) ({WORKER_DRAINING} == 1))"#
            ),
        ),
        panel(
            Draw::Lines,
            Scale::PerSecond,
            "Delivered again, answered again",
            "After a lost worker or connection. The barrier makes it harmless.",
            "{{pool}} delivered again",
            format!(
                r#"sum by (pool) (rate({WORKER_REDELIVERED}{{pool=~"$pool"}}[$__rate_interval]))"#
            ),
        )
        .and(
            "{{pool}} answered again",
            format!(r#"sum by (pool) (rate({WORKER_RESENT}{{pool=~"$pool"}}[$__rate_interval]))"#),
        ),
    ]
}
