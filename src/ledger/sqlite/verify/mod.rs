//! Looks at the evidence: the chain of events, the kept bytes, and the books against each other. Streams.

mod fold;

use std::collections::HashMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::digest::Digest;
use super::packed::unpack;
use super::{Sqlite, chained, moves};
use crate::ledger::audit::{self, Checked, Evidence, Findings, Head, Progress};
use crate::ledger::{Error, codes};
use crate::model::hash;

/// Triggers that keep events and moves as they are.
const GUARDS: [&str; 4] =
    ["events_are_not_changed", "events_are_not_removed", "moves_are_not_changed", "moves_are_not_removed"];
/// Most faults the database's own check tells.
const MOST_FAULTS: u32 = 20;
/// A file's rows are told of once it is taken.
const TAKEN: &str = "i.state = 'taken'";

impl Evidence for Sqlite {
    fn audit(&mut self, heads: &[Head], progress: Progress<'_>) -> Result<(Findings, Checked), Error> {
        // One moment of the ledger, whatever a running `watch` writes meanwhile.
        let tx = self.conn.transaction()?;
        let mut audit = Audit {
            conn: &tx,
            progress,
            found: Findings::default(),
            checked: Checked::default(),
            lawful: fold::lawful(),
        };
        match audit.everything(heads) {
            // What was found before a damaged page is met is told all the same.
            Err(error) if !audit.found.is_empty() => {
                let told = std::error::Error::source(&error).unwrap_or(&error).to_string();
                audit.found.add(&audit::DAMAGED, [told]);
            }
            looked => looked?,
        }
        Ok((audit.found, audit.checked))
    }

    fn contents(&mut self, after: &str, limit: u32) -> Result<Vec<(String, String)>, Error> {
        let mut found = self.conn.prepare_cached(
            "SELECT sha256, min(name) FROM intakes WHERE sha256 > ?1 AND state NOT IN ('withdrawn', 'merged')
              GROUP BY sha256 ORDER BY sha256 LIMIT ?2",
        )?;
        let contents = found.query_map(params![after, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(contents.collect::<Result<_, _>>()?)
    }

    fn folders(&mut self) -> Result<Vec<PathBuf>, Error> {
        let mut found = self.conn.prepare("SELECT DISTINCT folder FROM intakes ORDER BY folder")?;
        let folders = found.query_map([], |row| Ok(PathBuf::from(row.get::<_, String>(0)?)))?;
        Ok(folders.collect::<Result<_, _>>()?)
    }

    fn drop_raw(&mut self, days: u32, after: i64, now: DateTime<Utc>) -> Result<Option<i64>, Error> {
        self.drop_old_raw(days, after, now)
    }
}

struct Audit<'a> {
    conn: &'a Connection,
    progress: Progress<'a>,
    found: Findings,
    checked: Checked,
    lawful: fold::Lawful,
}

/// One event as it stands.
struct Event {
    id: i64,
    at: String,
    kind: String,
    subject: Option<i64>,
    data: String,
    hash: String,
}

fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        id: row.get(0)?,
        at: row.get(1)?,
        kind: row.get(2)?,
        subject: row.get(3)?,
        data: row.get(4)?,
        hash: row.get(5)?,
    })
}

impl Audit<'_> {
    fn everything(&mut self, heads: &[Head]) -> Result<(), Error> {
        self.damage()?;
        self.chain(heads)?;
        self.books()?;
        self.told_states()?;
        self.numbers()?;
        self.words()?;
        self.requests()?;
        self.answers()
    }

    fn damage(&mut self) -> Result<(), Error> {
        let mut check = self.conn.prepare(&format!("PRAGMA integrity_check({MOST_FAULTS})"))?;
        let mut faults = check.query([])?;
        while let Some(fault) = faults.next()? {
            let fault: String = fault.get(0)?;
            if fault != "ok" {
                self.found.add(&audit::DAMAGED, [fault]);
            }
        }
        let mut check = self.conn.prepare("PRAGMA foreign_key_check")?;
        let mut faults = check.query([])?;
        while let Some(fault) = faults.next()? {
            let (table, row): (String, Option<i64>) = (fault.get(0)?, fault.get(1)?);
            self.found.add(&audit::DAMAGED, [format!("{table} {}", row.unwrap_or_default())]);
        }
        let guards: i64 = self.conn.query_row(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name IN (?1, ?2, ?3, ?4)",
            GUARDS,
            |row| row.get(0),
        )?;
        if usize::try_from(guards) != Ok(GUARDS.len()) {
            self.found.add(&audit::GUARD, []);
        }
        Ok(())
    }

    /// Every event's hash from the first on; what events say of the books is compared on the way.
    fn chain(&mut self, heads: &[Head]) -> Result<(), Error> {
        let mut missing: HashMap<&str, Vec<&Head>> = HashMap::new();
        for head in heads {
            missing.entry(&head.hash).or_default().push(head);
        }
        self.conn.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS event_times (at TEXT PRIMARY KEY) WITHOUT ROWID;
             DELETE FROM temp.event_times;
             CREATE TEMP TABLE IF NOT EXISTS dropped (batch INTEGER PRIMARY KEY); DELETE FROM temp.dropped;
             CREATE TEMP TABLE IF NOT EXISTS words (batch INTEGER, number INTEGER, date TEXT,
                PRIMARY KEY (batch, number)) WITHOUT ROWID;
             DELETE FROM temp.words;",
        )?;
        self.begin_fold()?;
        let mut events =
            self.conn.prepare("SELECT id, at, kind, subject, data, hash FROM events ORDER BY id")?;
        let mut events = events.query([])?;
        let (mut before, mut last) = (String::new(), 0);
        while let Some(row) = events.next()? {
            let event = event(row)?;
            if event.id != last + 1 {
                self.found.add(&audit::EVENTS_MISSING, [(last + 1).to_string(), (event.id - 1).to_string()]);
                self.moved_by_none(last, event.id)?;
            } else if event.hash != chained(&before, &event.at, &event.kind, event.subject, &event.data) {
                self.found.add(&audit::CHAIN, [event.id.to_string()]);
            }
            self.tells(&event)?;
            missing.remove(event.hash.as_str());
            (last, before) = (event.id, event.hash);
            self.checked.events += 1;
            (self.progress)(1);
        }
        self.moved_by_none(last, i64::MAX)?;
        for head in missing.into_values().flatten() {
            self.found.add(&audit::HEAD_UNKNOWN, [head.path.display().to_string()]);
        }
        Ok(())
    }

    /// Whether the books are as an event says.
    fn tells(&mut self, event: &Event) -> Result<(), Error> {
        self.conn
            .prepare_cached("INSERT OR IGNORE INTO temp.event_times (at) VALUES (?1)")?
            .execute([&event.at])?;
        let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
        self.moved(event.id, data.get(moves::MEMBER).and_then(Value::as_str))?;
        if event.kind == "raw dropped" {
            return self.dropped(&data);
        }
        let Some(subject) = event.subject else { return Ok(()) };
        match event.kind.as_str() {
            "accepted" => self.accepted(subject, &data),
            "sending" => self.sending(subject, &data),
            "answered" | "asked" | "looked" => self.answered(subject, &data),
            "settled" => {
                self.word(subject, event, &data)?;
                self.settled(subject, event, &data)
            }
            _ => Ok(()),
        }
    }

    /// What was dropped by age is not missing.
    fn dropped(&self, data: &Value) -> Result<(), Error> {
        let batches = data.get("batches").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for batch in batches.iter().filter_map(Value::as_i64) {
            self.conn
                .prepare_cached("INSERT OR IGNORE INTO temp.dropped (batch) VALUES (?1)")?
                .execute([batch])?;
        }
        Ok(())
    }

    fn accepted(&mut self, intake: i64, data: &Value) -> Result<(), Error> {
        let found: Option<(String, i64)> = self
            .conn
            .prepare_cached(
                "SELECT i.name, (SELECT count(*) FROM rows WHERE intake_id = i.id) FROM intakes i
                  WHERE i.id = ?1 AND i.kind = 'drop'",
            )?
            .query_row([intake], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some(told) = data.get("rows").and_then(Value::as_i64) else { return Ok(()) };
        match found {
            Some((name, rows)) if rows != told => {
                self.found.add(&audit::ROWS, [name, told.to_string(), rows.to_string()]);
            }
            None if !self.is_retry(intake)? => {
                self.found.add(&audit::ROWS, [format!("#{intake}"), told.to_string(), "0".to_owned()]);
            }
            _ => {}
        }
        Ok(())
    }

    fn is_retry(&self, intake: i64) -> Result<bool, Error> {
        let retry = "SELECT EXISTS (SELECT 1 FROM intakes WHERE id = ?1 AND kind = 'retry')";
        Ok(self.conn.prepare_cached(retry)?.query_row([intake], |row| row.get(0))?)
    }

    fn sending(&mut self, batch: i64, data: &Value) -> Result<(), Error> {
        let kept: Option<(String, i64)> = self
            .conn
            .prepare_cached("SELECT body_sha256, rows FROM batches WHERE id = ?1")?
            .query_row([batch], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let told =
            data.get("body_sha256").and_then(Value::as_str).zip(data.get("rows").and_then(Value::as_i64));
        if told.is_some() && kept.as_ref().map(|(sha256, rows)| (sha256.as_str(), *rows)) != told {
            self.found.add(&audit::REQUEST, [batch.to_string()]);
        }
        Ok(())
    }

    /// Answers kept by former versions have no hash beside them.
    fn answered(&mut self, attempt: i64, data: &Value) -> Result<(), Error> {
        let kept: Option<(i64, Option<String>)> = self
            .conn
            .prepare_cached("SELECT batch_id, sha256 FROM attempts WHERE id = ?1")?
            .query_row([attempt], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let told = data.get("sha256").and_then(Value::as_str);
        match kept {
            Some((batch, Some(sha256))) if told.is_some_and(|told| told != sha256) => {
                self.found.add(&audit::ANSWER, [batch.to_string()]);
            }
            None => self.found.add(&audit::ANSWER, [format!("? ({attempt})")]),
            Some(_) => {}
        }
        Ok(())
    }

    /// What the system said for the first time of not being there counts with what it says for the second.
    fn word(&mut self, batch: i64, event: &Event, data: &Value) -> Result<(), Error> {
        let Some(transaction) = data.get("transaction").and_then(Value::as_i64) else { return Ok(()) };
        let text = |name: &str| data.get(name).and_then(Value::as_str);
        if let Some(first) = text("first") {
            self.conn
                .prepare_cached(
                    "INSERT OR REPLACE INTO temp.words (batch, number, date) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![batch, transaction, first])?;
        }
        if let Some(since) = text("since") {
            let said: bool = self
                .conn
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM temp.words WHERE batch = ?1 AND number = ?2 AND date = ?3)",
                )?
                .query_row(params![batch, transaction, since], |row| row.get(0))?;
            if !said {
                self.found.add(&audit::WORD, [batch.to_string(), event.id.to_string()]);
            }
        }
        Ok(())
    }

    /// First words that stand in no event.
    fn words(&mut self) -> Result<(), Error> {
        self.rows_that(
            &audit::WORD,
            "SELECT CAST(k.batch_id AS TEXT), '—' FROM looks k WHERE k.absent_date IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM temp.words w
                    WHERE w.batch = k.batch_id AND w.number = k.transaction_id AND w.date = k.absent_date)",
        )
    }

    /// The outcomes that became final with this event bear its time.
    fn settled(&mut self, batch: i64, event: &Event, data: &Value) -> Result<(), Error> {
        let Some(told) = data.get("outcomes").and_then(Value::as_str) else { return Ok(()) };
        let mut found = self.conn.prepare_cached(
            "SELECT id, state, remote_id FROM transactions
              WHERE batch_id = ?1 AND settled_at = ?2 AND state IN ('accepted', 'refused') ORDER BY position",
        )?;
        let mut outcomes = found.query(params![batch, event.at])?;
        let mut digest = Digest::new();
        while let Some(row) = outcomes.next()? {
            let (state, remote): (String, Option<String>) = (row.get(1)?, row.get(2)?);
            digest.add(row.get(0)?, &state, remote.as_deref());
        }
        if digest.end() != told {
            self.found.add(&audit::OUTCOMES, [batch.to_string(), event.id.to_string()]);
        }
        Ok(())
    }

    /// Rows, records, transactions and facts against each other.
    fn books(&mut self) -> Result<(), Error> {
        self.checked.rows = self.count("SELECT count(*) FROM rows")?;
        self.checked.transactions = self.count("SELECT count(*) FROM transactions")?;
        self.rows_that(&audit::LOOSE, LOOSE_ROWS)?;
        self.rows_that(&audit::LOOSE, LOOSE_RECORDS)?;
        self.rows_that(&audit::STATES, &format!("{STATES} AND {TAKEN}"))?;
        self.rows_that(&audit::NO_ID, &without_id())?;
        self.rows_that(&audit::UNTOLD, UNTOLD)?;
        self.rows_that(&audit::FACT_TWICE, FACTS_TWICE)
    }

    fn count(&self, sql: &str) -> Result<u64, Error> {
        let count: i64 = self.conn.query_row(sql, [], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Everything a question finds: file, row, and whatever else its message shows.
    fn rows_that(&mut self, code: &'static crate::model::CodeInfo, sql: &str) -> Result<(), Error> {
        let mut found = self.conn.prepare(sql)?;
        let columns = found.column_count();
        let mut rows = found.query([])?;
        while let Some(row) = rows.next()? {
            let args: Vec<String> = (0..columns).map(|at| row.get(at)).collect::<Result<_, _>>()?;
            self.found.add(code, args);
        }
        (self.progress)(self.checked.rows);
        Ok(())
    }

    /// Numbers of ours only rise, and the next one is above them all. One installation's after the other's.
    fn numbers(&mut self) -> Result<(), Error> {
        let mut found = self.conn.prepare(
            "SELECT t.number FROM transactions t JOIN records r ON r.id = t.record_id
              WHERE r.mapped_number IS NULL ORDER BY t.id",
        )?;
        let mut numbers = found.query([])?;
        let mut last = 0;
        while let Some(row) = numbers.next()? {
            let number: String = row.get(0)?;
            let issued = counter(&number);
            if issued <= last {
                self.found.add(&audit::NUMBER, [number]);
            }
            last = last.max(issued);
        }
        let next: String =
            self.conn.query_row("SELECT value FROM meta WHERE key = 'next_number'", [], |row| row.get(0))?;
        if next.parse().unwrap_or(0) <= last {
            self.found.add(&audit::NUMBER, [next]);
        }
        Ok(())
    }

    /// Kept requests have the hash that was written down before they went.
    fn requests(&mut self) -> Result<(), Error> {
        self.bytes(
            "SELECT id, body_sha256, body FROM batches
              WHERE length(body) > 0 OR id NOT IN (SELECT batch FROM temp.dropped) ORDER BY id",
            &audit::REQUEST,
        )?;
        self.checked.batches = self.count("SELECT count(*) FROM batches")?;
        Ok(())
    }

    fn answers(&mut self) -> Result<(), Error> {
        self.bytes(
            "SELECT batch_id, sha256, raw FROM attempts WHERE sha256 IS NOT NULL
                AND (raw IS NOT NULL OR batch_id NOT IN (SELECT batch FROM temp.dropped)) ORDER BY id",
            &audit::ANSWER,
        )?;
        self.checked.answers = self.count("SELECT count(*) FROM attempts WHERE raw IS NOT NULL")?;
        Ok(())
    }

    fn bytes(&mut self, sql: &str, code: &'static crate::model::CodeInfo) -> Result<(), Error> {
        let mut found = self.conn.prepare(sql)?;
        let mut kept = found.query([])?;
        while let Some(row) = kept.next()? {
            let (batch, sha256): (i64, String) = (row.get(0)?, row.get(1)?);
            let packed: Option<Vec<u8>> = row.get(2)?;
            let same = packed
                .and_then(|packed| unpack(&packed).ok())
                .is_some_and(|bytes| hash::sha256(&bytes) == sha256);
            if !same {
                self.found.add(code, [batch.to_string()]);
            }
            (self.progress)(1);
        }
        Ok(())
    }
}

/// A number without the digits of its installation.
fn counter(number: &str) -> i64 {
    const DIGITS: usize = 12;
    let from = number.len().saturating_sub(DIGITS);
    number.get(from..).and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

/// Rows that should have a record and have none, or one of another file.
const LOOSE_ROWS: &str =
    "SELECT i.name, CAST(w.row_no AS TEXT) FROM rows w JOIN intakes i ON i.id = w.intake_id
  LEFT JOIN records r ON r.id = w.record_id
 WHERE i.state = 'taken' AND ((w.record_id IS NULL AND w.ignored = 0)
    OR (w.record_id IS NOT NULL AND r.intake_id IS NOT w.intake_id))";

/// Records that stand for a row and are not its record.
const LOOSE_RECORDS: &str =
    "SELECT i.name, CAST(r.row_no AS TEXT) FROM records r JOIN intakes i ON i.id = r.intake_id
  LEFT JOIN rows w ON w.intake_id = r.intake_id AND w.row_no = r.row_no
 WHERE i.state = 'taken' AND r.newer IS NULL AND w.record_id IS NOT r.id";

/// Records whose state does not follow from their transaction's.
const STATES: &str = "SELECT i.name, CAST(r.row_no AS TEXT), r.state, coalesce(t.state, '—')
  FROM records r JOIN intakes i ON i.id = r.intake_id LEFT JOIN transactions t ON t.id = r.transaction_id
 WHERE NOT CASE r.state
    WHEN 'accepted' THEN t.state IS 'accepted'
    WHEN 'rejected' THEN t.state IS 'refused'
    WHEN 'sending' THEN t.state IS 'sending'
    WHEN 'pending' THEN t.state IS 'pending'
    WHEN 'unknown' THEN t.state IS 'unknown'
    WHEN 'ready' THEN r.released = 1 OR t.state IS NULL OR t.state = 'not_received'
    WHEN 'reversed' THEN 1
    ELSE t.state IS NULL OR t.state = 'refused' OR t.state = 'not_received' END";

/// Final outcomes at whose time nothing happened.
const UNTOLD: &str =
    "SELECT i.name, CAST(r.row_no AS TEXT) FROM transactions t JOIN records r ON r.id = t.record_id
  JOIN intakes i ON i.id = r.intake_id
 WHERE t.state IN ('accepted', 'refused') AND t.settled_at IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM temp.event_times e WHERE e.at = t.settled_at)";

/// Facts with more than one row in force.
const FACTS_TWICE: &str =
    "SELECT i.name, CAST(f.row_no AS TEXT) FROM facts f JOIN intakes i ON i.id = f.intake_id
 WHERE f.live = 1 AND (f.scope_id, f.key) IN
    (SELECT scope_id, key FROM facts WHERE live = 1 GROUP BY scope_id, key HAVING count(*) > 1)";

fn without_id() -> String {
    format!(
        "SELECT i.name, CAST(r.row_no AS TEXT) FROM transactions t JOIN records r ON r.transaction_id = t.id
           JOIN intakes i ON i.id = r.intake_id
          WHERE t.state = 'accepted' AND t.remote_id IS NULL AND coalesce(r.reason, '') NOT LIKE '%\"{}\"%'",
        codes::BY_WORD.code
    )
}
