//! What a `case.toml` may say. `tests/cases/README.md` explains it to those who write one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// One case: a folder under `tests/cases`.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) script: Script,
}

/// A `case.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// What a user is promised here.
    pub(crate) about: String,
    /// Settings in place of the usual ones; `drop` is the one drop folder's.
    #[serde(default)]
    pub(crate) config: toml::Table,
    /// Encodings of inputs, which stand in the case as UTF-8.
    #[serde(default)]
    pub(crate) encoding: BTreeMap<String, String>,
    /// Files compared whole with `out/` at the end.
    #[serde(default)]
    pub(crate) compare: Vec<String>,
    pub(crate) step: Vec<Step>,
}

/// What is done and then expected; everything in the order of the fields.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Step {
    pub(crate) config: Option<toml::Table>,
    pub(crate) put: Vec<String>,
    pub(crate) drop: Vec<String>,
    pub(crate) write: BTreeMap<String, String>,
    pub(crate) replace: Vec<Replace>,
    pub(crate) edit: Vec<Edit>,
    pub(crate) remove: Vec<String>,
    /// Files saved again with the same bytes: another time of change.
    pub(crate) touch: Vec<String>,
    /// Files put back from a copy: the same bytes and time of change, another file of the file system.
    pub(crate) restore: Vec<String>,
    pub(crate) faults: Option<Vec<toml::Table>>,
    /// Numbers of the system that somebody cancels in its portal.
    pub(crate) cancel: Vec<String>,
    /// Where the sandbox's list is put, as a person fetches it from a portal.
    pub(crate) list: Option<String>,
    /// Statements run on the ledger, as somebody with a tool for databases might.
    pub(crate) sql: Vec<String>,
    pub(crate) run: Vec<String>,
    pub(crate) exit: i32,
    pub(crate) stdout: Vec<String>,
    pub(crate) not_stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
    pub(crate) rows: BTreeMap<String, Vec<String>>,
    pub(crate) totals: BTreeMap<String, BTreeMap<String, u64>>,
    pub(crate) state: BTreeMap<String, String>,
    pub(crate) holds: BTreeMap<String, Vec<String>>,
    /// Parts that files do not hold.
    pub(crate) lacks: BTreeMap<String, Vec<String>>,
    pub(crate) gone: Vec<String>,
    pub(crate) files: Option<Vec<String>>,
    pub(crate) books: BTreeMap<String, u64>,
}

/// A text changed in place.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replace {
    pub(crate) file: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

/// Cells of one row of a report changed as a person would.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    pub(crate) file: String,
    /// The row's `rx_row`.
    pub(crate) row: String,
    pub(crate) set: BTreeMap<String, String>,
    /// Saved under this name; left out, in place.
    pub(crate) save_as: Option<String>,
}

impl Case {
    /// Reads `tests/cases/<name>`.
    pub(crate) fn read(folder: &Path) -> Self {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(folder.join("case.toml")).unwrap();
        let script = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}/case.toml: {error}"));
        Self { name, folder: folder.to_owned(), script }
    }

    /// All cases in the order of their names.
    pub(crate) fn all() -> Vec<Self> {
        let folder = super::place::root().join("tests/cases");
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut folders: Vec<_> = entries.filter(|path| path.join("case.toml").exists()).collect();
        folders.sort();
        folders.iter().map(|folder| Self::read(folder)).collect()
    }
}
