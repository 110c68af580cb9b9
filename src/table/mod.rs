//! Bytes in, rows of text cells with places out.
//!
//! Cells stay text until [`mapping`](crate::mapping) converts them under a field's kind. Memory does not
//! grow with the number of rows. What is wrong with a row is an [`Issue`](crate::model::Issue) of that row;
//! an [`Error`] means that the file cannot be read at all, or no further.
//!
//! To add a format: a file here that gives rows, a [`Format`], and its line in [`Table::open`].

mod body;
mod dialect;
mod encoding;
mod error;
mod guard;
mod header;
mod inspect;
mod number;
mod reading;
mod records;
mod row;
mod sniff;
mod text;
mod workbook;

use std::fs::File;
use std::path::Path;

use body::{Body, Source};
pub use encoding::Encoding;
pub use error::Error;
pub use inspect::{ColumnInspection, Guess, Inspection, Suspicion, inspect, to_csv};
pub use reading::{Format, Found, LeftOut, LeftOutCount, Reading, Why};
pub use row::{Cell, CellKind, Header, Row};

use crate::model::CodeInfo;

/// A file as a table: its columns, and its data rows one after another.
pub struct Table {
    body: Body,
    headers: Vec<Header>,
    found: Found,
}

impl Table {
    /// Opens a file by its content; its name says nothing. What the reading leaves out is found out.
    pub fn open(path: &Path, reading: &Reading) -> Result<Self, Error> {
        Self::open_within(path, reading, &guard::Limits::default())
    }

    fn open_within(path: &Path, reading: &Reading, limits: &guard::Limits) -> Result<Self, Error> {
        let mut file = File::open(path)?;
        match sniff::format_of(&mut file)? {
            Format::Csv => {
                let opened = text::open(file, reading)?;
                Ok(Self::new(Source::Text(Box::new(opened.records)), opened.columns, opened.found, reading))
            }
            Format::Xlsx => {
                let opened = workbook::open(file, reading, limits)?;
                let mut found = Found::new(Format::Xlsx, reading);
                found.sheet = Some(opened.sheet.clone());
                found.header_row = Some(opened.header.row);
                let columns = opened.header.columns.clone();
                let sheet = workbook::Sheet::start(opened, &columns)?;
                Ok(Self::new(Source::Sheet(sheet), columns, found, reading))
            }
        }
    }

    fn new(source: Source, headers: Vec<Header>, found: Found, reading: &Reading) -> Self {
        let body = Body::new(source, found.header_row.unwrap_or(0), &headers, reading.skip.as_deref());
        Self { body, headers, found }
    }

    /// The columns in order; without names where the file has no header.
    pub fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// Reads the next data row. It has at least as many cells as there are columns, and issues where it is
    /// damaged. False at the end.
    pub fn read(&mut self, row: &mut Row) -> Result<bool, Error> {
        self.body.read(row, &mut self.found)
    }

    /// How the file is read; complete once the last row was read.
    pub fn found(&self) -> &Found {
        &self.found
    }
}

/// Every code this room can raise.
pub static CODES: &[&CodeInfo] = &[
    &error::T001,
    &error::T002,
    &error::T003,
    &error::T004,
    &error::T005,
    &error::T006,
    &error::T007,
    &error::T008,
    &error::T009,
    &error::T010,
    &error::T011,
    &error::T012,
    &body::T020,
    &body::T021,
    &records::T022,
    &records::T023,
    &records::T024,
    &records::T025,
    &records::T026,
    &text::W101,
    &workbook::W102,
    &workbook::W103,
    &body::W104,
    &body::W105,
    &text::W106,
    &inspect::W110,
    &inspect::W111,
    &inspect::W112,
    &inspect::W113,
];
