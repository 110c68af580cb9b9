//! What passes between the program and the process that reads a workbook for it.
//!
//! The question is one JSON document. The answer begins with a mark; then come frames: the head (JSON), the rows
//! in order, and the end; or, at any place, an error (JSON). An answer that stops without an end is none.

use std::io::{self, Read, Write};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::{Issue, Lang};
use crate::table::choice::Passed;
use crate::table::error::Error;
use crate::table::guard::TEXT;
use crate::table::number::DayCount;
use crate::table::reading::{Format, Reading};
use crate::table::records::{Layout, MAX_CELL, MAX_COLUMNS, long_cell};
use crate::table::row::{CellKind, Row};
use crate::table::workbook::{FAR_TOLD, MAX_ROW, T027, W102, W103};

/// The first bytes of every answer; another one belongs to another version.
pub(super) const MARK: &[u8; 8] = b"rxrows1\n";

const HEAD: u8 = b'H';
const ROW: u8 = b'R';
const END: u8 = b'E';
const ERROR: u8 = b'X';

/// Bytes of a head or an error at most.
const MAX_DOCUMENT: u32 = 16 * 1024 * 1024;
/// Cells of a row at most: as many as a sheet has columns.
const MAX_CELLS: usize = 16_384;

/// What is to be read, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) format: Format,
    encoding: Option<String>,
    sheet: Option<String>,
    header: Option<u32>,
    header_rows: Option<u32>,
    expect: Vec<String>,
    english: bool,
    /// Bytes of text that the cells may come to.
    pub(super) text: u64,
}

impl Job {
    pub(super) fn new(format: Format, reading: &Reading) -> Self {
        Self {
            format,
            encoding: reading.encoding.clone(),
            sheet: reading.sheet.clone(),
            header: reading.header,
            header_rows: reading.header_rows,
            expect: reading.expect.clone(),
            english: reading.language == Lang::En,
            text: u64::MAX,
        }
    }

    pub(super) fn reading(&self) -> Reading {
        Reading {
            encoding: self.encoding.clone(),
            delimiter: None,
            quote: None,
            backslash: None,
            sheet: self.sheet.clone(),
            header: self.header,
            header_rows: self.header_rows,
            skip: None,
            expect: self.expect.clone(),
            language: if self.english { Lang::En } else { Lang::Bg },
        }
    }
}

/// What was chosen, before the first row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::table) struct Head {
    pub(super) sheet: Option<String>,
    pub(super) encoding: Option<String>,
    pub(super) byte_order_mark: bool,
    pub(super) header_row: u32,
    #[serde(default)]
    pub(super) header_rows: u32,
    /// The columns' names in order.
    pub(super) columns: Vec<String>,
    /// Sheets that were passed over.
    #[serde(default)]
    pub(in crate::table) passed: Passed,
    pub(super) merged: u32,
    #[serde(default)]
    pub(super) hidden_rows: u32,
    #[serde(default)]
    pub(super) hidden_columns: u32,
    #[serde(default)]
    pub(in crate::table) day_count: Option<DayCount>,
}

/// An error as it travels.
#[derive(Debug, Serialize, Deserialize)]
enum Told {
    Io,
    Empty,
    Markup,
    Protected,
    Broken(String),
    Limit(u64),
    Text(u64),
    Cells(u64),
    NoSheet(String, Vec<String>),
    OnlyHidden(Vec<String>),
    NoHeader(u32),
    Encoding(String),
}

impl Told {
    fn of(error: Error) -> Self {
        match error {
            Error::Io(_) => Self::Io,
            Error::Empty => Self::Empty,
            Error::Markup => Self::Markup,
            Error::Protected => Self::Protected,
            Error::Limit { what: TEXT, limit } => Self::Text(limit),
            Error::Limit { limit, .. } => Self::Limit(limit),
            Error::Cells(most) => Self::Cells(most),
            Error::NoSheet { wanted, known } => Self::NoSheet(wanted, known),
            Error::OnlyHidden(names) => Self::OnlyHidden(names),
            Error::NoHeader(row) => Self::NoHeader(row),
            Error::Unknown { given, .. } => Self::Encoding(given),
            other => Self::Broken(other.to_string()),
        }
    }

    fn error(self) -> Error {
        match self {
            Self::Io => Error::Io(io::Error::other("the process could not read the file")),
            Self::Empty => Error::Empty,
            Self::Markup => Error::Markup,
            Self::Protected => Error::Protected,
            Self::Broken(told) => Error::Broken(told),
            Self::Text(limit) => Error::Limit { what: TEXT, limit },
            Self::Limit(limit) => Error::Limit { what: ROW_LIMIT, limit },
            Self::Cells(most) => Error::Cells(most),
            Self::NoSheet(wanted, known) => Error::NoSheet { wanted, known },
            Self::OnlyHidden(names) => Error::OnlyHidden(names),
            Self::NoHeader(row) => Error::NoHeader(row),
            Self::Encoding(given) => Error::Unknown { what: "encoding", given },
        }
    }
}

/// The limit on a row, which the process holds itself.
const ROW_LIMIT: &str = "KiB (row)";

/// One row with its cells, sparse. Reused.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Record {
    number: u32,
    text: String,
    cells: Vec<SparseCell>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct SparseCell {
    column: u32,
    /// Where its text ends.
    end: u32,
    kind: CellKind,
    /// Whether it was a number with more digits than Excel keeps.
    lost: bool,
    /// Whether its text was longer than any cell's.
    cut: bool,
    /// Whether it is a formula that was never calculated; it has no text.
    uncalculated: bool,
}

impl Record {
    /// Empties the record for a row (1 for the first).
    pub(super) fn start(&mut self, number: u32) {
        self.number = number;
        self.text.clear();
        self.cells.clear();
    }

    /// Bytes of text of its cells.
    pub(super) fn text(&self) -> usize {
        self.text.len()
    }

    /// Whether no cell has anything in it.
    pub(super) fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Appends a cell whose text `write` appends; an empty one is passed over. `write` returns what the cell
    /// is, and whether digits were lost. Columns come in order.
    pub(super) fn push(
        &mut self,
        column: u32,
        write: impl FnOnce(&mut String) -> (CellKind, bool),
    ) -> Result<(), Error> {
        let start = self.text.len();
        let (kind, lost) = write(&mut self.text);
        if column as usize >= MAX_CELLS || self.cells.last().is_some_and(|last| last.column >= column) {
            return Err(Error::Broken("cells are out of order".to_owned()));
        }
        let length = self.text.len() - start;
        let kept = if column as usize >= MAX_COLUMNS { 1 } else { MAX_CELL };
        if length > kept {
            self.text.truncate(self.text.floor_char_boundary(start + kept));
        }
        if self.text.len() > MAX_ROW {
            return Err(Error::Limit { what: ROW_LIMIT, limit: MAX_ROW as u64 / 1024 });
        }
        if length > 0 {
            let end = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
            let cut = length > MAX_CELL;
            self.cells.push(SparseCell { column, end, kind, lost, cut, uncalculated: false });
        }
        Ok(())
    }

    /// Appends a cell whose formula was never calculated.
    pub(super) fn push_uncalculated(&mut self, column: u32) -> Result<(), Error> {
        if column as usize >= MAX_CELLS || self.cells.last().is_some_and(|last| last.column >= column) {
            return Err(Error::Broken("cells are out of order".to_owned()));
        }
        let (end, kind) = (u32::try_from(self.text.len()).unwrap_or(u32::MAX), CellKind::Text);
        self.cells.push(SparseCell { column, end, kind, lost: false, cut: false, uncalculated: true });
        Ok(())
    }

    /// Writes the record into a row, with what is wrong with its cells; `far_told` counts cells far outside.
    pub(super) fn fill(&self, layout: &Layout, row: &mut Row, far_told: &mut u32) {
        row.start(self.number);
        let mut start = 0;
        for cell in &self.cells {
            let text = self.text.get(start..cell.end as usize).unwrap_or_default();
            start = cell.end as usize;
            let column = cell.column as usize;
            if cell.uncalculated {
                if layout.has_place(column) && column < MAX_COLUMNS {
                    row.pad_to(column);
                    row.push("", cell.kind);
                    row.add_issue(Issue::at(&T027, Some(layout.label(column))));
                }
                continue;
            }
            if column >= MAX_COLUMNS {
                if *far_told < FAR_TOLD {
                    *far_told += 1;
                    let letter = Layout::default().label(column);
                    row.add_issue(Issue::at(&W103, Some(Arc::clone(&letter))).arg(&*letter));
                }
                continue;
            }
            row.pad_to(column);
            row.push(text, cell.kind);
            if cell.lost {
                row.add_issue(Issue::at(&W102, Some(layout.label(column))));
            }
            if cell.cut {
                row.add_issue(long_cell(layout, column));
            }
        }
    }
}

const KINDS: [CellKind; 5] =
    [CellKind::Text, CellKind::Number, CellKind::Date, CellKind::Bool, CellKind::Error];

/// The process's side.
pub(super) struct Answer<W> {
    out: W,
    bytes: Vec<u8>,
}

impl<W: Write> Answer<W> {
    pub(super) fn begin(mut out: W) -> io::Result<Self> {
        out.write_all(MARK)?;
        Ok(Self { out, bytes: Vec::new() })
    }

    pub(super) fn head(&mut self, head: &Head) -> io::Result<()> {
        self.document(HEAD, head)
    }

    pub(super) fn row(&mut self, record: &Record) -> io::Result<()> {
        self.bytes.clear();
        self.bytes.push(ROW);
        for number in [record.number, short(record.cells.len()), short(record.text.len())] {
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
        for cell in &record.cells {
            self.bytes.extend_from_slice(&cell.column.to_le_bytes());
            self.bytes.extend_from_slice(&cell.end.to_le_bytes());
            let kind = KINDS.iter().position(|kind| *kind == cell.kind).unwrap_or(0);
            let flags = u8::from(cell.lost) | u8::from(cell.cut) << 1 | u8::from(cell.uncalculated) << 2;
            self.bytes.extend_from_slice(&[u8::try_from(kind).unwrap_or(0), flags]);
        }
        self.bytes.extend_from_slice(record.text.as_bytes());
        self.out.write_all(&self.bytes)
    }

    /// Ends the answer, or tells why it ends.
    pub(super) fn end(mut self, outcome: Result<(), Error>) -> io::Result<()> {
        match outcome {
            Ok(()) => self.out.write_all(&[END])?,
            Err(error) => self.document(ERROR, &Told::of(error))?,
        }
        self.out.flush()
    }

    fn document(&mut self, kind: u8, document: &impl Serialize) -> io::Result<()> {
        let bytes = serde_json::to_vec(document)?;
        self.out.write_all(&[kind])?;
        self.out.write_all(&short(bytes.len()).to_le_bytes())?;
        self.out.write_all(&bytes)
    }
}

fn short(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// The program's side. Whatever comes is held against what a process of ours may send.
pub(super) struct Frames<R> {
    input: R,
    format: Format,
    last_row: u32,
    bytes: Vec<u8>,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(input: R, format: Format) -> Self {
        Self { input, format, last_row: 0, bytes: Vec::new() }
    }

    /// The mark and the head.
    pub(super) fn head(&mut self) -> Result<Head, Error> {
        let mark: [u8; 8] = self.take()?;
        if &mark != MARK {
            return Err(self.gave_up());
        }
        match self.kind()? {
            HEAD => self.document(),
            _ => Err(self.gave_up()),
        }
    }

    /// The next row. False at the end.
    pub(super) fn row(&mut self, record: &mut Record) -> Result<bool, Error> {
        match self.kind()? {
            ROW => {}
            END => return Ok(false),
            _ => return Err(self.gave_up()),
        }
        let number = self.number()?;
        let (cells, length) = (self.number()? as usize, self.number()? as usize);
        if number <= self.last_row {
            return Err(Error::Broken("rows are out of order".to_owned()));
        }
        if cells > MAX_CELLS || length > MAX_ROW {
            return Err(self.gave_up());
        }
        self.last_row = number;
        record.start(number);
        for _ in 0..cells {
            let (column, end) = (self.number()?, self.number()?);
            let [kind, flags]: [u8; 2] = self.take()?;
            let kind = KINDS.get(usize::from(kind)).copied().unwrap_or_default();
            let [lost, cut, uncalculated] = [1, 2, 4].map(|flag| flags & flag > 0);
            let cell = SparseCell { column, end, kind, lost, cut, uncalculated };
            if record.cells.last().is_some_and(|last| last.column >= column || last.end > end) {
                return Err(self.gave_up());
            }
            record.cells.push(cell);
        }
        self.fill(length)?;
        let text = std::str::from_utf8(&self.bytes).map_err(|_| Error::GaveUp(self.format))?;
        record.text.push_str(text);
        Ok(true)
    }

    /// The kind of the next frame; an error that was told is ours.
    fn kind(&mut self) -> Result<u8, Error> {
        let [kind] = self.take()?;
        if kind == ERROR {
            return Err(self.document::<Told>()?.error());
        }
        Ok(kind)
    }

    fn document<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let length = self.number()?;
        if length > MAX_DOCUMENT {
            return Err(self.gave_up());
        }
        self.fill(length as usize)?;
        serde_json::from_slice(&self.bytes).map_err(|_| self.gave_up())
    }

    fn fill(&mut self, length: usize) -> Result<(), Error> {
        self.bytes.resize(length, 0);
        self.input.read_exact(&mut self.bytes).map_err(|_| Error::GaveUp(self.format))
    }

    fn number(&mut self) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.take()?))
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(|_| self.gave_up())?;
        Ok(bytes)
    }

    fn gave_up(&self) -> Error {
        Error::GaveUp(self.format)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut answer = Answer::begin(&mut bytes).unwrap();
        let head =
            Head { columns: vec!["Код".into(), "Брой".into()], header_row: 1, ..Head::default() };
        answer.head(&head).unwrap();
        let mut record = Record::default();
        record.start(7);
        let text = |text: &'static str, kind, lost| {
            move |out: &mut String| {
                out.push_str(text);
                (kind, lost)
            }
        };
        record.push(0, text("жж", CellKind::Text, false)).unwrap();
        record.push(1, text("", CellKind::Text, false)).unwrap();
        record.push(2, text("1234567890123456", CellKind::Number, true)).unwrap();
        record.push(2_000, text("далеч", CellKind::Text, false)).unwrap();
        assert!(record.push(3, text("x", CellKind::Text, false)).is_err(), "columns come in order");
        answer.row(&record).unwrap();
        record.start(8);
        record.push_uncalculated(1).unwrap();
        record.push_uncalculated(2).unwrap();
        assert!(record.push_uncalculated(2).is_err(), "columns come in order");
        answer.row(&record).unwrap();
        answer.end(Ok(())).unwrap();
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<Row>, Error> {
        let mut frames = Frames::new(bytes, Format::Xls);
        let head = frames.head()?;
        let layout =
            Layout { after_row: 1, columns: head.columns.iter().map(|name| name.as_str().into()).collect() };
        let (mut record, mut rows) = (Record::default(), Vec::new());
        while frames.row(&mut record)? {
            let mut row = Row::new();
            record.fill(&layout, &mut row, &mut 0);
            rows.push(row);
        }
        Ok(rows)
    }

    #[test]
    fn rows_arrive_as_they_were_sent() {
        let rows = read(&sent()).unwrap();
        let cells: Vec<_> = rows[0].cells().map(|cell| (cell.text.to_owned(), cell.kind)).collect();
        let expected = [("жж", CellKind::Text), ("", CellKind::Text), ("1234567890123456", CellKind::Number)];
        assert_eq!(cells, expected.map(|(text, kind)| (text.to_owned(), kind)));
        let issues: Vec<_> = rows[0].issues().iter().map(|issue| issue.code.code).collect();
        assert_eq!((rows[0].number(), issues), (7, vec!["W102", "W103"]));
        let issues: Vec<_> =
            rows[1].issues().iter().map(|issue| (issue.code.code, issue.place.column.as_deref())).collect();
        assert_eq!(
            (issues, rows[1].len()),
            (vec![("T027", Some("Брой"))], 2),
            "beside the table it is no matter"
        );
    }

    #[test]
    fn an_answer_that_stops_anywhere_is_none() {
        let whole = sent();
        for length in 0..whole.len() {
            assert!(matches!(read(&whole[..length]), Err(Error::GaveUp(Format::Xls))), "{length}");
        }
    }

    #[test]
    fn errors_arrive_as_they_were_told() {
        let told = |error: Error| {
            let mut bytes = Vec::new();
            Answer::begin(&mut bytes).unwrap().end(Err(error)).unwrap();
            read(&bytes).unwrap_err().issue()
        };
        let no_sheet = || Error::NoSheet { wanted: "а".into(), known: vec!["б".into(), "в".into()] };
        for error in [
            no_sheet,
            || Error::Empty,
            || Error::OnlyHidden(vec!["а".into(), "б".into()]),
            || Error::Markup,
            || Error::Protected,
            || Error::NoHeader(7),
            || Error::Broken("x".into()),
            || Error::Limit { what: ROW_LIMIT, limit: 4096 },
            || Error::Limit { what: TEXT, limit: 256 },
            || Error::Unknown { what: "encoding", given: "x".into() },
        ] {
            let (told, known) = (told(error()), error().issue());
            assert_eq!((told.code.code, told.args), (known.code.code, known.args));
        }
        assert_eq!(told(Error::Io(io::Error::other("x"))).code.code, "T001");
    }

    #[test]
    fn a_row_has_an_end() {
        let mut record = Record::default();
        record.start(1);
        let long = "ж".repeat(MAX_CELL);
        let outcome = (0..100).try_for_each(|column| {
            record.push(column, |out| {
                out.push_str(&long);
                (CellKind::Text, false)
            })
        });
        assert!(matches!(outcome, Err(Error::Limit { .. })));
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_rows_or_one_error(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let _ = read(&bytes);
            let mut damaged = sent();
            let at = at.index(damaged.len());
            damaged[at] = byte;
            let _ = read(&damaged);
        }
    }
}
