//! Workbooks that must be read as a whole, read by a process of its own.
//!
//! For .xls, .xlsb and .ods there is only a reader that keeps everything in memory, and a small file may ask for
//! any amount of it. So this program starts itself once more with a limit on its memory ([`serve`]): that
//! process may run out of memory, hang or die, and nothing else suffers. It sends the rows one by one, so that
//! here memory does not grow with them. Web pages are read there too, because a page is one document.

mod books;
mod frames;
mod html;
mod serve;
mod shown;

use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use frames::{Frames, Head, Job, Record};
pub use serve::serve;

use super::choice::Oddities;
use super::error::Error;
use super::reading::{Format, Found, Reading};
use super::records::Layout;
use super::row::Header;
use super::sheet::{Running, Sheet};

/// The subcommand by which the program reads for itself.
pub const SERVE_COMMAND: &str = "__read-workbook";

/// How long nothing may come. The largest workbook that fits into the process's memory takes seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// The process that reads. It ends with this value.
pub(super) struct Helper {
    child: Child,
    format: Format,
    patience: Duration,
}

impl Helper {
    /// Starts it, and asks.
    fn start(path: &Path, job: &Job) -> Result<Self, Error> {
        let mut command = Command::new(own_program()?);
        command
            .arg(SERVE_COMMAND)
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        // Ctrl-C is meant for the program, which ends what it is at; its process must live as long.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        // It needs nothing of the environment, and secrets may stand there. Windows cannot start without its own.
        if cfg!(unix) {
            command.env_clear();
        }
        let mut helper = Self { child: command.spawn()?, format: job.format, patience: PATIENCE };
        if let Some(mut input) = helper.child.stdin.take() {
            let asked = serde_json::to_vec(job).map_err(io::Error::from)?;
            // A process that died already tells so by its answer.
            let _ = input.write_all(&asked);
        }
        Ok(helper)
    }

    /// How long nothing may come from it.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) fn gave_up(&self) -> Error {
        Error::GaveUp(self.format)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It may have ended by itself; then this only takes it off the list of processes.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program itself, even if another version has taken its place on disk since it was started.
fn own_program() -> io::Result<PathBuf> {
    let own = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && own.exists() { Ok(own.to_owned()) } else { std::env::current_exe() }
}

impl Head {
    /// Tells how the file was read, and gives the columns.
    pub(super) fn found_in(self, found: &mut Found) -> Vec<Header> {
        found.sheet = self.sheet;
        found.encoding = self.encoding;
        found.byte_order_mark = self.byte_order_mark;
        found.header_row = Some(self.header_row);
        found.header_rows = Some(self.header_rows);
        Oddities {
            read: found.sheet.clone().unwrap_or_else(|| "#1".to_owned()),
            passed: self.passed,
            merged: self.merged,
            hidden_rows: self.hidden_rows,
            hidden_columns: self.hidden_columns,
        }
        .tell(found);
        headers(&self.columns)
    }
}

fn headers(columns: &[String]) -> Vec<Header> {
    let header = |(index, name): (usize, &String)| Header { name: name.as_str().into(), index };
    columns.iter().enumerate().map(header).collect()
}

/// The process that was started last and whose rows nobody has asked for yet. A file may be open several times,
/// once for each layout that might fit it; only what is being read may cost memory.
static WAITING: Mutex<Option<(u64, Running)>> = Mutex::new(None);
static NUMBERS: AtomicU64 = AtomicU64::new(0);

fn waiting() -> MutexGuard<'static, Option<(u64, Running)>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A workbook that was opened. Its process waits until rows are wanted, or until another one is needed; then it
/// is started anew, and reads the same.
pub(super) struct Parked {
    number: u64,
    path: PathBuf,
    job: Job,
}

impl Parked {
    /// The rows from the first one.
    pub(super) fn start(&self) -> Result<Running, Error> {
        match self.take() {
            Some(running) => Ok(running),
            None => Ok(begin(&self.path, &self.job)?.1),
        }
    }

    fn take(&self) -> Option<Running> {
        waiting().take_if(|(number, _)| *number == self.number).map(|(_, running)| running)
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        // The process ends with it; not while others wait for the lock.
        let waiting = self.take();
        std::mem::drop(waiting);
    }
}

/// Starts the process; what it chose, and the rows that it reads.
/// Its cells may come to `text` bytes.
pub(super) fn open(
    path: &Path,
    format: Format,
    reading: &Reading,
    text: u64,
) -> Result<(Head, Sheet), Error> {
    let mut job = Job::new(format, reading);
    job.text = text;
    let (head, running) = begin(path, &job)?;
    let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
    let former = waiting().replace((number, running));
    drop(former);
    Ok((head, Sheet::Parked(Parked { number, path: path.to_owned(), job })))
}

/// Two at once would need twice the memory, so the one that waits gives way.
fn begin(path: &Path, job: &Job) -> Result<(Head, Running), Error> {
    let former = waiting().take();
    drop(former);
    listen(Helper::start(path, job)?)
}

fn listen(mut helper: Helper) -> Result<(Head, Running), Error> {
    let (format, patience) = (helper.format, helper.patience);
    let answer = helper.child.stdout.take().ok_or(Error::GaveUp(format))?;
    let (tell, head) = sync_channel(1);
    let running = Running::start(Some(helper), move |hand| {
        let Some((mut frames, layout)) = head_of(answer, format, &tell) else { return Ok(()) };
        let (mut record, mut far_told) = (Record::default(), 0);
        hand.rows(|row| {
            while frames.row(&mut record)? {
                record.fill(&layout, row, &mut far_told);
                if row.has_anything() {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    })?;
    // Too late, or never.
    let head = head.recv_timeout(patience).map_err(|_| Error::GaveUp(format))??;
    Ok((head, running))
}

/// Reads the head and tells it, or why there is none.
fn head_of(
    answer: ChildStdout,
    format: Format,
    tell: &SyncSender<Result<Head, Error>>,
) -> Option<(Frames<BufReader<ChildStdout>>, Layout)> {
    let mut frames = Frames::new(BufReader::with_capacity(64 * 1024, answer), format);
    let head = frames.head();
    let layout = head.as_ref().ok().map(|head| Layout {
        after_row: head.header_row,
        columns: headers(&head.columns).iter().map(Header::label).collect(),
    });
    // Nobody may wait any more.
    let _ = tell.send(head);
    Some((frames, layout?))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::table::row::Row;

    /// A process that does what a script says.
    fn helper(script: &str) -> Helper {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Helper { child: command.spawn().unwrap(), format: Format::Xls, patience: Duration::from_millis(300) }
    }

    const HEAD: &str = r#"printf 'rxrows1\nH\157\0\0\0{"sheet":"S","encoding":null,"byte_order_mark":false,"header_row":1,"columns":[],"hidden_sheets":[],"merged":0}'"#;

    #[test]
    fn a_process_that_dies_or_hangs_costs_only_its_file() {
        for script in ["exit 0", "kill -9 $$", "exec sleep 60", "echo foreign words"] {
            assert!(matches!(listen(helper(script)), Err(Error::GaveUp(Format::Xls))), "{script}");
        }
        for end in ["exit 1", "kill -9 $$", "exec sleep 60"] {
            let (head, running) = listen(helper(&format!("{HEAD}; {end}"))).unwrap();
            let mut sheet = Sheet::Running(running);
            assert_eq!(head.sheet.as_deref(), Some("S"));
            assert!(matches!(sheet.next(&mut Row::new()), Err(Error::GaveUp(Format::Xls))), "{end}");
        }
    }

    #[test]
    fn a_process_is_ended_with_its_table() {
        let (_, sheet) = listen(helper(&format!("{HEAD}; exec sleep 60"))).unwrap();
        let begun = std::time::Instant::now();
        drop(sheet);
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody waits for it");
    }
}
