//! A copy of one file that nobody else can change.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::list::refusal;
use super::{Candidate, Error, Stamp};
use crate::knife::{Point, pass};
use crate::model::hash;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// What copies are called until they are whole.
const UNFINISHED: &str = ".part";

/// A copy in the spool, on the disk before it is named here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// SHA-256 of the bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// How many bytes.
    pub bytes: u64,
    /// The copy; its name is its hash.
    pub spool_path: PathBuf,
}

/// Makes the spool, for this account only, and removes copies that were never finished. Only for the one
/// process that takes files.
///
/// # Errors
/// When the folder can't be made or listed.
pub fn prepare_spool(spool: &Path) -> Result<(), Error> {
    let fail = |source| Error::Spool { path: spool.to_owned(), source };
    make_private(spool).map_err(fail)?;
    for entry in std::fs::read_dir(spool).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if entry.file_name().to_string_lossy().ends_with(UNFINISHED) {
            std::fs::remove_file(entry.path()).map_err(fail)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn make_private(spool: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(spool)
}

#[cfg(not(unix))]
fn make_private(spool: &Path) -> io::Result<()> {
    std::fs::create_dir_all(spool)
}

/// Copies a candidate into the spool while hashing it. The copy counts only if the file opened, the file
/// after the last byte and the name in the folder are all as listed, and so many bytes came. Two flushes
/// to disk (copy and folder); memory does not depend on the size. `progress` is told the bytes so far.
///
/// # Errors
/// When the file is gone, changed, open for writing or unreadable, or the spool can't be written. The
/// source is untouched and no part of a copy stays.
pub fn snapshot(
    folder: &Path,
    candidate: &Candidate,
    spool: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<Copied, Error> {
    let path = folder.join(&candidate.name);
    let mut source = open_plain(&path).map_err(|error| failed(&path, error))?;
    require_same(&source, &path, candidate.stamp)?;
    pass(Point::CopyBegun);
    let spooled = |source| Error::Spool { path: spool.to_owned(), source };
    let mut part = tempfile::Builder::new().suffix(UNFINISHED).tempfile_in(spool).map_err(spooled)?;
    let mut reader = Bounded { source: &mut source, path: &path, left: candidate.stamp.size };
    let (sha256, bytes) = copy(&mut reader, part.as_file_mut(), spool, progress)?;
    require_same(&source, &path, candidate.stamp)?;
    require_still_named(&path, candidate.stamp)?;
    let spool_path = keep(part, spool, &sha256, bytes).map_err(spooled)?;
    pass(Point::CopyKept);
    Ok(Copied { sha256, bytes, spool_path })
}

/// Opens without following a link and without waiting for the other end of a pipe.
#[cfg(unix)]
fn open_plain(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Opens without following a link, and only if nobody has it open for writing.
#[cfg(windows)]
fn open_plain(path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    /// `FILE_FLAG_OPEN_REPARSE_POINT`
    const REPARSE_POINT: u32 = 0x0020_0000;
    /// `FILE_SHARE_READ`
    const SHARE_READ: u32 = 1;
    OpenOptions::new().read(true).share_mode(SHARE_READ).custom_flags(REPARSE_POINT).open(path)
}

#[cfg(not(any(unix, windows)))]
fn open_plain(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

fn failed(path: &Path, source: io::Error) -> Error {
    let path = path.to_owned();
    match (source.kind(), source.raw_os_error()) {
        (ErrorKind::NotFound, _) => Error::Vanished { path },
        // ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION
        (_, Some(32 | 33)) if cfg!(windows) => Error::InUse { path },
        // A link that may not be followed and a socket can't be opened; the look tells which.
        _ => now_refused(&path).unwrap_or(Error::Unreadable { path, source }),
    }
}

/// The reason why a name stands for no plain file any more.
fn now_refused(path: &Path) -> Option<Error> {
    let code = refusal(&std::fs::symlink_metadata(path).ok()?)?;
    Some(Error::NotPlain { path: path.to_owned(), code })
}

fn require_same(file: &File, path: &Path, stamp: Stamp) -> Result<(), Error> {
    let metadata = file.metadata().map_err(|error| failed(path, error))?;
    if let Some(code) = refusal(&metadata) {
        return Err(Error::NotPlain { path: path.to_owned(), code });
    }
    require(Stamp::of(&metadata) == stamp, path)
}

fn require_still_named(path: &Path, stamp: Stamp) -> Result<(), Error> {
    let metadata = std::fs::symlink_metadata(path).map_err(|error| failed(path, error))?;
    require(Stamp::of(&metadata) == stamp, path)
}

fn require(same: bool, path: &Path) -> Result<(), Error> {
    if same { Ok(()) } else { Err(Error::Changed { path: path.to_owned() }) }
}

/// A source that may give no more and no fewer bytes than its stamp says.
struct Bounded<'a> {
    source: &'a mut File,
    path: &'a Path,
    left: u64,
}

impl Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let count = loop {
            match self.source.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(self.path, error)),
                Ok(count) => break count,
            }
        };
        let left = self.left.checked_sub(count as u64);
        self.left = left.ok_or_else(|| Error::Changed { path: self.path.to_owned() })?;
        require(count > 0 || self.left == 0, self.path)?;
        Ok(count)
    }
}

fn copy(
    source: &mut Bounded<'_>,
    part: &mut File,
    spool: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<(String, u64), Error> {
    let spooled = |source| Error::Spool { path: spool.to_owned(), source };
    let mut buffer = vec![0; CHUNK_BYTES];
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    loop {
        let count = source.read(&mut buffer)?;
        let chunk = buffer.get(..count).unwrap_or_default();
        if chunk.is_empty() {
            break;
        }
        hash.update(chunk);
        part.write_all(chunk).map_err(spooled)?;
        bytes += count as u64;
        progress(bytes);
        pass(Point::CopyGrows);
    }
    pass(Point::CopyWritten);
    part.sync_all().map_err(spooled)?;
    pass(Point::CopyFlushed);
    Ok((hash::hex(&hash.finalize()), bytes))
}

/// Gives the copy the name of its hash. A copy of the same content that is there already stays.
fn keep(part: tempfile::NamedTempFile, spool: &Path, sha256: &str, bytes: u64) -> io::Result<PathBuf> {
    let path = spool.join(sha256);
    let is_there =
        std::fs::symlink_metadata(&path).is_ok_and(|there| there.is_file() && there.len() == bytes);
    if !is_there {
        part.persist(&path).map_err(|error| error.error)?;
        pass(Point::CopyNamed);
        sync_folder(spool)?;
    }
    Ok(path)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere a folder can't be opened as a file; its entry is as durable as the file system makes it.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::list;
    use super::*;

    struct Folders {
        _root: tempfile::TempDir,
        folder: PathBuf,
        spool: PathBuf,
    }

    fn folders() -> Folders {
        let root = tempfile::tempdir().unwrap();
        let (folder, spool) = (root.path().join("drop"), root.path().join("state/spool"));
        std::fs::create_dir(&folder).unwrap();
        prepare_spool(&spool).unwrap();
        Folders { _root: root, folder, spool }
    }

    impl Folders {
        fn put(&self, bytes: &[u8]) -> Candidate {
            File::create(self.folder.join("a.csv")).unwrap().write_all(bytes).unwrap();
            list(&self.folder).unwrap().candidates.remove(0)
        }

        fn take(&self, candidate: &Candidate) -> Result<Copied, Error> {
            snapshot(&self.folder, candidate, &self.spool, &mut |_| {})
        }

        /// Takes the file while something happens to it after the first chunk.
        fn take_while(&self, candidate: &Candidate, mut happens: impl FnMut(&Path)) -> Result<Copied, Error> {
            let path = self.folder.join("a.csv");
            let mut first = true;
            snapshot(&self.folder, candidate, &self.spool, &mut |_| {
                if std::mem::take(&mut first) {
                    happens(&path);
                }
            })
        }

        fn spooled(&self) -> usize {
            std::fs::read_dir(&self.spool).unwrap().count()
        }
    }

    #[test]
    fn a_copy_is_named_by_its_hash_and_kept_once() {
        let folders = folders();
        let candidate = folders.put(b"abc");
        let copied = folders.take(&candidate).unwrap();
        assert_eq!(copied.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(std::fs::read(&copied.spool_path).unwrap(), b"abc");
        assert_eq!(folders.take(&candidate).unwrap(), copied);
        assert_eq!(folders.spooled(), 1);
    }

    #[test]
    fn empty_and_large_files_are_copied_whole() {
        let folders = folders();
        for size in [0, CHUNK_BYTES, 3 * CHUNK_BYTES + 1] {
            let bytes: Vec<u8> = (0..=250).cycle().take(size).collect();
            let copied = folders.take(&folders.put(&bytes)).unwrap();
            assert_eq!(copied.bytes, size as u64);
            assert_eq!(std::fs::read(copied.spool_path).unwrap(), bytes);
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_this_account_can_read_the_spool() {
        use std::os::unix::fs::PermissionsExt;
        let folders = folders();
        let copied = folders.take(&folders.put(b"abc")).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folders.spool), mode(&copied.spool_path)), (0o700, 0o600));
    }

    #[test]
    fn whatever_happens_to_the_file_meanwhile_no_copy_stays() {
        let bytes = vec![b'a'; 2 * CHUNK_BYTES];
        let longer = vec![b'a'; 3 * CHUNK_BYTES];
        let append =
            |path: &Path| OpenOptions::new().append(true).open(path).unwrap().write_all(b"x").unwrap();
        let cut = |path: &Path| OpenOptions::new().write(true).open(path).unwrap().set_len(9).unwrap();
        let replace = |path: &Path| {
            let other = path.with_file_name("b");
            File::create(&other).unwrap().write_all(&longer).unwrap();
            std::fs::rename(other, path).unwrap();
        };
        let remove = |path: &Path| std::fs::remove_file(path).unwrap();
        let happenings: [&dyn Fn(&Path); 4] = [&append, &cut, &replace, &remove];
        for (happens, code) in happenings.into_iter().zip(["F012", "F012", "F012", "F016"]) {
            let folders = folders();
            let error = folders.take_while(&folders.put(&bytes), happens).unwrap_err();
            assert_eq!(error.code().code, code, "{error}");
            assert_eq!(folders.spooled(), 0);
        }
    }

    #[test]
    fn what_is_not_as_listed_is_not_taken() {
        let folders = folders();
        let candidate = folders.put(b"abc");
        folders.put(b"abcd");
        assert!(matches!(folders.take(&candidate), Err(Error::Changed { .. })));
        std::fs::remove_file(folders.folder.join("a.csv")).unwrap();
        assert!(matches!(folders.take(&candidate), Err(Error::Vanished { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn links_and_pipes_put_in_its_place_are_not_opened() {
        let folders = folders();
        let candidate = folders.put(b"abc");
        let path = folders.folder.join("a.csv");
        let code = |folders: &Folders| folders.take(&candidate).unwrap_err().code().code;
        std::fs::rename(&path, folders.folder.join("b.csv")).unwrap();
        std::os::unix::fs::symlink("b.csv", &path).unwrap();
        assert_eq!(code(&folders), "F003");
        std::fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert_eq!(code(&folders), "F004", "and does not wait for a writer");
        std::fs::remove_file(&path).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(code(&folders), "F004");
    }

    #[test]
    fn unfinished_copies_are_swept_and_whole_ones_stay() {
        let folders = folders();
        File::create(folders.spool.join("x.part")).unwrap();
        folders.take(&folders.put(b"abc")).unwrap();
        prepare_spool(&folders.spool).unwrap();
        assert_eq!(folders.spooled(), 1);
    }

    #[test]
    fn a_spool_that_is_away_is_said_to_be_ours() {
        let folders = folders();
        let candidate = folders.put(b"abc");
        std::fs::remove_dir(&folders.spool).unwrap();
        let error = folders.take(&candidate).unwrap_err();
        assert_eq!(error.code().code, "F015");
    }
}
