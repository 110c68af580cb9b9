//! What must hold after every step. Only what moved is looked at.

use std::collections::{HashMap, HashSet};

use super::book::Want;
use super::memory::{Memory, Rec, index};
use super::server::Server;
use crate::destinations::Late;
use crate::ledger::core::{AttemptState, BatchState, FileState, RecordState, TransactionState};
use crate::ledger::{OpenBatch, StoredIssue, codes};

/// A rule that does not hold, by its name.
pub(super) type Broken = String;

/// Stands among what may be where a file has exchanged rows: each names the row of one delivery and bears the number of
/// another.
pub(super) const EXCHANGED: &str = "exchanged";

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Check {
    /// The last state of each record that was looked at.
    last: HashMap<i64, RecordState>,
    /// What was sent under each number.
    sent: HashMap<String, String>,
    newest_number: String,
    /// Numbers of requests that were under way when the ledger was put back.
    under_way: HashSet<String>,
    /// Live registrations of each delivery and of each movement, and how many there may be.
    live: HashMap<String, u32>,
    pub(super) allowed: HashMap<String, u32>,
}

/// The delivery that members are about.
pub(super) fn delivery(members: &str) -> &str {
    text_of(members, "\"p_batch_no\":\"")
}

/// What moved, if anything tells that.
pub(super) fn movement(members: &str) -> Option<&str> {
    Some(text_of(members, "\"notes\":\"")).filter(|text| !text.is_empty())
}

fn text_of<'a>(members: &'a str, field: &str) -> &'a str {
    let rest = members.split_once(field).map_or("", |(_, rest)| rest);
    rest.split('"').next().unwrap_or_default()
}

fn must(holds: bool, told: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(told()) }
}

impl Check {
    /// The ledger was put back: its records are those of before, and what they said of requests that are under way now
    /// was said before these were sent.
    pub(super) fn forget(&mut self, server: &Server) {
        self.last.clear();
        self.under_way.extend(server.under_way());
    }

    /// Highest number that was sent.
    pub(super) fn newest_number(&self) -> i64 {
        self.newest_number.parse().unwrap_or_default()
    }

    /// A request begins.
    pub(super) fn begun(
        &mut self,
        memory: &Memory,
        open: &OpenBatch,
        wanted: Option<Want>,
    ) -> Result<(), Broken> {
        let open_attempts = memory
            .attempts
            .iter()
            .filter(|one| one.batch == open.batch && one.state == AttemptState::Sending)
            .count();
        must(open_attempts == 1, || format!("I6: batch {} has {open_attempts} open attempts", open.batch))?;
        for (item, want) in open.items.iter().zip(std::iter::repeat(wanted)) {
            let Some(want) = want else { break };
            let before = self.sent.insert(item.number.clone(), item.members.clone());
            let record = memory.transactions[index(item.transaction)].record;
            let ours = memory.rec(record).is_some_and(|rec| rec.mapped.is_none());
            if let Some(before) = before {
                let told = || format!("I8: number {} was {before} and is {}", item.number, item.members);
                must(before == item.members || !ours, told)?;
                let others = memory.transactions.iter().filter(|one| one.number == item.number);
                let gone = others.filter(|one| one.batch != open.batch).all(|one| {
                    matches!(one.state, TransactionState::Refused | TransactionState::NotReceived)
                });
                must(gone, || format!("I8: number {} goes out again", item.number))?;
            } else {
                let rises = !ours || item.number > self.newest_number;
                must(rises, || format!("I8: {} after {}", item.number, self.newest_number))?;
                let late = want.late != Late::Send && memory.is_too_late(item.transaction, want.today);
                must(!late, || format!("late: {} goes on {}", item.number, want.today))?;
                if ours {
                    self.newest_number.clone_from(&item.number);
                }
            }
        }
        Ok(())
    }

    /// After every step.
    pub(super) fn step(&mut self, memory: &mut Memory, server: &mut Server) -> Result<(), Broken> {
        for fresh in std::mem::take(&mut server.fresh) {
            self.registered(memory, server, fresh)?;
        }
        for id in std::mem::take(&mut memory.touched) {
            let Some(rec) = memory.rec(id) else { continue };
            self.record(memory, server, id, rec)?;
            self.met(memory, id, rec)?;
            self.last.insert(id, rec.state);
        }
        Ok(())
    }

    fn registered(&mut self, memory: &Memory, server: &Server, id: usize) -> Result<(), Broken> {
        let one = &server.books[id];
        for text in [Some(delivery(&one.members)), movement(&one.members)].into_iter().flatten() {
            let live = self.live.entry(text.to_owned()).or_default();
            *live += 1;
            let allowed = self.allowed.get(text).copied().unwrap_or(1);
            must(*live <= allowed, || format!("I2: {text} is registered {live} times, may be {allowed}"))?;
        }
        // Two rows may go under one number that their mapping gave, one after the other: the later sending counts.
        let bear_it = memory.transactions.iter().filter(|trn| trn.number == one.number);
        let said = bear_it.max_by_key(|trn| trn.batch);
        let absent = said.is_some_and(|trn| {
            matches!(trn.state, TransactionState::Refused | TransactionState::NotReceived)
        });
        must(!absent || self.under_way.contains(&one.number), || {
            format!("I4: {} appears after it was said to be absent", one.number)
        })
    }

    fn record(&self, memory: &Memory, server: &Server, id: i64, rec: &Rec) -> Result<(), Broken> {
        let trn = rec.transaction.map(|trn| &memory.transactions[usize::try_from(trn).unwrap() - 1]);
        let batch = trn.map(|trn| &memory.batches[usize::try_from(trn.batch).unwrap() - 1]);
        let told =
            |rule: &str| format!("{rule}: record {id} {rec:?} {trn:?} {:?}", batch.map(|one| one.state));
        match self.last.get(&id) {
            Some(RecordState::Accepted) => must(rec.state == RecordState::Accepted, || told("I7"))?,
            Some(RecordState::Rejected) => {
                must(matches!(rec.state, RecordState::Rejected | RecordState::Ignored), || told("I7"))?;
            }
            _ => {}
        }
        let trn_state = trn.map(|trn| trn.state);
        match rec.state {
            RecordState::Accepted => {
                let trn = trn.ok_or_else(|| told("I3"))?;
                let in_books = match &trn.remote {
                    Some(remote) => remote.parse::<usize>().ok().and_then(|id| id.checked_sub(1)),
                    None => server.look(&trn.number),
                };
                let one = in_books.and_then(|id| server.books.get(id)).ok_or_else(|| told("I3"))?;
                let same = one.number == trn.number && Some(&one.members) == rec.members.as_ref();
                must(same, || told("I3"))
            }
            RecordState::Unknown => {
                let named =
                    batch.is_some_and(|one| matches!(one.state, BatchState::Unknown | BatchState::Pending));
                must(trn_state == Some(TransactionState::Unknown) && named, || told("I5"))
            }
            RecordState::Sending => {
                let under_way =
                    batch.is_some_and(|one| matches!(one.state, BatchState::Sending | BatchState::Retry));
                must(trn_state == Some(TransactionState::Sending) && under_way, || told("I6"))
            }
            RecordState::Pending => must(trn_state == Some(TransactionState::Pending), || told("I6")),
            RecordState::Rejected => must(trn_state == Some(TransactionState::Refused), || told("I4")),
            _ => Ok(()),
        }
    }

    /// What a row is taken for, or asked about, has its number or is about the same movement: else it would not be reported
    /// although it should, or somebody be asked who can't know. Where rows were exchanged nobody can tell.
    fn met(&self, memory: &Memory, id: i64, rec: &Rec) -> Result<(), Broken> {
        if self.allowed.contains_key(EXCHANGED) {
            return Ok(());
        }
        let codes = [&codes::CHANGE, &codes::REPORTED_BEFORE];
        let is_asked = |why: &StoredIssue| codes.iter().any(|code| code.code == why.code);
        let asks = rec.state == RecordState::Held && rec.reason.first().is_some_and(is_asked);
        let met =
            rec.of.filter(|_| asks || rec.state == RecordState::Duplicate).and_then(|of| memory.rec(of));
        let members = rec.members.as_deref().zip(met.and_then(|met| met.members.as_deref()));
        let Some((one, other)) = members.filter(|(one, _)| movement(one).is_some()) else { return Ok(()) };
        let same = delivery(one) == delivery(other) || movement(one) == movement(other);
        must(same, || format!("I14: {:?} {id} {one} is taken for {:?} {other}", rec.state, rec.of))
    }

    /// When the faults have stopped and everything that goes by itself has gone.
    pub(super) fn end(memory: &Memory, rows: &HashMap<i64, usize>) -> Result<(), Broken> {
        for (intake, rows) in rows {
            let file = memory.file(*intake);
            if file.state != FileState::Taken {
                continue;
            }
            let counted =
                file.rows.values().filter(|one| one.is_none_or(|id| memory.rec(id).is_some())).count();
            must(counted == *rows, || format!("I1: file {intake} had {rows} rows and has {counted}"))?;
        }
        for (at, rec) in memory.records.iter().enumerate() {
            let Some(rec) = rec.as_ref().filter(|rec| rec.newer.is_none()) else { continue };
            let acts = memory.file(rec.intake).state == FileState::Taken;
            let id = i64::try_from(at + 1).unwrap();
            let ends = !acts || ended(memory, id, rec, 0);
            must(ends, || format!("G5: record {id} waits for ever: {rec:?}"))?;
        }
        Ok(())
    }
}

/// Whether nothing can happen to a record any more but by a person's word about it or about what it waits for.
fn ended(memory: &Memory, id: i64, rec: &Rec, depth: usize) -> bool {
    let newest = |mut id: i64| {
        while let Some(newer) = memory.rec(id).and_then(|rec| rec.newer) {
            id = newer;
        }
        id
    };
    match rec.state {
        RecordState::Ready | RecordState::Sending | RecordState::Pending | RecordState::Unknown => false,
        RecordState::Behind if depth > 50 => false,
        // It is kept with its document: by a row that is not good, or that waits itself.
        RecordState::Behind if rec.document_way => memory.records.iter().enumerate().any(|(at, other)| {
            let at = i64::try_from(at + 1).unwrap();
            other.as_ref().is_some_and(|other| {
                at != id
                    && other.doc == rec.doc
                    && other.newer.is_none()
                    && !other.document_way
                    && (other.state.gives_way()
                        || (other.state == RecordState::Behind && ended(memory, at, other, depth + 1)))
            })
        }),
        RecordState::Behind => rec.of.map(newest).is_some_and(|of| {
            memory
                .rec(of)
                .is_some_and(|met| met.state != RecordState::Accepted && ended(memory, of, met, depth + 1))
        }),
        _ => true,
    }
}
