//! The only place that touches the disk beside an input: temporary files, renaming, removing.
//!
//! What lies there and is not ours, by its bytes, was changed by a person and is never lost: changed results,
//! receipts and notices are renamed aside, changed errors files are inputs and stay until their bytes are in
//! the spool. What is open in a spreadsheet program is left; the report gets a number.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use chrono_tz::Europe::Sofia;

use super::join::Cause;
use super::prepare::{Prepared, PreparedFile};
use super::receipt::{Receipt, ReportNote};
use super::{Error, Kind, Names};
use crate::knife::{Point, pass};
use crate::model::hash;

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
/// has a newer name already stays. Returns kind and new name of what was renamed. Each new name is `remember`ed
/// before it appears: a report is never taken for a person's file.
pub fn rename_reports(
    folder: &Path,
    to: Names<'_>,
    desk: &mut Desk<'_>,
) -> Result<Vec<(Kind, String)>, Error> {
    let mut renamed = Vec::new();
    for kind in Kind::ALL {
        let (old, new) = ((desk.names)(kind, ""), to(kind, ""));
        let ours = found(folder, kind, &old, "", desk)? == Found::Ours;
        if !ours || exists(&folder.join(&new)) || is_open(folder, &old) {
            continue;
        }
        let Ok(sha256) = sha256_of(&folder.join(&old)) else { continue };
        (desk.remember)(&new, &sha256).map_err(Error::Ledger)?;
        if std::fs::rename(folder.join(&old), folder.join(&new)).is_ok() {
            pass(Point::ReportMovedAside);
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
        match found(folder, kind, &name, &sha256, desk)? {
            Found::Same => {}
            Found::Changed if kind.is_made_to_be_repaired() => {
                published.postponed.push(kind);
                published.behind = true;
                return Ok(());
            }
            Found::Changed | Found::Ours | Found::Copied if is_open(folder, &name) => continue,
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
                pass(Point::ReportNamed);
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
    /// Something a person made of an errors file, whose bytes are in the spool: written over, never taken away.
    Copied,
    /// Something a person made of it.
    Changed,
}

fn found(folder: &Path, kind: Kind, name: &str, wanted: &str, desk: &Desk<'_>) -> Result<Found, Error> {
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
    } else if (desk.is_ours)(name, &sha256) {
        Found::Ours
    } else if kind.is_made_to_be_repaired() && (desk.is_copied)(&sha256) {
        Found::Copied
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
        if Some(name.as_str()) != current && found(folder, kind, &name, "", desk)? == Found::Ours {
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

/// The hash of a file's bytes.
fn sha256_of(path: &Path) -> io::Result<String> {
    hash::sha256_of(File::open(path)?)
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
        pass(Point::ReportWritten);
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::HashSet;

    use super::super::samples::{self, catalogue, file, headers, issue, noon, view, windows_1251};
    use super::super::{Dialect, Job, Prepared, Source, prepare, prepare_without_rows};
    use super::*;
    use crate::ledger::{FileState, FileView};
    use crate::model::Status;

    const RESULT: &str = "a.csv.result.csv";
    const ERRORS: &str = "a.csv.errors.xlsx";
    const RECEIPT: &str = "a.csv.receipt.json";

    fn names(kind: Kind, infix: &str) -> String {
        let dot = if infix.is_empty() { "" } else { "." };
        format!("a.csv{dot}{infix}.{}", kind.suffix())
    }

    /// A drop folder with what a ledger would know about it.
    struct Shelf {
        folder: tempfile::TempDir,
        ours: RefCell<HashSet<(String, String)>>,
        copied: RefCell<HashSet<String>>,
    }

    impl Shelf {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            Self { folder, ours: RefCell::default(), copied: RefCell::default() }
        }

        fn prepare(&self, statuses: &[Status]) -> Prepared {
            self.prepare_of(&file("a.csv"), statuses)
        }

        fn prepare_of(&self, file: &FileView, statuses: &[Status]) -> Prepared {
            let dialect = Dialect { encode: &windows_1251, bom: false, delimiter: b';' };
            let catalogue = catalogue();
            let job = Job {
                file,
                source: Source::Text(dialect),
                folder: self.folder.path(),
                names: &names,
                catalogue: &catalogue,
                now: noon(),
                scratch: None,
                fill_down: &[],
                alarm: None,
                check: false,
            };
            if statuses.is_empty() {
                return prepare_without_rows(&job).unwrap();
            }
            let views: Vec<_> = (2..).zip(statuses).map(|(row, status)| view(row, *status)).collect();
            let cells = vec![["x"].as_slice(); statuses.len()];
            prepare(&job, &headers(&["Дата"]), samples::rows(&cells), samples::pages(&views)).unwrap()
        }

        fn with_desk<T>(&self, act: impl FnOnce(&mut Desk<'_>) -> T) -> T {
            let mut remember = |name: &str, sha256: &str| {
                self.ours.borrow_mut().insert((name.to_owned(), sha256.to_owned()));
                Ok(())
            };
            act(&mut Desk {
                names: &names,
                is_ours: &|name, hash| self.ours.borrow().contains(&(name.to_owned(), hash.to_owned())),
                is_copied: &|hash| self.copied.borrow().contains(hash),
                remember: &mut remember,
                now: noon(),
            })
        }

        fn publish(&self, statuses: &[Status]) -> Published {
            self.lay(self.prepare(statuses))
        }

        fn lay(&self, prepared: Prepared) -> Published {
            for file in &prepared.files {
                self.ours.borrow_mut().insert((file.name.clone(), file.sha256.clone()));
            }
            self.with_desk(|desk| publish(prepared, desk)).unwrap()
        }

        fn names(&self) -> Vec<String> {
            let listed = std::fs::read_dir(self.folder.path()).unwrap();
            let mut names: Vec<String> =
                listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn change(&self, name: &str, text: &str) -> String {
            File::create(self.path(name)).unwrap().write_all(text.as_bytes()).unwrap();
            sha256_of(&self.path(name)).unwrap()
        }

        /// Every report the receipt names lies there with the bytes it names.
        fn receipt_is_true(&self) -> Vec<String> {
            let receipt: serde_json::Value =
                serde_json::from_reader(File::open(self.path(RECEIPT)).unwrap()).unwrap();
            let reports = receipt["reports"].as_array().unwrap();
            let name = |report: &serde_json::Value| report["name"].as_str().unwrap().to_owned();
            for report in reports {
                assert_eq!(report["sha256"], sha256_of(&self.path(&name(report))).unwrap());
            }
            reports.iter().map(name).collect()
        }
    }

    #[test]
    fn everything_comes_to_lie_beside_the_input_and_nothing_else() {
        let shelf = Shelf::new();
        let published = shelf.publish(&[Status::Accepted, Status::Refused]);
        assert_eq!(shelf.names(), ["a.csv.errors.csv", ERRORS, RECEIPT, RESULT]);
        assert_eq!(published.files.last().unwrap().0, Kind::Receipt);
        assert_eq!(shelf.receipt_is_true(), [RESULT, ERRORS, "a.csv.errors.csv"]);
        assert!(!published.behind);
    }

    #[test]
    fn errors_go_when_no_row_is_refused_any_more() {
        let shelf = Shelf::new();
        shelf.publish(&[Status::Refused]);
        shelf.publish(&[Status::Accepted]);
        assert_eq!(shelf.names(), [RECEIPT, RESULT]);
        shelf.publish(&[Status::Refused]);
        shelf.change(ERRORS, "repaired");
        shelf.publish(&[Status::Accepted]);
        assert_eq!(shelf.names(), [ERRORS, RECEIPT, RESULT], "a repaired file is an input");
    }

    #[test]
    fn a_changed_result_is_put_aside() {
        let shelf = Shelf::new();
        shelf.publish(&[Status::Accepted]);
        shelf.change(RESULT, "notes of my own");
        shelf.publish(&[Status::Accepted]);
        let aside = "a.csv.changed-20261121-1403.result.csv";
        assert_eq!(shelf.names(), [aside, RECEIPT, RESULT]);
        shelf.change(RESULT, "more notes");
        shelf.publish(&[Status::Accepted]);
        assert!(shelf.names().contains(&"a.csv.changed-20261121-1403.2.result.csv".to_owned()));
        assert_eq!(std::fs::read_to_string(shelf.path(aside)).unwrap(), "notes of my own");
    }

    #[test]
    fn a_changed_errors_file_waits_until_it_is_copied() {
        let shelf = Shelf::new();
        shelf.publish(&[Status::Refused]);
        let hash = shelf.change(ERRORS, "repaired");
        let published = shelf.publish(&[Status::Refused, Status::Refused]);
        assert_eq!((published.postponed, published.behind), (vec![Kind::ErrorsXlsx], true));
        assert_eq!(std::fs::read_to_string(shelf.path(ERRORS)).unwrap(), "repaired");
        assert_eq!(shelf.receipt_is_true(), [RESULT, "a.csv.errors.csv"]);
        shelf.copied.borrow_mut().insert(hash);
        let published = shelf.publish(&[Status::Refused, Status::Refused]);
        assert!(published.postponed.is_empty());
        assert_eq!(shelf.receipt_is_true(), [RESULT, ERRORS, "a.csv.errors.csv"]);
    }

    #[test]
    fn what_is_open_gets_a_number_until_it_is_closed() {
        for lock in ["~$a.csv.result.csv", ".~lock.a.csv.result.csv#"] {
            let shelf = Shelf::new();
            shelf.publish(&[Status::Waiting]);
            shelf.change(lock, "");
            let published = shelf.publish(&[Status::Accepted]);
            assert!(published.behind);
            assert_eq!(shelf.receipt_is_true(), ["a.csv.2.result.csv"]);
            std::fs::remove_file(shelf.path(lock)).unwrap();
            assert!(!shelf.publish(&[Status::Accepted]).behind);
            assert_eq!(shelf.receipt_is_true(), [RESULT]);
            assert_eq!(shelf.names(), [RECEIPT, RESULT]);
        }
    }

    #[test]
    fn a_file_opened_between_preparing_and_publishing_is_named_as_it_came_to_lie() {
        let shelf = Shelf::new();
        shelf.publish(&[Status::Waiting]);
        let prepared = shelf.prepare(&[Status::Accepted]);
        shelf.change("~$a.csv.result.csv", "");
        shelf.lay(prepared);
        assert_eq!(shelf.receipt_is_true(), ["a.csv.2.result.csv"]);
        shelf.publish(&[Status::Waiting]);
        assert!(!shelf.names().iter().any(|name| name.contains("changed-")), "all of it was remembered");
    }

    #[test]
    fn a_name_that_can_not_be_taken_is_numbered() {
        let shelf = Shelf::new();
        std::fs::create_dir(shelf.path(RESULT)).unwrap();
        let prepared = shelf.prepare(&[Status::Accepted]);
        let aside = names(Kind::ResultCsv, "changed-20261121-1403");
        shelf.lay(prepared);
        assert!(shelf.path(&aside).is_dir(), "not ours: put aside whatever it is");
        assert_eq!(shelf.receipt_is_true(), [RESULT]);
    }

    #[test]
    fn the_same_bytes_are_left_where_they_lie() {
        let shelf = Shelf::new();
        shelf.publish(&[Status::Accepted]);
        let before = std::fs::metadata(shelf.path(RESULT)).unwrap().modified().unwrap();
        shelf.change("~$a.csv.result.csv", "");
        assert!(!shelf.publish(&[Status::Accepted]).files.is_empty());
        assert_eq!(std::fs::metadata(shelf.path(RESULT)).unwrap().modified().unwrap(), before);
    }

    #[test]
    fn a_file_that_waits_has_a_notice_until_it_does_not() {
        let shelf = Shelf::new();
        let mut held = file("a.csv");
        held.state = FileState::Held;
        held.issues = vec![issue("F900", None, &["Мария"])];
        shelf.lay(shelf.prepare_of(&held, &[]));
        assert_eq!(shelf.names(), ["a.csv.notice.txt", RECEIPT]);
        assert!(shelf.receipt_is_true().is_empty(), "a notice is no report");
        shelf.publish(&[Status::Accepted]);
        assert_eq!(shelf.names(), [RECEIPT, RESULT]);
    }

    #[test]
    fn a_file_not_yet_taken_can_have_a_notice() {
        let shelf = Shelf::new();
        shelf.with_desk(|desk| place_notice(shelf.folder.path(), b"wait", desk)).unwrap();
        assert_eq!(shelf.names(), ["a.csv.notice.txt"]);
        assert!(!shelf.with_desk(|desk| remove_notice(shelf.folder.path(), desk)).unwrap());
        assert!(shelf.names().is_empty());
    }

    #[test]
    fn the_reports_of_a_former_period_get_its_name() {
        let shelf = Shelf::new();
        shelf.publish(&[Status::Refused]);
        shelf.change(ERRORS, "repaired");
        let period = |kind: Kind, _: &str| names(kind, "20261121-0230");
        let renamed = shelf.with_desk(|desk| rename_reports(shelf.folder.path(), &period, desk)).unwrap();
        assert_eq!(renamed.len(), 3);
        assert!(shelf.names().contains(&"a.csv.20261121-0230.result.csv".to_owned()));
        assert!(shelf.names().contains(&ERRORS.to_owned()));
    }

    #[cfg(unix)]
    #[test]
    fn reports_have_the_rights_of_the_folder() {
        use std::os::unix::fs::PermissionsExt;
        let shelf = Shelf::new();
        for (folder, report) in [(0o770, 0o660), (0o755, 0o644)] {
            std::fs::set_permissions(shelf.folder.path(), std::fs::Permissions::from_mode(folder)).unwrap();
            shelf.publish(if report == 0o660 { &[Status::Waiting] } else { &[Status::Accepted] });
            let mode = std::fs::metadata(shelf.path(RESULT)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, report);
        }
    }

    #[test]
    fn what_a_crash_left_is_replaced_and_a_failure_leaves_nothing() {
        let shelf = Shelf::new();
        shelf.change(".rxdrop-7-result.csv.tmp", "half");
        drop(shelf.prepare(&[Status::Refused]));
        assert!(shelf.names().is_empty());
    }
}
