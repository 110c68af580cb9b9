//! A binary workbook: parts of an archive, of records whose kind and length take one to four bytes each.
//! (MS-XLSB, sections 2.1.4 and 2.4.)

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};

use quick_xml::events::Event;
use zip::ZipArchive;

use super::{Face, Seen, cut, digits, long, part, short, wide};
use crate::table::error::Error;
use crate::table::number::mask_of;

const ROW: u32 = 0;
const RK: u32 = 2;
const REAL: u32 = 5;
const FORMULA_NUMBER: u32 = 9;
/// The highest kind of a cell's record.
const LAST_CELL: u32 = 11;
const FORMAT: u32 = 44;
const STYLE: u32 = 47;
const COLUMNS: u32 = 60;
const END_SHEET: u32 = 130;
const MERGED: u32 = 176;
const SHEET: u32 = 156;
const BEGIN_STYLES: u32 = 617;
const END_STYLES: u32 = 618;

/// Styles of a workbook; Excel allows 65,490.
const STYLES: usize = 65_536;
/// Bytes of a record's body that are looked at.
const BODY: u64 = 16 * 1024;

pub(super) fn look(file: File) -> Result<Seen, Error> {
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(io::Error::from)?;
    let masks = part(&mut archive, "xl/styles.bin")?.map(styles).transpose()?.unwrap_or_default();
    let targets = part(&mut archive, "xl/_rels/workbook.bin.rels")?.map(targets).transpose()?;
    let workbook = part(&mut archive, "xl/workbook.bin")?;
    let parts = workbook.map(|part| sheets(part, &targets.unwrap_or_default())).transpose()?;
    let masks_of = |name: String| match part(&mut archive, &name)? {
        Some(part) => sheet(part, &masks),
        None => Ok(Face::default()),
    };
    let sheets = parts.unwrap_or_default().into_iter().map(masks_of).collect::<Result<_, _>>()?;
    // The other reader tells from which day is counted.
    Ok(Seen { sheets, day_count: None })
}

struct Records<R> {
    stream: BufReader<R>,
    /// Of the present record, its first bytes.
    body: Vec<u8>,
}

impl<R: Read> Records<R> {
    fn new(stream: R) -> Self {
        Self { stream: BufReader::new(stream), body: Vec::new() }
    }

    /// Reads the next record; what it is. None at the end.
    fn next(&mut self) -> Result<Option<u32>, Error> {
        let kind = match self.number(2) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        };
        let length = u64::from(self.number(4)?);
        self.body.clear();
        let kept = self.stream.by_ref().take(length.min(BODY)).read_to_end(&mut self.body)? as u64;
        let rest = length.saturating_sub(BODY);
        if kept < length.min(BODY) || io::copy(&mut self.stream.by_ref().take(rest), &mut io::sink())? < rest
        {
            return Err(cut());
        }
        Ok(Some(kind))
    }

    /// A number of at most so many bytes, seven bits in each, the lowest first.
    fn number(&mut self, most: u32) -> io::Result<u32> {
        let mut number = 0;
        for place in 0..most {
            let mut byte = [0];
            self.stream.read_exact(&mut byte)?;
            let [byte] = byte;
            number |= u32::from(byte & 0x7F) << (7 * place);
            if byte & 0x80 == 0 {
                break;
            }
        }
        Ok(number)
    }
}

/// The mask of each style.
fn styles(part: impl Read) -> Result<Vec<u8>, Error> {
    let (mut formats, mut masks) = (HashMap::new(), Vec::new());
    let mut records = Records::new(part);
    // Named styles stand in a list of their own.
    let mut inside = false;
    while let Some(kind) = records.next()? {
        let body = records.body.as_slice();
        match kind {
            BEGIN_STYLES => inside = true,
            END_STYLES => break,
            FORMAT => {
                let format = text(body, 2).ok_or_else(cut)?;
                formats.insert(short(body, 0).ok_or_else(cut)?, digits(mask_of(&format)));
            }
            STYLE if inside && masks.len() < STYLES => {
                let format = short(body, 2).ok_or_else(cut)?;
                masks.push(formats.get(&format).copied().unwrap_or(0));
            }
            _ => {}
        }
    }
    Ok(masks)
}

/// The parts of the sheets in order.
fn sheets(part: impl Read, targets: &HashMap<String, String>) -> Result<Vec<String>, Error> {
    let mut records = Records::new(part);
    let mut sheets = Vec::new();
    while let Some(kind) = records.next()? {
        // A sheet that was never saved has no part; the other reader does not count it either.
        if kind == SHEET && long(&records.body, 8) != Some(u32::MAX) {
            let id = text(&records.body, 8).ok_or_else(cut)?;
            sheets.push(targets.get(&id).cloned().unwrap_or_default());
        }
    }
    Ok(sheets)
}

/// The parts of the workbook by the names of their relationships.
fn targets(part: impl Read) -> Result<HashMap<String, String>, Error> {
    let mut targets = HashMap::new();
    let mut reader = quick_xml::Reader::from_reader(BufReader::new(part));
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(io::Error::other)? {
            Event::Start(tag) | Event::Empty(tag) if tag.name().0 == "Relationship" => {
                let text = |name| Some(tag.try_get_attribute(name).ok()??.value.into_owned());
                targets.extend(text("Id").zip(text("Target").map(|target| of_workbook(&target))));
            }
            Event::Eof => return Ok(targets),
            _ => {}
        }
    }
}

/// A target as a part's name.
fn of_workbook(target: &str) -> String {
    target.strip_prefix('/').map_or_else(|| format!("xl/{target}"), str::to_owned)
}

/// The text there, behind its length in letters.
fn text(body: &[u8], at: usize) -> Option<String> {
    let length = 2 * usize::try_from(long(body, at)?).ok()?;
    body.get(at + 4..(at + 4).checked_add(length)?).map(wide)
}

/// How one sheet is shown. Each of its formulas has a result, as there is no record of one without.
fn sheet(part: impl Read, styles: &[u8]) -> Result<Face, Error> {
    let mut records = Records::new(part);
    let (mut face, mut row, mut hidden) = (Face::default(), 0_u32, false);
    while let Some(kind) = records.next()? {
        let body = records.body.as_slice();
        if std::mem::take(&mut hidden) && (1..=LAST_CELL).contains(&kind) {
            face.odd.hide_row(row.saturating_add(1));
        }
        match kind {
            ROW => {
                row = long(body, 0).ok_or_else(cut)?;
                hidden = body.get(11).is_some_and(|flags| flags & 0x10 > 0);
            }
            RK | REAL | FORMULA_NUMBER => {
                let (column, style) = long(body, 0).zip(long(body, 4)).ok_or_else(cut)?;
                // The highest byte is about something else.
                let style = usize::try_from(style & 0x00FF_FFFF).unwrap_or(usize::MAX);
                face.masks.note(row, column, styles.get(style).copied().unwrap_or(0))?;
            }
            COLUMNS if short(body, 16).is_some_and(|flags| flags & 1 > 0) => {
                let (first, last) = long(body, 0).zip(long(body, 4)).ok_or_else(cut)?;
                face.odd.hide_columns(first.saturating_add(1), last.saturating_add(1));
            }
            MERGED => face.odd.merge(long(body, 4).ok_or_else(cut)?.saturating_add(1)),
            END_SHEET => break,
            _ => {}
        }
    }
    Ok(face.sorted())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(kind: u16, body: &[u8]) -> Vec<u8> {
        let [low, high] = [kind & 0x7F, kind >> 7].map(|byte| u8::try_from(byte).unwrap());
        let kind = if kind < 0x80 { vec![low] } else { vec![low | 0x80, high] };
        let length = [body.len() % 128 + 128, body.len() / 128].map(|byte| u8::try_from(byte).unwrap());
        [&kind, &length[..], body].concat()
    }

    fn shorts(numbers: &[u16]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn longs(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn wide(text: &str) -> Vec<u8> {
        let letters: Vec<u16> = text.encode_utf16().collect();
        [longs(&[u32::try_from(letters.len()).unwrap()]), shorts(&letters)].concat()
    }

    /// A part of these records.
    fn of(records: &[(u32, Vec<u8>)]) -> Vec<u8> {
        records.iter().flat_map(|(kind, body)| record(u16::try_from(*kind).unwrap(), body)).collect()
    }

    #[test]
    fn the_style_of_a_cell_is_one_of_the_cells_list() {
        let format = |number: u16, text: &str| (FORMAT, [shorts(&[number]), wide(text)].concat());
        let style = |format: u16| (STYLE, shorts(&[0, format, 0, 0]));
        let part = of(&[
            format(164, "00000"),
            format(165, "#,##0"),
            (626, Vec::new()),
            style(164),
            (627, Vec::new()),
            (BEGIN_STYLES, longs(&[3])),
            style(0),
            style(164),
            style(165),
            (END_STYLES, Vec::new()),
        ]);
        assert_eq!(styles(part.as_slice()).unwrap(), [0, 5, 0]);
    }

    #[test]
    fn every_kind_of_number_has_the_mask_of_its_style() {
        let cell = |kind, column, style| (kind, longs(&[column, style, 0, 0]));
        let part = of(&[
            (ROW, longs(&[4])),
            cell(RK, 0, 1),
            cell(7, 1, 1),
            cell(REAL, 2, 0x0100_0001),
            (ROW, longs(&[5])),
            (300, vec![1; 16_300]),
            cell(FORMULA_NUMBER, 0, 2),
            cell(RK, 1, 99),
            (END_SHEET, Vec::new()),
            cell(RK, 5, 1),
        ]);
        let masks = sheet(part.as_slice(), &[0, 5, 6]).unwrap();
        let zeros = |row, column| masks.zeros(row, column);
        assert_eq!([zeros(4, 0), zeros(4, 2), zeros(5, 0), zeros(5, 1), zeros(4, 5)], [5, 5, 6, 0, 0]);
    }

    #[test]
    fn what_is_hidden_or_merged_is_seen() {
        let row = |number: u32, flags: u8| (ROW, [longs(&[number, 0]), vec![0, 0, 0, flags, 0]].concat());
        let cell = (7, longs(&[0, 0, 0]));
        let part = of(&[
            (COLUMNS, [longs(&[1, 2, 0, 0]), vec![1, 0]].concat()),
            (COLUMNS, [longs(&[3, 9, 0, 0]), vec![2, 0]].concat()),
            row(0, 0x10),
            cell.clone(),
            row(1, 0x10),
            cell.clone(),
            cell.clone(),
            row(2, 0x10),
            row(3, 0),
            cell,
            (146, Vec::new()),
            (MERGED, longs(&[0, 0, 0, 4])),
            (MERGED, longs(&[2, 3, 0, 0])),
            (END_SHEET, Vec::new()),
        ]);
        let odd = sheet(part.as_slice(), &[]).unwrap().odd.oddities(1, 2);
        assert_eq!((odd.hidden_rows, odd.hidden_columns, odd.merged), (1, 1, 1));
    }

    #[test]
    fn sheets_are_counted_as_the_other_reader_counts_them() {
        let rels = r#"<Relationships><Relationship Id="a" Target="worksheets/sheet1.bin"/>
            <Relationship Id="b" Target="/xl/worksheets/sheet2.bin"></Relationship></Relationships>"#;
        let targets = targets(rels.as_bytes()).unwrap();
        let sheet = |id: &str| (SHEET, [longs(&[0, 1]), wide(id), wide("x")].concat());
        let unsaved = (SHEET, longs(&[0, 1, u32::MAX, 0]));
        let part = of(&[sheet("b"), unsaved, sheet("a"), sheet("c")]);
        let parts = sheets(part.as_slice(), &targets).unwrap();
        assert_eq!(parts, ["xl/worksheets/sheet2.bin", "xl/worksheets/sheet1.bin", ""]);
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_something_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (styles(bytes.as_slice()), sheet(bytes.as_slice(), &[0, 5]), targets(bytes.as_slice()));
            let _ = sheets(bytes.as_slice(), &HashMap::new());
        }
    }
}
