//! `rxdrop` watches a folder of CSV and Excel exports and reports them, row by row, to national
//! medicines systems. The rooms, from top to bottom; a room imports only rooms below it.

pub mod cli;
pub mod run;
pub mod config;
pub mod convert;
pub mod sandbox;
pub mod report;
pub mod submit;
pub mod marks;
pub mod ledger;
pub mod destinations;
pub mod validate;
pub mod mapping;
pub mod table;
pub mod intake;
pub mod model;
pub mod knife;

#[cfg(test)]
mod simulation;
