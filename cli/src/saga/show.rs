//! `impresario saga show ID`: what a saga is, why it stands where it stands, and how it came there.

use clap::Args;

use crate::client::{Saga, Server, Step};
use crate::output::{self, Format, Ink, tame};
use crate::timeline::Timeline;

#[derive(Debug, Args)]
pub(super) struct ShowOptions {
    /// Its id.
    id: String,
}

pub(super) async fn run(
    server: &Server,
    options: &ShowOptions,
    format: Format,
) -> anyhow::Result<()> {
    let (saga, document) = server.saga(&options.id).await?;
    match format {
        Format::Json => output::json(&document),
        Format::Table => {
            output::line(&render(&saga, Ink::stdout()));
            Ok(())
        }
    }
}

fn render(saga: &Saga, ink: Ink) -> String {
    let steps: Vec<Vec<String>> = saga.steps.iter().map(row).collect();
    let journal = Timeline::of(saga).render(ink);
    let parts = [
        head(saga, ink),
        output::table(&["STEP", "TASK", "STATE", "PROBLEM"], &steps),
        format!("{}\n{journal}", ink.bold("Timeline")),
    ];
    parts.join("\n\n")
}

/// Who it is and why it stands there.
pub(super) fn head(saga: &Saga, ink: Ink) -> String {
    let mut lines = vec![
        format!(
            "{} {}",
            ink.bold(&tame(&saga.id)),
            status(&saga.status, ink)
        ),
        format!("  {}", tame(&saga.explanation)),
        format!(
            "  {} v{}, seq {}",
            tame(&saga.definition.name),
            saga.definition.version,
            saga.seq
        ),
        format!(
            "  started {}",
            saga.started_at
                .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
        ),
    ];
    if let Some(end) = saga.ended_at {
        let ms = end
            .signed_duration_since(saga.started_at)
            .num_milliseconds()
            .max(0);
        lines.push(format!("  ended after {ms} ms"));
    }
    if let Some(key) = &saga.business_key {
        lines.push(format!("  business key {}", tame(key)));
    }
    lines.join("\n")
}

fn status(status: &str, ink: Ink) -> String {
    let text = tame(status);
    match status {
        "completed" => ink.good(&text),
        "stuck" | "paused" => ink.bad(&text),
        _ => text,
    }
}

fn row(step: &Step) -> Vec<String> {
    let problem = step.problem.as_ref();
    let problem = problem
        .map(|p| format!("{}: {}", p.code, p.message))
        .unwrap_or_default();
    vec![
        tame(&step.id),
        tame(if step.task.is_empty() {
            &step.kind
        } else {
            &step.task
        }),
        tame(&step.state),
        tame(&problem),
    ]
}
