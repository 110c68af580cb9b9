//! The connection is cut at every byte of a request and of its answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::each;
use super::life::{Behaviour, Life};
use crate::place::runtime;

/// Rows of the batch whose request is cut.
const BATCH: usize = 5;

/// Where a submission is cut.
#[derive(Debug, Clone, Copy)]
enum Cut {
    Nowhere,
    /// So many bytes of the request go on to the system.
    Request(u64),
    /// The system has the whole request; so many bytes of its answer come back.
    Answer(u64),
}

/// One cut.
#[derive(Debug, Clone, Copy)]
struct Trial {
    cut: Cut,
    /// By a reset instead of an end.
    reset: bool,
    /// Whether the system carries out what it got as a whole.
    applied: bool,
    /// Whether people look what became of it, and the rest of its life is lived too.
    to_the_end: bool,
}

/// A line to the sandbox that can be cut.
struct Line {
    address: SocketAddr,
    passed: Arc<Passed>,
}

/// What went over it.
#[derive(Default)]
struct Passed {
    submissions: AtomicU64,
    request: AtomicU64,
    answer: AtomicU64,
}

impl Line {
    fn lay(system: SocketAddr, trial: Trial) -> Self {
        let passed = Arc::new(Passed::default());
        let listener = runtime().block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::clone(&passed);
        runtime().spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, system, trial, Arc::clone(&seen)));
            }
        });
        Self { address, passed }
    }
}

/// One connection. Errors are what this is about: they end it.
async fn carry(mut client: TcpStream, system: SocketAddr, trial: Trial, passed: Arc<Passed>) {
    let Ok(mut system) = TcpStream::connect(system).await else { return };
    let submission = is_submission(&client).await;
    if submission {
        passed.submissions.fetch_add(1, Ordering::SeqCst);
    }
    match trial.cut {
        Cut::Request(bytes) if submission => {
            relay(&mut client, &mut system, bytes).await;
        }
        Cut::Answer(bytes) if submission => {
            let (mut from_client, mut to_client) = client.split();
            let (mut from_system, mut to_system) = system.split();
            let there = tokio::io::copy(&mut from_client, &mut to_system);
            tokio::select! {
                () = relay(&mut from_system, &mut to_client, bytes) => {}
                _ = there => {}
            }
        }
        _ => {
            let both = copy_bidirectional(&mut client, &mut system).await;
            if let (true, Ok((request, answer))) = (submission, both) {
                passed.request.store(request, Ordering::SeqCst);
                passed.answer.store(answer, Ordering::SeqCst);
            }
            return;
        }
    }
    if trial.reset {
        let _ = (client.set_zero_linger(), system.set_zero_linger());
    }
}

/// So many bytes, or all there are.
async fn relay(
    from: &mut (impl tokio::io::AsyncRead + Unpin),
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
    bytes: u64,
) {
    let _ = tokio::io::copy(&mut from.take(bytes), to).await;
    let _ = to.flush().await;
}

/// Looks at the request's first bytes and leaves them where they are.
async fn is_submission(client: &TcpStream) -> bool {
    let wanted = b"POST /sespa/batchtrn";
    let mut head = [0; 20];
    while let Ok(seen) = client.peek(&mut head).await {
        if seen == 0 || seen == head.len() {
            break;
        }
        tokio::task::yield_now().await;
    }
    &head == wanted
}

fn prepared(trial: Trial) -> (Life, Line) {
    let refuses = r#"{"on":"submit","do":{"status":{"code":503}}}"#;
    let rules = if trial.applied { "" } else { refuses };
    let mut life = Life::new(Behaviour::new("as cut", rules), "");
    let way = Line::lay(life.place.sandbox(), trial);
    life.settle_over(&format!("http://{}/sespa", way.address), BATCH);
    life.drop("day.csv", BATCH, false);
    (life, way)
}

fn hold(trial: Trial) -> Result<(), String> {
    let (mut life, way) = prepared(trial);
    life.place.run(&["run", "--wait", "0s"]).exits(3);
    life.check()?;
    let states = life.states();
    if states != ["unknown"; BATCH] {
        return Err(format!("cut, and yet {states:?}"));
    }
    life.place.run(&["run", "--wait", "0s"]).exits(3);
    let submissions = way.passed.submissions.load(Ordering::SeqCst);
    if submissions != 1 {
        return Err(format!("sent {submissions} times"));
    }
    if !trial.to_the_end {
        return life.check();
    }
    let direct = format!("http://{}/sespa", life.place.sandbox());
    life.settle_over(&direct, BATCH);
    life.live_out()
}

/// Length of the request and of its answer.
fn lengths(applied: bool) -> (u64, u64) {
    let (life, way) = prepared(Trial { cut: Cut::Nowhere, reset: false, applied, to_the_end: false });
    life.place.run(&["run", "--wait", "0s"]).exits(if applied { 0 } else { 3 });
    super::until("the connection has ended", || way.passed.answer.load(Ordering::SeqCst) > 0);
    (way.passed.request.load(Ordering::SeqCst), way.passed.answer.load(Ordering::SeqCst))
}

fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for applied in [true, false] {
        let (request, answer) = lengths(applied);
        assert!(request > 1000 && answer > 100, "{request} {answer}");
        let requests = (0..=request).map(Cut::Request);
        let cuts = requests.chain((0..answer).map(Cut::Answer));
        let trial = |(at, cut)| Trial { cut, reset: at % 2 == 1, applied, to_the_end: at % 16 == 0 };
        trials.extend(cuts.enumerate().map(trial));
    }
    trials
}

#[test]
fn a_connection_cut_at_some_bytes_leaves_what_was_sent_unknown_and_unsent_again() {
    let all = trials();
    let step = all.len() / 15;
    let some = all.into_iter().step_by(step).map(|trial| Trial { to_the_end: true, ..trial });
    each("cuts", some, hold);
}

#[test]
#[ignore = "long: every byte of request and answer, by an end and by a reset in turn, carried out and not"]
fn a_connection_cut_at_any_byte() {
    each("cuts", trials(), hold);
}

#[test]
fn a_system_that_does_not_listen_got_nothing_and_is_tried_again() {
    let mut life = Life::new(Behaviour::new("away", ""), "");
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    life.settle_over(&format!("http://{nobody}/sespa"), BATCH);
    life.drop("day.csv", BATCH, false);
    life.place.run(&["run", "--wait", "0s"]).exits(3);
    assert_eq!(life.states(), ["ready"; BATCH]);
    let direct = format!("http://{}/sespa", life.place.sandbox());
    life.settle_over(&direct, BATCH);
    life.live_out().unwrap();
}
