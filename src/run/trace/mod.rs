//! The whole way of a row: from file, sheet and cell by mapping and rule to request and answer, and back.

mod derive;
mod excerpt;

use anyhow::{Result, bail};
use serde::Serialize;

use super::{Shop, meant};
use crate::ledger::trail::{BatchTrail, Happened, Trail};
use crate::ledger::{FileView, What};

pub use derive::{CellAt, Derived, FieldMade, MappingNow};

/// Rows told of one by one when a number leads to several.
const MOST_ROWS: usize = 20;

/// What was asked for, with everything known of it.
#[derive(Debug)]
pub enum Traced {
    /// A whole file.
    File(Box<FileView>, Vec<Happened>),
    /// Single rows.
    Rows(Vec<RowStory>),
    /// A whole request.
    Batch(Box<BatchTrail>),
}

/// One row with everything known of it.
#[derive(Debug)]
pub struct RowStory {
    /// Its file.
    pub file: FileView,
    /// Where it stands, and the rows it has to do with.
    pub trail: Trail,
    /// How its fields came about.
    pub derived: Derived,
    /// What was sent of it, oldest first.
    pub sent: Vec<Sent>,
    /// What happened to its file, and what people decided about it.
    pub happened: Vec<Happened>,
}

/// A row's part of one request.
#[derive(Debug, Serialize)]
pub struct Sent {
    /// Our number, as sent.
    pub number: String,
    /// The request.
    pub batch: BatchTrail,
    /// The row's object in it, exactly as sent.
    pub request: Option<String>,
    /// The row's object in each answer that names it; as many as there are attempts.
    pub answers: Vec<Option<String>>,
}

/// Everything about what a person names.
///
/// # Errors
/// When nothing of that is known, or the ledger can't be read.
pub fn trace(shop: &Shop, what: What) -> Result<Traced> {
    let what = meant(shop, what)?;
    if let What::Batch(batch) = what {
        let found = shop.ledger.ask_blocking(move |ledger| ledger.batch_trail(batch))?;
        return match found {
            Some(found) => Ok(Traced::Batch(Box::new(found))),
            None => bail!("batch:{batch} is not in the ledger; `rx_batch` of a report shows the numbers"),
        };
    }
    let asked = what.clone();
    let places = shop.ledger.ask_blocking(move |ledger| ledger.places(&asked))?;
    if let [(intake, None)] = places[..] {
        let view = shop.ledger.ask_blocking(move |ledger| ledger.file(intake))?;
        let Some(view) = view else { bail!("the file is not in the ledger") };
        let happened = shop.ledger.ask_blocking(move |ledger| ledger.happened(intake, None))?;
        return Ok(Traced::File(Box::new(view), happened));
    }
    let mut rows = Vec::new();
    for (intake, row) in places.into_iter().take(MOST_ROWS) {
        rows.extend(row.map_or(Ok(None), |row| one(shop, intake, row))?);
    }
    if let (What::Row(path, row), true) = (&what, rows.is_empty()) {
        bail!("`{}` has no data row {row}; `rx_row` of its result shows the numbers", path.display());
    }
    if rows.is_empty() {
        bail!("nothing of that is in the ledger; `rxdrop status` lists the files, their reports the numbers");
    }
    Ok(Traced::Rows(rows))
}

fn one(shop: &Shop, intake: i64, row: u32) -> Result<Option<RowStory>> {
    let file = shop.ledger.ask_blocking(move |ledger| ledger.file(intake))?;
    let trail = shop.ledger.ask_blocking(move |ledger| ledger.trail(intake, row))?;
    let (Some(file), Some(trail)) = (file, trail) else { return Ok(None) };
    let derived = derive::derive(shop, &file, row, trail.members.as_deref());
    let mut sent = Vec::new();
    for transaction in &trail.transactions {
        let batch = transaction.batch;
        let found = shop.ledger.ask_blocking(move |ledger| ledger.batch_trail(batch))?;
        sent.extend(found.map(|batch| part(batch, &transaction.number, transaction.position)));
    }
    let happened = shop.ledger.ask_blocking(move |ledger| ledger.happened(intake, Some(row)))?;
    Ok(Some(RowStory { file, trail, derived, sent, happened }))
}

/// The row's part of a request and of its answers.
fn part(batch: BatchTrail, number: &str, position: usize) -> Sent {
    let of = |document: &Option<Vec<u8>>| {
        document.as_ref().and_then(|bytes| excerpt::of_row(bytes, number, position, batch.rows))
    };
    let request = of(&batch.body);
    let answers = batch.attempts.iter().map(|attempt| of(&attempt.answer)).collect();
    Sent { number: number.to_owned(), request, answers, batch }
}
