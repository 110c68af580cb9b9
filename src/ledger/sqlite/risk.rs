//! Rows without an answer whose last day comes near.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rusqlite::params;

use super::{Sqlite, day};
use crate::ledger::Error;
use crate::ledger::risk::{Risk, Risks};

/// Unknown rows that can be sent no later than `?2`, found by the index of what is open.
const NEAR: &str = "FROM records r WHERE r.realm_id = ?1 AND r.state = 'unknown' AND r.until <= ?2
    AND r.state <> 'accepted' AND r.state <> 'sending' AND r.state <> 'ready' AND r.state <> 'refused'
    AND r.state <> 'rejected' AND r.state <> 'duplicate' AND r.state <> 'reversed' AND r.state <> 'ignored'";

/// Rows named of those at risk in a file.
const MOST_NAMED: u32 = 10;

impl Risks for Sqlite {
    fn remind(&mut self, today: NaiveDate, until: NaiveDate) -> Result<(), Error> {
        let (today, until) = (today.to_string(), until.to_string());
        for realm in self.realms.values() {
            // Asked often, and hardly ever is anything to be done: then nothing is written.
            let mut due = self.conn.prepare_cached(&format!(
                "SELECT id FROM intakes WHERE state = 'taken' AND reminded IS NOT ?3
                    AND id IN (SELECT r.intake_id {NEAR})"
            ))?;
            let due: Vec<i64> =
                due.query_map(params![realm, until, today], |row| row.get(0))?.collect::<Result<_, _>>()?;
            for intake in due {
                self.conn
                    .prepare_cached("UPDATE intakes SET changed = changed + 1, reminded = ?2 WHERE id = ?1")?
                    .execute(params![intake, today])?;
            }
        }
        Ok(())
    }

    fn at_risk(&mut self, intake: i64, until: NaiveDate) -> Result<Option<Risk>, Error> {
        let mut near = self.conn.prepare_cached(&format!(
            "SELECT count(*), min(r.until), min(r.reverse_until) {NEAR} AND r.intake_id = ?3"
        ))?;
        let mut risk: Option<Risk> = None;
        for realm in self.realms.values() {
            let (rows, last, reverse): (i64, Option<String>, Option<String>) = near
                .query_row(params![realm, until.to_string(), intake], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?;
            let Some(last) = last.as_deref().and_then(day) else { continue };
            let reverse = reverse.as_deref().and_then(day);
            let rows = u64::try_from(rows).unwrap_or_default();
            let so_far = risk.unwrap_or(Risk { rows: 0, until: last, reverse_until: reverse });
            risk = Some(Risk {
                rows: so_far.rows + rows,
                until: so_far.until.min(last),
                reverse_until: [so_far.reverse_until, reverse].into_iter().flatten().min(),
            });
        }
        Ok(risk)
    }

    fn files_at_risk(&mut self, until: NaiveDate) -> Result<Vec<(i64, Vec<u32>)>, Error> {
        let mut near = self.conn.prepare_cached(&format!(
            "SELECT intake_id, row_no FROM (SELECT r.intake_id, r.row_no,
                row_number() OVER (PARTITION BY r.intake_id ORDER BY r.row_no) AS place {NEAR})
              WHERE place <= ?3 ORDER BY intake_id, row_no"
        ))?;
        let mut files: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        for realm in self.realms.values() {
            let mut rows = near.query(params![realm, until.to_string(), MOST_NAMED])?;
            while let Some(row) = rows.next()? {
                files.entry(row.get(0)?).or_default().push(row.get(1)?);
            }
        }
        Ok(files.into_iter().collect())
    }
}
