//! `rxdrop` watches a folder of CSV and Excel exports and reports them, row by row, to national
//! medicines systems. The rooms, from top to bottom; a room imports only rooms below it.

pub mod destinations;
pub mod ledger;
pub mod mapping;
pub mod model;
pub mod report;
pub mod table;
pub mod validate;
