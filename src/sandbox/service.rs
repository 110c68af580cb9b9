//! The stand-in's SESPA: what a request asks, and the answer it should get. No network, no
//! faults; those stand in front of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::Method;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::books::{Arrived, Batch, Books, NotReversed, Verdict};
use super::faults::{Duplicates, Faults, Hit, On, scramble};
use super::{Clock, Options};
use crate::destinations::sespa::sandbox::judge;

/// Client id and secret of the stand-in.
const CLIENT: &str = "sandbox";
/// Most tokens that are remembered at a time; a client needs one.
const MOST_TOKENS: usize = 10_000;

/// What a request wants, by its method and path under `/sespa`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    Token,
    Single,
    Batch,
    Status(String),
    Lookup(String),
    Reverse,
    ReverseBatch,
}

impl Ask {
    /// The endpoint of a path, where there is one.
    pub(super) fn of(method: &Method, path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix("/sespa/")?.split('/');
        let ask = match (method.as_str(), parts.next()?, parts.next()) {
            ("POST", "oauth", Some("token")) => Self::Token,
            ("POST", "trn", None) => Self::Single,
            ("POST", "batchtrn", None) => Self::Batch,
            ("POST", "revtrn", None) => Self::Reverse,
            ("POST", "revbatch", None) => Self::ReverseBatch,
            ("GET", "batch", Some(number)) => Self::Status(number.to_owned()),
            ("GET", "transaction", Some(number)) => Self::Lookup(number.to_owned()),
            _ => return None,
        };
        parts.next().is_none().then_some(ask)
    }

    /// The kind of request a fault names.
    pub(super) fn on(&self) -> On {
        match self {
            Self::Token => On::Token,
            Self::Single | Self::Batch => On::Submit,
            Self::Status(_) => On::Status,
            Self::Lookup(_) => On::Lookup,
            Self::Reverse | Self::ReverseBatch => On::Reverse,
        }
    }
}

/// A request, read and judged; answering it is what registers.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) ask: Ask,
    authorization: Option<String>,
    body: Vec<u8>,
    /// The transactions of a submission; none where it can't be read.
    submission: Option<Submission>,
}

#[derive(Debug)]
struct Submission {
    sender: Option<String>,
    rows: Vec<Arrived>,
}

/// How much of a batch is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    All,
    Half,
    First(usize),
}

/// An answer as it should be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// An answer that speaks of the whole request.
    pub(super) fn fault(status: u16, code: &str, message: &str) -> Self {
        Self { status, body: json!({ "code": code, "message": message }) }
    }

    /// The answer to a token that is not, or no longer, valid.
    pub(super) fn unauthorized() -> Self {
        Self::fault(401, "SBX-401", "Липсва валиден токен за достъп.")
    }
}

/// The whole stand-in, shared by all connections.
pub(super) struct Service {
    books: Mutex<Books>,
    tokens: Mutex<HashMap<String, DateTime<Utc>>>,
    faults: Mutex<Faults>,
    options: Options,
}

#[derive(Deserialize)]
struct BatchBody {
    p_actor_reg_no: Option<Value>,
    transactions: Vec<Box<RawValue>>,
}

impl Service {
    pub(super) fn new(options: Options) -> Arc<Self> {
        Arc::new(Self {
            books: Mutex::default(),
            tokens: Mutex::default(),
            faults: Mutex::default(),
            options,
        })
    }

    /// Reads a request and counts it, and the numbers it brought, before anything can go wrong.
    pub(super) fn receive(&self, ask: Ask, authorization: Option<String>, body: Vec<u8>) -> Call {
        let submission = match ask {
            Ask::Batch => read_batch(&body),
            Ask::Single => read_single(&body),
            _ => None,
        };
        let mut books = open(&self.books);
        let requests = &mut books.requests;
        match ask.on() {
            On::Token => requests.token += 1,
            On::Submit => requests.submit += 1,
            On::Status => requests.status += 1,
            On::Lookup => requests.lookup += 1,
            On::Reverse => requests.reverse += 1,
            On::Connection => {}
        }
        books.count(submission.iter().flat_map(|read| &read.rows).map(|row| row.number.as_ref()));
        Call { ask, authorization, body, submission }
    }

    /// The fault the request meets, if any.
    pub(super) fn draw(&self, on: On) -> Option<Hit> {
        self.faults().draw(on, self.options.seed)
    }

    /// Today's faults, to be read or replaced.
    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        open(&self.faults)
    }

    /// The books as JSON, transactions above an id.
    pub(super) fn books(&self, after: u64) -> Result<Vec<u8>, serde_json::Error> {
        open(&self.books).to_json(after)
    }

    /// What is registered and live, as a portal might list it.
    pub(super) fn list(&self) -> String {
        open(&self.books).list()
    }

    /// Cancels a transaction, whoever sent it.
    pub(super) fn cancel(&self, id: u64) -> bool {
        open(&self.books).cancel(id, self.now())
    }

    /// Leaves a batch in work for ever.
    pub(super) fn stick(&self, batch: u64) {
        if let Some(batch) = open(&self.books).batch(batch) {
            (batch.deferred, batch.stuck) = (true, true);
        }
    }

    /// Carries a request out and answers it.
    pub(super) fn answer(&self, call: &Call, extent: Extent) -> Answer {
        if call.ask == Ask::Token {
            return self.issue_token(call);
        }
        if !self.is_authorized(call) {
            return Answer::unauthorized();
        }
        match &call.ask {
            Ask::Token => self.issue_token(call),
            Ask::Single => self.register_single(call),
            Ask::Batch => self.register_batch(call, extent),
            Ask::Status(batch) => self.tell_batch(batch),
            Ask::Lookup(number) => self.tell_transaction(number),
            Ask::Reverse => self.reverse(&call.body),
            Ask::ReverseBatch => self.reverse_batch(&call.body),
        }
    }

    fn issue_token(&self, call: &Call) -> Answer {
        let form: HashMap<String, String> = serde_urlencoded::from_bytes(&call.body).unwrap_or_default();
        let field = |name: &str| form.get(name).map(String::as_str);
        let basic = call.authorization.as_deref().and_then(|header| header.strip_prefix("Basic "));
        let known = |secret: &str| match basic {
            Some(basic) => BASE64_STANDARD
                .decode(basic)
                .is_ok_and(|pair| pair == format!("{CLIENT}:{secret}").as_bytes()),
            None => field("client_id") == Some(CLIENT) && field("client_secret") == Some(secret),
        };
        if !known(CLIENT) && !self.options.secret.as_deref().is_some_and(known) {
            return Answer { status: 401, body: json!({ "error": "invalid_client" }) };
        }
        if field("grant_type") != Some("client_credentials") {
            return Answer { status: 400, body: json!({ "error": "unsupported_grant_type" }) };
        }
        let life_s = self.options.token_life_s;
        Answer::ok(json!({ "access_token": self.new_token(), "token_type": "bearer", "expires_in": life_s }))
    }

    fn new_token(&self) -> String {
        let number = {
            let mut books = open(&self.books);
            books.tokens += 1;
            books.tokens
        };
        let token = format!("sbx{:016x}", scramble(self.options.seed ^ number));
        let now = self.now();
        let life = i64::try_from(self.options.token_life_s).ok().and_then(TimeDelta::try_seconds);
        let ends = life.and_then(|life| now.checked_add_signed(life)).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let mut tokens = open(&self.tokens);
        if tokens.len() >= MOST_TOKENS {
            tokens.retain(|_, ends| *ends > now);
        }
        tokens.insert(token.clone(), ends);
        token
    }

    fn is_authorized(&self, call: &Call) -> bool {
        let token = call.authorization.as_deref().and_then(|header| header.strip_prefix("Bearer "));
        let ends = token.and_then(|token| open(&self.tokens).get(token).copied());
        ends.is_some_and(|ends| self.now() < ends)
    }

    fn register_single(&self, call: &Call) -> Answer {
        let Some(row) = call.submission.as_ref().and_then(|read| read.rows.first()) else {
            return unreadable();
        };
        let verdict = open(&self.books).register(row.clone(), None, self.now(), self.refuses_repeated());
        Answer::ok(tell(&verdict))
    }

    fn register_batch(&self, call: &Call, extent: Extent) -> Answer {
        let Some(read) = call.submission.as_ref().filter(|read| !read.rows.is_empty()) else {
            return unreadable();
        };
        let most = match extent {
            Extent::All => read.rows.len(),
            Extent::Half => read.rows.len() / 2,
            Extent::First(rows) => rows,
        };
        let rows = read.rows.iter().take(most).cloned().collect();
        let repeated = self.refuses_repeated();
        let mut books = open(&self.books);
        let number = books.register_batch(rows, read.sender.as_deref(), self.now(), repeated);
        let Some(batch) = books.batch(number) else { return unreadable() };
        batch.deferred = read.rows.len() > self.options.async_above;
        if batch.deferred {
            return Answer { status: 202, body: json!({ "BATCH_ID": number }) };
        }
        let verdicts: Vec<Value> = batch.verdicts.iter().map(tell).collect();
        Answer::ok(json!({ "BATCH_ID": number, "transactions": verdicts }))
    }

    fn tell_batch(&self, number: &str) -> Answer {
        let mut books = open(&self.books);
        let Some((number, batch)) =
            number.parse().ok().and_then(|number| Some((number, books.batch(number)?)))
        else {
            return Answer::fault(404, "SBX-024", "Няма пакет с такъв номер.");
        };
        batch.polls = batch.polls.saturating_add(1);
        if in_work(batch, self.options.answer_after_polls) {
            return processing(number);
        }
        let verdicts: Vec<Value> = batch.verdicts.iter().map(tell).collect();
        Answer::ok(json!({ "BATCH_ID": number, "status": "done", "transactions": verdicts }))
    }

    fn tell_transaction(&self, number: &str) -> Answer {
        let books = open(&self.books);
        let Some(entry) = books.find(number) else {
            return Answer::fault(404, "SBX-022", "Няма регистрирана транзакция с такъв номер.");
        };
        let state = if entry.reversed_at.is_some() { "reversed" } else { "registered" };
        Answer::ok(json!({
            "TRANSACTION_ID": entry.id, "BATCH_ID": entry.batch, "p_actor_trn_no": entry.number,
            "status": state, "transaction": entry.payload,
        }))
    }

    fn reverse(&self, body: &[u8]) -> Answer {
        let Some((sender, id)) = read_reversal(body, "p_transaction_id") else { return unreadable() };
        match open(&self.books).reverse(id, &sender, self.now()) {
            Ok(()) => Answer::ok(json!({ "process_status": "Транзакцията е отказана успешно." })),
            Err(NotReversed::Absent) => {
                Answer::fault(404, "SBX-022", "Няма регистрирана транзакция с такъв номер.")
            }
            Err(NotReversed::Already) => Answer::fault(409, "SBX-023", "Транзакцията вече е отказана."),
        }
    }

    fn reverse_batch(&self, body: &[u8]) -> Answer {
        let Some((sender, id)) = read_reversal(body, "p_batch_id") else { return unreadable() };
        match open(&self.books).reverse_batch(id, &sender, self.now()) {
            // The sentence that the guideline prints in section 3.4.
            Ok(1..) => Answer::ok(json!({ "process_status": "Транзакциите от пакета са отказани успешно." })),
            Ok(0) => Answer::fault(409, "SBX-023", "В пакета няма транзакции за отказване."),
            Err(_) => Answer::fault(404, "SBX-024", "Няма пакет с такъв номер."),
        }
    }

    fn refuses_repeated(&self) -> bool {
        self.faults().duplicates == Duplicates::Refuse
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        let clock: &Clock = &self.options.clock;
        clock()
    }
}

/// The state of a batch that is not answered yet.
pub(super) fn processing(number: u64) -> Answer {
    Answer::ok(json!({ "BATCH_ID": number, "status": "processing" }))
}

fn in_work(batch: &Batch, answer_after: u32) -> bool {
    batch.stuck || (batch.deferred && batch.polls <= answer_after)
}

fn tell(verdict: &Verdict) -> Value {
    let mut told = Map::new();
    if let Some(number) = &verdict.number {
        told.insert("p_actor_trn_no".to_owned(), number.clone());
    }
    match &verdict.outcome {
        Ok(id) => told.insert("TRANSACTION_ID".to_owned(), json!(id)),
        Err(refusals) => told.insert("errors".to_owned(), json!(refusals)),
    };
    Value::Object(told)
}

fn unreadable() -> Answer {
    Answer::fault(400, "SBX-001", "Заявката не може да бъде прочетена.")
}

fn read_batch(body: &[u8]) -> Option<Submission> {
    let batch: BatchBody = serde_json::from_slice(body).ok()?;
    let sender = batch.p_actor_reg_no.as_ref().and_then(Value::as_str).map(str::to_owned);
    let rows =
        batch.transactions.into_iter().map(|row| read_row(row, sender.as_deref())).collect::<Option<_>>()?;
    Some(Submission { sender, rows })
}

/// A single transaction names its sender itself.
fn read_single(body: &[u8]) -> Option<Submission> {
    let payload: Box<RawValue> = serde_json::from_slice(body).ok()?;
    let row: Map<String, Value> = serde_json::from_str(payload.get()).ok()?;
    let sender = row.get("p_actor_reg_no").and_then(Value::as_str).map(str::to_owned);
    let rows = vec![read_row(payload, sender.as_deref())?];
    Some(Submission { sender, rows })
}

fn read_row(payload: Box<RawValue>, sender: Option<&str>) -> Option<Arrived> {
    let row: Map<String, Value> = serde_json::from_str(payload.get()).ok()?;
    let number = row.get("p_actor_trn_no").cloned();
    Some(Arrived { number, sender: sender.map(Into::into), refusals: judge(&row, sender), payload })
}

fn read_reversal(body: &[u8], key: &str) -> Option<(String, u64)> {
    let request: Map<String, Value> = serde_json::from_slice(body).ok()?;
    let id = super::books::plain(request.get(key)?)?.parse().ok()?;
    Some((request.get("p_actor_reg_no")?.as_str()?.to_owned(), id))
}

/// Locks; a panic elsewhere leaves the books as they stood, which is what a test wants to see.
fn open<T>(locked: &Mutex<T>) -> MutexGuard<'_, T> {
    locked.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn service() -> Arc<Service> {
        Service::new(Options::new(([127, 0, 0, 1], 0).into(), Arc::new(DateTime::default)))
    }

    /// What a transaction's parameter may hold when the sender is broken.
    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            "\\PC{0,15}".prop_map(Value::from),
            "[0-9;,]{0,14}".prop_map(Value::from),
            Just(json!([[{}]])),
        ]
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(body: Vec<u8>, header in proptest::option::of("(Basic |Bearer )?[A-Za-z0-9=]{0,20}")) {
            let service = service();
            let asks = [Ask::Token, Ask::Single, Ask::Batch, Ask::Reverse, Ask::ReverseBatch, Ask::Status(String::new())];
            for ask in asks {
                let call = service.receive(ask, header.clone(), body.clone());
                let status = service.answer(&call, Extent::All).status;
                prop_assert!((400..500).contains(&status), "{status}");
            }
        }

        #[test]
        fn every_row_is_registered_or_refused(values in proptest::collection::vec(any_value(), 16), kind in 0..40_i64) {
            let names = [
                "p_actor_reg_no", "p_report_date", "p_drug_code", "p_quantity", "p_recipient_code", "p_available_qty",
                "p_batch_no", "p_postcode", "p_rcpt_postcode", "p_country", "p_export_planned_date", "notes",
                "export_planned_date", "p_drug_product_code", "p_actor_trn_no", "other",
            ];
            let mut row: Map<String, Value> = names.map(str::to_owned).into_iter().zip(values).collect();
            row.insert("p_trn_type".to_owned(), json!(kind));
            let service = service();
            let body = json!({ "p_actor_reg_no": "F".repeat(32), "transactions": [row, row] }).to_string();
            let token = format!("Bearer {}", service.new_token());
            let call = service.receive(Ask::Batch, Some(token), body.into_bytes());
            let answer = service.answer(&call, Extent::All);
            let told = answer.body["transactions"].as_array().unwrap();
            prop_assert_eq!(told.len(), 2);
            prop_assert!(told.iter().all(|row| row.get("errors").is_some()), "a row of noise is never right");
        }
    }

    #[test]
    fn paths_are_endpoints_or_nothing() {
        assert_eq!(Ask::of(&Method::POST, "/sespa/oauth/token"), Some(Ask::Token));
        assert_eq!(Ask::of(&Method::GET, "/sespa/batch/5"), Some(Ask::Status("5".to_owned())));
        for (method, path) in [
            (Method::GET, "/sespa/batchtrn"),
            (Method::POST, "/sespa/batchtrn/1"),
            (Method::POST, "/batchtrn"),
            (Method::GET, "/sespa/batch"),
            (Method::GET, "/sespa/"),
        ] {
            assert_eq!(Ask::of(&method, path), None, "{method} {path}");
        }
    }
}
