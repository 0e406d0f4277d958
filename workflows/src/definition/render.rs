//! Diagnostics as people read them: the sentence, the line it is about, a caret under it, the advice.

use std::fmt::Write as _;

use super::diagnostic::{Diagnostic, Severity};
use super::source::Source;

/// Renders diagnostics of `text` the way compilers do, with a count at the end.
pub fn render(diagnostics: &[Diagnostic], source_name: &str, text: &str) -> String {
    let source = Source::of(text);
    let mut out = String::new();
    for diagnostic in diagnostics {
        one(diagnostic, source_name, &source, &mut out);
        out.push('\n');
    }
    if !diagnostics.is_empty() {
        out.push_str(&count(diagnostics));
        out.push('\n');
    }
    out
}

/// Writing to a String cannot fail, hence the `ok()`s.
fn one(diagnostic: &Diagnostic, source_name: &str, source: &Source<'_>, out: &mut String) {
    let Diagnostic {
        code,
        severity,
        message,
        line,
        column,
        ..
    } = diagnostic;
    writeln!(out, "{severity}[{code}]: {message}").ok();
    let gutter = line.to_string().len();
    if *line > 0 {
        writeln!(out, "{:gutter$}--> {source_name}:{line}:{column}", "").ok();
    }
    if let Some(content) = source.line(*line) {
        let (content, indent) = tame(content, *column);
        let room = content.chars().count().saturating_sub(indent).max(1);
        let carets = "^".repeat(
            usize::try_from(diagnostic.length)
                .unwrap_or(1)
                .clamp(1, room),
        );
        writeln!(out, "{:gutter$} |", "").ok();
        writeln!(out, "{line} | {content}").ok();
        writeln!(out, "{:gutter$} | {:indent$}{carets}", "", "").ok();
    }
    if let Some(help) = &diagnostic.help {
        writeln!(out, "{:gutter$} = help: {help}", "").ok();
    }
}

/// The line as it can be shown (no control characters, not endless), and how many characters stand before `column`.
fn tame(line: &str, column: u32) -> (String, usize) {
    const WIDTH_MAX: usize = 160;
    let before = usize::try_from(column).unwrap_or(1).saturating_sub(1);
    // A place far to the right is shown with a little of what comes before.
    let skipped = if before < WIDTH_MAX { 0 } else { before - 20 };
    let shown = line
        .chars()
        .skip(skipped)
        .take(WIDTH_MAX)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    (shown, before - skipped)
}

fn count(diagnostics: &[Diagnostic]) -> String {
    let of = |severity: Severity| {
        diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    };
    let words = |count: usize, word: &str| match count {
        1 => format!("1 {word}"),
        many => format!("{many} {word}s"),
    };
    match (of(Severity::Error), of(Severity::Warning)) {
        (0, warnings) => words(warnings, "warning"),
        (errors, 0) => words(errors, "error"),
        (errors, warnings) => format!("{}, {}", words(errors, "error"), words(warnings, "warning")),
    }
}
