//! The stages of a run: a banner and a time for each, and the account of all of them at the end.
//!
//! A failed stage does not end the run: whoever waits for CI wants to hear about the formatting and the broken test
//! in one go. Only what needs a failed stage is left out, and says so.

use std::time::{Duration, Instant};

use crate::Outcome;

#[derive(Debug)]
enum Verdict {
    Passed,
    Failed(String),
    Skipped(String),
}

/// A run under way.
#[derive(Debug)]
pub(crate) struct Stages {
    began: Instant,
    done: Vec<(String, Duration, Verdict)>,
}

impl Stages {
    pub(crate) fn begin() -> Self {
        Self {
            began: Instant::now(),
            done: Vec::new(),
        }
    }

    /// Runs a stage; true when it passed.
    pub(crate) fn run(&mut self, name: &str, work: impl FnOnce() -> Outcome) -> bool {
        println!("\n=== {name}");
        let began = Instant::now();
        let verdict = match work() {
            Ok(()) => Verdict::Passed,
            Err(problem) => {
                println!("--- {name} FAILED: {problem}");
                Verdict::Failed(problem)
            }
        };
        let took = began.elapsed();
        if matches!(verdict, Verdict::Passed) {
            println!("--- {name} passed ({:.1} s)", took.as_secs_f64());
        }
        let passed = matches!(verdict, Verdict::Passed);
        self.done.push((name.to_owned(), took, verdict));
        passed
    }

    /// Leaves a stage out, loudly.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        println!("\n=== {name}\n--- {name} SKIPPED: {why}");
        self.done.push((
            name.to_owned(),
            Duration::ZERO,
            Verdict::Skipped(why.to_owned()),
        ));
    }

    /// Prints what became of every stage.
    pub(crate) fn account(&self) {
        println!(
            "\n=== summary ({:.0} s)",
            self.began.elapsed().as_secs_f64()
        );
        for (name, took, verdict) in &self.done {
            let seconds = took.as_secs_f64();
            match verdict {
                Verdict::Passed => println!("  passed  {seconds:>7.1} s  {name}"),
                Verdict::Failed(problem) => {
                    let first = problem.lines().next().unwrap_or_default();
                    println!("  FAILED  {seconds:>7.1} s  {name}: {first}");
                }
                Verdict::Skipped(why) => println!("  skipped            {name}: {why}"),
            }
        }
    }
}
