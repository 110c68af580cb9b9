//! Which columns of a sheet hold figures, learned from its rows as they pass.
//!
//! A text file's [`shapes`](super::shape) are learned before its first row is given; a sheet comes as a stream, and
//! its cells tell what they are.

use super::row::{Cell, CellKind, Row};

/// Rows that are learned from.
const LEARNED: u32 = 1_000;

/// What stood in each column so far.
#[derive(Debug, Default)]
pub(super) struct Figures {
    rows: u32,
    columns: Vec<[u32; 3]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Day,
    Figure,
    Word,
}

impl Figures {
    /// Learns of one more row.
    pub(super) fn learn(&mut self, row: &Row) {
        if self.rows == LEARNED {
            return;
        }
        self.rows += 1;
        if self.columns.len() < row.len() {
            self.columns.resize(row.len(), [0; 3]);
        }
        for (column, cell) in self.columns.iter_mut().zip(row.cells()) {
            if let Some(met) = class(cell).and_then(|class| column.get_mut(class as usize)) {
                *met += 1;
            }
        }
    }

    /// The columns of a row with a figure where nearly all rows have such figures.
    pub(super) fn in_place(&self, row: &Row) -> Vec<usize> {
        let fits = |(column, cell): (usize, Cell<'_>)| {
            let class = class(cell).filter(|class| *class != Class::Word)?;
            let filled: u32 = self.columns.get(column)?.iter().sum();
            (self.met(column, class) * 10 >= filled * 9 && filled > 0).then_some(column)
        };
        row.cells().enumerate().filter_map(fits).collect()
    }

    /// Rows that were learned from.
    pub(super) fn rows(&self) -> u32 {
        self.rows
    }

    /// How many columns have figures in nearly all rows.
    pub(super) fn count(&self) -> usize {
        (0..self.columns.len()).filter(|column| self.is_of_figures(*column)).count()
    }

    /// Whether a column has figures, or days, in nearly all rows.
    fn is_of_figures(&self, column: usize) -> bool {
        let filled = self.columns.get(column).map_or(0, |column| column.iter().sum::<u32>());
        let most = |class| self.met(column, class) * 10 >= filled * 9;
        filled > 0 && (most(Class::Day) || most(Class::Figure))
    }

    /// Whether a row names columns: words, and no figures where figures stand in other rows.
    pub(super) fn is_heading(&self, row: &Row) -> bool {
        let classes = || row.cells().enumerate().filter_map(|(at, cell)| Some((at, class(cell)?)));
        let above: Vec<Class> =
            classes().filter(|(at, _)| self.is_of_figures(*at)).map(|(_, class)| class).collect();
        let strange = above.iter().filter(|class| **class == Class::Word).count();
        strange > 0
            && strange * 4 >= above.len() * 3
            && classes().filter(|(_, class)| *class == Class::Word).count() > 1
    }

    /// Whether a row has something in most of the columns in which nearly every row has.
    pub(super) fn is_as_full(&self, row: &Row) -> bool {
        let is_usual = |column: &[u32; 3]| column.iter().sum::<u32>() * 20 >= self.rows * 19;
        let all = self.columns.iter().filter(|column| is_usual(column)).count();
        let usual = self.columns.iter().zip(row.cells()).filter(|(column, _)| is_usual(column));
        usual.filter(|(_, cell)| !cell.text.trim().is_empty()).count() * 3 > all * 2
    }

    /// Whether every filled cell stands where such cells stand.
    pub(super) fn all_in_place(&self, row: &Row) -> bool {
        let fits = |(column, cell)| class(cell).is_none_or(|class| self.met(column, class) > 0);
        row.cells().enumerate().all(fits)
    }

    fn met(&self, column: usize, class: Class) -> u32 {
        self.columns.get(column).and_then(|column| column.get(class as usize)).copied().unwrap_or(0)
    }
}

/// Nothing for an empty cell.
fn class(cell: Cell<'_>) -> Option<Class> {
    match cell.kind {
        _ if cell.text.trim().is_empty() => None,
        CellKind::Date => Some(Class::Day),
        _ if cell.text.contains(|letter: char| letter.is_ascii_digit()) => Some(Class::Figure),
        _ => Some(Class::Word),
    }
}
