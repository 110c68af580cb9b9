//! Rows of an .xlsx workbook's sheet, one cell after another.
//!
//! The streaming cell reader alone is used: a range of a whole sheet takes memory for every cell up to the
//! farthest one.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use calamine::{DataRef, Reader as _, SheetType, SheetVisible, Xlsx, XlsxCellReader, XlsxError};

use super::choice::{self, Listed, Oddities};
use super::error::Error;
use super::guard::{Checked, TextLeft};
use super::header::{self, FoundHeader, PREVIEW_TEXT, Wanted};
use super::number::{mask_of, push_value};
use super::reading::Reading;
use super::records::{Layout, MAX_CELL, MAX_COLUMNS, long_cell};
use super::row::{CellKind, Header, Row};
pub(super) use super::sheet::Sheet;
use super::sheet::{Running, unharmed};
use crate::model::{CodeInfo, Issue, Who, Words};

type Book = Xlsx<BufReader<Place>>;
type Reader<'a> = XlsxCellReader<'a, BufReader<Place>>;

/// Far cells that are told one by one.
pub(super) const FAR_TOLD: u32 = 10;
/// Bytes of text in a row. Excel allows more, but no table needs it, and rows are held by the hundred.
pub(super) const MAX_ROW: usize = 4 * 1024 * 1024;

/// An open workbook with the sheet and header that were chosen.
pub(super) struct Opened {
    book: Book,
    /// The same workbook once more if some of its formulas have no result: the library tells of a cell either
    /// its style or its formula, so two readers go through the sheet in step.
    formulas: Option<Book>,
    /// The sheet that is read.
    pub(super) sheet: String,
    /// Where its header is.
    pub(super) header: FoundHeader,
    /// What is hidden or merged.
    pub(super) oddities: Oddities,
    /// Bytes of text that its cells may come to.
    text: u64,
}

/// Opens a workbook that was looked through, and chooses the sheet.
pub(super) fn open(file: File, checked: &Checked, reading: &Reading) -> Result<Opened, Error> {
    unharmed(|| {
        let formulas = if checked.uncalculated { Some(book_of(file.try_clone()?)?) } else { None };
        let mut book = book_of(file)?;
        let sheets = sheets_of(&book);
        let chosen = choice::choose(&sheets, reading, |name, needed| preview(&mut book, name, needed))?;
        let header = header::find(
            &chosen.rows,
            header::Of::Sheet,
            reading.stated_header(),
            &Wanted::new(&reading.expect),
        )?;
        let mut oddities = Oddities::default();
        let place = book.sheets_metadata().iter().position(|sheet| sheet.name == chosen.name);
        if let Some(seen) = place.and_then(|place| checked.seen_of(place)) {
            let columns = u32::try_from(header.columns.len()).unwrap_or(u32::MAX);
            oddities = seen.oddities(header.row, columns);
        }
        (oddities.read, oddities.passed) = (chosen.name.clone(), chosen.passed);
        Ok(Opened { book, formulas, sheet: chosen.name, header, oddities, text: checked.text })
    })
}

fn book_of(file: File) -> Result<Book, Error> {
    Xlsx::new(BufReader::with_capacity(64 * 1024, Place { file, at: 0 })).map_err(broken)
}

/// A place of its own in a file whose handles share one.
struct Place {
    file: File,
    at: u64,
}

impl Read for Place {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.file.seek(SeekFrom::Start(self.at))?;
        let read = self.file.read(out)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Place {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        // The shared place may be another reader's.
        self.file.seek(SeekFrom::Start(self.at))?;
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function of the error in map_err")]
fn broken(error: XlsxError) -> Error {
    match error {
        XlsxError::Password => Error::Protected,
        XlsxError::Io(error) => Error::Io(error),
        other => Error::Broken(other.to_string()),
    }
}

fn sheets_of(book: &Book) -> Vec<Listed> {
    let sheets = book.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    sheets
        .map(|sheet| Listed { name: sheet.name.clone(), visible: sheet.visible == SheetVisible::Visible })
        .collect()
}

fn preview(book: &mut Book, sheet: &str, limit: usize) -> Result<Vec<Row>, Error> {
    let reader = book.worksheet_cells_reader(sheet).map_err(broken)?;
    let mut cells = Cells::new(reader, None, Layout::default());
    let mut rows = Vec::new();
    let (mut row, mut text) = (Row::new(), 0);
    while rows.len() < limit && text < PREVIEW_TEXT && cells.next(&mut row)? {
        text += row.buffer().len();
        rows.push(std::mem::take(&mut row));
    }
    Ok(rows)
}

/// Starts reading the chosen sheet.
pub(super) fn start(opened: Opened, columns: &[Header]) -> Result<Sheet, Error> {
    let layout = Layout {
        after_row: opened.header.row,
        columns: columns.iter().map(Header::label).collect::<Arc<[Arc<str>]>>(),
    };
    let running = Running::start(None, move |hand| {
        let Opened { mut book, mut formulas, sheet, text, .. } = opened;
        let reader = book.worksheet_cells_reader(&sheet).map_err(broken)?;
        let formulas = formulas.as_mut().map(|book| book.worksheet_cells_reader(&sheet).map_err(broken));
        let mut cells = Cells::new(reader, formulas.transpose()?, layout);
        let mut left = TextLeft::new(text);
        hand.rows(|row| {
            let more = cells.next(row)?;
            left.take(if more { row.buffer().len() } else { 0 })?;
            Ok(more)
        })
    });
    Ok(Sheet::Running(running?))
}

/// Gathers the sparse cells of a sheet into rows.
struct Cells<'a> {
    reader: Reader<'a>,
    /// Stands at the same cell; only where some formulas have no result.
    formulas: Option<Reader<'a>>,
    layout: Layout,
    /// Zeros of each style's mask.
    masks: Vec<usize>,
    /// The first cell of the next row.
    ahead: Option<Item<'a, 'a>>,
    last_row: Option<u32>,
    /// The reader must not be asked again behind its last cell.
    ended: bool,
    far_told: u32,
    scratch: String,
}

struct Item<'a, 'b> {
    row: u32,
    column: usize,
    /// [`DataRef::Empty`] for a formula without a result; other empty cells are passed over.
    value: Cow<'b, DataRef<'a>>,
    mask: usize,
}

impl<'a> Cells<'a> {
    fn new(reader: Reader<'a>, formulas: Option<Reader<'a>>, layout: Layout) -> Self {
        let mask = |style: &calamine::Style| {
            style.number_format.as_ref().map_or(0, |form| mask_of(&form.format_code))
        };
        let masks = reader.styles().iter().map(mask).collect();
        Self {
            reader,
            formulas,
            layout,
            masks,
            ahead: None,
            last_row: None,
            ended: false,
            far_told: 0,
            scratch: String::new(),
        }
    }

    /// Reads the next row that has anything in it. False at the end.
    fn next(&mut self, row: &mut Row) -> Result<bool, Error> {
        let mut number = None;
        if let Some(first) = self.ahead.take() {
            number = Some(self.begin(first.row, row)?);
            self.put(&first, row)?;
        }
        while !self.ended {
            let Some((cell, style)) = self.reader.next_cell_with_style_id().map_err(broken)? else {
                self.ended = true;
                break;
            };
            let uncalculated = has_formula(self.formulas.as_mut())?;
            let (at, column) = cell.get_position();
            if matches!(cell.get_value(), DataRef::Empty)
                && !(uncalculated && self.layout.has_place(column as usize))
            {
                continue;
            }
            let mask = self.masks.get(style).copied().unwrap_or(0);
            let item =
                Item { row: at, column: column as usize, value: Cow::Borrowed(cell.get_value()), mask };
            if number.is_some_and(|number| number != at) {
                self.ahead = Some(Item {
                    row: at,
                    column: item.column,
                    value: Cow::Owned(cell.get_value().clone()),
                    mask,
                });
                return Ok(true);
            }
            if number.is_none() {
                number = Some(self.begin(at, row)?);
            }
            self.put(&item, row)?;
        }
        Ok(number.is_some())
    }

    fn begin(&mut self, number: u32, row: &mut Row) -> Result<u32, Error> {
        if self.last_row.is_some_and(|last| number <= last) {
            return Err(Error::Broken("rows are out of order".to_owned()));
        }
        self.last_row = Some(number);
        row.start(number.saturating_add(1));
        Ok(number)
    }

    /// Appends a cell, with empty ones before it up to its column.
    fn put(&mut self, item: &Item<'_, '_>, row: &mut Row) -> Result<(), Error> {
        if item.column >= MAX_COLUMNS {
            if self.far_told < FAR_TOLD {
                self.far_told += 1;
                let letter = Layout::default().label(item.column);
                row.add_issue(Issue::at(&W103, Some(Arc::clone(&letter))).arg(&*letter));
            }
            return Ok(());
        }
        if item.column < row.len() {
            return Err(Error::Broken("cells are out of order".to_owned()));
        }
        row.pad_to(item.column);
        let kind = self.write(item, row);
        row.finish_cell(kind);
        if row.buffer().len() > MAX_ROW {
            return Err(Error::Limit { what: "KiB (row)", limit: MAX_ROW as u64 / 1024 });
        }
        Ok(())
    }

    fn write(&mut self, item: &Item<'_, '_>, row: &mut Row) -> CellKind {
        match &*item.value {
            DataRef::SharedString(text) => self.write_text(text, item.column, row),
            DataRef::String(text) => self.write_text(text, item.column, row),
            DataRef::Empty => {
                row.add_issue(Issue::at(&T027, Some(self.layout.label(item.column))));
                CellKind::Text
            }
            value => {
                let (kind, lost) = push_value(value, item.mask, &mut self.scratch, row.buffer());
                if lost {
                    row.add_issue(Issue::at(&W102, Some(self.layout.label(item.column))));
                }
                kind
            }
        }
    }

    fn write_text(&self, text: &str, column: usize, row: &mut Row) -> CellKind {
        if text.len() > MAX_CELL {
            row.buffer().push_str(text.get(..text.floor_char_boundary(MAX_CELL)).unwrap_or_default());
            row.add_issue(long_cell(&self.layout, column));
        } else {
            row.buffer().push_str(text);
        }
        CellKind::Text
    }
}

/// Moves on by one cell; whether that has a formula.
fn has_formula(formulas: Option<&mut Reader<'_>>) -> Result<bool, Error> {
    let Some(reader) = formulas else { return Ok(false) };
    let cell = reader.next_cell_with_formula_metadata().map_err(broken)?;
    Ok(cell.is_some_and(|cell| cell.formula.is_some()))
}

/// A formula whose result was never stored.
pub(super) static T027: CodeInfo = CodeInfo {
    code: "T027",
    who: Who::User,
    bg: Words {
        message: "клетката съдържа формула, която още не е изчислена; отворете файла в Excel и го запишете",
        why: "Програмата, създала файла, е записала формулата без резултата ѝ. Ако клетката се приеме за празна, \
              стойността ѝ ще се загуби.",
        example: "=B2*C2 без записана стойност",
        repair: "Отворете файла в Excel, изчакайте изчисляването, запишете го и отново го поставете в папката.",
    },
    en: Words {
        message: "the cell holds a formula that was never calculated; open the file in Excel and save it",
        why: "The program that wrote the file stored the formula without its result. Taking the cell for empty \
              would lose its value.",
        example: "=B2*C2 without a stored value",
        repair: "Open the file in Excel, let it calculate, save it and drop it once more.",
    },
};

/// A number with more digits than a workbook keeps.
pub(super) static W102: CodeInfo = CodeInfo {
    code: "W102",
    who: Who::User,
    bg: Words {
        message: "числото има повече от 15 цифри и Excel е сложил нули на мястото на последните; форматирайте колоната като \
                  текст („Форматиране на клетки“ > „Текст“) и въведете кода наново",
        why: "Excel пази само 15 значещи цифри на число. По-дълъг код, записан като число, вече не е същият.",
        example: "12345678901234567 се превръща в 12345678901234500",
        repair: "Задайте на колоната формат „Текст“, въведете кода отново и запишете.",
    },
    en: Words {
        message: "the number has more than 15 digits and Excel has put zeros in place of the last ones; format the column as \
                  text (Format Cells > Text) and type the code again",
        why: "Excel keeps only 15 significant digits of a number. A longer code held as a number is no longer the same.",
        example: "12345678901234567 becomes 12345678901234500",
        repair: "Give the column the format Text, type the code again and save.",
    },
};

/// A cell far outside of any table.
pub(super) static W103: CodeInfo = CodeInfo {
    code: "W103",
    who: Who::User,
    bg: Words {
        message: "клетка в колона {0} стои далеч извън таблицата и не е прочетена; изтрийте я, ако не е нужна",
        why: "Четат се първите 1024 колони. Такива клетки остават след случайно въвеждане някъде далеч.",
        example: "стойност в XFD1048576",
        repair: "Изтрийте клетката, ако не е нужна.",
    },
    en: Words {
        message: "a cell in column {0} stands far outside of the table and was not read",
        why: "The first 1,024 columns are read. Such cells are left by typing somewhere far away by accident.",
        example: "a value in XFD1048576",
        repair: "Delete the cell if it is not needed.",
    },
};

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::path::Path;

    use proptest::prelude::*;
    use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};

    use super::*;
    use crate::table::guard::Limits;
    use crate::table::{Found, Table};

    fn read(path: &Path, reading: &Reading, limits: &Limits) -> Result<(Vec<Row>, Found), Error> {
        let mut table = Table::open_within(path, reading, limits)?;
        let mut row = Row::new();
        let mut rows = Vec::new();
        while table.read(&mut row)? {
            rows.push(row.clone());
        }
        Ok((rows, table.found().clone()))
    }

    fn read_book(book: &mut Workbook, reading: &Reading) -> Result<(Vec<Row>, Found), Error> {
        read_bytes(&book.save_to_buffer().unwrap(), reading, &Limits::default())
    }

    fn read_bytes(bytes: &[u8], reading: &Reading, limits: &Limits) -> Result<(Vec<Row>, Found), Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(bytes).unwrap();
        read(file.path(), reading, limits)
    }

    fn texts(row: &Row) -> Vec<&str> {
        row.cells().map(|cell| cell.text).collect()
    }

    fn day() -> Workbook {
        let mut book = Workbook::new();
        book.add_worksheet().set_name("Бележки").unwrap().write(0, 0, "нищо").unwrap();
        let sheet = book.add_worksheet().set_name("Движения").unwrap();
        let gtin = Format::new().set_num_format("00000000000000");
        let date = Format::new().set_num_format("dd.mm.yyyy");
        let moment = Format::new().set_num_format("dd.mm.yyyy hh:mm");
        sheet.merge_range(0, 0, 0, 4, "Справка за деня", &Format::new()).unwrap();
        for (column, name) in ["Дата", "GTIN", "Количество", "Партида", "Час"].into_iter().enumerate()
        {
            sheet.write(2, u16::try_from(column).unwrap(), name).unwrap();
        }
        let when = ExcelDateTime::from_ymd(2024, 11, 5).unwrap();
        sheet.write_with_format(3, 0, &when, &date).unwrap();
        sheet.write_with_format(3, 1, 3_800_012_345_678.0, &gtin).unwrap();
        sheet.write(3, 2, 12.5).unwrap().write(3, 3, "000123").unwrap();
        sheet.write_with_format(3, 4, when.and_hms(10, 30, 0).unwrap(), &moment).unwrap();
        sheet.write(5, 0, "05.11.2024").unwrap().write(5, 2, true).unwrap();
        sheet.write_formula(5, 3, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
        sheet.write(6, 0, "Общо").unwrap().write(6, 2, 12.5).unwrap();
        book
    }

    #[test]
    fn cells_come_as_a_person_sees_them() {
        let reading = Reading { expect: vec!["Партида".into(), "GTIN".into()], ..Reading::default() };
        let (rows, found) = read_book(&mut day(), &reading).unwrap();
        assert_eq!((found.sheet.as_deref(), found.header_row), (Some("Движения"), Some(3)));
        assert_eq!(rows.iter().map(Row::number).collect::<Vec<_>>(), [4, 6]);
        assert_eq!(
            texts(&rows[0]),
            ["2024-11-05", "03800012345678", "12.5", "000123", "2024-11-05 10:30:00"]
        );
        let kinds: Vec<CellKind> = rows[0].cells().map(|cell| cell.kind).collect();
        let expected = [CellKind::Date, CellKind::Number, CellKind::Number, CellKind::Text, CellKind::Date];
        assert_eq!(kinds, expected);
        assert_eq!(rows[1].cell(2).map(|cell| cell.kind), Some(CellKind::Bool));
        assert_eq!(rows[1].cell(3).map(|cell| (cell.text, cell.kind)), Some(("#DIV/0!", CellKind::Error)));
        assert_eq!(rows[1].len(), 5, "padded to the header");
        let count = found.left_out_count;
        assert_eq!((count.title, count.blank, count.total), (1, 2, 1));
        assert_eq!(read_book(&mut day(), &found.reading()).unwrap().0.len(), 2, "the reading pins it");
    }

    #[test]
    fn the_sheet_is_chosen_by_name_or_is_the_first_with_a_table() {
        let (rows, found) = read_book(&mut day(), &Reading::default()).unwrap();
        assert_eq!((rows.len(), found.sheet.as_deref()), (2, Some("Движения")));
        assert_eq!((found.notes[0].code.code, found.notes[0].args[0].as_str()), ("W128", "Бележки"));
        let stated = |sheet: &str| Reading { sheet: Some(sheet.into()), ..Reading::default() };
        assert_eq!(read_book(&mut day(), &stated(" движения")).unwrap().1.sheet.as_deref(), Some("Движения"));
        let missing = read_book(&mut day(), &stated("Склад"));
        assert!(matches!(missing, Err(Error::NoSheet { known, .. }) if known == ["Бележки", "Движения"]));
    }

    #[test]
    fn a_far_cell_costs_nothing_and_is_told() {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        sheet.write(0, 0, "Код").unwrap().write(0, 1, "Брой").unwrap();
        sheet.write(1, 0, "x").unwrap().write(1, 1, 1).unwrap();
        sheet.write(1_048_575, 16_383, "далеч").unwrap();
        let (rows, found) = read_book(&mut book, &Reading::default()).unwrap();
        assert_eq!((rows.len(), found.left_out_count.blank), (1, 1_048_574));
        let note = found.notes.iter().find(|note| note.code.code == "W103").unwrap();
        assert_eq!((note.place.row, note.args[0].as_str()), (Some(1_048_576), "XFD"));
    }

    #[test]
    fn digits_that_excel_lost_are_told() {
        let mut book = Workbook::new();
        book.add_worksheet().write(0, 0, "Код").unwrap().write(1, 0, 12_345_678_901_234_567_890.0).unwrap();
        let (rows, _) = read_book(&mut book, &Reading::default()).unwrap();
        assert_eq!(rows[0].issues()[0].code.code, "W102");
        assert!(texts(&rows[0])[0].bytes().all(|byte| byte.is_ascii_digit()));
    }

    /// An archive of hand-written parts around one sheet.
    fn book_of(sheet: &[u8]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let parts: [(&str, &[u8]); 5] = [
            ("[Content_Types].xml", b"<Types/>"),
            ("_rels/.rels", br#"<Relationships><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#),
            ("xl/workbook.xml", br#"<workbook xmlns:r="r"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>"#),
            ("xl/_rels/workbook.xml.rels", br#"<Relationships><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#),
            ("xl/worksheets/sheet1.xml", sheet),
        ];
        for (name, bytes) in parts {
            archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    const SHEET: &str = r#"<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Код</t></is></c></row><row r="2"><c r="A2"><v>7</v></c></row></sheetData></worksheet>"#;

    /// The header row and one data row of these cells.
    fn codes_of(cells: &str) -> Vec<(u32, String, Vec<&'static str>)> {
        let header: String = ["A", "B", "C"]
            .map(|name| format!("<c r=\"{name}1\" t=\"inlineStr\"><is><t>име{name}</t></is></c>"))
            .concat();
        let sheet = format!(
            "<worksheet><sheetData><row r=\"1\">{header}</row><row r=\"2\">{cells}</row></sheetData></worksheet>"
        );
        let (rows, _) =
            read_bytes(&book_of(sheet.as_bytes()), &Reading::default(), &Limits::default()).unwrap();
        let codes = |row: &Row| row.issues().iter().map(|issue| issue.code.code).collect();
        rows.iter().map(|row| (row.number(), texts(row).join("|"), codes(row))).collect()
    }

    #[test]
    fn a_formula_without_a_result_is_told_and_its_row_is_not_blank() {
        for formula in ["<f>A2*2</f>", "<f>A2*2</f><v/>", "<f t=\"shared\" si=\"0\"/><v></v>"] {
            let cells = format!("<c r=\"A2\"><v>1</v></c><c r=\"B2\">{formula}</c><c r=\"C2\"><v>3</v></c>");
            assert_eq!(codes_of(&cells), [(2, "1||3".to_owned(), vec!["T027"])], "{formula}");
            assert_eq!(
                codes_of(&format!("<c r=\"B2\">{formula}</c>")),
                [(2, "||".to_owned(), vec!["T027"])],
                "nothing else in the row: {formula}"
            );
        }
    }

    #[test]
    fn calculated_formulas_and_those_beside_the_table_are_no_matter() {
        let cells = r#"<c r="A2"><f>1</f><v>1</v></c><c r="B2" t="str"><f>""</f><v></v></c><c r="C2"/><c r="F2"><f>9</f></c>"#;
        assert_eq!(codes_of(cells), [(2, "1||".to_owned(), vec![])]);
    }

    #[test]
    fn a_value_pushed_out_of_the_table_refuses_its_row_and_a_note_beside_it_does_not() {
        let cells = |last: &str| {
            format!(
                r#"<c r="A2"><v>1</v></c><c r="B2"><v>2</v></c><c r="C2"><v>3</v></c><c r="{last}2"><v>4</v></c>"#
            )
        };
        assert_eq!(codes_of(&cells("D"))[0].2, ["T028"]);
        assert_eq!(codes_of(&cells("E"))[0].2, ["W105"]);
    }

    #[test]
    fn an_uncalculated_total_is_no_matter() {
        let sheet = r#"<worksheet><sheetData>
            <row r="1"><c r="A1" t="str"><v>Код</v></c><c r="B1" t="str"><v>Брой</v></c><c r="C1" t="str"><v>Име</v></c><c r="D1" t="str"><v>Дата</v></c></row>
            <row r="2"><c r="A2"><v>1</v></c><c r="B2"><v>2</v></c><c r="C2"><v>3</v></c></row>
            <row r="3"><c r="A3" t="str"><v>Общо</v></c><c r="B3"><f>SUM(B2:B2)</f><v/></c></row></sheetData></worksheet>"#;
        let (rows, found) =
            read_bytes(&book_of(sheet.as_bytes()), &Reading::default(), &Limits::default()).unwrap();
        assert_eq!((rows.len(), found.left_out_count.total, found.notes.len()), (1, 1, 0));
    }

    #[test]
    fn a_sheet_without_styles_is_read() {
        let (rows, _) =
            read_bytes(&book_of(SHEET.as_bytes()), &Reading::default(), &Limits::default()).unwrap();
        assert_eq!(texts(&rows[0]), ["7"]);
    }

    #[test]
    fn bombs_and_definitions_are_refused_before_the_reader_opens_them() {
        let small = Limits { unpacked: 100_000, run: 10_000, ..Limits::default() };
        let spaces = SHEET.replace("<sheetData>", &format!("<sheetData>{}", " ".repeat(50_000)));
        let cells = SHEET.replace("</sheetData>", &format!("{}</sheetData>", "<row/>".repeat(50_000)));
        for sheet in [spaces, cells] {
            let result = read_bytes(&book_of(sheet.as_bytes()), &Reading::default(), &small);
            assert!(matches!(result, Err(Error::Limit { .. })), "{result:?}");
        }
        let parts = Limits { parts: 3, ..Limits::default() };
        let many = read_bytes(&book_of(SHEET.as_bytes()), &Reading::default(), &parts);
        assert!(matches!(many, Err(Error::Limit { what: "ZIP parts", .. })));
        let dtd = format!("<!DOCTYPE x [<!ENTITY a 'b'>]>{SHEET}");
        assert!(matches!(read_bytes(&book_of(dtd.as_bytes()), &Reading::default(), &small), Err(Error::Dtd)));
    }

    #[test]
    fn two_parts_of_one_name_are_refused() {
        let other = book_of(SHEET.replace('7', "8").as_bytes());
        let whole = book_of(SHEET.as_bytes());
        for second in ["xl/worksheets/sheet1.xml", "xl/worksheets/SHEET1.xml"] {
            // The writer allows no equal names, so it is given another of the same length.
            let mut archive = zip::ZipWriter::new_append(std::io::Cursor::new(whole.clone())).unwrap();
            let mut parts = zip::ZipArchive::new(std::io::Cursor::new(other.clone())).unwrap();
            let part = parts.by_name("xl/worksheets/sheet1.xml").unwrap();
            archive.raw_copy_file_rename(part, "xl/worksheets/sheetX.xml").unwrap();
            let mut bytes = archive.finish().unwrap().into_inner();
            let places: Vec<_> = memchr::memmem::find_iter(&bytes, "xl/worksheets/sheetX.xml").collect();
            for at in places {
                bytes[at..at + second.len()].copy_from_slice(second.as_bytes());
            }
            let result = read_bytes(&bytes, &Reading::default(), &Limits::default());
            assert_eq!(result.unwrap_err().issue().code.code, "T037");
        }
    }

    /// A sheet of 200 rows of ten cells that share a text of so many letters.
    fn sharing(letters: usize) -> Vec<u8> {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        let text = "ж".repeat(letters);
        for row in 0..200 {
            for column in 0..10 {
                sheet.write(row, column, if row == 0 { "Код" } else { &text }).unwrap();
            }
        }
        book.save_to_buffer().unwrap()
    }

    #[test]
    fn what_shared_texts_come_to_has_an_end() {
        let small = Limits { text: 0, ..Limits::default() };
        let read = |letters: usize| read_bytes(&sharing(letters), &Reading::default(), &small);
        assert_eq!(read(10).unwrap().0.len(), 199);
        let error = read(10_000).unwrap_err();
        assert!(matches!(error, Error::Limit { what: crate::table::guard::TEXT, .. }));
        assert_eq!(error.issue().code.code, "T008");
    }

    #[test]
    fn few_long_rows_are_kept_at_once() {
        let bytes = sharing(16_000);
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(&bytes).unwrap();
        let mut book = super::book_of(file.reopen().unwrap()).unwrap();
        let rows = preview(&mut book, "Sheet1", 100).unwrap();
        assert!((2..40).contains(&rows.len()), "{}", rows.len());
        let mut table = Table::open(file.path(), &Reading::default()).unwrap();
        let mut block = crate::table::Block::default();
        assert!(table.read_block(&mut block).unwrap());
        let mut rows = 0;
        block.for_each(&mut Row::new(), |_| rows += 1);
        assert_eq!((rows, block.is_large()), (1, false), "320 KB each");
    }

    #[test]
    fn cut_and_foreign_archives_each_get_their_own_answer() {
        let whole = book_of(SHEET.as_bytes());
        let cut = read_bytes(&whole[..whole.len() / 2], &Reading::default(), &Limits::default());
        assert!(matches!(cut, Err(Error::Broken(_))));
        let zip_of = |names: &[&str]| {
            let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
            for name in names {
                archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            }
            archive.finish().unwrap().into_inner()
        };
        let answer =
            |names: &[&str]| read_bytes(&zip_of(names), &Reading::default(), &Limits::default()).unwrap_err();
        assert!(
            matches!(answer(&["mimetype", "content.xml"]), Error::NotATable),
            "a letter of the same family"
        );
        assert!(matches!(answer(&["a.txt"]), Error::NotATable));
    }

    #[test]
    fn a_table_may_be_dropped_before_its_end() {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        for row in 0..5_000 {
            sheet.write(row, 0, "x").unwrap();
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all(&book.save_to_buffer().unwrap()).unwrap();
        let mut table = Table::open(file.path(), &Reading::default()).unwrap();
        assert!(table.read(&mut Row::new()).unwrap());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_damaged_workbook_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = book_of(SHEET.as_bytes());
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Err(error) = read_bytes(&bytes, &Reading::default(), &Limits::default()) {
                prop_assert!(!error.issue().code.code.is_empty());
            }
        }

        #[test]
        fn any_markup_ends_in_rows_or_one_error(inside in proptest::collection::vec(prop_oneof![
            Just("<row>"), Just("</row>"), Just("<c>"), Just("</c>"), Just("<v>1</v>"), Just("<c r=\"B2\">"),
            Just("<c r=\"A1048577\" t=\"s\">"), Just("<is><t>x</t></is>"), Just("<f>"), Just("<v/>"), Just("</f>"),
            Just("<f t=\"shared\" si=\"0\">"), Just("<c t=\"e\">"), Just("<v>#N/A</v>"), Just("&lt;"), Just("<c r=\"ZZZZZZZZ9\">")], 0..20)) {
            let sheet = format!("<worksheet><sheetData>{}</sheetData></worksheet>", inside.concat());
            let _ = read_bytes(&book_of(sheet.as_bytes()), &Reading::default(), &Limits::default());
        }
    }
}
