//! How a file was read, as the ledger keeps it: reading its copy again gives exactly the same rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ledger::StoredIssue;
use crate::model::Lang;
use crate::report;
use crate::table::{Encoding, Format, Found, Reading};

/// Every decision of the reader.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pinned {
    /// Whether it is a workbook.
    pub workbook: bool,
    encoding: Option<String>,
    /// Whether a text file begins with a byte-order mark.
    pub byte_order_mark: bool,
    delimiter: Option<String>,
    /// The sheet of a workbook.
    pub sheet: Option<String>,
    header_row: Option<u32>,
    skip: Option<Vec<String>>,
    english: bool,
    left_out: BTreeMap<String, u64>,
    notes: Vec<StoredIssue>,
}

impl From<&Found> for Pinned {
    fn from(found: &Found) -> Self {
        let (reading, count) = (found.reading(), &found.left_out_count);
        let left_out =
            [("title", count.title), ("blank", count.blank), ("total", count.total), ("separator", count.separator)];
        Self {
            workbook: found.format == Format::Xlsx,
            encoding: reading.encoding,
            byte_order_mark: found.byte_order_mark,
            delimiter: reading.delimiter,
            sheet: reading.sheet,
            header_row: reading.header,
            skip: reading.skip,
            english: reading.language == Lang::En,
            left_out: left_out
                .into_iter()
                .filter(|(_, rows)| *rows > 0)
                .map(|(why, rows)| (why.to_owned(), u64::from(rows)))
                .collect(),
            notes: found.notes.iter().map(StoredIssue::from).collect(),
        }
    }
}

impl Pinned {
    /// Opens the copy as it was read before.
    pub(super) fn reading(&self) -> Reading {
        Reading {
            encoding: self.encoding.clone(),
            delimiter: self.delimiter.clone(),
            sheet: self.sheet.clone(),
            header: self.header_row,
            skip: self.skip.clone(),
            expect: Vec::new(),
            language: if self.english { Lang::En } else { Lang::Bg },
        }
    }

    /// The encoding its reports are written in.
    pub(super) fn codec(&self) -> Encoding {
        self.encoding.as_deref().and_then(Encoding::from_name).unwrap_or_else(Encoding::utf8)
    }

    /// The byte between cells of its reports.
    pub(super) fn separator(&self) -> u8 {
        match self.delimiter.as_deref() {
            Some("\\t" | "tab") => b'\t',
            Some(text) => text.bytes().next().unwrap_or(b';'),
            None => b';',
        }
    }

    /// The same, as the receipt tells it.
    pub(super) fn told(&self, catalogue: &report::Catalogue, lang: Lang) -> report::Reading {
        let note = |issue: &StoredIssue| {
            let message = catalogue.get(&issue.code).map(|code| code.message(lang, &issue.args));
            format!("{} ({})", message.unwrap_or_default(), issue.code)
        };
        report::Reading {
            format: if self.workbook { "xlsx" } else { "csv" }.to_owned(),
            encoding: self.encoding.clone(),
            delimiter: self.delimiter.clone(),
            sheet: self.sheet.clone(),
            header_row: self.header_row,
            left_out: self.left_out.clone(),
            notes: self.notes.iter().map(note).collect(),
        }
    }
}
