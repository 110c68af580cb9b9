//! The ledger's rules: which states files, batches, attempts, transactions and records may be in, what moves them,
//! and what becomes of rows that meet. No clock, no disk, no network, no SQL.
//!
//! Two layers. A noun's life ([`record`], [`transaction`], [`batch`], [`attempt`], [`file`]) is a table
//! `state × event → state`: total, and what it does not name is not lawful. What concerns several records at once
//! ([`place`], [`accept`], [`follow`], [`decide`], [`door`]) is written over a [`Store`] that only looks up and carries out;
//! each decision in it is one of [`fact`]'s or one move of a noun's table. `sqlite/` is one such store, the
//! simulation's is another: both obey the same functions.

pub(crate) mod accept;
pub mod attempt;
pub mod batch;
pub(crate) mod decide;
pub(crate) mod door;
pub mod fact;
pub mod file;
pub(crate) mod follow;
pub(crate) mod place;
pub mod record;
pub(crate) mod store;
pub mod transaction;

use std::fmt::Debug;

pub use attempt::{AttemptEvent, AttemptState};
pub use batch::{BatchEvent, BatchState};
pub use fact::{Judgement, Met, Way, judge};
pub use file::{FileEvent, FileState};
pub use record::{RecordEvent, RecordState};
pub(crate) use store::{Known, Store};
pub use transaction::{TransactionEvent, TransactionState};

use super::Error;

/// A noun whose states and moves are a table.
pub trait Life: Copy + Eq + Debug + 'static {
    /// What can happen to it.
    type Event: Copy + Debug + 'static;
    /// Its table in the ledger.
    const TABLE: &'static str;
    /// Every state.
    const STATES: &'static [Self];
    /// Everything that can happen.
    const EVENTS: &'static [Self::Event];

    /// The word in the ledger.
    fn word(self) -> &'static str;

    /// Where an event leads; none where it must not happen in this state.
    fn step(self, event: Self::Event) -> Option<Self>;

    /// Where an event leads.
    ///
    /// # Errors
    /// When it must not happen in this state: a mistake of ours, and nothing is written.
    fn after(self, event: Self::Event) -> Result<Self, Error> {
        self.step(event).ok_or_else(|| Error::Unlawful {
            table: Self::TABLE,
            from: self.word(),
            event: format!("{event:?}"),
        })
    }

    /// The state of a word in the ledger.
    fn from_word(word: &str) -> Option<Self> {
        Self::STATES.iter().copied().find(|state| state.word() == word)
    }

    /// The states in which an event may happen.
    fn sources(event: Self::Event) -> impl Iterator<Item = Self> {
        Self::STATES.iter().copied().filter(move |state| state.step(event).is_some())
    }
}

/// Every lawful move from one state into another one.
pub fn moves<L: Life>() -> Vec<(L, L)> {
    let mut moves = Vec::new();
    for from in L::STATES.iter().copied() {
        for to in L::EVENTS.iter().filter_map(|event| from.step(*event)) {
            if from != to && !moves.contains(&(from, to)) {
                moves.push((from, to));
            }
        }
    }
    moves
}

/// Every pair of states of which the first leads to the second, in however many moves.
pub fn reaches<L: Life>() -> Vec<(L, L)> {
    let mut reaches = moves::<L>();
    loop {
        let further = |(from, over): &(L, L)| {
            let onward = moves::<L>().into_iter().filter(|(at, _)| at == over);
            onward.map(|(_, to)| (*from, to)).collect::<Vec<_>>()
        };
        let fresh = reaches.iter().flat_map(further).find(|pair| !reaches.contains(pair));
        let Some(fresh) = fresh else { return reaches };
        reaches.push(fresh);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words tell states apart, every state but those a life begins with is reached, and every event happens.
    fn is_a_life<L: Life>(begins: &[L]) {
        for state in L::STATES.iter().copied() {
            assert_eq!(L::from_word(state.word()), Some(state));
            let reached = moves::<L>().iter().any(|(_, to)| *to == state);
            assert!(reached || begins.contains(&state), "nothing leads to {state:?}");
        }
        for event in L::EVENTS {
            assert!(L::sources(*event).next().is_some(), "{event:?} never happens");
        }
    }

    #[test]
    fn every_noun_has_a_life() {
        is_a_life(&[RecordState::Ready, RecordState::Refused, RecordState::Ignored, RecordState::Held]);
        is_a_life(&[TransactionState::Sending]);
        is_a_life(&[BatchState::Sending]);
        is_a_life(&[AttemptState::Sending]);
        is_a_life(&[FileState::Received]);
    }

    #[test]
    fn moves_lead_on_and_none_leads_from_an_end() {
        let reaches = reaches::<RecordState>();
        assert!(reaches.contains(&(RecordState::Ready, RecordState::Accepted)));
        assert!(reaches.iter().all(|(from, _)| *from != RecordState::Accepted));
    }

    #[test]
    fn what_must_not_happen_says_so() {
        let wrong = RecordState::Unknown.after(RecordEvent::Claimed).unwrap_err().to_string();
        assert!(
            wrong.contains("records") && wrong.contains("unknown") && wrong.contains("Claimed"),
            "{wrong}"
        );
    }
}
