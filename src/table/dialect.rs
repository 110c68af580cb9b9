//! How the cells of a text file are divided: what stands between them, and which quotes around them.

use std::io::Cursor;

use super::encoding::Encoding;
use super::general::{self, Dialect, Quote};
use super::header::Wanted;
use super::records::{Layout, Records};
use super::row::Row;
use super::shape::Shapes;

/// The delimiters that are looked for, in order of preference.
const CANDIDATES: [u8; 5] = [b';', b'\t', b'|', b',', b' '];
/// Characters of the longest delimiter.
const LONGEST: usize = 4;

/// The delimiter a mapping names: a few characters, or a word for the tab. None if it is neither.
pub(super) fn named(delimiter: &str) -> Option<Vec<u8>> {
    let fits = |byte: &u8| byte.is_ascii() && !matches!(byte, b'"' | b'\'' | b'\n' | b'\r' | 0);
    match delimiter {
        "\\t" | "tab" | "Tab" | "TAB" => Some(vec![b'\t']),
        _ if (1..=LONGEST).contains(&delimiter.len()) && delimiter.as_bytes().iter().all(fits) => {
            Some(delimiter.as_bytes().to_vec())
        }
        _ => None,
    }
}

/// How a delimiter is written in receipts and settings.
pub(super) fn name_of(delimiter: &[u8]) -> String {
    if delimiter == b"\t" { "\\t".to_owned() } else { String::from_utf8_lossy(delimiter).into_owned() }
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

/// What is known of a dialect beforehand.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) delimiter: Option<Vec<u8>>,
    pub(super) quote: Option<Quote>,
    pub(super) backslash: Option<bool>,
}

/// Finds the dialect of a sample: the delimiter that yields the expected names, else the one that cuts most rows
/// into the same number of cells; the quote that cells stand in; a longer delimiter where all of them are so.
pub(super) fn find(sample: &[u8], encoding: &Encoding, wanted: &Wanted, known: &Known) -> Dialect {
    let head = sample.get(..ENOUGH).unwrap_or(sample);
    let quotes = known.quote.map_or_else(|| vec![Quote::Double, Quote::Single], |quote| vec![quote]);
    let delimiters =
        known.delimiter.clone().map_or_else(|| CANDIDATES.map(|one| vec![one]).to_vec(), |one| vec![one]);
    let mut trials = Vec::new();
    for quote in quotes.into_iter().filter(|quote| known.quote.is_some() || is_used(head, *quote)) {
        let backslash = known.backslash.unwrap_or_else(|| escapes(head, quote));
        for delimiter in delimiters.clone() {
            let dialect = Dialect { delimiter, quote, backslash };
            trials.push(Trial::new(sample, dialect, encoding, wanted));
        }
    }
    // `max_by_key` takes the last of equals; the first candidate is preferred.
    let best = trials.into_iter().rev().max_by_key(Trial::merit);
    match best {
        Some(best) if known.delimiter.is_none() => lengthened(best.dialect, head, encoding),
        Some(best) => best.dialect,
        None => Dialect::plain(b';'),
    }
}

/// Whether a quote may stand around cells; the usual one always may.
fn is_used(head: &[u8], quote: Quote) -> bool {
    let single = quote.byte();
    let begins = |two: &&[u8]| matches!(two, [before, mark] if *mark == single && !before.is_ascii_alphanumeric() && *before < 0x80);
    quote == Quote::Double || head.first() == Some(&single) || head.windows(2).filter(begins).count() > 1
}

/// Whether quotes inside quotes bear a backslash: `\"` is met, and none of them ends its cell.
fn escapes(head: &[u8], quote: Quote) -> bool {
    let (mark, pair) = (quote.byte(), [b'\\', quote.byte()]);
    let inside = |at: &usize| {
        head.get(at + 2).is_some_and(|next| next.is_ascii_alphanumeric() || *next >= 0x80 || *next == mark)
    };
    memchr::memmem::find_iter(head, &pair).filter(inside).count() > 0
}

/// `, ` or ` | ` or `||` in place of the single character, where every delimiter is so.
fn lengthened(dialect: Dialect, head: &[u8], encoding: &Encoding) -> Dialect {
    let [mark] = dialect.delimiter[..] else { return dialect };
    let text = encoding.text_of(head);
    let records: Vec<&str> =
        text.lines().filter(|line| line.contains(char::from(mark))).take(super::header::PREVIEW).collect();
    let mark = char::from(mark);
    for longer in [format!(" {mark} "), format!("{mark}{mark}"), format!("{mark} ")] {
        let other = Dialect { delimiter: longer.clone().into_bytes(), ..dialect.clone() };
        let whole = |record: &&str| {
            let read = general::split(record, &other);
            let bare = read
                .cells
                .iter()
                .all(|cell| read.quoted > 0 || !cell.contains(mark) && !cell.starts_with(' '));
            bare && read.cells.len() > 1
        };
        if mark != ' ' && records.len() > 1 && records.iter().all(whole) {
            return other;
        }
    }
    dialect
}

/// The first rows of a sample that begins at a place of the file. Where the sample is only the beginning of a file its last row is left out.
pub(super) fn preview(
    sample: &[u8],
    place: usize,
    whole: bool,
    dialect: &Dialect,
    encoding: &Encoding,
    limit: usize,
) -> Vec<Row> {
    let mut records = Records::new(
        Box::new(Cursor::new(sample.to_vec())),
        place as u64,
        dialect.clone(),
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
    dialect: Dialect,
    /// Expected names found in one row.
    names: usize,
    /// Times it stands between two quotes, where nothing but a delimiter does.
    between_quotes: usize,
    /// Tenths of the rows that have the usual number of cells.
    tenths: usize,
    /// The usual number of cells, 1 not counted.
    width: usize,
    /// Cells that stand in its quotes.
    quoted: usize,
    /// Most of its marks stand between digits, as a decimal comma does.
    between_digits: bool,
    /// A blank, which stands between words too: only a table of figures is divided by it.
    doubtful: bool,
}

impl Trial {
    fn new(sample: &[u8], dialect: Dialect, encoding: &Encoding, wanted: &Wanted) -> Self {
        let head = sample.get(..ENOUGH).unwrap_or(sample);
        let rows = preview(head, 0, head.len() == sample.len(), &dialect, encoding, super::header::PREVIEW);
        let filled: Vec<usize> = rows.iter().filter(|row| !row.is_blank()).map(Row::len).collect();
        let frequency = |width: usize| filled.iter().filter(|other| **other == width).count();
        let usual =
            filled.iter().copied().filter(|width| *width > 1).max_by_key(|width| (frequency(*width), *width));
        let width = usual.unwrap_or(0);
        let delimiter = dialect.delimiter.first().copied().unwrap_or_default();
        let quote = dialect.quote.byte();
        let count = |bytes: &[u8]| memchr::memmem::find_iter(head, bytes).count();
        let between = [&[quote], &dialect.delimiter[..], &[quote]].concat();
        let tenths = usual.map_or(0, |width| frequency(width) * 10 / filled.len().max(1));
        let blank = dialect.delimiter == b" ";
        Self {
            names: wanted.best(&rows),
            between_quotes: count(&between),
            tenths,
            width,
            quoted: count(&[&dialect.delimiter[..], &[quote]].concat())
                .min(count(&[&[quote], &dialect.delimiter[..]].concat())),
            between_digits: between_digits(head, delimiter),
            doubtful: blank && (tenths < 9 || !has_figures(&rows, width)),
            dialect,
        }
    }

    /// Greater is better.
    fn merit(&self) -> (bool, usize, usize, bool, usize, usize, usize) {
        (
            !self.doubtful,
            self.names,
            self.between_quotes,
            self.tenths >= 6 && !self.between_digits,
            self.tenths / 3,
            self.width,
            self.quoted,
        )
    }
}

/// Whether two columns of this many hold figures.
fn has_figures(rows: &[Row], width: usize) -> bool {
    Shapes::learn(rows.iter(), width).rigid().count() > 1
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
        let found = find(text.as_bytes(), &Encoding::utf8(), &Wanted::new(&expect), &Known::default());
        char::from(found.delimiter[0])
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
        assert_eq!(named("\\t"), Some(vec![b'\t']));
        assert_eq!(named(";"), Some(vec![b';']));
        assert_eq!(named("||"), Some(b"||".to_vec()));
        assert_eq!((named("\""), named(""), named(";;;;;")), (None, None, None));
    }
}
