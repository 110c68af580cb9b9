//! What the rows of a scope are told apart by. A mapping may be mended, but not so that rows which were reported look
//! new.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::stage::earlier_of_same_content;
use super::{Sqlite, json};
use crate::ledger::{Error, Plan};
use crate::mapping::Identity;

/// A row of scope `s` that may be registered, also one that somebody else sent and a list showed.
const REPORTED: &str = "EXISTS (SELECT 1 FROM facts f JOIN records r ON r.id = f.record_id
    WHERE f.scope_id = s.id AND f.live = 1 AND (r.state IN ('accepted', 'ready', 'sending', 'pending', 'unknown')
        OR (r.state = 'duplicate' AND r.listed_id IS NOT NULL)))";

impl Sqlite {
    /// Whether rows of a file would be looked for under another key than those that were reported.
    pub(super) fn knows_otherwise(&self, plan: &Plan) -> Result<bool, Error> {
        if self.is_known_by_row(plan)? {
            return Ok(false);
        }
        let mut found =
            self.conn.prepare_cached("SELECT id FROM scopes WHERE realm_id = ?1 AND name = ?2")?;
        for realm in plan.sections.iter().filter_map(|section| self.realm(section)) {
            let scope: Option<i64> =
                found.query_row(params![realm, plan.scope], |row| row.get(0)).optional()?;
            let reported = scope.map_or(Ok(None), |scope| reported_under(&self.conn, scope))?;
            if reported.is_some_and(|reported| !plan.identity.knows_all_of(&reported)) {
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

/// What the rows of a scope are told apart by, if any of them may be registered.
fn reported_under(conn: &Connection, scope: i64) -> Result<Option<Identity>, Error> {
    let sql =
        format!("SELECT s.identity FROM scopes s WHERE s.id = ?1 AND s.identity IS NOT NULL AND {REPORTED}");
    let text: Option<String> = conn.prepare_cached(&sql)?.query_row([scope], |row| row.get(0)).optional()?;
    Ok(text.map(|text| Identity::read(&text)))
}

/// From the first reported row on, that is what a scope's rows are told apart by. What comes to it is remembered
/// too; what contradicts it, as where rows are known otherwise, is not.
pub(super) fn remember(tx: &Transaction<'_>, scope: i64, plan: &Plan) -> Result<(), Error> {
    let identity = match reported_under(tx, scope)? {
        Some(reported) if !plan.identity.knows_all_of(&reported) => return Ok(()),
        Some(reported) => plan.identity.clone().and(&reported),
        None => plan.identity.clone(),
    };
    tx.prepare_cached("UPDATE scopes SET identity = ?2 WHERE id = ?1 AND identity IS NOT ?2")?
        .execute(params![scope, json(&identity)?])?;
    Ok(())
}
