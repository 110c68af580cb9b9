//! What came of the texts met so far: a column rarely has many different ones.

use std::cell::RefCell;

use super::typed::Origin;
use crate::table::{CellKind, HEAD, RawCell};

/// A text as it was met, before anything is known about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Met<'a> {
    cell: RawCell<'a>,
    /// Tells apart equal bytes that mean different things.
    tag: u8,
}

impl<'a> Met<'a> {
    /// A cell as the file has it.
    #[inline]
    pub(super) fn cell(cell: RawCell<'a>) -> Self {
        let coded = if cell.is_coded { CODED } else { 0 };
        Self { cell, tag: kind(cell.kind) | coded }
    }

    /// A text that was read already.
    pub(super) fn text(text: &'a str, origin: Origin) -> Self {
        let tag = match origin {
            Origin::Cell(of) => kind(of),
            Origin::Constant => CONSTANT,
        };
        Self { cell: RawCell::new(text.as_bytes(), CellKind::Text), tag: tag | READ }
    }

    /// Whether there is nothing, not even a blank.
    pub(super) fn is_nothing(self) -> bool {
        self.cell.bytes.is_empty()
    }
}

/// Marks of a tag, beside the kind of cell: bytes of a code page, a constant of the mapping, a text that was read.
const CODED: u8 = 0x20;
const CONSTANT: u8 = 0x40;
const READ: u8 = 0x80;

fn kind(kind: CellKind) -> u8 {
    match kind {
        CellKind::Text => 0,
        CellKind::Number => 1,
        CellKind::Date => 2,
        CellKind::Bool => 3,
        CellKind::Error => 4,
    }
}

/// Remembers what was found out about the last texts. It has a fixed number of places, and where most texts are
/// new it leaves off for a while.
#[derive(Debug, Clone)]
pub(super) struct Memo<V>(RefCell<Places<V>>);

#[derive(Debug, Clone)]
struct Places<V> {
    /// None until something is to be remembered.
    all: Vec<Place<V>>,
    /// Grows with every text that was known, falls with every other.
    credit: u16,
    /// Texts not to be looked at before the next try.
    rest: u16,
}

#[derive(Debug, Clone)]
struct Place<V> {
    head: u128,
    len: usize,
    /// Empty where the head is all.
    bytes: Vec<u8>,
    tag: u8,
    value: Option<V>,
}

/// A power of two; enough for a column of kinds, groups or days.
const PLACES: usize = 256;
/// Longer texts are of many kinds.
const LENGTH: usize = 128;
/// New texts that a column may begin with. To remember one costs about as much as is saved by knowing one.
const TRIAL: u16 = 256;
/// New texts in a row that a column which repeats itself may have.
const MOST_CREDIT: u16 = 2 * TRIAL;
/// Texts of a column that does not repeat itself, before it is tried again.
const REST: u16 = 16_384;

impl<V: Clone> Memo<V> {
    pub(super) fn new() -> Self {
        Self(RefCell::new(Places { all: Vec::new(), credit: TRIAL, rest: 0 }))
    }

    /// What is known about a text, found out if need be. That nothing was found is not remembered.
    pub(super) fn get(&self, met: Met<'_>, find: impl FnOnce() -> Option<V>) -> Option<V> {
        let known = self.recall(met, V::clone);
        if known.is_some() {
            return known;
        }
        let found = find()?;
        self.learn(met, &found);
        Some(found)
    }

    /// Shows what is known about a text. It stays where it is: handed from one to the next a value costs more than
    /// to find it.
    #[inline]
    pub(super) fn recall<R>(&self, met: Met<'_>, show: impl FnOnce(&V) -> R) -> Option<R> {
        let memory = &mut *self.0.borrow_mut();
        if memory.rest > 0 {
            memory.rest -= 1;
            return None;
        }
        let at = met.place();
        let holds = |at: usize| memory.all.get(at).filter(|place| place.holds(met));
        let shown = holds(at).or_else(|| holds(at ^ 1))?.value.as_ref().map(show);
        memory.credit = MOST_CREDIT.min(memory.credit + 1);
        shown
    }

    /// Remembers what a text came to that was not known.
    pub(super) fn learn(&self, met: Met<'_>, value: &V) {
        let mut memory = self.0.borrow_mut();
        if memory.rest > 0 || met.cell.bytes.len() > LENGTH {
            return;
        }
        memory.credit -= 1;
        if memory.credit == 0 {
            (memory.credit, memory.rest) = (TRIAL, REST);
        }
        memory.put(met, value);
    }
}

impl<'a> Met<'a> {
    /// Where it would be remembered.
    #[inline]
    fn place(self) -> usize {
        // A good hash of sixteen bytes costs more than what is found by it; the upper bits of this one depend on all.
        const ODD: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;
        let ends = self.more().last_chunk::<HEAD>().map_or(0, |end| u128::from_le_bytes(*end));
        let mixed =
            (self.cell.head() ^ ends.rotate_left(64) ^ self.cell.bytes.len() as u128).wrapping_mul(ODD);
        usize::try_from(mixed >> (u128::BITS - PLACES.trailing_zeros())).unwrap_or(0)
    }

    /// All of its bytes where the head alone does not tell them.
    #[inline]
    fn more(self) -> &'a [u8] {
        if self.cell.bytes.len() > HEAD { self.cell.bytes } else { &[] }
    }
}

impl<V: Clone> Places<V> {
    /// Two frequent texts of one place do not drive each other out: one may stand beside it.
    fn put(&mut self, met: Met<'_>, value: &V) {
        if self.all.is_empty() {
            self.all.resize_with(PLACES, || Place {
                head: 0,
                len: 0,
                bytes: Vec::new(),
                tag: 0,
                value: None,
            });
        }
        let at = met.place();
        let is_taken = |at: usize| self.all.get(at).is_none_or(|place| place.value.is_some());
        let at = if is_taken(at) && !is_taken(at ^ 1) { at ^ 1 } else { at };
        if let Some(place) = self.all.get_mut(at) {
            place.bytes.clear();
            place.bytes.extend_from_slice(met.more());
            (place.head, place.len) = (met.cell.head(), met.cell.bytes.len());
            place.tag = met.tag;
            place.value = Some(value.clone());
        }
    }
}

impl<V> Place<V> {
    #[inline]
    fn holds(&self, met: Met<'_>) -> bool {
        let alike = self.head == met.cell.head() && self.len == met.cell.bytes.len() && self.tag == met.tag;
        alike && (met.cell.bytes.len() <= HEAD || self.bytes == met.cell.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(text: &str) -> Met<'_> {
        Met::cell(RawCell::new(text.as_bytes(), CellKind::Text))
    }

    #[test]
    fn a_memo_asks_once_of_each_kind() {
        let memo = Memo::new();
        for _ in 0..2 {
            assert_eq!(memo.get(met("x"), || Some(1)), Some(1));
        }
        assert_eq!(memo.get(met("x"), || Some(2)), Some(1));
        assert_eq!(memo.get(Met::text("x", Origin::Constant), || Some(3)), Some(3));
        let number = RawCell::new(b"x", CellKind::Number);
        assert_eq!(memo.get(Met::cell(number), || Some(4)), Some(4));
        let mut coded = RawCell::new(b"x", CellKind::Text);
        coded.is_coded = true;
        assert_eq!(memo.get(Met::cell(coded), || Some(6)), Some(6));
        assert_eq!(memo.get(met("y"), || None), None);
        assert_eq!(memo.get(met("y"), || Some(5)), Some(5), "nothing found is nothing known");
    }

    #[test]
    fn a_memo_stays_small_and_rests_where_nothing_repeats() {
        let memo = Memo::new();
        let mut found = 0;
        for number in 0..60_000 {
            let text = number.to_string();
            assert_eq!(memo.get(met(&text), || Some(number)), Some(number));
            for _ in 0..2 {
                memo.get(met(&text), || {
                    found += 1;
                    Some(number)
                });
            }
            assert!(memo.0.borrow().all.len() <= PLACES);
        }
        assert_eq!(found, 0, "each text comes thrice");
        for number in 0..MOST_CREDIT + REST / 2 {
            memo.get(met(&number.to_string()), || Some(0));
        }
        assert!(memo.0.borrow().rest > 0);
        let long = "x".repeat(LENGTH + 1);
        memo.0.borrow_mut().rest = 0;
        assert_eq!(memo.get(met(&long), || Some(1)), Some(1));
        assert_eq!(memo.get(met(&long), || Some(2)), Some(2));
    }

    #[test]
    fn two_frequent_texts_find_room_side_by_side() {
        let memo = Memo::new();
        let mut asked = 0;
        for _ in 0..100 {
            for text in ["a", "b", "c", "d", "e", "f", "g", "h"] {
                memo.get(met(text), || {
                    asked += 1;
                    Some(())
                });
            }
        }
        assert_eq!(asked, 8);
    }
}
