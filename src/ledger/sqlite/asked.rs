//! Questions about pending batches: each is an attempt of its own, with its answer as it came.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::json;

use super::batches::{mark_batch_changed, state_of};
use super::{Event, Sqlite, json, stamp};
use crate::ledger::core::BatchState;
use crate::ledger::{Error, Question, RawAnswer, Waits};
use crate::model::hash;

impl Sqlite {
    pub(super) fn keep_question(&mut self, question: &Question, now: DateTime<Utc>) -> Result<i64, Error> {
        let packed = question.answer.as_ref().map(|answer| self.packer.pack(&answer.body)).transpose()?;
        let sha256 = question.answer.as_ref().map(|answer| hash::sha256(&answer.body));
        let kind = if question.waits.is_some() { "asked" } else { "answered" };
        self.commit(now, kind, |tx| {
            let (attempt, times) = match again(tx, question, sha256.as_deref(), now)? {
                Some(again) => again,
                None => (enter(tx, question, packed.as_deref(), sha256.as_deref(), now)?, 1),
            };
            if let Some(waits) = &question.waits {
                go_on(tx, question.batch, waits)?;
            }
            let status = question.answer.as_ref().map(|answer| answer.status);
            // Of an answer that came before only the count is news.
            let data = match times {
                1 => json!({"batch": question.batch, "status": status, "sha256": sha256, "seen": question.seen}),
                times => json!({"batch": question.batch, "times": times}),
            };
            Ok((attempt, Event::about(attempt, data)))
        })
    }
}

/// The same answer as to the question before is counted, not kept once more. One that ends the batch always is kept.
fn again(
    tx: &Transaction<'_>,
    question: &Question,
    sha256: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<(i64, i64)>, Error> {
    if question.waits.is_none() {
        return Ok(None);
    }
    let found = tx
        .prepare_cached(
            "UPDATE attempts SET times = times + 1, ended_at = ?5, headers = ?6
              WHERE id = (SELECT max(id) FROM attempts WHERE batch_id = ?1) AND kind = 'ask'
                AND http_status IS ?2 AND sha256 IS ?3 AND seen IS ?4 RETURNING id, times",
        )?
        .query_row(
            params![
                question.batch,
                question.answer.as_ref().map(|answer| answer.status),
                sha256,
                question.seen,
                stamp(now),
                headers(question)?
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    Ok(found)
}

fn enter(
    tx: &Transaction<'_>,
    question: &Question,
    packed: Option<&[u8]>,
    sha256: Option<&str>,
    now: DateTime<Utc>,
) -> Result<i64, Error> {
    let state = match (&question.answer, &question.waits) {
        (None, _) => "unknown",
        (Some(_), Some(_)) => "applied",
        // Read and settled next; if that does not come about, at the next start.
        (Some(_), None) => "answered",
    };
    tx.prepare_cached(
        "INSERT INTO attempts (batch_id, kind, state, began_at, ended_at, http_status, headers, raw, sha256, seen)
         VALUES (?1, 'ask', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        question.batch,
        state,
        stamp(question.began_at),
        stamp(now),
        question.answer.as_ref().map(|answer| answer.status),
        headers(question)?,
        packed,
        sha256,
        question.seen
    ])?;
    Ok(tx.last_insert_rowid())
}

fn headers(question: &Question) -> Result<Option<String>, Error> {
    question.answer.as_ref().map(|RawAnswer { headers, .. }| json(headers)).transpose()
}

/// The batch waits on. Nothing that a report shows has changed, unless the system gave its number only now.
fn go_on(tx: &Transaction<'_>, batch: i64, waits: &Waits) -> Result<(), Error> {
    if state_of(tx, batch)? == BatchState::Settled {
        return Ok(());
    }
    let fresh: bool = tx
        .prepare_cached("SELECT ?2 IS NOT NULL AND remote IS NOT ?2 FROM batches WHERE id = ?1")?
        .query_row(params![batch, waits.remote], |row| row.get(0))?;
    tx.prepare_cached(
        "UPDATE batches SET ticket = ?2, remote = coalesce(?3, remote), due_at = ?4
          WHERE id = ?1 AND state = 'pending'",
    )?
    .execute(params![batch, waits.ticket.to_string(), waits.remote, stamp(waits.ask_at)])?;
    if fresh { mark_batch_changed(tx, batch) } else { Ok(()) }
}
