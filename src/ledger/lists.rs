//! Lists of what a system has, laid beside the books: a way out of an unknown outcome that needs no query, only a
//! person who fetches the list.

use chrono::{DateTime, NaiveDate, Utc};

use super::{Error, StoredIssue, codes};

/// A row of a list, as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Row as Excel shows it.
    pub row: u32,
    /// Configuration section it is of.
    pub section: String,
    /// The system's number.
    pub id: String,
    /// It is of another registration number than the section's.
    pub elsewhere: bool,
    /// The registration number it shows, in capitals, where its section has none of its own: then each row sent from
    /// here has its own.
    pub registration: Option<String>,
    /// Our number, where the list shows it.
    pub number: Option<String>,
    /// Its day.
    pub day: Option<NaiveDate>,
    /// What the fields of [`Matching::fields`] say, in their order.
    pub content: Vec<String>,
}

/// How the same is found in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matching {
    /// Configuration sections the list is of.
    pub sections: Vec<String>,
    /// Fields that both sides have, and of which only the day counts: where a number matches, all of them must agree.
    pub fields: Vec<(String, bool)>,
    /// Whether they are enough to tell rows apart by them alone.
    pub by_content: bool,
    /// The field of the day.
    pub day: String,
    /// The field of the registration number.
    pub registration: String,
    /// Those of the sections whose rows have registration numbers of their own.
    pub by_row: Vec<String>,
}

/// Whether a compared row of a list that this is said of waits for a person: nothing was decided about it.
pub(super) fn is_unclear(code: &str) -> bool {
    let unclear = [
        &codes::LISTED_DIFFERS,
        &codes::LISTED_AMBIGUOUS,
        &codes::LISTED_OTHERWISE,
        &codes::LISTED_TWICE,
        &codes::LISTED_NAMELESS,
        &codes::LISTED_PERHAPS,
    ];
    unclear.iter().any(|one| one.code == code)
}

/// Whether a record with this issue stands in a list under our number, and the list does not prove it.
pub(super) fn is_listed_under_our_number(code: &str) -> bool {
    code == codes::CONTRADICTED.code || code == codes::LISTED_OTHER.code
}

/// The system's numbers that such an issue names, or a person's answer to it.
pub(super) fn listed_ids(ids: &str) -> impl Iterator<Item = &str> {
    ids.split(',').filter(|id| !id.is_empty())
}

/// Whether a row of a list with this issue waits for a person.
pub(super) fn is_open(issue: &StoredIssue) -> bool {
    is_unclear(&issue.code) || issue.code == codes::LIST_UNREAD.code
}

/// Whether a list with this issue waits for a person: rows of it, or rows from here that it lacks.
pub fn keeps_waiting(issue: &StoredIssue) -> bool {
    [&codes::LIST_UNCLEAR, &codes::LIST_PARTLY_UNREAD].iter().any(|code| code.code == issue.code)
        || lacks_rows(issue)
}

/// Whether an issue is about rows from here that a list lacks.
pub fn lacks_rows(issue: &StoredIssue) -> bool {
    [&codes::NOT_LISTED, &codes::UNKNOWN_NOT_LISTED].iter().any(|code| code.code == issue.code)
}

/// Lays lists beside the books.
pub trait Lists {
    /// A list is read from its beginning.
    fn begin_list(&mut self) -> Result<(), Error>;
    /// Takes a chunk of its rows.
    fn list(&mut self, rows: &[Listed]) -> Result<(), Error>;
    /// Compares, one to one: by the system's number, by ours, by content. Whoever was unknown and is in the list is
    /// accepted, and who was held because somebody else might have sent it is known for reported; what fits several settles
    /// nothing. Each row of the list is told what it is; gives what is to be told
    /// of the list as a whole. One commit.
    fn reconcile(
        &mut self,
        intake: i64,
        matching: &Matching,
        now: DateTime<Utc>,
    ) -> Result<Vec<StoredIssue>, Error>;
    /// Lists that lacked rows without an answer, some of which have theirs now, are reported anew.
    fn lapse(&mut self) -> Result<(), Error>;
}
