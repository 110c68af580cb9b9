//! What an answer comes to: for the ledger, and for whether anything more may go. Pure and total.

use std::time::Duration;

use chrono::{DateTime, Utc};
use http::Response;

use super::retry;
use super::stop::{BUSY, CONFIGURATION, Stop};
use crate::destinations::{Evidence, Reply, Ticket};
use crate::ledger::{BatchVerdict, RawAnswer};
use crate::model::Outcome;

/// What an attempt or a question came to.
#[derive(Debug)]
pub(super) struct Came {
    /// For the ledger.
    pub(super) verdict: BatchVerdict,
    /// For the gate.
    pub(super) effect: Effect,
}

/// What it says about sending more.
#[derive(Debug)]
pub(super) enum Effect {
    /// The system answers.
    Answered,
    /// No usable answer, and nothing to conclude from it.
    Unknown,
    /// Surely not received; try again after that time.
    Passing(Stop, Duration),
    /// Nothing more goes until somebody has done something.
    Lasting(Stop),
    /// Nothing went out, and nothing stands in the way of the same once more.
    Again,
    /// The login was not accepted: renew it once.
    Login,
}

/// What is around an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) section: &'a str,
    /// Now, by the clock that only goes on: what is due is reckoned from it.
    pub(super) now: DateTime<Utc>,
    /// How many transactions were sent or asked about.
    pub(super) items: usize,
    /// When to ask about a batch that is answered later, where the system does not say.
    pub(super) ask_in: Duration,
}

/// What the reply to a submission comes to. `wait` makes the wait before another try from what the system asked
/// for.
pub(super) fn of_submit(
    reply: Reply,
    answer: &RawAnswer,
    around: Around<'_>,
    wait: impl FnOnce(Option<Duration>) -> Duration,
) -> Came {
    let now = around.now;
    let effect = trouble(answer.status, around.section);
    match whole(reply, around.items) {
        Reply::Settled { outcomes, remote_batch } => {
            let silent = outcomes.iter().all(|outcome| *outcome == Outcome::Unknown) && !outcomes.is_empty();
            let effect = if silent { Effect::Unknown } else { Effect::Answered };
            Came { verdict: BatchVerdict::Settled { outcomes, remote: remote_batch }, effect }
        }
        Reply::Pending { ticket, remote_batch, after_s } => pending(ticket, remote_batch, after_s, around),
        Reply::NotSent(retry) => match effect {
            Some(effect) => Came { verdict: not_received(now, answer), effect },
            None => busy(answer, wait(asked(answer, retry.after_s, now)), around),
        },
        Reply::LoginExpired => Came { verdict: not_received(now, answer), effect: Effect::Login },
        // No system says of a submission that it is cancelled or not there.
        Reply::Cancelled(Evidence { seen, .. }) | Reply::Unknown(Evidence { seen, .. }) => {
            unknown(seen, effect)
        }
        Reply::Absent => unknown("not there".to_owned(), effect),
    }
}

fn unknown(seen: String, effect: Option<Effect>) -> Came {
    Came { verdict: BatchVerdict::Unknown { seen }, effect: effect.unwrap_or(Effect::Unknown) }
}

/// What the reply to a question about a batch comes to. Where it says nothing, the batch stays pending: `again`
/// tells when to ask again, by whether the answer speaks of configuration.
pub(super) fn of_ask(
    reply: Reply,
    answer: &RawAnswer,
    ticket: &Ticket,
    around: Around<'_>,
    again: impl FnOnce(bool) -> Duration,
) -> Came {
    match whole(reply, around.items) {
        Reply::Settled { outcomes, remote_batch } => Came {
            verdict: BatchVerdict::Settled { outcomes, remote: remote_batch },
            effect: Effect::Answered,
        },
        Reply::Pending { ticket, remote_batch, after_s } => pending(ticket, remote_batch, after_s, around),
        Reply::LoginExpired => Came { verdict: still(ticket, around.now), effect: Effect::Login },
        Reply::NotSent(_) | Reply::Absent | Reply::Cancelled(_) | Reply::Unknown(_) => {
            let effect = trouble(answer.status, around.section).unwrap_or(Effect::Unknown);
            let wait = again(matches!(effect, Effect::Lasting(_)));
            Came { verdict: still(ticket, later(around.now, wait)), effect }
        }
    }
}

/// Still pending, to be asked about at that moment.
pub(super) fn still(ticket: &Ticket, ask_at: DateTime<Utc>) -> BatchVerdict {
    BatchVerdict::Pending { ticket: ticket.0.clone(), remote: None, ask_at }
}

/// A moment that long after another.
pub(super) fn later(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    chrono::TimeDelta::from_std(wait).ok().and_then(|wait| now.checked_add_signed(wait)).unwrap_or(now)
}

/// The answer as the destination reads it: only from what the ledger keeps, so that reading it again after a
/// crash gives the same.
pub(super) fn response(answer: &RawAnswer) -> Response<Vec<u8>> {
    let mut response = Response::new(answer.body.clone());
    // Every status comes from a response, so the fallback is never met.
    *response.status_mut() =
        http::StatusCode::from_u16(answer.status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), http::HeaderValue::try_from(value))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// An answer that does not cover exactly what was sent proves nothing.
fn whole(reply: Reply, items: usize) -> Reply {
    match reply {
        Reply::Settled { outcomes, .. } if outcomes.len() != items => Reply::Unknown(Evidence {
            status: None,
            seen: format!("an answer about {} of {items} transactions", outcomes.len()),
        }),
        reply => reply,
    }
}

fn pending(ticket: Ticket, remote: Option<String>, after_s: Option<u64>, around: Around<'_>) -> Came {
    let ask_in = after_s.map_or(around.ask_in, |after_s| Duration::from_secs(after_s).min(retry::ASKED_CAP));
    let ask_at = later(around.now, ask_in);
    Came { verdict: BatchVerdict::Pending { ticket: ticket.0, remote, ask_at }, effect: Effect::Answered }
}

fn busy(answer: &RawAnswer, wait: Duration, around: Around<'_>) -> Came {
    let stop = Stop::new(&BUSY, around.section, seen(answer));
    let verdict = not_received(later(around.now, wait), answer);
    Came { verdict, effect: Effect::Passing(stop, wait) }
}

/// The header knows HTTP dates too, so it goes before what the destination read.
fn asked(answer: &RawAnswer, after_s: Option<u64>, now: DateTime<Utc>) -> Option<Duration> {
    retry::asked_by(answer, now).or(after_s.map(Duration::from_secs))
}

/// Due again at once where only a closed gate keeps it back.
fn not_received(retry_at: DateTime<Utc>, answer: &RawAnswer) -> BatchVerdict {
    BatchVerdict::NotSent { retry_at, seen: seen(answer) }
}

/// What a status alone says: configuration (contract section 4), or a refused login.
fn trouble(status: u16, section: &str) -> Option<Effect> {
    match status {
        300..=399 | 403 | 404 | 407 => {
            Some(Effect::Lasting(Stop::new(&CONFIGURATION, section, format!("HTTP {status}"))))
        }
        401 => Some(Effect::Login),
        _ => None,
    }
}

fn seen(answer: &RawAnswer) -> String {
    format!("HTTP {}", answer.status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destinations::Retry;

    const AROUND: Around<'_> =
        Around { section: "sespa", now: DateTime::UNIX_EPOCH, items: 2, ask_in: Duration::from_secs(4) };

    fn answer(status: u16, headers: &[(&str, &str)]) -> RawAnswer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        RawAnswer { status, headers, body: b"{}".to_vec() }
    }

    fn submit(reply: Reply, answer: &RawAnswer) -> Came {
        of_submit(reply, answer, AROUND, |asked| asked.unwrap_or(Duration::from_secs(1)))
    }

    fn unknown() -> Reply {
        Reply::Unknown(Evidence { status: None, seen: "HTML".to_owned() })
    }

    #[test]
    fn an_answer_that_covers_too_little_is_unknown() {
        let reply =
            Reply::Settled { outcomes: vec![Outcome::Accepted { id: "1".into() }], remote_batch: None };
        let came = submit(reply, &answer(200, &[]));
        assert_eq!(
            came.verdict,
            BatchVerdict::Unknown { seen: "an answer about 1 of 2 transactions".to_owned() }
        );
        assert!(matches!(came.effect, Effect::Unknown));
    }

    #[test]
    fn answers_that_speak_of_configuration_close_the_gate() {
        for status in [301, 302, 307, 403, 404, 407] {
            let came = submit(unknown(), &answer(status, &[]));
            assert!(matches!(came.verdict, BatchVerdict::Unknown { .. }), "{status} proves nothing");
            assert!(matches!(came.effect, Effect::Lasting(_)), "{status}");
        }
        for status in [200, 400, 500, 502] {
            assert!(matches!(submit(unknown(), &answer(status, &[])).effect, Effect::Unknown), "{status}");
        }
    }

    #[test]
    fn the_header_decides_when_to_try_again() {
        let came = submit(Reply::NotSent(Retry { after_s: Some(5) }), &answer(429, &[("retry-after", "7")]));
        let at = |seconds| DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds);
        assert_eq!(came.verdict, BatchVerdict::NotSent { retry_at: at(7), seen: "HTTP 429".to_owned() });
        let came = submit(Reply::NotSent(Retry { after_s: Some(5) }), &answer(429, &[]));
        assert_eq!(came.verdict, BatchVerdict::NotSent { retry_at: at(5), seen: "HTTP 429".to_owned() });
        assert!(matches!(came.effect, Effect::Passing(_, wait) if wait == Duration::from_secs(5)));
    }

    #[test]
    fn a_refused_login_is_due_again_at_once() {
        let came = submit(Reply::LoginExpired, &answer(401, &[]));
        assert!(
            matches!(came.verdict, BatchVerdict::NotSent { retry_at, .. } if retry_at == DateTime::UNIX_EPOCH)
        );
        assert!(matches!(came.effect, Effect::Login));
    }

    #[test]
    fn a_batch_answered_later_is_asked_about_when_the_system_says_or_at_our_pace() {
        for (after_s, seconds) in [(Some(30), 30), (None, 4)] {
            let ticket = Ticket(serde_json::json!({ "batch": 7 }));
            let came = submit(Reply::Pending { ticket, remote_batch: None, after_s }, &answer(202, &[]));
            let at = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds);
            assert!(matches!(came.verdict, BatchVerdict::Pending { ask_at, .. } if ask_at == at));
        }
    }

    #[test]
    fn a_question_without_an_answer_leaves_the_batch_pending() {
        let ticket = Ticket(serde_json::json!({ "batch": 7 }));
        for (reply, status) in
            [(unknown(), 502), (Reply::NotSent(Retry { after_s: None }), 429), (unknown(), 404)]
        {
            let came = of_ask(reply, &answer(status, &[]), &ticket, AROUND, |_| Duration::from_secs(9));
            let ask_at = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(9);
            assert_eq!(
                came.verdict,
                BatchVerdict::Pending { ticket: ticket.0.clone(), remote: None, ask_at }
            );
        }
    }

    #[test]
    fn kept_answers_read_as_they_came() {
        let response = response(&answer(429, &[("retry-after", "7")]));
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(response.body(), b"{}");
    }
}
