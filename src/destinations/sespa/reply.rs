//! What an answer proves. Total: any bytes give a [`Reply`], and what is not proven is unknown.
//!
//! Three rules stand behind all of it. A row is accepted when the answer gives it a number and no error,
//! refused when it gives errors and no number, and unknown in every other case. Answers belong to rows by our
//! number (or by position where the counts agree), never by likeness. A failure proves nothing unless the
//! settings say that this status means "not received".

use std::collections::{HashMap, HashSet};

use chrono::DateTime;
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};

use super::answer::{Found, Node};
use super::schema::{
    AVAILABLE, BATCH, DRUG_CODE, GTIN, NUMBER, POSTCODE, QUANTITY, RECIPIENT, RECIPIENT_POSTCODE, TYPE,
};
use super::{Sespa, TICKET_BATCH};
use crate::destinations::{Call, Evidence, Item, Reply, Retry, Ticket};
use crate::model::{Outcome, SystemError, Value, is_remote_id};
use crate::validate::Record;

/// The state of a transaction that counts, where an answer shows one.
const LIVE: &str = "registered";
/// Longest part of a system's text that is kept.
const TEXT_LETTERS: usize = 1000;

impl Sespa {
    pub(super) fn read(&self, call: &Call<'_>, answer: &Response<Vec<u8>>) -> Reply {
        if !answer.status().is_success() {
            return self.failed(call, answer);
        }
        match (Node::parse(answer.body()), call) {
            (None, _) if answer.body().is_empty() => unknown(answer, "empty answer"),
            (None, _) => unknown(answer, "not JSON"),
            (Some(body), Call::Submit(items)) => self.submitted(items, &body, answer),
            (Some(body), Call::Ask(ticket, items)) => self.asked(ticket, items, &body, answer),
            (Some(body), Call::Look(item)) => self.looked_up(item, &body, answer),
        }
    }

    /// A question registers nothing, so a stale login or a busy system is told apart whatever the settings say.
    /// Other failures leave things as they are: the driver keeps a batch pending when asking fails.
    fn failed(&self, call: &Call<'_>, answer: &Response<Vec<u8>>) -> Reply {
        let status = answer.status();
        let question = !matches!(call, Call::Submit(_));
        let not_received = self.settings.not_received.contains(&status.as_u16());
        match status {
            StatusCode::UNAUTHORIZED if not_received || question => Reply::LoginExpired,
            StatusCode::TOO_MANY_REQUESTS if question => not_sent(answer),
            StatusCode::NOT_FOUND if matches!(call, Call::Look(_)) => Reply::Absent,
            _ if not_received => not_sent(answer),
            _ => unknown(answer, ""),
        }
    }

    fn submitted(&self, items: &[Item], body: &Node, answer: &Response<Vec<u8>>) -> Reply {
        let remote_batch = self.batch_of(body);
        let rows = body.member(&self.settings.items_key).list().filter(|rows| !rows.is_empty());
        match (rows, remote_batch) {
            // Where nothing can be asked about a batch, nothing is known of its rows; but it was taken.
            (None, Some(batch)) if self.settings.status_path.is_empty() => {
                Reply::Settled { outcomes: vec![Outcome::Unknown; items.len()], remote_batch: Some(batch) }
            }
            (None, Some(batch)) => pending(batch, answer),
            (None, None) => unknown(answer, "neither rows nor a batch number"),
            (Some(rows), remote_batch) => {
                let outcomes = self.outcomes(items, rows);
                match remote_batch {
                    // Rows shown before the batch is done are not its last word.
                    Some(batch) if self.is_done(body) == Some(false) && !all_decided(&outcomes) => {
                        pending(batch, answer)
                    }
                    remote_batch => Reply::Settled { outcomes, remote_batch },
                }
            }
        }
    }

    fn asked(&self, ticket: &Ticket, items: &[Item], body: &Node, answer: &Response<Vec<u8>>) -> Reply {
        let batch = ticket.0.get(TICKET_BATCH).and_then(serde_json::Value::as_str).unwrap_or_default();
        if self.batch_of(body).is_some_and(|other| other != batch) {
            return unknown(answer, "speaks of another batch");
        }
        let rows = body.member(&self.settings.items_key).list().unwrap_or_default();
        let outcomes = self.outcomes(items, rows);
        if self.is_done(body).unwrap_or_else(|| all_decided(&outcomes)) {
            Reply::Settled { outcomes, remote_batch: Some(batch.to_owned()) }
        } else {
            pending(batch.to_owned(), answer)
        }
    }

    /// Proof needs our number, the system's, and the same product, quantity and type; what else it shows must
    /// not contradict us. Dates are left out: the system may tell them in another zone.
    fn looked_up(&self, item: &Item, body: &Node, answer: &Response<Vec<u8>>) -> Reply {
        let row = match body.member(&self.settings.items_key).list() {
            Some([]) => return Reply::Absent,
            Some([only]) => only,
            _ => body,
        };
        let ours =
            self.member_of(row, NUMBER).plain().is_some_and(|number| bare(number) == bare(&item.number));
        match self.outcome(row) {
            Outcome::Accepted { .. } if !ours => unknown(answer, "another transaction"),
            Outcome::Accepted { .. } if !self.is_live(row) => {
                Reply::Cancelled(evidence(answer, "not live any more"))
            }
            Outcome::Accepted { .. } if !self.agrees(&item.record, row) => {
                unknown(answer, "the number is there with other content")
            }
            outcome @ Outcome::Accepted { .. } => {
                Reply::Settled { outcomes: vec![outcome], remote_batch: self.batch_of(row) }
            }
            _ => unknown(answer, "no number given"),
        }
    }

    /// Whether a transaction that is shown with a state still counts: one cancelled meanwhile is nothing to
    /// rely on.
    fn is_live(&self, row: &Node) -> bool {
        let state = row.member(&self.settings.state_key).plain();
        state.is_none_or(|state| state.eq_ignore_ascii_case(LIVE)) || self.is_done(row) == Some(true)
    }

    fn agrees(&self, record: &Record, row: &Node) -> bool {
        let same = |field: usize| match (record.value(field), self.shown_member(row, field)) {
            (_, Found::Several) => None,
            (Some(_), Found::Nothing) | (None, _) => Some(false),
            (Some(value), Found::One(node)) => (node.plain()? == shown(value)?).then_some(true),
        };
        // Some(true): shown and the same; Some(false): nothing to compare; None: contradicts.
        let proof = [DRUG_CODE, QUANTITY, TYPE].into_iter().all(|field| same(field) == Some(true));
        let rest = [RECIPIENT, AVAILABLE, BATCH, POSTCODE, RECIPIENT_POSTCODE, GTIN];
        proof && rest.into_iter().all(|field| same(field).is_some())
    }

    /// A member of a transaction, which may stand in an object of its own beside the numbers.
    fn shown_member<'a>(&self, row: &'a Node, field: usize) -> Found<'a> {
        match (self.member_of(row, field), row) {
            (Found::Nothing, Node::Object(members)) => {
                let inner = members.iter().map(|(_, node)| self.member_of(node, field));
                inner.fold(Found::Nothing, Found::or)
            }
            (found, _) => found,
        }
    }

    fn member_of<'a>(&self, row: &'a Node, field: usize) -> Found<'a> {
        self.schema.fields.get(field).map_or(Found::Nothing, |field| row.member(&field.name))
    }

    fn batch_of(&self, body: &Node) -> Option<String> {
        body.member(&self.settings.batch_key).plain().and_then(id)
    }

    /// Whether the batch is done; none where the answer has no state.
    fn is_done(&self, body: &Node) -> Option<bool> {
        let state = body.member(&self.settings.state_key).plain()?;
        Some(self.settings.state_done.iter().any(|done| done.eq_ignore_ascii_case(state)))
    }

    /// One outcome for each item, in the items' order.
    fn outcomes(&self, items: &[Item], rows: &[Node]) -> Vec<Outcome> {
        let mut outcomes = if self.settings.match_by == super::BY_POSITION {
            self.by_position(items, rows)
        } else {
            self.by_number(items, rows)
        };
        forget_repeated(&mut outcomes);
        outcomes
    }

    fn by_number(&self, items: &[Item], rows: &[Node]) -> Vec<Outcome> {
        let mut answers: HashMap<&str, Option<&Node>> = HashMap::with_capacity(rows.len());
        for row in rows {
            if let Some(number) = self.member_of(row, NUMBER).plain() {
                // Two answers for one number: neither counts.
                answers.entry(bare(number)).and_modify(|answer| *answer = None).or_insert(Some(row));
            }
        }
        let mut taken = |item: &Item| answers.remove(bare(&item.number)).flatten();
        items.iter().map(|item| taken(item).map_or(Outcome::Unknown, |row| self.outcome(row))).collect()
    }

    fn by_position(&self, items: &[Item], rows: &[Node]) -> Vec<Outcome> {
        if items.len() != rows.len() {
            return vec![Outcome::Unknown; items.len()];
        }
        let outcome = |(item, row): (&Item, &Node)| match self.member_of(row, NUMBER) {
            Found::Nothing => self.outcome(row),
            found if found.plain().is_some_and(|number| bare(number) == bare(&item.number)) => {
                self.outcome(row)
            }
            _ => Outcome::Unknown,
        };
        items.iter().zip(rows).map(outcome).collect()
    }

    fn outcome(&self, row: &Node) -> Outcome {
        let errors = self.errors_of(row);
        match (row.member(&self.settings.id_key), errors) {
            (Found::One(node), Some(errors)) => match (node.plain().and_then(id), errors.is_empty()) {
                (Some(id), true) => Outcome::Accepted { id },
                // `0` and empty text are how some systems write "no number".
                (None, false) if node.plain().is_some_and(|text| bare(text).is_empty()) => {
                    Outcome::Refused { errors }
                }
                _ => Outcome::Unknown,
            },
            (Found::Nothing, Some(errors)) if !errors.is_empty() => Outcome::Refused { errors },
            _ => Outcome::Unknown,
        }
    }

    /// A row's errors, empty where it has none; none where they cannot be read.
    fn errors_of(&self, row: &Node) -> Option<Vec<SystemError>> {
        match row.member(&self.settings.errors_key) {
            Found::Nothing => Some(Vec::new()),
            Found::Several | Found::One(Node::Other | Node::Null) => None,
            Found::One(Node::List(entries)) => {
                Some(entries.iter().filter_map(|entry| self.error(entry)).collect())
            }
            Found::One(single) => Some(self.error(single).into_iter().collect()),
        }
    }

    fn error(&self, entry: &Node) -> Option<SystemError> {
        let part = |name: &str| entry.member(name).plain().map(shortened).unwrap_or_default();
        match entry {
            Node::Object(_) => Some(SystemError {
                code: part(&self.settings.code_key),
                message: part(&self.settings.message_key),
            }),
            Node::Text(text) if !text.trim().is_empty() => {
                Some(SystemError { code: String::new(), message: shortened(text.trim()) })
            }
            Node::Number(code) => Some(SystemError { code: code.to_string(), message: String::new() }),
            _ => None,
        }
    }
}

/// One number cannot belong to two transactions; where it does, it proves neither.
fn forget_repeated(outcomes: &mut [Outcome]) {
    let mut seen: HashSet<&str> = HashSet::with_capacity(outcomes.len());
    let mut repeated: HashSet<String> = HashSet::new();
    for outcome in outcomes.iter() {
        if let Outcome::Accepted { id } = outcome
            && !seen.insert(id)
        {
            repeated.insert(id.clone());
        }
    }
    for outcome in outcomes.iter_mut().filter(|_| !repeated.is_empty()) {
        if matches!(outcome, Outcome::Accepted { id } if repeated.contains(id)) {
            *outcome = Outcome::Unknown;
        }
    }
}

fn all_decided(outcomes: &[Outcome]) -> bool {
    !outcomes.contains(&Outcome::Unknown)
}

fn id(text: &str) -> Option<String> {
    is_remote_id(text).then(|| text.to_owned())
}

/// A number without leading zeros, for comparing.
fn bare(number: &str) -> &str {
    number.trim().trim_start_matches('0')
}

fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.trim().to_owned()),
        Value::Integer(number) => Some(number.to_string()),
        Value::DateTime(_) | Value::Date(_) => None,
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(TEXT_LETTERS).collect()
}

fn pending(batch: String, answer: &Response<Vec<u8>>) -> Reply {
    let ticket = Ticket(serde_json::json!({ TICKET_BATCH: batch }));
    Reply::Pending { ticket, remote_batch: Some(batch), after_s: retry_after(answer.headers()) }
}

fn not_sent(answer: &Response<Vec<u8>>) -> Reply {
    Reply::NotSent(Retry { after_s: retry_after(answer.headers()) })
}

fn unknown(answer: &Response<Vec<u8>>, what: &str) -> Reply {
    Reply::Unknown(evidence(answer, what))
}

fn evidence(answer: &Response<Vec<u8>>, what: &str) -> Evidence {
    let status = answer.status().as_u16();
    let comma = if what.is_empty() { "" } else { ", " };
    Evidence { status: Some(status), seen: format!("HTTP {status}{comma}{what}") }
}

/// Seconds to wait by `Retry-After` (RFC 9110): a number, or a day and time counted from the answer's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    let sent = DateTime::parse_from_rfc2822(headers.get(DATE)?.to_str().ok()?).ok()?;
    u64::try_from((until - sent).num_seconds()).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use http::Response;
    use proptest::prelude::*;

    use super::forget_repeated;
    use crate::destinations::sespa::Sespa;
    use crate::destinations::sespa::tests::{items, sespa, ticket};
    use crate::destinations::{Call, Destination, Item, Reply, Retry, SespaWire};
    use crate::model::{Outcome, SystemError};

    fn response(status: u16, body: &str) -> Response<Vec<u8>> {
        Response::builder().status(status).body(body.as_bytes().to_vec()).expect("a response")
    }

    fn submit(status: u16, body: &str) -> Reply {
        sespa(SespaWire::default()).reply(&Call::Submit(&items()), &response(status, body))
    }

    fn ask(status: u16, body: &str) -> Reply {
        sespa(SespaWire::default()).reply(&Call::Ask(&ticket("7"), &items()), &response(status, body))
    }

    fn accepted(id: &str) -> Outcome {
        Outcome::Accepted { id: id.to_owned() }
    }

    fn refused(code: &str, message: &str) -> Outcome {
        Outcome::Refused { errors: vec![SystemError { code: code.to_owned(), message: message.to_owned() }] }
    }

    fn settled(reply: Reply) -> Vec<Outcome> {
        match reply {
            Reply::Settled { outcomes, .. } => outcomes,
            other => panic!("not settled: {other:?}"),
        }
    }

    /// An answer of rows with our two numbers, ending 1 and 2.
    fn rows(first: &str, second: &str) -> String {
        let number = "\"p_actor_trn_no\":126061500000";
        format!("{{\"transactions\":[{{{number}1,{first}}},{{{number}2,{second}}}]}}")
    }

    #[test]
    fn the_example_answers_are_understood() {
        let answered = submit(200, include_str!("examples/batch-answered.json"));
        let outcomes = vec![accepted("72"), refused("E17", "Непознат получател")];
        assert_eq!(
            answered,
            Reply::Settled { outcomes: outcomes.clone(), remote_batch: Some("7".to_owned()) }
        );
        let taken = submit(202, include_str!("examples/batch-taken.json"));
        let later = Reply::Pending { ticket: ticket("7"), remote_batch: Some("7".to_owned()), after_s: None };
        assert_eq!(taken, later);
        assert_eq!(ask(200, include_str!("examples/status-processing.json")), later);
        assert_eq!(settled(ask(200, include_str!("examples/status-done.json"))), outcomes);
    }

    #[test]
    fn rows_are_matched_by_our_number_in_any_order_and_form() {
        let body = r#"{"TRANSACTIONS":[{"P_ACTOR_TRN_NO":"1260615000002","transaction_id":"73"},
            {"p_actor_trn_no":"01260615000001","TRANSACTION_ID":72,"errors":[]}]}"#;
        assert_eq!(settled(submit(200, body)), [accepted("72"), accepted("73")]);
    }

    #[test]
    fn what_is_not_proven_is_unknown() {
        let first = |text: &str| settled(submit(200, &rows(text, "\"TRANSACTION_ID\":73")));
        for text in [
            "\"TRANSACTION_ID\":null",
            "\"TRANSACTION_ID\":\"\"",
            "\"TRANSACTION_ID\":0",
            "\"TRANSACTION_ID\":1.5",
            "\"TRANSACTION_ID\":[72]",
            "\"TRANSACTION_ID\":72,\"transaction_id\":74",
            "\"TRANSACTION_ID\":72,\"errors\":[{\"code\":\"E1\"}]",
            "\"TRANSACTION_ID\":[72],\"errors\":[{\"code\":\"E1\"}]",
            "\"TRANSACTION_ID\":72,\"errors\":true",
            "\"errors\":[]",
            "\"x\":1",
            "\"p_actor_trn_no\":9,\"TRANSACTION_ID\":72",
        ] {
            assert_eq!(first(text), [Outcome::Unknown, accepted("73")], "{text}");
        }
        assert_eq!(
            first("\"TRANSACTION_ID\":73"),
            [Outcome::Unknown, Outcome::Unknown],
            "one number for two"
        );
    }

    #[test]
    fn errors_have_several_shapes() {
        let first = |text: &str| settled(submit(200, &rows(text, "\"TRANSACTION_ID\":73"))).swap_remove(0);
        assert_eq!(first("\"TRANSACTION_ID\":0,\"errors\":[{\"CODE\":17}]"), refused("17", ""));
        assert_eq!(first("\"errors\":{\"code\":\"E1\",\"message\":\"m\"}"), refused("E1", "m"));
        assert_eq!(first("\"errors\":\"не\""), refused("", "не"));
        assert_eq!(first("\"errors\":[17]"), refused("17", ""));
    }

    #[test]
    fn missing_doubled_and_foreign_answers_leave_their_rows_unknown() {
        let one = r#"{"transactions":[{"p_actor_trn_no":1260615000002,"TRANSACTION_ID":73}]}"#;
        assert_eq!(settled(submit(200, one)), [Outcome::Unknown, accepted("73")]);
        let doubled = r#"{"transactions":[{"p_actor_trn_no":1260615000001,"TRANSACTION_ID":72},
            {"p_actor_trn_no":1260615000001,"TRANSACTION_ID":74},{"p_actor_trn_no":5,"TRANSACTION_ID":75},{}]}"#;
        assert_eq!(settled(submit(200, doubled)), [Outcome::Unknown, Outcome::Unknown]);
    }

    #[test]
    fn positions_count_only_where_the_counts_agree() {
        let wire = SespaWire { match_by: "position".to_owned(), ..SespaWire::default() };
        let read =
            |body: &str| settled(sespa(wire.clone()).reply(&Call::Submit(&items()), &response(200, body)));
        let two = r#"{"transactions":[{"TRANSACTION_ID":72},{"TRANSACTION_ID":73}]}"#;
        assert_eq!(read(two), [accepted("72"), accepted("73")]);
        assert_eq!(read(r#"{"transactions":[{"TRANSACTION_ID":72}]}"#), [Outcome::Unknown, Outcome::Unknown]);
        let swapped = rows("\"TRANSACTION_ID\":72", "\"TRANSACTION_ID\":73").replace("0001,", "0009,");
        assert_eq!(read(&swapped), [Outcome::Unknown, accepted("73")]);
    }

    #[test]
    fn a_batch_number_without_rows_is_pending_at_any_size() {
        for body in [
            r#"{"BATCH_ID":7}"#,
            r#"{"batch_id":"7","transactions":[]}"#,
            r#"{"BATCH_ID":7,"transactions":null}"#,
        ] {
            assert!(matches!(submit(200, body), Reply::Pending { .. }), "{body}");
        }
        let early = rows("\"TRANSACTION_ID\":72", "\"x\":1").replacen(
            '{',
            "{\"BATCH_ID\":7,\"status\":\"processing\",",
            1,
        );
        assert!(matches!(submit(202, &early), Reply::Pending { .. }));
        assert!(matches!(submit(202, "{}"), Reply::Unknown(_)));
    }

    #[test]
    fn a_batch_number_that_can_t_be_asked_about_is_kept_and_proves_nothing_of_its_rows() {
        let wire = SespaWire { status_path: String::new(), ..SespaWire::default() };
        let reply = sespa(wire).reply(&Call::Submit(&items()), &response(202, r#"{"BATCH_ID":9002}"#));
        let outcomes = vec![Outcome::Unknown; items().len()];
        assert_eq!(reply, Reply::Settled { outcomes, remote_batch: Some("9002".to_owned()) });
    }

    #[test]
    fn failures_are_unknown_unless_the_settings_name_them() {
        assert_eq!(submit(401, ""), Reply::LoginExpired);
        assert_eq!(submit(429, ""), Reply::NotSent(Retry { after_s: None }));
        for status in [300, 302, 400, 403, 404, 407, 409, 413, 422, 500, 502, 503, 504, 555] {
            let Reply::Unknown(evidence) = submit(status, "{\"BATCH_ID\":7}") else { panic!("{status}") };
            assert_eq!((evidence.status, evidence.seen), (Some(status), format!("HTTP {status}")));
        }
        let wire = SespaWire { not_received: vec![503], ..SespaWire::default() };
        let read = |status| sespa(wire.clone()).reply(&Call::Submit(&items()), &response(status, ""));
        assert_eq!(read(503), Reply::NotSent(Retry { after_s: None }));
        assert!(matches!(read(401), Reply::Unknown(_)) && matches!(read(429), Reply::Unknown(_)));
        for body in ["", "<html>", "{\"transactions\":[{\"TRANS", "[]", "7", "null", "{\"transactions\":{}}"]
        {
            assert!(matches!(submit(200, body), Reply::Unknown(_)), "{body}");
        }
    }

    #[test]
    fn the_system_may_say_how_long_to_wait() {
        let wait = |value: &str| {
            let mut answer = response(429, "");
            answer.headers_mut().insert("retry-after", value.parse().expect("a header"));
            answer.headers_mut().insert("date", "Mon, 15 Jun 2026 10:00:00 GMT".parse().expect("a header"));
            match sespa(SespaWire::default()).reply(&Call::Submit(&items()), &answer) {
                Reply::NotSent(retry) => retry.after_s,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(wait("30"), Some(30));
        assert_eq!(wait("Mon, 15 Jun 2026 10:01:30 GMT"), Some(90));
        assert_eq!(wait("Mon, 15 Jun 2026 09:00:00 GMT"), None);
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn only_the_state_ends_a_batch_that_is_asked_about() {
        let with =
            |state: &str| rows("\"TRANSACTION_ID\":72", "\"x\":1").replacen('{', &format!("{{{state}"), 1);
        assert_eq!(settled(ask(200, &with("\"status\":\"DONE\","))), [accepted("72"), Outcome::Unknown]);
        assert_eq!(settled(ask(200, "{\"status\":\"done\"}")), [Outcome::Unknown, Outcome::Unknown]);
        for state in ["\"status\":\"processing\",", "\"status\":\"new\",", ""] {
            assert!(matches!(ask(200, &with(state)), Reply::Pending { .. }), "{state}");
        }
        let whole = rows("\"TRANSACTION_ID\":72", "\"TRANSACTION_ID\":73");
        assert_eq!(settled(ask(200, &whole)), [accepted("72"), accepted("73")]);
        assert!(
            matches!(ask(200, "{\"BATCH_ID\":8,\"status\":\"done\"}"), Reply::Unknown(_)),
            "another batch"
        );
        assert_eq!(ask(401, ""), Reply::LoginExpired);
        assert!(matches!(ask(429, ""), Reply::NotSent(_)));
        assert!(matches!(ask(404, ""), Reply::Unknown(_)) && matches!(ask(200, "<html>"), Reply::Unknown(_)));
    }

    #[test]
    fn a_transaction_found_by_our_number_must_be_ours() {
        let found = include_str!("examples/lookup.json");
        let look = |status, body: &str| {
            sespa(SespaWire::default()).reply(&Call::Look(&items()[0]), &response(status, body))
        };
        assert_eq!(settled(look(200, found)), [accepted("72")]);
        assert_eq!(settled(look(200, &format!("{{\"transactions\":[{found}]}}"))), [accepted("72")]);
        let flat = found.replace("\"transaction\": {", "").replacen('}', "", 1);
        assert_eq!(settled(look(200, &flat)), [accepted("72")], "{flat}");
        for (from, to) in [
            ("1260615000001", "1260615000009"),
            ("\"p_quantity\": 10", "\"p_quantity\": 11"),
            ("\"p_quantity\": 10,", ""),
            ("L-4711", "L-4712"),
            ("\"TRANSACTION_ID\": 72", "\"TRANSACTION_ID\": null"),
        ] {
            assert!(matches!(look(200, &found.replace(from, to)), Reply::Unknown(_)), "{from} {to}");
        }
        let cancelled = found.replace("registered", "reversed");
        assert!(matches!(look(200, &cancelled), Reply::Cancelled(_)), "{cancelled}");
        assert_eq!(look(404, "{}"), Reply::Absent);
        assert_eq!(look(200, "{\"transactions\":[]}"), Reply::Absent);
        assert!(matches!(look(200, ""), Reply::Unknown(_)), "nothing at all is no word");
        assert_eq!(look(401, ""), Reply::LoginExpired);
    }

    #[test]
    fn repeated_numbers_are_forgotten_wherever_they_stand() {
        let mut outcomes = vec![accepted("1"), accepted("2"), Outcome::Unknown, accepted("1")];
        forget_repeated(&mut outcomes);
        assert_eq!(outcomes, [Outcome::Unknown, accepted("2"), Outcome::Unknown, Outcome::Unknown]);
    }

    /// Made once: reading the catalogue for every case would take most of the test's time.
    static BOTH: LazyLock<[Sespa; 2]> = LazyLock::new(|| {
        let with =
            |match_by: &str| sespa(SespaWire { match_by: match_by.to_owned(), ..SespaWire::default() });
        ["p_actor_trn_no", "position"].map(with)
    });
    static ITEMS: LazyLock<Vec<Item>> = LazyLock::new(items);

    fn check_total(status: u16, body: &[u8]) {
        let (items, ticket) = (&*ITEMS, ticket("7"));
        for sespa in &*BOTH {
            let answer = Response::builder().status(status).body(body.to_vec()).expect("a response");
            for call in [Call::Submit(items), Call::Ask(&ticket, items), Call::Look(&items[0])] {
                let expected = if matches!(call, Call::Look(_)) { 1 } else { items.len() };
                if let Reply::Settled { outcomes, .. } = sespa.reply(&call, &answer) {
                    assert_eq!(outcomes.len(), expected);
                }
            }
        }
    }

    /// JSON that is nearly an answer.
    fn nearly() -> impl Strategy<Value = String> {
        let key = prop::sample::select(vec![
            "transactions",
            "BATCH_ID",
            "TRANSACTION_ID",
            "errors",
            "code",
            "message",
            "status",
            "p_actor_trn_no",
        ]);
        let leaf = prop::sample::select(vec![
            "null",
            "1260615000001",
            "\"1260615000002\"",
            "72",
            "1.5",
            "\"done\"",
            "true",
        ]);
        leaf.prop_map(str::to_owned).prop_recursive(4, 24, 4, move |inner| {
            let member = (key.clone(), inner.clone()).prop_map(|(key, value)| format!("\"{key}\":{value}"));
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(|list| format!("[{}]", list.join(","))),
                prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_reply(status in 200u16..600, body in prop::collection::vec(any::<u8>(), 0..300)) {
            check_total(status, &body);
        }

        #[test]
        fn anything_like_an_answer_gives_an_outcome_for_each_row(status in 200u16..203, body in nearly()) {
            check_total(status, body.as_bytes());
        }
    }
}
