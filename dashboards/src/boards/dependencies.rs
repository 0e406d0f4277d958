//! For whoever runs the servers: is it them?

use impresario_metrics::table::{
    CACHE_ERRORS, CALL_DURATION, DEPENDENCY_UP, FEED_AGE, FEED_CONTENDED, FEED_PENDING,
    FEED_PROBLEMS, FEED_TOLD, PAGES_TAKEN, PG_ARCHIVE_FAILURES, PG_BLOCKS, PG_BYTES,
    PG_CONNECTIONS, PG_DEADLOCKS, PG_LAG, PG_OLDEST, PG_STANDBYS, PG_TRANSACTIONS, PG_WAL,
};

use crate::panel::{Board, Draw, Panel, Row, Scale, panel};

pub(super) fn board() -> Board {
    Board {
        uid: "impresario-dependencies",
        title: "Dependencies",
        description: "Is it PostgreSQL, RabbitMQ, Kafka, Redis or the payment provider?",
        traces: Some("impresario-payment"),
        rows: vec![
            Row {
                title: "Reached",
                panels: vec![panel(
                    Draw::Lines,
                    Scale::Flag,
                    "Reached by every replica",
                    "0 as soon as one replica does not reach it.",
                    "{{dependency}}",
                    format!("min by (dependency) ({DEPENDENCY_UP})"),
                )],
            },
            Row {
                title: "PostgreSQL",
                panels: postgres(),
            },
            Row {
                title: "RabbitMQ",
                panels: rabbitmq(),
            },
            Row {
                title: "Kafka",
                panels: kafka(),
            },
            Row {
                title: "Redis",
                panels: redis(),
            },
            Row {
                title: "Payment provider",
                panels: provider(),
            },
        ],
    }
}

fn postgres() -> Vec<Panel> {
    vec![
        panel(
            Draw::Stacked,
            Scale::Count,
            "Connections",
            "Of everybody; idle_in_transaction that stays holds rows and vacuum back.",
            "{{state}}",
            format!(r#"max by (state) ({PG_CONNECTIONS}{{state!="max"}})"#),
        ),
        panel(
            Draw::Lines,
            Scale::Share,
            "Connections, of those there may be",
            "Past 80 % somebody is about to be refused.",
            "used",
            format!(
                r#"sum(max by (state) ({PG_CONNECTIONS}{{state!="max"}})) / max({PG_CONNECTIONS}{{state="max"}})"#
            ),
        ),
        panel(
            Draw::Lines,
            Scale::PerSecond,
            "Transactions",
            "Rolled back ones are normal in small numbers: rejected tasks.",
            "{{result}}",
            format!("max by (result) (rate({PG_TRANSACTIONS}[$__rate_interval]))"),
        ),
        panel(
            Draw::Lines,
            Scale::Share,
            "Pages found in memory",
            "Below 99 % the tables that are used no longer fit.",
            "memory",
            format!(
                r#"max(rate({PG_BLOCKS}{{source="memory"}}[$__rate_interval])) / (max(rate({PG_BLOCKS}{{source="memory"}}[$__rate_interval])) + max(rate({PG_BLOCKS}{{source="disk"}}[$__rate_interval])))"#
            ),
        ),
        panel(
            Draw::Lines,
            Scale::BytesPerSecond,
            "Write-ahead log",
            "What standbys and the archive have to take.",
            "log",
            format!("max(rate({PG_WAL}[$__rate_interval]))"),
        ),
        panel(
            Draw::Lines,
            Scale::Bytes,
            "Size",
            "Grows until days are dropped.",
            "database",
            format!("max({PG_BYTES})"),
        ),
        panel(
            Draw::Lines,
            Scale::Seconds,
            "Oldest transaction",
            "What is older than minutes keeps dead rows from being removed.",
            "age",
            format!("max({PG_OLDEST})"),
        ),
        panel(
            Draw::Lines,
            Scale::Seconds,
            "Lag of the slowest standby",
            "0 also when there is none: see how many there are.",
            "lag",
            format!("max({PG_LAG})"),
        )
        .and("standbys", format!("max({PG_STANDBYS})")),
        panel(
            Draw::Lines,
            Scale::Count,
            "Archive failures and deadlocks, 1 h",
            "A log that is not archived is what a restore will miss.",
            "archive failures",
            format!("max(increase({PG_ARCHIVE_FAILURES}[1h]))"),
        )
        .and("deadlocks", format!("max(increase({PG_DEADLOCKS}[1h]))")),
    ]
}

fn rabbitmq() -> Vec<Panel> {
    let lines = |scale, title, description, legend, expr: &str| {
        panel(
            Draw::Lines,
            scale,
            title,
            description,
            legend,
            expr.to_owned(),
        )
    };
    vec![
        lines(
            Scale::Count,
            "Messages",
            "Ready wait for a consumer, unacknowledged are with one.",
            "ready",
            "sum(rabbitmq_queue_messages_ready)",
        )
        .and(
            "unacknowledged",
            "sum(rabbitmq_queue_messages_unacked)".to_owned(),
        ),
        lines(
            Scale::PerSecond,
            "Messages received",
            "Tasks and results, from everybody.",
            "received",
            "sum(rate(rabbitmq_global_messages_received_total[$__rate_interval]))",
        ),
        lines(
            Scale::Flag,
            "Alarms",
            "Memory or disk: publishers are held until it is over.",
            "memory",
            "max(rabbitmq_alarms_memory_used_watermark)",
        )
        .and(
            "disk",
            "max(rabbitmq_alarms_free_disk_space_watermark)".to_owned(),
        ),
        lines(
            Scale::Bytes,
            "Memory of RabbitMQ",
            "Of each node.",
            "{{instance}}",
            "rabbitmq_process_resident_memory_bytes",
        ),
        lines(
            Scale::Count,
            "Connections to RabbitMQ",
            "Of everybody.",
            "connections",
            "sum(rabbitmq_connections)",
        ),
    ]
}

fn kafka() -> Vec<Panel> {
    let panels = [
        panel(
            Draw::Lines,
            Scale::Seconds,
            "Feed, age",
            "How long the oldest row waits for Kafka. Sagas do not wait.",
            "{{topic}}",
            format!("max by (topic) ({FEED_AGE})"),
        ),
        panel(
            Draw::Stacked,
            Scale::Count,
            "Feed, rows that wait",
            "In the database; counted up to 100,000.",
            "{{topic}}",
            format!("max by (topic) ({FEED_PENDING})"),
        ),
        panel(
            Draw::Stacked,
            Scale::PerSecond,
            "Feed, events told",
            "Confirmed by Kafka.",
            "{{topic}}",
            format!("sum by (topic) (rate({FEED_TOLD}[$__rate_interval]))"),
        ),
        panel(
            Draw::Lines,
            Scale::Count,
            "Feed, trouble, 1 h",
            "Batches not taken whole, and rows told by two at once: told again, nothing is lost.",
            "not taken {{topic}}",
            format!("sum by (topic) (increase({FEED_PROBLEMS}[1h]))"),
        )
        .and(
            "told twice {{topic}}",
            format!("sum by (topic) (increase({FEED_CONTENDED}[1h]))"),
        ),
    ];
    panels
        .into_iter()
        .map(|panel| panel.fed_by("a platform with a Kafka"))
        .collect()
}

fn redis() -> Vec<Panel> {
    vec![
        panel(
            Draw::Stacked,
            Scale::PerSecond,
            "Pages of the catalogue, by source",
            "database: nobody had it. Without --redis-url nothing is counted.",
            "{{source}}",
            format!("sum by (source) (rate({PAGES_TAKEN}[$__rate_interval]))"),
        ),
        panel(
            Draw::Lines,
            Scale::PerSecond,
            "Questions without an answer",
            "Each leaves Redis alone for a second; pages are read from the database meanwhile.",
            "errors",
            format!("sum(rate({CACHE_ERRORS}[$__rate_interval]))"),
        ),
    ]
}

fn provider() -> Vec<Panel> {
    vec![
        panel(
            Draw::Stacked,
            Scale::PerSecond,
            "Calls, by what came of them",
            "unknown: no answer in time; it may have acted.",
            "{{task}} {{result}}",
            format!("sum by (task, result) (rate({CALL_DURATION}_count[$__rate_interval]))"),
        ),
        panel(
            Draw::Lines,
            Scale::Seconds,
            "Calls, p95",
            "By task.",
            "{{task}}",
            format!(
                "histogram_quantile(0.95, sum by (task, le) (rate({CALL_DURATION}_bucket[$__rate_interval])))"
            ),
        ),
        panel(
            Draw::Lines,
            Scale::Share,
            "Calls without an answer that counts",
            "failed and unknown, of all.",
            "failed or unknown",
            format!(
                r#"sum(rate({CALL_DURATION}_count{{result=~"failed|unknown"}}[$__rate_interval])) / (sum(rate({CALL_DURATION}_count[$__rate_interval])) > 0)"#
            ),
        ),
    ]
}
