//! The rows of a sheet, some of them read ahead: what a row is often shows only by those below it.

use std::collections::VecDeque;

use super::error::Error;
use super::header::PREVIEW_TEXT;
use super::row::Row;
use super::sheet::Sheet;

/// A sheet whose next rows can be looked at before they are read.
pub(super) struct Peeked {
    sheet: Sheet,
    ahead: VecDeque<Row>,
    /// Bytes of the text of the rows ahead.
    text: usize,
    /// What ended the reading behind them.
    failed: Option<Error>,
}

impl Peeked {
    pub(super) fn new(sheet: Sheet) -> Self {
        Self { sheet, ahead: VecDeque::new(), text: 0, failed: None }
    }

    /// Reads the next row that has anything in it. False at the end.
    pub(super) fn next(&mut self, row: &mut Row) -> Result<bool, Error> {
        if let Some(mut ahead) = self.ahead.pop_front() {
            self.text = self.text.saturating_sub(ahead.buffer().len());
            *row = ahead;
            return Ok(true);
        }
        self.failed.take().map_or_else(|| self.sheet.next(row), Err)
    }

    /// The rows that come next, up to the first one that is not wanted: fewer where they are long, or where the reading
    /// ends.
    pub(super) fn ahead(&mut self, wanted: impl Fn(&Row) -> bool) -> impl Iterator<Item = &Row> {
        while self.ahead.back().is_none_or(&wanted) && self.text < PREVIEW_TEXT && self.failed.is_none() {
            let mut row = Row::new();
            match self.sheet.next(&mut row) {
                Ok(true) => {
                    self.text += row.buffer().len();
                    self.ahead.push_back(row);
                }
                Ok(false) => break,
                Err(error) => self.failed = Some(error),
            }
        }
        self.ahead.iter().take_while(move |row| wanted(row))
    }
}
