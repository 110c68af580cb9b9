//! One mark on disk: JSON of a fixed length, so that it is renewed in place by one write of one sector.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek, Write as _};
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The name of the mark in a drop folder: hidden, so that nobody tidies it away.
pub const NAME: &str = ".rxdrop-owner";
/// What a mark calls its form.
pub const SCHEMA: &str = "rxdrop-mark/1";
/// Characters kept of a host's name.
pub(super) const HOST_CHARS: usize = 40;
/// Bytes of a mark, padded with blanks: one sector, which a disk writes whole or not at all.
const MARK_BYTES: usize = 512;

/// What a mark says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// [`SCHEMA`].
    pub schema: String,
    /// Id of the ledger it belongs to.
    pub ledger: String,
    /// First digits of that ledger's numbers.
    pub installation: u16,
    /// The machine it works on.
    pub host: String,
    /// Since when the folder belongs to it.
    pub since: DateTime<Utc>,
    /// When the mark was last raised.
    pub at: DateTime<Utc>,
    /// Highest number issued by then.
    pub number: i64,
    /// Newest event by then.
    pub event: i64,
    /// Hash of that event.
    pub head: String,
}

impl Mark {
    /// Since when, for people.
    pub fn day(&self) -> String {
        self.since.format("%Y-%m-%d %H:%M UTC").to_string()
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.resize(bytes.len().max(MARK_BYTES - 1), b' ');
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// What was found where a mark may lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// A mark.
    Mark(Mark),
    /// No mark, in a folder that is there.
    None,
    /// The folder itself is not there.
    Away,
    /// Something that can't be read, or is no mark; with the reason.
    Damaged(String),
}

/// Reads a mark. Links are not followed.
pub fn read(path: &Path) -> Read {
    let file = match open(path, false) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let is_there = path.parent().is_some_and(Path::is_dir);
            return if is_there { Read::None } else { Read::Away };
        }
        // The folder is a file, or its share is gone.
        Err(_) if !path.parent().is_some_and(Path::is_dir) => return Read::Away,
        Err(error) => return Read::Damaged(error.to_string()),
    };
    match parse(file) {
        Ok(mark) if mark.schema == SCHEMA => Read::Mark(mark),
        Ok(mark) => Read::Damaged(mark.schema),
        Err(error) => Read::Damaged(error.to_string()),
    }
}

fn parse(file: File) -> io::Result<Mark> {
    let mut text = Vec::new();
    file.take(8 * MARK_BYTES as u64).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Writes the first mark of a folder, flushed with its name. Fails where one lies already.
pub(super) fn create(folder: &Path, mark: &Mark) -> io::Result<()> {
    let path = folder.join(NAME);
    let mut file = new_hidden().open(&path)?;
    let written = file.write_all(&mark.bytes()?).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Half a mark would bar the folder.
        let _ = std::fs::remove_file(&path);
        return Err(error);
    }
    flush_name(folder);
    Ok(())
}

/// Renews a mark in place, or makes it.
pub(super) fn write(path: &Path, mark: &Mark, flush: bool) -> io::Result<()> {
    let mut file = match open(path, true) {
        Err(error) if error.kind() == ErrorKind::NotFound => new_hidden().open(path)?,
        opened => opened?,
    };
    file.rewind()?;
    file.write_all(&mark.bytes()?)?;
    if flush { file.sync_data() } else { Ok(()) }
}

/// Puts a mark in the place of whatever lies there, flushed with its name.
pub(super) fn replace(path: &Path, mark: &Mark) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write(path, mark, true)?;
    flush_name(path.parent().unwrap_or(Path::new(".")));
    Ok(())
}

/// On some shares a folder can't be flushed; then the mark comes back behind, or is written anew.
fn flush_name(folder: &Path) {
    if cfg!(unix) {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}

#[cfg(unix)]
fn open(path: &Path, write: bool) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    plain(OpenOptions::new().read(true).write(write).custom_flags(flags).open(path)?)
}

#[cfg(not(unix))]
fn open(path: &Path, write: bool) -> io::Result<File> {
    plain(OpenOptions::new().read(true).write(write).open(path)?)
}

/// Whoever may write into the folder must not lead us to another file.
fn plain(file: File) -> io::Result<File> {
    let metadata = file.metadata()?;
    if !metadata.is_file() || has_other_names(&metadata) {
        return Err(io::Error::new(ErrorKind::InvalidData, "not a plain file"));
    }
    Ok(file)
}

#[cfg(unix)]
fn has_other_names(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.nlink() > 1
}

#[cfg(not(unix))]
fn has_other_names(_metadata: &std::fs::Metadata) -> bool {
    false
}

#[cfg(windows)]
fn new_hidden() -> OpenOptions {
    use std::os::windows::fs::OpenOptionsExt;
    /// `FILE_ATTRIBUTE_HIDDEN`
    const HIDDEN: u32 = 0x2;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).attributes(HIDDEN);
    options
}

#[cfg(not(windows))]
fn new_hidden() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options
}
