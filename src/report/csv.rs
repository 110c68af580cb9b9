//! Reports of text inputs: the user's rows in their own encoding and delimiter, our columns at the right.

use std::fs::File;
use std::io::{self, Write};

use super::columns::{Added, Frame, PEOPLE, PROGRAMS};
use super::guard::guarded;
use super::{Error, Form, Kind, Render, Setting, Source, Story};
use crate::ledger::RowView;
use crate::table::{CellKind, Row};

/// Every row of a text input.
pub(super) static RESULT: Form =
    Form { kind: Kind::ResultCsv, of_text: true, of_workbook: false, refused_only: false, begin };
/// Its refused rows.
pub(super) static ERRORS: Form =
    Form { kind: Kind::ErrorsCsv, of_text: true, of_workbook: false, refused_only: true, begin };

/// Turns text into bytes of the input's encoding, `?` for what it lacks.
pub type Encode<'a> = &'a (dyn Fn(&str, &mut Vec<u8>) + 'a);

/// How the input is written, so that its report is written alike.
#[derive(Clone, Copy)]
pub struct Dialect<'a> {
    /// The input's encoding.
    pub encode: Encode<'a>,
    /// Whether a byte-order mark stands first.
    pub bom: bool,
    /// The character between cells.
    pub delimiter: u8,
}

impl<'a> Dialect<'a> {
    /// A report like an input in that encoding (its name in lower case), with or without a byte-order mark, with
    /// that delimiter (`\t` for a tab). UTF-16 always gets a mark: nothing else tells its byte order.
    pub fn like(encoding: &str, byte_order_mark: bool, delimiter: &str, encode: Encode<'a>) -> Self {
        let delimiter = match delimiter.as_bytes() {
            b"\\t" => b'\t',
            [one] if one.is_ascii() => *one,
            _ => b';',
        };
        Self { encode, bom: byte_order_mark || encoding.starts_with("utf-16"), delimiter }
    }
}

impl std::fmt::Debug for Dialect<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialect")
            .field("bom", &self.bom)
            .field("delimiter", &char::from(self.delimiter))
            .finish_non_exhaustive()
    }
}

fn begin<'a>(setting: Setting<'a>, out: File) -> Result<Box<dyn Render + 'a>, Error> {
    let dialect = match setting.source {
        Source::Text(dialect) => dialect,
        Source::Workbook(_) => Dialect { encode: &utf_8, bom: true, delimiter: b';' },
    };
    Ok(Box::new(Csv::new(setting.frame, dialect, out)?))
}

fn utf_8(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
}

/// Writes a report of a text input.
pub(super) struct Csv<'a, W: Write> {
    out: ::csv::Writer<Encoded<'a, W>>,
    frame: &'a Frame,
    cell: String,
}

impl<'a, W: Write> Csv<'a, W> {
    /// Begins with the header.
    pub(super) fn new(frame: &'a Frame, dialect: Dialect<'a>, out: W) -> Result<Self, Error> {
        let mut encoded = Encoded { out, encode: dialect.encode, rest: Vec::new(), bytes: Vec::new() };
        if dialect.bom {
            encoded.write_all("\u{feff}".as_bytes())?;
        }
        let out = ::csv::WriterBuilder::new()
            .delimiter(dialect.delimiter)
            .terminator(::csv::Terminator::CRLF)
            .flexible(true)
            .buffer_capacity(64 * 1024)
            .from_writer(encoded);
        let mut csv = Self { out, frame, cell: String::new() };
        for header in &frame.kept {
            csv.text(&header.name)?;
        }
        for name in PEOPLE.iter().chain(&PROGRAMS) {
            csv.out.write_field(name)?;
        }
        csv.end()?;
        Ok(csv)
    }

    fn text(&mut self, text: &str) -> Result<(), Error> {
        let shown = guarded(text);
        if shown.apostrophe {
            self.cell.clear();
            shown.write_to(&mut self.cell);
            self.out.write_field(&self.cell)?;
        } else {
            self.out.write_field(text)?;
        }
        Ok(())
    }

    fn user_cell(&mut self, row: &Row, index: usize) -> Result<(), Error> {
        match row.cell(index) {
            Some(cell) if cell.kind == CellKind::Text => self.text(cell.text),
            Some(cell) => Ok(self.out.write_field(cell.text)?),
            None => Ok(self.out.write_field("")?),
        }
    }

    fn end(&mut self) -> Result<(), Error> {
        Ok(self.out.write_record(None::<&[u8]>)?)
    }
}

impl<W: Write> Render for Csv<'_, W> {
    fn row(&mut self, row: &Row, told: &Added, _: &RowView) -> Result<(), Error> {
        let frame = self.frame;
        for header in &frame.kept {
            self.user_cell(row, header.index)?;
        }
        for text in told.people.iter().chain(&told.programs) {
            self.text(text)?;
        }
        for index in frame.width..row.len() {
            self.user_cell(row, index)?;
        }
        self.end()
    }

    fn finish(mut self: Box<Self>, _: &Story<'_>) -> Result<(), Error> {
        Ok(self.out.flush()?)
    }
}

/// Passes UTF-8 on in another encoding. Whoever writes may cut between the bytes of one character.
struct Encoded<'a, W> {
    out: W,
    encode: Encode<'a>,
    /// The first bytes of a character whose others are still to come.
    rest: Vec<u8>,
    bytes: Vec<u8>,
}

impl<W: Write> Write for Encoded<'_, W> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.bytes.clear();
        let joined;
        let all = if self.rest.is_empty() {
            part
        } else {
            joined = [self.rest.as_slice(), part].concat();
            joined.as_slice()
        };
        let (text, rest) = whole_characters(all)?;
        (self.encode)(text, &mut self.bytes);
        self.rest = rest.to_vec();
        self.out.write_all(&self.bytes)?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The whole characters of some bytes, and the beginning of the next.
fn whole_characters(bytes: &[u8]) -> io::Result<(&str, &[u8])> {
    let end = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok((text, &[])),
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    };
    let (whole, rest) = bytes.split_at(end);
    let text =
        std::str::from_utf8(whole).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok((text, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::guard::taken_off;
    use super::super::messages::Speaker;
    use super::super::samples::{catalogue, headers, issue, rows, utf_16, view, windows_1251};
    use super::*;
    use crate::model::{Lang, Status};

    /// The bytes of a report in which every row became what `view` says.
    fn render(dialect: Dialect<'_>, names: &[&str], cells: &[&[&str]], view: &RowView) -> Vec<u8> {
        let catalogue = catalogue();
        let speaker = Speaker { catalogue: &catalogue, lang: Lang::Bg, trial: true, system: "sespa" };
        let frame = Frame::new(&headers(names));
        let mut bytes = Vec::new();
        let mut csv = Csv::new(&frame, dialect, &mut bytes).unwrap();
        let (mut row, mut told, mut next) = (Row::new(), Added::default(), rows(cells));
        while next(&mut row).unwrap() {
            told.tell(&RowView { row: row.number(), ..view.clone() }, &speaker, false);
            csv.row(&row, &told, view).unwrap();
        }
        csv.out.flush().unwrap();
        drop(csv);
        bytes
    }

    fn refused() -> RowView {
        let mut refused = view(2, Status::Refused);
        refused.issues = vec![issue("V900", Some("Дата"), &["31.02.2026 →"])];
        refused.until = chrono::NaiveDate::from_ymd_opt(2026, 11, 29);
        refused.id = Some("=72".to_owned());
        refused.reference = "7-2".to_owned();
        refused
    }

    #[test]
    fn a_windows_1251_report_byte_for_byte() {
        let dialect = Dialect { encode: &windows_1251, bom: false, delimiter: b';' };
        let names = ["Дата", "rx_row", "Кол."];
        let cells: [&[&str]; 3] =
            [&["31.02.2026 №", "9", "1,5"], &["=1;x"], &["-2", "", "a\"b", "излишно", "-"]];
        let bytes = render(dialect, &names, &cells, &refused());
        let tail = "отказан (ПРОБА);\"Дата: „31.02.2026 ?“ не е дата; пишете дд.мм.гггг (V900) · Решава: Вие\";\
                    2026-11-29;'=72;;";
        let expected = format!(
            "Дата;Кол.;rx_status_text;rx_message;rx_until;rx_id;rx_sent;rx_row;rx_status;rx_number;rx_batch;\
             rx_codes;rx_ref\r\n\
             31.02.2026 №;1,5;{tail}2;refused;;;V900;7-2\r\n\
             \"'=1;x\";;{tail}3;refused;;;V900;7-2\r\n\
             -2;\"a\"\"b\";{tail}4;refused;;;V900;7-2;излишно;'-\r\n"
        );
        let (wanted, _, lacks) = encoding_rs::WINDOWS_1251.encode(&expected);
        assert!(!lacks);
        assert_eq!(encoding_rs::WINDOWS_1251.decode_without_bom_handling(&bytes).0, expected);
        assert_eq!(bytes, wanted.as_ref());
    }

    #[test]
    fn utf_16_keeps_its_mark_and_every_letter() {
        let dialect = Dialect::like("utf-16le", false, "\\t", &utf_16);
        let bytes = render(dialect, &["Име"], &[&["→𝒳"]], &refused());
        let (text, encoding, broken) = encoding_rs::UTF_16LE.decode(&bytes);
        assert_eq!(&bytes[..2], [0xFF, 0xFE]);
        assert_eq!((encoding, broken), (encoding_rs::UTF_16LE, false));
        assert!(text.contains("\r\n→𝒳\tотказан (ПРОБА)\t"));
    }

    #[test]
    fn utf_8_gets_a_mark_only_if_the_input_had_one() {
        for bom in [false, true] {
            let dialect = Dialect { encode: &utf_8, bom, delimiter: b',' };
            let bytes = render(dialect, &["a"], &[], &refused());
            assert_eq!(bytes.starts_with(b"\xEF\xBB\xBFa,"), bom);
            assert_eq!(bytes.starts_with(b"a,"), !bom);
        }
    }

    proptest! {
        #[test]
        fn a_reader_gets_the_users_cells_back(
            cells in proptest::collection::vec("[-=+@\t\r\n\";,'аbЯ0-9 ]{0,6}", 2..4),
            part in 1usize..7,
        ) {
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            let dialect = Dialect { encode: &utf_8, bom: false, delimiter: b';' };
            let bytes = render(dialect, &["a", "b"], &[&cells], &refused());
            let mut reader =
                ::csv::ReaderBuilder::new().delimiter(b';').flexible(true).from_reader(bytes.as_slice());
            let record = reader.records().next().unwrap().unwrap();
            let back: Vec<&str> =
                [0, 1].into_iter().chain(13..record.len()).map(|at| taken_off(&record[at])).collect();
            prop_assert_eq!(back, cells);

            let mut cut = Vec::new();
            let mut encoded = Encoded { out: &mut cut, encode: &utf_8, rest: Vec::new(), bytes: Vec::new() };
            bytes.chunks(part).for_each(|part| encoded.write_all(part).unwrap());
            prop_assert_eq!(cut, bytes);
        }
    }
}
