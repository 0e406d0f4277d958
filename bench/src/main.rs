//! The measurement of Impresario: how many sagas a second, how fast one is, and what each costs in CPU and memory;
//! alone, and beside other durable engines.
//!
//! It starts everything itself (private PostgreSQL and RabbitMQ with durability on, orchestrators, workers), drives it
//! from this process over HTTP, and reports per level of load. Client and servers share the machine, so CPU is
//! reported per process: that is what does not depend on who waits for whom. At the end the sagas in Postgres are
//! counted against those answered over HTTP.

mod conservation;
mod database;
mod http;
mod limits;
mod load;
mod machine;
mod options;
mod peers;
mod platform;
mod plot;
mod report;
mod results;
mod run;
mod seats;
mod stored;
mod usage;
mod work;

use std::process::ExitCode;

use clap::Parser;

use options::Options;

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

/// True when every saga that was answered is there, and no more.
fn measure(options: &Options) -> Outcome<bool> {
    // One thread: the client must not take both cores, and it has no work to share.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("could not start the client's runtime: {e}"))?;
    let results = runtime.block_on(run::run(options))?;
    if options.goals {
        println!("\n{}", report::markdown(&results));
    }
    for path in options.json.iter().chain(&options.plots) {
        println!("written to {}", path.display());
    }
    Ok(results.hold())
}
