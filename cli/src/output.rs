//! Standard output: nothing but data, as a table for people or as JSON for programs.
//!
//! Progress and logs go to standard error. A reader that goes away (`… | head`) ends the program quietly.

use std::io::{IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: one document, or one line for each thing in a stream.
    Json,
}

/// Writes a text and a line end.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    if written.is_err() {
        // Nobody reads any more: that is how pipes end.
        std::process::exit(0);
    }
}

/// Writes a value as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Writes a value as one line of JSON.
pub(crate) fn json_line(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string(value)?);
    Ok(())
}

/// Columns as wide as their widest cell, two spaces between; the last one is not padded.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    std::iter::once(&head)
        .chain(rows)
        .map(|row| aligned(row, &widths))
        .collect::<Vec<_>>()
        .join("\n")
}

fn aligned(row: &[String], widths: &[usize]) -> String {
    let cells: Vec<String> = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| format!("{cell:width$}"))
        .collect();
    cells.join("  ").trim_end().to_owned()
}

/// How texts on standard error are set off, when it is a terminal that wants it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ink {
    on: bool,
}

impl Ink {
    /// For standard output.
    pub(crate) fn stdout() -> Ink {
        Ink {
            on: std::io::stdout().is_terminal() && wanted(),
        }
    }

    /// For standard error.
    pub(crate) fn stderr() -> Ink {
        Ink {
            on: std::io::stderr().is_terminal() && wanted(),
        }
    }

    #[cfg(test)]
    pub(crate) fn none() -> Ink {
        Ink { on: false }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.on {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// <https://no-color.org>: any value that is not empty.
fn wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Text from a server as it can be shown on a terminal: control characters would be commands to it.
pub(crate) fn tame(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_the_last_one_is_not_padded() {
        let rows = [
            vec!["a".to_owned(), "é".to_owned()],
            vec!["long".to_owned(), String::new()],
        ];
        assert_eq!(table(&["ID", "NAME"], &rows), "ID    NAME\na     é\nlong");
    }

    #[test]
    fn terminal_commands_in_data_are_defused() {
        assert_eq!(tame("a\x1b[2Jb\nc"), "a [2Jb c");
    }
}
