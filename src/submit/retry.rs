//! When to try again. Pure: randomness and the clock come in as parameters.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::clock;
use crate::ledger::{RawAnswer, http_date};

/// Longest wait a system may ask for with `Retry-After`; a day asked for by mistake must not cost a day.
pub(super) const ASKED_CAP: Duration = Duration::from_hours(1);

/// Waits that double from `first` up to `cap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait.
    pub first: Duration,
    /// The longest wait.
    pub cap: Duration,
}

impl Backoff {
    /// The longest wait after that many failures (the first failure is number 0).
    pub fn ceiling(&self, failures: u32) -> Duration {
        self.first.saturating_mul(2_u32.saturating_pow(failures)).min(self.cap)
    }

    /// Full jitter: anywhere between nothing and the ceiling, so that many senders do not come back together.
    /// `random` is any number, all equally likely.
    pub fn jittered(&self, failures: u32, random: u64) -> Duration {
        let ceiling = self.ceiling(failures).as_nanos();
        let share = ceiling.saturating_mul(u128::from(random)) >> 64;
        Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX)).min(self.cap)
    }

    /// The wait before the next try: jittered, but never shorter than what the system asked for (up to an hour).
    pub fn wait(&self, failures: u32, random: u64, asked: Option<Duration>) -> Duration {
        let asked = asked.unwrap_or_default().min(ASKED_CAP);
        self.jittered(failures, random).max(asked)
    }
}

/// What a `Retry-After` header asks for: seconds, or an HTTP date (RFC 9110 section 10.2.3).
fn asked(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = http_date(header)?;
    Some((at - now).to_std().unwrap_or_default())
}

/// What an answer asks for. A date in it is the server's, so it is reckoned from the server's own time.
pub(super) fn asked_by(answer: &RawAnswer, now: DateTime<Utc>) -> Option<Duration> {
    let (_, text) = answer.headers.iter().find(|(name, _)| name == "retry-after")?;
    asked(text, clock::date(answer).unwrap_or(now))
}

/// A stream of numbers from one seed (`SplitMix64`); spreads retries, guards nothing.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), cap: Duration::from_mins(10) };

    #[test]
    fn ceilings_double_up_to_the_cap() {
        let ceilings: Vec<u64> = (0..12).map(|n| BACKOFF.ceiling(n).as_secs()).collect();
        assert_eq!(ceilings, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
    }

    #[test]
    fn jitter_reaches_from_nothing_to_the_ceiling() {
        assert_eq!(BACKOFF.jittered(3, 0), Duration::ZERO);
        let half = BACKOFF.jittered(3, u64::MAX / 2).as_millis();
        assert!((3_999..=4_000).contains(&half), "{half}");
        assert!(BACKOFF.jittered(3, u64::MAX) > Duration::from_millis(7_999));
    }

    #[test]
    fn the_systems_word_is_kept_within_an_hour() {
        let now = DateTime::parse_from_rfc3339("1994-11-06T08:49:07Z").unwrap().to_utc();
        assert_eq!(asked(" 120 ", now), Some(Duration::from_mins(2)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(Duration::ZERO), "past");
        assert_eq!(asked("soon", now), None);
        assert_eq!(BACKOFF.wait(0, 0, Some(Duration::from_secs(30))), Duration::from_secs(30));
        assert_eq!(BACKOFF.wait(0, 0, Some(Duration::from_hours(24))), ASKED_CAP);
    }

    proptest! {
        #[test]
        fn waits_stay_between_the_systems_word_and_the_caps(
            failures in any::<u32>(), random in any::<u64>(), asked_s in proptest::option::of(any::<u64>()),
        ) {
            let asked_for = asked_s.map(Duration::from_secs);
            let wait = BACKOFF.wait(failures, random, asked_for);
            prop_assert!(wait <= ASKED_CAP);
            prop_assert!(wait >= asked_for.unwrap_or_default().min(ASKED_CAP));
            prop_assert!(BACKOFF.jittered(failures, random) <= BACKOFF.ceiling(failures));
        }

        #[test]
        fn any_header_is_read_without_panic(header in ".*") {
            let now = DateTime::<Utc>::UNIX_EPOCH;
            let _ = asked(&header, now);
            let _ = http_date(&header);
        }
    }
}
