//! The counts that report, receipt and exit code share: taken once, while the rows pass by.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::messages::{Catalogue, system_code};
use crate::ledger::RowView;
use crate::model::{Severity, Status, Who};

/// Data rows by status. Their sum is the number of data rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Registered by the national system.
    pub accepted: u64,
    /// Must be repaired.
    pub refused: u64,
    /// The same fact was accepted before.
    pub duplicate: u64,
    /// Goes on by itself.
    pub waiting: u64,
    /// Sent, and no answer proves what became of it.
    pub unknown: u64,
    /// Not sent, waits for a person.
    pub held: u64,
    /// Registered and later cancelled.
    pub reversed: u64,
    /// Not to be reported.
    pub ignored: u64,
}

impl Totals {
    /// All data rows.
    pub fn rows(&self) -> u64 {
        Status::ALL.into_iter().map(|status| self.of(status)).sum()
    }

    /// Rows of one status.
    pub fn of(&self, status: Status) -> u64 {
        match status {
            Status::Accepted => self.accepted,
            Status::Refused => self.refused,
            Status::Duplicate => self.duplicate,
            Status::Waiting => self.waiting,
            Status::Unknown => self.unknown,
            Status::Held => self.held,
            Status::Reversed => self.reversed,
            Status::Ignored => self.ignored,
        }
    }

    /// Counts one more row.
    pub fn add(&mut self, status: Status) {
        let count = match status {
            Status::Accepted => &mut self.accepted,
            Status::Refused => &mut self.refused,
            Status::Duplicate => &mut self.duplicate,
            Status::Waiting => &mut self.waiting,
            Status::Unknown => &mut self.unknown,
            Status::Held => &mut self.held,
            Status::Reversed => &mut self.reversed,
            Status::Ignored => &mut self.ignored,
        };
        *count += 1;
    }
}

/// Rows that one person can end for one reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Burden {
    /// How many rows.
    pub rows: u64,
    /// The earliest last day among them.
    pub until: Option<NaiveDate>,
}

/// What is counted while the rows pass by.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Rows by status.
    pub totals: Totals,
    /// What has to be done, by who and code; nothing that goes on by itself.
    pub todo: BTreeMap<(Who, String), Burden>,
    /// Whether a row can still change without anybody doing anything.
    pub moving: bool,
    /// Whether a row belongs into an errors file.
    pub repairable: bool,
}

impl Tally {
    /// Counts one row.
    pub fn count(&mut self, view: &RowView, catalogue: &Catalogue, system: &str) {
        self.totals.add(view.status);
        self.repairable |= is_repairable(view);
        if view.status.is_final() {
            return;
        }
        let whos = actors(view, catalogue);
        self.moving |= view.status == Status::Waiting
            || (view.status == Status::Unknown && whos.iter().any(|(who, _)| *who == Who::Nobody));
        let errors = view.system_errors.iter().map(|error| (Who::User, system_code(system, &error.code)));
        for (who, code) in whos.into_iter().chain(errors).filter(|(who, _)| *who != Who::Nobody) {
            self.burden(who, code, view.until);
        }
    }

    fn burden(&mut self, who: Who, code: String, until: Option<NaiveDate>) {
        let burden = self.todo.entry((who, code)).or_default();
        burden.rows += 1;
        burden.until = [burden.until, until].into_iter().flatten().min();
    }
}

/// Whether a row is repaired here: refused, and no newer row took its place.
pub fn is_repairable(view: &RowView) -> bool {
    view.status == Status::Refused && !view.replaced
}

/// Who must end each error of a row, each code once.
fn actors(view: &RowView, catalogue: &Catalogue) -> Vec<(Who, String)> {
    let mut seen: Vec<(Who, String)> = Vec::with_capacity(view.issues.len());
    for info in view.issues.iter().filter_map(|issue| catalogue.get(&issue.code)) {
        if info.severity() == Severity::Error && !seen.iter().any(|(_, code)| code == info.code) {
            seen.push((info.who, info.code.to_owned()));
        }
    }
    seen
}
