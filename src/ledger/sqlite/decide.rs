//! What people decide: letting go what is held, saying what became of an unknown outcome.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, ToSql, Transaction, params};

use super::batches::mark_batch_changed;
use super::files::input_named;
use super::record;
use super::store::SqlStore;
use super::{Event, Sqlite, parse, stamp};
use crate::ledger::core::follow::documents_of_records;
use crate::ledger::core::store::{Store as _, in_place_of};
use crate::ledger::core::{
    BatchEvent, BatchState, FileEvent, FileState, Known, Life as _, RecordEvent, RecordState,
    TransactionEvent, decide as rules,
};
use crate::ledger::lists::{is_listed_under_our_number, listed_ids};
use crate::ledger::{By, Decided, Decision, Double, Error, StoredIssue, Touched, What, codes};
use crate::model::Status;

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
            let (mut went, mut left, mut moved) = (Vec::new(), Vec::new(), Vec::new());
            let mut store = SqlStore::new(tx, now);
            for known in named(tx, what, &["held", "reversed"])? {
                let here = realm_is_mine(tx, known.id, &mine)?;
                if !matches!(known.state.status(), Status::Held | Status::Reversed) || !here {
                    continue;
                }
                // What a list shows as well goes only where a person looked at this very row.
                let looked_at = answer != Some(Double::Send) || matches!(what, What::Row(..) | What::Received(_, Some(_)));
                let goes = (looked_at || !is_perhaps_listed(&store, known.id)?)
                    && rules::release(&mut store, &known, answer, by, &mut moved)?;
                if goes { &mut went } else { &mut left }.push(known);
            }
            documents_of_records(&mut store, &moved)?;
            let decided = Decided { moved: all_touched(tx, &went)?, left: all_touched(tx, &left)? };
            let records: Vec<i64> = went.iter().map(|known| known.id).collect();
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
        let answered = FileState::Held.after(FileEvent::Answered)?;
        self.commit(now, "reading answered", |tx| {
            let kept = tx.execute(
                "UPDATE intakes SET reading = ?2, state = ?3, changed = changed + 1
                  WHERE id = ?1 AND state = 'held' AND kind = 'drop'",
                params![intake, serde_json::json!({"answers": answers}).to_string(), answered.word()],
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
            let (mut moved, mut left, mut settled) = (Vec::new(), Vec::new(), rules::Settled::default());
            let mut transactions = Vec::new();
            let store = &mut SqlStore::new(tx, now);
            if let (What::Batch(batch), Decision::AskAbout { remote, .. }, Some(ticket)) =
                (what, decision, &ticket)
                && (store.bearer_of_number(*batch, remote)?.is_none() || !is_unknown(tx, *batch)?)
            {
                return ask_about(tx, *batch, remote, ticket, by, now);
            }
            let of_batch = matches!(what, What::Batch(_));
            let named = named(tx, what, &["unknown", "behind"])?;
            must_be_of_one_registration(what, &named)?;
            // What is said of a number or a batch is said of no other.
            let exact = matches!(what, What::Number(_) | What::Batch(_));
            let about = if exact { named } else { rules::about_what(store, named)? };
            for known in about {
                if known.state != RecordState::Unknown || is_contradicted(tx, &known, decision)? {
                    left.push(touched(tx, &known)?);
                } else if let Some(why) = rules::objection(store, &known, decision, of_batch)? {
                    left.push(Touched { why: Some(why), ..touched(tx, &known)? });
                } else {
                    let done = rules::resolve(store, &known, decision, of_batch, by, &mut settled)?;
                    transactions.push(done);
                    moved.push(known);
                }
            }
            rules::follow(store, &settled)?;
            let decided = Decided { moved: all_touched(tx, &moved)?, left };
            let rows: Vec<_> =
                decided.moved.iter().map(|one| serde_json::json!([one.file, one.row])).collect();
            let said = match decision {
                Decision::Accepted(id) | Decision::AskAbout { remote: id, .. } => {
                    serde_json::json!({"accepted": id})
                }
                Decision::NotReceived => serde_json::json!("not received"),
                Decision::NotThoughListed(id) => serde_json::json!({"not received": {"listed": id}}),
            };
            let data = serde_json::json!({"by": by.name, "reason": by.reason, "rows": rows, "said": said,
                "transactions": transactions});
            Ok((decided, Event { subject: None, data }))
        })
    }
}

/// Whether a list shows our number for a record that is said not to have been received, and whoever says so does not
/// name what the list has there.
fn is_contradicted(tx: &Transaction<'_>, known: &Known, decision: &Decision) -> Result<bool, Error> {
    let named = match decision {
        Decision::NotReceived => None,
        Decision::NotThoughListed(id) => Some(id),
        Decision::Accepted(_) | Decision::AskAbout { .. } => return Ok(false),
    };
    let listed = listed_under_our_number(tx, known.id)?;
    let same =
        |one: &str, other: &str| listed_ids(one).collect::<BTreeSet<_>>() == listed_ids(other).collect();
    Ok(listed.is_some_and(|ids| named.is_none_or(|named| !same(named, &ids))))
}

/// The system's number under which a list shows the number of an unknown record.
pub(super) fn listed_under_our_number(tx: &Transaction<'_>, record: i64) -> Result<Option<String>, Error> {
    let reasons = SqlStore::timeless(tx).reason(record)?;
    let shown = reasons.into_iter().find(|issue| is_listed_under_our_number(&issue.code));
    Ok(shown.map(|issue| issue.args.into_iter().nth(2).unwrap_or_default()))
}

/// Records a person names, as they stand now. A file or row means the newest file of that name that has something
/// to decide, so that a former file's held rows stay within reach; one of its reports' names means that file.
fn named(tx: &Transaction<'_>, what: &What, states: &[&str]) -> Result<Vec<Known>, Error> {
    let found = match what {
        What::File(path) => of_files(tx, path, None, states)?,
        What::Row(path, row) => of_files(tx, path, Some(*row), states)?,
        What::Received(intake, row) => of_receipt(tx, *intake, *row)?,
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
    // One may stand in the place of several of them.
    let (mut seen, mut newest) = (BTreeSet::new(), Vec::with_capacity(found.len()));
    for known in found {
        let known = in_place_of(known, |id| record::get(tx, id))?;
        let meant = match what {
            What::Number(number) => went(tx, known.id, "t.number = ?2", number)?,
            What::Batch(batch) => went(tx, known.id, "t.batch_id = ?2", batch)?,
            _ => true,
        };
        newest.extend((meant && seen.insert(known.id)).then_some(known));
    }
    Ok(newest)
}

/// Whether a record's own transaction is the one that is meant: what was said of a number or a batch says nothing about
/// one under another.
fn went(tx: &Transaction<'_>, record: i64, meant: &str, by: &dyn ToSql) -> Result<bool, Error> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM records r JOIN transactions t ON t.id = r.transaction_id
            WHERE r.id = ?1 AND {meant})"
    );
    Ok(tx.prepare_cached(&sql)?.query_row(params![record, by], |row| row.get(0))?)
}

/// Counters of mappings may give two registrations the same number.
fn must_be_of_one_registration(what: &What, named: &[Known]) -> Result<(), Error> {
    let realms: BTreeSet<_> = named.iter().map(|known| known.realm).collect();
    match what {
        What::Number(number) if realms.len() > 1 => {
            let rows = named.iter().map(|known| format!("{}:{}", known.file, known.row)).collect();
            Err(Error::SeveralRegistrations { number: number.clone(), rows })
        }
        _ => Ok(()),
    }
}

fn is_unknown(tx: &Transaction<'_>, batch: i64) -> Result<bool, Error> {
    let sql = "SELECT EXISTS (SELECT 1 FROM batches WHERE id = ?1 AND state = 'unknown')";
    Ok(tx.prepare_cached(sql)?.query_row([batch], |row| row.get(0))?)
}

fn of_receipt(tx: &Transaction<'_>, intake: i64, row: Option<u32>) -> Result<Vec<Known>, Error> {
    record::select(
        tx,
        "r.id IN (SELECT record_id FROM rows WHERE intake_id = ?1 AND (?2 IS NULL OR row_no = ?2))",
        &[&intake, &row],
    )
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
    let (input, period) = input_named(tx, path.parent().filter(|folder| folder.is_absolute()), &name)?;
    let mut found = tx.prepare(
        "SELECT id, folder FROM intakes WHERE name = ?1 AND (?2 IS NULL OR folder = ?2) AND kind = 'drop'
            AND state = 'taken' AND (?3 IS NULL OR coalesce(period, '') = ?3) ORDER BY id DESC",
    )?;
    let intakes: Vec<(i64, String)> = found
        .query_map(params![input, folder, period], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let folders: BTreeSet<String> = intakes.iter().map(|(_, folder)| folder.clone()).collect();
    match folders.len() {
        0 => return Err(Error::NotFound(name)),
        1 => {}
        _ => return Err(Error::Ambiguous { name, folders: folders.into_iter().collect() }),
    }
    let mut newest = None;
    for (intake, _) in intakes {
        let rows = of_receipt(tx, intake, row)?;
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
    let asked = BatchState::Unknown.after(BatchEvent::AskedAbout)?;
    let found = tx.execute(
        "UPDATE batches SET state = ?5, remote = ?2, ticket = ?3, due_at = ?4 WHERE id = ?1 AND state = 'unknown'",
        params![batch, remote, ticket, stamp(now), asked.word()],
    )?;
    if found == 0 {
        return Ok((Decided::default(), Event::about(batch, serde_json::json!("not unknown"))));
    }
    let unknown = record::select(
        tx,
        "r.state = 'unknown' AND r.id IN (SELECT record_id FROM transactions WHERE batch_id = ?1)",
        &[&batch],
    )?;
    let mut decided = Decided::default();
    for known in unknown {
        let state = known.state.after(RecordEvent::AskedAbout)?;
        tx.execute("UPDATE records SET state = ?2 WHERE id = ?1", params![known.id, state.word()])?;
        let state = TransactionEvent::AskedAbout.leads_to();
        tx.execute(
            "UPDATE transactions SET state = ?3 WHERE batch_id = ?1 AND record_id = ?2 AND state = 'unknown'",
            params![batch, known.id, state.word()],
        )?;
        decided.moved.push(touched(tx, &known)?);
    }
    mark_batch_changed(tx, batch)?;
    let data = serde_json::json!({"by": by.name, "reason": by.reason, "said": {"batch": remote}});
    Ok((decided, Event::about(batch, data)))
}

/// Whether a list shows a movement that a held row may be.
fn is_perhaps_listed(store: &SqlStore<'_>, record: i64) -> Result<bool, Error> {
    Ok(store.reason(record)?.iter().any(|issue| issue.code == codes::PERHAPS_LISTED.code))
}

fn realm_is_mine(tx: &Transaction<'_>, record: i64, mine: &[i64]) -> Result<bool, Error> {
    let realm: Option<i64> =
        tx.query_row("SELECT realm_id FROM records WHERE id = ?1", [record], |row| row.get(0))?;
    Ok(realm.is_none_or(|realm| mine.contains(&realm)))
}

fn first_reason(tx: &Transaction<'_>, record: i64) -> Result<Option<StoredIssue>, Error> {
    let reason: Option<String> =
        tx.query_row("SELECT reason FROM records WHERE id = ?1", [record], |row| row.get(0))?;
    let issues: Vec<StoredIssue> = parse(reason.as_deref());
    Ok(issues.into_iter().next())
}

fn touched(tx: &Transaction<'_>, known: &Known) -> Result<Touched, Error> {
    let state = record::get(tx, known.id)?.map_or(known.state, |now| now.state);
    Ok(Touched {
        file: known.file.clone(),
        row: known.row,
        status: state.status(),
        why: first_reason(tx, known.id)?,
    })
}

fn all_touched(tx: &Transaction<'_>, all: &[Known]) -> Result<Vec<Touched>, Error> {
    all.iter().map(|known| touched(tx, known)).collect()
}
