//! `cargo xtask test`: every check there is, the same here and in CI.
//!
//! The last line of the output is the sum over all test programs, `N passed, N failed, N skipped`. A failed check
//! that is no test counts as one failure there, so that the line never looks better than the exit code; a server
//! that could not be had counts as one skipped.

use std::process::{Command, ExitCode};

use crate::cargo::{self, Along};
use crate::servers::{Servers, Soon};
use crate::setup;
use crate::stages::Stages;
use crate::totals::Totals;
use crate::{Outcome, arrows, dependencies, is_ci};

/// What is to be tested.
#[derive(Debug, Default)]
pub(crate) struct Options {
    quick: bool,
    yes: bool,
    packages: Vec<String>,
    filters: Vec<String>,
}

impl Options {
    pub(crate) fn parse(words: &[String]) -> Outcome<Self> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => options.quick = true,
                "--yes" => options.yes = true,
                "-p" | "--package" => match words.next() {
                    Some(package) => options.packages.push(package.clone()),
                    None => return Err(format!("{word} needs the name of a package")),
                },
                flag if flag.starts_with('-') => {
                    return Err(format!("test has no option {flag}; see cargo xtask --help"));
                }
                filter => options.filters.push(filter.to_owned()),
            }
        }
        Ok(options)
    }

    /// Someone works on one thing: only its tests, not the checks of the whole tree.
    fn is_narrow(&self) -> bool {
        !self.packages.is_empty() || !self.filters.is_empty()
    }

    /// `cargo <words>` on the chosen packages.
    fn on_packages<const N: usize>(&self, words: [&str; N]) -> Command {
        let mut command = cargo::cargo(words);
        command.arg("--locked");
        if self.packages.is_empty() {
            command.arg("--workspace");
        }
        for package in &self.packages {
            command.args(["--package", package]);
        }
        command
    }
}

/// Runs the stages and tells how it went.
pub(crate) fn run(options: &Options) -> ExitCode {
    let mut run = Run {
        stages: Stages::begin(),
        totals: Totals::default(),
    };
    if options.quick {
        run.quick();
    } else {
        run.whole(options);
    }
    run.stages.account();
    println!("{}", run.totals.sentence());
    if run.totals.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A run under way: its stages and the sum of its tests.
#[derive(Debug)]
struct Run {
    stages: Stages,
    totals: Totals,
}

impl Run {
    /// The pure parts, which need no servers: seconds once they are compiled.
    fn quick(&mut self) {
        const PURE: [&str; 8] = [
            "-p",
            "impresario-workflows",
            "-p",
            "impresario-protocol",
            "-p",
            "impresario-metrics",
            "-p",
            "impresario-dashboards",
        ];
        const SDK: [&str; 2] = ["-p", "impresario-worker-sdk"];
        self.check("clippy", || {
            let mut clippy = cargo::cargo(["clippy", "--locked", "--all-targets"]);
            cargo::check(clippy.args(PURE).args(SDK).args(["--", "-D", "warnings"]))
        });
        let mut pure = cargo::cargo(["test", "--locked", "--no-fail-fast"]);
        self.tests("tests of the pure parts", pure.args(PURE), Along::Out);
        let mut sdk = cargo::cargo(["test", "--locked", "--no-fail-fast", "--lib"]);
        self.tests("unit tests of the worker SDK", sdk.args(SDK), Along::Out);
        self.known_faults();
    }

    /// Faults that are planted into the heart and into participants, each of which the explorer has to find. They
    /// are behind a feature, so that nothing else is ever tested, or shipped, with one.
    fn known_faults(&mut self) {
        let mut planted = cargo::cargo(["test", "--locked", "-p", "impresario-workflows"]);
        planted.args(["--features", "seeded-defects", "--test", "defects"]);
        self.tests("known faults are found", &mut planted, Along::Out);
    }

    fn whole(&mut self, options: &Options) {
        for needs in [
            &setup::SERVERS[..],
            &setup::KAFKA[..],
            &setup::OBSERVERS[..],
        ] {
            if let Err(problem) = setup::ensure(needs, options.yes) {
                println!("setup: {problem}");
            }
        }
        if !options.is_narrow() {
            self.check("format", || {
                cargo::check(&mut cargo::cargo(["fmt", "--all", "--", "--check"]))
            });
            self.check("arrows", arrows::run);
            self.check("dependencies", dependencies::run);
        }
        let soon = Soon::temporary();
        if !options.is_narrow() {
            self.check("clippy", || {
                let mut clippy = options.on_packages(["clippy", "--all-targets"]);
                cargo::check(clippy.args(["--", "-D", "warnings"]))
            });
        }
        let is_built = self.check("build", || {
            cargo::check(&mut options.on_packages(["build", "--all-targets"]))
        });
        let servers = self.servers(soon);
        if is_built {
            self.all_tests(options, &servers);
        } else {
            self.stages.skip("tests", "the build failed");
        }
    }

    /// Waits for the servers. One that cannot be had skips its tests here, and is a failure in CI.
    fn servers(&mut self, soon: Soon) -> Servers {
        let mut servers = None;
        self.check("servers", || {
            let up = soon.wait();
            for (name, value) in up.variables() {
                println!("  {name}={value}");
            }
            let problems: Vec<String> = up
                .missing
                .iter()
                .map(|(name, problem)| format!("{name}: {problem}"))
                .collect();
            servers = Some(up);
            if problems.is_empty() || !is_ci() {
                Ok(())
            } else {
                Err(problems.join("\n"))
            }
        });
        let servers = servers.unwrap_or_default();
        for (name, problem) in servers.missing.iter().filter(|_| !is_ci()) {
            self.totals.skipped += 1;
            self.stages
                .skip(&format!("tests that need {name}"), problem);
        }
        servers
    }

    fn all_tests(&mut self, options: &Options, servers: &Servers) {
        // In CI the plain runner: one tool less that may differ from what is on the developer's machine.
        let nextest = !is_ci() && cargo::has("nextest");
        if nextest {
            let mut tests = options.on_packages(["nextest", "run", "--no-fail-fast"]);
            servers.name_to(&mut tests);
            self.tests("tests", tests.args(&options.filters), Along::Err);
        }
        let mut tests = options.on_packages(["test", "--no-fail-fast"]);
        if nextest {
            tests.arg("--doc");
        }
        servers.name_to(&mut tests);
        let name = if nextest {
            "tests in the documentation"
        } else {
            "tests"
        };
        tests.arg("--").args(&options.filters);
        self.tests(name, &mut tests, Along::Out);
        if !options.is_narrow() {
            self.known_faults();
        }
    }

    /// A stage that is one check: when it fails, that counts as one failure.
    fn check(&mut self, name: &str, work: impl FnOnce() -> Outcome) -> bool {
        let passed = self.stages.run(name, work);
        self.totals.failed += u64::from(!passed);
        passed
    }

    /// A stage of tests, which count for themselves. One that fails without a failed test (it did not compile, or
    /// a test program died) counts as one failure.
    fn tests(&mut self, name: &str, command: &mut Command, along: Along) {
        let mut totals = Totals::default();
        let passed = self.stages.run(name, || {
            cargo::watch(command, along, &mut |line| totals.see(line))
        });
        if !passed && totals.failed == 0 {
            totals.failed = 1;
        }
        self.totals.add(totals);
    }
}
