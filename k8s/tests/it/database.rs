//! What the database's pods are told, tried on a real PostgreSQL: its settings, the roles that it makes, the replica's
//! copy. The version is the one that is installed, not the one in the manifests.

use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use impresario_services::{Folder, Postgres, postgres};

use crate::files::{folder, read};

/// Where files, sockets and addresses are is the pod's affair.
const OF_THE_POD: [&str; 3] = ["listen_addresses", "hba_file", "unix_socket_directories"];

/// The settings of `postgresql.conf`, as a server is told them.
fn settings() -> Vec<(String, String)> {
    let text = read("components/postgres/files/postgresql.conf");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let settings = lines.filter_map(|line| line.split_once(" = "));
    settings
        .filter(|(name, _)| !OF_THE_POD.contains(name))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
        .collect()
}

pub(crate) fn server(place: Folder) -> Postgres {
    let mut options = postgres::Options::at(place);
    options.settings = settings();
    Postgres::start(options).unwrap()
}

/// A script of a component, with the variables that its container has.
pub(crate) fn script(path: &str, postgres: &Postgres, variables: &[(&str, &str)]) -> Command {
    let programs = format!(
        "{}:{}",
        postgres.bin().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut command = Command::new("bash");
    command
        .arg(folder().join("components").join(path))
        .env("PATH", programs)
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", postgres.port().to_string())
        .envs(variables.iter().copied());
    command
}

/// Runs it to its end, which has to be a good one.
pub(crate) fn well(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert_well(&output);
    String::from_utf8(output.stdout).unwrap()
}

fn assert_well(output: &Output) {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

pub(crate) fn ask(postgres: &Postgres, sql: &str) -> String {
    let output = postgres
        .psql("impresario")
        .args(["-c", sql])
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8(said).unwrap().trim().to_owned()
}

pub(crate) fn without_postgres() -> bool {
    let without = std::env::var("IMPRESARIO_WITHOUT").unwrap_or_default();
    let absent = without.split(',').any(|name| name == "postgres");
    if absent {
        eprintln!("SKIPPED: no Postgres");
    }
    absent
}

#[test]
fn a_primary_with_our_settings_and_roles_is_followed_by_a_copy_of_it() {
    if without_postgres() {
        return;
    }
    let primary = server(Folder::temporary("k8s-primary"));
    // A password may hold what SQL and shells would misread.
    let roles = [
        ("POSTGRES_USER", "postgres"),
        ("APP_PASSWORD", "it's \"$HOME\" \\"),
        ("REPLICATION_PASSWORD", "another"),
    ];
    well(script("postgres/files/roles.sh", &primary, &roles));
    let owner = "select pg_get_userbyid(datdba) from pg_database where datname = 'impresario'";
    assert_eq!(ask(&primary, owner), "impresario");
    let powers = "select rolsuper or rolcreaterole or rolcreatedb from pg_roles where rolname in ('impresario', 'replicator')";
    assert_eq!(ask(&primary, powers), "f\nf");
    assert_eq!(ask(&primary, "show max_connections"), "400");

    let place = Folder::temporary("k8s-replica");
    let data = place.path().join("data");
    // Cut off while copying: there is a beginning of it, and no word that it follows anybody.
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "15\n").unwrap();
    let copying = [("PGDATA", data.to_str().unwrap()), ("PRIMARY", "127.0.0.1")];
    well(script("postgres-replica/files/copy.sh", &primary, &copying));
    // Complete: the next start of the pod leaves it alone.
    fs::write(data.join("ours"), "").unwrap();
    well(script("postgres-replica/files/copy.sh", &primary, &copying));
    assert!(data.join("ours").exists());

    let replica = server(place);
    ask(&primary, "create table told (what text)");
    ask(&primary, "insert into told values ('once')");
    let end = Instant::now() + Duration::from_secs(60);
    while ask(&replica, "select what from told") != "once" {
        assert!(
            Instant::now() < end,
            "{}",
            ask(&replica, "select what from told")
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(ask(&replica, "insert into told values ('twice')").contains("read-only"));
    let slot = "select active from pg_replication_slots where slot_name = 'replica_0'";
    assert_eq!(ask(&primary, slot), "t");
}
