//! Which row holds the names of the columns.

use std::collections::HashSet;

use super::error::Error;
use super::row::{Header, Row};
use super::shape::Shapes;
use crate::model::names::fold;

/// Rows at the top of a file among which the header is looked for.
pub(super) const PREVIEW: usize = 100;
/// No header is looked for below this row, whatever a mapping says.
const LOWEST_HEADER: u32 = 10_000;

/// Column names that are expected, folded so that spelling does not matter.
pub(super) struct Wanted(HashSet<String>);

impl Wanted {
    pub(super) fn new(expect: &[String]) -> Self {
        Self(expect.iter().map(|name| fold(without_count(name))).filter(|name| !name.is_empty()).collect())
    }

    /// Whether nobody expects anything.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many of the names stand in a row.
    pub(super) fn matches(&self, row: &Row) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        let found: HashSet<&String> = row.cells().filter_map(|cell| self.0.get(&fold(cell.text))).collect();
        found.len()
    }

    /// The most names that any of the rows has.
    pub(super) fn best(&self, rows: &[Row]) -> usize {
        rows.iter().map(|row| self.matches(row)).max().unwrap_or(0)
    }
}

/// `Код#2` asks for the second column named `Код`.
fn without_count(name: &str) -> &str {
    match name.rsplit_once('#') {
        Some((name, count)) if !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    }
}

/// The header: its last row as Excel counts, 0 where there is none, and its columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FoundHeader {
    pub(super) row: u32,
    /// Rows it takes.
    pub(super) rows: u32,
    pub(super) columns: Vec<Header>,
}

/// How many rows must be looked at to find the header.
pub(super) fn rows_needed(stated: Option<u32>) -> usize {
    stated.map_or(PREVIEW, |row| PREVIEW.max(row.min(LOWEST_HEADER) as usize))
}

/// Most rows of one header.
const MOST_ROWS: usize = 3;

/// Finds the header among the first rows: where it is said to be, else by the expected names, else by its looks.
/// `stated` is its last row, and how many rows it takes.
pub(super) fn find(rows: &[Row], stated: Option<(u32, u32)>, wanted: &Wanted) -> Result<FoundHeader, Error> {
    let only = |row: &Row| FoundHeader { row: row.number(), rows: 1, columns: columns_of(&[row]) };
    match stated {
        Some((0, _)) => Ok(none(rows)),
        Some((last, count)) => {
            let at = rows.iter().position(|row| row.number() == last).ok_or(Error::NoHeader(last))?;
            let first = at.saturating_sub(count.max(1) as usize - 1);
            Ok(of_rows(rows.get(first..=at).unwrap_or_default()))
        }
        None => match by_names(rows, wanted) {
            Some(row) => Ok(only(row)),
            None => by_looks(rows).map(|at| around(rows, at)).ok_or(Error::Empty),
        },
    }
}

/// No header: columns have letters only.
fn none(rows: &[Row]) -> FoundHeader {
    FoundHeader { row: 0, rows: 0, columns: nameless(usual_width(rows)) }
}

fn of_rows(rows: &[Row]) -> FoundHeader {
    let lines: Vec<&Row> = rows.iter().collect();
    let row = rows.last().map_or(0, Row::number);
    FoundHeader { row, rows: u32::try_from(rows.len()).unwrap_or(1), columns: columns_of(&lines) }
}

/// The header around the row that looks like one: none at all where it looks like the rows below it, several rows
/// where its neighbours look as little like data as itself.
fn around(rows: &[Row], at: usize) -> FoundHeader {
    let width = rows.get(at).map_or(0, Row::len);
    let below = |from: usize| Shapes::learn(rows.iter().skip(from), width);
    // Further rows of the header would teach what data does not look like.
    let shapes = below(at + MOST_ROWS);
    let known = if shapes.rigid().next().is_some() { &shapes } else { &below(at + 1) };
    if is_data(rows.get(at), known) {
        return none(rows);
    }
    let alike = |row: Option<&Row>| row.is_some_and(|row| row.len() == width && is_heading(row, &shapes));
    // The upper row of two names groups: it has gaps, or says the same again.
    let groups = |upper: usize| rows.get(upper).is_some_and(has_gaps);
    let mut last = at;
    while last + 1 - at < MOST_ROWS && alike(rows.get(last + 1)) && (groups(last) || groups(last + 1)) {
        last += 1;
    }
    let mut first = at;
    while first > 0 && last + 1 - first < MOST_ROWS && alike(rows.get(first - 1)) && groups(first - 1) {
        first -= 1;
    }
    of_rows(rows.get(first..=last).unwrap_or_default())
}

/// Whether a row has the forms of the rows below it.
fn is_data(row: Option<&Row>, shapes: &Shapes) -> bool {
    let Some(row) = row else { return false };
    let (mut fits, mut strange) = (0, 0);
    for (column, text) in rigid_cells(row, shapes) {
        if shapes.fit_at(column, text) > 1 { fits += 1 } else { strange += 1 }
    }
    fits > strange
}

/// Whether a row names columns: words, and no figures where figures stand below.
fn is_heading(row: &Row, shapes: &Shapes) -> bool {
    let cells: Vec<_> = rigid_cells(row, shapes).collect();
    let strange = cells.iter().all(|(column, text)| shapes.fit_at(*column, text) < 0);
    let lettered = |text: &str| text.is_empty() || text.chars().any(char::is_alphabetic);
    let named = row.cells().all(|cell| lettered(cell.text.trim()));
    !cells.is_empty() && strange && named && words(row) >= 2
}

/// Whether a cell of a row is empty, or repeats another.
fn has_gaps(row: &Row) -> bool {
    let mut seen = HashSet::new();
    row.cells().any(|cell| cell.text.trim().is_empty() || !seen.insert(cell.text.trim()))
}

/// The filled cells of a row in columns with a form of their own.
fn rigid_cells<'r>(row: &'r Row, shapes: &'r Shapes) -> impl Iterator<Item = (usize, &'r str)> {
    shapes
        .rigid()
        .filter_map(|column| Some((column, row.cell(column)?.text.trim())))
        .filter(|(_, text)| !text.is_empty())
}

/// The first row with the most expected names, if there is one at all.
fn by_names<'a>(rows: &'a [Row], wanted: &Wanted) -> Option<&'a Row> {
    let best = wanted.best(rows);
    if best == 0 { None } else { rows.iter().find(|row| wanted.matches(row) == best) }
}

/// The first row that has nearly as many cells of words as any row: titles have fewer, data has figures.
fn by_looks(rows: &[Row]) -> Option<usize> {
    let most = rows.iter().map(words).max()?;
    rows.iter().position(|row| words(row) * 4 >= most * 3 && !row.is_blank())
}

/// Cells of a row that hold words rather than figures or dates.
fn words(row: &Row) -> usize {
    row.cells()
        .filter(|cell| {
            let text = cell.text.trim();
            text.chars().any(char::is_alphabetic) && !text.starts_with(|first: char| first.is_ascii_digit())
        })
        .count()
}

/// The columns of a header, its rows joined by blanks.
fn columns_of(rows: &[&Row]) -> Vec<Header> {
    let width = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let name = |index: usize| {
        let parts = rows.iter().filter_map(|row| row.cell(index)).map(|cell| clean(cell.text));
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    };
    (0..width).map(|index| Header { name: name(index).into(), index }).collect()
}

/// A header's text without blanks and byte-order marks around it.
fn clean(text: &str) -> &str {
    text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{FEFF}')
}

fn nameless(width: usize) -> Vec<Header> {
    (0..width).map(|index| Header { name: "".into(), index }).collect()
}

/// The width that most rows have; of two equally frequent ones the greater.
fn usual_width(rows: &[Row]) -> usize {
    let frequency = |width: usize| rows.iter().filter(|row| row.len() == width).count();
    rows.iter().map(Row::len).max_by_key(|width| (frequency(*width), *width)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::row::CellKind;

    fn rows(lines: &[&str]) -> Vec<Row> {
        let row_of = |(at, line): (usize, &&str)| {
            let mut row = Row::new();
            row.start(u32::try_from(at).unwrap() + 1);
            line.split(';').for_each(|cell| row.push(cell, CellKind::Text));
            row
        };
        lines.iter().enumerate().map(row_of).collect()
    }

    fn find_in(lines: &[&str], stated: Option<u32>, expect: &[&str]) -> u32 {
        let expect: Vec<String> = expect.iter().map(|name| (*name).to_owned()).collect();
        find(&rows(lines), stated.map(|row| (row, 1)), &Wanted::new(&expect)).unwrap().row
    }

    const SHEET: [&str; 5] = [
        "Справка за движенията;;;",
        "Период: 01.11 - 30.11;;;",
        "Дата;Код;Количество;Партида",
        "01.11.2024;100;5;AB1",
        "02.11.2024;101;6;AB2",
    ];

    #[test]
    fn the_header_is_found_below_titles() {
        assert_eq!(find_in(&SHEET, None, &["партида", "Код#2"]), 3, "by names");
        assert_eq!(find_in(&SHEET, None, &[]), 3, "by looks");
        assert_eq!(find_in(&SHEET, Some(2), &["Партида"]), 2, "a mapping's word wins");
        assert_eq!(find_in(&SHEET, Some(0), &[]), 0);
    }

    #[test]
    fn no_header_means_columns_without_names() {
        let found = find(&rows(&SHEET), Some((0, 1)), &Wanted::new(&[])).unwrap();
        assert_eq!(found.columns.len(), 4);
        assert_eq!(&*found.columns[3].label(), "D");
    }

    #[test]
    fn a_header_below_the_end_is_refused() {
        assert!(matches!(find(&rows(&SHEET), Some((9, 1)), &Wanted::new(&[])), Err(Error::NoHeader(9))));
    }

    const DAY: [&str; 5] = [
        "01.11.2024;Йод;5;AB1",
        "02.11.2024;Аналгин;6;AB2",
        "03.11.2024;Йод;7;",
        "04.11.2024;;8;AB4",
        "05.11.2024;Йод;9;AB5",
    ];

    #[test]
    fn data_is_no_header() {
        let found = find(&rows(&DAY), None, &Wanted::new(&[])).unwrap();
        assert_eq!((found.row, found.columns.len()), (0, 4));
    }

    #[test]
    fn a_header_of_several_rows_is_joined() {
        let lines = [&["Справка", "Дата;Стока;Брой;Партида", "ден;име;оп.;"], &DAY[..]].concat();
        let found = find(&rows(&lines), None, &Wanted::new(&[])).unwrap();
        let names: Vec<_> = found.columns.iter().map(|column| column.name.to_string()).collect();
        assert_eq!((found.row, found.rows), (3, 2));
        assert_eq!(names, ["Дата ден", "Стока име", "Брой оп.", "Партида"]);
        let pinned = find(&rows(&lines), Some((3, 2)), &Wanted::new(&[])).unwrap();
        assert_eq!(pinned, found);
    }
}
