//! The `impresario` binary: one program for every role.
//!
//! This page only sends each command to its file. Results go to standard output, everything else to standard
//! error; exit codes are in [`exit`].

mod apply;
mod args;
mod at;
mod backup;
mod check;
mod client;
mod definition;
mod demo;
mod dev;
mod diff;
mod doctor;
mod exit;
mod feed;
mod file;
mod health;
mod inprocess;
mod log;
mod migrate;
mod node;
mod operator;
mod orphans;
mod output;
mod pools;
mod process;
mod provider;
mod queues;
mod replay;
mod restore;
mod saga;
mod sales;
mod seed;
mod serve;
mod simulate;
mod terminal;
mod test;
mod timeline;
mod top;
mod verify;
mod worker;

use std::process::ExitCode;

use args::{Cli, Command, Threads};
use clap::Parser;

/// Sagas are many small short-lived values on several threads: measured in docs/benchmarks.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads(&cli.command) {
        builder.worker_threads(threads.count());
    }
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::failed(&anyhow::Error::new(error)),
    };
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Dev(options) => dev::run(options, cli.output).await,
            Command::Demo => demo::run(cli.output).await,
            Command::Saga(options) => saga::run(options, cli.output).await,
            Command::Orphans(options) => orphans::run(options, cli.output).await,
            Command::Backup(options) => backup::run(options, cli.output).await,
            Command::Restore(options) => restore::run(options, cli.output).await,
            Command::Verify(options) => verify::run(options, cli.output).await,
            Command::Check(options) => check::run(&options, cli.output),
            Command::Lint(options) => definition::lint(&options, cli.output),
            Command::Simulate(options) => simulate::run(&options, cli.output),
            Command::Test(options) => test::run(&options, cli.output),
            Command::Replay(options) => replay::run(&options, cli.output),
            Command::Schema => definition::schema(),
            Command::Diff(options) => diff::run(&options, cli.output),
            Command::Apply(options) => apply::run(options, cli.output).await,
            Command::Feed(options) => feed::run(options, cli.output).await,
            Command::Doctor(options) => doctor::run(options, cli.output).await,
            Command::Top(options) => top::run(options, cli.output).await,
            Command::Serve(options) => serve::run(options, cli.log).await,
            Command::Worker(options) => worker::run(options, cli.log).await,
            Command::Sales(options) => sales::run(options, cli.output, cli.log).await,
            Command::Provider(options) => provider::run(options, cli.log).await,
            Command::Node(options) => node::run(options, cli.log).await,
            Command::Migrate(options) => migrate::run(options, cli.output, cli.log).await,
            Command::Seed(options) => seed::run(options, cli.output).await,
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::failed(&error),
    }
}

/// Of a process that has one role; those with several of them, and programs for people, get what there is.
fn threads(command: &Command) -> Option<Threads> {
    match command {
        Command::Serve(options) => Some(options.threads),
        Command::Worker(options) => Some(options.threads),
        Command::Provider(options) => Some(options.threads),
        Command::Dev(_)
        | Command::Demo
        | Command::Saga(_)
        | Command::Orphans(_)
        | Command::Backup(_)
        | Command::Restore(_)
        | Command::Verify(_)
        | Command::Check(_)
        | Command::Lint(_)
        | Command::Simulate(_)
        | Command::Test(_)
        | Command::Replay(_)
        | Command::Schema
        | Command::Diff(_)
        | Command::Apply(_)
        | Command::Feed(_)
        | Command::Sales(_)
        | Command::Doctor(_)
        | Command::Top(_)
        | Command::Node(_)
        | Command::Migrate(_)
        | Command::Seed(_) => None,
    }
}
