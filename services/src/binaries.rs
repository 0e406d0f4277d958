//! Where the servers are installed: the path, then the places of Debian, Fedora and Homebrew.
//!
//! Deliberately not the wrappers that a distribution puts on the path for RabbitMQ: Debian's changes to a system
//! user and a system folder, which is just what a private server must not do.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// Homebrew's roots on Apple silicon, on Intel and on Linux.
const BREW: [&str; 3] = ["/opt/homebrew", "/usr/local", "/home/linuxbrew/.linuxbrew"];

/// The folders with `initdb` and `postgres`, best first: what `pg_config` names, then the newest installed.
pub(crate) fn postgres_folders() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = pg_config_bindir().into_iter().collect();
    found.extend(versions_below(Path::new("/usr/lib/postgresql"), ""));
    for root in BREW {
        found.extend(versions_below(&Path::new(root).join("opt"), "postgresql@"));
        found.push(Path::new(root).join("opt/postgresql/bin"));
    }
    found.extend(versions_below(
        Path::new("/Applications/Postgres.app/Contents/Versions"),
        "",
    ));
    found.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    found.retain(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file());
    found.dedup();
    found
}

/// The major version of the Postgres in a folder, as `PG_VERSION` in a cluster names it.
pub(crate) fn postgres_major(folder: &Path) -> Option<String> {
    let printed = Command::new(folder.join("postgres"))
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&printed.stdout).into_owned();
    let version = text
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some(digits)
}

/// The folder with RabbitMQ's own `rabbitmq-server` and `rabbitmqctl`.
pub(crate) fn rabbitmq_folder() -> Result<PathBuf, Error> {
    let mut places = vec![PathBuf::from("/usr/lib/rabbitmq/bin")];
    for root in BREW {
        places.push(Path::new(root).join("opt/rabbitmq/sbin"));
    }
    places.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    places
        .into_iter()
        .find(|folder| {
            folder.join("rabbitmq-server").is_file() && folder.join("rabbitmqctl").is_file()
        })
        .ok_or_else(|| missing("RabbitMQ", "rabbitmq-server"))
}

/// Erlang's port mapper, which comes with RabbitMQ.
pub(crate) fn epmd() -> Result<PathBuf, Error> {
    let mut places: Vec<PathBuf> =
        env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    places.push(PathBuf::from("/usr/lib/erlang/bin"));
    places.extend(
        BREW.iter()
            .map(|root| Path::new(root).join("opt/erlang/bin")),
    );
    places.extend(
        BREW.iter()
            .map(|root| Path::new(root).join("opt/erlang/lib/erlang/bin")),
    );
    places
        .into_iter()
        .map(|folder| folder.join("epmd"))
        .find(|file| file.is_file())
        .ok_or_else(|| missing("Erlang's epmd", "rabbitmq-server"))
}

/// The Redis server (or its successor under another name).
pub(crate) fn redis() -> Result<PathBuf, Error> {
    let mut places: Vec<PathBuf> =
        env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    places.extend(BREW.iter().map(|root| Path::new(root).join("bin")));
    places
        .iter()
        .flat_map(|folder| [folder.join("redis-server"), folder.join("valkey-server")])
        .find(|file| file.is_file())
        .ok_or_else(|| missing("Redis", "redis-server"))
}

/// The client that comes with the Redis server, under its name.
pub(crate) fn redis_cli() -> Result<PathBuf, Error> {
    let server = redis()?;
    let valkey = server.ends_with("valkey-server");
    let cli = server.with_file_name(if valkey { "valkey-cli" } else { "redis-cli" });
    if cli.is_file() {
        return Ok(cli);
    }
    Err(missing("the client of Redis", "redis-tools"))
}

/// The Java that runs Kafka.
pub(crate) fn java() -> Result<PathBuf, Error> {
    let mut places: Vec<PathBuf> = env::var_os("JAVA_HOME")
        .map(|home| Path::new(&home).join("bin"))
        .into_iter()
        .collect();
    places.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    places.extend(
        BREW.iter()
            .map(|root| Path::new(root).join("opt/openjdk/bin")),
    );
    places
        .into_iter()
        .map(|folder| folder.join("java"))
        .find(|file| file.is_file())
        .ok_or_else(|| missing("Java", "default-jre-headless"))
}

/// Maven, which fetches Kafka.
pub(crate) fn maven() -> Result<PathBuf, Error> {
    let mut places: Vec<PathBuf> =
        env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
    places.extend(BREW.iter().map(|root| Path::new(root).join("bin")));
    places
        .into_iter()
        .map(|folder| folder.join("mvn"))
        .find(|file| file.is_file())
        .ok_or_else(|| missing("Maven", "maven"))
}

/// No binary: which one, and how to get it.
pub(crate) fn missing(name: &str, package: &str) -> Error {
    Error::new(format!(
        "{name} is not installed (looked on the path and in the usual places)"
    ))
    .fix(format!(
        "cargo xtask setup, or install the package {package} by hand"
    ))
}

fn pg_config_bindir() -> Option<PathBuf> {
    let printed = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = PathBuf::from(String::from_utf8_lossy(&printed.stdout).trim());
    folder.is_dir().then_some(folder)
}

/// `root/<prefix><number>/bin`, highest number first.
fn versions_below(root: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root) else {
        return Vec::new();
    };
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let number = entry
                .file_name()
                .to_str()?
                .strip_prefix(prefix)?
                .parse()
                .ok()?;
            Some((number, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    versions.into_iter().map(|(_, folder)| folder).collect()
}
