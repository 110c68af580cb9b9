//! What must not be forgotten: files, rows, facts, transactions, attempts, decisions. The only SQL.
//!
//! The [`Ledger`] trait is synchronous and lives on a thread of its own behind a [`Handle`]; nobody waits
//! for it while holding a request. Each method is one commit (or none); no transaction spans a request.
//! Lawful moves are in `states.rs` as pure functions; `sqlite/` carries them out.

mod sending;
mod view;

pub use sending::{BatchVerdict, Build, Built, ClaimItem, OpenBatch, RawAnswer, Want, Work};
pub use view::{BatchView, FileState, FileView, MappingRef, RowView, StoredIssue};

use chrono::{DateTime, Utc};

/// The ledger could not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database said no.
    #[error("the ledger could not be read or written")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The ledger's thread has ended.
    #[error("the ledger has stopped")]
    Gone,
}

/// Everything that must survive a crash. Each method is one commit, or none where it only reads.
pub trait Ledger: Send {
    /// What a section's driver should do next.
    fn work(&mut self, section: &str, now: DateTime<Utc>) -> Result<Work, Error>;
    /// Claims ready rows, issues their numbers, builds the body and states the intent to send it: one commit,
    /// before the first byte. None when nothing is ready any more.
    fn claim(&mut self, want: &Want, build: Build) -> Result<Option<OpenBatch>, Error>;
    /// States the intent to send a batch again that surely was not received: one commit.
    fn resend(&mut self, batch: i64, now: DateTime<Utc>) -> Result<Option<OpenBatch>, Error>;
    /// A pending batch, to be asked about. No commit.
    fn pending(&mut self, batch: i64) -> Result<Option<OpenBatch>, Error>;
    /// Keeps an answer as it came, before it is read: one commit.
    fn answered(&mut self, attempt: i64, answer: &RawAnswer, now: DateTime<Utc>) -> Result<(), Error>;
    /// Applies what an attempt (or a question about its batch) came to: one commit.
    fn settle(&mut self, attempt: i64, verdict: &BatchVerdict, now: DateTime<Utc>) -> Result<(), Error>;
    /// Called once by a sending process before it sends: attempts cut between intent and answer become unknown;
    /// those whose raw answer was kept but not applied are returned to be read again.
    fn recover(&mut self, now: DateTime<Utc>) -> Result<Vec<(String, OpenBatch, RawAnswer)>, Error>;
}

/// One piece of work for the ledger's thread.
type Job = Box<dyn FnOnce(&mut dyn Ledger) + Send>;

/// A ledger on a thread of its own. Cloning shares it; it ends when the last handle is dropped.
#[derive(Debug, Clone)]
pub struct Handle {
    jobs: std::sync::mpsc::Sender<Job>,
}

impl Handle {
    /// Moves a ledger onto its own thread.
    pub fn spawn(mut ledger: Box<dyn Ledger>) -> std::io::Result<Self> {
        let (jobs, work) = std::sync::mpsc::channel::<Job>();
        std::thread::Builder::new().name("ledger".to_owned()).spawn(move || {
            for job in work {
                job(ledger.as_mut());
            }
        })?;
        Ok(Self { jobs })
    }

    /// Asks the ledger and waits for its answer without blocking the async runtime.
    pub async fn ask<R, F>(&self, question: F) -> Result<R, Error>
    where
        R: Send + 'static,
        F: FnOnce(&mut dyn Ledger) -> Result<R, Error> + Send + 'static,
    {
        let (answer, later) = tokio::sync::oneshot::channel();
        let job: Job = Box::new(move |ledger| drop(answer.send(question(ledger))));
        self.jobs.send(job).map_err(|_| Error::Gone)?;
        later.await.map_err(|_| Error::Gone)?
    }

    /// Asks the ledger from a thread that may block.
    pub fn ask_blocking<R, F>(&self, question: F) -> Result<R, Error>
    where
        R: Send + 'static,
        F: FnOnce(&mut dyn Ledger) -> Result<R, Error> + Send + 'static,
    {
        let (answer, later) = std::sync::mpsc::channel();
        let job: Job = Box::new(move |ledger| drop(answer.send(question(ledger))));
        self.jobs.send(job).map_err(|_| Error::Gone)?;
        later.recv().map_err(|_| Error::Gone)?
    }
}
