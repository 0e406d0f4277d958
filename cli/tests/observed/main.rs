//! The platform as real processes, scraped by a real Prometheus while customers book and things go wrong; then every panel
//! and every alert is asked of it.
//!
//! An orchestrator pair, five workers, the payment provider, PostgreSQL, RabbitMQ with its Prometheus plugin, Prometheus.
//! What is shown here: no process has more series than it may; every metric and label that a board or a rule asks for is in
//! a scrape; every panel that we feed ourselves has data, those about failures because the failures were made to happen;
//! `impresario top` shows the same.
//!
//! `OBSERVED_PICTURES=docs/dashboards` draws the boards from what Prometheus answered. Skipped, loudly, where there is no
//! Prometheus; in CI that is an error.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod boards;
mod customers;
mod pictures;
mod platform;
mod prometheus;
mod scrape;

use std::time::{Duration, Instant};

/// Long enough for windows of a quarter of a minute to hold every kind of event.
const UNDER_LOAD: Duration = Duration::from_secs(60);

/// What the customers' tokens lead to, each by its own series.
const MADE_TO_HAPPEN: [&str; 13] = [
    r#"sum(saga_rejected_total{saga_type="booking",code="card_declined"}) > 0"#,
    r#"sum(saga_rejected_total{saga_type="booking",code="seats_taken"}) > 0"#,
    r#"sum(saga_step_attempts_total{saga_type="booking",step="authorize",result="failed"}) > 0"#,
    r#"sum(saga_step_attempts_total{saga_type="booking",step="capture",result=~"timeout|unknown"}) > 0"#,
    r#"sum(saga_step_retries_total{saga_type="booking"}) > 0"#,
    r#"sum(saga_unknown_outcomes_total{saga_type="booking"}) > 0"#,
    r#"sum(saga_reconciled_total{saga_type="booking",answer="applied"}) > 0"#,
    r#"sum(saga_effects_undone_total{saga_type="booking"}) > 0"#,
    r#"sum(saga_compensation_parked_total{saga_type="unlucky"}) > 0"#,
    r#"max(saga_stuck{saga_type="unlucky"}) > 0"#,
    r#"sum(payment_moved_minor_units_total{movement="capture"}) > 0"#,
    r#"sum(catalog_seats_changed_total{change="sold"}) > 0"#,
    r#"max(max_over_time(saga_worker_draining[10m])) > 0"#,
];

/// Whether everything that this needs is to be had.
fn is_possible() -> bool {
    let without = std::env::var("IMPRESARIO_WITHOUT").unwrap_or_default();
    if without.contains("postgres") || without.contains("rabbitmq") {
        eprintln!("SKIPPED: no Postgres or no RabbitMQ");
        return false;
    }
    if prometheus::installed() {
        return true;
    }
    let is_ci =
        std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    assert!(
        !is_ci,
        "prometheus is missing; cargo xtask setup installs it"
    );
    eprintln!("SKIPPED: no prometheus; cargo xtask setup installs it");
    false
}

#[test]
fn every_panel_has_data_and_every_name_is_scraped() {
    if !is_possible() {
        return;
    }
    // Given: the platform under a Prometheus that looks every second.
    let mut platform = platform::Platform::start();
    let prometheus = prometheus::Prometheus::start(&platform);

    // When: customers book, are declined, give up, are never answered; and a worker is stopped in the middle.
    let began = Instant::now();
    let customers = customers::Customers::start(&platform);
    platform.wait_until(UNDER_LOAD / 2 + began.elapsed());
    println!(
        "{} have booked when a worker is to drain",
        customers.booked()
    );
    platform.drain_a_payment_worker();
    platform.wait_until(UNDER_LOAD.saturating_sub(began.elapsed()));
    for event in MADE_TO_HAPPEN {
        prometheus.wait_for(event);
    }
    let booked = customers.stop();
    println!("{booked} customers were told that they have tickets");

    // Then: what is shown is bounded, is what is asked for, and is there.
    let scraped = scrape::of(&platform);
    scraped.assert_bounded();
    scraped.assert_known();
    let answers = boards::ask(&prometheus);
    if let Ok(folder) = std::env::var("OBSERVED_PICTURES") {
        pictures::draw(&answers, &folder);
    }
    boards::assert_fed(&answers);
    platform.assert_the_database_counts_the_same();
    prometheus.assert_rules_are_well();
    platform.assert_top_shows_it();
}
