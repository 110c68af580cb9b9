//! Which rows a commit touches, and in which states its event leaves them: so the log alone tells every state there is.
//!
//! The database itself names every row that a statement of this connection writes, whatever the statement; nothing
//! else has to be kept in mind. Only ids are remembered, as runs. At the end of the commit the states of these rows
//! are read and written down, whether they changed or not: that more is told than moved does no harm.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::hooks::Action;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::digest::Digest;
use crate::ledger::Error;
use crate::ledger::core::{AttemptState, BatchState, FileState, Life as _, RecordState, TransactionState};

/// What has states, by its table, in the order in which events tell of it.
pub(super) const NOUNS: [&str; 5] =
    [AttemptState::TABLE, BatchState::TABLE, FileState::TABLE, RecordState::TABLE, TransactionState::TABLE];
/// Under which name the hash over an event's moves stands in its data.
pub(super) const MEMBER: &str = "moves";
/// Every id there is.
pub(super) const ALL: (i64, i64) = (i64::MIN, i64::MAX);
/// Runs of one noun that are remembered apart.
const MOST_RUNS: usize = 1_024;

/// What the commit under way has touched, noun by noun.
#[derive(Debug, Clone, Default)]
pub(super) struct Touched(Arc<Mutex<[Runs; NOUNS.len()]>>);

impl Touched {
    /// Everything that a connection writes from here on.
    pub(super) fn of(conn: &mut Connection) -> Result<Self, Error> {
        let touched = Self::default();
        let seen = touched.clone();
        conn.update_hook(Some(move |action: Action, _: &str, table: &str, id: i64| {
            if action != Action::SQLITE_DELETE {
                seen.add(table, id, id);
            }
        }))?;
        Ok(touched)
    }

    /// As if everything there is were touched.
    pub(super) fn everything() -> Self {
        let touched = Self::default();
        for noun in NOUNS {
            touched.add(noun, ALL.0, ALL.1);
        }
        touched
    }

    /// Begins a transaction that ends with an event. What was touched before it without one is forgotten: rows that were
    /// staged, what was undone, columns that are no state.
    pub(super) fn begin<'a>(&self, conn: &'a mut Connection) -> Result<Transaction<'a>, Error> {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        self.take();
        Ok(tx)
    }

    /// The rows of a table from one id to another.
    pub(super) fn add(&self, table: &str, first: i64, last: i64) {
        let Some(noun) = NOUNS.iter().position(|noun| *noun == table) else { return };
        if let Some(runs) = self.all().get_mut(noun) {
            runs.add(first, last);
        }
    }

    fn take(&self) -> [Runs; NOUNS.len()] {
        std::mem::take(&mut *self.all())
    }

    fn all(&self) -> MutexGuard<'_, [Runs; NOUNS.len()]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ids as runs from first to last, at most [`MOST_RUNS`] of them: where there are more, the nearest are joined, with
/// what lies between them.
#[derive(Debug, Default)]
struct Runs(Vec<(i64, i64)>);

impl Runs {
    fn add(&mut self, first: i64, last: i64) {
        if let Some(newest) = self.0.last_mut()
            && newest.0 <= first
            && first <= newest.1.saturating_add(1)
        {
            newest.1 = newest.1.max(last);
            return;
        }
        self.0.push((first, last));
        if self.0.len() > MOST_RUNS {
            self.join(1);
            self.thin();
        }
    }

    /// In their order; those no further apart than that are one.
    fn join(&mut self, gap: i64) {
        self.0.sort_unstable();
        self.0.dedup_by(|next, one| {
            let near = next.0 <= one.1.saturating_add(gap);
            one.1 = if near { one.1.max(next.1) } else { one.1 };
            near
        });
    }

    /// Leaves half as many as may be, so that this is seldom done.
    fn thin(&mut self) {
        let most = MOST_RUNS / 2;
        let ends = self.0.iter().zip(self.0.iter().skip(1));
        let mut gaps: Vec<i64> = ends.map(|(one, next)| next.0.saturating_sub(one.1)).collect();
        if gaps.len() >= most {
            let at = gaps.len() - most;
            let (_, gap, _) = gaps.select_nth_unstable(at);
            let gap = *gap;
            self.join(gap);
        }
    }

    fn in_order(mut self) -> Vec<(i64, i64)> {
        self.join(1);
        self.0
    }
}

/// Rows that follow one another and were left in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) noun: &'static str,
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) state: String,
}

/// Writes down in which states an event leaves what was touched since the one before. Gives a hash over that; none
/// where nothing was.
pub(super) fn tell(tx: &Transaction<'_>, touched: &Touched, event: i64) -> Result<Option<String>, Error> {
    let mut told = Told { tx, event, open: None, digest: None };
    for (noun, runs) in NOUNS.into_iter().zip(touched.take()) {
        for run in runs.in_order() {
            states(tx, noun, run, |id, state| told.add(noun, id, state))?;
        }
    }
    told.close()?;
    Ok(told.digest.map(Digest::end))
}

/// The moves of an event on their way into its runs.
struct Told<'a> {
    tx: &'a Transaction<'a>,
    event: i64,
    open: Option<Run>,
    digest: Option<Digest>,
}

impl Told<'_> {
    fn add(&mut self, noun: &'static str, id: i64, state: &str) -> Result<(), Error> {
        match &mut self.open {
            Some(run) if run.noun == noun && run.last + 1 == id && run.state == state => run.last = id,
            _ => {
                self.close()?;
                self.open = Some(Run { noun, first: id, last: id, state: state.to_owned() });
            }
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let Some(Run { noun, first, last, state }) = self.open.take() else { return Ok(()) };
        self.digest.get_or_insert_with(Digest::new).add_run(noun, first, last, &state);
        self.tx
            .prepare_cached(
                "INSERT INTO moves (event, noun, first, last, state) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![self.event, noun, first, last, state])?;
        Ok(())
    }
}

/// The rows of a noun between two ids with their states, in order. Records of a file that does not act have none yet.
pub(super) fn states(
    conn: &Connection,
    noun: &str,
    (first, last): (i64, i64),
    mut with: impl FnMut(i64, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    let file = if noun == RecordState::TABLE { "intake_id" } else { "NULL" };
    let mut found = conn.prepare_cached(&format!(
        "SELECT id, state, {file} FROM {noun} WHERE id >= ?1 AND id <= ?2 ORDER BY id"
    ))?;
    let mut rows = found.query([first, last])?;
    let mut last_file = (None, true);
    while let Some(row) = rows.next()? {
        let file: Option<i64> = row.get(2)?;
        if file != last_file.0 {
            last_file = (file, acts(conn, file)?);
        }
        if last_file.1 {
            with(row.get(0)?, row.get_ref(1)?.as_str().unwrap_or_default())?;
        }
    }
    Ok(())
}

/// Whether the rows of a file act.
fn acts(conn: &Connection, file: Option<i64>) -> Result<bool, Error> {
    let sql = "SELECT EXISTS (SELECT 1 FROM intakes WHERE id = ?1 AND state = ?2)";
    Ok(conn.prepare_cached(sql)?.query_row(params![file, FileState::Taken.word()], |row| row.get(0))?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_id_that_was_touched_is_in_a_run(ids in prop::collection::vec(0_i64..20_000, 0..6_000)) {
            let mut runs = Runs::default();
            for id in &ids {
                runs.add(*id, *id);
                prop_assert!(runs.0.len() <= MOST_RUNS);
            }
            let runs = runs.in_order();
            for id in ids {
                prop_assert!(runs.iter().any(|run| run.0 <= id && id <= run.1), "{id}");
            }
            for pair in runs.windows(2) {
                prop_assert!(pair[0].1 + 1 < pair[1].0, "{pair:?} are one");
            }
        }
    }

    #[test]
    fn ids_that_follow_one_another_are_one_run_whatever_comes_between() {
        let mut runs = Runs::default();
        for id in (1..=300).chain(150..=301).chain([500, 400]) {
            runs.add(id, id);
        }
        assert_eq!(runs.in_order(), [(1, 301), (400, 400), (500, 500)]);
    }

    #[test]
    fn where_there_are_too_many_runs_the_nearest_are_joined() {
        let mut runs = Runs::default();
        for id in 0..2_000 {
            runs.add(id * 2, id * 2);
        }
        runs.add(1_000_000, 1_000_000);
        let runs = runs.in_order();
        assert_eq!(runs.last(), Some(&(1_000_000, 1_000_000)), "what lies far off stays apart");
    }
}
