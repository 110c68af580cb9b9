//! States of a record and the lawful moves between them. Pure: no clock, no disk, no SQL.

use crate::model::Status;

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

impl RecordState {
    const ALL: [(Self, &'static str, Status); 12] = [
        (Self::Ready, "ready", Status::Waiting),
        (Self::Sending, "sending", Status::Waiting),
        (Self::Pending, "pending", Status::Waiting),
        (Self::Unknown, "unknown", Status::Unknown),
        (Self::Accepted, "accepted", Status::Accepted),
        (Self::Rejected, "rejected", Status::Refused),
        (Self::Refused, "refused", Status::Refused),
        (Self::Held, "held", Status::Held),
        (Self::Behind, "behind", Status::Waiting),
        (Self::Duplicate, "duplicate", Status::Duplicate),
        (Self::Reversed, "reversed", Status::Reversed),
        (Self::Ignored, "ignored", Status::Ignored),
    ];

    /// The word in the ledger.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(state, ..)| *state == self).map_or("", |(_, word, _)| word)
    }

    /// The state of a word in the ledger.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name, _)| *name == word).map(|(state, ..)| *state)
    }

    /// What a report says of it.
    pub fn status(self) -> Status {
        Self::ALL.iter().find(|(state, ..)| *state == self).map_or(Status::Unknown, |(.., status)| *status)
    }

    /// Whether it may still turn out to be registered without anybody deciding anew.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Ready | Self::Sending | Self::Pending | Self::Unknown | Self::Behind)
    }

    /// Whether a newer row of its fact takes its place.
    pub fn gives_way(self) -> bool {
        matches!(self, Self::Rejected | Self::Refused | Self::Held)
    }
}

/// How a newer row came to meet an earlier record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Same key of the mapping.
    Key,
    /// No key in the mapping: all members that identify, and their count in the file, are the same. The file is
    /// the same content, or a file of the same name that holds every fact of the former.
    WeakAgain,
    /// The same, but the earlier one came in any other file.
    WeakElsewhere,
    /// The row names the earlier one (`rx_ref`).
    Named,
    /// The same row of the same content.
    SameContent,
}

impl Way {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Key, "key"),
        (Self::WeakAgain, "weak-again"),
        (Self::WeakElsewhere, "weak-elsewhere"),
        (Self::Named, "named"),
        (Self::SameContent, "same-content"),
    ];

    /// The word in the ledger.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(way, _)| *way == self).map_or("", |(_, word)| word)
    }

    /// The way of a word in the ledger.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == word).map(|(way, _)| *way)
    }
}

/// What a newer row met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met {
    /// How it met it.
    pub way: Way,
    /// State of the earlier record.
    pub state: RecordState,
    /// Whether the earlier record stands in the same file.
    pub same_file: bool,
    /// Whether the members agree (less those the mapping ignores and our number).
    pub same_members: bool,
}

/// What is to be done with a newer row that met an earlier record of its fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It takes the earlier one's place.
    TakesPlace,
    /// A transaction of its own beside the reversed one.
    Anew,
    /// The fact was accepted before.
    Duplicate,
    /// It differs from what was accepted: a person decides.
    Change,
    /// It waits until the earlier one is answered.
    Behind,
    /// The same fact was registered and cancelled: nothing is sent until released.
    Reversed,
    /// An equal row of another file, and nothing tells whether it is the same delivery: a person decides.
    PossibleDouble,
    /// The key stands twice in one file: a person decides, about both.
    TwiceInFile,
    /// A person said it is not to be reported, and it has not changed since.
    Ignored,
}

/// Judges a valid newer row against the live record of its fact (contract: "Facts", "The same content again").
pub fn judge(met: &Met) -> Judgement {
    let keeps = met.same_members || met.way == Way::SameContent;
    match met.state {
        state if met.same_file && state != RecordState::Accepted => Judgement::TwiceInFile,
        state if state.gives_way() => Judgement::TakesPlace,
        RecordState::Ignored if keeps => Judgement::Ignored,
        RecordState::Ignored => Judgement::TakesPlace,
        _ if met.way == Way::WeakElsewhere => Judgement::PossibleDouble,
        RecordState::Accepted | RecordState::Duplicate if keeps => Judgement::Duplicate,
        RecordState::Accepted | RecordState::Duplicate => Judgement::Change,
        RecordState::Reversed if keeps => Judgement::Reversed,
        RecordState::Reversed => Judgement::Anew,
        _ => Judgement::Behind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(way: Way, state: RecordState, same_members: bool) -> Met {
        Met { way, state, same_file: false, same_members }
    }

    #[test]
    fn words_are_their_own_inverse() {
        for (state, word, _) in RecordState::ALL {
            assert_eq!(RecordState::from_word(word), Some(state));
            assert_eq!(state.word(), word);
        }
        for (way, word) in Way::ALL {
            assert_eq!(Way::from_word(word), Some(way));
        }
    }

    #[test]
    fn an_open_record_is_never_overtaken() {
        for (state, ..) in RecordState::ALL {
            for way in [Way::Key, Way::WeakAgain, Way::Named, Way::SameContent] {
                for same in [true, false] {
                    let verdict = judge(&met(way, state, same));
                    if state.is_open() {
                        assert_eq!(verdict, Judgement::Behind, "{state:?} {way:?}");
                    }
                    let sends = matches!(verdict, Judgement::TakesPlace | Judgement::Anew);
                    if matches!(state, RecordState::Accepted | RecordState::Duplicate) {
                        assert!(!sends, "{state:?} {way:?} must not be sent twice");
                    }
                }
            }
        }
    }

    #[test]
    fn accepted_facts_are_duplicates_or_changes() {
        assert_eq!(judge(&met(Way::Key, RecordState::Accepted, true)), Judgement::Duplicate);
        assert_eq!(judge(&met(Way::Key, RecordState::Accepted, false)), Judgement::Change);
        assert_eq!(judge(&met(Way::SameContent, RecordState::Accepted, false)), Judgement::Duplicate);
    }

    #[test]
    fn equal_rows_of_other_files_are_asked_about() {
        for state in [RecordState::Accepted, RecordState::Ready, RecordState::Unknown] {
            assert_eq!(judge(&met(Way::WeakElsewhere, state, true)), Judgement::PossibleDouble);
        }
        assert_eq!(judge(&met(Way::WeakElsewhere, RecordState::Rejected, true)), Judgement::TakesPlace);
    }

    #[test]
    fn a_key_twice_in_one_file_is_a_question_unless_it_was_accepted() {
        let twice = |state| judge(&Met { way: Way::Key, state, same_file: true, same_members: true });
        assert_eq!(twice(RecordState::Ready), Judgement::TwiceInFile);
        assert_eq!(twice(RecordState::Held), Judgement::TwiceInFile);
    }
}
