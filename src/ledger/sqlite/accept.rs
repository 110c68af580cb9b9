//! Accepting a staged file: one commit, as large as its conflicts with what was known.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::record;
use super::stage::Staging;
use super::store::SqlStore;
use super::{Event, Sqlite, from_stamp, json};
use crate::ledger::core::follow::documents_of_record;
use crate::ledger::core::store::{Stand, told};
use crate::ledger::core::{
    FileEvent, FileState, Known, Life as _, RecordEvent, RecordState, accept as rules,
};
use crate::ledger::{Error, StoredIssue, codes};

impl Sqlite {
    pub(super) fn accept_file(
        &mut self,
        intake: i64,
        reading: &serde_json::Value,
        issues: &[StoredIssue],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let Some(staging) = self.staging.take().filter(|staging| staging.intake == intake) else {
            return Err(Error::Order("acceptance of a file that is not staged"));
        };
        let touched = self.touched.clone();
        self.commit(now, "accepted", |tx| {
            super::stage::require_staging(tx, intake)?;
            let (rows, first, last): (i64, Option<i64>, Option<i64>) = tx.query_row(
                "SELECT count(*), min(record_id), max(record_id) FROM rows WHERE intake_id = ?1",
                [intake],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )?;
            if rows != staging.rows {
                return Err(Error::Order("a file whose staged rows are not all there"));
            }
            let target = target_of(tx, intake)?;
            let mut issues = issues.to_vec();
            match target {
                Some(target) => merge(tx, &staging, target)?,
                None => take(tx, &staging, &mut issues)?,
            }
            if let Some((first, last)) = first.zip(last) {
                touched.add(RecordState::TABLE, first, last);
            }
            if target.is_none() {
                tx.execute(
                    "UPDATE intakes SET reading = ?2, issues = ?3, changed = changed + 1 WHERE id = ?1",
                    params![intake, reading.to_string(), json(&issues)?],
                )?;
            }
            Ok(((), Event::about(intake, serde_json::json!({"rows": rows}))))
        })
    }
}

fn target_of(conn: &Connection, intake: i64) -> Result<Option<i64>, Error> {
    Ok(conn.query_row("SELECT target FROM intakes WHERE id = ?1", [intake], |row| row.get(0))?)
}

/// A dropped file: its rows take the places of those that gave way, and it may take its former's reports.
fn take(tx: &Transaction<'_>, staging: &Staging, issues: &mut Vec<StoredIssue>) -> Result<(), Error> {
    let former = former_of(tx, staging.intake)?;
    if let Some(former) = &former {
        let missing = missing_facts(tx, former.intake, staging.intake)?;
        let says = says_something(tx, former.intake, staging)?;
        if rules::former(missing.0, says) == rules::Former::Replaced {
            replace_former(tx, staging.intake, former.intake)?;
        } else {
            rules::doubt_weak(&mut SqlStore::timeless(tx), staging.intake, &staging.sha256)?;
            // A second round of repairs is expected to hold fewer rows.
            if missing.0 > 0 && !staging.names_rows {
                issues.push(told(&codes::MISSING_FACTS, [missing.0.to_string(), missing.1]));
            }
            move_aside(tx, former)?;
        }
    }
    rules::accept(&mut SqlStore::timeless(tx), staging.intake)?;
    let taken = FileState::Staging.after(FileEvent::Accepted)?;
    tx.execute("UPDATE intakes SET state = ?2 WHERE id = ?1", params![staging.intake, taken.word()])?;
    withdraw_unfit(tx, staging.intake)?;
    Ok(())
}

/// Whether a former file has a fact at all, or is the same content: else nothing says that it lives on in the new one.
fn says_something(conn: &Connection, former: i64, staging: &Staging) -> Result<bool, Error> {
    Ok(conn.query_row(
        "SELECT sha256 = ?2 OR EXISTS (SELECT 1 FROM facts WHERE intake_id = ?1) FROM intakes WHERE id = ?1",
        params![former, staging.sha256],
        |row| row.get(0),
    )?)
}

/// From here on a former file's reports bear its time of receipt; where another file of the name came in the same
/// minute, with a number behind it.
pub(super) fn move_aside(tx: &Transaction<'_>, former: &Former) -> Result<(), Error> {
    let mut same_minute = tx.prepare_cached(
        "SELECT count(*) FROM intakes o JOIN intakes f ON f.folder = o.folder AND f.name = o.name
          WHERE f.id = ?1 AND o.id < f.id AND (o.period = ?2 OR o.period LIKE ?2 || '-%')",
    )?;
    let earlier: u32 = same_minute.query_row(params![former.intake, former.stamp], |row| row.get(0))?;
    let period = match earlier {
        0 => former.stamp.clone(),
        earlier => format!("{}-{}", former.stamp, earlier + 1),
    };
    tx.execute(
        "UPDATE intakes SET period = ?2, changed = changed + 1 WHERE id = ?1",
        params![former.intake, period],
    )?;
    Ok(())
}

/// An earlier content of this name that no mapping fitted was a mistake of its author: this one is its correction.
fn withdraw_unfit(tx: &Transaction<'_>, intake: i64) -> Result<(), Error> {
    tx.execute(
        "UPDATE intakes SET state = ?2 WHERE state = 'received' AND kind = 'drop' AND id < ?1
            AND issues LIKE '%\"F006\"%' AND (folder, name) = (SELECT folder, name FROM intakes WHERE id = ?1)",
        params![intake, FileState::Received.after(FileEvent::Withdrawn)?.word()],
    )?;
    Ok(())
}

/// A second reading: rows whose record is still refused or held get the new one; the rest is dropped.
fn merge(tx: &Transaction<'_>, staging: &Staging, target: i64) -> Result<(), Error> {
    if !same_rows(tx, staging.intake, target)? {
        return Err(Error::ReadDifferently);
    }
    ignore_by_rule(tx, staging.intake, target)?;
    let mut moved = Vec::new();
    rules::merge(&mut SqlStore::timeless(tx), staging.intake, target)?;
    let fresh = record::select(tx, "r.intake_id = ?1 AND r.older IS NOT NULL", &[&staging.intake])?;
    for known in fresh {
        if move_row(tx, &known, target)? {
            moved.push(known.id);
        }
    }
    super::stage::clear(tx, staging.intake)?;
    let merged = FileState::Staging.after(FileEvent::Merged)?;
    tx.execute(
        "UPDATE intakes SET state = ?2, reported = changed WHERE id = ?1",
        params![staging.intake, merged.word()],
    )?;
    tx.execute(
        "UPDATE intakes SET mapping = (SELECT mapping FROM intakes WHERE id = ?2),
            ignored_fields = (SELECT ignored_fields FROM intakes WHERE id = ?2) WHERE id = ?1",
        params![target, staging.intake],
    )?;
    tx.execute("UPDATE intakes SET changed = changed + 1 WHERE id = ?1", [target])?;
    rules::judge_waiting(&mut SqlStore::timeless(tx), target)?;
    super::takeover::hold_doubtful(tx, target)?;
    for id in &moved {
        documents_of_record(&mut SqlStore::timeless(tx), *id)?;
    }
    Ok(())
}

/// Whether both readings have the same data rows: only then is row n the same row.
fn same_rows(conn: &Connection, one: i64, other: i64) -> Result<bool, Error> {
    Ok(conn.query_row(
        "SELECT NOT EXISTS (SELECT row_no FROM rows WHERE intake_id = ?1 EXCEPT SELECT row_no FROM rows WHERE intake_id = ?2)
            AND NOT EXISTS (SELECT row_no FROM rows WHERE intake_id = ?2 EXCEPT SELECT row_no FROM rows WHERE intake_id = ?1)",
        params![one, other],
        |row| row.get(0),
    )?)
}

/// Refused and held rows that a rule now says are not to be reported.
fn ignore_by_rule(tx: &Transaction<'_>, retry: i64, target: i64) -> Result<(), Error> {
    let mut found = tx.prepare(
        "SELECT new.row_no, new.issues, r.id FROM rows new JOIN rows old ON old.intake_id = ?2 AND old.row_no = new.row_no
           JOIN records r ON r.id = old.record_id
          WHERE new.intake_id = ?1 AND new.ignored = 1 AND r.newer IS NULL AND r.state IN ('refused', 'rejected', 'held')",
    )?;
    let ignored: Vec<(u32, Option<String>, i64)> = found
        .query_map(params![retry, target], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (row, issues, record) in ignored {
        tx.execute(
            "UPDATE rows SET issues = ?3 WHERE intake_id = ?1 AND row_no = ?2",
            params![target, row, issues],
        )?;
        let state = RecordEvent::RuledOut.leads_to();
        record::set(tx, record, &Stand { state, way: None, of_record: None, reason: &[] })?;
        documents_of_record(&mut SqlStore::timeless(tx), record)?;
    }
    Ok(())
}

/// Puts a re-read record in its row's place in the target file.
fn move_row(tx: &Transaction<'_>, known: &Known, target: i64) -> Result<bool, Error> {
    let older: i64 = tx.query_row("SELECT older FROM records WHERE id = ?1", [known.id], |row| row.get(0))?;
    let taken: bool =
        tx.query_row("SELECT newer IS ?2 FROM records WHERE id = ?1", params![older, known.id], |row| {
            row.get(0)
        })?;
    if !taken {
        return Ok(false);
    }
    let at = params![known.intake, known.row, target];
    tx.execute("DELETE FROM rows WHERE intake_id = ?3 AND row_no = ?2 AND ?1 IS NOT NULL", at)?;
    tx.execute("UPDATE rows SET intake_id = ?3 WHERE intake_id = ?1 AND row_no = ?2", at)?;
    tx.execute(
        "UPDATE facts SET intake_id = ?3,
            part = part + (SELECT coalesce(max(part), -1) + 1 FROM facts WHERE intake_id = ?3 AND row_no = ?2)
          WHERE intake_id = ?1 AND row_no = ?2",
        at,
    )?;
    tx.execute(
        "UPDATE records SET intake_id = ?2, doc_intake = (SELECT doc_intake FROM records WHERE id = ?3) WHERE id = ?1",
        params![known.id, target, older],
    )?;
    Ok(true)
}

pub(super) struct Former {
    pub(super) intake: i64,
    stamp: String,
}

/// The file that had this name before and still has its reports under it.
pub(super) fn former_of(conn: &Connection, intake: i64) -> Result<Option<Former>, Error> {
    let found: Option<(i64, String)> = conn
        .query_row(
            "SELECT f.id, f.received_at FROM intakes f JOIN intakes n ON n.id = ?1
              WHERE f.folder = n.folder AND f.name = n.name AND f.id < n.id AND f.kind = 'drop' AND f.state = 'taken'
                AND n.kind = 'drop'
                AND f.superseded_by IS NULL AND f.period IS NULL ORDER BY f.id DESC LIMIT 1",
            [intake],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    Ok(found.map(|(intake, received)| Former {
        intake,
        stamp: from_stamp(&received)
            .map(|at| at.with_timezone(&chrono_tz::Europe::Sofia).format("%Y%m%d-%H%M").to_string())
            .unwrap_or_default(),
    }))
}

/// How many facts of the former file are not in the new one, and its first rows.
fn missing_facts(conn: &Connection, former: i64, new: i64) -> Result<(u32, String), Error> {
    let mut found = conn.prepare(
        "WITH gone AS (SELECT scope_id, key FROM facts WHERE intake_id = ?1
                       EXCEPT SELECT scope_id, key FROM facts WHERE intake_id = ?2)
         SELECT f.row_no, count(*) OVER () FROM facts f JOIN gone g ON g.scope_id = f.scope_id AND g.key = f.key
          WHERE f.intake_id = ?1 ORDER BY f.row_no LIMIT 5",
    )?;
    let rows: Vec<(u32, u32)> = found
        .query_map(params![former, new], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let first: Vec<String> = rows.iter().map(|(row, _)| row.to_string()).collect();
    Ok((rows.first().map_or(0, |(_, count)| *count), first.join(", ")))
}

fn replace_former(tx: &Transaction<'_>, new: i64, former: i64) -> Result<(), Error> {
    tx.execute("UPDATE intakes SET supersedes = ?2 WHERE id = ?1", params![new, former])?;
    tx.execute(
        "UPDATE intakes SET superseded_by = ?2, reported = changed WHERE id = ?1",
        params![former, new],
    )?;
    Ok(())
}
