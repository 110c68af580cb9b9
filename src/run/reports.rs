//! Reports of the files that changed, and notices of what waits.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};

use super::{Shop, Waiting};
use crate::config::After;
use crate::intake;
use crate::ledger::{FileState, FileView};
use crate::report::{
    Catalogue, Cause, Desk, Dialect, Job, Kind, Notice, NoticeItem, Prepared, Reading, Source, Totals, place_notice,
    prepare, prepare_without_rows, publish, remove_notice, rename_reports,
};
use crate::table::{Encoding, Format, Found, Table};

/// Rows of one page of the ledger's stories.
const PAGE_ROWS: u32 = 2_000;

/// What was reported about one file.
#[derive(Debug, Clone)]
pub struct Reported {
    /// The file.
    pub file: PathBuf,
    /// Its state in the ledger.
    pub state: FileState,
    /// Rows by status.
    pub totals: Totals,
    /// Names of the reports beside it.
    pub reports: Vec<String>,
}

/// Writes the reports of every file that changed since its last ones.
///
/// # Errors
/// When the ledger fails. A report that can't be written is told in the log and tried again next time.
pub fn write_due(shop: &Shop) -> Result<Vec<Reported>> {
    let due = shop.ledger.ask_blocking(|ledger| ledger.due_reports())?;
    let mut done = Vec::new();
    for intake in due {
        let Some(view) = shop.ledger.ask_blocking(move |ledger| ledger.file(intake))? else { continue };
        let name = view.name.clone();
        match write_one(shop, view) {
            Ok(reported) => done.extend(reported),
            Err(error) => tracing::error!(file = %name, error = format!("{error:#}"), "reports could not be written"),
        }
    }
    Ok(done)
}

fn write_one(shop: &Shop, view: FileView) -> Result<Option<Reported>> {
    let intake = view.intake;
    let changes = shop.ledger.ask_blocking(move |ledger| ledger.changes(intake))?;
    if view.state == FileState::Withdrawn {
        lift_notice(shop, &view.folder, &view.name)?;
        shop.ledger.ask_blocking(move |ledger| ledger.reported(intake, changes))?;
        return Ok(None);
    }
    if !view.folder.is_dir() {
        return Ok(None);
    }
    if let Some(period) = &view.period {
        move_aside(shop, &view, period)?;
    }
    let prepared = render(shop, &view)?;
    let totals = prepared.tally.totals.clone();
    let published = put_in_place(shop, &view, prepared)?;
    let published = published.map(|published| published.files).unwrap_or_default();
    if !published.is_empty() || totals.rows() == 0 {
        shop.ledger.ask_blocking(move |ledger| ledger.reported(intake, changes))?;
    }
    let reports = published.into_iter().map(|(_, name, _)| name).collect();
    let file = view.folder.join(&view.name);
    let reported = Reported { file, state: view.state, totals, reports };
    Ok(Some(reported))
}

/// Names of a file's reports; a former file of the name has its time of receipt in them.
fn names(view: &FileView, period: Option<&str>) -> impl Fn(Kind, &str) -> String {
    let (input, folder_chars) = (view.name.clone(), view.folder.to_string_lossy().chars().count());
    let period = period.map(str::to_owned);
    move |kind, infix| {
        let report = report_kind(kind);
        let numbered = infix.parse().ok();
        let plain = intake::report_name(&input, report, numbered, period.as_deref(), folder_chars);
        match infix.strip_prefix("changed-") {
            Some(rest) => {
                let (at, number) = rest.split_once('.').map_or((rest, None), |(at, number)| (at, number.parse().ok()));
                let name = intake::ReportName {
                    stem: intake::names::stem(&input, folder_chars).into_owned(),
                    changed: true,
                    period: Some(at.to_owned()),
                    numbered: number,
                    kind: report,
                };
                name.to_string()
            }
            None => plain,
        }
    }
}

fn report_kind(kind: Kind) -> intake::Report {
    match kind {
        Kind::ResultCsv => intake::Report::ResultCsv,
        Kind::ResultXlsx => intake::Report::ResultXlsx,
        Kind::ErrorsXlsx => intake::Report::ErrorsXlsx,
        Kind::ErrorsCsv => intake::Report::ErrorsCsv,
        Kind::Notice => intake::Report::Notice,
        Kind::Receipt => intake::Report::Receipt,
    }
}

fn move_aside(shop: &Shop, view: &FileView, period: &str) -> Result<()> {
    let (now_named, then_named) = (names(view, None), names(view, Some(period)));
    let newest = newest_under_name(shop, view)?;
    with_desk(shop, view, &now_named, |desk| {
        // Once the newer file has reports of its own, the plain names are its own too.
        if newest == Some(view.intake) {
            return Ok(Vec::new());
        }
        rename_reports(&view.folder, &then_named, desk)
    })?;
    Ok(())
}

fn newest_under_name(shop: &Shop, view: &FileView) -> Result<Option<i64>> {
    let (folder, name) = (view.folder.clone(), view.name.clone());
    Ok(shop.ledger.ask_blocking(move |ledger| ledger.newest(Some(&folder), &name))?)
}

fn render(shop: &Shop, view: &FileView) -> Result<Prepared> {
    let named = names(view, view.period.as_deref());
    let found: Option<Found> = view.reading.clone().map(serde_json::from_value).transpose()?;
    let (reading, encoding) = (told_reading(found.as_ref(), &shop.catalogue, view), encoding_of(found.as_ref()));
    let encode = |text: &str, out: &mut Vec<u8>| {
        encoding.encode(text, out);
    };
    let sheet = found.as_ref().and_then(|found| found.sheet.clone()).unwrap_or_default();
    let source = match &found {
        Some(found) if found.format == Format::Xlsx => Source::Workbook(&sheet),
        Some(found) => Source::Text(dialect(found, &encode)),
        None => Source::Text(Dialect { encode: &encode, bom: false, delimiter: b';' }),
    };
    let job = Job {
        file: view,
        reading: &reading,
        source,
        folder: &view.folder,
        names: &named,
        catalogue: &shop.catalogue,
        now: shop.world.clock.now(),
        scratch: None,
        check: false,
    };
    match found.filter(|_| view.state == FileState::Taken) {
        Some(found) => render_rows(shop, &job, &found),
        None => Ok(prepare_without_rows(&job)?),
    }
}

/// Renders with the snapshot opened exactly as it was read before.
pub(super) fn render_rows(shop: &Shop, job: &Job<'_>, found: &Found) -> Result<Prepared> {
    let table = Table::open(&job.file.snapshot, &found.reading());
    let mut table = table.map_err(|error| anyhow!("{error}")).context("the copy can't be read again")?;
    let headers = table.headers().to_vec();
    let intake = job.file.intake;
    let pages = |after: u32| shop.ledger.ask_blocking(move |ledger| ledger.rows(intake, after, PAGE_ROWS));
    Ok(prepare(job, &headers, |row| table.read(row), pages)?)
}

pub(super) fn dialect<'a>(found: &Found, encode: &'a dyn Fn(&str, &mut Vec<u8>)) -> Dialect<'a> {
    let delimiter = found.delimiter.as_deref().and_then(|text| text.bytes().next()).unwrap_or(b';');
    Dialect { encode, bom: found.byte_order_mark, delimiter }
}

pub(super) fn encoding_of(found: Option<&Found>) -> Encoding {
    let name = found.and_then(|found| found.encoding.as_deref());
    name.and_then(Encoding::from_name).unwrap_or_else(Encoding::utf8)
}

/// How a file was read, as the receipt tells it.
pub(super) fn told_reading(found: Option<&Found>, catalogue: &Catalogue, view: &FileView) -> Reading {
    let Some(found) = found else { return Reading::default() };
    let count = &found.left_out_count;
    let left_out = [
        ("title", count.title),
        ("blank", count.blank),
        ("total", count.total),
        ("separator", count.separator),
    ];
    let note = |issue: &crate::model::Issue| {
        let code = catalogue.get(issue.code.code).unwrap_or(issue.code);
        format!("{} ({})", code.message(view.language, &issue.args), code.code)
    };
    Reading {
        format: if found.format == Format::Xlsx { "xlsx" } else { "csv" }.to_owned(),
        encoding: found.encoding.clone(),
        delimiter: found.delimiter.clone(),
        sheet: found.sheet.clone(),
        header_row: found.header_row,
        left_out: left_out
            .into_iter()
            .filter(|(_, rows)| *rows > 0)
            .map(|(why, rows)| (why.to_owned(), u64::from(rows)))
            .collect(),
        notes: found.notes.iter().map(note).collect(),
    }
}

/// Commits the hashes, then lets the reports appear.
fn put_in_place(shop: &Shop, view: &FileView, prepared: Prepared) -> Result<Option<crate::report::Published>> {
    let named = names(view, view.period.as_deref());
    let kept: Vec<_> = prepared
        .files
        .iter()
        .map(|file| (file.name.clone(), file.sha256.clone(), file.kind.suffix().to_owned()))
        .collect();
    let (intake, folder, now) = (view.intake, view.folder.clone(), shop.world.clock.now());
    shop.ledger.ask_blocking(move |ledger| ledger.keep_reports(intake, &folder, &kept, now))?;
    let published = with_desk(shop, view, &named, |desk| publish(prepared, desk))?;
    Ok(Some(published))
}

/// What publishing asks the ledger.
fn with_desk<R>(
    shop: &Shop,
    view: &FileView,
    named: &dyn Fn(Kind, &str) -> String,
    work: impl FnOnce(&mut Desk<'_>) -> Result<R, crate::report::Error>,
) -> Result<R> {
    let is_ours = |name: &str, sha256: &str| {
        let (folder, name, sha256) = (view.folder.clone(), name.to_owned(), sha256.to_owned());
        shop.ledger.ask_blocking(move |ledger| ledger.is_report(&folder, &name, &sha256)).unwrap_or(false)
    };
    let spool = shop.spool();
    let is_copied = |sha256: &str| spool.join(sha256).exists();
    let mut remember = |name: &str, sha256: &str| -> Result<(), Cause> {
        let files = vec![(name.to_owned(), sha256.to_owned(), "late".to_owned())];
        let (intake, folder, now) = (view.intake, view.folder.clone(), shop.world.clock.now());
        shop.ledger
            .ask_blocking(move |ledger| ledger.keep_reports(intake, &folder, &files, now))
            .map_err(|error| Cause::from(error.to_string()))
    };
    let mut desk = Desk {
        names: named,
        is_ours: &is_ours,
        is_copied: &is_copied,
        remember: &mut remember,
        now: shop.world.clock.now(),
    };
    Ok(work(&mut desk)?)
}

/// Notices laid by this process: what they said.
pub type Notices = HashMap<(PathBuf, String), Vec<u8>>;

/// Lays a notice beside each file that waits for something of its own, and lifts those that no longer hold.
///
/// # Errors
/// When the ledger fails.
pub fn notices(shop: &Shop, laid: &mut Notices, folder: &Path, waiting: &[Waiting], lang: crate::model::Lang) -> Result<()> {
    let mut keep = Vec::new();
    for one in waiting.iter().filter(|one| one.notice) {
        let items = [NoticeItem { code: one.code, args: &one.args }];
        let bytes = Notice { file: &one.name, since: one.since, items: &items, lang }.bytes();
        let key = (one.folder.clone(), one.name.clone());
        keep.push(key.clone());
        if laid.get(&key) == Some(&bytes) {
            continue;
        }
        let view = stand_in(folder, &one.name);
        let named = names(&view, None);
        let placed = with_desk(shop, &view, &named, |desk| place_notice(folder, &bytes, desk));
        match placed {
            Ok(_) => drop(laid.insert(key, bytes)),
            Err(error) => tracing::warn!(file = %one.name, error = format!("{error:#}"), "no notice could be laid"),
        }
    }
    let over: Vec<_> = laid.keys().filter(|key| key.0 == folder && !keep.contains(key)).cloned().collect();
    for key in over {
        lift_notice(shop, folder, &key.1)?;
        laid.remove(&key);
    }
    Ok(())
}

/// Removes our notice beside a file, if it lies there.
///
/// # Errors
/// When the ledger fails.
pub fn lift_notice(shop: &Shop, folder: &Path, name: &str) -> Result<()> {
    let view = stand_in(folder, name);
    let named = names(&view, None);
    if folder.join(named(Kind::Notice, "")).exists() {
        with_desk(shop, &view, &named, |desk| remove_notice(folder, desk))?;
    }
    Ok(())
}

/// A file that has no intake yet, as far as names need it.
fn stand_in(folder: &Path, name: &str) -> FileView {
    FileView {
        intake: 0,
        folder: folder.to_owned(),
        name: name.to_owned(),
        sha256: String::new(),
        snapshot: PathBuf::new(),
        received_at: chrono::DateTime::UNIX_EPOCH,
        state: FileState::Received,
        destinations: Vec::new(),
        system: None,
        environment: None,
        mapping: None,
        reading: None,
        issues: Vec::new(),
        language: crate::model::Lang::Bg,
        supersedes: None,
        period: None,
        batches: Vec::new(),
        ledger_head: String::new(),
    }
}

/// Moves a file all of whose rows are final, with its reports, to `archive/YYYY-MM/` of its folder.
///
/// # Errors
/// When something can't be moved; it stays where it is.
pub fn archive(shop: &Shop, after: After, reported: &Reported) -> Result<()> {
    let final_rows = reported.totals.rows() > 0
        && reported.totals.waiting + reported.totals.unknown + reported.totals.held + reported.totals.refused == 0;
    let folder = reported.file.parent().unwrap_or(Path::new("."));
    if after != After::Archive || !final_rows || !reported.file.exists() {
        return Ok(());
    }
    let month = shop.world.clock.today().format("%Y-%m").to_string();
    let goal = folder.join("archive").join(month);
    std::fs::create_dir_all(&goal)?;
    let name = reported.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    for name in reported.reports.iter().chain([&name]) {
        let (from, to) = (folder.join(name), free(&goal, name));
        if from.exists() {
            std::fs::rename(&from, &to).with_context(|| format!("{} could not be archived", from.display()))?;
        }
    }
    Ok(())
}

/// A name in the archive that nothing has yet: an earlier file of that name is never overwritten.
fn free(goal: &Path, name: &str) -> PathBuf {
    let plain = goal.join(name);
    let numbered = (2_u32..).map(|number| goal.join(format!("{number}-{name}")));
    std::iter::once(plain.clone()).chain(numbered).find(|path| !path.exists()).unwrap_or(plain)
}
