//! The watch over task queues: depths, queues that vanish, queues that are not as they should be.

use std::time::Duration;

use impresario_orchestrator::broker::rabbit::{Options, QueueKind};
use impresario_orchestrator::broker::{Broker, PoolDepth, PublishError};
use impresario_protocol::{results_queue, task_queue};
use lapin::options::{BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};

use crate::fixture::{Engine, Outside, amqp_url, eventually, list, unique_partition, unique_pool};
use crate::proxy::Proxy;

#[tokio::test(flavor = "multi_thread")]
async fn depths_show_messages_and_consumers_and_go_stale() {
    let (proxy, outside) = (Proxy::start().await, Outside::connect().await);
    let engine = Engine::start(Options::new(proxy.url()));
    let pool = unique_pool();
    engine.rabbit.serve_pools(vec![pool.clone()]).await;
    let depth = || engine.rabbit.depths().get(&pool).copied();

    engine
        .rabbit
        .publish(vec![list(&pool, 0, ["a", "b", "c"].map(String::from))], 1)
        .await;
    let wanted = PoolDepth {
        messages: 3,
        consumers: 0,
    };
    eventually("three messages are seen", async || depth() == Some(wanted)).await;

    let worker = outside.channel().await;
    worker
        .basic_qos(1, BasicQosOptions::default())
        .await
        .unwrap();
    let queue = task_queue(&pool).into();
    let consuming = worker.basic_consume(
        queue,
        "".into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    let consumer = consuming.await.unwrap();
    let wanted = PoolDepth {
        messages: 2,
        consumers: 1,
    };
    eventually("the worker and its message are seen", async || {
        depth() == Some(wanted)
    })
    .await;
    drop(consumer);

    proxy.hold();
    eventually("the depth is stale", async || depth().is_none()).await;
    proxy.release();
    eventually("the depth is fresh again", async || depth().is_some()).await;
    engine.close().await;
    outside.clean(&[&pool], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h16_a_deleted_queue_is_made_again_and_its_loss_told() {
    let (mut engine, outside) = (Engine::connected().await, Outside::connect().await);
    let pool = unique_pool();
    engine.rabbit.serve_pools(vec![pool.clone()]).await;
    let publish = async || {
        engine
            .rabbit
            .publish(vec![list(&pool, 0, ["a".into()])], 8)
            .await
            .remove(0)
    };
    publish().await.unwrap();

    outside.delete(&task_queue(&pool)).await;
    // Whether the watch or the publish finds out first, nothing may be lost silently.
    match publish().await {
        Ok(()) | Err(PublishError::Unroutable { .. }) => {}
        Err(other) => panic!("{other}"),
    }
    eventually("publishing works again", async || publish().await.is_ok()).await;
    engine.expect(&format!("lost {pool}")).await;
    engine.close().await;
    outside.clean(&[&pool], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h16_a_queue_deleted_and_made_again_by_another_is_a_loss_for_both() {
    let (mut one, mut two) = (Engine::connected().await, Engine::connected().await);
    let outside = Outside::connect().await;
    let pool = unique_pool();
    for engine in [&one, &two] {
        engine.rabbit.serve_pools(vec![pool.clone()]).await;
    }
    outside.delete(&task_queue(&pool)).await;
    one.expect(&format!("lost {pool}")).await;
    two.expect(&format!("lost {pool}")).await;
    one.close().await;
    two.close().await;
    outside.clean(&[&pool], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h05_a_deleted_results_queue_is_read_again_and_counts_as_a_loss() {
    let (mut engine, outside) = (Engine::connected().await, Outside::connect().await);
    let (pool, partition) = (unique_pool(), unique_partition());
    engine.rabbit.serve_pools(vec![pool.clone()]).await;
    engine.rabbit.read_partitions(vec![partition]).await;
    engine.expect(&format!("reading {partition}")).await;

    outside.delete(&results_queue(partition)).await;
    engine.expect(&format!("interrupted {partition}")).await;
    let mut told = [engine.next().await.0, engine.next().await.0];
    told.sort();
    assert_eq!(
        told,
        [format!("lost {pool}"), format!("reading {partition}")]
    );
    outside.answer(partition, "a").await;
    engine.expect_result(partition, "a").await.acknowledge();
    engine.close().await;
    outside.clean(&[&pool], &[partition]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_another_kind_makes_the_broker_unready_until_it_is_repaired() {
    let options = Options {
        conflict_retry: Duration::from_millis(300),
        ..Options::new(amqp_url())
    };
    let (engine, outside) = (Engine::start(options), Outside::connect().await);
    engine.until_connected(true).await;
    let (pool, partition) = (unique_pool(), unique_partition());
    for queue in [task_queue(&pool), results_queue(partition)] {
        let mut quorum = FieldTable::default();
        quorum.insert(
            "x-queue-type".into(),
            AMQPValue::LongString("quorum".into()),
        );
        let durable = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        outside
            .channel()
            .await
            .queue_declare(queue.into(), durable, quorum)
            .await
            .unwrap();
    }
    engine.rabbit.read_partitions(vec![partition]).await;
    engine.until_connected(false).await;
    outside.delete(&results_queue(partition)).await;
    engine.until_connected(true).await;

    tokio::join!(
        engine.rabbit.serve_pools(vec![pool.clone()]),
        engine.until_connected(false)
    );
    outside.delete(&task_queue(&pool)).await;
    engine.until_connected(true).await;
    engine.close().await;
    outside.clean(&[&pool], &[partition]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn quorum_queues_work_the_same() {
    let mut engine = Engine::start(Options {
        queue_kind: QueueKind::Quorum,
        ..Options::new(amqp_url())
    });
    let outside = Outside::connect().await;
    let (pool, partition) = (unique_pool(), unique_partition());
    engine.rabbit.serve_pools(vec![pool.clone()]).await;
    engine.rabbit.read_partitions(vec![partition]).await;
    engine.expect(&format!("reading {partition}")).await;
    let answers = engine
        .rabbit
        .publish(vec![list(&pool, partition, ["a".into()])], 8)
        .await;
    assert!(answers[0].is_ok(), "{answers:?}");
    assert_eq!(outside.take(&pool, 1).await[0].0.tasks.len(), 1);
    outside.answer(partition, "a").await;
    engine.expect_result(partition, "a").await.acknowledge();
    engine.expect_silence(Duration::from_millis(200)).await;
    engine.close().await;
    outside.clean(&[&pool], &[partition]).await;
}
