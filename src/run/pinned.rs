//! How a file was read, as the ledger keeps it: reading its copy again gives exactly the same rows.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::mapping::Answers;
use crate::model::Lang;
use crate::table::{Encoding, Found, Reading};

/// Every decision of the reader.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Pinned {
    format: String,
    encoding: Option<String>,
    byte_order_mark: bool,
    delimiter: Option<String>,
    quote_mark: Option<char>,
    backslash: bool,
    /// The sheet of a workbook.
    pub(super) sheet: Option<String>,
    header_row: Option<u32>,
    header_rows: Option<u32>,
    skip: Option<Vec<String>>,
    expect: Vec<String>,
    english: bool,
    /// Places of the columns whose empty cells take the one above.
    pub(super) fill_down: Vec<usize>,
}

/// What is kept: what the receipt tells, and what only reading again needs.
pub(super) fn keep(
    found: &Found,
    fill_down: &[usize],
    answers: &Answers,
) -> Result<Value, serde_json::Error> {
    let reading = found.reading();
    let mut kept = serde_json::to_value(found)?;
    if let Some(kept) = kept.as_object_mut() {
        kept.insert("skip".to_owned(), json!(reading.skip));
        kept.insert("expect".to_owned(), json!(reading.expect));
        kept.insert("quote_mark".to_owned(), json!(reading.quote));
        kept.insert("fill_down".to_owned(), json!(fill_down));
        kept.insert("answers".to_owned(), json!(answers));
        kept.insert("english".to_owned(), json!(reading.language == Lang::En));
    }
    Ok(kept)
}

/// What was answered or decided about a file's numbers and dates, of what is kept.
pub fn answers(kept: Option<&Value>) -> Answers {
    kept.and_then(|kept| Answers::deserialize(kept.get("answers")?).ok()).unwrap_or_default()
}

impl Pinned {
    /// Opens the copy as it was read before.
    pub(super) fn reading(&self) -> Reading {
        Reading {
            encoding: self.encoding.clone(),
            delimiter: self.delimiter.clone(),
            quote: self.quote_mark.or(Some('"')),
            backslash: Some(self.backslash),
            sheet: self.sheet.clone(),
            header: self.header_row,
            header_rows: self.header_rows,
            skip: self.skip.clone(),
            expect: self.expect.clone(),
            language: if self.english { Lang::En } else { Lang::Bg },
        }
    }

    /// Whether it is a workbook.
    pub(super) fn is_workbook(&self) -> bool {
        self.format != "csv" && !self.format.is_empty()
    }

    /// The encoding its reports are written in.
    pub(super) fn codec(&self) -> Encoding {
        self.encoding.as_deref().and_then(Encoding::from_name).unwrap_or_else(Encoding::utf8)
    }

    /// Encoding, byte-order mark and delimiter of a text file, as its reports have them.
    pub(super) fn dialect(&self) -> (&str, bool, &str) {
        let encoding = self.encoding.as_deref().unwrap_or("utf-8");
        (encoding, self.byte_order_mark, self.delimiter.as_deref().unwrap_or(";"))
    }
}
