//! What became of a row, and what a system answered.

use serde::{Deserialize, Serialize};

/// What a report says about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Registered by the national system under a number.
    Accepted,
    /// Not sent, or sent and refused; must be repaired.
    Refused,
    /// The same fact was accepted before.
    Duplicate,
    /// Will be sent, or sent and not yet answered.
    Waiting,
    /// Sent, and no answer proves what became of it.
    Unknown,
    /// Not sent; waits for a person.
    Held,
    /// Registered and later cancelled.
    Reversed,
    /// Not to be reported.
    Ignored,
}

impl Status {
    /// Every status, in the order of the receipt's totals.
    pub const ALL: [Self; 8] = [
        Self::Accepted,
        Self::Refused,
        Self::Duplicate,
        Self::Waiting,
        Self::Unknown,
        Self::Held,
        Self::Reversed,
        Self::Ignored,
    ];

    /// The word in `rx_status`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Duplicate => "duplicate",
            Self::Waiting => "waiting",
            Self::Unknown => "unknown",
            Self::Held => "held",
            Self::Reversed => "reversed",
            Self::Ignored => "ignored",
        }
    }

    /// The status of a word in `rx_status`.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Whether nobody and nothing has to act any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Accepted | Self::Duplicate | Self::Reversed | Self::Ignored)
    }
}

/// Which of a system's environments a section speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// The built-in stand-in.
    #[default]
    Sandbox,
    /// The authority's test system.
    Test,
    /// The real one.
    Production,
}

impl Environment {
    /// The word in the configuration and in receipts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Test => "test",
            Self::Production => "production",
        }
    }
}

/// An error as a national system sent it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemError {
    /// The code as received.
    pub code: String,
    /// The text as received.
    pub message: String,
}

/// Longest number that a system may give.
const ID_LETTERS: usize = 64;

/// Whether a text can be a number the system gave: not empty, not zero, of printable characters.
pub fn is_remote_id(text: &str) -> bool {
    !text.trim().trim_start_matches('0').is_empty()
        && text.len() <= ID_LETTERS
        && !text.contains(char::is_control)
}

/// What a system's answer says about one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Registered, under this id.
    Accepted {
        /// The system's number.
        id: String,
    },
    /// Not registered.
    Refused {
        /// Why, in the system's words.
        errors: Vec<SystemError>,
    },
    /// The answer does not say.
    Unknown,
}
