//! How a file is to be read, and how it was.

use serde::{Deserialize, Serialize, Serializer};

use super::body::{W114, W116, W129, W130, W131, W132};
use super::evidence::Evidence;
use super::mend::Damage;
use crate::model::{Args, Issue, Lang};

/// What is known beforehand about how a file is to be read; what is left out is found out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// Name of the encoding of a text file or web page.
    pub encoding: Option<String>,
    /// `;`, `,`, `|`, a tab itself, or the words `\t` or `tab`.
    pub delimiter: Option<String>,
    /// The quote of a text file, `"` or `'`.
    pub quote: Option<char>,
    /// Whether a backslash stands before quotes inside quotes of a text file.
    pub backslash: Option<bool>,
    /// Name of the sheet of a workbook; `#2` is the second table of a web page.
    pub sheet: Option<String>,
    /// Last row of the header as Excel counts; 0 where there is none.
    pub header: Option<u32>,
    /// Rows of the header; 1 where only its row is known.
    pub header_rows: Option<u32>,
    /// Rows whose first filled cell begins so are no data. None: the totals behind the last row are
    /// found by the usual words.
    pub skip: Option<Vec<String>>,
    /// Column names that are expected; the header, the delimiter and the sheet are found by them.
    pub expect: Vec<String>,
    /// Decides between code pages that the bytes leave open.
    pub language: Lang,
}

/// The formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Delimited text.
    Csv,
    /// A workbook of Excel 2007 or later, with macros (.xlsm) or without; they are never run.
    Xlsx,
    /// A workbook of Excel 97-2003, or of Excel 5 and 95.
    Xls,
    /// A binary workbook of Excel 2007 or later.
    Xlsb,
    /// An `OpenDocument` spreadsheet.
    Ods,
    /// A table in a web page, whatever the file's suffix says.
    Html,
}

impl Format {
    /// As it stands in receipts and in what `inspect` shows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Xls => "xls",
            Self::Xlsb => "xlsb",
            Self::Ods => "ods",
            Self::Html => "html",
        }
    }

    /// What a person calls it, in any language.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Xlsx => "Excel (.xlsx)",
            Self::Xls => "Excel 97-2003 (.xls)",
            Self::Xlsb => "Excel (.xlsb)",
            Self::Ods => "OpenDocument (.ods)",
            Self::Html => "HTML",
        }
    }
}

/// How a file was read. Complete once its last row was read.
#[derive(Debug, Clone, Serialize)]
pub struct Found {
    /// By content, never by the file's name.
    pub format: Format,
    /// Of a text file or web page.
    pub encoding: Option<String>,
    /// Whether a text file begins with a byte-order mark.
    pub byte_order_mark: bool,
    /// Of a text file; a tab is `\t`.
    pub delimiter: Option<String>,
    /// The quote of a text file, if a quoted cell was met.
    pub quote: Option<char>,
    /// Whether quotes inside quotes bear a backslash; otherwise they are doubled.
    pub backslash: bool,
    /// The quote that is looked for, whether a quoted cell was met or not.
    #[serde(skip)]
    pub(super) pinned_quote: Option<char>,
    /// Of a workbook; of a web page the table, if it is not the first one with data.
    pub sheet: Option<String>,
    /// Last row of the header as Excel counts; 0 where there is none.
    pub header_row: Option<u32>,
    /// Rows of the header.
    pub header_rows: Option<u32>,
    /// Rows that are no data: the first hundred, in order. Their whole number is in `left_out_count`.
    pub left_out: Vec<LeftOut>,
    /// How many rows are no data.
    pub left_out_count: LeftOutCount,
    /// What each decision about a text file rests on.
    pub evidence: Evidence,
    /// Damaged rows that were put in order: the first hundred.
    pub repaired: Vec<Repair>,
    /// How many damaged rows were put in order.
    pub repaired_count: u64,
    /// What a person should know about how the file was read.
    #[serde(serialize_with = "as_notes")]
    pub notes: Vec<Issue>,
    #[serde(skip)]
    skip: Option<Vec<String>>,
    /// Names that stand for themselves in a header of several rows.
    #[serde(skip)]
    expect: Vec<String>,
    #[serde(skip)]
    language: Lang,
}

/// A damaged row that was put in order, and what proves how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// As Excel shows it.
    pub row: u32,
    /// What was wrong with it.
    pub damage: Damage,
    /// Where it was found, if at one column.
    pub column: Option<String>,
    /// Columns whose form shows where the cells belong.
    pub shown_by: Vec<String>,
    /// Rows that have that form.
    pub compared_with: u32,
}

/// A row that is no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// As Excel shows it.
    pub row: u32,
    /// What it is.
    pub why: Why,
}

/// Why a row is no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Above the header.
    Title,
    /// Nothing in it.
    Blank,
    /// Totals, or what stands below them.
    Total,
    /// Below the table: a note, a signature, another table.
    Beyond,
}

/// How many rows are no data, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LeftOutCount {
    /// Above the header.
    pub title: u32,
    /// Nothing in them.
    pub blank: u32,
    /// Totals, and what stands below them.
    pub total: u32,
    /// Below the table.
    pub beyond: u32,
    /// `sep=` lines; Excel hides them and counts none.
    pub separator: u32,
}

const LEFT_OUT_SHOWN: usize = 100;
const NOTES_KEPT: usize = 100;
/// Codes of notes about rows that are not read, or doubtful as a whole: others must not crowd them out.
const WEIGHTY: [&str; 6] = [W114.code, W116.code, W129.code, W130.code, W131.code, W132.code];

impl Reading {
    /// Where the header is said to be: its last row, and how many it takes.
    pub(super) fn stated_header(&self) -> Option<(u32, u32)> {
        self.header.map(|row| (row, self.header_rows.unwrap_or(1)))
    }
}

impl Found {
    pub(super) fn new(format: Format, reading: &Reading) -> Self {
        Self {
            format,
            encoding: None,
            byte_order_mark: false,
            delimiter: None,
            quote: None,
            backslash: false,
            pinned_quote: None,
            sheet: None,
            header_row: None,
            header_rows: None,
            left_out: Vec::new(),
            left_out_count: LeftOutCount::default(),
            evidence: Evidence::default(),
            repaired: Vec::new(),
            repaired_count: 0,
            notes: Vec::new(),
            skip: reading.skip.clone(),
            expect: reading.expect.clone(),
            language: reading.language,
        }
    }

    /// A reading that pins every decision: the same bytes give the same rows again.
    pub fn reading(&self) -> Reading {
        Reading {
            encoding: self.encoding.clone(),
            delimiter: self.delimiter.clone(),
            quote: self.pinned_quote,
            backslash: Some(self.backslash),
            sheet: self.sheet.clone(),
            header: self.header_row,
            header_rows: self.header_rows,
            skip: self.skip.clone(),
            expect: self.expect.clone(),
            language: self.language,
        }
    }

    pub(super) fn leave_out(&mut self, row: u32, why: Why) {
        match why {
            Why::Title => self.left_out_count.title += 1,
            Why::Blank => self.left_out_count.blank += 1,
            Why::Total => self.left_out_count.total += 1,
            Why::Beyond => self.left_out_count.beyond += 1,
        }
        if self.left_out.len() < LEFT_OUT_SHOWN {
            self.left_out.push(LeftOut { row, why });
        }
    }

    /// Counts blank rows that a workbook does not even mention.
    pub(super) fn leave_out_gap(&mut self, rows: std::ops::Range<u32>) {
        let shown = LEFT_OUT_SHOWN.saturating_sub(self.left_out.len());
        self.left_out_count.blank =
            self.left_out_count.blank.saturating_add(u32::try_from(rows.len()).unwrap_or(u32::MAX));
        self.left_out.extend(rows.take(shown).map(|row| LeftOut { row, why: Why::Blank }));
    }

    pub(super) fn note(&mut self, issue: Issue) {
        let most = if WEIGHTY.contains(&issue.code.code) { 2 * NOTES_KEPT } else { NOTES_KEPT };
        if self.notes.len() < most {
            self.notes.push(issue);
        }
    }
}

/// An issue as programs read it: its code and arguments, with its place where it has one.
#[derive(Serialize)]
struct Note<'a> {
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<&'a str>,
    args: Args<'a>,
}

/// Writes issues as a list of codes with places and arguments.
pub(super) fn as_notes<S: Serializer>(issues: &[Issue], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(issues.iter().map(|issue| Note {
        code: issue.code.code,
        row: issue.place.row,
        column: issue.place.column.as_deref(),
        args: Args(&issue.args),
    }))
}
