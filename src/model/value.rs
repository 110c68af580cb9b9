//! A typed value of one field. Never an `f64`: identifiers and quantities are exact.

use chrono::{NaiveDate, NaiveDateTime};
use compact_str::CompactString;

/// A value of one field, typed by its [`Kind`](super::Kind).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text as it will be sent.
    Text(CompactString),
    /// A whole number.
    Integer(i64),
    /// Wall time in the system's own zone.
    DateTime(NaiveDateTime),
    /// A calendar day.
    Date(NaiveDate),
}

impl Value {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The whole number, if it is one.
    pub fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// The calendar day of a date or a date with time.
    pub fn as_day(&self) -> Option<NaiveDate> {
        match self {
            Self::DateTime(at) => Some(at.date()),
            Self::Date(day) => Some(*day),
            Self::Text(_) | Self::Integer(_) => None,
        }
    }
}
