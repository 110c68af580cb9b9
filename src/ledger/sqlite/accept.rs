//! Accepting a staged file: one commit, as large as its conflicts with what was known.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::record::{self, Known, differences, told, told_of};
use super::stage::{Staging, stopped_as};
use super::takeover::{hold_doubtful, hold_doubtful_document};
use super::{Event, Sqlite, from_stamp, json, parse};
use crate::ledger::core::{Judgement, Life as _, Met, RecordState, Way, judge};
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
        self.commit(now, "accepted", |tx| {
            super::stage::require_staging(tx, intake)?;
            let rows: i64 =
                tx.query_row("SELECT count(*) FROM rows WHERE intake_id = ?1", [intake], |row| row.get(0))?;
            if rows != staging.rows {
                return Err(Error::Order("a file whose staged rows are not all there"));
            }
            let target = target_of(tx, intake)?;
            let mut issues = issues.to_vec();
            match target {
                Some(target) => merge(tx, &staging, target)?,
                None => take(tx, &staging, &mut issues)?,
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
        if missing.0 == 0 && says_something(tx, former.intake, staging)? {
            replace_former(tx, staging.intake, former.intake)?;
        } else {
            doubt_weak(tx, staging)?;
            // A second round of repairs is expected to hold fewer rows.
            if missing.0 > 0 && !staging.names_rows {
                issues.push(told(&codes::MISSING_FACTS, [missing.0.to_string(), missing.1]));
            }
            move_aside(tx, former)?;
        }
    }
    take_places(tx, staging, |_| Ok(true))?;
    judge_waiting(tx, staging.intake)?;
    replace_older_changes(tx, staging.intake)?;
    hold_doubtful(tx, staging.intake)?;
    documents(tx, staging.intake)?;
    tx.execute("UPDATE intakes SET state = 'taken' WHERE id = ?1", [staging.intake])?;
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

/// From here on a former file's reports bear its time of receipt.
pub(super) fn move_aside(tx: &Transaction<'_>, former: &Former) -> Result<(), Error> {
    tx.execute(
        "UPDATE intakes SET period = ?2, changed = changed + 1 WHERE id = ?1",
        params![former.intake, former.stamp],
    )?;
    Ok(())
}

/// Rows staged behind one that was answered before this file was accepted are judged now.
fn judge_waiting(tx: &Transaction<'_>, intake: i64) -> Result<(), Error> {
    for waiting in record::select(tx, "r.intake_id = ?1 AND r.state = 'behind'", &[&intake])? {
        let Some(met) = waiting.of_record.map_or(Ok(None), |of| record::get(tx, of))? else { continue };
        if !met.state.is_open() {
            wait_behind(tx, &waiting, &met, waiting.way.unwrap_or(Way::Key))?;
        }
    }
    Ok(())
}

/// The newer proposal of a change stands for the older ones.
fn replace_older_changes(tx: &Transaction<'_>, intake: i64) -> Result<(), Error> {
    for change in
        record::select(tx, "r.intake_id = ?1 AND r.state = 'held' AND r.of_record IS NOT NULL", &[&intake])?
    {
        if !record::reason(tx, change.id)?.iter().any(|issue| issue.code == codes::CHANGE.code) {
            continue;
        }
        let older = record::select(
            tx,
            "r.of_record = ?1 AND r.state = 'held' AND r.newer IS NULL AND r.intake_id <> ?2",
            &[&change.of_record, &intake],
        )?;
        for older in older {
            tx.execute("UPDATE records SET newer = ?2 WHERE id = ?1", params![older.id, change.id])?;
            record::mark_changed(tx, older.id)?;
        }
    }
    Ok(())
}

/// An earlier content of this name that no mapping fitted was a mistake of its author: this one is its correction.
fn withdraw_unfit(tx: &Transaction<'_>, intake: i64) -> Result<(), Error> {
    tx.execute(
        "UPDATE intakes SET state = 'withdrawn' WHERE state = 'received' AND kind = 'drop' AND id < ?1
            AND issues LIKE '%\"F006\"%' AND (folder, name) = (SELECT folder, name FROM intakes WHERE id = ?1)",
        [intake],
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
    let open = |older: &Known| Ok(older.intake == target && older.newer.is_none());
    take_places(tx, staging, open)?;
    let fresh = record::select(tx, "r.intake_id = ?1 AND r.older IS NOT NULL", &[&staging.intake])?;
    for known in fresh {
        if move_row(tx, &known, target)? {
            moved.push(known.id);
        }
    }
    super::stage::clear(tx, staging.intake)?;
    tx.execute("UPDATE intakes SET state = 'merged', reported = changed WHERE id = ?1", [staging.intake])?;
    tx.execute(
        "UPDATE intakes SET mapping = (SELECT mapping FROM intakes WHERE id = ?2),
            ignored_fields = (SELECT ignored_fields FROM intakes WHERE id = ?2) WHERE id = ?1",
        params![target, staging.intake],
    )?;
    tx.execute("UPDATE intakes SET changed = changed + 1 WHERE id = ?1", [target])?;
    hold_doubtful(tx, target)?;
    for id in &moved {
        documents_of_record(tx, *id)?;
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
        record::set(tx, record, RecordState::Ignored, None, None, &[])?;
        documents_of_record(tx, record)?;
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

/// Equal rows were taken for the former file's facts while it was not known that the new file lacks some of them:
/// then they may be doubles.
fn doubt_weak(tx: &Transaction<'_>, staging: &Staging) -> Result<(), Error> {
    let provisional = record::select(tx, "r.intake_id = ?1 AND r.way = 'weak-again'", &[&staging.intake])?;
    for newcomer in provisional {
        let Some(met) = newcomer.of_record.map_or(Ok(None), |of| record::get(tx, of))? else { continue };
        if met.sha256 != staging.sha256 {
            wait_behind(tx, &newcomer, &met, Way::WeakElsewhere)?;
        }
    }
    Ok(())
}

/// Gives staged records the places of those that gave way, as far as they still do.
fn take_places(
    tx: &Transaction<'_>,
    staging: &Staging,
    may: impl Fn(&Known) -> Result<bool, Error>,
) -> Result<(), Error> {
    for newcomer in record::select(tx, "r.intake_id = ?1 AND r.older IS NOT NULL", &[&staging.intake])? {
        let older: i64 =
            tx.query_row("SELECT older FROM records WHERE id = ?1", [newcomer.id], |row| row.get(0))?;
        let Some(older) = record::get(tx, older)? else { continue };
        if !may(&older)? {
            continue;
        }
        let way = newcomer.way.unwrap_or(Way::Key);
        if older.newer.is_none() && (older.state.gives_way() || older.state == RecordState::Ignored) {
            take_place(tx, &newcomer, &older)?;
        } else if older.state == RecordState::Reversed {
            stand_beside(tx, &newcomer, &older)?;
        } else {
            wait_behind(tx, &newcomer, &older, way)?;
        }
    }
    Ok(())
}

/// A changed row of a fact that was reversed is the fact's next generation; the reversed one stays as it is.
fn stand_beside(tx: &Transaction<'_>, newcomer: &Known, older: &Known) -> Result<(), Error> {
    tx.execute(
        "UPDATE facts SET live = 0 WHERE intake_id = ?1 AND row_no = ?2",
        params![older.intake, older.row],
    )?;
    tx.execute("UPDATE records SET older = NULL WHERE id = ?1", [newcomer.id])?;
    tx.execute(
        "UPDATE facts SET live = 1,
            generation = 1 + (SELECT coalesce(max(o.generation), 0) FROM facts o WHERE o.intake_id = ?3 AND o.row_no = ?4)
          WHERE intake_id = ?1 AND row_no = ?2",
        params![newcomer.intake, newcomer.row, older.intake, older.row],
    )?;
    Ok(())
}

/// The newcomer takes the older one's place and all keys under which that one was known.
pub(super) fn take_place(tx: &Transaction<'_>, newcomer: &Known, older: &Known) -> Result<(), Error> {
    let mut keys = tx.prepare_cached(
        "SELECT scope_id, key FROM facts WHERE intake_id = ?1 AND row_no = ?2 AND record_id = ?3 AND live = 1",
    )?;
    let keys: Vec<(i64, String)> = keys
        .query_map(params![older.intake, older.row, older.id], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    tx.execute(
        "UPDATE facts SET live = 0 WHERE intake_id = ?1 AND row_no = ?2 AND record_id = ?3",
        params![older.intake, older.row, older.id],
    )?;
    tx.execute("UPDATE records SET newer = ?2 WHERE id = ?1", params![older.id, newcomer.id])?;
    if newcomer.sha256 != older.sha256 {
        // Twins of the replaced one; in the same content each is met by its own row.
        tx.execute(
            "UPDATE records SET newer = ?2 WHERE of_record = ?1 AND state = 'held' AND way = 'key' AND id <> ?2
              AND newer IS NULL AND intake_id <> ?3",
            params![older.id, newcomer.id, newcomer.intake],
        )?;
    }
    let stands = matches!(newcomer.state, RecordState::Ready | RecordState::Refused | RecordState::Held);
    if stands {
        tx.execute(
            "UPDATE OR IGNORE facts SET live = 1 WHERE intake_id = ?1 AND row_no = ?2 AND record_id = ?3",
            params![newcomer.intake, newcomer.row, newcomer.id],
        )?;
        for (part, (scope, key)) in (1..).zip(keys) {
            tx.execute(
                "INSERT OR IGNORE INTO facts (intake_id, row_no, part, scope_id, key, record_id, live)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, 1 WHERE NOT EXISTS
                    (SELECT 1 FROM facts WHERE intake_id = ?1 AND row_no = ?2 AND scope_id = ?4 AND key = ?5)",
                params![newcomer.intake, newcomer.row, part, scope, key, newcomer.id],
            )?;
        }
    }
    tell_repaired(tx, newcomer, older)?;
    record::mark_changed(tx, older.id)
}

/// A row of another file that was replaced is named in the newcomer's own report.
fn tell_repaired(tx: &Transaction<'_>, newcomer: &Known, older: &Known) -> Result<(), Error> {
    if newcomer.sha256 == older.sha256 {
        return Ok(());
    }
    let reason: Option<String> =
        tx.query_row("SELECT reason FROM records WHERE id = ?1", [newcomer.id], |row| row.get(0))?;
    let mut issues: Vec<StoredIssue> = parse(reason.as_deref());
    issues.push(told(&codes::REPAIRED, [older.file.clone(), older.row.to_string()]));
    tx.execute("UPDATE records SET reason = ?2 WHERE id = ?1", params![newcomer.id, json(&issues)?])?;
    Ok(())
}

/// Judges a record anew against one that is no longer what it was when staged.
pub(super) fn wait_behind(
    tx: &Transaction<'_>,
    newcomer: &Known,
    met: &Known,
    way: Way,
) -> Result<(), Error> {
    let met = record::in_place_of(tx, met.clone())?;
    let ignore: String =
        tx.query_row("SELECT ignored_fields FROM intakes WHERE id = ?1", [newcomer.intake], |row| {
            row.get(0)
        })?;
    let ignore: Vec<String> = parse(Some(&ignore));
    let differs = match (&newcomer.members, &met.members) {
        (Some(one), Some(other)) => differences(one, other, &ignore),
        _ => vec![String::new()],
    };
    let weak = matches!(way, Way::WeakAgain | Way::WeakElsewhere);
    let verdict =
        judge(&Met { way, state: met.state, same_file: false, same_members: weak || differs.is_empty() });
    match verdict {
        Judgement::TakesPlace => take_place_later(tx, newcomer, &met),
        verdict => {
            let (state, code) = stopped_as(verdict);
            if state != RecordState::Behind {
                forget_own_key(tx, newcomer)?;
            }
            record::set(tx, newcomer.id, state, Some(way), Some(met.id), &[told_of(code, &met, &differs)])
        }
    }
}

/// What is not sent because of another record is no fact of its own, under whatever key it came.
fn forget_own_key(tx: &Transaction<'_>, newcomer: &Known) -> Result<(), Error> {
    tx.prepare_cached("UPDATE facts SET live = 0 WHERE intake_id = ?1 AND row_no = ?2 AND record_id = ?3")?
        .execute(params![newcomer.intake, newcomer.row, newcomer.id])?;
    Ok(())
}

/// A record that waited takes the place of the one it waited for, unless its own key became another's meanwhile.
fn take_place_later(tx: &Transaction<'_>, newcomer: &Known, met: &Known) -> Result<(), Error> {
    let (state, why) = newcomer.own_stand();
    if let Some(rival) = rival_of(tx, newcomer, met)? {
        if !rival.state.gives_way() {
            return wait_behind(tx, newcomer, &rival, Way::Key);
        }
        take_place(tx, &Known { state, ..newcomer.clone() }, &rival)?;
    }
    record::set(tx, newcomer.id, state, None, None, why)?;
    tx.execute("UPDATE records SET older = ?2 WHERE id = ?1", params![newcomer.id, met.id])?;
    take_place(tx, &Known { state, ..newcomer.clone() }, met)
}

/// The live record of a key that a newcomer came under, if that is neither itself nor the one it waited for.
fn rival_of(tx: &Transaction<'_>, newcomer: &Known, met: &Known) -> Result<Option<Known>, Error> {
    let mut keys = tx.prepare_cached(
        "SELECT l.record_id FROM facts f JOIN facts l ON l.scope_id = f.scope_id AND l.key = f.key AND l.live = 1
          WHERE f.intake_id = ?1 AND f.row_no = ?2 AND f.record_id = ?3 AND l.record_id <> ?3 AND l.record_id <> ?4",
    )?;
    let rival: Option<i64> = keys
        .query_row(params![newcomer.intake, newcomer.row, newcomer.id, met.id], |row| row.get(0))
        .optional()?;
    rival.map_or(Ok(None), |rival| record::get(tx, rival))
}

/// Records that waited for one that is now answered, in the order they came.
pub(super) fn judge_followers(tx: &Transaction<'_>, of: i64) -> Result<(), Error> {
    let followers = record::select(tx, "r.of_record = ?1 AND r.state = 'behind'", &[&of])?;
    let Some(met) = record::get(tx, of)? else { return Ok(()) };
    if met.state.is_open() {
        return Ok(());
    }
    let mut first: BTreeMap<i64, i64> = BTreeMap::new();
    for follower in followers {
        if !is_taken(tx, follower.intake)? {
            continue;
        }
        let twice = *first.entry(follower.intake).or_insert(follower.id);
        if twice != follower.id && met.state.gives_way() {
            hold_twice(tx, twice, &follower)?;
        } else {
            wait_behind(tx, &follower, &met, follower.way.unwrap_or(Way::Key))?;
        }
        hold_doubtful(tx, follower.intake)?;
        documents_of_record(tx, follower.id)?;
        record::mark_changed(tx, follower.id)?;
    }
    Ok(())
}

/// Rows of a file that is not accepted yet are judged when it is.
fn is_taken(conn: &Connection, intake: i64) -> Result<bool, Error> {
    Ok(conn.query_row("SELECT state = 'taken' FROM intakes WHERE id = ?1", [intake], |row| row.get(0))?)
}

/// Two rows of one file waited for the same earlier one, and it was refused: a key twice in one file.
fn hold_twice(tx: &Transaction<'_>, first: i64, follower: &Known) -> Result<(), Error> {
    if let Some(brother) = record::get(tx, first)? {
        if brother.state == RecordState::Ready || brother.only_doubted() {
            let reason = [told(&codes::TWICE, [follower.row.to_string()])];
            record::set(tx, first, RecordState::Held, Some(Way::Key), None, &reason)?;
        }
        let reason = [told(&codes::TWICE, [brother.row.to_string()])];
        record::set(tx, follower.id, RecordState::Held, Some(Way::Key), Some(first), &reason)?;
    }
    Ok(())
}

/// Holds or lets go the rows of every document this file has a part in.
fn documents(tx: &Transaction<'_>, intake: i64) -> Result<(), Error> {
    let mut found = tx.prepare(
        "SELECT DISTINCT doc_intake, document FROM records WHERE intake_id = ?1 AND document IS NOT NULL",
    )?;
    let documents: Vec<(i64, String)> =
        found.query_map([intake], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    documents.iter().try_for_each(|(of, document)| judge_document(tx, *of, document))
}

pub(super) fn documents_of_record(tx: &Transaction<'_>, id: i64) -> Result<(), Error> {
    let Some(known) = record::get(tx, id)? else { return Ok(()) };
    let Some((of, document)) = known.doc_intake.zip(known.document) else { return Ok(()) };
    judge_document(tx, of, &document)
}

/// A document goes when none of its rows is refused or held for a reason of its own, and none waits for the outcome
/// of an earlier row: until that is known nobody can say whether the document stands.
fn judge_document(tx: &Transaction<'_>, of: i64, document: &str) -> Result<(), Error> {
    let whole_file = document.is_empty();
    let bad = "state IN ('refused', 'rejected') OR (state = 'held' AND coalesce(way, '') <> 'document')";
    let open = "state = 'behind' AND coalesce(way, '') <> 'document'";
    let changed = if let Some(row) = first_of_document(tx, of, document, bad)? {
        let code = if whole_file { &codes::WHOLE_FILE } else { &codes::DOCUMENT };
        stop_document(tx, of, document, RecordState::Held, &told(code, [row.to_string()]))?
    } else if let Some(row) = first_of_document(tx, of, document, open)? {
        let code = if whole_file { &codes::WHOLE_FILE_WAITS } else { &codes::DOCUMENT_WAITS };
        stop_document(tx, of, document, RecordState::Behind, &told(code, [row.to_string()]))?
    } else {
        tx.prepare_cached(
            "UPDATE records SET state = 'ready', way = NULL, reason = NULL
              WHERE doc_intake = ?1 AND document = ?2 AND newer IS NULL AND way = 'document'
                AND (state = 'held' OR state = 'behind')",
        )?
        .execute(params![of, document])?
    };
    if changed > 0 {
        hold_doubtful_document(tx, of, document)?;
        tx.execute("UPDATE intakes SET changed = changed + 1 WHERE id = ?1", [of])?;
    }
    Ok(())
}

/// The first row of a document in one of these states.
fn first_of_document(conn: &Connection, of: i64, document: &str, states: &str) -> Result<Option<u32>, Error> {
    let sql = format!(
        "SELECT min(row_no) FROM records WHERE doc_intake = ?1 AND document = ?2 AND newer IS NULL AND ({states})"
    );
    Ok(conn.prepare_cached(&sql)?.query_row(params![of, document], |row| row.get(0))?)
}

/// Keeps the rows of a document that would go from going; gives how many.
fn stop_document(
    tx: &Transaction<'_>,
    of: i64,
    document: &str,
    state: RecordState,
    why: &StoredIssue,
) -> Result<usize, Error> {
    let mut stopped = tx.prepare_cached(
        "UPDATE records SET state = ?4, way = 'document', reason = ?3
          WHERE doc_intake = ?1 AND document = ?2 AND newer IS NULL AND transaction_id IS NULL AND released = 0
            AND (state = 'ready' OR ((state = 'held' OR state = 'behind') AND way = 'document')) RETURNING id",
    )?;
    let stopped: Vec<i64> = stopped
        .query_map(params![of, document, json(&[why])?, state.word()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if state == RecordState::Held {
        stopped.iter().try_for_each(|id| judge_followers(tx, *id))?;
    }
    Ok(stopped.len())
}
