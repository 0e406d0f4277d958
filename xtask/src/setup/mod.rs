//! `cargo xtask setup`: what the machine lacks, and getting it by the machine's own package manager.
//!
//! Nothing is installed unasked: on a terminal we ask, `--yes` and CI have answered already, and everywhere else the
//! command is printed for the reader to run.

mod packages;

use std::io::{IsTerminal, Write};

use impresario_services::{Kafka, Postgres, RabbitMq, Redis};

use crate::{Outcome, is_ci};
use packages::Manager;

/// A program that we need, and the package it comes in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    name: &'static str,
    why: &'static str,
    is_there: fn() -> bool,
    apt: &'static str,
    brew: &'static str,
    dnf: &'static str,
}

pub(crate) const POSTGRES: Need = Need {
    name: "PostgreSQL server",
    why: "keeps the sagas; we run a private one",
    is_there: || Postgres::installed().is_some(),
    apt: "postgresql",
    brew: "postgresql@17",
    dnf: "postgresql-server",
};

pub(crate) const RABBITMQ: Need = Need {
    name: "RabbitMQ server",
    why: "carries tasks to workers; we run a private one",
    is_there: || RabbitMq::installed().is_some(),
    apt: "rabbitmq-server",
    brew: "rabbitmq",
    dnf: "rabbitmq-server",
};

const REDIS: Need = Need {
    name: "Redis server",
    why: "makes live updates and limits fast; we run a private one",
    is_there: || Redis::installed().is_some(),
    apt: "redis-server",
    brew: "redis",
    dnf: "redis",
};

const JAVA: Need = Need {
    name: "Java",
    why: "runs Kafka; we run a private one",
    is_there: Kafka::has_java,
    apt: "default-jre-headless",
    brew: "openjdk",
    dnf: "java-21-openjdk-headless",
};

const MAVEN: Need = Need {
    name: "Maven",
    why: "fetches Kafka, which no distribution has a package of",
    // Once it has done so nobody needs it any more.
    is_there: || Kafka::installed().is_some() || Kafka::has_maven(),
    apt: "maven",
    brew: "maven",
    dnf: "maven",
};

const PROMETHEUS: Need = Need {
    name: "Prometheus",
    why: "scrapes the platform in tests; its promtool tests alerts",
    is_there: || packages::on_path("promtool") && packages::on_path("prometheus"),
    apt: "prometheus",
    brew: "prometheus",
    dnf: "prometheus",
};

const ALERTMANAGER: Need = Need {
    name: "Alertmanager's amtool",
    why: "tests who gets which alert",
    is_there: || packages::on_path("amtool"),
    apt: "prometheus-alertmanager",
    brew: "alertmanager",
    dnf: "alertmanager",
};

/// The servers of a test run.
pub(crate) const SERVERS: [Need; 3] = [POSTGRES, RABBITMQ, REDIS];

/// What Kafka takes.
pub(crate) const KAFKA: [Need; 2] = [JAVA, MAVEN];

/// What looks at a platform in a test run.
pub(crate) const OBSERVERS: [Need; 2] = [PROMETHEUS, ALERTMANAGER];

/// `cargo xtask setup [--yes]`.
pub(crate) fn run(words: &[String]) -> Outcome {
    let yes = match words {
        [] => false,
        [word] if word == "--yes" => true,
        _ => return Err("say: cargo xtask setup [--yes]".to_owned()),
    };
    ensure(&SERVERS, yes)?;
    ensure(&OBSERVERS, yes)?;
    for need in SERVERS.iter().chain(&OBSERVERS) {
        println!("  have  {}", need.name);
    }
    kafka(yes)?;
    println!("  have  Kafka");
    Ok(())
}

/// Makes sure that a private Kafka can be started: the programs it takes, and the broker itself.
pub(crate) fn kafka(yes: bool) -> Outcome {
    ensure(&KAFKA, yes)?;
    Kafka::install()
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Makes sure that these are there, installing them when that is allowed.
pub(crate) fn ensure(needs: &[Need], yes: bool) -> Outcome {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("missing on this machine:");
    for need in &missing {
        println!("  {}: {}", need.name, need.why);
    }
    let Some(manager) = Manager::of_this_machine() else {
        let names: Vec<&str> = missing.iter().map(|need| need.name).collect();
        return Err(format!(
            "found none of apt-get, brew and dnf to install them with; install by hand: {}",
            names.join(", ")
        ));
    };
    let packages: Vec<&str> = missing.iter().map(|need| manager.package(need)).collect();
    println!("to be installed with: {}", manager.shown(&packages));
    if let Some(promise) = manager.promise() {
        println!("{promise}");
    }
    allowed(yes)?;
    manager.install(&packages)?;
    match missing.iter().find(|need| !(need.is_there)()) {
        None => Ok(()),
        Some(need) => Err(format!(
            "{} is still not found after the installation",
            need.name
        )),
    }
}

/// Asks where there is someone to ask.
fn allowed(yes: bool) -> Outcome {
    if yes || is_ci() {
        return Ok(());
    }
    let refusal = "nothing was installed; run the command above, or say --yes";
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(refusal.to_owned());
    }
    print!("install now? [y/N] ");
    std::io::stdout()
        .flush()
        .map_err(|e| format!("could not ask: {e}"))?;
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|e| format!("could not read an answer: {e}"))?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(refusal.to_owned())
    }
}
