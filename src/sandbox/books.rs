//! What the stand-in has registered, and how often each number reached it. The judge of every
//! test: whoever claims that nothing was lost or doubled compares with these books.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::LABEL;
use crate::destinations::sespa::sandbox::Refusal;

/// First line of the list.
const LIST_HEADER: &str =
    "Номер;Вид;Дата;Продукт;Партида;Количество;Наличност;Получател;Пощенски код;Наш номер\r\n";
/// What stands in its columns behind the date.
const LIST_MEMBERS: [&str; 7] = [
    "p_drug_code",
    "p_batch_no",
    "p_quantity",
    "p_available_qty",
    "p_recipient_code",
    "p_postcode",
    "p_actor_trn_no",
];

/// Ids start here, so that none is ever mistaken for a row number or a position.
const FIRST_ID: u64 = 700_001;
const FIRST_BATCH: u64 = 9_001;

/// One transaction as it arrived, judged.
#[derive(Debug, Clone)]
pub(super) struct Arrived {
    /// `p_actor_trn_no` as it stood.
    pub(super) number: Option<Value>,
    /// The registration number it was sent under.
    pub(super) sender: Option<Box<str>>,
    /// Why it may not be registered; empty when it may.
    pub(super) refusals: Vec<Refusal>,
    /// The whole transaction, byte by byte.
    pub(super) payload: Box<RawValue>,
}

/// What became of one transaction of a batch.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) number: Option<Value>,
    pub(super) outcome: Result<u64, Vec<Refusal>>,
}

/// A batch with its answers, in the order of its rows.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) verdicts: Vec<Verdict>,
    sender: Option<Box<str>>,
    /// How often it was asked about.
    pub(super) polls: u32,
    /// Whether its answer was left for later.
    pub(super) deferred: bool,
    /// Whether it stays in work for ever.
    pub(super) stuck: bool,
}

/// A registered transaction.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    pub(super) id: u64,
    pub(super) number: Option<String>,
    pub(super) batch: Option<u64>,
    pub(super) registered_at: DateTime<Utc>,
    pub(super) reversed_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    sender: Option<Box<str>>,
    pub(super) payload: Box<RawValue>,
}

/// How often the stand-in was called.
#[derive(Debug, Default, Clone, Serialize)]
pub(super) struct Requests {
    pub(super) token: u64,
    pub(super) submit: u64,
    pub(super) status: u64,
    pub(super) lookup: u64,
    pub(super) reverse: u64,
}

/// Why a cancelling request was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotReversed {
    /// Nothing of that id and sender is registered.
    Absent,
    /// It was cancelled before.
    Already,
}

/// Everything the stand-in remembers.
#[derive(Debug, Default)]
pub(super) struct Books {
    pub(super) requests: Requests,
    pub(super) tokens: u64,
    entries: Vec<Entry>,
    batches: Vec<Batch>,
    /// Numbers with their live registrations, for the duplicate check and the query.
    by_number: BTreeMap<String, Vec<u64>>,
    /// How often each number reached us in a request that could be read, registered or not.
    arrivals: BTreeMap<String, u64>,
    refused: u64,
}

impl Books {
    /// Counts the numbers of a request that was read, whatever becomes of it afterwards.
    pub(super) fn count<'a>(&mut self, numbers: impl Iterator<Item = Option<&'a Value>>) {
        for number in numbers.flatten().filter_map(plain) {
            *self.arrivals.entry(number).or_default() += 1;
        }
    }

    /// Registers what may be registered of a batch and gives its number.
    pub(super) fn register_batch(
        &mut self,
        rows: Vec<Arrived>,
        sender: Option<&str>,
        at: DateTime<Utc>,
        refuse_repeated: bool,
    ) -> u64 {
        let id = FIRST_BATCH + self.batches.len() as u64;
        let verdicts =
            rows.into_iter().map(|row| self.register(row, Some(id), at, refuse_repeated)).collect();
        let sender = sender.map(Into::into);
        self.batches.push(Batch { verdicts, sender, polls: 0, deferred: false, stuck: false });
        id
    }

    /// Registers one transaction, or says why not.
    pub(super) fn register(
        &mut self,
        row: Arrived,
        batch: Option<u64>,
        at: DateTime<Utc>,
        refuse_repeated: bool,
    ) -> Verdict {
        let Arrived { number, sender, mut refusals, payload } = row;
        let plain = number.as_ref().and_then(plain);
        if refuse_repeated {
            refusals.extend(plain.as_deref().and_then(|plain| self.repeated(plain)));
        }
        if !refusals.is_empty() {
            self.refused += 1;
            return Verdict { number, outcome: Err(refusals) };
        }
        let id = FIRST_ID + self.entries.len() as u64;
        if let Some(plain) = &plain {
            self.by_number.entry(plain.clone()).or_default().push(id);
        }
        self.entries.push(Entry {
            id,
            number: plain,
            batch,
            registered_at: at,
            reversed_at: None,
            sender,
            payload,
        });
        Verdict { number, outcome: Ok(id) }
    }

    fn repeated(&self, number: &str) -> Option<Refusal> {
        let id = self.find(number)?.id;
        let text = format!("Транзакция с p_actor_trn_no {number} вече е регистрирана под номер {id}.");
        Some(Refusal::new("SBX-021", text))
    }

    /// The first live transaction registered under a number, else the first cancelled one.
    pub(super) fn find(&self, number: &str) -> Option<&Entry> {
        let mut entries = self.by_number.get(number)?.iter().filter_map(|id| self.entry(*id));
        let live = entries.clone().find(|entry| entry.reversed_at.is_none());
        live.or_else(|| entries.next())
    }

    fn entry(&self, id: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(id.checked_sub(FIRST_ID)?).ok()?)
    }

    /// A batch by its number.
    pub(super) fn batch(&mut self, id: u64) -> Option<&mut Batch> {
        self.batches.get_mut(usize::try_from(id.checked_sub(FIRST_BATCH)?).ok()?)
    }

    /// Cancels one transaction of a sender.
    pub(super) fn reverse(&mut self, id: u64, sender: &str, at: DateTime<Utc>) -> Result<(), NotReversed> {
        let index = id.checked_sub(FIRST_ID).and_then(|index| usize::try_from(index).ok());
        let entry = index
            .and_then(|index| self.entries.get_mut(index))
            .filter(|entry| entry.sender.as_deref() == Some(sender))
            .ok_or(NotReversed::Absent)?;
        if entry.reversed_at.is_some() {
            return Err(NotReversed::Already);
        }
        entry.reversed_at = Some(at);
        Ok(())
    }

    /// Cancels one transaction, whoever sent it.
    pub(super) fn cancel(&mut self, id: u64, at: DateTime<Utc>) -> bool {
        let entry = self.entries.iter_mut().find(|entry| entry.id == id && entry.reversed_at.is_none());
        entry.map(|entry| entry.reversed_at = Some(at)).is_some()
    }

    /// Cancels what is registered and live of a sender's batch; how many.
    pub(super) fn reverse_batch(
        &mut self,
        id: u64,
        sender: &str,
        at: DateTime<Utc>,
    ) -> Result<usize, NotReversed> {
        let batch = self.batch(id).filter(|batch| batch.sender.as_deref() == Some(sender));
        let verdicts = &batch.ok_or(NotReversed::Absent)?.verdicts;
        let ids: Vec<u64> =
            verdicts.iter().filter_map(|verdict| verdict.outcome.as_ref().ok().copied()).collect();
        Ok(ids.into_iter().filter(|id| self.reverse(*id, sender, at).is_ok()).count())
    }

    /// What is registered and live as a portal might list it, a row each, in our own form: the real portal's is not
    /// public.
    pub(super) fn list(&self) -> String {
        let mut list = LIST_HEADER.to_owned();
        for entry in self.entries.iter().filter(|entry| entry.reversed_at.is_none()) {
            let payload: Value = serde_json::from_str(entry.payload.get()).unwrap_or_default();
            let cell = |name: &str| payload.get(name).and_then(plain).unwrap_or_default();
            let day = cell("p_report_date").chars().take("2026-08-31".len()).collect();
            let cells = [entry.id.to_string(), cell("p_trn_type"), day];
            let rest = LIST_MEMBERS.map(cell);
            let cells: Vec<String> = cells.into_iter().chain(rest).map(|cell| quoted(&cell)).collect();
            list += &cells.join(";");
            list += "\r\n";
        }
        list
    }

    /// The books as JSON; of the transactions only those with an id above `after`.
    pub(super) fn to_json(&self, after: u64) -> Result<Vec<u8>, serde_json::Error> {
        let from = self.entries.partition_point(|entry| entry.id <= after);
        serde_json::to_vec(&Page {
            sandbox: LABEL,
            requests: &self.requests,
            tokens: self.tokens,
            batches: self.batches.len(),
            registered: self.entries.len(),
            refused: self.refused,
            arrivals: &self.arrivals,
            transactions: self.entries.get(from..).unwrap_or_default(),
        })
    }
}

#[derive(Serialize)]
struct Page<'a> {
    sandbox: &'static str,
    requests: &'a Requests,
    tokens: u64,
    batches: usize,
    registered: usize,
    refused: u64,
    arrivals: &'a BTreeMap<String, u64>,
    transactions: &'a [Entry],
}

fn quoted(cell: &str) -> String {
    if cell.contains([';', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

/// A number as digits or text, quoted or not.
pub(super) fn plain(number: &Value) -> Option<String> {
    match number {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(number: u64, refusals: Vec<Refusal>) -> Arrived {
        let payload = RawValue::from_string(format!("{{\"p_actor_trn_no\":{number}}}")).unwrap();
        Arrived { number: Some(json!(number)), sender: Some("S".into()), refusals, payload }
    }

    fn now() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    #[test]
    fn a_repeated_number_is_registered_again_unless_refused() {
        let mut books = Books::default();
        let first = books.register(row(5, vec![]), None, now(), false).outcome.unwrap();
        assert_ne!(books.register(row(5, vec![]), None, now(), false).outcome.unwrap(), first);
        let refused = books.register(row(5, vec![]), None, now(), true).outcome.unwrap_err();
        assert_eq!(refused[0].code, "SBX-021");
        assert!(refused[0].message.contains(&first.to_string()));
    }

    #[test]
    fn a_cancelled_number_may_come_again() {
        let mut books = Books::default();
        let first = books.register(row(5, vec![]), None, now(), true).outcome.unwrap();
        books.reverse(first, "S", now()).unwrap();
        assert_eq!(books.reverse(first, "S", now()), Err(NotReversed::Already));
        assert_eq!(books.reverse(first, "T", now()), Err(NotReversed::Absent));
        assert!(books.find("5").unwrap().reversed_at.is_some());
    }

    #[test]
    fn only_the_registered_rows_of_a_batch_are_cancelled() {
        let mut books = Books::default();
        let bad = vec![Refusal::new("SBX-013", "лошо")];
        let batch =
            books.register_batch(vec![row(1, vec![]), row(2, bad), row(3, vec![])], Some("S"), now(), false);
        assert_eq!(books.reverse_batch(batch, "S", now()), Ok(2));
        assert_eq!(books.reverse_batch(batch, "S", now()), Ok(0));
        assert_eq!(books.reverse_batch(batch + 1, "S", now()), Err(NotReversed::Absent));
    }

    #[test]
    fn the_list_shows_what_is_live() {
        let mut books = Books::default();
        let payload =
            r#"{"p_trn_type":3,"p_report_date":"2026-08-31T00:00:00","p_batch_no":"L;1","p_actor_trn_no":5}"#;
        let one = |number| Arrived {
            payload: RawValue::from_string(payload.to_owned()).unwrap(),
            ..row(number, vec![])
        };
        let first = books.register(one(5), None, now(), false).outcome.unwrap();
        books.register(one(6), None, now(), false).outcome.unwrap();
        books.reverse(first, "S", now()).unwrap();
        let list = books.list();
        let lines: Vec<&str> = list.lines().collect();
        assert_eq!(lines[1..], ["700002;3;2026-08-31;;\"L;1\";;;;;5"]);
    }

    #[test]
    fn a_page_starts_after_an_id() {
        let mut books = Books::default();
        let first = books.register(row(1, vec![]), None, now(), false).outcome.unwrap();
        books.register(row(2, vec![]), None, now(), false).outcome.unwrap();
        let page = |after| -> Value { serde_json::from_slice(&books.to_json(after).unwrap()).unwrap() };
        assert_eq!(page(0)["transactions"].as_array().unwrap().len(), 2);
        assert_eq!(page(first)["transactions"][0]["number"], "2");
        assert_eq!(page(first)["transactions"][0]["payload"], json!({"p_actor_trn_no": 2}));
        assert_eq!(page(first + 1)["transactions"], json!([]));
    }
}
