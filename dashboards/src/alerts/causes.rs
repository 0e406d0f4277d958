//! Causes: things that are wrong in themselves, whether a customer feels it yet or not.

use impresario_metrics::table::{
    CALL_DURATION, COMMITS_LOST, COMPENSATIONS_PARKED, DEPENDENCY_UP, ENGINE_FAULTS, FEED_AGE,
    LEASES_LOST, OUTBOX_AGE, PG_ARCHIVE_FAILURES, PG_CONNECTIONS, PG_LAG, QUEUE_AGE, QUEUE_BACKLOG,
    QUEUE_CONSUMERS, RESULTS_ORPHANED, RESULTS_UNREADABLE, SAGA_IN_FLIGHT, SAGA_OLDEST_AGE,
    SAGA_REJECTED, SAGA_STARTED, TIMERS_OVERDUE, UNKNOWN_OUTCOMES, WORKER_SLOTS,
};

use super::Severity::{Page, Ticket};
use super::{Alert, Group, growth, level, trial};

fn group(name: &'static str, alerts: Vec<Alert>) -> Group {
    Group {
        name,
        interval: "30s",
        records: Vec::new(),
        alerts,
    }
}

pub(super) fn sagas() -> Group {
    let stuck = format!(r#"{SAGA_IN_FLIGHT}{{saga_type="booking",phase="stuck"}}"#);
    group(
        "sagas",
        vec![
            Alert {
                name: "SagaStuck",
                expr: format!(r#"max by (saga_type) ({SAGA_IN_FLIGHT}{{phase="stuck"}}) > 0"#),
                pending: "10m",
                severity: Page,
                team: "support",
                labels: vec![],
                summary: "Sagas stand before a human",
                description: "{{ $value }} of {{ $labels.saga_type }} wait for somebody: each may be a charge without a seat, or a seat without a charge.".to_owned(),
                board: "impresario-sagas",
                trial: trial(15, vec![level(stuck, 1.0, 0.0, 0.0)]),
            },
            Alert {
                name: "SagaOldestInFlightTooOld",
                expr: format!("max by (saga_type) ({SAGA_OLDEST_AGE}) > 1800"),
                pending: "5m",
                severity: Ticket,
                team: "platform",
                labels: vec![],
                summary: "A saga that waits for nobody does not end",
                description: "The oldest of {{ $labels.saga_type }} is {{ $value | humanizeDuration }} old, and neither stuck nor waiting.".to_owned(),
                board: "impresario-sagas",
                trial: trial(
                    10,
                    vec![level(format!(r#"{SAGA_OLDEST_AGE}{{saga_type="booking"}}"#), 1801.0, 1799.0, 5.0)],
                ),
            },
            Alert {
                name: "CompensationFailing",
                expr: format!("sum by (saga_type) (increase({COMPENSATIONS_PARKED}[15m])) > 0"),
                pending: "0m",
                severity: Page,
                team: "support",
                labels: vec![],
                summary: "Something could not be undone",
                description: "{{ $value | humanize }} compensations of {{ $labels.saga_type }} ran out of attempts within 15 minutes.".to_owned(),
                board: "impresario-sagas",
                trial: trial(
                    20,
                    vec![growth(format!(r#"{COMPENSATIONS_PARKED}{{saga_type="booking"}}"#), 0.1, 0.0, 0.0)],
                ),
            },
            Alert {
                name: "UnknownOutcomesHigh",
                expr: format!(
                    "sum by (saga_type) (rate({UNKNOWN_OUTCOMES}[10m])) / (sum by (saga_type) (rate({SAGA_STARTED}[10m])) > 0) > 0.02"
                ),
                pending: "5m",
                severity: Ticket,
                team: "platform",
                labels: vec![],
                summary: "Too many steps of which nobody knows whether they acted",
                description: "{{ $value | humanizePercentage }} of {{ $labels.saga_type }} had to ask what became of a step.".to_owned(),
                board: "impresario-sagas",
                trial: trial(
                    20,
                    vec![
                        growth(format!(r#"{UNKNOWN_OUTCOMES}{{saga_type="booking"}}"#), 2.1, 1.9, 0.0),
                        growth(format!(r#"{SAGA_STARTED}{{saga_type="booking"}}"#), 100.0, 100.0, 100.0),
                    ],
                ),
            },
            Alert {
                name: "DeclinesHigh",
                expr: format!(
                    r#"sum(rate({SAGA_REJECTED}{{code=~"card_declined|insufficient_funds|card_expired|fraud_suspected"}}[30m])) / (sum(rate({SAGA_STARTED}{{saga_type=~".*booking.*"}}[30m])) > 0) > 0.3"#
                ),
                pending: "15m",
                severity: Ticket,
                team: "business",
                labels: vec![],
                summary: "Banks decline far more than usual",
                description: "{{ $value | humanizePercentage }} of the bookings end in a decline: a form that sends bad tokens, a provider in trouble, or an attack with stolen cards.".to_owned(),
                board: "impresario-business",
                trial: trial(
                    60,
                    vec![
                        growth(format!(r#"{SAGA_REJECTED}{{saga_type="booking",code="card_declined"}}"#), 31.0, 29.0, 5.0),
                        growth(format!(r#"{SAGA_STARTED}{{saga_type="booking"}}"#), 100.0, 100.0, 100.0),
                    ],
                ),
            },
        ],
    )
}

pub(super) fn engine() -> Group {
    group(
        "engine",
        vec![
            Alert {
                name: "EngineFault",
                expr: format!("sum(increase({ENGINE_FAULTS}[15m])) > 0"),
                pending: "0m",
                severity: Page,
                team: "platform",
                labels: vec![],
                summary: "The engine set a saga aside because it could not decide",
                description: "{{ $value | humanize }} faults within 15 minutes. A mistake of the engine or of a new version.".to_owned(),
                board: "impresario-engine",
                trial: trial(20, vec![growth(format!(r#"{ENGINE_FAULTS}{{instance="a"}}"#), 0.1, 0.0, 0.0)]),
            },
            Alert {
                name: "OutboxLagHigh",
                expr: format!("max({OUTBOX_AGE}) > 60"),
                pending: "2m",
                severity: Ticket,
                team: "platform",
                labels: vec![],
                summary: "Tasks do not reach their queues",
                description: "The oldest outbox row is {{ $value | humanizeDuration }} past its due.".to_owned(),
                board: "impresario-engine",
                trial: trial(5, vec![level(OUTBOX_AGE.to_string(), 61.0, 59.0, 0.0)]),
            },
            Alert {
                name: "FeedBehind",
                expr: format!("max by (topic) ({FEED_AGE}) > 300"),
                pending: "5m",
                severity: Ticket,
                team: "platform",
                labels: vec![],
                summary: "What happens is not told on Kafka",
                description: "The oldest event of {{ $labels.topic }} has waited for {{ $value | humanizeDuration }}. Sagas go on; nothing is lost.".to_owned(),
                board: "impresario-dependencies",
                trial: trial(
                    10,
                    vec![level(format!(r#"{FEED_AGE}{{topic="impresario.sagas.v1"}}"#), 301.0, 299.0, 0.0)],
                ),
            },
            Alert {
                name: "LeaseChurn",
                expr: format!("sum(increase({LEASES_LOST}[15m])) > 8"),
                pending: "5m",
                severity: Ticket,
                team: "platform",
                labels: vec![],
                summary: "Results partitions change hands all the time",
                description: "{{ $value | humanize }} leases were lost within 15 minutes: replicas restart, are frozen, or do not reach the database.".to_owned(),
                board: "impresario-engine",
                trial: trial(30, vec![growth(format!(r#"{LEASES_LOST}{{instance="a"}}"#), 0.6, 0.5, 0.0)]),
            },
            Alert {
                name: "FencingRejections",
                expr: format!("sum(rate({COMMITS_LOST}[10m])) > 1"),
                pending: "10m",
                severity: Ticket,
                team: "platform",
                labels: vec![],
                summary: "Replicas decide the same sagas",
                description: "{{ $value | humanize }} decisions a second lose to another replica. Harmless, and wasted.".to_owned(),
                board: "impresario-engine",
                trial: trial(30, vec![growth(format!(r#"{COMMITS_LOST}{{instance="a"}}"#), 66.0, 54.0, 0.0)]),
            },
            Alert {
                name: "TimersLate",
                expr: format!("max({TIMERS_OVERDUE}) > 0"),
                pending: "5m",
                severity: Ticket,
                team: "platform",
                labels: vec![],
                summary: "Sagas that are due are not looked at",
                description: "{{ $value }} sagas have been due for more than five seconds, all the time.".to_owned(),
                board: "impresario-engine",
                trial: trial(10, vec![level(TIMERS_OVERDUE.to_string(), 1.0, 0.0, 0.0)]),
            },
            Alert {
                name: "ResultsLost",
                expr: format!(
                    "sum(increase({RESULTS_ORPHANED}[30m])) + sum(increase({RESULTS_UNREADABLE}[30m])) > 0"
                ),
                pending: "0m",
                severity: Ticket,
                team: "platform",
                labels: vec![],
                summary: "Results that belong to no saga, or that cannot be read",
                description: "{{ $value | humanize }} within 30 minutes: a database that went back, or workers of another version.".to_owned(),
                board: "impresario-engine",
                trial: trial(
                    35,
                    vec![
                        growth(format!(r#"{RESULTS_ORPHANED}{{instance="a"}}"#), 0.1, 0.0, 0.0),
                        growth(format!(r#"{RESULTS_UNREADABLE}{{instance="a",reason="body"}}"#), 0.0, 0.0, 0.0),
                    ],
                ),
            },
        ],
    )
}

pub(super) fn workers() -> Group {
    let slots = |state| format!(r#"{WORKER_SLOTS}{{pool="payment",state="{state}"}}"#);
    let scaler = |what| {
        format!(r#"kube_horizontalpodautoscaler_{what}{{horizontalpodautoscaler="payment"}}"#)
    };
    group(
        "workers",
        vec![
            Alert {
                name: "QueueBacklogNotDraining",
                expr: format!(
                    "max by (queue) ({QUEUE_AGE}) > 120 and on (queue) deriv(max by (queue) ({QUEUE_BACKLOG})[10m:30s]) > 0"
                ),
                pending: "5m",
                severity: Ticket,
                team: "platform",
                labels: vec![],
                summary: "A pool's backlog grows",
                description: "The queue of {{ $labels.queue }} has not been empty for {{ $value | humanizeDuration }}, and gets longer.".to_owned(),
                board: "impresario-workers",
                trial: trial(
                    30,
                    vec![
                        level(format!(r#"{QUEUE_AGE}{{queue="payment"}}"#), 121.0, 119.0, 0.0),
                        growth(format!(r#"{QUEUE_BACKLOG}{{queue="payment"}}"#), 100.0, 100.0, -10.0),
                    ],
                ),
            },
            Alert {
                name: "QueueUnserved",
                expr: format!(
                    "max by (queue) ({QUEUE_CONSUMERS}) == 0 and on (queue) max by (queue) ({QUEUE_BACKLOG}) > 0"
                ),
                pending: "2m",
                severity: Page,
                team: "platform",
                labels: vec![],
                summary: "Tasks wait, and no worker is there",
                description: "The queue of {{ $labels.queue }} has tasks and no consumer.".to_owned(),
                board: "impresario-workers",
                trial: trial(
                    5,
                    vec![
                        level(format!(r#"{QUEUE_CONSUMERS}{{queue="payment"}}"#), 0.0, 1.0, 3.0),
                        level(format!(r#"{QUEUE_BACKLOG}{{queue="payment"}}"#), 1.0, 1.0, 0.0),
                    ],
                ),
            },
            Alert {
                name: "WorkerPoolSaturated",
                expr: format!(
                    r#"sum by (pool) ({WORKER_SLOTS}{{state="used"}}) / sum by (pool) ({WORKER_SLOTS}{{state="total"}}) > 0.9 and on (pool) label_replace(max by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_current_replicas) >= on (horizontalpodautoscaler) max by (horizontalpodautoscaler) (kube_horizontalpodautoscaler_spec_max_replicas), "pool", "$1", "horizontalpodautoscaler", "(?:keda-hpa-)?(.*)")"#
                ),
                pending: "10m",
                severity: Ticket,
                team: "platform",
                labels: vec![],
                summary: "A pool has all its replicas, and they are full",
                description: "{{ $value | humanizePercentage }} of the slots of {{ $labels.pool }} are in use, at the most replicas.".to_owned(),
                board: "impresario-workers",
                trial: trial(
                    15,
                    vec![
                        level(slots("used"), 91.0, 89.0, 10.0),
                        level(slots("total"), 100.0, 100.0, 100.0),
                        level(scaler("status_current_replicas"), 5.0, 5.0, 5.0),
                        level(scaler("spec_max_replicas"), 5.0, 5.0, 5.0),
                    ],
                ),
            },
            Alert {
                name: "ProviderFailing",
                expr: format!(
                    r#"sum by (task) (rate({CALL_DURATION}_count{{result=~"failed|unknown"}}[10m])) / (sum by (task) (rate({CALL_DURATION}_count[10m])) > 0) > 0.1"#
                ),
                pending: "5m",
                severity: Ticket,
                team: "payments",
                labels: vec![],
                summary: "The payment provider does not answer as it should",
                description: "{{ $value | humanizePercentage }} of the calls of {{ $labels.task }} were not answered, or failed.".to_owned(),
                board: "impresario-dependencies",
                trial: trial(
                    25,
                    vec![
                        growth(format!(r#"{CALL_DURATION}_count{{task="capture",result="unknown"}}"#), 11.0, 9.0, 0.0),
                        growth(format!(r#"{CALL_DURATION}_count{{task="capture",result="done"}}"#), 89.0, 91.0, 100.0),
                    ],
                ),
            },
        ],
    )
}

pub(super) fn servers() -> Group {
    let used = |state| format!(r#"{PG_CONNECTIONS}{{state="{state}"}}"#);
    group(
        "servers",
        vec![
            Alert {
                name: "DependencyDown",
                expr: format!("min by (dependency) ({DEPENDENCY_UP}) == 0"),
                pending: "2m",
                severity: Page,
                team: "platform",
                labels: vec![],
                summary: "A replica does not reach what it stands on",
                description: "{{ $labels.dependency }} has not been reached for two minutes.".to_owned(),
                board: "impresario-dependencies",
                trial: trial(
                    5,
                    vec![level(format!(r#"{DEPENDENCY_UP}{{dependency="rabbitmq",instance="a"}}"#), 0.0, 1.0, 1.0)],
                ),
            },
            Alert {
                name: "PostgresReplicaLag",
                expr: format!("max({PG_LAG}) > 30"),
                pending: "5m",
                severity: Ticket,
                team: "platform",
                labels: vec![],
                summary: "A standby is far behind",
                description: "The slowest standby is {{ $value | humanizeDuration }} behind: what a failover to it would cost, if it is not synchronous.".to_owned(),
                board: "impresario-dependencies",
                trial: trial(10, vec![level(PG_LAG.to_string(), 31.0, 29.0, 0.0)]),
            },
            Alert {
                name: "PostgresConnectionsHigh",
                expr: format!(
                    r#"sum(max by (state) ({PG_CONNECTIONS}{{state!="max"}})) / max({PG_CONNECTIONS}{{state="max"}}) > 0.8"#
                ),
                pending: "5m",
                severity: Ticket,
                team: "platform",
                labels: vec![],
                summary: "PostgreSQL is about to refuse connections",
                description: "{{ $value | humanizePercentage }} of its connections are taken.".to_owned(),
                board: "impresario-dependencies",
                trial: trial(
                    10,
                    vec![
                        level(used("active"), 41.0, 39.0, 10.0),
                        level(used("idle"), 40.0, 40.0, 40.0),
                        level(used("max"), 100.0, 100.0, 100.0),
                    ],
                ),
            },
            Alert {
                name: "WalArchiveFailing",
                expr: format!("max(increase({PG_ARCHIVE_FAILURES}[15m])) > 0"),
                pending: "0m",
                severity: Page,
                team: "platform",
                labels: vec![],
                summary: "The write-ahead log is not archived",
                description: "{{ $value | humanize }} segments failed within 15 minutes: what happens from now on cannot be restored.".to_owned(),
                board: "impresario-dependencies",
                trial: trial(20, vec![growth(PG_ARCHIVE_FAILURES.to_string(), 0.2, 0.0, 0.0)]),
            },
            Alert {
                name: "RabbitMqAlarm",
                expr: "max by (instance) (rabbitmq_alarms_memory_used_watermark) > 0 or max by (instance) (rabbitmq_alarms_free_disk_space_watermark) > 0".to_owned(),
                pending: "1m",
                severity: Page,
                team: "platform",
                labels: vec![],
                summary: "RabbitMQ takes no messages",
                description: "{{ $labels.instance }} is out of memory or disk and holds every publisher until it is not.".to_owned(),
                board: "impresario-dependencies",
                trial: trial(
                    5,
                    vec![
                        level(r#"rabbitmq_alarms_memory_used_watermark{instance="a"}"#, 1.0, 0.0, 0.0),
                        level(r#"rabbitmq_alarms_free_disk_space_watermark{instance="a"}"#, 0.0, 0.0, 0.0),
                    ],
                ),
            },
        ],
    )
}
