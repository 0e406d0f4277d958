//! A private RabbitMQ keeps durable queues through kill -9, and leaves neither broker nor port mapper behind.

use impresario_services::rabbitmq::Options;
use impresario_services::{Folder, RabbitMq};

use crate::{is_alive, is_there};

fn ctl(rabbit: &RabbitMq, words: &[&str]) -> String {
    let ran = rabbit.ctl().unwrap().args(words).output().unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(ran.status.success(), "{words:?}: {said}");
    said
}

#[test]
fn a_durable_queue_survives_kill_9_and_nothing_is_left_running() {
    if !is_there("RabbitMQ", RabbitMq::installed()) {
        return;
    }
    let options = Options::at(Folder::temporary("it-rabbitmq"));
    let starting = RabbitMq::start_in_background(options);
    let mut rabbit = starting.wait().unwrap();
    // Without an AMQP client here: ask the node itself to declare one.
    let declare = "rabbit_amqqueue:declare(rabbit_misc:r(<<\"/\">>, queue, <<\"tickets\">>), \
                   true, false, [], none, <<\"it\">>), ok.";
    ctl(&rabbit, &["eval", declare]);
    assert!(ctl(&rabbit, &["list_queues", "name", "durable"]).contains("tickets\ttrue"));

    let before = rabbit.pids();
    assert_eq!(before.len(), 2, "the broker and its port mapper");
    rabbit.kill9().unwrap();
    assert!(before.iter().all(|pid| !is_alive(*pid)));

    let port = rabbit.port();
    rabbit.restart().unwrap();
    assert_eq!(rabbit.port(), port, "clients find it where it was");
    assert!(ctl(&rabbit, &["list_queues", "name", "durable"]).contains("tickets\ttrue"));

    let pids = rabbit.pids();
    rabbit.stop().unwrap();
    assert!(
        pids.iter().all(|pid| !is_alive(*pid)),
        "an orderly stop leaves nothing either"
    );
}
