//! One line of the doctor's report.

use serde::Serialize;

use crate::output::{Ink, tame};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// What was looked at, what was found, and the command that mends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) what: &'static str,
    pub(super) verdict: Verdict,
    pub(super) found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fix: Option<String>,
}

impl Finding {
    pub(super) fn ok(what: &'static str, found: impl Into<String>) -> Finding {
        Finding {
            what,
            verdict: Verdict::Ok,
            found: found.into(),
            fix: None,
        }
    }

    pub(super) fn warn(
        what: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Finding {
        Finding {
            what,
            verdict: Verdict::Warn,
            found: found.into(),
            fix: Some(fix.into()),
        }
    }

    pub(super) fn fail(
        what: &'static str,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Finding {
        Finding {
            what,
            verdict: Verdict::Fail,
            found: found.into(),
            fix: Some(fix.into()),
        }
    }
}

pub(super) fn render(findings: &[Finding], ink: Ink) -> String {
    let width = findings
        .iter()
        .map(|finding| finding.what.len())
        .max()
        .unwrap_or(0);
    let lines = findings.iter().map(|finding| {
        let mark = match finding.verdict {
            Verdict::Ok => ink.good("ok  "),
            Verdict::Warn => ink.bold("warn"),
            Verdict::Fail => ink.bad("fail"),
        };
        let line = format!("{mark}  {:width$}  {}", finding.what, tame(&finding.found));
        match &finding.fix {
            Some(fix) => format!("{line}\n      {:width$}  fix: {fix}", ""),
            None => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_comes_with_its_remedy() {
        let findings = [
            Finding::ok("disk", "9 GiB free"),
            Finding::fail("port", "taken", "--port 0"),
        ];
        assert_eq!(
            render(&findings, Ink::none()),
            "ok    disk  9 GiB free\nfail  port  taken\n            fix: --port 0"
        );
    }
}
