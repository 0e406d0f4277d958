//! Two databases on one virtual host: with a queue prefix each, neither meets what is the other's.

use std::time::Duration;

use impresario_orchestrator::broker::Broker;
use impresario_orchestrator::broker::rabbit::{Options, VisitError, visit};
use impresario_protocol::Queues;
use tokio::sync::mpsc;

use crate::fixture::{
    Engine, LIMIT, Outside, amqp_url, encoded_result, eventually, list, unique_partition,
    unique_pool,
};

fn prefixed(queues: &Queues) -> Options {
    Options {
        queues: queues.clone(),
        ..Options::new(amqp_url())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_prefixes_share_neither_tasks_nor_results_nor_announcements() {
    let (pool, partition) = (unique_pool(), unique_partition());
    let names = ["one", "two"].map(|name| -> Queues { format!("{name}-{pool}").parse().unwrap() });
    let (to_two, mut at_two) = mpsc::channel(64);
    let mut one = Engine::start(prefixed(&names[0]));
    let mut two = Engine::start(Options {
        announcements: Some(to_two),
        ..prefixed(&names[1])
    });
    let outside = Outside::connect().await;
    for engine in [&mut one, &mut two] {
        engine.until_connected(true).await;
        engine.rabbit.read_partitions(vec![partition]).await;
        engine.rabbit.serve_pools(vec![pool.clone()]).await;
        engine.expect(&format!("reading {partition}")).await;
    }

    let published = one
        .rabbit
        .publish(vec![list(&pool, partition, ["a".to_owned()])], 8);
    assert!(published.await.iter().all(Result::is_ok));
    outside.until_ready(&names[0].tasks(&pool), 1).await;
    outside.until_ready(&names[1].tasks(&pool), 0).await;

    for (queues, saga) in names.iter().zip(["a", "b"]) {
        outside
            .send(&queues.results(partition), &encoded_result(saga))
            .await;
    }
    one.expect_result(partition, "a").await.acknowledge();
    two.expect_result(partition, "b").await.acknowledge();
    one.rabbit.probe(partition, 7);
    one.expect(&format!("probe {partition}: 7")).await;

    // Announced until its own kind hears it; the other prefix hears nothing of it.
    let (to_twin, mut at_twin) = mpsc::channel(64);
    let twin = Engine::start(Options {
        announcements: Some(to_twin),
        ..prefixed(&names[0])
    });
    eventually("the other instance of this prefix hears it", async || {
        one.rabbit.announce(b"moved".to_vec());
        at_twin.try_recv().is_ok()
    })
    .await;
    two.expect_silence(Duration::from_millis(100)).await;
    assert!(at_two.try_recv().is_err());

    for engine in [one, two, twin] {
        engine.close().await;
    }
    for queues in names {
        outside.delete(&queues.tasks(&pool)).await;
        outside.delete(&queues.results(partition)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_says_why_it_is_not_let_in() {
    let url = amqp_url();
    let signed = visit(&url, LIMIT).await.unwrap();
    let (host, _) = url
        .split_once('@')
        .map_or((url.as_str(), ""), |(head, tail)| (tail, head));
    let host = host.split('/').next().unwrap();
    let user = &signed.user;

    let wrong = visit(&format!("amqp://{user}:wrong-secret@{host}/%2f"), LIMIT).await;
    let error = wrong.unwrap_err();
    assert!(matches!(error, VisitError::Credentials { .. }), "{error:?}");
    assert!(!error.to_string().contains("wrong-secret"), "{error}");

    let nowhere = url.replace("%2f", "nowhere-at-all");
    let error = visit(&nowhere, LIMIT).await.unwrap_err();
    assert!(matches!(error, VisitError::VirtualHost { .. }), "{error:?}");

    let nobody = visit("amqp://guest:guest@127.0.0.1:1/%2f", LIMIT).await;
    assert!(matches!(nobody, Err(VisitError::Other(_))), "{nobody:?}");
}
