//! A table in, judged rows out: mapping, then validation, row by row, each row by itself.
//!
//! Reading runs on a thread of its own, a few blocks of rows ahead; mapping and validating follow on another,
//! and the caller takes what comes of it. Memory does not grow with the number of rows.

mod choose;
mod judge;
mod mappings;

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

use crate::table::{self, Found, Row, Table};

pub use choose::{Fit, choose, open_with};
pub use judge::{Body, Judge, Judged, Target};
pub use mappings::{Mappings, Schemas};

/// Rows handed over at once: enough that the hand-over costs nothing, few enough that they stay in the cache.
const BLOCK_ROWS: usize = 256;
/// Blocks on their way between two threads.
const BLOCKS: usize = 4;

/// Conversion stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error<E: std::error::Error + 'static> {
    /// The file can't be read any further.
    #[error(transparent)]
    Table(#[from] table::Error),
    /// Whoever takes the rows can't.
    #[error(transparent)]
    Sink(E),
}

/// Rows with what they came to. It goes round, so that its buffers are filled again and again.
#[derive(Default)]
struct Block {
    rows: Vec<Row>,
    judged: Vec<Judged>,
}

/// What goes from thread to thread: a block, or why there are no more.
type Step = Result<Block, table::Error>;

/// Reads and judges every row of a table and hands it on in order. Gives the table back as read to its end.
///
/// # Errors
/// When the file can't be read any further, or `each` fails.
pub fn for_each_row<E: std::error::Error>(
    table: Table,
    judge: Judge,
    mut each: impl FnMut(&Row, &mut Judged) -> Result<(), E>,
) -> Result<Found, Error<E>> {
    let (read, unjudged) = sync_channel::<Step>(BLOCKS);
    let (done, judged) = sync_channel::<Step>(BLOCKS);
    let (empty, spare) = channel::<Block>();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || read_blocks(table, &read, &spare));
        scope.spawn(move || judge_blocks(judge, &unjudged, &done));
        for step in judged {
            let mut block = step?;
            for (row, judged) in block.rows.iter().zip(&mut block.judged) {
                each(row, judged).map_err(Error::Sink)?;
            }
            // The reader is gone once it is done; then the block is simply dropped.
            let _ = empty.send(block);
        }
        match reader.join() {
            Ok(found) => Ok(found),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn judge_blocks(mut judge: Judge, read: &Receiver<Step>, done: &SyncSender<Step>) {
    for mut step in read {
        if let Ok(Block { rows, judged }) = &mut step {
            judged.clear();
            judged.extend(rows.iter().map(|row| judge.judge(row)));
        }
        if done.send(step).is_err() {
            break;
        }
    }
}

fn read_blocks(mut table: Table, full: &SyncSender<Step>, spare: &Receiver<Block>) -> Found {
    loop {
        let mut block = spare.try_recv().unwrap_or_default();
        block.rows.resize_with(BLOCK_ROWS, Row::new);
        let mut rows = 0;
        let read = block.rows.iter_mut().try_for_each(|row| match table.read(row) {
            Ok(true) => {
                rows += 1;
                Ok(())
            }
            Ok(false) => Err(None),
            Err(error) => Err(Some(error)),
        });
        block.rows.truncate(rows);
        let ended = read.is_err();
        if full.send(Ok(block)).is_err() {
            break;
        }
        if let Err(Some(error)) = read {
            let _ = full.send(Err(error));
        }
        if ended {
            break;
        }
    }
    table.found().clone()
}
