//! `rxdrop.toml` becomes each stage's own settings. The only reader of the environment.
//!
//! [`load`] finds everything that is wrong at once, each with file, line, column and a caret.
//! Nothing outside the file is asked: whether folders exist and a login works is found by what uses them.

mod codes;
mod document;
mod duration;
mod example;
mod load;
mod network;
mod problem;
mod raw;
mod secret;
mod sections;
mod text;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::NaiveDate;

use crate::destinations::Section;
use crate::model::Lang;

pub use codes::{C020, C021, CODES};
pub use duration::parse_duration;
pub use example::template;
pub use load::load;
pub use network::is_network_path;
pub use problem::{Problem, Problems};
pub use raw::{Accept, After, Level};
pub use secret::{SecretError, read_secret};
pub use sections::sandbox_defaults;

/// A whole configuration, checked, with defaults filled in and paths made absolute.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from.
    pub path: PathBuf,
    /// The folder of the file; relative paths start there.
    pub dir: PathBuf,
    /// Where the ledger is.
    pub ledger: LedgerSettings,
    /// The log.
    pub log: LogSettings,
    /// The watched folders, in the order of the file.
    pub drops: Vec<DropFolder>,
    /// The registrations, by name. Where the file has none: the sandbox's `sespa`.
    pub sections: Vec<Section>,
}

impl Config {
    /// The section of a name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }
}

/// `[ledger]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerSettings {
    /// The database file, on a local disk. Spool and marks lie in its folder.
    pub path: PathBuf,
    /// 1 to 999, the first three digits of the numbers we issue.
    pub installation: u16,
    /// How many days requests and answers of settled batches are kept whole; none: for ever.
    pub keep_raw_days: Option<u32>,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// One file a day whose name begins so; a relative name starts at the ledger's folder.
    /// None: standard error only.
    pub file: Option<PathBuf>,
    /// The least important that is logged.
    pub level: Level,
}

/// `[[drop]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropFolder {
    /// The folder that is watched.
    pub folder: PathBuf,
    /// Mapping files, and folders of them.
    pub mappings: Vec<PathBuf>,
    /// The section rows go to, whatever the mapping says.
    pub destination: Option<String>,
    /// Quiet time before a file is taken, from our first sight. Zero: taken at once.
    pub settle: Duration,
    /// Time between two full listings, at least 10 ms.
    pub poll: Duration,
    /// Files last changed before this day are left alone and counted.
    pub since: Option<NaiveDate>,
    /// What is sent of a file with refused rows.
    pub accept: Accept,
    /// What becomes of a file whose rows are all final.
    pub after: After,
    /// The language of its reports and notices.
    pub language: Lang,
    /// What lies there are lists of what the system has, and nothing is sent of it.
    pub lists: bool,
}

/// The folder inside a drop folder where lists of what the system has are dropped.
pub const LISTS: &str = "reconcile";

impl DropFolder {
    /// The folder that bears our mark: lists lie in a folder of it.
    pub fn marked(&self) -> &Path {
        let parent = self.folder.parent().filter(|_| self.lists);
        parent.unwrap_or(&self.folder)
    }

    /// Its folder for lists, taken as its files are.
    #[must_use]
    pub fn for_lists(&self) -> Self {
        let folder = self.folder.join(LISTS);
        Self {
            folder,
            lists: true,
            since: None,
            accept: Accept::GoodRows,
            after: After::Keep,
            ..self.clone()
        }
    }
}

/// The JSON Schema of `rxdrop.toml`.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(raw::RawFile).to_value()
}
