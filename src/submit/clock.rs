//! The wall clock, as the sender is given it. Waiting is measured on tokio's monotonic clock, not here.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

/// Says what time it is and which day the national system has.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    zone: Tz,
}

impl Clock {
    /// A clock on the calendar of a zone (`Europe/Sofia` for SESPA).
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static, zone: Tz) -> Self {
        Self { now: Arc::new(now), zone }
    }

    /// Now.
    pub fn now(&self) -> DateTime<Utc> {
        (self.now)()
    }

    /// Today on the system's calendar.
    pub fn today(&self) -> NaiveDate {
        self.now().with_timezone(&self.zone).date_naive()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").field("zone", &self.zone).finish_non_exhaustive()
    }
}

/// How far our clock runs ahead of the server's `Date` header; none where the header is no HTTP date.
pub(super) fn ahead(date: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    Some(now - http_date(date)?)
}

/// An HTTP date in its usual form, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
pub(super) fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|at| at.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_the_systems() {
        let late = DateTime::parse_from_rfc3339("2026-11-20T22:30:00Z").unwrap().to_utc();
        let clock = Clock::new(move || late, chrono_tz::Europe::Sofia);
        assert_eq!(clock.today(), NaiveDate::from_ymd_opt(2026, 11, 21).unwrap());
    }

    #[test]
    fn clocks_are_compared() {
        let now = DateTime::parse_from_rfc3339("1994-11-06T08:59:37Z").unwrap().to_utc();
        assert_eq!(ahead("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(TimeDelta::minutes(10)));
        assert_eq!(ahead("yesterday", now), None);
    }
}
