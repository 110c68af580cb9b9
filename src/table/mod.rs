//! Bytes in, rows of text cells with places out.
//!
//! Cells stay text until [`mapping`](crate::mapping) converts them under a field's kind. Memory does not
//! grow with the number of rows. What is wrong with a row is an [`Issue`](crate::model::Issue) of that row;
//! an [`Error`] means that the file cannot be read at all, or no further.
//!
//! Text and .xlsx are read here as a stream. The other formats need the whole document in memory, so a process
//! of its own reads them ([`apart`]) and hands over the rows.
//!
//! To add a format: a file here that gives rows, a [`Format`], and its line in [`Table::open`].

mod apart;
mod block;
mod body;
mod choice;
mod dialect;
mod encoding;
mod error;
mod evidence;
mod figures;
mod general;
mod guard;
mod header;
mod inspect;
mod latin;
mod mend;
mod names;
mod number;
mod order;
mod peek;
#[cfg(test)]
mod pollution;
mod reading;
mod records;
mod row;
mod shape;
mod sheet;
mod sniff;
mod sums;
mod text;
mod workbook;
mod wrapped;

use std::fs::File;
use std::path::Path;

pub use apart::{SERVE_COMMAND, serve};
pub use block::Block;
pub use body::W114;
use body::{Body, Source};
pub use encoding::Encoding;
pub use error::Error;
pub use evidence::{Evidence, LineEnds, Proof, Rival};
pub use inspect::{ColumnInspection, FirstRow, Guess, Inspection, Suspicion, inspect, to_csv};
pub use mend::Damage;
pub use names::{Slip, T032};
pub use number::DayCount;
pub use order::{T029, T031};
use peek::Peeked;
pub use reading::{Format, Found, LeftOut, LeftOutCount, Reading, Repair, Why};
pub use row::{Cell, CellKind, HEAD, Header, RawCell, Row};

use crate::model::{CodeInfo, Issue};

/// A file as a table: its columns, and its data rows one after another.
pub struct Table {
    body: Body,
    headers: Vec<Header>,
    found: Found,
    damaged_header: Option<Issue>,
    day_count: Option<DayCount>,
    /// Sheets with the columns of the one that is read.
    alike: Vec<String>,
}

impl Table {
    /// Opens a file by its content; its name says nothing. What the reading leaves out is found out.
    pub fn open(path: &Path, reading: &Reading) -> Result<Self, Error> {
        Self::open_within(path, reading, &guard::Limits::default())
    }

    /// Whether a file may have a column of that name, of ASCII letters. Cheap, and true where only opening the file
    /// would tell.
    pub fn may_have_column(path: &Path, name: &str) -> Result<bool, Error> {
        let mut file = File::open(path)?;
        Ok(sniff::format_of(&mut file)? != Format::Csv || text::may_have_column(&mut file, name)?)
    }

    fn open_within(path: &Path, reading: &Reading, limits: &guard::Limits) -> Result<Self, Error> {
        let mut table = Self::open_as_found(path, reading, limits)?;
        table.found.evidence.format = Some(evidence::of_format(table.found.format, path));
        Ok(table)
    }

    fn open_as_found(path: &Path, reading: &Reading, limits: &guard::Limits) -> Result<Self, Error> {
        let mut file = File::open(path)?;
        let format = sniff::format_of(&mut file)?;
        if format == Format::Csv {
            return Self::open_text(file, reading);
        }
        if format != Format::Xlsx {
            let text = guard::check_size(&file, limits)?;
            return Self::open_apart(path, format, reading, text);
        }
        let checked = guard::check(&file, limits)?;
        if checked.format != Format::Xlsx {
            return Self::open_apart(path, checked.format, reading, checked.text);
        }
        let opened = workbook::open(file, &checked, reading)?;
        let mut found = Found::new(Format::Xlsx, reading);
        found.sheet = Some(opened.sheet.clone());
        found.header_row = Some(opened.header.row);
        found.header_rows = Some(opened.header.rows);
        opened.oddities.tell(&mut found);
        let alike = opened.oddities.passed.alike.clone();
        let columns = opened.header.columns.clone();
        let sheet = workbook::start(opened, &columns)?;
        let table = Self::new(Source::Sheet(Box::new(Peeked::new(sheet))), columns, found, reading);
        Ok(Self { day_count: Some(checked.day_count()), alike, ..table })
    }

    fn open_text(input: impl text::Input, reading: &Reading) -> Result<Self, Error> {
        let opened = text::open(input, reading)?;
        let source = Source::Text(Box::new(opened.ordered));
        let table = Self::new(source, opened.columns, opened.found, reading);
        let body = table.body.without_total(opened.bare_total);
        Ok(Self { body, damaged_header: opened.damaged_header, ..table })
    }

    /// Opens a text file that lies in memory; nothing else is told apart.
    #[cfg(test)]
    fn of_bytes(bytes: Vec<u8>, reading: &Reading) -> Result<Self, Error> {
        Self::open_text(std::io::Cursor::new(bytes), reading)
    }

    fn open_apart(path: &Path, format: Format, reading: &Reading, text: u64) -> Result<Self, Error> {
        let (head, sheet) = apart::open(path, format, reading, text)?;
        let mut found = Found::new(format, reading);
        let (day_count, alike) = (head.day_count, head.passed.alike.clone());
        let columns = head.found_in(&mut found);
        let table = Self::new(Source::Sheet(Box::new(Peeked::new(sheet))), columns, found, reading);
        Ok(Self { day_count, alike, ..table })
    }

    fn new(source: Source, headers: Vec<Header>, found: Found, reading: &Reading) -> Self {
        let header = (found.header_row.unwrap_or(0), found.header_rows.unwrap_or(1));
        let body = Body::new(source, header, &headers, reading.skip.as_deref());
        Self { body, headers, found, damaged_header: None, day_count: None, alike: Vec::new() }
    }

    /// The columns in order; without names where the file has no header.
    pub fn headers(&self) -> &[Header] {
        &self.headers
    }

    /// From which day a workbook counts its days, where that is known.
    pub fn day_count(&self) -> Option<DayCount> {
        self.day_count
    }

    /// Why the names of the columns cannot be trusted; to be told where no layout knows them.
    pub fn damaged_header(&self) -> Option<Error> {
        self.damaged_header.clone().map(|issue| Error::DamagedHeader(Box::new(issue)))
    }

    /// Why only a part of the file's rows would be read.
    pub fn is_half(&self) -> Option<Error> {
        let read = self.found.sheet.clone().unwrap_or_else(|| "#1".to_owned());
        (!self.alike.is_empty()).then(|| Error::SheetsAlike { read, others: self.alike.clone() })
    }

    /// What stands on other sheets than the one that is read.
    pub fn passed_over(&self) -> impl Iterator<Item = &Issue> {
        self.found.notes.iter().filter(|note| PASSED_OVER.contains(&note.code.code))
    }

    /// Reads the next data row. It has at least as many cells as there are columns, and issues where it is
    /// damaged. False at the end.
    pub fn read(&mut self, row: &mut Row) -> Result<bool, Error> {
        self.body.read(row, &mut self.found)
    }

    /// Reads the next data rows, as [`Table::read`] would one by one. False where there are no more behind them.
    /// What was read before an error is in the block.
    pub fn read_block(&mut self, block: &mut Block) -> Result<bool, Error> {
        self.body.read_block(block, &mut self.found)
    }

    /// How the file is read; complete once the last row was read.
    pub fn found(&self) -> &Found {
        &self.found
    }
}

/// Codes of notes about other sheets than the one that is read.
const PASSED_OVER: [&str; 3] = [choice::T039.code, choice::W128.code, choice::W107.code];

/// Every code this room can raise.
pub static CODES: &[&CodeInfo] = &[
    &error::T001,
    &error::T002,
    &error::T003,
    &error::T004,
    &error::T005,
    &error::T006,
    &error::T007,
    &error::T008,
    &error::T009,
    &error::T010,
    &error::T011,
    &error::T012,
    &error::T013,
    &error::T014,
    &error::T015,
    &error::T016,
    &body::T020,
    &body::T021,
    &records::T022,
    &records::T023,
    &records::T024,
    &records::T025,
    &records::T026,
    &workbook::T027,
    &body::T028,
    &order::T029,
    &body::T030,
    &order::T031,
    &names::T032,
    &body::T033,
    &body::T034,
    &error::T037,
    &error::T038,
    &choice::T039,
    &order::W115,
    &text::W101,
    &workbook::W102,
    &workbook::W103,
    &body::W104,
    &body::W105,
    &body::W114,
    &body::W116,
    &body::W117,
    &names::W118,
    &names::W119,
    &wrapped::W120,
    &text::W106,
    &choice::W107,
    &choice::W108,
    &choice::W109,
    &inspect::W110,
    &inspect::W111,
    &inspect::W112,
    &inspect::W113,
    &inspect::W121,
    &inspect::W122,
    &inspect::W123,
    &choice::W128,
    &body::W129,
    &body::W130,
    &body::W131,
    &body::W132,
    &header::W133,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Lang;

    /// Row number, cells and codes of every data row.
    type Seen = Vec<(u32, Vec<String>, Vec<&'static str>)>;

    fn read(path: &Path, reading: &Reading) -> Result<(Seen, Found), Error> {
        let mut table = Table::open(path, reading)?;
        let mut row = Row::new();
        let mut seen = Vec::new();
        while table.read(&mut row)? {
            let cells = row.cells().map(|cell| cell.text.to_owned()).collect();
            seen.push((row.number(), cells, row.issues().iter().map(|issue| issue.code.code).collect()));
        }
        Ok((seen, table.found().clone()))
    }

    /// All that can be seen of rows and of how they were read, row by row and in blocks of so many rows.
    fn both_ways(bytes: &[u8], reading: &Reading, most: usize) -> [Vec<String>; 2] {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file.as_file(), bytes).unwrap();
        let Ok(mut table) = Table::open(file.path(), reading) else { return Default::default() };
        let mut blocks = Table::open(file.path(), reading).unwrap();
        let (mut row, mut single, mut many) = (Row::new(), Vec::new(), Vec::new());
        let mut block = Block::default();
        block.most = Some(most);
        while table.read(&mut row).unwrap() {
            single.push(shown(&row));
        }
        let mut more = true;
        while more {
            more = blocks.read_block(&mut block).unwrap();
            block.for_each(&mut row, |row| many.push(shown(row)));
        }
        single.push(format!("{:?}", table.found()));
        many.push(format!("{:?}", blocks.found()));
        [single, many]
    }

    fn shown(row: &Row) -> String {
        let cells: Vec<_> = row.cells().collect();
        let issues: Vec<_> =
            row.issues().iter().map(|issue| (issue.code.code, &issue.place, &issue.args)).collect();
        format!("{} {cells:?} {issues:?} {}", row.number(), row.is_mended())
    }

    fn line() -> impl Strategy<Value = String> {
        prop_oneof![
            5 => "[0-9ж]{1,3};[a-zж]{0,4};[0-9]{0,2}",
            1 => "[ ТтСсж\u{feff}0-9]{0,2};[a-zж]{0,4};[0-9\u{1}]{0,2}",
            1 => "(Общо|Сума|total|);[a-z]{0,1};",
            1 => "[0-9];\"[a-z\n;]{0,4}\"?;[0-9]",
            1 => "[0-9a;]{0,9}",
            1 => "[;\" \t]{0,3}",
        ]
    }

    fn read_bytes(bytes: &[u8], reading: &Reading) -> Result<(Seen, Found), Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file.as_file(), bytes).unwrap();
        read(file.path(), reading)
    }

    fn encoded(text: &str, encoding: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        Encoding::from_name(encoding).unwrap().encode(text, &mut bytes);
        bytes
    }

    const DAY: &str = "Справка за движенията\r\n\r\nДата;Код;Количество;Партида\r\n01.11.2024;A100;5,00;L1\r\n\
                       ;;;\r\n02.11.2024;A101;\"6,00\";L2\r\nОбщо:;;11,00;\r\n\r\nИзготвил: Иванов;;;\r\n\x1a";

    #[test]
    fn a_days_export_is_read_in_every_encoding() {
        for name in ["windows-1251", "utf-8", "utf-16le", "utf-16be", "mik", "ibm866"] {
            let (rows, found) = read_bytes(&encoded(DAY, name), &Reading::default()).unwrap();
            assert_eq!(found.encoding.as_deref(), Some(name));
            assert_eq!((found.delimiter.as_deref(), found.header_row), (Some(";"), Some(3)));
            assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [4, 6], "{name}");
            assert_eq!(rows[1].1, ["02.11.2024", "A101", "6,00", "L2"]);
            let count = LeftOutCount { title: 1, blank: 3, total: 2, beyond: 0, separator: 0 };
            assert_eq!((found.left_out_count, found.quote), (count, Some('"')));
        }
    }

    #[test]
    fn a_reading_pins_what_was_found() {
        let reading = Reading { expect: vec!["Партида".into()], ..Reading::default() };
        let (rows, found) = read_bytes(&encoded(DAY, "windows-1251"), &reading).unwrap();
        let pinned = Reading { language: Lang::Bg, ..found.reading() };
        assert_eq!(read_bytes(&encoded(DAY, "windows-1251"), &pinned).unwrap().0, rows);
    }

    #[test]
    fn a_separator_line_counts_no_row() {
        let (rows, found) = read_bytes(b"\xEF\xBB\xBFsep=,\r\na,b\r\n1,2\r\n", &Reading::default()).unwrap();
        assert_eq!((rows, found.byte_order_mark), (vec![(2, vec!["1".into(), "2".into()], vec![])], true));
    }

    #[test]
    fn ragged_rows_are_told_with_both_counts() {
        let text = "a;b;c\n1;2\n1;2;3;;\n1;2;3;4\n1;2;3\n";
        let (rows, _) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        let codes: Vec<_> = rows.iter().map(|row| row.2.clone()).collect();
        assert_eq!(codes, [vec!["T020"], vec![], vec!["T021"], vec![]]);
        assert_eq!((rows[0].1.len(), rows[2].1.len()), (3, 4), "short rows are padded, long ones whole");
    }

    #[test]
    fn a_row_short_of_nameless_columns_only_is_whole() {
        let (rows, _) = read_bytes(b"a;b;;\n1;2\n", &Reading::default()).unwrap();
        assert_eq!(rows[0].2, Vec::<&str>::new());
    }

    #[test]
    fn totals_are_left_out_at_the_end_only() {
        let text = "Вид;Код;Брой;Партида\nx;1;2;L\nОбщо;;2;\nx;2;3;M\nОбщо;;5;\n";
        let (rows, found) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [2, 3, 4], "a row is never lost");
        assert_eq!(found.left_out_count.total, 1);
        let skip = Reading { skip: Some(vec!["общо".into()]), ..Reading::default() };
        let (rows, _) = read_bytes(text.as_bytes(), &skip).unwrap();
        assert_eq!(
            rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            [2, 4],
            "a mapping's word holds everywhere"
        );
    }

    #[test]
    fn an_unclosed_quote_is_told_where_it_was_opened() {
        let text = "a;b;c\n1;\"x;3\n4;\"y\";6\n7;8;9\n8;z;5\n";
        let (rows, _) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert_eq!((rows[0].2.as_slice(), rows[0].1.join("|")), (&["W115", "T029"][..], "1|x|3".to_owned()));
        assert_eq!(rows[1].1, ["4", "y", "6"]);
        let (rows, _) = read_bytes(b"a;b;c\n1;\"x;3\n7;8;9\n", &Reading::default()).unwrap();
        assert_eq!(rows[0].2, ["T022"], "too few rows to prove anything");
    }

    /// A header of five columns with so many rows below it.
    fn movements(count: u32) -> String {
        let row = |at: u32| format!("{at:02}.08.2026;Доставка;24{at:02};L0{at:02};{at}\n");
        format!("Дата;Вид;Код;Партида;Количество\n{}", (1..=count).map(row).collect::<Vec<_>>().concat())
    }

    #[test]
    fn footers_with_all_their_delimiters_are_no_data() {
        for (footer, told) in [
            ("Подпис: ............;;;;\n", vec!["W114"]),
            ("Крайна сума;;;;55\nПодпис: ....;;;;\n", vec![]),
            ("\nИзготвил: Иванов;;Проверил: Петров;;\n", vec!["W114"]),
            (";;;;55\n", vec!["W132"]),
            ("Total Care шампоан;;;;5\n", vec!["W132"]),
            ("Общо 2026:;;;;5\n", vec![]),
            ("Стр. 1;;;;\n", vec![]),
        ] {
            let text = format!("{}{footer}", movements(10));
            let (rows, found) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
            let codes: Vec<_> = found.notes.iter().map(|note| note.code.code).collect();
            assert_eq!((rows.len(), codes), (10, told), "{footer}");
            let [single, blocks] = both_ways(text.as_bytes(), &Reading::default(), 3);
            assert_eq!(single, blocks, "{footer}");
        }
    }

    #[test]
    fn rows_that_only_resemble_footers_stay() {
        for row in [";;;;54\n", "11.08.2026;;;;\n", "\n;Доставка;;L011;\n"] {
            let (rows, _) =
                read_bytes(format!("{}{row}", movements(10)).as_bytes(), &Reading::default()).unwrap();
            assert_eq!(rows.len(), 11, "{row}");
        }
        let text = format!("{}Доставка;;;;\n{}", movements(10), "11.08.2026;Доставка;2411;L011;1\n");
        let (rows, _) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!(rows.len(), 12, "data follows");
    }

    #[test]
    fn the_number_of_a_page_stands_between_rows() {
        let text = movements(12).replace("07.08.2026", "Стр. 1;;;;\n07.08.2026");
        let (rows, found) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!((rows.len(), found.left_out_count.title), (12, 1));
    }

    #[test]
    fn words_of_another_encoding_that_were_pasted_in_are_told() {
        let (page, _, _) = encoding_rs::WINDOWS_1251.encode("Код;Име;Брой\n1;СРОК „А“;2\n2;");
        let mut bytes = page.into_owned();
        bytes.extend_from_slice("Доставка".as_bytes());
        bytes.extend_from_slice(b";3\n");
        let reading = Reading { encoding: Some("windows-1251".into()), ..Reading::default() };
        let (rows, _) = read_bytes(&bytes, &reading).unwrap();
        assert_eq!((rows[0].2.as_slice(), rows[0].1[1].as_str()), (&[][..], "СРОК „А“"));
        assert_eq!(rows[1].2, ["T023"]);
    }

    #[test]
    fn a_header_that_is_longer_than_any_is_refused() {
        let text = day(1..300).replace('\n', ";");
        let ran_together = format!("{}{text}", NAMES.replace('\n', ";"));
        let error = read_bytes(ran_together.as_bytes(), &Reading::default()).unwrap_err();
        assert_eq!(error.issue().code.code, "T026");
    }

    #[test]
    fn a_damaged_row_with_a_cell_on_several_lines_stays_one_row() {
        let row = |at: u32| format!("{at}.8.2026;L{at:03};\"Йод; Мед\";{at};\"на\ndва реда\"\n");
        let odd = "12.8.2026;L012;\"Йод; Мед\"\";12;\"на\nдва реда\"\n";
        let rows: String =
            (1..25).map(|at| if at == 12 { odd.to_owned() } else { row(at) }).collect::<Vec<_>>().concat();
        let text = format!("Дата;Партида;Име;Брой;Бележка\n{rows}");
        let (rows, _) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!(rows.len(), 24);
        assert_eq!(rows[11].1, ["12.8.2026", "L012", "Йод; Мед", "12", "на\nдва реда"]);
    }

    /// Rows of a table as programs write them, from a number on.
    fn day(rows: std::ops::Range<u32>) -> String {
        let row =
            |row: u32| format!("{row:03};{}.8.2026;Продажба;24{row:02};L{row:03};{row};;\n", row % 28 + 1);
        rows.map(row).collect::<Vec<_>>().concat()
    }

    const NAMES: &str = "Док;Дата;Вид;Код;Партида;Брой;Клиент;Забележка\n";

    #[test]
    fn a_row_of_words_amid_the_data_ends_no_table() {
        for odd in [
            "NULL;NULL;NULL;NULL;NULL;NULL;NULL;NULL",
            "#N/A;няма;#REF!;без;#VALUE!;липсва;там;тук",
            "няма;дата;вид;код;партида;брой;клиент;забележка",
            "Бележка;Иванов\n05;06\n07;08",
            "\nВърнати;стоки\nСклад;Пловдив",
        ] {
            let text = format!("{NAMES}{}{odd}\n{}", day(1..9), day(9..31));
            let (rows, _) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
            let good = rows.iter().filter(|row| row.1[4].starts_with('L')).count();
            assert_eq!(good, 30, "{odd}");
        }
        let capitals = format!("{NAMES}{}{}{}", day(1..9), NAMES.to_uppercase(), day(9..31));
        let (rows, _) = read_bytes(capitals.as_bytes(), &Reading::default()).unwrap();
        assert_eq!(rows.len(), 30, "the names once more, in capitals");
    }

    #[test]
    fn a_row_with_codes_is_no_total_whatever_it_begins_with() {
        for last in ["Total Care 500;;;2415;L099;5;;", "Сума Форте;12.8.2027;;2415;;5;;"] {
            let text = format!("{NAMES}{}{last}\n", day(1..12));
            let (rows, found) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
            assert_eq!((rows.len(), found.left_out_count.total), (12, 0), "{last}");
        }
    }

    #[test]
    fn quotes_in_two_rows_swallow_none_between_them() {
        for (first, second, between) in [(";\"счупена\n", ";опаковка\"\n", 9..12), (";\"\n", ";\"\n", 9..9)]
        {
            let row = |number: u32, end: &str| day(number..number + 1).replace(";\n", end);
            let text = [
                NAMES,
                &day(1..8),
                &row(8, first),
                &day(between.clone()),
                &row(between.end, second),
                &day(between.end + 1..31),
            ]
            .concat();
            let (rows, _) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
            assert_eq!(rows.len(), 30, "{first}");
            assert!(rows.iter().all(|row| row.1[4].starts_with('L')), "{first}");
            let odd: Vec<u32> = rows.iter().filter(|row| !row.2.is_empty()).map(|row| row.0).collect();
            assert!(odd.contains(&9), "{first}: {odd:?}");
        }
        let (odd, end) =
            (day(8..9).replace(";\n", ";\"счупена\n"), day(12..13).replace(";\n", ";опаковка\"\n"));
        let between = [&day(9..10), "Склад Пловдив\n", &day(10..12)].concat();
        let text = [NAMES, &day(1..8), &odd, &between, &end, &day(13..31)].concat();
        let (rows, _) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!(
            rows.iter().filter(|row| row.1[4].starts_with('L')).count(),
            30,
            "a line between is no row"
        );
        let short = "Дата;Код;Брой;Име;Обект;Бел\n";
        let rows_of = |rows: std::ops::Range<u32>| -> Vec<String> {
            rows.map(|row| format!("{row}.8.2026;1{row:02};{row};Йод{row};А1;x{row}\n")).collect()
        };
        let broken =
            "12.8.2026;111;16;\"Йод3;А1;x2\n13.8.2026;112;17;Йод0А2;x0\n14.8.2026;113;18;Йод1;А3x1\"\n";
        let text = [short, &rows_of(1..12).concat(), broken, &rows_of(15..25).concat()].concat();
        let (rows, _) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!(rows.len(), 24, "short rows are not swallowed either");
        let note = format!("{NAMES}{}9;1.8.2026;x;2499;L999;5;;\"на два\nреда; и\"\n", day(1..12));
        let (rows, _) = read_bytes(note.as_bytes(), &Reading::default()).unwrap();
        assert_eq!(rows.last().map(|row| row.1[7].as_str()), Some("на два\nреда; и"));
    }

    #[test]
    fn another_table_below_is_left_out_and_told() {
        let text = "Код;Брой;Партида\n1;2;L1\n2;3;L2\n\n3;4;L3\n\nСклад;Общ брой\nПловдив;9\n";
        let (rows, found) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!(
            rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            [2, 3, 5],
            "a blank row alone ends nothing"
        );
        assert_eq!((found.left_out_count.beyond, found.left_out_count.blank), (2, 2));
        assert_eq!((found.notes[0].code.code, found.notes[0].place.row), ("W114", Some(7)));
        assert_eq!(found.notes[0].args.join(" "), "7 8");
    }

    #[test]
    fn rows_whose_last_cells_were_not_written_are_no_other_table() {
        let above: Vec<String> = (1..9).map(|day| format!("Продажба;{day}.8.2026;10{day};5;x")).collect();
        let above = above.join("\n");
        let text =
            format!("Вид;Дата;Код;Брой;Забележка\n{above}\n\nПродажба;9.8.2026;102;6\nБрак;9.8.2026;103;7\n");
        let (rows, _) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!(rows.len(), 10, "a row is never lost");
    }

    #[test]
    fn rows_behind_a_total_that_have_codes_are_no_totals() {
        let above: Vec<String> = (10..30).map(|row| format!("x;2415{row};{row};L{row};;\n")).collect();
        let above = above.concat();
        let text = format!("Вид;Код;Брой;Партида;а;б\n{above}Общо;;390;;;\ny;241599;5;;;\nОбщо;;5;;;\n");
        let (rows, found) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!(rows.len(), 22, "the total in between stays too: {:?}", found.left_out);
        let text =
            format!("Вид;Код;Брой;Партида;а;б\n{above}Общо;;390;;;\nДДС;;78;;;\nИзготвил:;Иванов;;;;\n");
        let (rows, found) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!((rows.len(), found.left_out_count.total), (20, 3));
        assert_eq!((found.notes[0].code.code, found.notes[0].place.row), ("W114", Some(23)));
    }

    #[test]
    fn a_full_row_that_is_skipped_by_its_word_is_told() {
        let skip = Reading { skip: Some(vec!["общо".into()]), ..Reading::default() };
        let text = "Име;Код;Брой\nx;1;2\nОбщоукрепващ сироп;2;3\nОбщо;;5\n";
        let (rows, found) = read_bytes(text.as_bytes(), &skip).unwrap();
        let note = &found.notes[0];
        assert_eq!((rows.len(), note.code.code, note.args.join("|").as_str()), (1, "W116", "3|1"));
    }

    #[test]
    fn drawn_lines_and_totals_of_other_countries_are_no_data() {
        let line = "-".repeat(40);
        let text = format!(
            "{line}\nДата;Код;Брой;Име\n{line}\n1.8.2026;1;5;А\n=====;====;==;===\n2.8.2026;2;6;-\n{line}\nÖsszesen;;11;\n"
        );
        let (rows, found) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!((rows.len(), found.left_out_count.total), (2, 1), "{:?}", found.left_out);
        let (rows, _) = read_bytes("Код;Брой\n-;-\n--;1\n".as_bytes(), &Reading::default()).unwrap();
        assert_eq!(rows.len(), 2, "what is short may be a value");
    }

    #[test]
    fn what_stands_between_two_pages_is_left_out() {
        let page = "Вид;Код;Брой;Партида\nx;101;2;L1\ny;102;3;L2\n";
        for between in ["", "Страница 2;;;\n", "Общо;;5;\n\nстр. 2;;;\n", "Общо;;5;\nСтраница 2 / 9;;;\n"]
        {
            for skip in [None, Some(vec!["Общо".to_owned()])] {
                let reading = Reading { skip, ..Reading::default() };
                let (rows, found) =
                    read_bytes(format!("{page}{between}{page}").as_bytes(), &reading).unwrap();
                assert_eq!(rows.len(), 4, "{between}: {:?}", found.left_out);
            }
        }
    }

    #[test]
    fn rows_of_the_table_stay_whatever_stands_around_them() {
        let trailing = "Вид;Код;Брой\nx;1;5;\n\ny;2;6;\n";
        let sparse = "Вид;Код;Брой;а;б;в\nx;1;5;;;\n\ny;2;6;;;\n";
        let first = "Вид;Код;Брой\n\nx;1\ny;2;6\n";
        for (text, wanted) in [(trailing, 2), (sparse, 2), (first, 2)] {
            assert_eq!(read_bytes(text.as_bytes(), &Reading::default()).unwrap().0.len(), wanted, "{text}");
        }
    }

    #[test]
    fn names_that_are_not_as_many_as_cells_put_every_row_in_doubt() {
        let rows = "1;a;5;x\n2;b;6;y\n3;c;7;z\n4;d;8;x\n5;e;9;x\n6;f;9;x\n7;g;9;x\n8;h;9;x\n9;i;9;x\n";
        for (names, odd) in [("Код;Име Вид;Брой", "9;i;9"), ("Код;Им;е;Брой;Вид", "9;i;9;x;x")]
        {
            let text = format!("{names}\n{rows}{odd}\n");
            let read = read_bytes(text.as_bytes(), &Reading::default()).unwrap().0;
            assert_eq!(read.len(), 10);
            assert!(read.iter().all(|row| row.2 == ["T030"]), "{names}: also the row that has as many cells");
        }
        let lost = "Код;Име;Вид\n".to_owned() + &rows.replace(";x\n", ";\n").replace(";z\n", ";\n");
        let read = read_bytes(lost.as_bytes(), &Reading::default()).unwrap().0;
        assert!(read.iter().all(|row| row.2 == ["T030"]), "one cell without a name is enough");
        let trailing = "Код;Име;Брой;Вид\n".to_owned() + &rows.replace('\n', ";\n");
        let read = read_bytes(trailing.as_bytes(), &Reading::default()).unwrap().0;
        assert!(read.iter().all(|row| row.2.is_empty()), "a delimiter ends every row");
    }

    #[test]
    fn names_that_were_put_right_are_told_in_every_row() {
        let rows = "1;a;5;x\n2;b;6;y\n3;c;7;z\n4;d;8;x\n";
        let expect = ["Код", "Име", "Брой", "Вид"].map(str::to_owned).to_vec();
        let reading = Reading { expect, ..Reading::default() };
        let text = format!("КодИме;Брой;Вид\n{rows}");
        let (read, found) = read_bytes(text.as_bytes(), &reading).unwrap();
        assert!(read.len() == 4 && read.iter().all(|row| row.2 == ["W118"]));
        let (note, slip) = (&found.notes[0], &found.evidence.header_mended[0]);
        assert_eq!((note.code.code, note.place.row, slip.held), ("W118", Some(1), true));
        let quote = format!("Код;\"Име;Брой;Вид\n{rows}");
        let (read, found) = read_bytes(quote.as_bytes(), &reading).unwrap();
        assert!(
            read.len() == 4 && read.iter().all(|row| row.2.is_empty()),
            "no row is swallowed or in doubt"
        );
        assert_eq!(found.notes[0].code.code, "W119");
        let trailing = format!("Код;Име;Брой;Вид;\n{rows}");
        let (read, found) = read_bytes(trailing.as_bytes(), &reading).unwrap();
        assert!(read.iter().all(|row| row.2.is_empty()) && found.notes.is_empty());
        assert_eq!(found.evidence.header_mended[0].damage, Damage::Surplus);
        let pinned = read_bytes(text.as_bytes(), &Reading { language: Lang::Bg, ..found.reading() }).unwrap();
        assert!(pinned.0.iter().all(|row| row.2 == ["W118"]), "the copy is read as the file was");
    }

    #[test]
    fn a_quote_in_the_header_that_finds_another_one_below_swallows_no_row() {
        let text = "Код;\"Име;Брой\n1;a;5\n2;b\";6\n3;c;7\n4;d;8\n5;e;9\n";
        let (rows, found) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!((rows.len(), found.header_row, rows[0].1.join("|")), (5, Some(1), "1|a|5".to_owned()));
        let lines = "Код;\"Име;\nдълго\";Брой\n1;a;5\n2;b;6\n";
        let table = Table::of_bytes(lines.as_bytes().to_vec(), &Reading::default()).unwrap();
        assert_eq!(&*table.headers()[1].name, "Име;\nдълго", "a name may be on two lines");
    }

    #[test]
    fn lines_in_quotes_as_a_whole_are_read() {
        let lines = ["Код;Име;Брой", "1;a;5", "2;\"b;x\";6", "3;c;7", "4;d;8", "5;e;9"];
        let wrap = |line: &str| format!("\"{}\"\r\n", line.replace('"', "\"\""));
        let all: String = lines.iter().map(|line| wrap(line)).collect();
        for name in ["utf-8", "windows-1251", "utf-16le"] {
            let (rows, found) = read_bytes(&encoded(&all, name), &Reading::default()).unwrap();
            assert_eq!((rows.len(), rows[1].1.join("|"), rows[4].0), (5, "2|b;x|6".to_owned(), 6), "{name}");
            assert_eq!(found.notes[0].code.code, "W120");
            assert_eq!(read_bytes(&encoded(&all, name), &found.reading()).unwrap().0, rows);
        }
        let some: String = lines
            .iter()
            .enumerate()
            .map(|(at, line)| if at == 3 { wrap(line) } else { format!("{line}\n") })
            .collect();
        let (rows, _) = read_bytes(some.as_bytes(), &Reading::default()).unwrap();
        assert_eq!((rows[2].1.join("|"), rows[2].2.as_slice()), ("3|c|7".to_owned(), &["W115", "T029"][..]));
    }

    #[test]
    fn delimiters_of_several_signs_are_found() {
        for mark in ["~|~", "||", "::", "<|>", "@@", "~", "^", "#|"] {
            for expect in [vec![], vec!["Код".to_owned(), "Име".to_owned()]] {
                let lines = ["Код;Час;Име;Брой", "1;10:15;а;5", "2;10:20;б;6", "3;10:30;в;7"];
                let text = lines.join("\n").replace(';', mark);
                let reading = Reading { expect, ..Reading::default() };
                let (rows, found) = read_bytes(text.as_bytes(), &reading).unwrap();
                assert_eq!(
                    (found.delimiter.as_deref(), rows[1].1.join(" ").as_str()),
                    (Some(mark), "2 10:20 б 6")
                );
            }
        }
    }

    #[test]
    fn a_separator_line_that_names_what_nowhere_stands_is_not_believed() {
        let (rows, found) = read_bytes(b"sep=;\na\tb\n1\t2\n3\t4\n", &Reading::default()).unwrap();
        assert_eq!((rows.len(), found.delimiter.as_deref()), (2, Some("\\t")));
    }

    #[test]
    fn names_that_are_too_few_above_two_rows_are_names() {
        let text = "Код;ИмеВид;Брой\n1;Йод;оп.;5\n2;Аналгин;оп.;6\n";
        let (rows, found) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!((rows.len(), found.header_row), (2, Some(1)));
    }

    #[test]
    fn columns_aligned_for_printing_are_no_table() {
        let cells =
            ["Дата Код Име Брой", "1.8.2026 2415 Йод 5", "2.8.2026 17 Аналгин 12", "12.8.2026 3 Бинт 7"];
        let aligned =
            |line: &&str| line.split(' ').map(|cell| format!("{cell:12}")).collect::<Vec<_>>().concat();
        let text = cells.iter().map(aligned).collect::<Vec<_>>().join("\n");
        let error = read_bytes(text.as_bytes(), &Reading::default()).unwrap_err();
        assert_eq!(error.issue().code.code, "T016");
        let (rows, _) = read_bytes(cells.join("\n").as_bytes(), &Reading::default()).unwrap();
        assert_eq!(rows[2].1, ["12.8.2026", "3", "Бинт", "7"], "one blank divides");
        let gaps = "a b c d\n1 2 3 4\n1  3 4\n1 2  4\n5 6 7 8\n1 2 4 4\n";
        assert_eq!(read_bytes(gaps.as_bytes(), &Reading::default()).unwrap().0.len(), 5, "empty cells");
    }

    #[test]
    fn empty_cells_that_a_file_never_writes_at_the_end_are_added_and_told() {
        let text = "Дата;Код;Брой;Обект;Бел\n1.8.2026;10;5;А1;x\n2.8.2026;11;6\n3.8.2026;12;7;А2\n4.8.2026;13;8\n5.8.2026;14;9;А3;y\n6.8.2026;15\n";
        let rows = read_bytes(text.as_bytes(), &Reading::default()).unwrap().0;
        let told: Vec<_> = rows.iter().map(|row| row.2.join(" ")).collect();
        assert_eq!(
            told,
            ["", "W115 T029", "W115 T029", "W115 T029", "", "T020"],
            "a figure is never missing"
        );
        assert_eq!(rows[1].1.join("|"), "2.8.2026|11|6||");
        let written = text.replace("7;А2\n", "7;А2;\n");
        let rows = read_bytes(written.as_bytes(), &Reading::default()).unwrap().0;
        assert!(rows[1].2 == ["T020"], "a file that writes them lacks cells");
    }

    #[test]
    fn names_once_more_in_another_order_put_what_is_below_in_doubt() {
        let one = "Код;Дата;Брой;Запас\n1;1.8.2026;5;90\n2;2.8.2026;6;91\n3;3.8.2026;7;92\n";
        let other = "Код;Дата;Запас;Брой\n4;4.8.2026;93;8\n5;5.8.2026;94;9\n";
        for skip in [None, Some(vec!["Общо".to_owned()])] {
            for between in ["", "\n"] {
                let reading = Reading { skip: skip.clone(), ..Reading::default() };
                let text = format!("{one}{between}{other}{one}");
                let (rows, found) = read_bytes(text.as_bytes(), &reading).unwrap();
                let told: Vec<_> = rows.iter().map(|row| row.2.join(" ")).collect();
                assert_eq!(told, ["", "", "", "T033", "T033", "", "", ""], "{skip:?} {between:?}");
                assert_eq!(found.left_out_count.title, 2);
            }
        }
    }

    #[test]
    fn rows_of_another_table_as_wide_as_the_first_are_not_sent_under_its_names() {
        let own = format!("{NAMES}{}", day(1..9));
        let names = "Док;Дата;Вид;Заявка;Партида;Поръчано;Склад 2;Забележка\n";
        let rows = day(9..14).replace(";L0", ";М0");
        for skip in [None, Some(vec!["Общо".to_owned()])] {
            for between in ["", "\n", "\nЗаявки\n", "Общо;;;;;36;;\n", "Общо;;;;;36;;\n\n"] {
                let reading = Reading { skip: skip.clone(), ..Reading::default() };
                let text = format!("{own}{between}{names}{rows}{own}");
                let (read, found) = read_bytes(text.as_bytes(), &reading).unwrap();
                let of_other: Vec<_> = read.iter().filter(|row| row.1[4].starts_with('М')).collect();
                let told = found.notes.iter().any(|note| note.code.code == "W114");
                let refused = of_other.len() == 5 && of_other.iter().all(|row| row.2 == ["T033"]);
                assert!(refused || told && of_other.is_empty(), "{skip:?} {between:?}: {read:?}");
                let good = read.iter().filter(|row| row.2.is_empty()).count();
                assert_eq!(good, 16, "{skip:?} {between:?}");
            }
        }
    }

    #[test]
    fn a_second_table_is_told_or_refused_in_sheets_and_behind_a_header_that_recurs_early() {
        let row = |at: u32| format!("{at}.8.2026;Продажба;24{at:02};L{at:02};{at};{}\n", 90 + at);
        let rows = |range: std::ops::Range<u32>| range.map(row).collect::<String>();
        let names = "Дата;Вид;Код;Партида;Количество;Наличност\n";
        let ordered = "Дата;Вид;Код;Партида;Поръчано;Запас\n";
        let other = "Заявка;Тип;Артикул;Серия;Поръчано;Запас\n";
        for first in [rows(1..9), format!("{}{names}{}", rows(1..2), rows(2..9)), rows(1..2)] {
            for between in [format!("\n{ordered}"), format!("\n{other}"), ordered.to_owned()] {
                let text = format!("{names}{first}{between}{}{names}{}", rows(10..14), rows(14..16));
                for (told, notes) in told_both_ways(&text, &["Дата", "Вид", "Код"]) {
                    let good = told.iter().filter(|row| !row.contains(' ')).count();
                    let refused = told.iter().filter(|row| row.ends_with("T033")).count();
                    let all = first.lines().filter(|line| !line.starts_with('Д')).count() + 2;
                    let told_well = refused == 4 || refused == 0 && notes == ["W114"];
                    assert!(told_well && good == all, "{text}{told:?} {notes:?}");
                }
            }
        }
    }

    #[test]
    fn rows_like_movements_below_other_names_are_refused_so_that_they_are_seen() {
        let row = |at: u32| format!("{at}.8.2026;Продажба;24{at:02};L{at:02};{at};{}\n", 90 + at);
        let rows = |range: std::ops::Range<u32>| range.map(row).collect::<String>();
        let names = "Дата;Вид;Код;Партида;Количество;Наличност\n";
        let other = "Заявка;Тип;Артикул;Серия;Поръчано;Запас\n";
        for between in ["\n", "Общо;;;;36;\n\n"] {
            let text = format!("{names}{}{between}{other}{}", rows(1..9), rows(10..14));
            for (told, _) in told_both_ways(&text, &["Дата", "Вид", "Код"]) {
                let refused = told.iter().filter(|row| row.ends_with("T033")).count();
                assert_eq!((told.len(), refused), (12, 4), "{between:?}: {told:?}");
            }
        }
    }

    #[test]
    fn what_is_wrong_in_rows_that_are_not_read_crowds_out_no_other_note() {
        let note = "Бележка\u{1};;;;\n".repeat(50);
        let text = format!("{}\n{note}", movements(10));
        let (rows, found) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        let codes: Vec<_> = found.notes.iter().map(|note| note.code.code).collect();
        assert_eq!((rows.len(), codes), (10, vec!["T024", "W114"]));
        let mut found = Found::new(Format::Csv, &Reading::default());
        (0..150).for_each(|_| found.note(Issue::new(&records::T022)));
        found.note(Issue::new(&W114));
        assert_eq!((found.notes.len(), found.notes[100].code.code), (101, "W114"));
    }

    #[test]
    fn what_stands_before_the_names_once_more_is_told_and_is_data_where_it_has_figures() {
        let names = "Дата;Вид;Код;Партида;Количество\n";
        let page = movements(10).replace(names, "");
        for (between, data, told) in [
            ("\n05.08.2026;Доставка\n", 1, false),
            ("Общо;;;;55\n05.08.2026;Доставка;;;7\n", 1, false),
            ("Общо;;;;55\nИзготвил;Иванов;;;\n", 0, true),
            ("Общо;;;;55\nСтр. 1;;;;\n", 0, false),
        ] {
            let text = format!("{names}{page}{between}{names}{page}");
            let (rows, found) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
            let codes: Vec<_> = found.notes.iter().map(|note| note.code.code).collect();
            assert_eq!((rows.len(), codes.contains(&"W114")), (20 + data, told), "{between}: {codes:?}");
        }
    }

    #[test]
    fn a_narrow_table_amid_rows_is_no_reason_to_lose_those_behind_it() {
        let row = |at: u32| format!("{at}.8.2026;Продажба;24{at:02};L{at:02};{at};{}\n", 90 + at);
        let rows = |range: std::ops::Range<u32>| range.map(row).collect::<String>();
        let names = "Дата;Вид;Код;Партида;Количество;Наличност\n";
        let summary = "Склад;Брой\nПловдив;5\nВарна;6\n";
        let text = format!("{names}{}{names}{}{summary}{}", rows(1..2), rows(2..5), rows(5..9));
        let (rows, _) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!(rows.iter().filter(|row| row.2.is_empty()).count(), 8, "{rows:?}");
    }

    #[test]
    fn pages_whose_header_has_several_rows_or_differs_a_little_are_not_left_out() {
        let row = |at: u32| format!("{at}.8.2026;Продажба;24{at:02};L{at:02};{at};{}\n", 90 + at);
        let rows = |range: std::ops::Range<u32>| range.map(row).collect::<String>();
        let names = "Дата;Вид;Код;Партида;Количество;Наличност\nдд.мм.гггг;вид;номер;серия;бр.;бр.\n";
        let units = format!("{names}{}\n{names}{}", rows(1..5), rows(5..12));
        for (told, notes) in told_both_ways(&units, &["Дата", "Вид", "Код"]) {
            assert_eq!((told.len(), told.iter().any(|row| row.contains(' '))), (11, false), "{told:?}");
            assert!(notes.iter().all(|note| *note == "W133"), "{notes:?}");
        }
        let names = "Дата;Вид;Код;Партида;Количество;Наличност\n";
        for page in [
            "Дата;Вид;Код;Партида;Количество, оп.;Наличност\n",
            "Дата;Вид;Код;Партида;Количество;Наличност;Цена\n",
        ] {
            let text = format!("{names}{}\n{page}{}", rows(1..5), rows(5..12));
            for (told, _) in told_both_ways(&text, &["Дата", "Вид", "Код"]) {
                let refused = told.iter().filter(|row| row.ends_with("T033")).count();
                assert_eq!((told.len(), refused), (11, 7), "{page}: {told:?}");
            }
        }
    }

    #[test]
    fn lines_that_stand_for_themselves_are_joined_with_no_row() {
        for line in ["Общо", "Общо: 36", "----------", "Страница 2"] {
            for behind in ["", "Склад Пловдив\n"] {
                let noted = |rows: std::ops::Range<u32>| day(rows).replace(";;\n", ";;бел\n");
                let text = format!("{NAMES}{}{line}\n{}{behind}{}", noted(1..9), day(9..10), noted(10..20));
                for skip in [None, Some(vec!["Общо".to_owned()])] {
                    let reading = Reading { skip, ..Reading::default() };
                    let (rows, _) = read_bytes(text.as_bytes(), &reading).unwrap();
                    let good =
                        rows.iter().filter(|row| row.2.is_empty() && row.1[4].starts_with('L')).count();
                    assert_eq!(good, 19, "{line} {behind}: {rows:?}");
                }
            }
        }
    }

    #[test]
    fn a_row_that_was_put_together_is_no_total_whatever_it_begins_with() {
        let name = |at: u32| format!("Сироп {at};24{at:02};L{at:02};{at}\n");
        let rows: String = (1..12).map(name).collect();
        let text = format!("Име;Код;Партида;Брой\n{rows}Общоукрепващ сироп 12;;2412;L12;12\n{rows}");
        let reading = Reading { skip: Some(vec!["Общо".to_owned()]), ..Reading::default() };
        let (rows, _) = read_bytes(text.as_bytes(), &reading).unwrap();
        assert_eq!((rows.len(), rows[11].2.as_slice()), (23, &["W115", "T029"][..]), "{rows:?}");
    }

    #[test]
    fn names_once_more_are_seen_whichever_name_they_begin_with() {
        let one = "Кол 1;Дата;Нал 2;Код\n12;1.8.2026;3468;1\n13;2.8.2026;3469;2\nН;3.8.2026;3470;3\n";
        let again = "КОЛ 1;Дата;Нал 2;Код\n14;4.8.2026;3471;4\n";
        let other = "нал 2;Дата;кол 1;Код\n3468;4.8.2026;12;4\n3469;5.8.2026;12;5\n";
        for name in ["windows-1251", "utf-8", "utf-16le"] {
            let bytes = encoded(&format!("{one}{again}{other}"), name);
            let [single, blocks] = both_ways(&bytes, &Reading::default(), 3);
            assert_eq!(single, blocks, "{name}");
            let told = blocks.iter().filter(|row| row.contains("\"T033\"")).count();
            assert_eq!((blocks.len(), told), (7, 2), "{name}: {blocks:?}");
        }
    }

    #[test]
    fn rows_above_a_header_that_was_sorted_into_them_are_data() {
        let text = "1.8.2026;5;Йод;2\n2.8.2026;6;Бинт;3\nДата;Код;Име;Брой\n3.8.2026;7;Йод;4\n4.8.2026;8;Бинт;5\n5.8.2026;9;Йод;6\n6.8.2026;9;Йод;6\n";
        let reading =
            Reading { expect: vec!["Дата".to_owned(), "Код".to_owned()], ..Reading::default() };
        let (rows, found) = read_bytes(text.as_bytes(), &reading).unwrap();
        assert_eq!(
            (rows.len(), rows[0].1.join("|"), found.header_row),
            (6, "1.8.2026|5|Йод|2".to_owned(), Some(3))
        );
        let told: Vec<_> = rows.iter().map(|row| row.2.join(" ")).collect();
        assert_eq!(told, ["W129", "W129", "", "", "", ""]);
        assert_eq!((found.notes[0].code.code, found.notes[0].place.row), ("W129", Some(1)));
        let last =
            "1.8.2026;5;Йод;2\n2.8.2026;6;Бинт;3\n3.8.2026;7;Йод;4\n4.8.2026;8;Бинт;5\nДата;Код;Име;Брой\n";
        let (rows, found) = read_bytes(last.as_bytes(), &reading).unwrap();
        assert_eq!((rows.len(), found.header_row, found.notes.len()), (4, Some(5), 1), "to their end");
        assert!(rows.iter().all(|row| row.2 == ["W129"]));
        let titles = "Справка 12 за 08.2026\nот;1.8.2026;до;31.8.2026\n1;2;3;4\n".to_owned()
            + &text[text.find("Дата").unwrap()..];
        assert_eq!(
            read_bytes(titles.as_bytes(), &reading).unwrap().0.len(),
            4,
            "titles and numbers of columns"
        );
    }

    /// The same lines as a workbook of text cells; a blank line is a row that it does not mention.
    fn read_sheet(text: &str, reading: &Reading) -> (Seen, Found) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut book = rust_xlsxwriter::Workbook::new();
        let sheet = book.add_worksheet();
        for (row, line) in (0_u32..).zip(text.lines()) {
            for (column, cell) in (0_u16..).zip(line.split(';')).filter(|(_, cell)| !cell.is_empty()) {
                sheet.write(row, column, cell).unwrap();
            }
        }
        book.save(file.path()).unwrap();
        read(file.path(), reading).unwrap()
    }

    /// How each row was told, and the notes of the file, read as text and as a workbook.
    fn told_both_ways(text: &str, expect: &[&str]) -> [(Vec<String>, Vec<&'static str>); 2] {
        let expect = expect.iter().map(|name| (*name).to_owned()).collect();
        let reading = Reading { expect, skip: Some(vec!["Общо".to_owned()]), ..Reading::default() };
        [read_bytes(text.as_bytes(), &reading).unwrap(), read_sheet(text, &reading)].map(|(rows, found)| {
            let rows = rows.iter().map(|row| format!("{} {}", row.0, row.2.join(" ")).trim().to_owned());
            (rows.collect(), found.notes.iter().map(|note| note.code.code).collect())
        })
    }

    #[test]
    fn rows_above_a_header_are_never_lost_without_a_word() {
        let sparse = |at: u32| format!("{at}.8.2026;24{at:02};;L{at};;{at};;;\n");
        let words = |at: u32| {
            format!("Сток{};Апт{};{at}\n", "абвгдежз".chars().nth(at as usize % 8).unwrap(), at % 3)
        };
        let two = |at: u32| format!("A{at};{at}\n");
        for (names, row) in [
            ("Дата;Код;Име;Партида;Сер;Брой;Обект;Вид;Бел\n", &sparse as &dyn Fn(u32) -> String),
            ("Име;Клиент;Брой\n", &words),
            ("Код;Брой\n", &two),
        ] {
            let rows = |range: std::ops::Range<u32>| range.map(row).collect::<String>();
            let expect: Vec<&str> = names.trim().split(';').collect();
            for (above, below) in [(4, 7), (10, 1), (11, 0)] {
                let text = format!("{}{names}{}", rows(1..above + 1), rows(above + 1..above + 1 + below));
                for (told, notes) in told_both_ways(&text, &expect) {
                    let held = told.iter().filter(|row| row.ends_with("W129")).count();
                    let counts = (told.len(), held, notes);
                    assert_eq!(counts, ((above + below) as usize, above as usize, vec!["W129"]), "{text}");
                }
            }
            let titled = format!("Справка\n{}{names}{}", rows(1..4), rows(4..12));
            for (told, notes) in told_both_ways(&titled, &expect) {
                assert_eq!((told.len(), notes), (8, vec!["W130"]), "{titled}");
            }
        }
    }

    #[test]
    fn titles_of_a_sheet_are_no_data() {
        let row = |at: u32| format!("{at}.8.2026;24{at:02};Йод;{at}\n");
        let rows: String = (1..9).map(row).collect();
        let text =
            format!("Справка 12 за 08.2026\nот;1.8.2026;до;31.8.2026\n1;2;3;4\nДата;Код;Име;Брой\n{rows}");
        let (told, notes) = &told_both_ways(&text, &["Дата", "Код"])[1];
        assert_eq!((told.len(), notes.len()), (8, 0), "{told:?} {notes:?}");
    }

    #[test]
    fn rows_of_another_table_above_the_header_are_no_data() {
        let own =
            "Дата;Код;Име;Брой\n3.8.2026;7;Йод;4\n4.8.2026;8;Бинт;5\n5.8.2026;9;Йод;6\n6.8.2026;9;Йод;6\n";
        let other = "1.8.2026;5;Йод;999\n2.8.2026;6;Бинт;999\n";
        for above in [
            format!("Заявки\nДата;Код;Име;Поръчано\n{other}\nДвижения\n"),
            format!("Дата;Код;Име;Поръчано\n{other}"),
            format!("Заявки\n{other}"),
            format!("{other}\n"),
            format!("{other}Движения\n"),
        ] {
            let reading = Reading { expect: vec!["Брой".to_owned()], ..Reading::default() };
            let (rows, found) = read_bytes(format!("{above}{own}").as_bytes(), &reading).unwrap();
            assert!(rows.len() == 4 && found.left_out_count.title > 1, "{above}: {:?}", found.left_out);
            let notes: Vec<_> = found.notes.iter().map(|note| note.code.code).collect();
            assert_eq!(notes, ["W130"], "{above}");
        }
    }

    #[test]
    fn numbers_of_columns_below_their_names_are_no_data() {
        let text = "Дата;Код;Име;Брой\n1;2;3;4\n1.8.2026;5;Йод;2\n2.8.2026;6;Бинт;3\n";
        let (rows, found) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
        assert_eq!((rows.len(), rows[0].0, found.left_out_count.title), (2, 3, 1));
        assert_eq!(found.notes[0].code.code, "W131");
        let counted = "№;Код;Количество\n1;2;3\n2;A002;2,00\n3;A003;3,00\n4;A004;4,00\n5;A005;5,00\n";
        for (text, count) in [("Код;Брой;Запас\n1;2;3\n", 1), (counted, 5)] {
            assert_eq!(read_bytes(text.as_bytes(), &Reading::default()).unwrap().0.len(), count, "{text}");
        }
        let (rows, _) = read_bytes(b"a;b;c;d\n5;6;7;8\n1;2;3;4\n", &Reading::default()).unwrap();
        assert_eq!(rows.len(), 2, "amid the data it may be data");
        let price = "Ред;Склад;Брой;Цена\n1;2;3;4\n2;2;7;2,50\n3;0;8;3,50\n4;1;9;4,50\n";
        let empty = "Ред;Склад;Брой;Бел\n1;2;3;4\n2;2;7;\n3;0;8;\n4;1;9;\n";
        for text in [price, empty] {
            let (rows, _) = read_bytes(text.as_bytes(), &Reading::default()).unwrap();
            assert_eq!(rows.len(), 4, "a first row of small numbers is data");
        }
    }

    #[test]
    fn a_mark_of_utf8_before_a_code_page_is_not_believed() {
        let text = "Дата;Име\n1.8.2026;Йод и бинт\n";
        let bytes = [&b"\xEF\xBB\xBF"[..], &encoded(text, "windows-1251")].concat();
        let (rows, found) = read_bytes(&bytes, &Reading::default()).unwrap();
        assert_eq!((found.encoding.as_deref(), rows[0].1[1].as_str()), (Some("windows-1251"), "Йод и бинт"));
        assert_eq!((found.notes[0].code.code, found.byte_order_mark), ("W101", false));
        let mut again = Table::of_bytes(bytes, &found.reading()).unwrap();
        assert_eq!(&*again.headers()[0].name, "Дата");
        assert!(again.read(&mut Row::new()).unwrap());
        let broken = [&b"\xEF\xBB\xBF"[..], text.as_bytes(), b"2.8.2026;\xE9\xEE\xE4\n"].concat();
        let (_, found) = read_bytes(&broken, &Reading::default()).unwrap();
        assert_eq!(found.encoding.as_deref(), Some("utf-8"), "a damaged line proves nothing");
    }

    #[test]
    fn a_header_under_another_delimiter_is_told() {
        let text = "Код,Име,Брой\n1;a;5\n2;b;6\n3;c;7\n";
        let expect = ["Код", "Име", "Брой"].map(str::to_owned).to_vec();
        let (rows, found) = read_bytes(text.as_bytes(), &Reading { expect, ..Reading::default() }).unwrap();
        assert_eq!((rows.len(), rows[0].1.len(), found.delimiter.as_deref()), (3, 3, Some(";")));
        assert_eq!(found.notes[0].code.code, "W119");
    }

    #[test]
    fn what_looks_like_the_total_of_a_page_amid_the_rows_is_told() {
        let text = "Дата;Код;Име;Брой;Вид\n1.8.2026;1;a;5;x\n2.8.2026;2;b;6;y\nОбщо за страница 1;;;11;\n3.8.2026;3;c;7;z\n";
        let rows = read_bytes(text.as_bytes(), &Reading::default()).unwrap().0;
        let told: Vec<_> = rows.iter().map(|row| row.2.join(" ")).collect();
        assert_eq!(told, ["", "", "W117", ""]);
    }

    #[test]
    fn empty_files_are_refused_and_a_bare_header_is_not() {
        for bytes in [&b""[..], b"\xEF\xBB\xBF", b"\r\n\r\n", b"\x1a", b"sep=;\n"] {
            assert!(matches!(read_bytes(bytes, &Reading::default()), Err(Error::Empty)), "{bytes:?}");
        }
        let (rows, found) = read_bytes("Код;Брой\n".as_bytes(), &Reading::default()).unwrap();
        assert_eq!((rows.len(), found.notes[0].code.code), (0, "W104"));
    }

    #[test]
    fn a_mappings_word_wins_and_must_be_known() {
        let stated = |encoding: &str, delimiter: &str| Reading {
            encoding: Some(encoding.into()),
            delimiter: Some(delimiter.into()),
            header: Some(0),
            ..Reading::default()
        };
        let (rows, _) = read_bytes(&[0xCF, 0xB0, b'\t', b'1'], &stated("cp1251", "\\t")).unwrap();
        assert_eq!(rows[0].1, ["П°", "1"]);
        assert!(matches!(
            read_bytes(b"a", &stated("cp12510", ";")),
            Err(Error::Unknown { what: "encoding", .. })
        ));
        assert!(matches!(
            read_bytes(b"a", &stated("utf-8", "\"")),
            Err(Error::Unknown { what: "delimiter", .. })
        ));
    }

    #[test]
    fn letters_far_behind_decide_about_a_file_of_digits() {
        let mut text = "code;note\n".to_owned();
        text.push_str(&"1234567890;abc\n".repeat(40_000));
        text.push_str("1;Партида\n");
        let (rows, found) = read_bytes(&encoded(&text, "windows-1251"), &Reading::default()).unwrap();
        assert_eq!(
            (found.encoding.as_deref(), rows.last().unwrap().1[1].as_str()),
            (Some("windows-1251"), "Партида")
        );
    }

    #[test]
    fn a_damaged_place_is_told_by_row_and_byte() {
        let text = ["Код;Партида;Брой\n1;L".as_bytes(), b"\xD0\xFF\xFE;5\n2;L2;6\n"].concat();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file.as_file(), &text).unwrap();
        let mut table = Table::open(file.path(), &Reading::default()).unwrap();
        assert!(table.damaged_header().is_none());
        let mut row = Row::new();
        assert!(table.read(&mut row).unwrap());
        let issue = &row.issues()[0];
        assert_eq!((issue.code.code, issue.place.column.as_deref()), ("T023", Some("Партида")));
        assert_eq!(issue.args, ["utf-8", "35"]);
        assert!(table.read(&mut row).unwrap());
        assert!(row.issues().is_empty());
    }

    #[test]
    fn a_damaged_header_is_told_by_byte() {
        let text = [&b"\xEF\xBB\xBF"[..], "Код;Парт".as_bytes(), b"\xFF;a\n1;2;3\n"].concat();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file.as_file(), &text).unwrap();
        let table = Table::open(file.path(), &Reading::default()).unwrap();
        let issue = table.damaged_header().unwrap().issue();
        assert_eq!(
            (issue.code.code, issue.place.row, &issue.args[..]),
            ("T023", Some(1), &["utf-8".to_owned(), "19".to_owned()][..])
        );
    }

    #[test]
    fn a_table_may_move_to_another_thread() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file.as_file(), b"a;b\n1;2\n").unwrap();
        let mut table = Table::open(file.path(), &Reading::default()).unwrap();
        assert!(std::thread::spawn(move || table.read(&mut Row::new())).join().unwrap().unwrap());
    }

    #[test]
    fn every_code_is_unique_and_has_words() {
        let mut codes: Vec<&str> = CODES.iter().map(|info| info.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CODES.len());
        for words in CODES.iter().flat_map(|info| [&info.bg, &info.en]) {
            assert!(
                [words.message, words.why, words.example, words.repair].iter().all(|text| !text.is_empty())
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_rows_or_one_error(bytes in proptest::collection::vec(
            prop_oneof![Just(b'"'), Just(b';'), Just(b'\n'), Just(b'\r'), Just(b'a'), any::<u8>()], 0..300)) {
            if let Ok((rows, found)) = read_bytes(&bytes, &Reading::default()) {
                prop_assert!(rows.windows(2).all(|two| two[0].0 < two[1].0));
                let (again, _) = read_bytes(&bytes, &found.reading()).unwrap();
                prop_assert_eq!(again, rows, "the reading pins it");
            }
        }

        #[test]
        fn blocks_give_what_single_rows_give(
            lines in proptest::collection::vec(line(), 0..40), most in 1_usize..12,
            name in prop_oneof![Just("windows-1251"), Just("utf-8"), Just("utf-16le")],
            skip in proptest::option::of(Just(vec!["1".to_owned(), "ж".to_owned()])),
            damage in proptest::option::of((any::<u16>(), any::<u8>()))) {
            let text = format!("Дата;Код;Партида\r\n{}", lines.join("\r\n"));
            let mut bytes = encoded(&text, name);
            if let Some((at, byte)) = damage {
                let place = usize::from(at) % bytes.len();
                bytes[place] = byte;
            }
            let reading = Reading { skip, expect: vec!["Код".into(), "Партида".into()], ..Reading::default() };
            let [single, many] = both_ways(&bytes, &reading, most);
            prop_assert_eq!(single, many);
        }

        #[test]
        fn rows_in_are_rows_out(table in proptest::collection::vec(
            (proptest::collection::vec("[a-zж\";,\n ]{0,6}", 3), 0_usize..3), 1..20), seed in 0_usize..2) {
            let mut writer = csv::WriterBuilder::new().delimiter(b';').from_writer("Дата;Код;Партида\n".as_bytes().to_vec());
            let mut expected = Vec::new();
            for (cells, _) in &table {
                let mut cells = cells.clone();
                cells[0].insert(0, 'x');
                writer.write_record(&cells).unwrap();
                expected.push(cells);
            }
            let name = ["windows-1251", "utf-8"][seed];
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let reading = Reading { expect: vec!["Код".into(), "Партида".into()], ..Reading::default() };
            let (rows, _) = read_bytes(&encoded(&text, name), &reading).unwrap();
            let numbers: Vec<u32> = rows.iter().map(|row| row.0).collect();
            prop_assert_eq!(numbers, (2..).take(expected.len()).collect::<Vec<u32>>());
            prop_assert_eq!(rows.into_iter().map(|row| row.1).collect::<Vec<_>>(), expected);
        }
    }
}
