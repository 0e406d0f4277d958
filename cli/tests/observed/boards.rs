//! Every panel, asked.

use impresario_dashboards::query::plain;
use impresario_dashboards::{Board, Feed, Panel, boards};

use crate::prometheus::{Line, Prometheus};

/// A quarter of a minute holds some scrapes at a second, and little that is over.
const RATE_INTERVAL: &str = "15s";

/// A board with what each of its panels was answered, query by query.
pub(crate) struct Answered {
    pub(crate) board: Board,
    pub(crate) panels: Vec<(Panel, Vec<Vec<Line>>)>,
}

pub(crate) fn ask(prometheus: &Prometheus) -> Vec<Answered> {
    boards::all()
        .into_iter()
        .map(|board| {
            let panels = board.rows.iter().flat_map(|row| &row.panels);
            let panels = panels.map(|panel| {
                let queries = panel.queries.iter();
                let answers =
                    queries.map(|query| prometheus.range(&plain(&query.expr, RATE_INTERVAL)));
                (panel.clone(), answers.collect())
            });
            let panels = panels.collect();
            Answered { board, panels }
        })
        .collect()
}

/// Every query of every panel that we feed ourselves has answered something.
pub(crate) fn assert_fed(answers: &[Answered]) {
    let (mut empty, mut fed) = (Vec::new(), 0);
    for Answered { board, panels } in answers {
        for (panel, answers) in panels {
            for (query, lines) in panel.queries.iter().zip(answers) {
                let seen = lines.iter().any(|line| !line.points.is_empty());
                let excused = matches!(panel.feed, Feed::Elsewhere(_));
                if !seen && !excused {
                    empty.push(format!(
                        "{} / {} / {}",
                        board.title, panel.title, query.expr
                    ));
                }
                fed += usize::from(seen);
            }
        }
    }
    println!("{fed} queries have data");
    assert!(
        empty.is_empty(),
        "nothing was answered to:\n{}",
        empty.join("\n")
    );
}
