//! Which row holds the names of the columns.

use std::collections::HashSet;

use super::error::Error;
use super::row::{Header, Row};
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

/// The header: its row as Excel counts, 0 where there is none, and its columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FoundHeader {
    pub(super) row: u32,
    pub(super) columns: Vec<Header>,
}

/// How many rows must be looked at to find the header.
pub(super) fn rows_needed(stated: Option<u32>) -> usize {
    stated.map_or(PREVIEW, |row| PREVIEW.max(row.min(LOWEST_HEADER) as usize))
}

/// Finds the header among the first rows: where it is said to be, else by the expected names, else by its looks.
pub(super) fn find(rows: &[Row], stated: Option<u32>, wanted: &Wanted) -> Result<FoundHeader, Error> {
    let row = match stated {
        Some(0) => return Ok(FoundHeader { row: 0, columns: nameless(usual_width(rows)) }),
        Some(number) => rows.iter().find(|row| row.number() == number).ok_or(Error::NoHeader(number))?,
        None => by_names(rows, wanted).or_else(|| by_looks(rows)).ok_or(Error::Empty)?,
    };
    Ok(FoundHeader { row: row.number(), columns: columns_of(row) })
}

/// The first row with the most expected names, if there is one at all.
fn by_names<'a>(rows: &'a [Row], wanted: &Wanted) -> Option<&'a Row> {
    let best = wanted.best(rows);
    if best == 0 { None } else { rows.iter().find(|row| wanted.matches(row) == best) }
}

/// The first row that has nearly as many cells of words as any row: titles have fewer, data has figures.
fn by_looks(rows: &[Row]) -> Option<&Row> {
    let most = rows.iter().map(words).max()?;
    rows.iter().find(|row| words(row) * 4 >= most * 3 && !row.is_blank())
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

fn columns_of(row: &Row) -> Vec<Header> {
    row.cells().enumerate().map(|(index, cell)| Header { name: clean(cell.text).into(), index }).collect()
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
        find(&rows(lines), stated, &Wanted::new(&expect)).unwrap().row
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
        let found = find(&rows(&SHEET), Some(0), &Wanted::new(&[])).unwrap();
        assert_eq!(found.columns.len(), 4);
        assert_eq!(&*found.columns[3].label(), "D");
    }

    #[test]
    fn a_header_below_the_end_is_refused() {
        assert!(matches!(find(&rows(&SHEET), Some(9), &Wanted::new(&[])), Err(Error::NoHeader(9))));
    }
}
