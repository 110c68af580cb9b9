//! Random kills: start, kill, start again, over everything a system may do. Each life follows from its number.

use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::calls::{can_inject, injected};
use super::life::{Behaviour, Life, survived};
use super::{Dice, each, ended};

/// Kills of one life.
const KILLS: usize = 8;
/// Lives of the long form, so that two thousand times somebody is killed.
const LIVES: u64 = 275;
/// Rows of one export; two batches.
const ROWS: usize = 6;

const fn simple(name: &'static str, rules: &'static str) -> Behaviour {
    Behaviour::new(name, rules)
}

const fn late(name: &'static str, rules: &'static str) -> Behaviour {
    Behaviour { late: true, ..Behaviour::new(name, rules) }
}

const BEHAVIOURS: [Behaviour; 25] = [
    simple("good", ""),
    simple("apply then cut", r#"{"on":"submit","every":2,"do":"apply_then_drop"}"#),
    simple("cut before applying", r#"{"on":"submit","every":2,"do":"drop_before_apply"}"#),
    simple("apply half", r#"{"on":"submit","every":2,"do":"apply_half_then_drop"}"#),
    simple("apply one", r#"{"on":"submit","every":3,"do":{"apply_some_then_drop":{"rows":1}}}"#),
    late("apply late", r#"{"on":"submit","every":2,"do":{"apply_late":{"ms":120}}}"#),
    simple("shuffled", r#"{"on":"submit","do":"shuffle"}"#),
    simple("missing", r#"{"on":"submit","every":2,"do":"missing"}"#),
    simple("extra", r#"{"on":"submit","every":2,"do":"extra"}"#),
    simple("html", r#"{"on":"submit","every":2,"do":"html"}"#),
    simple("html, not applied", r#"{"on":"submit","every":2,"do":"html","apply":"none"}"#),
    simple("empty", r#"{"on":"submit","every":2,"do":"empty"}"#),
    simple("truncated", r#"{"on":"submit","every":2,"do":"truncated"}"#),
    simple("401 in the middle", r#"{"on":"submit","every":3,"do":"unauthorized"}"#),
    simple("429", r#"{"on":"submit","every":4,"do":{"status":{"code":429,"retry_after":1}}}"#),
    simple("503, not applied", r#"{"on":"submit","every":3,"do":{"status":{"code":503,"retry_after":1}}}"#),
    simple(
        "503 after applying",
        r#"{"on":"submit","every":3,"do":{"status":{"code":503}},"apply":"before"}"#,
    ),
    late("502, applied later", r#"{"on":"submit","every":2,"do":{"status":{"code":502}},"apply":"after"}"#),
    simple("500, not applied", r#"{"on":"submit","every":2,"do":{"status":{"code":500}}}"#),
    simple("slow drip", r#"{"on":"submit","every":2,"do":{"slow_drip":{"ms_per_byte":1}}}"#),
    simple("answer reset", r#"{"on":"submit","every":2,"do":{"reset_at_byte":{"n":180}}}"#),
    simple("request reset", r#"{"on":"connection","every":3,"do":{"reset_request_at_byte":{"n":700}}}"#),
    simple("token refused at times", r#"{"on":"token","every":3,"do":{"status":{"code":503}}}"#),
    Behaviour { async_above: Some(1), ..simple("answered later", "") },
    Behaviour {
        never_final: true,
        ..simple(
            "never final",
            r#"{"on":"submit","every":2,"do":"never_final"},{"on":"status","do":"never_final"}"#,
        )
    },
];

/// Calls at which the program is killed, and how many of them one thread makes.
const CALLS: [(&str, u64); 8] = [
    ("write", 60),
    ("pwrite64", 200),
    ("fsync,fdatasync", 14),
    ("rename,renameat,renameat2", 6),
    ("sendto,recvfrom", 24),
    ("openat", 90),
    ("unlink,ftruncate", 6),
    ("futex", 60),
];

/// Longest time after which a kill by the clock comes, in milliseconds.
const LATEST: u64 = 250;

/// Starts it and kills it at a random call or after a random time. Whether it was killed.
fn killed(life: &Life, dice: &mut Dice, inject: bool) -> bool {
    let run = ["run", "--wait", "1s"];
    if inject && dice.throw(4) > 0 {
        let (calls, most) = *dice.pick(&CALLS);
        let what = format!("signal=KILL:when={}", 1 + dice.throw(most));
        let ran = ended(&mut injected(&life.place.command(&run), calls, &what, &[]));
        survived(&ran);
        return ran.status.signal() == Some(9);
    }
    let end = Instant::now() + Duration::from_millis(dice.throw(LATEST));
    let mut child = life.place.command(&run).spawn().unwrap();
    while Instant::now() < end && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().ok();
    let ran = child.wait_with_output().unwrap();
    survived(&ran);
    ran.status.signal() == Some(9)
}

/// One life with so many kills. After each, a run that nobody kills, and the books.
fn live(number: u64, kills: usize, inject: bool, count: &AtomicUsize) -> Result<(), String> {
    let behaviour = BEHAVIOURS[usize::try_from(number).unwrap() % BEHAVIOURS.len()];
    let told = |what: String| format!("{}: {what}", behaviour.name);
    let mut dice = Dice(number);
    let mut life = Life::new(behaviour, "");
    let mut died = 0;
    for turn in 0..kills * 6 {
        life.drop(&format!("{turn}.csv"), ROWS, false);
        if !killed(&life, &mut dice, inject) {
            continue;
        }
        died += 1;
        count.fetch_add(1, Ordering::SeqCst);
        // Twice in a row at times: what a start tidies up is under the knife too.
        if dice.throw(3) > 0 {
            let ran = ended(&mut life.place.command(&["run", "--wait", "0s"]));
            survived(&ran);
            life.check().map_err(told)?;
        }
        if died == kills {
            break;
        }
    }
    life.live_out().map_err(told)
}

fn lives(numbers: std::ops::Range<u64>, kills: usize) {
    let (inject, count) = (can_inject(), AtomicUsize::new(0));
    let wanted = usize::try_from(numbers.end - numbers.start).unwrap() * kills;
    each("lives", numbers, |number| live(number, kills, inject, &count));
    let died = count.load(Ordering::SeqCst);
    eprintln!("random kills: {died}");
    assert!(died * 2 >= wanted, "{died} of {wanted} kills came to pass");
}

#[test]
fn killed_at_random_nothing_is_lost_and_nothing_sent_twice() {
    lives(0..BEHAVIOURS.len() as u64, 1);
}

#[test]
#[ignore = "long: 2,000 kills"]
fn killed_at_random_two_thousand_times() {
    lives(0..LIVES, KILLS);
}
