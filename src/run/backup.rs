//! A consistent copy of everything the ledger needs, made while it works: the database at one moment, the copies of
//! inputs that it names, the marks. It is laid out as the ledger's folder is, so it is restored by putting it there.
//! The configuration is not part of it, nor is any secret.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use super::Shop;
use crate::ledger::Sqlite;
use crate::marks::NAME;
use crate::model::hash;

/// The list of a backup, written last: a backup without it is not whole.
const MANIFEST: &str = "manifest.json";

/// What a backup holds.
#[derive(Debug, Serialize)]
pub struct Backup {
    schema: &'static str,
    version: &'static str,
    made_at: String,
    /// Id of the ledger.
    pub ledger: String,
    event: i64,
    ledger_head: String,
    /// Every file with its hash.
    pub files: Vec<Entry>,
    /// Copies of inputs that the ledger names and the spool lacks.
    pub missing: Vec<String>,
}

/// One file of a backup.
#[derive(Debug, Serialize)]
pub struct Entry {
    name: String,
    bytes: u64,
    sha256: String,
    /// Of a folder's mark: the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<PathBuf>,
}

/// Makes a backup in a folder that is new or empty.
///
/// # Errors
/// When the folder holds something, or something can't be read or written; what is there then has no manifest.
pub fn backup(shop: &Shop, goal: &Path) -> Result<Backup> {
    make_private(goal)?;
    if std::fs::read_dir(goal)?.next().is_some() {
        bail!("{} is not empty; name a new folder", goal.display());
    }
    let name = shop.config.ledger.path.file_name().unwrap_or_default();
    let copy = goal.join(name);
    // The database first: whatever it names is in the spool already, and the marks can only be newer.
    let contents = Sqlite::copy(&shop.config.ledger.path, &copy)?;
    let mut made = Backup {
        schema: "rxdrop-backup/1",
        version: env!("CARGO_PKG_VERSION"),
        made_at: shop.world.clock.now().to_rfc3339(),
        ledger: contents.ledger,
        event: contents.event,
        ledger_head: contents.head,
        files: vec![entry(goal, &copy, None)?],
        missing: Vec::new(),
    };
    make_private(&goal.join("spool"))?;
    for sha256 in contents.spool {
        let (from, to) = (shop.spool.join(&sha256), goal.join("spool").join(&sha256));
        match keep(goal, &from, &to, None)? {
            Some(entry) if entry.sha256 == sha256 => made.files.push(entry),
            _ => made.missing.push(sha256),
        }
    }
    if let Some(marks) = &shop.marks {
        let own = goal.join(marks.own().file_name().unwrap_or_default());
        made.files.extend(keep(goal, marks.own(), &own, None)?);
    }
    make_private(&goal.join("marks"))?;
    for (number, folder) in (1..).zip(contents.folders) {
        let to = goal.join("marks").join(format!("{number}.json"));
        made.files.extend(keep(goal, &folder.join(NAME), &to, Some(folder))?);
    }
    finish(goal, &made)?;
    Ok(made)
}

/// Copies one file, flushed; none where it is not there.
fn keep(goal: &Path, from: &Path, to: &Path, folder: Option<PathBuf>) -> Result<Option<Entry>> {
    if !from.is_file() {
        return Ok(None);
    }
    std::fs::copy(from, to).with_context(|| format!("{} could not be copied", from.display()))?;
    File::open(to)?.sync_all()?;
    entry(goal, to, folder).map(Some)
}

fn entry(goal: &Path, path: &Path, folder: Option<PathBuf>) -> Result<Entry> {
    let name = path.strip_prefix(goal).unwrap_or(path).to_string_lossy().replace('\\', "/");
    let file = File::open(path)?;
    Ok(Entry { name, bytes: file.metadata()?.len(), sha256: hash::sha256_of(file)?, folder })
}

fn finish(goal: &Path, made: &Backup) -> Result<()> {
    let mut list = tempfile::NamedTempFile::new_in(goal)?;
    list.write_all(&serde_json::to_vec_pretty(made)?)?;
    list.as_file().sync_all()?;
    list.persist(goal.join(MANIFEST))?;
    if cfg!(unix) {
        File::open(goal)?.sync_all()?;
    }
    Ok(())
}

#[cfg(unix)]
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}
