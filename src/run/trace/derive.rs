//! How a row's fields came about: its cells read again from the kept copy, under the mapping of then.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::super::pinned::Pinned;
use super::super::{Shop, answers, open_folders};
use crate::convert;
use crate::ledger::FileView;
use crate::mapping::{Bound, Mapping, Origin};
use crate::table::{Header, Row, Table};

/// A cell of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CellAt {
    /// As Excel names it, for example `C14`.
    pub address: String,
    /// Its column's header.
    pub header: String,
    /// Its text, as read.
    pub text: String,
}

/// How one field was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldMade {
    /// The system's name of the field.
    pub field: String,
    /// What became of it; none where it was left out.
    pub value: Option<Value>,
    /// The cells it was made of; none for what the mapping itself says.
    pub cells: Vec<CellAt>,
    /// The rule that says how, counted from 1; none for `[fields]`.
    pub rule: Option<usize>,
    /// Whether a list was looked into.
    pub looked_up: bool,
}

/// Whether the mapping is still the one of then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MappingNow {
    /// To the letter, its lists too: fields and rules are shown.
    Same,
    /// It was changed since, so nothing is derived from it.
    Changed,
    /// There is none of that name any more.
    Gone,
    /// The kept copy can't be read as it was then.
    Unreadable,
}

/// What reading a row again gives.
#[derive(Debug, Clone, Serialize)]
pub struct Derived {
    /// Whether the mapping is still the one of then.
    pub mapping_now: MappingNow,
    /// Rules whose conditions the row meets, counted from 1.
    pub rules: Vec<usize>,
    /// How each mapped field was made.
    pub fields: Vec<FieldMade>,
}

impl Derived {
    fn nothing(mapping_now: MappingNow) -> Self {
        Self { mapping_now, rules: Vec::new(), fields: Vec::new() }
    }
}

/// Reads one row of a file again.
pub(super) fn derive(shop: &Shop, view: &FileView, number: u32, members: Option<&str>) -> Derived {
    let mapping = match mapping_of(shop, view) {
        Ok(mapping) => mapping,
        Err(now) => return Derived::nothing(now),
    };
    let unreadable = Derived::nothing(MappingNow::Unreadable);
    let Some((mut table, mut bound, names)) = reopened(shop, view, &mapping) else { return unreadable };
    let headers = table.headers().to_vec();
    let (mut row, mut draft) = (Row::new(), crate::mapping::Draft::default());
    let fills = !bound.filled_columns().is_empty();
    while table.read(&mut row).unwrap_or(false) {
        if fills || row.number() == number {
            bound.apply(&row, &mut draft);
        }
        if row.number() == number {
            let origins = bound.origins(&row);
            let members: Value = members.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            let made = |origin| made(origin, &headers, &row, &names, &members);
            let fields = origins.fields.iter().filter_map(made).collect();
            return Derived { mapping_now: MappingNow::Same, rules: origins.rules, fields };
        }
    }
    unreadable
}

fn mapping_of(shop: &Shop, view: &FileView) -> Result<Arc<Mapping>, MappingNow> {
    let then = view.mapping.as_ref().ok_or(MappingNow::Gone)?;
    let folders = open_folders(shop);
    let here = folders.iter().filter(|folder| folder.drop.folder == view.folder);
    let named: Vec<_> = here.filter_map(|folder| folder.mappings.named(&then.name)).collect();
    let same = named.iter().find(|mapping| mapping.sha256 == then.sha256);
    match same {
        Some(mapping) => Ok(Arc::clone(mapping)),
        None if named.is_empty() => Err(MappingNow::Gone),
        None => Err(MappingNow::Changed),
    }
}

/// The copy opened as it was then, its columns bound, and the names of the system's fields.
fn reopened(shop: &Shop, view: &FileView, mapping: &Mapping) -> Option<(Table, Bound, Vec<String>)> {
    let schemas = shop.sections.schemas();
    let schema = view.destinations.iter().find_map(|section| schemas.get(section))?;
    let pinned: Pinned = serde_json::from_value(view.reading.clone()?).ok()?;
    let table = Table::open(&view.snapshot, &pinned.reading()).ok()?;
    let known = answers(view.reading.as_ref());
    let decided = convert::prove(&view.snapshot, &table, mapping, schema, &known).ok()?.ok()?;
    let bound = mapping.bind_decided(table.headers(), schema, &decided).ok()?;
    let names = schema.fields.iter().map(|field| field.name.clone()).collect();
    Some((table, bound, names))
}

fn made(
    origin: &Origin,
    headers: &[Header],
    row: &Row,
    names: &[String],
    members: &Value,
) -> Option<FieldMade> {
    let field = names.get(origin.field)?.clone();
    let cell = |column: &usize| {
        let header = headers.iter().find(|header| header.index == *column);
        let letter = header.map(Header::letter).unwrap_or_default();
        CellAt {
            address: format!("{letter}{}", row.number()),
            header: header.map_or(String::new(), |header| header.name.to_string()),
            text: row.cell(*column).map_or(String::new(), |cell| cell.text.to_owned()),
        }
    };
    let cells = origin.columns.iter().map(cell).collect();
    let value = members.get(&field).cloned();
    Some(FieldMade { field, value, cells, rule: origin.rule, looked_up: origin.looked_up })
}
