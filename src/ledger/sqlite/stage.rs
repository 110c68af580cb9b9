//! Staging: rows come in chunks under an intake that may not act yet, and are judged against what is known.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::NaiveDate;
use rusqlite::types::Null;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::many::{self, MANY, text};
use super::record::{self, Known, differences, told, told_of};
use super::{Sqlite, issues_text, json, stamp};
use crate::ledger::core::{Judgement, Life as _, Met, RecordState, Way, judge};
use crate::ledger::{Accept, Error, FactKey, Own, Plan, StagedRecord, StagedRow, codes};
use crate::model::CodeInfo;

/// What staging remembers between chunks.
#[derive(Debug, Clone)]
pub(super) struct Staging {
    pub(super) intake: i64,
    pub(super) sha256: String,
    pub(super) ledger: String,
    /// By the plan's section index: name, realm, scope.
    sections: Vec<(String, i64, i64)>,
    pub(super) ignore: Vec<String>,
    /// The newest earlier intake of the same content.
    again_of: Option<i64>,
    accept: Accept,
    /// Rows staged so far: acceptance wants to find exactly these.
    pub(super) rows: i64,
    /// Whether any row names another (`rx_ref`).
    pub(super) names_rows: bool,
}

impl Sqlite {
    /// Forgets what an earlier, interrupted staging of the intake left, and states under what it is staged now.
    pub(super) fn begin_staging(&mut self, plan: &Plan) -> Result<bool, Error> {
        let realms = self.realms.clone();
        let ledger = self.id.clone();
        let tx = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        if is_over(&tx, plan.intake)? {
            return Ok(false);
        }
        clear_stagings(&tx, plan.intake)?;
        let sections = scopes(&tx, &realms, plan)?;
        let again_of = earlier_of_same_content(&tx, plan, sections.first().map(|(_, realm, _)| *realm))?;
        tx.prepare_cached(
            "UPDATE intakes SET state = 'staging', mapping = ?2, ignored_fields = ?3, sections = ?4, realm_id = ?5,
                accept = ?6, again_of = ?7, layout = ?8 WHERE id = ?1",
        )?
        .execute(params![
            plan.intake,
            json(&plan.mapping)?,
            json(&plan.ignore)?,
            json(&plan.sections)?,
            sections.first().map(|(_, realm, _)| *realm),
            plan.accept.word(),
            again_of,
            plan.layout
        ])?;
        tx.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS met_keys (scope_id INTEGER, key TEXT, times INTEGER, record_id INTEGER,
                PRIMARY KEY (scope_id, key)) WITHOUT ROWID; DELETE FROM met_keys;
             CREATE TEMP TABLE IF NOT EXISTS former_keys (scope_id INTEGER, key TEXT,
                PRIMARY KEY (scope_id, key)) WITHOUT ROWID; DELETE FROM former_keys;",
        )?;
        if let Some(former) = super::accept::former_of(&tx, plan.intake)?.filter(|_| !plan.keyed) {
            tx.execute(
                "INSERT OR IGNORE INTO temp.former_keys SELECT scope_id, key FROM facts WHERE intake_id = ?1",
                [former.intake],
            )?;
        }
        let sha256 =
            tx.query_row("SELECT sha256 FROM intakes WHERE id = ?1", [plan.intake], |row| row.get(0))?;
        tx.commit()?;
        self.staging = Some(Staging {
            intake: plan.intake,
            sha256,
            ledger,
            sections,
            ignore: plan.ignore.clone(),
            again_of,
            accept: plan.accept,
            rows: 0,
            names_rows: false,
        });
        Ok(true)
    }

    /// Takes one chunk of rows: one commit.
    pub(super) fn stage_rows(&mut self, rows: &[StagedRow]) -> Result<(), Error> {
        let Some(staging) = self.staging.clone() else { return Err(Error::Order("rows before a plan")) };
        let tx = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        require_staging(&tx, staging.intake)?;
        let mut next = next_record(&tx)?;
        for run in rows.chunk_by(|one, next| staging.is_plain(one) && staging.is_plain(next)) {
            for run in run.chunks(MANY) {
                Run { tx: &tx, staging: &staging, rows: run }.stage(&mut next)?;
            }
        }
        tx.commit()?;
        if let Some(staging) = &mut self.staging {
            staging.rows += i64::try_from(rows.len()).unwrap_or_default();
            staging.names_rows |=
                rows.iter().filter_map(|row| row.record.as_ref()).any(|one| one.reference.is_some());
        }
        Ok(())
    }
}

/// Somebody may have set the file aside meanwhile: then what is staged counts for nothing.
pub(super) fn require_staging(conn: &Connection, intake: i64) -> Result<(), Error> {
    let state: String =
        conn.query_row("SELECT state FROM intakes WHERE id = ?1", [intake], |row| row.get(0))?;
    if state == "staging" {
        Ok(())
    } else {
        Err(Error::Order("a file was set aside while its rows were staged"))
    }
}

/// Whether a file's rows act already, or never will: then nothing of it is staged or set aside any more.
fn is_over(conn: &Connection, intake: i64) -> Result<bool, Error> {
    let over = "SELECT state IN ('taken', 'merged', 'withdrawn') FROM intakes WHERE id = ?1";
    Ok(conn.prepare_cached(over)?.query_row([intake], |row| row.get(0))?)
}

/// Drops what interrupted stagings left: nothing may wait behind rows that never came.
fn clear_stagings(tx: &Transaction<'_>, intake: i64) -> Result<(), Error> {
    let mut found = tx.prepare("SELECT id FROM intakes WHERE state = 'staging' OR id = ?1")?;
    let stagings: Vec<i64> = found.query_map([intake], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for staging in stagings {
        clear(tx, staging)?;
        tx.execute("UPDATE intakes SET state = 'received' WHERE id = ?1 AND state = 'staging'", [staging])?;
    }
    Ok(())
}

impl Staging {
    /// Whether all that a row can meet is the live row of its own fact.
    fn is_plain(&self, row: &StagedRow) -> bool {
        row.record.as_ref().is_none_or(|record| {
            self.again_of.is_none()
                && record.own != Own::BeforeStart
                && record.number.is_none()
                && record.reference.is_none()
        })
    }

    fn section(&self, record: &StagedRecord) -> Option<&(String, i64, i64)> {
        record.section.and_then(|index| self.sections.get(index))
    }
}

/// Rows that are written together: plain ones, or a single one that is not. Nearly always none of them meets
/// anything, and three statements stage them all.
struct Run<'a> {
    tx: &'a Transaction<'a>,
    staging: &'a Staging,
    rows: &'a [StagedRow],
}

/// A row of the ledger's `rows`.
struct Written<'a> {
    row: &'a StagedRow,
    issues: Option<String>,
    record: Option<i64>,
}

impl Run<'_> {
    /// Stages the rows; their records get the ids from `next` on.
    fn stage(&self, next: &mut i64) -> Result<(), Error> {
        let mut written = Vec::with_capacity(self.rows.len());
        let mut newcomers = Vec::with_capacity(self.rows.len());
        for row in self.rows {
            let issues = issues_text(&row.issues)?;
            written.push(Written { row, issues, record: row.record.as_ref().map(|_| *next) });
            if let Some(staged) = &row.record {
                let scope = self.staging.section(staged).map(|(.., scope)| *scope);
                let (tx, staging, row) = (self.tx, self.staging, row.row);
                newcomers.push(Newcomer { tx, staging, row, staged, id: *next, scope });
                *next += 1;
            }
        }
        self.write_rows(&written)?;
        write_records(self.tx, self.staging, &newcomers)?;
        write_doubts(self.tx, &newcomers)?;
        write_contents(self.tx, &newcomers)?;
        self.place(&newcomers)
    }

    fn write_rows(&self, rows: &[Written<'_>]) -> Result<(), Error> {
        many::run(
            self.tx,
            "INSERT INTO rows (intake_id, row_no, ignored, issues, record_id) VALUES {rows}",
            "(?,?,?,?,?)",
            rows,
            |one| {
                [
                    self.staging.intake.into(),
                    one.row.row.into(),
                    one.record.is_none().into(),
                    text(one.issues.as_deref()),
                    one.record.map_or_else(|| Null.into(), Into::into),
                ]
            },
        )?;
        Ok(())
    }

    /// Gives each its place among the facts. The database itself says whose fact is not live yet, in the same
    /// statement that makes it live; only the others have met somebody.
    fn place(&self, newcomers: &[Newcomer<'_>]) -> Result<(), Error> {
        if !self.rows.iter().all(|row| self.staging.is_plain(row)) {
            return newcomers.iter().try_for_each(Newcomer::settle_place);
        }
        let facts: Vec<(&Newcomer<'_>, i64, Cow<'_, str>)> = newcomers
            .iter()
            .filter_map(|one| Some((one, one.scope?, first_key(one.staged.fact.as_ref()?))))
            .collect();
        let placed = many::run(
            self.tx,
            "INSERT OR IGNORE INTO facts (intake_id, row_no, part, scope_id, key, record_id, live) VALUES {rows}",
            "(?,?,0,?,?,?,1)",
            &facts,
            |(one, scope, key)| {
                [self.staging.intake.into(), one.row.into(), (*scope).into(), (&**key).into(), one.id.into()]
            },
        )?;
        if placed == facts.len() {
            return Ok(());
        }
        let mut found = self
            .tx
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM facts WHERE intake_id = ?1 AND row_no = ?2)")?;
        for (one, ..) in &facts {
            if !found.query_row(params![self.staging.intake, one.row], |row| row.get::<_, bool>(0))? {
                one.settle_place()?;
            }
        }
        Ok(())
    }
}

/// The id that the next record gets: above every one that was ever given.
fn next_record(conn: &Connection) -> Result<i64, Error> {
    Ok(conn
        .prepare_cached("SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'records'")?
        .query_row([], |row| row.get(0))?)
}

fn write_contents(tx: &Transaction<'_>, newcomers: &[Newcomer<'_>]) -> Result<(), Error> {
    let contents: Vec<(i64, &str)> =
        newcomers.iter().filter_map(|one| Some((one.id, one.staged.members.as_deref()?))).collect();
    many::run(
        tx,
        "INSERT INTO contents (record_id, members) VALUES {rows}",
        "(?,?)",
        &contents,
        |(record, members)| [(*record).into(), (*members).into()],
    )?;
    Ok(())
}

/// Few records are in doubt: the statement that writes all of them need not know.
fn write_doubts(tx: &Transaction<'_>, newcomers: &[Newcomer<'_>]) -> Result<(), Error> {
    for (one, doubt) in newcomers.iter().filter_map(|one| Some((one, one.staged.doubt.as_ref()?))) {
        tx.prepare_cached("UPDATE records SET doubt = ?2 WHERE id = ?1")?
            .execute(params![one.id, json(&[doubt])?])?;
    }
    Ok(())
}

/// The texts of a record that are made for the ledger.
struct Texts<'a> {
    one: &'a Newcomer<'a>,
    until: Option<String>,
    reverse_until: Option<String>,
    reason: Option<String>,
    document: Option<String>,
}

fn write_records(tx: &Transaction<'_>, staging: &Staging, newcomers: &[Newcomer<'_>]) -> Result<(), Error> {
    let texts = newcomers.iter().map(|one| one.texts(staging.accept)).collect::<Result<Vec<_>, _>>()?;
    many::run(
        tx,
        "INSERT INTO records (id, intake_id, row_no, realm_id, section, state, valid, until, reverse_until,
            reason, doc_intake, document, mapped_number) VALUES {rows}",
        "(?,?,?,?,?,?,?,?,?,?,?,?,?)",
        &texts,
        |Texts { one, until, reverse_until, reason, document }| {
            let section = staging.section(one.staged);
            [
                one.id.into(),
                staging.intake.into(),
                one.row.into(),
                section.map_or_else(|| Null.into(), |(_, realm, _)| (*realm).into()),
                text(section.map(|(name, ..)| name.as_str())),
                one.first_state().word().into(),
                (one.staged.own != Own::Refused).into(),
                text(until.as_deref()),
                text(reverse_until.as_deref()),
                text(reason.as_deref()),
                staging.intake.into(),
                text(document.as_deref()),
                text(one.staged.number.as_deref()),
            ]
        },
    )?;
    Ok(())
}

/// A record on its way in, looking for its place among the facts.
struct Newcomer<'a> {
    tx: &'a Transaction<'a>,
    staging: &'a Staging,
    row: u32,
    staged: &'a StagedRecord,
    id: i64,
    scope: Option<i64>,
}

/// In place of a scope, for rows that name another: two that name the same are a key twice in one file.
const NAMED_ROWS: i64 = -1;

/// A newcomer's own fact.
struct OwnFact {
    scope: i64,
    key: String,
    live: Option<Known>,
    weak: bool,
}

/// The earlier row that a newcomer is about, apart from its fact.
enum Target {
    None,
    Row(Way, Box<Known>),
    UnknownName,
}

/// What is to become of a newcomer.
#[derive(Debug, Default)]
struct Place {
    /// The record whose place it takes on acceptance.
    takes: Option<Known>,
    /// Whether its fact may be live at once.
    live: bool,
    /// The verdict that stops it, with the record met.
    stopped: Option<(Judgement, Way, Known)>,
}

impl Newcomer<'_> {
    fn first_state(&self) -> RecordState {
        match self.staged.own {
            Own::Ready if self.staged.doubt.is_some() => RecordState::Held,
            Own::Ready => RecordState::Ready,
            Own::Refused => RecordState::Refused,
            Own::BeforeStart => RecordState::Ignored,
        }
    }

    fn texts(&self, accept: Accept) -> Result<Texts<'_>, Error> {
        let reason = match self.staged.own {
            Own::BeforeStart => self
                .staged
                .report_from
                .map(|from| told(&codes::BEFORE_START, [from.format("%d.%m.%Y").to_string()])),
            Own::Ready => self.staged.doubt.clone(),
            Own::Refused => None,
        };
        Ok(Texts {
            one: self,
            until: self.staged.until.map(|day| day.to_string()),
            reverse_until: self.staged.reverse_until.map(|day| day.to_string()),
            reason: issues_text(reason.as_slice())?,
            document: document(accept, self.staged),
        })
    }

    fn settle_place(&self) -> Result<(), Error> {
        if self.number_is_taken()? {
            return self.refuse(&codes::NUMBER_TAKEN);
        }
        let mut place = Place { live: true, ..Place::default() };
        let fact = self.own_fact()?;
        match self.named_or_same_content()? {
            Target::None => {}
            Target::Row(way, known) => self.meet_target(&mut place, way, *known)?,
            Target::UnknownName => {
                let reason = [told(&codes::UNKNOWN_REF, [])];
                return record::set(self.tx, self.id, RecordState::Held, None, None, &reason);
            }
        }
        if self.staged.own == Own::BeforeStart {
            place.live = false;
        }
        if let (Some(fact), None) = (&fact, &place.stopped) {
            self.meet_fact(&mut place, fact)?;
        }
        self.write(&place, fact.map(|fact| (fact.scope, fact.key)))
    }

    /// The record this row names, or the same row of the same content.
    fn named_or_same_content(&self) -> Result<Target, Error> {
        if let Some(reference) = &self.staged.reference {
            let known = match parse_reference(reference, &self.staging.ledger) {
                Some((intake, row)) => record::of_row(self.tx, intake, row)?,
                None => None,
            };
            let Some(known) = known.filter(|known| self.is_of_my_realm(known)) else {
                return Ok(Target::UnknownName);
            };
            self.join_document(&known)?;
            return Ok(Target::Row(Way::Named, Box::new(record::in_place_of(self.tx, known)?)));
        }
        let Some(again_of) = self.staging.again_of else { return Ok(Target::None) };
        let known = record::of_row(self.tx, again_of, self.row)?;
        let Some(known) = known.filter(|known| self.is_of_my_realm(known)) else { return Ok(Target::None) };
        Ok(Target::Row(Way::SameContent, Box::new(record::in_place_of(self.tx, known)?)))
    }

    /// Whether both count together: one system, environment and registration. What never got so far is anybody's.
    fn is_of_my_realm(&self, known: &Known) -> bool {
        let mine = self.staging.section(self.staged).map(|(_, realm, _)| *realm);
        mine.is_none() || known.realm.is_none() || mine == known.realm
    }

    /// A repaired row belongs to the document of the row it names.
    fn join_document(&self, known: &Known) -> Result<(), Error> {
        self.tx
            .prepare_cached("UPDATE records SET doc_intake = ?2, document = ?3 WHERE id = ?1")?
            .execute(params![self.id, known.doc_intake, known.document])?;
        Ok(())
    }

    fn meet_target(&self, place: &mut Place, way: Way, known: Known) -> Result<(), Error> {
        if known.intake == self.staging.intake {
            return Ok(());
        }
        if way == Way::Named {
            self.meet_brother(place, NAMED_ROWS, &known.id.to_string())?;
            if place.stopped.is_some() {
                return Ok(());
            }
        }
        match self.verdict(way, &known, false) {
            Some(Judgement::TakesPlace | Judgement::Anew) => {
                place.live = false;
                place.takes = Some(known);
            }
            Some(verdict) => {
                let root = self.root(known)?;
                place.stopped = Some((verdict, way, root));
            }
            None => place.live = false,
        }
        Ok(())
    }

    /// What stands behind a record that only repeats or waits for another.
    fn root(&self, known: Known) -> Result<Known, Error> {
        let repeats =
            matches!(known.state, RecordState::Duplicate | RecordState::Behind | RecordState::Reversed);
        match known.of_record.filter(|_| repeats) {
            Some(of) => Ok(record::get(self.tx, of)?.unwrap_or(known)),
            None => Ok(known),
        }
    }

    /// Its own fact with the live record of it. Equal rows of one file without a key are counted: the n-th of this
    /// file meets the n-th known.
    fn own_fact(&self) -> Result<Option<OwnFact>, Error> {
        let (Some(scope), Some(fact)) = (self.scope, &self.staged.fact) else { return Ok(None) };
        let base = match fact {
            FactKey::Strong(key) => {
                let live = record::live(self.tx, scope, key)?;
                return Ok(Some(OwnFact { scope, key: key.clone(), live, weak: false }));
            }
            FactKey::Weak(base) => base,
        };
        let first = weak_key(base, 1);
        let Some(known) = record::live(self.tx, scope, &first)? else {
            return Ok(Some(OwnFact { scope, key: first, live: None, weak: true }));
        };
        let times = self.count_of(scope, base, i64::from(known.intake == self.staging.intake))?;
        let key = weak_key(base, times);
        let live = if times == 1 { Some(known) } else { record::live(self.tx, scope, &key)? };
        Ok(Some(OwnFact { scope, key, live, weak: true }))
    }

    fn meet_fact(&self, place: &mut Place, fact: &OwnFact) -> Result<(), Error> {
        let taken = place.takes.as_ref().map(|taken| taken.id);
        let known = fact.live.clone().filter(|known| Some(known.id) != taken);
        if fact.weak {
            if let Some(known) = known {
                let again = known.sha256 == self.staging.sha256 || self.former_has(fact.scope, &fact.key)?;
                self.meet(place, if again { Way::WeakAgain } else { Way::WeakElsewhere }, known, false)?;
            }
            return Ok(());
        }
        let Some(known) = known else {
            if taken.is_some() {
                self.meet_brother(place, fact.scope, &fact.key)?;
                // A key that nobody has yet is its own at once: the next row with it must meet this one.
                place.live = fact.live.is_none() && self.staged.own != Own::BeforeStart;
            }
            return Ok(());
        };
        let same_file = known.intake == self.staging.intake;
        self.meet(place, Way::Key, known, same_file)?;
        if !same_file && place.stopped.is_none() {
            self.meet_brother(place, fact.scope, &fact.key)?;
        }
        Ok(())
    }

    /// Two rows of this file that both want the place of one earlier record are a key twice in one file.
    fn meet_brother(&self, place: &mut Place, scope: i64, key: &str) -> Result<(), Error> {
        let brother: Option<i64> = self
            .tx
            .prepare_cached("SELECT record_id FROM temp.met_keys WHERE scope_id = ?1 AND key = ?2")?
            .query_row(params![scope, key], |row| row.get(0))
            .optional()?;
        if let Some(brother) = brother.map_or(Ok(None), |id| record::get(self.tx, id))? {
            // The same row of the same content stays itself, read anew; any other place is contested.
            place.takes = place.takes.take().filter(|taken| self.is_this_row(taken));
            place.stopped = Some((Judgement::TwiceInFile, Way::Key, brother));
            return Ok(());
        }
        self.tx
            .prepare_cached(
                "INSERT INTO temp.met_keys (scope_id, key, times, record_id) VALUES (?1, ?2, 1, ?3)",
            )?
            .execute(params![scope, key, self.id])?;
        Ok(())
    }

    fn is_this_row(&self, earlier: &Known) -> bool {
        Some(earlier.intake) == self.staging.again_of && earlier.row == self.row
    }

    fn former_has(&self, scope: i64, key: &str) -> Result<bool, Error> {
        Ok(self
            .tx
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM temp.former_keys WHERE scope_id = ?1 AND key = ?2)",
            )?
            .query_row(params![scope, key], |row| row.get(0))?)
    }

    fn count_of(&self, scope: i64, base: &str, seen: i64) -> Result<i64, Error> {
        let times = self
            .tx
            .prepare_cached(
                "INSERT INTO temp.met_keys (scope_id, key, times, record_id) VALUES (?1, ?2, ?3, 0)
                 ON CONFLICT (scope_id, key) DO UPDATE SET times = times + 1 RETURNING times",
            )?
            .query_row(params![scope, base, seen + 1], |row| row.get(0))?;
        Ok(times)
    }

    fn meet(&self, place: &mut Place, way: Way, known: Known, same_file: bool) -> Result<(), Error> {
        if let Some(stopped) = self.sibling(way, &known)? {
            place.stopped = Some(stopped);
            return Ok(());
        }
        match self.verdict(way, &known, same_file) {
            Some(Judgement::TakesPlace | Judgement::Anew) => {
                place.live = false;
                place.takes.get_or_insert(known);
            }
            None => place.live = false,
            Some(verdict) => place.stopped = Some((verdict, way, known)),
        }
        Ok(())
    }

    /// An equal row that a person already decided about beside the live one: sent as a transaction of its own, or
    /// dropped. It counts before the live one does.
    fn sibling(&self, way: Way, known: &Known) -> Result<Option<(Judgement, Way, Known)>, Error> {
        if way == Way::SameContent || self.staged.own != Own::Ready || known.intake == self.staging.intake {
            return Ok(None);
        }
        let decided = record::select(
            self.tx,
            "r.of_record = ?1 AND (r.state = 'ignored' OR (r.released = 1 AND r.state <> 'held'))",
            &[&known.id],
        )?;
        for other in decided {
            let same = match (&self.staged.members, &other.members) {
                (Some(one), Some(two)) => differences(one, two, &self.staging.ignore).is_empty(),
                _ => false,
            };
            if same && !other.state.gives_way() {
                let met = Met { way, state: other.state, same_file: false, same_members: true };
                return Ok(Some((judge(&met), way, other)));
            }
        }
        Ok(None)
    }

    /// None: it stands as it is, without becoming the fact's live row.
    fn verdict(&self, way: Way, known: &Known, same_file: bool) -> Option<Judgement> {
        let differs = self.differs(way, known);
        let met = Met { way, state: known.state, same_file, same_members: differs.is_empty() };
        let verdict = judge(&met);
        match self.staged.own {
            Own::Ready => Some(verdict),
            Own::BeforeStart => {
                let again = way == Way::SameContent && verdict == Judgement::TakesPlace;
                Some(verdict).filter(|verdict| again || *verdict == Judgement::Duplicate)
            }
            Own::Refused if way == Way::SameContent => Some(verdict),
            Own::Refused => Some(verdict).filter(|verdict| *verdict == Judgement::TakesPlace),
        }
    }

    fn differs(&self, way: Way, known: &Known) -> Vec<String> {
        match (way, &self.staged.members, &known.members) {
            (Way::WeakAgain | Way::WeakElsewhere, ..) => Vec::new(),
            (_, Some(one), Some(other)) => differences(one, other, &self.staging.ignore),
            _ => vec![String::new()],
        }
    }

    fn write(&self, place: &Place, key: Option<(i64, String)>) -> Result<(), Error> {
        if let Some((verdict, way, met)) = &place.stopped {
            self.stop(*verdict, *way, met)?;
        }
        let live = place.live && place.stopped.is_none();
        if let Some((scope, key)) = key {
            self.tx
                .prepare_cached(
                    "INSERT INTO facts (intake_id, row_no, part, scope_id, key, record_id, live)
                     VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![self.staging.intake, self.row, scope, key, self.id, live])?;
        }
        if let Some(taken) = &place.takes {
            self.tx
                .prepare_cached("UPDATE records SET older = ?2 WHERE id = ?1")?
                .execute(params![self.id, taken.id])?;
        }
        Ok(())
    }

    fn stop(&self, verdict: Judgement, way: Way, met: &Known) -> Result<(), Error> {
        if verdict == Judgement::TwiceInFile && (met.state == RecordState::Ready || met.only_doubted()) {
            let reason = [told(&codes::TWICE, [self.row.to_string()])];
            record::set(self.tx, met.id, RecordState::Held, Some(Way::Key), None, &reason)?;
        }
        let (state, code) = stopped_as(verdict);
        let state = if self.staged.own == Own::Refused && state == RecordState::Held {
            RecordState::Refused
        } else {
            state
        };
        let reason = match verdict {
            Judgement::Ignored => record::reason(self.tx, met.id)?,
            _ => vec![told_of(code, met, &self.differs(way, met))],
        };
        record::set(self.tx, self.id, state, Some(way), Some(met.id), &reason)
    }

    fn refuse(&self, code: &CodeInfo) -> Result<(), Error> {
        self.tx
            .prepare_cached("UPDATE records SET valid = 0, mapped_number = NULL WHERE id = ?1")?
            .execute([self.id])?;
        record::set(self.tx, self.id, RecordState::Refused, None, None, &[told(code, [])])
    }

    /// A mapped number must not be one we issued, nor another fact's.
    fn number_is_taken(&self) -> Result<bool, Error> {
        let Some(number) = &self.staged.number else { return Ok(false) };
        if self.was_issued(number)? {
            return Ok(true);
        }
        let others = record::select(
            self.tx,
            "r.mapped_number = ?1 AND r.id <> ?2 AND r.newer IS NULL AND r.state <> 'refused'
             AND r.realm_id = (SELECT realm_id FROM records WHERE id = ?2)",
            &[number, &self.id],
        )?;
        for other in others {
            if !self.is_same_fact(&other)? && self.staged.reference.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_same_fact(&self, other: &Known) -> Result<bool, Error> {
        let mut keys =
            self.tx.prepare_cached("SELECT key FROM facts WHERE intake_id = ?1 AND row_no = ?2")?;
        let keys: Vec<String> =
            keys.query_map(params![other.intake, other.row], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(keys.iter().any(|key| match &self.staged.fact {
            Some(FactKey::Strong(mine)) => mine == key,
            Some(FactKey::Weak(mine)) => key.rsplit_once('#').is_some_and(|(base, _)| base == mine),
            None => false,
        }))
    }

    fn was_issued(&self, number: &str) -> Result<bool, Error> {
        let known: bool = self
            .tx
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM transactions t JOIN records r ON r.id = t.record_id
                  WHERE t.number = ?1 AND r.mapped_number IS NULL)",
            )?
            .query_row([number], |row| row.get(0))?;
        Ok(known)
    }
}

/// The state and the code of a verdict that stops a row.
pub(super) fn stopped_as(verdict: Judgement) -> (RecordState, &'static CodeInfo) {
    match verdict {
        Judgement::Duplicate => (RecordState::Duplicate, &codes::DUPLICATE),
        Judgement::Change => (RecordState::Held, &codes::CHANGE),
        Judgement::Reversed => (RecordState::Reversed, &codes::REVERSED),
        Judgement::PossibleDouble => (RecordState::Held, &codes::DOUBLE),
        Judgement::TwiceInFile => (RecordState::Held, &codes::TWICE),
        Judgement::Ignored => (RecordState::Ignored, &codes::DROPPED),
        Judgement::Behind | Judgement::TakesPlace | Judgement::Anew => (RecordState::Behind, &codes::BEHIND),
    }
}

fn weak_key(base: &str, times: i64) -> String {
    format!("{base}#{times}")
}

/// The key of a fact that nobody else has.
fn first_key(fact: &FactKey) -> Cow<'_, str> {
    match fact {
        FactKey::Strong(key) => Cow::Borrowed(key),
        FactKey::Weak(base) => Cow::Owned(weak_key(base, 1)),
    }
}

fn document(accept: Accept, staged: &StagedRecord) -> Option<String> {
    match accept {
        Accept::GoodRows => None,
        Accept::WholeDocument => staged.document.clone(),
        Accept::WholeFile => Some(String::new()),
    }
}

/// `LEDGER-INTAKE-ROW` of this ledger.
pub(super) fn parse_reference(reference: &str, ledger: &str) -> Option<(i64, u32)> {
    let mut parts = reference.trim().split('-');
    let (id, intake, row) = (parts.next()?, parts.next()?, parts.next()?);
    if id != ledger || parts.next().is_some() {
        return None;
    }
    Some((intake.parse().ok()?, row.parse().ok()?))
}

/// Drops everything staged under an intake.
pub(super) fn clear(tx: &Transaction<'_>, intake: i64) -> Result<(), Error> {
    let staged: bool =
        tx.query_row("SELECT EXISTS (SELECT 1 FROM rows WHERE intake_id = ?1)", [intake], |row| row.get(0))?;
    if staged {
        for (table, id) in [("contents", "record_id"), ("records", "id")] {
            tx.execute(
                &format!(
                    "DELETE FROM {table} WHERE {id} IN (SELECT record_id FROM rows WHERE intake_id = ?1)"
                ),
                [intake],
            )?;
        }
        for table in ["facts", "rows"] {
            tx.execute(&format!("DELETE FROM {table} WHERE intake_id = ?1"), [intake])?;
        }
    }
    Ok(())
}

fn scopes(
    tx: &Transaction<'_>,
    realms: &HashMap<String, i64>,
    plan: &Plan,
) -> Result<Vec<(String, i64, i64)>, Error> {
    let mut found = Vec::with_capacity(plan.sections.len());
    for section in &plan.sections {
        let realm = *realms.get(section).ok_or(Error::Order("a section that is not configured"))?;
        tx.execute(
            "INSERT OR IGNORE INTO scopes (realm_id, name) VALUES (?1, ?2)",
            params![realm, plan.scope],
        )?;
        let scope = tx.query_row(
            "SELECT id FROM scopes WHERE realm_id = ?1 AND name = ?2",
            params![realm, plan.scope],
            |row| row.get(0),
        )?;
        found.push((section.clone(), realm, scope));
    }
    Ok(found)
}

/// The newest earlier file of the same bytes under the same layout; of a second reading, the file itself.
fn earlier_of_same_content(conn: &Connection, plan: &Plan, realm: Option<i64>) -> Result<Option<i64>, Error> {
    let target: Option<i64> =
        conn.query_row("SELECT target FROM intakes WHERE id = ?1", [plan.intake], |row| row.get(0))?;
    if target.is_some() {
        return Ok(target);
    }
    let earlier = conn.query_row(
        "SELECT max(e.id) FROM intakes e JOIN intakes n ON n.id = ?1
          WHERE e.sha256 = n.sha256 AND e.id < n.id AND e.kind = 'drop' AND e.state = 'taken' AND e.realm_id IS ?2
            AND e.layout = ?3",
        params![plan.intake, realm, plan.layout],
        |row| row.get(0),
    )?;
    Ok(earlier)
}

impl Sqlite {
    /// Sets a file aside: it can't be read, waits as a whole, or is gone.
    pub(super) fn set_file_state(
        &mut self,
        intake: i64,
        state: crate::ledger::FileState,
        issues: &[crate::ledger::StoredIssue],
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<(), Error> {
        let issues = json(issues)?;
        if is_over(&self.conn, intake)? {
            return Ok(());
        }
        self.commit(now, "file", |tx| {
            clear(tx, intake)?;
            let former = super::accept::former_of(tx, intake)?;
            let reports =
                matches!(state, crate::ledger::FileState::Unreadable | crate::ledger::FileState::Held);
            if let Some(former) = former.filter(|_| reports) {
                super::accept::move_aside(tx, &former)?;
            }
            if state == crate::ledger::FileState::Withdrawn {
                // When it comes back it is a file to be taken, not one that is known.
                tx.execute("DELETE FROM sightings WHERE intake_id = ?1", [intake])?;
            }
            tx.execute(
                "UPDATE intakes SET state = ?2, issues = ?3, changed = changed + 1 WHERE id = ?1",
                params![intake, state.word(), issues],
            )?;
            Ok((
                (),
                super::Event::about(intake, serde_json::json!({"state": state.word(), "at": stamp(now)})),
            ))
        })
    }
}

/// The last day of a record as the reports show it.
pub(super) fn day_text(day: Option<NaiveDate>) -> String {
    day.map(|day| day.format("%d.%m.%Y").to_string()).unwrap_or_default()
}
