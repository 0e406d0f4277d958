//! Publishing: what gets into the queues, and what the caller is told.

use std::collections::BTreeSet;

use impresario_orchestrator::broker::{Broker, PublishError};
use impresario_protocol::{results_queue, task_queue};

use crate::fixture::{Engine, Outside, list, unique_pool};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_can_be_read_by_a_worker() {
    let (engine, outside) = (Engine::connected().await, Outside::connect().await);
    let (seats, cards) = (unique_pool(), unique_pool());
    engine
        .rabbit
        .serve_pools(vec![seats.clone(), cards.clone()])
        .await;

    let lists = vec![
        list(&seats, 3, ["a".into(), "b".into()]),
        list(&cards, 4, ["c".into()]),
    ];
    let answers = engine.rabbit.publish(lists, 128).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");

    let (message, properties) = outside.take(&seats, 1).await.remove(0);
    let sagas: Vec<_> = message
        .tasks
        .iter()
        .map(|task| task.saga.as_str())
        .collect();
    assert_eq!(
        (message.v, message.partition, sagas),
        (1, 3, vec!["a", "b"])
    );
    assert_eq!(*properties.delivery_mode(), Some(2), "persistent");
    assert_eq!(
        properties.content_type().as_ref().unwrap().as_str(),
        "application/json"
    );
    assert_eq!(
        properties.reply_to().as_ref().unwrap().as_str(),
        results_queue(3)
    );
    let (message, _) = outside.take(&cards, 1).await.remove(0);
    assert_eq!(
        (message.partition, message.tasks[0].saga.as_str()),
        (4, "c")
    );

    engine.close().await;
    outside.clean(&[&seats, &cards], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_split_in_order() {
    let (engine, outside) = (Engine::connected().await, Outside::connect().await);
    let pool = unique_pool();
    engine.rabbit.serve_pools(vec![pool.clone()]).await;

    let sagas: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    let answers = engine
        .rabbit
        .publish(vec![list(&pool, 0, sagas.clone())], 3)
        .await;
    assert!(answers[0].is_ok(), "{answers:?}");

    let taken = outside.take(&pool, 4).await;
    assert_eq!(
        taken
            .iter()
            .map(|(message, _)| message.tasks.len())
            .collect::<Vec<_>>(),
        [3, 3, 3, 1]
    );
    let read: Vec<_> = taken
        .iter()
        .flat_map(|(message, _)| &message.tasks)
        .map(|task| task.saga.clone())
        .collect();
    assert_eq!(read, sagas);
    let ids: BTreeSet<_> = taken
        .iter()
        .map(|(_, properties)| format!("{:?}", properties.message_id()))
        .collect();
    assert_eq!(ids.len(), 4, "every message has its own id");

    engine.close().await;
    outside.clean(&[&pool], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h16_a_missing_queue_is_told_and_made_for_the_next_time() {
    let (engine, outside) = (Engine::connected().await, Outside::connect().await);
    let (there, missing) = (unique_pool(), unique_pool());
    engine.rabbit.serve_pools(vec![there.clone()]).await;

    let lists = || {
        vec![
            list(&there, 0, ["a".into()]),
            list(&missing, 0, ["b".into()]),
        ]
    };
    let answers = engine.rabbit.publish(lists(), 8).await;
    assert!(answers[0].is_ok(), "{answers:?}");
    assert!(
        matches!(&answers[1], Err(PublishError::Unroutable { pool }) if *pool == missing),
        "{answers:?}"
    );

    outside.until_ready(&task_queue(&missing), 0).await;
    let answers = engine.rabbit.publish(lists(), 8).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");

    engine.close().await;
    outside.clean(&[&there, &missing], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callers_at_once_are_each_told_about_their_own() {
    let (engine, outside) = (Engine::connected().await, Outside::connect().await);
    let there = unique_pool();
    engine.rabbit.serve_pools(vec![there.clone()]).await;
    let missing: Vec<_> = (0..40).map(|_| unique_pool()).collect();

    // The client library hands returns to other confirms than their own; nobody may notice.
    let calls = (0..400).map(|n| {
        let (engine, there, missing) = (&engine, &there, &missing);
        async move {
            let mut lists = vec![
                list(there, 0, [format!("{n}")]),
                list(there, 0, [format!("{n}'")]),
            ];
            let gone = n % 10 == 0;
            if gone {
                lists.insert(1, list(&missing[n / 10], 0, ["x".into()]));
            }
            (gone, engine.rabbit.publish(lists, 1).await)
        }
    });
    for (gone, answers) in futures::future::join_all(calls).await {
        assert!(
            answers[0].is_ok() && answers[answers.len() - 1].is_ok(),
            "{answers:?}"
        );
        if gone {
            assert!(
                matches!(answers[1], Err(PublishError::Unroutable { .. })),
                "{answers:?}"
            );
        }
    }
    outside.until_ready(&task_queue(&there), 800).await;

    engine.close().await;
    outside.clean(&[&there], &[]).await;
    for pool in missing {
        outside.delete(&task_queue(&pool)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_publish_is_done_at_once_and_a_closed_broker_says_so() {
    let engine = Engine::connected().await;
    assert!(engine.rabbit.publish(Vec::new(), 8).await.is_empty());
    engine.rabbit.close(crate::fixture::LIMIT).await;
    let answers = engine
        .rabbit
        .publish(vec![list("any", 0, ["a".into()])], 8)
        .await;
    assert!(
        matches!(answers[0], Err(PublishError::Unconfirmed { .. })),
        "{answers:?}"
    );
    assert!(!engine.rabbit.connected());
}
