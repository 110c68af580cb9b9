//! The program as its users meet it: the real binary, the real sandbox over loopback, real files.
//!
//! Most of it needs no Rust: `tests/cases/<name>/` (see `tests/cases/README.md`). What a case can't say (killing
//! a process, pipes and links, the source tree itself) stands in the modules here.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that meets what it did not expect fails there and then, and one that skips says so"
)]

mod balance;
mod case;
mod cases;
mod codes;
mod commands;
mod crash;
mod fuzz;
mod layers;
mod ledger;
mod marks;
mod nights;
mod normal;
mod place;
mod sheet;
mod time;
mod verify;
mod workbooks;
