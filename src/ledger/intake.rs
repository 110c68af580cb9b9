//! What intake and conversion hand to the ledger, and what they are told.

use std::path::PathBuf;

use chrono::NaiveDate;

use super::{MappingRef, StoredIssue};
use crate::mapping::Identity;
use crate::model::{Environment, Lang};

/// A configuration section as the ledger tells registrations apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionRef {
    /// The section's name.
    pub name: String,
    /// Its system.
    pub system: String,
    /// Its environment.
    pub environment: Environment,
    /// SHA-256 of the registration number in lower-case hex; none where no number is known.
    pub registration_sha256: Option<String>,
}

/// A file as it lay in its folder when it was copied.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// The drop folder, absolute.
    pub folder: PathBuf,
    /// Its name.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Time of change, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// SHA-256 of the copy, lower-case hex.
    pub sha256: String,
    /// Language of the drop folder.
    pub language: Lang,
}

/// A file the ledger knows by name, size and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFile {
    /// Its name.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Time of change, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Its newest intake.
    pub intake: i64,
}

/// Which rows of a file are sent when some can't be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accept {
    /// Every good row.
    #[default]
    GoodRows,
    /// Only documents all of whose rows are good.
    WholeDocument,
    /// Only a file all of whose rows are good.
    WholeFile,
}

impl Accept {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::GoodRows => "good-rows",
            Self::WholeDocument => "whole-document",
            Self::WholeFile => "whole-file",
        }
    }
}

/// Under what a file's rows are staged.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The intake that gets the rows.
    pub intake: i64,
    /// The mapping.
    pub mapping: MappingRef,
    /// Scope of keys (`[key] of`).
    pub scope: String,
    /// Sheet and header row: row n of the same bytes is the same row only under the same layout.
    pub layout: String,
    /// Whether the mapping has a key.
    pub keyed: bool,
    /// What rows are told apart by: the columns of the key, or without one the fields and how they are made.
    pub identity: Identity,
    /// Fields whose change alone changes nothing (`[key] ignore`, and the one with our number).
    pub ignore: Vec<String>,
    /// Sections the mapping may send to; rows name them by index.
    pub sections: Vec<String>,
    /// Which rows act when some are bad.
    pub accept: Accept,
}

/// What validation left of a row, before known facts are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// Good.
    Ready,
    /// Refused by us.
    Refused,
    /// Dated before `report_from`.
    BeforeStart,
}

/// What makes a row the same fact when it comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactKey {
    /// Text of the mapping's key.
    Strong(String),
    /// All members that identify; equal ones inside a file are counted.
    Weak(String),
}

/// One record on its way into the ledger.
#[derive(Debug, Clone)]
pub struct StagedRecord {
    /// Index into the plan's sections; none where the row does not tell.
    pub section: Option<usize>,
    /// What validation left of it.
    pub own: Own,
    /// For [`Own::BeforeStart`]: the first day reported from here.
    pub report_from: Option<NaiveDate>,
    /// What a person has to vouch for before a good record may go; none where nothing is in doubt.
    pub doubt: Option<StoredIssue>,
    /// Canonical members; none when refused.
    pub members: Option<String>,
    /// What makes it the same fact; none where it has none (key cells empty, or refused without a key).
    pub fact: Option<FactKey>,
    /// The row's own day.
    pub day: Option<NaiveDate>,
    /// Last day to send.
    pub until: Option<NaiveDate>,
    /// Last day to reverse once accepted.
    pub reverse_until: Option<NaiveDate>,
    /// Rows that stand or fall together.
    pub document: Option<String>,
    /// A number the mapping gave.
    pub number: Option<String>,
    /// The row it names (`rx_ref`).
    pub reference: Option<String>,
}

/// One row on its way into the ledger.
#[derive(Debug, Clone)]
pub struct StagedRow {
    /// Row as Excel shows it.
    pub row: u32,
    /// Issues of reading, mapping and validation.
    pub issues: Vec<StoredIssue>,
    /// Its record; none when a rule of the mapping says it is not to be reported.
    pub record: Option<StagedRecord>,
}

/// Which file a row's `rx_ref` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referenced {
    /// The mapping that intake was read with.
    pub mapping: Option<MappingRef>,
    /// What was decided about its numbers and dates.
    pub answers: Option<serde_json::Value>,
}
