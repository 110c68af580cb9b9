//! Staging: rows come in chunks under an intake that may not act yet, and are judged against what is known.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::types::Null;
use rusqlite::{Connection, Transaction, params};

use super::many::{self, MANY, text};
use super::store::SqlStore;
use super::{Event, Sqlite, issues_text, json, stamp};
use crate::ledger::core::store::told;
use crate::ledger::core::{FileEvent, FileState, Life as _, place};
use crate::ledger::{Accept, Error, Own, Plan, StagedRecord, StagedRow, codes};

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
    pub(super) fn begin_staging(&mut self, plan: &Plan, now: DateTime<Utc>) -> Result<bool, Error> {
        let realms = self.realms.clone();
        let ledger = self.id.clone();
        let tx = self.touched.begin(&mut self.conn)?;
        let Some(planned) = state_of(&tx, plan.intake)?.step(FileEvent::Planned) else { return Ok(false) };
        clear_stagings(&tx, plan.intake)?;
        let sections = scopes(&tx, &realms, plan)?;
        let again_of = earlier_of_same_content(&tx, plan, sections.first().map(|(_, realm, _)| *realm))?;
        tx.prepare_cached(
            "UPDATE intakes SET state = ?9, mapping = ?2, ignored_fields = ?3, sections = ?4, realm_id = ?5,
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
            plan.layout,
            planned.word()
        ])?;
        begin_keys(&tx, plan, again_of)?;
        let sha256 =
            tx.query_row("SELECT sha256 FROM intakes WHERE id = ?1", [plan.intake], |row| row.get(0))?;
        let event = Event::about(plan.intake, serde_json::json!({}));
        super::append_event(&tx, &self.touched, now, "staging", event)?;
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
        let Some(mut staging) = self.staging.clone() else { return Err(Error::Order("rows before a plan")) };
        staging.names_rows |=
            rows.iter().filter_map(|row| row.record.as_ref()).any(|one| one.reference.is_some());
        let tx = self.conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        require_staging(&tx, staging.intake)?;
        let mut next = next_record(&tx)?;
        for run in rows.chunk_by(|one, next| staging.is_plain(one) && staging.is_plain(next)) {
            for run in run.chunks(MANY) {
                Run { tx: &tx, staging: &staging, rows: run }.stage(&mut next)?;
            }
        }
        tx.commit()?;
        staging.rows += i64::try_from(rows.len()).unwrap_or_default();
        self.staging = Some(staging);
        Ok(())
    }
}

/// Keys met in this staging; and where rows have none of their own, those of the former file of this name and of the
/// earlier one of the same content.
fn begin_keys(tx: &Transaction<'_>, plan: &Plan, again_of: Option<i64>) -> Result<(), Error> {
    tx.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS met_keys (scope_id INTEGER, key TEXT, times INTEGER, record_id INTEGER,
            PRIMARY KEY (scope_id, key)) WITHOUT ROWID; DELETE FROM met_keys;
         CREATE TEMP TABLE IF NOT EXISTS former_keys (scope_id INTEGER, key TEXT,
            PRIMARY KEY (scope_id, key)) WITHOUT ROWID; DELETE FROM former_keys;
         CREATE TEMP TABLE IF NOT EXISTS content_keys (scope_id INTEGER, key TEXT,
            PRIMARY KEY (scope_id, key)) WITHOUT ROWID; DELETE FROM content_keys;",
    )?;
    if plan.keyed {
        return Ok(());
    }
    let former = super::accept::former_of(tx, plan.intake)?.map(|former| former.intake);
    for (table, file) in [("former_keys", former), ("content_keys", again_of)] {
        tx.execute(
            &format!(
                "INSERT OR IGNORE INTO temp.{table} SELECT scope_id, key FROM facts WHERE intake_id = ?1"
            ),
            [file],
        )?;
    }
    Ok(())
}

/// Somebody may have set the file aside meanwhile: then what is staged counts for nothing.
pub(super) fn require_staging(conn: &Connection, intake: i64) -> Result<(), Error> {
    if state_of(conn, intake)? == FileState::Staging {
        Ok(())
    } else {
        Err(Error::Order("a file was set aside while its rows were staged"))
    }
}

fn state_of(conn: &Connection, intake: i64) -> Result<FileState, Error> {
    let word: String = conn
        .prepare_cached("SELECT state FROM intakes WHERE id = ?1")?
        .query_row([intake], |row| row.get(0))?;
    FileState::from_word(&word).ok_or(Error::Order("a file in no state"))
}

/// Drops what interrupted stagings left: nothing may wait behind rows that never came.
fn clear_stagings(tx: &Transaction<'_>, intake: i64) -> Result<(), Error> {
    let mut found = tx.prepare("SELECT id FROM intakes WHERE state = 'staging' OR id = ?1")?;
    let stagings: Vec<i64> = found.query_map([intake], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for staging in stagings {
        clear(tx, staging)?;
        let dropped = FileState::Staging.after(FileEvent::Interrupted)?;
        tx.execute(
            "UPDATE intakes SET state = ?2 WHERE id = ?1 AND state = 'staging'",
            params![staging, dropped.word()],
        )?;
    }
    Ok(())
}

impl Staging {
    /// Whether all that a row can meet is the live row of its own fact. Where rows name others, equal rows without a
    /// key are counted one by one, as none of them may be live yet.
    fn is_plain(&self, row: &StagedRow) -> bool {
        row.record.as_ref().is_none_or(|record| {
            self.again_of.is_none()
                && !self.names_rows
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
            .filter_map(|one| Some((one, one.scope?, place::first_key(one.staged.fact.as_ref()?))))
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
    day: Option<String>,
    until: Option<String>,
    reverse_until: Option<String>,
    reason: Option<String>,
    document: Option<String>,
}

fn write_records(tx: &Transaction<'_>, staging: &Staging, newcomers: &[Newcomer<'_>]) -> Result<(), Error> {
    let texts = newcomers.iter().map(|one| one.texts(staging.accept)).collect::<Result<Vec<_>, _>>()?;
    many::run(
        tx,
        "INSERT INTO records (id, intake_id, row_no, realm_id, section, state, valid, day, until, reverse_until,
            reason, doc_intake, document, mapped_number) VALUES {rows}",
        "(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        &texts,
        |Texts { one, day, until, reverse_until, reason, document }| {
            let section = staging.section(one.staged);
            [
                one.id.into(),
                staging.intake.into(),
                one.row.into(),
                section.map_or_else(|| Null.into(), |(_, realm, _)| (*realm).into()),
                text(section.map(|(name, ..)| name.as_str())),
                place::first_state(one.staged).word().into(),
                (one.staged.own != Own::Refused).into(),
                text(day.as_deref()),
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

impl Newcomer<'_> {
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
            day: self.staged.day.map(|day| day.to_string()),
            until: self.staged.until.map(|day| day.to_string()),
            reverse_until: self.staged.reverse_until.map(|day| day.to_string()),
            reason: issues_text(reason.as_slice())?,
            document: document(accept, self.staged),
        })
    }

    fn settle_place(&self) -> Result<(), Error> {
        let staging = self.staging;
        let under = place::Under {
            intake: staging.intake,
            sha256: &staging.sha256,
            ledger: &staging.ledger,
            ignore: &staging.ignore,
            again_of: staging.again_of,
        };
        let realm = staging.section(self.staged).map(|(_, realm, _)| *realm);
        let (row, staged, id, scope) = (self.row, self.staged, self.id, self.scope);
        place::Newcomer { under, row, staged, id, scope, realm }.settle(&mut SqlStore::timeless(self.tx))
    }
}

fn document(accept: Accept, staged: &StagedRecord) -> Option<String> {
    match accept {
        Accept::GoodRows => None,
        Accept::WholeDocument => staged.document.clone(),
        Accept::WholeFile => Some(String::new()),
    }
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
        super::identity::remember(tx, scope, plan)?;
        found.push((section.clone(), realm, scope));
    }
    Ok(found)
}

/// The newest earlier file of the same bytes under the same layout; of a second reading, the file itself.
pub(super) fn earlier_of_same_content(
    conn: &Connection,
    plan: &Plan,
    realm: Option<i64>,
) -> Result<Option<i64>, Error> {
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
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let issues = json(issues)?;
        let event = match state {
            FileState::Unreadable => FileEvent::Unreadable,
            FileState::Held => FileEvent::SetAside,
            FileState::Received => FileEvent::Unfit,
            FileState::Withdrawn => FileEvent::Withdrawn,
            FileState::Staging | FileState::Taken | FileState::Merged => {
                return Err(Error::Order("a file set aside into no such state"));
            }
        };
        if state_of(&self.conn, intake)?.step(event).is_none() {
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
            Ok(((), Event::about(intake, serde_json::json!({"state": state.word(), "at": stamp(now)}))))
        })
    }
}

/// The last day of a record as the reports show it.
pub(super) fn day_text(day: Option<NaiveDate>) -> String {
    day.map(|day| day.format("%d.%m.%Y").to_string()).unwrap_or_default()
}
