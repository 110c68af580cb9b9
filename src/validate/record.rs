//! What may be sent, and the form of a rule.

use chrono::NaiveDate;

use crate::mapping::Draft;
use crate::model::{CodeInfo, Issue, Schema, TypeSpec, Value};

/// A validated transaction: exactly the members that would be sent, by field index.
///
/// Made only by [`validate`](super) and, under the name `restored`, from the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub(super) values: Vec<Option<Value>>,
}

impl Record {
    /// The value of a field, if the record has it.
    pub fn value(&self, field: usize) -> Option<&Value> {
        self.values.get(field)?.as_ref()
    }

    /// Members in schema order as (index, value).
    pub fn members(&self) -> impl Iterator<Item = (usize, &Value)> {
        self.values.iter().enumerate().filter_map(|(index, value)| value.as_ref().map(|value| (index, value)))
    }
}

/// What validation says of one row.
#[derive(Debug)]
pub struct Verdict {
    /// Present when no issue is an error.
    pub record: Option<Record>,
    /// All issues of reading, mapping and validation; warnings too.
    pub issues: Vec<Issue>,
}

/// A row under judgement.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// What the mapping made of it.
    pub draft: &'a Draft,
    /// The system's schema.
    pub schema: &'a Schema,
    /// The entry of its type that holds on its day; none where the type is missing or unknown.
    pub spec: Option<&'a TypeSpec>,
    /// Today on the system's calendar.
    pub today: NaiveDate,
}

/// One rule: its codes and its check. One rule is one file, or a function of a system's `rules.rs`.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Every code it may give.
    pub codes: &'static [&'static CodeInfo],
    /// Looks at one row and adds what it finds.
    pub check: fn(&Candidate<'_>, &mut Vec<Issue>),
}
