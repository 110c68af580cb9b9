//! One received file: which mapping, its rows into the ledger, accepted or set aside.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use super::{Shop, lists, lock, pinned};
use crate::config::DropFolder;
use crate::convert::{self, Fit, Judge, Judged, Mappings, Target};
use crate::intake;
use crate::knife::{Point, pass};
use crate::ledger::{
    self, Accept, FileState, FileView, Handle, Plan, Referenced, StagedRow, StoredIssue, codes,
};
use crate::mapping::{Answers, Bound, Decided, Mapping};
use crate::model::{CodeInfo, Issue, Schema};
use crate::table::{self, Reading, Row, Table};

/// Rows of one staging commit, and those of one block more.
pub(super) const CHUNK_ROWS: usize = 5_000;

/// The column whose cells name rows of ours.
const REFERENCE: &str = "rx_ref";

/// What became of a received file.
#[derive(Debug)]
pub enum Staged {
    /// Its rows act.
    Accepted,
    /// It waits or can't be read; the issues say why.
    Aside(FileState, Vec<StoredIssue>),
}

/// Reads, maps and judges a received file and lets the ledger accept it.
///
/// # Errors
/// When the ledger fails; what is wrong with the file is in the outcome.
pub fn stage(
    shop: &Shop,
    drop: &DropFolder,
    mappings: &Mappings,
    intake: i64,
    ending: &CancellationToken,
) -> Result<Option<Staged>> {
    let Some(view) = shop.ledger.ask_blocking(move |ledger| ledger.file(intake))? else { return Ok(None) };
    let staged = match find(shop, drop, mappings, &view)? {
        Ok(found) if drop.lists => lists::take(shop, drop, found, &view, ending)?,
        Ok(found) => fill(shop, drop, found, &view, ending)?,
        Err((state, issues)) => Some(Staged::Aside(state, issues)),
    };
    let Some(staged) = staged else { return Ok(None) };
    if let Staged::Aside(state, issues) = &staged {
        set_aside(&shop.ledger, shop, &view, *state, issues)?;
    }
    Ok(Some(staged))
}

/// A file's mapping with the file open as it says, and what is known of its numbers and dates.
pub(super) struct Opened {
    pub(super) mapping: Arc<Mapping>,
    pub(super) table: Table,
    pub(super) answers: Answers,
    /// Whether every row names the one that it takes the place of, whatever its key says.
    pub(super) names_all: bool,
}

/// A file ready to be staged, or why it is set aside.
type Found = Result<Opened, (FileState, Vec<StoredIssue>)>;

fn find(shop: &Shop, drop: &DropFolder, mappings: &Mappings, view: &FileView) -> Result<Found> {
    if drop.lists {
        let fit = convert::choose(&view.snapshot, &view.name, &mappings.lists, drop.language);
        return Ok(opened(fit, pinned::answers(view.reading.as_ref()), mappings));
    }
    let Origins { mappings: origins, names_all } = origins(&shop.ledger, &view.snapshot)?;
    if origins.len() > 1 {
        return Ok(Err((FileState::Held, vec![told(&codes::TWO_ORIGINS, [])])));
    }
    let origin = origins.keys().next().map(|name| mappings.named(name).cloned());
    // Repaired rows are read as the file was that they come from, unless a person said otherwise of them.
    let answers = pinned::answers(view.reading.as_ref());
    let answers = answers.or(origins.values().next().cloned().unwrap_or_default());
    let fit = match &origin {
        Some(Some(mapping)) => open_as(&view.snapshot, mapping, drop),
        // Another mapping might fit its name, and read the repaired rows as something else.
        Some(None) => Fit::None,
        None => convert::choose(&view.snapshot, &view.name, &mappings.good, drop.language),
    };
    Ok(opened(fit, answers, mappings).map(|opened| Opened { names_all, ..opened }))
}

fn opened(fit: Fit, answers: Answers, mappings: &Mappings) -> Found {
    match fit {
        Fit::One(mapping, table) => Ok(Opened { mapping, table: *table, answers, names_all: false }),
        Fit::None => Err((FileState::Received, vec![nothing_fits(mappings)])),
        Fit::Tie(several) => {
            let names: Vec<_> = several.iter().map(|mapping| mapping.name.clone()).collect();
            Err((FileState::Received, vec![told(&intake::F007, [names.join(", ")])]))
        }
        Fit::Unreadable(error) => {
            let is_asked = matches!(error, table::Error::SheetsAlike { .. });
            let state = if is_asked { FileState::Held } else { FileState::Unreadable };
            Err((state, vec![StoredIssue::from(&error.issue())]))
        }
    }
}

/// A mapping that is broken may be the one: then the file itself may be right.
fn nothing_fits(mappings: &Mappings) -> StoredIssue {
    let broken: BTreeSet<String> = mappings
        .problems
        .iter()
        .map(|problem| problem.path.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    if broken.is_empty() {
        return told(&intake::F006, []);
    }
    told(&intake::F017, [broken.into_iter().collect::<Vec<_>>().join(", ")])
}

/// A file with `rx_ref` goes by the mapping of the file that is named, whatever its own name.
fn open_as(path: &Path, mapping: &Arc<Mapping>, drop: &DropFolder) -> Fit {
    let reading = Reading { expect: mapping.column_names(), language: drop.language, ..Reading::default() };
    match Table::open(path, &reading) {
        Ok(table) => Fit::One(Arc::clone(mapping), Box::new(table)),
        Err(error) => Fit::Unreadable(error),
    }
}

/// Where the rows of a file come from, as their `rx_ref` say.
#[derive(Debug, Default)]
struct Origins {
    /// Names of the mappings that they lead to, with what was decided about their files; empty where the file has no
    /// such column.
    mappings: BTreeMap<String, Answers>,
    /// Whether every row names another.
    names_all: bool,
}

fn origins(ledger: &Handle, path: &Path) -> Result<Origins> {
    let reading =
        Reading { expect: vec![REFERENCE.to_owned(), "rx_status".to_owned()], ..Reading::default() };
    let mut origins = Origins::default();
    // Nearly every file has none, and to open one is to find out everything about it.
    if !Table::may_have_column(path, REFERENCE).unwrap_or(true) {
        return Ok(origins);
    }
    let Ok(mut table) = Table::open(path, &reading) else { return Ok(origins) };
    let Some(at) = table.headers().iter().position(|header| &*header.name == REFERENCE) else {
        return Ok(origins);
    };
    origins.names_all = true;
    let mut seen = BTreeSet::new();
    let mut row = Row::new();
    while table.read(&mut row).unwrap_or(false) {
        let reference = row.cell(at).map(|cell| cell.text.trim().to_owned()).unwrap_or_default();
        origins.names_all &= !reference.is_empty();
        let file = reference.rsplit_once('-').map(|(file, _)| file.to_owned()).unwrap_or_default();
        if reference.is_empty() || !seen.insert(file) {
            continue;
        }
        let origin = ledger.ask_blocking(move |ledger| ledger.referenced(&reference))?;
        if let Some(Referenced { mapping: Some(mapping), answers }) = origin {
            let answers: Answers =
                answers.and_then(|answers| serde_json::from_value(answers).ok()).unwrap_or_default();
            // Files that were read differently say nothing about rows of both.
            let known: &mut Answers = origins.mappings.entry(mapping.name).or_insert_with(|| answers.clone());
            if *known != answers {
                *known = Answers::default();
            }
        }
    }
    Ok(origins)
}

/// A file bound to its columns: its rows can be read.
pub(super) struct Ready {
    pub(super) bound: Bound,
    pub(super) schema: Schema,
    pub(super) targets: Vec<Target>,
    pub(super) sections: Vec<String>,
    /// Whether all rows go to the folder's section, whatever the mapping says.
    pub(super) forced: bool,
    decided: Decided,
}

impl Ready {
    /// How the file is read, to be kept.
    pub(super) fn reading(
        &self,
        found: &table::Found,
        filled: &[usize],
        answers: Answers,
    ) -> Result<serde_json::Value> {
        Ok(pinned::keep(found, filled, &self.decided.proven().or(answers))?)
    }

    /// What reading and binding found out about the file as a whole.
    pub(super) fn notes(&self) -> Vec<StoredIssue> {
        self.bound.notes().iter().chain(&self.decided.notes).map(StoredIssue::from).collect()
    }
}

/// Sets a file aside for what was found about it as a whole.
pub(super) fn aside(state: FileState, issues: &[Issue]) -> Staged {
    Staged::Aside(state, issues.iter().map(StoredIssue::from).collect())
}

/// Binds a file to its columns, or says why it is set aside. `fields` makes the schema that it is read under of the
/// one of its system.
pub(super) fn bind(
    shop: &Shop,
    drop: &DropFolder,
    opened: &Opened,
    view: &FileView,
    fields: fn(&Schema) -> Schema,
) -> Result<Ready, Staged> {
    let Opened { mapping, table, answers, .. } = opened;
    let forced = drop.destination.as_deref();
    let sections = forced.map_or_else(|| mapping.destination.sections(), |name| vec![name]);
    let targets = shop.sections.targets(&sections).map_err(|(section, why)| {
        Staged::Aside(FileState::Received, vec![told(&codes::NO_SECTION, [section, why])])
    })?;
    let Some(first) = targets.first() else { return Err(aside(FileState::Received, &[])) };
    let schema = fields(first.destination.schema());
    let decided = convert::prove(&view.snapshot, table, mapping, &schema, answers)
        .map_err(|error| aside(FileState::Unreadable, &[error.issue()]))?
        .map_err(|questions| aside(FileState::Held, &questions))?;
    let bound = mapping
        .bind_decided(table.headers(), &schema, &decided)
        .map_err(|issues| aside(FileState::Unreadable, &issues))?
        .counting(table.day_count());
    let sections = sections.into_iter().map(str::to_owned).collect();
    Ok(Ready { bound, schema, targets, sections, forced: forced.is_some(), decided })
}

/// None when the program is told to stop: what is staged by then is dropped at the next start.
fn fill(
    shop: &Shop,
    drop: &DropFolder,
    opened: Opened,
    view: &FileView,
    ending: &CancellationToken,
) -> Result<Option<Staged>> {
    let ready = match bind(shop, drop, &opened, view, Schema::clone) {
        Ok(ready) => ready,
        Err(staged) => return Ok(Some(staged)),
    };
    let Opened { mapping, table, answers, names_all } = opened;
    let (notes, filled) = (ready.notes(), ready.bound.filled_columns());
    let _desk = lock::desk(&shop.desk)?;
    let layout = format!("{:?} {:?}", table.found().sheet, table.found().header_row);
    let plan = plan(drop, &mapping, &ready, view.intake);
    let encoding = table.found().encoding.as_deref();
    let identity = mapping.identity_of(&ready.schema, encoding, &ready.decided);
    let plan = Plan { layout, identity, ..plan };
    let planned = plan.clone();
    if !names_all && shop.ledger.ask_blocking(move |ledger| ledger.tells_apart_otherwise(&planned))? {
        // Where a person answered, another answer may be the right one.
        let state = if answers == Answers::default() { FileState::Received } else { FileState::Held };
        return Ok(Some(Staged::Aside(state, vec![told(&codes::KEY_CHANGED, [])])));
    }
    // Whoever waited for the desk may find the file taken, or answered, by another process.
    let intake = view.intake;
    let stands = shop.ledger.ask_blocking(move |ledger| ledger.file(intake))?;
    let same = stands.is_some_and(|stands| stands.reading == view.reading);
    let now = shop.world.clock.now();
    if !same || !shop.ledger.ask_blocking(move |ledger| ledger.plan(&plan, now))? {
        return Ok(None);
    }
    pass(Point::Planned);
    let judge =
        Judge::new(ready.bound.clone(), ready.targets.clone(), ready.forced, shop.world.clock.today());
    let found = match stage_rows(&shop.ledger, table, judge, ending) {
        Ok(found) => found,
        Err(convert::Error::Table(error)) => {
            return Ok(Some(aside(FileState::Unreadable, &[error.issue()])));
        }
        Err(convert::Error::Sink(Halt::Ledger(error))) => return Err(error.into()),
        Err(convert::Error::Sink(Halt::Stopped)) => return Ok(None),
    };
    let issues = found.notes.iter().map(StoredIssue::from).chain(notes).collect::<Vec<_>>();
    let reading = ready.reading(&found, &filled, answers)?;
    let (intake, now) = (view.intake, shop.world.clock.now());
    shop.ledger.ask_blocking(move |ledger| ledger.accept(intake, &reading, &issues, now))?;
    pass(Point::Accepted);
    Ok(Some(Staged::Accepted))
}

/// Why rows are no longer staged.
#[derive(Debug, thiserror::Error)]
enum Halt {
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    #[error("told to stop")]
    Stopped,
}

pub(super) fn plan(drop: &DropFolder, mapping: &Mapping, ready: &Ready, intake: i64) -> Plan {
    let schema = &ready.schema;
    let number = schema.fields.get(schema.number_field).map(|field| field.name.clone());
    let ignored = mapping.key.iter().flat_map(|key| key.ignore.iter().cloned());
    Plan {
        intake,
        mapping: super::mapping_ref(mapping),
        scope: mapping.key.as_ref().and_then(|key| key.of.clone()).unwrap_or_else(|| mapping.name.clone()),
        layout: String::new(),
        identity: mapping.identity(schema),
        keyed: mapping.key.is_some(),
        ignore: ignored.chain(number).collect(),
        sections: ready.sections.clone(),
        accept: match drop.accept {
            crate::config::Accept::GoodRows => Accept::GoodRows,
            crate::config::Accept::WholeDocument => Accept::WholeDocument,
            crate::config::Accept::WholeFile => Accept::WholeFile,
        },
    }
}

fn stage_rows(
    ledger: &Handle,
    table: Table,
    judge: Judge,
    ending: &CancellationToken,
) -> Result<crate::table::Found, convert::Error<Halt>> {
    let mut chunk: Vec<StagedRow> = Vec::with_capacity(CHUNK_ROWS);
    let send = |rows: Vec<StagedRow>| {
        ledger.ask_blocking(move |ledger| ledger.stage(&rows)).inspect(|()| pass(Point::RowsStaged))
    };
    let targets = judge.targets().to_vec();
    let render = |_: &Row, judged: &mut Judged, rows: &mut Vec<StagedRow>| {
        rows.push(std::mem::take(judged).staged(&targets, &codes::BY_RULE));
    };
    let found = convert::for_each_block(table, judge, render, |rows| {
        chunk.append(rows);
        if chunk.len() < CHUNK_ROWS {
            return Ok(());
        }
        if ending.is_cancelled() {
            return Err(Halt::Stopped);
        }
        Ok(send(std::mem::take(&mut chunk))?)
    })?;
    if !chunk.is_empty() {
        send(chunk).map_err(|error| convert::Error::Sink(error.into()))?;
    }
    Ok(found)
}

/// Tells the ledger why a file is set aside, once: the same reason again is no news.
fn set_aside(
    ledger: &Handle,
    shop: &Shop,
    view: &FileView,
    state: FileState,
    issues: &[StoredIssue],
) -> Result<()> {
    if view.state == state && view.issues == issues {
        return Ok(());
    }
    let (intake, issues, now) = (view.intake, issues.to_vec(), shop.world.clock.now());
    ledger.ask_blocking(move |ledger| ledger.set_aside(intake, state, &issues, now))?;
    pass(Point::SetAside);
    Ok(())
}

pub(super) fn told(code: &CodeInfo, args: impl IntoIterator<Item = String>) -> StoredIssue {
    StoredIssue { code: code.code.to_owned(), column: None, args: args.into_iter().collect() }
}
