//! A ledger put back from a copy: as `ledger/sqlite/takeover.rs` takes it over, and as people do it.
//!
//! Not here: that nothing is sent before somebody takes over, which marks outside of the ledger see to.

use chrono::NaiveDate;

use super::book::{Book, Got, Op};
use super::broken::Bug;
use super::check::Broken;
use super::life::{Coming, Life, Sender};
use super::memory::{BASE, Batch, File, Memory, Rec, id, index};
use super::random::Random;
use crate::ledger::core::batch::effects;
use crate::ledger::core::follow::judge_followers_of;
use crate::ledger::core::store::told;
use crate::ledger::core::{AttemptState, BatchEvent, BatchState, FileState, Life as _, RecordEvent};
use crate::ledger::marks::NUMBERS_LEFT_OUT;
use crate::ledger::{BatchVerdict, Error, StoredIssue, codes};

/// Lives of a hundred in which a copy may be put back.
const LIVES: usize = 10;

impl Memory {
    pub(super) fn copy(&mut self) {
        self.backup = None;
        self.backup = Some(Box::new(self.clone()));
    }

    /// Whoever sent is gone with the ledger that he knew.
    pub(super) fn restore(&mut self) {
        let Some(copy) = self.backup.take() else { return };
        *self = *copy;
        (self.epochs, self.staging) = ([0, 0], None);
    }

    pub(super) fn take_over(&mut self, number: i64, ids_from: i64, until: NaiveDate) -> Result<(), Error> {
        if number - BASE >= self.next_number {
            self.next_number = number - BASE + NUMBERS_LEFT_OUT;
        }
        self.leave_ids_out(ids_from);
        if self.bug == Some(Bug::CopiesAreBelieved) {
            return Ok(());
        }
        self.doubts = self.doubts.max(Some(until));
        self.hold_ready()?;
        self.doubt_retries()
    }

    /// Where files and batches have no id there is something that never did anything.
    fn leave_ids_out(&mut self, ids_from: i64) {
        self.files.resize(self.files.len().max(index(ids_from)), File::in_state(FileState::Withdrawn));
        self.batches.resize(self.batches.len().max(index(ids_from)), Batch::nothing());
    }

    fn hold_ready(&mut self) -> Result<(), Error> {
        let waits = |rec: &&mut Rec| (rec.state.is_open() || rec.is_held()) && !rec.goes();
        self.records.iter_mut().flatten().filter(waits).for_each(|rec| rec.released = false);
        let ready = self.candidates(usize::MAX);
        for record in &ready {
            let state = self
                .rec(*record)
                .map_or(Err(Error::Order("nobody")), |rec| rec.state.after(RecordEvent::SetAside))?;
            self.move_record(*record, state);
            let rec = self.rec_mut(*record);
            (rec.released, rec.reason) = (false, vec![told(&codes::DOUBTFUL, [])]);
        }
        judge_followers_of(self, &ready)
    }

    fn doubt_retries(&mut self) -> Result<(), Error> {
        for batch in (0..self.batches.len()).map(id) {
            let newest = self.attempts.iter().rposition(|one| one.batch == batch);
            let refused = newest.is_some_and(|at| self.attempts[at].says_nothing_came());
            let batch_state = self.batches[index(batch)].state;
            if batch_state == BatchState::Retry || (batch_state == BatchState::Sending && refused) {
                self.doubt(batch, id(newest.unwrap()))?;
            }
        }
        Ok(())
    }

    fn doubt(&mut self, batch: i64, attempt: i64) -> Result<(), Error> {
        let effects = effects(&BatchVerdict::Unknown { seen: String::new() }, &[]);
        let one = &mut self.batches[index(batch)];
        (one.state, one.due) = (one.state.after(BatchEvent::Doubted)?, None);
        let rows = one.transactions.clone();
        let one = &mut self.attempts[index(attempt)];
        one.state = one.state.step(effects.attempt).unwrap_or(one.state);
        let Some((transaction, record)) = effects.all else { return Ok(()) };
        for trn in rows {
            self.move_both(trn, transaction, record);
        }
        Ok(())
    }

    pub(super) fn hold_doubtful_rows(&mut self, intake: i64) {
        let rows: Vec<i64> = self.file(intake).rows.values().copied().flatten().collect();
        for record in rows {
            self.hold_if_doubtful(record);
        }
    }

    pub(super) fn hold_if_doubtful(&mut self, record: i64) {
        let Some(rec) =
            self.rec(record).filter(|rec| rec.goes() && !rec.released && self.is_in_doubt(record))
        else {
            return;
        };
        let Some(state) = rec.state.step(RecordEvent::SetAside) else { return };
        self.move_record(record, state);
        self.rec_mut(record).reason.insert(0, told(&codes::DOUBTFUL, []));
    }

    pub(super) fn say_doubt_first(&mut self, record: i64) -> bool {
        let doubtful = |one: &StoredIssue| one.code == codes::DOUBTFUL.code;
        let Some(rec) = self.rec(record).filter(|_| self.is_in_doubt(record)) else { return false };
        let says = rec.is_held() && !rec.released && !rec.reason.iter().any(doubtful);
        if says {
            self.rec_mut(record).reason.insert(0, told(&codes::DOUBTFUL, []));
        }
        says
    }
}

/// When copies are made and put back, and what a life has to remember of it.
#[derive(Debug)]
pub(super) struct Copies {
    /// Apart from the life's own stream: one without copies is what it would be without this.
    random: Random,
    some: bool,
    kept: Option<Kept>,
}

/// What stood around the ledger when it was copied.
#[derive(Debug)]
struct Kept {
    coming: Vec<Coming>,
    rows: std::collections::HashMap<i64, usize>,
    files: usize,
}

impl Copies {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::seeded(seed ^ 0x00c0_ffee);
        let some = random.percent(LIVES);
        Self { random, some, kept: None }
    }
}

impl<B: Book> Life<'_, B> {
    /// Now and then the ledger is copied, or its copy put back.
    pub(super) fn copy_or_restore(&mut self) -> Result<(), Broken> {
        if !self.copies.some || !self.copies.random.percent(4) {
            return Ok(());
        }
        match self.copies.kept.take() {
            Some(kept) if self.copies.random.percent(40) => self.restore(kept),
            _ => self.copy(),
        }
    }

    fn copy(&mut self) -> Result<(), Broken> {
        let coming = self.coming.iter().map(Coming::afresh).collect();
        let files = self.book.memory().files.len();
        self.copies.kept = Some(Kept { coming, rows: self.rows.clone(), files });
        self.here(Op::Copy).map(drop)
    }

    /// The disk broke. The files still lie in the folder, those that the copy does not know too.
    fn restore(&mut self, kept: Kept) -> Result<(), Broken> {
        let lost = self.book.memory();
        let ids_from = id(lost.files.len().max(lost.batches.len()));
        let number = self.check.newest_number().max(BASE);
        self.senders = [Sender::Idle, Sender::Idle];
        self.frozen = false;
        self.here(Op::Crash)?;
        self.check.forget(&self.server);
        self.here(Op::Restore)?;
        (self.coming, self.rows) = (kept.coming, kept.rows);
        // The newest day that the marks and our calendar tell.
        let until = self.time.max(self.now).date_naive();
        self.here(Op::TakeOver { number, ids_from, until })?;
        self.start(self.active)?;
        for made in self.drawer.forget(kept.files) {
            let op = Op::Receive { name: made.name.clone(), sha256: made.sha256.clone() };
            if let Got::Id(intake) = self.here(op)? {
                self.drawer.keep(intake, &made);
                self.come(intake, made);
            }
        }
        Ok(())
    }
}

impl super::memory::Attempt {
    /// Whether an answer was kept and not read that says that nothing was received.
    fn says_nothing_came(&self) -> bool {
        let refused = |answer: &crate::ledger::RawAnswer| !(200..300).contains(&answer.status);
        self.state == AttemptState::Answered && self.raw.as_ref().is_some_and(refused)
    }
}
