//! What the cells of each column look like: by it a damaged row shows where its cells belong.
//!
//! A cell's shape is its text with every digit as `9` and every letter as `a`; a column knows which shapes, which
//! values and which coarse shapes (runs of one kind taken together) it has met. Nothing here is about meaning.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::row::Row;

/// Different values or shapes of one column that are remembered.
const MOST: usize = 400;
/// Cells that must have been seen before a column's word counts.
const FEW: u32 = 3;

/// The columns of a table, as its first rows show them.
#[derive(Debug, Clone, Default)]
pub(super) struct Shapes {
    columns: Vec<Column>,
}

/// What was met in one column.
#[derive(Debug, Clone, Default)]
struct Column {
    cells: u32,
    empty: u32,
    values: HashMap<String, u32>,
    shapes: HashMap<String, u32>,
    coarse: HashMap<String, u32>,
}

/// How well a cell fits its column; greater is better.
pub(super) type Fit = i32;

/// A cell unlike any of a column that has few shapes.
const STRANGE: Fit = -8;

impl Shapes {
    /// Learns from rows of the right width.
    pub(super) fn learn<'r>(rows: impl Iterator<Item = &'r Row>, width: usize) -> Self {
        let mut shapes = Self { columns: vec![Column::default(); width] };
        for row in rows.filter(|row| row.len() == width && !row.is_blank()) {
            for (column, cell) in shapes.columns.iter_mut().zip(row.cells()) {
                column.meet(cell.text.trim());
            }
        }
        shapes
    }

    /// Number of columns.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// How well cells fit the columns, one by one; none where their number differs.
    pub(super) fn fit<'c>(&self, cells: impl ExactSizeIterator<Item = &'c str>) -> Option<Fit> {
        (cells.len() == self.width())
            .then(|| self.columns.iter().zip(cells).map(|(column, cell)| column.fit(cell.trim())).sum())
    }

    /// How well one cell fits one column.
    pub(super) fn fit_at(&self, column: usize, cell: &str) -> Fit {
        self.columns.get(column).map_or(0, |column| column.fit(cell.trim()))
    }

    /// The most that a row could reach.
    pub(super) fn best(&self) -> Fit {
        self.columns.iter().map(Column::best).sum()
    }

    /// Columns whose cells have a form of their own: figures, dates, codes.
    pub(super) fn rigid(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().enumerate().filter(|(_, column)| column.is_rigid()).map(|(index, _)| index)
    }
}

impl Column {
    fn meet(&mut self, text: &str) {
        self.cells += 1;
        if text.is_empty() {
            self.empty += 1;
            return;
        }
        let count = |map: &mut HashMap<String, u32>, key: String| {
            if map.len() < MOST || map.contains_key(&key) {
                *map.entry(key).or_default() += 1;
            }
        };
        count(&mut self.values, text.to_owned());
        count(&mut self.shapes, shape_of(text));
        count(&mut self.coarse, coarse_of(text));
    }

    fn filled(&self) -> u32 {
        self.cells - self.empty
    }

    /// Few forms that hold for nearly all cells, with figures in them.
    fn is_rigid(&self) -> bool {
        let mut counts: Vec<(&String, u32)> =
            self.coarse.iter().map(|(form, count)| (form, *count)).collect();
        // By form too: a file must be read alike each time.
        counts.sort_unstable_by_key(|(form, count)| (Reverse(*count), *form));
        let common = counts.iter().take(3);
        let with_figures: u32 = common.filter(|(form, _)| form.contains('9')).map(|(_, count)| count).sum();
        self.filled() >= FEW && with_figures * 10 >= self.filled() * 9
    }

    fn fit(&self, text: &str) -> Fit {
        if self.cells < FEW {
            return 0;
        }
        if text.is_empty() {
            return match self.empty * 20 / self.cells {
                0 if self.empty == 0 => STRANGE / 2,
                0 => 0,
                1..=9 => 2,
                _ => 4,
            };
        }
        let seen = |map: &HashMap<String, u32>, key: &str| map.get(key).copied().unwrap_or(0);
        let repeats = self.values.len() < MOST && self.values.len() * 3 <= self.filled() as usize;
        if repeats && seen(&self.values, text) > 0 {
            return 6;
        }
        let exact = seen(&self.shapes, &shape_of(text));
        let coarse = seen(&self.coarse, &coarse_of(text));
        match (exact * 20 >= self.filled(), coarse * 20 >= self.filled()) {
            (true, _) => 5,
            (false, true) => 3,
            _ if coarse > 0 => 1,
            _ if self.is_rigid() => STRANGE,
            _ => self.fit_of_free_text(text),
        }
    }

    /// A column of words: something without letters is odd there.
    fn fit_of_free_text(&self, text: &str) -> Fit {
        let lettered: u32 =
            self.coarse.iter().filter(|(form, _)| form.contains('a')).map(|(_, count)| count).sum();
        let mostly = lettered * 10 >= self.filled() * 9;
        if mostly && !text.chars().any(char::is_alphabetic) { STRANGE / 2 } else { 0 }
    }

    fn best(&self) -> Fit {
        if self.cells < FEW { 0 } else { 5 }
    }
}

/// The text with figures as `9` and letters as `a`.
fn shape_of(text: &str) -> String {
    text.chars().map(class).collect()
}

/// The same with runs taken together.
fn coarse_of(text: &str) -> String {
    let mut coarse = String::new();
    for letter in text.chars().map(class) {
        if !coarse.ends_with(letter) || !matches!(letter, '9' | 'a') {
            coarse.push(letter);
        }
    }
    coarse
}

fn class(letter: char) -> char {
    match letter {
        _ if letter.is_ascii_digit() => '9',
        _ if letter.is_alphabetic() => 'a',
        '\u{a0}' => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::row::CellKind;

    fn shapes(lines: &[&str]) -> Shapes {
        let rows: Vec<Row> = lines
            .iter()
            .map(|line| {
                let mut row = Row::new();
                line.split(';').for_each(|cell| row.push(cell, CellKind::Text));
                row
            })
            .collect();
        Shapes::learn(rows.iter(), lines[0].split(';').count())
    }

    const DAY: [&str; 5] = [
        "1.8.2026;Аспирин;4;LOT-1",
        "2.8.2026;Аналгин;12;LOT-2",
        "2.8.2026;Витамин C;7;",
        "3.8.2026;Йод;1;LOT-11",
        "4.8.2026;Йод;3;LOT-9",
    ];

    #[test]
    fn columns_with_a_form_of_their_own_are_known() {
        assert_eq!(shapes(&DAY).rigid().collect::<Vec<_>>(), [0, 2, 3]);
    }

    #[test]
    fn a_cell_fits_its_own_column_best() {
        let shapes = shapes(&DAY);
        assert!(shapes.fit_at(0, "30.11.2026") > 0 && shapes.fit_at(2, "30.11.2026") < 0);
        assert!(shapes.fit_at(2, "100") > 0 && shapes.fit_at(0, "100") < 0 && shapes.fit_at(1, "100") < 0);
        assert!(shapes.fit_at(3, "") > shapes.fit_at(0, ""));
        assert!(
            shapes.fit(["1.8.2026", "Йод", "4", "LOT-3"].into_iter())
                > shapes.fit(["Йод", "1.8.2026", "4", "LOT-3"].into_iter())
        );
        assert_eq!(shapes.fit(["1"].into_iter()), None);
    }
}
