//! The way of a row, read out of the tables and the chain of events.

use rusqlite::{OptionalExtension, Row, params};
use serde_json::Value;

use super::packed::unpack;
use super::{Sqlite, day, from_stamp, parse};
use crate::ledger::trail::{Attempt, BatchTrail, Fact, Happened, RowRef, Trail, Trails, Transaction};
use crate::ledger::{Error, What};

/// Rows that repeat one row, told at most.
const MOST_FOLLOWERS: u32 = 50;

const REF: &str =
    "SELECT r.intake_id, i.name, r.row_no, r.state, coalesce(t.remote_id, r.listed_id) FROM records r
  JOIN intakes i ON i.id = r.intake_id LEFT JOIN transactions t ON t.id = r.transaction_id ";

fn row_ref(row: &Row<'_>) -> rusqlite::Result<RowRef> {
    Ok(RowRef {
        intake: row.get(0)?,
        file: row.get(1)?,
        row: row.get(2)?,
        state: row.get(3)?,
        id: row.get(4)?,
    })
}

/// A record's own part of a trail, and where it leads.
struct Own {
    record: i64,
    of_record: Option<i64>,
    way: Option<String>,
}

impl Trails for Sqlite {
    fn places(&mut self, what: &What) -> Result<Vec<(i64, Option<u32>)>, Error> {
        let (condition, value) = match what {
            What::File(path) | What::Row(path, _) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let folder = path.parent().filter(|folder| folder.is_absolute());
                let row = if let What::Row(_, row) = what { Some(*row) } else { None };
                let newest = self.named(folder, &name)?.ok_or(Error::NotFound(name))?;
                return Ok(vec![(newest, row)]);
            }
            What::Received(intake, row) => return Ok(vec![(*intake, *row)]),
            What::Id(id) => ("t.remote_id = ?1", id.clone()),
            What::Number(number) => ("t.number = ?1", number.clone()),
            What::Batch(batch) => ("t.batch_id = CAST(?1 AS INTEGER)", batch.to_string()),
        };
        let mut found = self.conn.prepare(&format!(
            "SELECT r.intake_id, r.row_no FROM transactions t JOIN records r ON r.id = t.record_id
              WHERE {condition} ORDER BY t.batch_id, t.position"
        ))?;
        let places = found.query_map([&value], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut places: Vec<(i64, Option<u32>)> = places.collect::<Result<_, _>>()?;
        if let What::Id(id) = what {
            // Sent by somebody else, and found in a list.
            let mut found = self
                .conn
                .prepare("SELECT intake_id, row_no FROM records WHERE listed_id = ?1 ORDER BY id")?;
            let found = found.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
            places.extend(found.collect::<Result<Vec<_>, _>>()?);
        }
        places.dedup();
        Ok(places)
    }

    fn trail(&mut self, intake: i64, row: u32) -> Result<Option<Trail>, Error> {
        let found: Option<(Option<String>, Option<i64>)> = self
            .conn
            .prepare_cached("SELECT issues, record_id FROM rows WHERE intake_id = ?1 AND row_no = ?2")?
            .query_row(params![intake, row], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((issues, record)) = found else { return Ok(None) };
        let mut trail = Trail { intake, row, issues: parse(issues.as_deref()), ..Trail::default() };
        if let Some(own) = record.map_or(Ok(None), |record| self.own_part(record, &mut trail))? {
            trail.facts = self.facts_of(own.record)?;
            trail.transactions = self.transactions_of(own.record)?;
            trail.met = own.way.zip(own.of_record.map_or(Ok(None), |met| self.row_of(met))?);
            trail.older = self.chain_of(own.record, "older")?;
            trail.newer = self.chain_of(own.record, "newer")?;
            trail.met_by = self.followers_of(own.record)?;
        }
        Ok(Some(trail))
    }

    fn batch_trail(&mut self, batch: i64) -> Result<Option<BatchTrail>, Error> {
        let found = self.conn.query_row(
            "SELECT section, state, rows, remote, body_sha256, body FROM batches WHERE id = ?1",
            [batch],
            |row| {
                let trail = BatchTrail {
                    id: batch,
                    section: row.get(0)?,
                    state: row.get(1)?,
                    rows: usize::try_from(row.get::<_, i64>(2)?).unwrap_or_default(),
                    remote: row.get(3)?,
                    sha256: row.get(4)?,
                    body: None,
                    attempts: Vec::new(),
                    items: Vec::new(),
                };
                Ok((trail, row.get::<_, Vec<u8>>(5)?))
            },
        );
        let Some((mut trail, packed)) = found.optional()? else { return Ok(None) };
        if !packed.is_empty() {
            trail.body = Some(unpack(&packed)?);
        }
        trail.attempts = self.attempts_of(batch)?;
        trail.items = self.items_of(batch)?;
        Ok(Some(trail))
    }

    fn happened(&mut self, intake: i64, row: Option<u32>) -> Result<Vec<Happened>, Error> {
        let about = self.conn.query_row(
            "SELECT i.name, w.record_id FROM intakes i LEFT JOIN rows w ON w.intake_id = i.id AND w.row_no = ?2
              WHERE i.id = ?1",
            params![intake, row],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?)),
        );
        let Some((file, record)) = about.optional()? else { return Ok(Vec::new()) };
        let mut found = self.conn.prepare(
            "SELECT id, at, kind, data, subject FROM events
              WHERE kind IN ('received', 'accepted', 'file', 'retry', 'reading answered') AND subject = ?1
                 OR kind IN ('released', 'resolved', 'looked') ORDER BY id",
        )?;
        let mut events = found.query([intake])?;
        let mut happened = Vec::new();
        while let Some(event) = events.next()? {
            let (at, data): (String, String) = (event.get(1)?, event.get(3)?);
            let one = Happened {
                event: event.get(0)?,
                at: from_stamp(&at),
                kind: event.get(2)?,
                data: parse(Some(&data)),
            };
            let decision = ["released", "resolved", "looked"].contains(&one.kind.as_str());
            if !decision || self.is_about(&one.data, event.get(4)?, (&file, row), record)? {
                happened.push(one);
            }
        }
        Ok(happened)
    }
}

impl Sqlite {
    fn own_part(&self, record: i64, trail: &mut Trail) -> Result<Option<Own>, Error> {
        let read = |row: &Row<'_>| {
            let maybe = |index: usize| row.get::<_, Option<String>>(index);
            trail.state = maybe(0)?;
            trail.reason = parse(maybe(1)?.as_deref());
            trail.section = maybe(2)?;
            trail.members = maybe(3)?;
            trail.until = maybe(4)?.as_deref().and_then(day);
            trail.reverse_until = maybe(5)?.as_deref().and_then(day);
            Ok(Own { record, of_record: row.get(6)?, way: maybe(7)? })
        };
        let found = self
            .conn
            .prepare_cached(
                "SELECT r.state, r.reason, r.section, c.members, r.until, r.reverse_until, r.of_record, r.way
                   FROM records r LEFT JOIN contents c ON c.record_id = r.id WHERE r.id = ?1",
            )?
            .query_row([record], read)
            .optional()?;
        Ok(found)
    }

    fn row_of(&self, record: i64) -> Result<Option<RowRef>, Error> {
        let found = self.conn.prepare_cached(&format!("{REF} WHERE r.id = ?1"))?.query_row([record], row_ref);
        Ok(found.optional()?)
    }

    /// The records before or after one in its place, nearest first.
    fn chain_of(&self, record: i64, link: &str) -> Result<Vec<RowRef>, Error> {
        let mut found = self.conn.prepare_cached(&format!(
            "WITH RECURSIVE chain (id, step) AS (
                SELECT {link}, 1 FROM records WHERE id = ?1 AND {link} IS NOT NULL
                UNION SELECT r.{link}, c.step + 1 FROM records r JOIN chain c ON r.id = c.id
                 WHERE r.{link} IS NOT NULL AND c.step < 1000)
             {REF} JOIN chain c ON c.id = r.id ORDER BY c.step"
        ))?;
        Ok(found.query_map([record], row_ref)?.collect::<Result<_, _>>()?)
    }

    fn followers_of(&self, record: i64) -> Result<Vec<RowRef>, Error> {
        let mut found =
            self.conn.prepare_cached(&format!("{REF} WHERE r.of_record = ?1 ORDER BY r.id LIMIT ?2"))?;
        Ok(found.query_map(params![record, MOST_FOLLOWERS], row_ref)?.collect::<Result<_, _>>()?)
    }

    fn facts_of(&self, record: i64) -> Result<Vec<Fact>, Error> {
        let mut found = self.conn.prepare_cached(
            "SELECT s.name, f.generation, f.live FROM records r
               JOIN facts f ON f.intake_id = r.intake_id AND f.row_no = r.row_no AND f.record_id = r.id
               JOIN scopes s ON s.id = f.scope_id WHERE r.id = ?1 ORDER BY f.part",
        )?;
        let facts = found.query_map([record], |row| {
            Ok(Fact { scope: row.get(0)?, generation: row.get(1)?, live: row.get(2)? })
        })?;
        Ok(facts.collect::<Result<_, _>>()?)
    }

    fn items_of(&self, batch: i64) -> Result<Vec<(String, RowRef)>, Error> {
        let mut found = self.conn.prepare_cached(
            "SELECT r.intake_id, i.name, r.row_no, r.state, t.remote_id, t.number FROM transactions t
               JOIN records r ON r.id = t.record_id JOIN intakes i ON i.id = r.intake_id
              WHERE t.batch_id = ?1 ORDER BY t.position",
        )?;
        Ok(found.query_map([batch], |row| Ok((row.get(5)?, row_ref(row)?)))?.collect::<Result<_, _>>()?)
    }

    /// The numbers of a record. No index leads there: it would cost every sending, and this is asked rarely.
    fn transactions_of(&self, record: i64) -> Result<Vec<Transaction>, Error> {
        let mut found = self.conn.prepare_cached(
            "SELECT number, state, batch_id, position, remote_id, errors, settled_at FROM transactions
              WHERE record_id = ?1 ORDER BY id",
        )?;
        let transactions = found.query_map([record], |row| {
            let (errors, settled): (Option<String>, Option<String>) = (row.get(5)?, row.get(6)?);
            Ok(Transaction {
                number: row.get(0)?,
                state: row.get(1)?,
                batch: row.get(2)?,
                position: usize::try_from(row.get::<_, i64>(3)?).unwrap_or_default(),
                id: row.get(4)?,
                errors: parse(errors.as_deref()),
                settled_at: settled.as_deref().and_then(from_stamp),
            })
        })?;
        Ok(transactions.collect::<Result<_, _>>()?)
    }

    /// Questions about single rows are told with what happened to those.
    fn attempts_of(&self, batch: i64) -> Result<Vec<Attempt>, Error> {
        let mut found = self.conn.prepare_cached(
            "SELECT kind, state, began_at, ended_at, http_status, headers, times, seen, sha256, raw
               FROM attempts WHERE batch_id = ?1 AND transaction_id IS NULL ORDER BY id",
        )?;
        let attempts = found.query_map([batch], |row| {
            let at = |index: usize| -> rusqlite::Result<_> {
                Ok(row.get::<_, Option<String>>(index)?.as_deref().and_then(from_stamp))
            };
            let headers: Vec<(String, String)> = parse(row.get::<_, Option<String>>(5)?.as_deref());
            Ok(Attempt {
                kind: row.get(0)?,
                state: row.get(1)?,
                began_at: at(2)?,
                ended_at: at(3)?,
                http_status: row.get(4)?,
                server_date: headers.into_iter().find(|(name, _)| name == "date").map(|(_, date)| date),
                times: row.get(6)?,
                seen: row.get(7)?,
                sha256: row.get(8)?,
                answer: row.get(9)?,
            })
        })?;
        let mut attempts: Vec<Attempt> = attempts.collect::<Result<_, _>>()?;
        for attempt in &mut attempts {
            attempt.answer = attempt.answer.take().map(|packed| unpack(&packed)).transpose()?;
        }
        Ok(attempts)
    }

    /// Whether a decision is about a row (or any of a file): by record or transaction where the event names them,
    /// by file and row where a former version wrote it.
    fn is_about(
        &self,
        data: &Value,
        subject: Option<i64>,
        (file, row): (&str, Option<u32>),
        record: Option<i64>,
    ) -> Result<bool, Error> {
        let ids = |key: &str| -> Option<Vec<i64>> {
            Some(data.get(key)?.as_array()?.iter().filter_map(Value::as_i64).collect())
        };
        if let (Some(record), Some(records)) = (record, ids("records")) {
            return Ok(records.contains(&record));
        }
        let one = data.get("transaction").and_then(Value::as_i64).map(|one| vec![one]);
        if let Some(record) = record
            && let Some(transactions) = ids("transactions").or(one)
        {
            let mine: Vec<i64> = self
                .conn
                .prepare_cached("SELECT id FROM transactions WHERE record_id = ?1")?
                .query_map([record], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            return Ok(mine.iter().any(|one| transactions.contains(one)));
        }
        if let (Some(record), Some(batch)) = (record, subject) {
            let inside = "SELECT EXISTS (SELECT 1 FROM transactions WHERE batch_id = ?2 AND record_id = ?1)";
            return Ok(self.conn.prepare_cached(inside)?.query_row([record, batch], |row| row.get(0))?);
        }
        let rows = data.get("rows").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let names = |one: &Value| {
            let mine = one.get(0).and_then(Value::as_str) == Some(file);
            mine && row.is_none_or(|row| one.get(1).and_then(Value::as_u64) == Some(u64::from(row)))
        };
        Ok(rows.iter().any(names))
    }
}
