//! For whoever is called at night: do sagas end as they should, and in time?

use impresario_metrics::table::{
    COMPENSATION_ATTEMPTS, COMPENSATIONS_PARKED, EFFECTS_MADE, EFFECTS_UNDONE, RECONCILED,
    SAGA_COMPLETED, SAGA_DURATION, SAGA_IN_FLIGHT, SAGA_OLDEST_AGE, SAGA_STARTED, SAGA_STUCK,
    SAGA_TURNED, STEP_ATTEMPTS, STEP_DURATION, STEP_RETRIES, UNKNOWN_OUTCOMES,
};

use crate::panel::{Board, Draw, Panel, Row, Scale, panel};

pub(super) fn board() -> Board {
    Board {
        uid: "impresario-sagas",
        title: "Saga health",
        description: "Do sagas end as they should, and in time?",
        traces: Some("impresario-orchestrator"),
        rows: vec![
            Row {
                title: "Now",
                panels: now(),
            },
            Row {
                title: "How they end",
                panels: ends(),
            },
            Row {
                title: "How long they take",
                panels: times(),
            },
            Row {
                title: "Steps",
                panels: steps(),
            },
            Row {
                title: "Settlement: effects made, undone and doubtful",
                panels: settlement(),
            },
        ],
    }
}

/// Sagas that came to rest badly, of all that came to rest.
fn failures(window: &str) -> String {
    format!(
        r#"sum(rate({SAGA_COMPLETED}{{saga_type=~"$saga_type",outcome=~"failed|stuck"}}[{window}])) / (sum(rate({SAGA_COMPLETED}{{saga_type=~"$saga_type"}}[{window}])) > 0)"#
    )
}

fn quantile(share: &str) -> String {
    format!(
        r#"histogram_quantile({share}, sum by (saga_type, le) (rate({SAGA_DURATION}_bucket{{saga_type=~"$saga_type"}}[$__rate_interval])))"#
    )
}

fn now() -> Vec<Panel> {
    let stat =
        |scale, title, description, expr| panel(Draw::Stat, scale, title, description, "", expr);
    vec![
        stat(
            Scale::PerSecond,
            "Started",
            "Sagas that clients started, a second.",
            format!(r#"sum(rate({SAGA_STARTED}{{saga_type=~"$saga_type"}}[$__rate_interval]))"#),
        ),
        stat(
            Scale::Count,
            "In flight",
            "Sagas that have not ended, those that wait for people included.",
            format!(
                r#"sum(max by (saga_type, phase) ({SAGA_IN_FLIGHT}{{saga_type=~"$saga_type"}}))"#
            ),
        ),
        stat(
            Scale::Count,
            "Stuck",
            "Sagas in front of a human. Anything but 0 wants somebody.",
            format!(
                r#"sum(max by (saga_type) ({SAGA_IN_FLIGHT}{{saga_type=~"$saga_type",phase="stuck"}}))"#
            ),
        ),
        stat(
            Scale::Seconds,
            "Oldest that should move",
            "Age of the oldest saga that waits for nobody.",
            format!(r#"max({SAGA_OLDEST_AGE}{{saga_type=~"$saga_type"}})"#),
        ),
        stat(
            Scale::Share,
            "Failed or stuck, 1 h",
            "Share of the sagas that came to rest in the last hour. The objective is below 0.1 % over 30 days.",
            failures("1h"),
        ),
        stat(
            Scale::Seconds,
            "p99",
            "Of all sagas that ended, from start to end.",
            format!(
                r#"histogram_quantile(0.99, sum by (le) (rate({SAGA_DURATION}_bucket{{saga_type=~"$saga_type"}}[$__rate_interval])))"#
            ),
        ),
    ]
}

fn ends() -> Vec<Panel> {
    vec![
        panel(
            Draw::Stacked,
            Scale::PerSecond,
            "How sagas came to rest",
            "completed and compensated are both right; failed and stuck are not.",
            "{{outcome}}",
            format!(
                r#"sum by (outcome) (rate({SAGA_COMPLETED}{{saga_type=~"$saga_type"}}[$__rate_interval]))"#
            ),
        ),
        panel(
            Draw::Lines,
            Scale::PerSecond,
            "Started and completed, by definition",
            "Lines that part say that sagas pile up.",
            "{{saga_type}} started",
            format!(
                r#"sum by (saga_type) (rate({SAGA_STARTED}{{saga_type=~"$saga_type"}}[$__rate_interval]))"#
            ),
        )
        .and(
            "{{saga_type}} completed",
            format!(
                r#"sum by (saga_type) (rate({SAGA_COMPLETED}{{saga_type=~"$saga_type",outcome="completed"}}[$__rate_interval]))"#
            ),
        ),
        panel(
            Draw::Lines,
            Scale::Share,
            "Compensation rate, by definition",
            "Share of the sagas that were undone, for whatever reason.",
            "{{saga_type}}",
            format!(
                r#"sum by (saga_type) (rate({SAGA_COMPLETED}{{saga_type=~"$saga_type",outcome=~"compensated|cancelled|failed"}}[$__rate_interval])) / (sum by (saga_type) (rate({SAGA_COMPLETED}{{saga_type=~"$saga_type"}}[$__rate_interval])) > 0)"#
            ),
        ),
        panel(
            Draw::Stacked,
            Scale::PerSecond,
            "Why sagas turn around",
            "rejected is business; failed, unknown and unmappable are ours.",
            "{{cause}}",
            format!(
                r#"sum by (cause) (rate({SAGA_TURNED}{{saga_type=~"$saga_type"}}[$__rate_interval]))"#
            ),
        ),
        panel(
            Draw::Stacked,
            Scale::Count,
            "In flight, by phase",
            "Forward that grows: workers do not keep up. Compensating that grows: something fails.",
            "{{phase}}",
            format!(
                r#"sum by (phase) (max by (saga_type, phase) ({SAGA_IN_FLIGHT}{{saga_type=~"$saga_type"}}))"#
            ),
        ),
        panel(
            Draw::Table,
            Scale::Count,
            "Stuck, by definition and reason",
            "What they wait for a human with. The list: impresario saga list --status stuck; what to do: docs/runbooks/SagaStuck.md.",
            "",
            format!(
                r#"sort_desc(max by (saga_type, code) ({SAGA_STUCK}{{saga_type=~"$saga_type"}}))"#
            ),
        )
        .on_failure(),
    ]
}

fn times() -> Vec<Panel> {
    let lines = |title, description, share| {
        panel(
            Draw::Lines,
            Scale::Seconds,
            title,
            description,
            "{{saga_type}}",
            quantile(share),
        )
    };
    vec![
        lines("p50, by definition", "Half of the sagas are faster.", "0.5"),
        lines("p95, by definition", "One in twenty is slower.", "0.95"),
        lines("p99, by definition", "One in a hundred is slower.", "0.99"),
        panel(
            Draw::Lines,
            Scale::Seconds,
            "Oldest that should move, by definition",
            "A line that climbs at 45 degrees is one saga that nobody moves.",
            "{{saga_type}}",
            format!(r#"max by (saga_type) ({SAGA_OLDEST_AGE}{{saga_type=~"$saga_type"}})"#),
        ),
        panel(
            Draw::Lines,
            Scale::Seconds,
            "p95 of steps",
            "From a step's first attempt to its success, retries included.",
            "{{saga_type}} {{step}}",
            format!(
                r#"histogram_quantile(0.95, sum by (saga_type, step, le) (rate({STEP_DURATION}_bucket{{saga_type=~"$saga_type",direction="forward"}}[$__rate_interval])))"#
            ),
        ),
        panel(
            Draw::Lines,
            Scale::Seconds,
            "p95 of undoing",
            "The same of compensations.",
            "{{saga_type}} {{step}}",
            format!(
                r#"histogram_quantile(0.95, sum by (saga_type, step, le) (rate({STEP_DURATION}_bucket{{saga_type=~"$saga_type",direction="compensate"}}[$__rate_interval])))"#
            ),
        ),
    ]
}

fn steps() -> Vec<Panel> {
    vec![
        panel(
            Draw::Lines,
            Scale::PerSecond,
            "Attempts, by step",
            "Every attempt that was answered or given up.",
            "{{saga_type}} {{step}}",
            format!(
                r#"sum by (saga_type, step) (rate({STEP_ATTEMPTS}{{saga_type=~"$saga_type"}}[$__rate_interval]))"#
            ),
        ),
        panel(
            Draw::Lines,
            Scale::Share,
            "Attempts without a final answer, by step",
            "failed, unknown and timeout, of all; each costs a retry.",
            "{{saga_type}} {{step}}",
            format!(
                r#"sum by (saga_type, step) (rate({STEP_ATTEMPTS}{{saga_type=~"$saga_type",result=~"failed|unknown|timeout"}}[$__rate_interval])) / (sum by (saga_type, step) (rate({STEP_ATTEMPTS}{{saga_type=~"$saga_type"}}[$__rate_interval])) > 0)"#
            ),
        ),
        panel(
            Draw::Stacked,
            Scale::PerSecond,
            "Attempts, by result",
            "timeout is silence; unknown is a worker that says that it does not know.",
            "{{result}}",
            format!(
                r#"sum by (result) (rate({STEP_ATTEMPTS}{{saga_type=~"$saga_type"}}[$__rate_interval]))"#
            ),
        ),
        panel(
            Draw::Lines,
            Scale::PerSecond,
            "Retries, by definition",
            "Further attempts, forward and back.",
            "{{saga_type}}",
            format!(
                r#"sum by (saga_type) (rate({STEP_RETRIES}{{saga_type=~"$saga_type"}}[$__rate_interval]))"#
            ),
        ),
        panel(
            Draw::Stacked,
            Scale::PerSecond,
            "Attempts to compensate, by result",
            "A compensation is repeated until it works, or until a human looks.",
            "{{result}}",
            format!(
                r#"sum by (result) (rate({COMPENSATION_ATTEMPTS}{{saga_type=~"$saga_type"}}[$__rate_interval]))"#
            ),
        ),
        panel(
            Draw::Lines,
            Scale::Count,
            "Compensations in front of a human, 1 h",
            "Ran out of attempts. Each is something that is not undone.",
            "{{saga_type}}",
            format!(
                r#"sum by (saga_type) (increase({COMPENSATIONS_PARKED}{{saga_type=~"$saga_type"}}[1h]))"#
            ),
        ),
    ]
}

fn settlement() -> Vec<Panel> {
    vec![
        panel(
            Draw::Lines,
            Scale::PerSecond,
            "Effects made and undone",
            "Holds, authorizations, charges, tickets: what happened, and what was taken back.",
            "made",
            format!(r#"sum(rate({EFFECTS_MADE}{{saga_type=~"$saga_type"}}[$__rate_interval]))"#),
        )
        .and(
            "undone",
            format!(r#"sum(rate({EFFECTS_UNDONE}{{saga_type=~"$saga_type"}}[$__rate_interval]))"#),
        ),
        panel(
            Draw::Lines,
            Scale::PerSecond,
            "Unknown outcomes, by definition",
            "Steps of which nobody knew whether they had acted.",
            "{{saga_type}}",
            format!(
                r#"sum by (saga_type) (rate({UNKNOWN_OUTCOMES}{{saga_type=~"$saga_type"}}[$__rate_interval]))"#
            ),
        ),
        panel(
            Draw::Stacked,
            Scale::PerSecond,
            "How they were settled",
            "applied: it had happened; closed: it never will; still_open: asked again.",
            "{{answer}}",
            format!(
                r#"sum by (answer) (rate({RECONCILED}{{saga_type=~"$saga_type"}}[$__rate_interval]))"#
            ),
        ),
    ]
}
