//! How the cells of a text file are divided: what stands between them, and which quotes around them.

use std::io::Cursor;

use bytes::Bytes;

use super::encoding::Encoding;
use super::evidence::Rival;
use super::general::{self, Dialect, Quote};
use super::header::Wanted;
use super::records::{Layout, Records};
use super::row::Row;
use super::shape::Shapes;

/// The delimiters that are looked for, in order of preference.
const CANDIDATES: [u8; 5] = [b';', b'\t', b'|', b',', b' '];
/// Those that nobody uses but on purpose.
const RARE: [&[u8]; 8] = [b"~", b"^", b"\x1f", b"::", b"@@", b"##", b"$$", b"~~"];
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
    if !word.eq_ignore_ascii_case(b"sep=")
        || !delimiter.is_ascii()
        || matches!(delimiter, b'\r' | b'\n' | b'"')
    {
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
/// into the same number of cells; the quote that cells stand in; a longer delimiter where all of them are so. What
/// else might have divided the rows comes with it.
pub(super) fn find(
    sample: &Bytes,
    encoding: &Encoding,
    wanted: &Wanted,
    known: &Known,
) -> (Dialect, Vec<Rival>) {
    let head = &sample.slice(..sample.len().min(ENOUGH));
    let quotes = known.quote.map_or_else(|| vec![Quote::Double, Quote::Single], |quote| vec![quote]);
    let delimiters = known.delimiter.clone().map_or_else(|| candidates(head), |one| vec![one]);
    let mut trials = Vec::new();
    for quote in quotes.into_iter().filter(|quote| known.quote.is_some() || is_used(head, *quote)) {
        let backslash = known.backslash.unwrap_or_else(|| escapes(head, quote));
        for delimiter in delimiters.clone() {
            let dialect = Dialect { delimiter, quote, backslash };
            trials.push(Trial::new(head, head.len() == sample.len(), dialect, encoding, wanted));
        }
    }
    let best = best_of(&trials, known.delimiter.is_some());
    let Some(best) = best else { return (Dialect::plain(b';'), Vec::new()) };
    let is_rival = |trial: &&Trial| {
        trial.dialect.quote == best.dialect.quote && trial.dialect.delimiter != best.dialect.delimiter
    };
    let rivals = trials.iter().filter(is_rival).map(Trial::rival).collect();
    let dialect = match known.delimiter {
        None => lengthened(best.dialect.clone(), head, encoding, wanted.is_empty()),
        Some(_) => best.dialect.clone(),
    };
    (dialect, rivals)
}

fn best_of(trials: &[Trial], stated: bool) -> Option<&Trial> {
    // A blank stands between words too: it divides only where nothing else does.
    let words = trials.iter().filter(|trial| trial.is_blank()).map(|trial| trial.width).max().unwrap_or(0);
    let alike = |trial: &Trial| trial.tenths >= 9 && !trial.between_digits;
    let divides = |trial: &Trial| trial.tenths >= 6 && trial.width >= words || alike(trial);
    let blanks = stated || !trials.iter().any(|trial| !trial.is_blank() && divides(trial));
    // `max_by_key` takes the last of equals; the first candidate is preferred.
    trials.iter().filter(|trial| blanks || !trial.is_blank()).rev().max_by_key(|trial| trial.merit())
}

/// The delimiters that are met at all; the first one where none is.
fn candidates(head: &[u8]) -> Vec<Vec<u8>> {
    let [first, ..] = CANDIDATES;
    let met = |one: &u8| memchr::memchr(*one, head).is_some();
    let usual = CANDIDATES.into_iter().filter(met).map(|one| vec![one]);
    let rare = RARE.into_iter().filter(|one| memchr::memmem::find(head, one).is_some()).map(<[u8]>::to_vec);
    let met: Vec<Vec<u8>> = usual.chain(rare).collect();
    if met.is_empty() { vec![vec![first]] } else { met }
}

/// Whether a quote may stand around cells. The usual one always may; `'` is a letter unless nearly all cells that
/// begin with it end with it too, and no cell stands in the usual quotes.
fn is_used(head: &[u8], quote: Quote) -> bool {
    let (begins, ends) = cells_in(head, quote);
    let both = begins.min(ends) * 10 >= begins.max(ends) * 9;
    let (double_begins, double_ends) = cells_in(head, Quote::Double);
    quote == Quote::Double || begins >= 3 && both && double_begins.min(double_ends) == 0
}

/// How many cells begin with a quote, and how many end with it, whatever divides them.
fn cells_in(head: &[u8], quote: Quote) -> (usize, usize) {
    let divides = |byte: Option<&u8>| {
        byte.is_none_or(|byte| matches!(byte, b';' | b',' | b'\t' | b'|' | b'\n' | b'\r'))
    };
    // What has a divider on either side begins or ends a cell whose text ends or begins with one: nobody knows which.
    let sides = |at: usize| {
        (divides(at.checked_sub(1).and_then(|before| head.get(before))), divides(head.get(at + 1)))
    };
    let count = |wanted| memchr::memchr_iter(quote.byte(), head).filter(|at| sides(*at) == wanted).count();
    (count((true, false)), count((false, true)))
}

/// Whether quotes inside quotes bear a backslash: `\"` is met, and none of them ends its cell.
fn escapes(head: &[u8], quote: Quote) -> bool {
    let (mark, pair) = (quote.byte(), [b'\\', quote.byte()]);
    if memchr::memmem::find(head, &pair).is_none() {
        return false;
    }
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
    let inside = |at: &usize| head.get(at + 2).copied().is_some_and(is_letter);
    // Where a quote is doubled anywhere, a backslash is a letter like any other.
    let doubled = head
        .windows(3)
        .any(|three| matches!(three, [one, two, next] if *one == mark && *two == mark && is_letter(*next)));
    !doubled && memchr::memmem::find_iter(head, &pair).filter(inside).count() > 0
}

/// `, ` or ` | ` or `||` or `~|~` in place of the single character, where every delimiter is so.
///
/// Blanks beside it are made part of it only where nobody expects certain columns: a mapping takes them off its
/// cells anyway, and numbers filled up with blanks are divided so by chance.
fn lengthened(dialect: Dialect, head: &[u8], encoding: &Encoding, with_blanks: bool) -> Dialect {
    let [mark] = dialect.delimiter[..] else { return dialect };
    let text = encoding.text_of(head);
    let records: Vec<&str> =
        text.lines().filter(|line| line.contains(char::from(mark))).take(super::header::PREVIEW).collect();
    let mark = char::from(mark);
    let usual = [format!(" {mark} "), format!("{mark}{mark}"), format!("{mark} ")];
    for longer in usual.into_iter().chain(records.first().and_then(|record| framed(record, mark))) {
        let other = Dialect { delimiter: longer.clone().into_bytes(), ..dialect.clone() };
        let whole = |record: &&str| {
            let read = general::split(record, &other);
            let bare = read
                .cells
                .iter()
                .all(|cell| read.quoted > 0 || !cell.contains(mark) && !cell.starts_with(' '));
            bare && read.cells.len() > 1
        };
        if mark != ' '
            && (with_blanks || !longer.contains(' '))
            && records.len() > 1
            && records.iter().all(whole)
        {
            return other;
        }
    }
    dialect
}

/// Whether most gaps between words are several blanks wide, in nearly all lines: columns that stand below each other.
pub(super) fn is_aligned(text: &[u8]) -> bool {
    let wide = |line: &&[u8]| {
        let words = || line.trim_ascii().split(|byte| *byte == b' ');
        let blanks = words().filter(|word| word.is_empty()).count();
        let gaps = words().filter(|word| !word.is_empty()).count().saturating_sub(1);
        gaps > 0 && blanks >= gaps * 2
    };
    let lines = || {
        let lines = text.split(|byte| matches!(byte, b'\n' | b'\r'));
        lines.filter(|line| !line.trim_ascii().is_empty()).take(super::header::PREVIEW)
    };
    let (all, aligned) = (lines().count(), lines().filter(wide).count());
    all > 2 && aligned * 10 >= all * 9
}

/// A delimiter with the signs around it, such as `~|~`.
fn framed(record: &str, mark: char) -> Option<String> {
    let sign = |letter: char| letter.is_ascii_punctuation() && !matches!(letter, '"' | '\'');
    let at = record.find(mark)?;
    let (before, behind) = record.split_at(at);
    let start = before.trim_end_matches(sign).len();
    let end = at + behind.len() - behind.trim_start_matches(sign).len();
    record.get(start..end).filter(|framed| (2..=LONGEST).contains(&framed.len())).map(str::to_owned)
}

/// The first rows of a sample that begins at a place of the file. Where the sample is only the beginning of a
/// file its last row is left out.
pub(super) fn preview(
    sample: &Bytes,
    place: usize,
    whole: bool,
    dialect: &Dialect,
    encoding: &Encoding,
    limit: usize,
) -> Vec<Row> {
    let mut records = Records::new(
        Box::new(Cursor::new(sample.clone())),
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
    /// Rows that have the usual number of cells, of how many.
    usual: (usize, usize),
    /// Tenths of them.
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
    fn new(head: &Bytes, whole: bool, dialect: Dialect, encoding: &Encoding, wanted: &Wanted) -> Self {
        let rows = preview(head, 0, whole, &dialect, encoding, super::header::PREVIEW);
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
        let quoted = count(&[&dialect.delimiter[..], &[quote]].concat())
            .min(count(&[&[quote], &dialect.delimiter[..]].concat()));
        // A row or two in other quotes or delimiters prove nothing about the file.
        let between_quotes = Some(count(&between)).filter(|count| count * 2 >= filled.len()).unwrap_or(0);
        let is_table = || has_figures(&rows, width) || quoted * 2 >= filled.len();
        Self {
            names: names_above(&rows, wanted),
            between_quotes,
            usual: (usual.map_or(0, frequency), filled.len()),
            tenths,
            width,
            quoted,
            between_digits: between_digits(head, delimiter),
            doubtful: blank && (tenths < 9 || filled.first() != Some(&width) || !is_table()),
            dialect,
        }
    }

    fn rival(&self) -> Rival {
        let (count, of) = self.usual;
        Rival { delimiter: name_of(&self.dialect.delimiter), cells: self.width.max(1), count, of }
    }

    fn is_blank(&self) -> bool {
        self.dialect.delimiter == b" "
    }

    /// Greater is better.
    fn merit(&self) -> (bool, usize, usize, bool, bool, usize, usize, usize) {
        (
            !self.doubtful,
            self.names,
            self.between_quotes,
            self.tenths >= 6 && !self.between_digits,
            self.dialect.quote == Quote::Single && self.quoted > 2,
            self.tenths / 3,
            self.width,
            self.quoted,
        )
    }
}

/// Expected names found in one row. Where no other row is at least half as wide, that row alone is divided so.
fn names_above(rows: &[Row], wanted: &Wanted) -> usize {
    let (names, width) =
        rows.iter().map(|row| (wanted.matches(row), row.len())).max_by_key(|met| met.0).unwrap_or_default();
    let filled = || rows.iter().filter(|row| !row.is_blank());
    let alone = filled().filter(|row| row.len() * 2 > width).count() < 2;
    if alone && filled().count() > 2 { 0 } else { names }
}

/// Whether two columns of this many hold figures.
fn has_figures(rows: &[Row], width: usize) -> bool {
    Shapes::forms(rows.iter(), width).rigid().count() > 1
}

fn between_digits(sample: &[u8], delimiter: u8) -> bool {
    if delimiter != b',' {
        return false;
    }
    let all = memchr::memchr_iter(delimiter, sample).count();
    let digits = sample
        .windows(3)
        .filter(|three| matches!(three, [a, mark, b] if a.is_ascii_digit() && *mark == delimiter && b.is_ascii_digit()))
        .count();
    digits * 10 > all * 8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, expect: &[&str]) -> char {
        let expect: Vec<String> = expect.iter().map(|name| (*name).to_owned()).collect();
        let found = find(
            &Bytes::copy_from_slice(text.as_bytes()),
            &Encoding::utf8(),
            &Wanted::new(&expect),
            &Known::default(),
        );
        char::from(found.0.delimiter[0])
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
    fn what_looks_like_another_dialect_is_none() {
        assert_eq!(found("Склад;ПК\nСклад 1 София;1001\nСклад 2 Варна;9002\nСклад 3 Русе;7003\n", &[]), ';');
        assert_eq!(
            found(
                "02.04.2026 10:00,1670,1201,4\n03.04.2026 11:30,1671,1201,5\n04.04.2026 9:30,1672,1201,7\n",
                &[]
            ),
            ','
        );
        let quote = |text: &str| {
            find(
                &Bytes::copy_from_slice(text.as_bytes()),
                &Encoding::utf8(),
                &Wanted::new(&[]),
                &Known::default(),
            )
            .0
            .quote
        };
        assert_eq!(
            quote("Док;Име\n'0001;Мир\n'0002;'Здраве'\n'0003;Йод\n"),
            Quote::Double,
            "codes guarded by an apostrophe"
        );
        assert_eq!(
            quote("a,b\n\"1,00\",Аптека\n\"2,00\",'Мир'\n\"3,00\",'Мир'\n"),
            Quote::Double,
            "names in apostrophes"
        );
        assert_eq!(quote("'a','b'\n'1;2','3'\n"), Quote::Single);
        let padded = find(
            &Bytes::from_static(b"a; b\n1;  5\n2; 15\n"),
            &Encoding::utf8(),
            &Wanted::new(&["b".to_owned()]),
            &Known::default(),
        );
        assert_eq!(padded.0.delimiter, b";", "numbers filled up with blanks");
    }

    #[test]
    fn a_delimiter_between_blanks_is_no_blank() {
        let rows = "Дата | Код | Брой\n01.08.2026 | 2401 | 3\n02.08.2026 | 2402 | 6\n03.08.2026 | 2403 | 9\n";
        assert_eq!(found(rows, &[]), ' ', "of the whole delimiter ` | `");
        assert_eq!(found(rows, &["Код"]), '|');
        assert_eq!(found(&rows.replace('|', ";"), &["Код"]), ';');
        assert_eq!(found(&format!("a b c\n{}", "10 2 3,5\n".repeat(20)), &[]), ' ', "decimal commas");
    }

    #[test]
    fn a_separator_line_is_read() {
        assert_eq!(separator_line(b"sep=;\r\na;b"), Some((b';', 7)));
        assert_eq!(separator_line(b"\"sep=,\"\na,b"), Some((b',', 8)));
        assert_eq!(separator_line(b"SEP=\t\na"), Some((b'\t', 6)));
        assert_eq!(separator_line(b"separator;b\n"), None);
        assert_eq!(separator_line(b"sep=;b\n"), None);
        assert_eq!(separator_line(b"sep=\xA7\na"), None, "no letter divides");
    }

    #[test]
    fn a_delimiter_may_be_named() {
        assert_eq!(named("\\t"), Some(vec![b'\t']));
        assert_eq!(named(";"), Some(vec![b';']));
        assert_eq!(named("||"), Some(b"||".to_vec()));
        assert_eq!((named("\""), named(""), named(";;;;;")), (None, None, None));
    }
}
