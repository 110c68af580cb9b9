//! Which candidates have rested.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::{Candidate, Stamp};

/// What we saw of each file of a folder, in memory only: after a restart every file rests anew.
///
/// Rest is counted from our own first sight, on a monotonic clock: a copied file brings the times of
/// its original along and would look old while it is still growing.
#[derive(Debug)]
pub struct Settling {
    quiet: Duration,
    seen: HashMap<String, Sighting>,
}

#[derive(Debug)]
struct Sighting {
    stamp: Stamp,
    since: Instant,
    is_open: bool,
}

/// Whether a candidate may be taken now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It has rested.
    Ready,
    /// It is new or changed; it rests for so much longer.
    Resting(Duration),
    /// It is open in another program.
    Open,
}

impl Settling {
    /// Nothing seen yet. With a quiet time of zero every file is ready at first sight.
    pub fn new(quiet: Duration) -> Self {
        Self { quiet, seen: HashMap::new() }
    }

    /// Takes note of a whole listing and says of each candidate, in order, whether it is ready. What is
    /// no longer listed is forgotten, so give it no listing of a folder that was away.
    pub fn observe(&mut self, candidates: &[Candidate], now: Instant) -> Vec<Readiness> {
        let mut seen = HashMap::with_capacity(candidates.len());
        let readiness = candidates.iter().map(|candidate| {
            let sighting = self.sight(candidate, now);
            let readiness = self.judge(candidate, &sighting, now);
            seen.insert(candidate.name.clone(), sighting);
            readiness
        });
        let readiness = readiness.collect();
        self.seen = seen;
        readiness
    }

    /// Time until the first of the files seen has rested; none if none rests. One that is open waits for a person.
    pub fn next(&self, now: Instant) -> Option<Duration> {
        let left =
            |sighting: &Sighting| self.quiet.saturating_sub(now.saturating_duration_since(sighting.since));
        let resting = self.seen.values().filter(|sighting| !sighting.is_open);
        resting.map(left).filter(|left| !left.is_zero()).min()
    }

    /// The rest goes on while nothing differs; an open file has not begun to rest.
    fn sight(&self, candidate: &Candidate, now: Instant) -> Sighting {
        let before = self.seen.get(&candidate.name);
        let same = before.filter(|before| before.stamp == candidate.stamp && !candidate.is_open);
        let since = same.map_or(now, |same| same.since);
        Sighting { stamp: candidate.stamp, since, is_open: candidate.is_open }
    }

    fn judge(&self, candidate: &Candidate, sighting: &Sighting, now: Instant) -> Readiness {
        let rested = now.saturating_duration_since(sighting.since);
        if candidate.is_open {
            Readiness::Open
        } else if rested >= self.quiet {
            Readiness::Ready
        } else {
            Readiness::Resting(self.quiet.saturating_sub(rested))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::FileId;
    use super::*;

    const QUIET: Duration = Duration::from_secs(10);

    fn candidate(size: u64, mtime_ns: i64, inode: u64, is_open: bool) -> Candidate {
        let stamp = Stamp { size, mtime_ns, file: FileId { device: 1, number: inode } };
        Candidate { name: "a.csv".to_owned(), stamp, is_open, ours: None }
    }

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn a_file_is_ready_after_resting_from_first_sight() {
        let (start, mut settling) = (Instant::now(), Settling::new(QUIET));
        let old = [candidate(1, 0, 1, false)];
        assert_eq!(settling.observe(&old, start), [Readiness::Resting(QUIET)], "however old its date");
        assert_eq!(settling.observe(&old, at(start, 9)), [Readiness::Resting(Duration::from_secs(1))]);
        assert_eq!(settling.next(at(start, 9)), Some(Duration::from_secs(1)));
        assert_eq!(settling.observe(&old, at(start, 10)), [Readiness::Ready]);
        assert_eq!(settling.next(at(start, 10)), None);
    }

    #[test]
    fn any_difference_starts_the_rest_again() {
        let first = candidate(1, 5, 1, false);
        let others = [candidate(2, 5, 1, false), candidate(1, 4, 1, false), candidate(1, 5, 2, false)];
        for other in others {
            let (start, mut settling) = (Instant::now(), Settling::new(QUIET));
            settling.observe(std::slice::from_ref(&first), start);
            let readiness = settling.observe(&[other], at(start, 60));
            assert_eq!(readiness, [Readiness::Resting(QUIET)]);
        }
        let (start, mut settling) = (Instant::now(), Settling::new(QUIET));
        settling.observe(std::slice::from_ref(&first), start);
        settling.observe(&[], at(start, 5));
        let back = settling.observe(std::slice::from_ref(&first), at(start, 60));
        assert_eq!(back, [Readiness::Resting(QUIET)], "gone and back");
    }

    #[test]
    fn an_open_file_never_is_ready_and_rests_after_it_was_closed() {
        let (start, mut settling) = (Instant::now(), Settling::new(QUIET));
        settling.observe(&[candidate(1, 0, 1, true)], start);
        assert_eq!(settling.observe(&[candidate(1, 0, 1, true)], at(start, 99)), [Readiness::Open]);
        assert_eq!(settling.next(at(start, 99)), None, "no time ends it");
        let closed = settling.observe(&[candidate(1, 0, 1, false)], at(start, 100));
        let left = Duration::from_secs(9);
        assert_eq!(closed, [Readiness::Resting(left)], "counted from when it last was open");
    }

    #[test]
    fn without_a_quiet_time_a_file_is_ready_at_once() {
        let mut settling = Settling::new(Duration::ZERO);
        let files = [candidate(1, 0, 1, false), candidate(1, 0, 1, true)];
        assert_eq!(settling.observe(&files, Instant::now()), [Readiness::Ready, Readiness::Open]);
    }

    proptest! {
        #[test]
        fn nothing_is_ready_that_differed_within_the_quiet_time(sizes in prop::collection::vec(0..3_u64, 1..40)) {
            let (start, mut settling) = (Instant::now(), Settling::new(QUIET));
            for (second, size) in sizes.iter().enumerate() {
                let readiness = settling.observe(&[candidate(*size, 0, 1, false)], at(start, second as u64));
                let rested = sizes[..=second].iter().rev().take_while(|earlier| *earlier == size).count();
                prop_assert_eq!(readiness[0] == Readiness::Ready, rested > 10);
            }
        }
    }
}
