//! What must not be forgotten: files, rows, facts, transactions, attempts, decisions. The only SQL.
//!
//! The [`Ledger`] trait is synchronous and lives on a thread of its own behind a [`Handle`]; nobody waits
//! for it while holding a request. Each method is one commit (or none); no transaction spans a request.
//! Lawful moves, and what becomes of rows that meet, are in `core/` as pure functions; `sqlite/` carries them out.

pub mod audit;
pub mod codes;
pub mod core;
mod intake;
mod lists;
pub(crate) mod looks;
pub(crate) mod marks;
mod migrations;
mod people;
mod risk;
mod sending;
mod skew;
mod sqlite;
pub mod trail;
mod view;

pub use audit::{AUDIT_CODES, Checked, Evidence, Finding, Findings, Head, Progress};
pub use codes::CODES;
pub use core::{FileState, Life};
pub use intake::{
    Accept, FactKey, KnownFile, NewFile, Own, Plan, Referenced, SectionRef, StagedRecord, StagedRow,
};
pub use lists::{Listed, Lists, Matching, keeps_waiting, lacks_rows};
pub use looks::{Look, Looking, Looks, Moment, Presence, Quiet, Sought, Witness};
pub use marks::{Position, TakenOver, Takeover};
pub use people::{By, Decided, Decision, Double, Meaning, Summary, Touched, What};
pub use risk::{Risk, Risks};
pub use sending::{BatchVerdict, Build, Built, ClaimItem, OpenBatch, Question, RawAnswer, Waits, Want, Work};
pub use skew::{Skew, TOLD, http_date};
pub use sqlite::{Contents, Options, Sqlite};
pub use view::{BatchView, FileView, MappingRef, RowView, StoredIssue};

use std::path::{Path, PathBuf};

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
    /// A newer version of the program wrote it.
    #[error(
        "the ledger was written by a newer version (form {found}, this one knows {known}); use that version"
    )]
    Newer {
        /// Form found.
        found: u32,
        /// Newest form known.
        known: u32,
    },
    /// The file is some other database.
    #[error("the ledger's file is a database of another program; name another file in [ledger] url")]
    NotOurs,
    /// What a person named is not in the ledger.
    #[error("`{0}` is not in the ledger")]
    NotFound(String),
    /// A second reading does not find the same data rows.
    #[error("the file is read differently now (other header, sheet or skipped rows); drop it again instead")]
    ReadDifferently,
    /// A name that stands for files in several folders.
    #[error("`{name}` is in several folders; name one: {}", folders.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// The folders.
        folders: Vec<String>,
    },
    /// A number that a mapping gave rows of several registrations.
    #[error("`{number}` is a number of rows of several registrations; name one: {}", rows.join(", "))]
    SeveralRegistrations {
        /// The number.
        number: String,
        /// Its rows, as `FILE:ROW`.
        rows: Vec<String>,
    },
    /// A move that no rule allows: a mistake of ours, and nothing of it is written.
    #[error("internal: `{event}` must not happen to `{from}` in `{table}`")]
    Unlawful {
        /// The table.
        table: &'static str,
        /// The state it is in.
        from: &'static str,
        /// What was to happen.
        event: String,
    },
    /// Another process sends from this ledger now.
    #[error("another rxdrop has begun to send from this ledger; this one stops")]
    TakenOver,
    /// The program asked in a wrong order: a mistake of ours.
    #[error("internal: {0}")]
    Order(&'static str),
}

/// Everything that must survive a crash. Each method is one commit, or none where it only reads.
pub trait Ledger: Evidence + trail::Trails + Looks + Lists + Risks + Send {
    /// The ledger's own short id, part of every `rx_ref`.
    fn id(&self) -> String;
    /// Registers the configured sections: facts, numbers and sending are kept apart by system, environment and
    /// registration, whatever the section's name.
    fn sections(&mut self, sections: &[SectionRef]) -> Result<(), Error>;

    /// How far the ledger has come.
    fn position(&mut self) -> Result<Position, Error>;
    /// Whether that event, with that hash, is part of its history: else whoever knows of it knows another history.
    fn was_at(&mut self, event: i64, head: &str) -> Result<bool, Error>;
    /// Whether a drop folder bears our mark, as far as the ledger knows.
    fn is_marked(&mut self, folder: &Path) -> Result<bool, Error>;
    /// A drop folder bears our mark from now on. Called once it does.
    fn marked(&mut self, folder: &Path, now: DateTime<Utc>) -> Result<(), Error>;
    /// When this ledger was made as a copy of another, which may have gone on, and nobody took it over since.
    fn copied_at(&mut self) -> Result<Option<DateTime<Utc>>, Error>;
    /// The drop folders whose rows are in a batch.
    fn folders_of(&mut self, batch: i64) -> Result<Vec<PathBuf>, Error>;
    /// A person takes over a folder, or this ledger although it is older than its marks.
    fn take_over(&mut self, takeover: &Takeover, now: DateTime<Utc>) -> Result<TakenOver, Error>;

    /// Files of a folder as they lay there when taken.
    fn known_files(&mut self, folder: &Path) -> Result<Vec<KnownFile>, Error>;
    /// Records a file whose copy is in the spool. Gives its intake.
    fn receive(&mut self, file: &NewFile, now: DateTime<Utc>) -> Result<i64, Error>;
    /// A second reading of a taken file, for its refused and held rows. Gives its intake.
    fn retry(&mut self, intake: i64, now: DateTime<Utc>) -> Result<i64, Error>;
    /// Intakes that are received, half staged or held as a whole, oldest first.
    fn unfinished(&mut self) -> Result<Vec<i64>, Error>;
    /// The newest intake of a name (in a folder, or in any).
    fn newest(&mut self, folder: Option<&Path>, name: &str) -> Result<Option<i64>, Error>;
    /// What an `rx_ref` names.
    fn referenced(&mut self, reference: &str) -> Result<Option<Referenced>, Error>;
    /// Sets a file aside: unreadable, held as a whole, or withdrawn.
    fn set_aside(
        &mut self,
        intake: i64,
        state: FileState,
        issues: &[StoredIssue],
        now: DateTime<Utc>,
    ) -> Result<(), Error>;
    /// Whether rows were reported in the plan's scope that were told apart by something else: then the same rows, coming
    /// in another file, would look new, and be sent twice.
    fn tells_apart_otherwise(&mut self, plan: &Plan) -> Result<bool, Error>;
    /// Begins staging; drops what an interrupted staging left. False, and nothing is touched, where the file was
    /// taken or withdrawn in the meantime: another process may have been faster.
    fn plan(&mut self, plan: &Plan, now: DateTime<Utc>) -> Result<bool, Error>;
    /// Stages a chunk of rows, judged against known facts. They can't act yet.
    fn stage(&mut self, rows: &[StagedRow]) -> Result<(), Error>;
    /// Accepts the staged file: its rows act from here on.
    fn accept(
        &mut self,
        intake: i64,
        reading: &serde_json::Value,
        issues: &[StoredIssue],
        now: DateTime<Utc>,
    ) -> Result<(), Error>;

    /// A file without its rows.
    fn file(&mut self, intake: i64) -> Result<Option<FileView>, Error>;
    /// Rows of a file after a row number, in order, at most `limit`.
    fn rows(&mut self, intake: i64, after: u32, limit: u32) -> Result<Vec<RowView>, Error>;
    /// Files whose reports do not show the newest state.
    fn due_reports(&mut self) -> Result<Vec<i64>, Error>;
    /// How often a file changed; read before its report is made, told to [`Ledger::reported`] after.
    fn changes(&mut self, intake: i64) -> Result<i64, Error>;
    /// Keeps the hashes of reports before they get their names: (name, SHA-256, kind).
    fn keep_reports(
        &mut self,
        intake: i64,
        folder: &Path,
        files: &[(String, String, String)],
        now: DateTime<Utc>,
    ) -> Result<(), Error>;
    /// The reports of a file show that state.
    fn reported(&mut self, intake: i64, changes: i64) -> Result<(), Error>;
    /// The file whose report of that name with those bytes we wrote; none where we never wrote it.
    fn report_of(&mut self, folder: &Path, name: &str, sha256: &str) -> Result<Option<i64>, Error>;
    /// What a name means (in a folder, or in any) that a dropped file has and a report of another one too, where
    /// these bytes lie under it. None where it means one of them only, as it does for [`Ledger::newest`].
    fn meaning(
        &mut self,
        folder: Option<&Path>,
        name: &str,
        sha256: Option<&str>,
    ) -> Result<Option<Meaning>, Error>;
    /// Whether a file with these bytes was ever received.
    fn has_content(&mut self, sha256: &str) -> Result<bool, Error>;
    /// Names of all reports ever written in a folder, each with its newest intake.
    fn reports(&mut self, folder: &Path) -> Result<Vec<(String, i64)>, Error>;

    /// Counts over everything, for `status` and exit codes.
    fn summary(&mut self) -> Result<Summary, Error>;
    /// The newest files, newest first.
    fn files(&mut self, limit: u32) -> Result<Vec<i64>, Error>;
    /// Lets go what is held.
    fn release(
        &mut self,
        what: &What,
        answer: Option<Double>,
        by: &By,
        now: DateTime<Utc>,
    ) -> Result<Decided, Error>;
    /// A person answers the questions of a file that is held as a whole: it is to be read again, with the answers
    /// beside how it is read. False where it does not wait for answers.
    fn answer(
        &mut self,
        intake: i64,
        answers: &serde_json::Value,
        by: &By,
        now: DateTime<Utc>,
    ) -> Result<bool, Error>;
    /// A person says what became of an unknown outcome.
    fn resolve(
        &mut self,
        what: &What,
        decision: &Decision,
        by: &By,
        now: DateTime<Utc>,
    ) -> Result<Decided, Error>;

    /// What a section's driver should do next.
    fn work(&mut self, section: &str, now: DateTime<Utc>) -> Result<Work, Error>;
    /// Whether anything is being sent or ready to be.
    fn is_busy(&mut self) -> Result<bool, Error>;
    /// Claims ready rows, issues their numbers, builds the body and states the intent to send it: one commit,
    /// before the first byte. None when nothing is ready any more.
    fn claim(&mut self, want: &Want, build: Build) -> Result<Option<OpenBatch>, Error>;
    /// States the intent to send a batch again that surely was not received: one commit.
    fn resend(&mut self, batch: i64, now: DateTime<Utc>) -> Result<Option<OpenBatch>, Error>;
    /// Asked before the first byte: whether an attempt may still go out. Nobody began to send since its intent was
    /// written, and nothing was concluded of it; else [`Error::TakenOver`]. No commit.
    fn require_own(&mut self, attempt: i64) -> Result<(), Error>;
    /// A pending batch, to be asked about. No commit.
    fn pending(&mut self, batch: i64) -> Result<Option<OpenBatch>, Error>;
    /// Keeps an answer as it came, before it is read: one commit.
    fn answered(&mut self, attempt: i64, answer: &RawAnswer, now: DateTime<Utc>) -> Result<(), Error>;
    /// Keeps a question about a pending batch with its answer, as an attempt of its own: one commit. Where the
    /// answer ends the batch it is kept before it is read, and settled under the attempt that is given.
    fn asked(&mut self, question: &Question, now: DateTime<Utc>) -> Result<i64, Error>;
    /// Applies what an attempt came to: one commit.
    fn settle(&mut self, attempt: i64, verdict: &BatchVerdict, now: DateTime<Utc>) -> Result<(), Error>;
    /// Called once by a sending process before it sends: attempts cut between intent and answer become unknown;
    /// those whose raw answer was kept but not applied are returned to be read again.
    fn recover(
        &mut self,
        owner: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(String, OpenBatch, RawAnswer)>, Error>;
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
