//! Processes that are killed, stopped, started twice; folders that go away.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{signal, until};
use crate::balance;
use crate::place::{Place, Ran, root};
use crate::sheet::Sheet;

pub(crate) fn place(settings: &str) -> Place {
    Place::new(&toml::from_str(settings).unwrap())
}

pub(crate) fn drop_day(place: &Place, name: &str) {
    let day = root().join("tests/cases/again-every-fact/in/day.csv");
    std::fs::copy(day, place.path("drop").join(name)).unwrap();
}

pub(crate) fn statuses(place: &Place, file: &str) -> Vec<String> {
    let sheet = Sheet::read(&place.path(&format!("drop/{file}.result.csv")));
    sheet.rows.iter().map(|row| sheet.cell(row, "rx_status").to_owned()).collect()
}

pub(crate) fn submits(place: &Place) -> u64 {
    place.books()["requests"]["submit"].as_u64().unwrap()
}

pub(crate) fn receipt_state(place: &Place, file: &str) -> Option<String> {
    let bytes = std::fs::read(place.path(&format!("drop/{file}.receipt.json"))).ok()?;
    let receipt: Value = serde_json::from_slice(&bytes).ok()?;
    receipt["state"].as_str().map(str::to_owned)
}

#[test]
fn killed_between_intent_and_answer_is_unknown_and_never_sent_again() {
    let place = place("");
    place.faults(r#"{"rules":[{"on":"submit","nth":1,"do":{"delay":{"ms":60000}}}]}"#);
    drop_day(&place, "day.csv");
    let mut child = place.command(&["run"]).spawn().unwrap();
    until("the request arrived", || submits(&place) == 1);
    child.kill().unwrap();
    child.wait().unwrap();
    for _ in 0..2 {
        place.run(&["run", "--wait", "0s"]).exits(3);
        assert_eq!(statuses(&place, "day.csv"), ["unknown", "unknown"]);
        assert_eq!(submits(&place), 1, "sent again after a crash");
        balance::check(&place).unwrap();
    }
}

#[test]
fn killed_at_any_moment_nothing_is_sent_twice() {
    for moment in 0..6_u64 {
        let place = place("[destination.sespa.wire]\nmax_batch = 1");
        place.faults(r#"{"rules":[{"on":"submit","do":{"delay":{"ms":20}}}]}"#);
        drop_day(&place, "day.csv");
        let mut child = place.command(&["run"]).spawn().unwrap();
        // Moments that differ by what is done already: taken, staged, one batch out, both.
        let end = Instant::now() + Duration::from_millis(moment * 60);
        until("the moment has come", || Instant::now() >= end || child.try_wait().unwrap().is_some());
        child.kill().ok();
        child.wait().unwrap();
        place.faults("{}");
        let ran = place.run(&["run", "--wait", "1s"]);
        let unknown = statuses(&place, "day.csv").iter().filter(|status| *status == "unknown").count();
        assert_eq!(ran.exit, if unknown > 0 { 3 } else { 0 }, "{}{}", ran.stdout, ran.stderr);
        balance::check(&place).unwrap();
    }
}

#[test]
fn watch_takes_what_is_dropped_and_ends_in_order_within_ten_seconds() {
    let place = place("");
    let child = place.command(&["watch"]).spawn().unwrap();
    until("watch holds the lock", || place.path("state/rxdrop.lock").exists());
    drop_day(&place, "day.csv");
    until("the file is reported", || receipt_state(&place, "day.csv").as_deref() == Some("done"));
    let told = Instant::now();
    signal(&child, "TERM");
    let ran = Ran::of(child.wait_with_output().unwrap()).exits(0);
    assert!(told.elapsed() < Duration::from_secs(10), "{:?} {}", told.elapsed(), ran.stderr);
    assert_eq!(statuses(&place, "day.csv"), ["accepted", "accepted"]);
    balance::check(&place).unwrap();
}

#[test]
fn watch_told_to_stop_while_a_request_is_out_ends_and_can_be_resumed() {
    let place = place("");
    place.faults(r#"{"rules":[{"on":"submit","nth":1,"do":{"delay":{"ms":60000}}}]}"#);
    drop_day(&place, "day.csv");
    let child = place.command(&["watch"]).spawn().unwrap();
    until("the request arrived", || submits(&place) == 1);
    let told = Instant::now();
    signal(&child, "TERM");
    child.wait_with_output().unwrap();
    assert!(told.elapsed() < Duration::from_secs(11), "{:?}", told.elapsed());
    place.run(&["run", "--wait", "0s"]).exits(3);
    assert_eq!(statuses(&place, "day.csv"), ["unknown", "unknown"]);
    assert_eq!(submits(&place), 1);
}

#[test]
fn one_process_sends_and_the_second_names_it() {
    let place = place("");
    let child = place.command(&["watch"]).spawn().unwrap();
    let lock = place.path("state/rxdrop.lock");
    let holds = |text: String| text.contains(&child.id().to_string());
    until("watch holds the lock", || std::fs::read_to_string(&lock).is_ok_and(holds));
    let second = place.run(&["run"]).exits(2);
    assert!(second.stderr.contains(&child.id().to_string()), "{}", second.stderr);
    place.run(&["status"]).exits(0);
    signal(&child, "TERM");
    Ran::of(child.wait_with_output().unwrap()).exits(0);
    place.run(&["run"]).exits(0);
}

#[test]
fn a_folder_that_vanishes_and_comes_back_imports_nothing_twice() {
    let place = place("[drop]\npoll = \"1s\"");
    drop_day(&place, "day.csv");
    let child = place.command(&["watch"]).spawn().unwrap();
    until("the first file is reported", || receipt_state(&place, "day.csv").as_deref() == Some("done"));
    let away = place.path("away");
    std::fs::rename(place.path("drop"), &away).unwrap();
    until("status tells that it is away", || {
        place.run(&["status", "--json"]).json()["waiting"].to_string().contains("F009")
    });
    std::fs::copy(away.join("day.csv"), away.join("again.csv")).unwrap();
    std::fs::rename(&away, place.path("drop")).unwrap();
    until("the folder is looked at again", || receipt_state(&place, "again.csv").as_deref() == Some("done"));
    signal(&child, "TERM");
    Ran::of(child.wait_with_output().unwrap()).exits(0);
    assert_eq!(statuses(&place, "again.csv"), ["duplicate", "duplicate"]);
    assert_eq!(submits(&place), 1);
    balance::check(&place).unwrap();
}

#[cfg(unix)]
#[test]
fn links_and_pipes_are_refused_and_hold_nothing_up() {
    let place = place("");
    drop_day(&place, "day.csv");
    drop_day(&place, "twice.csv");
    std::fs::rename(place.path("drop/twice.csv"), place.path("twice.csv")).unwrap();
    std::os::unix::fs::symlink(place.path("twice.csv"), place.path("drop/link.csv")).unwrap();
    std::fs::hard_link(place.path("twice.csv"), place.path("drop/hard.csv")).unwrap();
    let made = Command::new("mkfifo").arg(place.path("drop/pipe.csv")).status().unwrap();
    assert!(made.success());
    std::fs::create_dir(place.path("drop/folder.csv")).unwrap();
    drop_day(&place, "\u{202e}vsc.exe.csv");
    let ran = place.run(&["run"]).exits(1);
    for code in ["F003", "F004", "F005", "F013"] {
        assert!(ran.stdout.contains(code), "{code}: {}", ran.stdout);
    }
    assert!(!ran.stdout.contains('\u{202e}'), "a name that turns the line round is shown escaped");
    assert_eq!(statuses(&place, "day.csv"), ["accepted", "accepted"]);
    assert_eq!(submits(&place), 1);
}
