//! Whose a drop folder is, and how far its ledger has come: kept outside of the ledger, so that a second
//! installation, a restored backup, a machine that was rolled back and an empty ledger are found out before they
//! send anything.
//!
//! A mark is a small file: a hidden one in each drop folder, and one beside the ledger. It is written after the
//! ledger's commit and before the first byte of a request, so a mark that lags behind its ledger is normal, and one
//! that is ahead means that the ledger forgot something. What is found is judged by [`judge`], a pure function.

mod codes;
mod file;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::ledger::{Error, Handle, Position};
use crate::model::{CodeInfo, Lang};

pub use codes::{CODES, K001, K002, K003, K004, K005, K006, K007, K008};
pub use file::{Mark, NAME, Read, SCHEMA, read};

/// How long a folder that may hang is waited for: a share that is away must not keep rows from being sent.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where a drop folder stands, by its mark.
#[derive(Debug, Clone)]
pub enum Standing {
    /// It bears our mark, and the ledger knows all that the mark knows.
    Ours(Mark),
    /// It bears no mark, and the ledger never marked it.
    New,
    /// It can't be reached; the listing tells why.
    Away,
    /// Nothing of it may be touched.
    Barred(Trouble),
    /// Nothing at all may be sent.
    Stopped(Trouble),
}

/// Why a folder, or everything, stands still.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// What it is.
    pub code: &'static CodeInfo,
    /// Arguments of its message.
    pub args: Vec<String>,
    /// The mark that says so.
    pub mark: Option<Mark>,
}

impl Trouble {
    fn new(code: &'static CodeInfo, args: impl IntoIterator<Item = String>, mark: Option<Mark>) -> Self {
        Self { code, args: args.into_iter().collect(), mark }
    }

    /// What it is and what to do, with its code.
    pub fn message(&self, lang: Lang) -> String {
        format!("{} ({})", self.code.message(lang, &self.args), self.code.code)
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message(Lang::En))
    }
}

impl std::error::Error for Trouble {}

/// What the ledger says of a mark.
#[derive(Debug, Clone)]
pub struct Books {
    /// How far the ledger has come.
    pub position: Position,
    /// Whether it ever marked the folder.
    pub is_marked: bool,
    /// Whether the mark's event is part of its history.
    pub was_at: bool,
}

/// Judges what was read of a folder's mark. Pure.
pub fn judge(folder: &Path, read: &Read, books: &Books) -> Standing {
    let place = folder.display().to_string();
    match read {
        Read::Away => Standing::Away,
        Read::None if books.is_marked => Standing::Barred(Trouble::new(&K002, [place], None)),
        Read::None => Standing::New,
        Read::Damaged(why) => Standing::Barred(Trouble::new(&K003, [place, why.clone()], None)),
        Read::Mark(mark) if mark.ledger != books.position.ledger => {
            let args = [place, mark.host.clone(), mark.day(), mark.ledger.clone()];
            let mark = Some(mark.clone());
            if books.is_marked {
                Standing::Stopped(Trouble::new(&K006, args, mark))
            } else {
                Standing::Barred(Trouble::new(&K001, args, mark))
            }
        }
        Read::Mark(mark) if books.was_at => Standing::Ours(mark.clone()),
        Read::Mark(mark) => Standing::Stopped(older(&folder.join(NAME), mark, &books.position)),
    }
}

/// The ledger lacks what a mark of its own knows.
fn older(path: &Path, mark: &Mark, position: &Position) -> Trouble {
    let first = position.number + 1;
    let gap = match mark.number {
        last if last > first => format!("{first}–{last}"),
        last if last == first => last.to_string(),
        _ => "—".to_owned(),
    };
    let at = mark.at.format("%Y-%m-%d %H:%M UTC").to_string();
    Trouble::new(&K005, [path.display().to_string(), at, gap], Some(mark.clone()))
}

/// What the ledger says of a folder and its mark. The ledger's own thread never touches a folder.
fn books(ledger: &Handle, folder: &Path, mark: Option<&Mark>) -> Result<Books, Error> {
    let folder = folder.to_owned();
    let known = mark.map(|mark| (mark.event, mark.head.clone()));
    ledger.ask_blocking(move |ledger| {
        let was_at = known.map_or(Ok(true), |(event, head)| ledger.was_at(event, &head))?;
        Ok(Books { position: ledger.position()?, is_marked: ledger.is_marked(&folder)?, was_at })
    })
}

/// The marks of one ledger.
pub struct Marks {
    own: PathBuf,
    host: String,
    /// Folders whose share hangs, each with the thread that waits for it.
    hanging: Mutex<HashMap<PathBuf, JoinHandle<()>>>,
    stopped: Mutex<Option<Trouble>>,
    /// Two sections send at the same time; marks only rise.
    raising: Mutex<()>,
}

impl Marks {
    /// Of a ledger's file, on this host.
    pub fn new(ledger: &Path, host: String) -> Self {
        Self {
            own: ledger.with_extension("mark"),
            host,
            hanging: Mutex::default(),
            stopped: Mutex::default(),
            raising: Mutex::default(),
        }
    }

    /// The mark beside the ledger.
    pub fn own(&self) -> &Path {
        &self.own
    }

    /// Why nothing at all may be sent, once that was found.
    pub fn stopped(&self) -> Option<Trouble> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stop(&self, trouble: &Trouble) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = Some(trouble.clone());
    }

    /// Whether the mark beside the ledger knows no more than the ledger.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn of_ledger(&self, ledger: &Handle) -> Result<Option<Trouble>, Error> {
        let path = self.own.display().to_string();
        let trouble = match read(&self.own) {
            Read::Damaged(why) => Some(Trouble::new(&K008, [path, why], None)),
            Read::Mark(mark) => {
                let books = books(ledger, Path::new(""), Some(&mark))?;
                if mark.ledger == books.position.ledger {
                    (!books.was_at).then(|| older(&self.own, &mark, &books.position))
                } else {
                    let args = [path, mark.host.clone(), mark.day(), mark.ledger.clone()];
                    Some(Trouble::new(&K007, args, Some(mark)))
                }
            }
            Read::None | Read::Away => None,
        };
        if let Some(trouble) = &trouble {
            self.stop(trouble);
        }
        Ok(trouble)
    }

    /// Where a folder stands by what was read there. Writes nothing.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn of_folder(&self, ledger: &Handle, folder: &Path, read: &Read) -> Result<Standing, Error> {
        let mark = if let Read::Mark(mark) = read { Some(mark) } else { None };
        let standing = judge(folder, read, &books(ledger, folder, mark)?);
        if let Standing::Stopped(trouble) = &standing {
            self.stop(trouble);
        }
        Ok(standing)
    }

    /// Reads a folder's mark, however long its share takes, and tells where it stands.
    ///
    /// # Errors
    /// When the ledger fails.
    pub fn look(&self, ledger: &Handle, folder: &Path) -> Result<Standing, Error> {
        self.of_folder(ledger, folder, &read(&folder.join(NAME)))
    }

    /// The same, and marks a folder that is new; then, and only then, the ledger calls it known.
    ///
    /// # Errors
    /// When the ledger fails. What the folder says is in the standing.
    pub fn settle(&self, ledger: &Handle, folder: &Path, now: DateTime<Utc>) -> Result<Standing, Error> {
        let mut standing = self.look(ledger, folder)?;
        if matches!(standing, Standing::New) {
            let mark = self.mark(&ledger.ask_blocking(|ledger| ledger.position())?, now, now);
            standing = match file::create(folder, &mark) {
                Ok(()) => Standing::Ours(mark),
                // Somebody else was faster: what lies there now decides.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    self.look(ledger, folder)?
                }
                Err(error) => {
                    let args = [folder.display().to_string(), error.to_string()];
                    Standing::Barred(Trouble::new(&K004, args, None))
                }
            };
        }
        if matches!(standing, Standing::Ours(_)) {
            let folder = folder.to_owned();
            ledger.ask_blocking(move |ledger| {
                if ledger.is_marked(&folder)? { Ok(()) } else { ledger.marked(&folder, now) }
            })?;
        }
        Ok(standing)
    }

    fn mark(&self, position: &Position, since: DateTime<Utc>, at: DateTime<Utc>) -> Mark {
        Mark {
            schema: SCHEMA.to_owned(),
            ledger: position.ledger.clone(),
            installation: position.installation,
            host: self.host.chars().take(file::HOST_CHARS).collect(),
            since,
            at,
            number: position.number,
            event: position.event,
            head: position.head.clone(),
        }
    }

    /// Raises the marks of a batch that is about to be sent: the one beside the ledger, flushed, and those of the
    /// folders its rows came from, as far as they can be reached.
    ///
    /// # Errors
    /// Why nothing may be sent, in words: a mark that knows more than the ledger, or one that can't be written.
    pub fn raise(&self, ledger: &Handle, batch: i64, now: DateTime<Utc>) -> Result<(), String> {
        if let Some(trouble) = self.stopped() {
            return Err(trouble.to_string());
        }
        let told = |error: Error| error.to_string();
        let _raising = self.raising.lock().unwrap_or_else(PoisonError::into_inner);
        let (position, folders) = ledger
            .ask_blocking(move |ledger| Ok((ledger.position()?, ledger.folders_of(batch)?)))
            .map_err(told)?;
        for folder in folders {
            // Where it is away, hanging or unmarked, the mark beside the ledger is the one that must be raised.
            if let Some(Read::Mark(mark)) = self.within_patience(&folder) {
                self.raise_folder(ledger, &folder, mark, &position, now)?;
            }
        }
        let mark = self.mark(&position, now, now);
        let since = if let Read::Mark(old) = read(&self.own) { old.since } else { now };
        file::write(&self.own, &Mark { since, ..mark }, true)
            .map_err(|error| format!("{}: {error}", self.own.display()))
    }

    /// A machine that was rolled back while the program ran is found out here.
    fn raise_folder(
        &self,
        ledger: &Handle,
        folder: &Path,
        old: Mark,
        position: &Position,
        now: DateTime<Utc>,
    ) -> Result<(), String> {
        let (path, since) = (folder.join(NAME), old.since);
        let books = books(ledger, folder, Some(&old)).map_err(|error| error.to_string())?;
        match judge(folder, &Read::Mark(old), &books) {
            Standing::Ours(_) => {
                let mark = self.mark(position, since, now);
                self.with_patience(folder, move || drop(file::write(&path, &mark, false)));
                Ok(())
            }
            Standing::Stopped(trouble) => {
                self.stop(&trouble);
                Err(trouble.to_string())
            }
            // A folder that was never ours stands in nobody's way.
            _ => Ok(()),
        }
    }

    /// Reads a folder's mark, unless its share hangs.
    pub fn within_patience(&self, folder: &Path) -> Option<Read> {
        let path = folder.join(NAME);
        self.with_patience(folder, move || read(&path))
    }

    /// Does something in a folder on a thread of its own; none where it takes too long. While it does, nothing else
    /// is tried there.
    fn with_patience<R: Send + 'static>(
        &self,
        folder: &Path,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Option<R> {
        let mut hanging = self.hanging.lock().unwrap_or_else(PoisonError::into_inner);
        if hanging.get(folder).is_some_and(|thread| !thread.is_finished()) {
            return None;
        }
        let (done, later) = channel();
        let thread = std::thread::Builder::new().name("mark".to_owned()).spawn(move || {
            let _ = done.send(work());
        });
        match later.recv_timeout(PATIENCE) {
            Ok(result) => return Some(result),
            Err(RecvTimeoutError::Disconnected) => {}
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!(folder = %folder.display(), "the folder does not answer; its mark stays behind");
                hanging.extend(thread.ok().map(|thread| (folder.to_owned(), thread)));
            }
        }
        None
    }

    /// Writes our marks after a takeover: over whatever lies in a folder, and beside the ledger.
    ///
    /// # Errors
    /// When one can't be written.
    pub fn take_over(
        &self,
        position: &Position,
        folders: &[PathBuf],
        now: DateTime<Utc>,
    ) -> std::io::Result<()> {
        let mark = self.mark(position, now, now);
        for folder in folders {
            file::replace(&folder.join(NAME), &mark)?;
        }
        file::replace(&self.own, &mark)
    }
}

#[cfg(test)]
mod tests;
