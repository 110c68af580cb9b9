//! Lengths of time as people write them: `10s`, `2m`, `500ms`, `1h`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// A length of time in a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        parse_duration(&text).map(Self).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "`{text}` is no length of time; write for example 10s, 2m, 500ms or 1h"
            ))
        })
    }
}

/// Reads a whole number with its unit: `ms`, `s`, `m` or `h`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    match unit.trim_start() {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3600).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_nothing_is_guessed() {
        assert_eq!(parse_duration("10s"), Some(Duration::from_secs(10)));
        assert_eq!(parse_duration(" 2 m "), Some(Duration::from_mins(2)));
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("1h"), Some(Duration::from_hours(1)));
        assert_eq!(parse_duration("0s"), Some(Duration::ZERO));
        for wrong in
            ["", "s", "10", "-1s", "1.5s", "1d", "10 S", "99999999999999999999s", "18446744073709551615h"]
        {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
