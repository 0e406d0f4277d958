//! What we promise, and how fast the budget for breaking it burns.
//!
//! Four windows, as in the kubernetes-mixin: two percent of a month's budget in an hour calls somebody, ten percent in
//! three days is a ticket. Each asks a short window too, so that it ends soon after the trouble does.

use impresario_metrics::table::{HTTP_DURATION, SAGA_COMPLETED, SAGA_DURATION, SCHEDULE_TO_START};

use super::{Alert, Group, Record, Severity, Trial, growth};

/// A promise: the share of good ones over thirty days.
#[derive(Clone, Copy, Debug)]
pub struct Objective {
    /// The alert's name.
    pub alert: &'static str,
    /// Part of the names of what is recorded.
    pub name: &'static str,
    /// Share that may be bad.
    pub budget: f64,
    /// In words.
    pub promise: &'static str,
    /// How many in an hour are enough to judge by.
    pub enough: f64,
    /// The board that shows it.
    pub board: &'static str,
    bad: fn(&str) -> String,
    all: fn(&str) -> String,
    series: fn(f64, f64, f64) -> Trial,
}

/// The windows that burn rates are computed over.
const WINDOWS: [&str; 7] = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"];

struct Burn {
    severity: Severity,
    long: &'static str,
    short: &'static str,
    factor: f64,
    pending: &'static str,
    /// Minutes until it surely fires when everything burns.
    minutes: usize,
}

const BURNS: [Burn; 4] = [
    Burn {
        severity: Severity::Page,
        long: "1h",
        short: "5m",
        factor: 14.4,
        pending: "2m",
        minutes: 80,
    },
    Burn {
        severity: Severity::Page,
        long: "6h",
        short: "30m",
        factor: 6.0,
        pending: "15m",
        minutes: 120,
    },
    Burn {
        severity: Severity::Ticket,
        long: "1d",
        short: "2h",
        factor: 3.0,
        pending: "1h",
        minutes: 300,
    },
    Burn {
        severity: Severity::Ticket,
        long: "3d",
        short: "6h",
        factor: 1.0,
        pending: "3h",
        minutes: 720,
    },
];

/// Good and bad ones in a test, a minute.
const TRAFFIC: f64 = 1_000.0;

/// Everything that we promise.
pub const OBJECTIVES: [Objective; 4] = [
    Objective {
        alert: "SagaFailuresBurn",
        name: "saga_failures",
        budget: 0.001,
        promise: "99.9 % of the sagas come to rest without failing or standing before a human",
        enough: 50.0,
        board: "impresario-sagas",
        bad: |window| {
            format!(r#"sum(rate({SAGA_COMPLETED}{{outcome=~"failed|stuck"}}[{window}]))"#)
        },
        all: |window| format!("sum(rate({SAGA_COMPLETED}[{window}]))"),
        series: |trouble, nearly, well| {
            let of =
                |outcome| format!(r#"{SAGA_COMPLETED}{{saga_type="booking",outcome="{outcome}"}}"#);
            trial_of(vec![
                growth(of("failed"), trouble, nearly, well),
                growth(
                    of("completed"),
                    TRAFFIC - trouble,
                    TRAFFIC - nearly,
                    TRAFFIC - well,
                ),
            ])
        },
    },
    Objective {
        alert: "BookingLatencyBurn",
        name: "booking_latency",
        budget: 0.01,
        promise: "99 % of the bookings end within 30 seconds",
        enough: 50.0,
        board: "impresario-sagas",
        bad: |window| {
            format!(
                r#"sum(rate({SAGA_DURATION}_count{{saga_type="booking"}}[{window}])) - sum(rate({SAGA_DURATION}_bucket{{saga_type="booking",le="30"}}[{window}]))"#
            )
        },
        all: |window| {
            format!(r#"sum(rate({SAGA_DURATION}_count{{saga_type="booking"}}[{window}]))"#)
        },
        series: |trouble, nearly, well| {
            let labels = r#"saga_type="booking",outcome="completed""#;
            trial_of(vec![
                growth(
                    format!("{SAGA_DURATION}_count{{{labels}}}"),
                    TRAFFIC,
                    TRAFFIC,
                    TRAFFIC,
                ),
                growth(
                    format!(r#"{SAGA_DURATION}_bucket{{{labels},le="30"}}"#),
                    TRAFFIC - trouble,
                    TRAFFIC - nearly,
                    TRAFFIC - well,
                ),
            ])
        },
    },
    Objective {
        alert: "ApiErrorsBurn",
        name: "api_errors",
        budget: 0.001,
        promise: "99.9 % of the requests are answered without an error of ours",
        enough: 100.0,
        board: "impresario-engine",
        bad: |window| format!(r#"sum(rate({HTTP_DURATION}_count{{code="5xx"}}[{window}]))"#),
        all: |window| format!("sum(rate({HTTP_DURATION}_count[{window}]))"),
        series: |trouble, nearly, well| {
            let of = |code| format!(r#"{HTTP_DURATION}_count{{method="POST",code="{code}"}}"#);
            trial_of(vec![
                growth(of("5xx"), trouble, nearly, well),
                growth(
                    of("2xx"),
                    TRAFFIC - trouble,
                    TRAFFIC - nearly,
                    TRAFFIC - well,
                ),
            ])
        },
    },
    Objective {
        alert: "ScheduleToStartBurn",
        name: "schedule_to_start",
        budget: 0.01,
        promise: "99 % of the tasks start within half a second of their publication",
        enough: 200.0,
        board: "impresario-workers",
        bad: |window| {
            format!(
                r#"sum(rate({SCHEDULE_TO_START}_count[{window}])) - sum(rate({SCHEDULE_TO_START}_bucket{{le="0.5"}}[{window}]))"#
            )
        },
        all: |window| format!("sum(rate({SCHEDULE_TO_START}_count[{window}]))"),
        series: |trouble, nearly, well| {
            trial_of(vec![
                growth(
                    format!(r#"{SCHEDULE_TO_START}_count{{queue="payment"}}"#),
                    TRAFFIC,
                    TRAFFIC,
                    TRAFFIC,
                ),
                growth(
                    format!(r#"{SCHEDULE_TO_START}_bucket{{queue="payment",le="0.5"}}"#),
                    TRAFFIC - trouble,
                    TRAFFIC - nearly,
                    TRAFFIC - well,
                ),
            ])
        },
    },
];

fn trial_of(signals: Vec<super::Signal>) -> Trial {
    super::trial(0, signals)
}

impl Objective {
    fn record(&self, window: &str) -> String {
        format!("impresario:{}:ratio_rate{window}", self.name)
    }

    fn enough_record(&self) -> String {
        format!("impresario:{}:seen_1h", self.name)
    }
}

/// Each promise with the shares that broke it, and its alerts.
pub(super) fn groups() -> Vec<Group> {
    OBJECTIVES
        .iter()
        .map(|objective| Group {
            name: objective.name,
            interval: "1m",
            records: records(objective),
            alerts: BURNS.iter().map(|burn| alert(objective, burn)).collect(),
        })
        .collect()
}

fn records(objective: &Objective) -> Vec<Record> {
    let mut records: Vec<Record> = WINDOWS
        .iter()
        .map(|window| {
            let (bad, all) = ((objective.bad)(window), (objective.all)(window));
            Record {
                name: objective.record(window),
                // No traffic is no answer, not a good one.
                expr: format!("({bad}) / (({all}) > 0)"),
            }
        })
        .collect();
    records.push(Record {
        name: objective.enough_record(),
        expr: format!("3600 * ({})", (objective.all)("1h")),
    });
    records
}

fn alert(objective: &Objective, burn: &Burn) -> Alert {
    let limit = format!("{:.6}", burn.factor * objective.budget);
    let limit = limit.trim_end_matches('0');
    let (long, short) = (objective.record(burn.long), objective.record(burn.short));
    let (seen, enough) = (objective.enough_record(), objective.enough);
    let bad = burn.factor * objective.budget * TRAFFIC;
    let mut trial = (objective.series)(bad * 1.1, bad * 0.9, 0.0);
    trial.minutes = burn.minutes;
    Alert {
        name: objective.alert,
        expr: format!("{long} > {limit} and {short} > {limit} and {seen} > {enough}"),
        pending: burn.pending,
        severity: burn.severity,
        team: "platform",
        labels: vec![
            ("long", burn.long.to_owned()),
            ("short", burn.short.to_owned()),
        ],
        summary: objective.promise,
        description: format!(
            "{{{{ $value | humanizePercentage }}}} were bad over {}: {} times as many as the promise allows.",
            burn.long, burn.factor
        ),
        board: objective.board,
        trial,
    }
}
