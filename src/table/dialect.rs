//! Which character stands between the cells of a text file.

use std::io::Cursor;

use super::encoding::Encoding;
use super::header::Wanted;
use super::records::{Layout, Records};
use super::row::Row;

/// The delimiters that are looked for, in order of preference.
const CANDIDATES: [u8; 4] = [b';', b'\t', b'|', b','];

/// The delimiter a mapping names: one character, or a word for the tab. None if it is neither.
pub(super) fn named(delimiter: &str) -> Option<u8> {
    match delimiter {
        "\\t" | "tab" | "Tab" | "TAB" => Some(b'\t'),
        _ => match *delimiter.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r' | 0) => Some(byte),
            _ => None,
        },
    }
}

/// How a delimiter is written in receipts and settings.
pub(super) fn name_of(delimiter: u8) -> String {
    if delimiter == b'\t' { "\\t".to_owned() } else { char::from(delimiter).to_string() }
}

/// The delimiter of a `sep=` line at the top, and the bytes the line takes.
pub(super) fn separator_line(text: &[u8]) -> Option<(u8, usize)> {
    let quoted = text.starts_with(b"\"");
    let line = text.strip_prefix(b"\"").unwrap_or(text);
    let word = line.get(..4)?;
    let delimiter = *line.get(4)?;
    if !word.eq_ignore_ascii_case(b"sep=") || matches!(delimiter, b'\r' | b'\n' | b'"') {
        return None;
    }
    let rest = line.get(5..)?;
    let rest = if quoted { rest.strip_prefix(b"\"")? } else { rest };
    let end = match rest {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        [] => 0,
        _ => return None,
    };
    Some((delimiter, text.len() - rest.len() + end))
}

/// Finds the delimiter of a sample: the one that yields the expected names, else the one that cuts most rows
/// into the same number of cells.
pub(super) fn find(sample: &[u8], encoding: &Encoding, wanted: &Wanted) -> u8 {
    let trials: Vec<Trial> =
        CANDIDATES.into_iter().map(|delimiter| Trial::new(sample, delimiter, encoding, wanted)).collect();
    // `max_by_key` takes the last of equals; the first candidate is preferred.
    trials.iter().rev().max_by_key(|trial| trial.merit()).map_or(b';', |trial| trial.delimiter)
}

/// The first rows of a sample that begins at a place of the file. Where the sample is only the beginning of a file its last row is left out.
pub(super) fn preview(
    sample: &[u8],
    place: usize,
    whole: bool,
    delimiter: u8,
    encoding: &Encoding,
    limit: usize,
) -> Vec<Row> {
    let mut records = Records::new(
        Box::new(Cursor::new(sample.to_vec())),
        place as u64,
        delimiter,
        encoding.clone(),
        Layout::default(),
    );
    let mut rows = Vec::new();
    let mut row = Row::new();
    while rows.len() < limit && matches!(records.next(&mut row), Ok(true)) {
        rows.push(row.clone());
    }
    if !whole && rows.len() < limit && rows.len() > 1 {
        rows.pop();
    }
    rows
}

/// Bytes of the sample that are enough to tell the delimiter.
const ENOUGH: usize = 64 * 1024;

struct Trial {
    delimiter: u8,
    /// Expected names found in one row.
    names: usize,
    /// Times it stands between two quotes, where nothing but a delimiter does.
    between_quotes: usize,
    /// Tenths of the rows that have the usual number of cells.
    tenths: usize,
    /// The usual number of cells, 1 not counted.
    width: usize,
    /// Most of its marks stand between digits, as a decimal comma does.
    between_digits: bool,
}

impl Trial {
    fn new(sample: &[u8], delimiter: u8, encoding: &Encoding, wanted: &Wanted) -> Self {
        let head = sample.get(..ENOUGH).unwrap_or(sample);
        let rows = preview(head, 0, head.len() == sample.len(), delimiter, encoding, super::header::PREVIEW);
        let filled: Vec<usize> = rows.iter().filter(|row| !row.is_blank()).map(Row::len).collect();
        let frequency = |width: usize| filled.iter().filter(|other| **other == width).count();
        let usual =
            filled.iter().copied().filter(|width| *width > 1).max_by_key(|width| (frequency(*width), *width));
        Self {
            delimiter,
            names: wanted.best(&rows),
            between_quotes: memchr::memmem::find_iter(head, &[b'"', delimiter, b'"']).count(),
            tenths: usual.map_or(0, |width| frequency(width) * 10 / filled.len().max(1)),
            width: usual.unwrap_or(0),
            between_digits: between_digits(head, delimiter),
        }
    }

    /// Greater is better.
    fn merit(&self) -> (usize, usize, bool, usize, usize) {
        (
            self.names,
            self.between_quotes,
            self.tenths >= 6 && !self.between_digits,
            self.tenths / 3,
            self.width,
        )
    }
}

fn between_digits(sample: &[u8], delimiter: u8) -> bool {
    let all = memchr::memchr_iter(delimiter, sample).count();
    let digits = sample
        .windows(3)
        .filter(|three| matches!(three, [a, mark, b] if a.is_ascii_digit() && *mark == delimiter && b.is_ascii_digit()))
        .count();
    delimiter == b',' && digits * 10 > all * 8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, expect: &[&str]) -> char {
        let expect: Vec<String> = expect.iter().map(|name| (*name).to_owned()).collect();
        char::from(find(text.as_bytes(), &Encoding::utf8(), &Wanted::new(&expect)))
    }

    #[test]
    fn the_delimiter_is_found() {
        assert_eq!(found("Код;Цена\n1;2,50\n2;3,50\n", &[]), ';');
        assert_eq!(found("Код\tЦена\tСума\n1\t2,50\t5,00\n2\t3,50\t7,00\n", &[]), '\t', "decimal commas");
        assert_eq!(found("code,price\nA1,2.50\nA2,3.50\n", &[]), ',');
        assert_eq!(found("code,n,m\n100,2,5\n101,3,6\n", &[]), ',', "digits on both sides, and nothing else");
        assert_eq!(found("a|b|c\n1|2|3\n", &[]), '|');
        assert_eq!(
            found("Справка за склад 1, Пловдив\n\nКод;Цена\n1;2,50\n2;3,50\n3;3,50\n4;3,50\n", &[]),
            ';',
            "title"
        );
        assert_eq!(found("Код,Цена\n1,\"2;50\"\n", &["цена"]), ',', "the expected names decide");
        assert_eq!(found("\"a;b\",\"c;d\"\n\"1;2\",\"3;4\"\n", &[]), ',', "inside quotes nothing counts");
        assert_eq!(found("Код\n1\n", &[]), ';', "one column");
    }

    #[test]
    fn a_separator_line_is_read() {
        assert_eq!(separator_line(b"sep=;\r\na;b"), Some((b';', 7)));
        assert_eq!(separator_line(b"\"sep=,\"\na,b"), Some((b',', 8)));
        assert_eq!(separator_line(b"SEP=\t\na"), Some((b'\t', 6)));
        assert_eq!(separator_line(b"separator;b\n"), None);
        assert_eq!(separator_line(b"sep=;b\n"), None);
    }

    #[test]
    fn a_delimiter_may_be_named() {
        assert_eq!(named("\\t"), Some(b'\t'));
        assert_eq!(named(";"), Some(b';'));
        assert_eq!(named(";;"), None);
        assert_eq!(named("\""), None);
    }
}
