//! What each decision about a text file rests on: a kind and figures for programs, words for people.

use std::path::Path;

use memchr::memchr_iter;
use serde::Serialize;

use super::encoding::By;
use super::general::Dialect;
use super::header::{FoundHeader, Wanted, usual_width};
use super::names::Slip;
use super::reading::{Format, Reading};
use super::row::Row;

/// The proof of each decision; none where nothing had to be decided.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Evidence {
    /// What in the content tells the format; the rival is what the file's name says, where it says another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Proof>,
    /// Which letters the bytes stand for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Proof>,
    /// What stands between cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Proof>,
    /// What stands around cells, and how it is escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<Proof>,
    /// What stands between rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_ends: Option<LineEnds>,
    /// Which rows name the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<Proof>,
    /// What was put right in them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub header_mended: Vec<Slip>,
}

/// What one decision rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// For programs.
    pub kind: &'static str,
    /// Rows, cells or letters that speak for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<usize>,
    /// Of how many that were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<usize>,
    /// What else is possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rival: Option<&'static str>,
    /// Other delimiters that were met, and how they would divide the rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rivals: Vec<Rival>,
    /// In Bulgarian.
    pub bg: String,
    /// In English.
    pub en: String,
}

/// A delimiter that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rival {
    /// A tab is `\t`.
    pub delimiter: String,
    /// Into how many cells it divides most of the rows it divides.
    pub cells: usize,
    /// How many rows.
    pub count: usize,
    /// Of how many that were looked at.
    pub of: usize,
}

/// How rows end in the beginning of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LineEnds {
    /// `\r\n`
    pub crlf: usize,
    /// `\n` alone.
    pub lf: usize,
    /// `\r` alone.
    pub cr: usize,
}

/// What the beginning of a file looks like once all is decided.
pub(super) struct Seen<'s> {
    pub(super) body: &'s [u8],
    pub(super) rows: &'s [Row],
    pub(super) dialect: &'s Dialect,
    pub(super) header: &'s FoundHeader,
    pub(super) wanted: &'s Wanted,
    pub(super) reading: &'s Reading,
    /// Whether a `sep=` line names the delimiter.
    pub(super) marks: bool,
    pub(super) rivals: Vec<Rival>,
}

pub(super) fn proof(kind: &'static str, bg: impl Into<String>, en: impl Into<String>) -> Proof {
    Proof { kind, bg: bg.into(), en: en.into(), ..Proof::default() }
}

/// A mapping says so, or an earlier reading.
pub(super) fn stated() -> Proof {
    proof("stated", "казано е предварително", "it was stated")
}

/// What a file's content is, and what its name says it were.
pub(super) fn of_format(format: Format, path: &Path) -> Proof {
    let (kind, bg, en) = match format {
        Format::Csv => ("text", "файлът е от букви", "the file is of letters"),
        Format::Html => ("markup", "файлът започва с HTML", "the file begins with HTML"),
        Format::Xls => {
            ("compound_file", "файлът е пакет с работна книга", "the file is a compound one with a workbook")
        }
        Format::Xlsx | Format::Xlsb | Format::Ods => (
            "archive",
            "файлът е архив с частите на работна книга",
            "the file is an archive with a workbook's parts",
        ),
    };
    let ending = path.extension().and_then(|name| name.to_str()).map(str::to_ascii_lowercase);
    let ending = ending.as_deref().unwrap_or_default();
    let Some(named) = format_named(ending).filter(|named| *named != format) else {
        return proof(kind, bg, en);
    };
    let bg = format!("{bg}, макар че името му свършва на .{ending}");
    Proof { rival: Some(named.name()), ..proof(kind, bg, format!("{en}, though its name ends in .{ending}")) }
}

fn format_named(extension: &str) -> Option<Format> {
    Some(match extension {
        "csv" | "txt" | "tsv" | "tab" | "prn" => Format::Csv,
        "xlsx" | "xlsm" => Format::Xlsx,
        "xls" => Format::Xls,
        "xlsb" => Format::Xlsb,
        "ods" => Format::Ods,
        "html" | "htm" => Format::Html,
        _ => return None,
    })
}

/// A byte-order mark.
pub(super) fn of_mark() -> Proof {
    proof(
        "byte_order_mark",
        "файлът започва със знак за кодировката си",
        "the file begins with the mark of its encoding",
    )
}

/// What the letters say.
pub(super) fn of_encoding(by: By, letters: &[u8], rival: Option<&'static str>) -> Proof {
    let proof = match by {
        By::Zeros => {
            proof("utf16_zeros", "всеки втори байт е половин буква", "every second byte is half a letter")
        }
        By::Ascii => proof("ascii", "само латински букви и цифри", "nothing but ASCII letters and figures"),
        By::Utf8 => proof(
            "valid_utf8",
            "буквите са такива поредици, каквито има само UTF-8",
            "letters are sequences that only UTF-8 has",
        ),
        By::Dos => proof("dos_letters", "буквите са където са в DOS", "letters are where DOS has them"),
        By::Words => {
            proof("words", "думите са от букви на една азбука", "words are of letters of one alphabet")
        }
        By::Language => proof(
            "language",
            "байтовете не доказват нищо; решава езикът на папката",
            "the bytes prove nothing; the folder's language decides",
        ),
    };
    let beyond = letters.iter().filter(|byte| !byte.is_ascii()).count();
    Proof { count: (beyond > 0).then_some(beyond), rival, ..proof }
}

impl Evidence {
    pub(super) fn tell(&mut self, seen: &Seen<'_>) {
        self.delimiter = Some(Proof { rivals: seen.rivals.clone(), ..of_delimiter(seen) });
        self.quote = Some(of_quote(seen));
        self.line_ends = Some(line_ends(seen.body));
        self.header = Some(of_header(seen));
        self.header_mended.clone_from(&seen.header.slips);
    }
}

fn of_delimiter(seen: &Seen<'_>) -> Proof {
    let width = usual_width(seen.rows);
    let filled = || seen.rows.iter().filter(|row| !row.is_blank());
    let (count, of) = (filled().filter(|row| row.len() == width).count(), filled().count());
    let found = if seen.marks {
        proof("separator_line", "казва го ред „sep=“", "a `sep=` line says so")
    } else if seen.reading.delimiter.is_some() {
        stated()
    } else if width < 2 {
        proof("one_column", "нищо не дели редовете на клетки", "nothing divides rows into cells")
    } else if seen.wanted.best(seen.rows) > 0 {
        proof("expected_names", "така се появяват очакваните колони", "the expected columns appear so")
    } else {
        let bg = format!("{count} от {of} реда имат така по {width} клетки");
        let en = format!("{count} of {of} rows have {width} cells so");
        proof("same_width", bg, en)
    };
    Proof { count: Some(count), of: Some(of), ..found }
}

fn of_quote(seen: &Seen<'_>) -> Proof {
    let quote = seen.dialect.quote.byte();
    let opened = [&seen.dialect.delimiter[..], &[quote]].concat();
    let count = memchr::memmem::find_iter(seen.body, &opened).count();
    let found = match (count, seen.dialect.backslash) {
        (0, _) => proof("none_met", "няма клетки в кавички", "no cell stands in quotes"),
        (_, true) => {
            proof("backslash", "кавичките в текста имат обратна черта", "quotes in texts bear a backslash")
        }
        (_, false) => proof(
            "doubled",
            "клетки стоят в кавички; в текста кавичките са двойни",
            "cells stand in quotes; quotes in texts are doubled",
        ),
    };
    Proof { count: Some(count), ..found }
}

fn line_ends(body: &[u8]) -> LineEnds {
    let feeds = memchr_iter(b'\n', body).count();
    let returns = memchr_iter(b'\r', body).count();
    let crlf = memchr::memmem::find_iter(body, b"\r\n").count();
    LineEnds { crlf, lf: feeds - crlf, cr: returns - crlf }
}

fn of_header(seen: &Seen<'_>) -> Proof {
    let (last, count) = (seen.header.row, seen.header.rows.max(1));
    if seen.reading.header.is_some() {
        return stated();
    }
    if last == 0 {
        return proof(
            "like_data",
            "първите редове изглеждат като данните",
            "the first rows look like the data",
        );
    }
    let rows = if count == 1 { format!("{last}") } else { format!("{}–{last}", last + 1 - count) };
    if seen.wanted.best(seen.rows) > 0 {
        let bg = format!("очакваните имена са в ред {rows}");
        return proof("expected_names", bg, format!("the expected names are in row {rows}"));
    }
    let bg = format!("ред {rows} има думи, където по-долу има данни");
    Proof {
        count: Some(count as usize),
        ..proof("unlike_data", bg, format!("row {rows} has words where data stands below"))
    }
}
