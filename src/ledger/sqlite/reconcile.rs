//! A list of what the system has, laid beside the books.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde_json::{Value, json};

use super::batches::mark_batch_changed;
use super::digest::Digest;
use super::look::Asked;
use super::moves::Touched;
use super::record;
use super::stage::day_text;
use super::store::{SqlStore, among};
use super::{Event, Sqlite, append_event, day, json, parse};
use crate::ledger::core::follow::documents_of_records;
use crate::ledger::core::store::told;
use crate::ledger::core::{Known, Life as _, RecordEvent, RecordState, Store as _, decide};
use crate::ledger::lists::{Listed, Lists, Matching, is_unclear, listed_ids};
use crate::ledger::{Error, StoredIssue, codes};
use crate::model::CodeInfo;

/// Between the parts of what is compared.
const BETWEEN: &str = "\u{1f}";
/// Rows named of those that a list lacks.
const MOST_NAMED: u32 = 10;

/// Of this connection alone: a list is read and compared in one go, and read again after a crash.
const TABLES: &str = "
CREATE TEMP TABLE IF NOT EXISTS listed (
    row_no INTEGER PRIMARY KEY, realm_id INTEGER NOT NULL, id TEXT NOT NULL, elsewhere INTEGER NOT NULL, number TEXT, day TEXT,
    content TEXT NOT NULL, registration TEXT NOT NULL, our_number INTEGER NOT NULL DEFAULT 0, over INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS temp.listed_id ON listed (id);
CREATE INDEX IF NOT EXISTS temp.listed_number ON listed (number);
CREATE INDEX IF NOT EXISTS temp.listed_content ON listed (content);
CREATE TEMP TABLE IF NOT EXISTS sought (
    id INTEGER PRIMARY KEY, transaction_id INTEGER, record_id INTEGER NOT NULL, batch_id INTEGER, realm_id INTEGER NOT NULL,
    number TEXT NOT NULL, content TEXT NOT NULL, registration TEXT NOT NULL, open INTEGER NOT NULL, since INTEGER NOT NULL,
    held INTEGER NOT NULL, found INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS temp.sought_transaction ON sought (transaction_id);
CREATE INDEX IF NOT EXISTS temp.sought_number ON sought (number);
CREATE INDEX IF NOT EXISTS temp.sought_content ON sought (content);";

impl Lists for Sqlite {
    fn begin_list(&mut self) -> Result<(), Error> {
        self.conn.execute_batch(TABLES)?;
        Ok(self.conn.execute_batch("DELETE FROM temp.listed; DELETE FROM temp.sought;")?)
    }

    fn list(&mut self, rows: &[Listed]) -> Result<(), Error> {
        let realms = self.realms.clone();
        let tx = self.conn.transaction()?;
        let mut put = tx.prepare_cached(
            "INSERT OR REPLACE INTO temp.listed (row_no, realm_id, id, elsewhere, number, day, content, registration)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        for row in rows {
            let realm =
                realms.get(&row.section).ok_or(Error::Order("a list of a section that is not configured"))?;
            let day = row.day.map(|day| day.to_string());
            let content = row.content.join(BETWEEN);
            let registration = row.registration.as_deref().unwrap_or_default();
            let said = params![row.row, realm, row.id, row.elsewhere, row.number, day, content, registration];
            put.execute(said)?;
        }
        drop(put);
        Ok(tx.commit()?)
    }

    fn reconcile(
        &mut self,
        intake: i64,
        matching: &Matching,
        now: DateTime<Utc>,
    ) -> Result<Vec<StoredIssue>, Error> {
        let realms_of = |sections: &[String]| -> BTreeSet<i64> {
            sections.iter().filter_map(|section| self.realms.get(section).copied()).collect()
        };
        let (realms, by_row) = (realms_of(&matching.sections), realms_of(&matching.by_row));
        let touched = self.touched.clone();
        self.commit(now, "reconciled", |tx| {
            let list = tx.query_row("SELECT name FROM intakes WHERE id = ?1", [intake], |row| row.get(0))?;
            let mut compared = Comparison {
                tx,
                touched: &touched,
                matching,
                by_row,
                intake,
                list,
                now,
                counts: Counts::default(),
                held: Vec::new(),
            };
            compared.contradict()?;
            compared.seek(&realms)?;
            compared.tell_ours()?;
            compared.known_by_id()?;
            compared.named_twice()?;
            compared.found_by_number()?;
            compared.tell_contradictions()?;
            compared.found_by_content()?;
            compared.others()?;
            compared.settle()?;
            compared.remember()?;
            compared.turned_up()?;
            let mut issues = compared.counts.told();
            let held = std::mem::take(&mut compared.held);
            issues.extend((!held.is_empty()).then(|| told(&codes::LIST_HELD, [held.len().to_string()])));
            issues.extend(compared.unread()?);
            issues.extend(compared.missing(&realms)?);
            tx.execute_batch("DELETE FROM temp.listed; DELETE FROM temp.sought;")?;
            let Counts { known, found, unclear, strange, contradicted, .. } = compared.counts;
            let data = json!({"known": known, "found": found, "unclear": unclear, "strange": strange,
                "contradicted": contradicted, "held": held});
            Ok((issues, Event::about(intake, data)))
        })
    }

    fn lapse(&mut self) -> Result<(), Error> {
        // Asked often, and hardly ever is anything to be done: then nothing is written.
        let over: Vec<i64> = self
            .conn
            .prepare_cached(
                "SELECT DISTINCT u.intake_id FROM unlisted u LEFT JOIN transactions t ON t.id = u.transaction_id
                  WHERE u.state = 'unknown' AND coalesce(t.state, '') <> 'unknown'",
            )?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for list in over {
            let tx = self.conn.transaction()?;
            tx.execute("UPDATE intakes SET changed = changed + 1 WHERE id = ?1", [list])?;
            tx.execute(
                "DELETE FROM unlisted WHERE intake_id = ?1 AND state = 'unknown' AND NOT EXISTS
                    (SELECT 1 FROM transactions t WHERE t.id = unlisted.transaction_id AND t.state = 'unknown')",
                [list],
            )?;
            tx.commit()?;
        }
        Ok(())
    }
}

/// Rows of a list by what they are.
#[derive(Debug, Clone, Default)]
struct Counts {
    known: u32,
    found: u32,
    unclear: u32,
    strange: u32,
    /// The first unclear ones.
    named: Vec<String>,
    /// Rows here that were to be sent again, and are in the list; a whole batch that was counts as one.
    contradicted: u32,
}

impl Counts {
    fn told(&self) -> Vec<StoredIssue> {
        let counts = [self.found, self.known, self.unclear, self.strange];
        let summary = told(&codes::LIST_SUMMARY, counts.map(|count| count.to_string()));
        let unclear = (self.unclear > 0)
            .then(|| told(&codes::LIST_UNCLEAR, [self.unclear.to_string(), self.named.join(", ")]));
        [summary].into_iter().chain(unclear).collect()
    }
}

/// Rows in a state that are of these days and not in the list. One that met a row of the list by its number or its
/// content is no such row, whatever came of it.
const UNLISTED: &str = "FROM records r JOIN transactions t ON t.id = r.transaction_id
   JOIN contents c ON c.record_id = r.id JOIN intakes i ON i.id = r.intake_id
  WHERE r.realm_id = ?1 AND r.state = ?2 AND (r.state = 'unknown' OR t.remote_id IS NOT NULL)
    AND substr(json_extract(c.members, '$.' || ?5), 1, 10) BETWEEN ?3 AND ?4
    AND NOT EXISTS (SELECT 1 FROM temp.listed l WHERE l.id = t.remote_id AND l.realm_id = r.realm_id)
    AND NOT EXISTS (SELECT 1 FROM temp.sought s JOIN temp.listed l ON l.number = s.number AND l.realm_id = s.realm_id
        WHERE s.transaction_id = t.id)
    AND NOT (?6 AND EXISTS (SELECT 1 FROM temp.sought s JOIN temp.listed l ON l.content = s.content
        AND l.realm_id = s.realm_id AND l.registration IN ('', s.registration) AND l.number IS NULL
        WHERE s.transaction_id = t.id))";

/// What may be registered without our knowing its number there: what was sent from here, and what is held because
/// somebody else may have sent it.
const NAMELESS: &str = "SELECT t.id, r.id, t.batch_id, t.number,
        r.state = 'unknown' AND t.state = 'unknown' AND r.transaction_id = t.id,
        coalesce((SELECT min(a.id) FROM attempts a WHERE a.batch_id = t.batch_id AND a.kind = 'submit'
            AND a.state <> 'not_sent'), 9223372036854775807),
        r.state = 'held' AND r.newer IS NULL AND r.transaction_id = t.id AND instr(coalesce(r.reason, ''), ?2) > 0,
        c.members
   FROM transactions t JOIN records r ON r.id = t.record_id LEFT JOIN contents c ON c.record_id = r.id
  WHERE r.realm_id = ?1 AND t.remote_id IS NULL AND t.state <> 'refused'
 UNION ALL SELECT NULL, r.id, NULL, '', 0, 9223372036854775807, 1, c.members
   FROM records r JOIN intakes i ON i.id = r.intake_id JOIN contents c ON c.record_id = r.id
  WHERE r.realm_id = ?1 AND r.state = 'held' AND r.newer IS NULL AND r.transaction_id IS NULL
    AND i.state = 'taken' AND instr(coalesce(r.reason, ''), ?2) > 0";

/// A row of the list and a held row of the same content that is not found yet. Where the list shows numbers of ours, a
/// row without one may only look like it; one under a number of ours is another movement.
const BESIDE_HELD: &str = "FROM temp.listed l
   JOIN temp.sought s ON s.content = l.content AND s.realm_id = l.realm_id
        AND l.registration IN ('', s.registration)
  WHERE l.over = 0 AND l.elsewhere = 0 AND l.our_number = 0 AND s.held = 1 AND s.found = 0";

/// A list under comparison.
struct Comparison<'a> {
    tx: &'a Transaction<'a>,
    touched: &'a Touched,
    matching: &'a Matching,
    /// Where rows have registration numbers of their own.
    by_row: BTreeSet<i64>,
    intake: i64,
    list: String,
    now: DateTime<Utc>,
    counts: Counts,
    /// Held rows that were found, with their numbers in the system.
    held: Vec<Value>,
}

/// A row of the list beside a row of ours.
struct Pair {
    listed: u32,
    file: String,
    row: u32,
    same: bool,
    state: String,
    number: String,
    id: Option<String>,
}

impl Pair {
    /// What a row of the list is that bears the number of ours without being what we know of it.
    fn told(&self) -> &'static CodeInfo {
        match (self.same, self.state.as_str()) {
            (false, _) => &codes::LISTED_DIFFERS,
            (true, "sending" | "pending") => &codes::LISTED_UNDER_WAY,
            (true, "accepted") if self.id.is_none() => &codes::LISTED_KNOWN,
            (true, _) => &codes::LISTED_OTHERWISE,
        }
    }
}

/// A row of the list that fits an unknown one.
struct Fit {
    listed: u32,
    id: String,
    asked: Asked,
}

/// A record says this first, in place of what an earlier list made of it.
fn put_first(store: &mut SqlStore<'_>, record: i64, issue: StoredIssue) -> Result<(), Error> {
    let mut reason = store.reason(record)?;
    reason.retain(|one| one.code != issue.code);
    reason.insert(0, issue);
    store.tell(record, &reason)?;
    store.mark_changed(record)
}

/// Whether a list showed the number of a listed row before the sought row `s` could have been received.
fn listed_before(listed: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM listed_ids k WHERE k.realm_id = {listed}.realm_id AND k.id = {listed}.id
            AND k.attempt < s.since)"
    )
}

/// Transactions whose number a row of the list bears.
const UNDER_OUR_NUMBER: &str = "FROM temp.listed l JOIN transactions t ON t.number = l.number
   JOIN records r ON r.id = t.record_id AND r.realm_id = l.realm_id WHERE l.elsewhere = 0";

impl Comparison<'_> {
    /// What was taken for not received and is in the list under our number does not go again; what the list proves is
    /// settled with the rest of what is unknown.
    fn contradict(&mut self) -> Result<(), Error> {
        self.doubt_retries()?;
        let rows: Vec<(i64, u32)> = self.all(&format!(
            "SELECT r.id, min(l.row_no) {UNDER_OUR_NUMBER} AND t.state = 'not_received' AND r.transaction_id = t.id
                AND {} GROUP BY r.id ORDER BY r.id",
            among("r.state", RecordState::sources(RecordEvent::Contradicted))
        ))?;
        let (store, mut moved) = (&mut SqlStore::new(self.tx, self.now), Vec::new());
        for (record, listed) in rows {
            let Some(known) = record::get(self.tx, record)? else { continue };
            let why = told(&codes::CONTRADICTED, self.place_of(listed)?);
            let open = decide::contradict(store, &known, &why, &mut moved)?;
            self.counts.contradicted += u32::from(open);
        }
        documents_of_records(store, &moved)
    }

    /// A batch that was to be sent again, because it did not reach the system, and has a row in the list did reach it.
    fn doubt_retries(&mut self) -> Result<(), Error> {
        let batches: Vec<(i64, i64)> = self.all(&format!(
            "SELECT b.id, (SELECT max(id) FROM attempts WHERE batch_id = b.id) FROM batches b
              WHERE b.state = 'retry' AND b.id IN (SELECT t.batch_id {UNDER_OUR_NUMBER}) ORDER BY b.id"
        ))?;
        for (batch, attempt) in batches {
            super::batches::doubt(self.tx, batch, attempt, "the system's list shows a row of it", self.now)?;
            mark_batch_changed(self.tx, batch)?;
            self.counts.contradicted += 1;
        }
        Ok(())
    }

    fn all<A: FromSql, B: FromSql>(&self, sql: &str) -> Result<Vec<(A, B)>, Error> {
        let mut found = self.tx.prepare_cached(sql)?;
        Ok(found.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
    }

    /// What may be registered without our knowing its number there, in the form of the list. Only what is unknown is
    /// open to the list's word; the others may be the very rows that look like it.
    fn seek(&self, realms: &BTreeSet<i64>) -> Result<(), Error> {
        let mut nameless = self.tx.prepare_cached(NAMELESS)?;
        let mut put = self.tx.prepare_cached(
            "INSERT INTO temp.sought (realm_id, transaction_id, record_id, batch_id, number, open, since, held, content,
                registration) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?;
        let doubtful = format!("\"{}\"", codes::DOUBTFUL.code);
        for realm in realms {
            let mut rows = nameless.query(params![realm, doubtful])?;
            while let Some(row) = rows.next()? {
                let [transaction, batch]: [Option<i64>; 2] = [row.get(0)?, row.get(2)?];
                let [record, since]: [i64; 2] = [row.get(1)?, row.get(5)?];
                let (number, open, held): (String, bool, bool) = (row.get(3)?, row.get(4)?, row.get(6)?);
                let members: Option<String> = row.get(7)?;
                let members = members.as_deref();
                let (content, own) = (self.content(members), self.registration(*realm, members));
                let mine =
                    params![realm, transaction, record, batch, number, open, since, held, content, own];
                put.execute(mine)?;
            }
        }
        Ok(())
    }

    /// Rows of the list that bear a number of ours, whatever became of it.
    fn tell_ours(&self) -> Result<(), Error> {
        self.tx.execute(
            "UPDATE temp.listed SET our_number = 1 WHERE number IS NOT NULL AND EXISTS (SELECT 1 FROM transactions t
                JOIN records r ON r.id = t.record_id WHERE t.number = listed.number AND r.realm_id = listed.realm_id)",
            [],
        )?;
        Ok(())
    }

    /// What the compared fields say in a record of ours.
    fn content(&self, members: Option<&str>) -> String {
        let members: Value = parse(members);
        let part = |(name, is_day): &(String, bool)| {
            let text = match members.get(name) {
                Some(Value::String(text)) => text.trim().to_owned(),
                Some(Value::Number(number)) => number.to_string(),
                _ => String::new(),
            };
            if *is_day { text.chars().take("2026-08-31".len()).collect() } else { text }
        };
        self.matching.fields.iter().map(part).collect::<Vec<_>>().join(BETWEEN)
    }

    /// The registration number of a record of ours, where its section has none.
    fn registration(&self, realm: i64, members: Option<&str>) -> String {
        let members: Value = parse(members);
        let own = members.get(&self.matching.registration).and_then(Value::as_str);
        own.filter(|_| self.by_row.contains(&realm)).unwrap_or_default().trim().to_ascii_uppercase()
    }

    /// Rows that the books have under the same number of the system.
    fn known_by_id(&mut self) -> Result<(), Error> {
        let pairs = self.pairs(
            "SELECT l.row_no, i.name, r.row_no, c.members, l.content,
                l.elsewhere = 0 AND (l.number IS NULL OR ltrim(l.number, '0') = ltrim(t.number, '0')), r.state, t.number, t.remote_id,
                r.realm_id, l.registration FROM temp.listed l
               JOIN transactions t ON t.remote_id = l.id AND t.state = 'accepted'
               JOIN records r ON r.id = t.record_id AND r.realm_id = l.realm_id
               JOIN intakes i ON i.id = r.intake_id LEFT JOIN contents c ON c.record_id = r.id
              WHERE l.over = 0
             UNION ALL SELECT l.row_no, i.name, r.row_no, c.members, l.content, l.elsewhere = 0, r.state, '', r.listed_id,
                r.realm_id, l.registration FROM temp.listed l
               JOIN records r ON r.listed_id = l.id AND r.realm_id = l.realm_id AND r.state = 'duplicate'
               JOIN intakes i ON i.id = r.intake_id LEFT JOIN contents c ON c.record_id = r.id
              WHERE l.over = 0 ORDER BY 1",
        )?;
        for pair in pairs {
            let code = if pair.same { &codes::LISTED_KNOWN } else { &codes::LISTED_DIFFERS };
            self.counts.known += u32::from(pair.same);
            self.tell_beside(code, &pair)?;
        }
        Ok(())
    }

    /// Rows whose number of the system stands in the list twice, or is that of another registration's row here: it
    /// names one movement, so it proves neither.
    fn named_twice(&mut self) -> Result<(), Error> {
        let mut found = self.tx.prepare_cached(
            "SELECT l.row_no, l.id FROM temp.listed l JOIN realms n ON n.id = l.realm_id
              WHERE l.over = 0 AND l.elsewhere = 0
                AND ((SELECT count(*) FROM temp.listed o WHERE o.id = l.id AND o.realm_id = l.realm_id) > 1
                    OR EXISTS (SELECT 1 FROM transactions t JOIN records r ON r.id = t.record_id
                        JOIN realms m ON m.id = r.realm_id WHERE t.remote_id = l.id AND t.state = 'accepted'
                        AND m.system = n.system AND m.environment = n.environment)) ORDER BY l.row_no",
        )?;
        let rows = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let rows: Vec<(u32, String)> = rows.collect::<Result<_, _>>()?;
        for (row, id) in rows {
            self.tell(row, &codes::LISTED_TWICE, [id])?;
        }
        Ok(())
    }

    /// Rows that bear a number of ours that is unknown. It is the number that finds them: equal contents may be many (`+`
    /// keeps their index out of it).
    fn found_by_number(&mut self) -> Result<(), Error> {
        let fits = self.fits(
            "SELECT l.row_no, l.id, s.transaction_id, s.batch_id, s.record_id FROM temp.listed l
               JOIN temp.sought s ON s.number = l.number AND s.realm_id = l.realm_id
              WHERE l.over = 0 AND l.elsewhere = 0 AND s.open = 1 AND s.found = 0 AND +s.content = l.content
                AND l.registration IN ('', s.registration)
                AND (SELECT count(*) FROM temp.listed o WHERE o.number = l.number AND o.realm_id = l.realm_id
                        AND o.over = 0) = 1 ORDER BY l.row_no",
        )?;
        self.take_all(&fits)
    }

    /// What is unknown still and stands in the list under our number says so, with every number of the system that it has
    /// there, and those of earlier lists: a person who takes it for not received must know of all.
    fn tell_contradictions(&self) -> Result<(), Error> {
        let mut found = self.tx.prepare_cached(
            "SELECT record_id, min(row_no), group_concat(id, ',') FROM (SELECT s.record_id, min(l.row_no) AS row_no, l.id
               FROM temp.listed l JOIN temp.sought s ON s.number = l.number AND s.realm_id = l.realm_id
              WHERE l.elsewhere = 0 AND s.open = 1 AND s.found = 0 GROUP BY s.record_id, l.id ORDER BY 1, 2)
              GROUP BY record_id",
        )?;
        let rows = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let rows: Vec<(i64, u32, String)> = rows.collect::<Result<_, _>>()?;
        for (record, listed, ids) in rows {
            let mut store = SqlStore::new(self.tx, self.now);
            let was_to_go = store.reason(record)?.iter().any(|one| one.code == codes::CONTRADICTED.code);
            let code = if was_to_go { &codes::CONTRADICTED } else { &codes::LISTED_OTHER };
            let before = super::decide::listed_under_our_number(self.tx, record)?;
            let all = before.iter().map(String::as_str).chain([ids.as_str()]).flat_map(listed_ids);
            let mut seen = Vec::new();
            all.for_each(|id| seen.extend(Some(id).filter(|id| !seen.contains(id))));
            let place = [self.list.clone(), listed.to_string(), seen.join(",")];
            put_first(&mut store, record, told(code, place))?;
        }
        Ok(())
    }

    /// The list, a row of it, and the system's number there.
    fn place_of(&self, listed: u32) -> Result<[String; 3], Error> {
        let mut found = self.tx.prepare_cached("SELECT id FROM temp.listed WHERE row_no = ?1")?;
        let id = found.query_row([listed], |row| row.get(0))?;
        Ok([self.list.clone(), listed.to_string(), id])
    }

    /// Rows whose content one row without a number of the system has here, and only it, and only this row of the list.
    /// Where the list shows numbers of ours, a row without one was not sent from here.
    fn found_by_content(&mut self) -> Result<(), Error> {
        if !self.matching.by_content {
            return Ok(());
        }
        let fits = self.fits(&format!(
            "SELECT l.row_no, l.id, s.transaction_id, s.batch_id, s.record_id FROM temp.listed l
               JOIN temp.sought s ON s.content = l.content AND s.realm_id = l.realm_id
                    AND s.registration = l.registration
              WHERE l.over = 0 AND l.elsewhere = 0 AND s.open = 1 AND s.found = 0 AND NOT {}
                AND NOT EXISTS (SELECT 1 FROM temp.listed n WHERE n.number IS NOT NULL)
                AND (SELECT count(*) FROM temp.listed o WHERE o.content = l.content AND o.realm_id = l.realm_id
                        AND o.registration = l.registration AND o.over = 0 AND o.elsewhere = 0 AND NOT {}) = 1
                AND (SELECT count(*) FROM temp.sought o WHERE o.content = l.content AND o.realm_id = l.realm_id
                        AND o.registration = l.registration AND o.found = 0) = 1 ORDER BY l.row_no",
            listed_before("l"),
            listed_before("o"),
        ))?;
        self.take_all(&fits)?;
        self.found_held()?;
        self.perhaps_held()?;
        self.nameless()?;
        for (row, listed, ours) in self.ambiguous()? {
            self.tell(row, &codes::LISTED_AMBIGUOUS, [listed.to_string(), ours.to_string()])?;
        }
        Ok(())
    }

    /// Rows whose content one row has that is held because somebody else may have sent it, and no other here that may
    /// be registered; and only this row of the list. It was sent. A number that a list showed before the takeover may
    /// be another movement's.
    fn found_held(&mut self) -> Result<(), Error> {
        let found: Vec<(u32, i64)> = self.all(&format!(
            "SELECT l.row_no, s.id {BESIDE_HELD} AND s.registration = l.registration
                AND NOT EXISTS (SELECT 1 FROM listed_ids k WHERE k.realm_id = l.realm_id AND k.id = l.id
                    AND k.before_takeover = 1)
                AND (l.number IS NOT NULL OR NOT EXISTS (SELECT 1 FROM temp.listed n WHERE n.number IS NOT NULL))
                AND (SELECT count(*) FROM temp.listed o WHERE o.content = l.content AND o.realm_id = l.realm_id
                        AND o.registration = l.registration AND o.over = 0 AND o.elsewhere = 0 AND o.our_number = 0) = 1
                AND (SELECT count(*) FROM temp.sought o WHERE o.content = l.content AND o.realm_id = l.realm_id
                        AND o.registration = l.registration AND o.found = 0
                        AND (o.held = 1 OR l.number IS NULL)) = 1 ORDER BY l.row_no"
        ))?;
        let mut rows = Vec::with_capacity(found.len());
        for (listed, sought) in found {
            rows.extend(self.take_held(listed, sought)?);
        }
        decide::sent_by_others(&mut SqlStore::new(self.tx, self.now), &rows)
    }

    /// A held row turned up under a number of the system that nobody had here; gives it with why it is not sent.
    fn take_held(&mut self, listed: u32, sought: i64) -> Result<Option<(Known, StoredIssue)>, Error> {
        let (record, id): (i64, String) = self
            .tx
            .prepare_cached(
                "UPDATE temp.sought SET found = 1 WHERE id = ?1
                 RETURNING record_id, (SELECT id FROM temp.listed WHERE row_no = ?2)",
            )?
            .query_row(params![sought, listed], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let Some(known) = record::get(self.tx, record)? else { return Ok(None) };
        self.tx
            .prepare_cached("UPDATE records SET listed_id = ?2 WHERE id = ?1")?
            .execute(params![record, id])?;
        self.held.push(json!([record, id]));
        self.tell(listed, &codes::LISTED_HELD, [known.file.clone(), known.row.to_string()])?;
        let why = told(&codes::SENT_BY_OTHERS, [id, self.list.clone(), listed.to_string()]);
        Ok(Some((known, why)))
    }

    /// Rows that a held row may be, though it is not sure: both say so, and whoever lets the held one go must have
    /// looked at it.
    fn perhaps_held(&mut self) -> Result<(), Error> {
        let ours: Vec<(i64, u32)> =
            self.all(&format!("SELECT s.record_id, min(l.row_no) {BESIDE_HELD} GROUP BY s.record_id"))?;
        for (record, listed) in ours {
            self.doubt_more(record, listed)?;
        }
        let mut found = self.tx.prepare_cached(&format!(
            "SELECT l.row_no, i.name, r.row_no,
                (SELECT count(*) FROM temp.sought o WHERE o.content = l.content AND o.realm_id = l.realm_id
                    AND l.registration IN ('', o.registration) AND o.found = 0),
                (SELECT count(*) FROM temp.listed o WHERE o.content = l.content AND o.realm_id = l.realm_id
                    AND o.registration = l.registration AND o.over = 0 AND o.elsewhere = 0 AND o.our_number = 0)
               FROM (SELECT l.row_no AS listed, min(s.record_id) AS record {BESIDE_HELD} GROUP BY l.row_no) b
               JOIN temp.listed l ON l.row_no = b.listed JOIN records r ON r.id = b.record
               JOIN intakes i ON i.id = r.intake_id ORDER BY l.row_no"
        ))?;
        let read = |row: &Row<'_>| {
            let counts: [u32; 3] = [row.get(2)?, row.get(3)?, row.get(4)?];
            Ok((row.get(0)?, row.get(1)?, counts))
        };
        let perhaps: Vec<(u32, String, [u32; 3])> = found.query_map([], read)?.collect::<Result<_, _>>()?;
        for (listed, file, [row, ours, theirs]) in perhaps {
            let name = format!("{listed} → {file}:{row}");
            let args = [file, row.to_string(), ours.to_string(), theirs.to_string()];
            self.tell_as(listed, &codes::LISTED_PERHAPS, args, name)?;
        }
        Ok(())
    }

    /// A held row says first which row of the newest list it may be.
    fn doubt_more(&self, record: i64, listed: u32) -> Result<(), Error> {
        let perhaps = told(&codes::PERHAPS_LISTED, self.place_of(listed)?);
        put_first(&mut SqlStore::new(self.tx, self.now), record, perhaps)
    }

    /// Rows that do not show of which registration they are, and have the content of rows here that know theirs.
    fn nameless(&mut self) -> Result<(), Error> {
        let pairs = self.pairs(
            "SELECT l.row_no, i.name, r.row_no, NULL, '', 0, r.state, s.number, NULL, r.realm_id, ''
               FROM temp.listed l JOIN temp.sought s ON s.content = l.content AND s.realm_id = l.realm_id
               JOIN records r ON r.id = s.record_id JOIN intakes i ON i.id = r.intake_id
              WHERE l.over = 0 AND l.elsewhere = 0 AND l.number IS NULL AND l.registration = ''
                AND s.registration <> '' AND s.open = 1 AND s.found = 0 GROUP BY l.row_no ORDER BY l.row_no",
        )?;
        pairs.iter().try_for_each(|pair| self.tell_beside(&codes::LISTED_NAMELESS, pair))
    }

    /// Rows whose content several have, here or there.
    fn ambiguous(&self) -> Result<Vec<(u32, u32, u32)>, Error> {
        let mut found = self.tx.prepare_cached(
            "SELECT l.row_no,
                (SELECT count(*) FROM temp.listed o WHERE o.content = l.content AND o.realm_id = l.realm_id
                    AND o.registration = l.registration AND o.over = 0 AND o.elsewhere = 0 AND o.number IS NULL),
                (SELECT count(*) FROM temp.sought o WHERE o.content = l.content AND o.realm_id = l.realm_id
                    AND o.registration = l.registration AND o.found = 0) AS ours
               FROM temp.listed l WHERE l.over = 0 AND l.elsewhere = 0 AND l.number IS NULL AND ours > 0 ORDER BY l.row_no",
        )?;
        let rows = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Rows that settle nothing: under a number of ours that is no longer, or never was, unknown, or with another
    /// content; and rows that the books know nothing of.
    fn others(&mut self) -> Result<(), Error> {
        let pairs = self.pairs(
            "SELECT l.row_no, i.name, r.row_no, c.members, l.content, l.elsewhere = 0, r.state,
                t.number, t.remote_id, r.realm_id, l.registration FROM temp.listed l
               JOIN transactions t ON t.number = l.number JOIN records r ON r.id = t.record_id AND r.realm_id = l.realm_id
               JOIN intakes i ON i.id = r.intake_id LEFT JOIN contents c ON c.record_id = r.id
              WHERE l.over = 0 GROUP BY l.row_no ORDER BY l.row_no",
        )?;
        for pair in pairs {
            let code = pair.told();
            self.counts.known += u32::from(!is_unclear(code.code));
            self.tell_beside(code, &pair)?;
        }
        let mut found = self
            .tx
            .prepare_cached("SELECT row_no, elsewhere FROM temp.listed WHERE over = 0 ORDER BY row_no")?;
        let strangers: Vec<(u32, bool)> =
            found.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        for (row, elsewhere) in strangers {
            self.counts.strange += 1;
            let code = if elsewhere { &codes::LISTED_ELSEWHERE } else { &codes::LISTED_STRANGER };
            self.tell(row, code, [])?;
        }
        Ok(())
    }

    fn pairs(&self, sql: &str) -> Result<Vec<Pair>, Error> {
        let mut found = self.tx.prepare_cached(sql)?;
        let mut rows = found.query([])?;
        let mut pairs = Vec::new();
        while let Some(row) = rows.next()? {
            let (members, content): (Option<String>, String) = (row.get(3)?, row.get(4)?);
            let (realm, registration): (i64, String) = (row.get(9)?, row.get(10)?);
            let members = members.as_deref();
            let whose = registration.is_empty() || registration == self.registration(realm, members);
            let same = row.get(5)? && whose && self.content(members) == content;
            pairs.push(Pair {
                listed: row.get(0)?,
                file: row.get(1)?,
                row: row.get(2)?,
                same,
                state: row.get(6)?,
                number: row.get(7)?,
                id: row.get(8)?,
            });
        }
        Ok(pairs)
    }

    fn fits(&self, sql: &str) -> Result<Vec<Fit>, Error> {
        let mut found = self.tx.prepare_cached(sql)?;
        let read = |row: &Row<'_>| {
            let asked =
                Asked { transaction: row.get(2)?, batch: row.get(3)?, record: row.get(4)?, first: None };
            Ok(Fit { listed: row.get(0)?, id: row.get(1)?, asked })
        };
        Ok(found.query_map([], read)?.collect::<Result<_, _>>()?)
    }

    /// Unknown rows turned up: whoever waited for them is judged once all of them have moved.
    fn take_all(&mut self, fits: &[Fit]) -> Result<(), Error> {
        let mut settled = decide::Settled::default();
        fits.iter().try_for_each(|fit| self.take(fit, &mut settled))?;
        decide::follow(&mut SqlStore::new(self.tx, self.now), &settled)
    }

    /// An unknown row is accepted, and the row of the list says so.
    fn take(&mut self, fit: &Fit, settled: &mut decide::Settled) -> Result<(), Error> {
        let why = told(&codes::IN_LIST, [self.list.clone(), fit.listed.to_string()]);
        if let Some(known) = record::get(self.tx, fit.asked.record)? {
            let store = &mut SqlStore::new(self.tx, self.now);
            decide::prove_one(store, &known, Some(&fit.id), &why, settled)?;
        }
        self.tx
            .prepare_cached("UPDATE temp.sought SET found = 1 WHERE transaction_id = ?1")?
            .execute([fit.asked.transaction])?;
        let of: (String, u32) = self
            .tx
            .prepare_cached(
                "SELECT i.name, r.row_no FROM records r JOIN intakes i ON i.id = r.intake_id WHERE r.id = ?1",
            )?
            .query_row([fit.asked.record], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.counts.found += 1;
        self.tell(fit.listed, &codes::LISTED_FOUND, [of.0, of.1.to_string()])
    }

    /// The same of one beside a row of ours, which the notice names too where it is not clear.
    fn tell_beside(&mut self, code: &CodeInfo, pair: &Pair) -> Result<(), Error> {
        let Pair { listed, file, row, number, id, .. } = pair;
        let id = id.clone().unwrap_or_else(|| "—".to_owned());
        let name = format!("{listed} → {file}:{row}");
        self.tell_as(*listed, code, [file.clone(), row.to_string(), number.clone(), id], name)
    }

    fn tell<const N: usize>(&mut self, row: u32, code: &CodeInfo, args: [String; N]) -> Result<(), Error> {
        self.tell_as(row, code, args, row.to_string())
    }

    /// Writes down what a row of the list is; `name` stands for it in the notice.
    fn tell_as<const N: usize>(
        &mut self,
        row: u32,
        code: &CodeInfo,
        args: [String; N],
        name: String,
    ) -> Result<(), Error> {
        if is_unclear(code.code) {
            self.counts.unclear += 1;
            self.counts.named.extend((self.counts.unclear <= MOST_NAMED).then_some(name));
        }
        let here = params![self.intake, row];
        let issues: Option<String> = self
            .tx
            .prepare_cached("SELECT issues FROM rows WHERE intake_id = ?1 AND row_no = ?2")?
            .query_row(here, |row| row.get(0))
            .optional()?
            .flatten();
        let mut issues: Vec<StoredIssue> = parse(issues.as_deref());
        issues.push(told(code, args));
        self.tx
            .prepare_cached("UPDATE rows SET issues = ?3 WHERE intake_id = ?1 AND row_no = ?2")?
            .execute(params![self.intake, row, json(&issues)?])?;
        self.tx.prepare_cached("UPDATE temp.listed SET over = 1 WHERE row_no = ?1")?.execute([row])?;
        Ok(())
    }

    /// Rows of the list that could not be compared.
    fn unread(&self) -> Result<Option<StoredIssue>, Error> {
        let mut found = self.tx.prepare_cached(
            "SELECT row_no, count(*) OVER () FROM rows WHERE intake_id = ?1 AND instr(issues, ?2) > 0
              ORDER BY row_no LIMIT ?3",
        )?;
        let code = format!("\"{}\"", codes::LIST_UNREAD.code);
        let rows = found.query_map(params![self.intake, code, MOST_NAMED], |row| {
            Ok((row.get::<_, u32>(0)?.to_string(), row.get::<_, u32>(1)?))
        })?;
        let (named, counts): (Vec<_>, Vec<_>) = rows.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        Ok(counts
            .first()
            .map(|count| told(&codes::LIST_PARTLY_UNREAD, [count.to_string(), named.join(", ")])))
    }

    /// What became final bears its proof: one event a batch, with the hash over its outcomes.
    fn settle(&self) -> Result<(), Error> {
        let mut found = self.tx.prepare_cached(
            "SELECT s.batch_id, s.transaction_id, t.remote_id FROM temp.sought s
               JOIN transactions t ON t.id = s.transaction_id WHERE s.found = 1 AND s.open = 1 ORDER BY s.batch_id, t.position",
        )?;
        let mut batches: BTreeMap<i64, (u32, Digest)> = BTreeMap::new();
        let mut rows = found.query([])?;
        while let Some(row) = rows.next()? {
            let (batch, transaction, id): (i64, i64, Option<String>) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            let (count, digest) = batches.entry(batch).or_insert_with(|| (0, Digest::new()));
            *count += 1;
            digest.add(transaction, "accepted", id.as_deref());
        }
        for (batch, (accepted, digest)) in batches {
            let data = json!({"list": self.intake, "accepted": accepted, "outcomes": digest.end()});
            append_event(self.tx, self.touched, self.now, "settled", Event::about(batch, data))?;
            mark_batch_changed(self.tx, batch)?;
        }
        Ok(())
    }

    /// Numbers of the system that are nobody's here: what is sent after this list can't bear them.
    fn remember(&self) -> Result<(), Error> {
        self.tx.execute(
            "INSERT OR IGNORE INTO listed_ids (realm_id, id, attempt)
             SELECT l.realm_id, l.id, (SELECT coalesce(max(id), 0) FROM attempts) FROM temp.listed l
              WHERE NOT EXISTS (SELECT 1 FROM transactions t WHERE t.remote_id = l.id AND t.state = 'accepted')",
            [],
        )?;
        Ok(())
    }

    /// What other lists lacked and this one has.
    fn turned_up(&self) -> Result<(), Error> {
        const HERE: &str = "FROM temp.listed l JOIN transactions t ON t.remote_id = l.id
            JOIN records r ON r.id = t.record_id AND r.realm_id = l.realm_id
            JOIN unlisted u ON u.transaction_id = t.id AND u.state = 'accepted'";
        self.tx.execute(
            &format!("UPDATE intakes SET changed = changed + 1 WHERE id IN (SELECT u.intake_id {HERE})"),
            [],
        )?;
        self.tx.execute(
            &format!(
                "DELETE FROM unlisted WHERE state = 'accepted' AND transaction_id IN (SELECT t.id {HERE})"
            ),
            [],
        )?;
        Ok(())
    }

    /// What the books have of the list's days and the list has not.
    fn missing(&self, realms: &BTreeSet<i64>) -> Result<Vec<StoredIssue>, Error> {
        let days: (Option<String>, Option<String>) =
            self.tx.query_row("SELECT min(day), max(day) FROM temp.listed", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let (Some(first), Some(last)) = days else { return Ok(Vec::new()) };
        let mut issues = Vec::new();
        self.keep_missing(realms, (&first, &last))?;
        for code in [&codes::NOT_LISTED, &codes::UNKNOWN_NOT_LISTED] {
            let (count, named) = unlisted(self.tx, self.intake, code.code)?;
            if count > 0 {
                let local = |text: &str| day_text(day(text));
                issues.push(told(code, [count.to_string(), local(&first), local(&last), named]));
            }
        }
        Ok(issues)
    }

    fn keep_missing(&self, realms: &BTreeSet<i64>, (first, last): (&str, &str)) -> Result<(), Error> {
        let mut keep = self.tx.prepare_cached(&format!(
            "INSERT OR IGNORE INTO unlisted (intake_id, transaction_id, state) SELECT ?7, t.id, ?2 {UNLISTED}"
        ))?;
        let Matching { day, by_content, .. } = self.matching;
        for realm in realms {
            for state in ["accepted", "unknown"] {
                keep.execute(params![realm, state, first, last, day, by_content, self.intake])?;
            }
        }
        Ok(())
    }
}

/// How many rows a list lacks still, and the first of them, by the code that tells so.
pub(super) fn unlisted(conn: &Connection, list: i64, code: &str) -> Result<(u32, String), Error> {
    let state = if code == codes::NOT_LISTED.code { "accepted" } else { "unknown" };
    let mut found = conn.prepare_cached(
        "SELECT i.name || ':' || r.row_no, count(*) OVER () FROM unlisted u
           JOIN transactions t ON t.id = u.transaction_id AND t.state = u.state
           JOIN records r ON r.id = t.record_id JOIN intakes i ON i.id = r.intake_id
          WHERE u.intake_id = ?1 AND u.state = ?2 ORDER BY r.id LIMIT ?3",
    )?;
    let within = params![list, state, MOST_NAMED];
    let rows = found.query_map(within, |row| Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?)))?;
    let (named, counts): (Vec<_>, Vec<_>) = rows.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    Ok((counts.first().copied().unwrap_or_default(), named.join(", ")))
}
