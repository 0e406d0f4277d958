//! `cargo xtask chaos`: many short runs of real processes under load and faults, each judged by `impresario verify`.
//!
//! The runs themselves are the kill lane's (`cli/tests/kill`); here are only the words for them.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{Outcome, cargo, setup};

/// A few minutes' worth.
const SEEDS: &str = "10";

const HELP: &str = "\
cargo xtask chaos [options]

  --seed S       the first seed; without it one is made of the clock, and printed
  --seeds N      so many seeds, one after another (10)
  --minutes M    stop early after so many minutes
  --seconds F    faults of one seed go on for so long (12)
  --yes          install missing packages without asking

Prints a line for each seed. Ends at the first seed of which something does not hold, with the story.
";

/// A seed for a run that was given none.
fn from_the_clock() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    (since.unwrap_or_default().as_millis() % 1_000_000_000).to_string()
}

/// Runs them; all words are the kill lane's variables.
pub(crate) fn run(words: &[String]) -> Outcome<ExitCode> {
    let defaults = [
        ("KILL_SEED", from_the_clock()),
        ("CHAOS_SEEDS", SEEDS.to_owned()),
    ];
    let (mut asked, mut yes) = (Vec::from(defaults), false);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let variable = match word.as_str() {
            "--seed" => "KILL_SEED",
            "--seeds" => "CHAOS_SEEDS",
            "--minutes" => "CHAOS_MINUTES",
            "--seconds" => "CHAOS_SECONDS",
            "--yes" => {
                yes = true;
                continue;
            }
            "--help" | "-h" => {
                print!("{HELP}");
                return Ok(ExitCode::SUCCESS);
            }
            unknown => return Err(format!("{unknown} is no option of chaos\n\n{HELP}")),
        };
        let number = words.next().filter(|number| number.parse::<u64>().is_ok());
        let number = number.ok_or_else(|| format!("{word} takes a number"))?;
        asked.push((variable, number.clone()));
    }
    setup::ensure(&[setup::POSTGRES, setup::RABBITMQ], yes)?;
    let test = "chaos_of_every_seed_ends_right";
    let mut runs = cargo::cargo(["test", "--locked", "--package", "impresario-cli"]);
    runs.args(["--test", "kill", "--", "--exact", test, "--nocapture"]);
    runs.envs(asked);
    cargo::check(&mut runs).map(|()| ExitCode::SUCCESS)
}
