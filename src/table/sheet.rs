//! Rows that another thread reads, a chunk at a time.
//!
//! Some readers borrow what they read from, so they live on a thread of their own and hand over chunks of rows
//! that come back to be filled again. A panic of a library ends that thread, not the program.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use super::apart::{Helper, Parked};
use super::error::Error;
use super::row::Row;

/// Rows that pass from the thread at once.
const CHUNK: usize = 128;
/// Bytes of text after which a chunk is full: rows may be long.
const CHUNK_TEXT: usize = 1024 * 1024;
/// Bytes of a row's buffer that are kept for the next row.
const ROW_KEPT: usize = 64 * 1024;

/// The rows of the chosen sheet, from the first one.
pub(super) enum Sheet {
    /// Being read, or about to be.
    Running(Running),
    /// Opened, and read by a process once rows are wanted.
    Parked(Parked),
}

impl Sheet {
    /// Reads the next row that has anything in it. False at the end.
    pub(super) fn next(&mut self, row: &mut Row) -> Result<bool, Error> {
        if let Self::Parked(parked) = self {
            *self = Self::Running(parked.start()?);
        }
        match self {
            Self::Running(running) => running.next(row),
            Self::Parked(_) => Ok(false),
        }
    }
}

/// Rows that come from a thread.
pub(super) struct Running {
    chunks: Option<Receiver<Result<Vec<Row>, Error>>>,
    /// Chunks that were read go back to be filled again.
    used: Sender<Vec<Row>>,
    chunk: Vec<Row>,
    next: usize,
    thread: Option<JoinHandle<()>>,
    /// The process the thread reads from; none where it reads the file itself.
    helper: Option<Helper>,
    ended: bool,
}

impl Running {
    /// Starts reading: `work` hands over rows until there are no more.
    pub(super) fn start(
        helper: Option<Helper>,
        work: impl FnOnce(&HandOver) -> Result<(), Error> + Send + 'static,
    ) -> io::Result<Self> {
        let (send, chunks) = sync_channel(2);
        let (used, spare) = channel();
        let hand = HandOver { send, spare };
        let thread = std::thread::Builder::new().name("sheet".to_owned()).spawn(move || {
            let outcome = unharmed(|| work(&hand));
            // Nobody may listen any more; an empty chunk is the end.
            let _ = hand.send.send(outcome.map(|()| Vec::new()));
        })?;
        Ok(Self {
            chunks: Some(chunks),
            used,
            chunk: Vec::new(),
            next: 0,
            thread: Some(thread),
            helper,
            ended: false,
        })
    }

    /// Reads the next row that has anything in it. False at the end.
    fn next(&mut self, row: &mut Row) -> Result<bool, Error> {
        if self.next == self.chunk.len() && !self.ended {
            self.next_chunk()?;
        }
        let Some(read) = self.chunk.get_mut(self.next) else { return Ok(false) };
        std::mem::swap(read, row);
        self.next += 1;
        Ok(true)
    }

    /// An empty chunk is the end; a thread that ended without one has panicked.
    fn next_chunk(&mut self) -> Result<(), Error> {
        let chunk = self.wait().unwrap_or_else(|| Err(Error::Broken("the reader gave up".to_owned())));
        self.ended = chunk.as_ref().map_or(true, Vec::is_empty);
        let used = std::mem::replace(&mut self.chunk, chunk?);
        self.next = 0;
        // The thread may have ended already; then nobody needs the chunk.
        let _ = self.used.send(used);
        Ok(())
    }

    /// A process may hang for ever; a thread of ours does not.
    fn wait(&self) -> Option<Result<Vec<Row>, Error>> {
        let chunks = self.chunks.as_ref()?;
        let Some(helper) = &self.helper else { return chunks.recv().ok() };
        match chunks.recv_timeout(helper.patience()) {
            Ok(chunk) => Some(chunk),
            Err(RecvTimeoutError::Timeout) => Some(Err(helper.gave_up())),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Without a process nothing can be read, without a receiver nothing handed over: the thread ends.
        self.helper = None;
        self.chunks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's side.
pub(super) struct HandOver {
    send: SyncSender<Result<Vec<Row>, Error>>,
    spare: Receiver<Vec<Row>>,
}

impl HandOver {
    /// Hands over what `next` reads, until that ends or nobody listens any more. Rows before an error are
    /// handed over before it.
    pub(super) fn rows(&self, mut next: impl FnMut(&mut Row) -> Result<bool, Error>) -> Result<(), Error> {
        loop {
            let mut chunk = self.spare.try_recv().unwrap_or_default();
            let more = fill(&mut next, &mut chunk);
            // An empty chunk would be taken for the end before an error could tell.
            if !chunk.is_empty() && self.send.send(Ok(chunk)).is_err() {
                return Ok(());
            }
            if !more? {
                return Ok(());
            }
        }
    }
}

/// Whether there may be more rows; `next` is not asked again behind the last one.
fn fill(next: &mut impl FnMut(&mut Row) -> Result<bool, Error>, chunk: &mut Vec<Row>) -> Result<bool, Error> {
    chunk.resize_with(CHUNK, Row::new);
    let (mut filled, mut text) = (0, 0);
    let mut outcome = Ok(true);
    for row in chunk.iter_mut() {
        if row.buffer().capacity() > ROW_KEPT {
            *row = Row::new();
        }
        if text < CHUNK_TEXT {
            outcome = next(row);
        }
        if text >= CHUNK_TEXT || !matches!(outcome, Ok(true)) {
            break;
        }
        text += row.buffer().len();
        filled += 1;
    }
    chunk.truncate(filled);
    outcome
}

/// Runs library code that may panic on files it did not expect.
pub(super) fn unharmed<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::Broken("the reader gave up".to_owned())))
}
