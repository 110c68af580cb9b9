//! When nothing more may go to a system: after troubles, for how long. Pure: the clock comes in.
//!
//! A passing trouble (surely not received) closes the gate until the next try. A lasting one (configuration,
//! login, several unknown in a row) closes it for good in `run`; in `watch` for a while that doubles, then one
//! batch goes alone and its answer decides.

use std::time::Duration;

use tokio::time::Instant;

use super::stop::Stop;
use super::{Backoff, Pace};

/// How many batches in a row may become unknown before nothing more goes (contract section 4).
pub(super) const UNKNOWN_IN_A_ROW: u32 = 3;

/// What one section's troubles amount to.
#[derive(Debug)]
pub(super) struct Gate {
    hold: Backoff,
    /// Whether a lasting trouble is over after some time (`watch`) or never (`run`).
    reopens: bool,
    unknown: u32,
    passing: u32,
    lasting: u32,
    closed: Option<(Closed, Stop)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closed {
    Until(Instant),
    ForGood,
}

/// Whether something may go now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Now {
    /// Yes.
    Open,
    /// Not before then.
    Until(Instant),
    /// Not in this call.
    Never,
}

impl Gate {
    pub(super) fn new(pace: &Pace, reopens: bool) -> Self {
        Self { hold: pace.hold, reopens, unknown: 0, passing: 0, lasting: 0, closed: None }
    }

    /// Whether something may go at that moment.
    pub(super) fn at(&self, now: Instant) -> Now {
        match self.closed {
            Some((Closed::ForGood, _)) => Now::Never,
            Some((Closed::Until(until), _)) if now < until => Now::Until(until),
            _ => Now::Open,
        }
    }

    /// Why nothing goes, or why the last did not.
    pub(super) fn why(&self) -> Option<&Stop> {
        self.closed.as_ref().map(|(_, stop)| stop)
    }

    /// How many passing troubles there were in a row.
    pub(super) fn passing(&self) -> u32 {
        self.passing
    }

    /// A batch was answered.
    pub(super) fn answered(&mut self) {
        (self.unknown, self.passing, self.lasting, self.closed) = (0, 0, 0, None);
    }

    /// A question about a batch was answered: the system is there, which says nothing about how batches fare.
    pub(super) fn reached(&mut self) {
        (self.passing, self.closed) = (0, None);
    }

    /// A batch became unknown. True when that is one too many: close with [`Gate::lasts`].
    pub(super) fn unknown(&mut self) -> bool {
        self.reached();
        self.unknown = self.unknown.saturating_add(1);
        self.unknown >= UNKNOWN_IN_A_ROW
    }

    /// A trouble that passes: closed for the wait before the next try.
    pub(super) fn passes(&mut self, stop: Stop, wait: Duration, now: Instant) {
        self.passing = self.passing.saturating_add(1);
        self.closed = Some((Closed::Until(now + wait), stop));
    }

    /// A trouble that a person has to end.
    pub(super) fn lasts(&mut self, stop: Stop, now: Instant) {
        let closed =
            if self.reopens { Closed::Until(now + self.hold.ceiling(self.lasting)) } else { Closed::ForGood };
        self.lasting = self.lasting.saturating_add(1);
        self.closed = Some((closed, stop));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::submit::stop::{NO_ANSWERS, UNREACHABLE};

    fn minutes(count: u64) -> Duration {
        Duration::from_secs(60 * count)
    }

    fn stop() -> Stop {
        Stop::new(&NO_ANSWERS, "sespa", "3")
    }

    #[test]
    fn three_unknown_in_a_row_are_too_many() {
        let mut gate = Gate::new(&Pace::default(), false);
        assert!(!gate.unknown() && !gate.unknown());
        gate.answered();
        assert!(!gate.unknown() && !gate.unknown() && gate.unknown());
    }

    #[test]
    fn run_stays_closed() {
        let (mut gate, now) = (Gate::new(&Pace::default(), false), Instant::now());
        gate.lasts(stop(), now);
        assert_eq!(gate.at(now + minutes(600)), Now::Never);
    }

    #[test]
    fn watch_doubles_from_a_minute_to_an_hour_and_begins_anew_after_an_answer() {
        let (mut gate, mut now) = (Gate::new(&Pace::default(), true), Instant::now());
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            gate.lasts(stop(), now);
            assert_eq!(gate.at(now), Now::Until(now + minutes(wait)));
            now += minutes(wait);
            assert_eq!(gate.at(now), Now::Open, "one batch goes alone");
        }
        gate.answered();
        assert!(gate.why().is_none());
        gate.lasts(stop(), now);
        assert_eq!(gate.at(now), Now::Until(now + minutes(1)));
    }

    #[test]
    fn an_answered_question_opens_but_forgives_no_unknown_batch() {
        let (mut gate, now) = (Gate::new(&Pace::default(), false), Instant::now());
        assert!(!gate.unknown() && !gate.unknown());
        gate.passes(Stop::new(&UNREACHABLE, "sespa", "refused"), minutes(2), now);
        gate.reached();
        assert_eq!((gate.at(now), gate.passing()), (Now::Open, 0));
        assert!(gate.why().is_none() && gate.unknown());
    }

    #[test]
    fn after_a_hold_one_unknown_closes_again() {
        let (mut gate, now) = (Gate::new(&Pace::default(), true), Instant::now());
        assert!(!gate.unknown() && !gate.unknown() && gate.unknown());
        gate.lasts(stop(), now);
        assert_eq!(gate.at(now + minutes(1)), Now::Open);
        assert!(gate.unknown());
    }

    #[test]
    fn what_passes_opens_in_run_too() {
        let (mut gate, now) = (Gate::new(&Pace::default(), false), Instant::now());
        gate.passes(Stop::new(&UNREACHABLE, "sespa", "refused"), minutes(2), now);
        assert_eq!(gate.at(now), Now::Until(now + minutes(2)));
        assert_eq!((gate.at(now + minutes(2)), gate.passing()), (Now::Open, 1));
    }
}
