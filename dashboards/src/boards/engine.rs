//! For whoever runs the engine: does it keep up, and what holds it back?

use impresario_metrics::table::{
    BATCH_SIZE, CLOCK_AHEAD, COMMIT_DURATION, COMMITS_CONTENDED, COMMITS_LOST, COMMITS_UNKNOWN,
    CONNECTIONS, DEDUPE_HITS, ENGINE_FAULTS, FEED_AGE, HTTP_DURATION, LANE_CACHED, LANE_INBOX,
    LEASES_HELD, LEASES_LOST, OUTBOX_AGE, OUTBOX_HELD, OUTBOX_LEFT, OUTBOX_PENDING,
    OUTBOX_PUBLISHED, OUTBOX_REPEATED, PROCESS_CPU_SECONDS, PROCESS_OPEN_FDS,
    PROCESS_RESIDENT_BYTES, RESULTS_ORPHANED, RESULTS_UNREADABLE, SAGA_INPUTS, SAMPLE_DURATION,
    SPANS, TIMER_LATE, TIMERS_OVERDUE,
};

use crate::panel::{Board, Draw, Panel, Row, Scale, panel};

pub(super) fn board() -> Board {
    Board {
        uid: "impresario-engine",
        title: "Engine",
        description: "Does the engine keep up, and what holds it back?",
        traces: Some("impresario-orchestrator"),
        rows: vec![
            Row {
                title: "Lanes",
                panels: lanes(),
            },
            Row {
                title: "Commits",
                panels: commits(),
            },
            Row {
                title: "Outbox",
                panels: outbox(),
            },
            Row {
                title: "Doors and processes",
                panels: processes(),
            },
        ],
    }
}

fn quantiles(of: &str) -> [(&'static str, String); 3] {
    [("p50", "0.5"), ("p95", "0.95"), ("p99", "0.99")].map(|(legend, share)| {
        let expr = format!(
            "histogram_quantile({share}, sum by (le) (rate({of}_bucket[$__rate_interval])))"
        );
        (legend, expr)
    })
}

fn spread(scale: Scale, title: &'static str, description: &'static str, of: &str) -> Panel {
    let [(first, expr), second, third] = quantiles(of);
    panel(Draw::Lines, scale, title, description, first, expr)
        .and(second.0, second.1)
        .and(third.0, third.1)
}

fn lanes() -> Vec<Panel> {
    vec![
        panel(
            Draw::Stacked,
            Scale::PerSecond,
            "Inputs that changed a saga",
            "What the lanes decide, by kind.",
            "{{input}}",
            format!("sum by (input) (rate({SAGA_INPUTS}[$__rate_interval]))"),
        ),
        panel(
            Draw::Lines,
            Scale::Count,
            "Messages that wait for a lane",
            "At 4,096 whoever brings them waits: the lane or the database is the limit.",
            "{{instance}}",
            format!("{LANE_INBOX}"),
        ),
        panel(
            Draw::Lines,
            Scale::Count,
            "Sagas in memory",
            "A cache of the journal; past 100,000 the idle ones are forgotten.",
            "{{instance}}",
            format!("{LANE_CACHED}"),
        ),
        panel(
            Draw::Stacked,
            Scale::Count,
            "Results partitions, by replica",
            "Together always all of them, unless a replica has just died.",
            "{{instance}}",
            format!("{LEASES_HELD}"),
        )
        .and("lost, 10 m", format!("sum(increase({LEASES_LOST}[10m]))")),
        spread(
            Scale::Seconds,
            "Timers, how late",
            "From the instant of a timer to the lane's look at it.",
            TIMER_LATE.name(),
        ),
        panel(
            Draw::Lines,
            Scale::Count,
            "Sagas overdue",
            "Due for more than five seconds and not looked at, of 1,000; the net under the timers finds them.",
            "overdue",
            format!("max({TIMERS_OVERDUE})"),
        ),
    ]
}

fn commits() -> Vec<Panel> {
    vec![
        spread(
            Scale::Seconds,
            "Commit",
            "One statement, one round trip, one fsync.",
            COMMIT_DURATION.name(),
        ),
        spread(
            Scale::Count,
            "Journal rows in a commit",
            "Grows by itself under load: that is how the engine keeps up.",
            BATCH_SIZE.name(),
        ),
        panel(
            Draw::Lines,
            Scale::PerSecond,
            "Compare-and-set lost, contended, unknown",
            "Lost: another replica was faster, work wasted. Unknown: the answer of a commit was lost, and it was read again.",
            "lost",
            format!("sum(rate({COMMITS_LOST}[$__rate_interval]))"),
        )
        .and(
            "contended",
            format!("sum(rate({COMMITS_CONTENDED}[$__rate_interval]))"),
        )
        .and(
            "unknown",
            format!("sum(rate({COMMITS_UNKNOWN}[$__rate_interval]))"),
        ),
        panel(
            Draw::Lines,
            Scale::Count,
            "Faults, 1 h",
            "Sagas set aside, results without a saga, results that cannot be read. Anything but 0 wants somebody.",
            "engine faults",
            format!("sum(increase({ENGINE_FAULTS}[1h]))"),
        )
        .and(
            "results without a saga",
            format!("sum(increase({RESULTS_ORPHANED}[1h]))"),
        )
        .and(
            "results unreadable",
            format!("sum(increase({RESULTS_UNREADABLE}[1h]))"),
        ),
        panel(
            Draw::Lines,
            Scale::PerSecond,
            "Known already",
            "News that was told before, by whom it was recognised. Many after a crash are normal.",
            "{{component}}",
            format!("sum by (component) (rate({DEDUPE_HITS}[$__rate_interval]))"),
        ),
        panel(
            Draw::Lines,
            Scale::Seconds,
            "Sampling",
            "What it takes to look at what only the database knows.",
            "sample",
            format!("max({SAMPLE_DURATION})"),
        )
        .and("clock ahead of the machine's", format!("max({CLOCK_AHEAD})")),
    ]
}

fn outbox() -> Vec<Panel> {
    vec![
        panel(
            Draw::Lines,
            Scale::Seconds,
            "Oldest past its due",
            "0 when everything reached its queue.",
            "age",
            format!("max({OUTBOX_AGE})"),
        ),
        panel(
            Draw::Stacked,
            Scale::Count,
            "Tasks held back",
            "By pool: its queue is full, or could not be reached.",
            "{{queue}}",
            format!("max by (queue) ({OUTBOX_PENDING})"),
        ),
        panel(
            Draw::Lines,
            Scale::Seconds,
            "Age of the feed",
            "How long the oldest committed fact waits for Kafka; what pools tell included.",
            "{{topic}}",
            format!("max by (topic) ({FEED_AGE})"),
        )
        .fed_by("a platform with a Kafka"),
        panel(
            Draw::Lines,
            Scale::PerSecond,
            "Task lists published",
            "failed ones are repeated from the outbox.",
            "{{result}}",
            format!("sum by (result) (rate({OUTBOX_PUBLISHED}[$__rate_interval]))"),
        )
        .and(
            "repeated",
            format!("sum(rate({OUTBOX_REPEATED}[$__rate_interval]))"),
        )
        .and(
            "held back",
            format!("sum(rate({OUTBOX_HELD}[$__rate_interval]))"),
        )
        .and(
            "left behind",
            format!("sum(rate({OUTBOX_LEFT}[$__rate_interval]))"),
        ),
    ]
}

fn processes() -> Vec<Panel> {
    vec![
        panel(
            Draw::Stacked,
            Scale::PerSecond,
            "Requests, by status",
            "Of orchestrators and the sandbox provider; probes left out.",
            "{{method}} {{code}}",
            format!("sum by (method, code) (rate({HTTP_DURATION}_count[$__rate_interval]))"),
        ),
        panel(
            Draw::Stacked,
            Scale::PerSecond,
            "Spans told, and lost",
            "no_room: more than the collector takes. failed: it took none. Sagas do not wait for either; 0 while traces are off.",
            "{{result}}",
            format!("sum by (result) (rate({SPANS}[$__rate_interval]))"),
        ),
        panel(
            Draw::Lines,
            Scale::Seconds,
            "Requests, p99",
            "A POST that waits for its saga takes as long as that.",
            "{{method}}",
            format!(
                "histogram_quantile(0.99, sum by (method, le) (rate({HTTP_DURATION}_bucket[$__rate_interval])))"
            ),
        ),
        panel(
            Draw::Lines,
            Scale::Count,
            "Connections to PostgreSQL in use",
            "Beside the commit path's own. At the most, reads wait.",
            "{{component}} {{instance}}",
            format!(r#"{CONNECTIONS}{{state="used"}}"#),
        ),
        panel(
            Draw::Lines,
            Scale::Count,
            "Processors used",
            "By process.",
            "{{instance}}",
            format!("rate({PROCESS_CPU_SECONDS}[$__rate_interval])"),
        ),
        panel(
            Draw::Lines,
            Scale::Bytes,
            "Memory",
            "By process.",
            "{{instance}}",
            format!("{PROCESS_RESIDENT_BYTES}"),
        ),
        panel(
            Draw::Lines,
            Scale::Count,
            "Open files and connections",
            "By process.",
            "{{instance}}",
            format!("{PROCESS_OPEN_FDS}"),
        ),
    ]
}
