//! Since when a missing row proves something, and how rows go.

use impresario_protocol::Outcome;
use impresario_worker_sdk::testing::{TestSaga, compensation, forward, reconcile};
use impresario_worker_sdk::{Barrier, EffectState};

use crate::fixture::{code, fixture, input};

#[tokio::test]
async fn before_the_horizon_a_missing_row_proves_nothing() {
    let test = fixture().await;
    let saga = TestSaga::new(1);
    let barrier = Barrier::new(test.database.clone());
    barrier.raise_horizon(saga.started_at + 1).await.unwrap();
    for _ in 0..2 {
        // Twice: the first must not leave a tombstone that the second believes.
        let undone = test.run(compensation(&saga, "s", "subtract")).await;
        assert_eq!(code(&undone), "before_horizon");
        let looked = test.run(reconcile(&saga, "s", "look")).await;
        assert_eq!(code(&looked), "before_horizon");
    }
    // A row that is there still counts.
    test.run(forward(&saga, "there", "add", input("a", "")))
        .await;
    let undone = test.run(compensation(&saga, "there", "subtract")).await;
    assert!(matches!(undone, Outcome::Succeeded { .. }));
}

#[tokio::test]
async fn purge_forgets_whole_sagas_and_raises_the_horizon() {
    let test = fixture().await;
    let (ended, open) = (TestSaga::new(1), TestSaga::new(0x11));
    let task = |saga| forward(saga, "s", "add", input("a", ""));
    test.run(task(&ended)).await;
    test.run(task(&open)).await;
    let barrier = Barrier::new(test.database.clone());
    let before = barrier.horizon_ms().await.unwrap();
    let purged = barrier.purge(&[task(&ended).effect.saga]).await.unwrap();
    assert_eq!(purged, 1);
    let after = barrier.horizon_ms().await.unwrap();
    assert!(
        after > before && after > ended.started_at,
        "{before} {after}"
    );
    let open_again = test.run(task(&open)).await;
    assert!(matches!(open_again, Outcome::Succeeded { .. }));
    assert_eq!(test.count("a").await, 2, "the open saga's row was kept");
    let undone = test.run(compensation(&ended, "s", "subtract")).await;
    assert_eq!(code(&undone), "before_horizon");
}

#[tokio::test]
async fn effects_are_listed_in_pages() {
    let test = fixture().await;
    for number in 0..3 {
        let saga = TestSaga::new(number);
        test.run(forward(&saga, "s", "add", input("a", ""))).await;
        test.run(compensation(&saga, "other", "subtract")).await;
    }
    let barrier = Barrier::new(test.database.clone());
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = barrier.effects(&after, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.effect.clone();
        seen.extend(page);
    }
    assert_eq!(seen.len(), 6);
    let done = seen
        .iter()
        .filter(|record| record.state == EffectState::Succeeded)
        .count();
    assert_eq!(done, 3);
    assert!(seen.is_sorted_by_key(|record| record.effect.clone()));
}
