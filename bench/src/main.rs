//! The measurement of Impresario: how many sagas a second, how fast one is, and what each costs in CPU and memory.
//!
//! It starts everything itself (private PostgreSQL and RabbitMQ with durability on, one orchestrator, the workers),
//! drives it from this process in a closed loop over HTTP, and reports per level of sagas in flight. Client and
//! servers share the machine, so CPU is reported per process: that is what does not depend on who waits for whom.
//! At the end the sagas completed in Postgres are counted against those acknowledged over HTTP.

mod conservation;
mod http;
mod load;
mod machine;
mod options;
mod platform;
mod report;
mod seats;
mod usage;
mod work;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use serde_json::Value;

use options::Options;
use platform::Platform;

/// What a part answers: nothing, or the sentence that says what went wrong.
pub(crate) type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    match measure(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// True when every saga that was acknowledged is there, and no more.
fn measure(options: &Options) -> Outcome<bool> {
    let mut platform = Platform::start(options)?;
    let machine = machine::describe(options, &platform);
    report::print_machine(&machine);

    // One thread: the client must not take both cores, and it has no work to share.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("could not start the client's runtime: {e}"))?;
    let outcome = runtime.block_on(drive(options, &platform, &machine));
    // A program that has died explains a failure better than the request that it left without an answer.
    if outcome.is_err() {
        platform.must_run()?;
    }
    outcome
}

async fn drive(options: &Options, platform: &Platform, machine: &Value) -> Outcome<bool> {
    let work = Arc::new(work::Work::prepare(options, platform)?);
    work::probe(&work, platform.api()).await?;
    report::print_heading();
    let mut levels = Vec::new();
    for in_flight in options.levels() {
        let level = load::level(options, platform, &work, in_flight).await?;
        report::print_level(&level);
        levels.push(level);
    }
    report::print_costs(&levels);
    let balance = conservation::check(options, platform, &work).await?;
    report::print_balance(&balance);
    if let Some(path) = &options.json {
        report::write_json(path, machine, &levels, &balance)?;
    }
    Ok(balance.holds())
}
