//! Records as JSON, in the names and forms of the `wire` settings.
//!
//! Written by hand into one buffer: this runs once for every row, and building a tree of values first would
//! cost several times the writing.

use std::fmt::Write;

use chrono::format::{Item, StrftimeItems};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Europe::Sofia;

use super::schema::{COUNTRY, NOTES, NUMBER, PLANNED_DATE, REGISTRATION};
use crate::destinations::{Error, NumberForm, SespaWire};
use crate::model::{Schema, Value};
use crate::validate::{Record, push_date_time, push_day, push_integer, push_text};

/// How records are written, settled once from the settings.
pub(super) struct Wire {
    /// For each field.
    keys: Vec<Key>,
    quoted_numbers: bool,
    separator: String,
    timestamp: TimeForm,
    date: TimeForm,
    /// Constant members of every body: `"name":value,` each.
    extra: Vec<u8>,
    items_key: Vec<u8>,
}

impl Wire {
    /// The forms that the settings ask for.
    pub(super) fn new(schema: &Schema, settings: &SespaWire) -> Result<Self, Error> {
        let names = names(schema, settings);
        check_names(&names, settings)?;
        Ok(Self {
            keys: names.iter().map(|name| Key::new(name)).collect(),
            quoted_numbers: settings.numbers_as == NumberForm::String,
            separator: settings.country_separator.clone(),
            timestamp: TimeForm::new("timestamp", &settings.timestamp)?,
            date: TimeForm::new("date", &settings.date)?,
            extra: extra(&settings.extra)?,
            items_key: key(&settings.items_key),
        })
    }

    /// Appends one record; see [`Destination::members`](crate::destinations::Destination::members).
    pub(super) fn members(
        &self,
        record: &Record,
        number: Option<&str>,
        registration: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        for (field, (key, value)) in self.keys.iter().zip(record.slots()).enumerate() {
            let given = match field {
                REGISTRATION => registration,
                NUMBER => number,
                _ => None,
            };
            match (given, value) {
                (None, None) => (),
                (None, Some(value)) => {
                    key.push(out);
                    self.push_value(field, value, out);
                }
                (Some(number), _) if field == NUMBER => {
                    key.push(out);
                    self.push_our_number(number, out);
                }
                (Some(text), _) => {
                    key.push(out);
                    push_text(out, text);
                }
            }
        }
        match out.get_mut(start) {
            Some(comma) => *comma = b'{',
            None => out.push(b'{'),
        }
        out.push(b'}');
    }

    /// Opens a body: registration number, constant members, and the list up to its first row.
    pub(super) fn open_body(&self, registration: Option<&str>, out: &mut Vec<u8>) {
        out.push(b'{');
        let key = self.keys.get(REGISTRATION).and_then(|key| key.bytes.get(1..));
        if let (Some(registration), Some(key)) = (registration, key) {
            out.extend_from_slice(key);
            push_text(out, registration);
            out.push(b',');
        }
        out.extend_from_slice(&self.extra);
        out.extend_from_slice(&self.items_key);
        out.push(b'[');
    }

    /// Ends what [`Wire::open_body`] began.
    pub(super) fn close_body(out: &mut Vec<u8>) {
        out.extend_from_slice(b"]}");
    }

    fn push_value(&self, field: usize, value: &Value, out: &mut Vec<u8>) {
        match value {
            Value::Text(text) if field == COUNTRY => self.push_countries(text, out),
            Value::Text(text) => push_text(out, text),
            Value::Integer(number) if self.quoted_numbers => {
                out.push(b'"');
                push_integer(out, *number);
                out.push(b'"');
            }
            Value::Integer(number) => push_integer(out, *number),
            Value::DateTime(at) => self.timestamp.push(*at, out),
            Value::Date(day) => self.date.push(day.and_time(NaiveTime::MIN), out),
        }
    }

    /// Ours are digits without a leading zero; anything else keeps its quotes, so that the body stays JSON.
    fn push_our_number(&self, number: &str, out: &mut Vec<u8>) {
        let plain = !number.starts_with('0') && super::identifiers::is_digits(number);
        if plain && !self.quoted_numbers {
            out.extend_from_slice(number.as_bytes());
        } else {
            push_text(out, number);
        }
    }

    fn push_countries(&self, countries: &str, out: &mut Vec<u8>) {
        if countries.len() == 2 {
            push_text(out, countries);
        } else {
            let codes: Vec<&str> = countries.split([',', ';']).map(str::trim).collect();
            push_text(out, &codes.join(&self.separator));
        }
    }
}

/// `,"p_quantity":` as it stands before a value.
struct Key {
    bytes: Vec<u8>,
    /// The same with zeros behind it, unless it is longer: so many bytes at once are quicker than just enough.
    padded: [u8; 32],
}

impl Key {
    fn new(name: &str) -> Self {
        let bytes = [b",", key(name).as_slice()].concat();
        let mut padded = [0; 32];
        padded.iter_mut().zip(&bytes).for_each(|(place, byte)| *place = *byte);
        Self { bytes, padded }
    }

    fn push(&self, out: &mut Vec<u8>) {
        if self.bytes.len() <= self.padded.len() {
            let end = out.len() + self.bytes.len();
            out.extend_from_slice(&self.padded);
            out.truncate(end);
        } else {
            out.extend_from_slice(&self.bytes);
        }
    }
}

/// The wire name of each field.
fn names<'a>(schema: &'a Schema, settings: &'a SespaWire) -> Vec<&'a str> {
    let renamed = |(index, name): (usize, &'a str)| match index {
        PLANNED_DATE => settings.planned_date_key.as_str(),
        NOTES => settings.notes_key.as_str(),
        _ => name,
    };
    schema.fields.iter().map(|field| field.name.as_str()).enumerate().map(renamed).collect()
}

/// Two members of one name would make the system read one of them, and nobody knows which.
fn check_names(names: &[&str], settings: &SespaWire) -> Result<(), Error> {
    let twice = |text: &str| Err(Error::Setting(format!("`wire`: two members would be named `{text}`")));
    let mut seen = std::collections::BTreeSet::new();
    if let Some(name) = names.iter().find(|name| !seen.insert(**name)) {
        return twice(name);
    }
    let envelope = [names.get(REGISTRATION).copied().unwrap_or_default(), settings.items_key.as_str()];
    match settings.extra.keys().find(|name| envelope.contains(&name.as_str())) {
        Some(name) => twice(name),
        None => Ok(()),
    }
}

fn key(name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 3);
    push_text(&mut key, name);
    key.push(b':');
    key
}

fn extra(members: &toml::Table) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    for (name, value) in members {
        let value = json(value).ok_or_else(|| {
            Error::Setting(format!("`wire.extra`: `{name}` holds a number that JSON has not"))
        })?;
        out.extend_from_slice(&key(name));
        out.extend_from_slice(value.to_string().as_bytes());
        out.push(b',');
    }
    Ok(out)
}

fn json(value: &toml::Value) -> Option<serde_json::Value> {
    Some(match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => serde_json::Number::from_f64(*number)?.into(),
        toml::Value::Boolean(truth) => (*truth).into(),
        toml::Value::Datetime(at) => at.to_string().into(),
        toml::Value::Array(list) => serde_json::Value::Array(list.iter().map(json).collect::<Option<_>>()?),
        toml::Value::Table(table) => {
            let members = table.iter().map(|(name, value)| Some((name.clone(), json(value)?)));
            serde_json::Value::Object(members.collect::<Option<_>>()?)
        }
    })
}

/// A strftime form; the two usual ones are written without the formatter.
enum TimeForm {
    /// `%Y-%m-%dT%H:%M:%S`
    Time,
    /// `%Y-%m-%d`
    Day,
    /// Anything else; `zoned` where it shows the offset from UTC.
    Other { items: Vec<Item<'static>>, zoned: bool },
}

impl TimeForm {
    fn new(setting: &str, form: &str) -> Result<Self, Error> {
        match form {
            "%Y-%m-%dT%H:%M:%S" => return Ok(Self::Time),
            "%Y-%m-%d" => return Ok(Self::Day),
            _ => (),
        }
        let wrong = || Error::Setting(format!("`wire.{setting}`: `{form}` is no form of a date"));
        let items = StrftimeItems::new(form).parse_to_owned().map_err(|_| wrong())?;
        let sample = NaiveDate::default().and_time(NaiveTime::MIN);
        let tries = [false, true].into_iter();
        let fits = |zoned: &bool| written(&items, *zoned, sample).is_some_and(|text| !text.is_empty());
        let zoned = tries.into_iter().find(fits).ok_or_else(wrong)?;
        Ok(Self::Other { items, zoned })
    }

    fn push(&self, at: NaiveDateTime, out: &mut Vec<u8>) {
        out.push(b'"');
        match self {
            Self::Time => push_date_time(out, at),
            Self::Day => push_day(out, at.date()),
            Self::Other { items, zoned } => {
                out.pop();
                push_text(out, &written(items, *zoned, at).unwrap_or_default());
                return;
            }
        }
        out.push(b'"');
    }
}

/// Wall time in the form; none where the form shows an offset and `zoned` is false.
fn written(items: &[Item<'static>], zoned: bool, at: NaiveDateTime) -> Option<String> {
    let mut text = String::new();
    if zoned {
        // An hour that the clock skips in spring is read as the one after it.
        let here = |at: &NaiveDateTime| Sofia.from_local_datetime(at).earliest();
        let at = here(&at).or_else(|| here(&(at + TimeDelta::hours(1))))?;
        write!(text, "{}", at.format_with_items(items.iter())).ok()?;
    } else {
        write!(text, "{}", at.format_with_items(items.iter())).ok()?;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::Wire;
    use crate::destinations::sespa::schema::schema;
    use crate::destinations::{Error, NumberForm, SespaWire};
    use crate::model::Schema;
    use crate::validate::Record;

    const EXPORT: &str = r#"{"p_report_date":"2026-07-01T13:05:00","p_drug_code":2415,"p_trn_type":10,
        "p_country":"DE;AT","p_export_planned_date":"2026-08-02","notes":"док. \"7\""}"#;

    fn members(settings: &SespaWire, number: Option<&str>, registration: Option<&str>) -> String {
        let schema = schema(None).expect("the built-in catalogue");
        let record = Record::restored(&schema, EXPORT).expect("a record");
        let mut out = Vec::new();
        Wire::new(&schema, settings).expect("a wire").members(&record, number, registration, &mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn members_stand_in_the_catalogues_order_and_the_wires_form() {
        assert_eq!(
            members(&SespaWire::default(), Some("260615000001"), Some("AB")),
            "{\"p_actor_reg_no\":\"AB\",\"p_report_date\":\"2026-07-01T13:05:00\",\"p_drug_code\":2415,\
             \"p_trn_type\":10,\"p_country\":\"DE;AT\",\"p_export_planned_date\":\"2026-08-02\",\
             \"notes\":\"док. \\\"7\\\"\",\"p_actor_trn_no\":260615000001}"
        );
    }

    #[test]
    fn settings_change_names_and_forms() {
        let settings = SespaWire {
            timestamp: "%d.%m.%Y %H:%M %:z".to_owned(),
            date: "%d.%m.%Y".to_owned(),
            country_separator: ",".to_owned(),
            planned_date_key: "export_planned_date".to_owned(),
            notes_key: "p_notes".to_owned(),
            numbers_as: NumberForm::String,
            ..SespaWire::default()
        };
        assert_eq!(
            members(&settings, Some("17"), None),
            "{\"p_report_date\":\"01.07.2026 13:05 +03:00\",\"p_drug_code\":\"2415\",\"p_trn_type\":\"10\",\
             \"p_country\":\"DE,AT\",\"export_planned_date\":\"02.08.2026\",\
             \"p_notes\":\"док. \\\"7\\\"\",\"p_actor_trn_no\":\"17\"}"
        );
        let noon = SespaWire { timestamp: "%Y-%m-%dT12:00:00Z".to_owned(), ..SespaWire::default() };
        assert!(members(&noon, None, None).contains("\"p_report_date\":\"2026-07-01T12:00:00Z\""));
    }

    #[test]
    fn settings_that_make_no_body_are_refused() {
        let schema = schema(None).expect("the built-in catalogue");
        let refused = |settings: SespaWire| match Wire::new(&schema, &settings) {
            Err(Error::Setting(text)) => text,
            _ => panic!("taken"),
        };
        let plain = SespaWire::default;
        assert!(refused(SespaWire { timestamp: "%Q".to_owned(), ..plain() }).contains("wire.timestamp"));
        assert!(refused(SespaWire { date: String::new(), ..plain() }).contains("wire.date"));
        assert!(refused(SespaWire { notes_key: "p_batch_no".to_owned(), ..plain() }).contains("p_batch_no"));
        let extra = |text: &str| text.parse().expect("a table");
        assert!(refused(SespaWire { extra: extra("transactions = 1"), ..plain() }).contains("transactions"));
        assert!(refused(SespaWire { extra: extra("x = nan"), ..plain() }).contains("`x`"));
    }

    #[test]
    fn a_body_has_constant_members_before_the_rows() {
        let schema = schema(None).expect("the built-in catalogue");
        let extra = "user = \"IS_1\"\nflags = [true, 2]".parse().expect("a table");
        let wire = Wire::new(&schema, &SespaWire { extra, ..SespaWire::default() }).expect("a wire");
        let mut body = Vec::new();
        wire.open_body(Some("AB"), &mut body);
        Wire::close_body(&mut body);
        let text = String::from_utf8(body).expect("text");
        let members: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let expected = serde_json::json!({"p_actor_reg_no": "AB", "user": "IS_1", "flags": [true, 2], "transactions": []});
        assert_eq!(members, expected);
        assert!(text.starts_with("{\"p_actor_reg_no\":"));
    }

    static PLAIN: LazyLock<(Schema, Wire)> = LazyLock::new(|| {
        let schema = schema(None).expect("the built-in catalogue");
        let wire = Wire::new(&schema, &SespaWire::default()).expect("a wire");
        (schema, wire)
    });

    proptest! {
        #[test]
        fn what_is_written_is_json(batch in any::<String>(), number in any::<String>(), notes in any::<String>()) {
            let (schema, wire) = &*PLAIN;
            let text = serde_json::json!({"p_batch_no": batch, "notes": notes}).to_string();
            let record = Record::restored(schema, &text).expect("a record");
            let mut out = Vec::new();
            wire.members(&record, Some(&number), None, &mut out);
            let read: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
            prop_assert_eq!(read["p_batch_no"].as_str(), Some(batch.as_str()));
            prop_assert_eq!(read["notes"].as_str(), Some(notes.as_str()));
        }
    }
}
