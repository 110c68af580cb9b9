//! Opens a text file: decides its encoding, delimiter and header, then reads it from the start again.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use bytes::Bytes;

use super::dialect::{self, Known};
use super::encoding::{self, Encoding};
use super::error::Error;
use super::evidence::{self, Rival};
use super::general::{Dialect, Quote};
use super::header::{self, FoundHeader, Wanted};
use super::names;
use super::order::{Ordered, Place};
use super::reading::{Format, Found, Reading};
use super::records::{Layout, Records, T023, T025, T026};
use super::row::{Header, Row};
use super::shape::Shapes;
use super::sums;
use super::wrapped::{self, Unwrapped, W120};
use crate::model::{CodeInfo, Issue, Who, Words};

/// Bytes at the beginning that decide.
const SAMPLE: usize = 256 * 1024;
/// Rows that are summed up at most, to see whether the last one is their sum.
const MOST_SUMMED: usize = 10_000;
/// Rows by which columns are known.
const LEARNED: usize = 1_000;
/// Rows below the header that tell nothing of the columns.
const FEW: usize = 3;

/// Where a text comes from.
pub(super) trait Input: Read + Seek + Send + 'static {}

impl<I: Read + Seek + Send + 'static> Input for I {}

/// An open text file with what was found out about it.
pub(super) struct Opened {
    /// Its rows, damaged ones put in order.
    pub(super) ordered: Ordered,
    pub(super) columns: Vec<Header>,
    pub(super) found: Found,
    /// Bytes in the header that are no letters.
    pub(super) damaged_header: Option<Issue>,
    /// The last row, if it is nothing but the sum of its column.
    pub(super) bare_total: Option<u32>,
}

/// The beginning of a file, and the first place with letters that are not ASCII if that lies behind it.
struct Sample {
    head: Vec<u8>,
    whole: bool,
    beyond: Vec<u8>,
}

/// Opens a text file.
pub(super) fn open(mut file: impl Input, reading: &Reading) -> Result<Opened, Error> {
    let mut found = Found::new(Format::Csv, reading);
    let sample = take_sample(&mut file)?;
    let (encoding, mark) = choose_encoding(&sample, reading, &mut found)?;
    let text = as_text(Bytes::from(sample.head).slice(mark..), &encoding);
    let separator = dialect::separator_line(&text);
    let hidden = separator.map_or(0, |(_, length)| length);
    found.left_out_count.separator = u32::from(separator.is_some());
    let body = text.slice(hidden..);
    let wrapped = wrapped::is_wrapped(&body);
    let body = if wrapped { wrapped::unwrapped(&body).into() } else { body };
    if wrapped {
        found.note(Issue::new(&W120));
    }
    if sample.whole && body.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0x1A) {
        return Err(Error::Empty);
    }
    let wanted = Wanted::new(&reading.expect);
    let (dialect, rivals) =
        choose_dialect(reading, separator.map(|(delimiter, _)| delimiter), &body, &encoding, &wanted)?;
    let needed = header::rows_needed(reading.header);
    let rows = dialect::preview(&body, mark + hidden, sample.whole, &dialect, &encoding, needed);
    if reading.delimiter.is_none() && dialect.delimiter == b" " && dialect::is_aligned(&body) {
        return Err(Error::Aligned);
    }
    let delimiter = String::from_utf8_lossy(&dialect.delimiter).into_owned();
    let header = header::find(&rows, header::Of::Text(&delimiter), reading.stated_header(), &wanted)?;
    let [doubt, note] = names::issues(&header.slips, header.row);
    let doubtful = header::doubtful_row(&rows, &header, &wanted).filter(|_| reading.header.is_none());
    doubt.iter().chain(&note).chain(&doubtful).for_each(|issue| found.note(issue.clone()));
    let marks = separator.is_some_and(|(mark, _)| dialect.delimiter == [mark]);
    found.evidence.tell(&evidence::Seen {
        body: &body,
        rows: &rows,
        dialect: &dialect,
        header: &header,
        wanted: &wanted,
        reading,
        marks,
        rivals,
    });
    found.encoding = Some(encoding.name().to_owned());
    found.delimiter = Some(dialect::name_of(&dialect.delimiter));
    found.backslash = dialect.backslash;
    found.pinned_quote = Some(char::from(dialect.quote.byte()));
    found.header_row = Some(header.row);
    found.header_rows = Some(header.rows);
    let layout =
        Layout { after_row: header.row, columns: header.columns.iter().map(Header::label).collect() };
    let input = start(file, mark, hidden, &encoding)?;
    let input = if wrapped { Box::new(Unwrapped::new(input)) } else { input };
    let records = Records::new(input, (mark + hidden) as u64, dialect.clone(), encoding.clone(), layout);
    let damaged_header = damage(&rows, header.row);
    if let Some(issue) = damaged_header.as_ref().filter(|issue| issue.code.code != T023.code) {
        return Err(Error::DamagedHeader(Box::new(issue.clone())));
    }
    let place = place_of(&rows, &header);
    let summed = sample.whole && reading.skip.is_none();
    let bare_total = if summed { bare_total(&body, &dialect, &encoding, header.row) } else { None };
    let width = header.columns.len();
    let learn = move || {
        let rows = dialect::preview(&body, 0, sample.whole, &dialect, &encoding, LEARNED);
        shapes_of(rows, place, width)
    };
    let ordered = Ordered::new(records, place, &header.columns, learn).doubting(doubt);
    Ok(Opened { ordered, columns: header.columns, found, damaged_header, bare_total })
}

/// The last row, if it begins with an empty cell and is the sum of those above.
fn bare_total(body: &Bytes, dialect: &Dialect, encoding: &Encoding, header: u32) -> Option<u32> {
    if !ends_with_gap(body, &dialect.delimiter) {
        return None;
    }
    let rows = dialect::preview(body, 0, true, dialect, encoding, MOST_SUMMED);
    sums::bare_total(&rows, header).filter(|_| rows.len() < MOST_SUMMED)
}

/// Whether the last line begins with an empty cell.
fn ends_with_gap(body: &[u8], delimiter: &[u8]) -> bool {
    let body = body.trim_ascii_end();
    let line = body.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map_or(0, |end| end + 1);
    body.get(line..).is_some_and(|line| line.starts_with(delimiter))
}

fn place_of(rows: &[Row], header: &FoundHeader) -> Place {
    let place = Place {
        header_row: header.row,
        header_rows: header.rows,
        usual: header::usual_width(rows),
        misnamed: header::is_misnamed(rows, header),
        stripped: header::is_stripped(rows, header),
    };
    let lost = header::has_nameless_text(&of_first_table(rows, place), header);
    Place { misnamed: place.misnamed || lost, ..place }
}

/// What the columns look like in the first rows.
fn shapes_of(mut rows: Vec<Row>, place: Place, width: usize) -> Shapes {
    if place.stripped {
        rows.iter_mut().filter(|row| row.len() > 1).for_each(|row| row.pad_to(width));
    }
    let mut table = of_first_table(&rows, place);
    if table.len() < FEW {
        // A header that was sorted to the end of its rows, or nearly.
        let above = rows.iter().filter(|row| row.number() < place.header_row && row.len() == place.usual);
        table.extend(above.filter(|row| has_figure(row)));
    }
    // Where rows have more columns than there are names nothing shows which name is missing.
    let whole = table.iter().filter(|row| row.is_as_wide_as(width)).count();
    if whole * 10 < table.len() * 9 { Shapes::default() } else { Shapes::learn(table.into_iter(), width) }
}

fn has_figure(row: &Row) -> bool {
    row.cells().any(|cell| cell.text.bytes().any(|byte| byte.is_ascii_digit()))
}

/// The rows of the usual width below the header, up to the names of another table.
fn of_first_table(rows: &[Row], place: Place) -> Vec<&Row> {
    let lines = rows.iter().filter(|row| place.is_of_header(row.number()));
    let lines: Vec<Vec<&str>> = lines.map(|row| row.cells().map(|cell| cell.text).collect()).collect();
    let mut table: Vec<&Row> = Vec::new();
    let (mut figures, mut last) = (0, place.header_row);
    let below = rows.iter().filter(|row| row.number() > place.header_row && !row.is_blank());
    // The names once more would teach that names are data.
    for row in below.filter(|row| !lines.iter().any(|line| header::is_again(line, row))) {
        let has_figure = has_figure(row);
        let named = row.len() > 1 && row.cells().all(|cell| cell.text.chars().any(char::is_alphabetic));
        let some_kept = || lines.iter().any(|line| header::kept_names(line, row) > 1);
        let behind_gap = row.number() > std::mem::replace(&mut last, row.number()) + 1;
        if (table.len() >= FEW || !table.is_empty() && (behind_gap || some_kept()))
            && figures * 10 >= table.len() * 9
            && !has_figure
            && named
        {
            break;
        }
        if row.len() == place.usual || place.stripped && row.len() > 1 {
            figures += usize::from(has_figure);
            table.push(row);
        }
    }
    table
}

/// Whether a text file may have a column of that name, of ASCII letters: none has it whose beginning, by which its
/// header is found, does not hold the word.
pub(super) fn may_have_column(file: &mut impl Input, name: &str) -> io::Result<bool> {
    let mut head = Vec::with_capacity(SAMPLE);
    file.take(SAMPLE as u64).read_to_end(&mut head)?;
    let wide = memchr::memchr(0, &head).is_some();
    Ok(wide || memchr::memmem::find(&head, name.as_bytes()).is_some())
}

/// What is wrong with the header's row so that nobody knows its names: bytes that are no letters, or more than any
/// header has, as where the rows of a file ran together.
fn damage(rows: &[Row], header: u32) -> Option<Issue> {
    let row = rows.iter().find(|row| row.number() == header)?;
    let spoils = |issue: &&Issue| [T023.code, T025.code, T026.code].contains(&issue.code.code);
    let issue = row.issues().iter().find(spoils)?;
    Some(issue.clone().row(header))
}

fn take_sample(file: &mut impl Input) -> io::Result<Sample> {
    let mut head = Vec::with_capacity(SAMPLE);
    file.by_ref().take(SAMPLE as u64).read_to_end(&mut head)?;
    let whole = head.len() < SAMPLE;
    let mut beyond = Vec::new();
    while !whole && head.is_ascii() && beyond.is_ascii() {
        beyond.clear();
        if file.by_ref().take(SAMPLE as u64).read_to_end(&mut beyond)? == 0 {
            break;
        }
    }
    Ok(Sample { head, whole, beyond })
}

/// The encoding and the length of the byte-order mark. A mapping's word wins, then the mark, then the letters.
fn choose_encoding(
    sample: &Sample,
    reading: &Reading,
    found: &mut Found,
) -> Result<(Encoding, usize), Error> {
    let mark = encoding::byte_order_mark(&sample.head);
    found.byte_order_mark = mark.is_some();
    if let Some(name) = &reading.encoding {
        let stated = Encoding::from_name(name)
            .ok_or_else(|| Error::Unknown { what: "encoding", given: name.clone() })?;
        // Whatever the mark says, it is no letter.
        let length = mark.as_ref().map_or(0, |(_, length)| *length);
        found.byte_order_mark = mark.as_ref().is_some_and(|(marked, _)| *marked == stated);
        found.evidence.encoding = Some(evidence::stated());
        if let Some((marked, _)) = mark.filter(|(marked, _)| *marked != stated) {
            found.note(Issue::new(&W106).arg(stated.name()).arg(marked.name()));
        }
        return Ok((stated, length));
    }
    let marked = mark.as_ref().map_or(0, |(_, length)| *length);
    let belied = mark.as_ref().is_some_and(|(encoding, length)| {
        *encoding == Encoding::utf8() && encoding::is_no_utf8(sample.head.get(*length..).unwrap_or_default())
    });
    if let Some(marked) = mark.filter(|_| !belied) {
        found.evidence.encoding = Some(evidence::of_mark());
        return Ok(marked);
    }
    let head = sample.head.get(marked..).unwrap_or_default();
    let letters = if sample.beyond.is_empty() { head } else { &sample.beyond };
    let guess = encoding::guess(letters, reading.language);
    if belied {
        found.byte_order_mark = false;
        found.note(Issue::new(&W101).arg(guess.encoding.name()).arg(Encoding::utf8().name()));
    }
    if let Some(rival) = guess.rival {
        found.note(Issue::new(&W101).arg(guess.encoding.name()).arg(rival));
    }
    found.evidence.encoding = Some(evidence::of_encoding(guess.by, letters, guess.rival));
    Ok((guess.encoding, marked))
}

/// Bytes as the records are split: UTF-16 as UTF-8, everything else as it stands.
fn as_text(bytes: Bytes, encoding: &Encoding) -> Bytes {
    let Some(big_endian) = encoding.utf16_order() else { return bytes };
    let mut text = Vec::new();
    let mut reader = encoding::utf16_to_utf8(Box::new(Cursor::new(bytes)), big_endian);
    // Reading from memory cannot fail.
    let _ = reader.read_to_end(&mut text);
    text.into()
}

fn choose_dialect(
    reading: &Reading,
    separator: Option<u8>,
    body: &Bytes,
    encoding: &Encoding,
    wanted: &Wanted,
) -> Result<(Dialect, Vec<Rival>), Error> {
    let unknown = |named: &String| Error::Unknown { what: "delimiter", given: named.clone() };
    let named = reading.delimiter.as_ref().map(|named| dialect::named(named).ok_or_else(|| unknown(named)));
    let known = Known {
        // A `sep=` line that names what nowhere stands was written by another program than the rows.
        delimiter: named.transpose()?.or(separator.filter(|one| body.contains(one)).map(|one| vec![one])),
        quote: reading.quote.map(|quote| if quote == '\'' { Quote::Single } else { Quote::Double }),
        backslash: reading.backslash,
    };
    Ok(dialect::find(body, encoding, wanted, &known))
}

/// The text from behind the byte-order mark and the `sep=` line.
fn start(
    mut file: impl Input,
    mark: usize,
    hidden: usize,
    encoding: &Encoding,
) -> io::Result<Box<dyn Read + Send>> {
    file.seek(SeekFrom::Start(mark as u64))?;
    let mut input: Box<dyn Read + Send> = Box::new(file);
    if let Some(big_endian) = encoding.utf16_order() {
        input = encoding::utf16_to_utf8(input, big_endian);
    }
    io::copy(&mut input.as_mut().take(hidden as u64), &mut io::sink())?;
    Ok(input)
}

/// An encoding that only the folder's language decided.
pub(super) static W101: CodeInfo = CodeInfo {
    code: "W101",
    who: Who::User,
    bg: Words {
        message: "файлът е прочетен като {0}, но може да е и {1}; проверете дали буквите в отчета са верни",
        why: "Байтовете допускат и двете кодировки и изборът е по езика на папката или по честотата на буквите.",
        example: "кратък файл само с няколко български букви",
        repair: "Ако буквите са грешни, запишете файла като „CSV UTF-8“ и го поставете отново.",
    },
    en: Words {
        message: "the file was read as {0}, but may be {1}; check whether the letters in the report are right",
        why: "The bytes allow both encodings; the folder's language, or how frequent letters are, decided.",
        example: "a short file with a few Bulgarian letters only",
        repair: "If letters are wrong, save the file as `CSV UTF-8` and drop it again.",
    },
};

/// A byte-order mark that speaks against the stated encoding.
pub(super) static W106: CodeInfo = CodeInfo {
    code: "W106",
    who: Who::Integrator,
    bg: Words {
        message: "в [table] е казано {0}, а файлът започва със знака на {1}",
        why: "Казаното в съответствието има предимство, но знакът в началото на файла обикновено е верен.",
        example: "encoding = \"windows-1251\" за файл „CSV UTF-8“",
        repair: "Махнете encoding от [table]: тогава кодировката се открива сама.",
    },
    en: Words {
        message: "[table] says {0}, but the file begins with the mark of {1}",
        why: "A mapping's word wins, but the mark at the beginning of a file is mostly right.",
        example: "encoding = \"windows-1251\" for a `CSV UTF-8` file",
        repair: "Leave encoding out of [table]: it is then found out.",
    },
};
