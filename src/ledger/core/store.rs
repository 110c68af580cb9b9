//! What the rules ask of a store: look up, carry out. No decision is a store's.

use super::{RecordEvent, RecordState, Way};
use crate::ledger::{Error, StoredIssue, codes};
use crate::model::{CodeInfo, Outcome};

/// What judging needs of a record.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) id: i64,
    pub(crate) intake: i64,
    pub(crate) row: u32,
    /// System, environment and registration, where they are known.
    pub(crate) realm: Option<i64>,
    pub(crate) file: String,
    pub(crate) sha256: String,
    pub(crate) state: RecordState,
    pub(crate) valid: bool,
    pub(crate) members: Option<String>,
    pub(crate) way: Option<Way>,
    pub(crate) of_record: Option<i64>,
    pub(crate) newer: Option<i64>,
    pub(crate) older: Option<i64>,
    pub(crate) remote_id: Option<String>,
    pub(crate) doc_intake: Option<i64>,
    pub(crate) document: Option<String>,
    /// What a person has to vouch for before it may go.
    pub(crate) doubt: Vec<StoredIssue>,
    /// Whether a person let it go.
    pub(crate) released: bool,
    /// File and row in which what moved came first, where a name (`rx_ref`) leads there, or from there.
    pub(crate) movement: Option<Movement>,
}

/// What moved: the file and the row in which it came first. Rows that name a row are about the same, under whatever key
/// they come.
pub(crate) type Movement = (i64, u32);

impl Known {
    /// Whether it would go, but for what a person has to vouch for.
    pub(crate) fn only_doubted(&self) -> bool {
        self.state == RecordState::Held && self.way.is_none() && !self.doubt.is_empty()
    }

    /// Whether a person let it go who was told of the other record that it is beside.
    pub(crate) fn is_vouched_for(&self) -> bool {
        self.released && self.way.is_some()
    }

    /// What it is about.
    pub(crate) fn moves(&self) -> Movement {
        self.movement.unwrap_or((self.intake, self.row))
    }

    /// Whether what it is about came first in its own row: so for one that names no row, and for one that does and of which
    /// somebody said that it is another movement.
    pub(crate) fn is_a_movement_of_its_own(&self) -> bool {
        self.movement == Some((self.intake, self.row))
    }

    /// Whether it is registered, by whatever hand, or may be: it is under way, or its outcome is unknown.
    pub(crate) fn is_with_system(&self) -> bool {
        use RecordState::{Accepted, Duplicate, Pending, Sending, Unknown};
        let listed = self.state == Duplicate && self.of_record.is_none();
        listed || matches!(self.state, Sending | Pending | Unknown | Accepted)
    }

    /// What happens to a record that nothing else stops any more, and why it stands where it then stands.
    pub(crate) fn left_alone(&self) -> (RecordEvent, &[StoredIssue]) {
        match (self.valid, self.doubt.is_empty()) {
            (false, _) => (RecordEvent::Refused, &[]),
            (true, false) => (RecordEvent::SetAside, &self.doubt),
            (true, true) => (RecordEvent::Freed, &[]),
        }
    }
}

/// Which records are asked for; always in the order they came.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which<'a> {
    /// Of a file, those that wait behind another.
    WaitingIn(i64),
    /// Of a file, those that are to take another's place.
    TakingIn(i64),
    /// Of a file, those that were taken for the same again without a key.
    WeakAgainIn(i64),
    /// Of a file, those held because of another record.
    HeldIn(i64),
    /// Those that wait behind a record.
    Behind(i64),
    /// Held because of a record, not replaced, of other files than this one.
    HeldBeside(i64, i64),
    /// Of a document, those that wait behind another for a reason of their own and were not replaced.
    WaitingInDocument(i64, &'a str),
    /// Equal rows that a person decided about beside a record: dropped, or let go.
    DecidedBeside(i64),
    /// Those that were held because of a record and in whose place another stands.
    ReplacedBeside(i64),
    /// Others of a record's realm that stand with the number a mapping gave.
    OfNumber(&'a str, i64),
    /// Those of one movement.
    OfMovement(Movement),
    /// Those of them that may be with the system ([`Known::is_with_system`]).
    SentOfMovement(Movement),
    /// The same, and those that are ready.
    GoingOfMovement(Movement),
}

/// One move of a record, with why it stands where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stand<'a> {
    pub(crate) state: RecordState,
    pub(crate) way: Option<Way>,
    pub(crate) of_record: Option<i64>,
    pub(crate) reason: &'a [StoredIssue],
}

/// A fact's scope and key.
pub(crate) type Key = (i64, String);

/// Where records, facts and files are kept while a commit is under way.
pub(crate) trait Store {
    /// A record.
    fn record(&self, id: i64) -> Result<Option<Known>, Error>;
    /// The record of a row.
    fn of_row(&self, intake: i64, row: u32) -> Result<Option<Known>, Error>;
    /// The live record of a fact.
    fn live(&self, scope: i64, key: &str) -> Result<Option<Known>, Error>;
    /// Records of a kind.
    fn select(&self, which: Which<'_>) -> Result<Vec<Known>, Error>;
    /// Why a record stands where it stands.
    fn reason(&self, id: i64) -> Result<Vec<StoredIssue>, Error>;
    /// All keys that a row ever came under or took over, the first ones first, whichever of its records has them.
    fn keys_of_row(&self, intake: i64, row: u32) -> Result<Vec<Key>, Error>;
    /// The facts a record came for, whoever is live for them.
    fn own_keys(&self, known: &Known) -> Result<Vec<Key>, Error>;
    /// The facts whose live record it is.
    fn live_keys(&self, known: &Known) -> Result<Vec<Key>, Error>;
    /// Fields of a file whose change alone changes nothing.
    fn ignored_fields(&self, intake: i64) -> Result<Vec<String>, Error>;
    /// Whether a file's rows act.
    fn is_taken(&self, intake: i64) -> Result<bool, Error>;
    /// Whether we issued that number ourselves.
    fn was_issued(&self, number: &str) -> Result<bool, Error>;
    /// Whether a number was in a request of a record's realm, in another transaction than this one, and was neither
    /// refused nor found missing.
    fn went_out(&self, record: i64, number: &str, but: Option<i64>) -> Result<bool, Error>;

    /// The first row of the file being staged that met a key.
    fn brother(&self, scope: i64, key: &str) -> Result<Option<i64>, Error>;
    /// Remembers the first row that met a key.
    fn keep_brother(&mut self, scope: i64, key: &str, id: i64) -> Result<(), Error>;
    /// The how-many-th row of the file being staged this is with these members, where `seen` came uncounted.
    fn count(&mut self, scope: i64, base: &str, seen: i64) -> Result<i64, Error>;
    /// Whether a row of the earlier file of the same content has a key.
    fn content_had(&self, scope: i64, key: &str) -> Result<bool, Error>;
    /// Whether the former file of this name has a fact.
    fn former_has(&self, scope: i64, key: &str) -> Result<bool, Error>;

    /// The documents that a file has a part in.
    fn documents(&self, intake: i64) -> Result<Vec<(i64, String)>, Error>;
    /// The first row of a document in one of these states, for a reason of its own.
    fn first_in_document(
        &self,
        of: i64,
        document: &str,
        states: &[RecordState],
    ) -> Result<Option<u32>, Error>;
    /// Whether a record waits for a row of a document, or for one that was replaced and may lead to it.
    fn may_be_waited_for(&self, of: i64, document: &str) -> Result<bool, Error>;
    /// Keeps the rows of a document that would go, or were kept so before, from going. Gives them.
    fn stop_document(
        &mut self,
        of: i64,
        document: &str,
        state: RecordState,
        reason: &StoredIssue,
    ) -> Result<Vec<i64>, Error>;
    /// Lets the rows of a document go that were kept from going with it. Tells how many.
    fn free_document(&mut self, of: i64, document: &str) -> Result<usize, Error>;
    /// A document is to be judged when the commit ends.
    fn judge_later(&mut self, of: i64, document: &str) -> Result<(), Error>;
    /// The first of these documents; it is none of them any more.
    fn next_due(&mut self) -> Result<Option<(i64, String)>, Error>;
    /// Holds rows of a file that are about to go and that somebody else may have sent
    /// ([`super::RecordEvent::SetAside`]).
    fn hold_doubtful(&mut self, intake: i64) -> Result<(), Error>;
    /// The same for one record: it was not received under its number, and may have been sent under another one.
    fn hold_doubtful_record(&mut self, id: i64) -> Result<(), Error>;
    /// The same for the rows of a document, which may be of several files.
    fn hold_doubtful_document(&mut self, of: i64, document: &str) -> Result<(), Error>;
    /// A held row that somebody else may have sent says so first, so that only an answer to that lets it go. True where
    /// it did not say so before.
    fn doubt_if_taken_over(&mut self, known: &Known) -> Result<bool, Error>;
    /// The record is about a movement.
    fn set_movement(&mut self, id: i64, movement: Movement) -> Result<(), Error>;
    /// The record belongs to another one's document.
    fn join_document(&mut self, id: i64, with: &Known) -> Result<(), Error>;

    /// Moves a record. One that is held is asked about from now on.
    fn stand(&mut self, id: i64, stand: &Stand<'_>) -> Result<(), Error>;
    /// The newest file that had come when a held record was asked about. None: nobody knows.
    fn asked_after(&self, id: i64) -> Result<Option<i64>, Error>;
    /// The held records of a file are seen from now on.
    fn ask_now(&mut self, intake: i64) -> Result<(), Error>;
    /// A held record is asked about as long as another, where both are asked the same.
    fn ask_on(&mut self, id: i64, as_long_as: i64) -> Result<(), Error>;
    /// A person lets a record go and vouches for it: no window holds it any more.
    fn let_go(&mut self, id: i64, state: RecordState) -> Result<(), Error>;
    /// What a person let go before is held for another reason, which nobody vouched for.
    fn let_go_no_more(&mut self, id: i64) -> Result<(), Error>;
    /// Changes why a record stands where it stands.
    fn tell(&mut self, id: i64, reason: &[StoredIssue]) -> Result<(), Error>;
    /// The record whose place it takes.
    fn set_older(&mut self, id: i64, older: Option<i64>) -> Result<(), Error>;
    /// The record that took its place, if one did.
    fn set_newer(&mut self, id: i64, newer: Option<i64>) -> Result<(), Error>;
    /// Whether another row of its file is about the same movement.
    fn has_twin(&self, known: &Known, movement: Movement) -> Result<bool, Error>;
    /// Whether a row of a file is to take a record's place.
    fn is_to_be_taken(&self, record: i64, by: i64) -> Result<bool, Error>;
    /// It is not valid after all, and its mapped number is not its own.
    fn forget_number(&mut self, id: i64) -> Result<(), Error>;

    /// Writes a record's own fact.
    fn add_fact(&mut self, own: (i64, u32, i64), key: &Key, live: bool) -> Result<(), Error>;
    /// No fact is a record's any more.
    fn forget_facts(&mut self, known: &Known) -> Result<(), Error>;
    /// The record is live for its own facts, as far as nobody else is.
    fn revive_facts(&mut self, known: &Known) -> Result<(), Error>;
    /// The record is live for another's facts too, as far as nobody else is.
    fn inherit_facts(&mut self, known: &Known, keys: &[Key]) -> Result<(), Error>;
    /// For one fact another record is live from here on.
    fn give_fact(&mut self, from: &Known, to: &Known, key: &Key) -> Result<(), Error>;
    /// The facts of a row are the next generation of those of another.
    fn next_generation(&mut self, known: &Known, older: &Known) -> Result<(), Error>;
    /// A fact whose live record is in none of the open states, nor accepted, is nobody's.
    fn vacate_fact(&mut self, key: &Key) -> Result<(), Error>;

    /// Files whose reports show a record, or rows it replaced, have changed.
    fn mark_changed(&mut self, record: i64) -> Result<(), Error>;
    /// A file has changed.
    fn mark_file(&mut self, intake: i64) -> Result<(), Error>;
    /// Files whose reports show a row of a batch have changed.
    fn mark_batch(&mut self, batch: i64) -> Result<(), Error>;

    /// A record's transaction and the batch that is in.
    fn transaction(&self, record: i64) -> Result<(i64, i64), Error>;
    /// Applies an outcome to a transaction and its record, as their tables say.
    fn settle_one(&mut self, transaction: i64, outcome: &Outcome) -> Result<(), Error>;
    /// A person looked: the transaction was not received.
    fn not_received(&mut self, transaction: i64) -> Result<(), Error>;
    /// A list shows what was taken for not received: the transaction and its batch are open again, and what was said
    /// of it before counts no more.
    fn contradicted(&mut self, transaction: i64, batch: i64) -> Result<(), Error>;
    /// Another record of its system that bears the system's number, by the system's own word or a list's, as
    /// `FILE:ROW`: what a person gave it may have been a slip.
    fn bearer_of_id(&self, record: i64, id: &str) -> Result<Option<String>, Error>;
    /// Another batch of its system that bears the system's batch number and whose rows the system answered for,
    /// or is still to: a number that proved nothing may have been a slip.
    fn bearer_of_number(&self, batch: i64, number: &str) -> Result<Option<i64>, Error>;
    /// The number a person gave is the batch's, not the transaction's.
    fn number_of_batch(&mut self, transaction: i64, batch: i64, number: &str) -> Result<(), Error>;
    /// A batch none of whose rows is unknown any more is settled.
    fn close_batch(&mut self, batch: i64) -> Result<(), Error>;
}

/// The record that stands in a record's place now.
pub(crate) fn in_place_of(
    mut known: Known,
    find: impl Fn(i64) -> Result<Option<Known>, Error>,
) -> Result<Known, Error> {
    // Should records ever stand in each other's place, that is told, and not gone round for ever.
    let (mut mark, mut steps) = (known.id, 1_usize);
    while let Some(newer) = known.newer {
        match find(newer)? {
            Some(next) if next.id == mark => return Err(Error::Order("records in each other's place")),
            Some(next) => known = next,
            None => break,
        }
        steps += 1;
        if steps.is_power_of_two() {
            mark = known.id;
        }
    }
    Ok(known)
}

/// A stored issue of this room.
pub(crate) fn told(code: &CodeInfo, args: impl IntoIterator<Item = String>) -> StoredIssue {
    StoredIssue { code: code.code.to_owned(), column: None, args: args.into_iter().collect() }
}

/// Why a newer row stands where it stands, given what it met.
pub(crate) fn told_of(code: &CodeInfo, met: &Known, differs: &[String]) -> StoredIssue {
    let id = met.remote_id.clone().unwrap_or_else(|| "—".to_owned());
    match code.code {
        code_text if code_text == codes::DUPLICATE.code => {
            told(code, [id, met.file.clone(), met.row.to_string()])
        }
        code_text if code_text == codes::CHANGE.code => told(code, [id, differs.join(", ")]),
        code_text if code_text == codes::REVERSED.code => told(code, [id]),
        code_text if [&codes::TWICE, &codes::REPAIRED_TWICE].iter().any(|one| one.code == code_text) => {
            told(code, [met.row.to_string()])
        }
        code_text if code_text == codes::REPORTED_BEFORE.code => {
            told(code, [met.file.clone(), met.row.to_string(), id])
        }
        _ => told(code, [met.file.clone(), met.row.to_string()]),
    }
}

/// Names of members in which two canonical records differ, less the ignored ones.
pub(crate) fn differences(one: &str, other: &str, ignore: &[String]) -> Vec<String> {
    if one == other {
        return Vec::new();
    }
    let read = |text: &str| -> serde_json::Map<String, serde_json::Value> {
        serde_json::from_str(text).unwrap_or_default()
    };
    let (one, other) = (read(one), read(other));
    let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
    names
        .filter(|name| !ignore.contains(name))
        .filter(|name| one.get(*name) != other.get(*name))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::differences;

    #[test]
    fn ignored_members_and_our_number_do_not_count() {
        let one = r#"{"p_quantity":1,"notes":"a","p_actor_trn_no":"5"}"#;
        let other = r#"{"p_quantity":1,"p_actor_trn_no":"6"}"#;
        let number = "p_actor_trn_no".to_owned();
        assert_eq!(differences(one, other, &["notes".to_owned(), number.clone()]), Vec::<String>::new());
        assert_eq!(differences(one, other, &[number]), ["notes"]);
    }
}
