//! Reading results: delivery, acknowledgement, partitions that come and go, two instances on one partition.

use std::time::Duration;

use impresario_orchestrator::broker::Broker;
use impresario_orchestrator::broker::rabbit::Options;
use impresario_protocol::results_queue;
use tokio_util::sync::CancellationToken;

use crate::fixture::{Engine, Outside, amqp_url, unique_partition};

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_results_are_gone_and_the_others_come_again() {
    let (mut engine, outside) = (Engine::connected().await, Outside::connect().await);
    let partition = unique_partition();
    engine.rabbit.read_partitions(vec![partition]).await;
    engine.expect(&format!("reading {partition}")).await;

    for saga in ["a", "b", "c"] {
        outside.answer(partition, saga).await;
    }
    let first = engine.expect_result(partition, "a").await;
    engine.expect_result(partition, "b").await;
    let third = engine.expect_result(partition, "c").await;
    // The second stays undecided; the third must not take it along.
    third.acknowledge();
    first.acknowledge();
    engine.close().await;

    outside.until_ready(&results_queue(partition), 1).await;
    let mut next = Engine::connected().await;
    next.rabbit.read_partitions(vec![partition]).await;
    next.expect(&format!("reading {partition}")).await;
    next.expect_result(partition, "b").await.acknowledge();
    next.expect_silence(Duration::from_millis(300)).await;
    next.close().await;
    outside.until_ready(&results_queue(partition), 0).await;
    outside.clean(&[], &[partition]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_of_a_partition_given_away_stay_valid() {
    let (mut engine, outside) = (Engine::connected().await, Outside::connect().await);
    let (kept, given) = (unique_partition(), unique_partition());
    engine.rabbit.read_partitions(vec![given]).await;
    engine.expect(&format!("reading {given}")).await;
    outside.answer(given, "a").await;
    let receipt = engine.expect_result(given, "a").await;

    engine.rabbit.read_partitions(vec![kept]).await;
    let mut told = [engine.next().await.0, engine.next().await.0];
    told.sort();
    assert_eq!(
        told,
        [format!("interrupted {given}"), format!("reading {kept}")]
    );
    outside.answer(given, "b").await;
    engine.expect_silence(Duration::from_millis(300)).await;

    receipt.acknowledge();
    engine.close().await;
    outside.until_ready(&results_queue(given), 1).await;
    outside.clean(&[], &[kept, given]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h17_a_body_that_cannot_be_read_arrives_empty_and_can_be_acknowledged() {
    let (mut engine, outside) = (Engine::connected().await, Outside::connect().await);
    let partition = unique_partition();
    engine.rabbit.read_partitions(vec![partition]).await;
    engine.expect(&format!("reading {partition}")).await;

    for body in [&b"no json"[..], br#"{"v":2,"results":[]}"#] {
        outside.send(&results_queue(partition), body).await;
        engine.expect_result(partition, "").await.acknowledge();
    }
    engine.close().await;
    outside.until_ready(&results_queue(partition), 0).await;
    outside.clean(&[], &[partition]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_instance_reads_a_partition_and_the_next_takes_over() {
    let (mut one, mut two) = (Engine::connected().await, Engine::connected().await);
    let outside = Outside::connect().await;
    let partition = unique_partition();
    for engine in [&mut one, &mut two] {
        engine.rabbit.read_partitions(vec![partition]).await;
        // Registered; only the first is active, which the broker does not tell.
        engine.expect(&format!("reading {partition}")).await;
    }

    outside.answer(partition, "a").await;
    one.expect_result(partition, "a").await.acknowledge();
    two.expect_silence(Duration::from_millis(300)).await;

    one.rabbit.read_partitions(vec![]).await;
    one.expect(&format!("interrupted {partition}")).await;
    outside.answer(partition, "b").await;
    two.expect_result(partition, "b").await.acknowledge();
    one.expect_silence(Duration::from_millis(300)).await;

    one.close().await;
    two.close().await;
    outside.until_ready(&results_queue(partition), 0).await;
    outside.clean(&[], &[partition]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_reads_nothing_more_and_still_acknowledges() {
    let stop_reading = CancellationToken::new();
    let options = Options {
        stop_reading: stop_reading.clone(),
        ..Options::new(amqp_url())
    };
    let (mut engine, outside) = (Engine::start(options), Outside::connect().await);
    let partition = unique_partition();
    engine.rabbit.read_partitions(vec![partition]).await;
    engine.expect(&format!("reading {partition}")).await;
    outside.answer(partition, "a").await;
    let receipt = engine.expect_result(partition, "a").await;

    stop_reading.cancel();
    engine.expect(&format!("interrupted {partition}")).await;
    outside.answer(partition, "b").await;
    engine.expect_silence(Duration::from_millis(300)).await;

    receipt.acknowledge();
    engine.close().await;
    outside.until_ready(&results_queue(partition), 1).await;
    outside.clean(&[], &[partition]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prefetch_bounds_what_is_undecided_and_a_slow_one_does_not_stop_the_rest() {
    let options = Options {
        prefetch: 20,
        ..Options::new(amqp_url())
    };
    let (mut engine, outside) = (Engine::start(options), Outside::connect().await);
    let partition = unique_partition();
    engine.rabbit.read_partitions(vec![partition]).await;
    engine.expect(&format!("reading {partition}")).await;
    for n in 0..60 {
        outside.answer(partition, &n.to_string()).await;
    }
    let slow = engine.expect_result(partition, "0").await;
    for n in 1..60 {
        engine
            .expect_result(partition, &n.to_string())
            .await
            .acknowledge();
    }
    slow.acknowledge();
    engine.close().await;
    outside.until_ready(&results_queue(partition), 0).await;
    outside.clean(&[], &[partition]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_comes_back_behind_the_results_and_only_to_its_sender() {
    let (mut one, mut two) = (Engine::connected().await, Engine::connected().await);
    let outside = Outside::connect().await;
    let partition = unique_partition();
    one.rabbit.read_partitions(vec![partition]).await;
    one.expect(&format!("reading {partition}")).await;
    for saga in ["a", "b"] {
        outside.answer(partition, saga).await;
    }
    one.rabbit.probe(partition, 7);
    for saga in ["a", "b"] {
        one.expect_result(partition, saga).await.acknowledge();
    }
    one.expect(&format!("probe {partition}: 7")).await;

    // The other is registered second, so its probe reaches the first, and says nothing there.
    two.rabbit.read_partitions(vec![partition]).await;
    two.expect(&format!("reading {partition}")).await;
    two.rabbit.probe(partition, 8);
    one.expect_silence(Duration::from_millis(300)).await;
    two.expect_silence(Duration::from_millis(100)).await;
    one.close().await;
    two.rabbit.probe(partition, 9);
    two.expect(&format!("probe {partition}: 9")).await;
    two.close().await;
    outside.until_ready(&results_queue(partition), 0).await;
    outside.clean(&[], &[partition]).await;
}
