//! SESPA's fields and kinds (guideline, section 3.5), and the reader of the catalogue of types.
//!
//! The fields are code because rules and wire know them; the types are data (`catalogue.toml`) because the
//! authority changes them by date.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Deserialize;

use crate::model::{Field, FieldSet, Kind, Schema, TypeSpec};

/// The catalogue that is built in.
const BUILT_IN: &str = include_str!("catalogue.toml");

pub(super) const REGISTRATION: usize = 0;
pub(super) const REPORT_DATE: usize = 1;
pub(super) const DRUG_CODE: usize = 2;
pub(super) const QUANTITY: usize = 3;
pub(super) const TYPE: usize = 4;
pub(super) const RECIPIENT: usize = 5;
pub(super) const AVAILABLE: usize = 6;
pub(super) const BATCH: usize = 7;
pub(super) const POSTCODE: usize = 8;
pub(super) const RECIPIENT_POSTCODE: usize = 9;
pub(super) const COUNTRY: usize = 10;
pub(super) const PLANNED_DATE: usize = 11;
pub(super) const NOTES: usize = 12;
pub(super) const GTIN: usize = 13;
pub(super) const NUMBER: usize = 14;

/// The largest number of fifteen digits: exact in every JSON reader.
const FIFTEEN_DIGITS: i64 = 999_999_999_999_999;
/// More packs than any warehouse holds, and a product code longer than any the authority has given.
const NINE_DIGITS: i64 = 999_999_999;

/// Number of fields.
pub(super) const FIELD_COUNT: usize = 15;

/// Index, name, kind, whether it is part of the fact where a mapping has no key.
const FIELDS: [(usize, &str, Kind, bool); FIELD_COUNT] = [
    (REGISTRATION, "p_actor_reg_no", Kind::Identifier, true),
    (REPORT_DATE, "p_report_date", Kind::DateTime, true),
    (DRUG_CODE, "p_drug_code", Kind::Integer { min: 1, max: NINE_DIGITS }, true),
    (QUANTITY, "p_quantity", Kind::Integer { min: 1, max: NINE_DIGITS }, true),
    (TYPE, "p_trn_type", Kind::Integer { min: 1, max: NINE_DIGITS }, true),
    (RECIPIENT, "p_recipient_code", Kind::Identifier, true),
    (AVAILABLE, "p_available_qty", Kind::Integer { min: 0, max: NINE_DIGITS }, false),
    (BATCH, "p_batch_no", Kind::Identifier, true),
    (POSTCODE, "p_postcode", Kind::Integer { min: 1000, max: 9999 }, true),
    (RECIPIENT_POSTCODE, "p_rcpt_postcode", Kind::Integer { min: 1000, max: 9999 }, true),
    (COUNTRY, "p_country", Kind::Countries, true),
    (PLANNED_DATE, "p_export_planned_date", Kind::Date, true),
    (NOTES, "notes", Kind::Text, false),
    (GTIN, "p_drug_product_code", Kind::Identifier, true),
    (NUMBER, "p_actor_trn_no", Kind::Integer { min: 1, max: FIFTEEN_DIGITS }, true),
];

/// What goes out in every type, whatever the catalogue lists.
const ALWAYS: [usize; 6] = [AVAILABLE, BATCH, POSTCODE, NOTES, GTIN, NUMBER];

/// A catalogue is wrong. Whoever wrote it can mend it.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// No TOML, or not of the catalogue's form.
    #[error("the catalogue cannot be read: {0}")]
    Form(#[source] Box<toml::de::Error>),
    /// It lists no type at all.
    #[error("the catalogue lists no type")]
    Empty,
    /// A type names a field that there is not.
    #[error("type {number}: there is no field `{name}`; did you mean `{nearest}`?")]
    Field {
        /// The type's number; 0 for the base that all types share.
        number: i64,
        /// What it names.
        name: String,
        /// The most similar field.
        nearest: &'static str,
    },
    /// The first day of an entry is after its last.
    #[error("type {number}: valid from {from}, which is after its last day {until}")]
    Period {
        /// The type's number.
        number: i64,
        /// First day.
        from: NaiveDate,
        /// Last day.
        until: NaiveDate,
    },
    /// Two entries of one type hold on the same day.
    #[error(
        "type {number}: two entries hold on the same day; give them `from` and `until` that do not overlap"
    )]
    Overlap {
        /// The type's number.
        number: i64,
    },
    /// The type requires a recipient but says nothing of its form, or the other way round.
    #[error("type {number}: `p_recipient_code` and `recipient` belong together; give both or neither")]
    Recipient {
        /// The type's number.
        number: i64,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    base: Vec<String>,
    #[serde(rename = "type", default)]
    types: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    number: i64,
    #[serde(default)]
    code: String,
    bg: String,
    en: String,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    optional: Vec<String>,
    #[serde(default)]
    recipient: Vec<Form>,
    from: Option<NaiveDate>,
    until: Option<NaiveDate>,
}

/// What a recipient code may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    /// A permit of the medicines agency: free text.
    Permit,
    /// The register's 9 or 13 digits.
    Eik,
    /// The regional health inspectorate's ten digits.
    Rzi,
}

impl Form {
    /// The word in the catalogue and in [`TypeSpec::recipient`].
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Eik => "eik",
            Self::Rzi => "rzi",
        }
    }
}

/// The schema under the given catalogue text, or the built-in one.
pub(super) fn schema(catalogue: Option<&str>) -> Result<Schema, CatalogueError> {
    let text = catalogue.unwrap_or(BUILT_IN);
    let catalogue: Catalogue = toml::from_str(text).map_err(|error| CatalogueError::Form(Box::new(error)))?;
    let base = set(0, &catalogue.base)?;
    let mut types = Vec::with_capacity(catalogue.types.len());
    for entry in catalogue.types {
        types.push(type_spec(entry, base)?);
    }
    check_periods(&types)?;
    Ok(Schema {
        system: "sespa".to_owned(),
        fields: FIELDS.into_iter().map(field).collect(),
        types,
        type_field: TYPE,
        date_field: REPORT_DATE,
        number_field: NUMBER,
        registration_field: REGISTRATION,
        zone: chrono_tz::Europe::Sofia,
    })
}

fn field((_, name, kind, identifies): (usize, &str, Kind, bool)) -> Field {
    Field { name: name.to_owned(), kind, identifies }
}

fn type_spec(entry: Entry, base: FieldSet) -> Result<TypeSpec, CatalogueError> {
    let number = entry.number;
    let required = base.union(set(number, &entry.required)?);
    let allowed = required.union(set(number, &entry.optional)?);
    if let (Some(from), Some(until)) = (entry.from, entry.until)
        && from > until
    {
        return Err(CatalogueError::Period { number, from, until });
    }
    if allowed.contains(RECIPIENT) == entry.recipient.is_empty() {
        return Err(CatalogueError::Recipient { number });
    }
    Ok(TypeSpec {
        number,
        code: entry.code,
        name_bg: entry.bg,
        name_en: entry.en,
        from: entry.from,
        until: entry.until,
        // The destination gives the registration number, so a row never lacks it.
        required: required.minus(FieldSet::from_iter([REGISTRATION])),
        allowed: allowed.union(ALWAYS.into_iter().collect()),
        recipient: entry.recipient.iter().map(|form| form.word().to_owned()).collect(),
    })
}

fn set(number: i64, names: &[String]) -> Result<FieldSet, CatalogueError> {
    names.iter().map(|name| index(number, name)).collect()
}

fn index(number: i64, name: &str) -> Result<usize, CatalogueError> {
    let found = FIELDS.iter().position(|(_, known, ..)| *known == name);
    found.ok_or_else(|| {
        let likeness = |known: &str| strsim::jaro_winkler(known, name);
        let known = FIELDS.iter().map(|(_, known, ..)| *known);
        let nearest = known.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or_default();
        CatalogueError::Field { number, name: name.to_owned(), nearest }
    })
}

fn check_periods(types: &[TypeSpec]) -> Result<(), CatalogueError> {
    let mut periods = BTreeSet::new();
    for spec in types {
        let from = spec.from.unwrap_or(NaiveDate::MIN);
        if !periods.insert((spec.number, from, spec.until.unwrap_or(NaiveDate::MAX))) {
            return Err(CatalogueError::Overlap { number: spec.number });
        }
    }
    let after = periods.iter().skip(1);
    let overlap = periods.iter().zip(after).find(|(former, next)| former.0 == next.0 && next.1 <= former.2);
    match overlap {
        Some((former, _)) => Err(CatalogueError::Overlap { number: former.0 }),
        None if types.is_empty() => Err(CatalogueError::Empty),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        ALWAYS, CatalogueError, FIELDS, FieldSet, NOTES, POSTCODE, RECIPIENT, RECIPIENT_POSTCODE, schema,
    };
    use crate::model::Schema;

    fn names(schema: &Schema, fields: FieldSet) -> Vec<&str> {
        fields.iter().map(|index| schema.fields[index].name.as_str()).collect()
    }

    fn error(types: &str) -> String {
        schema(Some(&format!("base = [\"p_trn_type\"]\n{types}"))).expect_err("an error").to_string()
    }

    #[test]
    fn every_field_stands_at_its_index() {
        assert!(FIELDS.iter().enumerate().all(|(at, (index, ..))| at == *index));
    }

    #[test]
    fn the_built_in_catalogue_has_the_guidelines_25_types() {
        let schema = schema(None).expect("the built-in catalogue");
        let numbers: Vec<i64> = schema.types.iter().map(|spec| spec.number).collect();
        let guideline =
            [1, 3, 5, 7, 10, 12, 13, 16, 17, 18, 19, 20, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 36, 37, 38];
        assert_eq!(numbers, guideline);
        let base = ["p_report_date", "p_drug_code", "p_quantity", "p_trn_type"];
        for spec in &schema.types {
            assert_eq!(&names(&schema, spec.required)[..4], base, "{}", spec.number);
            assert!(ALWAYS.iter().all(|field| spec.allowed.contains(*field)), "{}", spec.number);
            assert_eq!(spec.required.contains(POSTCODE), spec.number != 10, "{}", spec.number);
        }
    }

    #[test]
    fn what_types_require_follows_the_guideline() {
        let schema = schema(None).expect("the built-in catalogue");
        let with = |field: usize| -> Vec<i64> {
            let types = schema.types.iter();
            types.filter(|spec| spec.required.contains(field)).map(|spec| spec.number).collect()
        };
        assert_eq!(with(NOTES), [25, 26, 37]);
        assert_eq!(with(RECIPIENT), [3, 7, 16, 17, 18, 19, 20, 24, 27, 32, 38]);
        assert_eq!(with(RECIPIENT_POSTCODE), [16, 33]);
        assert_eq!(with(super::COUNTRY), [5, 10]);
        assert_eq!(with(super::PLANNED_DATE), [10]);
        assert_eq!(
            with(super::AVAILABLE),
            [1, 3, 5, 7, 12, 13, 16, 17, 18, 19, 20, 24, 25, 26, 27, 37, 38],
            "missing in 10, 28 to 33 and 36"
        );
        let returned = schema.type_on(38, None).expect("type 38");
        assert!(returned.allowed.contains(RECIPIENT_POSTCODE));
    }

    #[test]
    fn a_wrong_catalogue_says_what_is_wrong() {
        let type_3 = "[[type]]\nnumber = 3\nbg = \"x\"\nen = \"x\"\n";
        assert!(error("").contains("lists no type"));
        assert!(error(&format!("{type_3}required = [\"p_quantty\"]")).contains("`p_quantity`"));
        assert!(
            error(&format!("{type_3}from = \"2026-02-01\"\nuntil = \"2026-01-31\""))
                .contains("after its last day")
        );
        assert!(error(&format!("{type_3}{type_3}")).contains("same day"));
        assert!(
            error(&format!("{type_3}until = \"2026-02-01\"\n{type_3}from = \"2026-02-01\""))
                .contains("same day")
        );
        assert!(error(&format!("{type_3}required = [\"p_recipient_code\"]")).contains("belong together"));
        assert!(error(&format!("{type_3}recipient = [\"vat\"]")).contains("cannot be read"));
        assert!(matches!(schema(Some("base = 3")), Err(CatalogueError::Form(_))));
    }

    #[test]
    fn entries_of_one_type_may_follow_each_other() {
        let entry = "[[type]]\nnumber = 3\nbg = \"x\"\nen = \"x\"\n";
        let text = format!(
            "base = []\n{entry}until = \"2025-12-31\"\n{entry}from = \"2026-01-01\"\nrequired = [\"notes\"]"
        );
        let schema = schema(Some(&text)).expect("a catalogue");
        let on = |day: &str| schema.type_on(3, day.parse().ok()).expect("type 3");
        assert!(!on("2025-12-31").required.contains(NOTES));
        assert!(on("2026-01-01").required.contains(NOTES));
    }
}
