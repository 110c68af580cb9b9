//! Many rows at once, for whoever wants their cells on another thread than the one that reads.
//!
//! Most records of a text file are data whatever stands around them, and their cells tell everything about them.
//! They are handed over as bytes, and whoever takes the block splits them, one after another, into one row of its
//! own. All others come as rows.

use std::sync::Arc;

use super::records::{Cutter, Raw};
use super::row::{HEAD, Row, push_ascii};

/// Bytes after which a block is full: enough that handing over costs little, few enough to stay in a core's cache.
const FULL_BYTES: usize = 128 * 1024;
/// Records after which a block is full: what is made of them takes memory too.
const FULL_RECORDS: usize = 1_024;
/// Rows after which a block is full. Each keeps its memory for the next one, unless it was a long one.
const FULL_ROWS: usize = 64;
/// Bytes above which a block's memory is not kept for the next rows.
const KEPT_BYTES: usize = 4 * FULL_BYTES;

/// Some data rows in the order of the file. Reused: reading the next ones overwrites it.
#[derive(Default)]
pub struct Block {
    /// Records one right behind the other.
    bytes: Vec<u8>,
    /// What [`push_ascii`] makes of them, where they are visited as they lie.
    ascii: String,
    entries: Vec<Entry>,
    /// Rows whose memory is used again; those in use come first.
    rows: Vec<Row>,
    used: usize,
    /// Bytes of the text of those in use.
    text: usize,
    cutter: Option<Arc<Cutter>>,
    #[cfg(test)]
    pub(super) most: Option<usize>,
    /// Cells that each row has at least.
    width: usize,
}

enum Entry {
    /// The next of the rows.
    Row,
    /// A record that ends here in the bytes.
    Record { number: u32, offset: u64, end: usize },
}

impl Block {
    /// Visits its rows in order; those that are still records are split into `row`.
    pub fn for_each(&mut self, row: &mut Row, visit: impl FnMut(&Row)) {
        match self.cutter.clone() {
            Some(cutter) if cutter.is_calm(&self.bytes) => self.for_each_calm(&cutter, row, visit),
            cutter => self.for_each_split(cutter.as_deref(), row, visit),
        }
    }

    /// The records need not be copied: `row` becomes one after another where they lie.
    fn for_each_calm(&mut self, cutter: &Cutter, row: &mut Row, mut visit: impl FnMut(&Row)) {
        let len = self.bytes.len();
        self.ascii.clear();
        push_ascii(&self.bytes, &mut self.ascii);
        self.bytes.extend_from_slice(&[0; HEAD]);
        row.exchange(&mut self.bytes, &mut self.ascii);
        let (mut rows, mut start) = (self.rows.iter(), 0);
        for entry in &self.entries {
            match entry {
                Entry::Record { number, end, .. } => {
                    cutter.cut_calm(*number, start..*end, row);
                    row.pad_to(self.width);
                    visit(row);
                    start = *end;
                }
                Entry::Row => rows.next().into_iter().for_each(&mut visit),
            }
        }
        row.exchange(&mut self.bytes, &mut self.ascii);
        self.bytes.truncate(len);
    }

    fn for_each_split(&self, cutter: Option<&Cutter>, row: &mut Row, mut visit: impl FnMut(&Row)) {
        let (mut rows, mut start) = (self.rows.iter(), 0);
        for entry in &self.entries {
            match (entry, cutter) {
                (Entry::Record { number, offset, end }, Some(cutter)) => {
                    let record = self.bytes.get(start..*end).unwrap_or_default();
                    row.start(*number);
                    cutter.cut_plain(&Raw { record, offset: *offset, number: *number }, row);
                    row.pad_to(self.width);
                    visit(row);
                    start = *end;
                }
                _ => rows.next().into_iter().for_each(&mut visit),
            }
        }
    }

    /// Adds a copy of a row.
    #[cfg(test)]
    pub(crate) fn push_copy(&mut self, row: &Row) {
        let pushed = self.push_row(|place| {
            *place = row.clone();
            Ok::<_, std::convert::Infallible>(true)
        });
        assert!(pushed.is_ok());
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
        (self.used, self.text) = (0, 0);
    }

    /// Whether what is in it took so much memory that it is better given back than kept for the next rows.
    pub fn is_large(&self) -> bool {
        self.bytes.capacity().saturating_add(self.text) > KEPT_BYTES
    }

    pub(super) fn is_full(&self) -> bool {
        #[cfg(test)]
        if self.most.is_some_and(|most| self.entries.len() >= most) {
            return true;
        }
        let bytes = self.bytes.len().saturating_add(self.text);
        bytes >= FULL_BYTES || self.entries.len() >= FULL_RECORDS || self.used >= FULL_ROWS
    }

    /// Adds a record that is to be split into so many cells, or fewer.
    pub(super) fn push_record(&mut self, raw: &Raw<'_>, cutter: &Arc<Cutter>, width: usize) {
        if self.cutter.as_ref().is_none_or(|known| !Arc::ptr_eq(known, cutter)) {
            self.cutter = Some(Arc::clone(cutter));
        }
        self.width = width;
        self.bytes.extend_from_slice(raw.record);
        self.entries.push(Entry::Record { number: raw.number, offset: raw.offset, end: self.bytes.len() });
    }

    /// Adds a row if `fill` says that there is one.
    pub(super) fn push_row<E>(&mut self, fill: impl FnOnce(&mut Row) -> Result<bool, E>) -> Result<bool, E> {
        if self.rows.len() == self.used {
            self.rows.push(Row::new());
        }
        let filled = self.rows.get_mut(self.used).map_or(Ok(false), fill)?;
        if filled {
            self.text += self.rows.get_mut(self.used).map_or(0, |row| row.buffer().len());
            self.used += 1;
            self.entries.push(Entry::Row);
        }
        Ok(filled)
    }
}
