//! `Draft → Record` or issues. Only here is a [`Record`] made, so an unvalidated row cannot be sent.

mod record;

pub use record::{Candidate, Record, Rule, Verdict};
