//! Lists of what the system has, dropped into the folder for them: read by a mapping of their own, laid beside the
//! ledger. Nothing of them is sent.

use anyhow::Result;
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::stage::{CHUNK_ROWS, Opened, Ready, Staged, aside, bind, plan, told};
use super::take::Ends;
use super::{Folder, Shop, Waiting, lock};
use crate::config::DropFolder;
use crate::convert::Target;
use crate::knife::{Point, pass};
use crate::ledger::{FileState, FileView, Listed, Matching, StagedRow, StoredIssue, codes, keeps_waiting};
use crate::mapping::{Bound, Draft};
use crate::model::{Issue, Kind, LISTED_ID, Schema, Value, is_remote_id};
use crate::table::{self, Row, Table};

/// With fewer fields rows can't be told apart by what they say.
const LEAST_FIELDS: usize = 4;

/// Reads a list, lays it beside the ledger and accepts it. None when the program is told to stop: what is staged by
/// then is dropped at the next start.
///
/// # Errors
/// When the ledger fails; what is wrong with the list is in the outcome.
pub(super) fn take(
    shop: &Shop,
    drop: &DropFolder,
    mut opened: Opened,
    view: &FileView,
    ending: &CancellationToken,
) -> Result<Option<Staged>> {
    let ready = match bind(shop, drop, &opened, view, Schema::of_lists) {
        Ok(ready) => ready,
        Err(staged) => return Ok(Some(staged)),
    };
    let _desk = lock::desk(&shop.desk)?;
    let planned = plan(drop, &opened.mapping, &ready, view.intake);
    let now = shop.world.clock.now();
    if !shop.ledger.ask_blocking(move |ledger| ledger.plan(&planned, now))? {
        return Ok(None);
    }
    pass(Point::Planned);
    let reader = Reader::new(&ready);
    match read_rows(shop, &mut opened.table, ready.bound.clone(), &reader, ending)? {
        Some(Ok(())) => {}
        Some(Err(stopped)) => return Ok(Some(aside(FileState::Unreadable, &[stopped.issue()]))),
        None => return Ok(None),
    }
    let found = opened.table.found();
    let reading = ready.reading(found, &ready.bound.filled_columns(), opened.answers)?;
    let mut issues: Vec<StoredIssue> = found.notes.iter().map(StoredIssue::from).collect();
    issues.extend(ready.notes());
    let (matching, intake, now) = (reader.matching(), view.intake, shop.world.clock.now());
    issues.extend(shop.ledger.ask_blocking(move |ledger| ledger.reconcile(intake, &matching, now))?);
    pass(Point::Reconciled);
    shop.ledger.ask_blocking(move |ledger| ledger.accept(intake, &reading, &issues, now))?;
    pass(Point::Accepted);
    Ok(Some(Staged::Accepted))
}

/// Lists lying there that have rows for a person to decide about: until they do, or take the list away, it waits.
pub(super) fn unclear(shop: &Shop, of: &Folder) -> Result<Vec<Waiting>> {
    let mut waiting = Vec::new();
    for name in of.present.iter().filter(|name| of.waiting.iter().all(|one| one.name != **name)) {
        let (folder, name) = (of.drop.folder.clone(), name.clone());
        let view = shop.ledger.ask_blocking(move |ledger| {
            let newest = ledger.newest(Some(&folder), &name)?;
            newest.map_or(Ok(None), |intake| ledger.file(intake))
        })?;
        let Some(view) = view.filter(|view| view.state == FileState::Taken) else { continue };
        for issue in view.issues.iter().filter(|issue| keeps_waiting(issue)) {
            let Some(code) = shop.catalogue.get(&issue.code) else { continue };
            let (folder, name, since) = (view.folder.clone(), view.name.clone(), view.received_at);
            let args = issue.args.clone();
            waiting.push(Waiting { folder, name, code, args, since, ends: Ends::Person, notice: false });
        }
    }
    waiting.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(waiting)
}

/// Stages every row of the list, with what it says; the inner error is why it can't be read to its end. None when told
/// to stop before that.
fn read_rows(
    shop: &Shop,
    table: &mut Table,
    mut bound: Bound,
    reader: &Reader<'_>,
    ending: &CancellationToken,
) -> Result<Option<Result<(), table::Error>>> {
    let (mut row, mut draft) = (Row::new(), Draft::default());
    let (mut rows, mut listed) = (Vec::new(), Vec::new());
    shop.ledger.ask_blocking(|ledger| ledger.begin_list())?;
    loop {
        let more = match table.read(&mut row) {
            Ok(more) => more,
            Err(error) => return Ok(Some(Err(error))),
        };
        if more {
            bound.apply(&row, &mut draft);
            let (staged, one) = reader.read(&row, &mut draft);
            rows.push(staged);
            listed.extend(one);
        }
        if !more || rows.len() >= CHUNK_ROWS {
            let (staged, read) = (std::mem::take(&mut rows), std::mem::take(&mut listed));
            shop.ledger.ask_blocking(move |ledger| {
                ledger.stage(&staged)?;
                ledger.list(&read)
            })?;
            pass(Point::RowsStaged);
            if more && ending.is_cancelled() {
                return Ok(None);
            }
        }
        if !more {
            return Ok(Some(Ok(())));
        }
    }
}

/// What of a list's row is compared.
struct Reader<'a> {
    schema: &'a Schema,
    targets: &'a [Target],
    forced: bool,
    id: usize,
    /// Fields that both sides have.
    compared: Vec<usize>,
    /// Whether they tell rows apart where no number does.
    by_content: bool,
}

impl<'a> Reader<'a> {
    fn new(ready: &'a Ready) -> Self {
        let schema = &ready.schema;
        let own = [schema.number_field, schema.registration_field];
        let fields = schema.fields.iter().enumerate().filter(|(index, field)| {
            // What a person wrote, and what only one side has, tells nothing.
            let tells = field.identifies || matches!(field.kind, Kind::Integer { .. });
            tells && !own.contains(index) && ready.bound.reads(*index)
        });
        let compared: Vec<usize> = fields.map(|(index, _)| index).collect();
        let by_content = compared.len() >= LEAST_FIELDS
            && [schema.type_field, schema.date_field].iter().all(|field| compared.contains(field));
        let id = schema.field(LISTED_ID).unwrap_or_default();
        Self { schema, targets: &ready.targets, forced: ready.forced, id, compared, by_content }
    }

    /// How the ledger finds the same in its own rows.
    fn matching(&self) -> Matching {
        let name =
            |index: usize| self.schema.fields.get(index).map_or(String::new(), |field| field.name.clone());
        Matching {
            sections: self.targets.iter().map(|target| target.name.to_string()).collect(),
            fields: self.compared.iter().map(|index| (name(*index), self.is_day(*index))).collect(),
            by_content: self.by_content,
            day: name(self.schema.date_field),
            registration: name(self.schema.registration_field),
            by_row: self
                .targets
                .iter()
                .filter(|one| one.registration.is_none())
                .map(|one| one.name.to_string())
                .collect(),
        }
    }

    fn is_day(&self, index: usize) -> bool {
        self.schema.fields.get(index).is_some_and(|field| matches!(field.kind, Kind::Date | Kind::DateTime))
    }

    /// Whether a row shows another registration number than its section sends under; where that has none of its own,
    /// the number itself.
    fn registered(&self, section: &str, shown: &str) -> (bool, Option<String>) {
        let target = self.targets.iter().find(|target| &*target.name == section);
        match target.and_then(|target| target.registration.as_ref()) {
            Some(ours) => (!shown.is_empty() && !ours.expose_secret().eq_ignore_ascii_case(shown), None),
            None => (false, Some(shown.to_ascii_uppercase()).filter(|shown| !shown.is_empty())),
        }
    }

    /// A row as it is staged, and what is compared of it; nothing where it could not be read.
    fn read(&self, row: &Row, draft: &mut Draft) -> (StagedRow, Option<Listed>) {
        let found = row.issues().iter().chain(&draft.issues);
        let mut issues: Vec<StoredIssue> = found.clone().map(StoredIssue::from).collect();
        let good = !found.clone().any(Issue::is_error) && !row.is_mended();
        let ignored = draft.ignored.take();
        let text = |index: usize| draft.value(index).map(plain).unwrap_or_default();
        let id = text(self.id);
        let section = if self.forced {
            self.targets.first().map(|target| &target.name)
        } else {
            draft.destination.as_ref()
        };
        let listed = section.filter(|_| good && ignored.is_none() && is_remote_id(&id)).map(|section| {
            let (elsewhere, registration) = self.registered(section, &text(self.schema.registration_field));
            Listed {
                row: row.number(),
                section: section.to_string(),
                id,
                elsewhere,
                registration,
                number: Some(text(self.schema.number_field)).filter(|number| !number.is_empty()),
                day: draft.value(self.schema.date_field).and_then(Value::as_day),
                content: self.compared.iter().map(|index| text(*index)).collect(),
            }
        });
        if let Some(reason) = ignored {
            issues.push(told(&codes::BY_RULE, [reason.to_string()]));
        } else if listed.is_none() {
            issues.push(told(&codes::LIST_UNREAD, []));
        }
        (StagedRow { row: row.number(), issues, record: None }, listed)
    }
}

/// A value as both sides write it: of a moment only its day, which is all that lists are sure to show.
fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) => text.trim().to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::DateTime(_) | Value::Date(_) => value.as_day().map(|day| day.to_string()).unwrap_or_default(),
    }
}
