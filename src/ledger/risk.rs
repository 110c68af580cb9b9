//! Rows without an answer whose last day comes near.

use chrono::NaiveDate;

use super::Error;

/// What is at stake in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Risk {
    /// Rows without an answer.
    pub rows: u64,
    /// The first of their last days to send.
    pub until: NaiveDate,
    /// The first of their last days to cancel what was registered twice.
    pub reverse_until: Option<NaiveDate>,
}

/// Warns in time, once a day. No day ever decides anything.
pub trait Risks {
    /// Has the reports of files made anew, once a day, whose rows without an answer can be sent no later than `until`.
    fn remind(&mut self, today: NaiveDate, until: NaiveDate) -> Result<(), Error>;
    /// What is at stake in a file by then.
    fn at_risk(&mut self, intake: i64, until: NaiveDate) -> Result<Option<Risk>, Error>;
    /// The files in which something is at stake by then, with the first of their rows.
    fn files_at_risk(&mut self, until: NaiveDate) -> Result<Vec<(i64, Vec<u32>)>, Error>;
}
