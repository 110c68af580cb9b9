//! The canonical text of a record: how it is kept, compared and recognised as the same fact.
//!
//! A JSON object under the catalogue's names, in schema order, without blanks; days `YYYY-MM-DD`, times
//! `YYYY-MM-DDTHH:MM:SS`, whole numbers plain. It does not depend on any setting of the wire, so that a
//! changed setting never makes an old fact look new.

use std::fmt;

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::Record;
use crate::model::wide::{any, any_below, has};
use crate::model::{Field, Kind, Schema, Value};

impl Record {
    /// All members.
    pub fn canonical(&self, schema: &Schema) -> String {
        self.written(schema, |_| true)
    }

    /// The members that make the fact where a mapping has no key.
    pub fn fact_text(&self, schema: &Schema) -> String {
        self.written(schema, |field| field.identifies)
    }

    /// The record whose canonical text this is; none if it is no such text under this schema.
    pub fn restored(schema: &Schema, text: &str) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let values = reader.deserialize_map(Members(schema)).ok()?;
        reader.end().ok().map(|()| Self { values })
    }

    fn written(&self, schema: &Schema, wanted: impl Fn(&Field) -> bool) -> String {
        let mut out = Vec::with_capacity(256);
        out.push(b'{');
        for (field, value) in schema.fields.iter().zip(&self.values) {
            if let (Some(value), true) = (value, wanted(field)) {
                if out.len() > 1 {
                    out.push(b',');
                }
                push_text(&mut out, &field.name);
                out.push(b':');
                push_value(&mut out, value);
            }
        }
        out.push(b'}');
        String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

/// Reads a whole record. Straight into its values: each row is read back before it is sent, and a tree of JSON
/// in between would cost several times as much.
struct Members<'s>(&'s Schema);

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Vec<Option<Value>>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut values = vec![None; self.0.fields.len()];
        while let Some(index) = members.next_key_seed(Name(self.0))? {
            let kind = self.0.fields.get(index).map_or(Kind::Text, |field| field.kind);
            let value = members.next_value_seed(Member(kind))?;
            if let Some(place) = values.get_mut(index) {
                *place = Some(value);
            }
        }
        Ok(values)
    }
}

/// Reads a member's name as its field's index.
struct Name<'s>(&'s Schema);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<usize, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = usize;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the name of a field")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<usize, E> {
        self.0.field(name).ok_or_else(|| E::custom("no such field"))
    }
}

/// Reads a member's value as one of its field's kind.
struct Member(Kind);

impl<'de> DeserializeSeed<'de> for Member {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl Visitor<'_> for Member {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a text or a whole number")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number).map(Value::Integer).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        if !matches!(self.0, Kind::DateTime | Kind::Date) {
            return Ok(Value::Text(text.into()));
        }
        let day = || text.parse().ok().map(Value::Date);
        let time = plain_time(text).or_else(|| text.parse().ok()).map(Value::DateTime);
        time.or_else(day).ok_or_else(|| E::custom("no date"))
    }
}

/// A time in the form that nearly all have; the general way takes ten times as long.
fn plain_time(text: &str) -> Option<NaiveDateTime> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2] =
        text.as_bytes()
    else {
        return None;
    };
    let number = |digits: &[u8]| {
        let digit = |sum: u32, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0'));
        digits.iter().try_fold(0, digit)
    };
    let year = i32::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    let day = NaiveDate::from_ymd_opt(year, number(&[m1, m2])?, number(&[d1, d2])?)?;
    day.and_hms_opt(number(&[h1, h2])?, number(&[n1, n2])?, number(&[s1, s2])?)
}

fn push_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Text(text) => push_text(out, text),
        Value::Integer(number) => push_integer(out, *number),
        Value::DateTime(at) => quoted(out, |out| push_date_time(out, *at)),
        Value::Date(day) => quoted(out, |out| push_day(out, *day)),
    }
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

/// Appends a JSON string, quotes included.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.push(b'"');
    // Nearly no text has anything to escape.
    if any(bytes, may_be_special) {
        push_escaped(out, bytes);
    } else {
        out.extend_from_slice(bytes);
    }
    out.push(b'"');
}

fn may_be_special(word: u64) -> bool {
    any_below(word, 0x20) | has(word, b'"') | has(word, b'\\')
}

fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn push_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        if is_special(*byte) {
            push_escape(out, *byte);
        } else {
            out.push(*byte);
        }
    }
}

fn push_escape(out: &mut Vec<u8>, byte: u8) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        other => {
            out.extend_from_slice(b"\\u00");
            let hex = |half: u8| if half < 10 { b'0' + half } else { b'a' + half - 10 };
            out.extend_from_slice(&[hex(other >> 4), hex(other & 15)]);
        }
    }
}

/// Appends a whole number, plain.
pub fn push_integer(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends `YYYY-MM-DDTHH:MM:SS`, with a fraction only where there is one.
pub fn push_date_time(out: &mut Vec<u8>, at: NaiveDateTime) {
    if at.nanosecond() != 0 {
        // Fractions and leap seconds: rare, and the standard form reads back exactly.
        out.extend_from_slice(format!("{at:?}").as_bytes());
        return;
    }
    push_day(out, at.date());
    let [[h1, h2], [m1, m2], [s1, s2]] = [at.hour(), at.minute(), at.second()].map(two);
    out.extend_from_slice(&[b'T', h1, h2, b':', m1, m2, b':', s1, s2]);
}

/// Appends `YYYY-MM-DD`.
pub fn push_day(out: &mut Vec<u8>, day: NaiveDate) {
    let Some(year) = u32::try_from(day.year()).ok().filter(|year| *year < 10_000) else {
        out.extend_from_slice(format!("{day:?}").as_bytes());
        return;
    };
    let [[y1, y2], [y3, y4], [m1, m2], [d1, d2]] = [year / 100, year % 100, day.month(), day.day()].map(two);
    out.extend_from_slice(&[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2]);
}

fn two(number: u32) -> [u8; 2] {
    [digit(u64::from(number / 10)), digit(u64::from(number % 10))]
}

fn digit(number: u64) -> u8 {
    b'0' + u8::try_from(number % 10).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use chrono::{Days, NaiveTime};
    use proptest::prelude::*;

    use super::{push_date_time, push_integer, push_text};
    use crate::model::Value;
    use crate::validate::Record;
    use crate::validate::tests::{day, schema};

    fn value() -> impl Strategy<Value = Option<Value>> {
        let at = (0u64..4_000_000, 0u32..86_400, prop::bool::ANY).prop_map(|(days, second, fraction)| {
            let time = NaiveTime::from_num_seconds_from_midnight_opt(second, u32::from(fraction) * 1_500);
            (day("0001-01-01") + Days::new(days)).and_time(time.expect("a second of the day"))
        });
        prop_oneof![
            Just(None),
            any::<i64>().prop_map(|number| Some(Value::Integer(number))),
            at.prop_map(|at| Some(Value::DateTime(at))),
        ]
    }

    proptest! {
        #[test]
        fn a_record_comes_back_from_its_text(
            numbers in prop::collection::vec(value(), 2),
            texts in prop::collection::vec(prop::option::of(any::<String>()), 2),
        ) {
            let schema = schema();
            let mut values = vec![None; schema.fields.len()];
            values[0] = numbers[0].clone().filter(|value| value.as_integer().is_some());
            values[1] = numbers[1].clone();
            for (at, text) in [2, 3].into_iter().zip(texts) {
                values[at] = text.map(|text| Value::Text(text.into()));
            }
            let record = Record { values };
            prop_assert_eq!(Record::restored(&schema, &record.canonical(&schema)), Some(record));
        }

        #[test]
        fn texts_are_valid_json(text in any::<String>()) {
            let mut out = Vec::new();
            push_text(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).expect("JSON"), text);
        }

        #[test]
        fn numbers_are_plain(number in any::<i64>()) {
            let mut out = Vec::new();
            push_integer(&mut out, number);
            prop_assert_eq!(String::from_utf8(out).expect("text"), number.to_string());
        }
    }

    #[test]
    fn times_have_one_form() {
        let mut out = Vec::new();
        push_date_time(&mut out, day("2026-03-04").and_hms_opt(5, 6, 7).expect("time"));
        assert_eq!(out, b"2026-03-04T05:06:07");
    }

    #[test]
    fn damaged_text_restores_nothing() {
        let schema = schema();
        for text in ["", "[]", "{\"unknown\":1}", "{\"kind\":1.5}", "{\"day\":\"soon\"}", "{\"kind\":null}"] {
            assert_eq!(Record::restored(&schema, text), None, "{text}");
        }
    }

    #[test]
    fn the_fact_leaves_notes_out() {
        let schema = schema();
        let newer =
            Record::restored(&schema, r#"{"kind":1,"code":"B","number":6,"text":"x"}"#).expect("record");
        assert_eq!(newer.fact_text(&schema), r#"{"kind":1,"code":"B","number":6}"#);
    }
}
