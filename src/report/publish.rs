//! The only place that touches the disk beside an input: temporary files, renaming, removing.
//!
//! What lies there and is not ours, by its bytes, was changed by a person and is never lost: changed results,
//! receipts and notices are renamed aside, changed errors files are inputs and stay until their bytes are in
//! the spool. What is open in a spreadsheet program is left; the report gets a number.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use chrono_tz::Europe::Sofia;
use sha2::{Digest, Sha256};

use super::join::Cause;
use super::prepare::{Prepared, PreparedFile};
use super::receipt::{Receipt, ReportNote};
use super::{Error, Kind, Names};

/// Highest number a report gets while the plain name can't be had.
const NUMBERS: u32 = 9;

/// What the ledger knows about files beside an input, and is told.
pub struct Desk<'a> {
    /// What our files are called.
    pub names: Names<'a>,
    /// Whether we wrote these bytes (SHA-256, lower-case hex) under this name.
    pub is_ours: &'a dyn Fn(&str, &str) -> bool,
    /// Whether these bytes are in the spool, so that a changed errors file is not lost.
    pub is_copied: &'a dyn Fn(&str) -> bool,
    /// Commits name and hash of a file that is about to appear and was not among the prepared ones.
    pub remember: &'a mut dyn FnMut(&str, &str) -> Result<(), Cause>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// What came to lie beside the input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// Kind, name and SHA-256 of everything that is current.
    pub files: Vec<(Kind, String, String)>,
    /// Whether something could not get its plain name, or not be removed, because it is open: try again later.
    pub behind: bool,
    /// Changed errors files that are not yet in the spool; the newer ones wait for them.
    pub postponed: Vec<Kind>,
}

/// Moves everything prepared into place, the receipt last, and removes what must no longer lie there.
///
/// The hashes of [`Prepared::files`] must be in the ledger. If a report gets another name than expected, the
/// receipt is written anew and `remember`ed before it appears.
pub fn publish(prepared: Prepared, desk: &mut Desk<'_>) -> Result<Published, Error> {
    let Prepared { files, obsolete, receipt, folder, intake, .. } = prepared;
    let (last, reports): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.kind == Kind::Receipt);
    let mut published = Published::default();
    for file in reports {
        place(&folder, file, desk, &mut published)?;
    }
    for kind in obsolete {
        published.behind |= remove_ours(&folder, kind, None, desk)?;
    }
    for file in last {
        let file = match &receipt {
            Some(receipt) => renamed_receipt(&folder, intake, receipt, file, desk, &published)?,
            None => file,
        };
        place(&folder, file, desk, &mut published)?;
    }
    flush_folder(&folder)?;
    Ok(published)
}

/// Lays a notice beside a file that was not taken yet.
pub fn place_notice(folder: &Path, bytes: &[u8], desk: &mut Desk<'_>) -> Result<Published, Error> {
    let name = (desk.names)(Kind::Notice, &free_infix(folder, desk.names, Kind::Notice));
    let (temp, sha256) = Temp::holding(folder, 0, Kind::Notice, bytes)?;
    (desk.remember)(&name, &sha256).map_err(Error::Ledger)?;
    let mut published = Published::default();
    place(folder, PreparedFile { kind: Kind::Notice, name, sha256, temp }, desk, &mut published)?;
    flush_folder(folder)?;
    Ok(published)
}

/// Removes a notice that no longer holds. True if it could not be removed yet.
pub fn remove_notice(folder: &Path, desk: &mut Desk<'_>) -> Result<bool, Error> {
    remove_ours(folder, Kind::Notice, None, desk)
}

/// Gives the reports of a former file of the same name the names of its period. What is not ours, is open or
/// has a newer name already stays. Returns kind and new name of what was renamed.
pub fn rename_reports(folder: &Path, to: Names<'_>, desk: &Desk<'_>) -> Result<Vec<(Kind, String)>, Error> {
    let mut renamed = Vec::new();
    for kind in Kind::ALL {
        let (old, new) = ((desk.names)(kind, ""), to(kind, ""));
        let ours = matches!(found(folder, &old, "", desk)?, Found::Ours);
        if ours
            && !exists(&folder.join(&new))
            && std::fs::rename(folder.join(&old), folder.join(&new)).is_ok()
        {
            renamed.push((kind, new));
        }
    }
    flush_folder(folder)?;
    Ok(renamed)
}

/// What stands between the input's name and the kind: nothing, or the first number that is not open.
pub(super) fn free_infix(folder: &Path, names: Names<'_>, kind: Kind) -> String {
    infixes().find(|infix| !is_open(folder, &names(kind, infix))).unwrap_or_default()
}

fn infixes() -> impl Iterator<Item = String> {
    std::iter::once(String::new()).chain((2..=NUMBERS).map(|number| number.to_string()))
}

/// The receipt, written anew if it names other reports than those that came to lie there.
fn renamed_receipt(
    folder: &Path,
    intake: i64,
    receipt: &Receipt,
    file: PreparedFile,
    desk: &mut Desk<'_>,
    published: &Published,
) -> Result<PreparedFile, Error> {
    let reports: Vec<ReportNote> = published
        .files
        .iter()
        .filter(|(kind, ..)| *kind != Kind::Notice)
        .map(|(_, name, sha256)| ReportNote { name: name.clone(), sha256: sha256.clone() })
        .collect();
    if reports == receipt.reports {
        return Ok(file);
    }
    let PreparedFile { kind, name, temp, .. } = file;
    drop(temp);
    let bytes = Receipt { reports, ..receipt.clone() }.bytes()?;
    let (temp, sha256) = Temp::holding(folder, intake, kind, &bytes)?;
    (desk.remember)(&name, &sha256).map_err(Error::Ledger)?;
    Ok(PreparedFile { kind, name, sha256, temp })
}

/// Puts one file under its plain name, or the first numbered one that can be had.
fn place(
    folder: &Path,
    file: PreparedFile,
    desk: &mut Desk<'_>,
    published: &mut Published,
) -> Result<(), Error> {
    let PreparedFile { kind, name: expected, sha256, mut temp } = file;
    let mut refused = None;
    for infix in infixes() {
        let name = (desk.names)(kind, &infix);
        match found(folder, &name, &sha256, desk)? {
            Found::Same => {}
            Found::Changed if kind.is_made_to_be_repaired() => {
                published.postponed.push(kind);
                published.behind = true;
                return Ok(());
            }
            Found::Changed | Found::Ours if is_open(folder, &name) => continue,
            lies => {
                if lies == Found::Changed && !set_aside(folder, kind, &name, desk)? {
                    continue;
                }
                if name != expected {
                    (desk.remember)(&name, &sha256).map_err(Error::Ledger)?;
                }
                if let Err(error) = temp.rename(&folder.join(&name)) {
                    refused = Some((name, error));
                    continue;
                }
            }
        }
        published.behind |= !infix.is_empty() | remove_ours(folder, kind, Some(&name), desk)?;
        published.files.push((kind, name, sha256));
        return Ok(());
    }
    let (name, source) = refused.unwrap_or_else(|| (expected, io::ErrorKind::ResourceBusy.into()));
    Err(Error::File { path: folder.join(name), act: "renamed", source })
}

/// What lies under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    /// The very bytes that are to lie there.
    Same,
    /// Something we wrote.
    Ours,
    /// Something a person made of it.
    Changed,
}

fn found(folder: &Path, name: &str, wanted: &str, desk: &Desk<'_>) -> Result<Found, Error> {
    let path = folder.join(name);
    match std::fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(source) => return Err(Error::File { path, act: "read", source }),
        Ok(about) if !about.is_file() => return Ok(Found::Changed),
        Ok(_) => {}
    }
    // A file that can't be read because someone holds it is taken for ours: it is numbered, never lost.
    let Ok(sha256) = sha256_of(&path) else { return Ok(Found::Ours) };
    Ok(if sha256 == wanted {
        Found::Same
    } else if (desk.is_ours)(name, &sha256) || (desk.is_copied)(&sha256) {
        Found::Ours
    } else {
        Found::Changed
    })
}

/// Renames what a person changed. False if that can't be done now.
fn set_aside(folder: &Path, kind: Kind, name: &str, desk: &Desk<'_>) -> Result<bool, Error> {
    let stamp = desk.now.with_timezone(&Sofia).format("changed-%Y%m%d-%H%M").to_string();
    let free = infixes()
        .map(|number| if number.is_empty() { stamp.clone() } else { format!("{stamp}.{number}") })
        .map(|infix| folder.join((desk.names)(kind, &infix)))
        .find(|path| !exists(path));
    if let Some(path) = free {
        return Ok(std::fs::rename(folder.join(name), path).is_ok());
    }
    let source = io::ErrorKind::AlreadyExists.into();
    Err(Error::File { path: folder.join(name), act: "renamed", source })
}

/// Removes what is ours of one kind, under its plain and its numbered names, except what is current. A current
/// report under a number leaves the plain name alone: it is open. True if something is still open.
fn remove_ours(folder: &Path, kind: Kind, current: Option<&str>, desk: &Desk<'_>) -> Result<bool, Error> {
    let mut open = false;
    let plain = usize::from(current.is_some());
    for infix in infixes().skip(plain) {
        let name = (desk.names)(kind, &infix);
        if Some(name.as_str()) != current && found(folder, &name, "", desk)? == Found::Ours {
            open |= is_open(folder, &name) || std::fs::remove_file(folder.join(&name)).is_err();
        }
    }
    Ok(open)
}

/// Whether an office program's lock file lies beside a file.
fn is_open(folder: &Path, name: &str) -> bool {
    exists(&folder.join(name))
        && [format!("~${name}"), format!(".~lock.{name}#")].iter().any(|lock| exists(&folder.join(lock)))
}

fn exists(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// SHA-256 of a file's bytes, lower-case hex.
fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut part = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut part)?;
        if read == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(part.get(..read).unwrap_or_default());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A file under a hidden temporary name; removed unless it is renamed.
#[derive(Debug)]
pub(super) struct Temp {
    path: Option<PathBuf>,
}

impl Temp {
    /// Creates it in the folder, with the folder's rights. One that a crash left is replaced.
    pub(super) fn create(folder: &Path, intake: i64, kind: Kind) -> Result<(Self, File), Error> {
        let path = folder.join(format!(".rxdrop-{intake}-{}.tmp", kind.suffix()));
        let failed = |source| Error::File { path: path.clone(), act: "written", source };
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        // `create_new` follows no link that somebody might have laid there.
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path).map_err(failed)?;
        let temp = Self { path: Some(path.clone()) };
        give_rights(folder, &file).map_err(failed)?;
        Ok((temp, file))
    }

    /// Creates it with these bytes, flushed; with their hash.
    fn holding(folder: &Path, intake: i64, kind: Kind, bytes: &[u8]) -> Result<(Self, String), Error> {
        let (temp, mut file) = Self::create(folder, intake, kind)?;
        file.write_all(bytes)?;
        let sha256 = temp.seal(&file)?;
        Ok((temp, sha256))
    }

    /// Flushes it to disk and hashes it.
    pub(super) fn seal(&self, file: &File) -> Result<String, Error> {
        file.sync_all()?;
        let path = self.path.clone().unwrap_or_default();
        sha256_of(&path).map_err(|source| Error::File { path, act: "read", source })
    }

    fn rename(&mut self, to: &Path) -> io::Result<()> {
        if let Some(path) = &self.path {
            std::fs::rename(path, to)?;
        }
        self.path = None;
        Ok(())
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // A hidden leftover is replaced by the next report; there is nobody to tell.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The folder's rights to read and write, and its group where this account may give it.
#[cfg(unix)]
fn give_rights(folder: &Path, file: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let about = std::fs::metadata(folder)?;
    let _ = std::os::unix::fs::fchown(file, None, Some(about.gid()));
    file.set_permissions(std::fs::Permissions::from_mode(about.mode() & 0o666 | 0o600))
}

/// On Windows a new file inherits the folder's rights.
#[cfg(not(unix))]
fn give_rights(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}

/// Makes renaming and removing in a folder durable.
fn flush_folder(folder: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        return synced.map_err(|source| Error::File { path: folder.to_owned(), act: "written", source });
    }
    Ok(())
}
