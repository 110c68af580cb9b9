//! The nouns all stages share. Pure: no I/O, no clock, no SQL.
//!
//! Most important first: [`Issue`] (what is wrong with the user's data; never an
//! error), [`Value`] and [`Schema`] (what a field is), [`Status`] (what became of a row).

pub mod hash;
mod issue;
pub mod names;
mod outcome;
mod schema;
mod value;
pub mod wide;

pub use issue::{Args, CodeInfo, Issue, Lang, Place, Severity, Who, Words, both, in_language};
pub use outcome::{Environment, Outcome, Status, SystemError, is_remote_id};
pub use schema::{Field, FieldSet, Kind, LISTED_ID, Schema, TypeSpec};
pub use value::Value;
