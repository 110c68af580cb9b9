//! Old ledger, two ledgers: how far this one has come, which folders are its own, and what a person takes over.
//!
//! After a takeover somebody else, or the lost part of this ledger, may have sent rows that it does not know. Rows
//! dated up to that day are therefore held as possible doubles, those that are ready and those that come.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, ToSql, Transaction, params};

use super::batches::NUMBERS_OF_ONE;
use super::store::SqlStore;
use super::{Event, Sqlite, from_stamp, json, stamp};
use crate::ledger::core::follow::judge_followers_of;
use crate::ledger::core::store::told;
use crate::ledger::core::{Known, Life as _, RecordEvent, RecordState};
use crate::ledger::marks::{IDS_LEFT_OUT, NUMBERS_LEFT_OUT};
use crate::ledger::{Error, Position, TakenOver, Takeover, codes};

impl Sqlite {
    pub(super) fn how_far(&self) -> Result<Position, Error> {
        let newest: Option<(i64, String, String)> = self
            .conn
            .prepare_cached("SELECT id, hash, at FROM events ORDER BY id DESC LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let (event, head, at) = newest.unwrap_or_default();
        let number = i64::from(self.installation) * NUMBERS_OF_ONE + next_number(&self.conn)? - 1;
        let at = from_stamp(&at);
        Ok(Position { ledger: self.id.clone(), installation: self.installation, number, event, at, head })
    }

    pub(super) fn was_at(&self, event: i64, head: &str) -> Result<bool, Error> {
        let hash: Option<String> = self
            .conn
            .prepare_cached("SELECT hash FROM events WHERE id = ?1")?
            .query_row([event], |row| row.get(0))
            .optional()?;
        // Before its first event every ledger of that id is the same.
        Ok(hash.map_or(event == 0, |hash| hash == head))
    }

    pub(super) fn knows(&self, folder: &Path) -> Result<bool, Error> {
        Ok(self
            .conn
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM folders WHERE path = ?1)")?
            .query_row([folder.to_string_lossy()], |row| row.get(0))?)
    }

    pub(super) fn make_known(&mut self, folder: &Path, now: DateTime<Utc>) -> Result<(), Error> {
        let path = folder.to_string_lossy().into_owned();
        self.commit(now, "folder marked", |tx| {
            know(tx, &path, now)?;
            Ok(((), Event { subject: None, data: serde_json::json!({"folder": path}) }))
        })
    }

    pub(super) fn folders_in(&self, batch: i64) -> Result<Vec<PathBuf>, Error> {
        let mut found = self.conn.prepare_cached(
            "SELECT DISTINCT i.folder FROM transactions t JOIN records r ON r.id = t.record_id
               JOIN intakes i ON i.id = r.intake_id WHERE t.batch_id = ?1",
        )?;
        let folders = found.query_map([batch], |row| row.get::<_, String>(0))?;
        Ok(folders.map(|folder| folder.map(PathBuf::from)).collect::<Result<_, _>>()?)
    }

    pub(super) fn take_it_over(
        &mut self,
        takeover: &Takeover,
        now: DateTime<Utc>,
    ) -> Result<TakenOver, Error> {
        let base = i64::from(self.installation) * NUMBERS_OF_ONE;
        let folder = takeover.folder.as_ref().map(|folder| folder.to_string_lossy().into_owned());
        self.commit(now, "takeover", |tx| {
            rise(tx, base, takeover.number)?;
            let mut done = TakenOver::default();
            if let Some(until) = takeover.doubt_until {
                let of = folder.clone().unwrap_or_default();
                tx.execute("INSERT INTO doubts (folder, until) VALUES (?1, ?2)", params![of, until.to_string()])?;
            }
            match &folder {
                Some(folder) => know(tx, folder, now)?,
                None => leave_ids_out(tx, takeover.event)?,
            }
            if takeover.doubt_until.is_some() {
                tx.execute("UPDATE listed_ids SET before_takeover = 1", [])?;
                let of = folder.as_deref();
                done = TakenOver { held: hold_ready(tx, of)?, unknown: doubt_retries(tx, of, now)? };
            }
            let data = serde_json::json!({"by": takeover.by.name, "reason": takeover.by.reason, "folder": folder,
                "marks": takeover.evidence, "held": done.held, "unknown": done.unknown});
            Ok((done, Event { subject: None, data }))
        })
    }
}

pub(super) fn next_number(conn: &Connection) -> Result<i64, Error> {
    let next: String = conn
        .prepare_cached("SELECT value FROM meta WHERE key = 'next_number'")?
        .query_row([], |row| row.get(0))?;
    next.parse().map_err(|_| Error::Order("a counter that is no number"))
}

/// The id of the next row of a table, past those that the lost part of a ledger gave.
pub(super) fn next_id(tx: &Transaction<'_>, table: &str) -> Result<i64, Error> {
    Ok(tx
        .prepare_cached(&format!(
            "SELECT max(coalesce((SELECT max(id) FROM {table}), 0) + 1,
                coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'ids_from'), 1))"
        ))?
        .query_row([], |row| row.get(0))?)
}

fn know(tx: &Transaction<'_>, folder: &str, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(
        "INSERT OR IGNORE INTO folders (path, known_at) VALUES (?1, ?2)",
        params![folder, stamp(now)],
    )?;
    Ok(())
}

/// The counter leaves every number behind that may be in use. One of another installation has other first digits.
fn rise(tx: &Transaction<'_>, base: i64, number: i64) -> Result<(), Error> {
    let used = number - base;
    if used < next_number(tx)? || used >= NUMBERS_OF_ONE - NUMBERS_LEFT_OUT {
        return Ok(());
    }
    let next = (used + NUMBERS_LEFT_OUT).to_string();
    tx.execute("UPDATE meta SET value = ?1 WHERE key = 'next_number'", [next])?;
    Ok(())
}

/// Reports of the lost part name files and batches: their ids are not given again. Each had an event of its own.
fn leave_ids_out(tx: &Transaction<'_>, event: i64) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO meta (key, value) VALUES ('ids_from', ?1)
         ON CONFLICT (key) DO UPDATE SET value = max(CAST(value AS INTEGER), CAST(excluded.value AS INTEGER))",
        [(event + IDS_LEFT_OUT).to_string()],
    )?;
    Ok(())
}

/// The word of a record that was ready and is a person's to look at first.
fn held() -> Result<&'static str, Error> {
    Ok(RecordState::Ready.after(RecordEvent::SetAside)?.word())
}

/// What is ready, of a folder or at all, may have been sent. What a person let go before is not vouched for any more,
/// also where its outcome is open yet, or where it waits.
fn hold_ready(tx: &Transaction<'_>, folder: Option<&str>) -> Result<u64, Error> {
    tx.execute(
        "UPDATE records SET released = 0 WHERE released = 1 AND state IN ('sending', 'unknown', 'pending', 'behind', 'held') AND intake_id IN
            (SELECT id FROM intakes WHERE state = 'taken' AND folder = coalesce(?1, folder))",
        [folder],
    )?;
    tx.execute(
        "UPDATE intakes SET changed = changed + 1 WHERE state = 'taken' AND folder = coalesce(?1, folder)
            AND id IN (SELECT intake_id FROM records WHERE state = 'ready')",
        [folder],
    )?;
    let mut doubted = tx.prepare(
        "UPDATE records SET state = ?2, released = 0, reason = ?1 WHERE state = 'ready' AND intake_id IN
            (SELECT id FROM intakes WHERE state = 'taken' AND folder = coalesce(?3, folder)) RETURNING id",
    )?;
    let reason = json(&[told(&codes::DOUBTFUL, [])])?;
    let held: Vec<i64> =
        doubted.query_map(params![reason, held()?, folder], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let store = &mut SqlStore::timeless(tx);
    judge_followers_of(store, &held)?;
    Ok(held.len() as u64)
}

/// A row that was held for another reason when somebody else may have sent it says so first, so that only an answer to
/// that lets it go.
pub(super) fn doubt_if_taken_over(tx: &Transaction<'_>, known: &Known) -> Result<bool, Error> {
    let mut say = tx.prepare_cached(
        "UPDATE records SET reason = '[' || ?2 || coalesce(',' || substr(reason, 2), ']')
          WHERE id = ?1 AND state = 'held' AND released = 0 AND instr(coalesce(reason, ''), ?3) = 0
            AND EXISTS (SELECT 1 FROM doubts d JOIN intakes i ON i.id = records.intake_id
                         WHERE (d.folder = '' OR d.folder = i.folder) AND (records.day IS NULL OR records.day <= d.until))",
    )?;
    let code = format!("\"{}\"", codes::DOUBTFUL.code);
    Ok(say.execute(params![known.id, json(&told(&codes::DOUBTFUL, []))?, code])? > 0)
}

/// What was to be sent again, with rows of a folder or at all, may have been received meanwhile.
fn doubt_retries(tx: &Transaction<'_>, folder: Option<&str>, now: DateTime<Utc>) -> Result<u64, Error> {
    // An answer that was kept and not read yet may say the same: nothing was received, and it goes again.
    let mut found = tx.prepare(
        "SELECT id FROM batches WHERE (state = 'retry' OR (state = 'sending' AND EXISTS (SELECT 1 FROM attempts a
            WHERE a.batch_id = batches.id AND a.state = 'answered' AND (a.http_status < 200 OR a.http_status > 299))))
            AND (?1 IS NULL OR EXISTS (SELECT 1 FROM transactions t JOIN records r ON r.id = t.record_id
                   JOIN intakes i ON i.id = r.intake_id WHERE t.batch_id = batches.id AND i.folder = ?1))",
    )?;
    let batches: Vec<i64> = found.query_map([folder], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut rows = 0;
    for batch in batches {
        let attempt: i64 =
            tx.query_row("SELECT max(id) FROM attempts WHERE batch_id = ?1", [batch], |row| row.get(0))?;
        super::batches::doubt(tx, batch, attempt, "the ledger was older than its marks", now)?;
        super::batches::mark_batch_changed(tx, batch)?;
        let of_batch: u32 =
            tx.query_row("SELECT rows FROM batches WHERE id = ?1", [batch], |row| row.get(0))?;
        rows += u64::from(of_batch);
    }
    Ok(rows)
}

/// The same for the rows of a document, which may be of several files.
pub(super) fn hold_doubtful_document(tx: &Transaction<'_>, of: i64, document: &str) -> Result<(), Error> {
    let mut found = tx.prepare_cached(
        "SELECT DISTINCT intake_id FROM records WHERE doc_intake = ?1 AND document = ?2 AND document IS NOT NULL",
    )?;
    let files: Vec<i64> =
        found.query_map(params![of, document], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for file in files {
        if let Some(until) = doubt_until(tx, file)? {
            hold(
                tx,
                "intake_id = ?4 AND doc_intake = ?5 AND document = ?6",
                params![file, of, document],
                &until,
            )?;
        }
    }
    Ok(())
}

/// Holds the rows of a file that are about to go and that somebody else may have sent.
pub(super) fn hold_doubtful(tx: &Transaction<'_>, intake: i64) -> Result<(), Error> {
    let Some(until) = doubt_until(tx, intake)? else { return Ok(()) };
    hold(tx, "id IN (SELECT record_id FROM rows WHERE intake_id = ?4)", &[&intake], &until)
}

/// The same for one record.
pub(super) fn hold_doubtful_record(tx: &Transaction<'_>, id: i64) -> Result<(), Error> {
    let of = "SELECT intake_id FROM records WHERE id = ?1";
    let Some(until) = doubt_until(tx, tx.prepare_cached(of)?.query_row([id], |row| row.get(0))?)? else {
        return Ok(());
    };
    hold(tx, "id = ?4", &[&id], &until)
}

/// The last of the days up to which rows of a file may have been sent by somebody else.
fn doubt_until(tx: &Transaction<'_>, intake: i64) -> Result<Option<String>, Error> {
    Ok(tx
        .prepare_cached(
            "SELECT max(d.until) FROM doubts d JOIN intakes i ON i.id = ?1
              WHERE d.folder = '' OR d.folder = i.folder",
        )?
        .query_row([intake], |row| row.get(0))?)
}

/// What a person let go since is vouched for. What was sent under its own number before, and did not arrive, may have
/// been sent under another.
fn hold(tx: &Transaction<'_>, which: &str, of: &[&dyn ToSql], until: &str) -> Result<(), Error> {
    let (doubt, held) = (json(&told(&codes::DOUBTFUL, []))?, held()?);
    let all: Vec<&dyn ToSql> =
        [&until as &dyn ToSql, &doubt, &held].into_iter().chain(of.iter().copied()).collect();
    tx.prepare_cached(&format!(
        "UPDATE records SET state = ?3, reason = '[' || ?2 || coalesce(',' || substr(reason, 2), ']')
          WHERE {which} AND state = 'ready' AND released = 0 AND (day IS NULL OR day <= ?1)"
    ))?
    .execute(all.as_slice())?;
    Ok(())
}
