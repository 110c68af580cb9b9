//! How a workbook shows its cells, which the reader of their values does not tell: how many digits it fills numbers
//! up to, from which day it counts, what is hidden or merged, and which formulas were never calculated.
//!
//! One small reader for each kind of workbook looks through the styles and the cells. What it cannot read is not
//! known, and the cells are then read as they are stored.

mod ods;
mod xls;
mod xlsb;

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use zip::ZipArchive;
use zip::read::ZipFile;

use crate::table::choice::Oddities;
use crate::table::error::Error;
use crate::table::guard;
use crate::table::number::DayCount;
use crate::table::reading::Format;
use crate::table::records::MAX_COLUMNS;
use crate::table::sheet::unharmed;

/// Changes of a mask that are kept for a workbook, of eight bytes each. A sheet has a few for each column; one with
/// more than these shows nothing that a person could read.
const MOST: usize = 1 << 21;

/// What was seen of a workbook; looked for when it is first asked for.
pub(super) struct Shown {
    path: PathBuf,
    format: Format,
    seen: Option<Seen>,
}

/// What a workbook shows.
#[derive(Debug, Default)]
struct Seen {
    /// Each sheet in order.
    sheets: Vec<Face>,
    /// Where only this reader tells it.
    day_count: Option<DayCount>,
}

impl Shown {
    pub(super) fn new(path: &Path, format: Format) -> Self {
        Self { path: path.to_owned(), format, seen: None }
    }

    /// How a sheet is shown, by its place in the workbook; none where that is not known.
    pub(super) fn face(&mut self, sheet: Option<usize>) -> Option<&Face> {
        self.seen().sheets.get(sheet?)
    }

    /// What is hidden or merged in a sheet whose header is this row and has so many columns.
    pub(super) fn oddities(&mut self, sheet: Option<usize>, header: u32, columns: u32) -> Oddities {
        self.face(sheet).map_or_else(Oddities::default, |face| face.odd.oddities(header, columns))
    }

    /// From which day an .ods counts; none where it is another day than those of Excel.
    pub(super) fn day_count(&mut self) -> Option<DayCount> {
        self.seen().day_count
    }

    fn seen(&mut self) -> &Seen {
        let Self { path, format, seen } = self;
        seen.get_or_insert_with(|| unharmed(|| look(path, *format)).unwrap_or_default())
    }
}

fn look(path: &Path, format: Format) -> Result<Seen, Error> {
    let file = File::open(path)?;
    match format {
        Format::Xls => xls::look(file),
        Format::Xlsb => xlsb::look(file),
        Format::Ods => ods::look(file),
        Format::Csv | Format::Xlsx | Format::Html => Ok(Seen::default()),
    }
}

/// How a sheet is shown. Rows and columns of cells are counted from 0.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Face {
    masks: Masks,
    /// What is hidden or merged; counted from 1.
    odd: guard::Seen,
    /// Cells whose formula was never calculated, in order.
    uncalculated: Vec<(u32, u32)>,
}

impl Face {
    /// The digits that a number of this cell is filled up to; 0 if it is not.
    pub(super) fn zeros(&self, row: u32, column: u32) -> usize {
        self.masks.zeros(row, column)
    }

    /// Columns of a row whose formulas were never calculated.
    pub(super) fn uncalculated(&self, row: u32) -> impl Iterator<Item = u32> {
        let from = self.uncalculated.partition_point(|(known, _)| *known < row);
        let of_row = self.uncalculated.iter().skip(from).take_while(move |(known, _)| *known == row);
        of_row.map(|(_, column)| *column)
    }

    /// The last row with a formula that was never calculated.
    pub(super) fn last_uncalculated(&self) -> Option<u32> {
        self.uncalculated.last().map(|(row, _)| *row)
    }

    fn leave_open(&mut self, row: u32, column: u32) -> Result<(), Error> {
        if (column as usize) < MAX_COLUMNS {
            self.uncalculated.push((row, column));
        }
        if self.uncalculated.len() > MOST { Err(endless()) } else { Ok(()) }
    }

    /// Makes it ready to be asked.
    fn sorted(mut self) -> Self {
        self.uncalculated.sort_unstable();
        self.uncalculated.dedup();
        Self { masks: self.masks.sorted(), ..self }
    }
}

/// Which of a sheet's numbers are filled up with zeros. Masks go down a column, so only their changes are kept.
#[derive(Debug, Default, PartialEq)]
struct Masks {
    columns: Vec<Column>,
    changes: usize,
}

#[derive(Debug, Default, Clone, PartialEq)]
struct Column {
    /// From which row on which mask stands, in order.
    runs: Vec<(u32, u8)>,
    /// The last row that was noted in order.
    last: u32,
    /// Cells that came later than one below them; some programs write sheets so.
    late: Vec<(u32, u8)>,
}

impl Masks {
    /// The digits that a number of this cell, counted from 0, is filled up to; 0 if it is not.
    fn zeros(&self, row: u32, column: u32) -> usize {
        let known = self.columns.get(column as usize).map_or(0, |column| column.zeros(row));
        usize::from(known)
    }

    /// Notes the mask of a number, also where it has none. Numbers that are not noted have that of the one above.
    fn note(&mut self, row: u32, column: u32, zeros: u8) -> Result<(), Error> {
        let column = column as usize;
        if column >= MAX_COLUMNS {
            return Ok(());
        }
        if column >= self.columns.len() {
            self.columns.resize(column + 1, Column::default());
        }
        if let Some(column) = self.columns.get_mut(column) {
            self.changes += usize::from(column.note(row, zeros));
        }
        if self.changes > MOST { Err(endless()) } else { Ok(()) }
    }

    /// Makes the masks ready to be asked for.
    fn sorted(mut self) -> Self {
        for column in &mut self.columns {
            column.late.sort_by_key(|(row, _)| *row);
        }
        self
    }
}

impl Column {
    /// Whether this was a change.
    fn note(&mut self, row: u32, zeros: u8) -> bool {
        if row < self.last {
            self.late.push((row, zeros));
            return true;
        }
        self.last = row;
        let changes = self.runs.last().map_or(0, |(_, zeros)| *zeros) != zeros;
        if changes {
            self.runs.push((row, zeros));
        }
        changes
    }

    fn zeros(&self, row: u32) -> u8 {
        let of = |cells: &[(u32, u8)]| {
            let above = cells.partition_point(|(known, _)| *known <= row);
            above.checked_sub(1).and_then(|at| cells.get(at).copied())
        };
        let late = of(&self.late).filter(|(known, _)| *known == row);
        late.or_else(|| of(&self.runs)).map_or(0, |(_, zeros)| zeros)
    }
}

/// The digits of a mask, as they are kept.
fn digits(zeros: usize) -> u8 {
    u8::try_from(zeros).unwrap_or(0)
}

/// The little-endian number of two bytes there.
fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

/// The little-endian number of four bytes there.
fn long(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Text of two bytes a letter.
fn wide(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).filter_map(|pair| short(pair, 0));
    char::decode_utf16(units).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// More is noted than any sheet that a person could read has.
fn endless() -> Error {
    Error::Broken("masks or formulas without end".to_owned())
}

/// A record is too short for what must stand there.
fn cut() -> Error {
    Error::Broken("a record is cut".to_owned())
}

/// A part of a workbook by its name, as programs write it. None where it is not there.
fn part<'a, R: Read + Seek>(
    archive: &'a mut ZipArchive<R>,
    name: &str,
) -> Result<Option<ZipFile<'a, R>>, Error> {
    let named = |index: &usize| {
        let known = archive.name_for_index(*index).and_then(Result::ok);
        known.is_some_and(|known| known.replace('\\', "/").eq_ignore_ascii_case(name))
    };
    let index = (0..archive.len()).find(named);
    index.map(|index| archive.by_index(index)).transpose().map_err(|error| io::Error::from(error).into())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_noted_cell_has_the_mask_that_was_noted_last(
            cells in proptest::collection::vec((0_u32..12, 0_u32..4, prop_oneof![Just(0_u8), Just(5), Just(14)]), 0..60)
        ) {
            let mut masks = Masks::default();
            let mut known = HashMap::new();
            for (row, column, zeros) in cells {
                known.insert((row, column), zeros);
                masks.note(row, column, zeros).unwrap();
            }
            let masks = masks.sorted();
            for ((row, column), zeros) in known {
                prop_assert_eq!(masks.zeros(row, column), usize::from(zeros));
            }
        }
    }
}
