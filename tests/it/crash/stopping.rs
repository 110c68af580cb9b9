//! SIGTERM in the middle of what takes long: it ends within ten seconds and goes on later.

use std::time::{Duration, Instant};

use super::life::{self, FOUR, Life, ROWS, survived};
use super::{drop_day, has_points, place, signal, statuses, submits, until};
use crate::balance;
use crate::place::root;

/// Longest time from being told to having ended.
const IN_ORDER: Duration = Duration::from_secs(10);

/// Lets `watch` come to a point for the first time and tells it to stop there.
fn stopped_at(life: &Life, point: &str) {
    let (ran, took) = life::stopped_at(life, &format!("{point}:1"), &["watch"]);
    assert!(took < IN_ORDER, "{took:?}");
    assert!(ran.status.code().is_some(), "did not end by itself: {:?}", ran.status);
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(!told.contains("it is not waited for"), "it did not end in order: {told}");
}

/// How many rows of the newest file are staged.
fn staged(life: &Life) -> usize {
    let ledger = life.place.ledger().unwrap();
    let rows = "SELECT count(*) FROM rows WHERE intake_id = (SELECT max(id) FROM intakes)";
    ledger.query_row(rows, [], |row| row.get::<_, i64>(0)).unwrap().try_into().unwrap()
}

#[test]
fn told_to_stop_while_a_large_file_is_staged() {
    stops_while_staging(20_000);
}

#[test]
#[ignore = "long: a file of 100,000 rows"]
fn told_to_stop_while_a_file_of_100_000_rows_is_staged() {
    stops_while_staging(100_000);
}

fn stops_while_staging(many: usize) {
    if !has_points() {
        return;
    }
    let mut life = Life::new(FOUR[0], "");
    let mut text = life.export(ROWS, false);
    // Not to be reported, so that the rest of it is not what takes long.
    text.extend((0..many).map(|row| format!("0;{row};31.08.2026;приход;2415;L;10;4000;1532;;вътрешен\r\n")));
    std::fs::write(life.place.path("drop/large.csv"), text).unwrap();
    stopped_at(&life, "rows-staged");
    assert!((1..many).contains(&staged(&life)), "{} rows are staged", staged(&life));
    assert_eq!(submits(&life.place), 0, "a half-staged file never acts");
    life.live_out().unwrap();
    assert_eq!(staged(&life), many + ROWS);
}

#[test]
fn told_to_stop_while_a_list_is_read() {
    const MANY: usize = 20_000;
    if !has_points() {
        return;
    }
    let mut life = Life::new(FOUR[1], "");
    life.drop("day.csv", ROWS, true);
    life.place.run(&["run"]).exits(3);
    let mapping = root().join("mappings/sespa/portal-list.toml");
    std::fs::copy(mapping, life.place.path("mappings/portal.toml")).unwrap();
    std::fs::create_dir(life.place.path("drop/reconcile")).unwrap();
    let mut list = life.place.list();
    let elsewhere = |row| format!("{};1;2026-08-30;99;F{row};1;1;;1532;\r\n", 9_000_000 + row);
    list.extend((0..MANY).map(elsewhere));
    std::fs::write(life.place.path("drop/reconcile/portal.csv"), list).unwrap();
    stopped_at(&life, "rows-staged");
    assert!((1..MANY).contains(&staged(&life)), "{} rows are read", staged(&life));
    assert!(statuses(&life.place, "day.csv").contains(&"unknown".to_owned()), "it settles nothing yet");
    life.place.run(&["run"]).exits(1);
    assert!(!statuses(&life.place, "day.csv").contains(&"unknown".to_owned()), "the list settles them");
    life.live_out().unwrap();
}

#[test]
fn told_to_stop_while_an_answer_drips() {
    for (on, settled) in [("submit", "unknown"), ("token", "accepted")] {
        let place = place("");
        let rule = format!("{{\"on\":\"{on}\",\"nth\":1,\"do\":{{\"slow_drip\":{{\"ms_per_byte\":1000}}}}}}");
        place.faults(&format!("{{\"rules\":[{rule}]}}"));
        drop_day(&place, "day.csv");
        let child = place.command(&["watch"]).spawn().unwrap();
        until("the request arrived", || place.books()["requests"][on] == 1);
        let told = Instant::now();
        signal(&child, "TERM");
        let ran = child.wait_with_output().unwrap();
        survived(&ran);
        assert!(told.elapsed() < IN_ORDER, "{on}: {:?}", told.elapsed());
        place.faults("{}");
        let exit = place.run(&["run", "--wait", "1s"]).exit;
        assert_eq!(
            (exit, statuses(&place, "day.csv")),
            (if on == "submit" { 3 } else { 0 }, vec![settled.to_owned(); 2])
        );
        assert_eq!(submits(&place), 1, "{on}");
        balance::check(&place).unwrap();
    }
}
