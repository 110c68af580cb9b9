//! One row of text cells, as a buffer to be read into again and again.

use std::cell::{Cell as Shared, OnceCell};
use std::ops::Range;
use std::sync::Arc;

use compact_str::CompactString;

use super::body::{T020, T021, T030, T033};
use super::body::{T034, W129};
use super::encoding::Page;
use super::names::{T032, W118};
use super::order::T029;
use super::records::T022;
use crate::model::wide::{HIGH, any, each_place};
use crate::model::{CodeInfo, Issue};

/// What the file says a cell is. A text file has only [`CellKind::Text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CellKind {
    /// Text as it stands.
    #[default]
    Text,
    /// A number of a workbook, written plain with a point, or with the zeros of its mask.
    Number,
    /// A date of a workbook, written `YYYY-MM-DD` or `YYYY-MM-DD HH:MM:SS`.
    Date,
    /// A truth value of a workbook.
    Bool,
    /// An error of a workbook, such as `#N/A`.
    Error,
}

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'a> {
    /// Exactly as it stands in a text file; canonical for a workbook's numbers and dates.
    pub text: &'a str,
    /// What the file says it is.
    pub kind: CellKind,
}

/// A cell as its file has it: for telling whether it is one that was met before, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawCell<'a> {
    /// Its bytes, blanks around it too: where they are equal, and coded or not, so is the text.
    pub bytes: &'a [u8],
    /// What the file says it is.
    pub kind: CellKind,
    /// Whether the bytes are of the file's code page. A mended row of the same file is UTF-8.
    pub is_coded: bool,
    /// Its bytes and those of the cells behind it.
    onward: &'a [u8],
}

/// Bytes of [`RawCell::head`].
pub const HEAD: usize = 16;

impl<'a> RawCell<'a> {
    /// A cell of these bytes.
    pub fn new(bytes: &'a [u8], kind: CellKind) -> Self {
        Self { bytes, kind, is_coded: false, onward: bytes }
    }

    /// Its first bytes as one number: equal for equal cells, and of a cell of at most so many bytes and a known
    /// length there is nothing else to be known. That is far quicker than to compare a few bytes.
    #[inline]
    pub fn head(&self) -> u128 {
        let unused = u32::try_from(HEAD.saturating_sub(self.bytes.len()) * 8).unwrap_or(0);
        let head = self.onward.first_chunk().map_or_else(|| padded(self.bytes), |head| *head);
        u128::from_le_bytes(head).checked_shl(unused).unwrap_or(0)
    }
}

/// Of a cell near the end of its row.
#[cold]
fn padded(bytes: &[u8]) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    head
}

/// A column as the user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The header's text, trimmed; empty where there is none.
    pub name: Arc<str>,
    /// Position, 0 for column A.
    pub index: usize,
}

impl Header {
    /// What the column is called in messages: its name, or its letter where there is none.
    pub fn label(&self) -> Arc<str> {
        if self.name.is_empty() { self.letter().into() } else { Arc::clone(&self.name) }
    }

    /// The column's letter as Excel shows it (`A` … `Z`, `AA` …).
    pub fn letter(&self) -> String {
        let mut rest = self.index + 1;
        let mut letters = Vec::new();
        while rest > 0 {
            let digit = u8::try_from((rest - 1) % 26).unwrap_or(0);
            letters.push(char::from(b'A' + digit));
            rest = (rest - 1) / 26;
        }
        letters.iter().rev().collect()
    }
}

/// A place in a row's text; rows are far shorter than 4 GiB.
fn short(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// Shows where each cell of a record begins and ends. Those beyond `most` are left out.
#[inline]
fn cut(record: &[u8], delimiter: u8, most: usize, mut show: impl FnMut((u32, u32))) {
    let (mut start, mut shown) = (0, 0);
    let mut cell = |end| {
        if shown < most {
            show((start, end));
            (start, shown) = (end + 1, shown + 1);
        }
    };
    each_place(record, delimiter, &mut cell);
    cell(short(record.len()));
}

/// Appends bytes of a code page as text of the same length, with `?` for what is not ASCII. Most cells of any
/// language are numbers and codes, and can be taken from it as they are.
pub(super) fn push_ascii(bytes: &[u8], text: &mut String) {
    let mut whole = std::mem::take(text).into_bytes();
    whole.extend(bytes.iter().map(|byte| if byte.is_ascii() { *byte } else { b'?' }));
    *text = String::from_utf8(whole).unwrap_or_default();
}

/// The bit of all cells that have none of their own.
const FAR: u64 = 1 << 63;

/// A data row. Reused: reading the next row overwrites it without allocating.
#[derive(Debug, Default, Clone)]
pub struct Row {
    number: u32,
    /// Where the row is of a code page, only the ASCII letters of its bytes, in their places.
    text: String,
    /// Bytes of a code page, with some more behind them, and which page.
    coded: Vec<u8>,
    page: Option<Page>,
    /// What was read of coded cells: most columns of a file are never asked for.
    letters: Vec<OnceCell<CompactString>>,
    /// Which were read, by bits; the last stands for all from there on.
    read: Shared<u64>,
    /// Where each cell begins and ends; between two cells a delimiter may stand.
    bounds: Vec<(u32, u32)>,
    /// Cells beyond the last of these are text.
    kinds: Vec<CellKind>,
    issues: Vec<Issue>,
    mended: bool,
}

impl Row {
    /// An empty row to read into.
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties the row and gives it a number (as Excel shows it, 1 for the first).
    pub fn start(&mut self, number: u32) {
        self.forget(number);
        self.text.clear();
        self.coded.clear();
    }

    /// Forgets all but its bytes.
    fn forget(&mut self, number: u32) {
        self.number = number;
        self.forget_letters();
        self.bounds.clear();
        self.kinds.clear();
        self.issues.clear();
        self.mended = false;
    }

    /// Gives a damaged row the cells it must have had.
    pub(super) fn mend(&mut self, cells: &[String]) {
        let issues = std::mem::take(&mut self.issues);
        self.start(self.number);
        for cell in cells {
            self.push(cell, CellKind::Text);
        }
        (self.issues, self.mended) = (issues, true);
    }

    /// Whether it was damaged and put right by inference.
    pub fn is_mended(&self) -> bool {
        self.mended
    }

    /// Appends a cell.
    pub fn push(&mut self, text: &str, kind: CellKind) {
        self.text.push_str(text);
        self.finish_cell(kind);
    }

    /// The buffer to write the next cell's text into; end it with [`Row::finish_cell`].
    pub fn buffer(&mut self) -> &mut String {
        &mut self.text
    }

    /// Makes a cell of what was written into the buffer since the last one.
    pub fn finish_cell(&mut self, kind: CellKind) {
        let start = self.bounds.last().map_or(0, |(_, end)| *end);
        self.kinds.resize(self.bounds.len(), CellKind::Text);
        self.kinds.push(kind);
        self.bounds.push((start, short(self.text.len())));
    }

    /// Gives an empty row text cells that end at delimiters. Those beyond `most` are not kept.
    pub(super) fn fill(&mut self, text: &str, delimiter: u8, most: usize) {
        self.text.push_str(text);
        cut(text.as_bytes(), delimiter, most, |cell| self.bounds.push(cell));
    }

    /// The same from bytes of a code page.
    pub(super) fn fill_coded(&mut self, record: &[u8], page: &Page, delimiter: u8, most: usize) {
        cut(record, delimiter, most, |cell| self.bounds.push(cell));
        push_ascii(record, &mut self.text);
        self.take_coded(record, page);
    }

    /// Takes many records in exchange for its own bytes, or gives them back, with what [`push_ascii`] makes of them.
    /// [`Row::be`] makes it one of them after another: nothing is copied.
    pub(super) fn exchange(&mut self, records: &mut Vec<u8>, ascii: &mut String) {
        std::mem::swap(&mut self.coded, records);
        std::mem::swap(&mut self.text, ascii);
    }

    /// Becomes the record at a place of those it has taken.
    pub(super) fn be(&mut self, number: u32, place: Range<usize>, page: &Page, delimiter: u8, most: usize) {
        self.forget(number);
        let first = short(place.start);
        let record = self.coded.get(place).unwrap_or_default();
        cut(record, delimiter, most, |(start, end)| self.bounds.push((first + start, first + end)));
        self.read_by(page);
    }

    /// Gives an empty row text cells that end where it is said, one right behind the other.
    pub(super) fn fill_coded_until(&mut self, cells: &[u8], page: &Page, ends: &[usize]) {
        let mut start = 0;
        for end in ends {
            self.bounds.push((start, short(*end)));
            start = short(*end);
        }
        push_ascii(cells, &mut self.text);
        self.take_coded(cells, page);
    }

    fn take_coded(&mut self, bytes: &[u8], page: &Page) {
        self.coded.extend_from_slice(bytes);
        self.coded.extend_from_slice(&[0; HEAD]);
        self.read_by(page);
    }

    fn read_by(&mut self, page: &Page) {
        if self.page.as_ref() != Some(page) {
            self.page = Some(page.clone());
        }
        if self.letters.len() < self.bounds.len() {
            self.letters.resize_with(self.bounds.len(), OnceCell::new);
        }
    }

    fn forget_letters(&mut self) {
        let mut read = self.read.take();
        if read & FAR != 0 {
            self.letters.iter_mut().for_each(|cell| drop(cell.take()));
            return;
        }
        while read != 0 {
            if let Some(cell) = self.letters.get_mut(read.trailing_zeros() as usize) {
                cell.take();
            }
            read &= read - 1;
        }
    }

    /// Appends empty cells until there are so many.
    pub fn pad_to(&mut self, width: usize) {
        while self.len() < width {
            let end = short(self.text.len());
            self.bounds.push((end, end));
        }
    }

    /// Takes away the cells behind so many.
    pub(super) fn truncate(&mut self, width: usize) {
        self.bounds.truncate(width);
    }

    /// Whether every cell is empty or holds blanks only.
    pub fn is_blank(&self) -> bool {
        self.cells().all(|cell| cell.text.chars().all(char::is_whitespace))
    }

    /// Whether there is a cell, or something to tell of one that was not read.
    pub(super) fn has_anything(&self) -> bool {
        !self.is_empty() || !self.issues().is_empty()
    }

    /// Whether it has so many cells, not counting empty ones behind them.
    pub(super) fn is_as_wide_as(&self, width: usize) -> bool {
        let empty = |index: usize| self.raw(index).is_none_or(|cell| cell.bytes.is_empty());
        self.len() == width || self.len() > width && (width..self.len()).all(empty)
    }

    /// Whether a cell from this one on is not blank.
    pub(super) fn has_text_from(&self, column: usize) -> bool {
        (column..self.len()).any(|index| self.cell(index).is_some_and(|cell| !cell.text.trim().is_empty()))
    }

    /// Whether a blank stands before every cell but the first.
    pub(super) fn is_padded(&self) -> bool {
        let blank = |index: usize| self.raw(index).is_some_and(|cell| cell.bytes.first() == Some(&b' '));
        self.len() > 3 && (1..self.len()).all(blank)
    }

    /// Gives it another number: a damaged line above held several rows.
    pub(super) fn renumber(&mut self, number: u32) {
        self.number = number;
    }

    /// What a person must vouch for before the row goes: its cells, the names above them, or that it is of the table.
    pub fn doubt(&self) -> Option<&'static CodeInfo> {
        let bears = |code: &str| self.issues.iter().any(|issue| issue.code.code == code);
        if self.mended {
            Some(&T029)
        } else if bears(W118.code) {
            Some(&T032)
        } else {
            bears(W129.code).then_some(&T034)
        }
    }

    /// Adds an issue of reading, such as a missing cell.
    pub fn add_issue(&mut self, issue: Issue) {
        self.issues.push(issue);
    }

    /// Adds issues of reading.
    pub fn add_issues(&mut self, issues: Vec<Issue>) {
        self.issues.extend(issues);
    }

    /// Row as Excel shows it: blank rows count, a record of several lines counts once.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.bounds.len()
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.bounds.is_empty()
    }

    /// The cell at a position; none beyond the row's end.
    pub fn cell(&self, index: usize) -> Option<Cell<'_>> {
        let (start, end) = *self.bounds.get(index)?;
        let place = start as usize..end as usize;
        let kind = self.kinds.get(index).copied().unwrap_or_default();
        let is_read = self.coded.is_empty() || !any(self.coded.get(place.clone())?, |word| word & HIGH != 0);
        let text = if is_read { self.text.get(place)? } else { self.letters(index, self.coded.get(place)?)? };
        Some(Cell { text, kind })
    }

    /// The letters of a coded cell, read when they are first asked for.
    fn letters(&self, index: usize, bytes: &[u8]) -> Option<&str> {
        let (page, cell) = (self.page.as_ref()?, self.letters.get(index)?);
        self.read.set(self.read.get() | 1_u64.checked_shl(short(index)).unwrap_or(FAR));
        Some(cell.get_or_init(|| page.decode(bytes)))
    }

    /// The cell at a position as the file has it; none beyond the row's end.
    #[inline]
    pub fn raw(&self, index: usize) -> Option<RawCell<'_>> {
        let (start, end) = *self.bounds.get(index)?;
        let bytes = if self.coded.is_empty() { self.text.as_bytes() } else { &self.coded };
        Some(RawCell {
            bytes: bytes.get(start as usize..end as usize)?,
            kind: self.kinds.get(index).copied().unwrap_or_default(),
            is_coded: !self.coded.is_empty(),
            onward: bytes.get(start as usize..)?,
        })
    }

    /// All cells in order.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        (0..self.len()).filter_map(|index| self.cell(index))
    }

    /// Takes away the issues of a code: what they told is mended.
    pub(super) fn forget_issues(&mut self, code: &str) {
        self.issues.retain(|issue| issue.code.code != code);
    }

    /// Whether its cells may stand in columns that are not theirs, so that they tell nothing.
    pub fn is_shifted(&self) -> bool {
        const SHIFTED: [&CodeInfo; 5] = [&T020, &T021, &T022, &T030, &T033];
        self.issues.iter().any(|issue| SHIFTED.iter().any(|code| code.code == issue.code.code))
    }

    /// What was found wrong while reading it.
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::encoding::Encoding;
    use super::*;

    fn texts(row: &Row) -> Vec<&str> {
        row.cells().map(|cell| cell.text).collect()
    }

    fn coded(text: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        assert!(Encoding::from_name("windows-1251").unwrap().encode(text, &mut bytes));
        bytes
    }

    proptest! {
        #[test]
        fn cells_of_a_code_page_are_those_of_its_text(
            records in proptest::collection::vec("[а-яА-Яa-z0-9; №]{0,90}", 1..4), most in 1_usize..12) {
            let encoding = Encoding::from_name("windows-1251").unwrap();
            let (mut one, mut other) = (Row::new(), Row::new());
            for record in &records {
                let bytes = coded(record);
                one.start(1);
                one.fill_coded(&bytes, encoding.page().unwrap(), b';', most);
                other.start(1);
                other.fill(record, b';', most);
                prop_assert_eq!(texts(&one), record.split(';').take(most).collect::<Vec<_>>());
                prop_assert_eq!(texts(&other), texts(&one));
                let raw: Vec<u8> = (0..one.len()).filter_map(|at| one.raw(at)).flat_map(|cell| cell.bytes).copied().collect();
                let joined: String = texts(&one).concat();
                prop_assert_eq!(raw, coded(&joined));
            }
        }
    }

    #[test]
    fn a_row_that_is_filled_anew_forgets_its_letters() {
        let encoding = Encoding::from_name("windows-1251").unwrap();
        let mut row = Row::new();
        for letter in ["а", "б"] {
            let cells = coded(&letter.repeat(70));
            let ends: Vec<usize> = (1..=70).collect();
            row.start(1);
            row.fill_coded_until(&cells, encoding.page().unwrap(), &ends);
            assert_eq!(texts(&row), vec![letter; 70]);
            row.pad_to(72);
            assert_eq!((row.cell(71).unwrap().text, row.len()), ("", 72));
            let few = row.clone();
            assert_eq!(few.cell(3).unwrap().text, letter);
        }
        row.start(2);
        row.push("x", CellKind::Number);
        assert_eq!(row.cell(0), Some(Cell { text: "x", kind: CellKind::Number }));
    }
}
