//! The stand-in from outside, through raw TCP: no HTTP library between the test and the bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::DateTime;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::{Error, LABEL, Options, Server, start};

const SENDER: &str = "0123456789ABCDEF0123456789ABCDEF";

/// A server with a clock that stands still until a test moves it.
struct Bench {
    server: Server,
    clock_s: Arc<AtomicI64>,
    token: String,
}

/// What came back: status 0 where no head arrived whole.
struct Got {
    status: u16,
    head: String,
    body: Vec<u8>,
    bytes: usize,
    reset: bool,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Bench {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let clock_s = Arc::new(AtomicI64::new(1_788_000_000));
        let seconds = Arc::clone(&clock_s);
        let clock = Arc::new(move || DateTime::from_timestamp(seconds.load(Ordering::Relaxed), 0).unwrap());
        let mut options = Options::new("127.0.0.1:0".parse().unwrap(), clock);
        change(&mut options);
        let server = start(options).await.unwrap();
        let mut bench = Self { server, clock_s, token: String::new() };
        bench.token = bench.login().await;
        bench
    }

    async fn login(&self) -> String {
        let basic = format!("Authorization: Basic {}", BASE64_STANDARD.encode("sandbox:sandbox"));
        let got = self.ask("POST", "/sespa/oauth/token", &basic, b"grant_type=client_credentials").await;
        got.json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn ask(&self, method: &str, path: &str, header: &str, body: &[u8]) -> Got {
        exchange(self.server.addr, &request(method, path, header, body)).await
    }

    async fn get(&self, path: &str) -> Got {
        self.ask("GET", path, &format!("Authorization: Bearer {}", self.token), b"").await
    }

    async fn post(&self, path: &str, body: &Value) -> Got {
        let bearer = format!("Authorization: Bearer {}", self.token);
        self.ask("POST", path, &bearer, body.to_string().as_bytes()).await
    }

    async fn submit(&self, numbers: impl Iterator<Item = u64>) -> Got {
        self.post("/sespa/batchtrn", &batch(numbers)).await
    }

    async fn fault(&self, rule: Value) {
        let got = self.post("/_sandbox/faults", &json!({ "rules": [rule] })).await;
        assert_eq!(got.status, 200, "{}", String::from_utf8_lossy(&got.body));
    }

    async fn books(&self) -> Value {
        self.get("/_sandbox/books").await.json()
    }

    async fn registered(&self) -> u64 {
        self.books().await["registered"].as_u64().unwrap()
    }
}

fn request(method: &str, path: &str, header: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

async fn exchange(addr: SocketAddr, request: &[u8]) -> Got {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let mut reset = stream.write_all(request).await.is_err();
    let mut all = Vec::new();
    let mut part = vec![0; 65_536];
    loop {
        match stream.read(&mut part).await {
            Ok(0) => break,
            Ok(read) => all.extend_from_slice(&part[..read]),
            Err(_) => {
                reset = true;
                break;
            }
        }
    }
    let split = all.windows(4).position(|four| four == b"\r\n\r\n");
    let head = String::from_utf8_lossy(&all[..split.unwrap_or(0)]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Got { status, head, body: all[split.map_or(all.len(), |at| at + 4)..].to_vec(), bytes: all.len(), reset }
}

fn row(number: u64) -> Value {
    json!({
        "p_actor_reg_no": SENDER, "p_report_date": "2026-08-31T00:00:00", "p_drug_code": 2415, "p_quantity": 12,
        "p_trn_type": 28, "p_batch_no": "A1", "p_postcode": 1532, "p_actor_trn_no": number
    })
}

fn batch(numbers: impl Iterator<Item = u64>) -> Value {
    json!({ "p_actor_reg_no": SENDER, "transactions": numbers.map(row).collect::<Vec<_>>() })
}

#[tokio::test]
async fn it_listens_on_this_machine_only() {
    let options = Options::new("0.0.0.0:0".parse().unwrap(), Arc::new(DateTime::default));
    let refused = start(options).await.err().unwrap();
    assert!(matches!(refused, Error::NotLoopback(_)));
    assert!(refused.to_string().contains("127.0.0.1"));
}

#[tokio::test]
async fn it_says_everywhere_what_it_is() {
    let bench = Bench::new().await;
    let label = format!("x-rxdrop-sandbox: {LABEL}");
    for path in ["/_sandbox", "/_sandbox/books", "/_sandbox/faults", "/sespa/nothing", "/sespa/batch/1", "/"]
    {
        assert!(bench.get(path).await.head.contains(&label), "{path}");
    }
    for path in ["/_sandbox", "/_sandbox/books", "/_sandbox/faults"] {
        assert_eq!(bench.get(path).await.json()["sandbox"], LABEL, "{path}");
    }
}

#[tokio::test]
async fn tokens_are_given_for_the_right_credentials_only() {
    let bench = Bench::new().await;
    let form = b"grant_type=client_credentials&client_id=sandbox&client_secret=sandbox";
    let got = bench.ask("POST", "/sespa/oauth/token", "X: y", form).await;
    assert_eq!(
        (got.status, &got.json()["token_type"], &got.json()["expires_in"]),
        (200, &json!("bearer"), &json!(3600))
    );
    let wrong = b"grant_type=client_credentials&client_id=sandbox&client_secret=other";
    assert_eq!(bench.ask("POST", "/sespa/oauth/token", "X: y", wrong).await.status, 401);
    let basic = format!("Authorization: Basic {}", BASE64_STANDARD.encode("sandbox:wrong"));
    assert_eq!(bench.ask("POST", "/sespa/oauth/token", &basic, form).await.status, 401);
    let grant = b"grant_type=password&client_id=sandbox&client_secret=sandbox";
    assert_eq!(bench.ask("POST", "/sespa/oauth/token", "X: y", grant).await.status, 400);
}

#[tokio::test]
async fn a_token_ends_when_its_life_is_over() {
    let bench = Bench::with(|options| options.token_life_s = 10).await;
    assert_eq!(bench.submit(1..=1).await.status, 200);
    bench.clock_s.fetch_add(10, Ordering::Relaxed);
    let got = bench.submit(2..=2).await;
    assert_eq!(got.status, 401);
    assert!(got.head.contains("www-authenticate: bearer"));
    assert_eq!(bench.registered().await, 1);
    assert_eq!(bench.ask("POST", "/sespa/batchtrn", "X: y", b"{}").await.status, 401);
}

#[tokio::test]
async fn a_batch_is_answered_row_by_row_and_stands_in_the_books() {
    let bench = Bench::new().await;
    let mut body = batch(1..=3);
    body["transactions"][1]["p_quantity"] = json!(0);
    let answer = bench.post("/sespa/batchtrn", &body).await.json();
    assert!(answer["BATCH_ID"].is_u64());
    assert!(answer["transactions"][0]["TRANSACTION_ID"].is_u64());
    assert_eq!(answer["transactions"][1]["p_actor_trn_no"], 2);
    assert_eq!(answer["transactions"][1]["errors"][0]["code"], "SBX-013");
    let books = bench.books().await;
    assert_eq!((books["registered"].as_u64(), books["refused"].as_u64()), (Some(2), Some(1)));
    assert_eq!(books["arrivals"], json!({"1": 1, "2": 1, "3": 1}));
    assert_eq!(books["transactions"][1]["payload"], body["transactions"][2]);
    assert_eq!(books["transactions"][1]["batch"], answer["BATCH_ID"]);
    assert_eq!(books["transactions"][1]["registered_at"], "2026-08-29T10:40:00Z");
    assert_eq!((books["requests"]["submit"].as_u64(), books["tokens"].as_u64()), (Some(1), Some(1)));
}

#[tokio::test]
async fn what_is_no_batch_registers_nothing() {
    let bench = Bench::new().await;
    for body in [json!({}), json!([]), json!({"transactions": []}), json!({"transactions": [5]}), json!("x")]
    {
        assert_eq!(bench.post("/sespa/batchtrn", &body).await.status, 400, "{body}");
    }
    let bearer = format!("Authorization: Bearer {}", bench.token);
    assert_eq!(bench.ask("POST", "/sespa/batchtrn", &bearer, b"{\"transactions\":[{").await.status, 400);
    assert_eq!(bench.registered().await, 0);
}

#[tokio::test]
async fn more_than_250_rows_are_answered_later() {
    let bench = Bench::with(|options| options.answer_after_polls = 2).await;
    assert_eq!(bench.submit(1..=250).await.status, 200);
    let taken = bench.submit(1001..=1251).await;
    assert_eq!(taken.status, 202);
    assert!(taken.json().get("transactions").is_none());
    let path = format!("/sespa/batch/{}", taken.json()["BATCH_ID"]);
    for _ in 0..2 {
        assert_eq!(bench.get(&path).await.json()["status"], "processing");
    }
    let done = bench.get(&path).await.json();
    assert_eq!(done["status"], "done");
    assert_eq!(done["transactions"].as_array().unwrap().len(), 251);
    assert_eq!(bench.get("/sespa/batch/1").await.status, 404);
}

#[tokio::test]
async fn single_transactions_queries_and_cancelling() {
    let bench = Bench::new().await;
    let id = bench.post("/sespa/trn", &row(7)).await.json()["TRANSACTION_ID"].clone();
    let found = bench.get("/sespa/transaction/7").await.json();
    assert_eq!((&found["TRANSACTION_ID"], &found["status"]), (&id, &json!("registered")));
    assert_eq!(bench.get("/sespa/transaction/8").await.status, 404);
    let cancel = json!({ "p_actor_reg_no": SENDER, "p_transaction_id": id });
    assert!(bench.post("/sespa/revtrn", &cancel).await.json()["process_status"].is_string());
    assert_eq!(bench.post("/sespa/revtrn", &cancel).await.status, 409);
    assert_eq!(bench.get("/sespa/transaction/7").await.json()["status"], "reversed");
    let number = bench.submit(10..=12).await.json()["BATCH_ID"].clone();
    let other = json!({ "p_actor_reg_no": "F".repeat(32), "p_batch_id": number });
    assert_eq!(bench.post("/sespa/revbatch", &other).await.status, 404);
    let own = json!({ "p_actor_reg_no": SENDER, "p_batch_id": number });
    assert_eq!(bench.post("/sespa/revbatch", &own).await.status, 200);
    assert_eq!(bench.post("/sespa/revbatch", &own).await.status, 409);
    let books = bench.books().await;
    assert!(books["transactions"].as_array().unwrap().iter().all(|entry| entry["reversed_at"].is_string()));
}

#[tokio::test]
async fn a_dropped_answer_is_no_byte_at_all_and_the_books_know_what_was_done() {
    for (action, registered) in [
        (json!("drop_before_apply"), 0),
        (json!("apply_then_drop"), 5),
        (json!("apply_half_then_drop"), 2),
        (json!({"apply_some_then_drop": {"rows": 4}}), 4),
    ] {
        let bench = Bench::new().await;
        bench.fault(json!({"on": "submit", "nth": 1, "do": action})).await;
        let got = bench.submit(1..=5).await;
        assert_eq!(got.bytes, 0, "{action}");
        assert_eq!(bench.registered().await, registered, "{action}");
        assert_eq!(bench.books().await["arrivals"]["5"], 1, "{action}");
        assert_eq!(bench.submit(6..=6).await.status, 200, "{action}: only the first is hit");
    }
}

#[tokio::test]
async fn a_reset_comes_at_the_byte_it_is_asked_for() {
    let bench = Bench::new().await;
    let whole = bench.submit(1..=3).await.bytes;
    for n in [0, 1, 9, 17, whole - 1] {
        bench.fault(json!({"on": "submit", "do": {"reset_at_byte": {"n": n}}})).await;
        let got = bench.submit(1..=3).await;
        assert_eq!((got.bytes, got.reset), (n, true));
    }
    assert_eq!(bench.registered().await, 18);
}

#[tokio::test]
async fn a_request_may_be_cut_too() {
    let bench = Bench::new().await;
    for n in [0, 20, 300] {
        bench.fault(json!({"on": "connection", "nth": 1, "do": {"reset_request_at_byte": {"n": n}}})).await;
        let got = bench.submit(1..=3).await;
        assert_eq!(got.bytes, 0, "cut at {n}");
    }
    assert_eq!(bench.registered().await, 0);
    assert_eq!(bench.books().await["requests"]["submit"], 0);
}

#[tokio::test]
async fn a_status_may_stand_before_after_or_without_the_work() {
    let bench = Bench::new().await;
    let rule = |apply: &str| json!({"on": "submit", "do": {"status": {"code": 503, "retry_after": 7}}, "apply": apply});
    bench.fault(rule("none")).await;
    let got = bench.submit(1..=1).await;
    assert!(got.status == 503 && got.head.contains("retry-after: 7"));
    assert_eq!(bench.registered().await, 0);
    bench.fault(rule("before")).await;
    assert_eq!(bench.submit(2..=2).await.status, 503);
    assert_eq!(bench.registered().await, 1);
    bench.fault(rule("after")).await;
    assert_eq!(bench.submit(3..=3).await.status, 503);
    until(&bench, 2).await;
}

async fn until(bench: &Bench, registered: u64) {
    let reached = async {
        while bench.registered().await < registered {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), reached).await.unwrap();
}

#[tokio::test]
async fn late_work_is_done_also_when_the_client_has_gone() {
    let bench = Bench::new().await;
    bench.fault(json!({"on": "submit", "nth": 1, "do": {"apply_late": {"ms": 50}}})).await;
    let bearer = format!("Authorization: Bearer {}", bench.token);
    let body = batch(1..=2).to_string();
    let mut stream = TcpStream::connect(bench.server.addr).await.unwrap();
    stream.write_all(&request("POST", "/sespa/batchtrn", &bearer, body.as_bytes())).await.unwrap();
    while bench.books().await["requests"]["submit"] != 1 {
        sleep(Duration::from_millis(1)).await;
    }
    drop(stream);
    until(&bench, 2).await;
}

#[tokio::test]
async fn answers_that_are_none() {
    let bench = Bench::new().await;
    let ask = async |action: Value| {
        bench.fault(json!({"on": "submit", "do": action})).await;
        bench.submit(1..=4).await
    };
    let html = ask(json!("html")).await;
    assert!(html.status == 200 && html.head.contains("text/html") && html.body.starts_with(b"<!doctype"));
    assert_eq!(ask(json!("empty")).await.body, b"");
    let cut = ask(json!("truncated")).await;
    assert!(!cut.body.is_empty() && serde_json::from_slice::<Value>(&cut.body).is_err());
    assert!(cut.head.contains(&format!("content-length: {}", cut.body.len())));
    assert_eq!(ask(json!({"deep_json": {"depth": 100_000}})).await.body.len(), 200_000);
    assert!(ask(json!({"big_body": {"mb": 3}})).await.body.len() > 3_000_000);
    let bomb = ask(json!({"gzip_bomb": {"mb": 5}})).await;
    assert!(bomb.head.contains("content-encoding: gzip") && bomb.body.len() < 100_000);
    let mut inflated = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bomb.body[..]), &mut inflated).unwrap();
    assert!(inflated.len() > 5_000_000);
    let moved = ask(json!({"redirect": {"location": "http://127.0.0.2:1/"}})).await;
    assert!(moved.status == 307 && moved.head.contains("location: http://127.0.0.2:1/"));
    assert_eq!(ask(json!("unauthorized")).await.status, 401);
    assert_eq!(bench.registered().await, 6 * 4, "redirect and 401 register nothing");
}

#[tokio::test]
async fn bulgarian_in_another_encoding() {
    let bench = Bench::new().await;
    bench.fault(json!({"on": "submit", "do": "windows1251"})).await;
    let mut body = batch(1..=1);
    body["transactions"][0]["p_batch_no"] = json!("");
    let got = bench.post("/sespa/batchtrn", &body).await;
    assert!(std::str::from_utf8(&got.body).is_err());
    assert!(encoding_rs::WINDOWS_1251.decode(&got.body).0.contains("Липсва"));
}

#[tokio::test]
async fn a_batch_may_never_be_answered() {
    let bench = Bench::new().await;
    bench.fault(json!({"on": "submit", "nth": 1, "do": "never_final"})).await;
    let taken = bench.submit(1..=2).await;
    assert_eq!(taken.status, 202);
    let path = format!("/sespa/batch/{}", taken.json()["BATCH_ID"]);
    for _ in 0..4 {
        assert_eq!(bench.get(&path).await.json()["status"], "processing");
    }
    assert_eq!(bench.registered().await, 2);
}

#[tokio::test]
async fn repeated_numbers_are_counted_and_refused_on_demand() {
    let bench = Bench::new().await;
    let first = bench.submit(5..=5).await.json()["transactions"][0]["TRANSACTION_ID"].clone();
    assert!(bench.submit(5..=5).await.json()["transactions"][0]["TRANSACTION_ID"].is_u64());
    bench.post("/_sandbox/faults", &json!({"duplicates": "refuse"})).await;
    let refused = bench.submit(5..=5).await.json()["transactions"][0]["errors"][0].clone();
    assert_eq!(refused["code"], "SBX-021");
    assert!(refused["message"].as_str().unwrap().contains(&first.to_string()));
    assert_eq!(bench.books().await["arrivals"]["5"], 3);
    assert_eq!(bench.registered().await, 2);
}

#[tokio::test]
async fn faults_are_shown_and_cleared() {
    let bench = Bench::new().await;
    bench.fault(json!({"on": "submit", "every": 2, "do": {"status": {"code": 502}}})).await;
    let codes = [bench.submit(1..=1).await.status, bench.submit(2..=2).await.status];
    assert_eq!(codes, [200, 502]);
    let shown = bench.get("/_sandbox/faults").await.json();
    assert_eq!((&shown["rules"][0]["seen"], &shown["rules"][0]["fired"]), (&json!(2), &json!(1)));
    bench.ask("DELETE", "/_sandbox/faults", "X: y", b"").await;
    assert_eq!(bench.get("/_sandbox/faults").await.json()["rules"], json!([]));
    assert_eq!(bench.post("/_sandbox/faults", &json!({"rules": 5})).await.status, 400);
}

#[tokio::test]
async fn an_answer_may_drip_and_the_server_still_stops() {
    let bench = Bench::new().await;
    bench.fault(json!({"on": "submit", "do": {"slow_drip": {"ms_per_byte": 3}}})).await;
    let began = Instant::now();
    let got = bench.submit(1..=1).await;
    assert_eq!(got.status, 200);
    assert!(began.elapsed() >= Duration::from_millis(3 * got.bytes as u64));
    bench.fault(json!({"on": "submit", "do": {"slow_drip": {"ms_per_byte": 100}}})).await;
    let mut stream = TcpStream::connect(bench.server.addr).await.unwrap();
    let bearer = format!("Authorization: Bearer {}", bench.token);
    let body = batch(1..=1).to_string();
    stream.write_all(&request("POST", "/sespa/batchtrn", &bearer, body.as_bytes())).await.unwrap();
    stream.read_exact(&mut [0; 2]).await.unwrap();
    timeout(Duration::from_secs(5), bench.server.stop()).await.unwrap();
    let rest = timeout(Duration::from_secs(5), stream.read_to_end(&mut Vec::new())).await;
    assert!(rest.unwrap().map_or(true, |read| read < 100), "the drip ends with the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_are_exact_under_concurrency() {
    let bench = Arc::new(Bench::new().await);
    bench.fault(json!({"on": "submit", "every": 3, "do": "apply_then_drop"})).await;
    let mut senders = tokio::task::JoinSet::new();
    for sender in 1..=16_u64 {
        let bench = Arc::clone(&bench);
        senders.spawn(async move {
            for round in 0..6 {
                let first = sender * 1000 + round * 40;
                bench.submit(first..first + 40).await;
            }
            bench.submit(sender * 1000..sender * 1000 + 40).await;
        });
    }
    senders.join_all().await;
    let books = bench.books().await;
    assert_eq!(books["registered"], 16 * 7 * 40);
    assert_eq!(books["requests"]["submit"], 16 * 7);
    let arrivals = books["arrivals"].as_object().unwrap();
    assert_eq!(arrivals.len(), 16 * 240);
    assert_eq!(arrivals.values().filter_map(Value::as_u64).sum::<u64>(), 16 * 7 * 40);
    let mut ids: Vec<u64> =
        books["transactions"].as_array().unwrap().iter().filter_map(|entry| entry["id"].as_u64()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 16 * 7 * 40);
}

#[tokio::test]
async fn connections_are_kept_between_requests() {
    let bench = Bench::new().await;
    let mut stream = TcpStream::connect(bench.server.addr).await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /_sandbox HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
        let mut rest = vec![0; 4096];
        assert!(stream.read(&mut rest).await.unwrap() > 0);
    }
}

#[tokio::test]
async fn the_server_offers_books_and_faults_without_the_wire() {
    let bench = Bench::new().await;
    bench.server.set_faults(r#"{"rules":[{"on":"submit","do":"empty"}]}"#).unwrap();
    assert_eq!(bench.submit(1..=1).await.body, b"");
    let books: Value = serde_json::from_slice(&bench.server.books().unwrap()).unwrap();
    assert_eq!(books["registered"], 1);
    assert!(matches!(bench.server.set_faults("no"), Err(Error::Faults(_))));
    assert!(bench.server.base_url().starts_with("http://127.0.0.1:"));
}
