//! Backups of the StatefulSet, tried on a real PostgreSQL: the log is copied, base backups come and go, and a restore brings
//! back a moment, or the very last commit of a server that is gone. And both kinds of backups are where they have to be.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use impresario_services::{Folder, Postgres};
use tempfile::TempDir;

use crate::database::{ask, script, server, well, without_postgres};
use crate::files::overlay;

const PATIENCE: Duration = Duration::from_secs(120);

/// The copy of the log that goes on; ended at the end.
struct Archive(Child);

impl Drop for Archive {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// The moment, as the server's clock has it and as restores name it.
fn moment(postgres: &Postgres) -> String {
    let now =
        "select to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
    ask(postgres, now)
}

/// The next second; whatever was done before was done before it.
fn next_second(postgres: &Postgres) -> String {
    let before = moment(postgres);
    until("a second passes", || moment(postgres) > before);
    moment(postgres)
}

fn base(primary: &Postgres, backups: &str, keep: &str) {
    next_second(primary);
    let variables = [
        ("PRIMARY", "127.0.0.1"),
        ("BACKUPS", backups),
        ("KEEP", keep),
    ];
    well(script("postgres-backup/files/base.sh", primary, &variables));
}

/// A server on what was restored, once it is a primary.
fn restored(primary: &Postgres, backups: &str, target: &str) -> Postgres {
    let place = Folder::temporary("k8s-restored");
    let data = place.path().join("data");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("what-was-there"), "").unwrap();
    let variables = [
        ("BACKUPS", backups),
        ("TARGET", target),
        ("PGDATA", data.to_str().unwrap()),
    ];
    well(script(
        "postgres-backup/files/restore.sh",
        primary,
        &variables,
    ));
    let kept = names(place.path());
    let kept = kept
        .iter()
        .find(|name| name.starts_with("data.before-"))
        .unwrap();
    assert!(place.path().join(kept).join("what-was-there").exists());
    // In a pod both are the same user's.
    let opened = Command::new("chmod")
        .args(["-R", "a+rX"])
        .arg(place.path().join("data.log"))
        .status();
    assert!(opened.unwrap().success());
    let server = server(place);
    until("it is a primary", || {
        ask(&server, "select pg_is_in_recovery()") == "f"
    });
    server
}

/// The log as it was before a restore put it aside.
fn put_back(backups: &Path) {
    let aside = names(backups);
    let aside = aside
        .iter()
        .find(|name| name.starts_with("wal.before-"))
        .unwrap();
    fs::rename(backups.join(aside), backups.join("wal")).unwrap();
}

#[test]
fn a_moment_is_gone_back_to_and_the_last_commit_survives_its_server() {
    if without_postgres() {
        return;
    }
    let mut primary = server(Folder::temporary("k8s-backed-up"));
    let roles = [
        ("POSTGRES_USER", "postgres"),
        ("APP_PASSWORD", "a"),
        ("REPLICATION_PASSWORD", "b"),
    ];
    well(script("postgres/files/roles.sh", &primary, &roles));
    let place = TempDir::new().unwrap();
    let folder = place.path().to_owned();
    let backups = folder.to_str().unwrap();
    let copying = [("PRIMARY", "127.0.0.1"), ("BACKUPS", backups)];
    let archive = Archive(
        script("postgres-backup/files/archive.sh", &primary, &copying)
            .spawn()
            .unwrap(),
    );
    let active = "select active from pg_replication_slots where slot_name = 'backup'";
    until("the log is followed", || ask(&primary, active) == "t");

    // A second base backup takes the first away, and the log that only that one needed.
    base(&primary, backups, "1");
    let first = names(&folder.join("base"));
    let oldest = names(&folder.join("wal"))[0].clone();
    base(&primary, backups, "1");
    assert_eq!(names(&folder.join("base")).len(), 1);
    assert_ne!(names(&folder.join("base")), first);
    assert!(names(&folder.join("wal"))[0] > oldest, "{oldest} is kept");

    ask(&primary, "create table told (what text)");
    ask(&primary, "insert into told values ('kept')");
    let target = next_second(&primary);
    next_second(&primary);
    ask(&primary, "insert into told values ('mistaken')");
    // Later than the target: a restore has to take the one before.
    base(&primary, backups, "2");
    ask(&primary, "insert into told values ('last')");
    let copied = "select flush_lsn >= pg_current_wal_lsn() from pg_stat_replication where application_name = 'pg_receivewal'";
    until("the last commit is copied", || ask(&primary, copied) == "t");
    primary.kill9().unwrap();
    drop(archive);

    let all = "select string_agg(what, ' ' order by what) from told";
    let back = restored(&primary, backups, &target);
    assert_eq!(ask(&back, all), "kept");
    put_back(&folder);
    let latest = restored(&primary, backups, "latest");
    assert_eq!(ask(&latest, all), "kept last mistaken");
    // What is restored is a primary like any other.
    assert_eq!(
        ask(&latest, "insert into told values ('new') returning what"),
        "new"
    );

    // Before the first base backup there is nothing to go back to, and nothing is touched.
    put_back(&folder);
    let variables = [
        ("BACKUPS", backups),
        ("TARGET", "2020-01-01T00:00:00Z"),
        ("PGDATA", "/nowhere"),
    ];
    let refused = script("postgres-backup/files/restore.sh", &primary, &variables)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no base backup was complete"));
    assert!(folder.join("wal").exists());
}

#[test]
fn wherever_data_matter_they_are_saved_every_night() {
    let staging = overlay("staging");
    let nightly = staging.get("CronJob", "postgres-backup").unwrap();
    assert_eq!(nightly.text("/spec/schedule"), "17 2 * * *");
    assert_eq!(nightly.text("/spec/concurrencyPolicy"), "Forbid");
    assert_eq!(
        staging
            .get("CronJob", "postgres-restore")
            .unwrap()
            .at("/spec/suspend"),
        true
    );

    let prod = overlay("prod");
    let schedule = prod.get("ScheduledBackup", "postgres").unwrap();
    assert_eq!(schedule.text("/spec/method"), "plugin");
    let cluster = prod.get("Cluster", "postgres").unwrap();
    assert_eq!(cluster.at("/spec/plugins/0/isWALArchiver"), true);
    let store = prod.get("ObjectStore", "postgres-backup").unwrap();
    assert_eq!(store.text("/spec/retentionPolicy"), "30d");
    assert_eq!(store.text("/spec/configuration/wal/encryption"), "AES256");
}
