//! What a report, a receipt or `status` is told about a file and its rows.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::Skew;
use super::core::FileState;
use crate::model::{Environment, Issue, Lang, Status, SystemError};

/// An issue as the ledger keeps it: the code with its arguments, so that a report never judges again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredIssue {
    /// The stable code, for example `V003`.
    pub code: String,
    /// The column as the user sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Arguments of the message; may hold cell values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
}

impl From<&Issue> for StoredIssue {
    fn from(issue: &Issue) -> Self {
        Self {
            code: issue.code.code.to_owned(),
            column: issue.place.column.as_deref().map(str::to_owned),
            args: issue.args.clone(),
        }
    }
}

/// What became of one data row, joined from row, records, transaction and whoever took its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowView {
    /// Row as Excel shows it.
    pub row: u32,
    /// Its status; of a replaced row, that of the row in its place.
    pub status: Status,
    /// Everything to tell about it, in order: reading, mapping, validation, then the ledger's verdict.
    /// Never empty unless the row is simply accepted.
    pub issues: Vec<StoredIssue>,
    /// What the national system said against it, as received.
    pub system_errors: Vec<SystemError>,
    /// The number the national system gave (of a duplicate, the earlier one); `;` between several.
    pub id: Option<String>,
    /// Our number, as sent.
    pub number: Option<String>,
    /// Our batch.
    pub batch: Option<i64>,
    /// When it was last sent.
    pub sent_at: Option<DateTime<Utc>>,
    /// Last day to send or repair; of an accepted row the last to reverse.
    pub until: Option<NaiveDate>,
    /// Our name for this row of this file (`rx_ref`).
    pub reference: String,
    /// A newer row of another file took its place, so it is not repaired here any more.
    pub replaced: bool,
}

/// One batch that rows of a file went in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchView {
    /// Ours, as in `rx_batch`.
    pub id: i64,
    /// The system's batch number.
    pub remote: Option<String>,
    /// Rows of this batch (of any file).
    pub rows: u32,
    /// `sending`, `retry`, `pending`, `unknown` or `settled`.
    pub state: String,
    /// First byte of the last attempt.
    pub sent_at: Option<DateTime<Utc>>,
    /// Last byte of its answer.
    pub answered_at: Option<DateTime<Utc>>,
}

/// Which mapping a file was read with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingRef {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: i64,
    /// SHA-256 over the mapping and its lookups.
    pub sha256: String,
}

/// Everything about one file but its rows.
#[derive(Debug, Clone)]
pub struct FileView {
    /// The ledger's id of this receipt of the file.
    pub intake: i64,
    /// The drop folder.
    pub folder: PathBuf,
    /// The file's name in it.
    pub name: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
    /// The copy in the spool; only it is ever read.
    pub snapshot: PathBuf,
    /// When it was copied.
    pub received_at: DateTime<Utc>,
    /// Where it stands.
    pub state: FileState,
    /// Configuration sections its rows go to.
    pub destinations: Vec<String>,
    /// The system of those sections.
    pub system: Option<String>,
    /// Their environment.
    pub environment: Option<Environment>,
    /// The mapping it was read with.
    pub mapping: Option<MappingRef>,
    /// How it was read (`table::Found` as JSON); pins every decision of the reader.
    pub reading: Option<serde_json::Value>,
    /// Issues of the whole file.
    pub issues: Vec<StoredIssue>,
    /// Language of its drop folder.
    pub language: Lang,
    /// Name of the file whose place it takes and when that one was received.
    pub supersedes: Option<(String, DateTime<Utc>)>,
    /// Set once a newer file of the same name has moved its reports aside: local `YYYYMMDD-HHMM` of its receipt.
    pub period: Option<String>,
    /// Whether a section with its environment and registration is configured now; else its rows are left alone.
    pub here: bool,
    /// This machine's clock and the system's, at the newest answer about its rows.
    pub clock: Option<Skew>,
    /// Batches its rows went in.
    pub batches: Vec<BatchView>,
    /// Hash of the newest event.
    pub ledger_head: String,
}
