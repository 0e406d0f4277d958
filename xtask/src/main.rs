//! `cargo xtask`: everything a developer or CI runs, in one program that builds in seconds.
//!
//! Arguments are read by hand and there are no dependencies beyond our own `services`: this is compiled before
//! anything else, on every fresh clone.

mod arrows;
mod bench;
mod cargo;
mod chaos;
mod cluster;
mod dependencies;
mod dev;
mod servers;
mod setup;
mod stages;
mod test;
mod totals;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  dev [args...]          build impresario and run `impresario dev`; args are passed through
  demo [args...]         the same for `impresario demo`
  test [options] [filter...]
                         all checks and tests, with private PostgreSQL, RabbitMQ, Redis and Kafka
      --quick            only the pure parts: no servers
      --yes              install missing packages without asking
      -p, --package P    only this package's tests (repeatable)
      filter             only tests whose names contain it; with -p or a filter the other checks are left out
  setup [--yes]          install what is missing: PostgreSQL, RabbitMQ, Redis, and Kafka (Java, Maven)
  services up            run the private servers in the foreground and print their URLs; Ctrl-C stops them
  bench [options]        measure: sagas a second, latency, CPU and memory, alone or beside other engines;
                         `bench --help` lists the options
  chaos [options]        short runs under load and faults, seed by seed, each judged; `chaos --help` lists the options
  cluster-test [filter]  the manifests on a real control plane; needs Go and kubectl, and ten minutes the first time
  dashboards             write the committed boards, alerts and docs/metrics.md anew
  arrows                 check who depends on whom, and the tidiness of the sources

`dev` and `test` call `setup` first. In CI (CI=true) nothing is asked and nothing may be missing.
";

/// What a command answers: nothing, or the sentence that says what went wrong.
pub(crate) type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Outcome<ExitCode> {
    let Some((command, rest)) = words.split_first() else {
        print!("{HELP}");
        return Ok(ExitCode::from(2));
    };
    // These pass everything on, `--help` too: it is the program's own that is wanted there.
    match command.as_str() {
        "dev" | "demo" => return dev::run(command, rest),
        "bench" => return bench::run(rest),
        "chaos" => return chaos::run(rest),
        "cluster-test" => return cluster::run(rest),
        _ if rest.iter().any(|word| word == "--help" || word == "-h") => {
            print!("{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
        _ => {}
    }
    match command.as_str() {
        "test" => test::Options::parse(rest).map(|options| test::run(&options)),
        "setup" => setup::run(rest).map(|()| ExitCode::SUCCESS),
        "services" => servers::run(rest).map(|()| ExitCode::SUCCESS),
        "dashboards" => dashboards().map(|()| ExitCode::SUCCESS),
        "arrows" => arrows::run().map(|()| ExitCode::SUCCESS),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        unknown => Err(format!(
            "there is no command `{unknown}`; see cargo xtask --help"
        )),
    }
}

/// They are made by a package of their own, which knows the metrics by name.
fn dashboards() -> Outcome {
    cargo::check(&mut cargo::cargo([
        "run",
        "--locked",
        "--package",
        "impresario-dashboards",
    ]))
}

/// Whether this is CI: nothing is asked, and what is missing is an error rather than skipped.
pub(crate) fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}
