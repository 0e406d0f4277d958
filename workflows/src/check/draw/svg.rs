//! The diagram as an SVG that needs nothing else: no fonts, no scripts.
//!
//! Time goes down, everybody in the story has a line; what is said is an arrow, what happens to somebody is a box on
//! their line. Widths of texts are guessed, generously, since nothing here can measure them.

use std::fmt::Write as _;

use crate::check::report::Counterexample;
use crate::check::story::{Actor, Line};

/// A character of the text is about this wide.
const CHARACTER: usize = 7;

/// From one baseline to the next.
const LEADING: usize = 15;

/// Room around everything, and above each line of the story.
const MARGIN: usize = 24;

/// Between the lines of two actors.
const COLUMN_MIN: usize = 170;
const COLUMN_MAX: usize = 250;

/// Height of an actor's name plate.
const PLATE: usize = 30;

const STYLE: &str = "text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#1f2430}\
.n{font-weight:600;text-anchor:middle}.m{text-anchor:middle}.k{fill:#8a8f9c;font-size:10px;text-anchor:end}\
.l{stroke:#c9cdd6;stroke-dasharray:3 4}.p{fill:#eef1f6;stroke:#9aa3b2}.a{stroke:#3b4252;fill:none}\
.h{fill:#3b4252}.b{fill:#fff8e6;stroke:#d9b863}.e{fill:#eef6ff;stroke:#8fb4dd}.x{fill:#fdecea;stroke:#c9372c}\
.v{fill:#9d1c12;font-weight:600}";

/// The counterexample as an SVG document.
pub fn svg(found: &Counterexample, title: &str) -> String {
    let cast = found.story.cast();
    let mut sheet = Sheet::new(&found.story.lines, cast);
    sheet.plates();
    for (number, line) in found.story.lines.iter().enumerate() {
        sheet.number(number + 1);
        match &line.to {
            Some(to) => sheet.arrow(&line.who, to, &line.text),
            None => sheet.note(&line.who, &line.text),
        }
    }
    sheet.verdict(&found.said);
    sheet.finish(title)
}

struct Sheet {
    cast: Vec<Actor>,
    column: usize,
    /// Where the next line of the story begins.
    y: usize,
    body: String,
}

// Writing to a String cannot fail, hence the `ok()`s.
impl Sheet {
    fn new(lines: &[Line], cast: Vec<Actor>) -> Sheet {
        let longest = lines.iter().filter(|line| line.to.is_some());
        let longest = longest.map(|line| line.text.chars().count()).max();
        let column = (longest.unwrap_or(0) + 4) * CHARACTER;
        Sheet {
            cast,
            column: column.clamp(COLUMN_MIN, COLUMN_MAX),
            y: MARGIN + PLATE + MARGIN,
            body: String::new(),
        }
    }

    fn width(&self) -> usize {
        2 * MARGIN + self.cast.len() * self.column
    }

    /// The line of an actor.
    fn x(&self, actor: &Actor) -> usize {
        let at = self.cast.iter().position(|known| known == actor);
        MARGIN + at.unwrap_or(0) * self.column + self.column / 2
    }

    fn plates(&mut self) {
        let width = self.column - MARGIN;
        for actor in self.cast.clone() {
            let (x, name) = (self.x(&actor), escaped(actor.name()));
            let left = x - width / 2;
            writeln!(
                self.body,
                "<rect class=\"p\" x=\"{left}\" y=\"{MARGIN}\" width=\"{width}\" height=\"{PLATE}\" rx=\"6\"/>\
                 <text class=\"n\" x=\"{x}\" y=\"{}\">{name}</text>",
                MARGIN + PLATE / 2 + 4
            )
            .ok();
        }
    }

    fn number(&mut self, number: usize) {
        writeln!(
            self.body,
            "<text class=\"k\" x=\"{}\" y=\"{}\">{number}</text>",
            MARGIN,
            self.y + LEADING
        )
        .ok();
    }

    fn arrow(&mut self, from: &Actor, to: &Actor, text: &str) {
        let (from, to) = (self.x(from), self.x(to));
        let room = from.abs_diff(to).max(self.column) - 2 * CHARACTER;
        let lines = wrapped(text, room / CHARACTER);
        let middle = usize::midpoint(from, to);
        self.text(&lines, middle, "m");
        let y = self.y + lines.len() * LEADING + 6;
        let tip = if to > from { to - 2 } else { to + 2 };
        let back = if to > from { tip - 8 } else { tip + 8 };
        writeln!(
            self.body,
            "<path class=\"a\" d=\"M{from} {y}H{tip}\"/><path class=\"h\" d=\"M{tip} {y}L{back} {} {back} {}Z\"/>",
            y - 4,
            y + 4
        )
        .ok();
        self.y = y + MARGIN / 2;
    }

    fn note(&mut self, who: &Actor, text: &str) {
        let x = self.x(who);
        let room = self.column - MARGIN;
        let lines = wrapped(text, room / CHARACTER - 1);
        let class = match who {
            Actor::Engine => "e",
            Actor::Customer | Actor::Operator | Actor::Pool(_) => "b",
        };
        self.boxed(&lines, x, room, class, "m");
    }

    fn boxed(&mut self, lines: &[String], x: usize, width: usize, class: &str, text: &str) {
        let height = lines.len() * LEADING + 10;
        let left = x - width / 2;
        writeln!(
            self.body,
            "<rect class=\"{class}\" x=\"{left}\" y=\"{}\" width=\"{width}\" height=\"{height}\" rx=\"4\"/>",
            self.y
        )
        .ok();
        self.text(lines, x, text);
        self.y += height + MARGIN / 2;
    }

    fn text(&mut self, lines: &[String], x: usize, class: &str) {
        for (number, line) in lines.iter().enumerate() {
            let y = self.y + (number + 1) * LEADING;
            writeln!(
                self.body,
                "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>",
                escaped(line)
            )
            .ok();
        }
    }

    fn verdict(&mut self, said: &str) {
        let width = self.width() - 2 * MARGIN;
        let lines = wrapped(&format!("✘ {said}"), width / CHARACTER - 2);
        self.y += MARGIN / 2;
        self.boxed(&lines, self.width() / 2, width, "x", "m v");
    }

    fn finish(self, title: &str) -> String {
        let (width, height) = (self.width(), self.y + MARGIN);
        let bottom = self.y - MARGIN;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
            escaped(title)
        );
        for actor in &self.cast {
            let x = self.x(actor);
            writeln!(
                out,
                "<path class=\"l\" d=\"M{x} {}V{bottom}\"/>",
                MARGIN + PLATE
            )
            .ok();
        }
        out.push_str(&self.body);
        out.push_str("</svg>\n");
        out
    }
}

/// Words on lines of at most so many characters; a longer word has a line of its own.
fn wrapped(text: &str, characters: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= characters => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            c => c.to_string(),
        })
        .collect()
}
