//! What this room's tests share: a schema like SESPA's, mappings from text, rows from cells.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::{Bound, Draft, LookupTable, Mapping, Problem, load};
use crate::model::{Field, FieldSet, Issue, Kind, Schema, TypeSpec, Value};
use crate::table::{CellKind, Header, Row};

/// The types of the guideline for wholesalers.
pub(super) const TYPES: [i64; 25] =
    [1, 3, 5, 7, 10, 12, 13, 16, 17, 18, 19, 20, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 36, 37, 38];

/// A schema with SESPA's fields; required fields do not matter to mappings.
pub(super) fn schema() -> Schema {
    let packs = Kind::Integer { min: 1, max: 1_000_000_000 };
    let fields = [
        ("p_actor_reg_no", Kind::Identifier),
        ("p_report_date", Kind::DateTime),
        ("p_drug_code", Kind::Integer { min: 1, max: 999_999_999 }),
        ("p_quantity", packs),
        ("p_trn_type", Kind::Integer { min: 1, max: 99 }),
        ("p_recipient_code", Kind::Identifier),
        ("p_available_qty", Kind::Integer { min: 0, max: 1_000_000_000 }),
        ("p_batch_no", Kind::Identifier),
        ("p_postcode", Kind::Integer { min: 1000, max: 9999 }),
        ("p_rcpt_postcode", Kind::Integer { min: 1000, max: 9999 }),
        ("p_country", Kind::Countries),
        ("p_export_planned_date", Kind::Date),
        ("notes", Kind::Text),
        ("p_drug_product_code", Kind::Identifier),
        ("p_actor_trn_no", Kind::Integer { min: 0, max: 999_999_999_999_999 }),
    ];
    let field = |(name, kind): (&str, Kind)| Field { name: name.to_owned(), kind, identifies: true };
    let spec = |number| TypeSpec {
        number,
        code: String::new(),
        name_bg: String::new(),
        name_en: String::new(),
        from: None,
        until: None,
        required: FieldSet::default(),
        allowed: FieldSet::default(),
        recipient: Vec::new(),
    };
    Schema {
        system: "sespa".to_owned(),
        fields: fields.into_iter().map(field).collect(),
        types: TYPES.into_iter().map(spec).collect(),
        type_field: 4,
        date_field: 1,
        number_field: 14,
        registration_field: 0,
        zone: chrono_tz::Europe::Sofia,
    }
}

/// Writes a file of a test.
pub(super) fn write(path: &Path, content: &[u8]) {
    File::create(path).unwrap().write_all(content).unwrap();
}

/// Lists of tests are UTF-8 with commas.
pub(super) fn open_list(path: &Path) -> Result<LookupTable, String> {
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).from_path(path).map_err(|error| error.to_string())?;
    let texts = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
    let headers = texts(reader.headers().map_err(|error| error.to_string())?);
    let rows = reader.records().map(|record| texts(&record.unwrap())).collect();
    Ok(LookupTable { headers, rows })
}

/// Loads a mapping file where the sections `sespa`, `sespa-plovdiv` (one system) and `siui` exist.
pub(super) fn load_file(path: &Path) -> Result<Mapping, Vec<Problem>> {
    let schemas = |name: &str| {
        let system = match name {
            "sespa" | "sespa-plovdiv" => "sespa",
            "siui" => "siui",
            _ => return None,
        };
        Some(Arc::new(Schema { system: system.to_owned(), ..schema() }))
    };
    let sections = ["sespa", "sespa-plovdiv", "siui"].map(str::to_owned);
    load(path, &schemas, &sections, &open_list)
}

/// Loads a mapping's text, with lists beside it.
pub(super) fn load_text(text: &str, lists: &[(&str, &str)]) -> Result<Mapping, Vec<Problem>> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in lists {
        write(&folder.path().join(name), content.as_bytes());
    }
    let path = folder.path().join("m.toml");
    write(&path, text.as_bytes());
    load_file(&path)
}

/// A mapping with these lines after its name and destination.
pub(super) fn mapping(rest: &str) -> Mapping {
    mapping_with(rest, &[])
}

/// The same with lists beside it.
pub(super) fn mapping_with(rest: &str, lists: &[(&str, &str)]) -> Mapping {
    let text = format!("name = \"test\"\ndestination = \"sespa\"\n{rest}");
    load_text(&text, lists).unwrap_or_else(|problems| panic!("{}", rendered(&problems)))
}

/// Problems as a person sees them.
pub(super) fn rendered(problems: &[Problem]) -> String {
    problems.iter().map(|problem| problem.rendered.clone()).collect::<Vec<_>>().join("\n")
}

/// Headers of a file.
pub(super) fn headers(names: &[&str]) -> Vec<Header> {
    names.iter().enumerate().map(|(index, name)| Header { name: (*name).into(), index }).collect()
}

/// A row of text cells.
pub(super) fn row(cells: &[&str]) -> Row {
    typed_row(&cells.iter().map(|cell| (*cell, CellKind::Text)).collect::<Vec<_>>())
}

/// A row of a workbook.
pub(super) fn typed_row(cells: &[(&str, CellKind)]) -> Row {
    let mut row = Row::new();
    row.start(7);
    for (text, kind) in cells {
        row.push(text, *kind);
    }
    row
}

/// A mapping bound to headers, with the draft of its last row.
pub(super) struct Bench {
    pub(super) bound: Bound,
    pub(super) draft: Draft,
    schema: Schema,
}

impl Bench {
    pub(super) fn new(mapping: &Mapping, names: &[&str]) -> Self {
        let schema = schema();
        let bound = mapping.bind(&headers(names), &schema).unwrap();
        Self { bound, draft: Draft::default(), schema }
    }

    pub(super) fn apply(&mut self, cells: &[&str]) -> &mut Self {
        self.apply_row(&row(cells))
    }

    pub(super) fn apply_row(&mut self, row: &Row) -> &mut Self {
        self.bound.apply(row, &mut self.draft);
        self
    }

    /// A field's value as short text.
    pub(super) fn get(&self, field: &str) -> String {
        match self.draft.value(self.schema.field(field).unwrap()) {
            None => "none".to_owned(),
            Some(Value::Text(text)) => text.to_string(),
            Some(Value::Integer(number)) => number.to_string(),
            Some(Value::DateTime(at)) => at.to_string(),
            Some(Value::Date(day)) => day.to_string(),
        }
    }

    /// Codes with columns, as `M003 Склад`.
    pub(super) fn issues(&self) -> Vec<String> {
        self.draft
            .issues
            .iter()
            .map(|issue| {
                assert_eq!(issue.place.row, Some(7));
                format!("{} {}", issue.code.code, issue.place.column.as_deref().unwrap_or("-"))
            })
            .collect()
    }
}

/// Codes of issues with their arguments.
pub(super) fn codes(issues: &[Issue]) -> Vec<String> {
    issues.iter().map(|issue| format!("{} {}", issue.code.code, issue.args.join("|"))).collect()
}
