//! Batches: claim, send, answer, settle. The intent is on disk before the first byte, the raw answer before it is
//! read; a crash in between is an unknown outcome, never a second sending.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::digest::Digest;
use super::many;
use super::packed::unpack;
use super::store::{SqlStore, among};
use super::takeover::{next_id, next_number};
use super::{Event, Sqlite, from_stamp, json, parse, stamp};
use crate::ledger::core::batch::{Effects, PutOff, after, effects, horizon, left_open, next};
use crate::ledger::core::decide::stop;
use crate::ledger::core::door::{self, Leaving};
use crate::ledger::core::follow::{judge_due, judge_followers_of};
use crate::ledger::core::store::told;
use crate::ledger::core::{
    AttemptEvent, AttemptState, BatchEvent, BatchState, Life as _, RecordEvent, RecordState,
    TransactionEvent, TransactionState,
};
use crate::ledger::{BatchVerdict, Build, ClaimItem, Error, OpenBatch, RawAnswer, Want, Work, codes};
use crate::model::{Outcome, hash};

/// Numbers one installation can issue: twelve digits.
pub(super) const NUMBERS_OF_ONE: i64 = 1_000_000_000_000;
/// Numbers looked at together for one that a mapping gave: about as many as a batch takes.
const NUMBERS_AT_ONCE: i64 = 256;

impl Sqlite {
    pub(super) fn next_work(&mut self, section: &str, now: DateTime<Utc>) -> Result<Work, Error> {
        let Some(realm) = self.realm(section) else { return Ok(Work::Nothing) };
        // What stands further ahead than anything is put off comes first: the clock was wrong when it was written.
        let first = self
            .conn
            .prepare_cached(
                "SELECT id, state, due_at FROM batches WHERE realm_id = ?1 AND due_at IS NOT NULL
                  AND (state = 'retry' OR state = 'pending')
                  ORDER BY CASE WHEN due_at > ?2 THEN '' ELSE due_at END, id LIMIT 1",
            )?
            .query_row(params![realm, stamp(horizon(now))], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
            })
            .optional()?;
        let first = first.and_then(|(batch, state, until)| {
            Some(PutOff { batch, state: BatchState::from_word(&state)?, until: from_stamp(&until)? })
        });
        let retry: Option<String> = self
            .conn
            .prepare_cached("SELECT min(due_at) FROM batches WHERE realm_id = ?1 AND due_at IS NOT NULL AND state = 'retry'")?
            .query_row([realm], |row| row.get(0))?;
        let ready = !ready(&self.conn, realm, 1)?.is_empty();
        Ok(next(first, retry.as_deref().and_then(from_stamp), ready, now))
    }

    pub(super) fn busy(&self) -> Result<bool, Error> {
        let sending: bool = self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM batches WHERE state <> 'settled' AND state = 'sending')",
            )?
            .query_row([], |row| row.get(0))?;
        for realm in self.realms.values() {
            if sending || !ready(&self.conn, *realm, 1)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(sending)
    }

    pub(super) fn claim_batch(&mut self, want: &Want, mut build: Build) -> Result<Option<OpenBatch>, Error> {
        let Some(realm) = self.realm(&want.section) else { return Ok(None) };
        let (installation, epoch) = (i64::from(self.installation), self.epoch);
        let tx = self.touched.begin(&mut self.conn)?;
        require_epoch(&tx, epoch)?;
        let numbers = Numbers::read(&tx, installation, realm)?;
        let mut aside = Vec::new();
        let claimed = loop {
            let candidates = ready(&tx, realm, want.rows)?;
            if candidates.is_empty() {
                break None;
            }
            let leaving: Vec<_> = candidates.iter().map(|one| &one.leaving).collect();
            let unfit = door::set_aside(&mut SqlStore::timeless(&tx), &leaving, want.late, want.today)?;
            if !unfit.is_empty() {
                aside.extend(unfit);
                continue;
            }
            let items = numbers.give(&tx, &candidates)?;
            let made = build(&items);
            if made.used > 0 {
                break Some((candidates, items, made));
            }
            if let Some(first) = candidates.first() {
                let store = &mut SqlStore::timeless(&tx);
                stop(store, first.leaving.record, RecordEvent::Refused, &told(&codes::TOO_LARGE, []))?;
                aside.push(first.leaving.record);
            }
        };
        if claimed.is_none() {
            judge_due(&mut SqlStore::timeless(&tx))?;
        }
        if !aside.is_empty() {
            let event = Event { subject: None, data: serde_json::json!({"records": aside}) };
            super::append_event(&tx, &self.touched, want.now, "set aside", event)?;
        }
        let Some((mut candidates, mut items, made)) = claimed else {
            tx.commit()?;
            return Ok(None);
        };
        candidates.truncate(made.used);
        items.truncate(made.used);
        numbers.keep(&tx, &candidates, &items)?;
        let sha256 = hash::sha256(&made.body);
        let packed = self.packer.pack(&made.body)?;
        let batch = insert_batch(&tx, realm, want, epoch, (&packed, &sha256), items.len())?;
        enter(&tx, batch, &candidates, &mut items)?;
        judge_due(&mut SqlStore::timeless(&tx))?;
        let attempt = begin_attempt(&tx, batch, "submit", want.now)?;
        let data = serde_json::json!({"rows": items.len(), "body_sha256": sha256});
        super::append_event(&tx, &self.touched, want.now, "sending", Event::about(batch, data))?;
        tx.commit()?;
        Ok(Some(OpenBatch { batch, attempt, items, body: made.body, ticket: None, tries: 0 }))
    }

    pub(super) fn resend_batch(
        &mut self,
        batch: i64,
        now: DateTime<Utc>,
    ) -> Result<Option<OpenBatch>, Error> {
        let Some(mut open) = read_batch(&self.conn, batch, "retry")? else { return Ok(None) };
        let (epoch, sending) = (self.epoch, BatchState::Retry.after(BatchEvent::SentAgain)?);
        open.attempt = self.commit(now, "sending again", |tx| {
            require_epoch(tx, epoch)?;
            tx.execute(
                "UPDATE batches SET state = ?3, sent_at = ?2, due_at = NULL, owner_epoch = ?4 WHERE id = ?1",
                params![batch, stamp(now), sending.word(), epoch],
            )?;
            let attempt = begin_attempt(tx, batch, "submit", now)?;
            Ok((attempt, Event::about(batch, serde_json::json!({"try": open.tries + 1}))))
        })?;
        Ok(Some(open))
    }

    pub(super) fn require_own_attempt(&self, attempt: i64) -> Result<(), Error> {
        // One statement, so of one moment.
        let mut own = self.conn.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM attempts WHERE id = ?1 AND state = 'sending')
                AND (SELECT coalesce(max(epoch), 0) FROM senders) = ?2",
        )?;
        let own: bool = own.query_row([attempt, self.epoch], |row| row.get(0))?;
        if own { Ok(()) } else { Err(Error::TakenOver) }
    }

    pub(super) fn pending_batch(&self, batch: i64) -> Result<Option<OpenBatch>, Error> {
        read_batch(&self.conn, batch, "pending")
    }

    pub(super) fn keep_answer(
        &mut self,
        attempt: i64,
        answer: &RawAnswer,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let raw = self.packer.pack(&answer.body)?;
        let headers = json(&answer.headers)?;
        let sha256 = hash::sha256(&answer.body);
        self.commit(now, "answered", |tx| {
            // An attempt that did not go out has no answer.
            let kept = AttemptEvent::Kept;
            let sql = format!(
                "UPDATE attempts SET state = ?7, ended_at = ?2, http_status = ?3, headers = ?4, raw = ?5,
                    sha256 = ?6 WHERE id = ?1 AND {}",
                among("state", AttemptState::sources(kept))
            );
            let state = kept.leads_to().word();
            tx.prepare_cached(&sql)?.execute(params![
                attempt,
                stamp(now),
                answer.status,
                headers,
                raw,
                sha256,
                state
            ])?;
            let data = serde_json::json!({"status": answer.status, "sha256": sha256});
            Ok(((), Event::about(attempt, data)))
        })
    }

    pub(super) fn settle_batch(
        &mut self,
        attempt: i64,
        verdict: &BatchVerdict,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.commit(now, "settled", |tx| {
            let (batch, word): (i64, String) =
                tx.query_row("SELECT batch_id, state FROM attempts WHERE id = ?1", [attempt], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
            let rows = sent(tx, batch)?;
            let state = state_of(tx, batch)?;
            let states: Vec<TransactionState> = rows.iter().map(|row| row.state).collect();
            let told = AttemptState::from_word(&word);
            let Some(to) = told.and_then(|one| after(state, one, verdict, &states)) else {
                if let Some(read) = told.and_then(AttemptState::after_nothing_new) {
                    tx.execute(
                        "UPDATE attempts SET state = ?2 WHERE id = ?1",
                        params![attempt, read.word()],
                    )?;
                }
                let data = serde_json::json!({"late": state.word(), "rows": rows.len()});
                return Ok(((), Event::about(batch, data)));
            };
            let effects = effects(verdict, &states);
            let after = After { batch, attempt, to, effects, at: stamp(now) };
            let data = match verdict {
                BatchVerdict::Settled { outcomes, remote } => {
                    settled(tx, &after, &rows, outcomes, remote.as_deref())?
                }
                BatchVerdict::Pending { ticket, remote, ask_at } => {
                    pending(tx, &after, &ticket.to_string(), remote.as_deref(), *ask_at)?
                }
                BatchVerdict::NotSent { retry_at, seen } => not_sent(tx, &after, *retry_at, seen)?,
                BatchVerdict::Unknown { seen } => unknown(tx, &after, seen)?,
            };
            mark_batch_changed(tx, batch)?;
            Ok(((), Event::about(batch, data)))
        })
    }

    pub(super) fn recover_sending(
        &mut self,
        owner: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, OpenBatch, RawAnswer)>, Error> {
        let open: Vec<(i64, i64, String, i64)> = {
            let mut found = self.conn.prepare(
                "SELECT a.id, a.batch_id, a.state, b.realm_id FROM attempts a JOIN batches b ON b.id = a.batch_id
                  WHERE a.state IN ('sending', 'answered') ORDER BY a.id",
            )?;
            found
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
                .collect::<Result<_, _>>()?
        };
        self.epoch = self.commit(now, "sender", |tx| {
            tx.execute("INSERT INTO senders (owner, began_at) VALUES (?1, ?2)", params![owner, stamp(now)])?;
            let epoch = tx.last_insert_rowid();
            Ok((epoch, Event::about(epoch, serde_json::json!({"owner": owner}))))
        })?;
        self.forget_far_due_times(now)?;
        let mut unread = Vec::new();
        for (attempt, batch, state, realm) in open {
            if state == "sending" {
                let seen = "the program was stopped between sending and the answer".to_owned();
                self.settle_batch(attempt, &BatchVerdict::Unknown { seen }, now)?;
            } else if let Some((open, answer)) = unread_answer(&self.conn, batch, attempt)? {
                // The section may bear another name now.
                let section =
                    self.realms.iter().find(|(_, one)| **one == realm).map(|(name, _)| name.clone());
                unread.extend(section.map(|section| (section, open, answer)));
            }
        }
        Ok(unread)
    }
}

impl Sqlite {
    /// Due times that a calendar set wrong left behind count from now.
    fn forget_far_due_times(&mut self, now: DateTime<Utc>) -> Result<(), Error> {
        self.conn.execute(
            "UPDATE batches SET due_at = ?1 WHERE due_at IS NOT NULL AND state <> 'settled' AND due_at > ?2",
            params![stamp(now), stamp(horizon(now))],
        )?;
        Ok(())
    }
}

pub(super) fn state_of(conn: &Connection, batch: i64) -> Result<BatchState, Error> {
    let word: String =
        conn.query_row("SELECT state FROM batches WHERE id = ?1", [batch], |row| row.get(0))?;
    BatchState::from_word(&word).ok_or(Error::Order("a batch in no state"))
}

/// Only the process that began to send last may send: one that was frozen and taken over must not go on.
fn require_epoch(tx: &Transaction<'_>, mine: i64) -> Result<(), Error> {
    if newest_epoch(tx)? == mine { Ok(()) } else { Err(Error::TakenOver) }
}

/// The epoch of the process that began to send last.
pub(super) fn newest_epoch(conn: &Connection) -> Result<i64, Error> {
    Ok(conn.prepare_cached("SELECT coalesce(max(epoch), 0) FROM senders")?.query_row([], |row| row.get(0))?)
}

/// A ready record.
struct Candidate {
    leaving: Leaving,
    members: String,
    /// The number of its transaction.
    number: Option<String>,
}

fn ready(conn: &Connection, realm: i64, limit: usize) -> Result<Vec<Candidate>, Error> {
    let mut found = conn.prepare_cached(
        "SELECT r.id, c.members, t.id, t.number, r.mapped_number,
                CASE WHEN r.released = 0 AND r.transaction_id IS NULL THEN r.until END,
                (SELECT f.live = 0 FROM facts f WHERE f.intake_id = r.intake_id AND f.row_no = r.row_no
                    AND f.record_id = r.id ORDER BY f.part LIMIT 1), r.moved_intake, r.moved_row
           FROM records r JOIN intakes i ON i.id = r.intake_id LEFT JOIN contents c ON c.record_id = r.id
           LEFT JOIN transactions t ON t.id = r.transaction_id AND t.state = 'not_received'
          WHERE r.realm_id = ?1 AND r.state = 'ready' AND i.state = 'taken' ORDER BY r.id LIMIT ?2",
    )?;
    let read = |row: &Row<'_>| {
        Ok(Candidate {
            leaving: Leaving {
                record: row.get(0)?,
                transaction: row.get(2)?,
                mapped: row.get(4)?,
                until: row.get::<_, Option<String>>(5)?.as_deref().and_then(super::day),
                beside: row.get::<_, Option<bool>>(6)?.unwrap_or_default(),
                movement: row.get::<_, Option<i64>>(7)?.zip(row.get(8)?),
            },
            members: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
            number: row.get(3)?,
        })
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(found.query_map(params![realm, limit], read)?.collect::<Result<_, _>>()?)
}

/// The numbers we issue: each once, only rising.
struct Numbers {
    base: i64,
    next: i64,
    realm: i64,
}

impl Numbers {
    fn read(tx: &Transaction<'_>, installation: i64, realm: i64) -> Result<Self, Error> {
        Ok(Self { base: installation * NUMBERS_OF_ONE, next: next_number(tx)?, realm })
    }

    /// A number for each: the one it has, the mapped one, or the next free one.
    fn give(&self, tx: &Transaction<'_>, candidates: &[Candidate]) -> Result<Vec<ClaimItem>, Error> {
        let mut free = Free { tx, numbers: self, next: self.next, looked: self.next, mapped: HashSet::new() };
        let mut items = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let number = match candidate.number.as_ref().or(candidate.leaving.mapped.as_ref()) {
                Some(number) => number.clone(),
                None => free.take()?,
            };
            items.push(ClaimItem {
                transaction: candidate.leaving.transaction.unwrap_or_default(),
                number,
                members: candidate.members.clone(),
            });
        }
        Ok(items)
    }

    fn text(&self, number: i64) -> String {
        (self.base + number).to_string()
    }

    /// Raises the counter past the numbers of those that go.
    fn keep(&self, tx: &Transaction<'_>, gone: &[Candidate], items: &[ClaimItem]) -> Result<(), Error> {
        let fresh =
            |(one, _): &(&Candidate, &ClaimItem)| one.number.is_none() && one.leaving.mapped.is_none();
        let Some((_, last)) = gone.iter().zip(items).rfind(fresh) else { return Ok(()) };
        let number: i64 = last.number.parse().map_err(|_| Error::Order("a number of ours that is none"))?;
        let next = number - self.base + 1;
        tx.execute("UPDATE meta SET value = ?1 WHERE key = 'next_number'", [next.to_string()])?;
        Ok(())
    }
}

/// Numbers of ours that no mapping gave, looked up some hundred at a time.
struct Free<'a> {
    tx: &'a Transaction<'a>,
    numbers: &'a Numbers,
    next: i64,
    /// Up to here it is known which ones a mapping gave.
    looked: i64,
    mapped: HashSet<String>,
}

impl Free<'_> {
    fn take(&mut self) -> Result<String, Error> {
        loop {
            if self.next == self.looked {
                self.look()?;
            }
            let number = self.numbers.text(self.next);
            self.next += 1;
            if !self.mapped.contains(&number) {
                return Ok(number);
            }
        }
    }

    /// All numbers of ours have as many digits, so those in between as texts are those in between as numbers,
    /// and texts that are no numbers of ours.
    fn look(&mut self) -> Result<(), Error> {
        let first = self.looked;
        self.looked += NUMBERS_AT_ONCE;
        let mut found = self.tx.prepare_cached(
            "SELECT mapped_number FROM records WHERE realm_id = ?1 AND mapped_number >= ?2 AND mapped_number <= ?3
              AND length(mapped_number) = length(?2)",
        )?;
        let within =
            params![self.numbers.realm, self.numbers.text(first), self.numbers.text(self.looked - 1)];
        self.mapped = found.query_map(within, |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(())
    }
}

fn insert_batch(
    tx: &Transaction<'_>,
    realm: i64,
    want: &Want,
    epoch: i64,
    (packed, sha256): (&[u8], &str),
    rows: usize,
) -> Result<i64, Error> {
    let id = next_id(tx, "batches")?;
    tx.prepare_cached(
        "INSERT INTO batches (realm_id, section, state, rows, body, body_sha256, owner_epoch, sent_at, id)
         VALUES (?1, ?2, 'sending', ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        realm,
        want.section,
        i64::try_from(rows).unwrap_or_default(),
        packed,
        sha256,
        epoch,
        stamp(want.now),
        id
    ])?;
    Ok(id)
}

/// Puts records into a batch, each under its number. Records nearly always follow one another as their transactions
/// do, and one statement moves them all.
fn enter(
    tx: &Transaction<'_>,
    batch: i64,
    candidates: &[Candidate],
    items: &mut [ClaimItem],
) -> Result<(), Error> {
    let mut next: i64 = tx
        .prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM transactions")?
        .query_row([], |row| row.get(0))?;
    let mut fresh = Vec::with_capacity(items.len());
    for (position, (candidate, item)) in (0_i64..).zip(candidates.iter().zip(items.iter_mut())) {
        if candidate.leaving.transaction.is_some() {
            let again = TransactionState::NotReceived.after(TransactionEvent::Claimed)?;
            tx.prepare_cached(
                "UPDATE transactions SET state = ?4, batch_id = ?2, position = ?3 WHERE id = ?1",
            )?
            .execute(params![item.transaction, batch, position, again.word()])?;
        } else {
            item.transaction = next;
            next += 1;
            fresh.push((position, candidate.leaving.record, &*item));
        }
    }
    many::run(
        tx,
        "INSERT INTO transactions (id, record_id, number, state, batch_id, position) VALUES {rows}",
        "(?,?,?,'sending',?,?)",
        &fresh,
        |(position, record, item)| {
            [
                item.transaction.into(),
                (*record).into(),
                item.number.as_str().into(),
                batch.into(),
                (*position).into(),
            ]
        },
    )?;
    let claimed = RecordState::Ready.after(RecordEvent::Claimed)?;
    let moved: Vec<(i64, i64)> = candidates
        .iter()
        .zip(items.iter())
        .map(|(one, item)| (one.leaving.record, item.transaction))
        .collect();
    for run in moved.chunk_by(|one, next| (one.0 + 1, one.1 + 1) == *next) {
        let ([(first, transaction), ..], [.., (last, _)]) = (run, run) else { continue };
        tx.prepare_cached(
            "UPDATE records SET state = ?4, transaction_id = id + ?3 WHERE id >= ?1 AND id <= ?2",
        )?
        .execute(params![first, last, transaction - first, claimed.word()])?;
    }
    Ok(())
}

fn begin_attempt(tx: &Transaction<'_>, batch: i64, kind: &str, now: DateTime<Utc>) -> Result<i64, Error> {
    tx.prepare_cached(
        "INSERT INTO attempts (batch_id, kind, state, began_at) VALUES (?1, ?2, 'sending', ?3)",
    )?
    .execute(params![batch, kind, stamp(now)])?;
    Ok(tx.last_insert_rowid())
}

/// A batch in a state, with its newest attempt.
fn read_batch(conn: &Connection, batch: i64, state: &str) -> Result<Option<OpenBatch>, Error> {
    let found: Option<(Vec<u8>, Option<String>, u32, i64)> = conn
        .query_row(
            "SELECT body, ticket, tries, (SELECT max(id) FROM attempts WHERE batch_id = b.id) FROM batches b
              WHERE id = ?1 AND state = ?2",
            params![batch, state],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .optional()?;
    let Some((body, ticket, tries, attempt)) = found else { return Ok(None) };
    let mut items = conn.prepare_cached(
        "SELECT t.id, t.number, c.members FROM transactions t LEFT JOIN contents c ON c.record_id = t.record_id
          WHERE t.batch_id = ?1 ORDER BY t.position",
    )?;
    let items = items.query_map([batch], |row| {
        Ok(ClaimItem {
            transaction: row.get(0)?,
            number: row.get(1)?,
            members: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
        })
    })?;
    Ok(Some(OpenBatch {
        batch,
        attempt,
        items: items.collect::<Result<_, _>>()?,
        body: unpack(&body)?,
        ticket: ticket.as_deref().and_then(|text| serde_json::from_str(text).ok()),
        tries,
    }))
}

fn unread_answer(
    conn: &Connection,
    batch: i64,
    attempt: i64,
) -> Result<Option<(OpenBatch, RawAnswer)>, Error> {
    let state: String =
        conn.query_row("SELECT state FROM batches WHERE id = ?1", [batch], |row| row.get(0))?;
    let Some(open) = read_batch(conn, batch, &state)? else { return Ok(None) };
    let (status, headers, raw): (u16, Option<String>, Vec<u8>) =
        conn.query_row("SELECT http_status, headers, raw FROM attempts WHERE id = ?1", [attempt], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let answer = RawAnswer { status, headers: parse(headers.as_deref()), body: unpack(&raw)? };
    Ok(Some((OpenBatch { attempt, ..open }, answer)))
}

/// A batch after a verdict.
struct After {
    batch: i64,
    attempt: i64,
    to: BatchState,
    effects: Effects,
    at: String,
}

fn settled(
    tx: &Transaction<'_>,
    after: &After,
    rows: &[Sent],
    outcomes: &[Outcome],
    remote: Option<&str>,
) -> Result<serde_json::Value, Error> {
    let mut counts = [0_u32; 3];
    let mut told = Vec::new();
    for (Sent { transaction, record, state }, outcome) in rows.iter().zip(outcomes) {
        // One that is settled already stays as it is.
        if state.step(TransactionEvent::of(outcome)).is_some() {
            let (transaction, record) = (*transaction, *record);
            told.push(Told { transaction, record, outcome, errors: written(outcome)? });
        }
        let slot = match outcome {
            Outcome::Accepted { .. } => 0,
            Outcome::Refused { .. } => 1,
            Outcome::Unknown if state.step(TransactionEvent::Unsaid).is_none() => continue,
            Outcome::Unknown => 2,
        };
        if let Some(count) = counts.get_mut(slot) {
            *count += 1;
        }
    }
    write_outcomes(tx, &told, &after.at)?;
    move_records(tx, &told)?;
    let seen = (after.to == BatchState::Unknown).then(|| left_open(outcomes, remote));
    finish(tx, after, seen.as_deref())?;
    tx.execute(
        "UPDATE batches SET remote = coalesce(?2, remote) WHERE id = ?1",
        params![after.batch, remote],
    )?;
    follow_up(tx, after.batch)?;
    Ok(serde_json::json!({"accepted": counts.first(), "refused": counts.get(1), "unknown": counts.get(2),
        "remote": remote, "outcomes": outcomes_digest(&told)}))
}

/// A hash over what becomes final here, for the event: so it can be told later whether an outcome was changed by
/// hand. Those it covers are found again by their time, which is the event's.
fn outcomes_digest(told: &[Told<'_>]) -> String {
    let mut digest = Digest::new();
    for one in told {
        match one.outcome {
            Outcome::Accepted { id } => digest.add(one.transaction, one.state(), Some(id)),
            Outcome::Refused { .. } => digest.add(one.transaction, one.state(), None),
            Outcome::Unknown => {}
        }
    }
    digest.end()
}

/// A transaction of a batch.
struct Sent {
    transaction: i64,
    record: i64,
    state: TransactionState,
}

/// The transactions of a batch in order.
fn sent(tx: &Transaction<'_>, batch: i64) -> Result<Vec<Sent>, Error> {
    let mut found = tx.prepare_cached(
        "SELECT id, record_id, state FROM transactions WHERE batch_id = ?1 ORDER BY position",
    )?;
    let read = |row: &Row<'_>| {
        let state = TransactionState::from_word(row.get_ref(2)?.as_str()?);
        let state = state.unwrap_or(TransactionState::Unknown);
        Ok(Sent { transaction: row.get(0)?, record: row.get(1)?, state })
    };
    Ok(found.query_map([batch], read)?.collect::<Result<_, _>>()?)
}

/// What became of a transaction.
struct Told<'a> {
    transaction: i64,
    record: i64,
    outcome: &'a Outcome,
    /// The system's words.
    errors: Option<String>,
}

impl Told<'_> {
    fn state(&self) -> &'static str {
        TransactionEvent::of(self.outcome).leads_to().word()
    }

    fn event(&self) -> RecordEvent {
        RecordEvent::of(self.outcome)
    }
}

/// The system's words of an outcome, as the ledger keeps them.
fn written(outcome: &Outcome) -> Result<Option<String>, Error> {
    match outcome {
        Outcome::Refused { errors } => Ok(Some(json(errors)?)),
        Outcome::Accepted { .. } | Outcome::Unknown => Ok(None),
    }
}

/// Writes outcomes down with their transactions.
fn write_outcomes(tx: &Transaction<'_>, told: &[Told<'_>], at: &str) -> Result<(), Error> {
    let mut write = tx.prepare_cached(
        "UPDATE transactions SET state = ?2, remote_id = ?3, errors = ?4, settled_at = ?5 WHERE id = ?1",
    )?;
    for one in told {
        let id = match one.outcome {
            Outcome::Accepted { id } => Some(id),
            Outcome::Refused { .. } | Outcome::Unknown => None,
        };
        write.execute(params![one.transaction, one.state(), id, one.errors, at])?;
    }
    Ok(())
}

/// Moves the records of transactions as their outcomes say. Those that follow one another nearly always met the
/// same, and one statement moves them all.
fn move_records(tx: &Transaction<'_>, told: &[Told<'_>]) -> Result<(), Error> {
    let alike =
        |one: &Told<'_>, next: &Told<'_>| one.record + 1 == next.record && one.event() == next.event();
    for run in told.chunk_by(alike) {
        let ([first, ..], [.., last]) = (run, run) else { continue };
        let event = first.event();
        tx.prepare_cached(&format!(
            "UPDATE records SET state = ?3 WHERE id >= ?1 AND id <= ?2 AND {}",
            among("state", RecordState::sources(event))
        ))?
        .execute(params![first.record, last.record, event.leads_to().word()])?;
    }
    Ok(())
}

/// Applies one outcome; one that is already settled stays as it is.
pub(super) fn settle_one(
    tx: &Transaction<'_>,
    transaction: i64,
    outcome: &Outcome,
    at: &str,
) -> Result<(), Error> {
    let (record, word): (i64, String) = tx
        .prepare_cached("SELECT record_id, state FROM transactions WHERE id = ?1")?
        .query_row([transaction], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let state = TransactionState::from_word(&word);
    if state.and_then(|state| state.step(TransactionEvent::of(outcome))).is_none() {
        return Ok(());
    }
    let told = [Told { transaction, record, outcome, errors: written(outcome)? }];
    write_outcomes(tx, &told, at)?;
    move_records(tx, &told)
}

/// Rows that waited behind this batch's are judged anew.
fn follow_up(tx: &Transaction<'_>, batch: i64) -> Result<(), Error> {
    // Nearly always nothing waits at all, and then no row of the batch need be looked at.
    let any: bool = tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM records WHERE state = 'behind')")?
        .query_row([], |row| row.get(0))?;
    if !any {
        return Ok(());
    }
    let mut found = tx.prepare_cached(
        "SELECT DISTINCT t.record_id FROM transactions t JOIN records w ON w.of_record = t.record_id
          WHERE t.batch_id = ?1 AND w.state = 'behind' ORDER BY t.record_id",
    )?;
    let waited: Vec<i64> = found.query_map([batch], |row| row.get(0))?.collect::<Result<_, _>>()?;
    judge_followers_of(&mut SqlStore::timeless(tx), &waited)
}

fn finish(tx: &Transaction<'_>, after: &After, seen: Option<&str>) -> Result<(), Error> {
    tx.prepare_cached(
        "UPDATE batches SET state = ?2, seen = ?3, due_at = NULL, answered_at = ?4 WHERE id = ?1",
    )?
    .execute(params![after.batch, after.to.word(), seen, after.at])?;
    let event = after.effects.attempt;
    tx.prepare_cached(&format!(
        "UPDATE attempts SET state = ?2, seen = ?3, ended_at = coalesce(ended_at, ?4) WHERE id = ?1 AND {}",
        among("state", AttemptState::sources(event))
    ))?
    .execute(params![after.attempt, event.leads_to().word(), seen, after.at])?;
    Ok(())
}

/// What happens to every transaction and record of a batch alike.
fn move_all(tx: &Transaction<'_>, after: &After) -> Result<(), Error> {
    let Some((transaction, record)) = after.effects.all else { return Ok(()) };
    tx.prepare_cached(&format!(
        "UPDATE transactions SET state = ?2 WHERE batch_id = ?1 AND {}",
        among("state", TransactionState::sources(transaction))
    ))?
    .execute(params![after.batch, transaction.leads_to().word()])?;
    tx.prepare_cached(&format!(
        "UPDATE records SET state = ?2 WHERE id IN (SELECT record_id FROM transactions WHERE batch_id = ?1)
          AND {}",
        among("state", RecordState::sources(record))
    ))?
    .execute(params![after.batch, record.leads_to().word()])?;
    Ok(())
}

fn pending(
    tx: &Transaction<'_>,
    after: &After,
    ticket: &str,
    remote: Option<&str>,
    ask_at: DateTime<Utc>,
) -> Result<serde_json::Value, Error> {
    finish(tx, after, None)?;
    tx.execute(
        "UPDATE batches SET ticket = ?2, remote = coalesce(?3, remote), due_at = ?4 WHERE id = ?1",
        params![after.batch, ticket, remote, stamp(ask_at)],
    )?;
    move_all(tx, after)?;
    Ok(serde_json::json!({"pending": remote}))
}

fn not_sent(
    tx: &Transaction<'_>,
    after: &After,
    retry_at: DateTime<Utc>,
    seen: &str,
) -> Result<serde_json::Value, Error> {
    finish(tx, after, Some(seen))?;
    tx.execute(
        "UPDATE batches SET due_at = ?2, tries = tries + 1, answered_at = NULL WHERE id = ?1",
        params![after.batch, stamp(retry_at)],
    )?;
    Ok(serde_json::json!({"not_sent": seen}))
}

/// What was to be sent again may have been received meanwhile: an older ledger does not know.
pub(super) fn doubt(
    tx: &Transaction<'_>,
    batch: i64,
    attempt: i64,
    seen: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let lost = BatchVerdict::Unknown { seen: seen.to_owned() };
    let to = state_of(tx, batch)?.after(BatchEvent::Doubted)?;
    unknown(tx, &After { batch, attempt, to, effects: effects(&lost, &[]), at: stamp(now) }, seen).map(drop)
}

fn unknown(tx: &Transaction<'_>, after: &After, seen: &str) -> Result<serde_json::Value, Error> {
    finish(tx, after, Some(seen))?;
    move_all(tx, after)?;
    follow_up(tx, after.batch)?;
    Ok(serde_json::json!({"unknown": seen}))
}

/// Marks every file whose report shows a row of the batch.
pub(super) fn mark_batch_changed(tx: &Transaction<'_>, batch: i64) -> Result<(), Error> {
    tx.prepare_cached(
        "WITH RECURSIVE shown (intake, id) AS (
            SELECT r.intake_id, r.id FROM transactions t JOIN records r ON r.id = t.record_id WHERE t.batch_id = ?1
            UNION SELECT r.intake_id, r.id FROM shown s JOIN records r ON r.newer = s.id)
         UPDATE intakes SET changed = changed + 1 WHERE id IN (SELECT intake FROM shown)",
    )?
    .execute([batch])?;
    Ok(())
}
