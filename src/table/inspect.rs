//! What the reader sees in a file, for a person who wants to know before a mapping is written.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::Table;
use super::error::Error;
use super::reading::{Found, Reading};
use super::row::{Cell, CellKind, Row};
use crate::model::names::{fold, is_invisible};
use crate::model::{CodeInfo, Issue, Who, Words};

/// What the reader sees in a file.
#[derive(Debug, Clone, Serialize)]
pub struct Inspection {
    /// Format, encoding, delimiter, sheet, header, rows that are no data.
    pub reading: Found,
    /// The columns in order.
    pub columns: Vec<ColumnInspection>,
    /// Data rows.
    pub rows: u64,
    /// The first of them, as they were read.
    pub first_rows: Vec<FirstRow>,
    /// What a person should look at.
    pub suspicious: Vec<Suspicion>,
}

/// A row as it was read.
#[derive(Debug, Clone, Serialize)]
pub struct FirstRow {
    /// As Excel shows it.
    pub row: u32,
    /// Its cells, long ones shortened.
    pub cells: Vec<String>,
}

/// One column.
#[derive(Debug, Clone, Serialize)]
pub struct ColumnInspection {
    /// As Excel shows it.
    pub letter: String,
    /// The header's text; empty where there is none.
    pub name: String,
    /// What its cells hold.
    pub kind: Guess,
    /// The first different values.
    pub examples: Vec<String>,
    /// Rows with a value.
    pub filled: u64,
    /// Rows without.
    pub empty: u64,
}

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Guess {
    /// Nothing.
    Empty,
    /// Digits only, codes too.
    Whole,
    /// Numbers, some with a fraction.
    Number,
    /// Dates.
    Date,
    /// Truth values.
    Bool,
    /// Anything else.
    Text,
}

/// One thing a person should look at, once for each column.
#[derive(Debug, Clone, Serialize)]
pub struct Suspicion {
    /// What it is, with the place and the arguments of its first case.
    #[serde(serialize_with = "as_note", flatten)]
    pub first: Issue,
    /// How many rows have it.
    pub rows: u64,
}

fn as_note<S: Serializer>(issue: &Issue, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("code", issue.code.code)?;
    map.serialize_entry("row", &issue.place.row)?;
    map.serialize_entry("column", &issue.place.column.as_deref())?;
    map.serialize_entry("args", &issue.args)?;
    map.end()
}

/// Letters of an example that are shown.
const EXAMPLE_LETTERS: usize = 60;

/// Reads a whole file, with memory for one row, and tells what is in it; `examples` values for each column, and as
/// many rows.
pub fn inspect(path: &Path, reading: &Reading, examples: usize) -> Result<Inspection, Error> {
    let mut table = Table::open(path, reading)?;
    let mut columns: Vec<Column> = table.headers().iter().map(|header| Column::new(header.label())).collect();
    let mut suspicions = Suspicions::default();
    suspicions.look_at_headers(&table);
    let mut row = Row::new();
    let (mut rows, mut first_rows) = (0, Vec::new());
    while table.read(&mut row)? {
        rows += 1;
        if first_rows.len() < examples {
            let cells = row.cells().map(|cell| shortened(cell.text)).collect();
            first_rows.push(FirstRow { row: row.number(), cells });
        }
        for (column, cell) in columns.iter_mut().zip(row.cells()) {
            column.look_at(cell, examples);
            if let Some(code) = suspicion_of(cell) {
                let issue = Issue::at(code, Some(Arc::clone(&column.label))).arg(shortened(cell.text));
                suspicions.add(issue.row(row.number()));
            }
        }
        row.issues().iter().for_each(|issue| suspicions.add(issue.clone().row(row.number())));
    }
    let columns = table.headers().iter().zip(columns);
    Ok(Inspection {
        reading: table.found().clone(),
        columns: columns
            .map(|(header, column)| column.finish(header.letter(), header.name.to_string()))
            .collect(),
        rows,
        first_rows,
        suspicious: suspicions.found.into_values().collect(),
    })
}

/// Writes a file as CSV: header, if there is one, then data rows; UTF-8, comma, CRLF, quotes by RFC 4180. Returns the number of data rows.
pub fn to_csv(path: &Path, reading: &Reading, out: impl Write) -> Result<u64, Error> {
    table_to_csv(&mut Table::open(path, reading)?, out)
}

/// The same of a table that is open.
pub(super) fn table_to_csv(table: &mut Table, out: impl Write) -> Result<u64, Error> {
    let mut writer =
        csv::WriterBuilder::new().flexible(true).terminator(csv::Terminator::CRLF).from_writer(out);
    if table.found().header_row != Some(0) {
        let names = table.headers().iter().map(|header| header.name.as_bytes());
        writer.write_record(names).map_err(std::io::Error::from)?;
    }
    let mut row = Row::new();
    let mut rows = 0;
    while table.read(&mut row)? {
        rows += 1;
        writer.write_record(row.cells().map(|cell| cell.text)).map_err(std::io::Error::from)?;
    }
    writer.flush()?;
    Ok(rows)
}

/// What is counted of one column.
struct Column {
    label: Arc<str>,
    examples: Vec<String>,
    /// By the order of [`Guess`].
    counts: BTreeMap<u8, u64>,
}

impl Column {
    fn new(label: Arc<str>) -> Self {
        Self { label, examples: Vec::new(), counts: BTreeMap::new() }
    }

    fn look_at(&mut self, cell: Cell<'_>, examples: usize) {
        let guess = guess_of(cell);
        *self.counts.entry(guess as u8).or_default() += 1;
        if guess != Guess::Empty && self.examples.len() < examples {
            let example = shortened(cell.text);
            if !self.examples.contains(&example) {
                self.examples.push(example);
            }
        }
    }

    fn finish(self, letter: String, name: String) -> ColumnInspection {
        let count = |guess: Guess| self.counts.get(&(guess as u8)).copied().unwrap_or(0);
        let filled: u64 =
            [Guess::Whole, Guess::Number, Guess::Date, Guess::Bool, Guess::Text].into_iter().map(count).sum();
        let kind = match filled {
            0 => Guess::Empty,
            all if count(Guess::Whole) == all => Guess::Whole,
            all if count(Guess::Whole) + count(Guess::Number) == all => Guess::Number,
            all if count(Guess::Date) == all => Guess::Date,
            all if count(Guess::Bool) == all => Guess::Bool,
            _ => Guess::Text,
        };
        ColumnInspection { letter, name, kind, examples: self.examples, filled, empty: count(Guess::Empty) }
    }
}

fn guess_of(cell: Cell<'_>) -> Guess {
    let text = cell.text.trim();
    match cell.kind {
        _ if text.is_empty() => Guess::Empty,
        CellKind::Date => Guess::Date,
        CellKind::Bool => Guess::Bool,
        CellKind::Error => Guess::Text,
        CellKind::Text | CellKind::Number => guess_of_text(text),
    }
}

fn guess_of_text(text: &str) -> Guess {
    let bare = text.strip_prefix('-').unwrap_or(text);
    let digits = bare.bytes().filter(u8::is_ascii_digit).count();
    let marks = bare.matches(['.', ',']).count();
    let blanks = bare.matches([' ', '\u{A0}', '\u{202F}']).count();
    let others = bare.chars().count() - digits - marks - blanks;
    if digits > 0 && digits == bare.len() {
        Guess::Whole
    } else if is_date(text) {
        Guess::Date
    } else if others == 0
        && digits > 0
        && marks <= 1
        && bare.starts_with(|first: char| first.is_ascii_digit())
    {
        Guess::Number
    } else {
        Guess::Text
    }
}

/// `dd.mm.yyyy`, `dd/mm/yyyy` or `yyyy-mm-dd`, with whatever follows a blank or `T`.
fn is_date(text: &str) -> bool {
    let day = text.split([' ', 'T']).next().unwrap_or(text);
    ['.', '/', '-'].iter().any(|mark| {
        let parts: Vec<&str> = day.split(*mark).collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        let digits = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        digits && matches!(lengths[..], [1 | 2, 1 | 2, 4] | [4, 1 | 2, 1 | 2])
    })
}

fn suspicion_of(cell: Cell<'_>) -> Option<&'static CodeInfo> {
    let masked = |text: &str| text.len() > 1 && text.starts_with('0') && !text.contains('.');
    match cell.kind {
        CellKind::Text if is_scientific(cell.text) => Some(&W110),
        CellKind::Number if masked(cell.text) => Some(&W113),
        _ => None,
    }
}

/// `3,80001E+12`: what a spreadsheet made of a long code.
fn is_scientific(text: &str) -> bool {
    let Some((number, exponent)) = text.trim().split_once("E+").or_else(|| text.trim().split_once("e+"))
    else {
        return false;
    };
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = number.split_once([',', '.']).unwrap_or((number, "0"));
    whole.len() == 1 && all_digits(whole) && all_digits(fraction) && all_digits(exponent)
}

fn shortened(text: &str) -> String {
    let mut short: String = text.trim().chars().take(EXAMPLE_LETTERS).collect();
    if short.len() < text.trim().len() {
        short.push('…');
    }
    short
}

/// Suspicions by code and column; their number is bounded by both.
#[derive(Default)]
struct Suspicions {
    found: BTreeMap<(&'static str, Option<Arc<str>>), Suspicion>,
}

impl Suspicions {
    fn add(&mut self, issue: Issue) {
        let key = (issue.code.code, issue.place.column.clone());
        self.found.entry(key).or_insert(Suspicion { first: issue, rows: 0 }).rows += 1;
    }

    fn look_at_headers(&mut self, table: &Table) {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for header in table.headers().iter().filter(|header| !header.name.is_empty()) {
            if let Some(hidden) = header.name.chars().find(|letter| is_invisible(*letter)) {
                self.add(Issue::at(&W111, Some(header.label())).arg(format!("U+{:04X}", u32::from(hidden))));
            }
            let count = names.entry(fold(&header.name)).or_default();
            *count += 1;
            if *count > 1 {
                self.add(Issue::at(&W112, Some(header.label())).arg(count.to_string()));
            }
        }
    }
}

/// A code that a spreadsheet turned into scientific notation.
pub(super) static W110: CodeInfo = CodeInfo {
    code: "W110",
    who: Who::User,
    bg: Words {
        message: "кодът е превърнат в число с експонента ({0}) и цифрите му са загубени; вземете го от първоизточника",
        why: "Excel показва дългите числа така и ги записва така в CSV. Липсващите цифри не могат да се възстановят.",
        example: "3,80001E+12 вместо 3800012345678",
        repair: "Форматирайте колоната като текст, преди да въведете кодовете, и запишете отново.",
    },
    en: Words {
        message: "the code became a number with an exponent ({0}) and lost its digits; take it from its source",
        why: "Excel shows long numbers so, and writes them so into CSV. The missing digits cannot be restored.",
        example: "3.80001E+12 instead of 3800012345678",
        repair: "Format the column as text before the codes are typed, and save again.",
    },
};

/// An invisible letter in a column's name.
pub(super) static W111: CodeInfo = CodeInfo {
    code: "W111",
    who: Who::User,
    bg: Words {
        message: "името на колоната съдържа невидим знак ({0}); при търсене по име той не пречи",
        why: "Такива знаци идват от копиране от уеб страница или от сливане на файлове.",
        example: "U+200B в „Партида“",
        repair: "Въведете името на колоната наново, ако пречи на други програми.",
    },
    en: Words {
        message: "the column's name holds an invisible character ({0}); finding it by name still works",
        why: "Such characters come from copying out of web pages or from joining files.",
        example: "U+200B in `Batch`",
        repair: "Type the column's name again if it disturbs other programs.",
    },
};

/// Two columns of one name.
pub(super) static W112: CodeInfo = CodeInfo {
    code: "W112",
    who: Who::Integrator,
    bg: Words {
        message: "има {0} колони с това име; втората се сочи като „Име#2“",
        why: "Без номер се взема първата колона с това име.",
        example: "две колони „Код“",
        repair: "Дайте на колоните различни имена или посочете номера.",
    },
    en: Words {
        message: "there are {0} columns of this name; the second is named `Name#2`",
        why: "Without a number the first column of the name is taken.",
        example: "two columns `Code`",
        repair: "Give the columns different names or state the number.",
    },
};

/// A number shown with zeros in front of it.
pub(super) static W113: CodeInfo = CodeInfo {
    code: "W113",
    who: Who::User,
    bg: Words {
        message: "водещите нули ({0}) са само във вида на клетката; прочетени са така, както се виждат",
        why: "Клетката съдържа число, а нулите отпред са само от формата. При запис като CSV те могат да изчезнат.",
        example: "03800012345678 с формат 00000000000000",
        repair: "Нищо не е нужно. По-сигурно е кодовете да са текст.",
    },
    en: Words {
        message: "the leading zeros ({0}) are only in the cell's format; they are read as they are seen",
        why: "The cell holds a number and its format adds zeros. They may vanish when it is saved as CSV.",
        example: "03800012345678 with the format 00000000000000",
        repair: "Nothing is needed. Codes held as text are safer.",
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn columns_and_suspicions_are_shown() {
        let text = "Дата;Код;Код;Цена;Парт\u{200B}ида\n01.11.2024;100;3,80001E+12;2,50;\n02.11.2024;101;x;1 200,00;L1\n";
        let file = file(text);
        let seen = inspect(file.path(), &Reading::default(), 1).unwrap();
        let kinds: Vec<Guess> = seen.columns.iter().map(|column| column.kind).collect();
        assert_eq!(kinds, [Guess::Date, Guess::Whole, Guess::Text, Guess::Number, Guess::Text]);
        assert_eq!((seen.rows, seen.columns[4].filled, seen.columns[4].empty), (2, 1, 1));
        assert_eq!(seen.columns[0].examples, ["01.11.2024"]);
        let codes: Vec<&str> = seen.suspicious.iter().map(|suspicion| suspicion.first.code.code).collect();
        assert_eq!(codes, ["W110", "W111", "W112"]);
        let json = serde_json::to_value(&seen).unwrap();
        assert_eq!(json["reading"]["format"], "csv");
        assert_eq!(json["suspicious"][0]["row"], 2);
    }

    #[test]
    fn csv_comes_out_by_rfc_4180() {
        let file = file("Заглавие\nКод;Име\n1;\"а;б\"\n2\n3;в;още\n");
        let reading = Reading { header: Some(2), ..Reading::default() };
        let mut out = Vec::new();
        assert_eq!(to_csv(file.path(), &reading, &mut out).unwrap(), 3);
        assert_eq!(String::from_utf8(out).unwrap(), "Код,Име\r\n1,а;б\r\n2,\r\n3,в,още\r\n");
    }
}
