//! Which servers are installed, and in which version.
//!
//! Only Postgres is needed, and only by `dev` and `demo` without a database of your own.

use std::process::{Command, Stdio};

use impresario_services::{Postgres, RabbitMq, Redis};

use super::finding::Finding;

/// The oldest that the SQL and the tests are made for.
const POSTGRES_MIN: u32 = 15;

pub(super) fn look() -> Vec<Finding> {
    vec![
        postgres(),
        optional(
            "rabbitmq",
            RabbitMq::installed().is_some(),
            rabbitmq_version,
            "rabbitmq-server",
        ),
        redis(),
    ]
}

fn postgres() -> Finding {
    let fix =
        "cargo xtask setup, or sudo apt-get install postgresql, or brew install postgresql@17";
    let Some(folder) = Postgres::installed() else {
        return Finding::fail(
            "postgres",
            "not installed: `dev` and `demo` have no database",
            fix,
        );
    };
    let Some(version) = printed(Command::new(folder.join("postgres")).arg("--version")) else {
        let found = format!("{} does not run", folder.join("postgres").display());
        return Finding::fail("postgres", found, fix);
    };
    let found = format!("{version} in {}", folder.display());
    match major(&version) {
        Some(major) if major < POSTGRES_MIN => Finding::warn("postgres", found, fix),
        Some(_) | None => Finding::ok("postgres", found),
    }
}

fn rabbitmq_version() -> Option<String> {
    // The folder carries the version, and asking the program would start Erlang for seconds.
    let folder = std::fs::read_dir("/usr/lib/rabbitmq/lib").ok()?;
    folder.flatten().find_map(|entry| {
        let name = entry.file_name();
        Some(format!(
            "RabbitMQ {}",
            name.to_str()?.strip_prefix("rabbitmq_server-")?
        ))
    })
}

fn redis() -> Finding {
    let version = || {
        let mut programs = ["redis-server", "valkey-server"].into_iter();
        programs.find_map(|name| printed(Command::new(name).arg("--version")))
    };
    optional(
        "redis",
        Redis::installed().is_some(),
        version,
        "redis-server",
    )
}

fn optional(
    what: &'static str,
    installed: bool,
    version: impl Fn() -> Option<String>,
    package: &str,
) -> Finding {
    if installed {
        return Finding::ok(what, version().unwrap_or_else(|| "installed".to_owned()));
    }
    let fix = format!("cargo xtask setup, or install the package {package}");
    Finding::warn(what, "not installed: only tests and benches need it", fix)
}

/// The first line that a program prints.
fn printed(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().next()?.trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` is 15.
fn major(version: &str) -> Option<u32> {
    let word = version
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    word.split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_programs_print_them() {
        assert_eq!(
            major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("nothing"), None);
    }
}
