//! What lies beside the input: result, errors, receipt, notice.
//!
//! A report joins the snapshot's rows with what the ledger says became of them, streaming both, and never
//! judges again. [`prepare`] renders everything into hidden temporary files and hashes them; the caller commits
//! the hashes, so that our own files are known by their bytes; [`publish`] then moves them into place, the
//! receipt last. One more format of report is one file and its lines in `FORMS`.

mod columns;
mod csv;
mod guard;
mod join;
mod messages;
mod notice;
mod prepare;
mod publish;
mod receipt;
#[cfg(test)]
mod samples;
mod summary;
mod totals;
mod wording;
mod xlsx;

use std::fs::File;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::ledger::{FileView, RowView};
use crate::table::Row;

pub use columns::{Added, Frame, PEOPLE, PROGRAMS, is_ours};
pub use csv::{Dialect, Encode};
pub use guard::{Guarded, guarded, taken_off};
pub use join::{Cause, join};
pub use messages::{Catalogue, Speaker, status_word, who_word, worth_telling};
pub use notice::{Notice, NoticeItem};
pub use prepare::{Job, Prepared, PreparedFile, prepare, prepare_without_rows};
pub use publish::{Desk, Published, place_notice, publish, remove_notice, rename_reports};
pub use receipt::{Reading, Receipt, State, json_schema, who_key};
pub use totals::{Burden, Tally, Totals, is_repairable};
pub use wording::message;

/// What a file beside the input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Every row of a text input.
    ResultCsv,
    /// Every row of a workbook.
    ResultXlsx,
    /// The refused rows, for people.
    ErrorsXlsx,
    /// The refused rows of a text input.
    ErrorsCsv,
    /// What waits for a person, in words.
    Notice,
    /// Everything for programs; names the others, so it comes last.
    Receipt,
}

impl Kind {
    /// Every kind, the receipt last.
    pub const ALL: [Self; 6] =
        [Self::ResultCsv, Self::ResultXlsx, Self::ErrorsXlsx, Self::ErrorsCsv, Self::Notice, Self::Receipt];

    /// What stands behind the input's name.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::ResultCsv => "result.csv",
            Self::ResultXlsx => "result.xlsx",
            Self::ErrorsXlsx => "errors.xlsx",
            Self::ErrorsCsv => "errors.csv",
            Self::Notice => "notice.txt",
            Self::Receipt => "receipt.json",
        }
    }

    /// Whether a person's changes make it an input.
    pub fn is_made_to_be_repaired(self) -> bool {
        matches!(self, Self::ErrorsXlsx | Self::ErrorsCsv)
    }
}

/// Gives the name of a file beside the input: its kind, and what stands between the input's name and the kind
/// (`""`, `2`, `changed-20261121-1403`).
pub type Names<'a> = &'a (dyn Fn(Kind, &str) -> String + 'a);

/// A report could not be made or put in its place.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be written, read, renamed or removed.
    #[error("{path} could not be {act}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was tried: `written`, `read`, `renamed`, `removed`.
        act: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Bytes could not be written.
    #[error("a report could not be written")]
    Write(#[from] std::io::Error),
    /// A text report could not be written.
    #[error("a report could not be written")]
    Csv(#[from] ::csv::Error),
    /// A workbook could not be written.
    #[error("a report workbook could not be written")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    /// A receipt could not be written.
    #[error("a receipt could not be written")]
    Receipt(#[from] serde_json::Error),
    /// The snapshot could not be read again.
    #[error("the copy of the file could not be read again")]
    Snapshot(#[source] Cause),
    /// The ledger could not be asked or told.
    #[error("the ledger could not be asked about a report")]
    Ledger(#[source] Cause),
    /// The books do not balance: a row of the file that the ledger does not know.
    #[error("the books do not balance: row {0} of the file is not in the ledger")]
    RowWithoutStory(u32),
    /// The books do not balance: a row of the ledger that the file does not have.
    #[error("the books do not balance: row {0} of the ledger is not in the file")]
    StoryWithoutRow(u32),
}

/// How the input is written, as far as its reports must follow.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// A text file.
    Text(Dialect<'a>),
    /// A workbook; the name of the sheet that was read.
    Workbook(&'a str),
}

/// Everything about a file that a report tells besides its rows.
#[derive(Debug, Clone, Copy)]
pub struct Story<'a> {
    /// The file.
    pub file: &'a FileView,
    /// How it was read, if it was.
    pub reading: Option<&'a Reading>,
    /// What was counted.
    pub tally: &'a Tally,
    /// When this is told.
    pub now: DateTime<Utc>,
}

/// What a renderer is given when it begins.
#[derive(Debug, Clone, Copy)]
struct Setting<'a> {
    frame: &'a Frame,
    source: Source<'a>,
    speaker: Speaker<'a>,
    /// Where rows may lie until the workbook is put together.
    scratch: Option<&'a Path>,
}

/// Writes one report, row by row.
trait Render {
    /// The next row.
    fn row(&mut self, row: &Row, told: &Added, view: &RowView) -> Result<(), Error>;
    /// The end: everything is written out.
    fn finish(self: Box<Self>, story: &Story<'_>) -> Result<(), Error>;
}

/// Begins a report in an empty file.
type Begin = for<'a> fn(Setting<'a>, File) -> Result<Box<dyn Render + 'a>, Error>;

/// One report: what it is called, which inputs it is made for, which rows it holds, who writes it.
struct Form {
    kind: Kind,
    of_text: bool,
    of_workbook: bool,
    refused_only: bool,
    begin: Begin,
}

/// Every report there is.
static FORMS: [&Form; 4] = [&csv::RESULT, &xlsx::RESULT, &xlsx::ERRORS, &csv::ERRORS];
