//! What breaks between the engine and the broker: cut connections, half-open ones, and both under load.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use impresario_orchestrator::broker::rabbit::Options;
use impresario_orchestrator::broker::{Arrival, Broker, PublishError};
use impresario_protocol::{results_queue, task_queue};

use crate::fixture::{
    Engine, LIMIT, Outside, amqp_url, eventually, list, unique_partition, unique_pool,
};
use crate::proxy::Proxy;

#[tokio::test(flavor = "multi_thread")]
async fn h31_after_a_cut_unacknowledged_results_come_again_and_old_receipts_do_nothing() {
    let (proxy, outside) = (Proxy::start().await, Outside::connect().await);
    let mut engine = Engine::start(Options::new(proxy.url()));
    let partition = unique_partition();
    engine.rabbit.read_partitions(vec![partition]).await;
    engine.expect(&format!("reading {partition}")).await;
    outside.answer(partition, "a").await;
    outside.answer(partition, "b").await;
    let old = [
        engine.expect_result(partition, "a").await,
        engine.expect_result(partition, "b").await,
    ];

    proxy.cut();
    engine.expect(&format!("interrupted {partition}")).await;
    engine.expect(&format!("reading {partition}")).await;
    let first = engine.expect_result(partition, "a").await;
    engine.expect_result(partition, "b").await;
    // On the new channel these tags mean the new deliveries: nothing may be acknowledged by them.
    old.iter().for_each(|receipt| receipt.acknowledge());
    engine.expect_silence(Duration::from_millis(300)).await;
    first.acknowledge();
    engine.close().await;
    outside.until_ready(&results_queue(partition), 1).await;
    outside.clean(&[], &[partition]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h12_a_half_open_connection_is_noticed_and_replaced() {
    let (proxy, outside) = (Proxy::start().await, Outside::connect().await);
    let mut engine = Engine::start(Options {
        heartbeat: Duration::from_secs(1),
        confirm_timeout: Duration::from_secs(1),
        connect_timeout: Duration::from_millis(500),
        ..Options::new(proxy.url())
    });
    let (pool, partition) = (unique_pool(), unique_partition());
    engine.rabbit.serve_pools(vec![pool.clone()]).await;
    engine.rabbit.read_partitions(vec![partition]).await;
    engine.expect(&format!("reading {partition}")).await;

    proxy.hold();
    let since = Instant::now();
    let answers = engine
        .rabbit
        .publish(vec![list(&pool, partition, ["a".into()])], 8)
        .await;
    assert!(
        matches!(answers[0], Err(PublishError::Unconfirmed { .. })),
        "{answers:?}"
    );
    assert!(
        since.elapsed() < Duration::from_secs(2),
        "took {:?}",
        since.elapsed()
    );
    engine.until_connected(false).await;
    engine.expect(&format!("interrupted {partition}")).await;
    assert!(
        since.elapsed() < Duration::from_secs(6),
        "took {:?}",
        since.elapsed()
    );

    // Longer than an attempt to connect takes: attempts must not pile up without bound.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(
        proxy.accepted() <= 2 + 2 * 4,
        "{} connections",
        proxy.accepted()
    );
    proxy.release();
    engine.until_connected(true).await;
    engine.expect(&format!("reading {partition}")).await;
    let answers = engine
        .rabbit
        .publish(vec![list(&pool, partition, ["a".into()])], 8)
        .await;
    assert!(answers[0].is_ok(), "{answers:?}");
    engine.close().await;
    outside.clean(&[&pool], &[partition]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_starts_while_its_broker_is_away() {
    let proxy = Proxy::start().await;
    let url = proxy.url();
    proxy.hold();
    let engine = Engine::start(Options {
        confirm_timeout: Duration::from_millis(500),
        connect_timeout: Duration::from_millis(500),
        ..Options::new(url)
    });
    let answers = engine
        .rabbit
        .publish(vec![list("any", 0, ["a".into()])], 8)
        .await;
    assert!(
        matches!(answers[0], Err(PublishError::Unconfirmed { .. })),
        "{answers:?}"
    );
    assert!(!engine.rabbit.connected());
    proxy.release();
    engine.until_connected(true).await;
    engine.close().await;
}

/// Resets every two seconds under load, both ways: everything gets through at least once, and the channel
/// ends only when it is cut (an unknown delivery tag would end it once more).
#[tokio::test(flavor = "multi_thread")]
async fn h12_h31_resets_under_load_lose_nothing() {
    const RESULTS: usize = 3_000;
    const CUTS: usize = 4;
    let (proxy, outside) = (Proxy::start().await, Outside::connect().await);
    let mut engine = Engine::start(Options {
        prefetch: 32,
        ..Options::new(proxy.url())
    });
    let (pool, partitions) = (unique_pool(), [unique_partition(), unique_partition()]);
    engine.rabbit.serve_pools(vec![pool.clone()]).await;
    engine.rabbit.read_partitions(partitions.to_vec()).await;
    for _ in partitions {
        assert!(engine.next().await.0.starts_with("reading"));
    }

    let cutting = async {
        for _ in 0..CUTS {
            tokio::time::sleep(Duration::from_secs(2)).await;
            proxy.cut();
        }
        Instant::now()
    };
    let answering = async {
        for n in 0..RESULTS {
            outside.answer(partitions[n % 2], &n.to_string()).await;
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    };
    let publishing = async {
        let since = Instant::now();
        let mut sent = 0;
        while since.elapsed() < Duration::from_millis(2_000 * CUTS as u64 + 500) {
            let task = || vec![list(&pool, 0, [sent.to_string()])];
            while engine.rabbit.publish(task(), 8).await[0].is_err() {}
            sent += 1;
        }
        sent
    };
    let reading = async {
        let (mut seen, mut interrupted) = (HashSet::new(), 0);
        let mut held = Vec::new();
        let mut until = None;
        // All results, and the last cut with what came again after it.
        while until.is_none_or(|until| Instant::now() < until) {
            let next =
                tokio::time::timeout(Duration::from_millis(100), engine.arrivals.recv()).await;
            match next {
                Ok(Some(Arrival::Results {
                    results, receipt, ..
                })) => {
                    seen.extend(results.into_iter().map(|result| result.saga));
                    // Out of order and late, so that many belong to channels that are gone.
                    held.push(receipt);
                    if held.len() > 12 {
                        held.swap_remove(seen.len() % 7).acknowledge();
                    }
                }
                Ok(Some(Arrival::Interrupted { .. })) => interrupted += 1,
                Ok(Some(
                    Arrival::Reading { .. } | Arrival::Probe { .. } | Arrival::Lost { .. },
                )) => {}
                Ok(None) => panic!("the broker part is gone"),
                Err(_quiet) => held.drain(..).for_each(|receipt| receipt.acknowledge()),
            }
            if until.is_none() && seen.len() == RESULTS {
                until = Some(Instant::now() + Duration::from_millis(2_000 * (CUTS as u64 + 1)));
            }
        }
        held.iter().for_each(|receipt| receipt.acknowledge());
        (seen.len(), interrupted)
    };
    let everything = async { tokio::join!(cutting, answering, publishing, reading) };
    let (_, (), sent, (seen, interrupted)) =
        tokio::time::timeout(Duration::from_secs(90), everything)
            .await
            .expect("all of it in time");
    assert_eq!(seen, RESULTS);
    assert!(
        interrupted <= CUTS * partitions.len(),
        "{interrupted} interruptions for {CUTS} cuts"
    );
    engine.close().await;

    let stored = outside.ready(&task_queue(&pool)).await.unwrap() as usize;
    assert!(stored >= sent, "{stored} of {sent} tasks are in the queue");
    let sagas: HashSet<_> = outside
        .take(&pool, stored)
        .await
        .into_iter()
        .map(|(message, _)| message.tasks[0].saga.clone())
        .collect();
    assert_eq!(sagas.len(), sent, "a task that was confirmed is missing");
    for partition in partitions {
        outside.until_ready(&results_queue(partition), 0).await;
    }
    outside.clean(&[&pool], &partitions).await;
}

/// A channel-level error: the broker closes one channel, the connection lives on.
#[tokio::test(flavor = "multi_thread")]
async fn h16_queues_that_vanish_again_and_again_stop_nothing() {
    let (mut engine, outside) = (
        Engine::start(Options::new(amqp_url())),
        Outside::connect().await,
    );
    let (pool, partition) = (unique_pool(), unique_partition());
    engine.rabbit.serve_pools(vec![pool.clone()]).await;
    engine.rabbit.read_partitions(vec![partition]).await;
    engine.expect(&format!("reading {partition}")).await;
    for round in 0..3 {
        outside.delete(&task_queue(&pool)).await;
        outside.delete(&results_queue(partition)).await;
        let mut told = HashSet::new();
        while told.len() < 3 {
            told.insert(engine.next().await.0);
        }
        assert!(told.contains(&format!("reading {partition}")), "{told:?}");
        eventually("publishing works again", async || {
            engine
                .rabbit
                .publish(vec![list(&pool, partition, ["a".into()])], 8)
                .await[0]
                .is_ok()
        })
        .await;
        let saga = round.to_string();
        outside.answer(partition, &saga).await;
        while !engine.next().await.0.ends_with(&format!(": {saga}")) {}
    }
    engine.close().await;
    outside.clean(&[&pool], &[partition]).await;
}

/// The engine looks at a queue and makes it at the very moments in which it goes again.
#[tokio::test(flavor = "multi_thread")]
async fn h16_every_loss_of_a_queue_that_vanishes_again_and_again_is_told() {
    let (engine, outside) = (Engine::connected().await, Outside::connect().await);
    let (pool, partition) = (unique_pool(), unique_partition());
    engine.rabbit.serve_pools(vec![pool.clone()]).await;
    let Engine { rabbit, arrivals } = engine;
    let publishing = async {
        loop {
            // Stored or returned: each message that is returned makes the engine look at the queue.
            drop(
                rabbit
                    .publish(vec![list(&pool, partition, ["a".into()])], 8)
                    .await,
            );
        }
    };
    let deleting = async {
        let mut arrivals = arrivals;
        for round in 0..200 {
            outside.delete(&task_queue(&pool)).await;
            let told = tokio::time::timeout(LIMIT, arrivals.recv()).await;
            let told = told.unwrap_or_else(|_| panic!("nobody has told of loss {round}"));
            assert!(matches!(told, Some(Arrival::Lost { .. })), "{told:?}");
        }
    };
    tokio::select! {
        () = deleting => {}
        never = publishing => match never {},
    }
    rabbit.close(LIMIT).await;
    outside.clean(&[&pool], &[]).await;
}

/// Of three addresses one refuses, one accepts and says nothing, and one is the broker.
#[tokio::test(flavor = "multi_thread")]
async fn h16_nodes_that_are_gone_or_silent_are_passed_over_again_and_again() {
    let (proxy, outside) = (Proxy::start().await, Outside::connect().await);
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = silent.local_addr().unwrap();
    let mut engine = Engine::start(Options {
        connect_timeout: Duration::from_millis(500),
        ..Options::new(format!("amqp://127.0.0.1:1,amqp://{at},{}", proxy.url()))
    });
    let partition = unique_partition();
    engine.rabbit.read_partitions(vec![partition]).await;
    engine.expect(&format!("reading {partition}")).await;
    // More often than one silent address may have attempts in the race.
    for round in 0..6 {
        proxy.cut();
        engine.expect(&format!("interrupted {partition}")).await;
        engine.expect(&format!("reading {partition}")).await;
        outside.answer(partition, &round.to_string()).await;
        let result = engine.expect_result(partition, &round.to_string()).await;
        result.acknowledge();
    }
    outside.until_ready(&results_queue(partition), 0).await;
    engine.close().await;
    outside.clean(&[], &[partition]).await;
}
