//! A table in, judged rows out: mapping, then validation, row by row, each row by itself.
//!
//! A few threads, one for each processor and four at most, take blocks of the file in turn. Whoever has the file reads
//! the next block, gives the file on, then splits, judges and renders the block's rows one by one, so that everything
//! about a row happens while it is in one core's cache. The caller's thread is one of them where there are several, and
//! between its blocks it takes what was rendered, in the order of the file. Memory does not grow with the number of
//! rows.

mod choose;
mod judge;
mod mappings;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};

use crate::mapping::{Answers, Decided, Mapping, Proof};
use crate::model::{Issue, Schema};
use crate::table::{self, Block, Found, Row, Table};

pub use choose::{Fit, choose, open_with};
pub use judge::{Body, Judge, Judged, Target};
pub use mappings::{Mappings, Schemas};

/// Rendered blocks that may wait for the caller, for each thread.
const WAITING: usize = 2;
/// Most threads that judge: with so many, reading is what takes longest.
const MOST_JUDGES: usize = 4;

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

/// A block with what was made of it. It goes round, so that its buffers are filled again and again.
#[derive(Default)]
struct Work<T> {
    block: Block,
    made: T,
}

/// What goes from thread to thread: a block, or why there are no more.
type Step<T> = Result<Work<T>, table::Error>;

/// The file, for one thread at a time.
struct Desk<T> {
    table: Table,
    /// Blocks that the caller is done with.
    spare: Receiver<Work<T>>,
    /// The first block, until somebody takes it.
    first: Option<Step<T>>,
    /// Told once the blocks before it were handed on.
    failed: Option<table::Error>,
    ended: bool,
}

impl<T: Default> Desk<T> {
    /// Reads the first block before anything is judged: its rows show how the file writes its codes.
    fn read_ahead(&mut self, judge: &mut Judge) {
        let mut first = self.next();
        if let Ok(Work { block, .. }) = &mut first {
            judge.look_at(block);
        }
        self.first = Some(first);
    }

    /// The next block, or why there are no more.
    fn next(&mut self) -> Step<T> {
        if let Some(first) = self.first.take() {
            return first;
        }
        if let Some(error) = self.failed.take() {
            self.ended = true;
            return Err(error);
        }
        let mut work: Work<T> = self.spare.try_recv().unwrap_or_default();
        match self.table.read_block(&mut work.block) {
            Ok(more) => self.ended = !more,
            Err(error) => self.failed = Some(error),
        }
        Ok(work)
    }
}

/// Reads and judges every row of a table; `render` adds each to what is made of its block, and `each` takes that in
/// the order of the file, and leaves it empty, to be filled again. Gives the table back as read to its end.
///
/// # Errors
/// When the file can't be read any further, or `each` fails.
pub fn for_each_block<T: Default + Send, E: std::error::Error>(
    table: Table,
    mut judge: Judge,
    render: impl Fn(&Row, &mut Judged, &mut T) + Sync,
    mut each: impl FnMut(&mut T) -> Result<(), E>,
) -> Result<Found, Error<E>> {
    let (empty, spare) = channel();
    let mut desk = Desk { table, spare, first: None, failed: None, ended: false };
    desk.read_ahead(&mut judge);
    let desk = Mutex::new(desk);
    std::thread::scope(|scope| {
        let (turn, turns) = channel();
        let mut judges = judges(judge);
        // With the caller as one of them there is a thread for each processor, and none waits for another's core.
        let own = if judges.len() > 1 { judges.pop() } else { None };
        let start = |(me, judge): (usize, Judge)| {
            let (done, made) = sync_channel(WAITING);
            let (desk, render, turn) = (&desk, &render, turn.clone());
            scope.spawn(move || work(judge, || take(desk, &turn, me), render, &done));
            made
        };
        let made: Vec<Receiver<Step<T>>> = judges.into_iter().enumerate().map(start).collect();
        let caller = made.len();
        let mut order = Order { turns, made, next: None, own: VecDeque::new() };
        let mut hand_on = |step: Step<T>| {
            let mut work = step?;
            each(&mut work.made).map_err(Error::Sink)?;
            // Nobody may read any more; then the block is simply dropped.
            if !work.block.is_large() {
                let _ = empty.send(work);
            }
            Ok::<(), Error<E>>(())
        };
        if let Some(judge) = own {
            order.join_in(judge, || take(&desk, &turn, caller), &render, &mut hand_on)?;
        }
        drop(turn);
        order.hand_on(|_| true, &mut hand_on)
    })?;
    let desk = desk.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(desk.table.found().clone())
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

/// What was rendered, in the order of the file.
struct Order<T> {
    /// Whose block is next, again and again.
    turns: Receiver<usize>,
    /// What comes of the other threads; whoever is behind the last of them is the caller.
    made: Vec<Receiver<Step<T>>>,
    /// Whose turn it is, until that block is there.
    next: Option<usize>,
    /// Blocks of the caller's own that wait for others.
    own: VecDeque<Step<T>>,
}

impl<T> Order<T> {
    /// The next block, if it is there, or once it is. A thread that ends without its block has panicked, and takes
    /// this one along.
    fn next(&mut self, wait: bool) -> Option<Step<T>> {
        if self.next.is_none() {
            self.next = if wait { self.turns.recv().ok() } else { self.turns.try_recv().ok() };
        }
        let step = match self.made.get(self.next?) {
            Some(made) if wait => made.recv().ok(),
            Some(made) => made.try_recv().ok(),
            None => self.own.pop_front(),
        };
        if step.is_some() {
            self.next = None;
        }
        step
    }

    /// Hands on what is there, and waits for the next as long as it must.
    fn hand_on<E: std::error::Error>(
        &mut self,
        wait: impl Fn(&Self) -> bool,
        hand_on: &mut impl FnMut(Step<T>) -> Result<(), Error<E>>,
    ) -> Result<(), Error<E>> {
        loop {
            let wait = wait(self);
            match self.next(wait) {
                Some(step) => hand_on(step)?,
                None => return Ok(()),
            }
        }
    }

    /// The caller judges too, and hands on between its blocks.
    fn join_in<E: std::error::Error>(
        &mut self,
        mut judge: Judge,
        mut take: impl FnMut() -> Option<Step<T>>,
        render: &impl Fn(&Row, &mut Judged, &mut T),
        hand_on: &mut impl FnMut(Step<T>) -> Result<(), Error<E>>,
    ) -> Result<(), Error<E>> {
        let (mut row, mut judged) = (Row::new(), Judged::default());
        while let Some(mut step) = take() {
            render_rows(&mut step, &mut judge, &mut row, &mut judged, render);
            self.own.push_back(step);
            self.hand_on(|order| order.own.len() >= WAITING, hand_on)?;
            if self.own.len() >= WAITING {
                // Only a thread that has panicked leaves so many: nothing more is wanted.
                break;
            }
        }
        Ok(())
    }
}

/// Judges and renders block after block, until there are none, or nobody wants them.
fn work<T>(
    mut judge: Judge,
    mut take: impl FnMut() -> Option<Step<T>>,
    render: &impl Fn(&Row, &mut Judged, &mut T),
    done: &SyncSender<Step<T>>,
) {
    let (mut row, mut judged) = (Row::new(), Judged::default());
    while let Some(mut step) = take() {
        render_rows(&mut step, &mut judge, &mut row, &mut judged, render);
        if done.send(step).is_err() {
            break;
        }
    }
}

fn render_rows<T>(
    step: &mut Step<T>,
    judge: &mut Judge,
    row: &mut Row,
    judged: &mut Judged,
    render: &impl Fn(&Row, &mut Judged, &mut T),
) {
    if let Ok(Work { block, made }) = step {
        block.for_each(row, |row| {
            judge.judge(row, judged);
            render(row, judged, made);
        });
    }
}

/// Reads the next block, and says whose turn it is to hand one to the caller; none at the end.
fn take<T: Default>(desk: &Mutex<Desk<T>>, turn: &Sender<usize>, me: usize) -> Option<Step<T>> {
    // Where another thread panicked, nothing more is wanted.
    let mut desk = desk.lock().ok()?;
    if desk.ended && desk.first.is_none() {
        return None;
    }
    let step = desk.next();
    turn.send(me).ok()?;
    Some(step)
}
