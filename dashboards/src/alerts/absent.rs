//! Silence: what should be measured and is not. An alert on a series that is gone never fires by itself.

use impresario_metrics::SERIES_MAX;
use impresario_metrics::table::{LEASES_HELD, SAMPLED_AT, WORKER_SLOTS};

use super::Severity::{Heartbeat, Page, Ticket};
use super::{Alert, Course, Group, Signal, Trial, level, trial};

fn missing(series: String) -> Trial {
    Trial {
        signals: vec![Signal {
            series,
            course: Course::Missing(1.0),
        }],
        minutes: 10,
        fires_when_missing: true,
    }
}

pub(super) fn group() -> Group {
    let pools = ["catalog", "payment", "booking", "notification"];
    let any_pool_missing = pools
        .map(|pool| format!(r#"absent({WORKER_SLOTS}{{pool="{pool}",state="total"}})"#))
        .join(" or ");
    Group {
        name: "silence",
        interval: "30s",
        records: Vec::new(),
        alerts: vec![
            Alert {
                name: "OrchestratorsMissing",
                expr: format!("absent({LEASES_HELD})"),
                pending: "5m",
                severity: Page,
                team: "platform",
                labels: vec![],
                summary: "No orchestrator is measured",
                description: "None runs, or none is scraped.".to_owned(),
                board: "impresario-engine",
                trial: missing(format!(r#"{LEASES_HELD}{{instance="a"}}"#)),
            },
            Alert {
                name: "WorkersMissing",
                expr: any_pool_missing,
                pending: "5m",
                severity: Page,
                team: "platform",
                labels: vec![],
                summary: "A pool is not measured",
                description: "No worker of {{ $labels.pool }} runs, or none is scraped.".to_owned(),
                board: "impresario-workers",
                trial: Trial {
                    signals: pools
                        .map(|pool| Signal {
                            series: format!(r#"{WORKER_SLOTS}{{pool="{pool}",state="total"}}"#),
                            course: Course::Missing(32.0),
                        })
                        .into(),
                    minutes: 10,
                    fires_when_missing: true,
                },
            },
            Alert {
                name: "RabbitMqMissing",
                expr: "absent(rabbitmq_identity_info)".to_owned(),
                pending: "5m",
                severity: Ticket,
                team: "platform",
                labels: vec![],
                summary: "RabbitMQ is not measured",
                description: "It does not run, is not scraped, or its Prometheus plugin is off.".to_owned(),
                board: "impresario-dependencies",
                trial: missing(r#"rabbitmq_identity_info{instance="a"}"#.to_owned()),
            },
            Alert {
                name: "SampleStale",
                expr: format!("(time() - max({SAMPLED_AT}) > 120) or absent({SAMPLED_AT})"),
                pending: "5m",
                severity: Ticket,
                team: "platform",
                labels: vec![],
                summary: "Nobody looks at how sagas stand",
                description: "What stands in the database was last sampled long ago: stuck sagas, ages and the outbox are not seen.".to_owned(),
                board: "impresario-engine",
                trial: missing_clock(),
            },
            Alert {
                name: "SeriesTooMany",
                expr: format!(r#"max by (instance) (scrape_samples_scraped{{job!~".*rabbitmq.*"}}) > {SERIES_MAX}"#),
                pending: "10m",
                severity: Ticket,
                team: "platform",
                labels: vec![],
                summary: "A process shows more series than it may",
                description: "{{ $labels.instance }} shows {{ $value }}: some label is not bounded.".to_owned(),
                board: "impresario-engine",
                trial: trial(
                    15,
                    vec![level(
                        r#"scrape_samples_scraped{job="orchestrator",instance="a"}"#,
                        2001.0,
                        2000.0,
                        400.0,
                    )],
                ),
            },
            Alert {
                name: "Watchdog",
                expr: "vector(1)".to_owned(),
                pending: "0m",
                severity: Heartbeat,
                team: "platform",
                labels: vec![],
                summary: "Alerts arrive",
                description: "Always fires. Whoever receives it calls somebody when it stops.".to_owned(),
                board: "impresario-sagas",
                trial: Trial {
                    signals: Vec::new(),
                    minutes: 1,
                    fires_when_missing: true,
                },
            },
        ],
    }
}

fn missing_clock() -> Trial {
    Trial {
        signals: vec![Signal {
            series: SAMPLED_AT.to_string(),
            course: Course::Clock,
        }],
        minutes: 10,
        fires_when_missing: true,
    }
}
