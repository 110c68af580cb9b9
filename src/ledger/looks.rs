//! Asking about single transactions by our number: the way out of an unknown outcome where a system has such a
//! query.
//!
//! "There" is proof at once. "Not there" is proof only when nothing can still be on its way: it counts from a quiet
//! time after the request on, must be said twice, as far apart by the system's own clock, and only by a query that
//! finds what surely is there. No time that passes proves anything by itself.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{ClaimItem, Error, RawAnswer};

/// What is put off waits a little longer: a system's clock tells no parts of a second.
pub(super) const MORE: Duration = Duration::from_secs(1);

/// How long what is "not there" proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// A request may last that long.
    pub timeout: Duration,
    /// After one that is answered at once.
    pub at_once: Duration,
    /// After one that is answered later.
    pub later: Duration,
    /// Requests of more rows are answered later.
    pub above: usize,
}

impl Quiet {
    /// Of a request of so many rows, from its end on. One that was taken under a number is answered later.
    pub fn of(&self, rows: usize, taken: bool) -> TimeDelta {
        time(if taken || rows > self.above { self.later } else { self.at_once })
    }

    /// From the beginning of a request of so many rows until it may first be asked about.
    pub fn first(&self, rows: usize, taken: bool) -> TimeDelta {
        self.of(rows, taken) + time(self.timeout)
    }

    /// Between two questions about the same transaction at least that much time passes.
    pub fn shortest(&self) -> Duration {
        self.at_once.min(self.later) + MORE
    }

    /// Nothing waits longer.
    pub fn longest(&self) -> TimeDelta {
        time(self.timeout) + time(self.at_once.max(self.later) + MORE)
    }
}

fn time(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX / 4)
}

/// Whom to ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looking {
    /// This one.
    Now(Sought),
    /// Nobody before then.
    Later(DateTime<Utc>),
    /// Nobody.
    Nothing,
}

/// An unknown transaction that is due to be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    /// The batch it went out in.
    pub batch: i64,
    /// Rows of that batch.
    pub rows: usize,
    /// The transaction.
    pub item: ClaimItem,
}

/// A transaction of which it is known under which number the system has it: a query that does not find it is no
/// witness of what is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The batch it went out in.
    pub batch: i64,
    /// The transaction.
    pub item: ClaimItem,
    /// The system's number.
    pub id: String,
}

/// A question about one transaction, and its answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The batch it went out in.
    pub batch: i64,
    /// The transaction asked about.
    pub transaction: i64,
    /// When it was asked.
    pub began_at: DateTime<Utc>,
    /// The answer, if one came.
    pub answer: Option<RawAnswer>,
    /// What was seen, without secrets and cell values.
    pub seen: String,
}

/// What a question about a transaction came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is registered under that number.
    There(String),
    /// The system says that it is not there, at that moment of its own clock.
    Absent(DateTime<Utc>),
    /// Nothing is known.
    Unclear,
}

/// A moment by the calendar, for what is written down, and by the clock that only goes on, for what is due and for what
/// a time between two answers proves.
pub type Moment = (DateTime<Utc>, DateTime<Utc>);

/// When the system said that something is not there: by our clock that only goes on, by its own.
pub(crate) type Word = (DateTime<Utc>, DateTime<Utc>);

/// What a further "not there" comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// It was surely not received.
    Proven,
    /// It is the first that counts.
    First,
    /// It is too early to count as the second.
    Early,
}

/// Weighs a "not there" against the first one. A clock that went back makes the first worthless.
pub(crate) fn weigh(first: Option<Word>, again: Word, gap: TimeDelta) -> Absence {
    let Some(first) = first else { return Absence::First };
    let between = (again.0 - first.0).min(again.1 - first.1);
    if between < TimeDelta::zero() {
        return Absence::First;
    }
    if between < gap { Absence::Early } else { Absence::Proven }
}

/// The way out of an unknown outcome by questions.
pub trait Looks {
    /// The unknown transaction of a section that is due next, by the clock that only goes on. Whoever became unknown
    /// since is put down for it.
    fn look_due(&mut self, section: &str, quiet: Quiet, now: DateTime<Utc>) -> Result<Looking, Error>;
    /// A transaction of a section that the system itself said it has, so many before the newest.
    fn witness(&mut self, section: &str, before: u32) -> Result<Option<Witness>, Error>;
    /// Whether a batch was last sent after another one.
    fn sent_after(&mut self, batch: i64, other: i64) -> Result<bool, Error>;
    /// Keeps a question with its answer, before anything is concluded from it: one commit.
    fn looked(&mut self, look: &Look, now: DateTime<Utc>) -> Result<(), Error>;
    /// Concludes: one commit. What is there is accepted; what is proven not to be there was not received and is ready
    /// again under its number; else it stays unknown and is asked about again.
    fn conclude(
        &mut self,
        sought: &Sought,
        seen: &str,
        presence: &Presence,
        quiet: Quiet,
        at: Moment,
    ) -> Result<(), Error>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn not_there_is_proof_only_twice_and_far_enough_apart_by_both_clocks() {
        let gap = TimeDelta::minutes(30);
        let first = Some((at(0), at(5)));
        assert_eq!(weigh(None, (at(0), at(5)), gap), Absence::First);
        assert_eq!(weigh(first, (at(30), at(35)), gap), Absence::Proven);
        assert_eq!(weigh(first, (at(29), at(99)), gap), Absence::Early, "by ours");
        assert_eq!(weigh(first, (at(99), at(25)), gap), Absence::Early, "by theirs");
        assert_eq!(weigh(first, (at(-1), at(99)), gap), Absence::First, "ours went back");
        assert_eq!(weigh(first, (at(99), at(4)), gap), Absence::First, "theirs went back");
    }

    #[test]
    fn a_jump_of_our_calendar_alone_proves_nothing() {
        let first = Some((at(0), at(0)));
        let years = 60 * 24 * 3650;
        assert_eq!(weigh(first, (at(years), at(1)), TimeDelta::minutes(30)), Absence::Early);
    }

    #[test]
    fn what_is_answered_later_rests_longer() {
        let minutes = Duration::from_mins;
        let quiet = Quiet { timeout: minutes(2), at_once: minutes(30), later: minutes(1440), above: 250 };
        assert_eq!(quiet.first(250, false), TimeDelta::minutes(32));
        assert_eq!(quiet.first(251, false), TimeDelta::minutes(1442));
        assert_eq!(quiet.first(1, true), TimeDelta::minutes(1442));
        assert_eq!(quiet.longest(), TimeDelta::minutes(1442) + TimeDelta::seconds(1));
    }
}
