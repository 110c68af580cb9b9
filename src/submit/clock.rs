//! Two clocks: the calendar, which anybody may set, for what is written down and for legal days; and one that only
//! goes on, for waiting. What the server's `Date` says is kept beside them.
//!
//! A calendar that jumps moves no retry and no question: those are due on the steady clock. Deadlines are decided
//! by our calendar only while the server's agrees with it to within a day; else by the server's, who will judge.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use tokio::time::Instant;

use crate::ledger::{RawAnswer, http_date};

/// How far our calendar may be from the server's before it decides no deadline any more.
const DOUBTFUL: TimeDelta = TimeDelta::days(1);

/// A server's time, and when it was told.
type Heard = (DateTime<Utc>, Instant);

/// Says what time it is and which day the national system has.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    monotonic: Arc<dyn Fn() -> Instant + Send + Sync>,
    zone: Tz,
    began: (DateTime<Utc>, Instant),
    /// What one server last said.
    heard: Arc<Mutex<Option<Heard>>>,
}

impl Clock {
    /// A clock on the calendar of a zone (`Europe/Sofia` for SESPA).
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static, zone: Tz) -> Self {
        let began = (now(), Instant::now());
        Self { now: Arc::new(now), monotonic: Arc::new(Instant::now), zone, began, heard: Arc::default() }
    }

    /// The same clock, only that another one says what time passes.
    #[cfg(test)]
    pub(super) fn passing(self, monotonic: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self { monotonic: Arc::new(monotonic), ..self }
    }

    /// Now, by the calendar: for what is written down.
    pub fn now(&self) -> DateTime<Utc> {
        (self.now)()
    }

    /// Now, by the monotonic clock: the calendar as it was when the program began, and on from there however it
    /// is set meanwhile. For what is due.
    pub fn steady(&self) -> DateTime<Utc> {
        let (calendar, begun) = self.began;
        self.since(calendar, begun)
    }

    /// A moment on the monotonic clock.
    pub(super) fn instant(&self) -> Instant {
        (self.monotonic)()
    }

    /// Today on the system's calendar.
    pub fn today(&self) -> NaiveDate {
        self.day(self.now())
    }

    /// The day that deadlines are judged by: today, or the server's day where the two are more than a day apart.
    pub fn deadline_day(&self) -> NaiveDate {
        let now = self.now();
        match self.server() {
            Some(server) if (now - server).abs() > DOUBTFUL => self.day(server),
            _ => self.day(now),
        }
    }

    /// The same clock beside another server.
    #[must_use]
    pub(super) fn apart(&self) -> Self {
        Self { heard: Arc::default(), ..self.clone() }
    }

    /// Takes note of what the server's clock says.
    pub(super) fn hears(&self, answer: &RawAnswer) {
        if let Some(date) = date(answer) {
            *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some((date, self.instant()));
        }
    }

    /// How far our calendar runs ahead of the server's; none before it was heard.
    pub(super) fn ahead(&self) -> Option<TimeDelta> {
        Some(self.now() - self.server()?)
    }

    fn server(&self) -> Option<DateTime<Utc>> {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.map(|(date, at)| self.since(date, at))
    }

    fn since(&self, at: DateTime<Utc>, begun: Instant) -> DateTime<Utc> {
        let passed = TimeDelta::from_std(self.instant().saturating_duration_since(begun)).ok();
        passed.and_then(|passed| at.checked_add_signed(passed)).unwrap_or(at)
    }

    /// The day of a moment on the system's calendar.
    pub fn day(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").field("zone", &self.zone).finish_non_exhaustive()
    }
}

/// The server's time, as an answer bears it.
pub(super) fn date(answer: &RawAnswer) -> Option<DateTime<Utc>> {
    answer.headers.iter().find(|(name, _)| name == "date").and_then(|(_, date)| http_date(date))
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

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn answer(date: &str) -> RawAnswer {
        RawAnswer { status: 200, headers: vec![("date".to_owned(), date.to_owned())], body: Vec::new() }
    }

    /// A clock that shows `first` when the program begins and `later` from then on.
    fn jumping(first: &'static str, later: &'static str) -> Clock {
        let asked = std::sync::atomic::AtomicBool::new(false);
        let now = move || {
            if asked.swap(true, std::sync::atomic::Ordering::Relaxed) { at(later) } else { at(first) }
        };
        Clock::new(now, chrono_tz::Europe::Sofia)
    }

    #[test]
    fn waiting_is_not_moved_by_a_calendar_that_jumps() {
        for later in ["2016-11-20T12:00:00Z", "2036-11-20T12:00:00Z"] {
            let clock = jumping("2026-11-20T12:00:00Z", later);
            assert_eq!(clock.now(), at(later));
            assert!((clock.steady() - at("2026-11-20T12:00:00Z")).num_minutes() < 1, "{later}");
        }
    }

    #[test]
    fn clocks_are_compared() {
        let clock = jumping("1994-11-06T08:59:37Z", "1994-11-06T08:59:37Z");
        assert_eq!(clock.ahead(), None);
        clock.hears(&answer("yesterday"));
        assert_eq!(clock.ahead(), None);
        clock.hears(&answer("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert_eq!(clock.ahead().map(|ahead| ahead.num_minutes()), Some(9), "ten, less what passed since");
        assert_eq!(clock.apart().ahead(), None, "each server speaks for itself");
    }

    #[test]
    fn deadlines_are_not_decided_by_a_calendar_that_is_days_away_from_the_servers() {
        let clock = jumping("2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z");
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(clock.deadline_day(), day("2026-11-20"));
        clock.hears(&answer("Sat, 21 Nov 2026 11:00:00 GMT"));
        assert_eq!(clock.deadline_day(), day("2026-11-20"), "23 hours");
        clock.hears(&answer("Wed, 25 Nov 2026 23:30:00 GMT"));
        assert_eq!(clock.deadline_day(), day("2026-11-26"), "the server's, in Sofia");
        assert_eq!(clock.today(), day("2026-11-20"));
    }
}
