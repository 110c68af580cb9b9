//! A table in, judged rows out: mapping, then validation, row by row, each row by itself.
//!
//! Reading runs on a thread of its own, a few blocks of rows ahead; mapping and validating follow on the
//! caller's. Memory does not grow with the number of rows.

mod choose;
mod judge;
mod mappings;

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

use crate::table::{self, Found, Row, Table};

pub use choose::{Fit, choose};
pub use judge::{Body, Judge, Judged, Target};
pub use mappings::{Mappings, Schemas};

/// Rows handed over at once: enough that the hand-over costs nothing, few enough that they stay in the cache.
const BLOCK_ROWS: usize = 256;
/// Blocks on their way.
const BLOCKS: usize = 6;

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

/// One block on its way from the reader.
type Block = Result<Vec<Row>, table::Error>;

/// Reads every row of a table and hands it on in order. Gives the table back as read to its end.
///
/// # Errors
/// When the file can't be read any further, or `each` fails.
pub fn for_each_row<E: std::error::Error>(
    table: Table,
    mut each: impl FnMut(&Row) -> Result<(), E>,
) -> Result<Found, Error<E>> {
    let (full, blocks) = sync_channel::<Block>(BLOCKS);
    let (empty, spare) = channel::<Vec<Row>>();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || read_blocks(table, &full, &spare));
        for block in blocks {
            let block = block?;
            for row in &block {
                each(row).map_err(Error::Sink)?;
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

fn read_blocks(mut table: Table, full: &SyncSender<Block>, spare: &Receiver<Vec<Row>>) -> Found {
    loop {
        let mut block = spare.try_recv().unwrap_or_default();
        block.resize_with(BLOCK_ROWS, Row::new);
        let mut rows = 0;
        let read = block.iter_mut().try_for_each(|row| match table.read(row) {
            Ok(true) => {
                rows += 1;
                Ok(())
            }
            Ok(false) => Err(None),
            Err(error) => Err(Some(error)),
        });
        block.truncate(rows);
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
