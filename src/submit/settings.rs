//! What a sender is told by the configuration.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::Backoff;
use crate::destinations::Section;
use crate::ledger::Quiet;

/// Reads client id and client secret anew; called for each token. An error is a text that names where the secret
/// should be, never what it is.
pub type Secrets = Arc<dyn Fn() -> Result<(SecretString, SecretString), String> + Send + Sync>;

/// Raises the marks for a batch whose intent is on disk, before its first byte is sent. An error is why nothing may
/// be sent, in words.
pub type Raise = Arc<dyn Fn(i64) -> Result<(), String> + Send + Sync>;

/// Everything one section's sender needs. `Debug` shows no secret.
#[derive(Clone)]
pub struct Settings {
    /// The section.
    pub section: Section,
    /// First byte sent to last byte read.
    pub timeout: Duration,
    /// When an unknown outcome may be asked about by our number; none where the system has no such query.
    pub quiet: Option<Quiet>,
    /// The registration number, if one is configured.
    pub registration: Option<SecretString>,
    /// Where id and secret come from.
    pub secrets: Secrets,
    /// What must be done between a batch's intent and its first byte; may block.
    pub raise: Raise,
    /// Seed of the jitter.
    pub seed: u64,
    /// How long to wait for what.
    pub pace: Pace,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("section", &self.section.name)
            .field("timeout", &self.timeout)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

/// How long to wait for what. The defaults are the program's; tests are in more of a hurry.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Name lookup, connection and TLS handshake together.
    pub connect: Duration,
    /// What a request under way still gets once the program is told to stop.
    pub grace: Duration,
    /// How often the ledger is asked when it has nothing: other commands may have changed it.
    pub idle: Duration,
    /// Between tries of what was surely not received.
    pub retry: Backoff,
    /// How long nothing goes to a system that does not answer or is configured wrongly (`watch`).
    pub hold: Backoff,
    /// Before each question about a batch that is answered later, where the system does not say.
    pub poll: Backoff,
    /// Before asking again about a batch when the question itself got no usable answer; the cap at once where the
    /// answer speaks of configuration, so that such a question does not stand in the way of new batches.
    pub ask: Backoff,
}

impl Default for Pace {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(15),
            grace: seconds(8),
            idle: seconds(5),
            retry: Backoff { first: seconds(1), cap: seconds(600) },
            hold: Backoff { first: seconds(60), cap: seconds(3600) },
            poll: Backoff { first: seconds(1), cap: seconds(60) },
            ask: Backoff { first: seconds(5), cap: seconds(600) },
        }
    }
}
