//! Rows of a workbook's sheet, one cell after another.
//!
//! The streaming cell reader alone is used: a range of a whole sheet takes memory for every cell up to the
//! farthest one. It borrows the open workbook, so it lives on a thread of its own and hands over chunks of
//! rows that come back to be filled again. A panic of the library ends that thread, not the program.

use std::borrow::Cow;
use std::fs::File;
use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use calamine::{DataRef, Reader as _, SheetType, SheetVisible, Xlsx, XlsxCellReader, XlsxError};

use super::error::Error;
use super::guard::{self, Limits};
use super::header::{self, FoundHeader, Wanted};
use super::number::{mask_of, push_date, push_iso_date, push_number};
use super::reading::Reading;
use super::records::{Layout, MAX_CELL, MAX_COLUMNS, long_cell};
use super::row::{CellKind, Header, Row};
use crate::model::names::fold;
use crate::model::{CodeInfo, Issue, Who, Words};

type Book = Xlsx<BufReader<File>>;

/// Rows that pass from the thread at once.
const CHUNK: usize = 128;
/// Far cells that are told one by one.
const FAR_TOLD: u32 = 10;

/// An open workbook with the sheet and header that were chosen.
pub(super) struct Opened {
    book: Book,
    /// The sheet that is read.
    pub(super) sheet: String,
    /// Where its header is.
    pub(super) header: FoundHeader,
}

/// Opens a workbook and chooses the sheet: the one that is said, else the visible one with the most expected
/// names, else the first visible one with anything in it.
pub(super) fn open(file: File, reading: &Reading, limits: &Limits) -> Result<Opened, Error> {
    guard::check(&file, limits)?;
    unharmed(|| {
        let mut book: Book =
            Xlsx::new(BufReader::with_capacity(64 * 1024, rewound(file)?)).map_err(broken)?;
        let (sheet, rows) = choose_sheet(&mut book, reading)?;
        let header = header::find(&rows, reading.header, &Wanted::new(&reading.expect))?;
        Ok(Opened { book, sheet, header })
    })
}

fn rewound(mut file: File) -> Result<File, Error> {
    std::io::Seek::rewind(&mut file)?;
    Ok(file)
}

/// Runs library code that may panic on files it did not expect.
fn unharmed<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::Broken("the reader gave up".to_owned())))
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function of the error in map_err")]
fn broken(error: XlsxError) -> Error {
    match error {
        XlsxError::Password => Error::Protected,
        XlsxError::Io(error) => Error::Io(error),
        other => Error::Broken(other.to_string()),
    }
}

fn choose_sheet(book: &mut Book, reading: &Reading) -> Result<(String, Vec<Row>), Error> {
    let needed = header::rows_needed(reading.header);
    if let Some(wanted) = &reading.sheet {
        let name = named_sheet(book, wanted)?;
        let rows = preview(book, &name, needed)?;
        return if rows.is_empty() { Err(Error::Empty) } else { Ok((name, rows)) };
    }
    let expected = Wanted::new(&reading.expect);
    let mut best: Option<(usize, String, Vec<Row>)> = None;
    for name in visible_sheets(book) {
        let rows = preview(book, &name, needed)?;
        let matches = expected.best(&rows);
        if !rows.is_empty() && best.as_ref().is_none_or(|(most, ..)| matches > *most) {
            best = Some((matches, name, rows));
        }
    }
    best.map(|(_, name, rows)| (name, rows)).ok_or(Error::Empty)
}

fn named_sheet(book: &Book, wanted: &str) -> Result<String, Error> {
    let names: Vec<String> = worksheets(book).map(|sheet| sheet.name.clone()).collect();
    let same = names.iter().find(|name| *name == wanted);
    let found = same.or_else(|| names.iter().find(|name| fold(name) == fold(wanted))).cloned();
    found.ok_or_else(|| Error::NoSheet { wanted: wanted.to_owned(), known: names })
}

fn worksheets(book: &Book) -> impl Iterator<Item = &calamine::Sheet> {
    book.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet)
}

fn visible_sheets(book: &Book) -> Vec<String> {
    worksheets(book)
        .filter(|sheet| sheet.visible == SheetVisible::Visible)
        .map(|sheet| sheet.name.clone())
        .collect()
}

fn preview(book: &mut Book, sheet: &str, limit: usize) -> Result<Vec<Row>, Error> {
    let mut cells = Cells::new(book.worksheet_cells_reader(sheet).map_err(broken)?, Layout::default());
    let mut rows = Vec::new();
    let mut row = Row::new();
    while rows.len() < limit && cells.next(&mut row)? {
        rows.push(row.clone());
    }
    Ok(rows)
}

/// The rows of the chosen sheet, from the first one.
pub(super) struct Sheet {
    chunks: Option<Receiver<Result<Vec<Row>, Error>>>,
    /// Chunks that were read go back to be filled again.
    used: Sender<Vec<Row>>,
    chunk: Vec<Row>,
    next: usize,
    thread: Option<JoinHandle<()>>,
    ended: bool,
}

impl Sheet {
    /// Starts reading.
    pub(super) fn start(opened: Opened, columns: &[Header]) -> Result<Self, Error> {
        let (send, chunks) = sync_channel(2);
        let (used, spare) = channel();
        let layout = Layout {
            after_row: opened.header.row,
            columns: columns.iter().map(Header::label).collect::<Arc<[Arc<str>]>>(),
        };
        let thread = std::thread::Builder::new()
            .name("sheet".to_owned())
            .spawn(move || hand_over(opened, &layout, &send, &spare))?;
        Ok(Self {
            chunks: Some(chunks),
            used,
            chunk: Vec::new(),
            next: 0,
            thread: Some(thread),
            ended: false,
        })
    }

    /// Reads the next row that has anything in it. False at the end.
    pub(super) fn next(&mut self, row: &mut Row) -> Result<bool, Error> {
        if self.next == self.chunk.len() && !self.ended {
            self.next_chunk()?;
        }
        let Some(read) = self.chunk.get_mut(self.next) else { return Ok(false) };
        std::mem::swap(read, row);
        self.next += 1;
        Ok(true)
    }

    /// An empty chunk is the end; a thread that ended without one has panicked.
    fn next_chunk(&mut self) -> Result<(), Error> {
        let next = self.chunks.as_ref().and_then(|chunks| chunks.recv().ok());
        let chunk = next.unwrap_or_else(|| Err(Error::Broken("the reader gave up".to_owned())));
        self.ended = chunk.as_ref().map_or(true, Vec::is_empty);
        let used = std::mem::replace(&mut self.chunk, chunk?);
        self.next = 0;
        // The thread may have ended already; then nobody needs the chunk.
        let _ = self.used.send(used);
        Ok(())
    }
}

impl Drop for Sheet {
    fn drop(&mut self) {
        // Without a receiver the thread ends at its next chunk.
        self.chunks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's work: fills chunks until the sheet ends or nobody listens any more.
fn hand_over(
    opened: Opened,
    layout: &Layout,
    send: &SyncSender<Result<Vec<Row>, Error>>,
    spare: &Receiver<Vec<Row>>,
) {
    let mut book = opened.book;
    let outcome = unharmed(|| {
        let reader = book.worksheet_cells_reader(&opened.sheet).map_err(broken)?;
        let mut cells = Cells::new(reader, layout.clone());
        loop {
            let mut chunk = spare.try_recv().unwrap_or_default();
            let read = fill(&mut cells, &mut chunk);
            let last = chunk.is_empty();
            // Rows before an error are handed over before it.
            if !last && send.send(Ok(chunk)).is_err() {
                return Ok(());
            }
            read?;
            if last {
                return Ok(());
            }
        }
    });
    let _ = send.send(outcome.map(|()| Vec::new()));
}

fn fill<RS: std::io::Read + std::io::Seek>(
    cells: &mut Cells<'_, RS>,
    chunk: &mut Vec<Row>,
) -> Result<(), Error> {
    chunk.resize_with(CHUNK, Row::new);
    let mut filled = 0;
    let mut outcome = Ok(true);
    for row in chunk.iter_mut() {
        outcome = cells.next(row);
        if !matches!(outcome, Ok(true)) {
            break;
        }
        filled += 1;
    }
    chunk.truncate(filled);
    outcome.map(|_| ())
}

/// Gathers the sparse cells of a sheet into rows.
struct Cells<'a, RS: std::io::Read + std::io::Seek> {
    reader: XlsxCellReader<'a, RS>,
    layout: Layout,
    /// Zeros of each style's mask.
    masks: Vec<usize>,
    /// The first cell of the next row.
    ahead: Option<Item<'a, 'a>>,
    last_row: Option<u32>,
    far_told: u32,
    scratch: String,
}

struct Item<'a, 'b> {
    row: u32,
    column: usize,
    value: Cow<'b, DataRef<'a>>,
    mask: usize,
}

impl<'a, RS: std::io::Read + std::io::Seek> Cells<'a, RS> {
    fn new(reader: XlsxCellReader<'a, RS>, layout: Layout) -> Self {
        let mask = |style: &calamine::Style| {
            style.number_format.as_ref().map_or(0, |form| mask_of(&form.format_code))
        };
        let masks = reader.styles().iter().map(mask).collect();
        Self { reader, layout, masks, ahead: None, last_row: None, far_told: 0, scratch: String::new() }
    }

    /// Reads the next row that has anything in it. False at the end.
    fn next(&mut self, row: &mut Row) -> Result<bool, Error> {
        let mut number = None;
        if let Some(first) = self.ahead.take() {
            number = Some(self.begin(first.row, row)?);
            self.put(&first, row)?;
        }
        while let Some((cell, style)) = self.reader.next_cell_with_style_id().map_err(broken)? {
            if matches!(cell.get_value(), DataRef::Empty) {
                continue;
            }
            let (at, column) = cell.get_position();
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
        Ok(())
    }

    fn write(&mut self, item: &Item<'_, '_>, row: &mut Row) -> CellKind {
        let out = row.buffer();
        match &*item.value {
            DataRef::SharedString(text) => self.write_text(text, item.column, row),
            DataRef::String(text) => self.write_text(text, item.column, row),
            DataRef::Float(value) => {
                if push_number(*value, item.mask, &mut self.scratch, out) {
                    row.add_issue(Issue::at(&W102, Some(self.layout.label(item.column))));
                }
                CellKind::Number
            }
            DataRef::Int(value) => {
                out.push_str(&value.to_string());
                CellKind::Number
            }
            DataRef::DateTime(date) => {
                if push_date(*date, out) {
                    CellKind::Date
                } else {
                    CellKind::Text
                }
            }
            DataRef::DateTimeIso(text) => {
                if push_iso_date(text, out) {
                    CellKind::Date
                } else {
                    CellKind::Text
                }
            }
            DataRef::DurationIso(text) => {
                out.push_str(text);
                CellKind::Text
            }
            DataRef::Bool(value) => {
                out.push_str(if *value { "TRUE" } else { "FALSE" });
                CellKind::Bool
            }
            DataRef::Error(error) => {
                out.push_str(&error.to_string());
                CellKind::Error
            }
            DataRef::Empty => CellKind::Text,
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

/// A number with more digits than a workbook keeps.
pub(super) static W102: CodeInfo = CodeInfo {
    code: "W102",
    who: Who::User,
    bg: Words {
        message: "числото има повече от 15 цифри и Excel е изгубил последните; форматирайте колоната като текст и \
                  въведете кода наново",
        why: "Excel пази само 15 значещи цифри на число. По-дълъг код, записан като число, вече не е същият.",
        example: "12345678901234567 се превръща в 12345678901234500",
        repair: "Задайте на колоната формат «Текст», въведете кода отново и запишете.",
    },
    en: Words {
        message: "the number has more than 15 digits and Excel has lost the last ones; format the column as text and \
                  type the code again",
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
        message: "клетка в колона {0} стои далеч извън таблицата и не е прочетена",
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
