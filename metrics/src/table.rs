//! Every metric of the platform. A line here is the only way to have one.
//!
//! Words are those of ARCHITECTURE.md; `saga_type` is the name of a definition. Bounds are for one process: seven shipped
//! definitions and as many of a customer's own, each with its steps.

use crate::family::{Counter, Gauge, Histogram, Tally};
use crate::metric::{Kind, Label, Meta, Role, Unit, Values};

const fn named(name: &'static str) -> Label {
    let values = Values::Named;
    Label { name, values }
}

const fn words(name: &'static str, words: &'static [&'static str]) -> Label {
    let values = Values::Words(words);
    Label { name, values }
}

/// The definition's name.
pub const SAGA_TYPE: Label = named("saga_type");
/// The step's id in the definition, without the number of an item.
pub const STEP: Label = named("step");
/// A pool's queue, by the pool's name.
pub const QUEUE: Label = named("queue");
/// A pool.
pub const POOL: Label = named("pool");
/// The code of a problem.
pub const CODE: Label = named("code");
/// ISO 4217.
pub const CURRENCY: Label = named("currency");
/// Who holds the connections: `engine`, or a pool.
pub const COMPONENT: Label = named("component");
/// A topic of the feed.
pub const TOPIC: Label = named("topic");
/// Name of a task.
pub const TASK: Label = named("task");

/// How a saga came to rest.
pub const OUTCOMES: [&str; 5] = ["completed", "compensated", "cancelled", "failed", "stuck"];
/// What it does while it is not at rest.
pub const PHASES: [&str; 4] = ["forward", "waiting", "compensating", "stuck"];
/// Why it turned around.
pub const CAUSES: [&str; 6] = [
    "rejected",
    "failed",
    "unknown",
    "unmappable",
    "cancelled",
    "deadline",
];
/// What an attempt came to.
pub const RESULTS: [&str; 5] = ["succeeded", "rejected", "failed", "unknown", "timeout"];
/// What a reconcile came to.
pub const ANSWERS: [&str; 3] = ["applied", "closed", "still_open"];
/// Which way a step went.
pub const DIRECTIONS: [&str; 2] = ["forward", "compensate"];
/// What a worker answers.
pub const TASK_OUTCOMES: [&str; 9] = [
    "succeeded",
    "rejected",
    "failed",
    "unknown",
    "refused",
    "expired",
    "applied",
    "closed",
    "still_open",
];
/// What a call at somebody else's came to.
pub const CALLS: [&str; 4] = ["done", "rejected", "failed", "unknown"];
/// Movements of money.
pub const MOVEMENTS: [&str; 5] = ["authorize", "void", "capture", "refund", "settle"];
/// What becomes of seats.
pub const SEAT_CHANGES: [&str; 5] = ["held", "pinned", "sold", "released", "expired"];
/// Inputs of the heart.
pub const INPUTS: [&str; 12] = [
    "start",
    "found",
    "result",
    "timer",
    "redispatch",
    "cancel",
    "undo",
    "signal",
    "decide",
    "retry",
    "migrate",
    "engine_fault",
];

/// From one saga alone on an idle machine (4 ms) to those that wait for people.
const SAGA_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0,
];
const STEP_SECONDS: &[f64] = &[0.005, 0.025, 0.1, 0.5, 2.0, 10.0, 60.0];
const SHORT_SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
const LATE_SECONDS: &[f64] = &[0.005, 0.025, 0.1, 0.5, 2.0, 10.0, 60.0];
const ROWS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

macro_rules! metrics {
    ($(
        $kind:ident $id:ident $name:literal [$($label:expr),*] $(in $buckets:ident)?, $unit:ident, max $max:literal,
        $($role:ident $(($pool:literal))?)|+, $help:literal;
    )*) => {
        $(
            metrics! { @one $kind $id ({ <[Label]>::len(&[$($label),*]) }) Meta {
                name: $name,
                kind: metrics!(@kind $kind $($buckets)?),
                unit: Unit::$unit,
                labels: &[$($label),*],
                sets_max: $max,
                roles: &[$(Role::$role $(($pool))?),+],
                help: $help,
            }, $help }
        )*

        /// Every metric, and how to make it seen at zero.
        pub static ALL: &[(&Meta, fn())] = &[$(($id.meta(), || $id.show())),*];
    };
    (@one counter $id:ident ($count:expr) $meta:expr, $help:literal) => {
        #[doc = $help]
        pub static $id: Counter<$count> = Counter::new($meta);
    };
    (@one gauge $id:ident ($count:expr) $meta:expr, $help:literal) => {
        #[doc = $help]
        pub static $id: Gauge<$count> = Gauge::new($meta);
    };
    (@one tally $id:ident ($count:expr) $meta:expr, $help:literal) => {
        #[doc = $help]
        pub static $id: Tally<$count> = Tally::new($meta);
    };
    (@one histogram $id:ident ($count:expr) $meta:expr, $help:literal) => {
        #[doc = $help]
        pub static $id: Histogram<$count> = Histogram::new($meta);
    };
    (@kind counter) => { Kind::Counter };
    (@kind tally) => { Kind::Counter };
    (@kind gauge) => { Kind::Gauge };
    (@kind histogram $buckets:ident) => { Kind::Histogram($buckets) };
}

metrics! {
    // Sagas, as they are committed.
    counter SAGA_STARTED "saga_started_total" [SAGA_TYPE], Count, max 16, Orchestrator,
        "Sagas started.";
    counter SAGA_COMPLETED "saga_completed_total" [SAGA_TYPE, words("outcome", &OUTCOMES)], Count, max 80, Orchestrator,
        "Sagas that came to rest. compensated: undone because of a business no or the deadline; failed: undone because of a technical failure; stuck counts each time that one comes to stand before a human.";
    histogram SAGA_DURATION "saga_duration_seconds" [SAGA_TYPE, words("outcome", &OUTCOMES)] in SAGA_SECONDS, Seconds, max 20, Orchestrator,
        "From the start of a saga to its end.";
    counter SAGA_TURNED "saga_turned_total" [SAGA_TYPE, words("cause", &CAUSES)], Count, max 72, Orchestrator,
        "Sagas that began to compensate, by why.";
    counter SAGA_REJECTED "saga_rejected_total" [SAGA_TYPE, CODE], Count, max 32, Orchestrator,
        "Sagas that began to compensate because of a business no, by its code.";
    counter STEP_ATTEMPTS "saga_step_attempts_total" [SAGA_TYPE, STEP, words("result", &RESULTS)], Count, max 260, Orchestrator,
        "Forward attempts that were answered, or given up waiting for (timeout).";
    counter COMPENSATION_ATTEMPTS "saga_compensation_attempts_total" [SAGA_TYPE, words("result", &RESULTS)], Count, max 80, Orchestrator,
        "The same of compensations.";
    counter STEP_RETRIES "saga_step_retries_total" [SAGA_TYPE], Count, max 16, Orchestrator,
        "Further attempts that were scheduled, either way.";
    histogram STEP_DURATION "saga_step_duration_seconds" [SAGA_TYPE, STEP, words("direction", &DIRECTIONS)] in STEP_SECONDS, Seconds, max 40, Orchestrator,
        "From the first attempt of a step (or of its undoing) to its success.";
    counter UNKNOWN_OUTCOMES "saga_unknown_outcomes_total" [SAGA_TYPE], Count, max 16, Orchestrator,
        "Steps whose attempts ran out without anybody knowing whether they acted.";
    counter RECONCILED "saga_reconciled_total" [SAGA_TYPE, words("answer", &ANSWERS)], Count, max 48, Orchestrator,
        "Answers to the question whether an effect happened; still_open is asked again.";
    counter COMPENSATIONS_PARKED "saga_compensation_parked_total" [SAGA_TYPE], Count, max 16, Orchestrator,
        "Compensations that ran out of attempts and wait for a human.";
    counter EFFECTS_MADE "saga_effects_made_total" [SAGA_TYPE], Count, max 16, Orchestrator,
        "Steps with an effect that happened: one side of the settlement ledger.";
    counter EFFECTS_UNDONE "saga_effects_undone_total" [SAGA_TYPE], Count, max 16, Orchestrator,
        "Steps that were undone, or made never to happen.";
    counter SAGA_INPUTS "saga_inputs_total" [words("input", &INPUTS)], Count, max 12, Orchestrator,
        "Inputs that changed a saga.";

    // Sagas, as they stand in the database: sampled by the replica that leases the first results partition.
    gauge SAGA_IN_FLIGHT "saga_in_flight" [SAGA_TYPE, words("phase", &PHASES)], Count, max 64, Orchestrator,
        "Sagas that have not ended.";
    gauge SAGA_OLDEST_AGE "saga_oldest_in_flight_age_seconds" [SAGA_TYPE], Seconds, max 16, Orchestrator,
        "Age of the oldest saga that has not ended and waits for nobody: neither stuck nor waiting.";
    gauge SAGA_STUCK "saga_stuck" [SAGA_TYPE, CODE], Count, max 32, Orchestrator,
        "Sagas in front of a human, by why; of the newest 500.";
    gauge TIMERS_OVERDUE "saga_timers_overdue" [], Count, max 1, Orchestrator,
        "Sagas whose wake-up is more than five seconds past; counted up to 1,000.";
    gauge SAMPLED_AT "saga_sampled_timestamp_seconds" [], Instant, max 1, Orchestrator,
        "When what stands in the database was last sampled.";
    gauge SAMPLE_DURATION "saga_sample_duration_seconds" [], Seconds, max 1, Orchestrator,
        "What that took.";

    // The engine.
    gauge LANE_INBOX "saga_lane_inbox_messages" [], Count, max 1, Orchestrator,
        "Messages that wait for the lane; past 4,096 those who bring them wait.";
    gauge LANE_CACHED "saga_lane_cached_sagas" [], Count, max 1, Orchestrator,
        "Sagas in memory.";
    gauge LEASES_HELD "saga_leases_held" [], Count, max 1, Orchestrator,
        "Results partitions that this replica leases.";
    counter LEASES_LOST "saga_lease_lost_total" [], Count, max 1, Orchestrator,
        "Leases of results partitions that this replica no longer has, given back for balance included.";
    histogram TIMER_LATE "saga_timer_late_seconds" [] in LATE_SECONDS, Seconds, max 1, Orchestrator,
        "By how much the lane's timers fired late.";
    histogram COMMIT_DURATION "saga_db_commit_duration_seconds" [] in SHORT_SECONDS, Seconds, max 1, Orchestrator,
        "One commit of the lane, from the statement to its answer.";
    histogram BATCH_SIZE "saga_db_batch_size" [] in ROWS, Count, max 1, Orchestrator,
        "Journal rows in one commit.";
    counter COMMITS_LOST "saga_fencing_rejected_total" [], Count, max 1, Orchestrator,
        "Decisions that somebody else was faster with (compare-and-set lost); made again on what is stored.";
    counter COMMITS_CONTENDED "saga_db_commit_contended_total" [], Count, max 1, Orchestrator,
        "Commits repeated because somebody inserted the same row at the same time.";
    counter COMMITS_UNKNOWN "saga_db_commit_unknown_total" [], Count, max 1, Orchestrator,
        "Commits whose answer was lost, and that were read again.";
    counter ENGINE_FAULTS "saga_engine_faults_total" [], Count, max 1, Orchestrator,
        "Sagas set aside because the engine could not decide.";
    counter RESULTS_ORPHANED "saga_results_orphaned_total" [], Count, max 1, Orchestrator,
        "Results for sagas that the database does not have.";
    counter RESULTS_UNREADABLE "saga_results_unreadable_total" [words("reason", &["version", "body"])], Count, max 2, Orchestrator,
        "Results that could not be read, by what was wrong with them.";
    counter DEDUPE_HITS "saga_dedupe_hits_total" [COMPONENT], Count, max 16, Orchestrator | Worker,
        "What had been done or decided before and was answered from there: lane for the engine, otherwise a pool's barrier.";
    counter ANNOUNCED "saga_announced_waited_for_total" [], Count, max 1, Orchestrator,
        "Sagas that others announced while somebody waited for them here.";
    gauge CLOCK_AHEAD "saga_clock_ahead_of_machine_seconds" [], Seconds, max 1, Orchestrator,
        "By how much the database's clock is ahead of this machine's.";
    counter DAYS_DROPPED "saga_days_dropped_total" [], Count, max 1, Orchestrator,
        "Days of ended sagas that were dropped.";
    gauge DAYS_KEPT_OPEN "saga_days_kept_open" [], Count, max 1, Orchestrator,
        "Days past their retention that stay because a saga of theirs has not ended.";

    // Outbox and queues.
    counter OUTBOX_PUBLISHED "saga_outbox_published_total" [words("result", &["confirmed", "failed"])], Count, max 2, Orchestrator,
        "Task lists published to RabbitMQ; one that failed is repeated.";
    counter OUTBOX_REPEATED "saga_outbox_repeated_total" [], Count, max 1, Orchestrator,
        "Outbox rows published by a look for what was left behind.";
    counter OUTBOX_HELD "saga_outbox_held_total" [], Count, max 1, Orchestrator,
        "Outbox rows held back because their queue was full.";
    counter OUTBOX_LEFT "saga_outbox_left_total" [], Count, max 1, Orchestrator,
        "Commits whose effects were left to the outbox because the broker did not keep up.";
    gauge OUTBOX_PENDING "saga_outbox_pending" [QUEUE], Count, max 16, Orchestrator,
        "Tasks in the outbox that are due and not yet known to be in their queue; of 10,000 rows.";
    gauge OUTBOX_AGE "saga_outbox_oldest_age_seconds" [], Seconds, max 1, Orchestrator,
        "Age of the oldest outbox row that is past its due; 0 without one.";
    gauge QUEUE_READY "saga_queue_ready_messages" [QUEUE], Count, max 16, Orchestrator,
        "Messages in the pool's queue that no worker has taken, at the last look of this replica.";
    gauge QUEUE_BACKLOG "saga_queue_backlog_tasks" [QUEUE], Count, max 16, Orchestrator,
        "Tasks that wait for a worker: those messages times the tasks that messages held lately, and what the outbox holds back.";
    gauge QUEUE_AGE "saga_queue_oldest_age_seconds" [QUEUE], Seconds, max 16, Orchestrator,
        "What waits in the queue is at most this old: time since it was last seen empty.";
    gauge QUEUE_CONSUMERS "saga_queue_consumers" [QUEUE], Count, max 16, Orchestrator,
        "Workers attached to the pool's queue.";

    // The feed on Kafka; shown by whoever tells it.
    gauge FEED_AGE "saga_feed_oldest_age_seconds" [TOPIC], Seconds, max 5, Orchestrator | Worker,
        "Age of the oldest row that Kafka does not have yet; 0 without one.";
    gauge FEED_PENDING "saga_feed_pending" [TOPIC], Count, max 5, Orchestrator | Worker,
        "Rows that Kafka does not have yet; counted up to 100,000.";
    counter FEED_TOLD "saga_feed_told_total" [TOPIC], Count, max 5, Orchestrator | Worker,
        "Events that Kafka has confirmed.";
    counter FEED_PROBLEMS "saga_feed_problems_total" [TOPIC], Count, max 5, Orchestrator | Worker,
        "Batches that Kafka did not take whole; what it did not take is told again.";
    counter FEED_CONTENDED "saga_feed_contended_total" [TOPIC], Count, max 5, Orchestrator | Worker,
        "Rows that somebody else had told too.";

    // What it stands on.
    gauge DEPENDENCY_UP "saga_dependency_up" [words("dependency", &["postgres", "rabbitmq"])], Flag, max 2, Orchestrator,
        "Whether this replica reached it at the last look.";
    gauge CONNECTIONS "saga_db_connections" [COMPONENT, words("state", &["used", "idle", "max"])], Count, max 48, Orchestrator | Worker,
        "Connections of this process to PostgreSQL, and how many it may have.";
    gauge PG_CONNECTIONS "saga_postgres_connections" [words("state", &["active", "idle", "idle_in_transaction", "max"])], Count, max 4, Orchestrator,
        "Connections of everybody at the server, and how many it takes.";
    tally PG_TRANSACTIONS "saga_postgres_transactions_total" [words("result", &["committed", "rolled_back"])], Count, max 2, Orchestrator,
        "Transactions of the platform's database.";
    tally PG_BLOCKS "saga_postgres_blocks_total" [words("source", &["memory", "disk"])], Count, max 2, Orchestrator,
        "Pages that were found in memory, and that were read.";
    tally PG_DEADLOCKS "saga_postgres_deadlocks_total" [], Count, max 1, Orchestrator,
        "Deadlocks in the platform's database.";
    gauge PG_BYTES "saga_postgres_database_bytes" [], Bytes, max 1, Orchestrator,
        "Size of the platform's database.";
    gauge PG_OLDEST "saga_postgres_oldest_transaction_seconds" [], Seconds, max 1, Orchestrator,
        "Age of the oldest transaction; what holds vacuum back.";
    gauge PG_STANDBYS "saga_postgres_standbys" [], Count, max 1, Orchestrator,
        "Standbys that stream.";
    gauge PG_LAG "saga_postgres_replica_lag_seconds" [], Seconds, max 1, Orchestrator,
        "Lag of the standby that is furthest behind; 0 without one.";
    tally PG_WAL "saga_postgres_wal_bytes_total" [], Bytes, max 1, Orchestrator,
        "Write-ahead log written.";
    tally PG_ARCHIVE_FAILURES "saga_postgres_wal_archive_failures_total" [], Count, max 1, Orchestrator,
        "Segments of the log that could not be archived.";
    histogram HTTP_DURATION "http_server_request_duration_seconds" [words("method", &["GET", "POST"]), words("code", &["2xx", "3xx", "4xx", "5xx"])] in SHORT_SECONDS, Seconds, max 8, Orchestrator | Provider,
        "Requests, by class of their answer's status.";

    // Workers.
    gauge WORKER_SLOTS "saga_worker_slots" [POOL, words("state", &["used", "total"])], Count, max 16, Worker,
        "Tasks that run, and that may run at the same time.";
    gauge WORKER_CONNECTED "saga_worker_connected" [POOL], Flag, max 8, Worker,
        "Whether tasks can arrive and results can leave.";
    gauge WORKER_DRAINING "saga_worker_draining" [POOL], Flag, max 8, Worker,
        "Whether the worker takes no more tasks and finishes those that it has.";
    counter WORKER_TASKS "saga_worker_tasks_total" [POOL, words("outcome", &TASK_OUTCOMES)], Count, max 72, Worker,
        "Tasks answered, by what is known about the effect.";
    histogram TASK_DURATION "saga_worker_task_duration_seconds" [POOL] in SHORT_SECONDS, Seconds, max 8, Worker,
        "From the start of a task in its slot to its answer.";
    histogram SCHEDULE_TO_START "saga_step_schedule_to_start_seconds" [QUEUE] in SHORT_SECONDS, Seconds, max 8, Worker,
        "From the publication of a task to its start in a slot. By two machines' clocks: wrong by as much as they differ.";
    counter WORKER_REDELIVERED "saga_worker_redelivered_total" [POOL], Count, max 8, Worker,
        "Messages that may have been delivered before.";
    counter WORKER_RESENT "saga_worker_results_resent_total" [POOL], Count, max 8, Worker,
        "Result messages published again because they were not confirmed.";
    histogram CALL_DURATION "saga_external_call_duration_seconds" [TASK, words("result", &CALLS)] in SHORT_SECONDS, Seconds, max 24, Worker,
        "Calls at somebody else's (the payment provider), by what came of them.";

    // Business.
    counter MONEY_MOVED "payment_moved_minor_units_total" [words("movement", &MOVEMENTS), CURRENCY], MinorUnits, max 40, Pool("payment"),
        "Money moved, in minor units, as the books were written; a rollback right after counts twice.";
    counter MONEY_MOVEMENTS "payment_movements_total" [words("movement", &MOVEMENTS)], Count, max 5, Pool("payment"),
        "Movements of money.";
    counter SEATS_CHANGED "catalog_seats_changed_total" [words("change", &SEAT_CHANGES)], Count, max 5, Pool("catalog"),
        "Seats, by what became of them.";
    gauge SEATS "catalog_seats" [words("state", &["free", "held", "sold"])], Count, max 3, Pool("catalog"),
        "Seats of the next 100 events on sale; sampled by one worker.";
    gauge EVENTS_ON_SALE "catalog_events_on_sale" [], Count, max 1, Pool("catalog"),
        "Events on sale; sampled by one worker, of 100.";
    counter PAGES_TAKEN "catalog_pages_total" [words("source", &["process", "redis", "database"])], Count, max 3, Orchestrator,
        "Pages of the catalogue that were answered with a cache in use, by where they were taken from; database is a miss.";
    counter CACHE_ERRORS "catalog_cache_errors_total" [], Count, max 1, Orchestrator,
        "Questions to Redis that had no answer; it is then left alone for a second.";
    counter TICKETS "booking_tickets_total" [words("change", &["issued", "voided"])], Count, max 2, Pool("booking"),
        "Tickets.";
    counter DELIVERIES "notification_deliveries_total" [words("result", &["delivered", "retried", "given_up"])], Count, max 3, Pool("notification"),
        "Webhooks sent.";

    // The process.
    counter SPANS "saga_spans_total" [words("result", &["exported", "no_room", "failed"])], Count, max 3, Any,
        "Spans, by what became of them: taken by the collector, dropped because too many waited, or lost because it did not take them. All 0 while traces are off.";
    gauge BUILD_INFO "saga_build_info" [named("version"), named("revision")], Flag, max 1, Any,
        "Always 1; says which program this is.";
    gauge PROCESS_START "process_start_time_seconds" [], Instant, max 1, Any,
        "When the process started.";
    tally PROCESS_CPU_SECONDS "process_cpu_seconds_total" [], Seconds, max 1, Any,
        "Processor time.";
    gauge PROCESS_RESIDENT_BYTES "process_resident_memory_bytes" [], Bytes, max 1, Any,
        "Memory.";
    gauge PROCESS_OPEN_FDS "process_open_fds" [], Count, max 1, Any,
        "Open files and connections.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::SERIES_MAX;

    #[test]
    fn no_process_can_show_more_series_than_it_may() {
        for role in [
            Role::Orchestrator,
            Role::Worker,
            Role::Pool("catalog"),
            Role::Pool("payment"),
            Role::Pool("booking"),
            Role::Pool("notification"),
            Role::Provider,
        ] {
            let of_role = ALL.iter().filter(|(meta, _)| meta.is_of(role));
            let series: usize = of_role.map(|(meta, _)| meta.series_max()).sum();
            assert!(series <= SERIES_MAX, "{role:?}: {series}");
        }
    }

    #[test]
    fn names_are_prometheus_own_and_say_what_they_count() {
        let mut seen = BTreeSet::new();
        for (meta, _) in ALL {
            let name = meta.name;
            assert!(seen.insert(name), "{name} is there twice");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(name.chars().all(plain), "{name}");
            assert_eq!(
                meta.kind == Kind::Counter,
                name.ends_with("_total"),
                "{name}"
            );
            let unit = match meta.unit {
                Unit::Seconds | Unit::Instant => "_seconds",
                Unit::Bytes => "_bytes",
                Unit::MinorUnits => "_minor_units",
                Unit::Count | Unit::Flag => "",
            };
            assert!(name.trim_end_matches("_total").ends_with(unit), "{name}");
            assert!(meta.help.ends_with('.') && meta.sets_max > 0, "{name}");
            // Nothing that grows with what customers do, and nobody's name.
            for label in meta.labels {
                assert!(
                    !["saga_id", "user", "id", "path", "url"].contains(&label.name),
                    "{name}"
                );
            }
            let known = meta.known_sets().len();
            assert!(known <= meta.sets_max, "{name}: {known} sets are known");
        }
    }

    #[test]
    fn what_can_be_known_is_seen_at_zero() {
        crate::begin(Role::Orchestrator);
        let text = crate::render();
        for line in [
            "saga_engine_faults_total 0",
            "saga_fencing_rejected_total 0",
            "saga_outbox_published_total{result=\"failed\"} 0",
            "saga_inputs_total{input=\"engine_fault\"} 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    /// Prometheus keeps the first of two: a zero that was shown beforehand would hide what is looked up.
    #[test]
    fn no_series_is_shown_twice() {
        crate::begin(Role::Orchestrator);
        let _source = crate::pull(|readings| {
            for (table, of) in [(&PG_DEADLOCKS, 1.0), (&PG_WAL, 2.0)] {
                readings.tally(table, [], of);
            }
        });
        let text = crate::render();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let mut seen = BTreeSet::new();
        for (series, _) in lines.filter_map(|line| line.rsplit_once(' ')) {
            assert!(seen.insert(series), "{series} is there twice");
        }
        assert!(seen.contains("saga_postgres_deadlocks_total"));
    }

    #[test]
    fn a_thousand_definitions_are_few_series_and_nothing_is_lost() {
        for n in 0..1_000 {
            let name = format!("definition-{n}");
            SAGA_STARTED.with([&name]).increment(1);
            SAGA_COMPLETED.with([&name, OUTCOMES[n % 5]]).increment(1);
            // Asked again, it is the same.
            SAGA_STARTED.with([&name]).increment(0);
        }
        let text = crate::render();
        let values = |metric: &str| -> Vec<f64> {
            let own = text.lines().filter(|line| line.starts_with(metric));
            own.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
                .collect()
        };
        let (started, ended) = (
            values("saga_started_total{"),
            values("saga_completed_total{"),
        );
        assert_eq!(started.len(), 16);
        assert!(ended.len() <= 80, "{}", ended.len());
        assert_eq!(started.iter().sum::<f64>(), 1_000.0);
        assert_eq!(ended.iter().sum::<f64>(), 1_000.0);
        assert!(text.contains("saga_completed_total{saga_type=\"other\",outcome=\"stuck\"}"));
    }
}
