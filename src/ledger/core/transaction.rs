//! The life of a transaction: one lifetime of one of our numbers.

use super::Life;
use crate::model::Outcome;

/// Where a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionState {
    /// In a request whose intent is on disk and whose outcome is not.
    Sending,
    /// Taken by the system, which has not answered for it yet.
    Pending,
    /// No proof of what became of it.
    Unknown,
    /// Registered by the system. The end.
    Accepted,
    /// Refused by the system. The end: its number is never used again.
    Refused,
    /// A person looked, and it was not there: the same number goes again.
    NotReceived,
}

/// What can happen to a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransactionEvent {
    /// It enters a request again, under its number.
    Claimed,
    /// The system registered it.
    Registered,
    /// The system refused it.
    Rejected,
    /// An answer came and does not say what became of it, or none came.
    Unsaid,
    /// The system took it and answers later.
    TakenIn,
    /// A person found the system's number of its batch.
    AskedAbout,
    /// It was surely not received: a person looked, or the system said so, twice.
    NotReceived,
    /// A list shows what was taken for not received.
    Contradicted,
}

use TransactionEvent as On;
use TransactionState::{Accepted, NotReceived, Pending, Refused, Sending, Unknown};

impl Life for TransactionState {
    type Event = TransactionEvent;
    const TABLE: &'static str = "transactions";
    const STATES: &'static [Self] = &[Sending, Pending, Unknown, Accepted, Refused, NotReceived];
    const EVENTS: &'static [TransactionEvent] = &[
        On::Claimed,
        On::Registered,
        On::Rejected,
        On::Unsaid,
        On::TakenIn,
        On::AskedAbout,
        On::NotReceived,
        On::Contradicted,
    ];

    fn word(self) -> &'static str {
        match self {
            Sending => "sending",
            Pending => "pending",
            Unknown => "unknown",
            Accepted => "accepted",
            Refused => "refused",
            NotReceived => "not_received",
        }
    }

    fn step(self, event: TransactionEvent) -> Option<Self> {
        let lawful = match event {
            On::Claimed | On::Contradicted => self == NotReceived,
            // An answer that names it is proof, whenever it comes: also after somebody did not find it.
            On::Registered | On::Rejected => !self.is_over(),
            // One that does not name it proves nothing against what a person saw.
            On::Unsaid => matches!(self, Sending | Pending | Unknown),
            On::TakenIn => matches!(self, Sending | Pending),
            On::AskedAbout | On::NotReceived => self == Unknown,
        };
        lawful.then_some(event.leads_to())
    }
}

impl TransactionEvent {
    /// What an outcome told by the system means for a transaction.
    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Accepted { .. } => Self::Registered,
            Outcome::Refused { .. } => Self::Rejected,
            Outcome::Unknown => Self::Unsaid,
        }
    }

    /// The state an event leads to, wherever it may happen.
    pub fn leads_to(self) -> TransactionState {
        match self {
            On::Claimed => Sending,
            On::Registered => Accepted,
            On::Rejected => Refused,
            On::Unsaid | On::Contradicted => Unknown,
            On::TakenIn | On::AskedAbout => Pending,
            On::NotReceived => NotReceived,
        }
    }
}

impl TransactionState {
    /// Whether the system has spoken for good.
    pub fn is_over(self) -> bool {
        matches!(self, Accepted | Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_word_is_final() {
        for state in [Accepted, Refused] {
            assert!(TransactionState::EVENTS.iter().all(|on| state.step(*on).is_none()), "{state:?}");
        }
    }

    #[test]
    fn a_number_goes_again_only_where_it_was_surely_not_received() {
        assert_eq!(TransactionState::sources(On::Claimed).collect::<Vec<_>>(), [NotReceived]);
        assert_eq!(TransactionState::sources(On::NotReceived).collect::<Vec<_>>(), [Unknown]);
        assert_eq!(NotReceived.step(On::Unsaid), None);
    }
}
