//! A small schema and draft for the tests of this room.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::{CODES, Verdict, rules, validate};
use crate::mapping::Draft;
use crate::model::{Field, FieldSet, Issue, Kind, Lang, Schema, TypeSpec, Value};

pub(super) const TODAY: &str = "2026-06-15";

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn field(name: &str, kind: Kind) -> Field {
    Field { name: name.to_owned(), kind, identifies: name != "text" }
}

fn spec(number: i64, name: &str, required: &[usize], until: Option<NaiveDate>) -> TypeSpec {
    TypeSpec {
        number,
        code: String::new(),
        name_bg: name.to_owned(),
        name_en: name.to_owned(),
        from: None,
        until,
        required: required.iter().copied().collect(),
        allowed: required.iter().copied().chain([2, 3, 4, 5]).collect(),
        recipient: Vec::new(),
    }
}

/// Fields: 0 kind, 1 day, 2 code, 3 text (always), 4 number, 5 registration, 6 amount. Type 1 requires code
/// and amount, type 2 knows no amount, type 3 is over.
pub(super) fn schema() -> Schema {
    let whole = |min, max| Kind::Integer { min, max };
    Schema {
        system: "test".to_owned(),
        fields: vec![
            field("kind", whole(1, 9)),
            field("day", Kind::DateTime),
            field("code", Kind::Identifier),
            field("text", Kind::Text),
            field("number", whole(1, i64::MAX)),
            field("registration", Kind::Identifier),
            field("amount", whole(1, 100)),
        ],
        types: vec![
            spec(1, "first", &[0, 1, 2, 6], None),
            spec(2, "second", &[0, 1], None),
            spec(3, "old", &[0, 1], Some(day("2020-01-01"))),
        ],
        type_field: 0,
        date_field: 1,
        number_field: 4,
        registration_field: 5,
        zone: chrono_tz::Europe::Sofia,
    }
}

pub(super) fn judged(change: impl FnOnce(&mut Draft)) -> Verdict {
    let mut draft = Draft::default();
    draft.reset(7);
    draft.values[0] = Some(Value::Integer(1));
    draft.values[1] = day("2026-06-14").and_hms_opt(0, 0, 0).map(Value::DateTime);
    draft.values[2] = Some(Value::Text("L-1".into()));
    draft.values[6] = Some(Value::Integer(5));
    change(&mut draft);
    validate(&mut draft, &[], &schema(), &[], day(TODAY))
}

pub(super) fn good() -> Verdict {
    judged(|_| ())
}

pub(super) fn codes(verdict: &Verdict) -> Vec<&str> {
    verdict.issues.iter().map(|issue| issue.code.code).collect()
}

pub(super) fn text_of(verdict: &Verdict, at: usize) -> String {
    verdict.issues[at].code.message(Lang::En, &verdict.issues[at].args)
}

#[test]
fn a_good_row_becomes_a_record_without_issues() {
    let verdict = good();
    assert!(verdict.issues.is_empty());
    let record = verdict.record.expect("a record");
    assert_eq!(
        record.canonical(&schema()),
        r#"{"kind":1,"day":"2026-06-14T00:00:00","code":"L-1","amount":5}"#
    );
}

#[test]
fn errors_of_reading_and_mapping_stop_the_row_and_come_first() {
    let mut draft = Draft::default();
    draft.reset(7);
    draft.issues.push(Issue::new(&rules::V005));
    draft.failed = FieldSet::from_iter([0, 1]);
    let verdict = validate(&mut draft, &[Issue::new(&rules::W302)], &schema(), &[], day(TODAY));
    assert_eq!(codes(&verdict), ["W302", "V005"]);
    assert!(verdict.record.is_none());
}

#[test]
fn an_error_found_later_takes_the_record_away() {
    let mut verdict = good();
    verdict.add(Issue::new(&rules::W302));
    assert!(verdict.record.is_some());
    verdict.add(Issue::new(&rules::V007));
    assert!(verdict.record.is_none());
}

#[test]
fn every_code_is_listed_once_and_speaks_both_languages() {
    let listed: BTreeSet<&str> = CODES.iter().map(|info| info.code).collect();
    assert_eq!(listed.len(), CODES.len());
    assert!(rules::ALL.iter().flat_map(|rule| rule.codes).all(|info| listed.contains(info.code)));
    for info in CODES {
        for lang in [Lang::Bg, Lang::En] {
            let words = info.words(lang);
            assert!(![words.message, words.why, words.example, words.repair].contains(&""), "{}", info.code);
        }
    }
}
