//! The life of a record: what a row of a file asks to be reported.

use super::Life;
use super::fact::Judgement;
use crate::model::{Outcome, Status};

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordState {
    /// Will enter a request when its intake is accepted.
    Ready,
    /// In a request whose intent is on disk and whose outcome is not.
    Sending,
    /// Taken by the system, which has not answered for it yet.
    Pending,
    /// No proof of what became of it. Never sent again by itself.
    Unknown,
    /// Registered by the system.
    Accepted,
    /// Refused by the system.
    Rejected,
    /// Refused by us.
    Refused,
    /// Waits for a person.
    Held,
    /// Waits for the outcome of an earlier record of its fact.
    Behind,
    /// Its fact was accepted before.
    Duplicate,
    /// Registered and later cancelled; or the same fact as one that was.
    Reversed,
    /// Not to be reported.
    Ignored,
}

/// What can happen to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordEvent {
    /// It met another record of its fact.
    Judged(Judgement),
    /// The record it was to replace gave way: it stands on its own.
    Freed,
    /// It is not fit to be sent: its number is another's, it is too large, its last day is over.
    Refused,
    /// A person must look at it first: a name that names nothing, a key twice, something to vouch for, its last day
    /// is over.
    SetAside,
    /// Another row of its document is not good.
    DocumentHeld,
    /// Another row of its document waits for an answer.
    DocumentWaits,
    /// All other rows of its document are good now.
    DocumentFreed,
    /// It enters a request; the intent is written.
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
    /// A person lets it go.
    Released,
    /// A person says that it is not to be reported.
    Dropped,
    /// A rule of the mapping says now that it is not to be reported.
    RuledOut,
}

use RecordEvent as On;
use RecordState::{
    Accepted, Behind, Duplicate, Held, Ignored, Pending, Ready, Refused, Rejected, Reversed, Sending, Unknown,
};

impl Life for RecordState {
    type Event = RecordEvent;
    const TABLE: &'static str = "records";
    const STATES: &'static [Self] = &[
        Ready, Sending, Pending, Unknown, Accepted, Rejected, Refused, Held, Behind, Duplicate, Reversed,
        Ignored,
    ];
    const EVENTS: &'static [RecordEvent] = &[
        On::Judged(Judgement::TakesPlace),
        On::Judged(Judgement::Anew),
        On::Judged(Judgement::Duplicate),
        On::Judged(Judgement::Change),
        On::Judged(Judgement::Behind),
        On::Judged(Judgement::Reversed),
        On::Judged(Judgement::PossibleDouble),
        On::Judged(Judgement::TwiceInFile),
        On::Judged(Judgement::ReportedBefore),
        On::Judged(Judgement::Ignored),
        On::Freed,
        On::Refused,
        On::SetAside,
        On::DocumentHeld,
        On::DocumentWaits,
        On::DocumentFreed,
        On::Claimed,
        On::Registered,
        On::Rejected,
        On::Unsaid,
        On::TakenIn,
        On::AskedAbout,
        On::NotReceived,
        On::Contradicted,
        On::Released,
        On::Dropped,
        On::RuledOut,
    ];

    fn word(self) -> &'static str {
        match self {
            Ready => "ready",
            Sending => "sending",
            Pending => "pending",
            Unknown => "unknown",
            Accepted => "accepted",
            Rejected => "rejected",
            Refused => "refused",
            Held => "held",
            Behind => "behind",
            Duplicate => "duplicate",
            Reversed => "reversed",
            Ignored => "ignored",
        }
    }

    fn step(self, event: RecordEvent) -> Option<Self> {
        let lawful = match event {
            // What was ever in a request is judged no more: its outcome is what others are judged by.
            On::Judged(_) | On::Refused | On::SetAside => self.is_idle(),
            On::Freed => matches!(self, Ready | Behind | Duplicate | Reversed | Ignored | Held),
            On::DocumentHeld | On::DocumentWaits => matches!(self, Ready | Held | Behind),
            On::DocumentFreed => matches!(self, Held | Behind),
            On::Dropped => self == Held,
            On::Claimed => self == Ready,
            On::Registered | On::Rejected => matches!(self, Sending | Pending | Unknown | Ready),
            On::Unsaid => matches!(self, Sending | Pending | Unknown),
            On::TakenIn => matches!(self, Sending | Pending),
            On::AskedAbout | On::NotReceived => self == Unknown,
            On::Contradicted => matches!(self, Ready | Held | Behind | Duplicate | Ignored),
            On::Released => matches!(self, Held | Reversed),
            On::RuledOut => self.gives_way(),
        };
        lawful.then(|| event.leads_to())
    }
}

impl RecordEvent {
    /// What an outcome told by the system means for a record.
    pub fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Accepted { .. } => Self::Registered,
            Outcome::Refused { .. } => Self::Rejected,
            Outcome::Unknown => Self::Unsaid,
        }
    }

    /// The state an event leads to, wherever it may happen.
    pub fn leads_to(self) -> RecordState {
        match self {
            On::Judged(Judgement::Duplicate) => Duplicate,
            On::Judged(Judgement::Reversed) => Reversed,
            On::Judged(Judgement::Ignored) | On::Dropped | On::RuledOut => Ignored,
            On::Judged(
                Judgement::Change
                | Judgement::PossibleDouble
                | Judgement::TwiceInFile
                | Judgement::ReportedBefore,
            )
            | On::SetAside
            | On::DocumentHeld => Held,
            On::Judged(Judgement::Behind | Judgement::TakesPlace | Judgement::Anew) | On::DocumentWaits => {
                Behind
            }
            On::Freed | On::DocumentFreed | On::NotReceived | On::Released => Ready,
            On::Refused => Refused,
            On::Claimed => Sending,
            On::Registered => Accepted,
            On::Rejected => Rejected,
            On::Unsaid | On::Contradicted => Unknown,
            On::TakenIn | On::AskedAbout => Pending,
        }
    }
}

impl RecordState {
    /// What a report says of it.
    pub fn status(self) -> Status {
        match self {
            Ready | Sending | Pending | Behind => Status::Waiting,
            Unknown => Status::Unknown,
            Accepted => Status::Accepted,
            Rejected | Refused => Status::Refused,
            Held => Status::Held,
            Duplicate => Status::Duplicate,
            Reversed => Status::Reversed,
            Ignored => Status::Ignored,
        }
    }

    /// Whether it may still turn out to be registered without anybody deciding anew.
    pub fn is_open(self) -> bool {
        matches!(self, Ready | Sending | Pending | Unknown | Behind)
    }

    /// Whether the system has it by whatever hand, may have it, or is about to.
    pub fn may_be_reported(self) -> bool {
        matches!(self, Ready | Sending | Pending | Unknown | Accepted | Duplicate)
    }

    /// Whether a newer row of its fact takes its place.
    pub fn gives_way(self) -> bool {
        matches!(self, Rejected | Refused | Held)
    }

    /// Whether the system has it, refused it, or may have it.
    pub fn was_taken(self) -> bool {
        matches!(self, Sending | Pending | Unknown | Accepted | Rejected)
    }

    /// Whether it is in no request and was not answered for by the system.
    fn is_idle(self) -> bool {
        matches!(self, Ready | Refused | Held | Behind | Duplicate | Reversed | Ignored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_from_unknown_to_ready_but_a_persons_word() {
        let back: Vec<_> =
            RecordState::EVENTS.iter().filter(|on| Unknown.step(**on) == Some(Ready)).collect();
        assert_eq!(back, [&RecordEvent::NotReceived]);
        for state in [Sending, Pending] {
            assert!(RecordState::EVENTS.iter().all(|on| state.step(*on) != Some(Ready)), "{state:?}");
        }
    }

    #[test]
    fn what_is_registered_or_refused_by_the_system_stays_so() {
        assert!(RecordState::EVENTS.iter().all(|on| Accepted.step(*on).is_none()));
        let after: Vec<_> = RecordState::EVENTS.iter().filter_map(|on| Rejected.step(*on)).collect();
        assert_eq!(
            after,
            [Ignored],
            "only a rule of the mapping sets it aside; a newer row stands in its place"
        );
    }

    #[test]
    fn only_what_is_ready_enters_a_request() {
        assert_eq!(RecordState::sources(RecordEvent::Claimed).collect::<Vec<_>>(), [Ready]);
        for state in RecordState::STATES {
            let sent = RecordState::EVENTS.iter().any(|on| state.step(*on) == Some(Sending));
            assert_eq!(sent, *state == Ready, "{state:?}");
        }
    }

    #[test]
    fn what_is_in_a_request_is_moved_by_answers_alone() {
        for state in [Sending, Pending] {
            for on in RecordState::EVENTS {
                let answer = matches!(on, On::Registered | On::Rejected | On::Unsaid | On::TakenIn);
                assert_eq!(state.step(*on).is_some(), answer, "{state:?} {on:?}");
            }
        }
    }
}
