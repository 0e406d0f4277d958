//! The fan-out between instances.

use impresario_orchestrator::broker::Broker;
use impresario_orchestrator::broker::rabbit::Options;
use tokio::sync::mpsc;

use crate::fixture::{Engine, amqp_url, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn announcements_reach_the_other_instances_and_not_oneself() {
    let (to_one, mut at_one) = mpsc::channel(64);
    let (to_two, mut at_two) = mpsc::channel(64);
    let one = Engine::start(Options {
        announcements: Some(to_one),
        ..Options::new(amqp_url())
    });
    let two = Engine::start(Options {
        announcements: Some(to_two),
        ..Options::new(amqp_url())
    });
    let body = format!("from one {}", uuid::Uuid::new_v4()).into_bytes();

    // Best effort, so it is said until it is heard: the other may not be listening yet.
    let mut heard = Vec::new();
    eventually("the other instance hears it", async || {
        one.rabbit.announce(body.clone());
        tokio::task::yield_now().await;
        while let Ok(announced) = at_two.try_recv() {
            heard.push(announced);
        }
        heard.contains(&body)
    })
    .await;
    while let Ok(announced) = at_one.try_recv() {
        assert_ne!(announced, body, "an instance heard itself");
    }
    one.close().await;
    two.close().await;
}
