//! Excel 97-2003, and 5.0/95: records of a kind, a length and a body, in one stream of a compound file.
//! The format of a cell is named by an index in each cell's record. (MS-XLS, sections 2.3 and 2.4.)

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};

use super::{Face, Seen, cut, digits, long, short, wide};
use crate::table::error::Error;
use crate::table::number::mask_of;

const FORMULA: u16 = 0x0006;
const END: u16 = 0x000A;
const COLUMNS: u16 = 0x007D;
const BOUND_SHEET: u16 = 0x0085;
const MUL_RK: u16 = 0x00BD;
const XF: u16 = 0x00E0;
const NUMBER: u16 = 0x0203;
const ROW: u16 = 0x0208;
const RK: u16 = 0x027E;
const FORMAT: u16 = 0x041E;
const BEGIN: u16 = 0x0809;

pub(super) fn look(file: File) -> Result<Seen, Error> {
    let mut book = cfb::CompoundFile::open(file)?;
    let name = if book.is_stream("/Workbook") { "/Workbook" } else { "/Book" };
    // The other reader tells from which day is counted.
    Ok(Seen { sheets: sheets(book.open_stream(name)?)?, day_count: None })
}

/// How all sheets are shown.
fn sheets(stream: impl Read + Seek) -> Result<Vec<Face>, Error> {
    let mut records = Records { stream: BufReader::new(stream), body: Vec::new() };
    let globals = Globals::read(&mut records)?;
    let (mut styles, mut calculated) = (globals.masks(), false);
    if styles.iter().all(|zeros| *zeros == 0) {
        styles.clear();
    }
    let mut sheets = Vec::new();
    for place in &globals.sheets {
        let mut sheet = Sheet { styles: &styles, face: Face::default(), calculated: false };
        sheet.read(&mut records, *place)?;
        calculated |= sheet.calculated;
        sheets.push(sheet.face);
    }
    // An empty text may be what a formula came to. Where none came to anything else, none was ever calculated.
    if calculated {
        for face in &mut sheets {
            face.uncalculated.clear();
        }
    }
    Ok(sheets.into_iter().map(Face::sorted).collect())
}

struct Records<R> {
    stream: BufReader<R>,
    /// Of the present record.
    body: Vec<u8>,
}

impl<R: Read + Seek> Records<R> {
    /// Reads the next record; what it is. None at the end.
    fn next(&mut self) -> Result<Option<u16>, Error> {
        let mut head = [0; 4];
        match self.stream.read_exact(&mut head) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let [kind, length] = [short(&head, 0), short(&head, 2)].map(Option::unwrap_or_default);
        self.body.resize(usize::from(length), 0);
        self.stream.read_exact(&mut self.body)?;
        Ok(Some(kind))
    }
}

/// What stands before all sheets.
#[derive(Default)]
struct Globals {
    /// Masks by the number of their format.
    formats: HashMap<u16, u8>,
    /// The format of each style.
    styles: Vec<u16>,
    /// Where each sheet begins in the stream.
    sheets: Vec<u32>,
}

impl Globals {
    fn read(records: &mut Records<impl Read + Seek>) -> Result<Self, Error> {
        let mut globals = Self::default();
        let mut old = false;
        while let Some(kind) = records.next()? {
            let body = records.body.as_slice();
            match kind {
                BEGIN => old = short(body, 0).is_some_and(|version| version < 0x0600),
                FORMAT => {
                    let number = short(body, 0).ok_or_else(cut)?;
                    globals.formats.insert(number, digits(mask_of(&format(body, old).ok_or_else(cut)?)));
                }
                XF => globals.styles.push(short(body, 2).ok_or_else(cut)?),
                BOUND_SHEET => globals.sheets.push(long(body, 0).ok_or_else(cut)?),
                END => break,
                _ => {}
            }
        }
        Ok(globals)
    }

    /// The mask of each style.
    fn masks(&self) -> Vec<u8> {
        self.styles.iter().map(|format| self.formats.get(format).copied().unwrap_or(0)).collect()
    }
}

/// The text of a format. Excel 95 counts its bytes; later ones count letters, which have one byte or two.
fn format(body: &[u8], old: bool) -> Option<String> {
    let letters = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect();
    if old {
        let length = usize::from(*body.get(2)?);
        return body.get(3..3 + length).map(letters);
    }
    let length = usize::from(short(body, 2)?);
    if body.get(4)? & 1 == 0 {
        body.get(5..5 + length).map(letters)
    } else {
        body.get(5..5 + 2 * length).map(wide)
    }
}

/// A sheet that is looked through.
struct Sheet<'a> {
    /// The mask of each style; none where no style has any.
    styles: &'a [u8],
    face: Face,
    /// Whether a program that calculates has written any of its formulas.
    calculated: bool,
}

impl Sheet<'_> {
    /// Reads the sheet that begins at this place.
    fn read(&mut self, records: &mut Records<impl Read + Seek>, place: u32) -> Result<(), Error> {
        records.stream.seek(SeekFrom::Start(place.into()))?;
        // A chart on a sheet is a stream within the stream, with numbers of its own.
        let mut depth = 0_u32;
        while let Some(kind) = records.next()? {
            match kind {
                BEGIN => depth += 1,
                END if depth <= 1 => break,
                END => depth -= 1,
                kind if depth == 1 => self.take(kind, &records.body)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, kind: u16, body: &[u8]) -> Result<(), Error> {
        match kind {
            NUMBER | RK => self.note(body, &[4])?,
            FORMULA => {
                self.note(body, &[4])?;
                // The other reader refuses one that is cut.
                self.formula(body).unwrap_or(Ok(()))?;
            }
            MUL_RK => {
                // The style and the number of each cell, and behind them the last column.
                let cells: Vec<usize> = (4..body.len().saturating_sub(7)).step_by(6).collect();
                self.note(body, &cells)?;
            }
            // A row's number, its first column and the one behind its last, its height, and what it is.
            ROW if short(body, 12).is_some_and(|flags| flags & 0x20 > 0)
                && short(body, 2) < short(body, 4) =>
            {
                self.face.odd.hide_row(u32::from(short(body, 0).ok_or_else(cut)?) + 1);
            }
            COLUMNS if short(body, 8).is_some_and(|flags| flags & 1 > 0) => {
                let [first, last] = [short(body, 0), short(body, 2)].map(|at| at.map_or(0, u32::from) + 1);
                self.face.odd.hide_columns(first, last);
            }
            _ => {}
        }
        Ok(())
    }

    /// Notes the masks of a record's cells, whose styles stand at these places.
    fn note(&mut self, body: &[u8], cells: &[usize]) -> Result<(), Error> {
        if self.styles.is_empty() {
            return Ok(());
        }
        let (row, column) = short(body, 0).zip(short(body, 2)).ok_or_else(cut)?;
        for (column, place) in (u32::from(column)..).zip(cells) {
            let style = short(body, *place).ok_or_else(cut)?;
            let zeros = self.styles.get(usize::from(style)).copied().unwrap_or(0);
            self.face.masks.note(row.into(), column, zeros)?;
        }
        Ok(())
    }

    /// Notes a formula that came to an empty text. Programs that calculate keep something of their own behind it, or
    /// share it among cells.
    fn formula(&mut self, body: &[u8]) -> Option<Result<(), Error>> {
        let (row, column) = (short(body, 0)?, short(body, 2)?);
        let is_empty_text = *body.get(6)? == 3 && short(body, 12)? == 0xFFFF;
        let is_shared = short(body, 14)? & 8 > 0;
        if !is_empty_text || is_shared || long(body, 16)? > 0 {
            self.calculated = true;
            return Some(Ok(()));
        }
        Some(self.face.leave_open(row.into(), column.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn record(kind: u16, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap();
        [&kind.to_le_bytes(), &length.to_le_bytes(), body].concat()
    }

    fn numbers(numbers: &[u16]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn one(kind: u16, row: u16, column: u16, style: u16) -> Vec<u8> {
        record(kind, &[numbers(&[row, column, style]), vec![0; 8]].concat())
    }

    /// Styles 0 without a mask, 1 with five zeros, 2 with six; one sheet.
    fn book(version: u16, formats: &[Vec<u8>; 2], cells: &[Vec<u8>]) -> Vec<u8> {
        let mut globals = record(BEGIN, &numbers(&[version, 5]));
        globals.extend(formats.iter().flat_map(|format| record(FORMAT, format)));
        globals.extend([0, 170, 171].iter().flat_map(|format| record(XF, &numbers(&[0, *format]))));
        let place = u32::try_from(globals.len()).unwrap() + 4 + 8 + 4;
        globals.extend(record(BOUND_SHEET, &[&place.to_le_bytes()[..], &[0, 0, 1, 0]].concat()));
        globals.extend(record(END, &[]));
        let sheet = [record(BEGIN, &numbers(&[version, 16])), cells.concat(), record(END, &[])].concat();
        [globals, sheet].concat()
    }

    fn formats() -> [Vec<u8>; 2] {
        let narrow = [numbers(&[170, 5]), vec![0], b"00000".to_vec()].concat();
        let wide = [numbers(&[171, 6]), vec![1], numbers(&[48; 6])].concat();
        [narrow, wide]
    }

    #[test]
    fn every_kind_of_number_has_the_mask_of_its_style() {
        let many = numbers(&[3, 1, 1, 0, 0, 0, 0, 0, 2, 0, 0, 3]);
        let chart = [record(BEGIN, &numbers(&[0x0600, 32])), one(NUMBER, 0, 0, 2), record(END, &[])].concat();
        let cells = [
            one(NUMBER, 0, 0, 1),
            chart,
            one(RK, 1, 0, 2),
            one(FORMULA, 2, 0, 0),
            record(MUL_RK, &many),
            one(NUMBER, 3, 0, 77),
        ];
        let sheets = sheets(Cursor::new(book(0x0600, &formats(), &cells))).unwrap();
        let zeros = |row, column| sheets[0].zeros(row, column);
        assert_eq!([zeros(0, 0), zeros(1, 0), zeros(2, 0), zeros(3, 0)], [5, 6, 0, 0]);
        assert_eq!([zeros(3, 1), zeros(3, 2), zeros(3, 3), zeros(3, 4)], [5, 0, 6, 0]);
    }

    #[test]
    fn excel_95_counts_the_bytes_of_a_format() {
        let old = |number: u16, text: &str| [numbers(&[number]), vec![5], text.as_bytes().to_vec()].concat();
        let cells = [one(NUMBER, 0, 0, 1), one(NUMBER, 0, 1, 2)];
        let book = book(0x0500, &[old(170, "00000"), old(171, "#,##0")], &cells);
        let sheets = sheets(Cursor::new(book)).unwrap();
        assert_eq!([sheets[0].zeros(0, 0), sheets[0].zeros(0, 1)], [5, 0]);
    }

    #[test]
    fn a_record_that_is_cut_ends_it() {
        assert!(sheets(Cursor::new(book(0x0600, &formats(), &[record(NUMBER, &[0])]))).is_err());
    }

    #[test]
    fn hidden_rows_and_columns_are_seen() {
        let row = |number: u16, behind: u16, flags: u16| {
            record(ROW, &numbers(&[number, 0, behind, 255, 0, 0, flags, 15]))
        };
        let columns =
            |first: u16, last: u16, flags: u16| record(COLUMNS, &numbers(&[first, last, 0, 15, flags, 0]));
        let cells = [
            columns(0, 0, 0),
            columns(2, 255, 1),
            row(0, 2, 0x120),
            row(1, 0, 0x120),
            row(2, 2, 0x120),
            row(3, 2, 0x100),
        ];
        let sheets = sheets(Cursor::new(book(0x0600, &formats(), &cells))).unwrap();
        let odd = sheets[0].odd.oddities(1, 4);
        assert_eq!((odd.hidden_rows, odd.hidden_columns), (1, 2), "rows with cells below the header");
    }

    #[test]
    fn formulas_of_a_program_that_does_not_calculate_are_open() {
        let formula = |row: u16, result: [u16; 4], flags: u16, kept: u16| {
            record(
                FORMULA,
                &numbers(&[row, 1, 0, result[0], result[1], result[2], result[3], flags, kept, 0, 0]),
            )
        };
        let open = formula(1, [3, 0, 0, 0xFFFF], 0, 0);
        let uncalculated = |cells: &[Vec<u8>]| {
            let sheets = sheets(Cursor::new(book(0x0600, &formats(), cells))).unwrap();
            sheets[0].uncalculated.clone()
        };
        assert_eq!(uncalculated(&[open.clone(), formula(0, [3, 0, 0, 0xFFFF], 3, 0)]), [(0, 1), (1, 1)]);
        for calculated in [
            formula(2, [0, 0, 0, 0x4000], 0, 0),
            formula(2, [0, 0, 0, 0xFFFF], 0, 0),
            formula(2, [3, 0, 0, 0xFFFF], 8, 0),
            formula(2, [3, 0, 0, 0xFFFF], 0, 7),
        ] {
            assert!(uncalculated(&[open.clone(), calculated]).is_empty(), "an empty text is what it came to");
        }
    }

    proptest! {
        #[test]
        fn a_damaged_stream_ends_in_masks_or_an_error(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = book(0x0600, &formats(), &[one(NUMBER, 0, 0, 1), one(RK, 1, 0, 2)]);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = sheets(Cursor::new(bytes));
        }
    }
}
