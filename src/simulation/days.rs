//! Days: those of the rows, the last ones to send, a calendar that the server contradicts, a system that is away for
//! days, and a mapping that is read otherwise from some day on.

use chrono::{DateTime, Days as Count, NaiveDate, TimeDelta, Utc};

use super::book::Book;
use super::life::Life;
use super::memory::{Memory, index};
use super::random::Random;
use crate::destinations::Late;
use crate::ledger::core::RecordState;

/// Lives of a hundred in which days count.
const LIVES: usize = 40;
/// Most days that one may take to send a row.
const WINDOW: usize = 8;
/// Longest time that the system is away.
const AWAY: TimeDelta = TimeDelta::days(12);

/// What the days of a life are.
#[derive(Debug)]
pub(super) struct Days {
    /// Apart from the life's own stream: one without days is what it would be without this.
    random: Random,
    some: bool,
    pub(super) late: Late,
    /// Files from this one on are read by a mapping that finds its columns otherwise.
    other_layout: usize,
}

/// The days of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dated {
    pub(super) day: Option<NaiveDate>,
    pub(super) until: Option<NaiveDate>,
}

impl Days {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::seeded(seed ^ 0xda75);
        let some = random.percent(LIVES);
        let late = *random.pick(&[Late::Hold, Late::Hold, Late::Refuse, Late::Send]);
        let other_layout = if some && random.percent(30) { 1 + random.below(4) } else { usize::MAX };
        Self { random, some, late, other_layout }
    }

    /// When the system is away.
    pub(super) fn away(&mut self, begun: DateTime<Utc>) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        if !self.some || !self.random.percent(30) {
            return None;
        }
        let from = begun + TimeDelta::hours(self.random.within(0, 48));
        Some((from, from + TimeDelta::hours(self.random.within(1, AWAY.num_hours()))))
    }

    /// The days of a delivery that somebody wrote down today, or in the days before.
    pub(super) fn of_row(&mut self, today: NaiveDate) -> Dated {
        if !self.some || self.random.percent(10) {
            return Dated { day: None, until: None };
        }
        let day = today - Count::new(self.random.below(3) as u64);
        let until = day + Count::new(self.random.below(WINDOW) as u64);
        Dated { day: Some(day), until: self.random.percent(80).then_some(until) }
    }

    pub(super) fn layout(&self, files: usize) -> String {
        if files > self.other_layout { "other".to_owned() } else { String::new() }
    }

    /// Whether the server told its time since this process began.
    fn is_heard(&mut self) -> bool {
        !self.some || self.random.percent(80)
    }
}

impl<B: Book> Life<'_, B> {
    /// The day by which deadlines are judged: ours, or the server's where the two are more than a day apart.
    pub(super) fn deadline_day(&mut self) -> NaiveDate {
        let apart = (self.now - self.time).abs() > TimeDelta::days(1);
        if apart && self.drawer.days.is_heard() { self.time.date_naive() } else { self.now.date_naive() }
    }
}

impl Memory {
    /// Whether a record may have been sent by somebody else.
    pub(super) fn is_in_doubt(&self, record: i64) -> bool {
        let day = self.rec(record).and_then(|rec| rec.day);
        self.doubts.is_some_and(|until| day.is_none_or(|day| day <= until))
    }

    /// Whether a row goes although its last day is over and nobody let it go.
    pub(super) fn is_too_late(&self, transaction: i64, today: NaiveDate) -> bool {
        let rec = self
            .rec(self.transactions[index(transaction)].record)
            .filter(|rec| rec.state == RecordState::Sending && !rec.released);
        rec.and_then(|rec| rec.until).is_some_and(|until| until < today)
    }
}
