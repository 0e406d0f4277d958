//! `Prefer: wait=N` (RFC 7240): the caller would rather wait up to N seconds than ask again.
//!
//! Preferences that we do not know are ignored, as the RFC wants; a wait that is no number is refused, because
//! the caller would wonder.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};

use super::problem::{Code, Problem};

/// Longer waits hold connections for people who have left.
pub(super) const WAIT_SECONDS_MAX: u64 = 30;

/// How long the caller wants to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wait {
    seconds: Option<u64>,
}

impl Wait {
    /// For so long.
    pub(super) fn duration(self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or_default())
    }

    /// What `Preference-Applied` says.
    pub(super) fn applied(self) -> Option<HeaderValue> {
        let seconds = self.seconds?;
        HeaderValue::from_str(&format!("wait={seconds}")).ok()
    }
}

/// The wait that a request asks for.
pub(super) fn wait(headers: &HeaderMap) -> Result<Wait, Problem> {
    let mut wait = Wait::default();
    for value in headers.get_all("prefer") {
        let preferences = value.to_str().map_err(|_| refused())?;
        for preference in preferences.split(',') {
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            // The first one counts.
            if name.trim().eq_ignore_ascii_case("wait") && wait.seconds.is_none() {
                wait.seconds = Some(seconds(value.trim()).ok_or_else(refused)?);
            }
            if name.trim().eq_ignore_ascii_case("respond-async") {
                return Ok(Wait::default());
            }
        }
    }
    Ok(wait)
}

fn seconds(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = digits.then(|| text.parse().ok()).flatten()?;
    (0..=WAIT_SECONDS_MAX).contains(&seconds).then_some(seconds)
}

fn refused() -> Problem {
    Problem::new(
        Code::MalformedHeader,
        "Prefer: wait=N takes whole seconds from 0 to 30.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &'static str) -> Option<Option<u64>> {
        let mut headers = HeaderMap::new();
        headers.insert("prefer", HeaderValue::from_static(value));
        wait(&headers).ok().map(|wait| wait.seconds)
    }

    #[test]
    fn waits_are_found_among_other_preferences() {
        assert_eq!(of("wait=10"), Some(Some(10)));
        assert_eq!(of("return=minimal, Wait = 0"), Some(Some(0)));
        assert_eq!(of("handling=strict"), Some(None));
        assert_eq!(of("respond-async, wait=10"), Some(None));
        for bad in [
            "wait",
            "wait=",
            "wait=31",
            "wait=-1",
            "wait=1.5",
            "wait=abc",
            "wait=99999999999999999999",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
