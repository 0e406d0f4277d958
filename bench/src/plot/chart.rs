//! A line chart as SVG: both axes logarithmic, because loads and systems differ by factors.

use std::fmt::Write;

/// What is drawn.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) across: &'static str,
    pub(super) up: &'static str,
    pub(super) lines: Vec<Line>,
}

/// One line; points that are not positive numbers are left out.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 220.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;

/// Told apart by most colour-blind readers too (Okabe and Ito).
const COLOURS: [&str; 6] = [
    "#0072b2", "#d55e00", "#e69f00", "#009e73", "#cc79a7", "#56b4e9",
];

/// A logarithmic axis between two powers of ten, or parts of them.
#[derive(Debug, Clone, Copy)]
struct Axis {
    low: f64,
    high: f64,
    /// In the picture.
    from: f64,
    to: f64,
}

impl Axis {
    /// Around all of these, down and up to a 1, 2 or 5 of their power of ten.
    fn around(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Option<Self> {
        let (low, high) = values.fold((f64::MAX, 0.0_f64), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        (high > 0.0).then(|| Self {
            low: marks_from(low)
                .take_while(|mark| *mark <= low)
                .last()
                .unwrap_or(low),
            high: marks_from(high).find(|mark| *mark > high).unwrap_or(high),
            from,
            to,
        })
    }

    fn place(self, value: f64) -> f64 {
        let part = (value / self.low).ln() / (self.high / self.low).ln();
        self.from + part * (self.to - self.from)
    }

    fn marks(self) -> impl Iterator<Item = f64> {
        // A little more than the bound: these are products of powers of ten, and not exact.
        marks_from(self.low)
            .filter(move |mark| *mark >= self.low * 0.999)
            .take_while(move |mark| *mark <= self.high * 1.001)
    }
}

/// 1, 2 and 5 of each power of ten, from the power below a value on.
fn marks_from(value: f64) -> impl Iterator<Item = f64> {
    let power = value.log10().floor() as i32;
    (power..).flat_map(|power| [1.0, 2.0, 5.0].map(|mark| mark * 10_f64.powi(power)))
}

impl Chart {
    /// The picture; none when there is nothing to draw.
    pub(super) fn svg(&self) -> Option<String> {
        let good = |(x, y): &&(f64, f64)| *x > 0.0 && *y > 0.0 && x.is_finite() && y.is_finite();
        let all = || {
            self.lines
                .iter()
                .flat_map(|line| line.points.iter().filter(good))
        };
        let x = Axis::around(all().map(|(x, _)| *x), LEFT, WIDTH - RIGHT)?;
        let y = Axis::around(all().map(|(_, y)| *y), HEIGHT - BOTTOM, TOP)?;
        let mut svg = String::new();
        let _infallible = self.draw(&mut svg, x, y);
        Some(svg)
    }

    fn draw(&self, svg: &mut String, x: Axis, y: Axis) -> std::fmt::Result {
        writeln!(
            svg,
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>
<text x="{LEFT}" y="22" font-size="15">{}</text>"##,
            escaped(self.title)
        )?;
        for mark in x.marks() {
            let (at, low, high) = (x.place(mark), HEIGHT - BOTTOM, TOP);
            writeln!(
                svg,
                r##"<path d="M{at:.1} {low}V{high}" stroke="#dddddd"/><text x="{at:.1}" y="{}" text-anchor="middle">{}</text>"##,
                low + 18.0,
                short(mark)
            )?;
        }
        for mark in y.marks() {
            let (at, right) = (y.place(mark), WIDTH - RIGHT);
            writeln!(
                svg,
                r##"<path d="M{LEFT} {at:.1}H{right}" stroke="#dddddd"/><text x="{}" y="{:.1}" text-anchor="end">{}</text>"##,
                LEFT - 8.0,
                at + 4.0,
                short(mark)
            )?;
        }
        let (middle, centre) = ((LEFT + WIDTH - RIGHT) / 2.0, (TOP + HEIGHT - BOTTOM) / 2.0);
        writeln!(
            svg,
            r##"<text x="{middle}" y="{}" text-anchor="middle">{}</text>
<text x="16" y="{centre}" text-anchor="middle" transform="rotate(-90 16 {centre})">{}</text>"##,
            HEIGHT - 10.0,
            escaped(self.across),
            escaped(self.up)
        )?;
        for (number, line) in self.lines.iter().enumerate() {
            self.line(svg, x, y, number, line)?;
        }
        writeln!(svg, "</svg>")
    }

    fn line(
        &self,
        svg: &mut String,
        x: Axis,
        y: Axis,
        number: usize,
        line: &Line,
    ) -> std::fmt::Result {
        let colour = COLOURS[number % COLOURS.len()];
        let places: Vec<(f64, f64)> = line
            .points
            .iter()
            .filter(|(across, up)| *across > 0.0 && *up > 0.0 && up.is_finite())
            .map(|(across, up)| (x.place(*across), y.place(*up)))
            .collect();
        let points: Vec<String> = places
            .iter()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        writeln!(
            svg,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#,
            points.join(" ")
        )?;
        for (x, y) in places {
            writeln!(
                svg,
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#
            )?;
        }
        let (left, top) = (WIDTH - RIGHT + 16.0, TOP + 12.0 + 20.0 * number as f64);
        writeln!(
            svg,
            r#"<path d="M{left} {}h20" stroke="{colour}" stroke-width="3"/><text x="{}" y="{top}">{}</text>"#,
            top - 4.0,
            left + 28.0,
            escaped(&line.name)
        )
    }
}

/// A mark as people write it: 0.05, 20, 5k, 1M.
fn short(value: f64) -> String {
    match value {
        value if value >= 999_999.0 => format!("{:.0}M", value / 1e6),
        value if value >= 999.0 => format!("{:.0}k", value / 1e3),
        value if value >= 0.999 => format!("{value:.0}"),
        value => format!("{value:.3}").trim_end_matches('0').to_owned(),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>) -> Chart {
        Chart {
            title: "a < b",
            across: "in flight",
            up: "sagas/s",
            lines: vec![Line {
                name: "ours & theirs".to_owned(),
                points,
            }],
        }
    }

    #[test]
    fn a_factor_is_a_distance() {
        let Some(axis) = Axis::around([1.0, 99.0].into_iter(), 0.0, 100.0) else {
            panic!("it has values");
        };
        assert_eq!((axis.low, axis.high.round()), (1.0, 100.0));
        for (value, place) in [(1.0, 0.0), (10.0, 50.0), (100.0, 100.0)] {
            assert!((axis.place(value) - place).abs() < 1e-9, "{value}");
        }
        let marks: Vec<String> = axis.marks().map(short).collect();
        assert_eq!(marks, ["1", "2", "5", "10", "20", "50", "100"]);
    }

    #[test]
    fn texts_are_escaped_and_bad_points_left_out() {
        let svg = chart(vec![
            (1.0, 10.0),
            (2.0, f64::NAN),
            (4.0, 0.0),
            (512.0, 5000.0),
        ])
        .svg();
        let svg = svg.unwrap_or_default();
        assert!(svg.contains("a &lt; b") && svg.contains("ours &amp; theirs"));
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn nothing_to_draw_is_no_picture() {
        assert_eq!(chart(Vec::new()).svg(), None);
    }
}
