//! What the reader sees in a file, for a person who wants to know before a mapping is written.

use std::collections::btree_map::{BTreeMap, Entry};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::Table;
use super::error::Error;
use super::reading::{Found, Reading};
use super::row::{Cell, CellKind, Row};
use crate::model::names::{fold, is_invisible};
use crate::model::{Args, CodeInfo, Issue, Who, Words};

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
    map.serialize_entry("args", &Args(&issue.args))?;
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
            column.changed.look_at(cell, row.number());
            if let Some(code) = suspicion_of(cell) {
                let issue = Issue::at(code, Some(Arc::clone(&column.label))).arg(shortened(cell.text));
                suspicions.add(issue.row(row.number()));
            }
        }
        row.issues().iter().for_each(|issue| suspicions.add(issue.clone().row(row.number())));
    }
    for column in &columns {
        column.changed.tell(&column.label, &mut suspicions);
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

/// Writes a file as CSV: header, if there is one, then data rows; UTF-8, comma, CRLF, quotes by RFC 4180.
/// Returns the number of data rows.
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
    changed: Changed,
}

/// Cells that a spreadsheet may have changed. Whether it did shows in what else the column holds.
#[derive(Default)]
struct Changed {
    filled: u64,
    texts: u64,
    /// Days in whatever form.
    days: Met,
    /// Months as Excel writes them.
    months: Met,
    numbers: Met,
    /// Codes with nothing but zeros behind the digits that a spreadsheet keeps, and long ones with others.
    cut: Met,
    whole: u64,
}

#[derive(Default)]
struct Met {
    rows: u64,
    first: Option<(u32, String)>,
}

impl Met {
    fn meet(&mut self, text: &str, row: u32) {
        self.rows += 1;
        self.first.get_or_insert_with(|| (row, shortened(text)));
    }

    fn told(&self, code: &'static CodeInfo, label: &Arc<str>) -> Option<Suspicion> {
        let (row, text) = self.first.clone()?;
        let first = Issue::at(code, Some(Arc::clone(label))).arg(text).row(row);
        Some(Suspicion { first, rows: self.rows })
    }
}

/// Cells of another kind that show what a column holds.
const OTHERS: u64 = 3;
/// Digits of a number that spreadsheets keep; what follows is zeros.
const KEPT: usize = 15;
/// Zeros behind them that are hardly chance.
const ZEROS: usize = 3;

impl Changed {
    fn look_at(&mut self, cell: Cell<'_>, row: u32) {
        let text = cell.text.trim();
        if text.is_empty() {
            return;
        }
        self.filled += 1;
        match cell.kind {
            CellKind::Date => self.days.meet(text, row),
            CellKind::Number => self.numbers.meet(text, row),
            _ if is_date(text) => self.days.meet(text, row),
            _ if is_excels_month(text) => self.months.meet(text, row),
            _ => self.texts += 1,
        }
        if text.len() > KEPT && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let behind = text.get(KEPT..).unwrap_or_default();
            let is_cut = behind.len() >= ZEROS && behind.bytes().all(|byte| byte == b'0');
            if is_cut { self.cut.meet(text, row) } else { self.whole += 1 }
        }
    }

    fn tell(&self, label: &Arc<str>, suspicions: &mut Suspicions) {
        let few = |met: &Met| met.rows * 2 < self.filled && self.filled - met.rows >= OTHERS;
        let months = self.months.rows * 2 <= self.filled;
        let odd = [
            (months && self.months.rows > 0, &self.months, &W121),
            (few(&self.days) && self.texts >= OTHERS, &self.days, &W121),
            (self.whole <= self.cut.rows, &self.cut, &W122),
            (self.texts >= OTHERS && self.numbers.rows * 4 <= self.filled, &self.numbers, &W123),
        ];
        let told = odd.into_iter().filter(|(is_odd, ..)| *is_odd);
        told.filter_map(|(_, met, code)| met.told(code, label)).for_each(|one| suspicions.put(one));
    }
}

/// A month and a year or a day as Excel shows what it made of `MAR26` or `3-12`: `мар.26`, `Mar-26`, `12-Mar`.
fn is_excels_month(text: &str) -> bool {
    const MONTHS: [&str; 24] = [
        "яну", "фев", "мар", "апр", "май", "юни", "юли", "авг", "сеп", "окт", "ное", "дек", "jan", "feb",
        "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let Some((left, right)) = text.split_once(['.', '-']) else { return false };
    let digits = |part: &str| matches!(part.len(), 1 | 2) && part.bytes().all(|byte| byte.is_ascii_digit());
    let month = |part: &str| MONTHS.contains(&part.to_lowercase().as_str());
    month(left) && digits(right) || digits(left) && month(right)
}

impl Column {
    fn new(label: Arc<str>) -> Self {
        Self { label, examples: Vec::new(), counts: BTreeMap::new(), changed: Changed::default() }
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

    fn put(&mut self, one: Suspicion) {
        let key = (one.first.code.code, one.first.place.column.clone());
        match self.found.entry(key) {
            Entry::Occupied(mut known) => known.get_mut().rows += one.rows,
            Entry::Vacant(free) => {
                free.insert(one);
            }
        }
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

/// A code that a spreadsheet turned into a date.
pub(super) static W121: CodeInfo = CodeInfo {
    code: "W121",
    who: Who::User,
    bg: Words {
        message: "„{0}“ е дата сред кодове: ако на това място трябва да е код, Excel го е превърнал; впишете го отново в клетка с \
                  формат „Текст“",
        why: "Партида като 03-12 или MAR26 става дата, щом се впише в клетка без формат „Текст“, и първоначалният запис се губи.",
        example: "мар.26 вместо MAR26",
        repair: "Форматирайте колоната като „Текст“ („Форматиране на клетки“) и впишете кода така, както стои върху опаковката.",
    },
    en: Words {
        message: "`{0}` is a date among codes: if a code belongs there, Excel has changed it; enter it again in a cell with the \
                  format Text",
        why: "A batch like 03-12 or MAR26 becomes a date once it is typed into a cell that is not text, and what was typed is lost.",
        example: "Mar-26 in place of MAR26",
        repair: "Format the column as Text (Format Cells) and enter the code as it stands on the pack.",
    },
};

/// A long code with zeros behind its fifteenth digit.
pub(super) static W122: CodeInfo = CodeInfo {
    code: "W122",
    who: Who::User,
    bg: Words {
        message: "кодът {0} има само нули след петнадесетата си цифра; ако не е такъв, Excel е загубил цифрите му: вземете го от \
                  първоизточника",
        why: "Excel пази само петнадесет цифри на едно число и слага нули на мястото на останалите.",
        example: "123456789012345000 вместо 123456789012345678",
        repair: "Форматирайте колоната като текст, преди да въведете кодовете, и впишете кода отново.",
    },
    en: Words {
        message: "the code {0} has nothing but zeros behind its fifteenth digit; if that is not so, Excel has lost its digits: take \
                  it from its source",
        why: "Excel keeps fifteen digits of a number and puts zeros in the place of the others.",
        example: "123456789012345000 in place of 123456789012345678",
        repair: "Format the column as text before the codes are typed, and enter the code again.",
    },
};

/// A number among codes that are text.
pub(super) static W123: CodeInfo = CodeInfo {
    code: "W123",
    who: Who::User,
    bg: Words {
        message: "„{0}“ е число, а другите клетки в колоната са текст; ако е код, може да е загубил нули отпред или буква Е",
        why: "Excel прави число от всеки код, който прилича на число: 00123 става 123, а 12E4 става 120000.",
        example: "123 вместо 00123",
        repair: "Сверете кода с опаковката. Ако не е верен, впишете го в клетка с формат „Текст“.",
    },
    en: Words {
        message: "`{0}` is a number, and the other cells of the column are text; if it is a code it may have lost zeros in front or \
                  a letter E",
        why: "Excel makes a number of every code that looks like one: 00123 becomes 123, and 12E4 becomes 120000.",
        example: "123 in place of 00123",
        repair: "Compare the code with the pack. If it is wrong, enter it in a cell with the format Text.",
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
    fn what_a_spreadsheet_did_to_codes_is_shown() {
        let text = "GTIN;Партида;Дата;Месец\n03800012345678;L1;1.8.2026;мар.26\n123456789012345000;мар.26;2.8.2026;апр.26\n\
                    03800012345679;L2;3.8.2026;май.26\n03800012345680;03.12.2026;4.8.2026;юни.26\n1;L3;4.8.2026;юни.26\n\
                    2;L4;5.8.2026;юли.26\n";
        let seen = inspect(file(text).path(), &Reading::default(), 1).unwrap();
        let told =
            |one: &Suspicion| format!("{} {:?} {}", one.first.code.code, one.first.place.row, one.rows);
        let told: Vec<String> = seen.suspicious.iter().map(told).collect();
        assert_eq!(told, ["W121 Some(3) 2", "W122 Some(3) 1"]);
        let mut numbers = Changed::default();
        for (row, (text, kind)) in (1..).zip([
            ("A1", CellKind::Text),
            ("A2", CellKind::Text),
            ("7", CellKind::Number),
            ("A3", CellKind::Text),
        ]) {
            numbers.look_at(Cell { text, kind }, row);
        }
        let mut suspicions = Suspicions::default();
        numbers.tell(&"Партида".into(), &mut suspicions);
        let told: Vec<_> =
            suspicions.found.values().map(|one| (one.first.code.code, one.first.place.row)).collect();
        assert_eq!(told, [("W123", Some(3))]);
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
