//! Dropping kept requests and answers by age. Hashes and events stay, so what is gone is known and was proven.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::params;

use super::{Event, Sqlite, from_stamp, stamp};
use crate::ledger::Error;

/// Batches of one commit: few enough that no answer waits for it.
const AT_ONCE: u32 = 200;
/// How long a comparison with a server's clock vouches for ours.
const VOUCHED: TimeDelta = TimeDelta::days(7);
/// How far the two may have been apart then.
const APART: TimeDelta = TimeDelta::days(1);

impl Sqlite {
    /// Drops requests and answers of batches settled more than so many days ago: one commit, of those after a
    /// batch. Not where an answer was not read yet, as when its section can't be used: a later start reads it. Gives
    /// the last batch looked at; none when there are no more, or when nothing vouches for our clock: one that jumped
    /// years ahead must not drop evidence.
    pub(super) fn drop_old_raw(
        &mut self,
        days: u32,
        after: i64,
        now: DateTime<Utc>,
    ) -> Result<Option<i64>, Error> {
        let vouched = self.clock_at(None)?.is_some_and(|skew| {
            (now - skew.at).abs() <= VOUCHED && TimeDelta::seconds(skew.ahead_s).abs() <= APART
        });
        if !vouched {
            return Ok(None);
        }
        let cut = now - TimeDelta::days(i64::from(days));
        let candidates: Vec<(i64, Option<String>)> = self
            .conn
            .prepare_cached(
                "SELECT id, answered_at FROM batches WHERE id > ?1 AND state = 'settled' AND answered_at < ?2
                    AND length(body) > 0
                    AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.batch_id = batches.id AND a.state = 'answered')
                  ORDER BY id LIMIT ?3",
            )?
            .query_map(params![after, stamp(cut), AT_ONCE], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let Some((last, _)) = candidates.last() else { return Ok(None) };
        let last = *last;
        let mut old = Vec::new();
        for (batch, answered_at) in candidates {
            if self.is_old(batch, answered_at.as_deref(), cut)? {
                old.push(batch);
            }
        }
        if !old.is_empty() {
            self.drop_raw_of(&old, cut, now)?;
        }
        Ok(Some(last))
    }

    /// By our time of the answer and, where it bears one, by the server's: ours may have been wrong at that moment.
    fn is_old(&self, batch: i64, answered_at: Option<&str>, cut: DateTime<Utc>) -> Result<bool, Error> {
        let ours = answered_at.and_then(from_stamp).is_some_and(|at| at < cut);
        let server = self.clock_at(Some(batch))?.map(|skew| skew.at - TimeDelta::seconds(skew.ahead_s));
        Ok(ours && server.is_none_or(|at| at < cut))
    }

    fn drop_raw_of(&mut self, batches: &[i64], cut: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Error> {
        self.commit(now, "raw dropped", |tx| {
            for batch in batches {
                tx.prepare_cached("UPDATE batches SET body = x'' WHERE id = ?1")?.execute([batch])?;
                tx.prepare_cached("UPDATE attempts SET raw = NULL WHERE batch_id = ?1")?.execute([batch])?;
            }
            let data = serde_json::json!({"batches": batches, "settled_before": stamp(cut)});
            Ok(((), Event { subject: None, data }))
        })
    }
}
