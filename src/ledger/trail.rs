//! What `trace` is told: everything the ledger knows of one row, one file or one batch.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::{Error, StoredIssue, What};
use crate::model::SystemError;

/// A row of a file, as other rows name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowRef {
    /// The receipt of the file it stands in.
    pub intake: i64,
    /// The file's name.
    pub file: String,
    /// Row as Excel shows it.
    pub row: u32,
    /// Its state in the ledger.
    pub state: String,
    /// The system's number, if it has one.
    pub id: Option<String>,
}

/// One lifetime of one of our numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transaction {
    /// Our number, as sent.
    pub number: String,
    /// Its state in the ledger.
    pub state: String,
    /// Our batch.
    pub batch: i64,
    /// Its place in the batch, from 0.
    pub position: usize,
    /// The system's number.
    pub id: Option<String>,
    /// What the system said against it.
    pub errors: Vec<SystemError>,
    /// When that became known.
    pub settled_at: Option<DateTime<Utc>>,
}

/// How a row stands among those of its fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// The scope of its key: the mapping's name, or what it says.
    pub scope: String,
    /// Which generation: more than one where an earlier one was cancelled.
    pub generation: i64,
    /// Whether it is the fact's row in force.
    pub live: bool,
}

/// Everything about one row.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Trail {
    /// The receipt of the file it stands in.
    pub intake: i64,
    /// Row as Excel shows it.
    pub row: u32,
    /// Its state in the ledger; none where a rule of the mapping left it out.
    pub state: Option<String>,
    /// What reading, mapping and judging said.
    pub issues: Vec<StoredIssue>,
    /// Why it stands where it stands.
    pub reason: Vec<StoredIssue>,
    /// Configuration section it goes to.
    pub section: Option<String>,
    /// What was made of it, as canonical JSON.
    pub members: Option<String>,
    /// Last day to send.
    pub until: Option<NaiveDate>,
    /// Last day to reverse.
    pub reverse_until: Option<NaiveDate>,
    /// The facts it stands for.
    pub facts: Vec<Fact>,
    /// Its numbers, oldest first.
    pub transactions: Vec<Transaction>,
    /// How it met an earlier row, and that row.
    pub met: Option<(String, RowRef)>,
    /// Rows whose place it took, newest first.
    pub older: Vec<RowRef>,
    /// Rows that took its place, in order.
    pub newer: Vec<RowRef>,
    /// Rows that repeat it, change it or wait for it.
    pub met_by: Vec<RowRef>,
}

/// One attempt or question of a batch.
#[derive(Debug, Clone, Serialize)]
pub struct Attempt {
    /// `submit`, `ask`, `look` or `reverse`.
    pub kind: String,
    /// What it came to.
    pub state: String,
    /// When it began.
    pub began_at: Option<DateTime<Utc>>,
    /// When its answer was there.
    pub ended_at: Option<DateTime<Utc>>,
    /// HTTP status.
    pub http_status: Option<u16>,
    /// The server's own time.
    pub server_date: Option<String>,
    /// How often in a row that answer came.
    pub times: u32,
    /// What was seen where there is no answer to read.
    pub seen: Option<String>,
    /// SHA-256 of the answer.
    pub sha256: Option<String>,
    /// The answer as it came, unless it was dropped by age.
    #[serde(skip)]
    pub answer: Option<Vec<u8>>,
}

/// One request with everything that came of it.
#[derive(Debug, Clone, Serialize)]
pub struct BatchTrail {
    /// Ours, as in `rx_batch`.
    pub id: i64,
    /// Configuration section.
    pub section: String,
    /// Its state.
    pub state: String,
    /// Rows in it.
    pub rows: usize,
    /// The system's batch number.
    pub remote: Option<String>,
    /// SHA-256 of the request.
    pub sha256: String,
    /// The request as it was sent, unless it was dropped by age.
    #[serde(skip)]
    pub body: Option<Vec<u8>>,
    /// Attempts and questions, oldest first.
    pub attempts: Vec<Attempt>,
    /// Its rows in order, each under our number.
    pub items: Vec<(String, RowRef)>,
}

/// Something that happened, as the chain records it.
#[derive(Debug, Clone, Serialize)]
pub struct Happened {
    /// The event.
    pub event: i64,
    /// When.
    pub at: Option<DateTime<Utc>>,
    /// What kind.
    pub kind: String,
    /// What is recorded of it.
    pub data: serde_json::Value,
}

/// Reads the way of a row, both directions.
pub trait Trails {
    /// The rows a person names, as receipt and row: of a file its newest receipt without a row, of a batch all
    /// its rows in order.
    fn places(&mut self, what: &What) -> Result<Vec<(i64, Option<u32>)>, Error>;
    /// Everything about one row.
    fn trail(&mut self, intake: i64, row: u32) -> Result<Option<Trail>, Error>;
    /// Everything about one batch.
    fn batch_trail(&mut self, batch: i64) -> Result<Option<BatchTrail>, Error>;
    /// What happened to a file, and what people decided about one of its rows, oldest first.
    fn happened(&mut self, intake: i64, row: Option<u32>) -> Result<Vec<Happened>, Error>;
}
