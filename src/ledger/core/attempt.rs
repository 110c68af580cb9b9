//! The life of an attempt: one request, from the intent to send it to what came of it.

use super::Life;

/// Where an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptState {
    /// The intent is on disk; what became of it is not.
    Sending,
    /// The raw answer is on disk; what it means is not.
    Answered,
    /// What the answer means is on disk.
    Applied,
    /// The first byte never went out, or the system said that it took nothing.
    NotSent,
    /// No answer proves anything.
    Unknown,
}

/// What can happen to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptEvent {
    /// An answer is kept as it came. Also late, or to a question about what was applied already.
    Kept,
    /// What the answer means is written, also where that is nothing new.
    Applied,
    /// It surely was not received.
    NotSent,
    /// Nothing is proven.
    Lost,
}

use AttemptEvent as On;
use AttemptState::{Answered, Applied, NotSent, Sending, Unknown};

impl Life for AttemptState {
    type Event = AttemptEvent;
    const TABLE: &'static str = "attempts";
    const STATES: &'static [Self] = &[Sending, Answered, Applied, NotSent, Unknown];
    const EVENTS: &'static [AttemptEvent] = &[On::Kept, On::Applied, On::NotSent, On::Lost];

    fn word(self) -> &'static str {
        match self {
            Sending => "sending",
            Answered => "answered",
            Applied => "applied",
            NotSent => "not_sent",
            Unknown => "unknown",
        }
    }

    fn step(self, event: AttemptEvent) -> Option<Self> {
        let lawful = match event {
            On::Kept | On::Applied => self != NotSent,
            On::NotSent => self.is_open(),
            On::Lost => self.is_open() || self == Unknown,
        };
        lawful.then_some(event.leads_to())
    }
}

impl AttemptEvent {
    /// The state an event leads to, wherever it may happen.
    pub fn leads_to(self) -> AttemptState {
        match self {
            On::Kept => Answered,
            On::Applied => Applied,
            On::NotSent => NotSent,
            On::Lost => Unknown,
        }
    }
}

impl AttemptState {
    /// After an answer was read that says nothing new: it need not be read again. None where no answer is kept.
    pub fn after_nothing_new(self) -> Option<Self> {
        self.step(On::Applied).filter(|_| self == Answered)
    }

    /// Whether what became of it is still to be written.
    pub fn is_open(self) -> bool {
        matches!(self, Sending | Answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_not_called_unsent_later() {
        assert_eq!(Unknown.step(On::NotSent), None);
        assert_eq!(Applied.step(On::NotSent), None);
    }

    #[test]
    fn an_attempt_that_did_not_go_out_is_over() {
        assert!(AttemptState::EVENTS.iter().all(|on| NotSent.step(*on).is_none()));
    }
}
