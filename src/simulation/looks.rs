//! Questions about single transactions by our number: as `ledger/sqlite/look.rs` keeps them, and as `submit/look.rs`
//! asks.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::book::{Book, Got, Op};
use super::broken::Bug;
use super::check::Broken;
use super::life::{Life, Sender};
use super::memory::{Memory, id, index};
use super::server::LATEST_M;
use crate::ledger::core::store::told;
use crate::ledger::core::{BatchState, RecordState, Store as _, TransactionState, decide};
use crate::ledger::looks::{Absence, Word, weigh};
use crate::ledger::{ClaimItem, Error, Look, Looking, Presence, Quiet, Sought, StoredIssue, Witness, codes};

/// "Not there" counts once nothing can be on its way any more.
pub(super) const QUIET: Quiet = {
    let latest = Duration::from_mins(LATEST_M.unsigned_abs());
    Quiet { timeout: Duration::from_mins(2), at_once: latest, later: latest.saturating_mul(2), above: 3 }
};

/// An unknown transaction that is put down to be asked about.
#[derive(Debug, Clone)]
pub(super) struct Put {
    transaction: i64,
    batch: i64,
    next_at: DateTime<Utc>,
    first: Option<Word>,
}

impl Memory {
    fn is_unknown(&self, put: &Put) -> bool {
        let trn = &self.transactions[index(put.transaction)];
        let record = self.rec(trn.record).map(|rec| rec.state);
        trn.batch == put.batch
            && trn.state == TransactionState::Unknown
            && record == Some(RecordState::Unknown)
    }

    /// What this process sent itself counts from now.
    fn put_down(&mut self, epoch: i64, now: DateTime<Utc>) {
        for (at, one) in self.batches.iter().enumerate() {
            if one.state != BatchState::Unknown {
                continue;
            }
            let sent_at = if one.epoch == epoch { now } else { one.sent_at.min(now) };
            let (batch, next_at) = (id(at), sent_at + QUIET.first(one.rows, one.remote.is_some()));
            for transaction in one.transactions.iter().copied() {
                let open = self.transactions[index(transaction)].state == TransactionState::Unknown;
                let known = |put: &Put| put.transaction == transaction && put.batch == batch;
                if open && !self.looks.iter().any(known) {
                    self.looks.push(Put { transaction, batch, next_at, first: None });
                }
            }
        }
    }

    pub(super) fn look_due(&mut self, process: usize, now: DateTime<Utc>) -> Looking {
        self.put_down(self.epochs[process], now);
        let horizon = now + QUIET.longest();
        for put in self.looks.iter_mut().filter(|put| put.next_at > horizon) {
            put.next_at = now;
        }
        loop {
            let next =
                (0..self.looks.len()).min_by_key(|at| (self.looks[*at].next_at, self.looks[*at].transaction));
            let Some(next) = next else { return Looking::Nothing };
            if !self.is_unknown(&self.looks[next]) {
                self.looks.remove(next);
                continue;
            }
            let Put { transaction, batch, next_at: at, .. } = self.looks[next];
            if at > now {
                return Looking::Later(at);
            }
            let rows = self.batches[index(batch)].rows;
            return Looking::Now(Sought { batch, rows, item: self.item(transaction) });
        }
    }

    fn item(&self, transaction: i64) -> ClaimItem {
        let trn = &self.transactions[index(transaction)];
        let members = self.rec(trn.record).and_then(|rec| rec.members.clone()).unwrap_or_default();
        ClaimItem { transaction, number: trn.number.clone(), members }
    }

    /// What a person said of a number is not the system's own word.
    pub(super) fn vouched_for(&self) -> Option<Witness> {
        let by_word = |one: &StoredIssue| one.code == codes::BY_WORD.code || one.code == codes::IN_LIST.code;
        (0..self.transactions.len()).rev().map(id).find_map(|transaction| {
            let trn = &self.transactions[index(transaction)];
            let rec = self.rec(trn.record).filter(|rec| rec.transaction == Some(transaction))?;
            let both = trn.state == TransactionState::Accepted && rec.state == RecordState::Accepted;
            let witness = Witness { batch: trn.batch, item: self.item(transaction), id: trn.remote.clone()? };
            (both && !rec.reason.iter().any(by_word)).then_some(witness)
        })
    }

    pub(super) fn conclude(
        &mut self,
        sought: &Sought,
        presence: &Presence,
        process: usize,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let asked = |put: &Put| put.transaction == sought.item.transaction && put.batch == sought.batch;
        let Some(at) = self.looks.iter().position(asked).filter(|at| self.is_unknown(&self.looks[*at]))
        else {
            return Ok(());
        };
        let batch = &self.batches[index(sought.batch)];
        let taken = batch.remote.is_some();
        let counts_from = batch.sent_at + QUIET.first(sought.rows, taken);
        let early = batch.epoch != self.epochs[process] && now < counts_from;
        let gap = QUIET.of(sought.rows, taken);
        let wait = match presence {
            Presence::There(id) => return self.prove(sought, Some(id), &told(&codes::FOUND, [])),
            Presence::Unclear => gap,
            Presence::Absent(_) if taken || early => gap,
            Presence::Absent(date) => match weigh(self.looks[at].first, (now, *date), gap) {
                Absence::Proven => return self.prove(sought, None, &told(&codes::NOT_THERE, [])),
                Absence::First => {
                    self.looks[at].first = Some((now, *date));
                    gap
                }
                Absence::Early => gap,
            },
        };
        self.looks[at].next_at = now + wait + TimeDelta::seconds(1);
        Ok(())
    }

    pub(super) fn forget_looks(&mut self, transaction: i64, batch: i64) {
        self.looks.retain(|put| put.transaction != transaction || put.batch != batch);
    }

    fn prove(&mut self, sought: &Sought, id: Option<&str>, why: &StoredIssue) -> Result<(), Error> {
        let record = self.transactions[index(sought.item.transaction)].record;
        let known = self.record(record)?.ok_or(Error::Order("a look for nothing"))?;
        decide::prove(self, &known, id, why)
    }
}

impl<B: Book> Life<'_, B> {
    /// Nothing is to be sent: whoever is unknown is asked about.
    pub(super) fn look(&mut self, process: usize) -> Result<(), Broken> {
        let Got::Looking(Looking::Now(sought)) = self.act(process, Op::LookDue)? else { return Ok(()) };
        let presence = self.seen(&sought);
        let look = Look {
            batch: sought.batch,
            transaction: sought.item.transaction,
            began_at: self.now,
            answer: None,
            seen: format!("{presence:?}"),
        };
        self.act(process, Op::Looked(look))?;
        self.senders[process] = Sender::Looked(sought, presence);
        Ok(())
    }

    /// What a question brings. A query that is astray finds nothing, not even what surely is there.
    fn seen(&mut self, sought: &Sought) -> Presence {
        let astray = self.random.percent(self.server.trouble / 2);
        if self.server.is_away(self.time) || self.random.percent(self.server.trouble / 2) {
            return Presence::Unclear;
        }
        let server = &self.server;
        let find = |number: &str| server.look(number).filter(|_| !astray).map(|id| (id + 1).to_string());
        if let Some(id) = find(&sought.item.number) {
            // As the codec does it: under a mapped number another movement may stand there.
            let same = server.shows(&sought.item.number, &sought.item.members);
            return if same { Presence::There(id) } else { Presence::Unclear };
        }
        let vouched = self.book.memory().bug == Some(Bug::NobodyVouches)
            || self.book.witness().is_some_and(|one| find(&one.item.number) == Some(one.id));
        if vouched { Presence::Absent(self.time) } else { Presence::Unclear }
    }
}
