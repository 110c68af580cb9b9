//! Workbooks that are read as a whole, each with its own reader, behind one face.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use calamine::{
    Data, DataRef, Ods, OdsError, Range, Reader, Sheet, SheetType, SheetVisible, Xls, XlsError, Xlsb,
    XlsbError,
};

use super::frames::Record;
use super::shown::{Face, Shown};
use crate::table::choice::{Listed, Oddities};
use crate::table::error::Error;
use crate::table::number::{DayCount, push_value};
use crate::table::reading::Format;
use crate::table::row::CellKind;

/// Takes one row after another; false when it needs no more.
pub(super) type Each<'a> = &'a mut dyn FnMut(&Record) -> Result<bool, Error>;

/// A workbook in memory.
pub(super) trait Book {
    /// Its tables in order.
    fn sheets(&self) -> Vec<Listed>;
    /// Gives the rows of one of them, from the first one.
    fn read(&mut self, sheet: &str, each: Each<'_>) -> Result<(), Error>;
    /// What is hidden or merged in a sheet whose header is this row and has so many columns, where that is known.
    fn oddities(&mut self, _sheet: &str, _header: u32, _columns: u32) -> Oddities {
        Oddities::default()
    }
    /// From which day its days are counted, where that is known.
    fn day_count(&mut self) -> Option<DayCount> {
        None
    }
}

/// A workbook's cells, and how it shows them.
struct Shows<B> {
    cells: B,
    shown: Shown,
}

impl<B> Shows<B> {
    fn boxed(cells: B, path: &Path, format: Format) -> Box<dyn Book>
    where
        Self: Book + 'static,
    {
        Box::new(Self { cells, shown: Shown::new(path, format) })
    }
}

fn place(sheets: &[Sheet], name: &str) -> Option<usize> {
    sheets.iter().position(|sheet| sheet.name == name)
}

fn counted(from_1904: bool) -> DayCount {
    if from_1904 { DayCount::From1904 } else { DayCount::From1900 }
}

type Input = BufReader<File>;

fn input(path: &Path) -> Result<Input, Error> {
    Ok(BufReader::new(File::open(path)?))
}

fn listed(sheets: &[Sheet]) -> Vec<Listed> {
    let tables = sheets.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    tables
        .map(|sheet| Listed { name: sheet.name.clone(), visible: sheet.visible == SheetVisible::Visible })
        .collect()
}

/// Excel 97-2003.
pub(super) fn xls(path: &Path) -> Result<Box<dyn Book>, Error> {
    let cells: Xls<Input> = Xls::new(input(path)?).map_err(xls_error)?;
    Ok(Shows::boxed(cells, path, Format::Xls))
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function of the error in map_err")]
fn xls_error(error: XlsError) -> Error {
    match error {
        XlsError::Password => Error::Protected,
        XlsError::Io(error) => Error::Io(error),
        other => Error::Broken(other.to_string()),
    }
}

impl Book for Shows<Xls<Input>> {
    fn sheets(&self) -> Vec<Listed> {
        listed(self.cells.sheets_metadata())
    }

    fn read(&mut self, sheet: &str, each: Each<'_>) -> Result<(), Error> {
        let face = self.shown.face(place(self.cells.sheets_metadata(), sheet));
        rows_of(&self.cells.worksheet_range(sheet).map_err(xls_error)?, face, each)
    }

    fn oddities(&mut self, sheet: &str, header: u32, columns: u32) -> Oddities {
        let merged = self.cells.merge_cells_by_sheet_name(sheet).unwrap_or_default();
        // Rows are counted from 0 there, so the header's number is the first row below it.
        let below = merged.iter().filter(|range| range.end.0 >= header).count();
        let place = place(self.cells.sheets_metadata(), sheet);
        let merged = u32::try_from(below).unwrap_or(u32::MAX);
        Oddities { merged, ..self.shown.oddities(place, header, columns) }
    }

    fn day_count(&mut self) -> Option<DayCount> {
        Some(counted(self.cells.has_1904_epoch()))
    }
}

/// `OpenDocument`.
pub(super) fn ods(path: &Path) -> Result<Box<dyn Book>, Error> {
    let cells: Ods<Input> = Ods::new(input(path)?).map_err(ods_error)?;
    Ok(Shows::boxed(cells, path, Format::Ods))
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function of the error in map_err")]
fn ods_error(error: OdsError) -> Error {
    match error {
        OdsError::Password => Error::Protected,
        OdsError::Io(error) => Error::Io(error),
        // What is repeated takes no room in the file, and one cell for each time in memory.
        OdsError::CellLimitExceeded { max, .. } => Error::Cells(max as u64),
        other => Error::Broken(other.to_string()),
    }
}

impl Book for Shows<Ods<Input>> {
    fn sheets(&self) -> Vec<Listed> {
        listed(self.cells.sheets_metadata())
    }

    fn read(&mut self, sheet: &str, each: Each<'_>) -> Result<(), Error> {
        let face = self.shown.face(place(self.cells.sheets_metadata(), sheet));
        rows_of(&self.cells.worksheet_range(sheet).map_err(ods_error)?, face, each)
    }

    fn oddities(&mut self, sheet: &str, header: u32, columns: u32) -> Oddities {
        self.shown.oddities(place(self.cells.sheets_metadata(), sheet), header, columns)
    }

    fn day_count(&mut self) -> Option<DayCount> {
        self.shown.day_count()
    }
}

/// Gives the rows of a range, and the cells whose formulas were never calculated: they have no value, so some may
/// stand beside the range or below it.
fn rows_of(range: &Range<Data>, face: Option<&Face>, each: Each<'_>) -> Result<(), Error> {
    let Some((first_row, first_column)) = range.start() else { return Ok(()) };
    let last = range.end().map(|(row, _)| row).max(face.and_then(Face::last_uncalculated));
    let (mut record, mut scratch) = (Record::default(), String::new());
    let mut rows = range.rows();
    for row in first_row..=last.unwrap_or(first_row) {
        record.start(row.saturating_add(1));
        let mut open = face.into_iter().flat_map(|face| face.uncalculated(row)).peekable();
        for (column, cell) in (first_column..).zip(rows.next().unwrap_or_default()) {
            while let Some(open) = open.next_if(|open| *open < column) {
                record.push_uncalculated(open)?;
            }
            if open.next_if_eq(&column).is_some() {
                record.push_uncalculated(column)?;
            } else if !matches!(cell, Data::Empty) {
                let zeros = face.map_or(0, |face| face.zeros(row, column));
                record.push(column, |out| write(cell, zeros, &mut scratch, out))?;
            }
        }
        open.try_for_each(|open| record.push_uncalculated(open))?;
        if !record.is_empty() && !each(&record)? {
            return Ok(());
        }
    }
    Ok(())
}

fn write(cell: &Data, mask: usize, scratch: &mut String, out: &mut String) -> (CellKind, bool) {
    let value = match cell {
        Data::String(text) => {
            out.push_str(text);
            return (if is_error(text) { CellKind::Error } else { CellKind::Text }, false);
        }
        Data::Int(value) => DataRef::Int(*value),
        Data::Float(value) => DataRef::Float(*value),
        Data::Bool(value) => DataRef::Bool(*value),
        Data::DateTime(value) => DataRef::DateTime(*value),
        Data::DateTimeIso(text) => DataRef::DateTimeIso(text.clone()),
        Data::DurationIso(text) => DataRef::DurationIso(text.clone()),
        Data::Error(error) => DataRef::Error(error.clone()),
        Data::Empty => DataRef::Empty,
    };
    push_value(&value, mask, scratch, out)
}

/// An .ods keeps errors as texts.
fn is_error(text: &str) -> bool {
    const ERRORS: [&str; 7] = ["#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"];
    text.starts_with('#') && ERRORS.contains(&text)
        || text
            .strip_prefix("Err:")
            .is_some_and(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A binary workbook. Its cells are read as a stream, so only its strings are kept.
pub(super) fn xlsb(path: &Path) -> Result<Box<dyn Book>, Error> {
    let cells: Xlsb<Input> = Xlsb::new(input(path)?).map_err(xlsb_error)?;
    Ok(Shows::boxed(cells, path, Format::Xlsb))
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function of the error in map_err")]
fn xlsb_error(error: XlsbError) -> Error {
    match error {
        XlsbError::Password => Error::Protected,
        XlsbError::Io(error) => Error::Broken(error.to_string()),
        other => Error::Broken(other.to_string()),
    }
}

impl Book for Shows<Xlsb<Input>> {
    fn sheets(&self) -> Vec<Listed> {
        listed(self.cells.sheets_metadata())
    }

    fn read(&mut self, sheet: &str, each: Each<'_>) -> Result<(), Error> {
        let face = self.shown.face(place(self.cells.sheets_metadata(), sheet));
        let mut reader = self.cells.worksheet_cells_reader(sheet).map_err(xlsb_error)?;
        let (mut record, mut scratch) = (Record::default(), String::new());
        let mut present = None;
        while let Some(cell) = reader.next_cell().map_err(xlsb_error)? {
            let (row, column) = cell.get_position();
            if matches!(cell.get_value(), DataRef::Empty) {
                continue;
            }
            if present != Some(row) {
                if present.is_some() && !record.is_empty() && !each(&record)? {
                    return Ok(());
                }
                present = Some(row);
                record.start(row.saturating_add(1));
            }
            record.push(column, |out| {
                let zeros = face.map_or(0, |face| face.zeros(row, column));
                push_value(cell.get_value(), zeros, &mut scratch, out)
            })?;
        }
        if present.is_some() && !record.is_empty() {
            each(&record)?;
        }
        Ok(())
    }

    fn oddities(&mut self, sheet: &str, header: u32, columns: u32) -> Oddities {
        self.shown.oddities(place(self.cells.sheets_metadata(), sheet), header, columns)
    }

    fn day_count(&mut self) -> Option<DayCount> {
        Some(counted(self.cells.has_1904_epoch()))
    }
}
