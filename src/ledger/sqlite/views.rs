//! What reports and `status` are told.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, params};

use super::reconcile::unlisted;
use super::record;
use super::{Sqlite, day, from_stamp, head, parse};
use crate::ledger::core::store::{in_place_of, told};
use crate::ledger::core::{Life as _, RecordState};
use crate::ledger::lists::{is_listed_under_our_number, is_open, lacks_rows};
use crate::ledger::skew::at_answer;
use crate::ledger::{BatchView, Error, FileState, FileView, RowView, Skew, StoredIssue, Summary, codes};
use crate::model::{Environment, Lang, Status, SystemError};

/// One record as a report joins it.
struct Joined {
    row: u32,
    ignored: bool,
    issues: Vec<StoredIssue>,
    record: Option<RecordPart>,
}

/// What a row tells of the batch it went out in.
#[derive(Default)]
struct BatchPart {
    state: String,
    seen: Option<String>,
    sent_at: Option<DateTime<Utc>>,
}

struct RecordPart {
    state: RecordState,
    reason: Vec<StoredIssue>,
    until: Option<String>,
    reverse_until: Option<String>,
    newer: Option<i64>,
    number: Option<String>,
    errors: Vec<SystemError>,
    remote_id: Option<String>,
    batch: Option<i64>,
    earlier_id: Option<String>,
    earlier_number: Option<String>,
    earlier_state: Option<String>,
}

const ROWS: &str =
    "SELECT w.row_no, w.ignored, w.issues, r.state, r.reason, r.until, r.reverse_until, r.newer,
    t.number, t.errors, coalesce(t.remote_id, r.listed_id), t.batch_id, coalesce(ot.remote_id, o.listed_id), ot.number, o.state
  FROM rows w
  LEFT JOIN records r ON r.id = w.record_id
  LEFT JOIN transactions t ON t.id = r.transaction_id
  LEFT JOIN records o ON o.id = r.of_record AND r.state IN ('duplicate', 'reversed', 'behind')
  LEFT JOIN transactions ot ON ot.id = o.transaction_id ";

/// In a request: found by the batches under way, which SQLite must be told to begin with (`CROSS JOIN`).
const SENDING: &str = "r.state = 'sending' AND r.id IN (SELECT t.record_id FROM batches b
    CROSS JOIN transactions t ON t.batch_id = b.id WHERE b.state <> 'settled')";

/// Taken and neither on its way nor at its end; the condition of the index `records_open`.
const OPEN: &str =
    "r.state <> 'accepted' AND r.state <> 'sending' AND r.state <> 'ready' AND r.state <> 'refused' AND r.state <> 'rejected'
    AND r.state <> 'duplicate' AND r.state <> 'reversed' AND r.state <> 'ignored'";

fn joined(row: &Row<'_>) -> rusqlite::Result<Joined> {
    let state: Option<String> = row.get(3)?;
    let issues: Option<String> = row.get(2)?;
    let record = match state {
        None => None,
        Some(state) => Some(record_part(row, &state)?),
    };
    Ok(Joined { row: row.get(0)?, ignored: row.get(1)?, issues: parse(issues.as_deref()), record })
}

fn record_part(row: &Row<'_>, state: &str) -> rusqlite::Result<RecordPart> {
    let reason: Option<String> = row.get(4)?;
    let errors: Option<String> = row.get(9)?;
    Ok(RecordPart {
        state: RecordState::from_word(state).unwrap_or(RecordState::Unknown),
        reason: parse(reason.as_deref()),
        until: row.get(5)?,
        reverse_until: row.get(6)?,
        newer: row.get(7)?,
        number: row.get(8)?,
        errors: parse(errors.as_deref()),
        remote_id: row.get(10)?,
        batch: row.get(11)?,
        earlier_id: row.get(12)?,
        earlier_number: row.get(13)?,
        earlier_state: row.get(14)?,
    })
}

impl Sqlite {
    pub(super) fn row_views(&self, intake: i64, after: u32, limit: u32) -> Result<Vec<RowView>, Error> {
        let mut found = self.conn.prepare_cached(&format!(
            "{ROWS} WHERE w.intake_id = ?1 AND w.row_no > ?2 AND w.row_no <= coalesce(
                (SELECT row_no FROM rows WHERE intake_id = ?1 AND row_no > ?2 ORDER BY row_no LIMIT 1 OFFSET ?3),
                4294967295) ORDER BY w.row_no"
        ))?;
        let parts: Vec<Joined> = found
            .query_map(params![intake, after, limit.saturating_sub(1)], joined)?
            .collect::<Result<_, _>>()?;
        // Rows of a batch follow one another, and what it tells lies behind its body: it is read once.
        let (mut newest, mut batch) = (None, BatchPart::default());
        let mut views = Vec::with_capacity(parts.len());
        for part in parts {
            let number = part.record.as_ref().and_then(|record| record.batch);
            if number.is_some() && number != newest {
                (newest, batch) = (number, self.batch_part(number)?);
            }
            views.push(self.view(intake, part, &batch)?);
        }
        Ok(views)
    }

    fn batch_part(&self, batch: Option<i64>) -> Result<BatchPart, Error> {
        let mut found = self.conn.prepare_cached("SELECT state, seen, sent_at FROM batches WHERE id = ?1")?;
        let part = found.query_row([batch], |row| {
            let sent_at: Option<String> = row.get(2)?;
            let sent_at = sent_at.as_deref().and_then(from_stamp);
            Ok(BatchPart { state: row.get(0)?, seen: row.get(1)?, sent_at })
        });
        Ok(part.optional()?.unwrap_or_default())
    }

    /// `batch` is that of the row's record, if it has one.
    fn view(&self, intake: i64, part: Joined, batch: &BatchPart) -> Result<RowView, Error> {
        let reference = format!("{}-{intake}-{}", self.id, part.row);
        let mut view = RowView {
            row: part.row,
            status: Status::Ignored,
            issues: part.issues,
            system_errors: Vec::new(),
            id: None,
            number: None,
            batch: None,
            sent_at: None,
            until: None,
            reference,
            replaced: false,
        };
        let Some(record) = part.record else {
            if !part.ignored {
                view.status = Status::Unknown;
            } else if view.issues.iter().any(is_open) {
                view.status = Status::Held;
            }
            return Ok(view);
        };
        tell(&mut view, &record, record.batch.map_or(&BatchPart::default(), |_| batch));
        if let (RecordState::Unknown, Some(number)) = (record.state, &record.number) {
            view.issues.extend(self.looked_at(number)?);
        }
        if let Some(newer) = record.newer {
            self.tell_replaced(&mut view, newer)?;
        }
        Ok(view)
    }

    /// A replaced row shows what became of the row in its place, and what is still to be done about that one.
    fn tell_replaced(&self, view: &mut RowView, newer: i64) -> Result<(), Error> {
        let Some(known) = record::get(&self.conn, newer)? else { return Ok(()) };
        let known = in_place_of(known, |id| record::get(&self.conn, id))?;
        let in_place = self.row_views(known.intake, known.row.saturating_sub(1), 1)?;
        view.replaced = true;
        view.system_errors.clear();
        view.issues = vec![told(&codes::REPLACED, [known.file.clone(), known.row.to_string()])];
        if let Some(other) = in_place.into_iter().find(|other| other.row == known.row) {
            if !other.status.is_final() {
                // That it takes this very row's place needs no telling here.
                view.issues
                    .extend(other.issues.into_iter().filter(|issue| issue.code != codes::REPAIRED.code));
                view.system_errors = other.system_errors;
            }
            view.status = other.status;
            view.id = other.id;
            view.number = other.number;
            view.batch = other.batch;
            view.sent_at = other.sent_at;
            view.until = other.until;
        }
        Ok(())
    }

    pub(super) fn file_view(&self, intake: i64) -> Result<Option<FileView>, Error> {
        let ledger_head = head(&self.conn)?;
        let mine: Vec<i64> = self.realms.values().copied().collect();
        let found = self
            .conn
            .query_row(
                "SELECT i.folder, i.name, i.sha256, i.received_at, i.state, i.sections, m.system, m.environment,
                    i.mapping, i.reading, i.issues, i.language, f.name, f.received_at, i.period, i.realm_id
                   FROM intakes i LEFT JOIN realms m ON m.id = i.realm_id LEFT JOIN intakes f ON f.id = i.supersedes
                  WHERE i.id = ?1",
                [intake],
                |row| {
                    let text = |index: usize| row.get::<_, String>(index);
                    let maybe = |index: usize| row.get::<_, Option<String>>(index);
                    let supersedes = maybe(12)?.zip(maybe(13)?.as_deref().and_then(from_stamp));
                    let sha256 = text(2)?;
                    Ok(FileView {
                        intake,
                        folder: text(0)?.into(),
                        name: text(1)?,
                        snapshot: self.spool.join(&sha256),
                        sha256,
                        received_at: from_stamp(&text(3)?).unwrap_or_default(),
                        state: FileState::from_word(&text(4)?).unwrap_or(FileState::Received),
                        destinations: parse(Some(&text(5)?)),
                        system: maybe(6)?,
                        environment: maybe(7)?.as_deref().and_then(environment),
                        mapping: maybe(8)?.and_then(|text| serde_json::from_str(&text).ok()),
                        reading: maybe(9)?.and_then(|text| serde_json::from_str(&text).ok()),
                        issues: parse(Some(&text(10)?)),
                        language: if text(11)? == "en" { Lang::En } else { Lang::Bg },
                        supersedes,
                        period: maybe(14)?,
                        here: row.get::<_, Option<i64>>(15)?.is_none_or(|realm| mine.contains(&realm)),
                        clock: None,
                        batches: Vec::new(),
                        ledger_head: ledger_head.clone(),
                    })
                },
            )
            .optional()?;
        let Some(mut view) = found else { return Ok(None) };
        view.issues = self.lacking_now(intake, view.issues)?;
        view.batches = self.batches_of(intake)?;
        view.clock = view.batches.last().map_or(Ok(None), |batch| self.clock_at(Some(batch.id)))?;
        Ok(Some(view))
    }

    /// What was told of a file when it was taken; of rows that a list lacks, which of them it lacks still.
    fn lacking_now(&self, intake: i64, issues: Vec<StoredIssue>) -> Result<Vec<StoredIssue>, Error> {
        let mut now = Vec::with_capacity(issues.len());
        for mut issue in issues {
            if lacks_rows(&issue) {
                let (count, named) = unlisted(&self.conn, intake, &issue.code)?;
                let [told, _, _, first] = issue.args.as_mut_slice() else { continue };
                (*told, *first) = (count.to_string(), named);
                if count == 0 {
                    continue;
                }
            }
            now.push(issue);
        }
        Ok(now)
    }

    fn batches_of(&self, intake: i64) -> Result<Vec<BatchView>, Error> {
        let mut found = self.conn.prepare_cached(
            "SELECT id, remote, rows, state, sent_at, answered_at FROM batches WHERE id IN (
                SELECT t.batch_id FROM rows w JOIN records r ON r.id = w.record_id
                  JOIN transactions t ON t.id = r.transaction_id WHERE w.intake_id = ?1) ORDER BY id",
        )?;
        let batches = found.query_map([intake], |row| {
            let at = |index: usize| -> rusqlite::Result<Option<DateTime<Utc>>> {
                Ok(row.get::<_, Option<String>>(index)?.as_deref().and_then(from_stamp))
            };
            Ok(BatchView {
                id: row.get(0)?,
                remote: row.get(1)?,
                rows: row.get(2)?,
                state: row.get(3)?,
                sent_at: at(4)?,
                answered_at: at(5)?,
            })
        })?;
        Ok(batches.collect::<Result<_, _>>()?)
    }

    pub(super) fn count(&self) -> Result<Summary, Error> {
        let mut summary = Summary::default();
        let mine: Vec<i64> = self.realms.values().copied().collect();
        for open in ["r.state = 'ready'", SENDING, OPEN] {
            self.count_open(open, &mine, &mut summary)?;
        }
        summary.batches = self.open_batches()?;
        summary.clock = self.clock_at(None)?;
        Ok(summary)
    }

    /// The two clocks at the newest answer about a batch, or about any.
    pub(super) fn clock_at(&self, batch: Option<i64>) -> Result<Option<Skew>, Error> {
        let which = if batch.is_some() { "a.batch_id = ?1" } else { "?1 IS NULL" };
        let found: Option<(String, String, String)> = self
            .conn
            .prepare_cached(&format!(
                "SELECT b.section, a.headers, a.ended_at FROM attempts a JOIN batches b ON b.id = a.batch_id
                  WHERE {which} AND a.headers IS NOT NULL AND a.ended_at IS NOT NULL ORDER BY a.id DESC LIMIT 1"
            ))?
            .query_row([batch], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        Ok(found.and_then(|(section, headers, at)| {
            let headers: Vec<(String, String)> = parse(Some(&headers));
            at_answer(section, &headers, from_stamp(&at)?)
        }))
    }

    fn count_open(&self, open: &str, mine: &[i64], summary: &mut Summary) -> Result<(), Error> {
        let mut found = self.conn.prepare(&format!(
            "SELECT r.state, r.realm_id, m.environment, count(*), min(r.until)
               FROM records r JOIN intakes i ON i.id = r.intake_id LEFT JOIN realms m ON m.id = r.realm_id
              WHERE {open} AND r.newer IS NULL
                AND i.state = 'taken' AND (r.state <> 'held' OR i.superseded_by IS NULL)
              GROUP BY r.state, r.realm_id"
        ))?;
        let mut rows = found.query([])?;
        while let Some(row) = rows.next()? {
            let (state, realm): (String, Option<i64>) = (row.get(0)?, row.get(1)?);
            let count = u64::try_from(row.get::<_, i64>(3)?).unwrap_or_default();
            if realm.is_some_and(|realm| !mine.contains(&realm)) {
                let environment: Option<String> = row.get(2)?;
                summary.elsewhere.push((environment.unwrap_or_default(), count));
                continue;
            }
            match RecordState::from_word(&state).map(RecordState::status) {
                Some(Status::Unknown) => summary.unknown += count,
                Some(Status::Held) => summary.held += count,
                _ => summary.waiting += count,
            }
            let until: Option<String> = row.get(4)?;
            let until = until.as_deref().and_then(day);
            summary.next_until = [summary.next_until, until].into_iter().flatten().min();
        }
        Ok(())
    }

    fn open_batches(&self) -> Result<Vec<(i64, String, u64)>, Error> {
        let mut found = self.conn.prepare(
            "SELECT id, state, rows FROM batches WHERE state <> 'settled' ORDER BY id DESC LIMIT 50",
        )?;
        let batches = found.query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, u64::try_from(row.get::<_, i64>(2)?).unwrap_or_default()))
        })?;
        Ok(batches.collect::<Result<_, _>>()?)
    }

    pub(super) fn files_newest_first(&self, limit: u32) -> Result<Vec<i64>, Error> {
        let mut found = self.conn.prepare(
            "SELECT id FROM intakes WHERE kind = 'drop' AND state <> 'withdrawn' AND superseded_by IS NULL
              ORDER BY id DESC LIMIT ?1",
        )?;
        Ok(found.query_map([limit], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }
}

/// Status and messages of a row from its own record.
fn tell(view: &mut RowView, record: &RecordPart, batch: &BatchPart) {
    view.status = record.state.status();
    view.issues.extend(reason(record));
    view.number = record.number.clone().or_else(|| record.earlier_number.clone().filter(|_| repeats(record)));
    view.batch = record.batch;
    view.sent_at = batch.sent_at;
    view.id = record.remote_id.clone().or_else(|| record.earlier_id.clone().filter(|_| repeats(record)));
    let last = if record.state == RecordState::Accepted { &record.reverse_until } else { &record.until };
    view.until = last.as_deref().filter(|_| record.state.status() != Status::Ignored).and_then(day);
    if record.state == RecordState::Rejected {
        view.system_errors.clone_from(&record.errors);
    }
    view.issues.extend(told_by_state(record, batch));
}

/// Whether it is the same fact as an earlier record, whose numbers it shows.
fn repeats(record: &RecordPart) -> bool {
    matches!(record.state, RecordState::Duplicate | RecordState::Reversed)
}

/// Why it stands where it stands. Behind an unknown outcome a person must act, though not on this row.
fn reason(record: &RecordPart) -> Vec<StoredIssue> {
    let unknown = record.earlier_state.as_deref() == Some(RecordState::Unknown.word());
    let mut reason = record.reason.clone();
    // Once it is settled, nothing is left of what a list made doubtful.
    reason.retain(|issue| record.state == RecordState::Unknown || !is_listed_under_our_number(&issue.code));
    if record.state == RecordState::Behind && unknown {
        for issue in reason.iter_mut().filter(|issue| issue.code == codes::BEHIND.code) {
            codes::BEHIND_UNKNOWN.code.clone_into(&mut issue.code);
            issue.args.push(record.earlier_number.clone().unwrap_or_default());
        }
    }
    reason
}

/// What to say where the state itself is the reason.
fn told_by_state(record: &RecordPart, batch: &BatchPart) -> Option<StoredIssue> {
    let seen = || batch.seen.clone().unwrap_or_else(|| "—".to_owned());
    match record.state {
        RecordState::Sending if batch.state == "retry" => Some(told(&codes::RETRYING, [seen()])),
        RecordState::Ready | RecordState::Sending => Some(told(&codes::WAITING, [])),
        RecordState::Pending => Some(told(&codes::PENDING, [])),
        RecordState::Unknown => {
            Some(told(&codes::UNKNOWN, [seen(), record.number.clone().unwrap_or_default()]))
        }
        _ => None,
    }
}

fn environment(word: &str) -> Option<Environment> {
    [Environment::Sandbox, Environment::Test, Environment::Production]
        .into_iter()
        .find(|one| one.word() == word)
}
