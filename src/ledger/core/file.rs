//! The life of a file: one receipt of it, from the copy in the spool to its rows' acting.

use serde::{Deserialize, Serialize};

use super::Life;

/// Where a file stands in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileState {
    /// Copied to the spool, not yet read (or to be read again: no mapping fitted).
    Received,
    /// Its rows are being staged; nothing of it may act.
    Staging,
    /// Its rows act.
    Taken,
    /// It can't be read; the file's issue says why.
    Unreadable,
    /// It waits for a person as a whole; the file's issue says for what.
    Held,
    /// Withdrawn before it was taken: the file is gone or was replaced.
    Withdrawn,
    /// A second reading of a file whose rows went into the first (`retry`).
    Merged,
}

/// What can happen to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileEvent {
    /// Its rows begin to be staged; what an earlier staging left is dropped.
    Planned,
    /// Another staging began, or the process ended: what was staged is dropped.
    Interrupted,
    /// Its rows act from here on.
    Accepted,
    /// Its rows went into the file that was read again.
    Merged,
    /// It can't be read.
    Unreadable,
    /// It waits for a person as a whole.
    SetAside,
    /// No mapping fits it: it is read again once one does.
    Unfit,
    /// A person answered what it asked.
    Answered,
    /// It is gone, or a newer one of its name came.
    Withdrawn,
}

use FileEvent as On;
use FileState::{Held, Merged, Received, Staging, Taken, Unreadable, Withdrawn};

impl Life for FileState {
    type Event = FileEvent;
    const TABLE: &'static str = "intakes";
    const STATES: &'static [Self] = &[Received, Staging, Taken, Unreadable, Held, Withdrawn, Merged];
    const EVENTS: &'static [FileEvent] = &[
        On::Planned,
        On::Interrupted,
        On::Accepted,
        On::Merged,
        On::Unreadable,
        On::SetAside,
        On::Unfit,
        On::Answered,
        On::Withdrawn,
    ];

    fn word(self) -> &'static str {
        match self {
            Received => "received",
            Staging => "staging",
            Taken => "taken",
            Unreadable => "unreadable",
            Held => "held",
            Withdrawn => "withdrawn",
            Merged => "merged",
        }
    }

    fn step(self, event: FileEvent) -> Option<Self> {
        let lawful = match event {
            On::Interrupted | On::Accepted | On::Merged => self == Staging,
            On::Answered => self == Held,
            On::Planned | On::Unreadable | On::SetAside | On::Unfit | On::Withdrawn => !self.is_over(),
        };
        lawful.then_some(event.leads_to())
    }
}

impl FileEvent {
    /// The state an event leads to, wherever it may happen.
    pub fn leads_to(self) -> FileState {
        match self {
            On::Planned => Staging,
            On::Interrupted | On::Unfit | On::Answered => Received,
            On::Accepted => Taken,
            On::Merged => Merged,
            On::Unreadable => Unreadable,
            On::SetAside => Held,
            On::Withdrawn => Withdrawn,
        }
    }
}

impl FileState {
    /// Whether its rows act already, or never will: then nothing of it is staged or set aside any more.
    pub fn is_over(self) -> bool {
        matches!(self, Taken | Merged | Withdrawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_act_only_after_they_were_staged() {
        assert_eq!(FileState::sources(On::Accepted).collect::<Vec<_>>(), [Staging]);
    }

    #[test]
    fn what_is_over_stays_so() {
        for state in [Taken, Merged, Withdrawn] {
            assert!(FileState::EVENTS.iter().all(|on| state.step(*on).is_none()), "{state:?}");
        }
    }
}
