//! Numbers that a mapping gives: as the ledger looks after them, and as programs count.

use super::broken::Bug;
use super::memory::{BASE, Memory, id, index};
use super::random::Random;
use crate::ledger::core::{Known, RecordState, Store as _, TransactionState};

/// Lives of a hundred in which a mapping gives numbers.
const LIVES: usize = 15;

/// The counter of somebody's program.
#[derive(Debug)]
pub(super) struct Numbers {
    /// Apart from the life's own stream: one without such numbers is what it would be without this.
    random: Random,
    some: bool,
    next: i64,
}

impl Numbers {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::seeded(seed ^ 0x0bad_c0de);
        let some = random.percent(LIVES);
        Self { random, some, next: 500 }
    }

    /// The number of a row that somebody wrote. Counters begin anew, and may run into ours.
    pub(super) fn of_row(&mut self) -> Option<String> {
        if !self.some || self.random.percent(20) {
            return None;
        }
        match self.random.below(40) {
            0 => self.next = 500,
            1 => return Some((BASE + super::FIRST_NUMBER + self.random.within(0, 9)).to_string()),
            _ => self.next += 1,
        }
        Some(self.next.to_string())
    }
}

impl Memory {
    /// Whether we gave a number ourselves.
    pub(super) fn is_ours(&self, number: &str) -> bool {
        let ours = |trn: &super::memory::Trn| {
            trn.number == number && self.rec(trn.record).is_some_and(|rec| rec.mapped.is_none())
        };
        self.transactions.iter().any(ours)
    }

    /// Others that stand with a mapped number.
    pub(super) fn of_mapped(&self, number: &str, but: i64) -> Vec<Known> {
        let stands = |(at, rec): (usize, &Option<super::memory::Rec>)| {
            let rec = rec.as_ref()?;
            let same = rec.mapped.as_deref() == Some(number) && id(at) != but;
            (same && rec.newer.is_none() && rec.state != RecordState::Refused).then_some(id(at))
        };
        let found = self.records.iter().enumerate().filter_map(stands);
        found.filter_map(|id| self.record(id).ok().flatten()).collect()
    }

    /// The next number of ours that no mapping gave.
    pub(super) fn free_number(&mut self) -> String {
        loop {
            let number = (BASE + self.next_number).to_string();
            if self.bug == Some(Bug::NumbersComeAgain) {
                return number;
            }
            self.next_number += 1;
            let mapped = |rec: &super::memory::Rec| rec.mapped.as_ref() == Some(&number);
            if !self.records.iter().flatten().any(mapped) {
                return number;
            }
        }
    }

    pub(super) fn is_missing(&self, transaction: Option<i64>) -> bool {
        transaction.is_some_and(|trn| self.transactions[index(trn)].state == TransactionState::NotReceived)
    }

    /// Whether a number was in a request with another row and was neither refused nor found missing.
    pub(super) fn was_in_a_request(&self, number: &str, own: Option<i64>) -> bool {
        let gone = [TransactionState::Refused, TransactionState::NotReceived];
        let others = self.transactions.iter().enumerate().filter(|(at, _)| Some(id(*at)) != own);
        others.map(|(_, trn)| trn).any(|trn| trn.number == number && !gone.contains(&trn.state))
    }
}
