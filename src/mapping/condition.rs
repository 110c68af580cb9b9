//! What a rule's condition asks of a text.

use std::sync::Arc;

use super::number::{Decimal, Marks};
use super::typed::Origin;
use super::wording::Wording;
use crate::model::names;

/// The tests of one condition; all must hold.
#[derive(Debug, Clone, Default)]
pub(super) struct Test {
    pub(super) is: Option<Arc<Wording<()>>>,
    pub(super) not: Option<Arc<Wording<()>>>,
    /// Folded beginnings.
    pub(super) starts: Option<Vec<String>>,
    pub(super) empty: Option<bool>,
    pub(super) below: Option<Decimal>,
    pub(super) above: Option<Decimal>,
}

impl Test {
    /// Whether a trimmed text passes. A text that is no number is neither below nor above anything.
    pub(super) fn holds(&self, text: &str, origin: Origin, marks: Marks) -> bool {
        if self.empty.is_some_and(|empty| empty != text.is_empty()) {
            return false;
        }
        if self.asks_wording() && !self.wording_holds(text) {
            return false;
        }
        if self.below.is_none() && self.above.is_none() {
            return true;
        }
        let number = Decimal::read(text, origin.marks(marks)).ok();
        let below = self.below.is_none_or(|bound| number.is_some_and(|number| number < bound));
        let above = self.above.is_none_or(|bound| number.is_some_and(|number| number > bound));
        below && above
    }

    /// What it asks, always in the same words.
    pub(super) fn told(&self) -> String {
        let sorted = |list: &Option<Arc<Wording<()>>>| {
            let mut texts: Vec<&str> =
                list.iter().flat_map(|list| list.entries()).map(|(text, ())| text).collect();
            texts.sort_unstable();
            format!("{texts:?}")
        };
        let (is, not) = (sorted(&self.is), sorted(&self.not));
        let Self { starts, empty, below, above, .. } = self;
        format!("{is} {not} {starts:?} {empty:?} {below:?} {above:?}")
    }

    /// Whether it asks anything at all.
    pub(super) fn is_nothing(&self) -> bool {
        !self.asks_wording() && self.empty.is_none() && self.below.is_none() && self.above.is_none()
    }

    fn asks_wording(&self) -> bool {
        self.is.is_some() || self.not.is_some() || self.starts.is_some()
    }

    fn wording_holds(&self, text: &str) -> bool {
        let is = self.is.as_ref().is_none_or(|list| list.find(text).is_some());
        let not = self.not.as_ref().is_none_or(|list| list.find(text).is_none());
        let starts = self.starts.as_ref().is_none_or(|starts| {
            let folded = names::fold(text);
            starts.iter().any(|start| folded.starts_with(start.as_str()))
        });
        is && not && starts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::number::PLAIN;
    use crate::table::CellKind;

    fn wording(texts: &[&str]) -> Arc<Wording<()>> {
        let mut wording = Wording::new();
        for text in texts {
            wording.insert(text, ());
        }
        Arc::new(wording)
    }

    fn holds(test: &Test, cell: &str) -> bool {
        let marks = Marks { decimal: Some(','), thousands: None };
        test.holds(cell, Origin::Cell(CellKind::Text), marks)
    }

    #[test]
    fn words_are_compared_as_people_read_them() {
        let test = Test { is: Some(wording(&["Продажба", "Брак"])), ..Test::default() };
        assert!(holds(&test, "БРАК") && holds(&test, "Продажба"));
        assert!(!holds(&test, "") && !holds(&test, "Продажби"));
        let test = Test { not: Some(wording(&["Продажба"])), ..Test::default() };
        assert!(holds(&test, "") && !holds(&test, "продажба"));
        let test = Test { starts: Some(vec![names::fold("Козм")]), ..Test::default() };
        assert!(holds(&test, "козметика") && !holds(&test, "лек. козметика"));
    }

    #[test]
    fn numbers_are_compared_exactly() {
        let bound = |text| Decimal::read(text, PLAIN).ok();
        let test = Test { below: bound("0"), ..Test::default() };
        assert!(holds(&test, "-0,000000001") && holds(&test, "5-"));
        assert!(!holds(&test, "0") && !holds(&test, "") && !holds(&test, "x"));
        let test = Test { above: bound("0.1"), below: bound("10"), ..Test::default() };
        assert!(holds(&test, "0,11") && !holds(&test, "0,1") && !holds(&test, "10"));
    }

    #[test]
    fn emptiness_is_asked_either_way() {
        let test = Test { empty: Some(true), ..Test::default() };
        assert!(holds(&test, "") && !holds(&test, "x"));
        let test = Test { empty: Some(false), ..Test::default() };
        assert!(!holds(&test, "") && holds(&test, "x"));
        assert!(Test::default().is_nothing() && !test.is_nothing());
    }
}
