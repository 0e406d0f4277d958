//! Boards drawn from what Prometheus has answered, for the documentation. These are not pictures of Grafana: the same
//! panels and queries, drawn by these lines.

use std::fmt::Write;
use std::path::Path;

use impresario_dashboards::{Draw, Feed, Panel, Scale};

use crate::boards::Answered;
use crate::prometheus::Line;

const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 190.0;
const GAP: f64 = 14.0;
const COLUMNS: usize = 3;
/// Lines in one panel at most; the greatest are drawn.
const LINES_MAX: usize = 6;
/// Letters of a legend at most: two stand beside each other.
const LEGEND_MAX: usize = 36;

const COLOURS: [&str; LINES_MAX] = [
    "#2563eb", "#d97706", "#059669", "#db2777", "#7c3aed", "#475569",
];

/// Writes one picture for each board into a folder of the repository.
pub(crate) fn draw(answers: &[Answered], folder: &str) {
    let folder = impresario_dashboards::folder().join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    for answered in answers {
        let path = folder.join(format!("{}.svg", answered.board.uid));
        write(&path, answered);
    }
}

fn write(path: &Path, answered: &Answered) {
    let ours: Vec<&(Panel, Vec<Vec<Line>>)> = answered
        .panels
        .iter()
        .filter(|(panel, _)| !matches!(panel.feed, Feed::Elsewhere(_)))
        .collect();
    let rows = ours.len().div_ceil(COLUMNS);
    let width = COLUMNS as f64 * (WIDTH + GAP) + GAP;
    let height = rows as f64 * (HEIGHT + GAP) + GAP + 40.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#f1f5f9\"/>\n\
         <text x=\"{GAP}\" y=\"28\" font-size=\"18\" font-weight=\"bold\">{}</text>\n\
         <text x=\"{}\" y=\"28\" font-size=\"11\" text-anchor=\"end\" fill=\"#475569\">drawn from a test run's Prometheus; not Grafana</text>\n",
        escaped(answered.board.title),
        width - GAP,
    );
    for (place, (panel, lines)) in ours.into_iter().enumerate() {
        let x = GAP + (place % COLUMNS) as f64 * (WIDTH + GAP);
        let y = 40.0 + (place / COLUMNS) as f64 * (HEIGHT + GAP);
        picture(&mut svg, panel, lines, x, y);
    }
    svg.push_str("</svg>\n");
    std::fs::write(path, svg).unwrap();
}

fn picture(svg: &mut String, panel: &Panel, answers: &[Vec<Line>], x: f64, y: f64) {
    writeln!(
        svg,
        "<g transform=\"translate({x:.0} {y:.0})\"><rect width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"4\" fill=\"#fff\" stroke=\"#cbd5e1\"/>\
         <text x=\"10\" y=\"18\" font-size=\"12\" font-weight=\"bold\">{}</text>",
        escaped(panel.title)
    )
    .unwrap();
    let mut lines: Vec<(String, &Line)> = Vec::new();
    for (query, answer) in panel.queries.iter().zip(answers) {
        lines.extend(answer.iter().map(|line| (legend(query.legend, line), line)));
    }
    let greatest = |line: &Line| line.points.iter().map(|point| point.1).fold(0.0, f64::max);
    lines.sort_by(|a, b| greatest(b.1).total_cmp(&greatest(a.1)));
    let more = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    match panel.draw {
        Draw::Stat => stat(svg, panel, &lines),
        Draw::Lines | Draw::Stacked | Draw::Table => curves(svg, panel, &lines, more),
    }
    svg.push_str("</g>\n");
}

fn stat(svg: &mut String, panel: &Panel, lines: &[(String, &Line)]) {
    let last = lines.first().and_then(|(_, line)| line.points.last());
    let said = last.map_or("none".to_owned(), |point| number(panel.scale, point.1));
    writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" font-size=\"34\" text-anchor=\"middle\">{said}</text>",
        WIDTH / 2.0,
        HEIGHT / 2.0 + 20.0
    )
    .unwrap();
}

fn curves(svg: &mut String, panel: &Panel, lines: &[(String, &Line)], more: usize) {
    let (left, right, top, bottom) = (52.0, WIDTH - 10.0, 28.0, HEIGHT - 62.0);
    let points = || lines.iter().flat_map(|(_, line)| &line.points);
    let last = points().map(|point| point.0).fold(1.0, f64::max);
    let most = points().map(|point| point.1).fold(0.0, f64::max);
    let most = if most > 0.0 { most * 1.1 } else { 1.0 };
    for share in [0.0, 0.5, 1.0] {
        let at = bottom - share * (bottom - top);
        writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#e2e8f0\"/>\
             <text x=\"{}\" y=\"{:.1}\" font-size=\"9\" text-anchor=\"end\" fill=\"#475569\">{}</text>",
            left - 4.0,
            at + 3.0,
            number(panel.scale, share * most)
        )
        .unwrap();
    }
    writeln!(
        svg,
        "<text x=\"{right}\" y=\"{}\" font-size=\"9\" text-anchor=\"end\" fill=\"#475569\">{last:.0} s</text>",
        bottom + 11.0
    )
    .unwrap();
    for ((name, line), (place, colour)) in lines.iter().zip(COLOURS.iter().enumerate()) {
        let path = line.points.iter().map(|(at, value)| {
            let x = left + at / last * (right - left);
            let y = bottom - (value / most).clamp(0.0, 1.0) * (bottom - top);
            (format!("{x:.1}"), format!("{y:.1}"))
        });
        let path = corners(&path.collect::<Vec<_>>());
        writeln!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.4\" points=\"{}\"/>",
            path.join(" ")
        )
        .unwrap();
        let (x, y) = (
            10 + place % 2 * 185,
            HEIGHT - 34.0 + (place / 2) as f64 * 12.0,
        );
        writeln!(
            svg,
            "<text x=\"{x}\" y=\"{y:.0}\" font-size=\"9\" fill=\"{colour}\">{}</text>",
            escaped(name)
        )
        .unwrap();
    }
    if more > 0 {
        writeln!(
            svg,
            "<text x=\"{right}\" y=\"18\" font-size=\"9\" text-anchor=\"end\" fill=\"#475569\">and {more} more</text>"
        )
        .unwrap();
    }
}

/// A line without the points inside its level stretches: most lines are level most of the time.
fn corners(points: &[(String, String)]) -> Vec<String> {
    let level = |place: usize| {
        let before = place.checked_sub(1).and_then(|before| points.get(before));
        let is = |other: Option<&(String, String)>| {
            other.is_some_and(|other| other.1 == points[place].1)
        };
        is(before) && is(points.get(place + 1))
    };
    let kept = (0..points.len()).filter(|place| !level(*place));
    kept.map(|place| format!("{},{}", points[place].0, points[place].1))
        .collect()
}

/// The legend with its labels filled in; a table has none, and shows its labels.
fn legend(text: &str, line: &Line) -> String {
    let mut text = text.to_owned();
    if text.is_empty() {
        let values: Vec<&str> = line
            .labels
            .iter()
            .map(|(_, value)| value.as_str())
            .collect();
        text = values.join(" ");
    }
    for (name, value) in &line.labels {
        text = text.replace(&format!("{{{{{name}}}}}"), value);
    }
    // What nobody has is empty, as in Grafana; addresses of a test run say nothing.
    let text = text.replace("127.0.0.1:", "port ");
    text.chars().take(LEGEND_MAX).collect()
}

fn number(scale: Scale, value: f64) -> String {
    let short = |value: f64| match value.abs() {
        big if big >= 1e9 => format!("{:.1} G", value / 1e9),
        big if big >= 1e6 => format!("{:.1} M", value / 1e6),
        big if big >= 1e4 => format!("{:.0} k", value / 1e3),
        big if big >= 10.0 || big == 0.0 => format!("{value:.0}"),
        big if big >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    };
    match scale {
        Scale::Share => format!("{:.1} %", value * 100.0),
        Scale::Seconds if value.abs() < 1.0 && value != 0.0 => format!("{:.1} ms", value * 1e3),
        Scale::Seconds => format!("{value:.1} s"),
        Scale::Count | Scale::PerSecond | Scale::PerMinute | Scale::MinorUnits | Scale::Flag => {
            short(value)
        }
        Scale::Bytes | Scale::BytesPerSecond => format!("{}B", short(value)),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
