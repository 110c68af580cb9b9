//! Which files are ready to be taken, and a safe copy of each.
//!
//! [`list`] decides what there is; folder events only wake ([`wake_on_events`]). [`Settling`] tells which
//! candidates have rested. [`snapshot`] copies one to the spool while hashing it; only that copy is ever
//! read. [`names`] gives our own files beside an input their names, and knows them again.
//!
//! Which candidates were taken before, and which of our own files are still as we wrote them, only the
//! ledger knows: a candidate whose name is one of ours says so, and the caller asks.

mod codes;
mod list;
pub mod names;
mod settle;
mod snapshot;
mod wake;

use std::path::PathBuf;

use crate::model::{CodeInfo, Lang};

pub use codes::{
    CODES, F001, F002, F003, F004, F005, F006, F007, F008, F009, F010, F011, F012, F013, F014, F015, F016,
    F017,
};
pub use list::{Candidate, FileId, Ignored, Listing, Refused, Stamp, list};
pub use names::{Report, ReportName, escaped, parse_report_name, report_name};
pub use settle::{Readiness, Settling};
pub use snapshot::{Copied, prepare_spool, snapshot};
pub use wake::{Wakers, wake_on_events};

/// Largest file that is taken, in bytes. A day's export has megabytes; a copy of more would fill disks.
pub const MOST_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// A folder or file could not be taken now. None of these ends anything but the pass over that file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder can't be listed, in whole: nothing is known about its files.
    #[error("{}", self.explain(Lang::En))]
    FolderAway {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No right to read, or a failing disk.
    #[error("{}", self.explain(Lang::En))]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another program has it open for writing (Windows says so).
    #[error("{}", self.explain(Lang::En))]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It is no longer there.
    #[error("{}", self.explain(Lang::En))]
    Vanished {
        /// The file.
        path: PathBuf,
    },
    /// It is not what was listed, or became something else while it was copied.
    #[error("{}", self.explain(Lang::En))]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// It became a link, a pipe or a device after it was listed.
    #[error("{}", self.explain(Lang::En))]
    NotPlain {
        /// The file.
        path: PathBuf,
        /// What it is.
        code: &'static CodeInfo,
    },
    /// Our own copy can't be written.
    #[error("{}", self.explain(Lang::En))]
    Spool {
        /// The spool.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl Error {
    /// Its code.
    pub fn code(&self) -> &'static CodeInfo {
        match self {
            Self::FolderAway { .. } => &F009,
            Self::Unreadable { .. } => &F010,
            Self::InUse { .. } => &F001,
            Self::Vanished { .. } => &F016,
            Self::Changed { .. } => &F012,
            Self::NotPlain { code, .. } => code,
            Self::Spool { .. } => &F015,
        }
    }

    /// The arguments of its code's message.
    pub fn args(&self) -> Vec<String> {
        match self {
            Self::FolderAway { folder: path, source }
            | Self::Unreadable { path, source }
            | Self::Spool { path, source } => vec![path.display().to_string(), source.to_string()],
            Self::InUse { .. } | Self::Vanished { .. } | Self::Changed { .. } | Self::NotPlain { .. } => {
                Vec::new()
            }
        }
    }

    /// What is wrong and what to do.
    pub fn explain(&self, lang: Lang) -> String {
        self.code().message(lang, &self.args())
    }
}
