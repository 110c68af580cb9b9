//! Reports of the files that changed, and notices of what waits.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use chrono::{DateTime, Utc};

use super::pinned::Pinned;
use super::{Folder, Shop, risk};
use crate::config::After;
use crate::intake;
use crate::knife::{Point, pass};
use crate::ledger::{FileState, FileView};
use crate::model::hash;
use crate::report::{
    Cause, Desk, Dialect, Job, Kind, Notice, NoticeItem, Prepared, Published, Source, Totals, place_notice,
    prepare, prepare_without_rows, publish, remove_notice, rename_reports,
};
use crate::table::Table;

/// Rows of one page of the ledger's stories.
const PAGE_ROWS: u32 = 2_000;

/// When reports that could not be put in place are tried again.
const TRY_AGAIN: Duration = Duration::from_secs(30);
/// What the name of a notice ends in.
const NOTICE_ENDING: &str = ".notice.txt";

/// Files whose reports could not be put in place, by intake, and when to try again.
pub type Later = HashMap<i64, Instant>;

/// What was reported about one file.
#[derive(Debug, Clone)]
pub struct Reported {
    /// The ledger's id of this receipt of the file.
    pub intake: i64,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// When it was copied.
    pub received_at: DateTime<Utc>,
    /// Whether anybody has to do with it: its environment and registration are configured now, and it is no list in
    /// whose place a newer one came.
    pub here: bool,
    /// The file.
    pub file: PathBuf,
    /// Its state in the ledger.
    pub state: FileState,
    /// Rows by status.
    pub totals: Totals,
    /// Names of the reports beside it.
    pub reports: Vec<String>,
}

impl Reported {
    fn new(view: &FileView, totals: Totals, reports: Vec<String>) -> Self {
        Self {
            intake: view.intake,
            sha256: view.sha256.clone(),
            received_at: view.received_at,
            here: view.here,
            file: view.folder.join(&view.name),
            state: view.state,
            totals,
            reports,
        }
    }
}

/// Writes the reports of every file that changed since its last ones, and archives what is final then. Gives what was
/// reported, and of how many files the reports could not be written: one that is open and therefore lies under
/// another name, as its receipt says, is written.
///
/// # Errors
/// When the ledger fails. A report that can't be written is told in the log and tried again next time.
pub fn write_due(shop: &Shop, later: &mut Later) -> Result<(Vec<Reported>, usize)> {
    let _desk = super::lock::desk(&shop.desk)?;
    let (today, near) = (shop.world.clock.today(), risk::near(shop));
    shop.ledger.ask_blocking(move |ledger| {
        ledger.remind(today, near)?;
        ledger.lapse()
    })?;
    let due = shop.ledger.ask_blocking(|ledger| ledger.due_reports())?;
    let (mut done, mut failed) = (Vec::new(), 0);
    later.retain(|_, at| *at > Instant::now());
    for intake in due.into_iter().filter(|intake| !later.contains_key(intake)).collect::<Vec<_>>() {
        let Some(view) = shop.ledger.ask_blocking(move |ledger| ledger.file(intake))? else { continue };
        let name = view.name.clone();
        match write_one(shop, &view) {
            Ok(Some((reported, behind))) => {
                if behind {
                    later.insert(intake, Instant::now() + TRY_AGAIN);
                } else if let Err(error) = archive(shop, &reported) {
                    tracing::warn!(file = %name, error = format!("{error:#}"), "a file could not be archived");
                }
                done.push(reported);
            }
            Ok(None) => {}
            Err(error) => {
                later.insert(intake, Instant::now() + TRY_AGAIN);
                failed += 1;
                tracing::error!(file = %name, error = format!("{error:#}"), "reports could not be written");
            }
        }
    }
    Ok((done, failed))
}

/// What was reported, and whether something of it must be tried again.
fn write_one(shop: &Shop, view: &FileView) -> Result<Option<(Reported, bool)>> {
    let intake = view.intake;
    if !super::owner::may_write(shop, &view.folder)? {
        return Ok(None);
    }
    let changes = shop.ledger.ask_blocking(move |ledger| ledger.changes(intake))?;
    if view.state == FileState::Withdrawn {
        let (folder, name) = (view.folder.clone(), view.name.clone());
        let newer = shop.ledger.ask_blocking(move |ledger| ledger.newest(Some(&folder), &name))?;
        if newer.is_none() {
            lift_notice(shop, &view.folder, &view.name)?;
        }
        shop.ledger.ask_blocking(move |ledger| ledger.reported(intake, changes))?;
        return Ok(None);
    }
    if !view.folder.is_dir() {
        return Ok(None);
    }
    if let Some(period) = &view.period {
        move_aside(shop, view, period)?;
    }
    let prepared = render(shop, view)?;
    let totals = prepared.tally.totals;
    let published = put_in_place(shop, view, prepared)?;
    pass(Point::Published);
    let behind = published.behind || !published.postponed.is_empty();
    if !behind {
        shop.ledger.ask_blocking(move |ledger| ledger.reported(intake, changes))?;
        pass(Point::Reported);
    }
    let reports = published.files.into_iter().map(|(_, name, _)| name).collect();
    let mut reported = Reported::new(view, totals, reports);
    reported.here &= !is_old_list(shop, view);
    Ok(Some((reported, behind)))
}

/// Whether it is a list in whose place a newer one of its name came.
fn is_old_list(shop: &Shop, view: &FileView) -> bool {
    view.period.is_some() && shop.config.drops.iter().any(|drop| drop.for_lists().folder == view.folder)
}

/// Names of a file's reports; a former file of the name has its time of receipt in them.
fn names(view: &FileView, period: Option<&str>) -> impl Fn(Kind, &str) -> String {
    let (input, folder_chars) = (view.name.clone(), view.folder.to_string_lossy().chars().count());
    let period = period.map(str::to_owned);
    move |kind, infix| report_name(&input, kind, infix, period.as_deref(), folder_chars)
}

/// The name of a report: of an input, of a kind, with what stands between them (`""`, `2`,
/// `changed-20261121-1403`), in a folder whose path has that many characters.
pub fn report_name(
    input: &str,
    kind: Kind,
    infix: &str,
    period: Option<&str>,
    folder_chars: usize,
) -> String {
    let kind = report_kind(kind);
    let Some(changed) = infix.strip_prefix("changed-") else {
        return intake::report_name(input, kind, infix.parse().ok(), period, folder_chars);
    };
    let (at, number) =
        changed.split_once('.').map_or((changed, None), |(at, number)| (at, number.parse().ok()));
    let plain = intake::ReportName {
        stem: intake::names::stem(input, folder_chars).into_owned(),
        changed: false,
        period: None,
        numbered: number,
        kind,
    };
    intake::names::changed_name(&plain, at)
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

/// Gives the reports of a former file of the name their period. The plain names may bear the newer file's
/// reports already: only bytes written for this one are moved.
fn move_aside(shop: &Shop, view: &FileView, period: &str) -> Result<()> {
    let (now_named, then_named) = (names(view, None), names(view, Some(period)));
    let of_this_file = |intake| intake == view.intake;
    with_desk(shop, view, &now_named, of_this_file, |desk| rename_reports(&view.folder, &then_named, desk))?;
    Ok(())
}

fn render(shop: &Shop, view: &FileView) -> Result<Prepared> {
    let named = names(view, view.period.as_deref());
    render_as(shop, view, &view.folder, &named, false)
}

/// Renders a file's reports into a folder under names of the caller's choice.
///
/// # Errors
/// When the copy can't be read again, the ledger fails, or the reports can't be written.
pub fn render_as(
    shop: &Shop,
    view: &FileView,
    folder: &Path,
    named: &dyn Fn(Kind, &str) -> String,
    check: bool,
) -> Result<Prepared> {
    let pinned: Option<Pinned> = view.reading.clone().map(serde_json::from_value).transpose()?;
    let taken = view.state == FileState::Taken && pinned.is_some();
    let pinned = pinned.unwrap_or_default();
    let codec = pinned.codec();
    let encode = |text: &str, out: &mut Vec<u8>| {
        codec.encode(text, out);
    };
    let sheet = pinned.sheet.clone().unwrap_or_default();
    let source = if pinned.is_workbook() {
        Source::Workbook(&sheet)
    } else {
        let (encoding, byte_order_mark, delimiter) = pinned.dialect();
        Source::Text(Dialect::like(encoding, byte_order_mark, delimiter, &encode))
    };
    let alarm = risk::alarm(shop, view.intake)?;
    let job = Job {
        file: view,
        source,
        folder,
        names: named,
        catalogue: &shop.catalogue,
        now: shop.world.clock.now(),
        scratch: None,
        fill_down: &pinned.fill_down,
        alarm: alarm.as_ref(),
        check,
    };
    if taken { render_rows(shop, &job, &pinned) } else { Ok(prepare_without_rows(&job)?) }
}

/// Renders with the snapshot opened exactly as it was read before.
fn render_rows(shop: &Shop, job: &Job<'_>, pinned: &Pinned) -> Result<Prepared> {
    let table = Table::open(&job.file.snapshot, &pinned.reading());
    let mut table = table.map_err(|error| anyhow!("{error}")).context("the copy can't be read again")?;
    let headers = table.headers().to_vec();
    let intake = job.file.intake;
    let pages = |after: u32| shop.ledger.ask_blocking(move |ledger| ledger.rows(intake, after, PAGE_ROWS));
    Ok(prepare(job, &headers, |row| table.read(row), pages)?)
}

/// Commits the hashes, then lets the reports appear.
fn put_in_place(shop: &Shop, view: &FileView, prepared: Prepared) -> Result<Published> {
    let named = names(view, view.period.as_deref());
    let kept: Vec<_> = prepared
        .files
        .iter()
        .map(|file| (file.name.clone(), file.sha256.clone(), file.kind.suffix().to_owned()))
        .collect();
    let (intake, folder, now) = (view.intake, view.folder.clone(), shop.world.clock.now());
    shop.ledger.ask_blocking(move |ledger| ledger.keep_reports(intake, &folder, &kept, now))?;
    pass(Point::ReportsRemembered);
    with_desk(shop, view, &named, |_| true, |desk| publish(prepared, desk))
}

/// What publishing asks the ledger; `counts` says whose reports are ours.
fn with_desk<R>(
    shop: &Shop,
    view: &FileView,
    named: &dyn Fn(Kind, &str) -> String,
    counts: impl Fn(i64) -> bool,
    work: impl FnOnce(&mut Desk<'_>) -> Result<R, crate::report::Error>,
) -> Result<R> {
    let is_ours = |name: &str, sha256: &str| {
        let (folder, name, sha256) = (view.folder.clone(), name.to_owned(), sha256.to_owned());
        let intake = shop.ledger.ask_blocking(move |ledger| ledger.report_of(&folder, &name, &sha256));
        intake.ok().flatten().is_some_and(&counts)
    };
    let is_copied = |sha256: &str| {
        let sha256 = sha256.to_owned();
        shop.ledger.ask_blocking(move |ledger| ledger.has_content(&sha256)).unwrap_or(false)
    };
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
pub(super) type Notices = HashMap<(PathBuf, String), Vec<u8>>;

/// Lays a notice beside each file that waits for something of its own, and lifts those that no longer hold.
///
/// # Errors
/// When the ledger fails.
pub(super) fn notices(shop: &Shop, laid: &mut Notices, of: &Folder) -> Result<()> {
    let (folder, lang) = (of.drop.folder.as_path(), of.drop.language);
    let mut keep = Vec::new();
    for one in of.waiting.iter().filter(|one| one.notice) {
        let items = [NoticeItem { code: one.code, args: &one.args }];
        let bytes = Notice { file: &one.name, since: one.since, items: &items, lang }.bytes();
        let key = (one.folder.clone(), one.name.clone());
        keep.push(key.clone());
        let view = stand_in(folder, &one.name);
        let named = names(&view, None);
        if laid.get(&key) == Some(&bytes) && folder.join(named(Kind::Notice, "")).exists() {
            continue;
        }
        let placed = with_desk(shop, &view, &named, |_| true, |desk| place_notice(folder, &bytes, desk));
        match placed {
            Ok(_) => drop(laid.insert(key, bytes)),
            Err(error) => {
                tracing::warn!(file = %one.name, error = format!("{error:#}"), "no notice could be laid");
            }
        }
    }
    laid.retain(|key, _| key.0 != folder || keep.contains(key));
    lift_stale(shop, of, &keep)
}

/// Lifts notices, also those of an earlier process, whose file no longer waits or is gone.
fn lift_stale(shop: &Shop, of: &Folder, keep: &[(PathBuf, String)]) -> Result<()> {
    let folder = &of.drop.folder;
    let waits: HashSet<String> =
        keep.iter().map(|(_, name)| names(&stand_in(folder, name), None)(Kind::Notice, "")).collect();
    for name in of.present.iter().filter(|name| name.ends_with(NOTICE_ENDING) && !waits.contains(*name)) {
        let input = name.trim_end_matches(NOTICE_ENDING);
        if !has_notice_of_its_own(shop, of, input)? {
            lift_notice(shop, folder, input)?;
        }
    }
    Ok(())
}

/// A file that is unreadable or held as a whole has its notice from its reports, and so has one with rows at risk.
fn has_notice_of_its_own(shop: &Shop, of: &Folder, input: &str) -> Result<bool> {
    let (folder, name) = (of.drop.folder.clone(), input.to_owned());
    let view = shop.ledger.ask_blocking(move |ledger| {
        let newest = ledger.newest(Some(&folder), &name)?;
        newest.map_or(Ok(None), |intake| ledger.file(intake))
    })?;
    let Some(view) = view else { return Ok(false) };
    let own = match view.state {
        FileState::Unreadable | FileState::Held => of.present.contains(input),
        FileState::Taken => {
            // Whoever has dealt with a list takes it away.
            let over = of.drop.lists && !of.present.contains(input);
            let told = !NoticeItem::of(&view.issues, &shop.catalogue).is_empty();
            risk::alarm(shop, view.intake)?.is_some() || told && !over
        }
        _ => false,
    };
    Ok(own)
}

/// Removes our notice beside a file, if it lies there.
///
/// # Errors
/// When the ledger fails.
pub(super) fn lift_notice(shop: &Shop, folder: &Path, name: &str) -> Result<()> {
    let view = stand_in(folder, name);
    let named = names(&view, None);
    if folder.join(named(Kind::Notice, "")).exists() {
        with_desk(shop, &view, &named, |_| true, |desk| remove_notice(folder, desk))?;
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
        here: true,
        batches: Vec::new(),
        clock: None,
        ledger_head: String::new(),
    }
}

/// Archives what an earlier process did not come to, wholly or in part. A file's reports go before it, so what is
/// half moved still has its file in the folder.
///
/// # Errors
/// When the ledger fails. What can't be moved is told in the log.
pub(super) fn archive_left(shop: &Shop) -> Result<()> {
    for drop in shop.config.drops.iter().filter(|drop| drop.after == After::Archive) {
        if !super::owner::may_write(shop, &drop.folder)? {
            continue;
        }
        let _desk = super::lock::desk(&shop.desk)?;
        let folder = drop.folder.clone();
        let known = shop.ledger.ask_blocking(move |ledger| ledger.known_files(&folder))?;
        for file in known.iter().filter(|file| drop.folder.join(&file.name).exists()) {
            let reported = reported_before(shop, file.intake)?;
            if let Some(Err(error)) = reported.map(|reported| archive(shop, &reported)) {
                tracing::warn!(file = %file.name, error = format!("{error:#}"), "a file could not be archived");
            }
        }
    }
    Ok(())
}

/// A file as its last reports show it; none where they show an older state.
fn reported_before(shop: &Shop, intake: i64) -> Result<Option<Reported>> {
    let Some(view) = shop.ledger.ask_blocking(move |ledger| ledger.file(intake))? else { return Ok(None) };
    let folder = view.folder.clone();
    let reports = shop.ledger.ask_blocking(move |ledger| ledger.reports(&folder))?;
    let reports = reports.into_iter().filter(|(_, of)| *of == intake).map(|(name, _)| name).collect();
    let reported = Reported::new(&view, totals(shop, intake)?, reports);
    // Asked last: what is sent meanwhile may make the last row final, and then reports are due first.
    let due = shop.ledger.ask_blocking(|ledger| ledger.due_reports())?;
    Ok(Some(reported).filter(|_| !due.contains(&intake)))
}

/// Rows of a file by status.
///
/// # Errors
/// When the ledger fails.
pub fn totals(shop: &Shop, intake: i64) -> Result<Totals> {
    let (mut totals, mut after) = (Totals::default(), 0);
    loop {
        let page = shop.ledger.ask_blocking(move |ledger| ledger.rows(intake, after, PAGE_ROWS))?;
        let Some(last) = page.last() else { return Ok(totals) };
        after = last.row;
        for row in &page {
            totals.add(row.status);
        }
    }
}

/// Moves a file all of whose rows are final, with its reports, to `archive/YYYY-MM/` of its folder.
///
/// # Errors
/// When something can't be moved; it stays where it is.
fn archive(shop: &Shop, reported: &Reported) -> Result<()> {
    let final_rows = reported.totals.rows() > 0
        && reported.totals.waiting + reported.totals.unknown + reported.totals.held + reported.totals.refused
            == 0;
    let folder = reported.file.parent().unwrap_or(Path::new("."));
    let drop = shop.config.drops.iter().find(|drop| drop.folder == folder);
    let wanted = drop.is_some_and(|drop| drop.after == After::Archive);
    if !wanted || !final_rows || !is_still_there(shop, reported)? {
        return Ok(());
    }
    let month = shop.world.clock.today().format("%Y-%m").to_string();
    let name = reported.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stamp =
        reported.received_at.with_timezone(&chrono_tz::Europe::Sofia).format("%Y%m%d-%H%M%S").to_string();
    let month = folder.join("archive").join(month);
    // A second file of that name gets a folder of its own: receipts name their reports, so nothing is renamed.
    let goal = if month.join(&name).exists() { month.join(stamp) } else { month };
    std::fs::create_dir_all(&goal)?;
    for name in reported.reports.iter().chain([&name]) {
        let (from, to) = (folder.join(name), goal.join(name));
        if from.exists() && !to.exists() {
            std::fs::rename(&from, &to)
                .with_context(|| format!("{} could not be archived", from.display()))?;
            pass(Point::FileArchived);
        }
    }
    Ok(())
}

/// Whether what lies in the folder is the very file that was reported: a newer one of its name stays.
fn is_still_there(shop: &Shop, reported: &Reported) -> Result<bool> {
    let (folder, name) = (reported.file.parent().map(Path::to_owned), reported.file.file_name());
    let name = name.unwrap_or_default().to_string_lossy().into_owned();
    let newest = shop.ledger.ask_blocking(move |ledger| ledger.newest(folder.as_deref(), &name))?;
    let same = std::fs::File::open(&reported.file).and_then(hash::sha256_of);
    Ok(newest == Some(reported.intake) && same.is_ok_and(|sha256| sha256 == reported.sha256))
}
