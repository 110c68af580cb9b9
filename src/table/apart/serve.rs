//! The process's side: limits itself, reads a whole workbook, and sends its rows.

use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use super::books::{self, Book};
use super::frames::{Answer, Head, Job};
use super::html;
use crate::table::choice::{self, Chosen};
use crate::table::error::Error;
use crate::table::guard::TextLeft;
use crate::table::header::{self, PREVIEW_TEXT, Wanted};
use crate::table::reading::{Format, Reading};
use crate::table::records::Layout;
use crate::table::row::Row;

/// Bytes of memory for everything the process is and holds.
#[cfg(unix)]
const MEMORY: u64 = 416 * 1024 * 1024;
/// Seconds of work.
#[cfg(unix)]
const SECONDS: u64 = 300;

/// Reads the workbook at `path` as the document `ask` says, and writes its rows to `out`. The process that
/// calls this must do nothing else: it gives itself little memory, and may die of that.
pub fn serve(path: &Path, ask: impl Read, out: impl Write) -> io::Result<()> {
    limit()?;
    let job: Job = serde_json::from_reader(ask)?;
    answer(path, &job, BufWriter::with_capacity(64 * 1024, out))
}

/// Memory and time of this process. Elsewhere than on Unix only the limits on sizes hold, and the other side's
/// patience.
#[cfg(unix)]
fn limit() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let most = |resource, value: u64| {
        let known = getrlimit(resource).maximum.map_or(value, |known| known.min(value));
        setrlimit(resource, Rlimit { current: Some(known), maximum: Some(known) })
    };
    // What it holds is a user's data: no image of it may stay on disk.
    most(Resource::Core, 0)?;
    most(Resource::Cpu, SECONDS)?;
    // Not every Unix can limit the address space; there sizes and patience must do.
    #[cfg(not(target_os = "openbsd"))]
    if cfg!(target_os = "linux") {
        most(Resource::As, MEMORY)?;
    } else {
        let _ = most(Resource::As, MEMORY);
    }
    Ok(())
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "the same signature everywhere")]
fn limit() -> io::Result<()> {
    Ok(())
}

fn answer(path: &Path, job: &Job, out: impl Write) -> io::Result<()> {
    let mut answer = Answer::begin(out)?;
    let outcome = rows(path, job, &mut answer);
    answer.end(outcome)
}

fn rows(path: &Path, job: &Job, answer: &mut Answer<impl Write>) -> Result<(), Error> {
    let mut reading = job.reading();
    let mut head = Head::default();
    let mut book: Box<dyn Book> = match job.format {
        Format::Xls => books::xls(path)?,
        Format::Xlsb => books::xlsb(path)?,
        Format::Ods => books::ods(path)?,
        Format::Html => html::open(path, &mut reading, &mut head)?,
        Format::Csv | Format::Xlsx => return Err(Error::NotATable),
    };
    let sheets = book.sheets();
    let chosen = choice::choose(&sheets, &reading, |name, needed| preview(book.as_mut(), name, needed))?;
    describe(&chosen, &reading, &mut head)?;
    let columns = u32::try_from(head.columns.len()).unwrap_or(u32::MAX);
    let odd = book.oddities(&chosen.name, head.header_row, columns);
    (head.merged, head.hidden_rows, head.hidden_columns) = (odd.merged, odd.hidden_rows, odd.hidden_columns);
    head.day_count = book.day_count();
    if job.format != Format::Html || sheets.first().is_some_and(|first| first.name != chosen.name) {
        head.sheet = Some(chosen.name.clone());
    }
    answer.head(&head)?;
    let mut left = TextLeft::new(job.text);
    book.read(&chosen.name, &mut |record| {
        left.take(record.text())?;
        if !record.is_empty() {
            answer.row(record)?;
        }
        Ok(true)
    })
}

fn describe(chosen: &Chosen, reading: &Reading, head: &mut Head) -> Result<(), Error> {
    let header = header::find(
        &chosen.rows,
        header::Of::Sheet,
        reading.stated_header(),
        &Wanted::new(&reading.expect),
    )?;
    head.header_row = header.row;
    head.header_rows = header.rows;
    head.columns = header.columns.iter().map(|column| column.name.to_string()).collect();
    head.passed.clone_from(&chosen.passed);
    Ok(())
}

fn preview(book: &mut dyn Book, sheet: &str, needed: usize) -> Result<Vec<Row>, Error> {
    let (mut rows, mut text) = (Vec::new(), 0);
    book.read(sheet, &mut |record| {
        if !record.is_empty() {
            let mut row = Row::new();
            record.fill(&Layout::default(), &mut row, &mut 0);
            if row.has_anything() {
                text += row.buffer().len();
                rows.push(row);
            }
        }
        Ok(rows.len() < needed && text < PREVIEW_TEXT)
    })?;
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::table::apart::frames::{Frames, Record};
    use crate::table::guard::TEXT;
    use crate::table::number::DayCount;
    use crate::table::row::CellKind;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/workbook-formats/in").join(name)
    }

    fn read(path: &Path, format: Format, reading: &Reading) -> Result<(Head, Vec<Row>), Error> {
        let mut bytes = Vec::new();
        answer(path, &Job::new(format, reading), &mut bytes).unwrap();
        let mut frames = Frames::new(bytes.as_slice(), format);
        let head = frames.head()?;
        let (mut record, mut rows) = (Record::default(), Vec::new());
        while frames.row(&mut record)? {
            let mut row = Row::new();
            record.fill(&Layout::default(), &mut row, &mut 0);
            rows.push(row);
        }
        Ok((head, rows))
    }

    fn stated(sheet: &str) -> Reading {
        Reading { sheet: Some(sheet.into()), ..Reading::default() }
    }

    #[test]
    fn cells_of_every_kind_come_as_a_person_sees_them() {
        for (name, format) in [("day.ods", Format::Ods), ("day.xls", Format::Xls)] {
            let (head, rows) = read(&fixture(name), format, &stated("проба")).unwrap();
            assert_eq!((head.sheet.as_deref(), head.header_row, head.columns.len()), (Some("Проба"), 1, 10));
            let cells: Vec<_> = rows[1].cells().map(|cell| (cell.text, cell.kind)).collect();
            let expected = [
                ("12.5", CellKind::Number),
                ("3800012345678", CellKind::Number),
                ("0.3", CellKind::Number),
                ("00071", CellKind::Text),
                ("2026-08-31", CellKind::Date),
                ("2026-08-31 10:30:00", CellKind::Date),
                ("10:30:00", CellKind::Text),
                ("TRUE", CellKind::Bool),
                ("#DIV/0!", CellKind::Error),
                ("1234567890123456", CellKind::Number),
            ];
            assert_eq!(cells, expected, "{name}");
            assert_eq!(rows[1].issues()[0].code.code, "W102", "{name}");
        }
    }

    #[test]
    fn the_first_visible_sheet_is_read_and_hidden_ones_are_told() {
        for (name, format) in [("day.ods", Format::Ods), ("day.xls", Format::Xls), ("day.xlsb", Format::Xlsb)]
        {
            let expecting =
                Reading { expect: vec!["Партида".into(), "Вид".into()], ..Reading::default() };
            let (head, rows) = read(&fixture(name), format, &expecting).unwrap();
            assert_eq!((head.sheet.as_deref(), head.header_row), (Some("Движения"), 3), "{name}");
            assert_eq!(head.passed.hidden, ["Скрит"], "{name}");
            let others: &[&str] = if format == Format::Xlsb { &[] } else { &["Проба"] };
            assert_eq!(head.passed.others, others, "{name}");
            let numbers: Vec<u32> = rows.iter().map(Row::number).collect();
            assert_eq!(numbers, [1, 3, 4, 5, 6, 7], "{name}");
            let cells: Vec<&str> = rows[2].cells().take(9).map(|cell| cell.text).collect();
            assert_eq!(
                cells,
                ["77", "1", "2026-08-31", "приход", "2415", "L24A017", "10", "4000", "1532"],
                "{name}"
            );
            let (head, rows) = read(&fixture(name), format, &stated("Скрит")).unwrap();
            assert_eq!((head.passed.hidden.len(), rows.len()), (0, 2), "{name}: its name was said");
        }
        let (head, _) = read(&fixture("day.xls"), Format::Xls, &stated("Движения")).unwrap();
        assert_eq!(head.merged, 1, "only those that reach into the data");
    }

    #[test]
    fn a_binary_workbook_tells_what_its_cells_are() {
        let (_, rows) = read(&fixture("day.xlsb"), Format::Xlsb, &stated("Движения")).unwrap();
        let cell = |row: usize, column: usize| rows[row].cell(column).map(|cell| (cell.text, cell.kind));
        assert_eq!(cell(2, 10), Some(("3800012345678", CellKind::Number)));
        assert_eq!(cell(2, 2), Some(("2026-08-31", CellKind::Date)));
        assert_eq!(cell(3, 10), Some(("TRUE", CellKind::Bool)));
        assert_eq!(cell(4, 6), Some(("#DIV/0!", CellKind::Error)));
    }

    /// A workbook whose numbers are shown through masks; it counts its days from 1904.
    fn masked(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/masked-workbooks/in").join(name)
    }

    #[test]
    fn numbers_have_the_zeros_that_are_seen() {
        for (name, format) in
            [("codes.xls", Format::Xls), ("codes.xlsb", Format::Xlsb), ("codes.ods", Format::Ods)]
        {
            let (head, rows) = read(&masked(name), format, &stated("Движения")).unwrap();
            let cell = |row: usize, column: usize| {
                rows[row].cell(column).map(|cell| (cell.text, cell.kind)).unwrap()
            };
            assert_eq!(head.day_count, Some(DayCount::From1904), "{name}");
            assert_eq!(cell(1, 1), ("0001", CellKind::Number), "{name}: a short number");
            assert_eq!(cell(1, 4), ("2415", CellKind::Number), "{name}: no mask");
            let lots: Vec<&str> = (1..7).map(|row| cell(row, 5).0).collect();
            let seen = ["03800012345678", "12345678", "03800012345678", "0012", "00345", "345"];
            assert_eq!(lots, seen, "{name}");
            let (_, rows) = read(&masked(name), format, &stated("Друг")).unwrap();
            assert_eq!(rows[1].cell(0).unwrap().text, "00000000000007", "{name}: the second sheet");
        }
        for (name, format) in [("day.xls", Format::Xls), ("day.xlsb", Format::Xlsb), ("day.ods", Format::Ods)]
        {
            let (head, _) = read(&fixture(name), format, &Reading::default()).unwrap();
            assert_eq!(head.day_count, Some(DayCount::From1900), "{name}");
        }
    }

    #[test]
    fn a_workbook_whose_styles_cannot_be_read_is_read_without_them() {
        let mut whole = zip::ZipArchive::new(std::fs::File::open(masked("codes.ods")).unwrap()).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut broken = zip::ZipWriter::new(file.reopen().unwrap());
        for index in 0..whole.len() {
            let part = whole.by_index(index).unwrap();
            if part.name().unwrap() == "styles.xml" {
                broken.start_file("styles.xml", zip::write::SimpleFileOptions::default()).unwrap();
                broken.write_all(b"<office:styles><style:style <").unwrap();
            } else {
                broken.raw_copy_file(part).unwrap();
            }
        }
        broken.finish().unwrap();
        let (head, rows) = read(file.path(), Format::Ods, &stated("Движения")).unwrap();
        assert_eq!(rows[1].cell(5).unwrap().text, "3800012345678");
        assert_eq!(head.day_count, None);
    }

    #[test]
    fn what_the_cells_come_to_has_an_end() {
        let mut job = Job::new(Format::Xlsb, &stated("Движения"));
        job.text = 40;
        let mut bytes = Vec::new();
        answer(&fixture("day.xlsb"), &job, &mut bytes).unwrap();
        let mut frames = Frames::new(bytes.as_slice(), Format::Xlsb);
        frames.head().unwrap();
        let mut record = Record::default();
        let error = loop {
            if let Err(error) = frames.row(&mut record) {
                break error;
            }
        };
        assert!(matches!(error, Error::Limit { what: TEXT, limit: 1 }));
    }

    #[test]
    fn a_page_is_read_by_its_tables() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let page =
            "<table><tr><td>а<td>б<tr><td>в<td>г</table><table><tr><th>Код<th>Брой<tr><td>1<td>2</table>";
        std::io::Write::write_all(&mut file.as_file(), page.as_bytes()).unwrap();
        let (head, rows) = read(file.path(), Format::Html, &stated("Лист1")).unwrap();
        assert_eq!((head.sheet, rows.len(), head.encoding.as_deref()), (None, 2, Some("utf-8")));
        let expecting = Reading { expect: vec!["Брой".into()], ..Reading::default() };
        let (head, rows) = read(file.path(), Format::Html, &expecting).unwrap();
        assert_eq!((head.sheet.as_deref(), head.columns.join("|").as_str()), (Some("#2"), "Код|Брой"));
        let pinned = read(file.path(), Format::Html, &stated("#2")).unwrap();
        assert_eq!(pinned.1.len(), rows.len(), "the reading pins it");
    }

    #[test]
    fn what_is_wrong_is_told_as_for_other_formats() {
        let missing = read(&fixture("day.ods"), Format::Ods, &stated("Склад"));
        assert!(matches!(missing, Err(Error::NoSheet { known, .. }) if known.len() == 3));
        let header = Reading { header: Some(90), ..stated("Движения") };
        assert!(matches!(read(&fixture("day.xls"), Format::Xls, &header), Err(Error::NoHeader(90))));
        assert!(matches!(read(&fixture("page.html"), Format::Xls, &stated("x")), Err(Error::Broken(_))));
        assert!(matches!(read(&fixture("no such file"), Format::Ods, &stated("x")), Err(Error::Io(_))));
    }
}
