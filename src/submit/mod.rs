//! The only outbound network: logging in, sending batches, asking about them, telling what came of it.
//!
//! [`drive`] runs once for each configuration section. It asks the ledger what is due, has the intent
//! committed, sends, has the raw answer committed, lets the destination read it, and has the verdict committed.
//! It decides three things itself, each in a pure file: how much goes into a request (`batching`), when to try
//! again (`retry`), and when nothing more may go to a system (`gate`).

mod batching;
mod check;
mod client;
mod clock;
mod driver;
mod exchange;
mod gate;
mod login;
mod look;
mod retry;
#[cfg(test)]
mod rig;
mod seen;
mod settings;
mod stop;
mod verdict;

pub use check::{Probe, ProbeResult, probe};
pub use clock::Clock;
pub use driver::{Intake, Mode, Report, drive, read_again};
pub use retry::Backoff;
pub use seen::seen_in;
pub use settings::{Pace, Raise, Secrets, Settings};
pub use stop::{CODES, Stop, clocks_differ};

/// The sender could not work at all; troubles with a system are a [`Stop`] instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The ledger failed; nothing may be sent without it.
    #[error(transparent)]
    Ledger(#[from] crate::ledger::Error),
    /// A record in the ledger cannot be read back, so its batch cannot be sent or its answer not be read.
    #[error("transaction {0} of the ledger cannot be read back under today's catalogue")]
    Record(i64),
}
