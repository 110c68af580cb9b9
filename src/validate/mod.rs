//! `Draft → Record` or issues. Only here is a [`Record`] made, so an unvalidated row cannot be sent.
//!
//! The general rules, one file each in `rules/`, hold for every system; a system brings its own beside
//! them. All of them run on every row, so that a person sees everything that is wrong at once. A good row
//! costs no allocation here: its values move from the draft into the record.

mod canonical;
mod labels;
mod record;
mod rules;

use std::mem;

use chrono::NaiveDate;

use crate::mapping::Draft;
use crate::model::{CodeInfo, FieldSet, Issue, Schema};

pub use canonical::{push_date_time, push_day, push_integer, push_text};
pub use labels::{label, label_of};
pub use record::{Candidate, Findings, Record, Rule, Verdict};
pub use rules::{V001, V002, V003, V004, V005, V006, V007, W301, W302, registration_mismatch, shown};

/// Every code of the general rules.
pub static CODES: &[&CodeInfo] = &[&V001, &V002, &V003, &V004, &V005, &V006, &V007, &W301, &W302];

/// Judges one row: its draft, what reading found wrong with it (`row_issues`), the general rules and the
/// system's own `rules`, on the day `today` of the system's calendar.
///
/// The draft's issues, and for a good row its values, are taken out of it; [`Draft::reset`] makes it ready
/// for the next row. A row that is not to be reported ([`Draft::ignored`]) is the caller's matter.
pub fn validate(
    draft: &mut Draft,
    row_issues: &[Issue],
    schema: &Schema,
    rules: &[Rule],
    today: NaiveDate,
) -> Verdict {
    let candidate = Candidate::new(draft, schema, today);
    let behind = candidate.present.minus(candidate.sent);
    let mut findings = Findings::default();
    for rule in rules::ALL.iter().chain(rules) {
        (rule.check)(&candidate, &mut findings);
    }
    conclude(draft, row_issues, behind, findings)
}

/// `behind` are the fields that have a value but do not go out.
fn conclude(draft: &mut Draft, row_issues: &[Issue], behind: FieldSet, mut findings: Findings) -> Verdict {
    let mut issues = row_issues.to_vec();
    issues.append(&mut draft.issues);
    issues.append(&mut findings.issues);
    if issues.iter().any(Issue::is_error) {
        return Verdict { record: None, issues };
    }
    let mut values = mem::take(&mut draft.values);
    for field in behind.iter() {
        if let Some(value) = values.get_mut(field) {
            *value = None;
        }
    }
    for (field, mended) in findings.mended {
        if let Some(value) = values.get_mut(field) {
            *value = Some(mended);
        }
    }
    Verdict { record: Some(Record { values }), issues }
}

#[cfg(test)]
mod tests;
