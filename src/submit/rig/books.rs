//! The ledger's model: what the driver may rely on, in memory.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::ledger::{
    BatchVerdict, Build, ClaimItem, Error, Handle, Ledger, OpenBatch, RawAnswer, Want, Work,
};

/// One batch with everything that was said of it.
#[derive(Debug, Clone, Default)]
pub(in crate::submit) struct Batch {
    items: Vec<ClaimItem>,
    body: Vec<u8>,
    pub(in crate::submit) verdicts: Vec<BatchVerdict>,
}

impl Batch {
    pub(in crate::submit) fn last(&self) -> &BatchVerdict {
        self.verdicts.last().expect("a verdict")
    }
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<ClaimItem>,
    batches: Vec<Batch>,
}

/// Batch and attempt have the same number: the model does not need to tell attempts apart.
#[derive(Debug, Clone)]
pub(in crate::submit) struct Books {
    state: Arc<Mutex<State>>,
    /// Commits and requests in the order they happened.
    pub(in crate::submit) journal: Arc<Mutex<Vec<&'static str>>>,
    changed: watch::Sender<u64>,
}

impl Books {
    pub(in crate::submit) fn with_rows(rows: usize) -> Self {
        let books = Self { state: Arc::default(), journal: Arc::default(), changed: watch::Sender::new(0) };
        books.add(rows);
        books
    }

    pub(in crate::submit) fn add(&self, rows: usize) {
        let mut state = self.state.lock().unwrap();
        let first = state.ready.len();
        state.ready.extend((first..first + rows).map(|index| ClaimItem {
            transaction: i64::try_from(index).unwrap(),
            number: index.to_string(),
            members: "{}".to_owned(),
        }));
    }

    pub(in crate::submit) fn handle(&self) -> Handle {
        Handle::spawn(Box::new(self.clone())).unwrap()
    }

    pub(in crate::submit) fn batches(&self) -> Vec<Batch> {
        self.state.lock().unwrap().batches.clone()
    }

    pub(in crate::submit) fn unsent(&self) -> usize {
        self.state.lock().unwrap().ready.len()
    }

    /// Waits until the books say so.
    pub(in crate::submit) async fn when(&self, holds: impl Fn(&[Batch]) -> bool) {
        let mut changed = self.changed.subscribe();
        while !holds(&self.state.lock().unwrap().batches) {
            changed.changed().await.unwrap();
        }
    }

    fn committed(&self, what: &'static str) {
        self.journal.lock().unwrap().push(what);
        self.changed.send_modify(|count| *count += 1);
    }

    fn open(&self, index: i64) -> Option<OpenBatch> {
        let state = self.state.lock().unwrap();
        let batch = state.batches.get(usize::try_from(index).ok()?)?;
        let ticket = match batch.verdicts.last() {
            Some(BatchVerdict::Pending { ticket, .. }) => Some(ticket.clone()),
            _ => None,
        };
        Some(OpenBatch {
            batch: index,
            attempt: index,
            items: batch.items.clone(),
            body: batch.body.clone(),
            ticket,
            tries: 0,
        })
    }
}

impl Ledger for Books {
    fn work(&mut self, _: &str, now: DateTime<Utc>) -> Result<Work, Error> {
        let state = self.state.lock().unwrap();
        let mut later: Option<DateTime<Utc>> = None;
        let mut retrying = false;
        for (index, batch) in (0_i64..).zip(&state.batches) {
            let (at, work) = match batch.verdicts.last() {
                Some(BatchVerdict::NotSent { retry_at, .. }) => (*retry_at, Work::Resend(index)),
                Some(BatchVerdict::Pending { ask_at, .. }) => (*ask_at, Work::Ask(index)),
                _ => continue,
            };
            if at <= now {
                return Ok(work);
            }
            retrying |= matches!(work, Work::Resend(_));
            later = Some(later.map_or(at, |later| later.min(at)));
        }
        Ok(match later {
            _ if !retrying && !state.ready.is_empty() => Work::Claim,
            Some(at) => Work::Later(at),
            None => Work::Nothing,
        })
    }

    fn claim(&mut self, want: &Want, mut make: Build) -> Result<Option<OpenBatch>, Error> {
        let index = {
            let mut state = self.state.lock().unwrap();
            let count = want.rows.min(state.ready.len());
            let items: Vec<ClaimItem> = state.ready.iter().take(count).cloned().collect();
            let built = make(&items);
            assert!(built.used > 0, "the tests claim what fits");
            let items = state.ready.drain(..built.used).collect();
            state.batches.push(Batch { items, body: built.body, verdicts: Vec::new() });
            i64::try_from(state.batches.len() - 1).unwrap()
        };
        self.committed("claimed");
        Ok(self.open(index))
    }

    fn resend(&mut self, batch: i64, _: DateTime<Utc>) -> Result<Option<OpenBatch>, Error> {
        self.committed("resent");
        Ok(self.open(batch))
    }

    fn pending(&mut self, batch: i64) -> Result<Option<OpenBatch>, Error> {
        Ok(self.open(batch))
    }

    fn answered(&mut self, _: i64, _: &RawAnswer, _: DateTime<Utc>) -> Result<(), Error> {
        self.committed("answered");
        Ok(())
    }

    fn settle(&mut self, attempt: i64, verdict: &BatchVerdict, _: DateTime<Utc>) -> Result<(), Error> {
        let index = usize::try_from(attempt).unwrap();
        self.state.lock().unwrap().batches[index].verdicts.push(verdict.clone());
        self.committed("settled");
        Ok(())
    }

    fn recover(&mut self, _: DateTime<Utc>) -> Result<Vec<(String, OpenBatch, RawAnswer)>, Error> {
        Ok(Vec::new())
    }
}
