//! Unknown transactions that are asked about by our number: who is due, what was answered, what it proves.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde_json::json;

use super::batches::mark_batch_changed;
use super::decide::listed_under_our_number;
use super::digest::Digest;
use super::record;
use super::store::SqlStore;
use super::{Event, Sqlite, from_stamp, json, stamp};
use crate::ledger::core::decide as rules;
use crate::ledger::core::store::told;
use crate::ledger::looks::{
    Absence, Look, Looking, Looks, MORE, Moment, Presence, Quiet, Sought, Witness, Word, weigh,
};
use crate::ledger::{ClaimItem, Error, StoredIssue, codes};
use crate::model::hash;

/// What is not there of a batch that the system gave a number may be on its way still, however long it takes.
const THOUGH_TAKEN: &str = "not there, though it took the batch";

/// What a list shows under our number was received, whatever it is.
const THOUGH_LISTED: &str = "not there, though a list shows our number";

/// The request may have been under way when it was asked about.
const EARLY: &str = "not there, but asked too early";

/// Unknown still, and in the batch that was asked about.
const STILL_UNKNOWN: &str =
    "EXISTS (SELECT 1 FROM transactions t JOIN records r ON r.transaction_id = t.id WHERE t.id = k.transaction_id
        AND t.batch_id = k.batch_id AND t.state = 'unknown' AND r.state = 'unknown')";

impl Looks for Sqlite {
    fn look_due(&mut self, section: &str, quiet: Quiet, now: DateTime<Utc>) -> Result<Looking, Error> {
        let Some(realm) = self.realm(section) else { return Ok(Looking::Nothing) };
        self.put_down(realm, quiet, now)?;
        self.forget_far_looks(realm, now + quiet.longest(), now)?;
        loop {
            let Some(next) = self.next_look(realm)? else { return Ok(Looking::Nothing) };
            if !next.unknown {
                self.conn
                    .prepare_cached("DELETE FROM looks WHERE transaction_id = ?1 AND batch_id = ?2")?
                    .execute([next.transaction, next.batch])?;
                continue;
            }
            return Ok(match from_stamp(&next.at) {
                Some(at) if at > now => Looking::Later(at),
                _ => Looking::Now(self.sought(&next)?),
            });
        }
    }

    fn witness(&mut self, section: &str, before: u32) -> Result<Option<Witness>, Error> {
        let Some(realm) = self.realm(section) else { return Ok(None) };
        // What a person or a list said of the number is not the system's own word.
        let mut found = self.conn.prepare_cached(
            "SELECT t.batch_id, t.id, t.number, c.members, t.remote_id FROM transactions t
               JOIN records r ON r.transaction_id = t.id JOIN contents c ON c.record_id = r.id
              WHERE t.state = 'accepted' AND t.remote_id IS NOT NULL AND r.realm_id = ?1 AND r.state = 'accepted'
                AND coalesce(r.reason, '') NOT LIKE ?2 AND coalesce(r.reason, '') NOT LIKE ?3
              ORDER BY t.id DESC LIMIT 1 OFFSET ?4",
        )?;
        let code = |code: &str| format!("%\"{code}\"%");
        let by_word = params![realm, code(codes::BY_WORD.code), code(codes::IN_LIST.code), before];
        let witness = found.query_row(by_word, |row| {
            Ok(Witness { batch: row.get(0)?, item: item(row, 1)?, id: row.get(4)? })
        });
        Ok(witness.optional()?)
    }

    fn sent_after(&mut self, batch: i64, other: i64) -> Result<bool, Error> {
        let sql = "SELECT coalesce((SELECT max(id) FROM attempts WHERE batch_id = ?1 AND kind = 'submit')
                > (SELECT max(id) FROM attempts WHERE batch_id = ?2 AND kind = 'submit'), 0)";
        Ok(self.conn.prepare_cached(sql)?.query_row([batch, other], |row| row.get(0))?)
    }

    fn looked(&mut self, look: &Look, now: DateTime<Utc>) -> Result<(), Error> {
        let packed = look.answer.as_ref().map(|answer| self.packer.pack(&answer.body)).transpose()?;
        let sha256 = look.answer.as_ref().map(|answer| hash::sha256(&answer.body));
        self.commit(now, "looked", |tx| {
            let attempt = enter(tx, look, packed.as_deref(), sha256.as_deref(), now)?;
            let status = look.answer.as_ref().map(|answer| answer.status);
            let data = json!({"batch": look.batch, "transaction": look.transaction, "status": status,
                "sha256": sha256, "seen": look.seen});
            Ok(((), Event::about(attempt, data)))
        })
    }

    fn conclude(
        &mut self,
        sought: &Sought,
        seen: &str,
        presence: &Presence,
        quiet: Quiet,
        (now, steady): Moment,
    ) -> Result<(), Error> {
        let (now, epoch) = (self.free_moment(sought.batch, now)?, self.epoch);
        self.commit(now, "settled", |tx| {
            let Some(asked) = asked_about(tx, sought)? else {
                return Ok(((), Event::about(sought.batch, json!("decided already"))));
            };
            let (taken, sent_at) = sending(tx, sought.batch, epoch)?;
            let gap = quiet.of(sought.rows, taken);
            let counts_from = sent_at.map_or(steady, |at| at + quiet.first(sought.rows, taken));
            let data = match presence {
                Presence::There(id) => there(tx, &asked, id, now)?,
                Presence::Absent(_) if taken => unclear(tx, &asked, THOUGH_TAKEN, gap, (now, steady))?,
                Presence::Absent(_) if listed_under_our_number(tx, asked.record)?.is_some() => {
                    unclear(tx, &asked, THOUGH_LISTED, gap, (now, steady))?
                }
                Presence::Absent(_) if steady < counts_from => {
                    unclear(tx, &asked, EARLY, gap, (now, steady))?
                }
                Presence::Absent(date) => absent(tx, &asked, (steady, *date), seen, gap, now)?,
                Presence::Unclear => unclear(tx, &asked, seen, gap, (now, steady))?,
            };
            mark_batch_changed(tx, sought.batch)?;
            Ok(((), Event::about(sought.batch, data)))
        })
    }
}

/// The look that is due next.
struct Next {
    transaction: i64,
    batch: i64,
    at: String,
    unknown: bool,
}

impl Sqlite {
    /// Puts down what became unknown since. The calendar, by which a sending is written down, may have been set after
    /// this process began, so what it sent itself counts from now; what another one sent never from later than now.
    fn put_down(&mut self, realm: i64, quiet: Quiet, now: DateTime<Utc>) -> Result<(), Error> {
        let mut found = self.conn.prepare_cached(
            "SELECT b.id, b.rows, b.remote IS NOT NULL, CASE WHEN b.owner_epoch <> ?2 THEN b.sent_at END FROM batches b
              WHERE b.state <> 'settled' AND b.state = 'unknown' AND b.realm_id = ?1
                AND EXISTS (SELECT 1 FROM transactions t WHERE t.batch_id = b.id AND t.state = 'unknown'
                    AND NOT EXISTS (SELECT 1 FROM looks k WHERE k.transaction_id = t.id AND k.batch_id = b.id))",
        )?;
        let fresh: Vec<(i64, i64, bool, Option<String>)> = found
            .query_map([realm, self.epoch], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
            .collect::<Result<_, _>>()?;
        for (batch, rows, taken, sent_at) in fresh {
            let sent_at = sent_at.as_deref().and_then(from_stamp).map_or(now, |at| at.min(now));
            let first = sent_at + quiet.first(usize::try_from(rows).unwrap_or_default(), taken);
            self.conn
                .prepare_cached(
                    "INSERT OR IGNORE INTO looks (transaction_id, batch_id, realm_id, next_at)
                     SELECT id, batch_id, ?2, ?3 FROM transactions WHERE batch_id = ?1 AND state = 'unknown'",
                )?
                .execute(params![batch, realm, stamp(first)])?;
        }
        Ok(())
    }

    /// Questions further ahead than any is put off were put down while the calendar was wrong: they are due. To ask
    /// early does no harm, and it is put off properly then.
    fn forget_far_looks(&self, realm: i64, horizon: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Error> {
        let last: Option<String> = self
            .conn
            .prepare_cached("SELECT max(next_at) FROM looks WHERE realm_id = ?1")?
            .query_row([realm], |row| row.get(0))?;
        let horizon = stamp(horizon);
        if last.is_some_and(|last| last > horizon) {
            self.conn.execute(
                "UPDATE looks SET next_at = ?3 WHERE realm_id = ?1 AND next_at > ?2",
                params![realm, horizon, stamp(now)],
            )?;
        }
        Ok(())
    }

    /// That moment or the next at which nothing of the batch became final: what becomes final with an event is found
    /// again by its time.
    fn free_moment(&self, batch: i64, mut now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
        let taken = "SELECT EXISTS (SELECT 1 FROM transactions WHERE batch_id = ?1 AND settled_at = ?2)";
        let mut taken = self.conn.prepare_cached(taken)?;
        while taken.query_row(params![batch, stamp(now)], |row| row.get(0))? {
            now += TimeDelta::milliseconds(1);
        }
        Ok(now)
    }

    fn next_look(&self, realm: i64) -> Result<Option<Next>, Error> {
        let next = self
            .conn
            .prepare_cached(&format!(
                "SELECT k.transaction_id, k.batch_id, k.next_at, {STILL_UNKNOWN} FROM looks k
                  WHERE k.realm_id = ?1 ORDER BY k.next_at, k.transaction_id LIMIT 1"
            ))?
            .query_row([realm], |row| {
                Ok(Next {
                    transaction: row.get(0)?,
                    batch: row.get(1)?,
                    at: row.get(2)?,
                    unknown: row.get(3)?,
                })
            });
        Ok(next.optional()?)
    }

    fn sought(&self, next: &Next) -> Result<Sought, Error> {
        let mut found = self.conn.prepare_cached(
            "SELECT b.rows, t.id, t.number, c.members FROM transactions t JOIN batches b ON b.id = t.batch_id
               LEFT JOIN contents c ON c.record_id = t.record_id WHERE t.id = ?1",
        )?;
        Ok(found.query_row([next.transaction], |row| {
            let rows: i64 = row.get(0)?;
            let rows = usize::try_from(rows).unwrap_or_default();
            Ok(Sought { batch: next.batch, rows, item: item(row, 1)? })
        })?)
    }
}

/// A transaction: its id, our number and what is reported, from that column on.
fn item(row: &Row<'_>, from: usize) -> rusqlite::Result<ClaimItem> {
    Ok(ClaimItem {
        transaction: row.get(from)?,
        number: row.get(from + 1)?,
        members: row.get::<_, Option<String>>(from + 2)?.unwrap_or_default(),
    })
}

fn enter(
    tx: &Transaction<'_>,
    look: &Look,
    packed: Option<&[u8]>,
    sha256: Option<&str>,
    now: DateTime<Utc>,
) -> Result<i64, Error> {
    let headers = look.answer.as_ref().map(|answer| json(&answer.headers)).transpose()?;
    // Asked again after a crash: what is kept here is evidence, and nothing waits for it.
    let state = if look.answer.is_some() { "applied" } else { "unknown" };
    tx.prepare_cached(
        "INSERT INTO attempts (batch_id, kind, state, began_at, ended_at, http_status, headers, raw, sha256, seen,
            transaction_id) VALUES (?1, 'look', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        look.batch,
        state,
        stamp(look.began_at),
        stamp(now),
        look.answer.as_ref().map(|answer| answer.status),
        headers,
        packed,
        sha256,
        look.seen,
        look.transaction
    ])?;
    Ok(tx.last_insert_rowid())
}

/// A transaction that was asked about and is unknown still.
pub(super) struct Asked {
    pub(super) transaction: i64,
    pub(super) batch: i64,
    pub(super) record: i64,
    pub(super) first: Option<Word>,
}

/// Whether the system said that it took a batch, and answers later; and when it was sent, where another process did:
/// about what this one sent nobody is asked before it is time, whatever the calendar says meanwhile.
fn sending(tx: &Transaction<'_>, batch: i64, epoch: i64) -> Result<(bool, Option<DateTime<Utc>>), Error> {
    let mut found = tx.prepare_cached(
        "SELECT remote IS NOT NULL, CASE WHEN owner_epoch <> ?2 THEN sent_at END FROM batches WHERE id = ?1",
    )?;
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, Option<String>>(1)?));
    let (taken, sent_at) = found.query_row([batch, epoch], read)?;
    Ok((taken, sent_at.as_deref().and_then(from_stamp)))
}

fn asked_about(tx: &Transaction<'_>, sought: &Sought) -> Result<Option<Asked>, Error> {
    let found = tx
        .prepare_cached(&format!(
            "SELECT t.record_id, k.absent_at, k.absent_date FROM looks k JOIN transactions t ON t.id = k.transaction_id
              WHERE k.transaction_id = ?1 AND k.batch_id = ?2 AND {STILL_UNKNOWN}"
        ))?
        .query_row([sought.item.transaction, sought.batch], |row| {
            let at = |index: usize| -> rusqlite::Result<_> {
                Ok(row.get::<_, Option<String>>(index)?.as_deref().and_then(from_stamp))
            };
            Ok(Asked {
                transaction: sought.item.transaction,
                batch: sought.batch,
                record: row.get(0)?,
                first: at(1)?.zip(at(2)?),
            })
        });
    Ok(found.optional()?)
}

/// It is registered: as good as an answer.
fn there(
    tx: &Transaction<'_>,
    asked: &Asked,
    id: &str,
    now: DateTime<Utc>,
) -> Result<serde_json::Value, Error> {
    prove(tx, asked, Some(id), &told(&codes::FOUND, []), now)?;
    let mut digest = Digest::new();
    digest.add(asked.transaction, "accepted", Some(id));
    Ok(json!({"transaction": asked.transaction, "accepted": 1, "outcomes": digest.end()}))
}

/// What was unknown is proven: registered under that number, or, without one, not received.
fn prove(
    tx: &Transaction<'_>,
    asked: &Asked,
    id: Option<&str>,
    why: &StoredIssue,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(known) = record::get(tx, asked.record)? else { return Ok(()) };
    rules::prove(&mut SqlStore::new(tx, now), &known, id, why)
}

/// Twice, far enough apart: it was surely not received, and goes again under its number.
fn absent(
    tx: &Transaction<'_>,
    asked: &Asked,
    word: Word,
    seen: &str,
    gap: TimeDelta,
    now: DateTime<Utc>,
) -> Result<serde_json::Value, Error> {
    match weigh(asked.first, word, gap) {
        Absence::Proven => {
            prove(tx, asked, None, &told(&codes::NOT_THERE, []), now)?;
            let first = asked.first.map(|(_, date)| stamp(date));
            return Ok(
                json!({"transaction": asked.transaction, "not_received": stamp(word.1), "since": first}),
            );
        }
        Absence::First => {
            tx.execute(
                "UPDATE looks SET absent_at = ?3, absent_date = ?4 WHERE transaction_id = ?1 AND batch_id = ?2",
                params![asked.transaction, asked.batch, stamp(word.0), stamp(word.1)],
            )?;
            again(tx, asked, seen, word.0 + gap, now)?;
            // The first word is half of a proof: `verify` holds the table to it.
            return Ok(json!({"transaction": asked.transaction, "first": stamp(word.1)}));
        }
        Absence::Early => {}
    }
    again(tx, asked, seen, word.0 + gap, now)?;
    Ok(json!({"transaction": asked.transaction, "not_there": stamp(word.1)}))
}

fn unclear(
    tx: &Transaction<'_>,
    asked: &Asked,
    seen: &str,
    gap: TimeDelta,
    (now, steady): Moment,
) -> Result<serde_json::Value, Error> {
    again(tx, asked, seen, steady + gap, now)?;
    Ok(json!({"transaction": asked.transaction, "unclear": seen}))
}

/// It stays unknown, and the system is asked again then.
fn again(
    tx: &Transaction<'_>,
    asked: &Asked,
    seen: &str,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    tx.execute(
        "UPDATE looks SET next_at = ?3, seen = ?4, seen_at = ?5 WHERE transaction_id = ?1 AND batch_id = ?2",
        params![asked.transaction, asked.batch, stamp(at + MORE), seen, stamp(now)],
    )?;
    Ok(())
}

impl Sqlite {
    /// What the questions about an unknown transaction came to so far: in words, when, and when the next one is.
    pub(super) fn looked_at(&self, number: &str) -> Result<Option<StoredIssue>, Error> {
        let found: Option<(String, String, String)> = self
            .conn
            .prepare_cached(
                "SELECT k.seen, k.seen_at, k.next_at FROM transactions t JOIN looks k ON k.transaction_id = t.id
                    AND k.batch_id = t.batch_id WHERE t.number = ?1 AND k.seen IS NOT NULL AND k.seen_at IS NOT NULL",
            )?
            .query_row([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let local = |at: &str| {
            from_stamp(at)
                .map(|at| at.with_timezone(&chrono_tz::Europe::Sofia).format("%d.%m.%Y %H:%M").to_string())
                .unwrap_or_default()
        };
        Ok(found.map(|(seen, at, next)| told(&codes::LOOKED, [seen, local(&at), local(&next)])))
    }
}
