//! The counts that test runners print, summed up.
//!
//! Read from the text: the runners' machine-readable output is unstable, their summary lines have not changed in
//! years, and a line that we cannot read leaves the exit code to tell the truth.

/// Tests passed, failed and skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Totals {
    /// Adds a line of output when it is a summary of `cargo test` or of nextest.
    pub(crate) fn see(&mut self, line: &str) {
        let plain = without_colours(line);
        let summary = plain.trim_start();
        if summary.starts_with("test result: ") || summary.starts_with("Summary [") {
            self.passed += count(summary, "passed");
            self.failed += count(summary, "failed") + count(summary, "timed out");
            self.skipped += count(summary, "ignored") + count(summary, "skipped");
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    pub(crate) fn sentence(self) -> String {
        format!(
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// The number in front of a word.
fn count(summary: &str, word: &str) -> u64 {
    let Some(place) = summary.find(&format!(" {word}")) else {
        return 0;
    };
    let before = &summary[..place];
    let digits = before
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |last| last + 1);
    before[digits..].parse().unwrap_or(0)
}

/// Without the terminal's colour codes: ESC [ ... m.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..start]);
        rest = rest[start..].split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_both_runners_add_up_and_other_lines_do_not() {
        let mut totals = Totals::default();
        for line in [
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.1s",
            "test result: \u{1b}[31mFAILED\u{1b}[m. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
            "     Summary [   0.012s] 4 tests run: 3 passed (1 slow), 1 failed, 2 skipped",
            "test saga::tests::three_passed ... ok",
        ] {
            totals.see(line);
        }
        assert_eq!(
            totals,
            Totals {
                passed: 16,
                failed: 3,
                skipped: 3
            }
        );
        assert_eq!(totals.sentence(), "16 passed, 3 failed, 3 skipped");
    }
}
