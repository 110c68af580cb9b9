//! Tables in web pages, as many programs write them and name them .xls.

use std::fs::File;
use std::io::{Cursor, Read as _};
use std::path::Path;

use html5gum::{StartTag, Token, Tokenizer};

use super::books::{Book, Each};
use super::frames::{Head, Record};
use crate::table::choice::{Listed, Oddities};
use crate::table::encoding::{self, Encoding};
use crate::table::error::Error;
use crate::table::guard::CELLS;
use crate::table::reading::Reading;
use crate::table::records::MAX_CELL;
use crate::table::row::CellKind;

/// Bytes at the beginning where a page says its encoding.
const META: usize = 4 * 1024;
/// Tables inside of tables that are followed.
const DEPTH: usize = 32;
/// Rows or columns that one cell may take, and columns of a row.
const SPAN: usize = 1_024;
const WIDEST: usize = 4 * SPAN;
/// Tables that are looked at; pages of a program have few.
const TABLES: usize = 256;

/// A page's text, and which of its tables hold data.
struct Page {
    text: String,
    tables: Vec<u32>,
}

/// Reads a page. Only `#2` names a table: a sheet that is said for workbooks means nothing here.
pub(super) fn open(path: &Path, reading: &mut Reading, head: &mut Head) -> Result<Box<dyn Book>, Error> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    let text = text_of(&bytes, reading, head)?;
    drop(bytes);
    let tables = tables_with_data(&text)?;
    if tables.is_empty() {
        return Err(Error::Markup);
    }
    let is_ours = |name: &String| name.strip_prefix('#').is_some_and(|number| number.parse::<u32>().is_ok());
    reading.sheet = reading.sheet.take().filter(is_ours);
    Ok(Box::new(Page { text, tables }))
}

fn text_of(bytes: &[u8], reading: &Reading, head: &mut Head) -> Result<String, Error> {
    let mark = encoding::byte_order_mark(bytes);
    head.byte_order_mark = mark.is_some();
    let (encoding, start) = match (&reading.encoding, mark) {
        (Some(name), mark) => {
            let stated = Encoding::from_name(name);
            let stated = stated.ok_or_else(|| Error::Unknown { what: "encoding", given: name.clone() })?;
            let length = mark.filter(|(marked, _)| *marked == stated).map_or(0, |(_, length)| length);
            (stated, length)
        }
        (None, Some((marked, length))) => (marked, length),
        (None, None) => {
            let said = said_encoding(bytes.get(..META).unwrap_or(bytes));
            (said.unwrap_or_else(|| encoding::guess(bytes, reading.language).encoding), 0)
        }
    };
    head.encoding = Some(encoding.name().to_owned());
    let body = bytes.get(start..).unwrap_or_default();
    if let Some(big_endian) = encoding.utf16_order() {
        let mut text = Vec::new();
        encoding::utf16_to_utf8(Box::new(Cursor::new(body.to_vec())), big_endian).read_to_end(&mut text)?;
        return Ok(String::from_utf8_lossy(&text).into_owned());
    }
    Ok(encoding.text_of(body))
}

/// What a page says in its `<meta>`. One that can be read says so in single bytes, so UTF-16 is not meant.
fn said_encoding(start: &[u8]) -> Option<Encoding> {
    let start = start.to_ascii_lowercase();
    let at = memchr::memmem::find(&start, b"charset")? + b"charset".len();
    let rest = start.get(at..)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"").or_else(|| rest.strip_prefix(b"'")).unwrap_or(rest);
    let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_'));
    let name = std::str::from_utf8(rest.get(..end.unwrap_or(rest.len()))?).ok()?;
    Encoding::from_name(name).filter(|encoding| encoding.utf16_order().is_none())
}

/// The numbers of the tables with at least two rows of two values; if there are none, of those with any value.
fn tables_with_data(text: &str) -> Result<Vec<u32>, Error> {
    let mut seen = vec![(0_u32, 0_u32); TABLES];
    rows(text, &mut |line| {
        if let Some((rows, filled)) = seen.get_mut(line.table as usize) {
            *rows += u32::from(line.filled > 0);
            *filled += u32::from(line.filled > 1);
        }
        Ok(true)
    })?;
    let with = |least: &dyn Fn((u32, u32)) -> bool| -> Vec<u32> {
        (0..).zip(&seen).filter(|(_, seen)| least(**seen)).map(|(number, _)| number).collect()
    };
    let tables = with(&|(_, filled)| filled > 1);
    Ok(if tables.is_empty() { with(&|(rows, _)| rows > 0) } else { tables })
}

fn number_of(sheet: &str) -> Option<u32> {
    sheet.strip_prefix('#')?.parse().ok()
}

impl Book for Page {
    fn sheets(&self) -> Vec<Listed> {
        self.tables.iter().map(|number| Listed { name: format!("#{number}"), visible: true }).collect()
    }

    fn read(&mut self, sheet: &str, each: Each<'_>) -> Result<(), Error> {
        let wanted = number_of(sheet);
        rows(&self.text, &mut |line| if wanted == Some(line.table) { each(line.record) } else { Ok(true) })
    }

    fn oddities(&mut self, sheet: &str, header: u32, _columns: u32) -> Oddities {
        let (wanted, mut merged) = (number_of(sheet), 0);
        let counted = rows(&self.text, &mut |line| {
            if wanted == Some(line.table) && line.number > header {
                merged += line.merged;
            }
            Ok(true)
        });
        // The same page was read before, so nothing new can be wrong with it.
        let merged = counted.map_or(0, |()| merged);
        Oddities { merged, ..Oddities::default() }
    }
}

/// One row of one of a page's tables.
struct Line<'a> {
    /// Counted from 1 in the order the tables begin.
    table: u32,
    number: u32,
    record: &'a Record,
    /// Cells with a value.
    filled: u32,
    /// Cells that span several rows or columns.
    merged: u32,
}

type EachLine<'a> = &'a mut dyn FnMut(&Line<'_>) -> Result<bool, Error>;

/// Gives the rows of all tables as they end, those of a table inside of a cell before the cell's own.
fn rows(text: &str, each: EachLine<'_>) -> Result<(), Error> {
    let mut emitter = html5gum::DefaultEmitter::default();
    // So that a script's or a style's text is not taken for tags.
    emitter.naively_switch_states(true);
    let mut tables = Open::default();
    for token in Tokenizer::new_with_emitter(text, emitter) {
        let Ok(token) = token;
        let more = match token {
            Token::StartTag(tag) => tables.begin(&tag, each)?,
            Token::EndTag(tag) => tables.end(&tag.name, each)?,
            Token::String(text) => {
                tables.text(&String::from_utf8_lossy(&text));
                true
            }
            _ => true,
        };
        if !more {
            return Ok(());
        }
    }
    while let Some(mut table) = tables.stack.pop() {
        if !table.end_row(each)? {
            break;
        }
    }
    Ok(())
}

/// The tables that have begun and not ended, the innermost last.
#[derive(Default)]
struct Open {
    stack: Vec<Table>,
    begun: u32,
    /// Tables that are too deep inside of others to be followed.
    deeper: u32,
    /// Rows and cells of the tables that have ended.
    cells: u64,
    /// Inside of a script or a style, whose text nobody sees.
    unseen: bool,
}

#[derive(Default)]
struct Table {
    number: u32,
    row: u32,
    in_row: bool,
    in_cell: bool,
    record: Record,
    filled: u32,
    merged: u32,
    /// Rows and cells so far, with the places that cells of several rows and columns take.
    cells: u64,
    /// Where the present cell stands, and the next one would.
    column: usize,
    next: usize,
    /// How many rows each column is still taken by a cell from above.
    taken: Vec<u32>,
    text: String,
    blank: bool,
}

impl Open {
    fn begin(&mut self, tag: &StartTag<()>, each: EachLine<'_>) -> Result<bool, Error> {
        match tag.name.as_slice() {
            b"table" if self.stack.len() < DEPTH => {
                self.begun += 1;
                self.stack.push(Table { number: self.begun, ..Table::default() });
            }
            b"table" => self.deeper += 1,
            b"script" | b"style" => self.unseen = true,
            name => {
                let Some(table) = self.stack.last_mut() else { return Ok(true) };
                match name {
                    b"tr" => {
                        let more = table.end_row(each)?;
                        table.begin_row();
                        return Ok(more);
                    }
                    b"td" | b"th" => table.begin_cell(span(tag, b"colspan"), span(tag, b"rowspan"))?,
                    b"br" | b"p" | b"div" | b"li" => table.blank = true,
                    _ => {}
                }
            }
        }
        Ok(true)
    }

    fn end(&mut self, name: &[u8], each: EachLine<'_>) -> Result<bool, Error> {
        match name {
            b"table" if self.deeper > 0 => self.deeper -= 1,
            b"table" => {
                if let Some(mut table) = self.stack.pop() {
                    let more = table.end_row(each)?;
                    self.cells += table.cells;
                    return few(self.cells).map(|()| more);
                }
            }
            b"script" | b"style" => self.unseen = false,
            _ => {
                let Some(table) = self.stack.last_mut() else { return Ok(true) };
                match name {
                    b"tr" => return table.end_row(each),
                    b"td" | b"th" => table.end_cell()?,
                    b"p" | b"div" | b"li" => table.blank = true,
                    _ => {}
                }
            }
        }
        Ok(true)
    }

    fn text(&mut self, text: &str) {
        if let Some(table) = self.stack.last_mut().filter(|table| table.in_cell && !self.unseen) {
            table.write(text);
        }
    }
}

impl Table {
    fn begin_row(&mut self) {
        self.row = self.row.saturating_add(1);
        self.in_row = true;
        self.record.start(self.row);
        (self.next, self.filled, self.merged) = (0, 0, 0);
    }

    fn begin_cell(&mut self, columns: usize, rows: u32) -> Result<(), Error> {
        self.end_cell()?;
        if !self.in_row {
            self.begin_row();
        }
        while self.take_from_above(self.next) {
            self.next += 1;
        }
        self.column = self.next;
        self.next = (self.next + columns).min(WIDEST);
        if rows > 1 && self.taken.len() < self.next {
            self.taken.resize(self.next, 0);
        }
        for taken in self.taken.iter_mut().take(self.next).skip(self.column) {
            *taken = rows - 1;
        }
        self.merged += u32::from(columns > 1 || rows > 1);
        self.in_cell = true;
        self.blank = false;
        self.text.clear();
        Ok(())
    }

    /// Whether a cell from above stands in a column of this row; then it takes one row less from here on.
    fn take_from_above(&mut self, column: usize) -> bool {
        let taken = self.taken.get_mut(column).filter(|taken| **taken > 0);
        taken.map(|taken| *taken -= 1).is_some()
    }

    /// As a person sees it: blanks and line ends between words are one blank.
    fn write(&mut self, text: &str) {
        for letter in text.chars() {
            if letter.is_ascii_whitespace() {
                self.blank = true;
            } else if self.text.len() <= MAX_CELL {
                if std::mem::take(&mut self.blank) && !self.text.is_empty() {
                    self.text.push(' ');
                }
                self.text.push(letter);
            }
        }
    }

    fn end_cell(&mut self) -> Result<(), Error> {
        if !std::mem::take(&mut self.in_cell) || self.column >= WIDEST {
            return Ok(());
        }
        // A no-break space alone is how an empty cell is written.
        let text = self.text.trim();
        self.filled += u32::from(!text.is_empty());
        self.record.push(u32::try_from(self.column).unwrap_or(u32::MAX), |out| {
            out.push_str(text);
            (CellKind::Text, false)
        })
    }

    fn end_row(&mut self, each: EachLine<'_>) -> Result<bool, Error> {
        self.end_cell()?;
        if !std::mem::take(&mut self.in_row) {
            return Ok(true);
        }
        self.cells += 1 + self.next.max(self.taken.len()) as u64;
        few(self.cells)?;
        (self.next..self.taken.len()).for_each(|column| {
            self.take_from_above(column);
        });
        let (table, number, record) = (self.number, self.row, &self.record);
        each(&Line { table, number, record, filled: self.filled, merged: self.merged })
    }
}

/// A page of some megabytes may ask for any number of cells.
fn few(cells: u64) -> Result<(), Error> {
    if cells > CELLS { Err(Error::Cells(CELLS)) } else { Ok(()) }
}

/// How many rows or columns a cell takes.
fn span<T: TryFrom<usize> + From<u8>>(tag: &StartTag<()>, name: &[u8]) -> T {
    let said = tag.attributes.get(name).and_then(|value| std::str::from_utf8(value).ok());
    let said = said.and_then(|value| value.trim().parse::<usize>().ok()).unwrap_or(1);
    T::try_from(said.clamp(1, SPAN)).unwrap_or(T::from(1))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;
    use crate::table::row::Row;

    fn read(page: &[u8], reading: &Reading) -> Result<(Vec<String>, Head), Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(page).unwrap();
        let (mut head, mut reading) = (Head::default(), reading.clone());
        let mut book = open(file.path(), &mut reading, &mut head)?;
        let name = reading.sheet.unwrap_or_else(|| book.sheets()[0].name.clone());
        let mut lines = Vec::new();
        book.read(&name, &mut |record| {
            let mut row = Row::new();
            record.fill(&crate::table::records::Layout::default(), &mut row, &mut 0);
            let cells: Vec<&str> = row.cells().map(|cell| cell.text).collect();
            lines.push(format!("{}:{}", row.number(), cells.join("|")));
            Ok(true)
        })?;
        head.sheet = Some(name.clone());
        head.merged = book.oddities(&name, 1, 1).merged;
        Ok((lines, head))
    }

    fn lines(page: &str) -> Vec<String> {
        read(page.as_bytes(), &Reading::default()).unwrap().0
    }

    const PAGE: &str =
        "<!DOCTYPE html><HTML><head><meta http-equiv=Content-Type content='text/html; charset=windows-1251'>
        <style>td {mso: '<td>'}</style></head><body><table><tr><td>\u{424}ирма ЕООД</td></tr></table>
        <TABLE border=1><tr><th>Код<th>Име &amp; вид<TH NOWRAP>Брой</tr>
        <tr><td>007<td>а &lt; б<br>в</td><td>&nbsp;</td><tr><td colspan=2>x<td>1&nbsp;200,50</table></body>";

    #[test]
    fn the_first_table_with_data_is_read_as_a_person_sees_it() {
        let bytes = encoding_rs::WINDOWS_1251.encode(PAGE).0.into_owned();
        let (lines, head) = read(&bytes, &Reading::default()).unwrap();
        assert_eq!(lines, ["1:Код|Име & вид|Брой", "2:007|а < б в", "3:x||1\u{a0}200,50"]);
        assert_eq!((head.encoding.as_deref(), head.sheet.as_deref()), (Some("windows-1251"), Some("#2")));
        assert_eq!(head.merged, 1);
    }

    #[test]
    fn encodings_are_stated_marked_said_or_guessed() {
        let table =
            "<table><tr><td>Код</td><td>Име</td></tr><tr><td>Партида</td><td>Лекарство</td></tr></table>";
        let utf16: Vec<u8> =
            "\u{feff}".encode_utf16().chain(table.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let cyrillic = encoding_rs::WINDOWS_1251.encode(table).0.into_owned();
        let wrong = [b"<meta charset=\"utf-16\">", table.as_bytes()].concat();
        for (bytes, name) in [
            (table.as_bytes(), "utf-8"),
            (&utf16, "utf-16le"),
            (&cyrillic, "windows-1251"),
            (&wrong, "utf-8"),
        ] {
            let (lines, head) = read(bytes, &Reading::default()).unwrap();
            assert_eq!((lines[1].as_str(), head.encoding.as_deref()), ("2:Партида|Лекарство", Some(name)));
        }
        let stated = Reading { encoding: Some("cp1251".into()), ..Reading::default() };
        assert_eq!(read(&cyrillic, &stated).unwrap().0.len(), 2);
    }

    #[test]
    fn cells_over_several_rows_and_tables_inside_of_cells_keep_their_places() {
        let rows = "<table><tr><td rowspan=2>а<td colspan=2 rowspan=2>б<td>в<tr><td>г<tr><td>д<td>е</table>";
        assert_eq!(lines(rows), ["1:а|б||в", "2:|||г", "3:д|е"]);
        let inner = "<table><tr><td>а<table><tr><td>1<td>2<tr><td>3<td>4</table>б<td>в<tr><td>г<td>д</table>";
        assert_eq!(lines(inner), ["1:аб|в", "2:г|д"]);
        let second = Reading { sheet: Some("#2".into()), ..Reading::default() };
        assert_eq!(read(inner.as_bytes(), &second).unwrap().0, ["1:1|2", "2:3|4"]);
    }

    #[test]
    fn a_page_without_a_table_is_refused() {
        for page in [
            "<html><body>Вход</body>",
            "<table><tr><td>&nbsp;</td></tr></table>",
            "<?xml version='1.0'?><a/>",
        ] {
            assert!(matches!(read(page.as_bytes(), &Reading::default()), Err(Error::Markup)), "{page}");
        }
        assert_eq!(lines("<table><tr><td>само"), ["1:само"]);
    }

    #[test]
    fn spans_without_end_cost_nothing() {
        let page = format!("{}<tr><td colspan=99999999 rowspan=99999999>а<td>б", "<table>".repeat(100));
        let page = format!(
            "<table><tr><td>x<td>y<tr><td>z<td>w</table>{page}{}",
            "<tr><td colspan=9999>а".repeat(50)
        );
        assert_eq!(lines(&page).len(), 2);
    }

    proptest! {
        #[test]
        fn any_markup_ends_in_rows_or_one_error(parts in proptest::collection::vec(prop_oneof![
            Just("<table>"), Just("</table>"), Just("<tr>"), Just("</tr>"), Just("<td>"), Just("</td>"), Just("x"),
            Just("<td colspan=3>"), Just("<th rowspan=2>"), Just("&nbsp;"), Just("<style>"), Just("<!--"), Just("<")], 0..40)) {
            let _ = read(parts.concat().as_bytes(), &Reading::default());
        }
    }
}
