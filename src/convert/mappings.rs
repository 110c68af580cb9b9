//! All mappings of a folder or a list of files, loaded with the lists they look up in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::mapping::{self, LookupTable, Mapping, Problem};
use crate::model::{Lang, Schema};
use crate::table::{Reading, Row, Table, W114};

/// Most rows of a list: more would be a catalogue, not a list.
const MOST_LIST_ROWS: usize = 1_000_000;

/// The schema of each configured section, by the section's name.
pub type Schemas = HashMap<String, Arc<Schema>>;

/// The mappings that could be read, and what is wrong with the others.
#[derive(Debug, Default, Clone)]
pub struct Mappings {
    /// Good ones, in the order of their paths.
    pub good: Vec<Arc<Mapping>>,
    /// Good ones that read lists of what a system has.
    pub lists: Vec<Arc<Mapping>>,
    /// Every mistake in the others. They stop only their own files.
    pub problems: Vec<Problem>,
}

impl Mappings {
    /// Loads every `.toml` in the folders (and below) and every file named.
    pub fn load(paths: &[PathBuf], schemas: &Schemas) -> Self {
        let mut sections: Vec<String> = schemas.keys().cloned().collect();
        sections.sort();
        let mut loaded = Self::default();
        let mut files = Vec::new();
        for path in paths {
            files_of(path, &mut files);
        }
        for path in files {
            let schema = |name: &str| schemas.get(name).cloned();
            match mapping::load(&path, &schema, &sections, &open_list) {
                Ok(mapping) if mapping.reads_lists() => loaded.lists.push(Arc::new(mapping)),
                Ok(mapping) => loaded.good.push(Arc::new(mapping)),
                Err(problems) => loaded.problems.extend(problems),
            }
        }
        loaded
    }

    /// The mapping of a name.
    pub fn named(&self, name: &str) -> Option<&Arc<Mapping>> {
        self.good.iter().find(|mapping| mapping.name == name)
    }
}

fn files_of(path: &Path, files: &mut Vec<PathBuf>) {
    if !path.is_dir() {
        files.push(path.to_owned());
        return;
    }
    let Ok(entries) = std::fs::read_dir(path) else { return };
    let mut inside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    inside.sort();
    for entry in inside {
        if entry.is_dir() || entry.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
        {
            files_of(&entry, files);
        }
    }
}

/// Reads a list as inputs are read: any encoding, delimiter, workbook.
fn open_list(path: &Path) -> Result<LookupTable, String> {
    let told = |error: crate::table::Error| {
        let issue = error.issue();
        issue.code.message(Lang::En, &issue.args)
    };
    let mut table = Table::open(path, &Reading::default()).map_err(told)?;
    if let Some(error) = table.is_half() {
        return Err(told(error));
    }
    let headers = table.headers().iter().map(|header| header.name.to_string()).collect();
    let mut rows = Vec::new();
    let mut row = Row::new();
    while table.read(&mut row).map_err(told)? {
        if rows.len() >= MOST_LIST_ROWS {
            return Err(format!("has more than {MOST_LIST_ROWS} rows"));
        }
        // What is damaged, or put in order by inference, must not be looked up from without a word.
        if row.is_mended() {
            return Err(format!("row {} is damaged: its cells don't match the columns", row.number()));
        }
        if let Some(issue) = row.issues().iter().find(|issue| issue.is_error()).filter(|_| row.is_shifted()) {
            return Err(format!("row {}: {}", row.number(), issue.code.message(Lang::En, &issue.args)));
        }
        rows.push(row.cells().map(|cell| cell.text.to_owned()).collect());
    }
    if let Some(note) = table.found().notes.iter().find(|note| note.code.code == W114.code) {
        return Err(note.code.message(Lang::En, &note.args));
    }
    Ok(LookupTable { headers, rows })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn nothing_is_looked_up_in_a_damaged_list() {
        let list = |text: &str| {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            open_list(file.path())
        };
        let whole = list("code;name;postcode\nA;Централен;1532\nB;Склад;4000\n").unwrap();
        assert_eq!(whole.rows.len(), 2);
        for damaged in ["B;Склад;;4000\n", "B;4000\n", "B;\"Склад;4000\n"] {
            let refused = list(&format!("code;name;postcode\nA;Централен;1532\n{damaged}")).unwrap_err();
            assert!(refused.contains("row 3"), "{refused}");
        }
    }
}
