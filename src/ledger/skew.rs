//! How far this machine's clock and a system's were apart, as the kept answers tell.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

/// From here on it is said: `Date` has whole seconds, and legal windows whole days.
pub const TOLD: TimeDelta = TimeDelta::minutes(5);

/// The two clocks at one answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skew {
    /// Configuration section of the system.
    pub section: String,
    /// By how many seconds ours ran ahead; less than nothing where it was behind.
    pub ahead_s: i64,
    /// When, by our clock.
    pub at: DateTime<Utc>,
}

impl Skew {
    /// Whether it is worth telling.
    pub fn is_told(&self) -> bool {
        self.ahead_s.abs() > TOLD.num_seconds()
    }
}

/// An HTTP date in its usual form, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
pub fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|at| at.with_timezone(&Utc))
}

/// The clocks at an answer with these headers; none without a date.
pub(super) fn at_answer(section: String, headers: &[(String, String)], at: DateTime<Utc>) -> Option<Skew> {
    let (_, date) = headers.iter().find(|(name, _)| name == "date")?;
    Some(Skew { section, ahead_s: (at - http_date(date)?).num_seconds(), at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_five_minutes_are_told_whichever_way() {
        let at = DateTime::parse_from_rfc3339("1994-11-06T08:59:37Z").unwrap().to_utc();
        let skew = |date: &str| at_answer("s".to_owned(), &[("date".to_owned(), date.to_owned())], at);
        let behind = skew("Sun, 06 Nov 1994 09:09:37 GMT").unwrap();
        assert_eq!((behind.ahead_s, behind.is_told()), (-600, true));
        assert!(!skew("Sun, 06 Nov 1994 08:54:37 GMT").unwrap().is_told());
        assert_eq!(skew("yesterday"), None);
    }
}
