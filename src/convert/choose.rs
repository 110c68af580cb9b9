//! Which mapping a file goes by.

use std::path::Path;
use std::sync::Arc;

use crate::mapping::{self, Choice, Mapping};
use crate::model::Lang;
use crate::table::{self, Reading, Table};

/// What fits a file.
pub enum Fit {
    /// This mapping; the file is open as it says.
    One(Arc<Mapping>, Box<Table>),
    /// No mapping.
    None,
    /// Several, equally well.
    Tie(Vec<Arc<Mapping>>),
    /// The file can't be read at all.
    Unreadable(table::Error),
}

/// How a file is read for a mapping.
fn reading(mapping: &Mapping, language: Lang) -> Reading {
    Reading {
        encoding: mapping.table.encoding.clone(),
        delimiter: mapping.table.delimiter.clone(),
        quote: None,
        backslash: None,
        sheet: mapping.table.sheet.clone(),
        header: mapping.table.header,
        header_rows: None,
        skip: mapping.table.skip.clone(),
        expect: mapping.column_names(),
        language,
    }
}

/// Opens the file as each mapping whose name pattern fits would, and chooses by the headers found.
pub fn choose(path: &Path, name: &str, mappings: &[Arc<Mapping>], language: Lang) -> Fit {
    let mut opened: Vec<(Arc<Mapping>, Table)> = Vec::new();
    let mut failed = None;
    for mapping in mappings.iter().filter(|mapping| mapping.glob_score(name).is_some()) {
        match Table::open(path, &reading(mapping, language)) {
            Ok(table) => opened.push((Arc::clone(mapping), table)),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    let candidates = opened.iter().map(|(mapping, table)| (mapping.as_ref(), table.headers()));
    let chosen = match mapping::choose(candidates, name) {
        Choice::One(mapping) => Ok(Some(mapping.path.clone())),
        Choice::None => Ok(None),
        Choice::Tie(several) => Err(several.iter().map(|mapping| mapping.path.clone()).collect::<Vec<_>>()),
    };
    match chosen {
        Err(paths) => {
            let tied = opened.into_iter().map(|(mapping, _)| mapping);
            Fit::Tie(tied.filter(|mapping| paths.contains(&mapping.path)).collect())
        }
        Ok(Some(path)) => match opened.into_iter().find(|(mapping, _)| mapping.path == path) {
            Some((mapping, table)) => whole(mapping, table),
            None => Fit::None,
        },
        Ok(None) => match failed {
            Some(error) if opened.is_empty() => Fit::Unreadable(error),
            _ => unfit(path, language),
        },
    }
}

/// Opens the file as one mapping says, whatever patterns and headers that mapping asks for.
pub fn open_with(path: &Path, mapping: &Arc<Mapping>, language: Lang) -> Fit {
    match Table::open(path, &reading(mapping, language)) {
        Ok(table) => whole(Arc::clone(mapping), table),
        Err(error) => Fit::Unreadable(error),
    }
}

/// The file, unless only a part of its rows would be read.
fn whole(mapping: Arc<Mapping>, table: Table) -> Fit {
    match table.is_half() {
        Some(error) => Fit::Unreadable(error),
        None => Fit::One(mapping, Box::new(table)),
    }
}

/// No mapping fits; a file that nobody could read, or whose column names are damaged, is told as such.
fn unfit(path: &Path, language: Lang) -> Fit {
    match Table::open(path, &Reading { language, ..Reading::default() }) {
        Ok(table) => table.damaged_header().map_or(Fit::None, Fit::Unreadable),
        Err(error) => Fit::Unreadable(error),
    }
}
