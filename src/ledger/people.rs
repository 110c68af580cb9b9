//! What people ask and decide: `release`, `resolve`, `status`.

use std::path::PathBuf;

use chrono::NaiveDate;

use super::{Skew, StoredIssue};
use crate::model::Status;

/// What a person names: a file, a row, a number, a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A whole file by name or path.
    File(PathBuf),
    /// One row of a file.
    Row(PathBuf, u32),
    /// A file by its receipt, or one row of it: what a name means once the bytes under it were looked at.
    Received(i64, Option<u32>),
    /// The system's number.
    Id(String),
    /// Our number, as sent.
    Number(String),
    /// Our batch.
    Batch(i64),
}

/// What a name stands for that a dropped file has, and a report of another one too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// The dropped file.
    Input,
    /// The report, of the file with this receipt.
    Report(i64),
    /// Nothing shows which; with a name for each that stands for nothing else, if there is one.
    Either {
        /// The result of the file whose report has the name.
        of_report: Option<String>,
        /// The result of the file that was dropped under it.
        of_input: Option<String>,
    },
}

/// What to do with a row that may be a double.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Double {
    /// A transaction of its own beside the other.
    Send,
    /// Not to be reported, also next time while it is unchanged.
    Drop,
}

/// What a person says about an unknown outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is registered, under this id (of a batch: the system's batch number).
    Accepted(String),
    /// The system has the batch under this number: its rows are asked about. With each section's own ticket; where
    /// a section has none, its rows are accepted without id.
    AskAbout {
        /// The system's batch number.
        remote: String,
        /// Section and ticket.
        tickets: Vec<(String, serde_json::Value)>,
    },
    /// It was surely not received.
    NotReceived,
    /// The same, though a list shows our number: what stands there under this number of the system is another movement.
    NotThoughListed(String),
}

/// Who decides and why; goes into the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// A person's name.
    pub name: String,
    /// The reason.
    pub reason: String,
}

/// One row a decision touched or left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Its file.
    pub file: String,
    /// Row as Excel shows it.
    pub row: u32,
    /// Its status now.
    pub status: Status,
    /// What still holds it, if it was left.
    pub why: Option<StoredIssue>,
}

/// What a decision did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decided {
    /// Rows that moved.
    pub moved: Vec<Touched>,
    /// Rows it did not move, and why.
    pub left: Vec<Touched>,
}

/// Counts over the whole ledger, for `status` and exit codes. Rows of another environment than their section
/// has now stand apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that wait for something that comes by itself.
    pub waiting: u64,
    /// Rows with an unknown outcome.
    pub unknown: u64,
    /// Rows that wait for a person.
    pub held: u64,
    /// Rows taken under another environment or registration than any section has now: (environment, rows).
    pub elsewhere: Vec<(String, u64)>,
    /// Earliest last day to send among rows that wait or are held.
    pub next_until: Option<NaiveDate>,
    /// This machine's clock and the system's, at the newest answer.
    pub clock: Option<Skew>,
    /// Batches by state, those not settled.
    pub batches: Vec<(i64, String, u64)>,
}
