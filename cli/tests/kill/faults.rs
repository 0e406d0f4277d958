//! The faults: what is killed, frozen, cut or lost, and for how long. Each ends with everything running again.
//!
//! A fault's own timing sleeps; whether the platform has recovered is found out by looking.

mod links;
mod queues;

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::load::Load;
use crate::platform::Platform;
use crate::programs::{ROLES, Role};
use crate::wires::Far;

/// What happens to the platform.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// A process is killed, and comes back after one to three seconds.
    Kill(Role),
    /// Both orchestrators at once.
    KillOrchestrators,
    /// The workers of payment, four times in short order: what they were at is delivered again and again.
    KillAgain,
    /// Everything, servers too, in a random order.
    PowerCut,
    /// The broker and its port mapper.
    KillBroker,
    /// The postmaster and all its children.
    KillDatabase,
    /// An orchestrator is frozen for longer than its lease, and goes on as if nothing had been.
    FreezeOrchestrator(usize),
    /// A payment worker is frozen with an intent written and the provider not called yet, for longer than
    /// everybody waits for it.
    FreezeBeforeCall,
    /// The provider is frozen with requests in its hands: it acts late.
    FreezeProvider,
    /// A worker is frozen for longer than its tasks may take.
    FreezeWorker(Role),
    /// The broker is stopped in order and started again.
    RestartBroker,
    /// The database too: its sessions are broken off.
    RestartDatabase,
    /// A process's connections to a server are reset, several times.
    Cut(Role, Far),
    /// A process's connections to a server say nothing for a while, and nobody is told.
    Hold(Role, Far),
    /// All links are slow.
    Delay,
    /// A queue vanishes, with what is in it.
    DeleteQueue,
    /// A queue loses what is in it.
    PurgeQueue,
}

/// Longer than a lease (9 s).
const PAST_THE_LEASE: Duration = Duration::from_secs(13);

/// Longer than an attempt at payment (2 s), its repetitions, and a part of the reconciling.
const PAST_THE_ATTEMPTS: Duration = Duration::from_secs(10);

/// Each fault once, in a seeded order.
pub(crate) fn all(chance: &mut Chance) -> Vec<Fault> {
    let mut faults = vec![
        Fault::Kill(Role::Serve(0)),
        Fault::Kill(Role::Serve(1)),
        Fault::Kill(Role::Worker("catalog", 0)),
        Fault::Kill(Role::Worker("payment", 0)),
        Fault::Kill(Role::Worker("payment", 1)),
        Fault::Kill(Role::Worker("booking", 0)),
        Fault::Kill(Role::Worker("notification", 0)),
        Fault::Kill(Role::Provider),
        Fault::KillOrchestrators,
        Fault::KillAgain,
        Fault::PowerCut,
        Fault::KillBroker,
        Fault::KillDatabase,
        Fault::FreezeOrchestrator(chance.below(2)),
        Fault::FreezeBeforeCall,
        Fault::FreezeProvider,
    ];
    chance.shuffle(&mut faults);
    faults
}

/// Faults by kind, for runs through links: one of a kind, drawn anew each time.
const KINDS: [fn(&mut Chance) -> Fault; 18] = [
    |chance| Fault::Kill(ROLES[chance.below(ROLES.len())]),
    |chance| Fault::Kill(Role::Serve(chance.below(2))),
    |_| Fault::KillOrchestrators,
    |_| Fault::KillAgain,
    |_| Fault::PowerCut,
    |_| Fault::KillBroker,
    |_| Fault::KillDatabase,
    |chance| Fault::FreezeOrchestrator(chance.below(2)),
    |_| Fault::FreezeBeforeCall,
    |_| Fault::FreezeProvider,
    |chance| Fault::FreezeWorker(WORKERS[chance.below(WORKERS.len())]),
    |_| Fault::RestartBroker,
    |_| Fault::RestartDatabase,
    |chance| Fault::Cut(ROLES[chance.below(ROLES.len() - 1)], links::some(chance)),
    |chance| Fault::Hold(ROLES[chance.below(ROLES.len() - 1)], links::some(chance)),
    |_| Fault::Delay,
    |_| Fault::DeleteQueue,
    |_| Fault::PurgeQueue,
];

const WORKERS: [Role; 5] = [
    Role::Worker("catalog", 0),
    Role::Worker("payment", 0),
    Role::Worker("payment", 1),
    Role::Worker("booking", 0),
    Role::Worker("notification", 0),
];

/// The kinds that one seed has: few of them, so that each meets itself and the others again and again.
pub(crate) struct Swarm(Vec<fn(&mut Chance) -> Fault>);

impl Swarm {
    pub(crate) fn new(chance: &mut Chance) -> Swarm {
        let mut kinds = KINDS.to_vec();
        chance.shuffle(&mut kinds);
        kinds.truncate(2 + chance.below(4));
        Swarm(kinds)
    }

    pub(crate) fn next(&self, chance: &mut Chance) -> Fault {
        self.0[chance.below(self.0.len())](chance)
    }
}

impl Fault {
    /// Lets it happen; a remark about it.
    pub(crate) fn happen(self, platform: &mut Platform, chance: &mut Chance) -> String {
        let away = chance.millis(1000, 3000);
        match self {
            Fault::Kill(role) => kill(platform, &[role], away),
            Fault::KillOrchestrators => {
                kill(platform, &[Role::Serve(0), Role::Serve(1)], away);
            }
            Fault::KillAgain => {
                for _ in 0..4 {
                    let pause = chance.millis(100, 700);
                    kill(platform, &PAYMENT, pause);
                    sleep(pause);
                }
                return "four times".to_owned();
            }
            Fault::PowerCut => power_cut(platform, chance, away),
            Fault::KillBroker => {
                platform.servers.rabbitmq.kill9().unwrap();
                sleep(away);
                platform.servers.rabbitmq.restart().unwrap();
            }
            Fault::KillDatabase => {
                platform.servers.postgres.kill9().unwrap();
                sleep(away);
                platform.servers.postgres.restart().unwrap();
            }
            Fault::FreezeOrchestrator(number) => {
                freeze(platform, Role::Serve(number), PAST_THE_LEASE);
            }
            Fault::FreezeProvider => {
                freeze(platform, Role::Provider, Duration::from_secs(3) + away);
            }
            Fault::FreezeBeforeCall => return freeze_before_call(platform, chance),
            Fault::FreezeWorker(role) => freeze(platform, role, Duration::from_secs(4) + away),
            Fault::RestartBroker => platform.servers.rabbitmq.restart().unwrap(),
            Fault::RestartDatabase => platform.servers.postgres.restart().unwrap(),
            Fault::Cut(role, far) => return links::cut(platform, role, far, chance),
            Fault::Hold(role, far) => return links::hold(platform, role, far, chance),
            Fault::Delay => return links::delay(platform, chance),
            Fault::DeleteQueue => return queues::delete(platform, chance),
            Fault::PurgeQueue => return queues::purge(platform, chance),
        }
        format!("{away:?}")
    }
}

const PAYMENT: [Role; 2] = [Role::Worker("payment", 0), Role::Worker("payment", 1)];

fn power_cut(platform: &mut Platform, chance: &mut Chance, away: Duration) {
    let mut roles = ROLES;
    chance.shuffle(&mut roles);
    let (before, after) = roles.split_at(chance.below(ROLES.len()));
    for role in before {
        platform.programs.kill9(*role);
    }
    if chance.percent(50) {
        platform.servers.rabbitmq.kill9().unwrap();
    }
    platform.servers.postgres.kill9().unwrap();
    for role in after {
        platform.programs.kill9(*role);
    }
    platform.servers.rabbitmq.kill9().unwrap();
    sleep(away);
    platform.servers.postgres.restart().unwrap();
    platform.servers.rabbitmq.restart().unwrap();
    platform.programs.start_missing();
}

fn kill(platform: &mut Platform, roles: &[Role], away: Duration) {
    for role in roles {
        platform.programs.kill9(*role);
    }
    sleep(away);
    for role in roles {
        platform.programs.start(*role);
    }
    for role in roles {
        platform.programs.wait_ready(*role);
    }
}

fn freeze(platform: &Platform, role: Role, time: Duration) {
    platform.programs.freeze(role);
    sleep(time);
    platform.programs.thaw(role);
}

/// Intents of tasks that the provider would answer at once, and does not know.
const BEFORE_CALL: &str = "select b.effect from payment.barrier b
    where b.state = 'intent' and b.input ->> 'payment_token' = 'tok_ok'
      and not exists (select from provider.key k where k.key = b.effect)";

/// Freezes a payment worker again and again until it has just written an intent, then holds it.
fn freeze_before_call(platform: &Platform, chance: &mut Chance) -> String {
    let intents = || -> Vec<String> {
        let found = sqlx::query_scalar(BEFORE_CALL).fetch_all(&platform.pool);
        platform.runtime.block_on(found).unwrap_or_default()
    };
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(15) {
        let role = Role::Worker("payment", chance.below(2));
        platform.programs.freeze(role);
        // Twice: the other worker's intents do not stay.
        let first = if intents().is_empty() {
            Vec::new()
        } else {
            pause_and(&intents)
        };
        if !first.is_empty() {
            sleep(PAST_THE_ATTEMPTS);
            platform.programs.thaw(role);
            return format!("{} with {} intents", role.name(), first.len());
        }
        platform.programs.thaw(role);
        sleep(chance.millis(5, 40));
    }
    "was never caught in between".to_owned()
}

fn pause_and(look: &impl Fn() -> Vec<String>) -> Vec<String> {
    sleep(Duration::from_millis(150));
    let before = look();
    sleep(Duration::from_millis(150));
    let after = look();
    before
        .into_iter()
        .filter(|effect| after.contains(effect))
        .collect()
}

/// After a fault each replica answers so many starts, or it has not recovered.
const ANSWERS: usize = 15;

/// How long recovering may take: reconnecting backs off, and the machine is busy.
const RECOVERY: Duration = Duration::from_secs(60);

/// Waits until both replicas answer starts again; how long that took, or how far it came.
pub(crate) fn recovered(load: &Load) -> Result<Duration, String> {
    let (began, before) = (Instant::now(), load.answered());
    loop {
        let now = load.answered();
        let more = [0, 1].map(|replica: usize| now[replica] - before[replica]);
        if more.iter().all(|answers| *answers >= ANSWERS) {
            return Ok(began.elapsed());
        }
        if began.elapsed() > RECOVERY {
            return Err(format!(
                "in {RECOVERY:?} the replicas answered {more:?} starts"
            ));
        }
        sleep(Duration::from_millis(50));
    }
}
