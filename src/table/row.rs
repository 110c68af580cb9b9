//! One row of text cells, as a buffer to be read into again and again.

use std::sync::Arc;

use crate::model::Issue;

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

/// A data row. Reused: reading the next row overwrites it without allocating.
#[derive(Debug, Default, Clone)]
pub struct Row {
    number: u32,
    text: String,
    /// Where each cell's text begins and ends; between two cells a delimiter may stand.
    bounds: Vec<(u32, u32)>,
    kinds: Vec<CellKind>,
    issues: Vec<Issue>,
}

impl Row {
    /// An empty row to read into.
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties the row and gives it a number (as Excel shows it, 1 for the first).
    pub fn start(&mut self, number: u32) {
        self.number = number;
        self.text.clear();
        self.bounds.clear();
        self.kinds.clear();
        self.issues.clear();
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
        self.bounds.push((start, short(self.text.len())));
        self.kinds.push(kind);
    }

    /// Ends a text cell of an empty row at a place of the text that [`Row::fill`] will give it; the next cell
    /// begins behind the delimiter that stands there. Cells beyond `most` are not kept.
    pub(super) fn cut(&mut self, end: usize, most: usize) {
        if self.bounds.len() < most {
            let start = self.bounds.last().map_or(0, |(_, end)| *end + 1);
            self.bounds.push((start, short(end)));
        }
    }

    /// Gives the row the text whose cells were cut.
    pub(super) fn fill(&mut self, text: &str) {
        self.text.push_str(text);
        self.kinds.resize(self.bounds.len(), CellKind::Text);
    }

    /// Appends empty cells until there are so many.
    pub fn pad_to(&mut self, width: usize) {
        while self.len() < width {
            let end = short(self.text.len());
            self.bounds.push((end, end));
            self.kinds.push(CellKind::Text);
        }
    }

    /// Whether every cell is empty or holds blanks only.
    pub fn is_blank(&self) -> bool {
        self.cells().all(|cell| cell.text.chars().all(char::is_whitespace))
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
        Some(Cell {
            text: self.text.get(start as usize..end as usize)?,
            kind: self.kinds.get(index).copied().unwrap_or_default(),
        })
    }

    /// All cells in order.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        (0..self.len()).filter_map(|index| self.cell(index))
    }

    /// What was found wrong while reading it.
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }
}
