//! What may be sent, and the form of a rule.

use chrono::NaiveDate;

use crate::mapping::Draft;
use crate::model::{CodeInfo, FieldSet, Issue, Schema, TypeSpec, Value};

/// A validated transaction: exactly the members that would be sent, by field index.
///
/// Made only by [`validate`](super::validate()) and, under the name `restored`, from the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub(super) values: Vec<Option<Value>>,
}

impl Record {
    /// The value of a field, if the record has it.
    pub fn value(&self, field: usize) -> Option<&Value> {
        self.values.get(field)?.as_ref()
    }

    /// A slot for each field of the schema.
    pub fn slots(&self) -> &[Option<Value>] {
        &self.values
    }

    /// Its slots, to be filled anew.
    pub fn into_slots(self) -> Vec<Option<Value>> {
        self.values
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

impl Verdict {
    /// Adds what was found out besides; an error takes the record away.
    pub fn add(&mut self, issue: Issue) {
        if issue.is_error() {
            self.record = None;
        }
        self.issues.push(issue);
    }
}

/// A row under judgement.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// What the mapping made of it.
    pub draft: &'a Draft,
    /// The system's schema.
    pub schema: &'a Schema,
    /// The entry of its type that holds on its day (on any day while it has none); none where the type is
    /// missing, unknown or not valid on that day.
    pub spec: Option<&'a TypeSpec>,
    /// The fields that go out if they have a value: those its type allows; every field while `spec` is none.
    pub sent: FieldSet,
    /// The fields that have a value, sent or not.
    pub present: FieldSet,
    /// Today on the system's calendar.
    pub today: NaiveDate,
}

impl<'a> Candidate<'a> {
    /// A draft seen under the entry of its type.
    pub fn new(draft: &'a Draft, schema: &'a Schema, today: NaiveDate) -> Self {
        let number = draft.value(schema.type_field).and_then(Value::as_integer);
        let day = draft.value(schema.date_field).and_then(Value::as_day);
        let spec = number.and_then(|number| schema.type_on(number, day));
        Self {
            draft,
            schema,
            spec,
            sent: spec.map_or_else(|| (0..schema.fields.len()).collect(), |spec| spec.allowed),
            present: FieldSet::of(draft.values.iter().map(Option::is_some)),
            today,
        }
    }

    /// The fields that go out, with their values, unless the mapping made them under these very kinds.
    pub fn unvouched(&self) -> impl Iterator<Item = (usize, &'a Value)> {
        let draft = self.draft;
        let fields = self.present.both(self.sent).minus(draft.vouched);
        fields.iter().filter_map(|field| Some((field, draft.value(field)?)))
    }

    /// The value of a field that goes out.
    pub fn value(&self, field: usize) -> Option<&'a Value> {
        if self.sent.contains(field) { self.draft.value(field) } else { None }
    }

    /// An issue at the column the field's value came from.
    pub fn issue(&self, code: &'static CodeInfo, field: usize) -> Issue {
        Issue::at(code, self.draft.column(field))
    }
}

/// What the rules found in one row.
#[derive(Debug, Default)]
pub struct Findings {
    pub(super) issues: Vec<Issue>,
    pub(super) mended: Vec<(usize, Value)>,
}

impl Findings {
    /// Adds an issue.
    pub fn add(&mut self, issue: Issue) {
        self.issues.push(issue);
    }

    /// Sends another form of a field's value; a warning must say so.
    pub fn mend(&mut self, field: usize, value: Value) {
        self.mended.push((field, value));
    }
}

/// One rule: its codes and its check. One rule is one file, or a function of a system's `rules.rs`.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Every code it may give.
    pub codes: &'static [&'static CodeInfo],
    /// Looks at one row and adds what it finds.
    pub check: fn(&Candidate<'_>, &mut Findings),
}
