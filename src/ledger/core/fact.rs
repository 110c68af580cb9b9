//! What a newer row is when it meets an earlier record of its fact.

use super::record::RecordState;
use crate::ledger::{Own, codes};
use crate::model::CodeInfo;

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
    /// An earlier form of the row that it names, or of what that one repeats, was reported under another key.
    Movement,
}

impl Way {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Key, "key"),
        (Self::WeakAgain, "weak-again"),
        (Self::WeakElsewhere, "weak-elsewhere"),
        (Self::Named, "named"),
        (Self::SameContent, "same-content"),
        (Self::Movement, "movement"),
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// What it repairs was reported under another key: a person decides.
    ReportedBefore,
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
        RecordState::Accepted | RecordState::Duplicate if met.way == Way::Movement => {
            Judgement::ReportedBefore
        }
        RecordState::Accepted | RecordState::Duplicate if keeps => Judgement::Duplicate,
        RecordState::Accepted | RecordState::Duplicate => Judgement::Change,
        RecordState::Reversed if keeps => Judgement::Reversed,
        RecordState::Reversed => Judgement::Anew,
        _ => Judgement::Behind,
    }
}

/// What a verdict means for a row by what validation left of it. None: it stands as it is, without becoming the
/// fact's live row.
pub fn judge_own(own: Own, met: &Met) -> Option<Judgement> {
    let verdict = judge(met);
    match own {
        Own::Ready => Some(verdict),
        Own::BeforeStart => {
            let again = met.way == Way::SameContent && verdict == Judgement::TakesPlace;
            Some(verdict).filter(|verdict| again || *verdict == Judgement::Duplicate)
        }
        Own::Refused if met.way == Way::SameContent => Some(verdict),
        Own::Refused => Some(verdict).filter(|verdict| *verdict == Judgement::TakesPlace),
    }
}

/// The code of a verdict that stops a row.
pub fn stopped_by(verdict: Judgement) -> &'static CodeInfo {
    match verdict {
        Judgement::Duplicate => &codes::DUPLICATE,
        Judgement::Change => &codes::CHANGE,
        Judgement::Reversed => &codes::REVERSED,
        Judgement::PossibleDouble => &codes::DOUBLE,
        Judgement::TwiceInFile => &codes::TWICE,
        Judgement::ReportedBefore => &codes::REPORTED_BEFORE,
        Judgement::Ignored => &codes::DROPPED,
        Judgement::Behind | Judgement::TakesPlace | Judgement::Anew => &codes::BEHIND,
    }
}

/// The code of two rows of one file that can't both be meant: of one key, or repairing one row.
pub(super) fn twice(one_key: bool) -> &'static CodeInfo {
    if one_key { &codes::TWICE } else { &codes::REPAIRED_TWICE }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::core::Life as _;

    fn met(way: Way, state: RecordState, same_members: bool) -> Met {
        Met { way, state, same_file: false, same_members }
    }

    #[test]
    fn ways_are_found_by_their_words() {
        for (way, word) in Way::ALL {
            assert_eq!(Way::from_word(word), Some(way));
        }
    }

    #[test]
    fn an_open_record_is_never_overtaken() {
        for state in RecordState::STATES.iter().copied() {
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
