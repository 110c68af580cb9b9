//! One full listing of a drop folder, without following links.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate};
use serde::{Deserialize, Serialize};

use super::names::{self, Named, escaped};
use super::{Error, F003, F004, F005, F010, F011, F013, MOST_BYTES, ReportName};
use crate::model::CodeInfo;

/// What lies in a folder now. Sub-folders are not part of it.
#[derive(Debug, Default)]
pub struct Listing {
    /// Files that may be taken once they rest, the longest unchanged first.
    pub candidates: Vec<Candidate>,
    /// Entries that are never taken as they are, and why.
    pub refused: Vec<Refused>,
    /// Temporary, hidden, system and lock files.
    pub ignored: Vec<Ignored>,
}

/// A file that may be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name in the folder.
    pub name: String,
    /// What it looked like.
    pub stamp: Stamp,
    /// An Office lock file lies beside it. None there proves nothing.
    pub is_open: bool,
    /// Its name is that of one of our own files. It is no input while the ledger knows it as ours and
    /// its bytes are as we wrote them; receipts and notices never are.
    pub ours: Option<ReportName>,
}

/// Size, time and identity of a file: while they stay, it is the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change in nanoseconds since 1970, UTC.
    pub mtime_ns: i64,
    /// Which file the name stands for.
    pub file: FileId,
}

/// Which file a name stands for: device and inode on Unix. Elsewhere the time of creation, because the
/// standard library offers no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileId {
    /// The device; 0 where the system does not say.
    pub device: u64,
    /// The file on it.
    pub number: u64,
}

/// An entry that is never taken as it is.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Its name, fit to be shown.
    pub shown: String,
    /// Why.
    pub code: &'static CodeInfo,
    /// The arguments of the code's message.
    pub args: Vec<String>,
}

/// A file whose name says that it is no input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Its name.
    pub name: String,
}

/// Lists a folder.
///
/// # Errors
/// When not everything could be listed: a part of a listing would look like files taken away.
pub fn list(folder: &Path) -> Result<Listing, Error> {
    let fail = |source| failed(folder, source);
    let mut listing = Listing::default();
    let mut locks = HashSet::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        if let Some(lock) = name.to_str().filter(|name| names::is_lock(name)) {
            locks.insert(lock.to_lowercase());
        }
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(metadata) => listing.add(&name, &metadata),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => listing.refuse(&name, &F010, vec![shown(&name), error.to_string()]),
        }
    }
    for candidate in &mut listing.candidates {
        candidate.is_open = names::locks_of(&candidate.name).any(|lock| locks.contains(&lock));
    }
    listing.candidates.sort_by(|a, b| (a.stamp.mtime_ns, &a.name).cmp(&(b.stamp.mtime_ns, &b.name)));
    Ok(listing)
}

impl Listing {
    fn add(&mut self, name: &OsStr, metadata: &Metadata) {
        let Some(text) = name.to_str() else { return self.refuse(name, &F005, vec![shown(name)]) };
        let Named::Candidate(ours) = names::named(text) else {
            return self.set_aside(name, text);
        };
        if is_hidden(metadata) {
            self.ignored.push(Ignored { name: text.to_owned() });
        } else if let Some(code) = refusal(metadata) {
            self.refuse(name, code, Vec::new());
        } else if metadata.len() > MOST_BYTES {
            self.refuse(name, &F011, vec![format!("{} GiB", MOST_BYTES >> 30)]);
        } else {
            let stamp = Stamp::of(metadata);
            self.candidates.push(Candidate { name: text.to_owned(), stamp, is_open: false, ours });
        }
    }

    /// What its name says is no input.
    fn set_aside(&mut self, name: &OsStr, text: &str) {
        if names::named(text) == Named::Bad {
            self.refuse(name, &F005, vec![shown(name)]);
        } else {
            self.ignored.push(Ignored { name: text.to_owned() });
        }
    }

    fn refuse(&mut self, name: &OsStr, code: &'static CodeInfo, args: Vec<String>) {
        self.refused.push(Refused { shown: shown(name), code, args });
    }
}

impl Stamp {
    /// The stamp in a file's metadata.
    pub fn of(metadata: &Metadata) -> Self {
        let mtime_ns = metadata.modified().map_or(0, nanoseconds);
        Self { size: metadata.len(), mtime_ns, file: FileId::of(metadata) }
    }

    /// The day of the last change, Europe/Sofia, as people there see it in their file manager.
    pub fn changed_on(&self) -> NaiveDate {
        DateTime::from_timestamp_nanos(self.mtime_ns).with_timezone(&chrono_tz::Europe::Sofia).date_naive()
    }
}

impl FileId {
    /// The identity in a file's or folder's metadata.
    #[cfg(unix)]
    pub fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: metadata.dev(), number: metadata.ino() }
    }

    /// The identity in a file's or folder's metadata.
    #[cfg(not(unix))]
    pub fn of(metadata: &Metadata) -> Self {
        Self { device: 0, number: metadata.created().map_or(0, nanoseconds).cast_unsigned() }
    }
}

/// Nanoseconds since 1970; what lies outside 1677 to 2262 is taken as the nearest that fits.
fn nanoseconds(at: SystemTime) -> i64 {
    match at.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |before| -before),
    }
}

/// Why something is not a plain file of one name.
pub(super) fn refusal(metadata: &Metadata) -> Option<&'static CodeInfo> {
    if metadata.is_symlink() || is_reparse_point(metadata) {
        Some(&F003)
    } else if !metadata.is_file() {
        Some(&F004)
    } else if has_other_names(metadata) {
        Some(&F013)
    } else {
        None
    }
}

#[cfg(unix)]
fn has_other_names(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.nlink() > 1
}

#[cfg(not(unix))]
fn has_other_names(_metadata: &Metadata) -> bool {
    false
}

#[cfg(windows)]
fn is_reparse_point(metadata: &Metadata) -> bool {
    use std::os::windows::fs::MetadataExt;
    /// `FILE_ATTRIBUTE_REPARSE_POINT`: junctions and other links that are no symbolic links.
    const REPARSE_POINT: u32 = 0x400;
    metadata.file_attributes() & REPARSE_POINT != 0
}

#[cfg(not(windows))]
fn is_reparse_point(_metadata: &Metadata) -> bool {
    false
}

#[cfg(windows)]
fn is_hidden(metadata: &Metadata) -> bool {
    use std::os::windows::fs::MetadataExt;
    /// `FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM`
    const HIDDEN_OR_SYSTEM: u32 = 0x2 | 0x4;
    metadata.file_attributes() & HIDDEN_OR_SYSTEM != 0
}

#[cfg(not(windows))]
fn is_hidden(_metadata: &Metadata) -> bool {
    false
}

fn shown(name: &OsStr) -> String {
    escaped(&name.to_string_lossy())
}

fn failed(folder: &Path, source: std::io::Error) -> Error {
    match source.kind() {
        ErrorKind::PermissionDenied => Error::Unreadable { path: folder.to_owned(), source },
        _ => Error::FolderAway { folder: folder.to_owned(), source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for name in files {
            std::fs::File::create(dir.path().join(name)).unwrap();
        }
        dir
    }

    fn names(listing: &Listing) -> Vec<&str> {
        let mut names: Vec<_> = listing.candidates.iter().map(|candidate| candidate.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn files_are_inputs_and_their_companions_are_not() {
        let dir = folder(&[
            "доставки.csv",
            "a.xlsx",
            "-rf.csv",
            "%2e%2e.csv",
            "x.tmp",
            "y.PART",
            "z.crdownload",
            "~wrl1.tmp",
            ".hidden",
            "Thumbs.db",
            "Desktop.ini",
            "_rxdrop-state",
            "~$a.xlsx",
            ".~lock.доставки.csv#",
        ]);
        std::fs::create_dir(dir.path().join("sub.csv")).unwrap();
        let listing = list(dir.path()).unwrap();
        assert_eq!(names(&listing), ["%2e%2e.csv", "-rf.csv", "a.xlsx", "доставки.csv"]);
        assert_eq!((listing.ignored.len(), listing.refused.len()), (10, 0));
        let open = listing.candidates.iter().filter(|candidate| candidate.is_open).count();
        assert_eq!(open, 2, "both kinds of lock");
    }

    #[test]
    fn our_own_files_are_told_by_name() {
        let dir = folder(&["a.csv", "a.csv.result.csv", "a.csv.2.errors.xlsx"]);
        let listing = list(dir.path()).unwrap();
        let ours: Vec<_> =
            listing.candidates.iter().filter_map(|candidate| candidate.ours.as_ref()).collect();
        assert_eq!(ours.len(), 2);
        assert!(ours.iter().all(|name| name.stem == "a.csv"));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_plain_file_is_refused() {
        use std::os::unix::fs::symlink;
        let outside = folder(&["secret"]);
        let dir = folder(&["one.csv"]);
        let at = |name: &str| dir.path().join(name);
        symlink(outside.path().join("secret"), at("link.csv")).unwrap();
        symlink(outside.path(), at("folder.csv")).unwrap();
        symlink("nowhere", at("broken.csv")).unwrap();
        std::fs::hard_link(outside.path().join("secret"), at("hard.csv")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("pipe.csv")).status().unwrap().success());
        let _socket = std::os::unix::net::UnixListener::bind(at("socket.csv")).unwrap();
        let listing = list(dir.path()).unwrap();
        assert_eq!(names(&listing), ["one.csv"]);
        let mut codes: Vec<_> =
            listing.refused.iter().map(|entry| (entry.shown.as_str(), entry.code.code)).collect();
        codes.sort_unstable();
        let expected = [
            ("broken.csv", "F003"),
            ("folder.csv", "F003"),
            ("hard.csv", "F013"),
            ("link.csv", "F003"),
            ("pipe.csv", "F004"),
            ("socket.csv", "F004"),
        ];
        assert_eq!(codes, expected);
    }

    #[cfg(unix)]
    #[test]
    fn names_that_hide_or_lead_away_are_refused() {
        use std::os::unix::ffi::OsStrExt;
        let bad =
            ["CON.csv", "nul", "a.csv.", "a.csv ", "x:y.csv", "..\\..\\a.csv", "a\nb.csv", "\u{202E}vsc.exe"];
        let dir = folder(&bad);
        std::fs::File::create(dir.path().join(OsStr::from_bytes(b"\xFFa.csv"))).unwrap();
        let listing = list(dir.path()).unwrap();
        assert_eq!((listing.candidates.len(), listing.refused.len()), (0, bad.len() + 1));
        assert!(listing.refused.iter().all(|entry| entry.code.code == "F005"));
        let shown: Vec<_> = listing.refused.iter().map(|entry| entry.shown.as_str()).collect();
        assert!(shown.contains(&"[U+202E]vsc.exe") && shown.contains(&"a[U+000A]b.csv"), "{shown:?}");
    }

    #[test]
    fn a_file_past_the_limit_is_refused() {
        let dir = folder(&[]);
        let file = std::fs::File::create(dir.path().join("big.csv")).unwrap();
        file.set_len(MOST_BYTES).unwrap();
        assert_eq!(list(dir.path()).unwrap().candidates.len(), 1);
        file.set_len(MOST_BYTES + 1).unwrap();
        assert_eq!(list(dir.path()).unwrap().refused[0].code.code, "F011");
    }

    #[test]
    fn an_absent_folder_is_an_error_and_not_empty() {
        let dir = folder(&["a.csv"]);
        assert!(matches!(list(&dir.path().join("away")), Err(Error::FolderAway { .. })));
        assert!(matches!(list(&dir.path().join("a.csv")), Err(Error::FolderAway { .. })));
    }

    #[test]
    fn the_day_of_change_is_the_day_in_sofia() {
        let file = FileId { device: 0, number: 0 };
        let at = |time: &str| time.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_nanos_opt().unwrap();
        let stamp = |mtime_ns| Stamp { size: 0, mtime_ns, file };
        let evening = stamp(at("2026-11-20T22:30:00Z"));
        assert_eq!(evening.changed_on(), NaiveDate::from_ymd_opt(2026, 11, 21).unwrap());
        assert!(stamp(i64::MIN).changed_on() < stamp(i64::MAX).changed_on());
    }
}
