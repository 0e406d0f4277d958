//! Backups of a real PostgreSQL, a restore to a moment and to the latest, and everything that is refused.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use impresario_services::{Postgres, Program};

use crate::program::{impresario, postgres_is_missing, run, text};

fn rows(postgres: &Postgres) -> String {
    sql(
        postgres,
        "select string_agg(n::text, ' ' order by n) from t",
    )
}

fn sql(postgres: &Postgres, words: &str) -> String {
    let asked = postgres
        .psql("postgres")
        .args(["-c", words])
        .output()
        .unwrap();
    assert!(asked.status.success(), "{words}: {}", text(&asked.stderr));
    text(&asked.stdout).trim().to_owned()
}

fn refused(output: &Output, code: i32, why: &str) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(why), "{said}");
}

/// Waits until what was written by now is in the copy of the log.
fn copied(postgres: &Postgres) {
    let until = Instant::now() + Duration::from_secs(60);
    let behind = "select count(*) from pg_stat_replication
                   where application_name = 'pg_receivewal' and flush_lsn >= pg_current_wal_flush_lsn()";
    while sql(postgres, behind) != "1" {
        assert!(Instant::now() < until, "the log is not copied");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn restore(folder: &str, to: &str, moment: &str) -> Output {
    run(&["restore", "data", folder, "--to", to, "--moment", moment])
}

fn must(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).trim().to_owned()
}

fn until_primary(postgres: &Postgres) {
    let until = Instant::now() + Duration::from_secs(60);
    while sql(postgres, "select pg_is_in_recovery()") != "f" {
        assert!(Instant::now() < until, "it replays for ever");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn any_moment_since_the_base_backup_is_restored_and_others_are_refused() {
    if postgres_is_missing() {
        return;
    }
    let mut postgres = Postgres::temporary().unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let (backups, url) = (path("backups"), postgres.url("postgres"));
    refused(
        &run(&["backup", "list", &backups]),
        3,
        "is no folder of backups",
    );

    // Given a log that is copied, a base backup, and rows before and after a moment.
    let following = impresario(&["backup", "follow", &backups, "--database-url", &url]);
    let log = home.path().join("follow.log");
    let mut follow = Program::start("backup follow", following, &log).unwrap();
    let wal = Path::new(&backups).join("wal");
    let begun = || std::fs::read_dir(&wal).is_ok_and(|mut files| files.next().is_some());
    follow.wait_ready(Duration::from_secs(60), begun).unwrap();
    sql(
        &postgres,
        "create table t (n int); insert into t values (1)",
    );
    let taken = must(&run(&["backup", "take", &backups, "--database-url", &url]));
    // A base backup is named by the next whole second.
    std::thread::sleep(Duration::from_millis(1100));
    sql(&postgres, "insert into t values (2)");
    let moment = sql(&postgres, "select to_json(clock_timestamp())::text").replace('"', "");
    sql(&postgres, "insert into t values (3)");
    copied(&postgres);
    assert!(must(&run(&["backup", "list", &backups])).contains(&taken));
    assert_eq!(must(&run(&["backup", "verify", &backups])), "whole");

    // What cannot be restored is refused, and leaves nothing behind.
    let to = path("data");
    refused(
        &restore(&backups, &to, "2001-01-01T00:00:00Z"),
        3,
        "the earliest is",
    );
    refused(
        &restore(&backups, &to, "2999-01-01T00:00:00Z"),
        3,
        "the log ends at",
    );
    refused(&restore(&backups, &to, "noon"), 2, "2026-11-27T09:30:00Z");
    refused(
        &restore(home.path().to_str().unwrap(), &to, "latest"),
        3,
        "is no folder of backups",
    );
    refused(
        &restore(&backups, &path("a'b"), "latest"),
        2,
        "a shell would read",
    );
    refused(
        &restore(&backups, home.path().to_str().unwrap(), "latest"),
        4,
        "is not empty",
    );
    assert!(!Path::new(&to).exists());

    // When it is restored to the moment, then what came later is gone; and to the latest, it is there.
    let lay = |data: &Path, moment: &str| {
        must(&restore(&backups, data.to_str().unwrap(), moment));
    };
    drop(follow);
    postgres.start_on(|data| lay(data, &moment)).unwrap();
    until_primary(&postgres);
    assert_eq!(rows(&postgres), "1 2");
    let log = postgres.log().with_file_name("data.log");
    std::fs::remove_dir_all(log).unwrap();
    postgres.start_on(|data| lay(data, "latest")).unwrap();
    until_primary(&postgres);
    assert_eq!(rows(&postgres), "1 2 3");

    // A backup that is not whole, or of another version, is found out.
    let base = Path::new(&backups).join("base").join(&taken);
    std::fs::write(base.join("PG_VERSION"), "9\n").unwrap();
    refused(&restore(&backups, &to, "latest"), 4, "is of PostgreSQL 9");
    refused(&run(&["backup", "verify", &backups]), 1, "pg_verifybackup");
}
