//! Renders everything beside an input into hidden temporary files, in one pass over its rows.

use std::fs::File;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::columns::{Added, Frame};
use super::join::{Cause, join};
use super::messages::{Catalogue, Speaker};
use super::notice::{Notice, NoticeItem};
use super::publish::{Temp, free_infix};
use super::receipt::{Reading, Receipt, ReportNote};
use super::totals::{Tally, is_repairable};
use super::{Error, FORMS, Form, Kind, Names, Render, Setting, Source, Story};
use crate::ledger::{FileState, FileView, RowView, StoredIssue};
use crate::model::Environment;
use crate::table::{Header, Row};

/// What is to be reported, and how.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The file.
    pub file: &'a FileView,
    /// How its reports are written.
    pub source: Source<'a>,
    /// Where they are laid.
    pub folder: &'a Path,
    /// What they are called.
    pub names: Names<'a>,
    /// Every code.
    pub catalogue: &'a Catalogue,
    /// Now.
    pub now: DateTime<Utc>,
    /// Where rows may lie until a workbook is put together; the system's place for such things if none.
    pub scratch: Option<&'a Path>,
    /// Places of columns whose empty cells take the one above: in an errors file they are filled, because the
    /// row above may not be there.
    pub fill_down: &'a [usize],
    /// What must be said of rows without an answer whose last day comes near.
    pub alarm: Option<&'a StoredIssue>,
    /// For `check`: rows that would be sent have no status, and there is no receipt.
    pub check: bool,
}

impl<'a> Job<'a> {
    fn speaker(&self) -> Speaker<'a> {
        Speaker {
            catalogue: self.catalogue,
            lang: self.file.language,
            trial: self.file.environment != Some(Environment::Production),
            system: self.file.system.as_deref().unwrap_or("system"),
        }
    }

    fn story<'s>(&'s self, tally: &'s Tally, reading: Option<&'s Reading>) -> Story<'s> {
        Story { file: self.file, reading, tally, now: self.now }
    }

    fn forms(&self) -> impl Iterator<Item = &'static Form> {
        let text = matches!(self.source, Source::Text(_));
        FORMS.into_iter().filter(move |form| if text { form.of_text } else { form.of_workbook })
    }
}

/// Everything rendered, on disk under hidden names, not yet visible to anybody.
#[derive(Debug)]
pub struct Prepared {
    /// What was counted.
    pub tally: Tally,
    /// In the order they are published, the receipt last. Commit their hashes before publishing.
    pub files: Vec<PreparedFile>,
    /// Kinds that must no longer lie there.
    pub obsolete: Vec<Kind>,
    /// The receipt's content, with the names the reports are expected to get.
    pub(super) receipt: Option<Receipt>,
    reading: Option<Reading>,
    pub(super) folder: std::path::PathBuf,
    pub(super) intake: i64,
}

/// One file under its temporary name.
#[derive(Debug)]
pub struct PreparedFile {
    /// What it is.
    pub kind: Kind,
    /// The name it is expected to get.
    pub name: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
    pub(super) temp: Temp,
}

/// Renders result, errors, receipt and, if the file waits as a whole, its notice.
///
/// `rows` and `pages` are as in [`join`](super::join()).
pub fn prepare<R, S, P, L>(job: &Job<'_>, headers: &[Header], rows: R, pages: P) -> Result<Prepared, Error>
where
    R: FnMut(&mut Row) -> Result<bool, S>,
    S: Into<Cause>,
    P: FnMut(u32) -> Result<Vec<RowView>, L>,
    L: Into<Cause>,
{
    let frame = Frame::new(headers);
    let speaker = job.speaker();
    let setting = Setting { frame: &frame, source: job.source, speaker, scratch: job.scratch };
    let mut sheets: Vec<Sheet<'_>> = job.forms().map(|form| Sheet { form, open: None }).collect();
    let mut tally = Tally::default();
    let mut told = Added::default();
    let mut above = Above::new(job.fill_down);
    for sheet in sheets.iter_mut().filter(|sheet| !sheet.form.refused_only) {
        sheet.begin(job, setting)?;
    }
    join(rows, pages, |row, view| {
        tally.count(view, speaker.catalogue, speaker.system);
        told.tell(view, &speaker, job.check);
        let filled = above.fill(row, is_repairable(view));
        for sheet in sheets.iter_mut().filter(|sheet| !sheet.form.refused_only || is_repairable(view)) {
            let row = filled.as_ref().filter(|_| sheet.form.refused_only).unwrap_or(row);
            sheet.begin(job, setting)?.row(row, &told, view)?;
        }
        Ok(())
    })?;
    let mut prepared = Prepared::empty(job, tally);
    for sheet in sheets {
        prepared.end(job, sheet)?;
    }
    prepared.add_notice(job)?;
    prepared.add_receipt(job)?;
    Ok(prepared)
}

/// Renders receipt and notice of a file whose rows were not read (unreadable, held before it was read).
pub fn prepare_without_rows(job: &Job<'_>) -> Result<Prepared, Error> {
    let mut prepared = Prepared::empty(job, Tally::default());
    prepared.add_notice(job)?;
    prepared.add_receipt(job)?;
    Ok(prepared)
}

/// What stood last in columns whose empty cells take the one above.
struct Above<'a> {
    columns: &'a [usize],
    last: Vec<String>,
}

impl<'a> Above<'a> {
    fn new(columns: &'a [usize]) -> Self {
        Self { columns, last: vec![String::new(); columns.len()] }
    }

    /// Takes note of a row; where it is wanted and something is empty, gives it filled.
    fn fill(&mut self, row: &Row, wanted: bool) -> Option<Row> {
        let mut empty = false;
        for (column, last) in self.columns.iter().zip(&mut self.last) {
            match row.cell(*column).map(|cell| cell.text.trim()).filter(|text| !text.is_empty()) {
                Some(text) => text.clone_into(last),
                None => empty = true,
            }
        }
        (empty && wanted).then(|| self.filled(row))
    }

    fn filled(&self, row: &Row) -> Row {
        let mut filled = Row::new();
        filled.start(row.number());
        for (index, cell) in row.cells().enumerate() {
            let above = self.columns.iter().zip(&self.last).find(|(column, _)| **column == index);
            match above.filter(|_| cell.text.trim().is_empty()) {
                Some((_, last)) => filled.push(last, cell.kind),
                None => filled.push(cell.text, cell.kind),
            }
        }
        filled
    }
}

/// One report that may have begun.
struct Sheet<'a> {
    form: &'static Form,
    open: Option<(Temp, File, Box<dyn Render + 'a>)>,
}

impl<'a> Sheet<'a> {
    /// The renderer; begun if it was not.
    fn begin(&mut self, job: &Job<'_>, setting: Setting<'a>) -> Result<&mut dyn Render, Error> {
        let open = if let Some(open) = self.open.take() {
            open
        } else {
            let (temp, file) = Temp::create(job.folder, job.file.intake, self.form.kind)?;
            let renderer = (self.form.begin)(setting, file.try_clone()?)?;
            (temp, file, renderer)
        };
        Ok(self.open.insert(open).2.as_mut())
    }
}

impl Prepared {
    fn empty(job: &Job<'_>, tally: Tally) -> Self {
        Self {
            tally,
            files: Vec::new(),
            obsolete: Vec::new(),
            receipt: None,
            reading: Reading::of(job.file, &job.speaker()),
            folder: job.folder.to_owned(),
            intake: job.file.intake,
        }
    }

    fn end(&mut self, job: &Job<'_>, sheet: Sheet<'_>) -> Result<(), Error> {
        let Some((temp, file, renderer)) = sheet.open else {
            self.obsolete.push(sheet.form.kind);
            return Ok(());
        };
        renderer.finish(&job.story(&self.tally, self.reading.as_ref()))?;
        self.keep(job, sheet.form.kind, temp, &file)
    }

    fn add_notice(&mut self, job: &Job<'_>) -> Result<(), Error> {
        let known = job.file.issues.iter().chain(job.alarm);
        let items = NoticeItem::of(known, job.catalogue);
        if job.check || job.file.state == FileState::Withdrawn || items.is_empty() {
            self.obsolete.push(Kind::Notice);
            return Ok(());
        }
        let since = job.file.received_at;
        let notice = Notice { file: &job.file.name, since, items: &items, lang: job.file.language };
        self.add_bytes(job, Kind::Notice, &notice.bytes())
    }

    fn add_receipt(&mut self, job: &Job<'_>) -> Result<(), Error> {
        if job.check {
            return Ok(());
        }
        let mut receipt = Receipt::new(&job.story(&self.tally, self.reading.as_ref()), &job.speaker());
        receipt.reports = self.files.iter().filter_map(PreparedFile::note).collect();
        self.add_bytes(job, Kind::Receipt, &receipt.bytes()?)?;
        self.receipt = Some(receipt);
        Ok(())
    }

    fn add_bytes(&mut self, job: &Job<'_>, kind: Kind, bytes: &[u8]) -> Result<(), Error> {
        let (temp, mut file) = Temp::create(job.folder, job.file.intake, kind)?;
        std::io::Write::write_all(&mut file, bytes)?;
        self.keep(job, kind, temp, &file)
    }

    fn keep(&mut self, job: &Job<'_>, kind: Kind, temp: Temp, file: &File) -> Result<(), Error> {
        let sha256 = temp.seal(file)?;
        let name = (job.names)(kind, &free_infix(job.folder, job.names, kind));
        self.files.push(PreparedFile { kind, name, sha256, temp });
        Ok(())
    }
}

impl PreparedFile {
    /// How a receipt names it; nothing for what is no report.
    fn note(&self) -> Option<ReportNote> {
        let report = !matches!(self.kind, Kind::Receipt | Kind::Notice);
        report.then(|| ReportNote { name: self.name.clone(), sha256: self.sha256.clone() })
    }
}

#[cfg(test)]
mod tests {
    use crate::table::CellKind;
    use std::path::PathBuf;

    use super::super::samples::{catalogue, file, headers, issue, noon, pages, rows, view, windows_1251};
    use super::super::{Desk, Dialect, publish};
    use super::*;
    use crate::model::Status;

    fn names(kind: Kind, _: &str) -> String {
        format!("a.csv.{}", kind.suffix())
    }

    fn reports(folder: &Path, views: &[RowView], count: usize, check: bool) -> Result<Vec<String>, Error> {
        let (catalogue, file) = (catalogue(), file("a.csv"));
        let dialect = Dialect { encode: &windows_1251, bom: false, delimiter: b';' };
        let job = Job {
            file: &file,
            source: Source::Text(dialect),
            folder,
            names: &names,
            catalogue: &catalogue,
            now: noon(),
            scratch: Some(folder),
            fill_down: &[],
            alarm: None,
            check,
        };
        let cells = vec![["x"].as_slice(); count];
        let prepared = prepare(&job, &headers(&["a"]), rows(&cells), pages(views))?;
        let desk = &mut Desk {
            names: &names,
            is_ours: &|_, _| true,
            is_copied: &|_| true,
            remember: &mut |_, _| Ok(()),
            now: noon(),
        };
        Ok(publish(prepared, desk)?.files.into_iter().map(|(_, name, _)| name).collect())
    }

    fn numbers(path: PathBuf) -> Vec<String> {
        let mut reader = ::csv::ReaderBuilder::new().delimiter(b';').from_path(path).unwrap();
        reader.byte_records().map(|row| String::from_utf8_lossy(&row.unwrap()[6]).into_owned()).collect()
    }

    #[test]
    fn an_errors_file_holds_what_is_repaired_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut views = vec![
            view(2, Status::Refused),
            view(3, Status::Accepted),
            view(4, Status::Refused),
            view(5, Status::Held),
        ];
        views[2].replaced = true;
        reports(folder.path(), &views, 4, false).unwrap();
        assert_eq!(numbers(folder.path().join("a.csv.errors.csv")), ["2"]);
        assert_eq!(numbers(folder.path().join("a.csv.result.csv")), ["2", "3", "4", "5"]);
    }

    #[test]
    fn a_check_leaves_no_receipt() {
        let folder = tempfile::tempdir().unwrap();
        let mut views = vec![view(2, Status::Refused), view(3, Status::Waiting)];
        views[0].issues = vec![issue("V900", Some("a"), &["x"])];
        let names = reports(folder.path(), &views, 2, true).unwrap();
        assert_eq!(names, ["a.csv.result.csv", "a.csv.errors.xlsx", "a.csv.errors.csv"]);
    }

    #[test]
    fn books_that_do_not_balance_leave_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let told = reports(folder.path(), &[view(2, Status::Refused)], 2, false);
        assert!(matches!(told, Err(Error::RowWithoutStory(3))));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    fn cells_row(cells: [&str; 2]) -> Row {
        let mut row = Row::new();
        row.start(7);
        for text in cells {
            row.push(text, CellKind::Text);
        }
        row
    }

    #[test]
    fn an_errors_file_names_the_document_of_a_row_whose_row_above_is_not_there() {
        let mut above = Above::new(&[0]);
        assert!(above.fill(&cells_row(["1001", "a"]), true).is_none(), "nothing is empty");
        assert!(above.fill(&cells_row(["", "b"]), false).is_none(), "nobody wants it");
        let filled = above.fill(&cells_row(["", ""]), true).unwrap();
        let cells: Vec<_> = filled.cells().map(|cell| cell.text.to_owned()).collect();
        assert_eq!((filled.number(), cells), (7, vec!["1001".to_owned(), String::new()]));
    }
}
