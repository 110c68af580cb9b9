//! One hash over many final outcomes, as an event keeps it: no cell value, and of constant size.

use sha2::Digest as _;

use crate::model::hash;

/// Grows by one outcome after the other, in the order of the batch.
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

    pub(super) fn end(self) -> String {
        hash::hex(&self.0.finalize())
    }
}
