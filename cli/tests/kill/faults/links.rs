//! Links that are cut, held and slow.

use std::thread::sleep;
use std::time::Duration;

use crate::chance::Chance;
use crate::platform::Platform;
use crate::programs::Role;
use crate::wires::Far;

/// The other end of a link that is going to be cut. The provider's is payment's alone; for others it is a fault that
/// nobody notices, which is a fault too.
pub(super) fn some(chance: &mut Chance) -> Far {
    [Far::Database, Far::Broker, Far::Provider][chance.below(3)]
}

pub(super) fn cut(platform: &Platform, role: Role, far: Far, chance: &mut Chance) -> String {
    let times = 1 + chance.below(5);
    for _ in 0..times {
        platform.programs.addresses.wires.of(role, far).cut();
        sleep(chance.millis(50, 900));
    }
    format!("{times} times")
}

pub(super) fn hold(platform: &Platform, role: Role, far: Far, chance: &mut Chance) -> String {
    let time = chance.millis(1000, 8000);
    let link = platform.programs.addresses.wires.of(role, far);
    link.hold(true);
    sleep(time);
    // What has waited goes on, or is lost.
    let lost = chance.percent(50);
    if lost {
        link.cut();
    }
    link.hold(false);
    format!("{time:?}, then {}", if lost { "cut" } else { "on" })
}

pub(super) fn delay(platform: &Platform, chance: &mut Chance) -> String {
    let (late, time) = (chance.millis(5, 60), chance.millis(2000, 5000));
    let set = |late: Duration| {
        let wires = &platform.programs.addresses.wires;
        wires.all().for_each(|link| link.delay(late));
    };
    set(late);
    sleep(time);
    set(Duration::ZERO);
    format!("{late:?} for {time:?}")
}
