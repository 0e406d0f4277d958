//! A private Postgres keeps what was committed through kill -9, and is owned by one process at a time.

use impresario_services::postgres::Options;
use impresario_services::{Folder, Postgres};

use crate::{eventually, is_alive, is_there};

fn query(postgres: &Postgres, database: &str, sql: &str) -> String {
    let ran = postgres.psql(database).args(["-c", sql]).output().unwrap();
    assert!(
        ran.status.success(),
        "{sql}: {}",
        String::from_utf8_lossy(&ran.stderr)
    );
    String::from_utf8_lossy(&ran.stdout).trim().to_owned()
}

#[test]
fn committed_rows_survive_kill_9_and_a_temporary_folder_vanishes() {
    if !is_there("Postgres", Postgres::installed()) {
        return;
    }
    let folder = Folder::temporary("it-postgres");
    let mut postgres = Postgres::start(Options::at(folder.clone())).unwrap();
    postgres.create_database("box office").unwrap();
    postgres.create_database("box office").unwrap();
    postgres.create_database("seats").unwrap();
    query(
        &postgres,
        "seats",
        "create table seat (label text); insert into seat values ('A1')",
    );
    assert_eq!(query(&postgres, "seats", "show fsync"), "on");
    assert_eq!(query(&postgres, "seats", "show synchronous_commit"), "on");
    assert_eq!(
        query(&postgres, "seats", "show listen_addresses"),
        "127.0.0.1"
    );

    let (port, pid) = (postgres.port(), postgres.pid().unwrap());
    postgres.kill9().unwrap();
    assert!(!is_alive(pid));
    assert_eq!(postgres.pid(), None);

    postgres.restart().unwrap();
    assert_eq!(postgres.port(), port, "clients find it where it was");
    assert_eq!(query(&postgres, "seats", "select label from seat"), "A1");

    let pid = postgres.pid().unwrap();
    drop(postgres);
    assert!(!is_alive(pid));
    assert!(!folder.path().exists());
}

#[test]
fn a_kept_folder_is_used_again_and_lent_while_it_is_owned() {
    if !is_there("Postgres", Postgres::installed()) {
        return;
    }
    let place = Folder::temporary("it-kept");
    let kept = Folder::kept(place.path());
    let mut owner = Postgres::start(Options::at(kept.clone())).unwrap();
    query(
        &owner,
        "postgres",
        "create table kept (n int); insert into kept values (7)",
    );

    let mut guest = Postgres::start(Options::at(kept.clone())).unwrap();
    assert_eq!(guest.port(), owner.port());
    assert!(
        guest
            .notes()
            .iter()
            .any(|note| note.contains("that process")),
        "{:?}",
        guest.notes()
    );
    assert!(
        guest.kill9().is_err(),
        "a borrowed server is not ours to kill"
    );
    guest.stop().unwrap();
    drop(guest);
    assert!(
        is_alive(owner.pid().unwrap()),
        "a guest leaves the server running"
    );

    owner.stop().unwrap();
    drop(owner);
    let again = Postgres::start(Options::at(kept)).unwrap();
    assert_eq!(query(&again, "postgres", "select n from kept"), "7");
    drop(again);
    let _kept_elsewhere_for_root = std::fs::remove_dir_all(place.path());
}

#[test]
fn going_back_to_a_backup_loses_what_was_committed_after_it() {
    if !is_there("Postgres", Postgres::installed()) {
        return;
    }
    let mut postgres = Postgres::temporary().unwrap();
    let seat = "create table seat (label text); insert into seat values ('A1')";
    query(&postgres, "postgres", seat);
    let backup = postgres.base_backup("one").unwrap();
    query(&postgres, "postgres", "insert into seat values ('A2')");

    let port = postgres.port();
    postgres.go_back_to(backup).unwrap();
    assert_eq!(postgres.port(), port, "clients find it where it was");
    let left = query(&postgres, "postgres", "select label from seat");
    assert_eq!(left, "A1");
    query(&postgres, "postgres", "insert into seat values ('A3')");
}

#[test]
fn a_server_that_cannot_start_tells_its_log_and_a_fix() {
    if !is_there("Postgres", Postgres::installed()) {
        return;
    }
    let mut options = Options::at(Folder::temporary("it-broken"));
    options
        .settings
        .push(("shared_buffers".to_owned(), "plenty".to_owned()));
    let path = options.folder.path().to_owned();
    let error = Postgres::start(options).unwrap_err().to_string();
    assert!(error.contains("ended while starting"), "{error}");
    assert!(
        error.contains("invalid value for parameter \"shared_buffers\""),
        "{error}"
    );
    eventually("the folder is gone", || !path.exists());
}
