//! `impresario demo`: four bookings on a throw-away platform, each told as a timeline and checked.
//!
//! Everything goes through public doors: bookings by REST, timelines from the sagas' journals, checks against
//! the provider's own log, the seat map and the ledger. Exit code 0 when every check holds.

mod check;
mod stage;
mod stories;

use std::time::Instant;

use impresario_protocol::Queues;
use serde_json::json;

use crate::dev::banner::{Banner, seconds};
use crate::dev::platform::{Place, Platform};
use crate::dev::port;
use crate::exit::{Code, coded};
use crate::output::{self, Format, Ink};
use crate::process;
use check::Check;
use stage::Stage;
use stories::Told;

pub(crate) async fn run(format: Format) -> anyhow::Result<()> {
    let stop = process::stop_on_signals()?;
    tokio::select! {
        told = Box::pin(tell(format)) => told,
        // Dropping the platform stops it and removes its data.
        () = stop.cancelled() => Err(coded(Code::Failed, "stopped before the end")),
    }
}

async fn tell(format: Format) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut banner = Banner::begin();
    let place = Place {
        port: port::free(0).ok_or_else(|| coded(Code::Failed, "there is no free port"))?,
        database_url: None,
        amqp_url: None,
        queue_prefix: Queues::default(),
        data: std::env::temp_dir(),
        temporary: true,
    };
    let platform = Platform::boot(place, &mut banner).await?;
    let mut stage = Stage::new(platform)?;
    let mut checks = Vec::new();
    for number in 1..=stories::COUNT {
        let told = stories::tell(number, &mut stage).await?;
        show(number, &told, format)?;
        checks.extend(told.checks);
    }
    let end = check::books(&stage).await?;
    show_books(&end, format)?;
    checks.extend(end);
    let (server_log, broken) = (stage.log_tail(), failures(&checks));
    stage.close().await?;
    if !broken.is_empty() {
        eprintln!("{server_log}");
        return Err(coded(
            Code::Failed,
            format!("what must hold does not:\n  | {}", broken.join("\n  | ")),
        ));
    }
    eprintln!(
        "  all {} checks hold, {}",
        checks.len(),
        seconds(begun.elapsed())
    );
    eprintln!("  next: impresario dev");
    Ok(())
}

fn failures(checks: &[Check]) -> Vec<String> {
    checks
        .iter()
        .filter(|check| !check.holds)
        .map(|check| check.what.clone())
        .collect()
}

fn show(number: usize, told: &Told, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => output::json_line(&json!({
            "story": number, "title": told.title, "saga": told.saga.id, "status": told.saga.status,
            "checks": told.checks,
        })),
        Format::Table => {
            let ink = Ink::stdout();
            output::line(&format!(
                "\n{} {}",
                ink.bold(&format!("{number}.")),
                ink.bold(told.title)
            ));
            output::line(&format!("  {}", ink.dim(told.about)));
            output::line(&told.timeline.render(ink));
            output::line(&marked(&told.checks, ink));
            Ok(())
        }
    }
}

fn show_books(checks: &[Check], format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => output::json_line(&json!({ "books": checks })),
        Format::Table => {
            let ink = Ink::stdout();
            output::line(&format!("\n{}", ink.bold("The books")));
            output::line(&marked(checks, ink));
            Ok(())
        }
    }
}

fn marked(checks: &[Check], ink: Ink) -> String {
    let lines = checks.iter().map(|check| {
        let mark = if check.holds {
            ink.good("✔")
        } else {
            ink.bad("✘")
        };
        format!("  {mark} {}", check.what)
    });
    lines.collect::<Vec<_>>().join("\n")
}
