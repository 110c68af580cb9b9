//! What the cells of each column look like: by it a damaged row shows where its cells belong.
//!
//! A cell's shape is its text with every digit as `9` and letters by alphabet and case; a column knows which values,
//! which shapes, which coarse shapes (runs of one kind taken together) and which pairs of neighbouring kinds it has
//! met. How well a cell fits is how much likelier its text is in this column than anywhere at all, in natural
//! logarithms: so ways to divide the same text can be compared. Nothing here is about meaning.

use std::collections::HashMap;

use compact_str::CompactString;
use foldhash::fast::FixedState;

use super::row::Row;

/// Different values or shapes of one column that are remembered.
const MOST: usize = 400;
/// Cells that must have been seen before a column's word counts.
const FEW: u32 = 3;
/// Letters of a cell that are looked at.
const LETTERS: usize = 400;

/// How well cells fit; greater is better, 0 says nothing.
pub(super) type Fit = f64;

/// A cell that fits worse is none of its column.
pub(super) const STRANGE: Fit = -5.0;

type Counts<K> = HashMap<K, u32, FixedState>;

/// The columns of a table, as its first rows show them.
#[derive(Debug, Clone, Default)]
pub(super) struct Shapes {
    columns: Vec<Column>,
    rows: u32,
    /// Rows in which a blank stands behind every delimiter.
    padded: u32,
    /// Rows with at most half of their cells filled.
    thin: u32,
}

/// What was met in one column.
#[derive(Debug, Clone, Default)]
struct Column {
    cells: u32,
    empty: u32,
    /// Of the empty ones those in rows that are not thin.
    gaps: u32,
    values: Counts<CompactString>,
    shapes: Counts<CompactString>,
    coarse: Counts<CompactString>,
    pairs: Counts<(char, char)>,
    firsts: Counts<char>,
}

impl Shapes {
    /// Learns from rows of the right width all that damaged rows are weighed by.
    pub(super) fn learn<'r>(rows: impl Iterator<Item = &'r Row> + Clone, width: usize) -> Self {
        let mut shapes = Self::forms(rows.clone(), width);
        for row in rows.filter(|row| is_sound(row, width)) {
            shapes
                .columns
                .iter_mut()
                .zip(row.cells())
                .for_each(|(column, cell)| column.meet_pairs(cell.text.trim()));
        }
        shapes
    }

    /// Learns which forms the cells have, and no more.
    pub(super) fn forms<'r>(rows: impl Iterator<Item = &'r Row>, width: usize) -> Self {
        let mut shapes = Self { columns: vec![Column::default(); width], ..Self::default() };
        for row in rows.filter(|row| is_sound(row, width)) {
            shapes.rows += 1;
            shapes.padded += u32::from(row.is_padded());
            let filled = row.cells().filter(|cell| !cell.text.trim().is_empty()).count();
            let is_thin = filled * 2 <= width;
            shapes.thin += u32::from(is_thin);
            for (column, cell) in shapes.columns.iter_mut().zip(row.cells()) {
                column.meet(cell.text.trim());
                column.gaps += u32::from(!is_thin && cell.text.trim().is_empty());
            }
        }
        shapes
    }

    /// Number of columns.
    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// Number of rows that were learned from.
    pub(super) fn rows(&self) -> u32 {
        self.rows
    }

    /// Whether rows with a blank behind every delimiter are rare.
    pub(super) fn is_rarely_padded(&self) -> bool {
        self.padded * 10 <= self.rows + 5
    }

    /// Whether a column has other cells of exactly this form.
    pub(super) fn knows_shape(&self, column: usize, cell: &str) -> bool {
        let shape = shape_of(cell.trim());
        self.columns.get(column).is_some_and(|column| column.shapes.get(&shape).is_some_and(|met| *met > 1))
    }

    /// Whether a column has nothing in several rows, and in one of ten.
    pub(super) fn is_often_empty(&self, column: usize) -> bool {
        self.columns.get(column).is_some_and(|column| column.empty > 1 && column.empty * 10 >= column.cells)
    }

    /// Whether enough rows were met to judge by.
    pub(super) fn can_tell(&self) -> bool {
        self.rows >= FEW
    }

    /// How well cells fit the columns; none where their number differs.
    pub(super) fn fit<'c>(&self, cells: impl ExactSizeIterator<Item = &'c str>) -> Option<Fit> {
        (cells.len() == self.width())
            .then(|| self.columns.iter().zip(cells).map(|(column, cell)| column.fit(cell.trim())).sum())
    }

    /// How well one cell fits one column.
    pub(super) fn fit_at(&self, column: usize, cell: &str) -> Fit {
        self.columns.get(column).map_or(0.0, |column| column.fit(cell.trim()))
    }

    /// Columns whose cells have a form of their own: figures, dates, codes.
    pub(super) fn rigid(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().enumerate().filter(|(_, column)| column.is_rigid()).map(|(index, _)| index)
    }

    /// Columns in which nearly every row has something.
    pub(super) fn mostly_filled(&self) -> impl Iterator<Item = usize> {
        let full = self.rows - self.thin;
        let rare = self.thin * 10 <= self.rows + 9;
        let filled = move |column: &Column| rare && column.gaps * 20 <= full;
        self.columns.iter().enumerate().filter(move |(_, column)| filled(column)).map(|(index, _)| index)
    }

    /// Whether a cell with figures was met.
    pub(super) fn have_figures(&self) -> bool {
        self.columns.iter().any(|column| column.coarse.keys().any(|form| form.contains(['9', '0'])))
    }

    /// Whether a row has something in most of the columns in which nearly every row has.
    pub(super) fn is_as_full(&self, row: &Row) -> bool {
        let is_usual = |column: &Column| column.filled() > 0 && column.empty * 20 <= column.cells;
        let usual = || self.columns.iter().zip(row.cells()).filter(|(column, _)| is_usual(column));
        let filled = usual().filter(|(_, cell)| !cell.text.trim().is_empty()).count();
        filled * 3 > self.columns.iter().filter(|column| is_usual(column)).count() * 2
    }

    /// Whether a column has other cells of this form.
    pub(super) fn knows_form(&self, column: usize, cell: &str) -> bool {
        let form = coarse_of(&shape_of(cell.trim()));
        self.columns.get(column).is_some_and(|column| column.coarse.get(&form).is_some_and(|met| *met > 1))
    }

    /// Whether a column has this very text in other rows.
    pub(super) fn has_value(&self, column: usize, text: &str) -> bool {
        !text.is_empty() && self.columns.get(column).is_some_and(|column| column.values.contains_key(text))
    }

    /// Whether a column has a cell of this form at all.
    pub(super) fn has_met(&self, column: usize, cell: &str) -> bool {
        let form = coarse_of(&shape_of(cell.trim()));
        self.columns.get(column).is_some_and(|column| column.coarse.contains_key(&form))
    }

    /// Whether a column's cells repeat a few values, and this is none of them.
    pub(super) fn is_new_at(&self, column: usize, cell: &str) -> bool {
        self.columns
            .get(column)
            .is_some_and(|column| column.repeats() && !cell.is_empty() && !column.values.contains_key(cell))
    }

    /// Whether a column's cells repeat a few values, and this is one of them.
    pub(super) fn is_known_at(&self, column: usize, cell: &str) -> bool {
        self.columns.get(column).is_some_and(|column| column.repeats() && column.values.contains_key(cell))
    }
}

impl Column {
    fn meet(&mut self, text: &str) {
        self.cells += 1;
        if text.is_empty() {
            self.empty += 1;
            return;
        }
        count(&mut self.values, text.into());
        let shape = shape_of(text);
        count(&mut self.coarse, coarse_of(&shape));
        count(&mut self.shapes, shape);
    }

    fn meet_pairs(&mut self, text: &str) {
        let mut before = EDGE;
        for class in shape_of(text).chars().take(LETTERS).chain([EDGE]).filter(|_| !text.is_empty()) {
            count(&mut self.pairs, (before, class));
            count(&mut self.firsts, before);
            before = class;
        }
    }

    fn filled(&self) -> u32 {
        self.cells - self.empty
    }

    fn repeats(&self) -> bool {
        self.filled() >= 2 * FEW
            && self.values.len() < MOST
            && self.values.len() * 3 <= self.filled() as usize
    }

    /// Few forms that hold for nearly all cells, with figures in them.
    fn is_rigid(&self) -> bool {
        let mut counts: Vec<u32> = self
            .coarse
            .iter()
            .filter(|(form, _)| form.contains(['9', '0']))
            .map(|(_, count)| *count)
            .collect();
        counts.sort_unstable_by(|one, other| other.cmp(one));
        let with_figures: u32 = counts.iter().take(3).sum();
        self.filled() >= FEW && with_figures * 10 >= self.filled() * 9
    }

    /// The logarithm of how much likelier the text is here than anywhere.
    fn fit(&self, text: &str) -> Fit {
        if self.cells < FEW {
            return 0.0;
        }
        let all = f64::from(self.cells) + 1.0;
        if text.is_empty() && self.empty == 0 {
            return 2.0 * STRANGE;
        }
        if text.is_empty() {
            return ((f64::from(self.empty) + 0.2) / all).ln() - 0.3_f64.ln();
        }
        ((f64::from(self.filled()) + 0.2) / all).ln() + self.fit_of_filled(text) - 0.7_f64.ln()
    }

    fn fit_of_filled(&self, text: &str) -> Fit {
        let shape = shape_of(text);
        let coarse = coarse_of(&shape);
        // What a letter tells beyond its kind is the same everywhere, unless the whole value is known.
        let letters: f64 = shape.chars().map(within).sum();
        let anywhere = f64::from(u32::try_from(shape.chars().count().min(LETTERS)).unwrap_or(0)) * KINDS.ln();
        let all = f64::from(self.filled()) + 1.0;
        // What was met only once may be the damage itself.
        let again = |met: Option<&u32>| met.filter(|met| **met > 1).map(|met| f64::from(met - 1));
        let part = |met: Option<&u32>| again(met).map_or(f64::NEG_INFINITY, |met| (met / all).ln());
        // How much of this column new forms are: as many as were met once.
        let once = self.shapes.values().filter(|met| **met == 1).count();
        let novelty = ((f64::from(u32::try_from(once).unwrap_or(0)) + 0.5) / all).ln();
        let runs = f64::from(u32::try_from(coarse.chars().count().min(LETTERS)).unwrap_or(0));
        let chances = [
            0.4_f64.ln() + part(self.values.get(text)) + letters,
            0.25_f64.ln() + part(self.shapes.get(&shape)),
            0.2_f64.ln() + part(self.coarse.get(&coarse)) - runs * 1.2 + novelty,
            0.15_f64.ln() + self.chance_of_pairs(&shape) + novelty,
        ];
        let best = chances.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        best + chances.iter().map(|chance| (chance - best).exp()).sum::<f64>().ln() + anywhere
    }

    fn chance_of_pairs(&self, shape: &str) -> f64 {
        let mut before = EDGE;
        let mut chance = 0.0;
        for class in shape.chars().take(LETTERS).chain([EDGE]) {
            let met = |count: Option<&u32>| f64::from(count.map_or(0, |count| count.saturating_sub(1)));
            let pair = met(self.pairs.get(&(before, class))) + 0.03;
            chance += (pair / (met(self.firsts.get(&before)) + 0.03 * 40.0)).ln();
            before = class;
        }
        chance
    }
}

/// A row with one filled cell of several may be a line of text below the table, and teaches nothing.
fn is_sound(row: &Row, width: usize) -> bool {
    let filled = || row.cells().filter(|cell| !cell.text.trim().is_empty());
    row.issues().is_empty() && row.is_as_wide_as(width) && filled().nth(usize::from(width > 2)).is_some()
}

/// Kinds of letters that a text may be thought of: digits, four kinds of letters, and the usual signs.
const KINDS: f64 = 12.0;
/// Before the first letter and behind the last.
const EDGE: char = '\u{0}';

fn count<K: std::hash::Hash + Eq>(map: &mut Counts<K>, key: K) {
    if let Some(count) = map.get_mut(&key) {
        *count += 1;
    } else if map.len() < MOST {
        map.insert(key, 1);
    }
}

/// The text by kinds of letters. A zero that leads other figures is a kind of its own.
fn shape_of(text: &str) -> CompactString {
    let mut shape = CompactString::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut before = EDGE;
    while let Some(letter) = letters.next() {
        let leads =
            letter == '0' && !matches!(before, '0' | '9') && letters.peek().is_some_and(char::is_ascii_digit);
        before = if leads { '0' } else { class(letter) };
        shape.push(before);
    }
    shape
}

/// The same with runs taken together.
fn coarse_of(shape: &str) -> CompactString {
    let mut coarse = CompactString::default();
    for class in shape.chars() {
        let class = if class == '0' { '9' } else { class };
        if !coarse.ends_with(class) || !matches!(class, '9' | 'a' | 'A' | 'б' | 'Б') {
            coarse.push(class);
        }
    }
    coarse
}

fn class(letter: char) -> char {
    match letter {
        '0'..='9' => '9',
        'a'..='z' => 'a',
        'A'..='Z' => 'A',
        'а'..='я' => 'б',
        'А'..='Я' => 'Б',
        '\u{a0}' => ' ',
        other if !other.is_alphabetic() => other,
        other if other.is_lowercase() => 'a',
        _ => 'A',
    }
}

/// The logarithm of how many letters a kind has.
fn within(class: char) -> f64 {
    match class {
        '9' => std::f64::consts::LN_10,
        'a' | 'A' | 'б' | 'Б' => 3.3,
        _ => 0.0,
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
        assert!(shapes.fit_at(0, "30.11.2026") > 0.0 && shapes.fit_at(2, "30.11.2026") < STRANGE);
        assert!(shapes.fit_at(2, "100") > 0.0 && shapes.fit_at(0, "100") + 3.0 < shapes.fit_at(2, "100"));
        assert!(shapes.fit_at(3, "") > shapes.fit_at(0, ""));
        assert!(
            shapes.fit(["1.8.2026", "Йод", "4", "LOT-3"].into_iter())
                > shapes.fit(["Йод", "1.8.2026", "4", "LOT-3"].into_iter())
        );
        assert_eq!(shapes.fit(["1"].into_iter()), None);
    }
}
