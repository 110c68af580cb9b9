//! One folder per national system. A destination is a pure codec: records become a request, a
//! response becomes outcomes. No I/O, no clock, no SQL.

pub mod sespa;
mod settings;

use chrono::NaiveDate;
use http::{Request, Response};

use crate::model::{CodeInfo, Outcome, Schema};
use crate::validate::{Record, Rule};

pub use sespa::CatalogueError;
pub use settings::{ClientAuth, Late, NumberForm, Secret, Section, SespaWire, Window};

/// One line for each system: its name, its way from a section to a destination, its schema, its codes.
const SYSTEMS: &[System] =
    &[System { name: "sespa", open: sespa::open, schema: sespa::schema, codes: sespa::CODES }];

type Open = fn(&Section, Option<&str>) -> Result<Box<dyn Destination>, Error>;

struct System {
    name: &'static str,
    open: Open,
    schema: fn(Option<&str>) -> Result<Schema, Error>,
    codes: &'static [&'static CodeInfo],
}

/// The destination of a section; `catalogue` is the text of a catalogue in place of the built-in one.
///
/// # Errors
/// When there is no such system, the catalogue is wrong, or a setting fits nothing.
pub fn open(section: &Section, catalogue: Option<&str>) -> Result<Box<dyn Destination>, Error> {
    (system(&section.system)?.open)(section, catalogue)
}

/// The fields and types of a system, without any section.
///
/// # Errors
/// When there is no such system, or the catalogue is wrong.
pub fn schema(name: &str, catalogue: Option<&str>) -> Result<Schema, Error> {
    (system(name)?.schema)(catalogue)
}

/// Every code of every system's own rules.
pub fn codes() -> impl Iterator<Item = &'static CodeInfo> {
    SYSTEMS.iter().flat_map(|system| system.codes).copied()
}

fn system(name: &str) -> Result<&'static System, Error> {
    let unknown = || {
        let likeness = |system: &&System| strsim::jaro_winkler(system.name, name);
        let nearest = SYSTEMS.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        Error::System { name: name.to_owned(), nearest: nearest.map_or("", |system| system.name) }
    };
    SYSTEMS.iter().find(|system| system.name == name).ok_or_else(unknown)
}

/// A destination could not be opened, or a request not be built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting makes no valid address, header or body.
    #[error("{0}")]
    Setting(String),
    /// There is no such system.
    #[error("there is no system `{name}`; did you mean `{nearest}`?")]
    System {
        /// What the section says.
        name: String,
        /// The most similar system.
        nearest: &'static str,
    },
    /// The catalogue of types is wrong.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
}

/// What one request may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most records in one request.
    pub rows: usize,
    /// Most bytes of one request body.
    pub body_bytes: usize,
}

/// A record on its way, with our number for it.
#[derive(Debug, Clone)]
pub struct Item {
    /// The ledger's id of the transaction.
    pub transaction: i64,
    /// Our number as sent (`p_actor_trn_no`).
    pub number: String,
    /// What is reported.
    pub record: Record,
}

/// What the destination wants to remember between an accepted request and its answer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ticket(pub serde_json::Value);

/// What is asked of a system.
#[derive(Debug)]
pub enum Call<'a> {
    /// Register these, in order.
    Submit(&'a [Item]),
    /// What became of a batch that was taken but not yet answered?
    Ask(&'a Ticket, &'a [Item]),
    /// Is this one registered? (Only where the system has a query by our number.)
    Look(&'a Item),
}

/// What a request may use besides the records. All of it comes in from outside. `Debug` shows no secret.
#[derive(Clone)]
pub struct Context {
    /// The login's token or session, if there is one.
    pub token: Option<String>,
    /// The registration number.
    pub registration: Option<String>,
    /// The body of a batch is built and kept already: its request needs none.
    pub built: bool,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = |part: &Option<String>| part.is_some();
        f.debug_struct("Context")
            .field("token", &known(&self.token))
            .field("registration", &known(&self.registration))
            .field("built", &self.built)
            .finish()
    }
}

/// When a request that surely registered nothing may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Seconds the system asked us to wait (`Retry-After`), if it said.
    pub after_s: Option<u64>,
}

/// Why an outcome is unknown, in words for the report and the log (no secrets, no cell values).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// HTTP status, if there was one.
    pub status: Option<u16>,
    /// What was seen, for example `HTTP 502` or `answer is not JSON`.
    pub seen: String,
}

/// What a response says. Total: made from any bytes without panic or failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Answered: one outcome for each item, in the items' order.
    Settled {
        /// Same length as the call's items.
        outcomes: Vec<Outcome>,
        /// The system's batch number, if it gave one.
        remote_batch: Option<String>,
    },
    /// Taken, answer comes later.
    Pending {
        /// What to ask with.
        ticket: Ticket,
        /// The system's batch number, if it gave one.
        remote_batch: Option<String>,
        /// Seconds the system asked us to wait before asking, if it said.
        after_s: Option<u64>,
    },
    /// Surely nothing was registered; may be sent again.
    NotSent(Retry),
    /// The login is no longer valid; renew once and send the same again.
    LoginExpired,
    /// The system knows no such number (only of a [`Call::Look`]). Alone it proves nothing: the request may still be
    /// on its way.
    Absent,
    /// The system has this number, and it does not count any more: it was cancelled there (only of a
    /// [`Call::Look`]). Of the transaction asked about it proves nothing; the query at least finds what is there.
    Cancelled(Evidence),
    /// No proof of either; never sent again by itself.
    Unknown(Evidence),
}

/// How a destination's requests are authorised.
#[derive(Debug, Clone)]
pub enum Login {
    /// OAuth 2.0 client credentials (RFC 6749 section 4.4).
    OAuth {
        /// Where the token is asked for.
        token_url: String,
        /// How id and secret are sent.
        auth: ClientAuth,
    },
}

/// A national system as a codec. Four systems fit it; see ARCHITECTURE.md.
pub trait Destination: Send + Sync {
    /// Its fields and types.
    fn schema(&self) -> &Schema;
    /// Its own rules, besides the general ones.
    fn rules(&self) -> &[Rule];
    /// What one request may hold.
    fn limits(&self) -> Limits;
    /// How requests are authorised.
    fn login(&self) -> Login;
    /// Appends one record as the JSON object that would be sent. `number` and `registration` are left out where none.
    fn members(&self, record: &Record, number: Option<&str>, registration: Option<&str>, out: &mut Vec<u8>);
    /// The request for a call; none where the system offers no such call.
    ///
    /// # Errors
    /// When a setting makes no valid address or header.
    fn request(&self, call: &Call<'_>, with: &Context) -> Result<Option<Request<Vec<u8>>>, Error>;
    /// What an answer says. Never panics, never fails.
    fn reply(&self, call: &Call<'_>, answer: &Response<Vec<u8>>) -> Reply;
    /// What to ask with about a batch whose number a person found out; none where nothing can be asked.
    fn ticket(&self, _remote_batch: &str) -> Option<Ticket> {
        None
    }
    /// Last day a row of that day may be sent; none where no window is known.
    fn submit_until(&self, day: NaiveDate) -> Option<NaiveDate>;
    /// Last day an accepted row of that day may be reversed; none where no window is known.
    fn reverse_until(&self, day: NaiveDate) -> Option<NaiveDate>;
}
