//! The restore drill: a platform is lost under load, its database goes back to a past moment of the seed's choice, the
//! broker's queues go, and it lives on. The payment provider is somebody else's and forgets nothing.
//!
//! Half of the customers whose bookings are lost press the button again; the others never come back. In the end every
//! charge has a booking or a refund, no seat is sold twice, and everything that a customer was told by the moment is still
//! true. What was told after it is what a restore loses: how much that was is printed, with how long it took.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat};
use impresario_services::{Postgres, Program};
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::crowd::CROWD;
use crate::load::{Crowd, Load, Wish};
use crate::platform::{Beside, Platform, Wiring};
use crate::programs::{ROLES, Role};
use crate::round::fail;
use crate::servers::Servers;
use crate::{faults, quiet, records};

/// So many at a time are enough for every path.
const CROWD_OF_THE_DRILL: Crowd = Crowd {
    clients: 12,
    ..CROWD
};

/// How long the platform lives before it is lost, in milliseconds.
const BEFORE: (usize, usize) = (5_000, 9_000);

/// How far back the database goes from there.
const BACK: (usize, usize) = (300, 3_000);

/// New customers come for so long after the restore.
const AFTER: Duration = Duration::from_secs(3);

pub(crate) fn run(seed: u64) {
    let mut chance = Chance::new(seed);
    let began = Instant::now();
    let provider = Postgres::temporary().unwrap();
    provider.create_database("provider").unwrap();
    let provider = (provider.url("provider"), provider);
    let name = format!("drill-{seed}");
    let beside = Beside {
        provider_database: Some(provider.0),
        ..Beside::default()
    };
    let mut platform = Platform::beside(Servers::start(), &name, Wiring::Direct, beside);

    // Given a platform that is backed up, and is lost under load.
    let backups = platform.logs().join("backups");
    let follow = follow(&platform, &backups);
    must(backup(&platform, "take", &backups));
    let earlier = platform.logs().join("before");
    std::fs::create_dir_all(&earlier).unwrap();
    let load = come(&platform, seed, &earlier);
    sleep(chance.millis(BEFORE.0, BEFORE.1));
    let lost_us = load.history.now_us();
    lose(&mut platform, follow, &mut chance);
    drop(load.abandon(&platform.runtime));
    let moment_us = lost_us - i64::try_from(chance.millis(BACK.0, BACK.1).as_micros()).unwrap();
    let moment = DateTime::from_timestamp_micros(moment_us).unwrap();
    let moment = moment.to_rfc3339_opts(SecondsFormat::Micros, true);

    // When it is restored to that moment,
    let restoring = Instant::now();
    platform
        .servers
        .postgres
        .start_on(|data| {
            let mut lay = impresario(&["restore", "data", "--moment", &moment, "--to"]);
            lay.arg(data).arg(&backups);
            must(lay);
        })
        .unwrap();
    platform.servers.rabbitmq.restart().unwrap();
    let settled = must(settle(&platform, &moment));
    platform.programs.start_missing();
    let load = come(&platform, seed + 1_000_000, &platform.records());
    if let Err(why) = faults::recovered(&load) {
        fail(&platform, &format!("after the restore: {why}"));
    }
    let recovered = restoring.elapsed();
    // and some of those who were forgotten ask again,
    let history = earlier.join("ops.ndjson");
    let forgotten = forgotten(&platform, &history);
    let (again, never): (Vec<_>, Vec<_>) = forgotten.into_iter().partition(|_| chance.percent(50));
    load.ask_again(&platform.runtime, &again);
    sleep(AFTER);
    drop(load.stop(&platform.runtime));
    rest(&mut platform);
    let given_back = must(reconcile(&platform, &moment));

    // then everything fits.
    let queues = rest(&mut platform);
    remember(&platform, &history, moment_us);
    let verdict = records::judge(&platform, &queues);
    let ended = &platform.programs.ended_by_themselves;
    if !ended.is_empty() {
        fail(&platform, &format!("ended by themselves: {ended:?}"));
    }
    if !verdict.holds() {
        eprintln!(
            "settled: {settled}\nreconciled: {given_back}\n{}",
            verdict.told
        );
        fail(&platform, &format!("violations of {:?}", verdict.broken()));
    }
    // Nobody wants anything a second time.
    let nothing = must(reconcile(&platform, &moment));
    assert_eq!(nothing["given_back"], json!([]), "{nothing}");
    println!(
        "drill {seed}: RPO {:.1} s ({} bookings asked for and forgotten, {} asked for again), RTO {:.1} s; \
         epoch {}, {} effects adopted, {} adopted as undone, {} given back; {}; {:.0} s",
        Duration::from_micros(u64::try_from(lost_us - moment_us).unwrap()).as_secs_f64(),
        again.len() + never.len(),
        again.len(),
        recovered.as_secs_f64(),
        settled["epoch"],
        settled["adopted"],
        settled["undone"],
        given_back["given_back"].as_array().unwrap().len(),
        verdict.summary(),
        began.elapsed().as_secs_f64(),
    );
    assert!(
        !(again.is_empty() && never.is_empty()),
        "the restore lost nothing: it proves nothing"
    );
    drop(platform.went_well());
}

fn come(platform: &Platform, seed: u64, folder: &Path) -> Load {
    Load::start(
        &platform.runtime,
        &platform.client,
        &platform.servers.events,
        CROWD_OF_THE_DRILL,
        seed,
        folder,
    )
}

/// Everything but the provider, in an order of the seed's.
fn lose(platform: &mut Platform, follow: Program, chance: &mut Chance) {
    let mut roles: Vec<Role> = ROLES
        .into_iter()
        .filter(|role| *role != Role::Provider)
        .collect();
    if chance.percent(50) {
        platform.servers.postgres.kill9().unwrap();
    }
    while !roles.is_empty() {
        platform
            .programs
            .kill9(roles.swap_remove(chance.below(roles.len())));
    }
    platform.servers.postgres.kill9().unwrap();
    platform.servers.rabbitmq.kill9().unwrap();
    drop(follow);
}

/// Until nothing is open, twice: what is given back may be somebody's turn.
fn rest(platform: &mut Platform) -> Vec<(String, u64)> {
    match quiet::wait(platform) {
        Ok(rest) => rest.queues,
        Err(why) => fail(platform, &why),
    }
}

/// What was asked for and is not known any more.
fn forgotten(platform: &Platform, history: &Path) -> Vec<Wish> {
    let keys = sqlx::query_scalar("select key from impresario.saga_key");
    let known: Vec<String> = platform
        .runtime
        .block_on(keys.fetch_all(&platform.pool))
        .unwrap();
    let mut seen: HashSet<String> = known.into_iter().collect();
    let asked = lines(history).into_iter().filter(|line| {
        line["type"] == "invoke" && line["op"] == "start" && seen.insert(text(&line["key"]))
    });
    asked
        .map(|line| Wish {
            key: text(&line["key"]),
            body: line["body"].clone(),
            never: Vec::new(),
        })
        .collect()
}

/// The history of before stands in front of the one of after. An answer that came by the moment binds; one that came later
/// is what the restore has lost.
fn remember(platform: &Platform, before: &Path, moment_us: i64) {
    let after = platform.records().join("ops.ndjson");
    let earlier = lines(before).into_iter().map(|mut line| {
        line["process"] = json!(format!("before-{}", text(&line["process"])));
        let is_answer = line["type"] == "ok" || line["type"] == "fail";
        if is_answer && line["time_us"].as_i64().unwrap() > moment_us {
            let mut lost = json!({ "type": "info", "why": "lost by the restore" });
            for kept in ["time_us", "process", "op", "key", "node"] {
                lost[kept] = line[kept].take();
            }
            return lost;
        }
        line
    });
    let whole: Vec<Value> = earlier.chain(lines(&after)).collect();
    records::lines(&after, &whole);
}

/// The lines of a history; the last of one that was abandoned may be half a line.
fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn follow(platform: &Platform, backups: &Path) -> Program {
    let log = platform.logs().join("follow.log");
    let following = backup(platform, "follow", backups);
    let mut program = Program::start("backup follow", following, &log).unwrap();
    // The log is whole from before the base backup on.
    let wal = backups.join("wal");
    let is_there = || std::fs::read_dir(&wal).is_ok_and(|mut files| files.next().is_some());
    program
        .wait_ready(Duration::from_secs(30), is_there)
        .unwrap();
    program
}

fn backup(platform: &Platform, what: &str, backups: &Path) -> Command {
    let mut command = impresario(&["backup", what, "--database-url", platform.database()]);
    command.arg(backups);
    command
}

fn settle(platform: &Platform, moment: &str) -> Command {
    let mut command = impresario(&["restore", "settle", "--reason", "drill"]);
    command.args(money(platform, moment));
    command.args(["--amqp-url", &platform.servers.rabbitmq.url()]);
    command
}

fn reconcile(platform: &Platform, moment: &str) -> Command {
    let mut command = impresario(&[
        "restore",
        "reconcile",
        "--reason",
        "drill",
        "--grace-minutes",
        "0",
    ]);
    command.args(money(platform, moment));
    command
}

fn money<'p>(platform: &'p Platform, moment: &'p str) -> [&'p str; 6] {
    let (database, provider) = (platform.database(), platform.client.provider());
    [
        "--database-url",
        database,
        "--provider-url",
        provider,
        "--moment",
        moment,
    ]
}

fn impresario(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impresario"));
    command
        .args(["-o", "json"])
        .args(words)
        .env("NO_COLOR", "1");
    command
}

/// What it answers; it has to go well.
fn must(mut command: Command) -> Value {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {said}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{command:?}: {said}"))
}
