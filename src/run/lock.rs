//! One process sends per ledger.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use chrono::{DateTime, Utc};

/// The right to send, held while it lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Somebody else has it, or it can't be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process sends from this ledger.
    #[error("another rxdrop works with this ledger ({holder}); stop it first, or leave the work to it")]
    Taken {
        /// Who, as it wrote itself.
        holder: String,
    },
    /// The lock's file can't be used.
    #[error("the lock {path} can't be used")]
    File {
        /// Its path.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Lock {
    /// Takes the lock beside a ledger.
    ///
    /// # Errors
    /// When another process holds it; the error names that one.
    pub fn take(ledger: &Path, now: DateTime<Utc>) -> Result<Self, Error> {
        let path = ledger.with_extension("lock");
        let failed = |source| Error::File { path: path.display().to_string(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Who holds it is a courtesy: on some systems a locked file can't be read.
                let _ = file.read_to_string(&mut holder);
                let holder = if holder.is_empty() { "its name can't be read".to_owned() } else { holder };
                return Err(Error::Taken { holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let name = owner(now);
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(name.as_bytes()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// The right to stage a file or to write reports, one at a time among all processes of a ledger: `retry` and
/// `release` work beside a running `watch`. Waits for it; given back when it is dropped.
pub(super) fn desk(path: &Path) -> Result<File, Error> {
    let failed = |source| Error::File { path: path.display().to_string(), source };
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

/// This process, for people: its number and when it began.
pub(super) fn owner(now: DateTime<Utc>) -> String {
    format!("process {}, since {}", std::process::id(), now.format("%Y-%m-%d %H:%M:%S UTC"))
}
