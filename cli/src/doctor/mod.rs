//! `impresario doctor`: what this machine and the named servers are like, line by line, each with a remedy.
//!
//! Looks and never changes anything. Exit code 1 when something fails; warnings are not failures.

mod broker;
mod database;
mod finding;
mod machine;
mod programs;

use clap::Args;

use crate::exit::{Code, coded};
use crate::output::{self, Format, Ink};
use finding::{Finding, Verdict};

#[derive(Debug, Args)]
pub(crate) struct DoctorOptions {
    /// Look at this PostgreSQL too.
    #[arg(long, env = "DATABASE_URL")]
    database_url: Option<String>,
    /// Look at this RabbitMQ too; at each of its nodes when they are separated by commas.
    #[arg(long, env = "AMQP_URL")]
    amqp_url: Option<String>,
}

pub(crate) async fn run(options: DoctorOptions, format: Format) -> anyhow::Result<()> {
    let mut findings = programs::look();
    findings.extend(machine::look());
    match &options.database_url {
        Some(url) => findings.extend(database::look(url).await),
        None => findings.push(Finding::ok(
            "database",
            "none named: `impresario dev` makes its own",
        )),
    }
    match &options.amqp_url {
        Some(urls) => {
            for url in urls.split(',').map(str::trim) {
                findings.extend(broker::look(url).await);
            }
        }
        None => findings.push(Finding::ok(
            "broker",
            "none named: tasks of `impresario dev` stay in process",
        )),
    }
    match format {
        Format::Json => output::json(&findings)?,
        Format::Table => output::line(&finding::render(&findings, Ink::stdout())),
    }
    let failed = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Fail)
        .count();
    if failed > 0 {
        return Err(coded(
            Code::Failed,
            format!("{failed} of {} looks fail", findings.len()),
        ));
    }
    Ok(())
}
