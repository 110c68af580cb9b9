//! What people decide: letting go what is held, saying what became of an unknown outcome.

use chrono::{DateTime, Utc};
use rusqlite::{Transaction, params};

use super::accept::{documents_of_record, judge_followers};
use super::batches::{mark_batch_changed, settle_one};
use super::record::{self, Known, told};
use super::{Event, Sqlite, json, parse, stamp};
use crate::ledger::states::RecordState;
use crate::ledger::{By, Decided, Decision, Double, Error, StoredIssue, Touched, What, codes};
use crate::model::{Outcome, Status};

impl Sqlite {
    /// Records a person names, newest reading of the file first.
    fn named(&self, what: &What) -> Result<Vec<Known>, Error> {
        let of_file = |path: &std::path::Path| -> Result<i64, Error> {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let folder = path.parent().filter(|folder| folder.is_absolute());
            self.newest_of(folder, &name)?.ok_or(Error::NotFound(name))
        };
        let conn = &self.conn;
        let found = match what {
            What::File(path) => record::select(
                conn,
                "r.id IN (SELECT record_id FROM links WHERE intake_id = ?1)",
                &[&of_file(path)?],
            )?,
            What::Row(path, row) => record::select(
                conn,
                "r.id IN (SELECT record_id FROM links WHERE intake_id = ?1 AND row_no = ?2)",
                &[&of_file(path)?, row],
            )?,
            What::Id(id) => record::select(
                conn,
                "r.transaction_id IN (SELECT id FROM transactions WHERE remote_id = ?1)
                    AND r.id IN (SELECT record_id FROM transactions WHERE remote_id = ?1)",
                &[id],
            )?,
            What::Number(number) => record::select(
                conn,
                "r.id IN (SELECT record_id FROM transactions WHERE number = ?1)",
                &[number],
            )?,
            What::Batch(batch) => record::select(
                conn,
                "r.id IN (SELECT record_id FROM transactions WHERE batch_id = ?1)",
                &[batch],
            )?,
        };
        found.into_iter().map(|known| record::in_place_of(conn, known)).collect()
    }

    pub(super) fn release_held(
        &mut self,
        what: &What,
        answer: Option<Double>,
        by: &By,
        now: DateTime<Utc>,
    ) -> Result<Decided, Error> {
        let named = self.named(what)?;
        let mine: Vec<i64> = self.realms.values().copied().collect();
        self.commit(now, "released", |tx| {
            let mut decided = Decided::default();
            for known in named {
                let here = realm_is_mine(tx, known.id, &mine)?;
                if !matches!(known.state.status(), Status::Held | Status::Reversed) || !here {
                    continue;
                }
                release_one(tx, &known, answer, by, &mut decided)?;
            }
            let rows: Vec<_> = decided.moved.iter().map(|one| serde_json::json!([one.file, one.row])).collect();
            let data = serde_json::json!({"by": by.name, "reason": by.reason, "rows": rows, "answer": answer.map(|answer| format!("{answer:?}"))});
            Ok((decided, Event { subject: None, data }))
        })
    }

    pub(super) fn resolve_unknown(
        &mut self,
        what: &What,
        decision: &Decision,
        by: &By,
        now: DateTime<Utc>,
    ) -> Result<Decided, Error> {
        let named = self.named(what)?;
        self.commit(now, "resolved", |tx| {
            let mut decided = Decided::default();
            for known in named {
                if known.state == RecordState::Unknown {
                    resolve_one(tx, what, &known, decision, by, now)?;
                    decided.moved.push(touched(tx, &known)?);
                } else {
                    decided.left.push(touched(tx, &known)?);
                }
            }
            let rows: Vec<_> =
                decided.moved.iter().map(|one| serde_json::json!([one.file, one.row])).collect();
            let said = match decision {
                Decision::Accepted(id) => serde_json::json!({"accepted": id}),
                Decision::NotReceived => serde_json::json!("not received"),
            };
            let data = serde_json::json!({"by": by.name, "reason": by.reason, "rows": rows, "said": said});
            Ok((decided, Event { subject: None, data }))
        })
    }
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
    let code = first_code(tx, known.id)?.unwrap_or_default();
    let doubt = [&codes::CHANGE, &codes::DOUBLE, &codes::TWICE].iter().any(|one| one.code == code);
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
            "UPDATE records SET state = 'ignored', reason = ?2 WHERE id = ?1",
            params![known.id, json(&reason)?],
        )?;
    } else {
        let reason = [told(&codes::RELEASED, [by.name.clone(), by.reason.clone()])];
        tx.execute(
            "UPDATE records SET state = 'ready', released = 1, way = NULL, of_record = NULL, reason = ?2 WHERE id = ?1",
            params![known.id, json(&reason)?],
        )?;
    }
    record::mark_changed(tx, known.id)?;
    documents_of_record(tx, known.id)?;
    decided.moved.push(touched(tx, known)?);
    Ok(())
}

fn resolve_one(
    tx: &Transaction<'_>,
    what: &What,
    known: &Known,
    decision: &Decision,
    by: &By,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (transaction, batch): (i64, i64) = tx.query_row(
        "SELECT t.id, t.batch_id FROM records r JOIN transactions t ON t.id = r.transaction_id WHERE r.id = ?1",
        [known.id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    match decision {
        Decision::Accepted(id) => accept_by_word(tx, what, known, transaction, batch, id, by, now)?,
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
    mark_batch_changed(tx, batch)
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
    settle_one(tx, transaction, known.id, &Outcome::Accepted { id: id.to_owned() }, &stamp(now))?;
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
