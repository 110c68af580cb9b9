//! What the driver of `submit/` exchanges with the ledger: work, claims, answers.

use chrono::{DateTime, NaiveDate, Utc};

use crate::model::Outcome;

/// What a section's driver should do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Rows are ready: ask for a token, then claim.
    Claim,
    /// A batch that surely was not received is due again: the same bytes, the same numbers.
    Resend(i64),
    /// A pending batch is due to be asked about.
    Ask(i64),
    /// Nothing is due before this moment (retries, pending batches).
    Later(DateTime<Utc>),
    /// Nothing to do.
    Nothing,
}

/// What a claim is for.
#[derive(Debug, Clone)]
pub struct Want {
    /// Configuration section.
    pub section: String,
    /// Most rows.
    pub rows: usize,
    /// Today on the system's calendar; rows whose last day is earlier are late.
    pub today: NaiveDate,
    /// What to do with late rows that were never in a request and not released: `Hold`, `Refuse` or `Send`.
    pub late: crate::destinations::Late,
    /// Now.
    pub now: DateTime<Utc>,
}

/// One transaction of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimItem {
    /// The ledger's id of the transaction.
    pub transaction: i64,
    /// Our number, issued now or earlier.
    pub number: String,
    /// The record's members as canonical JSON (see `validate::Record`).
    pub members: String,
}

/// A request body made from the first `used` items of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// How many items went in; the others stay ready. Zero: the first alone is too large.
    pub used: usize,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// Makes a body of claimed items. Pure; called inside the commit that states the intent.
pub type Build = Box<dyn FnMut(&[ClaimItem]) -> Built + Send>;

/// A batch with an attempt that may now be sent (the intent is on disk), or that is to be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBatch {
    /// Our batch number.
    pub batch: i64,
    /// The attempt just begun; for a batch to ask about, the attempt that was accepted.
    pub attempt: i64,
    /// Its transactions in order.
    pub items: Vec<ClaimItem>,
    /// The body, byte for byte as first built.
    pub body: Vec<u8>,
    /// The destination's own ticket, once it gave one.
    pub ticket: Option<serde_json::Value>,
    /// How many attempts there were before this one.
    pub tries: u32,
}

/// An answer as it came, before anything is read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAnswer {
    /// HTTP status.
    pub status: u16,
    /// The headers worth keeping, lower-case names (`date`, `content-type`, `retry-after`, `location`).
    pub headers: Vec<(String, String)>,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

/// A question about a pending batch, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The batch asked about.
    pub batch: i64,
    /// When it was asked.
    pub began_at: DateTime<Utc>,
    /// The answer as it came, if one did.
    pub answer: Option<RawAnswer>,
    /// Why there is none, without secrets and cell values.
    pub seen: Option<String>,
    /// The batch waits on; none where the answer ends it, and is to be settled.
    pub waits: Option<Waits>,
}

/// How a pending batch waits on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    /// What to ask with.
    pub ticket: serde_json::Value,
    /// The system's batch number, where it was given now.
    pub remote: Option<String>,
    /// When to ask.
    pub ask_at: DateTime<Utc>,
}

/// What an attempt or a question came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchVerdict {
    /// One outcome a transaction, in order.
    Settled {
        /// Same length as the batch.
        outcomes: Vec<Outcome>,
        /// The system's batch number.
        remote: Option<String>,
    },
    /// Taken by the system; ask again at that moment.
    Pending {
        /// What to ask with.
        ticket: serde_json::Value,
        /// The system's batch number.
        remote: Option<String>,
        /// When to ask.
        ask_at: DateTime<Utc>,
    },
    /// Surely nothing was registered; the same again at that moment.
    NotSent {
        /// When to try again.
        retry_at: DateTime<Utc>,
        /// What was seen, without secrets and cell values.
        seen: String,
    },
    /// No proof of either.
    Unknown {
        /// What was seen, without secrets and cell values.
        seen: String,
    },
}
