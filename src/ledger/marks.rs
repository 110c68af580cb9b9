//! How far a ledger has come, for the marks that are kept outside of it; and what a takeover is.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, Utc};

use super::By;

/// Numbers left out after a takeover: a mark may be a little behind of what was issued.
pub(crate) const NUMBERS_LEFT_OUT: i64 = 10_000;
/// Ids of files and batches left out, for the same reason.
pub(crate) const IDS_LEFT_OUT: i64 = 1_000;

/// How far the ledger has come. A mark that knows more than this is of a later state than the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The ledger's id.
    pub ledger: String,
    /// First digits of its numbers.
    pub installation: u16,
    /// Highest number issued, as sent.
    pub number: i64,
    /// Id of the newest event.
    pub event: i64,
    /// When it was written.
    pub at: Option<DateTime<Utc>>,
    /// Its hash, which seals all events before it.
    pub head: String,
}

/// What a person takes over.
#[derive(Debug, Clone)]
pub struct Takeover {
    /// A drop folder that another ledger marked; none: this ledger itself, which is older than its marks.
    pub folder: Option<PathBuf>,
    /// Highest number that may be in use, as sent; only rising from there.
    pub number: i64,
    /// Newest event that any mark knows of.
    pub event: i64,
    /// Rows dated up to that day are doubtful, and those whose day is not known: somebody else may have sent them.
    /// None: nobody else sent anything.
    pub doubt_until: Option<NaiveDate>,
    /// What the marks said, as evidence.
    pub evidence: serde_json::Value,
    /// Who decides and why.
    pub by: By,
}

/// What a takeover did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenOver {
    /// Rows that were ready and are held as possible doubles.
    pub held: u64,
    /// Rows of batches that were to be sent again, now unknown.
    pub unknown: u64,
}
