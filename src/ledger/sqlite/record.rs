//! Single records: reading them, moving them, telling whose reports show them.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::ledger::Error;
use crate::ledger::core::store::Stand;
use crate::ledger::core::{Known, Life as _, RecordState, Way};

const SELECT: &str =
    "SELECT r.id, r.intake_id, r.row_no, i.name, i.sha256, r.state, r.valid, c.members, r.way,
    r.of_record, r.newer, coalesce(t.remote_id, r.listed_id), r.doc_intake, r.document, r.doubt, r.realm_id, r.older, r.released,
    r.moved_intake, r.moved_row
  FROM records r JOIN intakes i ON i.id = r.intake_id LEFT JOIN contents c ON c.record_id = r.id
  LEFT JOIN transactions t ON t.id = r.transaction_id ";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Known> {
    let state: String = row.get(5)?;
    let way: Option<String> = row.get(8)?;
    let doubt: Option<String> = row.get(14)?;
    Ok(Known {
        id: row.get(0)?,
        intake: row.get(1)?,
        row: row.get(2)?,
        realm: row.get(15)?,
        file: row.get(3)?,
        sha256: row.get(4)?,
        state: RecordState::from_word(&state).unwrap_or(RecordState::Unknown),
        valid: row.get(6)?,
        members: row.get(7)?,
        way: way.as_deref().and_then(Way::from_word),
        of_record: row.get(9)?,
        newer: row.get(10)?,
        remote_id: row.get(11)?,
        doc_intake: row.get(12)?,
        document: row.get(13)?,
        doubt: super::parse(doubt.as_deref()),
        older: row.get(16)?,
        released: row.get(17)?,
        movement: row.get::<_, Option<i64>>(18)?.zip(row.get(19)?),
    })
}

pub(super) fn get(conn: &Connection, id: i64) -> Result<Option<Known>, Error> {
    Ok(conn.prepare_cached(&format!("{SELECT} WHERE r.id = ?1"))?.query_row([id], from_row).optional()?)
}

/// All records of a condition, in order.
pub(super) fn select(
    conn: &Connection,
    condition: &str,
    args: &[&dyn rusqlite::ToSql],
) -> Result<Vec<Known>, Error> {
    let mut found = conn.prepare_cached(&format!("{SELECT} WHERE {condition} ORDER BY r.id"))?;
    let known = found.query_map(args, from_row)?.collect::<Result<_, _>>()?;
    Ok(known)
}

/// Moves a record, with the reason and the record it refers to.
pub(super) fn set(conn: &Connection, id: i64, stand: &Stand<'_>) -> Result<(), Error> {
    conn.prepare_cached(
        "UPDATE records SET state = ?2, way = ?3, of_record = ?4, reason = ?5,
            asked_after = CASE ?2 WHEN 'held' THEN (SELECT max(id) FROM intakes) ELSE asked_after END
          WHERE id = ?1",
    )?
    .execute(params![
        id,
        stand.state.word(),
        stand.way.map(Way::word),
        stand.of_record,
        super::issues_text(stand.reason)?
    ])?;
    Ok(())
}

/// Marks files whose reports show a record or the rows it replaced as changed.
pub(super) fn mark_changed(conn: &Connection, record: i64) -> Result<(), Error> {
    conn.prepare_cached(
        "WITH RECURSIVE chain (id) AS (
            VALUES (?1) UNION SELECT r.id FROM records r JOIN chain c ON r.newer = c.id)
         UPDATE intakes SET changed = changed + 1
          WHERE id IN (SELECT r.intake_id FROM records r JOIN chain c ON r.id = c.id)",
    )?
    .execute([record])?;
    Ok(())
}
