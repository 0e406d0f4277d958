//! Durations, shares and rates as profiles and command lines write them.
//!
//! Durations go below the millisecond here: `800us` is a task of a fast pool. Shares have at most four digits
//! behind the point, which is one part in a million.

use std::fmt;
use std::str::FromStr;

use super::latency::LONGEST;
use super::random::{MILLION, Ppm};
use crate::rehearse::Micros;
use crate::sheet::written_as_text;

/// A duration. In JSON: microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Span(pub(crate) Micros);

/// A share. In JSON: parts in a million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Share(pub(crate) Ppm);

/// So many in a time. In JSON: in a thousand seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Rate {
    /// In a thousand seconds.
    pub(crate) per_kilosecond: u64,
}

/// A text that is no such thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct NotOne {
    text: String,
    wanted: &'static str,
}

const SPAN: &str = "a duration, for example `800us`, `20ms`, `5s`, `10m` or `3d`";
const SHARE: &str = "a share from `0%` to `100%`, with at most four digits behind the point";
const RATE: &str = "a rate, for example `50/s`, `3000/m` or `100/h`";

/// Most starts a second that are planned for.
const PER_SECOND_MAX: u64 = 1_000_000;

impl Span {
    /// So many milliseconds.
    pub fn of_millis(millis: u64) -> Span {
        Span(millis * 1000)
    }

    /// In microseconds.
    pub fn micros(self) -> u64 {
        self.0
    }

    fn parse(text: &str) -> Option<Span> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = text.split_at(digits);
        let unit = match unit {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            _ => return None,
        };
        let micros = count.parse::<u64>().ok()?.checked_mul(unit)?;
        (micros <= LONGEST).then_some(Span(micros))
    }

    /// For people: three digits or so, in the unit that suits.
    pub fn rounded(self) -> String {
        let tenths = |unit: u64, name: &str| {
            let (whole, tenth) = (self.0 / unit, self.0 % unit * 10 / unit);
            if whole < 100 && tenth > 0 {
                format!("{whole}.{tenth} {name}")
            } else {
                format!("{whole} {name}")
            }
        };
        match self.0 {
            0..1_000 => format!("{} us", self.0),
            1_000..1_000_000 => tenths(1_000, "ms"),
            1_000_000..120_000_000 => tenths(1_000_000, "s"),
            120_000_000..7_200_000_000 => tenths(60_000_000, "min"),
            7_200_000_000..172_800_000_000 => tenths(3_600_000_000, "h"),
            _ => tenths(86_400_000_000, "d"),
        }
    }
}

/// Exactly, in the largest unit that can.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            (86_400_000_000, "d"),
            (3_600_000_000, "h"),
            (60_000_000, "m"),
            (1_000_000, "s"),
            (1_000, "ms"),
        ];
        let fits = |unit: u64| self.0 >= unit && self.0.is_multiple_of(unit);
        match units.iter().find(|(unit, _)| fits(*unit)) {
            Some((unit, name)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}us", self.0),
        }
    }
}

impl Share {
    /// Parts in a million.
    pub fn ppm(self) -> u32 {
        self.0
    }

    /// `part` of `whole`, rounded to the nearest part in a million; nothing of nothing.
    pub fn of(part: u64, whole: u64) -> Share {
        let million = u128::from(MILLION);
        let share = (u128::from(part) * million + u128::from(whole / 2))
            .checked_div(u128::from(whole))
            .unwrap_or(0);
        Share(share.min(million) as Ppm)
    }

    fn parse(text: &str) -> Option<Share> {
        let number = text.strip_suffix('%')?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let is_number =
            |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) || fraction.len() > 4 {
            return None;
        }
        let ppm = format!("{whole}{fraction:0<4}").parse::<Ppm>().ok()?;
        (ppm <= MILLION).then_some(Share(ppm))
    }
}

/// As it is written: `12.5%`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        let fraction = format!("{rest:04}");
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{whole}%"),
            fraction => write!(f, "{whole}.{fraction}%"),
        }
    }
}

impl Rate {
    /// For people: in a second, with one digit behind the point.
    pub fn rounded(self) -> String {
        let tenths = (self.per_kilosecond + 50) / 100;
        format!("{}.{}/s", tenths / 10, tenths % 10)
    }

    fn parse(text: &str) -> Option<Rate> {
        let (count, unit) = text.split_once('/')?;
        let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
        let per_kilosecond = match unit {
            "s" => count.checked_mul(1000)?,
            "m" => count.checked_mul(1000)?.div_ceil(60),
            "h" => count.checked_mul(1000)?.div_ceil(3600),
            _ => return None,
        };
        (per_kilosecond <= PER_SECOND_MAX * 1000).then_some(Rate { per_kilosecond })
    }
}

/// In a second.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.per_kilosecond / 1000, self.per_kilosecond % 1000);
        if rest == 0 {
            write!(f, "{whole}/s")
        } else {
            write!(f, "{whole}.{:0>3}/s", rest)
        }
    }
}

impl FromStr for Span {
    type Err = NotOne;

    fn from_str(text: &str) -> Result<Span, NotOne> {
        Span::parse(text).ok_or_else(|| not_one(text, SPAN))
    }
}

impl FromStr for Rate {
    type Err = NotOne;

    fn from_str(text: &str) -> Result<Rate, NotOne> {
        Rate::parse(text).ok_or_else(|| not_one(text, RATE))
    }
}

impl FromStr for Share {
    type Err = NotOne;

    fn from_str(text: &str) -> Result<Share, NotOne> {
        Share::parse(text).ok_or_else(|| not_one(text, SHARE))
    }
}

fn not_one(text: &str, wanted: &'static str) -> NotOne {
    NotOne {
        text: text.to_owned(),
        wanted,
    }
}

written_as_text!(Span, Span::parse, "a duration, for example `20ms`");
written_as_text!(Share, Share::parse, "a share, for example `0.5%`");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["0us", "800us", "20ms", "1500ms", "5s", "10m", "2h"] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string(), text);
        }
        for (text, ppm) in [
            ("0%", 0),
            ("0.0001%", 1),
            ("12.5%", 125_000),
            ("100%", 1_000_000),
        ] {
            let share: Share = text.parse().unwrap();
            assert_eq!((share.0, share.to_string().as_str()), (ppm, text));
        }
        for (text, shown) in [("50/s", "50/s"), ("90/m", "1.500/s"), ("1/h", "0.001/s")] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "5",
            "-1s",
            "1.5s",
            "169h",
            "8d",
            "99999999999999999999s",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        for text in ["5", "101%", "0.00001%", ".5%", "5.%", "1e2%", "-1%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        for text in ["0/s", "5", "5/d", "x/s", "2000000/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn people_read_three_digits() {
        let rounded = |micros| Span(micros).rounded();
        assert_eq!(rounded(940), "940 us");
        assert_eq!(rounded(4_250), "4.2 ms");
        assert_eq!(rounded(150_900), "150 ms");
        assert_eq!(rounded(61_000_000), "61 s");
        assert_eq!(rounded(600_000_000), "10 min");
        assert_eq!(Share::of(1, 3), Share(333_333));
        assert_eq!(Share::of(1, 0), Share(0));
    }
}
