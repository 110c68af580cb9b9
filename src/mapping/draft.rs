//! What a mapping made of one row: values and issues, never an error.

use std::sync::Arc;

use compact_str::CompactString;

use crate::model::{FieldSet, Issue, Value};

/// Values and issues of one row. Reused from row to row.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// One slot a field of the schema.
    pub values: Vec<Option<Value>>,
    /// Where each field's value came from, for places of issues; same length as `values`.
    pub columns: Vec<Option<Arc<str>>>,
    /// What was found wrong; warnings too.
    pub issues: Vec<Issue>,
    /// Fields whose cell was there but gave no value (an issue says why): they are not "missing".
    pub failed: FieldSet,
    /// Set by a rule with `report = false`: why the row is not reported.
    pub ignored: Option<Arc<str>>,
    /// The configuration section the row goes to; none where the mapping's values do not tell.
    pub destination: Option<Arc<str>>,
    /// Text of `[key] columns`, trimmed, whole numbers without `.0`, parts divided by U+001F; none without `[key]`
    /// or where every part is empty.
    pub key: Option<CompactString>,
    /// Text of `[key] document`, in the same form.
    pub document: Option<CompactString>,
    /// Fields whose values were made under the kinds of their schema, so that numbers are within bounds and nothing
    /// is hidden in codes; free text is not among them.
    pub vouched: FieldSet,
    /// Fields that are made of a column whose codes have so many digits in this file, as zeros in front show.
    pub padded: Vec<(usize, usize)>,
}

impl Draft {
    /// Empties it for the next row of a schema with that many fields.
    pub fn reset(&mut self, fields: usize) {
        self.values.clear();
        self.values.resize_with(fields, || None);
        self.columns.clear();
        self.columns.resize(fields, None);
        self.issues.clear();
        self.failed = FieldSet::default();
        self.vouched = FieldSet::default();
        self.ignored = None;
        self.destination = None;
        self.key = None;
        self.document = None;
    }

    /// The same, but keeps the values and where they came from: each will be [`Draft::put`] anew. Where they come
    /// from is mostly the same in the next row, and counting references anew costs more than comparing them.
    pub(super) fn restart(&mut self, fields: usize) {
        self.values.resize_with(fields, || None);
        self.columns.resize(fields, None);
        self.issues.clear();
        self.failed = FieldSet::default();
        self.ignored = None;
        self.key = None;
        self.document = None;
    }

    /// Sets a field's value and where it came from.
    #[inline]
    pub(super) fn put(&mut self, field: usize, value: Option<Value>, column: Option<&Arc<str>>) {
        if let (Some(place), Some(origin)) = (self.values.get_mut(field), self.columns.get_mut(field)) {
            *place = value;
            set_shared(origin, column);
        }
    }

    /// The same with a value that is there; gives back its place.
    #[inline]
    pub(super) fn set(
        &mut self,
        field: usize,
        value: Value,
        column: Option<&Arc<str>>,
    ) -> Option<&Option<Value>> {
        let (place, origin) = (self.values.get_mut(field)?, self.columns.get_mut(field)?);
        *place = Some(value);
        set_shared(origin, column);
        Some(place)
    }

    /// The same with a value that stays where it is.
    #[inline]
    pub(super) fn copy(&mut self, field: usize, value: &Value, column: Option<&Arc<str>>) {
        if let (Some(place), Some(origin)) = (self.values.get_mut(field), self.columns.get_mut(field)) {
            match (place, value) {
                (Some(Value::Text(old)), Value::Text(text)) => old.clone_from(text),
                (Some(Value::Integer(old)), Value::Integer(number)) => *old = *number,
                (Some(Value::DateTime(old)), Value::DateTime(at)) => *old = *at,
                (place, value) => *place = Some(value.clone()),
            }
            set_shared(origin, column);
        }
    }

    /// Sets the section the row goes to.
    pub(super) fn set_destination(&mut self, section: Option<&Arc<str>>) {
        set_shared(&mut self.destination, section);
    }

    /// The number of digits of the codes in the column that a field is made of, where zeros in front show it.
    pub fn padded_to(&self, field: usize) -> Option<usize> {
        self.padded.iter().find(|(padded, _)| *padded == field).map(|(_, digits)| *digits)
    }

    /// The value of a field.
    pub fn value(&self, field: usize) -> Option<&Value> {
        self.values.get(field)?.as_ref()
    }

    /// The column a field's value came from.
    pub fn column(&self, field: usize) -> Option<Arc<str>> {
        self.columns.get(field)?.clone()
    }
}

/// Sets a shared text, unless it is the same already.
fn set_shared(place: &mut Option<Arc<str>>, text: Option<&Arc<str>>) {
    let same = match (place.as_ref(), text) {
        (Some(old), Some(new)) => Arc::ptr_eq(old, new),
        (old, new) => old.is_none() && new.is_none(),
    };
    if !same {
        *place = text.cloned();
    }
}
