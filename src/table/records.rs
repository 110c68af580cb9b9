//! Records of delimited text: where each begins and ends, and its fields.
//!
//! The rules of RFC 4180 as the `csv` crate reads them, with three differences: blank lines are records (row
//! numbers must be those Excel shows), bytes become letters cell by cell, and a quote that is opened and never
//! closed damages its own line only instead of swallowing the rows below.

use std::borrow::Cow;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use memchr::{memchr, memchr_iter, memchr3};

use super::encoding::{Encoding, replace_damage};
use super::general::{self, Close, Dialect};
use super::row::{CellKind, Row};
use crate::model::{CodeInfo, Issue, Who, Words};

/// Columns of one row; what stands beyond is not read.
pub(super) const MAX_COLUMNS: usize = 1_024;
/// Bytes of one cell's text. Excel allows 32,767 characters.
pub(super) const MAX_CELL: usize = 64 * 1024;
/// Bytes of one record; the rest of a longer line is skipped.
const MAX_RECORD: usize = 1024 * 1024;
/// Bytes of a quoted field before its quote counts as never closed.
const MAX_QUOTED: usize = 2 * MAX_CELL;
/// Line ends inside one quoted field; Excel allows 253 in a cell.
const MAX_LINES: usize = 253;
const BUFFER: usize = 64 * 1024;
/// The byte-order mark of UTF-8.
const MARK: &[u8] = b"\xEF\xBB\xBF";
/// Bytes of the longest letter of UTF-8.
const LONGEST_LETTER: usize = 4;

/// What the columns are called and from which row on records are held against them.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    pub(super) after_row: u32,
    pub(super) columns: Arc<[Arc<str>]>,
}

impl Layout {
    /// Whether a column belongs to the table; formulas beside it are nobody's loss. Without a header nobody knows
    /// where the table ends.
    pub(super) fn has_place(&self, column: usize) -> bool {
        column < self.columns.len() || self.after_row == 0 && !self.columns.is_empty()
    }

    /// The name or letter of a column, once the columns are known.
    pub(super) fn label(&self, index: usize) -> Arc<str> {
        self.columns
            .get(index)
            .cloned()
            .unwrap_or_else(|| super::row::Header { name: "".into(), index }.letter().into())
    }
}

/// Reads one record after another from a stream, with memory for one record at a time.
pub(super) struct Records {
    input: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    at_end: bool,
    /// Place of `buffer[start]` in the file.
    offset: u64,
    dialect: Dialect,
    cutter: Arc<Cutter>,
    number: u32,
    quotes: Quotes,
    /// Where in the buffer the last record stood.
    last: Range<usize>,
    /// Made for the first record with quotes: many files have none, and it is no small thing.
    unquote: Option<csv_core::Reader>,
    /// Cells of a record whose quotes were taken off, and where they end.
    cells: Vec<u8>,
    ends: Vec<usize>,
}

/// What was seen of quotes.
#[derive(Debug, Clone, Copy, Default)]
struct Quotes {
    /// A field stood in them.
    met: bool,
    /// There was a quote or an apostrophe at all.
    marked: bool,
    /// Those of the last record don't pair, or are others than the file's.
    odd: bool,
}

/// How a record becomes cells: the same for all records of a file.
pub(super) struct Cutter {
    /// The delimiter, where the dialect is the usual one.
    plain: Option<u8>,
    encoding: Encoding,
    layout: Layout,
}

/// A record as its file has it, without its line end.
pub(super) struct Raw<'a> {
    pub(super) record: &'a [u8],
    /// Its place in the file.
    pub(super) offset: u64,
    /// Its row as Excel shows it.
    pub(super) number: u32,
}

/// Where a record ends, and how its fields must be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    /// Bytes of the record without its line end.
    len: usize,
    /// Bytes to go on by.
    taken: usize,
    shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// No quote has a meaning in it.
    Plain,
    /// Some fields are quoted; the first that spans lines opens its quote here.
    Quoted { spans_from: Option<usize> },
    /// A quote is opened and never closed.
    Unclosed,
    /// Longer than any record may be.
    TooLong,
}

impl Records {
    /// Reads records from a stream whose place in the file is `offset` (after a byte-order mark or `sep=` line).
    pub(super) fn new(
        input: Box<dyn Read + Send>,
        offset: u64,
        dialect: Dialect,
        encoding: Encoding,
        layout: Layout,
    ) -> Self {
        let plain = dialect.as_plain();
        Self {
            input,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            at_end: false,
            offset,
            dialect,
            cutter: Arc::new(Cutter { plain, encoding, layout }),
            number: 0,
            quotes: Quotes::default(),
            last: 0..0,
            unquote: None,
            cells: Vec::new(),
            ends: vec![0; MAX_COLUMNS + 1],
        }
    }

    /// The quote, if a quoted field was met so far.
    pub(super) fn quote_met(&self) -> Option<char> {
        self.quotes.met.then(|| char::from(self.dialect.quote.byte()))
    }

    pub(super) fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The last record as text, quotes and delimiters and all.
    pub(super) fn last_record(&self) -> String {
        self.cutter.encoding.text_of(self.buffer.get(self.last.clone()).unwrap_or_default())
    }

    /// Whether quotes hold several lines of the last record together.
    pub(super) fn last_spans_lines(&self) -> bool {
        let record = self.buffer.get(self.last.clone()).unwrap_or_default();
        memchr::memchr2(b'\n', b'\r', record).is_some()
    }

    /// Makes the row the first line of the last record; the other lines are read next.
    pub(super) fn first_line_alone(&mut self, row: &mut Row) {
        let taken = self.start - self.last.start;
        self.start -= taken;
        self.offset -= taken as u64;
        let frame = self.cut_after_line(0);
        row.start(self.number);
        self.split(frame, row);
        row.add_issue(Issue::new(&T022));
        self.last = self.start..self.start + frame.len;
        self.go_on(frame.taken);
    }

    /// The next record as it stands, if no quote has a meaning in it and `fits` says so of it; otherwise it stays
    /// the next one.
    pub(super) fn next_plain(
        &mut self,
        fits: impl FnOnce(&Cutter, &Raw<'_>) -> bool,
    ) -> io::Result<Option<(Raw<'_>, &Arc<Cutter>)>> {
        if self.cutter.plain.is_none() {
            return Ok(None);
        }
        let Some(Frame { len, taken, shape: Shape::Plain }) = self.next_frame()? else { return Ok(None) };
        let number = self.number.saturating_add(1);
        let raw = Raw { record: self.unread().get(..len).unwrap_or_default(), offset: self.offset, number };
        let behind = self.unread().get(taken..).unwrap_or_default();
        if len > MAX_CELL || !self.is_ordinary(raw.record, behind) || !fits(&self.cutter, &raw) {
            return Ok(None);
        }
        let (place, offset) = (self.start..self.start + len, self.offset);
        self.number = number;
        self.go_on(taken);
        let record = self.buffer.get(place).unwrap_or_default();
        Ok(Some((Raw { record, offset, number }, &self.cutter)))
    }

    /// Whether the last record has quotes that don't pair, or others than the file's.
    pub(super) fn last_is_odd(&self) -> bool {
        self.quotes.odd
    }

    /// Whether the next line may have text but no delimiter, as the rest of a broken row has.
    pub(super) fn fragment_follows(&self) -> bool {
        self.is_fragment(self.unread())
    }

    /// Where the line's end was not read yet it may be one.
    fn is_fragment(&self, bytes: &[u8]) -> bool {
        let first = self.dialect.delimiter.first().copied().unwrap_or(b',');
        match memchr3(first, b'\n', b'\r', bytes) {
            Some(at) => at > 0 && bytes.get(at) != Some(&first),
            None => !self.at_end || !bytes.is_empty(),
        }
    }

    /// Whether nothing about a record needs a closer look: its quotes, a blank behind its delimiter, what follows.
    fn is_ordinary(&self, record: &[u8], behind: &[u8]) -> bool {
        let mark = self.dialect.delimiter.first().copied().unwrap_or(b',');
        let padded = memchr(mark, record).is_some_and(|at| record.get(at + 1) == Some(&b' '));
        let odd = || self.quotes.marked && has_odd_quotes(record, &self.dialect);
        !padded && !self.is_fragment(behind) && !odd()
    }

    /// Reads the next record, blank lines too. False at the end.
    pub(super) fn next(&mut self, row: &mut Row) -> io::Result<bool> {
        let Some(mut frame) = self.next_frame()? else { return Ok(false) };
        self.number = self.number.saturating_add(1);
        row.start(self.number);
        self.split(frame, row);
        if let Shape::Quoted { spans_from: Some(from) } = frame.shape
            && (!self.fits(row) && self.holds_rows(from, frame) || self.swallows(from, frame.len))
        {
            frame = self.cut_after_line(from);
            row.start(self.number);
            self.split(frame, row);
        }
        if frame.shape == Shape::Unclosed {
            row.add_issue(Issue::new(&T022));
        }
        self.last = self.start..self.start + frame.len;
        self.go_on(frame.taken);
        if frame.shape == Shape::TooLong {
            self.last = 0..0;
            row.add_issue(Issue::new(&T025).arg(MAX_RECORD.to_string()));
            self.skip_line()?;
        }
        Ok(true)
    }

    /// Whether a row has the header's number of cells; true while the header is not known.
    fn fits(&self, row: &Row) -> bool {
        let Layout { after_row, columns } = &self.cutter.layout;
        self.number <= *after_row || columns.is_empty() || row.len() == columns.len()
    }

    /// Whether one of the lines that the quote at `from` holds together is a row, or the beginning of one: then that
    /// quote was never closed. A text of several lines has few delimiters in each.
    fn holds_rows(&self, from: usize, frame: Frame) -> bool {
        let width = self.cutter.layout.columns.len();
        let record = self.unread().get(..frame.len).unwrap_or_default();
        let marks = |line: &[u8]| memchr::memmem::find_iter(line, &self.dialect.delimiter).count();
        let lines = |from: usize, to: usize| {
            let held = record.get(from..to).unwrap_or_default();
            held.split(|byte| matches!(byte, b'\n' | b'\r')).skip(1).map(marks)
        };
        let close = match self.dialect.close(record, from + 1) {
            Close::At(close) => close,
            Close::Open => record.len(),
        };
        let few = width.saturating_sub(1).clamp(1, 2);
        lines(from, close).any(|marks| marks >= few)
            || lines(from, record.len()).any(|marks| marks + 1 >= width)
    }

    /// Whether a quoted field in the header, or in what may be one, runs over lines that are rows of their own: a quote
    /// too many found another one below.
    fn swallows(&self, from: usize, len: usize) -> bool {
        let Layout { after_row, columns } = &self.cutter.layout;
        if !columns.is_empty() && self.number > *after_row {
            return false;
        }
        let record = self.unread().get(..len).unwrap_or_default();
        let marks = |line: &[u8]| memchr::memmem::find_iter(line, &self.dialect.delimiter).count();
        let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let opening = marks(record.split(ends).next().unwrap_or_default());
        let below = record.get(from..).unwrap_or_default().split(ends).skip(1);
        let below: Vec<&[u8]> = below.filter(|line| !line.is_empty()).collect();
        let Some((last, whole)) = below.split_last() else { return false };
        let inside = last.split(|byte| *byte == self.dialect.quote.byte()).next().unwrap_or_default();
        let fewest = if whole.is_empty() { 2 } else { 1 };
        opening > 0 && marks(inside) >= fewest && whole.iter().all(|line| marks(line) + 1 >= opening.max(2))
    }

    /// The frame that ends with the line in which a quote at `from` was opened.
    fn cut_after_line(&self, from: usize) -> Frame {
        let bytes = self.unread();
        line_end(bytes, from, Shape::Unclosed).unwrap_or(Frame {
            len: bytes.len(),
            taken: bytes.len(),
            shape: Shape::Unclosed,
        })
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    fn go_on(&mut self, taken: usize) {
        self.start += taken;
        self.offset += taken as u64;
    }

    fn next_frame(&mut self) -> io::Result<Option<Frame>> {
        loop {
            let bytes = self.unread();
            if bytes.is_empty() && self.at_end {
                return Ok(None);
            }
            let found = match self.cutter.plain {
                Some(delimiter) => frame(bytes, delimiter, self.at_end),
                None => odd_frame(bytes, &self.dialect, self.at_end),
            };
            if found.is_some() {
                return Ok(found);
            }
            if bytes.len() >= MAX_RECORD {
                let len = bytes.len();
                return Ok(Some(Frame { len, taken: len, shape: Shape::TooLong }));
            }
            self.fill()?;
        }
    }

    /// Reads more behind what is unread. At the end of the file DOS end-of-file characters fall away.
    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let free = self.buffer.get_mut(self.end..).unwrap_or_default();
        let read = loop {
            match self.input.read(free) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => break done?,
            }
        };
        let new = self.buffer.get(self.end..self.end + read).unwrap_or_default();
        self.quotes.marked |= memchr::memchr2(b'"', b'\'', new).is_some();
        self.end += read;
        if read == 0 {
            self.at_end = true;
            while self.unread().last() == Some(&0x1A) {
                self.end -= 1;
            }
        }
        Ok(())
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.unread();
            if let Some(at) = memchr::memchr2(b'\n', b'\r', bytes) {
                let end = ended_at(bytes, at, Shape::TooLong);
                if self.at_end || is_complete(bytes, end) {
                    self.go_on(end.taken);
                    return Ok(());
                }
                self.go_on(at);
                self.fill()?;
                continue;
            }
            let rest = bytes.len();
            self.go_on(rest);
            if self.at_end {
                return Ok(());
            }
            self.fill()?;
        }
    }

    /// Splits the record into the row's cells.
    fn split(&mut self, frame: Frame, row: &mut Row) {
        let quoted = matches!(frame.shape, Shape::Quoted { .. });
        self.quotes.met |= quoted;
        let record = self.unread().get(..frame.len).unwrap_or_default();
        self.quotes.odd = self.quotes.marked && has_odd_quotes(record, &self.dialect);
        if quoted && self.quotes.odd {
            return self.cutter.cut_oddly(&self.raw(frame), &self.dialect, row);
        }
        if quoted && self.cutter.plain.is_some() {
            let whole = self.split_quoted(frame, row);
            return self.cutter.check(&self.raw(frame), whole, row);
        }
        match self.cutter.plain {
            Some(_) => self.cutter.cut_plain(&self.raw(frame), row),
            None => self.cutter.cut_oddly(&self.raw(frame), &self.dialect, row),
        }
    }

    fn raw(&self, frame: Frame) -> Raw<'_> {
        let record = self.unread().get(..frame.len).unwrap_or_default();
        Raw { record, offset: self.offset, number: self.number }
    }

    /// Cells of a record some of which are quoted. False if a byte was no letter.
    fn split_quoted(&mut self, frame: Frame, row: &mut Row) -> bool {
        let mut cells = std::mem::take(&mut self.cells);
        let count = self.unquote_into(frame.len, &mut cells);
        let ends = self.ends.get(..count).unwrap_or_default();
        let all = cells.get(..ends.last().copied().unwrap_or(0)).unwrap_or_default();
        let whole = if let Some(page) = self.cutter.encoding.page() {
            row.fill_coded_until(all, page, ends);
            page.first_gap(all).is_none()
        } else {
            push_each(all, ends, row)
        };
        self.cells = cells;
        whole
    }

    /// Takes quotes off; returns how many fields there are, their ends in `self.ends`.
    fn unquote_into(&mut self, len: usize, cells: &mut Vec<u8>) -> usize {
        let record = self.buffer.get(self.start..self.start + len).unwrap_or_default();
        cells.resize(record.len().max(1), 0);
        let delimiter = self.cutter.plain.unwrap_or(b',');
        let unquote =
            self.unquote.get_or_insert_with(|| csv_core::ReaderBuilder::new().delimiter(delimiter).build());
        unquote.reset();
        let (mut input, mut written, mut count) = (record, 0, 0);
        // The second round, with no input, tells the reader that the record ends here.
        for _ in 0..2 {
            let out = cells.get_mut(written..).unwrap_or_default();
            let ends = self.ends.get_mut(count..).unwrap_or_default();
            let (_, read, wrote, ended) = unquote.read_record(input, out, ends);
            input = input.get(read..).unwrap_or_default();
            written += wrote;
            count += ended;
        }
        count.min(MAX_COLUMNS)
    }
}

impl Cutter {
    /// Whether all bytes of these records are letters and signs of a code page: then their cells tell everything.
    pub(super) fn is_calm(&self, records: &[u8]) -> bool {
        self.encoding.page().is_some_and(|page| page.first_gap(records).is_none())
            && !has_controls(records)
            && foreign(records).is_none()
    }

    /// Makes a row one of the calm records that it has taken; see [`Cutter::cut_plain`].
    pub(super) fn cut_calm(&self, number: u32, place: Range<usize>, row: &mut Row) {
        let Some(page) = self.encoding.page() else { return };
        let len = place.len();
        row.be(number, place, page, self.plain.unwrap_or(b','), MAX_COLUMNS);
        self.tell_sizes(len, row);
    }

    /// Splits a record in which no quote has a meaning into the cells of an empty row.
    pub(super) fn cut_plain(&self, raw: &Raw<'_>, row: &mut Row) {
        let delimiter = self.plain.unwrap_or(b',');
        let whole = if let Some(page) = self.encoding.page() {
            row.fill_coded(raw.record, page, delimiter, MAX_COLUMNS);
            page.first_gap(raw.record).is_none()
        } else {
            let is_utf8 = self.encoding == Encoding::utf8();
            let record = raw.record.strip_prefix(MARK).filter(|_| is_utf8).unwrap_or(raw.record);
            let (text, whole) = utf8(record);
            row.fill(&text, delimiter, MAX_COLUMNS);
            whole
        };
        self.check(raw, whole, row);
    }

    /// The same in an unusual dialect.
    fn cut_oddly(&self, raw: &Raw<'_>, dialect: &Dialect, row: &mut Row) {
        let text = self.encoding.text_of(raw.record);
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
        let cells = general::split(text, dialect).cells;
        cells.iter().take(MAX_COLUMNS).for_each(|cell| row.push(cell, CellKind::Text));
        self.check(raw, self.encoding.first_invalid(raw.record).is_none(), row);
    }

    /// Cells of a record in which no quote has a meaning.
    pub(super) fn count(&self, raw: &Raw<'_>) -> usize {
        self.plain.map_or(1, |delimiter| count(raw.record, delimiter) + 1)
    }

    /// Whether the second cell of a record is empty.
    pub(super) fn has_empty_second(&self, raw: &Raw<'_>) -> bool {
        let at = self.plain.and_then(|delimiter| memchr(delimiter, raw.record));
        at.is_some_and(|at| raw.record.get(at + 1).is_none_or(|byte| Some(*byte) == self.plain))
    }

    /// The letter a record begins with; none where the first cell is empty.
    pub(super) fn first_letter(&self, raw: &Raw<'_>) -> Option<char> {
        let first = *raw.record.first()?;
        if first.is_ascii() {
            return (Some(first) != self.plain).then(|| char::from(first));
        }
        let letter = if self.encoding.page().is_some() { 1 } else { LONGEST_LETTER };
        self.encoding.text_of(raw.record.get(..letter).unwrap_or(raw.record)).chars().next()
    }

    /// The first cell of a record.
    pub(super) fn first_cell(&self, raw: &Raw<'_>) -> String {
        let end = self.plain.and_then(|delimiter| memchr(delimiter, raw.record));
        self.encoding.text_of(raw.record.get(..end.unwrap_or(raw.record.len())).unwrap_or_default())
    }

    /// Tells what is wrong with a record; `whole` is false if a byte was no letter.
    fn check(&self, raw: &Raw<'_>, whole: bool, row: &mut Row) {
        let pasted = || self.encoding.page().and_then(|_| foreign(raw.record));
        if !whole {
            self.tell_invalid(raw, self.encoding.first_invalid(raw.record), row);
        } else if let Some(at) = pasted() {
            self.tell_invalid(raw, Some(at), row);
        }
        if has_controls(raw.record) {
            tell_controls(&self.layout, row);
        }
        self.tell_sizes(raw.record.len(), row);
    }

    fn tell_sizes(&self, len: usize, row: &mut Row) {
        if len > MAX_CELL {
            tell_long_cells(&self.layout, row);
        }
        if row.len() >= MAX_COLUMNS {
            row.add_issue(Issue::new(&T026).arg(MAX_COLUMNS.to_string()));
        }
    }

    fn tell_invalid(&self, raw: &Raw<'_>, first: Option<usize>, row: &mut Row) {
        let place = match (self.encoding.utf16_order(), first) {
            (None, Some(at)) => (raw.offset + at as u64 + 1).to_string(),
            _ => "?".to_owned(),
        };
        let damaged = (0..row.len()).find(|index| text_of(row, *index).contains('\u{FFFD}'));
        let column = damaged.map(|index| self.layout.label(index));
        row.add_issue(Issue::at(&T023, column).arg(self.encoding.name()).arg(place));
    }
}

/// Where Cyrillic words of UTF-8 begin that were pasted into a file of a code page, where each of their letters would be
/// read as two: a pair of letters is enough, as no word has such signs in it.
fn foreign(record: &[u8]) -> Option<usize> {
    let pair = |letter: u8, next: u8| letter & 0xFE == 0xD0 && next & 0xC0 == 0x80;
    may_be_foreign(record)
        .then(|| {
            record.windows(4).position(|four| matches!(four, [a, b, c, d] if pair(*a, *b) && pair(*c, *d)))
        })
        .flatten()
}

/// Whether two such letters stand beside each other. It has no branch and so runs over whole vectors.
fn may_be_foreign(record: &[u8]) -> bool {
    let from = |at: usize| record.get(at..).unwrap_or_default();
    let four = from(0).iter().zip(from(1)).zip(from(2).iter().zip(from(3)));
    let is_pair = |letter: u8, next: u8| u8::from(letter & 0xFE == 0xD0) & u8::from(next & 0xC0 == 0x80);
    four.fold(0, |found, ((a, b), (c, d))| found | (is_pair(*a, *b) & is_pair(*c, *d))) != 0
}

/// The first record of `bytes` in an unusual dialect; none if its end is not there yet.
fn odd_frame(bytes: &[u8], dialect: &Dialect, at_end: bool) -> Option<Frame> {
    let (mut at, mut shape) = (0, Shape::Plain);
    loop {
        if bytes.get(at) == Some(&dialect.quote.byte()) {
            let close = dialect.close(bytes, at + 1);
            match close {
                Close::At(end) if at_end || end + dialect.delimiter.len() < bytes.len() => {
                    let field = bytes.get(at..end).unwrap_or_default();
                    let (lines, behind) = (count_lines(field), bytes.get(end + 1..).unwrap_or_default());
                    let ends =
                        behind.is_empty() || dialect.divides(behind) || matches!(behind, [b'\n' | b'\r', ..]);
                    if lines > MAX_LINES || field.len() > MAX_QUOTED || lines > 0 && !ends {
                        return unclosed_frame(bytes, at, at_end);
                    }
                    let spans = lines > 0;
                    shape = Shape::Quoted { spans_from: spans_of(shape).or(spans.then_some(at)) };
                    at = end + 1;
                }
                Close::Open if at_end || bytes.len() - at > MAX_QUOTED => {
                    return unclosed_frame(bytes, at, at_end);
                }
                Close::At(_) | Close::Open => return None,
            }
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let first = dialect.delimiter.first().copied().unwrap_or(b',');
        match memchr3(first, b'\n', b'\r', rest) {
            Some(found) if dialect.divides(rest.get(found..).unwrap_or_default()) => {
                at += found + dialect.delimiter.len();
            }
            Some(found) if rest.get(found) == Some(&first) => at += found + 1,
            Some(_) => {
                return line_end(bytes, at, shape).filter(|frame| at_end || is_complete(bytes, *frame));
            }
            None => return at_end.then_some(Frame { len: bytes.len(), taken: bytes.len(), shape }),
        }
        if at >= bytes.len() && !at_end {
            return None;
        }
    }
}

fn text_of(row: &Row, index: usize) -> &str {
    row.cell(index).map_or("", |cell| cell.text)
}

/// The first record of `bytes`; none if its end is not there yet.
fn frame(bytes: &[u8], delimiter: u8, at_end: bool) -> Option<Frame> {
    match memchr3(b'"', b'\n', b'\r', bytes) {
        Some(at) if bytes.get(at) == Some(&b'"') => quoted_frame(bytes, delimiter, at_end),
        Some(at) => {
            Some(ended_at(bytes, at, Shape::Plain)).filter(|frame| at_end || is_complete(bytes, *frame))
        }
        None => at_end.then_some(Frame { len: bytes.len(), taken: bytes.len(), shape: Shape::Plain }),
    }
}

/// The frame that ends with the line holding the byte at `from`.
fn line_end(bytes: &[u8], from: usize, shape: Shape) -> Option<Frame> {
    let len = from + memchr::memchr2(b'\n', b'\r', bytes.get(from..)?)?;
    Some(ended_at(bytes, len, shape))
}

/// The frame whose line end begins at `len`.
fn ended_at(bytes: &[u8], len: usize, shape: Shape) -> Frame {
    let pair = bytes.get(len) == Some(&b'\r') && bytes.get(len + 1) == Some(&b'\n');
    Frame { len, taken: len + 1 + usize::from(pair), shape }
}

/// A carriage return at the very end may still get its line feed.
fn is_complete(bytes: &[u8], frame: Frame) -> bool {
    frame.taken < bytes.len() || bytes.get(frame.len) != Some(&b'\r')
}

/// The first record of `bytes` where a quote stands before the first line end.
fn quoted_frame(bytes: &[u8], delimiter: u8, at_end: bool) -> Option<Frame> {
    let mut at = 0;
    let mut shape = Shape::Plain;
    loop {
        if bytes.get(at) == Some(&b'"') {
            match closing_quote(bytes, at, delimiter, at_end) {
                Closing::Here { next, spans } => {
                    shape = Shape::Quoted { spans_from: spans_of(shape).or(spans.then_some(at)) };
                    at = next;
                }
                Closing::NotYet => return None,
                Closing::Never => return unclosed_frame(bytes, at, at_end),
            }
        }
        let rest = bytes.get(at..).unwrap_or_default();
        match memchr3(delimiter, b'\n', b'\r', rest) {
            Some(found) if rest.get(found) == Some(&delimiter) => at += found + 1,
            Some(_) => {
                return line_end(bytes, at, shape).filter(|frame| at_end || is_complete(bytes, *frame));
            }
            None => return at_end.then_some(Frame { len: bytes.len(), taken: bytes.len(), shape }),
        }
        if at == bytes.len() && !at_end {
            return None;
        }
    }
}

/// Whether a record has quotes that don't pair, text behind a closing one, or cells in the other kind of quotes.
fn has_odd_quotes(record: &[u8], dialect: &Dialect) -> bool {
    let quote = dialect.quote.byte();
    let begins =
        |at: usize| at == 0 || record.get(..at).is_some_and(|before| before.ends_with(&dialect.delimiter));
    let ends =
        |at: usize| record.get(at + 1..).is_none_or(|behind| behind.is_empty() || dialect.divides(behind));
    // A quote within a text has its partner in the same cell.
    let apart = |one: usize, other: usize| {
        record
            .get(one..other)
            .is_some_and(|between| memchr::memmem::find(between, &dialect.delimiter).is_some())
    };
    let (mut within, mut skip, mut lone) = (false, false, None);
    for at in memchr_iter(quote, record) {
        if std::mem::take(&mut skip) {
            continue;
        }
        if !within {
            within = begins(at);
            match lone {
                _ if within => {}
                Some(partner) if apart(partner, at) => return true,
                Some(_) => lone = None,
                None => lone = Some(at),
            }
        } else if dialect.backslash && record.get(at.wrapping_sub(1)) == Some(&b'\\') {
        } else if record.get(at + 1) == Some(&quote) && !dialect.backslash {
            skip = true;
        } else if ends(at) {
            within = false;
        } else {
            return true;
        }
    }
    let other = if quote == b'"' { b'\'' } else { b'"' };
    let others = || memchr_iter(other, record);
    within || lone.is_some() || others().any(begins) && others().any(ends)
}

fn spans_of(shape: Shape) -> Option<usize> {
    if let Shape::Quoted { spans_from } = shape { spans_from } else { None }
}

fn unclosed_frame(bytes: &[u8], opened: usize, at_end: bool) -> Option<Frame> {
    let shape = Shape::Unclosed;
    match line_end(bytes, opened, shape) {
        Some(frame) => Some(frame).filter(|frame| at_end || is_complete(bytes, *frame)),
        None => at_end.then_some(Frame { len: bytes.len(), taken: bytes.len(), shape }),
    }
}

enum Closing {
    /// The byte behind the closing quote; whether the field spans lines.
    Here {
        next: usize,
        spans: bool,
    },
    NotYet,
    Never,
}

/// Finds the quote that closes the one at `opened`.
///
/// A quote behind a line end that is followed by more text is no closing quote: there another row's quoted
/// field begins, so the one at `opened` was never closed.
fn closing_quote(bytes: &[u8], opened: usize, delimiter: u8, at_end: bool) -> Closing {
    let mut from = opened + 1;
    loop {
        let Some(found) = memchr(b'"', bytes.get(from..).unwrap_or_default()) else {
            let never = at_end || bytes.len() - opened > MAX_QUOTED;
            return if never { Closing::Never } else { Closing::NotYet };
        };
        let quote = from + found;
        match bytes.get(quote + 1) {
            Some(b'"') => from = quote + 2,
            None if !at_end => return Closing::NotYet,
            next => {
                let field = bytes.get(opened..quote).unwrap_or_default();
                let lines = count_lines(field);
                let ends = next.is_none_or(|byte| *byte == delimiter || matches!(byte, b'\n' | b'\r'));
                let never = lines > MAX_LINES || field.len() > MAX_QUOTED || (lines > 0 && !ends);
                return if never {
                    Closing::Never
                } else {
                    Closing::Here { next: quote + 1, spans: lines > 0 }
                };
            }
        }
    }
}

fn count_lines(field: &[u8]) -> usize {
    let feeds = memchr_iter(b'\n', field).count();
    if feeds > 0 { feeds } else { memchr_iter(b'\r', field).count() }
}

/// Text of UTF-8, and false if a byte was no letter.
fn utf8(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), true),
        Err(_) => (Cow::Owned(replace_damage(bytes)), false),
    }
}

/// Cells of UTF-8 one by one: what is no letter in one may become a letter with the next. False if a byte was none.
fn push_each(cells: &[u8], ends: &[usize], row: &mut Row) -> bool {
    let mut whole = true;
    let mut start = 0;
    for end in ends {
        let (text, letters) = utf8(cells.get(start..*end).unwrap_or_default());
        row.push(&text, CellKind::Text);
        whole &= letters;
        start = *end;
    }
    whole
}

/// How often a byte stands there. Summed up in bytes, of which a vector holds many.
fn count(record: &[u8], wanted: u8) -> usize {
    let part = |bytes: &[u8]| bytes.iter().map(|byte| u8::from(*byte == wanted)).sum::<u8>();
    record.chunks(128).map(|bytes| usize::from(part(bytes))).sum()
}

/// Whether there is a byte that no text has. It has no branch and so runs over whole vectors.
fn has_controls(record: &[u8]) -> bool {
    record.iter().fold(0, |found, byte| found | control(*byte)) != 0
}

/// 1 for a byte that no text has, else 0.
fn control(byte: u8) -> u8 {
    let is_not = |other| u8::from(byte != other);
    u8::from(byte < 0x20) & is_not(b'\t') & is_not(b'\n') & is_not(b'\r') | u8::from(byte == 0x7F)
}

fn is_control(byte: u8) -> bool {
    control(byte) != 0
}

fn tell_controls(layout: &Layout, row: &mut Row) {
    let found: Vec<Issue> = (0..row.len())
        .filter_map(|index| {
            let control = text_of(row, index).bytes().find(|byte| is_control(*byte))?;
            Some(Issue::at(&T024, Some(layout.label(index))).arg(format!("U+{control:04X}")))
        })
        .collect();
    row.add_issues(found);
}

fn tell_long_cells(layout: &Layout, row: &mut Row) {
    let found: Vec<Issue> = (0..row.len())
        .filter(|index| text_of(row, *index).len() > MAX_CELL)
        .map(|index| long_cell(layout, index))
        .collect();
    row.add_issues(found);
}

/// The issue of a cell with more text than any cell may have.
pub(super) fn long_cell(layout: &Layout, index: usize) -> Issue {
    Issue::at(&T025, Some(layout.label(index))).arg(MAX_CELL.to_string())
}

/// A quote that is never closed.
pub(super) static T022: CodeInfo = CodeInfo {
    code: "T022",
    who: Who::User,
    bg: Words {
        message: "на този ред има отворена кавичка (\") без затваряща; затворете я или я изтрийте",
        why: "Кавичка в началото на клетка означава, че текстът продължава до следващата кавичка. Без нея не се \
              знае къде свършва клетката, затова само този ред се отказва, а следващите се четат.",
        example: "100;\"Аспирин;5",
        repair: "Отворете файла, махнете кавичката или я сложете и в края на клетката, и запишете.",
    },
    en: Words {
        message: "a quote (\") opened in this row is never closed; close it or delete it",
        why: "A quote at the start of a cell means that the text goes on to the next quote. Without one nobody \
              knows where the cell ends, so this row alone is refused and the rows below are read.",
        example: "100;\"Aspirin;5",
        repair: "Open the file, delete the quote or add one at the end of the cell, and save.",
    },
};

/// Bytes that are no text in the file's encoding.
pub(super) static T023: CodeInfo = CodeInfo {
    code: "T023",
    who: Who::User,
    bg: Words {
        message: "има повредени букви (не са {0}; байт {1} от файла); поправете ги или експортирайте файла \
                  наново",
        why: "Част от файла е записана в друга кодировка или е повредена. Вместо да гадаем буквите, отказваме реда.",
        example: "файл в windows-1251, в който е поставен текст от UTF-8",
        repair: "Експортирайте файла наново или поправете тази клетка и запишете.",
    },
    en: Words {
        message: "there are characters that are no {0} text (byte {1} of the file); save the file again in one encoding",
        why: "A part of the file is written in another encoding or is damaged. The row is refused instead of \
              guessing its letters.",
        example: "a windows-1251 file with text pasted from UTF-8",
        repair: "Export the file again, or repair this cell and save.",
    },
};

/// A NUL or control character.
pub(super) static T024: CodeInfo = CodeInfo {
    code: "T024",
    who: Who::User,
    bg: Words {
        message: "клетката съдържа невидим служебен знак ({0}); изтрийте го или въведете стойността наново",
        why: "Такива знаци не са текст. Обикновено значат, че файлът е повреден или е записан от грешка в програмата.",
        example: "AB[U+0000]123",
        repair: "Изтрийте съдържанието на клетката, въведете го наново и запишете.",
    },
    en: Words {
        message: "the cell holds an invisible control character ({0}); delete it or type the value again",
        why: "Such characters are no text. Mostly they mean a damaged file or a fault of the program that wrote it.",
        example: "AB[U+0000]123",
        repair: "Clear the cell, type its value again and save.",
    },
};

/// A cell or line that is too long.
pub(super) static T025: CodeInfo = CodeInfo {
    code: "T025",
    who: Who::User,
    bg: Words {
        message: "текстът е по-дълъг от {0} байта; проверете дали редовете на файла не са слети",
        why: "Клетка в Excel побира 32 767 знака. По-дълъг текст значи, че файлът е повреден или редовете му са слети.",
        example: "цял файл на един ред",
        repair: "Експортирайте файла наново.",
    },
    en: Words {
        message: "the text is longer than {0} bytes; check whether rows of the file ran together",
        why: "A cell of Excel holds 32,767 characters. Longer text means a damaged file or rows that ran together.",
        example: "a whole file on one line",
        repair: "Export the file again.",
    },
};

/// Too many columns.
pub(super) static T026: CodeInfo = CodeInfo {
    code: "T026",
    who: Who::User,
    bg: Words {
        message: "редът има {0} или повече колони; проверете дали редовете на файла не са слети",
        why: "Толкова колони няма в никоя справка; останалите не са прочетени.",
        example: "ред с хиляди разделители",
        repair: "Експортирайте файла наново.",
    },
    en: Words {
        message: "the row has {0} columns or more; check whether rows of the file ran together",
        why: "No report has so many columns; the rest was not read.",
        example: "a row of thousands of delimiters",
        repair: "Export the file again.",
    },
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(bytes: &[u8], delimiter: u8, layout: Layout) -> Records {
        let input = Box::new(io::Cursor::new(bytes.to_vec()));
        Records::new(input, 0, Dialect::plain(delimiter), Encoding::utf8(), layout)
    }

    fn layout(width: usize) -> Layout {
        Layout { after_row: 0, columns: (0..width).map(|at| format!("c{at}").into()).collect() }
    }

    fn read_all(mut records: Records) -> Vec<(u32, Vec<String>, Vec<&'static str>)> {
        let mut row = Row::new();
        let mut rows = Vec::new();
        while records.next(&mut row).unwrap() {
            let cells = row.cells().map(|cell| cell.text.to_owned()).collect();
            rows.push((row.number(), cells, row.issues().iter().map(|issue| issue.code.code).collect()));
        }
        rows
    }

    #[test]
    fn line_ends_of_all_kinds_and_blank_lines_count() {
        let rows = read_all(records(b"a;b\r\n\r\nc\rd\n\"e\r\nf\";g\n\x1a", b';', Layout::default()));
        let seen: Vec<_> = rows.iter().map(|(number, cells, _)| (*number, cells.join("|"))).collect();
        let expected = [(1, "a|b"), (2, ""), (3, "c"), (4, "d"), (5, "e\r\nf|g")];
        assert_eq!(seen, expected.map(|(number, cells)| (number, cells.to_owned())));
    }

    #[test]
    fn an_unclosed_quote_damages_its_own_row_only() {
        for bad in ["1;\"x;3", "\"1;x;3"] {
            for tail in ["4;5;6\n7;8;9\n", "4;\"5\";6\n7;8;9\n"] {
                let text = format!("{bad}\n{tail}");
                let rows = read_all(records(text.as_bytes(), b';', layout(3)));
                assert_eq!(rows.len(), 3, "{text}");
                assert_eq!(rows[0].2, ["T022"], "{text}");
                assert_eq!(rows[2], (3, vec!["7".into(), "8".into(), "9".into()], vec![]), "{text}");
            }
        }
    }

    #[test]
    fn control_and_invalid_bytes_are_told_with_their_place() {
        let mut reader = records(b"ab\0;c\n\xFF;d\n", b';', layout(2));
        let mut row = Row::new();
        assert!(reader.next(&mut row).unwrap());
        let first = &row.issues()[0];
        assert_eq!(
            (first.code.code, first.place.column.as_deref(), &first.args[..]),
            ("T024", Some("c0"), &["U+0000".to_owned()][..])
        );
        assert!(reader.next(&mut row).unwrap());
        assert_eq!(row.issues()[0].args, ["utf-8", "7"]);
    }

    #[test]
    fn a_huge_line_is_cut_and_told() {
        for (length, end) in [(3 * MAX_RECORD, "\n"), (MAX_RECORD + 10, "\r"), (3 * MAX_RECORD, "\r\n")] {
            let text = format!("{}{end}next{end}last{end}", "x".repeat(length));
            let rows = read_all(records(text.as_bytes(), b';', Layout::default()));
            assert!(rows[0].2.contains(&"T025"));
            let rest: Vec<_> = rows[1..].iter().map(|row| row.1.join("|")).collect();
            assert_eq!(rest, ["next", "last"], "{end:?}");
        }
    }

    #[test]
    fn more_columns_than_the_limit_are_told() {
        let text = ";".repeat(5_000) + "\n\"q\"" + &";".repeat(5_000);
        for (_, cells, codes) in read_all(records(text.as_bytes(), b';', Layout::default())) {
            assert_eq!((cells.len(), codes), (MAX_COLUMNS, vec!["T026"]));
        }
    }

    /// Gives a few bytes at a time.
    struct Slow(io::Cursor<Vec<u8>>, usize);

    impl Read for Slow {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let few = out.len().min(self.1);
            self.0.read(&mut out[..few])
        }
    }

    proptest! {
        #[test]
        fn records_passed_on_are_those_that_are_read(bytes in proptest::collection::vec(
            prop_oneof![Just(b'"'), Just(b';'), Just(b'\n'), Just(b'\r'), Just(b'a'), any::<u8>()], 0..400),
            few in 1_usize..50, takes in any::<u64>()) {
            let start = |input| Records::new(input, 5, Dialect::plain(b';'), Encoding::utf8(), layout(3));
            let expected = read_all(start(Box::new(io::Cursor::new(bytes.clone()))));
            let mut records = start(Box::new(Slow(io::Cursor::new(bytes), few)));
            let (mut row, mut rows) = (Row::new(), Vec::new());
            loop {
                let wanted = |_: &Cutter, raw: &Raw<'_>| takes >> (raw.number % 64) & 1 == 1;
                let passed = records.next_plain(wanted).unwrap().map(|(raw, cutter)| {
                    row.start(raw.number);
                    cutter.cut_plain(&raw, &mut row);
                    prop_assert_eq!(cutter.count(&raw), row.len());
                    Ok(())
                });
                if passed.transpose()?.is_none() && !records.next(&mut row).unwrap() {
                    break;
                }
                let cells = row.cells().map(|cell| cell.text.to_owned()).collect::<Vec<_>>();
                rows.push((row.number(), cells, row.issues().iter().map(|issue| issue.code.code).collect()));
            }
            prop_assert_eq!(rows, expected);
        }

        #[test]
        fn any_bytes_are_read_without_loss_of_lines(bytes in proptest::collection::vec(
            prop_oneof![Just(b'"'), Just(b';'), Just(b'\n'), Just(b'\r'), Just(b'a'), any::<u8>()], 0..400)) {
            let rows = read_all(records(&bytes, b';', layout(3)));
            prop_assert!(rows.iter().enumerate().all(|(at, row)| row.0 as usize == at + 1));
        }

        #[test]
        fn well_formed_text_is_framed_as_the_csv_crate_does(table in proptest::collection::vec(
            proptest::collection::vec("[a\";\n\r жЯ]{0,8}", 3), 1..12)) {
            let mut writer = csv::WriterBuilder::new().delimiter(b';').from_writer(Vec::new());
            for row in &table {
                writer.write_record(row).unwrap();
            }
            let bytes = writer.into_inner().unwrap();
            let cells: Vec<Vec<String>> =
                read_all(records(&bytes, b';', layout(3))).into_iter().map(|(_, cells, _)| cells).collect();
            prop_assert_eq!(cells, table);
        }
    }
}
