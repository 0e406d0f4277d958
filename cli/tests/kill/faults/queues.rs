//! Queues that vanish, and queues that lose what is in them.

use crate::chance::Chance;
use crate::platform::Platform;

const QUEUES: [&str; 8] = [
    "impresario.tasks.catalog",
    "impresario.tasks.payment",
    "impresario.tasks.booking",
    "impresario.tasks.notification",
    "impresario.results.0",
    "impresario.results.1",
    "impresario.results.2",
    "impresario.results.3",
];

pub(super) fn delete(platform: &Platform, chance: &mut Chance) -> String {
    tell(platform, "delete_queue", chance)
}

pub(super) fn purge(platform: &Platform, chance: &mut Chance) -> String {
    tell(platform, "purge_queue", chance)
}

fn tell(platform: &Platform, command: &str, chance: &mut Chance) -> String {
    let queue = QUEUES[chance.below(QUEUES.len())];
    let mut ctl = platform.servers.rabbitmq.ctl().unwrap();
    let told = ctl.args(["-q", command, queue]).output().unwrap();
    if told.status.success() {
        queue.to_owned()
    } else {
        // A queue that is being made again at this moment is not there.
        let said = String::from_utf8_lossy(&told.stderr).into_owned();
        format!("{queue} not: {}", said.lines().next().unwrap_or_default())
    }
}
