//! What the rows of a scope are told apart by. A mapping may be mended, but not so that rows which were reported look
//! new.

use rusqlite::{Transaction, params};

use super::Sqlite;
use super::stage::earlier_of_same_content;
use crate::ledger::{Error, Plan};

/// A row of scope `s` that may be registered.
const REPORTED: &str = "EXISTS (SELECT 1 FROM facts f JOIN records r ON r.id = f.record_id
    WHERE f.scope_id = s.id AND f.live = 1 AND r.state IN ('accepted', 'ready', 'sending', 'pending', 'unknown'))";

impl Sqlite {
    /// Whether rows of a file would be looked for under another key than those that were reported.
    pub(super) fn knows_otherwise(&self, plan: &Plan) -> Result<bool, Error> {
        if self.is_known_by_row(plan)? {
            return Ok(false);
        }
        let mut otherwise = self.conn.prepare_cached(&format!(
            "SELECT EXISTS (SELECT 1 FROM scopes s WHERE s.realm_id = ?1 AND s.name = ?2 AND s.identity <> ?3
                AND {REPORTED})"
        ))?;
        for realm in plan.sections.iter().filter_map(|section| self.realm(section)) {
            if otherwise.query_row(params![realm, plan.scope, plan.identity], |row| row.get(0))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The same content, or the same file read again, is known row by row, whatever the key says; but a row that gave
    /// nothing then is known by its key only.
    fn is_known_by_row(&self, plan: &Plan) -> Result<bool, Error> {
        let realm = plan.sections.first().and_then(|section| self.realm(section));
        let Some(earlier) = earlier_of_same_content(&self.conn, plan, realm)? else { return Ok(false) };
        let gave_nothing: bool = self
            .conn
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM rows WHERE intake_id = ?1 AND record_id IS NULL)")?
            .query_row([earlier], |row| row.get(0))?;
        Ok(!gave_nothing)
    }
}

/// From the first reported row on, that is what a scope's rows are told apart by.
pub(super) fn remember(tx: &Transaction<'_>, scope: i64, plan: &Plan) -> Result<(), Error> {
    tx.prepare_cached(&format!(
        "UPDATE scopes AS s SET identity = ?2 WHERE s.id = ?1 AND s.identity IS NOT ?2
            AND (s.identity IS NULL OR NOT {REPORTED})"
    ))?
    .execute(params![scope, plan.identity])?;
    Ok(())
}
