//! The ledger as a model: what is committed stands in lists. Every decision is the ledger's own.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::book::{Book, Got, Op, Want};
use super::broken::Bug;
use super::looks::Put;
use crate::ledger::core::batch::{PutOff, after, effects, horizon, left_open, next};
use crate::ledger::core::door::{self, Leaving};
use crate::ledger::core::follow::{documents_of_record, documents_of_records, judge_due, judge_followers_of};
use crate::ledger::core::place::{Newcomer, Under, first_state};
use crate::ledger::core::store::{Key, Movement, Stand, Which, in_place_of};
use crate::ledger::core::{
    AttemptEvent, AttemptState, BatchEvent, BatchState, FileEvent, FileState, Known, Life, RecordEvent,
    RecordState, Store, TransactionEvent, TransactionState, Way, accept, decide,
};
use crate::ledger::{
    Accept, BatchVerdict, By, ClaimItem, Decision, Double, Error, OpenBatch, Own, Plan, Question, RawAnswer,
    StagedRecord, StagedRow, StoredIssue, What, Witness, Work, codes,
};
use crate::model::{CodeInfo, Outcome};

pub(super) const SCOPE: i64 = 1;
pub(super) const BASE: i64 = 7_000_000_000_000;

#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) retry_of: Option<i64>,
    pub(super) name: String,
    pub(super) sha256: String,
    pub(super) state: FileState,
    pub(super) ignore: Vec<String>,
    pub(super) layout: String,
    pub(super) staged: bool,
    pub(super) superseded: bool,
    pub(super) aside: bool,
    /// Row → its record.
    pub(super) rows: std::collections::BTreeMap<u32, Option<i64>>,
}

#[derive(Debug, Clone)]
pub(super) struct Rec {
    pub(super) intake: i64,
    pub(super) row: u32,
    pub(super) state: RecordState,
    pub(super) valid: bool,
    pub(super) members: Option<String>,
    pub(super) way: Option<Way>,
    pub(super) document_way: bool,
    pub(super) of: Option<i64>,
    pub(super) newer: Option<i64>,
    pub(super) older: Option<i64>,
    pub(super) reason: Vec<StoredIssue>,
    pub(super) released: bool,
    pub(super) doc: Option<(i64, String)>,
    pub(super) transaction: Option<i64>,
    pub(super) doubt: Vec<StoredIssue>,
    pub(super) day: Option<NaiveDate>,
    pub(super) until: Option<NaiveDate>,
    /// The number that its mapping gave.
    pub(super) mapped: Option<String>,
    pub(super) movement: Option<Movement>,
    /// The newest file that had come when it was held.
    pub(super) asked_after: Option<i64>,
}

#[derive(Debug, Clone)]
pub(super) struct Fact {
    pub(super) key: Key,
    pub(super) record: i64,
    pub(super) live: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) state: BatchState,
    pub(super) body: Vec<u8>,
    pub(super) ticket: Option<serde_json::Value>,
    pub(super) due: Option<DateTime<Utc>>,
    pub(super) tries: u32,
    pub(super) seen: Option<String>,
    pub(super) transactions: Vec<i64>,
    /// Rows it was made of.
    pub(super) rows: usize,
    pub(super) sent_at: DateTime<Utc>,
    /// Whoever sent it last.
    pub(super) epoch: i64,
    /// The number that the system gave it.
    pub(super) remote: Option<String>,
}

impl Batch {
    /// The system gave it a number, if it did: it keeps the one it has otherwise.
    fn is_numbered(&mut self, remote: Option<&String>) {
        self.remote = remote.cloned().or(self.remote.take());
    }
}

#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) batch: i64,
    pub(super) state: AttemptState,
    pub(super) raw: Option<RawAnswer>,
    /// Of a question: why it has no answer, or nothing.
    asked: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Trn {
    pub(super) record: i64,
    pub(super) number: String,
    pub(super) state: TransactionState,
    pub(super) batch: i64,
    pub(super) remote: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Staging {
    intake: i64,
    sha256: String,
    again_of: Option<i64>,
    ignore: Vec<String>,
    accept: Accept,
    rows: usize,
}

/// Ids count from 1, as the ledger's do.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    pub(super) files: Vec<File>,
    pub(super) records: Vec<Option<Rec>>,
    facts: HashMap<(i64, u32), Vec<Fact>>,
    live: HashMap<Key, i64>,
    about: HashMap<i64, BTreeSet<i64>>,
    of_file: HashMap<i64, BTreeSet<i64>>,
    of_document: HashMap<(i64, String), BTreeSet<i64>>,
    of_movement: HashMap<Movement, BTreeSet<i64>>,
    /// Documents to be judged when the commit ends.
    due: BTreeSet<(i64, String)>,
    ready: BTreeSet<i64>,
    pub(super) batches: Vec<Batch>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) transactions: Vec<Trn>,
    pub(super) looks: Vec<Put>,
    numbers: HashMap<String, Vec<i64>>,
    pub(super) next_number: i64,
    epoch: i64,
    pub(super) epochs: [i64; 2],
    pub(super) staging: Option<Staging>,
    met: HashMap<Key, (i64, i64)>,
    former: HashSet<Key>,
    content: HashSet<Key>,
    /// Records that moved since somebody looked.
    pub(super) touched: Vec<i64>,
    pub(super) bug: Option<Bug>,
    /// Up to that day somebody else may have sent rows.
    pub(super) doubts: Option<NaiveDate>,
    /// Rows that only the last look kept from going beside another: rules before it had let them be ready.
    pub(super) kept_at_the_door: usize,
    /// The last copy of it.
    pub(super) backup: Option<Box<Memory>>,
}

pub(super) fn index(id: i64) -> usize {
    usize::try_from(id - 1).unwrap()
}

pub(super) fn id(index: usize) -> i64 {
    i64::try_from(index).unwrap() + 1
}

impl File {
    pub(super) fn in_state(state: FileState) -> Self {
        Self {
            retry_of: None,
            name: String::new(),
            sha256: String::new(),
            state,
            ignore: Vec::new(),
            layout: String::new(),
            staged: false,
            superseded: false,
            aside: false,
            rows: std::collections::BTreeMap::new(),
        }
    }
}

impl Batch {
    /// In place of one that there never was.
    pub(super) fn nothing() -> Self {
        Self {
            state: BatchState::Settled,
            body: Vec::new(),
            ticket: None,
            due: None,
            tries: 0,
            seen: None,
            transactions: Vec::new(),
            rows: 0,
            sent_at: DateTime::UNIX_EPOCH,
            epoch: 0,
            remote: None,
        }
    }
}

impl Rec {
    pub(super) fn is_held(&self) -> bool {
        self.state == RecordState::Held
    }

    pub(super) fn goes(&self) -> bool {
        self.state == RecordState::Ready
    }
}

impl Memory {
    pub(super) fn new(next_number: i64, bug: Option<Bug>) -> Self {
        Self { next_number, bug, ..Self::default() }
    }

    pub(super) fn rec(&self, id: i64) -> Option<&Rec> {
        self.records.get(index(id))?.as_ref()
    }

    pub(super) fn rec_mut(&mut self, id: i64) -> &mut Rec {
        self.records[index(id)].as_mut().unwrap()
    }

    pub(super) fn file(&self, id: i64) -> &File {
        &self.files[index(id)]
    }

    fn move_file(&mut self, id: i64, event: FileEvent) -> Result<(), Error> {
        let file = &mut self.files[index(id)];
        file.state = file.state.after(event)?;
        Ok(())
    }

    pub(super) fn move_record(&mut self, id: i64, state: RecordState) {
        self.touched.push(id);
        if state == RecordState::Ready {
            self.ready.insert(id);
        } else {
            self.ready.remove(&id);
        }
        self.rec_mut(id).state = state;
    }

    fn known(&self, id: i64) -> Option<Known> {
        let rec = self.rec(id)?;
        let file = self.file(rec.intake);
        Some(Known {
            id,
            intake: rec.intake,
            row: rec.row,
            realm: Some(1),
            file: file.name.clone(),
            sha256: file.sha256.clone(),
            state: rec.state,
            valid: rec.valid,
            members: rec.members.clone(),
            way: rec.way,
            of_record: rec.of,
            newer: rec.newer,
            older: rec.older,
            remote_id: rec.transaction.and_then(|trn| self.transactions[index(trn)].remote.clone()),
            doc_intake: Some(rec.doc.as_ref().map_or(rec.intake, |doc| doc.0)),
            document: rec.doc.as_ref().map(|doc| doc.1.clone()),
            doubt: rec.doubt.clone(),
            released: rec.released,
            movement: rec.movement,
        })
    }

    fn found(&self, ids: Option<&BTreeSet<i64>>, which: impl Fn(i64, &Rec) -> bool) -> Vec<Known> {
        let ids = ids.into_iter().flatten().copied();
        ids.filter(|id| self.rec(*id).is_some_and(|rec| which(*id, rec)))
            .filter_map(|id| self.known(id))
            .collect()
    }

    fn refer(&mut self, id: i64, of: Option<i64>) {
        if let Some(old) = self.rec(id).and_then(|rec| rec.of)
            && let Some(about) = self.about.get_mut(&old)
        {
            about.remove(&id);
        }
        if let Some(of) = of {
            self.about.entry(of).or_default().insert(id);
        }
        self.rec_mut(id).of = of;
    }

    fn set_live(&mut self, at: (i64, u32), index: usize, live: bool) {
        let Some(fact) = self.facts.get_mut(&at).and_then(|facts| facts.get_mut(index)) else { return };
        if live && !fact.live && !self.live.contains_key(&fact.key) {
            fact.live = true;
            self.live.insert(fact.key.clone(), fact.record);
        } else if !live && fact.live {
            fact.live = false;
            self.live.remove(&fact.key);
        }
    }

    fn own_facts(&self, known: &Known) -> Vec<(usize, Fact)> {
        let facts = self.facts.get(&(known.intake, known.row)).cloned().unwrap_or_default();
        facts.into_iter().enumerate().filter(|(_, fact)| fact.record == known.id).collect()
    }
}

/// Receiving, staging, accepting.
impl Memory {
    fn receive(&mut self, name: &str, sha256: &str, retry_of: Option<i64>) -> i64 {
        if retry_of.is_none() {
            for file in &mut self.files {
                let waits = matches!(file.state, FileState::Held | FileState::Unreadable);
                if waits && file.name == name && file.retry_of.is_none() {
                    file.state = file.state.after(FileEvent::Withdrawn).unwrap();
                }
            }
        }
        let (name, sha256) = (name.to_owned(), sha256.to_owned());
        self.files.push(File { retry_of, name, sha256, ..File::in_state(FileState::Received) });
        id(self.files.len() - 1)
    }

    fn clear(&mut self, intake: i64) {
        for (row, record) in std::mem::take(&mut self.files[index(intake)].rows) {
            let Some(record) = record else { continue };
            self.refer(record, None);
            self.ready.remove(&record);
            self.of_file.get_mut(&intake).map(|of| of.remove(&record));
            if let Some(doc) = self.rec(record).and_then(|rec| rec.doc.clone())
                && let Some(of) = self.of_document.get_mut(&doc)
            {
                of.remove(&record);
            }
            self.records[index(record)] = None;
            for fact in self.facts.remove(&(intake, row)).unwrap_or_default() {
                if fact.live {
                    self.live.remove(&fact.key);
                }
            }
        }
    }

    fn former_of(&self, intake: i64) -> Option<i64> {
        let new = self.file(intake);
        if new.retry_of.is_some() {
            return None;
        }
        (1..intake).rev().find(|one| {
            let file = self.file(*one);
            file.name == new.name
                && file.retry_of.is_none()
                && file.state == FileState::Taken
                && !file.superseded
                && !file.aside
        })
    }

    fn plan(&mut self, plan: &Plan) -> Result<bool, Error> {
        if self.file(plan.intake).state.is_over() {
            return Ok(false);
        }
        for other in 1..=id(self.files.len() - 1) {
            if other == plan.intake || self.file(other).state == FileState::Staging {
                self.clear(other);
            }
            if self.file(other).state == FileState::Staging {
                self.move_file(other, FileEvent::Interrupted)?;
            }
        }
        let sha256 = self.file(plan.intake).sha256.clone();
        let same = |one: &i64| {
            let file = self.file(*one);
            file.sha256 == sha256
                && file.retry_of.is_none()
                && file.state == FileState::Taken
                && file.layout == plan.layout
        };
        let again_of = self.file(plan.intake).retry_of.or_else(|| (1..plan.intake).rev().find(same));
        self.move_file(plan.intake, FileEvent::Planned)?;
        let former = self.former_of(plan.intake).filter(|_| !plan.keyed);
        self.met.clear();
        self.former = former.map(|former| self.keys_of_file(former)).unwrap_or_default();
        let content = again_of.filter(|_| !plan.keyed);
        self.content = content.map(|content| self.keys_of_file(content)).unwrap_or_default();
        let file = &mut self.files[index(plan.intake)];
        (file.ignore, file.layout, file.staged) = (plan.ignore.clone(), plan.layout.clone(), true);
        let (intake, ignore, accept) = (plan.intake, plan.ignore.clone(), plan.accept);
        self.staging = Some(Staging { intake, sha256, again_of, ignore, accept, rows: 0 });
        Ok(true)
    }

    fn keys_of_file(&self, intake: i64) -> HashSet<Key> {
        let rows = self.file(intake).rows.keys();
        let facts = rows.filter_map(|row| self.facts.get(&(intake, *row))).flatten();
        facts.map(|fact| fact.key.clone()).collect()
    }

    fn stage(&mut self, rows: &[StagedRow]) -> Result<(), Error> {
        let Some(staging) = self.staging.clone() else { return Err(Error::Order("rows before a plan")) };
        if self.file(staging.intake).state != FileState::Staging {
            return Err(Error::Order("set aside"));
        }
        for row in rows {
            self.stage_row(&staging, row)?;
        }
        if let Some(staging) = &mut self.staging {
            staging.rows += rows.len();
        }
        Ok(())
    }

    fn stage_row(&mut self, staging: &Staging, row: &StagedRow) -> Result<(), Error> {
        let Some(staged) = &row.record else {
            self.files[index(staging.intake)].rows.insert(row.row, None);
            return Ok(());
        };
        let nameless = StagedRecord { reference: None, ..staged.clone() };
        let staged = if self.bug == Some(Bug::NamesAreNotRead) { &nameless } else { staged };
        let doc = match staging.accept {
            Accept::GoodRows => None,
            Accept::WholeDocument => staged.document.clone(),
            Accept::WholeFile => Some(String::new()),
        };
        let doc = doc.map(|doc| (staging.intake, doc));
        self.records.push(Some(Rec {
            intake: staging.intake,
            row: row.row,
            state: first_state(staged),
            valid: staged.own != Own::Refused,
            members: staged.members.clone(),
            way: None,
            document_way: false,
            of: None,
            newer: None,
            older: None,
            reason: staged.doubt.iter().cloned().collect(),
            doubt: staged.doubt.iter().cloned().collect(),
            released: false,
            day: staged.day,
            until: staged.until,
            mapped: staged.number.clone(),
            movement: None,
            asked_after: None,
            doc: doc.clone(),
            transaction: None,
        }));
        let record = id(self.records.len() - 1);
        self.files[index(staging.intake)].rows.insert(row.row, Some(record));
        self.of_file.entry(staging.intake).or_default().insert(record);
        if let Some(doc) = doc {
            self.of_document.entry(doc).or_default().insert(record);
        }
        self.move_record(record, first_state(staged));
        let under = Under {
            intake: staging.intake,
            sha256: &staging.sha256,
            ledger: super::book::LEDGER,
            ignore: &staging.ignore,
            again_of: staging.again_of,
        };
        let scope = staged.section.map(|_| SCOPE);
        Newcomer { under, row: row.row, staged, id: record, scope, realm: Some(1) }.settle(self)
    }

    fn accept(&mut self, intake: i64) -> Result<(), Error> {
        let Some(staging) = self.staging.take().filter(|staging| staging.intake == intake) else {
            return Err(Error::Order("acceptance of a file that is not staged"));
        };
        let file = self.file(intake);
        if file.state != FileState::Staging || file.rows.len() != staging.rows {
            return Err(Error::Order("a file whose staged rows are not all there"));
        }
        match file.retry_of {
            Some(target) => self.merge(intake, target),
            None => self.take(&staging),
        }
    }

    fn take(&mut self, staging: &Staging) -> Result<(), Error> {
        let intake = staging.intake;
        if let Some(former) = self.former_of(intake) {
            let (theirs, ours) = (self.keys_of_file(former), self.keys_of_file(intake));
            let missing = u32::try_from(theirs.difference(&ours).count()).unwrap();
            let says = !theirs.is_empty() || self.file(former).sha256 == staging.sha256;
            match accept::former(missing, says) {
                accept::Former::Replaced => self.files[index(former)].superseded = true,
                accept::Former::Aside => {
                    accept::doubt_weak(self, intake, &staging.sha256)?;
                    self.files[index(former)].aside = true;
                }
            }
        }
        accept::accept(self, intake)?;
        self.move_file(intake, FileEvent::Accepted)
    }

    fn merge(&mut self, intake: i64, target: i64) -> Result<(), Error> {
        if !self.file(intake).rows.keys().eq(self.file(target).rows.keys()) {
            return Err(Error::ReadDifferently);
        }
        accept::merge(self, intake, target)?;
        let mut moved = Vec::new();
        for known in self.select(Which::TakingIn(intake))? {
            if self.move_row(&known, target) {
                moved.push(known.id);
            }
        }
        self.clear(intake);
        self.move_file(intake, FileEvent::Merged)?;
        self.files[index(target)].ignore = self.file(intake).ignore.clone();
        accept::judge_waiting(self, target)?;
        self.hold_doubtful(target)?;
        moved.iter().try_for_each(|id| documents_of_record(self, *id))
    }

    fn move_row(&mut self, known: &Known, target: i64) -> bool {
        let Some(older) = known.older.filter(|older| self.rec(*older).unwrap().newer == Some(known.id))
        else {
            return false;
        };
        self.files[index(known.intake)].rows.remove(&known.row);
        if self.bug == Some(Bug::ARowIsLost) {
            self.files[index(target)].rows.remove(&known.row);
        } else {
            self.files[index(target)].rows.insert(known.row, Some(known.id));
        }
        self.of_file.get_mut(&known.intake).map(|of| of.remove(&known.id));
        self.of_file.entry(target).or_default().insert(known.id);
        let facts = self.facts.remove(&(known.intake, known.row)).unwrap_or_default();
        self.facts.entry((target, known.row)).or_default().extend(facts);
        let of = self.rec(older).map(|rec| rec.doc.as_ref().map_or(rec.intake, |doc| doc.0)).unwrap();
        let rec = self.rec_mut(known.id);
        rec.intake = target;
        let old = rec.doc.clone();
        if let Some(doc) = &mut rec.doc {
            doc.0 = of;
            let new = doc.clone();
            self.of_document.get_mut(&old.unwrap()).map(|of| of.remove(&known.id));
            self.of_document.entry(new).or_default().insert(known.id);
        }
        true
    }

    fn set_aside(&mut self, intake: i64, event: FileEvent) -> Result<(), Error> {
        if self.file(intake).state.is_over() {
            return Ok(());
        }
        self.clear(intake);
        if matches!(event, FileEvent::SetAside | FileEvent::Unreadable)
            && let Some(former) = self.former_of(intake)
        {
            self.files[index(former)].aside = true;
        }
        self.move_file(intake, event)
    }
}

/// Sending.
impl Memory {
    fn mine(&self, process: usize) -> Result<(), Error> {
        if self.epochs[process] == self.epoch { Ok(()) } else { Err(Error::TakenOver) }
    }

    pub(super) fn candidates(&self, rows: usize) -> Vec<i64> {
        let acts = |id: &&i64| self.file(self.rec(**id).unwrap().intake).state == FileState::Taken;
        self.ready.iter().filter(acts).take(rows).copied().collect()
    }

    fn claim(&mut self, process: usize, want: Want, now: DateTime<Utc>) -> Result<Option<OpenBatch>, Error> {
        self.mine(process)?;
        let candidates = loop {
            let candidates = self.candidates(want.rows);
            if candidates.is_empty() {
                return Ok(None);
            }
            let leaving: Vec<_> = candidates.iter().filter_map(|id| self.leaving(*id)).collect();
            let leaving: Vec<_> = leaving.iter().collect();
            let aside = door::set_aside(self, &leaving, want.late, want.today)?;
            if aside.is_empty() {
                break candidates;
            }
            self.kept_at_the_door +=
                aside.iter().filter(|id| self.rec(**id).is_some_and(|rec| rec.of.is_some())).count();
        };
        let batch = id(self.batches.len());
        let mut items = Vec::with_capacity(candidates.len());
        for record in candidates {
            items.push(self.enter(record, batch)?);
        }
        let body = super::server::body(&items);
        self.batches.push(Batch {
            state: BatchState::Sending,
            body: body.clone(),
            ticket: None,
            due: None,
            tries: 0,
            seen: None,
            transactions: items.iter().map(|item| item.transaction).collect(),
            rows: items.len(),
            sent_at: now,
            epoch: self.epochs[process],
            remote: None,
        });
        let attempt = self.begin(batch);
        Ok(Some(OpenBatch { batch, attempt, items, body, ticket: None, tries: 0 }))
    }

    fn leaving(&self, record: i64) -> Option<Leaving> {
        let rec = self.rec(record)?;
        let (days, numbers) = (Some(Bug::DaysPassUnseen), Some(Bug::MappedNumbersComeAgain));
        let own =
            self.facts.get(&(rec.intake, rec.row)).and_then(|of| of.iter().find(|one| one.record == record));
        Some(Leaving {
            record,
            transaction: rec.transaction.filter(|_| self.is_missing(rec.transaction)),
            mapped: rec.mapped.clone().filter(|_| self.bug != numbers),
            until: rec.until.filter(|_| self.bug != days && !rec.released && rec.transaction.is_none()),
            beside: own.is_some_and(|own| !own.live),
            movement: rec.movement,
        })
    }

    fn enter(&mut self, record: i64, batch: i64) -> Result<ClaimItem, Error> {
        let rec = self.rec(record).unwrap().clone();
        let again = rec
            .transaction
            .filter(|trn| self.transactions[index(*trn)].state == TransactionState::NotReceived);
        let transaction = if let Some(trn) = again {
            let one = &mut self.transactions[index(trn)];
            one.state = one.state.after(TransactionEvent::Claimed)?;
            let left = std::mem::replace(&mut one.batch, batch);
            self.batches[index(left)].transactions.retain(|other| *other != trn);
            trn
        } else {
            let number = rec.mapped.clone().unwrap_or_else(|| self.free_number());
            let state = TransactionState::Sending;
            self.transactions.push(Trn { record, number: number.clone(), state, batch, remote: None });
            let trn = id(self.transactions.len() - 1);
            self.numbers.entry(number).or_default().push(trn);
            trn
        };
        self.move_record(record, rec.state.after(RecordEvent::Claimed)?);
        self.rec_mut(record).transaction = Some(transaction);
        let number = self.transactions[index(transaction)].number.clone();
        Ok(ClaimItem { transaction, number, members: rec.members.unwrap_or_default() })
    }

    fn begin(&mut self, batch: i64) -> i64 {
        self.attempts.push(Attempt { batch, state: AttemptState::Sending, raw: None, asked: None });
        id(self.attempts.len() - 1)
    }

    fn read(&self, batch: i64) -> OpenBatch {
        let one = &self.batches[index(batch)];
        let item = |trn: &i64| {
            let trn_row = &self.transactions[index(*trn)];
            let members = self.rec(trn_row.record).and_then(|rec| rec.members.clone()).unwrap_or_default();
            ClaimItem { transaction: *trn, number: trn_row.number.clone(), members }
        };
        let newest = self.attempts.iter().rposition(|attempt| attempt.batch == batch).unwrap();
        OpenBatch {
            batch,
            attempt: id(newest),
            items: one.transactions.iter().map(item).collect(),
            body: one.body.clone(),
            ticket: one.ticket.clone(),
            tries: one.tries,
        }
    }

    fn resend(&mut self, process: usize, batch: i64, now: DateTime<Utc>) -> Result<Option<OpenBatch>, Error> {
        if self.batches[index(batch)].state != BatchState::Retry {
            return Ok(None);
        }
        self.mine(process)?;
        let epoch = self.epochs[process];
        let one = &mut self.batches[index(batch)];
        (one.state, one.due, one.sent_at) = (one.state.after(BatchEvent::SentAgain)?, None, now);
        one.epoch = epoch;
        let attempt = self.begin(batch);
        Ok(Some(OpenBatch { attempt, ..self.read(batch) }))
    }

    fn answered(&mut self, attempt: i64, answer: &RawAnswer) {
        let one = &mut self.attempts[index(attempt)];
        if let Some(state) = one.state.step(AttemptEvent::Kept) {
            (one.state, one.raw) = (state, Some(answer.clone()));
        }
    }

    /// The same answer as to the question before is no new attempt; one that ends the batch always is.
    fn asked(&mut self, question: &Question) -> i64 {
        let newest = self.attempts.iter().rposition(|one| one.batch == question.batch).unwrap();
        let same = |one: &Attempt| {
            let told = |answer: &Option<RawAnswer>| answer.as_ref().map(|one| (one.status, one.body.clone()));
            one.asked == Some(question.seen.clone().unwrap_or_default())
                && told(&one.raw) == told(&question.answer)
        };
        let again = question.waits.is_some() && same(&self.attempts[newest]);
        let state = match (&question.answer, &question.waits) {
            (None, _) => AttemptState::Unknown,
            (Some(_), Some(_)) => AttemptState::Applied,
            (Some(_), None) => AttemptState::Answered,
        };
        if !again {
            let (raw, asked) = (question.answer.clone(), Some(question.seen.clone().unwrap_or_default()));
            self.attempts.push(Attempt { batch: question.batch, state, raw, asked });
        }
        let batch = &mut self.batches[index(question.batch)];
        if let (Some(waits), BatchState::Pending) = (&question.waits, batch.state) {
            (batch.ticket, batch.due) = (Some(waits.ticket.clone()), Some(waits.ask_at));
        }
        if again { id(newest) } else { id(self.attempts.len() - 1) }
    }

    fn settle(&mut self, attempt: i64, verdict: &BatchVerdict) -> Result<(), Error> {
        let batch = self.attempts[index(attempt)].batch;
        let rows = self.batches[index(batch)].transactions.clone();
        let states: Vec<_> = rows.iter().map(|trn| self.transactions[index(*trn)].state).collect();
        let (mut effects, state) = (effects(verdict, &states), self.batches[index(batch)].state);
        let mut to = after(state, self.attempts[index(attempt)].state, verdict, &states);
        if self.bug == Some(Bug::LostIsCalledUnsent) && effects.batch == BatchEvent::Lost {
            (effects.batch, effects.all) = (BatchEvent::NotSent, None);
            to = state.step(effects.batch);
        }
        if self.bug == Some(Bug::LostIsCalledAbsent) && effects.batch == BatchEvent::Lost {
            effects.all = Some((TransactionEvent::NotReceived, RecordEvent::NotReceived));
            for trn in &rows {
                self.move_both(*trn, TransactionEvent::Unsaid, RecordEvent::Unsaid);
            }
        }
        let Some(mut to) = to else {
            let attempt = &mut self.attempts[index(attempt)];
            attempt.state = attempt.state.after_nothing_new().unwrap_or(attempt.state);
            return Ok(());
        };
        if self.bug == Some(Bug::UnknownIsSettled) && to == BatchState::Unknown {
            to = BatchState::Settled;
        }
        let one = &mut self.batches[index(batch)];
        (one.state, one.seen, one.due) = (to, None, None);
        if self.bug != Some(Bug::AttemptsStayOpen) || effects.batch != BatchEvent::NotSent {
            let attempt = &mut self.attempts[index(attempt)];
            attempt.state = attempt.state.step(effects.attempt).unwrap_or(attempt.state);
        }
        match verdict {
            BatchVerdict::Settled { outcomes, remote } => {
                let one = &mut self.batches[index(batch)];
                one.is_numbered(remote.as_ref());
                one.seen = (to == BatchState::Unknown).then(|| left_open(outcomes, remote.as_deref()));
                let mut outcomes: Vec<&Outcome> = outcomes.iter().collect();
                if let (Some(Bug::OutcomesAreMixed), [first, .., last]) = (self.bug, &mut outcomes[..]) {
                    std::mem::swap(first, last);
                }
                for (trn, outcome) in rows.iter().zip(outcomes) {
                    self.settle_one(*trn, outcome)?;
                }
                let answered: Vec<i64> =
                    rows.iter().map(|trn| self.transactions[index(*trn)].record).collect();
                judge_followers_of(self, &answered)?;
            }
            BatchVerdict::Pending { ticket, ask_at, remote } => {
                let one = &mut self.batches[index(batch)];
                one.is_numbered(remote.as_ref());
                (one.ticket, one.due) = (Some(ticket.clone()), Some(*ask_at));
            }
            BatchVerdict::NotSent { retry_at, seen } => {
                let one = &mut self.batches[index(batch)];
                (one.due, one.seen) = (Some(*retry_at), Some(seen.clone()));
                one.tries += 1;
            }
            BatchVerdict::Unknown { seen } => {
                let again = (to == BatchState::Retry).then_some(DateTime::UNIX_EPOCH);
                let one = &mut self.batches[index(batch)];
                (one.due, one.seen) = (again, Some(seen.clone()));
            }
        }
        if let Some((transaction, record)) = effects.all {
            for trn in rows {
                self.move_both(trn, transaction, record);
            }
        }
        Ok(())
    }

    /// Each as far as its own table says.
    pub(super) fn move_both(&mut self, trn: i64, transaction: TransactionEvent, record: RecordEvent) {
        let one = &mut self.transactions[index(trn)];
        if let Some(state) = one.state.step(transaction) {
            one.state = state;
        }
        let id = one.record;
        if let Some(state) = self.rec(id).and_then(|rec| rec.state.step(record)) {
            self.move_record(id, state);
        }
    }

    fn recover(&mut self, process: usize, now: DateTime<Utc>) -> Result<Vec<(OpenBatch, RawAnswer)>, Error> {
        self.epoch += 1;
        self.epochs[process] = self.epoch;
        // What a clock set wrong put off for years is due now.
        for batch in &mut self.batches {
            batch.due = batch.due.map(|due| if due > horizon(now) { now } else { due });
        }
        if self.bug == Some(Bug::TheEndIsForgotten) {
            for record in 1..id(self.records.len()) {
                if self.rec(record).is_some_and(|rec| rec.state == RecordState::Accepted) {
                    self.move_record(record, RecordState::Unknown);
                }
            }
        }
        let mut unread = Vec::new();
        for at in 1..id(self.attempts.len()) {
            let attempt = self.attempts[index(at)].clone();
            match attempt.state {
                AttemptState::Sending if self.bug == Some(Bug::ACrashIsCalledUnsent) => {
                    let seen = String::new();
                    let retry_at = DateTime::UNIX_EPOCH;
                    self.settle(at, &BatchVerdict::NotSent { retry_at, seen })?;
                }
                AttemptState::Sending => {
                    let seen = "the program was stopped between sending and the answer".to_owned();
                    self.settle(at, &BatchVerdict::Unknown { seen })?;
                }
                AttemptState::Answered => {
                    let open = OpenBatch { attempt: at, ..self.read(attempt.batch) };
                    unread.push((open, attempt.raw.unwrap()));
                }
                _ => {}
            }
        }
        Ok(unread)
    }

    fn ask_about(
        &mut self,
        batch: i64,
        remote: &str,
        ticket: &serde_json::Value,
        now: DateTime<Utc>,
    ) -> usize {
        let one = &mut self.batches[index(batch)];
        let mut moved = 0;
        let Some(state) = one.state.step(BatchEvent::AskedAbout) else { return moved };
        (one.state, one.ticket, one.due) = (state, Some(ticket.clone()), Some(now));
        one.remote = Some(remote.to_owned());
        for trn in one.transactions.clone() {
            let record = self.transactions[index(trn)].record;
            moved += usize::from(self.rec(record).is_some_and(|rec| rec.state == RecordState::Unknown));
            self.move_both(trn, TransactionEvent::AskedAbout, RecordEvent::AskedAbout);
        }
        moved
    }
}

/// What people decide.
impl Memory {
    /// Whether one of these is said of a record.
    fn is_told(&self, record: i64, codes: &[&CodeInfo]) -> bool {
        let reasons = self.rec(record).map(|rec| &rec.reason[..]).unwrap_or_default();
        reasons.iter().any(|issue| codes.iter().any(|code| code.code == issue.code))
    }

    fn named(&self, what: &What, states: &[RecordState]) -> Vec<Known> {
        let of_trn = |trn: i64| self.known(self.transactions[index(trn)].record);
        let mut found: Vec<Known> = match what {
            What::Number(number) => {
                self.numbers.get(number).into_iter().flatten().filter_map(|trn| of_trn(*trn)).collect()
            }
            What::Batch(batch) => {
                let in_it =
                    |(at, trn): (usize, &Trn)| (trn.batch == *batch).then(|| of_trn(id(at))).flatten();
                self.transactions.iter().enumerate().filter_map(in_it).collect()
            }
            What::File(path) => self.of_files(&path.to_string_lossy(), None, states),
            What::Row(path, row) => self.of_files(&path.to_string_lossy(), Some(*row), states),
            What::Id(_) | What::Received(..) => Vec::new(),
        };
        found.sort_by_key(|known| known.id);
        let mut seen = HashSet::new();
        let newest = |known| in_place_of(known, |id| Ok(self.known(id))).unwrap();
        let own = |known: &Known| {
            self.rec(known.id).and_then(|rec| rec.transaction).map(|trn| &self.transactions[index(trn)])
        };
        let meant = |known: &Known| match what {
            What::Number(number) => own(known).is_some_and(|trn| trn.number == *number),
            What::Batch(batch) => own(known).is_some_and(|trn| trn.batch == *batch),
            _ => true,
        };
        found.into_iter().map(newest).filter(|known| meant(known) && seen.insert(known.id)).collect()
    }

    fn of_files(&self, name: &str, row: Option<u32>, states: &[RecordState]) -> Vec<Known> {
        let mut newest = None;
        for intake in (1..id(self.files.len())).rev() {
            let file = self.file(intake);
            if file.name != name || file.retry_of.is_some() || file.state != FileState::Taken {
                continue;
            }
            let rows = file.rows.iter().filter(|(at, _)| row.is_none_or(|row| row == **at));
            let found: Vec<Known> =
                rows.filter_map(|(_, record)| record.and_then(|id| self.known(id))).collect();
            if found.iter().any(|known| known.newer.is_none() && states.contains(&known.state)) {
                return found;
            }
            newest = newest.or(Some(found));
        }
        newest.unwrap_or_default()
    }

    /// The held record that a person's word about it lets go.
    pub(super) fn held_by(&self, what: &What) -> Option<i64> {
        let named = self.named(what, &[RecordState::Held, RecordState::Reversed]);
        named.iter().find(|known| known.state == RecordState::Held).map(|known| known.id)
    }

    fn release(&mut self, what: &What, answer: Option<Double>, by: &By) -> Result<(usize, usize), Error> {
        let (mut went, mut left, mut moved) = (0, 0, Vec::new());
        for known in self.named(what, &[RecordState::Held, RecordState::Reversed]) {
            if !matches!(known.state, RecordState::Held | RecordState::Reversed) {
                continue;
            }
            if decide::release(self, &known, answer, by, &mut moved)? { went += 1 } else { left += 1 }
        }
        documents_of_records(self, &moved)?;
        Ok((went, left))
    }

    fn resolve(
        &mut self,
        what: &What,
        decision: &Decision,
        by: &By,
        now: DateTime<Utc>,
    ) -> Result<(usize, usize), Error> {
        if let (What::Batch(batch), Decision::AskAbout { remote, tickets }) = (what, decision)
            && self.bearer_of_number(*batch, remote)?.is_none()
        {
            return Ok((self.ask_about(*batch, remote, &tickets[0].1, now), 0));
        }
        let of_batch = matches!(what, What::Batch(_));
        let (mut moved, mut left, mut settled) = (0, 0, decide::Settled::default());
        let named = self.named(what, &[RecordState::Unknown, RecordState::Behind]);
        let exact = matches!(what, What::Number(_) | What::Batch(_));
        let about = if exact { named } else { decide::about_what(self, named)? };
        for known in about {
            let unknown = known.state == RecordState::Unknown;
            if unknown && decide::objection(self, &known, decision, of_batch)?.is_none() {
                decide::resolve(self, &known, decision, of_batch, by, &mut settled)?;
                moved += 1;
            } else {
                left += 1;
            }
        }
        decide::follow(self, &settled)?;
        Ok((moved, left))
    }
}

impl Book for Memory {
    fn apply(&mut self, process: usize, op: &Op, now: DateTime<Utc>) -> Got {
        let by = super::book::by();
        let done = match op {
            Op::Receive { name, sha256 } => Ok(Got::Id(self.receive(name, sha256, None))),
            Op::Retry(target) => {
                let file = self.file(*target).clone();
                Ok(Got::Id(self.receive(&file.name, &file.sha256, Some(*target))))
            }
            Op::Plan(plan) => self.plan(plan).map(Got::Flag),
            Op::Stage(rows) => self.stage(rows).map(|()| Got::Nothing),
            Op::Accept(intake) => self.accept(*intake).map(|()| Got::Nothing),
            Op::SetAside(intake, state) => {
                let event = match state {
                    FileState::Held => FileEvent::SetAside,
                    FileState::Unreadable => FileEvent::Unreadable,
                    FileState::Received => FileEvent::Unfit,
                    _ => FileEvent::Withdrawn,
                };
                self.set_aside(*intake, event).map(|()| Got::Nothing)
            }
            Op::Claim(want) => self.claim(process, *want, now).map(|open| Got::Open(open.map(Box::new))),
            Op::Resend(batch) => self.resend(process, *batch, now).map(|open| Got::Open(open.map(Box::new))),
            Op::Answered(attempt, answer) => {
                self.answered(*attempt, answer);
                Ok(Got::Nothing)
            }
            Op::Asked(question) => Ok(Got::Id(self.asked(question))),
            Op::Settle(attempt, verdict) => self.settle(*attempt, verdict).map(|()| Got::Nothing),
            Op::LookDue => Ok(Got::Looking(self.look_due(process, now))),
            Op::Looked(look) => {
                let state = if look.answer.is_some() { AttemptState::Applied } else { AttemptState::Unknown };
                self.attempts.push(Attempt { batch: look.batch, state, raw: None, asked: None });
                Ok(Got::Nothing)
            }
            Op::Conclude(sought, presence) => {
                self.conclude(sought, presence, process, now).map(|()| Got::Nothing)
            }
            Op::List(rows) => self.reconcile(rows).map(|()| Got::Nothing),
            Op::Recover => self.recover(process, now).map(Got::Unread),
            Op::Release(what, answer) => {
                self.release(what, *answer, &by).map(|(moved, left)| Got::Decided(moved, left))
            }
            Op::Resolve(what, decision) => {
                self.resolve(what, decision, &by, now).map(|(moved, left)| Got::Decided(moved, left))
            }
            Op::Crash => {
                self.staging = None;
                Ok(Got::Nothing)
            }
            Op::Copy => {
                self.copy();
                Ok(Got::Nothing)
            }
            Op::Restore => {
                self.restore();
                Ok(Got::Nothing)
            }
            Op::TakeOver { number, ids_from, until } => {
                self.take_over(*number, *ids_from, *until).map(|()| Got::Nothing)
            }
        };
        let done = done.and_then(|got| judge_due(self).map(|()| got));
        done.unwrap_or_else(|error| Got::Failed(error.to_string()))
    }

    fn work(&mut self, now: DateTime<Utc>) -> Work {
        let off = |(at, batch): (usize, &Batch)| {
            batch.due.map(|until| PutOff { batch: id(at), state: batch.state, until })
        };
        let put_off: Vec<PutOff> = self.batches.iter().enumerate().filter_map(off).collect();
        let far = horizon(now);
        let order =
            |off: &&PutOff| (off.until <= far, off.until.max(now - TimeDelta::days(36_500)), off.batch);
        let first = put_off.iter().filter(|off| off.until > far).min_by_key(|off| off.batch);
        let first = first.or_else(|| put_off.iter().min_by_key(order)).copied();
        let retry = put_off.iter().filter(|off| off.state == BatchState::Retry).map(|off| off.until).min();
        next(first, retry, !self.candidates(1).is_empty(), now)
    }

    fn pending(&mut self, batch: i64) -> Option<OpenBatch> {
        (self.batches[index(batch)].state == BatchState::Pending).then(|| self.read(batch))
    }

    fn witness(&mut self) -> Option<Witness> {
        self.vouched_for()
    }

    fn memory(&self) -> &Memory {
        self
    }

    fn memory_mut(&mut self) -> &mut Memory {
        self
    }
}

impl Memory {
    /// The newest file that came.
    fn newest_file(&self) -> i64 {
        id(self.files.len() - 1)
    }

    /// Everything that decides what happens next, one line a thing, in a fixed order.
    pub(super) fn dump(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (at, file) in self.files.iter().enumerate().filter(|(_, file)| !file.name.is_empty()) {
            let (state, old, aside) = (file.state.word(), file.superseded, file.aside);
            lines.push(format!("file {} {state} {old} {aside}", id(at)));
        }
        for (at, rec) in self.records.iter().enumerate() {
            let Some(rec) = rec else { continue };
            let way = if rec.document_way { "document" } else { rec.way.map_or("", Way::word) };
            lines.push(format!(
                "record {} {}:{} {} {way} {:?} {:?} {:?} {} {:?} {:?} {:?} {:?}",
                id(at),
                rec.intake,
                rec.row,
                rec.state.word(),
                rec.of,
                rec.older,
                rec.newer,
                rec.released,
                rec.transaction,
                rec.reason.first().map(|issue| issue.code.as_str()),
                rec.movement,
                rec.asked_after,
            ));
        }
        for (at, trn) in self.transactions.iter().enumerate() {
            let (number, state, batch, remote) = (&trn.number, trn.state.word(), trn.batch, &trn.remote);
            lines.push(format!("transaction {} {number} {state} {batch} {remote:?}", id(at)));
        }
        for (at, batch) in self.batches.iter().enumerate().filter(|(_, batch)| batch.rows > 0) {
            let due = batch.due.map(|due| due.timestamp());
            lines.push(format!("batch {} {} {} {due:?}", id(at), batch.state.word(), batch.tries));
        }
        for (at, attempt) in self.attempts.iter().enumerate() {
            lines.push(format!("attempt {} {} {}", id(at), attempt.batch, attempt.state.word()));
        }
        let mut facts: Vec<String> =
            self.live.iter().map(|((_, key), record)| format!("fact {key} {record}")).collect();
        facts.sort();
        lines.extend(facts);
        lines
    }

    /// What stands in a record's place.
    pub(super) fn newest<'a>(&'a self, rec: &'a Rec) -> &'a Rec {
        rec.newer.and_then(|newer| self.rec(newer)).map_or(rec, |newer| self.newest(newer))
    }

    pub(super) fn live_of(&self, key: &Key) -> Option<i64> {
        self.live.get(key).copied()
    }
}

impl Store for Memory {
    fn record(&self, id: i64) -> Result<Option<Known>, Error> {
        Ok(self.known(id))
    }
    fn of_row(&self, intake: i64, row: u32) -> Result<Option<Known>, Error> {
        let file = usize::try_from(intake - 1).ok().and_then(|at| self.files.get(at));
        let record = file.and_then(|file| file.rows.get(&row).copied().flatten());
        Ok(record.and_then(|id| self.known(id)))
    }
    fn live(&self, scope: i64, key: &str) -> Result<Option<Known>, Error> {
        if self.bug == Some(Bug::FactsAreForgotten) {
            return Ok(None);
        }
        Ok(self.live_of(&(scope, key.to_owned())).and_then(|id| self.known(id)))
    }
    fn select(&self, which: Which<'_>) -> Result<Vec<Known>, Error> {
        let held = |rec: &Rec| rec.state == RecordState::Held;
        Ok(match which {
            Which::WaitingIn(intake) => {
                self.found(self.of_file.get(&intake), |_, rec| rec.state == RecordState::Behind)
            }
            Which::TakingIn(intake) => self.found(self.of_file.get(&intake), |_, rec| rec.older.is_some()),
            Which::WeakAgainIn(intake) => self.found(self.of_file.get(&intake), |_, rec| {
                !rec.document_way && rec.way == Some(Way::WeakAgain)
            }),
            Which::HeldIn(intake) => {
                self.found(self.of_file.get(&intake), |_, rec| held(rec) && rec.of.is_some())
            }
            Which::Behind(_) if self.bug == Some(Bug::FollowersAreForgotten) => Vec::new(),
            Which::Behind(of) => self.found(self.about.get(&of), |_, rec| rec.state == RecordState::Behind),
            Which::HeldBeside(of, intake) => self.found(self.about.get(&of), |_, rec| {
                held(rec) && rec.newer.is_none() && rec.intake != intake
            }),
            Which::WaitingInDocument(of, document) => self
                .found(self.of_document.get(&(of, document.to_owned())), |_, rec| {
                    rec.state == RecordState::Behind && rec.newer.is_none() && !rec.document_way
                }),
            Which::DecidedBeside(of) => self.found(self.about.get(&of), |_, rec| {
                rec.state == RecordState::Ignored || (rec.released && !held(rec))
            }),
            Which::ReplacedBeside(of) => {
                self.found(self.about.get(&of), |_, rec| held(rec) && rec.newer.is_some())
            }
            Which::OfNumber(number, but) => self.of_mapped(number, but),
            Which::OfMovement(movement) => self.found(self.of_movement.get(&movement), |_, _| true),
            Which::GoingOfMovement(movement) => {
                self.found(self.of_movement.get(&movement), |_, rec| rec.state.may_be_reported())
            }
            Which::SentOfMovement(movement) => self.found(self.of_movement.get(&movement), |_, rec| {
                rec.state.may_be_reported() && rec.state != RecordState::Ready
            }),
        })
    }
    fn reason(&self, id: i64) -> Result<Vec<StoredIssue>, Error> {
        Ok(self.rec(id).map(|rec| rec.reason.clone()).unwrap_or_default())
    }
    fn keys_of_row(&self, intake: i64, row: u32) -> Result<Vec<Key>, Error> {
        let facts = self.facts.get(&(intake, row)).into_iter().flatten();
        Ok(facts.map(|fact| fact.key.clone()).collect())
    }
    fn own_keys(&self, known: &Known) -> Result<Vec<Key>, Error> {
        Ok(self.own_facts(known).into_iter().map(|(_, fact)| fact.key).collect())
    }
    fn live_keys(&self, known: &Known) -> Result<Vec<Key>, Error> {
        let live = self.own_facts(known).into_iter().filter(|(_, fact)| fact.live);
        Ok(live.map(|(_, fact)| fact.key).collect())
    }
    fn ignored_fields(&self, intake: i64) -> Result<Vec<String>, Error> {
        Ok(self.file(intake).ignore.clone())
    }
    fn is_taken(&self, intake: i64) -> Result<bool, Error> {
        Ok(self.file(intake).state == FileState::Taken)
    }
    fn went_out(&self, _: i64, number: &str, but: Option<i64>) -> Result<bool, Error> {
        Ok(self.was_in_a_request(number, but))
    }
    fn was_issued(&self, number: &str) -> Result<bool, Error> {
        Ok(self.is_ours(number))
    }
    fn brother(&self, scope: i64, key: &str) -> Result<Option<i64>, Error> {
        Ok(self.met.get(&(scope, key.to_owned())).map(|(_, id)| *id))
    }
    fn keep_brother(&mut self, scope: i64, key: &str, id: i64) -> Result<(), Error> {
        self.met.insert((scope, key.to_owned()), (1, id));
        Ok(())
    }
    fn count(&mut self, scope: i64, base: &str, seen: i64) -> Result<i64, Error> {
        let times = &mut self.met.entry((scope, base.to_owned())).or_insert((seen, 0)).0;
        *times += 1;
        Ok(*times)
    }
    fn content_had(&self, scope: i64, key: &str) -> Result<bool, Error> {
        Ok(self.content.contains(&(scope, key.to_owned())))
    }
    fn former_has(&self, scope: i64, key: &str) -> Result<bool, Error> {
        Ok(self.former.contains(&(scope, key.to_owned())))
    }
    fn documents(&self, intake: i64) -> Result<Vec<(i64, String)>, Error> {
        let of_file = self.of_file.get(&intake).into_iter().flatten();
        let documents: BTreeSet<_> = of_file.filter_map(|id| self.rec(*id)?.doc.clone()).collect();
        Ok(documents.into_iter().collect())
    }
    fn first_in_document(
        &self,
        of: i64,
        document: &str,
        states: &[RecordState],
    ) -> Result<Option<u32>, Error> {
        let ids = self.of_document.get(&(of, document.to_owned())).into_iter().flatten();
        let here = ids.filter_map(|id| self.rec(*id)).filter(|rec| rec.newer.is_none() && !rec.document_way);
        Ok(here.filter(|rec| states.contains(&rec.state)).map(|rec| rec.row).min())
    }
    fn may_be_waited_for(&self, of: i64, document: &str) -> Result<bool, Error> {
        let may = |rec: &Rec| {
            let here = rec.doc.as_ref().is_some_and(|(file, name)| (*file, name.as_str()) == (of, document));
            rec.newer.is_some() || here
        };
        let behind = |id: &i64| self.rec(*id).is_some_and(|rec| rec.state == RecordState::Behind);
        Ok(self.about.iter().any(|(met, ids)| self.rec(*met).is_some_and(may) && ids.iter().any(behind)))
    }
    fn stop_document(
        &mut self,
        of: i64,
        document: &str,
        state: RecordState,
        reason: &StoredIssue,
    ) -> Result<Vec<i64>, Error> {
        let ids = self.of_document.get(&(of, document.to_owned())).cloned().unwrap_or_default();
        let mut changed = Vec::new();
        for id in ids {
            let rec = self.rec(id).unwrap();
            let idle = rec.newer.is_none() && rec.transaction.is_none() && !rec.released;
            let kept = rec.document_way && matches!(rec.state, RecordState::Held | RecordState::Behind);
            if idle && (rec.state == RecordState::Ready || kept) {
                self.move_record(id, state);
                let rec = self.rec_mut(id);
                (rec.way, rec.document_way, rec.reason) = (None, true, vec![reason.clone()]);
                changed.push(id);
            }
        }
        Ok(changed)
    }
    fn free_document(&mut self, of: i64, document: &str) -> Result<usize, Error> {
        let ids = self.of_document.get(&(of, document.to_owned())).cloned().unwrap_or_default();
        let mut changed = 0;
        for id in ids {
            let rec = self.rec(id).unwrap();
            if let Some(state) = rec.state.step(RecordEvent::DocumentFreed)
                && rec.newer.is_none()
                && rec.document_way
            {
                self.move_record(id, state);
                let rec = self.rec_mut(id);
                (rec.way, rec.document_way, rec.reason) = (None, false, Vec::new());
                changed += 1;
            }
        }
        Ok(changed)
    }
    fn judge_later(&mut self, of: i64, document: &str) -> Result<(), Error> {
        self.due.insert((of, document.to_owned()));
        Ok(())
    }
    fn next_due(&mut self) -> Result<Option<(i64, String)>, Error> {
        Ok(self.due.pop_first())
    }
    fn hold_doubtful(&mut self, intake: i64) -> Result<(), Error> {
        self.hold_doubtful_rows(intake);
        Ok(())
    }
    fn hold_doubtful_record(&mut self, id: i64) -> Result<(), Error> {
        self.hold_if_doubtful(id);
        Ok(())
    }
    fn hold_doubtful_document(&mut self, of: i64, document: &str) -> Result<(), Error> {
        let ids = self.of_document.get(&(of, document.to_owned())).into_iter().flatten();
        let files: BTreeSet<i64> = ids.filter_map(|id| self.rec(*id)).map(|rec| rec.intake).collect();
        for file in files {
            self.hold_doubtful_rows(file);
        }
        Ok(())
    }
    fn doubt_if_taken_over(&mut self, known: &Known) -> Result<bool, Error> {
        Ok(self.say_doubt_first(known.id))
    }
    fn set_movement(&mut self, id: i64, movement: Movement) -> Result<(), Error> {
        if let Some(before) = self.rec_mut(id).movement.replace(movement)
            && let Some(of) = self.of_movement.get_mut(&before)
        {
            of.remove(&id);
        }
        self.of_movement.entry(movement).or_default().insert(id);
        Ok(())
    }
    fn join_document(&mut self, id: i64, with: &Known) -> Result<(), Error> {
        let doc = with.document.clone().map(|document| (with.doc_intake.unwrap(), document));
        if let Some(old) = std::mem::replace(&mut self.rec_mut(id).doc, doc.clone()) {
            self.of_document.get_mut(&old).map(|of| of.remove(&id));
        }
        if let Some(doc) = doc {
            self.of_document.entry(doc).or_default().insert(id);
        }
        Ok(())
    }
    fn stand(&mut self, id: i64, stand: &Stand<'_>) -> Result<(), Error> {
        self.move_record(id, stand.state);
        self.refer(id, stand.of_record);
        let newest = self.newest_file();
        let rec = self.rec_mut(id);
        (rec.way, rec.document_way, rec.reason) = (stand.way, false, stand.reason.to_vec());
        if stand.state == RecordState::Held {
            rec.asked_after = Some(newest);
        }
        Ok(())
    }
    fn asked_after(&self, id: i64) -> Result<Option<i64>, Error> {
        Ok(self.rec(id).and_then(|rec| rec.asked_after))
    }
    fn ask_on(&mut self, id: i64, as_long_as: i64) -> Result<(), Error> {
        let (one, other) = (self.rec(id).unwrap(), self.rec(as_long_as).unwrap());
        let asks = |rec: &Rec| {
            rec.reason.first().filter(|_| rec.state == RecordState::Held).map(|why| why.code.clone())
        };
        let same = asks(one).is_some() && asks(one) == asks(other);
        if same && other.asked_after.is_some() && other.asked_after < one.asked_after {
            let asked_after = other.asked_after;
            self.rec_mut(id).asked_after = asked_after;
        }
        Ok(())
    }
    fn ask_now(&mut self, intake: i64) -> Result<(), Error> {
        let newest = self.newest_file();
        for id in self.of_file.get(&intake).cloned().unwrap_or_default() {
            let rec = self.rec_mut(id);
            if rec.state == RecordState::Held {
                rec.asked_after = Some(newest);
            }
        }
        Ok(())
    }
    fn let_go(&mut self, id: i64, state: RecordState) -> Result<(), Error> {
        self.move_record(id, state);
        let rec = self.rec_mut(id);
        rec.released = true;
        rec.doubt.clear();
        Ok(())
    }
    fn let_go_no_more(&mut self, id: i64) -> Result<(), Error> {
        self.rec_mut(id).released = false;
        Ok(())
    }
    fn tell(&mut self, id: i64, reason: &[StoredIssue]) -> Result<(), Error> {
        self.rec_mut(id).reason = reason.to_vec();
        Ok(())
    }
    fn set_older(&mut self, id: i64, older: Option<i64>) -> Result<(), Error> {
        self.rec_mut(id).older = older;
        Ok(())
    }
    fn set_newer(&mut self, id: i64, newer: Option<i64>) -> Result<(), Error> {
        self.touched.push(id);
        self.rec_mut(id).newer = newer;
        Ok(())
    }
    fn has_twin(&self, known: &Known, movement: Movement) -> Result<bool, Error> {
        let twin = |id: i64, rec: &Rec| id != known.id && rec.intake == known.intake;
        Ok(!self.found(self.of_movement.get(&movement), twin).is_empty())
    }
    fn is_to_be_taken(&self, record: i64, by: i64) -> Result<bool, Error> {
        Ok(!self.found(self.of_file.get(&by), |_, rec| rec.older == Some(record)).is_empty())
    }
    fn forget_number(&mut self, id: i64) -> Result<(), Error> {
        let rec = self.rec_mut(id);
        (rec.valid, rec.mapped) = (false, None);
        Ok(())
    }
    fn add_fact(&mut self, (intake, row, id): (i64, u32, i64), key: &Key, live: bool) -> Result<(), Error> {
        let facts = self.facts.entry((intake, row)).or_default();
        facts.push(Fact { key: key.clone(), record: id, live: false });
        let at = facts.len() - 1;
        if live {
            self.set_live((intake, row), at, true);
        }
        Ok(())
    }
    fn forget_facts(&mut self, known: &Known) -> Result<(), Error> {
        for (at, _) in self.own_facts(known) {
            self.set_live((known.intake, known.row), at, false);
        }
        Ok(())
    }
    fn revive_facts(&mut self, known: &Known) -> Result<(), Error> {
        for (at, _) in self.own_facts(known) {
            self.set_live((known.intake, known.row), at, true);
        }
        Ok(())
    }
    fn inherit_facts(&mut self, known: &Known, keys: &[Key]) -> Result<(), Error> {
        for key in keys {
            let facts = self.facts.entry((known.intake, known.row)).or_default();
            let has = |fact: &Fact| fact.record == known.id && fact.key == *key;
            if facts.iter().any(has) || self.live.contains_key(key) {
                continue;
            }
            facts.push(Fact { key: key.clone(), record: known.id, live: true });
            self.live.insert(key.clone(), known.id);
        }
        Ok(())
    }
    fn give_fact(&mut self, from: &Known, to: &Known, key: &Key) -> Result<(), Error> {
        for (known, live) in [(from, false), (to, true)] {
            for (at, _) in self.own_facts(known).into_iter().filter(|(_, own)| own.key == *key) {
                self.set_live((known.intake, known.row), at, live);
            }
        }
        Ok(())
    }
    fn next_generation(&mut self, known: &Known, older: &Known) -> Result<(), Error> {
        for at in 0..self.facts.get(&(older.intake, older.row)).map_or(0, Vec::len) {
            self.set_live((older.intake, older.row), at, false);
        }
        for at in 0..self.facts.get(&(known.intake, known.row)).map_or(0, Vec::len) {
            self.set_live((known.intake, known.row), at, true);
        }
        Ok(())
    }
    fn vacate_fact(&mut self, key: &Key) -> Result<(), Error> {
        let Some(rec) = self.live_of(key).and_then(|live| self.rec(live)) else { return Ok(()) };
        if rec.state.may_be_reported() || rec.state == RecordState::Behind {
            return Ok(());
        }
        let at = (rec.intake, rec.row);
        let place = self.facts.get(&at).and_then(|of| of.iter().position(|one| one.live && one.key == *key));
        self.set_live(at, place.unwrap(), false);
        Ok(())
    }
    fn mark_changed(&mut self, _: i64) -> Result<(), Error> {
        Ok(())
    }
    fn mark_file(&mut self, _: i64) -> Result<(), Error> {
        Ok(())
    }
    fn mark_batch(&mut self, _: i64) -> Result<(), Error> {
        Ok(())
    }
    fn transaction(&self, record: i64) -> Result<(i64, i64), Error> {
        let trn = self.rec(record).and_then(|rec| rec.transaction).unwrap();
        Ok((trn, self.transactions[index(trn)].batch))
    }
    fn settle_one(&mut self, transaction: i64, outcome: &Outcome) -> Result<(), Error> {
        let one = &mut self.transactions[index(transaction)];
        let Some(state) = one.state.step(TransactionEvent::of(outcome)) else { return Ok(()) };
        one.state = state;
        if let Outcome::Accepted { id } = outcome {
            one.remote = Some(id.clone());
        }
        let record = one.record;
        if let Some(state) = self.rec(record).and_then(|rec| rec.state.step(RecordEvent::of(outcome))) {
            self.move_record(record, state);
        }
        Ok(())
    }
    fn not_received(&mut self, transaction: i64) -> Result<(), Error> {
        let one = &mut self.transactions[index(transaction)];
        one.state = one.state.after(TransactionEvent::NotReceived)?;
        Ok(())
    }
    fn contradicted(&mut self, transaction: i64, batch: i64) -> Result<(), Error> {
        let one = &mut self.transactions[index(transaction)];
        one.state = one.state.after(TransactionEvent::Contradicted)?;
        let one = &mut self.batches[index(batch)];
        one.state = one.state.after(BatchEvent::Contradicted)?;
        self.forget_looks(transaction, batch);
        Ok(())
    }
    fn bearer_of_id(&self, record: i64, id: &str) -> Result<Option<String>, Error> {
        let bears = |trn: &&Trn| {
            let said = trn.state == TransactionState::Accepted && trn.remote.as_deref() == Some(id);
            trn.record != record && said && !self.is_told(trn.record, &[&codes::BY_WORD])
        };
        let bearer = self.transactions.iter().find(bears).and_then(|trn| self.known(trn.record));
        Ok(bearer.map(|known| format!("{}:{}", known.file, known.row)))
    }
    fn bearer_of_number(&self, batch: i64, number: &str) -> Result<Option<i64>, Error> {
        let answered = |trn: &&i64| {
            let trn = &self.transactions[index(**trn)];
            match trn.state {
                TransactionState::Refused | TransactionState::Pending => true,
                TransactionState::Accepted => {
                    !self.is_told(trn.record, &[&codes::BY_WORD, &codes::IN_LIST, &codes::FOUND])
                }
                _ => false,
            }
        };
        let bears = |one: &Batch| {
            one.remote.as_deref() == Some(number) && one.transactions.iter().any(|trn| answered(&trn))
        };
        Ok((1..id(self.batches.len())).find(|at| *at != batch && bears(&self.batches[index(*at)])))
    }
    fn number_of_batch(&mut self, transaction: i64, batch: i64, number: &str) -> Result<(), Error> {
        self.transactions[index(transaction)].remote = None;
        self.batches[index(batch)].remote = Some(number.to_owned());
        Ok(())
    }
    fn close_batch(&mut self, batch: i64) -> Result<(), Error> {
        let one = &self.batches[index(batch)];
        let open = |trn: &i64| self.transactions[index(*trn)].state == TransactionState::Unknown;
        if !one.transactions.iter().any(open)
            && let Some(state) = one.state.step(BatchEvent::SpokenFor)
        {
            self.batches[index(batch)].state = state;
        }
        Ok(())
    }
}
