//! What a life does to a ledger, as values: so that two ledgers can be told the same, and a life told again.

use chrono::{DateTime, NaiveDate, Utc};

use super::check::{delivery, movement};
use super::memory::Memory;
use crate::destinations::Late;
use crate::ledger::{
    BatchVerdict, By, Decision, Double, FileState, Look, Looking, OpenBatch, Plan, Presence, Question,
    RawAnswer, Sought, StagedRow, What, Witness, Work,
};

/// The ledger's own id.
pub(super) const LEDGER: &str = "00000abc";
/// The one section.
pub(super) const SECTION: &str = "sespa";

/// One commit, or what undoes what was not committed.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Receive {
        name: String,
        sha256: String,
    },
    Retry(i64),
    Plan(Plan),
    Stage(Vec<StagedRow>),
    Accept(i64),
    SetAside(i64, FileState),
    Claim(Want),
    Resend(i64),
    Answered(i64, RawAnswer),
    Asked(Question),
    Settle(i64, BatchVerdict),
    /// Who is to be asked about by our number.
    LookDue,
    Looked(Look),
    Conclude(Sought, Presence),
    /// A list of what the system has is laid beside the books.
    List(Vec<Shown>),
    Recover,
    Release(What, Option<Double>),
    Resolve(What, Decision),
    /// The ledger is copied.
    Copy,
    /// The copy is put in the ledger's place: what came after it is not known any more.
    Restore,
    /// A person takes the restored ledger over.
    TakeOver {
        /// Highest number that the mark outside of the ledger knows of.
        number: i64,
        /// Below this no id of a file or a batch is given again.
        ids_from: i64,
        /// Rows dated up to that day are doubtful.
        until: NaiveDate,
    },
    /// The process ends: what it remembered of a staging is gone.
    Crash,
}

/// What a request is wanted of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Want {
    /// Most rows.
    pub(super) rows: usize,
    pub(super) today: NaiveDate,
    pub(super) late: Late,
}

/// A row of a list.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) number: String,
    pub(super) id: String,
    pub(super) members: String,
}

impl Op {
    /// In one line, for a life that is told.
    pub(super) fn brief(&self) -> String {
        let row = |row: &StagedRow| {
            let record = row.record.as_ref();
            let members = record.and_then(|one| one.members.as_deref()).unwrap_or_default();
            let (of, moved) = (delivery(members), movement(members).unwrap_or_default());
            let own = record.map(|one| one.own);
            let names = record.and_then(|one| one.reference.as_deref()).unwrap_or_default();
            format!("{}:{of} {moved} {own:?} {names}", row.row)
        };
        match self {
            Self::Receive { name, .. } => format!("Receive {name}"),
            Self::Plan(plan) => format!("Plan {} {:?} keyed {}", plan.intake, plan.accept, plan.keyed),
            Self::Stage(rows) => format!("Stage {:?}", rows.iter().map(row).collect::<Vec<_>>()),
            Self::Answered(attempt, answer) => {
                format!("Answered {attempt} {} {}", answer.status, String::from_utf8_lossy(&answer.body))
            }
            Self::List(rows) => format!("List of {}", rows.len()),
            Self::Asked(question) => format!("Asked {} ends {}", question.batch, question.waits.is_none()),
            other => format!("{other:?}"),
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Got {
    Nothing,
    Id(i64),
    Flag(bool),
    Open(Option<Box<OpenBatch>>),
    Unread(Vec<(OpenBatch, RawAnswer)>),
    Looking(Looking),
    /// Rows that moved, and rows left.
    Decided(usize, usize),
    Failed(String),
}

/// A ledger that a life can happen to.
pub(super) trait Book {
    /// One commit of a process (0 or 1).
    fn apply(&mut self, process: usize, op: &Op, now: DateTime<Utc>) -> Got;
    /// What is due.
    fn work(&mut self, now: DateTime<Utc>) -> Work;
    /// A pending batch, to be asked about.
    fn pending(&mut self, batch: i64) -> Option<OpenBatch>;
    /// What the system itself said it has.
    fn witness(&mut self) -> Option<Witness>;
    /// The model, to be looked at.
    fn memory(&self) -> &Memory;
    /// The model, to be told what was looked at.
    fn memory_mut(&mut self) -> &mut Memory;
}

/// Who decides.
pub(super) fn by() -> By {
    By { name: "Ana".to_owned(), reason: "looked".to_owned() }
}
