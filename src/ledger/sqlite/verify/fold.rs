//! The log told from its beginning: what events say of states, laid together, must be the states that the tables have.

use std::collections::HashSet;

use rusqlite::{OptionalExtension as _, Row, params};

use super::Audit;
use crate::ledger::Error;
use crate::ledger::audit;
use crate::ledger::core::{
    AttemptState, BatchState, FileState, Life, RecordState, TransactionState, reaches,
};
use crate::ledger::sqlite::digest::Digest;
use crate::ledger::sqlite::moves::{ALL, NOUNS, Run, states};

/// States that rules lead from one to the other, by noun.
pub(super) type Lawful = HashSet<(&'static str, &'static str, &'static str)>;

/// Where a row of a noun is found again: as a person names it.
fn place(noun: &str) -> &'static str {
    match noun {
        RecordState::TABLE => {
            "SELECT i.name || ':' || r.row_no FROM records r JOIN intakes i ON i.id = r.intake_id WHERE r.id = ?1"
        }
        TransactionState::TABLE => "SELECT 'no:' || number FROM transactions WHERE id = ?1",
        BatchState::TABLE => "SELECT 'batch:' || id FROM batches WHERE id = ?1",
        AttemptState::TABLE => "SELECT 'batch:' || batch_id FROM attempts WHERE id = ?1",
        _ => "SELECT name FROM intakes WHERE id = ?1",
    }
}

pub(super) fn lawful() -> Lawful {
    fn of<L: Life>() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        reaches::<L>().into_iter().map(|(from, to)| (L::TABLE, from.word(), to.word()))
    }
    of::<RecordState>()
        .chain(of::<TransactionState>())
        .chain(of::<BatchState>())
        .chain(of::<AttemptState>())
        .chain(of::<FileState>())
        .collect()
}

fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    let noun: String = row.get(0)?;
    let noun = NOUNS.into_iter().find(|known| *known == noun).unwrap_or_default();
    Ok(Run { noun, first: row.get(1)?, last: row.get(2)?, state: row.get(3)? })
}

impl Audit<'_> {
    pub(super) fn begin_fold(&self) -> Result<(), Error> {
        Ok(self.conn.execute_batch(
            "CREATE TEMP TABLE IF NOT EXISTS told (noun TEXT, first INTEGER, last INTEGER, state TEXT,
                PRIMARY KEY (noun, first)) WITHOUT ROWID;
             DELETE FROM temp.told;",
        )?)
    }

    /// The moves of an event are those it has a hash over.
    pub(super) fn moved(&mut self, event: i64, told: Option<&str>) -> Result<(), Error> {
        let mut found = self.conn.prepare_cached(
            "SELECT noun, first, last, state FROM moves WHERE event = ?1 ORDER BY noun, first",
        )?;
        let mut rows = found.query([event])?;
        let mut digest = None;
        while let Some(row) = rows.next()? {
            let run = run(row)?;
            digest.get_or_insert_with(Digest::new).add_run(run.noun, run.first, run.last, &run.state);
            self.fold(event, run)?;
        }
        if digest.map(Digest::end).as_deref() != told {
            self.found.add(&audit::MOVES, [event.to_string()]);
        }
        Ok(())
    }

    /// Moves of events that are not there, between two that are. They count as told: it is their event that is missing.
    pub(super) fn moved_by_none(&mut self, after: i64, before: i64) -> Result<(), Error> {
        let mut found = self.conn.prepare_cached(
            "SELECT noun, first, last, state, event FROM moves WHERE event > ?1 AND event < ?2 ORDER BY event, noun, first",
        )?;
        let mut rows = found.query([after, before])?;
        let mut last = after;
        while let Some(row) = rows.next()? {
            let event: i64 = row.get(4)?;
            if event != last {
                self.found.add(&audit::MOVES_LOOSE, [event.to_string()]);
            }
            last = event;
            self.fold(event, run(row)?)?;
        }
        Ok(())
    }

    /// Lays a run over what was told before.
    fn fold(&mut self, event: i64, mut run: Run) -> Result<(), Error> {
        let (first, last) = (run.first, run.last);
        if first > last {
            return Ok(());
        }
        while let Some(known) = self.known_up_to(&run, last)?.filter(|known| known.last >= first) {
            self.lead(event, &known, &run)?;
            self.forget(&known)?;
            if known.first < first {
                self.know(&Run { last: first.saturating_sub(1), ..known.clone() })?;
            }
            if known.last > last {
                self.know(&Run { first: last.saturating_add(1), ..known })?;
            }
        }
        // Neighbours of one state are one run: a ledger at rest is a few of them.
        if let Some(left) = self.known_up_to(&run, first.saturating_sub(1))?
            && left.last < first
            && left.last + 1 == first
            && left.state == run.state
        {
            self.forget(&left)?;
            run.first = left.first;
        }
        if let Some(right) = self.known_up_to(&run, last.saturating_add(1))?
            && right.first > last
            && right.first - 1 == last
            && right.state == run.state
        {
            self.forget(&right)?;
            run.last = right.last;
        }
        self.know(&run)
    }

    /// The last run known of a noun that begins there or before.
    fn known_up_to(&self, of: &Run, id: i64) -> Result<Option<Run>, Error> {
        let sql = "SELECT noun, first, last, state FROM temp.told WHERE noun = ?1 AND first <= ?2
                    ORDER BY first DESC LIMIT 1";
        Ok(self.conn.prepare_cached(sql)?.query_row(params![of.noun, id], run).optional()?)
    }

    fn know(&self, Run { noun, first, last, state }: &Run) -> Result<(), Error> {
        let sql = "INSERT OR REPLACE INTO temp.told (noun, first, last, state) VALUES (?1, ?2, ?3, ?4)";
        self.conn.prepare_cached(sql)?.execute(params![noun, first, last, state])?;
        Ok(())
    }

    fn forget(&self, run: &Run) -> Result<(), Error> {
        let sql = "DELETE FROM temp.told WHERE noun = ?1 AND first = ?2";
        self.conn.prepare_cached(sql)?.execute(params![run.noun, run.first])?;
        Ok(())
    }

    /// Rules lead from the state known before to the one that an event tells, in however many moves.
    fn lead(&mut self, event: i64, from: &Run, to: &Run) -> Result<(), Error> {
        if from.state != to.state && !self.lawful.contains(&(to.noun, from.state.as_str(), to.state.as_str()))
        {
            let place = self.place(to.noun, from.first.max(to.first))?;
            self.found
                .add(&audit::UNLAWFUL, [place, event.to_string(), from.state.clone(), to.state.clone()]);
        }
        Ok(())
    }

    /// What was told in the end is what the tables have.
    pub(super) fn told_states(&mut self) -> Result<(), Error> {
        for noun in NOUNS {
            let mut found = self
                .conn
                .prepare("SELECT noun, first, last, state FROM temp.told WHERE noun = ?1 ORDER BY first")?;
            let mut beside = Beside { runs: found.query_map([noun], run)?, run: None };
            states(self.conn, noun, ALL, |id, state| self.beside(&mut beside, noun, id, state))?;
            while let Some(rest) = beside.run()? {
                self.gone(&rest, rest.last)?;
                beside.run = None;
            }
            (self.progress)(self.checked.rows);
        }
        Ok(())
    }

    /// One row of a table beside what the log tells.
    fn beside<R>(&mut self, told: &mut Beside<R>, noun: &str, id: i64, state: &str) -> Result<(), Error>
    where
        R: Iterator<Item = rusqlite::Result<Run>>,
    {
        while let Some(run) = told.run()?.filter(|run| run.first < id) {
            let last = run.last.min(id - 1);
            self.gone(&run, last)?;
            told.pass(last);
        }
        if let Some(run) = told.run()?.filter(|run| run.first == id) {
            told.pass(id);
            if run.state != state {
                let place = self.place(noun, id)?;
                self.found.add(&audit::MOVED, [place, state.to_owned(), run.state]);
            }
        } else {
            let place = self.place(noun, id)?;
            self.found.add(&audit::NOT_TOLD, [place, state.to_owned()]);
        }
        Ok(())
    }

    /// Rows that the log knows and no table has.
    fn gone(&mut self, run: &Run, last: i64) -> Result<(), Error> {
        let of = if run.first == last { String::new() } else { format!("-{last}") };
        let place = self.place(run.noun, run.first)?;
        self.found.add(&audit::GONE, [format!("{place}{of}"), run.state.clone()]);
        Ok(())
    }

    fn place(&self, noun: &str, id: i64) -> Result<String, Error> {
        let found = self.conn.prepare_cached(place(noun))?.query_row([id], |row| row.get(0)).optional()?;
        Ok(found.unwrap_or_else(|| format!("{noun} {id}")))
    }
}

/// The runs of a noun while the rows of its table pass by.
struct Beside<R> {
    runs: R,
    run: Option<Run>,
}

impl<R: Iterator<Item = rusqlite::Result<Run>>> Beside<R> {
    /// What of the log is next.
    fn run(&mut self) -> Result<Option<Run>, Error> {
        if self.run.is_none() {
            self.run = self.runs.next().transpose()?;
        }
        Ok(self.run.clone())
    }

    /// Everything up to an id is done.
    fn pass(&mut self, id: i64) {
        self.run = self.run.take().filter(|run| run.last > id).map(|run| Run { first: id + 1, ..run });
    }
}
