//! A table in, judged rows out: mapping, then validation, row by row, each row by itself.
//!
//! Reading runs on a thread of its own, a few blocks of rows ahead; mapping and validating follow on others that
//! take the blocks in turn, and the caller takes what comes of them in the same turn, so the order stays. Memory
//! does not grow with the number of rows.

mod choose;
mod judge;
mod mappings;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

use crate::mapping::{Answers, Decided, Mapping, Proof};
use crate::model::{Issue, Schema};
use crate::table::{self, Found, Row, Table};

pub use choose::{Fit, choose, open_with};
pub use judge::{Body, Judge, Judged, Target};
pub use mappings::{Mappings, Schemas};

/// Rows handed over at once: enough that the hand-over costs little, few enough that all blocks on their way stay
/// in the cache.
const BLOCK_ROWS: usize = 64;
/// Blocks on their way between two threads.
const BLOCKS: usize = 2;
/// First rows by which the file's ways of writing codes are known.
const FIRST_ROWS: usize = 256;
/// Most threads that judge: with so many, reading is what takes longest.
const MOST_JUDGES: usize = 3;

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
    mut judge: Judge,
    mut each: impl FnMut(&Row, &mut Judged) -> Result<(), E>,
) -> Result<Found, Error<E>> {
    let (empty, spare) = channel::<Block>();
    let rows = Rows::ahead(table);
    judge.look_at(&rows.first);
    std::thread::scope(|scope| {
        let (desks, judged): (Vec<_>, Vec<_>) = judges(judge)
            .into_iter()
            .map(|judge| {
                let (read, unjudged) = sync_channel::<Step>(BLOCKS);
                let (done, judged) = sync_channel::<Step>(BLOCKS);
                scope.spawn(move || judge_blocks(judge, &unjudged, &done));
                (read, judged)
            })
            .unzip();
        let reader = scope.spawn(move || read_blocks(rows, &desks, &spare));
        // Whoever is next in turn and has nothing more was the last.
        for step in judged.iter().cycle().map_while(|judged| judged.recv().ok()) {
            let mut block = step?;
            for (row, judged) in block.rows.iter().zip(&mut block.judged) {
                each(row, judged).map_err(Error::Sink)?;
            }
            // The reader is gone once it is done; then the block is simply dropped.
            let _ = empty.send(block);
        }
        // A reader that waits with a full desk would wait for ever.
        drop(judged);
        match reader.join() {
            Ok(found) => Ok(found),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Reads the rows once for what their columns prove, where the mapping leaves numbers or dates open.
///
/// # Errors
/// When the file can't be read; what nobody can decide is in the inner error, as questions.
pub fn prove(
    path: &Path,
    table: &Table,
    mapping: &Mapping,
    schema: &Schema,
    answers: &Answers,
) -> Result<Result<Decided, Vec<Issue>>, table::Error> {
    let Some(mut proof) = Proof::of(mapping, table.headers(), schema) else {
        return Ok(Ok(Decided::default()));
    };
    let mut again = Table::open(path, &table.found().reading())?;
    let mut row = Row::new();
    while again.read(&mut row)? {
        proof.look(&row);
    }
    Ok(proof.decide(answers))
}

/// One judge for each thread that may judge.
fn judges(judge: Judge) -> Vec<Judge> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let more = if judge.needs_order() { 0 } else { threads.clamp(1, MOST_JUDGES) - 1 };
    let mut judges: Vec<Judge> = (0..more).map(|_| judge.clone()).collect();
    judges.push(judge);
    judges
}

fn judge_blocks(mut judge: Judge, read: &Receiver<Step>, done: &SyncSender<Step>) {
    for mut step in read {
        if let Ok(Block { rows, judged }) = &mut step {
            judged.resize_with(rows.len(), Judged::default);
            rows.iter().zip(judged).for_each(|(row, judged)| judge.judge(row, judged));
        }
        if done.send(step).is_err() {
            break;
        }
    }
}

/// A table of which the first rows were read before.
struct Rows {
    table: Table,
    first: Vec<Row>,
    taken: usize,
    /// What reading ahead ended with; none where there are more rows.
    ended: Option<Result<bool, table::Error>>,
}

impl Rows {
    fn ahead(mut table: Table) -> Self {
        let mut first = Vec::new();
        let mut ended = None;
        while first.len() < FIRST_ROWS && ended.is_none() {
            let mut row = Row::new();
            match table.read(&mut row) {
                Ok(true) => first.push(row),
                end => ended = Some(end),
            }
        }
        Self { table, first, taken: 0, ended }
    }

    fn read(&mut self, row: &mut Row) -> Result<bool, table::Error> {
        if let Some(first) = self.first.get_mut(self.taken) {
            self.taken += 1;
            std::mem::swap(row, first);
            return Ok(true);
        }
        self.first = Vec::new();
        self.ended.take().unwrap_or_else(|| self.table.read(row))
    }
}

fn read_blocks(mut rows: Rows, desks: &[SyncSender<Step>], spare: &Receiver<Block>) -> Found {
    let (mut more, mut failed) = (true, None);
    for desk in desks.iter().cycle() {
        let step = if let Some(error) = failed.take() {
            Err(error)
        } else {
            let mut block = spare.try_recv().unwrap_or_default();
            match read_block(&mut rows, &mut block) {
                Ok(filled) => more = filled,
                Err(error) => failed = Some(error),
            }
            Ok(block)
        };
        let last = !more || step.is_err();
        if desk.send(step).is_err() || last {
            break;
        }
    }
    rows.table.found().clone()
}

/// Fills a block with the next rows; false where it holds the last ones. What was read before an error stays.
fn read_block(table: &mut Rows, block: &mut Block) -> Result<bool, table::Error> {
    block.rows.resize_with(BLOCK_ROWS, Row::new);
    let mut rows = 0;
    let read = block.rows.iter_mut().try_fold(true, |_, row| match table.read(row) {
        Ok(true) => {
            rows += 1;
            ControlFlow::Continue(true)
        }
        ended => ControlFlow::Break(ended),
    });
    block.rows.truncate(rows);
    read.break_value().unwrap_or(Ok(true))
}
