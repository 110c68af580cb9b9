//! Texts of cells and what they stand for: first exactly, then without case, blanks and look-alikes.

use std::collections::HashMap;

use compact_str::CompactString;
use foldhash::fast::RandomState;

use crate::model::names;

/// Texts and what they stand for. Two texts that fold to one but stand for different things are known
/// only exactly as written.
#[derive(Debug, Clone)]
pub(super) struct Wording<V> {
    exact: HashMap<CompactString, V, RandomState>,
    /// Only texts whose folded form differs; none where two of them disagree.
    folded: HashMap<CompactString, Option<V>, RandomState>,
}

impl<V: Clone + PartialEq> Wording<V> {
    pub(super) fn new() -> Self {
        Self { exact: HashMap::default(), folded: HashMap::default() }
    }

    /// Adds a text; gives back what it already stood for, if that is something else.
    pub(super) fn insert(&mut self, text: &str, value: V) -> Option<V> {
        if let Some(former) = self.exact.get(text) {
            return (*former != value).then(|| former.clone());
        }
        let folded = names::fold(text);
        if folded != text {
            let agreed = self.folded.entry(folded.into()).or_insert_with(|| Some(value.clone()));
            if agreed.as_ref() != Some(&value) {
                *agreed = None;
            }
        }
        self.exact.insert(text.into(), value);
        None
    }

    /// What a text stands for.
    pub(super) fn find(&self, text: &str) -> Option<&V> {
        self.exact.get(text).or_else(|| self.find_folded(&names::fold(text)))
    }

    /// The texts as they were added, in no order, and what they stand for.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &V)> {
        self.exact.iter().map(|(text, value)| (text.as_str(), value))
    }

    fn find_folded(&self, folded: &str) -> Option<&V> {
        match (self.exact.get(folded), self.folded.get(folded)) {
            (Some(exact), Some(other)) => other.as_ref().filter(|other| *other == exact),
            (exact, other) => exact.or(other.and_then(Option::as_ref)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_first_then_folded_and_never_a_guess() {
        let mut wording = Wording::new();
        assert_eq!(wording.insert("Брак", 25), None);
        assert_eq!(wording.insert("A1", 1), None, "Latin");
        assert_eq!(wording.insert("А1", 2), None, "Cyrillic");
        assert_eq!(wording.insert("Брак", 26), Some(25));
        assert_eq!(wording.find(" бРAк"), Some(&25), "case, blank, Latin A");
        assert_eq!(wording.find("A1"), Some(&1));
        assert_eq!(wording.find("А1"), Some(&2));
        assert_eq!(wording.find("а1"), None, "could be either");
        assert_eq!(wording.find("Б"), None);
    }
}
