//! What must not be forgotten: files, rows, facts, transactions, attempts, decisions. The only SQL.
//!
//! The [`Ledger`] trait is synchronous and lives on a thread of its own behind a [`Handle`]; nobody waits
//! for it while holding a request. Each method is one commit (or none); no transaction spans a request.
//! Lawful moves are in `states.rs` as pure functions; `sqlite/` carries them out.

mod view;

pub use view::{BatchView, FileState, FileView, MappingRef, RowView, StoredIssue};
