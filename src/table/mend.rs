//! A damaged row put right, where the shapes of its columns prove how.
//!
//! Every way of reading the row that gives the right number of cells is weighed against the columns
//! ([`Shapes`]). One way must be clearly better than any that gives other cells, and must itself fit; otherwise
//! the row stays as it is, and says so.

use super::general::{Dialect, Quote, split};
use super::shape::{Fit, Shapes};

/// What was wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// A delimiter too many: an empty cell, or a text cut in two.
    Surplus,
    /// A delimiter too few: two cells in one.
    Missing,
    /// Cells divided by another delimiter than in the other rows.
    OtherDelimiter,
    /// Cells in other quotes than in the other rows.
    OtherQuote,
    /// A quote too many.
    StrayQuote,
}

impl Damage {
    /// In words, Bulgarian and English.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Surplus => ("разделител в повече", "a delimiter too many"),
            Self::Missing => ("липсващ разделител", "a delimiter too few"),
            Self::OtherDelimiter => ("друг разделител", "another delimiter"),
            Self::OtherQuote => ("други кавички", "other quotes"),
            Self::StrayQuote => ("кавичка в повече", "a quote too many"),
        }
    }
}

/// A row as it must have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mended {
    pub(super) cells: Vec<String>,
    pub(super) damage: Damage,
    /// The cell where it was found, 0 for the first; none where it is about the whole row.
    pub(super) at: Option<usize>,
}

/// A way to read the row.
struct Way {
    mended: Mended,
    fit: Fit,
}

/// How much better the best way must be than the next.
const MARGIN: Fit = 2;
/// Cells beyond which a row is not tried: it is no single slip.
const MOST_OFF: usize = 1;

/// Puts a row right whose record, quotes and all, is `record`, and whose cells as read are `cells`; none where
/// nothing proves how.
pub(super) fn mend(record: &str, cells: &[&str], dialect: &Dialect, shapes: &Shapes) -> Option<Mended> {
    let width = shapes.width();
    if width < 2 || shapes.best() == 0 {
        return None;
    }
    let mut ways = Vec::new();
    other_dialects(record, dialect, shapes, &mut ways);
    if ways.is_empty() {
        stray_quotes(record, dialect, shapes, &mut ways);
        if cells.len() > width && cells.len() - width <= MOST_OFF {
            surplus(cells, dialect, shapes, &mut ways);
        }
        if cells.len() < width && width - cells.len() <= MOST_OFF {
            missing(cells, shapes, &mut ways);
        }
    }
    best(ways, shapes)
}

/// The clear winner, if it fits at all.
fn best(mut ways: Vec<Way>, shapes: &Shapes) -> Option<Mended> {
    ways.sort_by_key(|way| -way.fit);
    let mut ways = ways.into_iter();
    let winner = ways.next()?;
    let rival = ways.find(|way| way.mended.cells != winner.mended.cells);
    let clear = rival.is_none_or(|rival| winner.fit - rival.fit >= MARGIN);
    (clear && winner.fit * 2 >= shapes.best()).then_some(winner.mended)
}

fn weigh(cells: Vec<String>, damage: Damage, at: Option<usize>, shapes: &Shapes, ways: &mut Vec<Way>) {
    if let Some(fit) = shapes.fit(cells.iter().map(String::as_str)) {
        ways.push(Way { mended: Mended { cells, damage, at }, fit });
    }
}

/// The record read under another delimiter, or with the other quote.
fn other_dialects(record: &str, dialect: &Dialect, shapes: &Shapes, ways: &mut Vec<Way>) {
    for delimiter in [";", ",", "\t", "|", ":", " "] {
        for quote in [dialect.quote, Quote::Double, Quote::Single] {
            let other = Dialect { delimiter: delimiter.as_bytes().to_vec(), quote, ..dialect.clone() };
            if other == *dialect {
                continue;
            }
            let read = split(record, &other);
            let damage = if other.delimiter == dialect.delimiter {
                Damage::OtherQuote
            } else {
                Damage::OtherDelimiter
            };
            let quotes = read.quoted > 0 || damage == Damage::OtherDelimiter;
            if quotes && !read.stray && read.cells.len() == shapes.width() {
                weigh(read.cells, damage, None, shapes, ways);
            }
        }
    }
    // Such a row has nothing of the usual reading: it must fit well to be taken for one.
    ways.retain(|way| way.fit * 2 >= shapes.best());
}

/// Each quote left out in turn.
fn stray_quotes(record: &str, dialect: &Dialect, shapes: &Shapes, ways: &mut Vec<Way>) {
    let quote = char::from(dialect.quote.byte());
    let places: Vec<usize> = record.match_indices(quote).map(|(at, _)| at).take(32).collect();
    for at in places {
        let (before, behind) = (record.get(..at).unwrap_or_default(), record.get(at + quote.len_utf8()..));
        let without = format!("{before}{}", behind.unwrap_or_default());
        let read = split(&without, dialect);
        if !read.stray && read.cells.len() == shapes.width() {
            let cell = split(before, dialect).cells.len().saturating_sub(1);
            weigh(read.cells, Damage::StrayQuote, Some(cell), shapes, ways);
        }
    }
}

/// One cell too many: an empty one left out, or two joined again.
fn surplus(cells: &[&str], dialect: &Dialect, shapes: &Shapes, ways: &mut Vec<Way>) {
    let delimiter = String::from_utf8_lossy(&dialect.delimiter).into_owned();
    for at in 0..cells.len() {
        let (before, rest) = cells.split_at(at);
        let Some((cell, behind)) = rest.split_first() else { continue };
        if cell.trim().is_empty() {
            weigh(owned(before.iter().chain(behind)), Damage::Surplus, Some(at), shapes, ways);
        }
        if let Some((next, behind)) = behind.split_first()
            && !cell.is_empty()
            && !next.is_empty()
        {
            for joined in [format!("{cell}{delimiter}{next}"), format!("{cell}{next}")] {
                let joined = joined.as_str();
                weigh(
                    owned(before.iter().chain([&joined]).chain(behind)),
                    Damage::Surplus,
                    Some(at),
                    shapes,
                    ways,
                );
            }
        }
    }
}

/// One cell too few: a cell cut where both halves fit, or an empty one put in.
fn missing(cells: &[&str], shapes: &Shapes, ways: &mut Vec<Way>) {
    for at in 0..cells.len() {
        let (before, rest) = cells.split_at(at);
        let Some((cell, behind)) = rest.split_first() else { continue };
        for (place, _) in cell.char_indices() {
            let (left, right) = cell.split_at(place);
            let halves = before.iter().chain([&left, &right]).chain(behind);
            weigh(owned(halves), Damage::Missing, Some(at), shapes, ways);
        }
    }
    weigh(owned(cells.iter().chain([&""])), Damage::Missing, Some(cells.len()), shapes, ways);
}

fn owned<'c>(cells: impl Iterator<Item = &'c &'c str>) -> Vec<String> {
    cells.map(|cell| (*cell).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::row::{CellKind, Row};

    const DAY: [&str; 6] = [
        "1.8.2026;Аспирин;4;LOT-1;1000",
        "2.8.2026;Аналгин;12;LOT-2;4000",
        "2.8.2026;Витамин C;7;;1000",
        "3.8.2026;Йод;1;LOT-11;1000",
        "4.8.2026;Йод;3;LOT-9;4000",
        "14.8.2026;Маска;13;LOT-19;4000",
    ];

    fn mended(record: &str) -> Option<(String, Damage)> {
        let dialect = Dialect::plain(b';');
        let row_of = |line: &&str| {
            let mut row = Row::new();
            split(line, &dialect).cells.iter().for_each(|cell| row.push(cell, CellKind::Text));
            row
        };
        let rows: Vec<Row> = DAY.iter().map(row_of).collect();
        let shapes = Shapes::learn(rows.iter(), 5);
        let cells = split(record, &dialect).cells;
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        mend(record, &cells, &dialect, &shapes).map(|mended| (mended.cells.join("|"), mended.damage))
    }

    #[test]
    fn a_row_is_put_right_where_its_columns_prove_how() {
        for (record, wanted, damage) in [
            ("1.8.20264;LOT-1;1000", None, Damage::Missing),
            ("1.8.2026Аспирин;4;LOT-1;1000", Some("1.8.2026|Аспирин|4|LOT-1|1000"), Damage::Missing),
            ("1.8.2026;Аспирин;4LOT-1;1000", Some("1.8.2026|Аспирин|4|LOT-1|1000"), Damage::Missing),
            ("1.8.2026;Аспирин;;4;LOT-1;1000", Some("1.8.2026|Аспирин|4|LOT-1|1000"), Damage::Surplus),
            ("1.8.2026;Асп;ирин;4;LOT-1;1000", Some("1.8.2026|Аспирин|4|LOT-1|1000"), Damage::Surplus),
            ("1.8.2026,Аспирин,4,LOT-1,1000", Some("1.8.2026|Аспирин|4|LOT-1|1000"), Damage::OtherDelimiter),
            ("1.8.2026;'Асп;ирин';4;LOT-1;1000", Some("1.8.2026|Асп;ирин|4|LOT-1|1000"), Damage::OtherQuote),
            ("1.8.2026;\"Аспирин;4;LOT-1;1000", Some("1.8.2026|Аспирин|4|LOT-1|1000"), Damage::StrayQuote),
        ] {
            let found = mended(record);
            assert_eq!(found.as_ref().map(|(cells, _)| cells.as_str()), wanted, "{record}");
            assert!(found.is_none_or(|found| found.1 == damage), "{record}");
        }
    }
}
