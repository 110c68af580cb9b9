//! Carries out a request together with the fault it meets.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::time::sleep;
use tokio_util::io::ReaderStream;

use super::faults::{Action, Apply, Hit, scramble};
use super::line::Orders;
use super::service::{Answer, Ask, Call, Extent, Service, processing};

/// How long after the answer a request is carried out that is to be carried out after it.
const AFTERWARDS: Duration = Duration::from_millis(100);
const MEGABYTE: u64 = 1_000_000;

/// The response to a request, after whatever goes wrong with it.
pub(super) async fn conduct(service: &Arc<Service>, call: Call, hit: Option<Hit>, line: &Orders) -> Response {
    let Some(Hit { action, apply, dice }) = hit else { return plain(&service.answer(&call, Extent::All)) };
    match action {
        Action::DropBeforeApply => cut(line, 0, false),
        Action::ApplyThenDrop => applied(service, &call, Extent::All, line),
        Action::ApplyHalfThenDrop => applied(service, &call, Extent::Half, line),
        Action::ApplySomeThenDrop { rows } => applied(service, &call, Extent::First(rows), line),
        Action::ApplyLate { ms } => late(Arc::clone(service), call, Duration::from_millis(ms)).await,
        Action::ApplyTwice => {
            service.answer(&call, Extent::All);
            plain(&service.answer(&call, Extent::All))
        }
        Action::Delay { ms } => {
            sleep(Duration::from_millis(ms)).await;
            plain(&service.answer(&call, Extent::All))
        }
        Action::DateOff { seconds } => {
            let date = service.now() + TimeDelta::seconds(seconds);
            let date = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            headed(plain(&service.answer(&call, Extent::All)), header::DATE, &date)
        }
        Action::SlowDrip { ms_per_byte } => {
            line.drip(Duration::from_millis(ms_per_byte));
            closing(plain(&service.answer(&call, Extent::All)))
        }
        Action::ResetAtByte { n } => {
            let response = plain(&service.answer(&call, Extent::All));
            line.end_after(n, true);
            response
        }
        Action::NeverFinal => never_final(service, &call),
        Action::Shuffle
        | Action::Missing
        | Action::Extra
        | Action::DuplicateIds
        | Action::NumbersAsText
        | Action::Contradict => {
            let mut answer = service.answer(&call, Extent::All);
            distort(&mut answer.body, &action, dice);
            plain(&answer)
        }
        replaced => {
            let answer = apply_around(service, call, apply);
            replace(&replaced, &answer)
        }
    }
}

/// Carries out what is answered by something else; the answer it should have had.
fn apply_around(service: &Arc<Service>, call: Call, apply: Apply) -> Answer {
    match apply {
        Apply::Before => return service.answer(&call, Extent::All),
        Apply::After => {
            let service = Arc::clone(service);
            tokio::spawn(async move {
                sleep(AFTERWARDS).await;
                service.answer(&call, Extent::All)
            });
        }
        Apply::None => {}
    }
    Answer { status: 200, body: json!({}) }
}

/// Goes on when the client has given up: the work is a task of its own.
async fn late(service: Arc<Service>, call: Call, after: Duration) -> Response {
    let work = tokio::spawn(async move {
        sleep(after).await;
        service.answer(&call, Extent::All)
    });
    match work.await {
        Ok(answer) => plain(&answer),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn applied(service: &Service, call: &Call, extent: Extent, line: &Orders) -> Response {
    service.answer(call, extent);
    cut(line, 0, false)
}

fn cut(line: &Orders, bytes: u64, reset: bool) -> Response {
    line.end_after(bytes, reset);
    closing(StatusCode::OK.into_response())
}

fn never_final(service: &Service, call: &Call) -> Response {
    let answer = service.answer(call, Extent::All);
    let batch = match &call.ask {
        Ask::Status(number) => number.parse().ok(),
        _ => answer.body.get("BATCH_ID").and_then(Value::as_u64),
    };
    let Some(batch) = batch.filter(|_| answer.status < 300) else { return plain(&answer) };
    service.stick(batch);
    match call.ask {
        Ask::Status(_) => plain(&processing(batch)),
        _ => plain(&Answer { status: 202, body: json!({ "BATCH_ID": batch }) }),
    }
}

/// Something else in the answer's place.
fn replace(action: &Action, answer: &Answer) -> Response {
    let body = answer.body.to_string();
    match action {
        Action::Html => {
            typed("text/html; charset=utf-8", "<!doctype html><title>Вход</title><p>Моля, влезте в мрежата.")
        }
        Action::Empty => typed("application/json", ""),
        Action::Truncated => {
            let mut bytes = body.into_bytes();
            bytes.truncate(bytes.len() / 2);
            typed("application/json", bytes)
        }
        Action::Windows1251 => {
            typed("application/json", encoding_rs::WINDOWS_1251.encode(&body).0.into_owned())
        }
        Action::BigBody { mb } => big_body(body, *mb),
        Action::DeepJson { depth } => typed("application/json", "[".repeat(*depth) + &"]".repeat(*depth)),
        Action::GzipBomb { mb } => gzip_bomb(&body, *mb),
        Action::Status { code, retry_after } => status(*code, *retry_after),
        Action::Redirect { location } => {
            headed(StatusCode::TEMPORARY_REDIRECT.into_response(), header::LOCATION, location)
        }
        _ => plain(&Answer::unauthorized()),
    }
}

fn status(code: u16, retry_after_s: Option<u64>) -> Response {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let response = (code, "the sandbox was asked for this status").into_response();
    match retry_after_s {
        Some(seconds) => headed(response, header::RETRY_AFTER, &seconds.to_string()),
        None => response,
    }
}

/// Blanks are legal behind JSON, so only a limit of bytes protects a reader.
fn big_body(start: String, mb: u64) -> Response {
    let blanks = tokio::io::repeat(b' ').take(mb.saturating_mul(MEGABYTE));
    let whole = std::io::Cursor::new(start.into_bytes()).chain(blanks);
    typed("application/json", Body::from_stream(ReaderStream::new(whole)))
}

fn gzip_bomb(start: &str, mb: usize) -> Response {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let blanks = vec![b' '; 1_000_000];
    let filled =
        packed.write_all(start.as_bytes()).and_then(|()| (0..mb).try_for_each(|_| packed.write_all(&blanks)));
    match filled.and_then(|()| packed.finish()) {
        Ok(bytes) => headed(typed("application/json", bytes), header::CONTENT_ENCODING, "gzip"),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// An answer as it should be.
pub(super) fn plain(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let response = (status, typed("application/json", answer.body.to_string())).into_response();
    if status == StatusCode::UNAUTHORIZED {
        return headed(
            response,
            header::WWW_AUTHENTICATE,
            "Bearer realm=\"rxdrop sandbox\", error=\"invalid_token\"",
        );
    }
    response
}

fn typed(kind: &'static str, body: impl Into<Body>) -> Response {
    headed(Response::new(body.into()), header::CONTENT_TYPE, kind)
}

fn closing(response: Response) -> Response {
    headed(response, header::CONNECTION, "close")
}

fn headed(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// Makes a batch's answer say something else than what was registered.
fn distort(body: &mut Value, action: &Action, dice: u64) {
    if matches!(action, Action::NumbersAsText) {
        quote_numbers(body);
    }
    let Some(rows) = body.get_mut("transactions").and_then(Value::as_array_mut) else { return };
    match action {
        Action::Shuffle => shuffle(rows, dice),
        Action::Missing if !rows.is_empty() => drop(rows.remove(0)),
        Action::Extra => {
            rows.push(json!({ "p_actor_trn_no": 999_999_999_999_999_u64, "TRANSACTION_ID": 999_999_999 }));
        }
        Action::DuplicateIds => repeat_id(rows),
        Action::Contradict => rows.iter_mut().for_each(move_id),
        _ => {}
    }
}

fn quote_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => *value = Value::String(number.to_string()),
        Value::Array(items) => items.iter_mut().for_each(quote_numbers),
        Value::Object(members) => members.values_mut().for_each(quote_numbers),
        _ => {}
    }
}

/// Another order of the same rows, never the one they had.
fn shuffle(rows: &mut [Value], dice: u64) {
    let before = rows.to_vec();
    let mut draw = dice;
    for last in (1..rows.len()).rev() {
        draw = scramble(draw);
        let other = usize::try_from(draw % (last as u64 + 1)).unwrap_or_default();
        rows.swap(last, other);
    }
    if rows == before {
        rows.rotate_left(1.min(rows.len()));
    }
}

fn repeat_id(rows: &mut [Value]) {
    let first = rows.first().and_then(|row| row.get("TRANSACTION_ID")).cloned();
    let second = rows.get_mut(1).and_then(|row| row.get_mut("TRANSACTION_ID"));
    if let (Some(first), Some(second)) = (first, second) {
        *second = first;
    }
}

fn move_id(row: &mut Value) {
    if let Some(id) = row.get_mut("TRANSACTION_ID") {
        *id = json!(id.as_u64().unwrap_or_default() + 1_000_000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(rows: u64) -> Value {
        let rows: Vec<Value> =
            (1..=rows).map(|n| json!({"p_actor_trn_no": n, "TRANSACTION_ID": 700 + n})).collect();
        json!({ "BATCH_ID": 5, "transactions": rows })
    }

    fn distorted(action: &Action) -> Value {
        let mut body = answer(5);
        distort(&mut body, action, 3);
        body
    }

    fn rows(body: &Value) -> Vec<Value> {
        body["transactions"].as_array().unwrap().clone()
    }

    #[test]
    fn a_shuffled_answer_holds_the_same_rows_in_another_order() {
        let mut shuffled = rows(&distorted(&Action::Shuffle));
        assert_ne!(shuffled, rows(&answer(5)));
        shuffled.sort_by_key(|row| row["p_actor_trn_no"].as_u64());
        assert_eq!(shuffled, rows(&answer(5)));
        let mut two = rows(&answer(2));
        shuffle(&mut two, 0);
        assert_ne!(two, rows(&answer(2)));
    }

    #[test]
    fn distortions_change_what_they_name() {
        assert_eq!(rows(&distorted(&Action::Missing)), rows(&answer(5))[1..]);
        assert_eq!(rows(&distorted(&Action::Extra)).len(), 6);
        assert_eq!(rows(&distorted(&Action::DuplicateIds))[1]["TRANSACTION_ID"], 701);
        assert_eq!(rows(&distorted(&Action::Contradict))[0]["TRANSACTION_ID"], 1_000_701);
        let quoted = distorted(&Action::NumbersAsText);
        assert_eq!(quoted["BATCH_ID"], "5");
        assert_eq!(quoted["transactions"][0]["TRANSACTION_ID"], "701");
    }
}
