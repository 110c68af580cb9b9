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
use crate::ledger::{FileState, FileView, RowView};
use crate::model::Environment;
use crate::table::{Header, Row};

/// What is to be reported, and how.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The file.
    pub file: &'a FileView,
    /// How it was read, for the receipt and the summary.
    pub reading: &'a Reading,
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

    fn story(&self, tally: &'a Tally) -> Story<'a> {
        Story { file: self.file, reading: self.reading, tally, now: self.now }
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
    for sheet in sheets.iter_mut().filter(|sheet| !sheet.form.refused_only) {
        sheet.begin(job, setting)?;
    }
    join(rows, pages, |row, view| {
        tally.count(view, speaker.catalogue, speaker.system);
        told.tell(view, &speaker, job.check);
        for sheet in sheets.iter_mut().filter(|sheet| !sheet.form.refused_only || is_repairable(view)) {
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
            folder: job.folder.to_owned(),
            intake: job.file.intake,
        }
    }

    fn end(&mut self, job: &Job<'_>, sheet: Sheet<'_>) -> Result<(), Error> {
        let Some((temp, file, renderer)) = sheet.open else {
            self.obsolete.push(sheet.form.kind);
            return Ok(());
        };
        renderer.finish(&job.story(&self.tally))?;
        self.keep(job, sheet.form.kind, temp, &file)
    }

    fn add_notice(&mut self, job: &Job<'_>) -> Result<(), Error> {
        let waits = matches!(job.file.state, FileState::Held | FileState::Unreadable | FileState::Received);
        let items = NoticeItem::of(&job.file.issues, job.catalogue);
        if job.check || !waits || items.is_empty() {
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
        let mut receipt = Receipt::new(&job.story(&self.tally), &job.speaker());
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
