//! Consistent copies of a ledger while others read and write it: for a backup, for judging without remembering, and
//! beside a ledger of an earlier form before it is migrated.

use std::fs::File;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags, params};

use super::BUSY;
use crate::ledger::Error;

/// What a copy of a ledger needs beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// The ledger's id.
    pub ledger: String,
    /// Id of its newest event.
    pub event: i64,
    /// Hash of its newest event.
    pub head: String,
    /// Copies of inputs in the spool, by their names there.
    pub spool: Vec<String>,
    /// Drop folders that bear its mark.
    pub folders: Vec<PathBuf>,
}

/// Copies a ledger as it is at one moment, flushed to disk. The copy must not be there yet.
pub(super) fn copy(ledger: &Path, goal: &Path) -> Result<(), Error> {
    let source = read_only(ledger)?;
    source.execute("VACUUM INTO ?1", params![goal.to_string_lossy()])?;
    flush(goal)
}

/// Copies a ledger beside itself before it is migrated. The copy has its name once it is whole.
pub(super) fn keep_former(ledger: &Path, version: u32, now: DateTime<Utc>) -> Result<PathBuf, Error> {
    let name = ledger.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let kept = ledger.with_file_name(format!("{name}.v{version}-{}.bak", now.format("%Y%m%d-%H%M%S")));
    let part = ledger.with_file_name(format!("{name}.bak.part"));
    if part.exists() {
        std::fs::remove_file(&part).map_err(failed)?;
    }
    copy(ledger, &part)?;
    std::fs::rename(&part, &kept).map_err(failed)?;
    if cfg!(unix) {
        flush(ledger.parent().unwrap_or(Path::new(".")))?;
    }
    Ok(kept)
}

/// What a copy needs beside it.
pub(super) fn contents(ledger: &Path) -> Result<Contents, Error> {
    let conn = read_only(ledger)?;
    let texts = |sql: &str| -> Result<Vec<String>, Error> {
        let mut found = conn.prepare(sql)?;
        Ok(found.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    };
    let ledger = texts("SELECT value FROM meta WHERE key = 'id'")?.pop().unwrap_or_default();
    let head = texts("SELECT hash FROM events ORDER BY id DESC LIMIT 1")?.pop().unwrap_or_default();
    let event = conn.query_row("SELECT coalesce(max(id), 0) FROM events", [], |row| row.get(0))?;
    let spool = texts("SELECT DISTINCT sha256 FROM intakes ORDER BY sha256")?;
    let folders = texts("SELECT path FROM folders ORDER BY path")?.into_iter().map(PathBuf::from).collect();
    Ok(Contents { ledger, event, head, spool, folders })
}

fn read_only(path: &Path) -> Result<Connection, Error> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    conn.busy_timeout(BUSY)?;
    Ok(conn)
}

fn flush(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|file| file.sync_all()).map_err(failed)
}

fn failed(source: std::io::Error) -> Error {
    Error::Store(Box::new(source))
}
