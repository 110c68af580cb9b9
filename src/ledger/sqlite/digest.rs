//! One hash over many outcomes or moves, as an event keeps it: no cell value, and of constant size.

use sha2::Digest as _;

use crate::model::hash;

/// Grows by one after the other: outcomes in the order of the batch, runs of moves in that of their ids.
pub(super) struct Digest(sha2::Sha256);

impl Digest {
    pub(super) fn new() -> Self {
        Self(sha2::Sha256::new())
    }

    pub(super) fn add(&mut self, transaction: i64, state: &str, remote: Option<&str>) {
        self.0.update(transaction.to_le_bytes());
        for text in [state, remote.unwrap_or_default()] {
            self.0.update(text);
            self.0.update([0]);
        }
    }

    /// A run of rows that were left in one state.
    pub(super) fn add_run(&mut self, noun: &str, first: i64, last: i64, state: &str) {
        self.add(first, noun, None);
        self.add(last, state, None);
    }

    pub(super) fn end(self) -> String {
        hash::hex(&self.0.finalize())
    }
}
