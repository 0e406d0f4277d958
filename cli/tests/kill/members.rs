//! RabbitMQ as three nodes with quorum queues that are killed under load: whichever leads most queues goes first, each is
//! back and has joined before the next goes; then two go at once.
//!
//! Processes know all three addresses. Without a majority no saga ends and none is lost: starts are still taken, and
//! all of it goes on when one node is back. The judge knows what customers were told.

use std::thread::sleep;
use std::time::{Duration, Instant};

use impresario_services::RabbitMq;
use impresario_services::rabbitmq::Cluster;

use crate::chance::Chance;
use crate::crowd::CROWD;
use crate::load::Crowd;
use crate::platform::{Beside, Platform, Wiring};
use crate::round::{Run, fail, under};
use crate::servers::Servers;

/// Three brokers beside them leave the machine less.
const CROWD_OF_THREE_NODES: Crowd = Crowd {
    clients: 8,
    ..CROWD
};

/// A majority of two stays when one is gone.
const NODES: usize = 3;

/// Sagas that must end after each fault: not only those whose last result was on its way.
const ENDED_MORE: i64 = 20;

/// Within this they must. An election takes a second or two, a reconnect up to five, the outbox's repeat some more.
const ENDED_WITHIN: Duration = Duration::from_secs(90);

/// A node that comes back reads its log, and takes the others' word for the rest.
const JOINED_WITHIN: Duration = Duration::from_secs(90);

/// Without a majority: until what was on its way has arrived, and how long nothing may end after that.
const SETTLED: Duration = Duration::from_secs(4);
const STILL: Duration = Duration::from_secs(6);

/// The nodes. The first is in the hands of the platform, which looks at its queues.
struct Nodes {
    others: Cluster,
}

impl Nodes {
    fn of<'n>(&'n mut self, run: &'n mut Run<'_>, number: usize) -> &'n mut RabbitMq {
        match number.checked_sub(1) {
            None => &mut run.platform.servers.rabbitmq,
            Some(other) => &mut self.others.members[other],
        }
    }

    /// The queues as a node sees them: who leads each, and how many of its members are there.
    fn queues(&mut self, run: &mut Run<'_>, asked: usize) -> Vec<(String, usize)> {
        let mut list = self.of(run, asked).ctl().unwrap();
        list.args(["-q", "list_queues", "type", "leader", "online"]);
        let listed = list.arg("--no-table-headers").output().unwrap();
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        text.lines()
            .filter_map(|line| line.strip_prefix("quorum\t")?.split_once('\t'))
            .map(|(leader, online)| (leader.to_owned(), online.matches('@').count()))
            .collect()
    }

    /// Waits until every queue has all its members.
    fn must_have_joined(&mut self, run: &mut Run<'_>) {
        let began = Instant::now();
        loop {
            let queues = self.queues(run, 0);
            if !queues.is_empty() && queues.iter().all(|(_, online)| *online == NODES) {
                return;
            }
            if began.elapsed() > JOINED_WITHIN {
                fail(run.platform, &format!("not joined: {queues:?}"));
            }
            sleep(Duration::from_millis(500));
        }
    }

    /// Which of these leads most queues, and how many.
    fn leader_of_most(&mut self, run: &mut Run<'_>, among: &[usize]) -> (usize, usize) {
        let queues = self.queues(run, 0);
        let leads = |number: usize| {
            let name = Cluster::node(number);
            queues.iter().filter(|(leader, _)| *leader == name).count()
        };
        let counted = among.iter().map(|&number| (number, leads(number)));
        counted.max_by_key(|(_, queues)| *queues).unwrap()
    }
}

pub(crate) fn run(seed: u64) {
    eprintln!("KILL_SEED={seed}");
    let mut chance = Chance::new(seed);
    let mut cluster = Cluster::start(NODES).unwrap();
    let urls: Vec<_> = cluster.members.iter().map(RabbitMq::url).collect();
    let beside = Beside {
        amqp: Some(urls.join(",")),
        queues: Some("quorum"),
        ..Beside::default()
    };
    let first = cluster.members.remove(0);
    let mut nodes = Nodes { others: cluster };
    let servers = Servers::with(|| first);
    let mut platform = Platform::beside(servers, "members", Wiring::Direct, beside);
    let verdict = under(&mut platform, CROWD_OF_THREE_NODES, seed, |run| {
        nodes.must_have_joined(run);
        one_after_another(run, &mut nodes, &mut chance);
        two_at_once(run, &mut nodes, &mut chance);
    });
    println!("members {seed}: {}", verdict.summary());
    drop(platform.went_well());
}

fn one_after_another(run: &mut Run<'_>, nodes: &mut Nodes, chance: &mut Chance) {
    let mut left: Vec<usize> = (0..NODES).collect();
    while !left.is_empty() {
        sleep(chance.millis(500, 2_000));
        let (lost, led) = nodes.leader_of_most(run, &left);
        left.retain(|number| *number != lost);
        nodes.of(run, lost).kill9().unwrap();
        let back = must_end_more(run, &format!("without node {lost}"));
        nodes.of(run, lost).restart().unwrap();
        nodes.must_have_joined(run);
        eprintln!(
            "node {lost}, leader of {led} queues: {ENDED_MORE} ended {back:.1} s later without it"
        );
    }
}

fn two_at_once(run: &mut Run<'_>, nodes: &mut Nodes, chance: &mut Chance) {
    sleep(chance.millis(500, 2_000));
    // The first stays, by which the platform's queues are looked at.
    for lost in [1, 2] {
        nodes.of(run, lost).kill9().unwrap();
    }
    sleep(SETTLED);
    let before = ended(run);
    sleep(STILL);
    let after = ended(run);
    if after != before {
        fail(
            run.platform,
            &format!("{} ended without a majority", after - before),
        );
    }
    run.must_recover("starts are taken without a majority");
    nodes.of(run, 1).restart().unwrap();
    let back = must_end_more(run, "with a majority again");
    nodes.of(run, 2).restart().unwrap();
    nodes.must_have_joined(run);
    eprintln!(
        "two nodes at once: none ended without them, {ENDED_MORE} ended {back:.1} s after one was back"
    );
}

/// Waits until more sagas have ended, which takes queues that work; how many seconds that took.
fn must_end_more(run: &Run<'_>, when: &str) -> f64 {
    let (began, before) = (Instant::now(), ended(run));
    loop {
        let more = ended(run) - before;
        if more >= ENDED_MORE {
            return began.elapsed().as_secs_f64();
        }
        if began.elapsed() > ENDED_WITHIN {
            fail(
                run.platform,
                &format!("{when}: only {more} ended in {ENDED_WITHIN:?}"),
            );
        }
        sleep(Duration::from_millis(100));
    }
}

/// Bookings that have completed: each went through every queue.
fn ended(run: &Run<'_>) -> i64 {
    let count = "select count(*) from impresario.saga where status = 'completed'";
    let counted = sqlx::query_scalar(count).fetch_one(&run.platform.pool);
    run.platform.runtime.block_on(counted).unwrap()
}
