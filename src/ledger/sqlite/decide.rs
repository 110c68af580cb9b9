//! What people decide: letting go what is held, saying what became of an unknown outcome.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, params};

use super::accept::{documents_of_record, judge_followers};
use super::batches::{mark_batch_changed, settle_one};
use super::record::{self, Known, told};
use super::takeover::doubt_if_taken_over;
use super::{Event, Sqlite, json, parse, stamp};
use crate::ledger::core::{Life as _, RecordState};
use crate::ledger::{By, Decided, Decision, Double, Error, StoredIssue, Touched, What, codes};
use crate::model::{Outcome, Status};

impl Sqlite {
    pub(super) fn release_held(
        &mut self,
        what: &What,
        answer: Option<Double>,
        by: &By,
        now: DateTime<Utc>,
    ) -> Result<Decided, Error> {
        let mine: Vec<i64> = self.realms.values().copied().collect();
        self.commit(now, "released", |tx| {
            let (mut decided, mut records) = (Decided::default(), Vec::new());
            for known in named(tx, what, &["held", "reversed"])? {
                let here = realm_is_mine(tx, known.id, &mine)?;
                if !matches!(known.state.status(), Status::Held | Status::Reversed) || !here {
                    continue;
                }
                let before = decided.moved.len();
                release_one(tx, &known, answer, by, &mut decided)?;
                records.extend((decided.moved.len() > before).then_some(known.id));
            }
            let rows: Vec<_> = decided.moved.iter().map(|one| serde_json::json!([one.file, one.row])).collect();
            let data = serde_json::json!({"by": by.name, "reason": by.reason, "rows": rows, "records": records, "answer": answer.map(|answer| format!("{answer:?}"))});
            Ok((decided, Event { subject: None, data }))
        })
    }

    pub(super) fn keep_answers(
        &mut self,
        intake: i64,
        answers: &serde_json::Value,
        by: &By,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let asked: Option<String> = self
            .conn
            .query_row(
                "SELECT issues FROM intakes WHERE id = ?1 AND state = 'held' AND kind = 'drop'",
                [intake],
                |row| row.get(0),
            )
            .optional()?;
        let issues: Vec<StoredIssue> = parse(asked.as_deref());
        if issues.is_empty() || issues.iter().any(|issue| issue.code == codes::TWO_ORIGINS.code) {
            return Ok(false);
        }
        self.commit(now, "reading answered", |tx| {
            let kept = tx.execute(
                "UPDATE intakes SET reading = ?2, state = 'received', changed = changed + 1
                  WHERE id = ?1 AND state = 'held' AND kind = 'drop'",
                params![intake, serde_json::json!({"answers": answers}).to_string()],
            )?;
            let data = serde_json::json!({"by": by.name, "reason": by.reason, "answers": answers});
            Ok((kept > 0, Event::about(intake, data)))
        })
    }

    pub(super) fn resolve_unknown(
        &mut self,
        what: &What,
        decision: &Decision,
        by: &By,
        now: DateTime<Utc>,
    ) -> Result<Decided, Error> {
        let ticket = self.ticket_for(what, decision)?;
        self.commit(now, "resolved", |tx| {
            if let (What::Batch(batch), Decision::AskAbout { remote, .. }, Some(ticket)) =
                (what, decision, &ticket)
            {
                return ask_about(tx, *batch, remote, ticket, by, now);
            }
            let mut decided = Decided::default();
            let mut transactions = Vec::new();
            for known in named(tx, what, &["unknown", "behind"])? {
                let known = behind_what(tx, known)?;
                if known.state == RecordState::Unknown {
                    transactions.push(resolve_one(tx, what, &known, decision, by, now)?);
                    decided.moved.push(touched(tx, &known)?);
                } else {
                    decided.left.push(touched(tx, &known)?);
                }
            }
            let rows: Vec<_> =
                decided.moved.iter().map(|one| serde_json::json!([one.file, one.row])).collect();
            let said = match decision {
                Decision::Accepted(id) | Decision::AskAbout { remote: id, .. } => {
                    serde_json::json!({"accepted": id})
                }
                Decision::NotReceived => serde_json::json!("not received"),
            };
            let data = serde_json::json!({"by": by.name, "reason": by.reason, "rows": rows, "said": said,
                "transactions": transactions});
            Ok((decided, Event { subject: None, data }))
        })
    }
}

/// The record an unknown outcome of which keeps this one waiting, or this one.
fn behind_what(tx: &Transaction<'_>, known: Known) -> Result<Known, Error> {
    let of = known.of_record.filter(|_| known.state == RecordState::Behind);
    let met = of.map_or(Ok(None), |of| record::get(tx, of))?;
    Ok(met.filter(|met| met.state == RecordState::Unknown).unwrap_or(known))
}

/// Records a person names, as they stand now. A file or row means the newest file of that name that has something
/// to decide, so that a former file's held rows stay within reach.
fn named(tx: &Transaction<'_>, what: &What, states: &[&str]) -> Result<Vec<Known>, Error> {
    let found = match what {
        What::File(path) => of_files(tx, path, None, states)?,
        What::Row(path, row) => of_files(tx, path, Some(*row), states)?,
        What::Id(id) => {
            record::select(tx, "r.id IN (SELECT record_id FROM transactions WHERE remote_id = ?1)", &[id])?
        }
        What::Number(number) => {
            record::select(tx, "r.id IN (SELECT record_id FROM transactions WHERE number = ?1)", &[number])?
        }
        What::Batch(batch) => {
            record::select(tx, "r.id IN (SELECT record_id FROM transactions WHERE batch_id = ?1)", &[batch])?
        }
    };
    found.into_iter().map(|known| record::in_place_of(tx, known)).collect()
}

fn of_files(
    tx: &Transaction<'_>,
    path: &Path,
    row: Option<u32>,
    states: &[&str],
) -> Result<Vec<Known>, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path
        .parent()
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.to_string_lossy().into_owned());
    let mut found = tx.prepare(
        "SELECT id, folder FROM intakes WHERE name = ?1 AND (?2 IS NULL OR folder = ?2) AND kind = 'drop'
            AND state = 'taken' ORDER BY id DESC",
    )?;
    let intakes: Vec<(i64, String)> = found
        .query_map(params![name, folder], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let folders: BTreeSet<String> = intakes.iter().map(|(_, folder)| folder.clone()).collect();
    match folders.len() {
        0 => return Err(Error::NotFound(name)),
        1 => {}
        _ => return Err(Error::Ambiguous { name, folders: folders.into_iter().collect() }),
    }
    let mut newest = None;
    for (intake, _) in intakes {
        let rows = record::select(
            tx,
            "r.id IN (SELECT record_id FROM rows WHERE intake_id = ?1 AND (?2 IS NULL OR row_no = ?2))",
            &[&intake, &row],
        )?;
        if rows.iter().any(|known| known.newer.is_none() && states.contains(&known.state.word())) {
            return Ok(rows);
        }
        newest = newest.or(Some(rows));
    }
    Ok(newest.unwrap_or_default())
}

impl Sqlite {
    /// The ticket of the section that a batch belongs to.
    fn ticket_for(&self, what: &What, decision: &Decision) -> Result<Option<String>, Error> {
        let (What::Batch(batch), Decision::AskAbout { tickets, .. }) = (what, decision) else {
            return Ok(None);
        };
        let realm: Option<i64> = self
            .conn
            .query_row("SELECT realm_id FROM batches WHERE id = ?1", [batch], |row| row.get(0))
            .optional()?;
        let mine =
            |(section, _): &&(String, serde_json::Value)| self.realm(section) == realm && realm.is_some();
        Ok(tickets.iter().find(mine).map(|(_, ticket)| ticket.to_string()))
    }
}

/// A person found the system's number of an unknown batch: its rows are asked about.
fn ask_about(
    tx: &Transaction<'_>,
    batch: i64,
    remote: &str,
    ticket: &str,
    by: &By,
    now: DateTime<Utc>,
) -> Result<(Decided, Event), Error> {
    tx.execute(
        "UPDATE batches SET state = 'pending', remote = ?2, ticket = ?3, due_at = ?4 WHERE id = ?1 AND state = 'unknown'",
        params![batch, remote, ticket, stamp(now)],
    )?;
    let unknown = record::select(
        tx,
        "r.state = 'unknown' AND r.id IN (SELECT record_id FROM transactions WHERE batch_id = ?1)",
        &[&batch],
    )?;
    let mut decided = Decided::default();
    for known in unknown {
        tx.execute("UPDATE records SET state = 'pending' WHERE id = ?1", [known.id])?;
        tx.execute(
            "UPDATE transactions SET state = 'pending' WHERE batch_id = ?1 AND record_id = ?2",
            params![batch, known.id],
        )?;
        decided.moved.push(touched(tx, &known)?);
    }
    mark_batch_changed(tx, batch)?;
    let data = serde_json::json!({"by": by.name, "reason": by.reason, "said": {"batch": remote}});
    Ok((decided, Event::about(batch, data)))
}

fn realm_is_mine(tx: &Transaction<'_>, record: i64, mine: &[i64]) -> Result<bool, Error> {
    let realm: Option<i64> =
        tx.query_row("SELECT realm_id FROM records WHERE id = ?1", [record], |row| row.get(0))?;
    Ok(realm.is_none_or(|realm| mine.contains(&realm)))
}

fn first_code(tx: &Transaction<'_>, record: i64) -> Result<Option<String>, Error> {
    let reason: Option<String> =
        tx.query_row("SELECT reason FROM records WHERE id = ?1", [record], |row| row.get(0))?;
    let issues: Vec<StoredIssue> = parse(reason.as_deref());
    Ok(issues.first().map(|issue| issue.code.clone()))
}

fn touched(tx: &Transaction<'_>, known: &Known) -> Result<Touched, Error> {
    let state = record::get(tx, known.id)?.map_or(known.state, |now| now.state);
    Ok(Touched {
        file: known.file.clone(),
        row: known.row,
        status: state.status(),
        code: first_code(tx, known.id)?,
    })
}

fn release_one(
    tx: &Transaction<'_>,
    known: &Known,
    answer: Option<Double>,
    by: &By,
    decided: &mut Decided,
) -> Result<(), Error> {
    doubt_if_taken_over(tx, known)?;
    let code = first_code(tx, known.id)?.unwrap_or_default();
    let doubt =
        [&codes::CHANGE, &codes::DOUBLE, &codes::TWICE, &codes::DOUBTFUL].iter().any(|one| one.code == code);
    let unsendable = !known.valid || code == codes::UNKNOWN_REF.code;
    // What a person says to drop is never sent: only a doubt about doubles can be answered so.
    let other_question = !doubt && answer == Some(Double::Drop);
    if unsendable || other_question || (doubt && answer.is_none()) {
        decided.left.push(touched(tx, known)?);
        return Ok(());
    }
    if doubt && answer == Some(Double::Drop) {
        let reason = [told(&codes::DROPPED, [by.name.clone()])];
        tx.execute(
            "UPDATE records SET state = 'ignored', reason = ?2 WHERE id = ?1 AND state = 'held' AND newer IS NULL",
            params![known.id, json(&reason)?],
        )?;
        judge_followers(tx, known.id)?;
    } else {
        let reason = [told(&codes::RELEASED, [by.name.clone(), by.reason.clone()])];
        tx.execute(
            "UPDATE records SET state = 'ready', released = 1, doubt = NULL, reason = ?2
              WHERE id = ?1 AND state IN ('held', 'reversed') AND newer IS NULL",
            params![known.id, json(&reason)?],
        )?;
        stand_for_the_fact(tx, known)?;
    }
    record::mark_changed(tx, known.id)?;
    documents_of_record(tx, known.id)?;
    decided.moved.push(touched(tx, known)?);
    Ok(())
}

/// A row that is sent is its fact's live row, unless the live one is accepted or on its way itself.
fn stand_for_the_fact(tx: &Transaction<'_>, known: &Known) -> Result<(), Error> {
    tx.execute(
        "UPDATE facts SET live = 0 WHERE live = 1 AND record_id <> ?3
            AND (scope_id, key) IN (SELECT scope_id, key FROM facts WHERE intake_id = ?1 AND row_no = ?2 AND record_id = ?3)
            AND record_id IN (SELECT id FROM records WHERE state IN ('ignored', 'held', 'refused', 'rejected', 'reversed'))",
        params![known.intake, known.row, known.id],
    )?;
    tx.execute(
        "UPDATE OR IGNORE facts SET live = 1 WHERE intake_id = ?1 AND row_no = ?2 AND record_id = ?3",
        params![known.intake, known.row, known.id],
    )?;
    Ok(())
}

/// Carries out what a person decided; gives the transaction.
fn resolve_one(
    tx: &Transaction<'_>,
    what: &What,
    known: &Known,
    decision: &Decision,
    by: &By,
    now: DateTime<Utc>,
) -> Result<i64, Error> {
    let (transaction, batch): (i64, i64) = tx.query_row(
        "SELECT t.id, t.batch_id FROM records r JOIN transactions t ON t.id = r.transaction_id WHERE r.id = ?1",
        [known.id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    match decision {
        Decision::Accepted(id) | Decision::AskAbout { remote: id, .. } => {
            accept_by_word(tx, what, known, transaction, batch, id, by, now)?;
        }
        Decision::NotReceived => {
            tx.execute("UPDATE transactions SET state = 'not_received' WHERE id = ?1", [transaction])?;
            let reason = [told(&codes::RELEASED, [by.name.clone(), by.reason.clone()])];
            tx.execute(
                "UPDATE records SET state = 'ready', reason = ?2 WHERE id = ?1",
                params![known.id, json(&reason)?],
            )?;
        }
    }
    judge_followers(tx, known.id)?;
    record::mark_changed(tx, known.id)?;
    close_batch(tx, batch, now)?;
    mark_batch_changed(tx, batch)?;
    Ok(transaction)
}

#[expect(clippy::too_many_arguments, reason = "one decision about one record, spelled out once")]
fn accept_by_word(
    tx: &Transaction<'_>,
    what: &What,
    known: &Known,
    transaction: i64,
    batch: i64,
    id: &str,
    by: &By,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let of_batch = matches!(what, What::Batch(_));
    settle_one(tx, transaction, &Outcome::Accepted { id: id.to_owned() }, &stamp(now))?;
    if of_batch {
        // The number given is the batch's: its rows are accepted without an id of their own.
        tx.execute("UPDATE transactions SET remote_id = NULL WHERE id = ?1", [transaction])?;
        tx.execute("UPDATE batches SET remote = ?2 WHERE id = ?1", params![batch, id])?;
    }
    let reason = [told(&codes::BY_WORD, [by.name.clone(), by.reason.clone()])];
    tx.execute("UPDATE records SET reason = ?2 WHERE id = ?1", params![known.id, json(&reason)?])?;
    Ok(())
}

/// A batch none of whose rows is unknown any more is settled.
fn close_batch(tx: &Transaction<'_>, batch: i64, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(
        "UPDATE batches SET state = 'settled', answered_at = coalesce(answered_at, ?2) WHERE id = ?1 AND state = 'unknown'
          AND NOT EXISTS (SELECT 1 FROM transactions WHERE batch_id = ?1 AND state = 'unknown')",
        params![batch, stamp(now)],
    )?;
    Ok(())
}
