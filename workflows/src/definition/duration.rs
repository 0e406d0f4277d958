//! Durations as definitions write them: `500ms`, `5s`, `15m`, `2h`, `7d`. Nothing else.

use crate::Millis;

/// Longest duration: 400 days. A wait beyond any saga's life is a slip of the pen.
const LONGEST_MS: Millis = 400 * 86_400_000;

/// The milliseconds of a duration; `None` when it is none, zero or longer than 400 days.
pub(crate) fn parse(text: &str) -> Option<Millis> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at(digits);
    let unit_ms: Millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let millis = count.parse::<Millis>().ok()?.checked_mul(unit_ms)?;
    (1..=LONGEST_MS).contains(&millis).then_some(millis)
}

/// A duration as people write it: the largest unit that says it exactly.
pub(crate) fn display(millis: Millis) -> String {
    let units = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1000, "s"),
    ];
    let fitting = units
        .iter()
        .find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit));
    match fitting {
        Some((unit, name)) => format!("{}{name}", millis / unit),
        None => format!("{millis}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_five_units() {
        let good = [
            ("500ms", 500),
            ("5s", 5000),
            ("15m", 900_000),
            ("2h", 7_200_000),
            ("7d", 604_800_000),
        ];
        for (text, millis) in good {
            assert_eq!(parse(text), Some(millis));
            assert_eq!(display(millis), text);
        }
        for text in [
            "",
            "5",
            "s",
            "0s",
            "-5s",
            "5 s",
            "1.5s",
            "PT5S",
            "5S",
            "9999d",
            "99999999999999999999s",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(display(1500), "1500ms");
    }
}
