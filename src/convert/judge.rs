//! One row: mapped, validated, and told apart from what is not to be reported.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::NaiveDate;
use compact_str::CompactString;
use secrecy::{ExposeSecret, SecretString};

use crate::destinations::Destination;
use crate::ledger::{FactKey, Own, StagedRecord, StagedRow, StoredIssue};
use crate::mapping::{Bound, Draft, Repaired};
use crate::model::{CodeInfo, FieldSet, Issue, Value};
use crate::table::{Block, Row, T029, T031};
use crate::validate::{Record, registration_mismatch, validate};

/// One section that rows may go to.
#[derive(Clone)]
pub struct Target {
    /// The section's name.
    pub name: Arc<str>,
    /// Its codec.
    pub destination: Arc<dyn Destination>,
    /// Rows dated earlier are not reported.
    pub report_from: Option<NaiveDate>,
    /// Its registration number, where it is known.
    pub registration: Option<SecretString>,
}

/// What one row came to.
#[derive(Debug, Default)]
pub struct Judged {
    /// Row as Excel shows it.
    pub row: u32,
    /// Everything found, warnings too.
    pub issues: Vec<Issue>,
    /// Index of its section; none where the row does not tell.
    pub target: Option<usize>,
    /// What is left of it.
    pub body: Body,
    /// Its day.
    pub day: Option<NaiveDate>,
    /// Text of the mapping's key.
    pub key: Option<CompactString>,
    /// Text of its document.
    pub document: Option<CompactString>,
    /// The row it names (`rx_ref`).
    pub reference: Option<String>,
}

/// What is left of a row.
#[derive(Debug, Default)]
pub enum Body {
    /// Would be sent.
    Good(Record),
    /// Would be sent, but for a person's word: its cells were put in order by inference.
    Held(Record),
    /// Not sendable; the issues say why.
    #[default]
    Bad,
    /// A rule of the mapping says it is not to be reported, for this reason.
    Ignored(Arc<str>),
    /// Dated before the day from which on reports are sent from here.
    BeforeStart(NaiveDate, Option<Record>),
}

impl Body {
    fn into_record(self) -> Option<Record> {
        match self {
            Self::Good(record) | Self::Held(record) => Some(record),
            Self::BeforeStart(_, record) => record,
            Self::Bad | Self::Ignored(_) => None,
        }
    }
}

/// Judges the rows of one file.
#[derive(Clone)]
pub struct Judge {
    bound: Bound,
    targets: Vec<Target>,
    /// Whether the values of a target's fields are made under its own kinds.
    akin: Vec<bool>,
    /// Set by the drop folder: overrides what the mapping says.
    forced: bool,
    today: NaiveDate,
    draft: Draft,
}

impl Judge {
    /// Rows go to `targets` by name; with `forced`, all to the first, whatever the mapping says.
    pub fn new(bound: Bound, targets: Vec<Target>, forced: bool, today: NaiveDate) -> Self {
        let akin = |target: &Target| bound.has_kinds_of(target.destination.schema());
        let akin = targets.iter().map(akin).collect();
        Self { bound, targets, akin, forced, today, draft: Draft::default() }
    }

    /// Whether a row may take cells of the row above it, so that one judge must see all of them in order.
    pub fn needs_order(&self) -> bool {
        !self.bound.filled_columns().is_empty()
    }

    /// Looks at the first rows of the file for how its codes are written.
    pub fn look_at(&mut self, first: &mut Block) {
        self.bound.look_at(first);
    }

    /// The sections, as [`Judged::target`] counts them.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Maps and validates one row, into the place of another whose memory is used again.
    pub fn judge(&mut self, row: &Row, judged: &mut Judged) {
        if let Some(record) = std::mem::take(&mut judged.body).into_record() {
            self.draft.values = record.into_slots();
        }
        self.bound.apply(row, &mut self.draft);
        let target = self.target();
        let reference = self.bound.rx_ref().and_then(|index| row.cell(index));
        (judged.row, judged.target, judged.day) = (row.number(), target, None);
        judged.issues.clear();
        judged.key = self.draft.key.take();
        judged.document = self.draft.document.take();
        judged.reference = reference.map(|cell| cell.text.trim().to_owned()).filter(|text| !text.is_empty());
        let ignored = self.draft.ignored.take().filter(|_| !row.is_shifted());
        if let Some(reason) = ignored {
            self.leave_out(row, judged, Body::Ignored(reason));
            return;
        }
        let Some(goal) = self.targets.get(target.unwrap_or_default()) else { return };
        let schema = goal.destination.schema();
        judged.day = self.draft.value(schema.date_field).and_then(Value::as_day);
        if row.is_shifted() {
            // What its cells say where they stand is none of its own: one cause is told, and it is the true one. A
            // date where dates stand is taken for its day all the same, so that it has a last day.
            judged.issues.extend_from_slice(row.issues());
            return;
        }
        let start = goal.report_from.filter(|from| judged.day.is_some_and(|day| day < *from));
        if self.akin.get(target.unwrap_or_default()) != Some(&true) {
            self.draft.vouched = FieldSet::default();
        }
        finish(goal, &mut self.draft, judged, row, self.today);
        if let Some(doubt) = row.doubt() {
            ask_for_a_word(judged, doubt, self.bound.repaired());
        }
        if let Some(from) = start {
            // What was accepted before stays known; everything else of that time is not ours to report.
            let record = std::mem::take(&mut judged.body).into_record();
            self.leave_out(row, judged, Body::BeforeStart(from, record));
        }
    }

    /// Gives a row that is not to be reported its body, unless its cells may not be its own: then they can't say so,
    /// and a person looks at it.
    fn leave_out(&self, row: &Row, judged: &mut Judged, body: Body) {
        let own = own_issues(row);
        let is_held = row.doubt().is_some() && self.bound.repaired() == Repaired::Hold;
        if !is_held && !own.iter().any(Issue::is_error) {
            judged.issues.clear();
            judged.body = body;
            return;
        }
        judged.body = Body::Bad;
        // A word of a person lets nothing go here: there is nothing to send.
        judged.issues.retain(|issue| row.doubt().is_none_or(|doubt| issue.code.code != doubt.code));
        if judged.issues.is_empty() {
            judged.issues.extend(own.into_owned());
        }
        if is_held {
            judged.issues.push(Issue::new(&T031));
        }
    }

    fn target(&self) -> Option<usize> {
        if self.forced {
            return Some(0);
        }
        let name = self.draft.destination.as_ref()?;
        self.targets.iter().position(|target| target.name == *name)
    }
}

fn finish(goal: &Target, draft: &mut Draft, judged: &mut Judged, row: &Row, today: NaiveDate) {
    let schema = goal.destination.schema();
    let mut verdict = validate(draft, &own_issues(row), schema, goal.destination.rules(), today);
    if let Some(record) = &verdict.record {
        let registration = goal.registration.as_ref().map(ExposeSecret::expose_secret);
        if let Some(issue) = registration_mismatch(record, schema, registration) {
            verdict.add(issue);
        }
    }
    judged.issues = verdict.issues;
    if judged.target.is_some() {
        judged.body = verdict.record.map_or(Body::Bad, Body::Good);
    }
}

/// What reading found wrong with a row; whether somebody must vouch for its cells is another question.
fn own_issues(row: &Row) -> Cow<'_, [Issue]> {
    if !row.is_mended() {
        return Cow::Borrowed(row.issues());
    }
    row.issues().iter().filter(|issue| issue.code.code != T029.code).cloned().collect()
}

/// A row that was put in order by inference, or whose columns were, goes only where the mapping or a person says so.
/// One that is refused anyway is looked at by a person as it is.
fn ask_for_a_word(judged: &mut Judged, doubt: &'static CodeInfo, repaired: Repaired) {
    match std::mem::take(&mut judged.body) {
        Body::Good(record) if repaired == Repaired::Hold => {
            judged.issues.push(Issue::new(doubt));
            judged.body = Body::Held(record);
        }
        body => judged.body = body,
    }
}

impl Judged {
    /// The row as the ledger stages it.
    pub fn staged(self, targets: &[Target], ignored: &'static CodeInfo) -> StagedRow {
        let mut issues: Vec<StoredIssue> = self.issues.iter().map(StoredIssue::from).collect();
        let target = self.target.and_then(|index| targets.get(index));
        let doubt = matches!(self.body, Body::Held(_)).then(|| issues.pop()).flatten();
        let (own, record, report_from) = match self.body {
            Body::Ignored(reason) => {
                let args = vec![reason.to_string()];
                issues.push(StoredIssue { code: ignored.code.to_owned(), column: None, args });
                return StagedRow { row: self.row, issues, record: None };
            }
            Body::Good(record) | Body::Held(record) => (Own::Ready, Some(record), None),
            Body::Bad => (Own::Refused, None, None),
            Body::BeforeStart(from, record) => (Own::BeforeStart, record, Some(from)),
        };
        let schema = target.map(|target| target.destination.schema());
        let number = record.as_ref().zip(schema).and_then(|(record, schema)| mapped_number(record, schema));
        let fact = match (self.key, record.as_ref().zip(schema)) {
            (Some(key), _) => Some(FactKey::Strong(key.into())),
            (None, Some((record, schema))) => Some(FactKey::Weak(record.fact_text(schema))),
            (None, None) => None,
        };
        let window = target.zip(self.day);
        let staged = StagedRecord {
            section: self.target,
            own,
            report_from,
            doubt,
            members: record.as_ref().zip(schema).map(|(record, schema)| record.canonical(schema)),
            fact,
            day: self.day,
            until: window.and_then(|(target, day)| target.destination.submit_until(day)),
            reverse_until: window.and_then(|(target, day)| target.destination.reverse_until(day)),
            document: self.document.map(Into::into),
            number,
            reference: self.reference,
        };
        StagedRow { row: self.row, issues, record: Some(staged) }
    }
}

fn mapped_number(record: &Record, schema: &crate::model::Schema) -> Option<String> {
    match record.value(schema.number_field)? {
        Value::Text(text) => Some(text.to_string()),
        Value::Integer(number) => Some(number.to_string()),
        Value::DateTime(_) | Value::Date(_) => None,
    }
}
