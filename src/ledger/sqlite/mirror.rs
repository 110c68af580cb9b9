//! The ledger as lines of text, for tests that hold it against the model; and what such tests need besides.

use chrono::{DateTime, Utc};
use rusqlite::Row;

use super::{Sqlite, from_stamp, head, parse};
use crate::ledger::StoredIssue;
use crate::model::hash;

const RECORDS: &str =
    "SELECT id, intake_id, row_no, state, coalesce(way, ''), of_record, older, newer, released,
    transaction_id, reason, moved_intake, moved_row, asked_after FROM records ORDER BY id";

impl Sqlite {
    /// What a process remembers of a staging is gone with it.
    pub(crate) fn forget_staging(&mut self) {
        self.staging = None;
    }

    /// For ledgers that need not survive a power cut.
    pub(crate) fn unsafe_and_fast(&self) {
        self.conn.pragma_update(None, "synchronous", "OFF").unwrap();
    }

    /// Everything that decides what happens next, one line a thing, in a fixed order.
    pub(crate) fn dump(&self) -> Vec<String> {
        let mut lines = self.lines(
            "SELECT id, state, superseded_by IS NOT NULL, period IS NOT NULL FROM intakes ORDER BY id",
            |row| {
                let (old, aside): (bool, bool) = (row.get(2)?, row.get(3)?);
                Ok(format!("file {} {} {old} {aside}", row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            },
        );
        lines.extend(self.lines(RECORDS, record));
        lines.extend(self.lines(
            "SELECT id, number, state, batch_id, remote_id FROM transactions ORDER BY id",
            |row| {
                let (number, state): (String, String) = (row.get(1)?, row.get(2)?);
                let (batch, remote): (i64, Option<String>) = (row.get(3)?, row.get(4)?);
                Ok(format!("transaction {} {number} {state} {batch} {remote:?}", row.get::<_, i64>(0)?))
            },
        ));
        lines.extend(self.lines("SELECT id, state, tries, due_at FROM batches ORDER BY id", |row| {
            let due: Option<String> = row.get(3)?;
            let due = due.as_deref().and_then(from_stamp).map(|due: DateTime<Utc>| due.timestamp());
            let (state, tries): (String, u32) = (row.get(1)?, row.get(2)?);
            Ok(format!("batch {} {state} {tries} {due:?}", row.get::<_, i64>(0)?))
        }));
        lines.extend(self.lines("SELECT id, batch_id, state FROM attempts ORDER BY id", |row| {
            let (id, batch, state): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(format!("attempt {id} {batch} {state}"))
        }));
        let mut facts = self.lines("SELECT key, record_id FROM facts WHERE live = 1", |row| {
            Ok(format!("fact {} {}", row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
        });
        facts.sort();
        lines.extend(facts);
        lines
    }

    fn lines(&self, sql: &str, line: impl Fn(&Row<'_>) -> rusqlite::Result<String>) -> Vec<String> {
        let mut found = self.conn.prepare_cached(sql).unwrap();
        found.query_map([], |row| line(row)).unwrap().map(Result::unwrap).collect()
    }

    /// Whether each event bears the hash of the one before, and the newest is the head.
    pub(crate) fn chain_is_whole(&self) -> bool {
        let mut before = String::new();
        let mut found =
            self.conn.prepare("SELECT at, kind, subject, data, hash FROM events ORDER BY id").unwrap();
        let mut rows = found.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let [at, kind, data, now] = [0, 1, 3, 4].map(|cell| row.get::<_, String>(cell).unwrap());
            let subject: Option<i64> = row.get(2).unwrap();
            let parts = [before.as_str(), &at, &kind, &subject.unwrap_or(0).to_string(), &data];
            let text: String = parts.iter().flat_map(|part| [*part, "\0"]).collect();
            if hash::sha256(text.as_bytes()) != now {
                return false;
            }
            before = now;
        }
        before == head(&self.conn).unwrap()
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<String> {
    let id = |at: usize| row.get::<_, Option<i64>>(at);
    let text = |at: usize| row.get::<_, String>(at);
    let reason: Vec<StoredIssue> = parse(row.get::<_, Option<String>>(10)?.as_deref());
    Ok(format!(
        "record {} {}:{} {} {} {:?} {:?} {:?} {} {:?} {:?} {:?} {:?}",
        row.get::<_, i64>(0)?,
        row.get::<_, i64>(1)?,
        row.get::<_, i64>(2)?,
        text(3)?,
        text(4)?,
        id(5)?,
        id(6)?,
        id(7)?,
        row.get::<_, bool>(8)?,
        id(9)?,
        reason.first().map(|issue| issue.code.as_str()),
        id(11)?.zip(id(12)?),
        id(13)?,
    ))
}
