//! Single records: reading them, following who took their place, moving them.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::ledger::codes;
use crate::ledger::core::{Life as _, RecordState, Way};
use crate::ledger::{Error, StoredIssue};
use crate::model::CodeInfo;

/// What judging needs of a record.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) id: i64,
    pub(super) intake: i64,
    pub(super) row: u32,
    pub(super) realm: Option<i64>,
    pub(super) file: String,
    pub(super) sha256: String,
    pub(super) state: RecordState,
    pub(super) valid: bool,
    pub(super) members: Option<String>,
    pub(super) way: Option<Way>,
    pub(super) of_record: Option<i64>,
    pub(super) newer: Option<i64>,
    pub(super) remote_id: Option<String>,
    pub(super) doc_intake: Option<i64>,
    pub(super) document: Option<String>,
    /// What a person has to vouch for before it may go.
    pub(super) doubt: Vec<StoredIssue>,
}

impl Known {
    /// Whether it would go, but for what a person has to vouch for.
    pub(super) fn only_doubted(&self) -> bool {
        self.state == RecordState::Held && self.way.is_none() && !self.doubt.is_empty()
    }

    /// Where a record stands that nothing else stops, and why.
    pub(super) fn own_stand(&self) -> (RecordState, &[StoredIssue]) {
        match (self.valid, self.doubt.is_empty()) {
            (false, _) => (RecordState::Refused, &[]),
            (true, false) => (RecordState::Held, &self.doubt),
            (true, true) => (RecordState::Ready, &[]),
        }
    }
}

const SELECT: &str =
    "SELECT r.id, r.intake_id, r.row_no, i.name, i.sha256, r.state, r.valid, c.members, r.way,
    r.of_record, r.newer, t.remote_id, r.doc_intake, r.document, r.doubt, r.realm_id
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

/// The record of a row.
pub(super) fn of_row(conn: &Connection, intake: i64, row: u32) -> Result<Option<Known>, Error> {
    let id: Option<i64> = conn
        .prepare_cached(
            "SELECT record_id FROM rows WHERE intake_id = ?1 AND row_no = ?2 AND record_id IS NOT NULL",
        )?
        .query_row(params![intake, row], |row| row.get(0))
        .optional()?;
    id.map_or(Ok(None), |id| get(conn, id))
}

/// The record that stands in a record's place now.
pub(super) fn in_place_of(conn: &Connection, mut known: Known) -> Result<Known, Error> {
    while let Some(newer) = known.newer {
        match get(conn, newer)? {
            Some(next) => known = next,
            None => break,
        }
    }
    Ok(known)
}

/// The live record of a fact.
pub(super) fn live(conn: &Connection, scope: i64, key: &str) -> Result<Option<Known>, Error> {
    let id: Option<i64> = conn
        .prepare_cached("SELECT record_id FROM facts WHERE scope_id = ?1 AND key = ?2 AND live = 1")?
        .query_row(params![scope, key], |row| row.get(0))
        .optional()?;
    id.map_or(Ok(None), |id| get(conn, id))
}

/// Moves a record, with the reason and the record it refers to.
pub(super) fn set(
    conn: &Connection,
    id: i64,
    state: RecordState,
    way: Option<Way>,
    of_record: Option<i64>,
    reason: &[StoredIssue],
) -> Result<(), Error> {
    conn.prepare_cached(
        "UPDATE records SET state = ?2, way = ?3, of_record = ?4, reason = ?5 WHERE id = ?1",
    )?
    .execute(params![id, state.word(), way.map(Way::word), of_record, super::issues_text(reason)?])?;
    Ok(())
}

/// Why a record stands where it stands.
pub(super) fn reason(conn: &Connection, id: i64) -> Result<Vec<StoredIssue>, Error> {
    let reason: Option<String> =
        conn.prepare_cached("SELECT reason FROM records WHERE id = ?1")?.query_row([id], |row| row.get(0))?;
    Ok(super::parse(reason.as_deref()))
}

/// A stored issue of this room.
pub(super) fn told(code: &CodeInfo, args: impl IntoIterator<Item = String>) -> StoredIssue {
    StoredIssue { code: code.code.to_owned(), column: None, args: args.into_iter().collect() }
}

/// Why a newer row stands where it stands, given what it met.
pub(super) fn told_of(code: &CodeInfo, met: &Known, differs: &[String]) -> StoredIssue {
    let id = met.remote_id.clone().unwrap_or_else(|| "—".to_owned());
    match code.code {
        code_text if code_text == codes::DUPLICATE.code => {
            told(code, [id, met.file.clone(), met.row.to_string()])
        }
        code_text if code_text == codes::CHANGE.code => told(code, [id, differs.join(", ")]),
        code_text if code_text == codes::REVERSED.code => told(code, [id]),
        code_text if code_text == codes::TWICE.code => told(code, [met.row.to_string()]),
        _ => told(code, [met.file.clone(), met.row.to_string()]),
    }
}

/// Names of members in which two canonical records differ, less the ignored ones.
pub(super) fn differences(one: &str, other: &str, ignore: &[String]) -> Vec<String> {
    if one == other {
        return Vec::new();
    }
    let read = |text: &str| -> serde_json::Map<String, serde_json::Value> {
        serde_json::from_str(text).unwrap_or_default()
    };
    let (one, other) = (read(one), read(other));
    let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
    names
        .filter(|name| !ignore.contains(name))
        .filter(|name| one.get(*name) != other.get(*name))
        .cloned()
        .collect()
}

/// Marks files whose reports show a record or the rows it replaced as changed.
pub(super) fn mark_changed(conn: &Connection, record: i64) -> Result<(), Error> {
    conn.prepare_cached(
        "WITH RECURSIVE chain (id) AS (
            VALUES (?1) UNION SELECT r.older FROM records r JOIN chain c ON r.id = c.id WHERE r.older IS NOT NULL)
         UPDATE intakes SET changed = changed + 1
          WHERE id IN (SELECT r.intake_id FROM records r JOIN chain c ON r.id = c.id)",
    )?
    .execute([record])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::differences;

    #[test]
    fn ignored_members_and_our_number_do_not_count() {
        let one = r#"{"p_quantity":1,"notes":"a","p_actor_trn_no":"5"}"#;
        let other = r#"{"p_quantity":1,"p_actor_trn_no":"6"}"#;
        let number = "p_actor_trn_no".to_owned();
        assert_eq!(differences(one, other, &["notes".to_owned(), number.clone()]), Vec::<String>::new());
        assert_eq!(differences(one, other, &[number]), ["notes"]);
    }
}
