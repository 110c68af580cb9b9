//! Staging: rows come in chunks under an intake that may not act yet, and are judged against what is known.

use std::collections::HashMap;

use chrono::NaiveDate;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::record::{self, Known, differences, told, told_of};
use super::{Sqlite, issues_text, json, stamp};
use crate::ledger::states::{Judgement, Met, RecordState, Way, judge};
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
}

impl Sqlite {
    /// Forgets what an earlier, interrupted staging of the intake left, and states under what it is staged now.
    pub(super) fn begin_staging(&mut self, plan: &Plan) -> Result<(), Error> {
        let realms = self.realms.clone();
        let ledger = self.id.clone();
        let tx = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        clear(&tx, plan.intake)?;
        let sections = scopes(&tx, &realms, plan)?;
        let again_of =
            earlier_of_same_content(&tx, plan.intake, sections.first().map(|(_, realm, _)| *realm))?;
        tx.prepare_cached(
            "UPDATE intakes SET state = 'staging', mapping = ?2, ignored_fields = ?3, sections = ?4, realm_id = ?5,
                accept = ?6, again_of = ?7 WHERE id = ?1",
        )?
        .execute(params![
            plan.intake,
            json(&plan.mapping)?,
            json(&plan.ignore)?,
            json(&plan.sections)?,
            sections.first().map(|(_, realm, _)| *realm),
            plan.accept.word(),
            again_of
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
        });
        Ok(())
    }

    /// Takes one chunk of rows: one commit.
    pub(super) fn stage_rows(&mut self, rows: &[StagedRow]) -> Result<(), Error> {
        let Some(staging) = self.staging.clone() else { return Err(Error::Order("rows before a plan")) };
        let tx = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for row in rows {
            tx.prepare_cached(
                "INSERT INTO rows (intake_id, row_no, ignored, issues) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                staging.intake,
                row.row,
                row.record.is_none(),
                issues_text(&row.issues)?
            ])?;
            if let Some(record) = &row.record {
                Newcomer::insert(&tx, &staging, row.row, record)?.settle_place()?;
            }
        }
        tx.commit()?;
        Ok(())
    }
}

/// A record just inserted, looking for its place among the facts.
struct Newcomer<'a> {
    tx: &'a Transaction<'a>,
    staging: &'a Staging,
    row: u32,
    staged: &'a StagedRecord,
    id: i64,
    scope: Option<i64>,
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

impl<'a> Newcomer<'a> {
    fn insert(
        tx: &'a Transaction<'a>,
        staging: &'a Staging,
        row: u32,
        staged: &'a StagedRecord,
    ) -> Result<Self, Error> {
        let section = staged.section.and_then(|index| staging.sections.get(index));
        let state = match staged.own {
            Own::Ready => RecordState::Ready,
            Own::Refused => RecordState::Refused,
            Own::BeforeStart => RecordState::Ignored,
        };
        let reason = staged
            .report_from
            .filter(|_| staged.own == Own::BeforeStart)
            .map(|from| vec![told(&codes::BEFORE_START, [from.format("%d.%m.%Y").to_string()])]);
        tx.prepare_cached(
            "INSERT INTO records (intake_id, row_no, realm_id, section, state, valid, members, until, reverse_until,
                reason, doc_intake, document, mapped_number)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            staging.intake,
            row,
            section.map(|(_, realm, _)| *realm),
            section.map(|(name, ..)| name.as_str()),
            state.word(),
            staged.own != Own::Refused,
            staged.members,
            staged.until.map(|day| day.to_string()),
            staged.reverse_until.map(|day| day.to_string()),
            issues_text(&reason.unwrap_or_default())?,
            staging.intake,
            document(staging.accept, staged),
            staged.number,
        ])?;
        let id = tx.last_insert_rowid();
        tx.prepare_cached("INSERT INTO links (intake_id, row_no, record_id) VALUES (?1, ?2, ?3)")?
            .execute(params![staging.intake, row, id])?;
        Ok(Self { tx, staging, row, staged, id, scope: section.map(|(.., scope)| *scope) })
    }

    fn settle_place(&self) -> Result<(), Error> {
        if self.number_is_taken()? {
            return self.refuse(&codes::NUMBER_TAKEN);
        }
        let mut place = Place { live: true, ..Place::default() };
        match self.named_or_same_content()? {
            Target::None => {}
            Target::Row(way, known) => self.meet_target(&mut place, way, *known)?,
            Target::UnknownName => {
                let reason = [told(&codes::UNKNOWN_REF, [])];
                return record::set(self.tx, self.id, RecordState::Held, None, None, &reason);
            }
        }
        let key = if place.stopped.is_none() { self.meet_fact(&mut place)? } else { self.first_key() };
        self.write(&place, key)
    }

    /// The record this row names, or the same row of the same content.
    fn named_or_same_content(&self) -> Result<Target, Error> {
        if let Some(reference) = &self.staged.reference {
            let known = match parse_reference(reference, &self.staging.ledger) {
                Some((intake, row)) => record::of_row(self.tx, intake, row)?,
                None => None,
            };
            let Some(known) = known else { return Ok(Target::UnknownName) };
            self.join_document(&known)?;
            return Ok(Target::Row(Way::Named, Box::new(record::in_place_of(self.tx, known)?)));
        }
        let Some(again_of) = self.staging.again_of else { return Ok(Target::None) };
        let Some(known) = record::of_row(self.tx, again_of, self.row)? else { return Ok(Target::None) };
        Ok(Target::Row(Way::SameContent, Box::new(record::in_place_of(self.tx, known)?)))
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

    /// Meets the live record of its own fact; gives the key its fact gets.
    fn meet_fact(&self, place: &mut Place) -> Result<Option<(i64, String)>, Error> {
        let (Some(scope), Some(fact)) = (self.scope, &self.staged.fact) else { return Ok(None) };
        if self.staged.own == Own::BeforeStart {
            place.live = false;
        }
        match fact {
            FactKey::Strong(key) => self.meet_strong(place, scope, key),
            FactKey::Weak(key) => self.meet_weak(place, scope, key),
        }
    }

    fn meet_strong(&self, place: &mut Place, scope: i64, key: &str) -> Result<Option<(i64, String)>, Error> {
        let known = record::live(self.tx, scope, key)?;
        let Some(known) = known.filter(|known| place.takes.as_ref().is_none_or(|taken| taken.id != known.id))
        else {
            if place.takes.is_some() {
                self.meet_brother(place, scope, key)?;
            }
            return Ok(Some((scope, key.to_owned())));
        };
        let same_file = known.intake == self.staging.intake;
        self.meet(place, Way::Key, known, same_file);
        if !same_file && place.stopped.is_none() {
            self.meet_brother(place, scope, key)?;
        }
        Ok(Some((scope, key.to_owned())))
    }

    /// Two rows of this file that both want the place of one earlier record are a key twice in one file.
    fn meet_brother(&self, place: &mut Place, scope: i64, key: &str) -> Result<(), Error> {
        let brother: Option<i64> = self
            .tx
            .prepare_cached("SELECT record_id FROM temp.met_keys WHERE scope_id = ?1 AND key = ?2")?
            .query_row(params![scope, key], |row| row.get(0))
            .optional()?;
        if let Some(brother) = brother.map_or(Ok(None), |id| record::get(self.tx, id))? {
            place.takes = None;
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

    /// Without a key, equal rows of one file are counted: the n-th of this file meets the n-th known.
    fn meet_weak(&self, place: &mut Place, scope: i64, base: &str) -> Result<Option<(i64, String)>, Error> {
        let first = weak_key(base, 1);
        let Some(known) = record::live(self.tx, scope, &first)? else { return Ok(Some((scope, first))) };
        let same_file = known.intake == self.staging.intake;
        let times = self.count_of(scope, base, i64::from(same_file))?;
        let key = weak_key(base, times);
        let known = if times == 1 { Some(known) } else { record::live(self.tx, scope, &key)? };
        let taken = place.takes.as_ref().map(|taken| taken.id);
        if let Some(known) = known.filter(|known| Some(known.id) != taken) {
            let again = known.sha256 == self.staging.sha256 || self.former_has(scope, &key)?;
            self.meet(place, if again { Way::WeakAgain } else { Way::WeakElsewhere }, known, false);
        }
        Ok(Some((scope, key)))
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

    fn meet(&self, place: &mut Place, way: Way, known: Known, same_file: bool) {
        match self.verdict(way, &known, same_file) {
            Some(Judgement::TakesPlace | Judgement::Anew) => {
                place.live = false;
                place.takes.get_or_insert(known);
            }
            None => place.live = false,
            Some(verdict) => place.stopped = Some((verdict, way, known)),
        }
    }

    /// None: it stands as it is, without becoming the fact's live row.
    fn verdict(&self, way: Way, known: &Known, same_file: bool) -> Option<Judgement> {
        let differs = self.differs(way, known);
        let met = Met { way, state: known.state, same_file, same_members: differs.is_empty() };
        let verdict =
            if self.dropped_before(known, way).unwrap_or(false) { Judgement::Ignored } else { judge(&met) };
        match self.staged.own {
            Own::Ready => Some(verdict),
            Own::BeforeStart => Some(verdict).filter(|verdict| *verdict == Judgement::Duplicate),
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

    /// Whether a person said of an equal row, met the same way, that it is not to be reported.
    fn dropped_before(&self, known: &Known, way: Way) -> Result<bool, Error> {
        if known.state != RecordState::Accepted || way == Way::SameContent || self.staged.own != Own::Ready {
            return Ok(false);
        }
        let dropped = record::select(self.tx, "r.of_record = ?1 AND r.state = 'ignored'", &[&known.id])?;
        let same = |other: &Known| match (&self.staged.members, &other.members) {
            (Some(one), Some(two)) => differences(one, two, &self.staging.ignore).is_empty(),
            _ => false,
        };
        Ok(dropped.iter().any(same))
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
        if verdict == Judgement::TwiceInFile && met.state == RecordState::Ready {
            let reason = [told(&codes::TWICE, [self.row.to_string()])];
            record::set(self.tx, met.id, RecordState::Held, Some(Way::Key), None, &reason)?;
        }
        let (state, code) = stopped_as(verdict);
        let state = if self.staged.own == Own::Refused && state == RecordState::Held {
            RecordState::Refused
        } else {
            state
        };
        let reason = [told_of(code, met, &self.differs(way, met))];
        record::set(self.tx, self.id, state, Some(way), Some(met.id), &reason)
    }

    fn first_key(&self) -> Option<(i64, String)> {
        let key = match self.staged.fact.as_ref()? {
            FactKey::Strong(key) => key.clone(),
            FactKey::Weak(base) => weak_key(base, 1),
        };
        Some((self.scope?, key))
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
        let key: Option<String> = self
            .tx
            .prepare_cached("SELECT key FROM facts WHERE intake_id = ?1 AND row_no = ?2 AND part = 0")?
            .query_row(params![other.intake, other.row], |row| row.get(0))
            .optional()?;
        Ok(match (&self.staged.fact, &key) {
            (Some(FactKey::Strong(mine)), Some(key)) => mine == key,
            (Some(FactKey::Weak(mine)), Some(key)) => {
                key.rsplit_once('#').is_some_and(|(base, _)| base == mine)
            }
            _ => false,
        })
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
        tx.execute(
            "DELETE FROM records WHERE id IN (SELECT record_id FROM links WHERE intake_id = ?1)",
            [intake],
        )?;
        for table in ["facts", "links", "rows"] {
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

fn earlier_of_same_content(conn: &Connection, intake: i64, realm: Option<i64>) -> Result<Option<i64>, Error> {
    let earlier = conn
        .query_row(
            "SELECT coalesce(max(CASE WHEN n.kind = 'retry' THEN NULL ELSE e.id END), NULL)
               FROM intakes e JOIN intakes n ON n.id = ?1
              WHERE e.sha256 = n.sha256 AND e.id < n.id AND e.state = 'taken' AND e.realm_id IS ?2",
            params![intake, realm],
            |row| row.get(0),
        )
        .optional()?;
    Ok(earlier.flatten())
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
        self.commit(now, "file", |tx| {
            clear(tx, intake)?;
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
